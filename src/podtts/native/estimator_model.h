// The weights of an estimator in the order they are used, and the functions that fill them.

#pragma once

#include "pointwise.h"
#include "result.h"
#include "self_attention.h"
#include "team.h"

enum { KERNEL = 3 };  // positions that a convolution sees
// Matrices and norms of a stage, of a block, and of the estimator outside of its stages.
enum { CONV_1, CONV_2, SHORTCUT, TIME, STAGE_MATRICES };
enum { QKV, OUT, EXPAND, CONTRACT, BLOCK_MATRICES };
enum { TIME_1, TIME_2, DOWN_CONV, UP_CONV, FINAL_CONV, FINAL_OUT, OUTER_MATRICES };
enum { OUTER_CONVOLUTIONS = 3 };  // of these, that see more than one position
enum { NORMS = 2 };

typedef struct {
    int input, output, channels, time, heads, head_size, feed_forward, blocks, stages;
    // Of linear layers, queries and keys in the blocks; of convolutions, probabilities and values.
    dtype linear_dtype, conv_dtype;
    float epsilon;
} config;

typedef struct {
    matrix matrices[BLOCK_MATRICES];
    norm norms[NORMS];
} block;

typedef struct {
    matrix matrices[STAGE_MATRICES];
    norm norms[NORMS];
    block *blocks;
} stage;

typedef struct {
    config config;
    stage *stages;
    matrix outer[OUTER_MATRICES];
    norm final_norm;
    team team;
    bool team_started;
    int max_width;  // of the rows that any layer reads or writes
} model;

// Whether the code is written for an estimator of these sizes; for bits see podtts_estimator_new.
int podtts_estimator_takes(
    int input, int output, int channels, int time, int heads, int head_size, int feed_forward,
    int blocks, int stages, int bits
) {
    return is_vector_size(input) && is_vector_size(output) && is_vector_size(channels)
        && is_vector_size(time) && is_vector_size(feed_forward) && is_count(heads)
        && is_vector_size(head_size) && head_size <= MAX_HEAD && 3 * heads * head_size <= MAX_SIZE
        && is_count(blocks) && is_count(stages) && stages >= 3  // first, middle and last
        && (bits == 32 || bits == 16 || bits == 8);
}

void podtts_estimator_free(model *m) {
    if (m->team_started) {
        team_stop(&m->team);
    }
    for (int number = 0; m->stages != NULL && number < m->config.stages; number++) {
        stage *s = &m->stages[number];
        for (int which = 0; which < STAGE_MATRICES; which++) {
            free_matrix(&s->matrices[which]);
        }
        for (int inner = 0; s->blocks != NULL && inner < m->config.blocks; inner++) {
            for (int which = 0; which < BLOCK_MATRICES; which++) {
                free_matrix(&s->blocks[inner].matrices[which]);
            }
        }
        free(s->blocks);
    }
    for (int which = 0; which < OUTER_MATRICES; which++) {
        free_matrix(&m->outer[which]);
    }
    free(m->stages);
    free(m);
}

static bool alloc_stage(const config *c, stage *s, int input) {
    int attended = c->heads * c->head_size;
    s->blocks = alloc_zeroed(c->blocks, sizeof(block));
    bool allocated = s->blocks != NULL
        && alloc_matrix(&s->matrices[CONV_1], c->conv_dtype, c->channels, KERNEL * input)
        && alloc_matrix(&s->matrices[CONV_2], c->conv_dtype, c->channels, KERNEL * c->channels)
        && alloc_matrix(&s->matrices[SHORTCUT], c->conv_dtype, c->channels, input)
        && alloc_matrix(&s->matrices[TIME], FLOAT32, c->channels, c->time);
    for (int number = 0; allocated && number < c->blocks; number++) {
        matrix *matrices = s->blocks[number].matrices;
        allocated = alloc_matrix(&matrices[QKV], c->linear_dtype, 3 * attended, c->channels)
            && alloc_matrix(&matrices[OUT], c->linear_dtype, c->channels, attended)
            && alloc_matrix(&matrices[EXPAND], c->linear_dtype, c->feed_forward, c->channels)
            && alloc_matrix(&matrices[CONTRACT], c->linear_dtype, c->channels, c->feed_forward);
    }
    return allocated;
}

static bool alloc_outer(const config *c, matrix *outer) {
    return alloc_matrix(&outer[TIME_1], FLOAT32, c->time, c->input)
        && alloc_matrix(&outer[TIME_2], FLOAT32, c->time, c->time)
        && alloc_matrix(&outer[DOWN_CONV], c->conv_dtype, c->channels, KERNEL * c->channels)
        && alloc_matrix(&outer[UP_CONV], c->conv_dtype, c->channels, KERNEL * c->channels)
        && alloc_matrix(&outer[FINAL_CONV], c->conv_dtype, c->channels, KERNEL * c->channels)
        && alloc_matrix(&outer[FINAL_OUT], c->conv_dtype, c->output, c->channels);
}

// A model without weights; NULL where memory does not suffice, and for sizes that are not taken.
// bits: of the blocks' linear layers, 32, 16 or 8; everything else is float32 with 32, else
// halves: see halves.h.
model *podtts_estimator_new(
    int input, int output, int channels, int time, int heads, int head_size, int feed_forward,
    int blocks, int stages, int bits, float epsilon, int threads
) {
    if (!podtts_estimator_takes(
            input, output, channels, time, heads, head_size, feed_forward, blocks, stages, bits
        )) {
        return NULL;
    }
    model *m = alloc_zeroed(1, sizeof(model));
    if (m == NULL) {
        return NULL;
    }
    m->config = (config){
        .input = input, .output = output, .channels = channels, .time = time, .heads = heads,
        .head_size = head_size, .feed_forward = feed_forward, .blocks = blocks, .stages = stages,
        .linear_dtype = bits == 32 ? FLOAT32 : bits == 16 ? HALF : INT8,
        .conv_dtype = bits == 32 ? FLOAT32 : HALF, .epsilon = epsilon,
    };
    m->max_width = max_int(3 * heads * head_size, feed_forward);
    m->max_width = max_int(max_int(m->max_width, 2 * channels), max_int(input, time));
    m->stages = alloc_zeroed(stages, sizeof(stage));
    bool allocated = m->stages != NULL && alloc_outer(&m->config, m->outer);
    for (int number = 0; allocated && number < stages; number++) {
        int width = number == 0 ? input : number == stages - 1 ? 2 * channels : channels;
        allocated = alloc_stage(&m->config, &m->stages[number], width);
    }
    m->team_started = allocated && team_start(&m->team, threads);
    if (!m->team_started) {
        podtts_estimator_free(m);
        return NULL;
    }
    return m;
}

// Let so many threads work from now on.
void podtts_estimator_set_threads(model *m, int threads) { team_set_threads(&m->team, threads); }

// Fill a matrix from weights float32 [outputs, inputs] and bias float32 [outputs] or NULL. They are
// copied. stage -1: outside of the stages; block -1: outside of the stage's blocks.
void podtts_estimator_pack_matrix(
    model *m, int stage, int block, int which, const float *weights, const float *bias
) {
    const matrix *w = stage < 0 ? &m->outer[which]
        : block < 0 ? &m->stages[stage].matrices[which]
        : &m->stages[stage].blocks[block].matrices[which];
    for (int panel = 0; panel < panels_of(w->outputs); panel++) {
        pack_panel(w, panel, weights);
    }
    if (bias != NULL) {
        memcpy(w->bias, bias, w->outputs * sizeof(float));
    }
}

// Set a norm's weight and bias, float32, which are not copied; stage and block as above.
void podtts_estimator_set_norm(
    model *m, int stage, int block, int which, const float *weight, const float *bias
) {
    norm *n = stage < 0 ? &m->final_norm
        : block < 0 ? &m->stages[stage].norms[which]
        : &m->stages[stage].blocks[block].norms[which];
    *n = (norm){weight, bias};
}
