// The steps of an evaluation; each function named ..._task does one task of a step, see team.h.
//
// A task is a segment: some positions of a sequence. It does everything that needs no other position,
// while the segment is in the cache of a core.

#pragma once

#include "evaluation.h"

// Store a segment's rows [count, size] as the input of a convolution.
static void store_sequence(
    const evaluation *e, const sequences *to, const segment *s, const float *rows, int size
) {
    for (int row = 0; row < s->count; row++) {
        uint8_t *lanes = row_at(to, s->sequence, s->first + row);
        if (e->m->config.conv_dtype == FLOAT32) {
            convert_row(FLOAT32, rows + (size_t)row * size, size, lanes);
        } else {
            convert_row(HALF, rows + (size_t)row * size, size, lanes);
        }
    }
}

// Store a segment's rows [count, size] as the input of a linear layer.
static void store_rows(const evaluation *e, const segment *s, const float *rows, int size) {
    dtype dtype = e->m->config.linear_dtype;
    activations *to = &s->scratch->rows;
    to->stride = (size_t)size * LANE_BYTES / lane_size(dtype);
    for (int row = 0; row < s->count; row++) {
        store_row(dtype, to, row, rows + (size_t)row * size, size);
    }
}

// Store the norm of a segment's x as the input of a linear layer.
static void store_normed(const evaluation *e, const segment *s, const norm *n) {
    int size = e->m->config.channels;
    float *normed = s->scratch->wide;
    for (int row = 0; row < s->count; row++) {
        size_t index = (size_t)row * size;
        layer_norm(s->x + index, n, size, e->m->config.epsilon, normed + index);
    }
    store_rows(e, s, normed, size);
}

// y = a convolution of the segment's positions, or y += it. kernel: 3, or 1 for a linear layer.
// Rows are contiguous, so the positions that a kernel sees are one long row of inputs.
static void convolve(
    const matrix *w, const sequences *from, const segment *s, int kernel, bool add, float *y,
    size_t stride
) {
    uint8_t *first = row_at(from, s->sequence, s->first - kernel + 1);
    activations x = {.lanes = first, .stride = from->position_bytes};
    multiply(w, &x, s->count, add, y, stride);
}

static activations queries_of(const evaluation *e, int sequence, int number) {
    const config *c = &e->m->config;
    size_t head = (size_t)sequence * c->heads + number, first = head * (e->frames + ROW_BLOCK);
    return (activations){
        .lanes = e->queries + head * e->query_bytes,
        .stride = (size_t)c->head_size * LANE_BYTES / lane_size(c->linear_dtype),
        .scales = e->query_scales + first,
        .compensation = e->query_compensation + first,
    };
}

// Pack the queries, keys and values [count, 3, heads, head size] of a segment's positions.
INLINE void pack_heads(
    dtype query_dtype, dtype value_dtype, const evaluation *e, const segment *s, const block *b,
    float *qkv
) {
    int size = e->m->config.head_size, heads = e->m->config.heads, width = heads * size;
    int each = lane_size(value_dtype);  // positions of a lane
    // The softmax has powers of two.
    const vec scale = vec_set(1.44269504f / __builtin_sqrtf((float)size));
    for (int number = 0; number < heads; number++) {
        activations queries = queries_of(e, s->sequence, number);
        part p = part_of(e->now[s->sequence], kept_block(e, b), number);
        for (int row = 0; row < s->count; row++) {
            int position = s->first + row;
            float *query = qkv + (size_t)row * 3 * width + number * size;
            const float *key = query + width, *value = key + width;
            for (int i = 0; i < size; i += VECTOR) {
                vec scaled = vec_mul(vec_load(query + i), scale);
                vec_store(query + i, scaled);
            }
            store_row_as(query_dtype, &queries, position, query, size);
            pack_key(query_dtype, &p, position, key, size);
            if (row % each == 0) {
                const float *next = row + 1 < s->count ? value + 3 * width : NULL;
                pack_values(value_dtype, &p, position / each, value, next, size);
            }
        }
    }
}

// Queries, keys and values of the segment for a block.
static void qkv_project(const evaluation *e, const segment *s, const block *b) {
    store_normed(e, s, &b->norms[0]);
    const matrix *w = &b->matrices[QKV];
    float *qkv = s->scratch->wide;
    multiply(w, &s->scratch->rows, s->count, false, qkv, w->outputs);
    switch (e->m->config.linear_dtype) {
        case FLOAT32: pack_heads(FLOAT32, FLOAT32, e, s, b, qkv); break;
        case HALF: pack_heads(HALF, HALF, e, s, b, qkv); break;
        default: pack_heads(INT8, HALF, e, s, b, qkv); break;
    }
}

// After a stage's residual network or a block: begin the next block, or leave the stage.
static void next_block(const evaluation *e, const segment *s) {
    int size = e->m->config.channels;
    if (e->next != NULL) {
        qkv_project(e, s, e->next);
        return;
    }
    store_sequence(e, &e->target, s, s->x, size);
    if (e->second_target.rows != NULL) {
        store_sequence(e, &e->second_target, s, s->x, size);
    }
}

static void norm_and_mish(const evaluation *e, const segment *s, const norm *n, float *rows) {
    int size = e->m->config.channels;
    for (int row = 0; row < s->count; row++) {
        float *x = rows + (size_t)row * size;
        layer_norm(x, n, size, e->m->config.epsilon, x);
    }
    mish(rows, s->count * size);
}

static void store_input_task(const void *argument, int task, int thread) {
    const evaluation *e = argument;
    segment s = segment_of(e, task, thread);
    size_t first = (size_t)s.sequence * e->frames + s.first;
    int size = e->m->config.input;
    store_sequence(e, &e->input, &s, e->given + first * size, size);
}

static void first_convolution_task(const void *argument, int task, int thread) {
    const evaluation *e = argument;
    segment s = segment_of(e, task, thread);
    int size = e->m->config.channels;
    float *rows = s.scratch->wide;
    convolve(&e->stage->matrices[CONV_1], &e->source, &s, KERNEL, false, rows, size);
    norm_and_mish(e, &s, &e->stage->norms[0], rows);
    size_t stage_number = e->stage - e->m->stages;
    const float *time = e->times + (stage_number * e->count + s.sequence) * size;
    for (int row = 0; row < s.count; row++) {
        for (int i = 0; i < size; i += VECTOR) {
            float *x = rows + (size_t)row * size + i;
            vec_store(x, vec_add(vec_load(x), vec_load(time + i)));
        }
    }
    store_sequence(e, &e->b, &s, rows, size);
}

static void second_convolution_task(const void *argument, int task, int thread) {
    const evaluation *e = argument;
    segment s = segment_of(e, task, thread);
    int size = e->m->config.channels;
    convolve(&e->stage->matrices[CONV_2], &e->b, &s, KERNEL, false, s.x, size);
    norm_and_mish(e, &s, &e->stage->norms[1], s.x);
    convolve(&e->stage->matrices[SHORTCUT], &e->source, &s, 1, true, s.x, size);
    next_block(e, &s);
}

INLINE void attend_segment(
    dtype query_dtype, dtype value_dtype, const evaluation *e, const segment *s, int number
) {
    int size = e->m->config.head_size, width = e->m->config.heads * size;
    head h = head_of(e, s, e->block, number);
    // What was kept is in memory; what this call computed, in the caches.
    int threads = team_threads(&e->m->team);
    h.ahead = e->goes_on && number + threads < e->m->config.heads ? threads : 0;
    activations queries = queries_of(e, s->sequence, number);
    int before = h.parts[h.count - 1].column;
    for (int first = s->first; first < s->first + s->count; first += ROW_BLOCK) {
        int rows = min_int(s->first + s->count - first, ROW_BLOCK), visible[ROW_BLOCK];
        for (int row = 0; row < rows; row++) {
            int end = e->chunk == 0 ? e->frames : ((first + row) / e->chunk + 1) * e->chunk;
            visible[row] = before + min_int(end, e->frames);
        }
        size_t position = (size_t)s->sequence * e->frames + first;
        attend_row_block(
            query_dtype, value_dtype, &h, &queries, first, rows, visible, s->scratch->scores,
            s->scratch->probabilities, e->attended + position * width + number * size, width
        );
    }
}

static void attend_task(const void *argument, int task, int thread) {
    const evaluation *e = argument;
    int heads = e->m->config.heads, head = task % heads;
    segment s = segment_of(e, task / heads, thread);
    switch (e->m->config.linear_dtype) {
        case FLOAT32: attend_segment(FLOAT32, FLOAT32, e, &s, head); break;
        case HALF: attend_segment(HALF, HALF, e, &s, head); break;
        default: attend_segment(INT8, HALF, e, &s, head); break;
    }
}

// What follows the attention in a block: its output layer and the feed-forward network.
static void feed_forward_task(const void *argument, int task, int thread) {
    const evaluation *e = argument;
    segment s = segment_of(e, task, thread);
    const config *c = &e->m->config;
    const matrix *matrices = e->block->matrices;
    const activations *rows = &s.scratch->rows;
    float *wide = s.scratch->wide;
    int width = c->heads * c->head_size;
    store_rows(e, &s, e->attended + ((size_t)s.sequence * e->frames + s.first) * width, width);
    multiply(&matrices[OUT], rows, s.count, true, s.x, c->channels);
    store_normed(e, &s, &e->block->norms[1]);
    multiply(&matrices[EXPAND], rows, s.count, false, wide, c->feed_forward);
    gelu(wide, s.count * c->feed_forward);
    store_rows(e, &s, wide, c->feed_forward);
    multiply(&matrices[CONTRACT], rows, s.count, true, s.x, c->channels);
    next_block(e, &s);
}

static void outer_convolution_task(const void *argument, int task, int thread) {
    const evaluation *e = argument;
    segment s = segment_of(e, task, thread);
    int size = e->m->config.channels;
    float *rows = s.scratch->wide;
    convolve(e->conv, &e->source, &s, KERNEL, false, rows, size);
    store_sequence(e, &e->target, &s, rows, size);
}

static void final_block_task(const void *argument, int task, int thread) {
    const evaluation *e = argument;
    segment s = segment_of(e, task, thread);
    const matrix *outer = e->m->outer;
    int size = e->m->config.channels, output = e->m->config.output;
    float *rows = s.scratch->wide;
    convolve(&outer[FINAL_CONV], &e->source, &s, KERNEL, false, rows, size);
    norm_and_mish(e, &s, &e->m->final_norm, rows);
    store_sequence(e, &e->target, &s, rows, size);
    float *velocity = e->velocity + ((size_t)s.sequence * e->frames + s.first) * output;
    convolve(&outer[FINAL_OUT], &e->target, &s, 1, false, velocity, output);
}
