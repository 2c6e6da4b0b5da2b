// The weights of a Qwen3 decoder's layers, the buffers of a forward pass, and the functions that
// fill the weights.

#pragma once

#include "block_matmul.h"
#include "cache_attention.h"
#include "result.h"
#include "team.h"

enum { QKV, O, GATE_UP, DOWN, MATRICES };
enum { INPUT_NORM, POST_ATTENTION_NORM, Q_NORM, K_NORM, NORMS };
enum { CHUNK = 64 };  // tokens that go through the layers together, at most

typedef struct {
    int layers, hidden, heads, kv_heads, head_size, intermediate, bits;
    float epsilon;
} config;

typedef struct {
    matrix matrices[MATRICES];
    const float *norms[NORMS];
} layer;

typedef struct {
    config config;
    layer *layers;
    const float *norm;  // the last one
    matrix head;        // bfloat16; without weights if there is none
    team team;
    bool team_started;
    // Of a chunk of tokens:
    float *x;         // [tokens, hidden]
    float *normed;    // [tokens, hidden, padded to whole blocks]
    float *qkv;       // [tokens, heads + 2 * key/value heads, head size]
    float *attended;  // [tokens, heads * head size, padded to whole blocks]
    float *gated;     // [tokens, intermediate, padded to whole blocks]
    activations normed_in, attended_in, gated_in, head_in;  // what the matrices take
} model;

static int padded(int inputs) { return round_up(inputs, BLOCK); }

// Whether the code is written for layers of these sizes; bits: of weights.
int podtts_layers_takes(
    int layers, int hidden, int heads, int kv_heads, int head_size, int intermediate, int bits
) {
    return is_count(layers) && is_count(heads) && is_count(kv_heads) && heads % kv_heads == 0
        && is_head_size(head_size) && (heads + 2 * kv_heads) * head_size <= MAX_SIZE
        && is_vector_size(hidden) && is_vector_size(intermediate)
        && (bits == 4 || bits == 8 || bits == 16);
}

void podtts_layers_free(model *m) {
    if (m->team_started) {
        team_stop(&m->team);
    }
    for (int number = 0; m->layers != NULL && number < m->config.layers; number++) {
        for (int which = 0; which < MATRICES; which++) {
            free_matrix(&m->layers[number].matrices[which]);
        }
    }
    free_matrix(&m->head);
    free(m->layers);
    free(m->x);
    free(m->normed);
    free(m->qkv);
    free(m->attended);
    free(m->gated);
    free_activations(&m->normed_in);
    free_activations(&m->attended_in);
    free_activations(&m->gated_in);
    free_activations(&m->head_in);
    free(m);
}

static bool alloc_buffers(model *m) {
    const config *c = &m->config;
    int queries = c->heads * c->head_size, keys_values = 2 * c->kv_heads * c->head_size;
    m->x = alloc_zeroed((size_t)CHUNK * c->hidden, sizeof(float));
    m->normed = alloc_zeroed((size_t)CHUNK * padded(c->hidden), sizeof(float));
    m->qkv = alloc_zeroed((size_t)CHUNK * (queries + keys_values), sizeof(float));
    m->attended = alloc_zeroed((size_t)CHUNK * padded(queries), sizeof(float));
    m->gated = alloc_zeroed((size_t)CHUNK * padded(c->intermediate), sizeof(float));
    return m->x != NULL && m->normed != NULL && m->qkv != NULL && m->attended != NULL
        && m->gated != NULL && alloc_activations(&m->normed_in, c->bits, CHUNK, c->hidden)
        && alloc_activations(&m->attended_in, c->bits, CHUNK, queries)
        && alloc_activations(&m->gated_in, c->bits, CHUNK, c->intermediate);
}

static bool alloc_layer(const config *c, layer *l) {
    int queries = c->heads * c->head_size, keys_values = 2 * c->kv_heads * c->head_size;
    return alloc_matrix(&l->matrices[QKV], c->bits, queries + keys_values, c->hidden)
        && alloc_matrix(&l->matrices[O], c->bits, c->hidden, queries)
        && alloc_matrix(&l->matrices[GATE_UP], c->bits, 2 * c->intermediate, c->hidden)
        && alloc_matrix(&l->matrices[DOWN], c->bits, c->hidden, c->intermediate);
}

// A model without weights; NULL where memory does not suffice, and for sizes that are not taken.
model *podtts_layers_new(
    int layers, int hidden, int heads, int kv_heads, int head_size, int intermediate, int bits,
    float epsilon, int threads
) {
    if (!podtts_layers_takes(layers, hidden, heads, kv_heads, head_size, intermediate, bits)) {
        return NULL;
    }
    model *m = alloc_zeroed(1, sizeof(model));
    if (m == NULL) {
        return NULL;
    }
    m->config = (config){layers, hidden, heads, kv_heads, head_size, intermediate, bits, epsilon};
    m->layers = alloc_zeroed((size_t)layers, sizeof(layer));
    bool allocated = m->layers != NULL && alloc_buffers(m);
    for (int number = 0; allocated && number < layers; number++) {
        allocated = alloc_layer(&m->config, &m->layers[number]);
    }
    m->team_started = allocated && team_start(&m->team, threads);
    if (!m->team_started) {
        podtts_layers_free(m);
        return NULL;
    }
    return m;
}

// Let so many threads work from now on.
void podtts_layers_set_threads(model *m, int threads) { team_set_threads(&m->team, threads); }

typedef struct {
    const matrix *to;
    const uint8_t *weights;
    const uint16_t *scales;
    bool pairs;
} packing;

static void pack_task(const void *argument, int tile, int thread) {
    (void)thread;
    const packing *p = argument;
    int tiles = p->to->outputs / TILE, source = tile;
    if (p->pairs) {
        source = tile % 2 * (tiles / 2) + tile / 2;
    }
    pack_tile(p->to, tile, source * TILE, p->weights, p->scales);
}

// pairs: each tile of the first half of the outputs is followed by that of the second half, so that
// a product with both reads one stream.
static void pack(
    model *m, const matrix *to, const uint8_t *weights, const uint16_t *scales, bool pairs
) {
    packing p = {to, weights, scales, pairs};
    team_wake(&m->team);
    team_run(&m->team, pack_task, &p, to->outputs / TILE);
    team_sleep(&m->team);
}

// Fill a matrix of a layer from weights [outputs, blocks of 32 inputs, 4 * bits bytes] and, below
// 16 bits, float16 scales [outputs, blocks]. They are copied.
void podtts_layers_pack_matrix(
    model *m, int number, int which, const uint8_t *weights, const uint16_t *scales
) {
    pack(m, &m->layers[number].matrices[which], weights, scales, which == GATE_UP);
}

// Fill the output head from bfloat16 [outputs, hidden, padded to whole blocks], once; outputs: a
// multiple of 16. The weights are copied.
int podtts_layers_pack_head(model *m, int outputs, const uint8_t *weights) {
    int hidden = m->config.hidden;
    if (outputs < 1 || outputs % TILE != 0 || m->head.weights != NULL) {
        return REFUSED;
    }
    if (!alloc_matrix(&m->head, 16, outputs, hidden)
        || !alloc_activations(&m->head_in, 16, CHUNK, hidden)) {
        return OUT_OF_MEMORY;
    }
    pack(m, &m->head, weights, NULL, false);
    return DONE;
}

// Set a norm's weight, float32, which is not copied; layer -1: the last norm.
void podtts_layers_set_norm(model *m, int number, int which, const float *weight) {
    if (number < 0) {
        m->norm = weight;
    } else {
        m->layers[number].norms[which] = weight;
    }
}
