// What is kept of the positions that were evaluated: keys and values of all blocks, and the last
// inputs of the convolutions. A later evaluation goes on behind them.
//
// The positions of one evaluation are a part. A part never changes, so several sequences can go on
// behind it, as the turns of a voice do behind its prompt. Keys and values are packed as attention
// reads them, and are not copied again.

#pragma once

#include <stdatomic.h>

#include "estimator_model.h"

enum { PADDING = KERNEL - 1 };  // positions before a segment that its convolutions see
enum { MAX_POSITIONS = 1 << 24 };  // of a sequence

typedef struct kept {
    config config;        // of the estimator that computed it
    struct kept *before;  // the part before; NULL: the sequence begins
    atomic_int users;     // who may free it, with the parts behind it
    int frames, blocks;   // positions, and blocks that have keys and values
    size_t inputs_bytes;  // of all convolutions
    size_t key_bytes, scale_bytes, head_bytes;  // of a head; with its values
    size_t value_bytes;   // of a panel of a head
    uint8_t *inputs;      // [convolutions, PADDING, inputs of the convolution], in its dtype
    uint8_t *heads;       // [blocks, heads, (keys, their scales, values) as in self_attention.h]
} kept;

// The numbers of an input, of all convolutions together.
static size_t convolution_inputs(const config *c) {
    size_t of_stages = (size_t)c->input + (size_t)c->stages * c->channels;  // the first ones
    return of_stages + (size_t)(c->stages + OUTER_CONVOLUTIONS) * c->channels;
}

static void free_kept(kept *k) {
    while (k != NULL && atomic_fetch_sub(&k->users, 1) == 1) {
        kept *before = k->before;
        free(k->inputs);
        free(k->heads);
        free(k);
        k = before;
    }
}

// Room for positions of a sequence, with one user; NULL where memory does not suffice.
// blocks: that have keys and values of their own.
static kept *alloc_kept(const config *c, kept *before, int frames, int blocks) {
    kept *k = alloc_zeroed(1, sizeof(kept));
    if (k == NULL) {
        return NULL;
    }
    *k = (kept){.config = *c, .frames = frames, .blocks = blocks};
    size_t panels = panels_of(frames), of_head = panels_of(c->head_size);
    atomic_init(&k->users, 1);
    k->inputs_bytes = PADDING * convolution_inputs(c) * LANE_BYTES / lane_size(c->conv_dtype);
    k->key_bytes = panels * (c->head_size / lane_size(c->linear_dtype)) * PANEL_LANE_BYTES;
    k->scale_bytes = c->linear_dtype == INT8 ? panels * PANEL * sizeof(float) : 0;
    k->value_bytes = (size_t)ceil_div(frames, lane_size(c->conv_dtype)) * PANEL_LANE_BYTES;
    k->head_bytes = k->key_bytes + k->scale_bytes + of_head * k->value_bytes;
    k->inputs = alloc_zeroed(k->inputs_bytes, 1);
    // Keys behind the last are never seen, whatever is there.
    k->heads = aligned_alloc(CACHE_LINE, (size_t)blocks * c->heads * k->head_bytes);
    if (k->inputs == NULL || k->heads == NULL) {
        free_kept(k);
        return NULL;
    }
    if (before != NULL) {
        atomic_fetch_add(&before->users, 1);
        k->before = before;
    }
    return k;
}

static size_t kept_bytes(const kept *k) {
    return k->inputs_bytes + (size_t)k->blocks * k->config.heads * k->head_bytes;
}

// Keys and values of a head of a block.
static part part_of(const kept *k, int block, int head) {
    uint8_t *memory = k->heads + ((size_t)block * k->config.heads + head) * k->head_bytes;
    return (part){
        .keys = memory, .key_scales = (float *)(memory + k->key_bytes),
        .values = memory + k->key_bytes + k->scale_bytes, .value_bytes = k->value_bytes, .head_bytes = k->head_bytes,
        .count = k->frames,
    };
}

// Parts of a sequence up to this one.
static int parts_until(const kept *k) {
    int count = 0;
    for (; k != NULL; k = k->before) {
        count++;
    }
    return count;
}

// Positions of a sequence up to the end of a part.
static int64_t positions_until(const kept *k) {
    int64_t count = 0;
    for (; k != NULL; k = k->before) {
        count += k->frames;
    }
    return count;
}

// Whether both are of estimators of the same sizes, whatever their numbers are.
static bool same_sizes(const config *c, const config *other) {
    config same = *other;
    same.linear_dtype = c->linear_dtype, same.conv_dtype = c->conv_dtype;
    return memcmp(c, &same, sizeof same) == 0;
}

INLINE void widen_head(
    dtype query_dtype, dtype value_dtype, const part *from, const part *to, int size
) {
    float numbers[MAX_HEAD];
    for (int position = 0; position < from->count; position++) {
        unpack_key(query_dtype, from, position, size, numbers);
        pack_key(FLOAT32, to, position, numbers, size);
        unpack_value(value_dtype, from, position, size, numbers);
        pack_values(FLOAT32, to, position, numbers, NULL, size);
    }
}

// A part whose numbers are widened to float32, behind `before`.
static kept *widen_part(const config *c, const kept *from, kept *before) {
    kept *to = alloc_kept(c, before, from->frames, from->blocks);
    if (to == NULL) {
        return NULL;
    }
    dtype linear = from->config.linear_dtype, conv = from->config.conv_dtype;
    size_t inputs = PADDING * convolution_inputs(c);
    for (size_t i = 0; i < inputs; i++) {
        ((float *)to->inputs)[i] = conv == FLOAT32
            ? ((const float *)from->inputs)[i]
            : float_of_half(((const half *)from->inputs)[i]);
    }
    for (int index = 0; index < from->blocks * c->heads; index++) {
        part narrow = part_of(from, index / c->heads, index % c->heads);
        part wide = part_of(to, index / c->heads, index % c->heads);
        switch (linear) {
            case FLOAT32: widen_head(FLOAT32, FLOAT32, &narrow, &wide, c->head_size); break;
            case HALF: widen_head(HALF, HALF, &narrow, &wide, c->head_size); break;
            default: widen_head(INT8, HALF, &narrow, &wide, c->head_size); break;
        }
    }
    return to;
}
