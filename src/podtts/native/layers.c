// The layers of a Qwen3 decoder and its last norm on CPUs: embeddings in, hidden states out.
//
// At batch 1 a decode step is bound by reading the weights once, at larger batches by multiplying
// with them; everything else of a step is done by the same threads in the same call. Source of the
// architecture: see podtts/llm/qwen3.py, which tests/llm/test_native_layers.py compares this with.

#include "layers_steps.h"

// All layers and the last norm for the tokens of a chunk, unless the call is cancelled; DONE or
// CANCELLED.
static int forward_chunk(forward_pass *f) {
    model *m = f->m;
    team *t = &m->team;
    int hidden = m->config.hidden, count = f->count;
    int gate_tiles = m->config.intermediate / TILE;
    int gate_tasks = ceil_div(gate_tiles, tiles_per_task(t, gate_tiles));
    int attend_tasks = count * m->config.heads / heads_per_task(&m->config);
    float *x = f->x + (size_t)f->first * hidden;
    memcpy(m->x, x, sizeof(float) * hidden * count);
    for (f->layer = 0; f->layer < m->config.layers; f->layer++) {
        if (is_cancelled(f->cancel)) {
            return CANCELLED;
        }
        const matrix *matrices = layer_of(f)->matrices;
        team_run(t, input_norm_task, f, count);
        multiply(t, count, &matrices[QKV], &m->normed_in, false, m->qkv);
        team_run(t, rotate_and_cache_task, f, count);
        team_run(t, attend_task, f, attend_tasks);
        team_run(t, store_attended_task, f, count);
        multiply(t, count, &matrices[O], &m->attended_in, true, m->x);
        team_run(t, post_attention_norm_task, f, count);
        team_run(t, gate_up_task, f, gate_tasks);
        team_run(t, store_gated_task, f, count);
        multiply(t, count, &matrices[DOWN], &m->gated_in, true, m->x);
    }
    for (int token = 0; token < count; token++) {
        size_t index = (size_t)token * hidden;
        rms_norm(m->x + index, m->norm, hidden, m->config.epsilon, x + index);
    }
    return DONE;
}

// Whether the cache has room behind what its rows hold.
static bool fits(const forward_pass *f, int rows) {
    if (rows < 1 || f->tokens < 1 || (int64_t)rows * f->tokens > INT32_MAX - CHUNK) {
        return false;
    }
    for (int row = 0; row < rows; row++) {
        if (f->lengths[row] < 0 || f->lengths[row] > (int64_t)f->capacity - f->tokens) {
            return false;
        }
    }
    return true;
}

// Run `tokens` tokens of each row through the layers, behind what the rows of the cache hold; their
// keys and values are stored in the cache. For shapes see forward_pass. cache_bfloat16: 0 for keys
// and values in float32. cancel: see is_cancelled; a layer is finished before.
int podtts_layers_forward(
    model *m, float *x, int rows, int tokens, const int *lengths, void *keys, void *values,
    int64_t layer_stride, int64_t row_stride, int capacity, int cache_bfloat16,
    const float *cosine, const float *sine, const int *cancel
) {
    forward_pass f = {
        .m = m, .x = x, .tokens = tokens, .lengths = lengths, .keys = keys, .values = values,
        .layer_stride = layer_stride, .row_stride = row_stride, .capacity = capacity,
        .cache_bfloat16 = cache_bfloat16, .cosine = cosine, .sine = sine, .cancel = cancel,
    };
    if (!fits(&f, rows)) {
        return REFUSED;
    }
    f.scores = alloc_zeroed(m->team.size * MAX_QUERIES * score_stride(capacity), sizeof(float));
    if (f.scores == NULL) {
        return OUT_OF_MEMORY;
    }
    int result = DONE;
    team_wake(&m->team);
    for (f.first = 0; result == DONE && f.first < rows * tokens; f.first += CHUNK) {
        f.count = min_int(rows * tokens - f.first, CHUNK);
        int row_block = min_int(f.count, ROW_BLOCK);
        m->normed_in.row_block = m->attended_in.row_block = m->gated_in.row_block = row_block;
        result = forward_chunk(&f);
    }
    team_sleep(&m->team);
    free(f.scores);
    return result;
}

// Logits [rows, outputs of the head] of hidden states [rows, hidden, padded to whole blocks].
void podtts_layers_logits(model *m, const float *hidden, int rows, float *logits) {
    int outputs = m->head.outputs, size = padded(m->config.hidden);
    team_wake(&m->team);
    for (int first = 0; first < rows; first += CHUNK) {
        int count = min_int(rows - first, CHUNK);
        m->head_in.row_block = min_int(count, ROW_BLOCK);
        for (int row = 0; row < count; row++) {
            convert_row(&m->head_in, row, hidden + (size_t)(first + row) * size);
        }
        multiply(&m->team, count, &m->head, &m->head_in, false, logits + (size_t)first * outputs);
    }
    team_sleep(&m->team);
}
