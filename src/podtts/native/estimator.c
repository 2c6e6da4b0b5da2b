// The velocity field of the flow on x86-64 CPUs: one call an evaluation.
//
// A piece of work is 48 positions of a sequence, and goes through all that needs no other position
// while it is in the cache of a core. Source of the architecture: see podtts/flow/estimator.py, to
// which this is held by tests/flow/test_native_estimator.py.

#include <stdint.h>
#include <stdlib.h>

#include "self_attention.h"
#include "team.h"

enum { POSITIONS = 48, KERNEL = 3, BEFORE = KERNEL - 1 };
// Matrices and norms of a stage, of a block, and of what stands outside of both.
enum { CONV_1, CONV_2, SHORTCUT, TIME, STAGE_MATRICES };
enum { QKV, OUT, EXPAND, CONTRACT, BLOCK_MATRICES };
enum { TIME_1, TIME_2, DOWN_CONV, UP_CONV, FINAL_CONV, FINAL_OUT, OUTER_MATRICES };
enum { NORMS = 2 };

typedef struct {
    int input, output, channels, time, heads, head_size, feed_forward, blocks, stages;
} sizes;

typedef struct {
    const float *weight, *bias;
} norm;

typedef struct {
    matrix by[BLOCK_MATRICES];
    norm norms[NORMS];
} block;

typedef struct {
    matrix by[STAGE_MATRICES];
    norm norms[NORMS];
    block *blocks;
} stage;

// What a thread needs for a piece.
typedef struct {
    float *wide;  // [positions, widest]
    inputs lanes; // [positions, widest]
    float *scores;
    uint8_t *shares;
} desk;

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
    sequences from, to, also;    // what it reads, and where its result is kept; also.rows may be NULL
    const matrix *conv;
} evaluation;

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
    m->widest = most(most(3 * heads * head_size, feed_forward), most(2 * channels, most(input, time)));
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

// Layer norm of x [size, a multiple of 16]; y may be x.
static void normed(const float *x, const norm *by, int size, float epsilon, float *y) {
    __m512 sum = _mm512_setzero_ps(), squares = _mm512_setzero_ps();
    for (int at = 0; at < size; at += SIDE) {
        sum = _mm512_add_ps(sum, _mm512_loadu_ps(x + at));
    }
    __m512 mean = _mm512_set1_ps(_mm512_reduce_add_ps(sum) / (float)size);
    for (int at = 0; at < size; at += SIDE) {
        __m512 off = _mm512_sub_ps(_mm512_loadu_ps(x + at), mean);
        squares = _mm512_fmadd_ps(off, off, squares);
    }
    float variance = _mm512_reduce_add_ps(squares) / (float)size;
    __m512 factor = _mm512_set1_ps(1.0f / __builtin_sqrtf(variance + epsilon));
    for (int at = 0; at < size; at += SIDE) {
        __m512 some = _mm512_mul_ps(_mm512_sub_ps(_mm512_loadu_ps(x + at), mean), factor);
        __m512 scaled = _mm512_mul_ps(some, _mm512_loadu_ps(by->weight + at));
        _mm512_storeu_ps(y + at, _mm512_add_ps(scaled, _mm512_loadu_ps(by->bias + at)));
    }
}

// x tanh(log(1 + e^x)), in place.
static void mish(float *x, int size) {
    const __m512 two = _mm512_set1_ps(2.0f);
    for (int at = 0; at < size; at += SIDE) {
        __m512 some = _mm512_loadu_ps(x + at);
        // From 20 on it is x itself; NaN stays NaN, as it is the second.
        __m512 power = exponential(_mm512_min_ps(_mm512_set1_ps(20.0f), some));
        __m512 part = _mm512_mul_ps(power, _mm512_add_ps(power, two));
        __m512 share = _mm512_div_ps(part, _mm512_add_ps(part, two));
        _mm512_storeu_ps(x + at, _mm512_mul_ps(some, share));
    }
}

// x / (1 + e^-x), in place.
static void silu(float *x, int size) {
    for (int at = 0; at < size; at += SIDE) {
        __m512 some = _mm512_loadu_ps(x + at);
        __m512 less = _mm512_min_ps(_mm512_set1_ps(88.0f), _mm512_sub_ps(_mm512_setzero_ps(), some));
        __m512 whole = _mm512_add_ps(_mm512_set1_ps(1.0f), exponential(less));
        _mm512_storeu_ps(x + at, _mm512_div_ps(some, whole));
    }
}

// x times the normal distribution's share below it, in place; to about 2e-7.
// Source: Abramowitz and Stegun, Handbook of Mathematical Functions, 7.1.26.
static void gelu(float *x, int size) {
    const float factors[] = {1.061405429f, -1.453152027f, 1.421413741f, -0.284496736f, 0.254829592f};
    const __m512 one = _mm512_set1_ps(1.0f);
    for (int at = 0; at < size; at += SIDE) {
        __m512 some = _mm512_loadu_ps(x + at);
        __m512 z = _mm512_mul_ps(_mm512_abs_ps(some), _mm512_set1_ps(0.70710678f));
        __m512 t = _mm512_div_ps(one, _mm512_fmadd_ps(z, _mm512_set1_ps(0.3275911f), one));
        __m512 sum = _mm512_set1_ps(factors[0]);
        for (int power = 1; power < 5; power++) {
            sum = _mm512_fmadd_ps(sum, t, _mm512_set1_ps(factors[power]));
        }
        __m512 beyond = exponential(_mm512_sub_ps(_mm512_setzero_ps(), _mm512_mul_ps(z, z)));
        beyond = _mm512_mul_ps(_mm512_mul_ps(sum, t), beyond);  // 1 - erf(z)
        __m512 half = _mm512_mul_ps(beyond, _mm512_set1_ps(0.5f));
        __mmask16 above = _mm512_cmp_ps_mask(some, _mm512_setzero_ps(), _CMP_GE_OQ);
        half = _mm512_mask_sub_ps(half, above, one, half);
        _mm512_storeu_ps(x + at, _mm512_mul_ps(some, half));
    }
}

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
    const matrix *by, const sequences *from, const piece *p, int kernel, bool add, float *y, size_t stride
) {
    inputs rows = {.lanes = row_at(from, p->sequence, p->first - kernel + 1), .stride = from->position};
    multiply(by, &rows, p->count, add, y, stride);
}

// Keep rows [count, size] as what a convolution reads.
static void keep(const evaluation *e, const sequences *to, const piece *p, const float *rows, int size) {
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
        normed(p->x + (size_t)row * size, by, size, e->m->epsilon, p->at->wide + (size_t)row * size);
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

static void run_stage(evaluation *e, int number, sequences from, sequences to, sequences also) {
    team *all = &e->m->all;
    int pieces = e->count * e->pieces, blocks = e->m->of.blocks;
    e->now = &e->m->stages[number];
    e->from = from, e->to = to, e->also = also;
    e->next = &e->now->blocks[0];
    team_run(all, first_convolution, e, pieces);
    team_run(all, second_convolution, e, pieces);
    for (int inside = 0; inside < blocks; inside++) {
        e->inside = &e->now->blocks[inside];
        e->next = inside + 1 < blocks ? e->inside + 1 : NULL;
        team_run(all, attend_piece, e, pieces * e->m->of.heads);
        team_run(all, rest_of_block, e, pieces);
    }
}

static void run_convolution(evaluation *e, int which, sequences from, sequences to) {
    e->from = from, e->to = to, e->conv = &e->m->outer[which];
    team_run(&e->m->all, outer_convolution, e, e->count * e->pieces);
}

// What the stages add for the time; waves: [count, input], overwritten.
static void embed_times(evaluation *e, const float *waves) {
    const model *m = e->m;
    const sizes *of = &m->of;
    desk *at = &e->desks[0];
    inputs rows = {.lanes = at->lanes.lanes};
    float *hidden = at->wide;
    for (int first = 0; first < e->count; first += POSITIONS) {
        int count = least(e->count - first, POSITIONS);
        rows.stride = of->input * sizeof(float);
        memcpy(rows.lanes, waves + (size_t)first * of->input, count * rows.stride);
        multiply(&m->outer[TIME_1], &rows, count, false, hidden, of->time);
        silu(hidden, count * of->time);
        rows.stride = of->time * sizeof(float);
        memcpy(rows.lanes, hidden, count * rows.stride);
        multiply(&m->outer[TIME_2], &rows, count, false, hidden, of->time);
        mish(hidden, count * of->time);
        memcpy(rows.lanes, hidden, count * rows.stride);
        for (int number = 0; number < of->stages; number++) {
            float *to = e->times + ((size_t)number * e->count + first) * of->channels;
            multiply(&m->stages[number].by[TIME], &rows, count, false, to, of->channels);
        }
    }
}

static void evaluate(evaluation *e, const float *waves) {
    model *m = e->m;
    int last = m->of.stages - 1;
    sequences none = {0}, skipped = e->joined;  // beside what comes out of the middle
    skipped.rows += (size_t)m->of.channels * LANE / m->other;
    embed_times(e, waves);
    team_run(&m->all, take_given, e, e->count * e->pieces);
    run_stage(e, 0, e->in, e->other, skipped);
    run_convolution(e, DOWN_CONV, e->other, e->one);
    for (int number = 1; number < last; number++) {
        run_stage(e, number, e->one, number + 1 < last ? e->one : e->joined, none);
    }
    run_stage(e, last, e->joined, e->one, none);
    run_convolution(e, UP_CONV, e->one, e->other);
    e->from = e->other, e->to = e->one;
    team_run(&m->all, final_block, e, e->count * e->pieces);
}

static sequences hold_sequences(const evaluation *e, int width) {
    sequences held = {.position = (size_t)width * LANE / e->m->other};
    held.sequence = (BEFORE + e->frames + HIGH) * held.position;
    held.rows = zeros(e->count * held.sequence);
    return held;
}

static bool hold_desk(const evaluation *e, desk *one) {
    size_t wide = (size_t)POSITIONS * e->m->widest * sizeof(float);
    size_t scores = (size_t)HIGH * panels_of(e->frames) * PANEL * sizeof(float);
    one->wide = zeros(wide);
    one->lanes = (inputs){
        .lanes = zeros(wide),
        .scale = zeros(POSITIONS * sizeof(float)),
        .middle = zeros(POSITIONS * sizeof(int32_t)),
    };
    one->scores = zeros(scores);
    one->shares = zeros(scores);
    return one->wide != NULL && one->lanes.lanes != NULL && one->lanes.scale != NULL
        && one->lanes.middle != NULL && one->scores != NULL && one->shares != NULL;
}

static bool hold_all(evaluation *e) {
    const sizes *of = &e->m->of;
    size_t positions = (size_t)e->count * e->frames, heads = (size_t)e->count * of->heads;
    int lanes = of->head_size / e->m->linear;
    e->query_bytes = (size_t)(e->frames + HIGH) * lanes * LANE;
    e->key_bytes = (size_t)panels_of(e->frames) * lanes * PANEL * LANE;
    e->value_bytes = (size_t)(e->frames / e->m->other + 1) * PANEL * LANE;
    e->in = hold_sequences(e, of->input);
    e->one = hold_sequences(e, of->channels);
    e->other = hold_sequences(e, of->channels);
    e->joined = hold_sequences(e, 2 * of->channels);
    e->x = zeros(positions * of->channels * sizeof(float));
    e->attended = zeros(positions * of->heads * of->head_size * sizeof(float));
    e->times = zeros((size_t)of->stages * e->count * of->channels * sizeof(float));
    e->queries = zeros(heads * e->query_bytes);
    e->keys = zeros(heads * e->key_bytes);
    e->values = zeros(heads * e->value_bytes);
    e->query_scales = zeros(heads * (e->frames + HIGH) * sizeof(float));
    e->query_middles = zeros(heads * (e->frames + HIGH) * sizeof(int32_t));
    e->key_scales = zeros(heads * panels_of(e->frames) * PANEL * sizeof(float));
    e->desks = zeros(e->m->all.size * sizeof(desk));
    bool whole = e->in.rows != NULL && e->one.rows != NULL && e->other.rows != NULL
        && e->joined.rows != NULL && e->x != NULL && e->attended != NULL && e->times != NULL
        && e->queries != NULL && e->keys != NULL && e->values != NULL && e->desks != NULL
        && e->query_scales != NULL && e->query_middles != NULL && e->key_scales != NULL;
    for (int who = 0; whole && who < e->m->all.size; who++) {
        whole = hold_desk(e, &e->desks[who]);
    }
    return whole;
}

static void drop_all(const evaluation *e) {
    for (int who = 0; e->desks != NULL && who < e->m->all.size; who++) {
        const desk *one = &e->desks[who];
        free(one->wide);
        free(one->lanes.lanes);
        free(one->lanes.scale);
        free(one->lanes.middle);
        free(one->scores);
        free(one->shares);
    }
    free(e->in.rows);
    free(e->one.rows);
    free(e->other.rows);
    free(e->joined.rows);
    free(e->x);
    free(e->attended);
    free(e->times);
    free(e->queries);
    free(e->keys);
    free(e->values);
    free(e->query_scales);
    free(e->query_middles);
    free(e->key_scales);
    free(e->desks);
}

// Velocity [count, frames, output] for given [count, frames, input] at times whose sines and cosines
// are waves [count, input]; chunk: positions that see one another and all before, 0: all do.
// Returns 0, or -1 where memory does not suffice.
int podtts_estimator_evaluate(
    model *m, const float *given, const float *waves, int count, int frames, int chunk,
    float *velocity
) {
    evaluation e = {
        .m = m, .count = count, .frames = frames, .chunk = chunk,
        .pieces = (frames + POSITIONS - 1) / POSITIONS, .given = given, .velocity = velocity,
    };
    bool whole = hold_all(&e);
    if (whole) {
        team_wake(&m->all);
        evaluate(&e, waves);
        team_rest(&m->all);
    }
    drop_all(&e);
    return whole ? 0 : -1;
}
