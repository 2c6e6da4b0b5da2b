// The layers of a Qwen3 decoder and its last norm on x86-64 CPUs: embeddings in, hidden states out.
//
// At batch 1 a step is bound by reading the weights once, at larger batches by multiplying with
// them; all else of a step is done by the same threads in the same call. Source of the
// architecture: see podtts/llm/qwen3.py, to which this is held by tests/llm/test_native_layers.py.

#include <stdint.h>
#include <sys/mman.h>

#include "attention.h"
#include "products.h"
#include "team.h"

enum { MATRICES = 4, NORMS = 4, CHUNK = 64, TILES_AT_ONCE = 4, HUGE_PAGE = 1 << 21 };
enum { QKV, O, GATE_UP, DOWN };
enum { INPUT_NORM, POST_ATTENTION_NORM, Q_NORM, K_NORM };

typedef struct {
    int layers, hidden, heads, kv_heads, head_size, intermediate, bits;
    float epsilon;
} sizes;

typedef struct {
    matrix by[MATRICES];
    const float *norm[NORMS];
} layer;

typedef struct {
    sizes of;
    layer *layers;
    const float *norm;
    team all;
    bool together;  // the team has gathered
    // Of a chunk of positions, each row with room for whole blocks:
    float *x, *normed, *qkv, *attended, *gated;
    activations narrow, wide;  // of hidden or attended, of intermediate
} model;

// What one call reads.
typedef struct {
    model *m;
    float *embedded;     // [positions, hidden], overwritten by hidden states
    int rows, tokens;    // positions are the tokens of the first row, of the second, ...
    const int *lengths;  // [rows], places that are filled
    void *keys, *values; // [layers, rows, kv heads, places, head size] with these strides
    int64_t layer_stride, row_stride;
    int places;
    bool halved;  // keys and values are bfloat16
    const float *cosine, *sine;  // [places, head size / 2]
    float *scores;  // [threads, places + 15]
    atomic_int threads;
    int first, count;  // positions of the chunk
} reading;

static int padded(int inputs) { return (inputs + BLOCK - 1) / BLOCK * BLOCK; }

static int most(int one, int other) { return one > other ? one : other; }

// Whether this CPU has what a model of so many bits needs.
int podtts_layers_supported(int bits) {
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")
        && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vnni")
        && __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("fma")
        && (bits != 16 || __builtin_cpu_supports("avx512bf16"));
}

// Memory of zeros that is read in a stream: few large pages where the system has them.
static void *room(size_t bytes) {
    size_t whole = (bytes + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
    void *memory = mmap(NULL, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        return NULL;
    }
#ifdef MADV_HUGEPAGE
    madvise(memory, whole, MADV_HUGEPAGE);
#endif
    return memory;
}

static void give_back(void *memory, size_t bytes) {
    if (memory != NULL) {
        munmap(memory, (bytes + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE);
    }
}

static bool hold(matrix *one, int bits, int outputs, int inputs) {
    int blocks = padded(inputs) / BLOCK;
    size_t places = (size_t)outputs * blocks;
    *one = (matrix){.bits = bits, .outputs = outputs, .blocks = blocks};
    one->levels = room(places * 4 * bits);
    one->scale = bits == 16 ? NULL : room(places * sizeof(uint16_t));
    return one->levels != NULL && (bits == 16 || one->scale != NULL);
}

static void drop(const matrix *one) {
    size_t places = (size_t)one->outputs * one->blocks;
    give_back(one->levels, places * 4 * one->bits);
    give_back(one->scale, places * sizeof(uint16_t));
}

static void *zeros(size_t count, size_t bytes) {
    void *memory = aligned_alloc(64, (count * bytes + 63) / 64 * 64);
    return memory == NULL ? NULL : memset(memory, 0, count * bytes);
}

static bool hold_activations(activations *one, int bits, int inputs) {
    int blocks = padded(inputs) / BLOCK;
    size_t places = (size_t)CHUNK * blocks;
    *one = (activations){.blocks = blocks};
    if (bits == 16) {
        one->plain = zeros(places * BLOCK, sizeof(uint16_t));
        return one->plain != NULL;
    }
    one->levels = zeros(places * BLOCK, sizeof(int8_t));
    one->scale = zeros(places, sizeof(float));
    one->middle = zeros(places, sizeof(int32_t));
    return one->levels != NULL && one->scale != NULL && one->middle != NULL;
}

static void drop_activations(const activations *one) {
    free(one->levels);
    free(one->scale);
    free(one->middle);
    free(one->plain);
}

void podtts_layers_free(model *m) {
    if (m->together) {
        team_leave(&m->all);
    }
    for (int number = 0; m->layers != NULL && number < m->of.layers; number++) {
        for (int which = 0; which < MATRICES; which++) {
            drop(&m->layers[number].by[which]);
        }
    }
    free(m->layers);
    free(m->x);
    free(m->normed);
    free(m->qkv);
    free(m->attended);
    free(m->gated);
    drop_activations(&m->narrow);
    drop_activations(&m->wide);
    free(m);
}

// A model without weights; NULL where memory does not suffice.
model *podtts_layers_new(
    int layers, int hidden, int heads, int kv_heads, int head_size, int intermediate, int bits,
    float epsilon, int threads
) {
    model *m = zeros(1, sizeof(model));
    if (m == NULL) {
        return NULL;
    }
    m->of = (sizes){layers, hidden, heads, kv_heads, head_size, intermediate, bits, epsilon};
    int queries = heads * head_size, both = 2 * kv_heads * head_size;
    int widest = most(padded(hidden), padded(queries));
    m->layers = zeros((size_t)layers, sizeof(layer));
    m->x = zeros((size_t)CHUNK * hidden, sizeof(float));
    m->normed = zeros((size_t)CHUNK * padded(hidden), sizeof(float));
    m->qkv = zeros((size_t)CHUNK * (queries + both), sizeof(float));
    m->attended = zeros((size_t)CHUNK * padded(queries), sizeof(float));
    m->gated = zeros((size_t)CHUNK * padded(intermediate), sizeof(float));
    bool whole = m->layers != NULL && m->x != NULL && m->normed != NULL && m->qkv != NULL
        && m->attended != NULL && m->gated != NULL && hold_activations(&m->narrow, bits, widest)
        && hold_activations(&m->wide, bits, intermediate);
    for (int number = 0; whole && number < layers; number++) {
        matrix *by = m->layers[number].by;
        whole = hold(&by[QKV], bits, queries + both, hidden)
            && hold(&by[O], bits, hidden, queries)
            && hold(&by[GATE_UP], bits, 2 * intermediate, hidden)
            && hold(&by[DOWN], bits, hidden, intermediate);
    }
    m->together = whole && team_gather(&m->all, threads);
    if (!m->together) {
        podtts_layers_free(m);
        return NULL;
    }
    return m;
}

typedef struct {
    const matrix *to;
    const uint8_t *levels;
    const uint16_t *scale;
} laying;

static void lay_tiles(team *all, void *given) {
    const laying *from = given;
    int tiles = from->to->outputs / OUTPUTS, tile;
    while ((tile = team_take(all, 1)) < tiles) {
        lay(from->to, tile, from->levels, from->scale);
    }
}

// Fill a matrix: [outputs, blocks of 32 inputs, 4 * bits bytes] and, below 16 bits, float16
// [outputs, blocks]. Nothing of them is used afterwards.
void podtts_layers_matrix(
    model *m, int number, int which, const uint8_t *levels, const uint16_t *scale
) {
    laying from = {&m->layers[number].by[which], levels, scale};
    team_run(&m->all, lay_tiles, &from);
}

// Name a norm's weights, float32, which stay where they are; layer -1: the last norm.
void podtts_layers_norm(model *m, int number, int which, const float *weights) {
    if (number < 0) {
        m->norm = weights;
    } else {
        m->layers[number].norm[which] = weights;
    }
}

// Root-mean-square norm of x [size, a multiple of 16]; y may be x.
static void norm(const float *x, const float *weights, int size, float epsilon, float *y) {
    __m512 squares = _mm512_setzero_ps();
    for (int at = 0; at < size; at += 16) {
        __m512 some = _mm512_loadu_ps(x + at);
        squares = _mm512_fmadd_ps(some, some, squares);
    }
    float mean = _mm512_reduce_add_ps(squares) / (float)size;
    __m512 factor = _mm512_set1_ps(1.0f / __builtin_sqrtf(mean + epsilon));
    for (int at = 0; at < size; at += 16) {
        __m512 some = _mm512_mul_ps(_mm512_loadu_ps(x + at), factor);
        _mm512_storeu_ps(y + at, _mm512_mul_ps(some, _mm512_loadu_ps(weights + at)));
    }
}

// Rotate one head [size, a multiple of 16] by its position, and scale it.
static void rotate(float *x, const float *cosine, const float *sine, int size, float scale) {
    int half = size / 2;
    for (int at = 0; at < half; at += 8) {
        __m256 first = _mm256_loadu_ps(x + at), second = _mm256_loadu_ps(x + half + at);
        __m256 by = _mm256_set1_ps(scale);
        __m256 cos = _mm256_mul_ps(_mm256_loadu_ps(cosine + at), by);
        __m256 sin = _mm256_mul_ps(_mm256_loadu_ps(sine + at), by);
        __m256 left = _mm256_fnmadd_ps(second, sin, _mm256_mul_ps(first, cos));
        __m256 right = _mm256_fmadd_ps(first, sin, _mm256_mul_ps(second, cos));
        _mm256_storeu_ps(x + at, left);
        _mm256_storeu_ps(x + half + at, right);
    }
}

// Where a position of the chunk stands: its row, and its place in it.
static int row_of(const reading *what, int position) {
    return (what->first + position) / what->tokens;
}

static int place_of(const reading *what, int position) {
    return what->lengths[row_of(what, position)] + (what->first + position) % what->tokens;
}

// y = by x, or y += by x; y has rows of `stride`.
static void multiply(
    const reading *what, const matrix *by, const activations *x, bool add, float *y, int stride
) {
    int tiles = by->outputs / OUTPUTS, begin;
    while ((begin = team_take(&what->m->all, TILES_AT_ONCE)) < tiles) {
        int end = begin + TILES_AT_ONCE < tiles ? begin + TILES_AT_ONCE : tiles;
        for (int tile = begin; tile < end; tile++) {
            for (int first = 0; first < what->count; first += ROWS) {
                int rows = what->count - first < ROWS ? what->count - first : ROWS;
                __m512 sums[ROWS];
                sum_tile(by, tile, x, first, rows, sums);
                for (int row = 0; row < rows; row++) {
                    float *to = y + (size_t)(first + row) * stride + tile * OUTPUTS;
                    __m512 sum = sums[row];
                    _mm512_storeu_ps(to, add ? _mm512_add_ps(_mm512_loadu_ps(to), sum) : sum);
                }
            }
        }
    }
    team_meet(&what->m->all);
}

// gated = SiLU(gate x) * (up x); the gates' outputs come first in the matrix.
static void multiply_gated(const reading *what, const matrix *by, const activations *x) {
    int tiles = by->outputs / OUTPUTS / 2, stride = padded(what->m->of.intermediate), begin;
    const __m512 one = _mm512_set1_ps(1.0f);
    while ((begin = team_take(&what->m->all, TILES_AT_ONCE / 2)) < tiles) {
        int end = begin + TILES_AT_ONCE / 2 < tiles ? begin + TILES_AT_ONCE / 2 : tiles;
        for (int tile = begin; tile < end; tile++) {
            for (int first = 0; first < what->count; first += ROWS) {
                int rows = what->count - first < ROWS ? what->count - first : ROWS;
                __m512 gates[ROWS], ups[ROWS];
                sum_tile(by, tile, x, first, rows, gates);
                sum_tile(by, tiles + tile, x, first, rows, ups);
                for (int row = 0; row < rows; row++) {
                    // Far below zero the gate is closed: 88 keeps the exponential finite.
                    __m512 less = _mm512_min_ps(
                        _mm512_set1_ps(88.0f), _mm512_sub_ps(_mm512_setzero_ps(), gates[row])
                    );
                    __m512 open = _mm512_div_ps(
                        gates[row], _mm512_add_ps(one, exponential(less))
                    );
                    float *to = what->m->gated + (size_t)(first + row) * stride + tile * OUTPUTS;
                    _mm512_storeu_ps(to, _mm512_mul_ps(open, ups[row]));
                }
            }
        }
    }
    team_meet(&what->m->all);
}

static void put_rows(const reading *what, const activations *to, const float *x, int stride) {
    int row;
    while ((row = team_take(&what->m->all, 1)) < what->count) {
        put(to, row, what->m->of.bits, x + (size_t)row * stride);
    }
    team_meet(&what->m->all);
}

// What a part of a layer reads: the norm of x, in the form its matrix wants.
static void put_normed(const reading *what, const activations *to, const float *weights) {
    model *m = what->m;
    int row;
    while ((row = team_take(&m->all, 1)) < what->count) {
        float *normed = m->normed + (size_t)row * padded(m->of.hidden);
        norm(m->x + (size_t)row * m->of.hidden, weights, m->of.hidden, m->of.epsilon, normed);
        put(to, row, m->of.bits, normed);
    }
    team_meet(&m->all);
}

// The place of a head's keys or values of one position.
static size_t kept_at(const reading *what, int number, int position, int head, int place) {
    return (size_t)number * what->layer_stride + (size_t)row_of(what, position) * what->row_stride
        + ((size_t)head * what->places + place) * what->m->of.head_size;
}

// Norm and rotate queries and keys; keep keys and values.
static void place_heads(const reading *what, int number) {
    model *m = what->m;
    const sizes *of = &m->of;
    const layer *l = &m->layers[number];
    int all_heads = of->heads + 2 * of->kv_heads, size = of->head_size, piece;
    float scale = 1.0f / __builtin_sqrtf((float)size);
    while ((piece = team_take(&m->all, 1)) < what->count * all_heads) {
        int position = piece / all_heads, head = piece % all_heads;
        int place = place_of(what, position);
        float *x = m->qkv + ((size_t)position * all_heads + head) * size;
        const float *cosine = what->cosine + (size_t)place * (size / 2);
        const float *sine = what->sine + (size_t)place * (size / 2);
        if (head < of->heads) {
            norm(x, l->norm[Q_NORM], size, of->epsilon, x);
            rotate(x, cosine, sine, size, scale);
            continue;
        }
        bool is_key = head < of->heads + of->kv_heads;
        if (is_key) {
            norm(x, l->norm[K_NORM], size, of->epsilon, x);
            rotate(x, cosine, sine, size, 1.0f);
        }
        int own = (head - of->heads) % of->kv_heads;
        size_t at = kept_at(what, number, position, own, place);
        for (int some = 0; some < size; some += 16) {
            keep(is_key ? what->keys : what->values, at + some, what->halved,
                 _mm512_loadu_ps(x + some));
        }
    }
    team_meet(&m->all);
}

static void attend_all(const reading *what, int number, float *scores) {
    model *m = what->m;
    const sizes *of = &m->of;
    int all_heads = of->heads + 2 * of->kv_heads, size = of->head_size, piece;
    size_t bytes = what->halved ? sizeof(uint16_t) : sizeof(float);
    while ((piece = team_take(&m->all, 1)) < what->count * of->heads) {
        int position = piece / of->heads, head = piece % of->heads;
        int own = head / (of->heads / of->kv_heads);
        size_t at = kept_at(what, number, position, own, 0) * bytes;
        attend(
            m->qkv + ((size_t)position * all_heads + head) * size, (char *)what->keys + at,
            (char *)what->values + at, place_of(what, position) + 1, size, what->halved, scores,
            m->attended + (size_t)position * padded(of->heads * size) + head * size
        );
    }
    team_meet(&m->all);
}

// All layers for the positions of a chunk.
static void read_chunk(const reading *what, float *scores) {
    model *m = what->m;
    const sizes *of = &m->of;
    int queries = of->heads * of->head_size;
    // The same memory serves inputs of two widths.
    activations of_hidden = m->narrow, of_queries = m->narrow;
    of_hidden.blocks = padded(of->hidden) / BLOCK;
    of_queries.blocks = padded(queries) / BLOCK;
    for (int number = 0; number < of->layers; number++) {
        const layer *l = &m->layers[number];
        put_normed(what, &of_hidden, l->norm[INPUT_NORM]);
        multiply(what, &l->by[QKV], &of_hidden, false, m->qkv,
                 queries + 2 * of->kv_heads * of->head_size);
        place_heads(what, number);
        attend_all(what, number, scores);
        put_rows(what, &of_queries, m->attended, padded(queries));
        multiply(what, &l->by[O], &of_queries, true, m->x, of->hidden);
        put_normed(what, &of_hidden, l->norm[POST_ATTENTION_NORM]);
        multiply_gated(what, &l->by[GATE_UP], &of_hidden);
        put_rows(what, &m->wide, m->gated, padded(of->intermediate));
        multiply(what, &l->by[DOWN], &m->wide, true, m->x, of->hidden);
    }
}

static void read_all(team *all, void *given) {
    reading *shared = given, what = *shared;  // the chunk is everyone's own
    model *m = what.m;
    int hidden = m->of.hidden, positions = what.rows * what.tokens, row;
    int who = atomic_fetch_add(&shared->threads, 1);
    float *scores = what.scores + (size_t)who * (what.places + 15);
    for (what.first = 0; what.first < positions; what.first += CHUNK) {
        what.count = positions - what.first < CHUNK ? positions - what.first : CHUNK;
        float *embedded = what.embedded + (size_t)what.first * hidden;
        while ((row = team_take(all, 1)) < what.count) {
            size_t at = (size_t)row * hidden;
            memcpy(m->x + at, embedded + at, sizeof(float) * hidden);
        }
        team_meet(all);
        read_chunk(&what, scores);
        while ((row = team_take(all, 1)) < what.count) {
            size_t at = (size_t)row * hidden;
            norm(m->x + at, m->norm, hidden, m->of.epsilon, embedded + at);
        }
        team_meet(all);
    }
}

// Read positions behind what rows hold; 0, or -1 where memory does not suffice.
int podtts_layers_read(
    model *m, float *embedded, int rows, int tokens, const int *lengths, void *keys, void *values,
    int64_t layer_stride, int64_t row_stride, int places, int halved, const float *cosine,
    const float *sine
) {
    reading what = {
        .m = m, .embedded = embedded, .rows = rows, .tokens = tokens, .lengths = lengths,
        .keys = keys, .values = values, .layer_stride = layer_stride, .row_stride = row_stride,
        .places = places, .halved = halved, .cosine = cosine, .sine = sine,
    };
    what.scores = zeros((size_t)m->all.size * (places + 15), sizeof(float));
    if (what.scores == NULL) {
        return -1;
    }
    team_run(&m->all, read_all, &what);
    free(what.scores);
    return 0;
}
