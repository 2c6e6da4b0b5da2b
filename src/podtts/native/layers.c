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

enum { MATRICES = 4, NORMS = 4, HUGE_PAGE = 1 << 21 };
// Positions that go through the layers together. Tiles of a piece of work, at most: the longer it
// is, the longer its weights come in one stream. Pieces for each thread, at least, so that one that
// is held up does not hold up all.
enum { CHUNK = 64, MOST_TILES = 16, PIECES_EACH = 4 };
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
    matrix head;  // bfloat16; without levels if there is none
    team all;
    bool together;  // the team has gathered
    // Of a chunk of positions, each row with room for whole blocks:
    float *x, *normed, *qkv, *attended, *gated;
    activations of_hidden, of_queries, of_gated, of_head;
} model;

// What one call reads.
typedef struct {
    model *m;
    float *embedded;     // [positions, hidden], overwritten by hidden states
    int tokens;          // of each row; positions are those of the first row, of the second, ...
    const int *lengths;  // [rows], places that are filled
    void *keys, *values; // [layers, rows, kv heads, places, head size] with these strides
    int64_t layer_stride, row_stride;
    int places;
    bool halved;  // keys and values are bfloat16
    const float *cosine, *sine;  // [places, head size / 2]
    float *scores;  // [threads, 2, places + 15]
    int first, count;  // positions of the chunk
    int number;  // of the layer
} reading;

static int padded(int inputs) { return (inputs + BLOCK - 1) / BLOCK * BLOCK; }

static int least(int one, int other) { return one < other ? one : other; }

static int tiles_at_once(const team *all, int tiles) {
    int some = tiles / (PIECES_EACH * all->size);
    return some < 1 ? 1 : least(some, MOST_TILES);
}

static int pieces(int tiles, int at_once) { return (tiles + at_once - 1) / at_once; }

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
    if (m->head.levels != NULL) {
        drop(&m->head);
    }
    free(m->layers);
    free(m->x);
    free(m->normed);
    free(m->qkv);
    free(m->attended);
    free(m->gated);
    drop_activations(&m->of_hidden);
    drop_activations(&m->of_queries);
    drop_activations(&m->of_gated);
    drop_activations(&m->of_head);
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
    m->layers = zeros((size_t)layers, sizeof(layer));
    m->x = zeros((size_t)CHUNK * hidden, sizeof(float));
    m->normed = zeros((size_t)CHUNK * padded(hidden), sizeof(float));
    m->qkv = zeros((size_t)CHUNK * (queries + both), sizeof(float));
    m->attended = zeros((size_t)CHUNK * padded(queries), sizeof(float));
    m->gated = zeros((size_t)CHUNK * padded(intermediate), sizeof(float));
    bool whole = m->layers != NULL && m->x != NULL && m->normed != NULL && m->qkv != NULL
        && m->attended != NULL && m->gated != NULL && hold_activations(&m->of_hidden, bits, hidden)
        && hold_activations(&m->of_queries, bits, queries)
        && hold_activations(&m->of_gated, bits, intermediate);
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

// Let so many threads work from now on.
void podtts_layers_allow(model *m, int threads) { team_allow(&m->all, threads); }

typedef struct {
    const matrix *to;
    const uint8_t *levels;
    const uint16_t *scale;
} laying;

static void lay_tile(const void *given, int tile, int who) {
    (void)who;
    const laying *from = given;
    lay(from->to, tile, from->levels, from->scale);
}

// Fill a matrix: [outputs, blocks of 32 inputs, 4 * bits bytes] and, below 16 bits, float16
// [outputs, blocks]. Nothing of them is used afterwards.
void podtts_layers_matrix(
    model *m, int number, int which, const uint8_t *levels, const uint16_t *scale
) {
    laying from = {&m->layers[number].by[which], levels, scale};
    team_wake(&m->all);
    team_run(&m->all, lay_tile, &from, from.to->outputs / OUTPUTS);
    team_rest(&m->all);
}

// Fill the output head: bfloat16 [outputs, hidden, filled up to whole blocks]; outputs: a multiple
// of 16. 0, or -1 where memory does not suffice.
int podtts_layers_head(model *m, int outputs, const uint8_t *weights) {
    int hidden = m->of.hidden;
    if (!hold(&m->head, 16, outputs, hidden) || !hold_activations(&m->of_head, 16, hidden)) {
        return -1;
    }
    laying from = {&m->head, weights, NULL};
    team_wake(&m->all);
    team_run(&m->all, lay_tile, &from, outputs / OUTPUTS);
    team_rest(&m->all);
    return 0;
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

// y = by x, or y += by x.
typedef struct {
    const matrix *by;
    const activations *x;
    int rows, at_once;  // at_once: tiles
    bool add;
    float *y;  // [rows, outputs]
} product;

static void multiply_piece(const void *given, int piece, int who) {
    (void)who;
    const product *p = given;
    int tiles = p->by->outputs / OUTPUTS, begin = piece * p->at_once;
    for (int tile = begin; tile < begin + p->at_once && tile < tiles; tile++) {
        for (int first = 0; first < p->rows; first += ROWS) {
            int rows = least(p->rows - first, ROWS);
            __m512 sums[ROWS];
            sum_tile(p->by, tile, p->x, first, rows, sums);
            for (int row = 0; row < rows; row++) {
                float *to = p->y + (size_t)(first + row) * p->by->outputs + tile * OUTPUTS;
                __m512 sum = sums[row];
                _mm512_storeu_ps(to, p->add ? _mm512_add_ps(_mm512_loadu_ps(to), sum) : sum);
            }
        }
    }
}

static void multiply(
    team *all, int rows, const matrix *by, const activations *x, bool add, float *y
) {
    int tiles = by->outputs / OUTPUTS, at_once = tiles_at_once(all, tiles);
    product p = {by, x, rows, at_once, add, y};
    team_run(all, multiply_piece, &p, pieces(tiles, at_once));
}

static const layer *layer_of(const reading *what) { return &what->m->layers[what->number]; }

// gated = SiLU(gate x) * (up x); the gates' outputs come first in the matrix.
static void multiply_gated(const void *given, int piece, int who) {
    (void)who;
    const reading *what = given;
    model *m = what->m;
    const matrix *by = &layer_of(what)->by[GATE_UP];
    int tiles = m->of.intermediate / OUTPUTS, at_once = tiles_at_once(&m->all, tiles);
    int begin = piece * at_once;
    const __m512 one = _mm512_set1_ps(1.0f);
    for (int tile = begin; tile < begin + at_once && tile < tiles; tile++) {
        for (int first = 0; first < what->count; first += ROWS) {
            int rows = least(what->count - first, ROWS);
            __m512 gates[ROWS], ups[ROWS];
            sum_tile(by, tile, &m->of_hidden, first, rows, gates);
            sum_tile(by, tiles + tile, &m->of_hidden, first, rows, ups);
            for (int row = 0; row < rows; row++) {
                // Far below zero the gate is closed: 88 keeps the exponential finite.
                __m512 less = _mm512_sub_ps(_mm512_setzero_ps(), gates[row]);
                less = _mm512_min_ps(_mm512_set1_ps(88.0f), less);
                __m512 open = _mm512_div_ps(gates[row], _mm512_add_ps(one, exponential(less)));
                size_t place = (size_t)(first + row) * padded(m->of.intermediate);
                _mm512_storeu_ps(m->gated + place + tile * OUTPUTS, _mm512_mul_ps(open, ups[row]));
            }
        }
    }
}

// What a part of a layer reads of a position, in the form its matrix wants: the norm of x ...
static void put_normed(const reading *what, int row, const float *weights) {
    model *m = what->m;
    float *normed = m->normed + (size_t)row * padded(m->of.hidden);
    norm(m->x + (size_t)row * m->of.hidden, weights, m->of.hidden, m->of.epsilon, normed);
    put(&m->of_hidden, row, m->of.bits, normed);
}

static void put_input(const void *given, int row, int who) {
    (void)who;
    put_normed(given, row, layer_of(given)->norm[INPUT_NORM]);
}

static void put_post_attention(const void *given, int row, int who) {
    (void)who;
    put_normed(given, row, layer_of(given)->norm[POST_ATTENTION_NORM]);
}

// ... what was attended to, what came through the gates.
static void put_attended(const void *given, int row, int who) {
    (void)who;
    model *m = ((const reading *)given)->m;
    int size = padded(m->of.heads * m->of.head_size);
    put(&m->of_queries, row, m->of.bits, m->attended + (size_t)row * size);
}

static void put_gated(const void *given, int row, int who) {
    (void)who;
    model *m = ((const reading *)given)->m;
    put(&m->of_gated, row, m->of.bits, m->gated + (size_t)row * padded(m->of.intermediate));
}

// The place of a head's keys or values of one position.
static size_t kept_at(const reading *what, int position, int head, int place) {
    return what->number * what->layer_stride + row_of(what, position) * what->row_stride
        + ((size_t)head * what->places + place) * what->m->of.head_size;
}

// Norm and rotate queries and keys of a position; keep keys and values.
static void place_heads(const void *given, int position, int who) {
    (void)who;
    const reading *what = given;
    model *m = what->m;
    const sizes *of = &m->of;
    const layer *l = layer_of(what);
    int heads = of->heads + 2 * of->kv_heads, size = of->head_size;
    int place = place_of(what, position);
    const float *cosine = what->cosine + (size_t)place * (size / 2);
    const float *sine = what->sine + (size_t)place * (size / 2);
    float scale = 1.0f / __builtin_sqrtf((float)size);
    for (int head = 0; head < heads; head++) {
        float *x = m->qkv + ((size_t)position * heads + head) * size;
        bool is_query = head < of->heads, is_value = head >= of->heads + of->kv_heads;
        if (!is_value) {
            norm(x, l->norm[is_query ? Q_NORM : K_NORM], size, of->epsilon, x);
            rotate(x, cosine, sine, size, is_query ? scale : 1.0f);
        }
        if (!is_query) {
            size_t at = kept_at(what, position, (head - of->heads) % of->kv_heads, place);
            for (int some = 0; some < size; some += 16) {
                keep(is_value ? what->values : what->keys, at + some, what->halved,
                     _mm512_loadu_ps(x + some));
            }
        }
    }
}

// Query heads that go through the keys they share at once.
static int heads_at_once(const sizes *of) { return of->heads / of->kv_heads % 2 == 0 ? 2 : 1; }

static void attend_heads(const void *given, int piece, int who) {
    const reading *what = given;
    model *m = what->m;
    const sizes *of = &m->of;
    int heads = of->heads + 2 * of->kv_heads, size = of->head_size, at_once = heads_at_once(of);
    int position = piece * at_once / of->heads, head = piece * at_once % of->heads;
    size_t at = kept_at(what, position, head / (of->heads / of->kv_heads), 0)
        * (what->halved ? sizeof(uint16_t) : sizeof(float));
    attend(
        m->qkv + ((size_t)position * heads + head) * size, at_once, (char *)what->keys + at,
        (char *)what->values + at, place_of(what, position) + 1, size, what->halved,
        what->scores + (size_t)who * 2 * (what->places + 15),
        m->attended + (size_t)position * padded(of->heads * size) + head * size
    );
}

// All layers and the last norm for the positions of a chunk.
static void read_chunk(reading *what) {
    model *m = what->m;
    team *all = &m->all;
    int hidden = m->of.hidden, gates = m->of.intermediate / OUTPUTS, count = what->count;
    float *embedded = what->embedded + (size_t)what->first * hidden;
    memcpy(m->x, embedded, sizeof(float) * hidden * count);
    for (what->number = 0; what->number < m->of.layers; what->number++) {
        const matrix *by = layer_of(what)->by;
        team_run(all, put_input, what, count);
        multiply(all, count, &by[QKV], &m->of_hidden, false, m->qkv);
        team_run(all, place_heads, what, count);
        team_run(all, attend_heads, what, count * m->of.heads / heads_at_once(&m->of));
        team_run(all, put_attended, what, count);
        multiply(all, count, &by[O], &m->of_queries, true, m->x);
        team_run(all, put_post_attention, what, count);
        team_run(all, multiply_gated, what, pieces(gates, tiles_at_once(all, gates)));
        team_run(all, put_gated, what, count);
        multiply(all, count, &by[DOWN], &m->of_gated, true, m->x);
    }
    for (int row = 0; row < count; row++) {
        size_t at = (size_t)row * hidden;
        norm(m->x + at, m->norm, hidden, m->of.epsilon, embedded + at);
    }
}

// Logits [rows, outputs of the head] of hidden states [rows, hidden, filled up to whole blocks].
void podtts_layers_logits(model *m, const float *hidden, int rows, float *logits) {
    int outputs = m->head.outputs;
    team_wake(&m->all);
    for (int first = 0; first < rows; first += CHUNK) {
        int count = least(rows - first, CHUNK);
        m->of_head.beside = least(count, ROWS);
        for (int row = 0; row < count; row++) {
            put_plain(&m->of_head, row, hidden + (size_t)(first + row) * padded(m->of.hidden));
        }
        multiply(&m->all, count, &m->head, &m->of_head, false, logits + (size_t)first * outputs);
    }
    team_rest(&m->all);
}

// Read positions behind what rows hold; 0, or -1 where memory does not suffice.
int podtts_layers_read(
    model *m, float *embedded, int rows, int tokens, const int *lengths, void *keys, void *values,
    int64_t layer_stride, int64_t row_stride, int places, int halved, const float *cosine,
    const float *sine
) {
    reading what = {
        .m = m, .embedded = embedded, .tokens = tokens, .lengths = lengths,
        .keys = keys, .values = values, .layer_stride = layer_stride, .row_stride = row_stride,
        .places = places, .halved = halved, .cosine = cosine, .sine = sine,
    };
    what.scores = zeros((size_t)m->all.size * 2 * (places + 15), sizeof(float));
    if (what.scores == NULL) {
        return -1;
    }
    team_wake(&m->all);
    for (what.first = 0; what.first < rows * tokens; what.first += CHUNK) {
        what.count = least(rows * tokens - what.first, CHUNK);
        m->of_hidden.beside = m->of_queries.beside = m->of_gated.beside = least(what.count, ROWS);
        read_chunk(&what);
    }
    team_rest(&m->all);
    free(what.scores);
    return 0;
}
