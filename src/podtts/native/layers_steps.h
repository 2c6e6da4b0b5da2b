// The steps of a forward pass through the layers; each function named ..._task does one task of a
// step, see team.h.

#pragma once

#include "layers_model.h"
#include "pointwise.h"

// Tiles of a task, at most: the more, the longer its weights are read in one stream. Tasks for each
// thread, at least, so that a thread that is held up does not hold up all.
enum { MAX_TILES = 16, TASKS_PER_THREAD = 4 };

// What one call computes.
typedef struct {
    model *m;
    float *x;            // [rows, tokens, hidden]: embeddings, overwritten by hidden states
    int tokens;          // of each row
    const int *lengths;  // [rows], positions that the cache holds
    void *keys, *values; // [layers, rows, key/value heads, capacity, head size] with these strides
    int64_t layer_stride, row_stride;
    int capacity;        // positions of a row of the cache
    bool cache_bfloat16;
    const float *cosine, *sine;  // [capacity, head size / 2]
    const int *cancel;
    float *scores;       // [threads, 2, score_stride(capacity)]
    int first, count;    // tokens of the chunk, counted over all rows
    int layer;
} forward_pass;

static const layer *layer_of(const forward_pass *f) { return &f->m->layers[f->layer]; }

// Row of the cache, and position in it, of a token of the chunk.
static int row_of(const forward_pass *f, int token) { return (f->first + token) / f->tokens; }

static int position_of(const forward_pass *f, int token) {
    return f->lengths[row_of(f, token)] + (f->first + token) % f->tokens;
}

// Index of a head's keys or values of a position in the cache.
static size_t cache_index(const forward_pass *f, int token, int head, int position) {
    return f->layer * f->layer_stride + row_of(f, token) * f->row_stride
        + ((size_t)head * f->capacity + position) * f->m->config.head_size;
}

static int tiles_per_task(const team *t, int tiles) {
    int count = tiles / (TASKS_PER_THREAD * t->size);
    return count < 1 ? 1 : min_int(count, MAX_TILES);
}

// y = w x, or y += w x.
typedef struct {
    const matrix *w;
    const activations *x;
    int rows, tiles_per_task;
    bool add;
    float *y;  // [rows, outputs]
} product;

static void multiply_task(const void *argument, int task, int thread) {
    (void)thread;
    const product *p = argument;
    int begin = task * p->tiles_per_task;
    int end = min_int(begin + p->tiles_per_task, p->w->outputs / TILE);
    for (int tile = begin; tile < end; tile++) {
        for (int first = 0; first < p->rows; first += ROW_BLOCK) {
            int rows = min_int(p->rows - first, ROW_BLOCK);
            vec sums[ROW_BLOCK][TILE_VECTORS];
            multiply_tile(p->w, tile, p->x, first, rows, sums);
            for (int row = 0; row < rows; row++) {
                float *y = p->y + (size_t)(first + row) * p->w->outputs + tile * TILE;
                for (int vector = 0; vector < TILE_VECTORS; vector++, y += VECTOR) {
                    vec sum = sums[row][vector];
                    vec_store(y, p->add ? vec_add(vec_load(y), sum) : sum);
                }
            }
        }
    }
}

static void multiply(team *t, int rows, const matrix *w, const activations *x, bool add, float *y) {
    int tiles = w->outputs / TILE, each = tiles_per_task(t, tiles);
    product p = {w, x, rows, each, add, y};
    team_run(t, multiply_task, &p, ceil_div(tiles, each));
}

// gated = SiLU(gate x) * (up x); in the matrix, a tile of gates is followed by that of their ups.
static void gate_up_task(const void *argument, int task, int thread) {
    (void)thread;
    const forward_pass *f = argument;
    model *m = f->m;
    const matrix *w = &layer_of(f)->matrices[GATE_UP];
    int tiles = m->config.intermediate / TILE, each = tiles_per_task(&m->team, tiles);
    for (int tile = task * each; tile < task * each + each && tile < tiles; tile++) {
        for (int first = 0; first < f->count; first += ROW_BLOCK) {
            int rows = min_int(f->count - first, ROW_BLOCK);
            vec gates[ROW_BLOCK][TILE_VECTORS], ups[ROW_BLOCK][TILE_VECTORS];
            multiply_tile(w, 2 * tile, &m->normed_in, first, rows, gates);
            multiply_tile(w, 2 * tile + 1, &m->normed_in, first, rows, ups);
            for (int row = 0; row < rows; row++) {
                size_t index = (size_t)(first + row) * padded(m->config.intermediate) + tile * TILE;
                for (int vector = 0; vector < TILE_VECTORS; vector++) {
                    vec gated = vec_mul(silu_vector(gates[row][vector]), ups[row][vector]);
                    vec_store(m->gated + index + vector * VECTOR, gated);
                }
            }
        }
    }
}

// Store the norm of a token's x as the input of the next matrix.
static void store_normed(const forward_pass *f, int token, int which) {
    model *m = f->m;
    const config *c = &m->config;
    float *normed = m->normed + (size_t)token * padded(c->hidden);
    const float *x = m->x + (size_t)token * c->hidden;
    rms_norm(x, layer_of(f)->norms[which], c->hidden, c->epsilon, normed);
    store_row(&m->normed_in, token, c->bits, normed);
}

static void input_norm_task(const void *argument, int token, int thread) {
    (void)thread;
    store_normed(argument, token, INPUT_NORM);
}

static void post_attention_norm_task(const void *argument, int token, int thread) {
    (void)thread;
    store_normed(argument, token, POST_ATTENTION_NORM);
}

// Store a token's result of the attention as the input of the next matrix.
static void store_attended_task(const void *argument, int token, int thread) {
    (void)thread;
    model *m = ((const forward_pass *)argument)->m;
    size_t size = padded(m->config.heads * m->config.head_size);
    store_row(&m->attended_in, token, m->config.bits, m->attended + token * size);
}

// Store a token's gated activations as the input of the next matrix.
static void store_gated_task(const void *argument, int token, int thread) {
    (void)thread;
    model *m = ((const forward_pass *)argument)->m;
    size_t size = padded(m->config.intermediate);
    store_row(&m->gated_in, token, m->config.bits, m->gated + token * size);
}

// Apply the rotary embedding of a position to one head [size, a multiple of 16], and scale it.
static void rotate(
    float *restrict x, const float *restrict cosine, const float *restrict sine, int size,
    float scale
) {
    int middle = size / 2;
    for (int i = 0; i < middle; i++) {
        float first = x[i], second = x[middle + i], cos = cosine[i] * scale, sin = sine[i] * scale;
        x[i] = __builtin_fmaf(-second, sin, first * cos);
        x[middle + i] = __builtin_fmaf(first, sin, second * cos);
    }
}

// Norm and rotate a token's queries and keys; store its keys and values in the cache.
static void rotate_and_cache_task(const void *argument, int token, int thread) {
    (void)thread;
    const forward_pass *f = argument;
    model *m = f->m;
    const config *c = &m->config;
    const layer *l = layer_of(f);
    int heads = c->heads + 2 * c->kv_heads, size = c->head_size;
    int position = position_of(f, token);
    const float *cosine = f->cosine + (size_t)position * (size / 2);
    const float *sine = f->sine + (size_t)position * (size / 2);
    float scale = 1.0f / __builtin_sqrtf((float)size);
    for (int head = 0; head < heads; head++) {
        float *x = m->qkv + ((size_t)token * heads + head) * size;
        bool is_query = head < c->heads, is_value = head >= c->heads + c->kv_heads;
        if (!is_value) {
            rms_norm(x, l->norms[is_query ? Q_NORM : K_NORM], size, c->epsilon, x);
            rotate(x, cosine, sine, size, is_query ? scale : 1.0f);
        }
        if (!is_query) {
            size_t index = cache_index(f, token, (head - c->heads) % c->kv_heads, position);
            void *cache = is_value ? f->values : f->keys;
            for (int i = 0; i < size; i += VECTOR) {
                store_cached(cache, index + i, f->cache_bfloat16, vec_load(x + i));
            }
        }
    }
}

// Query heads of a task, which share keys and values.
static int heads_per_task(const config *c) {
    return c->heads / c->kv_heads % MAX_QUERIES == 0 ? MAX_QUERIES : 1;
}

static void attend_task(const void *argument, int task, int thread) {
    const forward_pass *f = argument;
    model *m = f->m;
    const config *c = &m->config;
    int heads = c->heads + 2 * c->kv_heads, size = c->head_size, queries = heads_per_task(c);
    int token = task * queries / c->heads, head = task * queries % c->heads;
    size_t offset = cache_index(f, token, head / (c->heads / c->kv_heads), 0)
        * (f->cache_bfloat16 ? sizeof(uint16_t) : sizeof(float));
    attend(
        m->qkv + ((size_t)token * heads + head) * size, queries, (char *)f->keys + offset,
        (char *)f->values + offset, position_of(f, token) + 1, size, f->cache_bfloat16,
        f->scores + (size_t)thread * MAX_QUERIES * score_stride(f->capacity),
        m->attended + (size_t)token * padded(c->heads * size) + head * size
    );
}
