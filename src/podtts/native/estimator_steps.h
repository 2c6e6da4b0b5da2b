// The steps of an evaluation. A piece of work is 48 positions of a sequence, and goes through all
// that needs no other position while it is in the cache of a core.

#pragma once

#include "estimator_model.h"
#include "self_attention.h"

enum { POSITIONS = 48, BEFORE = KERNEL - 1 };

// What a thread needs for a piece.
typedef struct {
    float *wide;  // [positions, widest]
    inputs lanes; // [positions, widest]
    float *scores;
    uint8_t *shares;
} desk;

// Sequences for a convolution, in a form: each with two positions of zeros in front.
typedef struct {
    uint8_t *rows;
    size_t position, sequence;  // bytes of one
} sequences;

typedef struct {
    model *m;
    int count, frames, chunk;  // sequences, positions of each, positions of a chunk or 0
    int pieces;                // of a sequence
    float *x;                  // [count, frames, channels]
    sequences in, one, other, joined;  // of the input's width, of `channels`, of 2 `channels`
    uint8_t *queries, *keys, *values;
    size_t query_bytes, key_bytes, value_bytes;  // of a head
    float *query_scales, *key_scales;            // int8 only
    int32_t *query_middles;
    float *attended;           // [count, frames, heads * head size]
    float *times;              // [stages, count, channels]
    desk *desks;
    const float *given;        // [count, frames, input]
    float *velocity;           // [count, frames, output]
    // Of the step:
    const stage *now;
    const block *inside, *next;  // next: whose queries, keys and values come after this
    sequences from, to, also;    // what it reads; where its result is kept, `also` if it has rows
    const matrix *conv;
} evaluation;

// A piece: some positions of a sequence.
typedef struct {
    int sequence, first, count;
    float *x;  // of the first position
    desk *at;
} piece;

static piece piece_of(const evaluation *e, int number, int who) {
    piece one = {.sequence = number / e->pieces, .first = number % e->pieces * POSITIONS};
    one.count = least(e->frames - one.first, POSITIONS);
    one.x = e->x + ((size_t)one.sequence * e->frames + one.first) * e->m->of.channels;
    one.at = &e->desks[who];
    return one;
}

// Where a position stands; -2 and -1 are the zeros in front.
static uint8_t *row_at(const sequences *of, int sequence, int position) {
    return of->rows + sequence * of->sequence + (size_t)(position + BEFORE) * of->position;
}

// y = what the convolution's kernel or 1x1 matrix makes of the piece's positions.
static void convolve(
    const matrix *by, const sequences *from, const piece *p, int kernel, bool add, float *y,
    size_t stride
) {
    uint8_t *first = row_at(from, p->sequence, p->first - kernel + 1);
    inputs rows = {.lanes = first, .stride = from->position};
    multiply(by, &rows, p->count, add, y, stride);
}

// Keep rows [count, size] as what a convolution reads.
static void keep(
    const evaluation *e, const sequences *to, const piece *p, const float *rows, int size
) {
    for (int row = 0; row < p->count; row++) {
        uint8_t *lanes = row_at(to, p->sequence, p->first + row);
        if (e->m->other == FLOAT32) {
            put_plain(FLOAT32, rows + (size_t)row * size, size, lanes);
        } else {
            put_plain(BFLOAT16, rows + (size_t)row * size, size, lanes);
        }
    }
}

static void put_rows(const evaluation *e, const piece *p, const float *rows, int size) {
    p->at->lanes.stride = (size_t)size * LANE / e->m->linear;
    for (int row = 0; row < p->count; row++) {
        put(e->m->linear, &p->at->lanes, row, rows + (size_t)row * size, size);
    }
}

static void put_normed(const evaluation *e, const piece *p, const norm *by) {
    int size = e->m->of.channels;
    for (int row = 0; row < p->count; row++) {
        size_t at = (size_t)row * size;
        normed(p->x + at, by, size, e->m->epsilon, p->at->wide + at);
    }
    put_rows(e, p, p->at->wide, size);
}

// A head's queries of a sequence.
static inputs queries_of(const evaluation *e, size_t own) {
    size_t first = own * (e->frames + HIGH);
    return (inputs){
        .lanes = e->queries + own * e->query_bytes,
        .stride = (size_t)e->m->of.head_size * LANE / e->m->linear,
        .scale = e->query_scales + first,
        .middle = e->query_middles + first,
    };
}

INLINE void keep_heads(form asked, form of, const evaluation *e, const piece *p) {
    int size = e->m->of.head_size, heads = e->m->of.heads, all = heads * size;
    // Softmax goes by powers of two.
    const __m512 scale = _mm512_set1_ps(1.44269504f / __builtin_sqrtf((float)size));
    for (int number = 0; number < heads; number++) {
        size_t own = (size_t)p->sequence * heads + number;
        inputs queries = queries_of(e, own);
        float *key_scales = e->key_scales + own * panels_of(e->frames) * PANEL;
        for (int row = 0; row < p->count; row++) {
            int position = p->first + row;
            float *query = p->at->wide + (size_t)row * 3 * all + number * size;
            const float *key = query + all, *value = key + all;
            for (int at = 0; at < size; at += SIDE) {
                __m512 some = _mm512_mul_ps(_mm512_loadu_ps(query + at), scale);
                _mm512_storeu_ps(query + at, some);
            }
            put_in(asked, &queries, position, query, size);
            keep_key(asked, e->keys + own * e->key_bytes, key_scales, position, key, size);
            if (row % of == 0) {
                const float *next = row + 1 < p->count ? value + 3 * all : NULL;
                uint8_t *values = e->values + own * e->value_bytes;
                keep_values(of, values, position / of, value, next, size);
            }
        }
    }
}

// Queries, keys and values of the piece for a block.
static void ask(const evaluation *e, const piece *p, const block *of) {
    put_normed(e, p, &of->norms[0]);
    const matrix *by = &of->by[QKV];
    multiply(by, &p->at->lanes, p->count, false, p->at->wide, by->outputs);
    switch (e->m->linear) {
        case FLOAT32: keep_heads(FLOAT32, FLOAT32, e, p); break;
        case BFLOAT16: keep_heads(BFLOAT16, BFLOAT16, e, p); break;
        default: keep_heads(INT8, BFLOAT16, e, p); break;
    }
}

// After a stage's residual network or a block: on to the next block, or out of the stage.
static void go_on(const evaluation *e, const piece *p) {
    if (e->next != NULL) {
        ask(e, p, e->next);
    } else {
        keep(e, &e->to, p, p->x, e->m->of.channels);
        if (e->also.rows != NULL) {
            keep(e, &e->also, p, p->x, e->m->of.channels);
        }
    }
}

static void norm_and_mish(const evaluation *e, const piece *p, const norm *by, float *rows) {
    int size = e->m->of.channels;
    for (int row = 0; row < p->count; row++) {
        normed(rows + (size_t)row * size, by, size, e->m->epsilon, rows + (size_t)row * size);
    }
    mish(rows, p->count * size);
}

static void take_given(const void *argument, int number, int who) {
    const evaluation *e = argument;
    piece p = piece_of(e, number, who);
    size_t first = (size_t)p.sequence * e->frames + p.first;
    keep(e, &e->in, &p, e->given + first * e->m->of.input, e->m->of.input);
}

static void first_convolution(const void *argument, int number, int who) {
    const evaluation *e = argument;
    piece p = piece_of(e, number, who);
    int size = e->m->of.channels;
    float *rows = p.at->wide;
    convolve(&e->now->by[CONV_1], &e->from, &p, KERNEL, false, rows, size);
    norm_and_mish(e, &p, &e->now->norms[0], rows);
    const float *time = e->times
        + ((size_t)(e->now - e->m->stages) * e->count + p.sequence) * size;
    for (int row = 0; row < p.count; row++) {
        for (int at = 0; at < size; at += SIDE) {
            float *to = rows + (size_t)row * size + at;
            _mm512_storeu_ps(to, _mm512_add_ps(_mm512_loadu_ps(to), _mm512_loadu_ps(time + at)));
        }
    }
    keep(e, &e->other, &p, rows, size);
}

static void second_convolution(const void *argument, int number, int who) {
    const evaluation *e = argument;
    piece p = piece_of(e, number, who);
    int size = e->m->of.channels;
    convolve(&e->now->by[CONV_2], &e->other, &p, KERNEL, false, p.x, size);
    norm_and_mish(e, &p, &e->now->norms[1], p.x);
    convolve(&e->now->by[SHORTCUT], &e->from, &p, 1, true, p.x, size);
    go_on(e, &p);
}

INLINE void attend_piece_in(form asked, form of, const evaluation *e, const piece *p, int number) {
    int size = e->m->of.head_size, heads = e->m->of.heads, all = heads * size;
    size_t own = (size_t)p->sequence * heads + number;
    head to = {
        .keys = e->keys + own * e->key_bytes,
        .key_scales = e->key_scales + own * panels_of(e->frames) * PANEL,
        .values = e->values + own * e->value_bytes,
        .lanes = size / asked,
        .size = size,
    };
    inputs queries = queries_of(e, own);
    for (int first = p->first; first < p->first + p->count; first += HIGH) {
        int rows = least(p->first + p->count - first, HIGH), visible[HIGH];
        for (int row = 0; row < rows; row++) {
            int end = e->chunk == 0 ? e->frames : ((first + row) / e->chunk + 1) * e->chunk;
            visible[row] = least(end, e->frames);
        }
        float *out = e->attended + ((size_t)p->sequence * e->frames + first) * all + number * size;
        desk *at = p->at;
        attend_six(
            asked, of, &to, &queries, first, rows, visible, at->scores, at->shares, out, all
        );
    }
}

static void attend_piece(const void *argument, int number, int who) {
    const evaluation *e = argument;
    int heads = e->m->of.heads;
    piece p = piece_of(e, number / heads, who);
    switch (e->m->linear) {
        case FLOAT32: attend_piece_in(FLOAT32, FLOAT32, e, &p, number % heads); break;
        case BFLOAT16: attend_piece_in(BFLOAT16, BFLOAT16, e, &p, number % heads); break;
        default: attend_piece_in(INT8, BFLOAT16, e, &p, number % heads); break;
    }
}

static void rest_of_block(const void *argument, int number, int who) {
    const evaluation *e = argument;
    piece p = piece_of(e, number, who);
    const sizes *of = &e->m->of;
    const matrix *by = e->inside->by;
    int all = of->heads * of->head_size;
    put_rows(e, &p, e->attended + ((size_t)p.sequence * e->frames + p.first) * all, all);
    multiply(&by[OUT], &p.at->lanes, p.count, true, p.x, of->channels);
    put_normed(e, &p, &e->inside->norms[1]);
    multiply(&by[EXPAND], &p.at->lanes, p.count, false, p.at->wide, of->feed_forward);
    gelu(p.at->wide, p.count * of->feed_forward);
    put_rows(e, &p, p.at->wide, of->feed_forward);
    multiply(&by[CONTRACT], &p.at->lanes, p.count, true, p.x, of->channels);
    go_on(e, &p);
}

static void outer_convolution(const void *argument, int number, int who) {
    const evaluation *e = argument;
    piece p = piece_of(e, number, who);
    int size = e->m->of.channels;
    convolve(e->conv, &e->from, &p, KERNEL, false, p.at->wide, size);
    keep(e, &e->to, &p, p.at->wide, size);
}

static void final_block(const void *argument, int number, int who) {
    const evaluation *e = argument;
    piece p = piece_of(e, number, who);
    int size = e->m->of.channels, output = e->m->of.output;
    float *rows = p.at->wide;
    convolve(&e->m->outer[FINAL_CONV], &e->from, &p, KERNEL, false, rows, size);
    norm_and_mish(e, &p, &e->m->final, rows);
    keep(e, &e->to, &p, rows, size);
    size_t first = (size_t)p.sequence * e->frames + p.first;
    convolve(&e->m->outer[FINAL_OUT], &e->to, &p, 1, false, e->velocity + first * output, output);
}
