// The weights of an estimator in the order they are read, and the functions that put them there.

#pragma once

#include <stdlib.h>

#include "panels.h"
#include "pointwise.h"
#include "team.h"

enum { KERNEL = 3 };  // positions a convolution sees
// Matrices and norms of a stage, of a block, and of what stands outside of both.
enum { CONV_1, CONV_2, SHORTCUT, TIME, STAGE_MATRICES };
enum { QKV, OUT, EXPAND, CONTRACT, BLOCK_MATRICES };
enum { TIME_1, TIME_2, DOWN_CONV, UP_CONV, FINAL_CONV, FINAL_OUT, OUTER_MATRICES };
enum { NORMS = 2 };

typedef struct {
    int input, output, channels, time, heads, head_size, feed_forward, blocks, stages;
} sizes;

typedef struct {
    matrix by[BLOCK_MATRICES];
    norm norms[NORMS];
} block;

typedef struct {
    matrix by[STAGE_MATRICES];
    norm norms[NORMS];
    block *blocks;
} stage;

typedef struct {
    sizes of;
    // Of linear layers, queries and keys in the blocks; of convolutions, shares and values.
    form linear, other;
    float epsilon;
    stage *stages;
    matrix outer[OUTER_MATRICES];
    norm final;
    team all;
    bool together;
    int widest;
} model;

static int least(int one, int other) { return one < other ? one : other; }

static int most(int one, int other) { return one > other ? one : other; }

static void *zeros(size_t bytes) {
    size_t whole = (bytes + 63) / 64 * 64;
    void *memory = aligned_alloc(64, whole);
    return memory == NULL ? NULL : memset(memory, 0, whole);
}

// Whether this CPU has what an estimator of so many bits needs (see podtts_estimator_new).
int podtts_estimator_supported(int bits) {
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")
        && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("fma")
        && (bits == 32 || __builtin_cpu_supports("avx512bf16"))
        && (bits != 8 || __builtin_cpu_supports("avx512vnni"));
}

static bool hold(matrix *one, form of, int outputs, int inputs) {
    size_t places = (size_t)panels_of(outputs) * PANEL;
    *one = (matrix){.of = of, .lanes = inputs / of, .outputs = outputs};
    one->weights = zeros(places * one->lanes * LANE);
    one->scale = of == INT8 ? zeros(places * sizeof(float)) : NULL;
    one->bias = zeros(places * sizeof(float));
    return one->weights != NULL && one->bias != NULL && (of != INT8 || one->scale != NULL);
}

static void drop(const matrix *one) {
    free(one->weights);
    free(one->scale);
    free(one->bias);
}

void podtts_estimator_free(model *m) {
    if (m->together) {
        team_leave(&m->all);
    }
    for (int number = 0; m->stages != NULL && number < m->of.stages; number++) {
        stage *one = &m->stages[number];
        for (int which = 0; which < STAGE_MATRICES; which++) {
            drop(&one->by[which]);
        }
        for (int inside = 0; one->blocks != NULL && inside < m->of.blocks; inside++) {
            for (int which = 0; which < BLOCK_MATRICES; which++) {
                drop(&one->blocks[inside].by[which]);
            }
        }
        free(one->blocks);
    }
    for (int which = 0; which < OUTER_MATRICES; which++) {
        drop(&m->outer[which]);
    }
    free(m->stages);
    free(m);
}

static bool hold_stage(const model *m, stage *one, int input) {
    const sizes *of = &m->of;
    int attended = of->heads * of->head_size;
    one->blocks = zeros(of->blocks * sizeof(block));
    bool whole = one->blocks != NULL
        && hold(&one->by[CONV_1], m->other, of->channels, KERNEL * input)
        && hold(&one->by[CONV_2], m->other, of->channels, KERNEL * of->channels)
        && hold(&one->by[SHORTCUT], m->other, of->channels, input)
        && hold(&one->by[TIME], FLOAT32, of->channels, of->time);
    for (int number = 0; whole && number < of->blocks; number++) {
        matrix *by = one->blocks[number].by;
        whole = hold(&by[QKV], m->linear, 3 * attended, of->channels)
            && hold(&by[OUT], m->linear, of->channels, attended)
            && hold(&by[EXPAND], m->linear, of->feed_forward, of->channels)
            && hold(&by[CONTRACT], m->linear, of->channels, of->feed_forward);
    }
    return whole;
}

// A model without weights; NULL where memory does not suffice. bits: of the blocks' linear layers,
// 32, 16 or 8; all else is float32 with 32, else bfloat16.
model *podtts_estimator_new(
    int input, int output, int channels, int time, int heads, int head_size, int feed_forward,
    int blocks, int stages, int bits, float epsilon, int threads
) {
    model *m = zeros(sizeof(model));
    if (m == NULL) {
        return NULL;
    }
    m->of = (sizes){input, output, channels, time, heads, head_size, feed_forward, blocks, stages};
    m->linear = bits == 32 ? FLOAT32 : bits == 16 ? BFLOAT16 : INT8;
    m->other = bits == 32 ? FLOAT32 : BFLOAT16;
    m->epsilon = epsilon;
    m->widest = most(3 * heads * head_size, feed_forward);
    m->widest = most(most(m->widest, 2 * channels), most(input, time));
    m->stages = zeros(stages * sizeof(stage));
    matrix *outer = m->outer;
    bool whole = m->stages != NULL && hold(&outer[TIME_1], FLOAT32, time, input)
        && hold(&outer[TIME_2], FLOAT32, time, time)
        && hold(&outer[DOWN_CONV], m->other, channels, KERNEL * channels)
        && hold(&outer[UP_CONV], m->other, channels, KERNEL * channels)
        && hold(&outer[FINAL_CONV], m->other, channels, KERNEL * channels)
        && hold(&outer[FINAL_OUT], m->other, output, channels);
    for (int number = 0; whole && number < stages; number++) {
        int width = number == 0 ? input : number == stages - 1 ? 2 * channels : channels;
        whole = hold_stage(m, &m->stages[number], width);
    }
    m->together = whole && team_gather(&m->all, threads);
    if (!m->together) {
        podtts_estimator_free(m);
        return NULL;
    }
    return m;
}

// Let so many threads work from now on.
void podtts_estimator_allow(model *m, int threads) { team_allow(&m->all, threads); }

// Fill a matrix: weights float32 [outputs, inputs], bias float32 [outputs] or NULL; nothing of them
// is used afterwards. stage -1: what stands outside; inside -1: of the stage itself.
void podtts_estimator_matrix(
    model *m, int number, int inside, int which, const float *weights, const float *bias
) {
    stage *one = number < 0 ? NULL : &m->stages[number];
    const matrix *to = one == NULL ? &m->outer[which]
        : inside < 0 ? &one->by[which] : &one->blocks[inside].by[which];
    for (int panel = 0; panel < panels_of(to->outputs); panel++) {
        lay_panel(to, panel, weights);
    }
    if (bias != NULL) {
        memcpy(to->bias, bias, to->outputs * sizeof(float));
    }
}

// Name a norm's weight and bias, float32, which stay where they are; stage and inside as above.
void podtts_estimator_norm(
    model *m, int number, int inside, int which, const float *weight, const float *bias
) {
    stage *one = number < 0 ? NULL : &m->stages[number];
    norm *to = one == NULL ? &m->final
        : inside < 0 ? &one->norms[which] : &one->blocks[inside].norms[which];
    *to = (norm){weight, bias};
}
