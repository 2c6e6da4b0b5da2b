// The velocity field of the flow on CPUs: one call an evaluation.
//
// Source of the architecture: see podtts/flow/estimator.py, which
// tests/flow/test_native_estimator.py compares this with.

#include "estimator_steps.h"

// Do a step, unless the evaluation is cancelled.
static void run_step(evaluation *e, team_task *task, int count) {
    e->cancelled = e->cancelled || is_cancelled(e->cancel);
    if (!e->cancelled) {
        team_run(&e->m->team, task, e, count);
    }
}

static void run_stage(
    evaluation *e, int number, sequences source, sequences target, sequences second_target
) {
    int tasks = e->count * e->segments, blocks = e->m->config.blocks;
    e->stage = &e->m->stages[number];
    e->source = source, e->target = target, e->second_target = second_target;
    e->next = &e->stage->blocks[0];
    run_step(e, first_convolution_task, tasks);
    run_step(e, second_convolution_task, tasks);
    for (int block = 0; block < blocks; block++) {
        e->block = &e->stage->blocks[block];
        e->next = block + 1 < blocks ? e->block + 1 : NULL;
        run_step(e, attend_task, tasks * e->m->config.heads);
        run_step(e, feed_forward_task, tasks);
    }
}

static void run_convolution(evaluation *e, int which, sequences source, sequences target) {
    e->source = source, e->target = target, e->conv = &e->m->outer[which];
    run_step(e, outer_convolution_task, e->count * e->segments);
}

// What the stages add for the time; waves: [count, input].
static void embed_times(evaluation *e, const float *waves) {
    const model *m = e->m;
    const config *c = &m->config;
    activations rows = {.lanes = e->scratch[0].rows.lanes};
    float *hidden = e->scratch[0].wide;
    for (int first = 0; first < e->count; first += SEGMENT) {
        int count = min_int(e->count - first, SEGMENT);
        rows.stride = c->input * sizeof(float);
        memcpy(rows.lanes, waves + (size_t)first * c->input, count * rows.stride);
        multiply(&m->outer[TIME_1], &rows, count, false, hidden, c->time);
        silu(hidden, count * c->time);
        rows.stride = c->time * sizeof(float);
        memcpy(rows.lanes, hidden, count * rows.stride);
        multiply(&m->outer[TIME_2], &rows, count, false, hidden, c->time);
        mish(hidden, count * c->time);
        memcpy(rows.lanes, hidden, count * rows.stride);
        for (int number = 0; number < c->stages; number++) {
            float *to = e->times + ((size_t)number * e->count + first) * c->channels;
            multiply(&m->stages[number].matrices[TIME], &rows, count, false, to, c->channels);
        }
    }
}

static void evaluate(evaluation *e, const float *waves) {
    const config *c = &e->m->config;
    int tasks = e->count * e->segments, last = c->stages - 1;
    // The last stage reads, in each position, what the middle stages give and what the first gave.
    sequences none = {0}, skipped = e->concatenated;
    skipped.rows += (size_t)c->channels * LANE_BYTES / lane_size(c->conv_dtype);
    embed_times(e, waves);
    run_step(e, store_input_task, tasks);
    run_stage(e, 0, e->input, e->b, skipped);
    run_convolution(e, DOWN_CONV, e->b, e->a);
    for (int number = 1; number < last; number++) {
        run_stage(e, number, e->a, number + 1 < last ? e->a : e->concatenated, none);
    }
    run_stage(e, last, e->concatenated, e->a, none);
    run_convolution(e, UP_CONV, e->a, e->b);
    e->source = e->b, e->target = e->a;
    run_step(e, final_block_task, tasks);
}

static sequences alloc_sequences(const evaluation *e, int width) {
    int size = lane_size(e->m->config.conv_dtype);
    sequences s = {.position_bytes = (size_t)width * LANE_BYTES / size};
    s.sequence_bytes = (PADDING + e->frames + ROW_BLOCK) * s.position_bytes;
    s.rows = alloc_zeroed(e->count, s.sequence_bytes);
    return s;
}

static bool alloc_scratch(const evaluation *e, scratch *s) {
    size_t wide = (size_t)SEGMENT * e->m->max_width;
    size_t scores = (size_t)ROW_BLOCK * panels_of(e->frames) * PANEL;
    s->wide = alloc_zeroed(wide, sizeof(float));
    s->rows = (activations){
        .lanes = alloc_zeroed(wide, LANE_BYTES),
        .scales = alloc_zeroed(SEGMENT, sizeof(float)),
        .compensation = alloc_zeroed(SEGMENT, sizeof(int32_t)),
    };
    s->scores = alloc_zeroed(scores, sizeof(float));
    s->probabilities = alloc_zeroed(scores, LANE_BYTES);
    return s->wide != NULL && s->rows.lanes != NULL && s->rows.scales != NULL
        && s->rows.compensation != NULL && s->scores != NULL && s->probabilities != NULL;
}

static void free_scratch(const scratch *s) {
    free(s->wide);
    free(s->rows.lanes);
    free(s->rows.scales);
    free(s->rows.compensation);
    free(s->scores);
    free(s->probabilities);
}

static bool alloc_buffers(evaluation *e) {
    const config *c = &e->m->config;
    size_t positions = (size_t)e->count * e->frames, heads = (size_t)e->count * c->heads;
    size_t queries = heads * (e->frames + ROW_BLOCK);
    int lanes = c->head_size / lane_size(c->linear_dtype), key_panels = panels_of(e->frames);
    e->query_bytes = (size_t)(e->frames + ROW_BLOCK) * lanes * LANE_BYTES;
    e->key_bytes = (size_t)key_panels * lanes * PANEL_LANE_BYTES;
    e->value_bytes = (size_t)(e->frames / lane_size(c->conv_dtype) + 1) * PANEL_LANE_BYTES;
    e->input = alloc_sequences(e, c->input);
    e->a = alloc_sequences(e, c->channels);
    e->b = alloc_sequences(e, c->channels);
    e->concatenated = alloc_sequences(e, 2 * c->channels);
    e->x = alloc_zeroed(positions * c->channels, sizeof(float));
    e->attended = alloc_zeroed(positions * c->heads * c->head_size, sizeof(float));
    e->times = alloc_zeroed((size_t)c->stages * e->count * c->channels, sizeof(float));
    e->queries = alloc_zeroed(heads, e->query_bytes);
    e->keys = alloc_zeroed(heads, e->key_bytes);
    e->values = alloc_zeroed(heads * panels_of(c->head_size), e->value_bytes);
    e->query_scales = alloc_zeroed(queries, sizeof(float));
    e->query_compensation = alloc_zeroed(queries, sizeof(int32_t));
    e->key_scales = alloc_zeroed(heads * key_panels * PANEL, sizeof(float));
    e->scratch = alloc_zeroed(e->m->team.size, sizeof(scratch));
    bool allocated = e->input.rows != NULL && e->a.rows != NULL && e->b.rows != NULL
        && e->concatenated.rows != NULL && e->x != NULL && e->attended != NULL && e->times != NULL
        && e->queries != NULL && e->keys != NULL && e->values != NULL && e->query_scales != NULL
        && e->query_compensation != NULL && e->key_scales != NULL && e->scratch != NULL;
    for (int thread = 0; allocated && thread < e->m->team.size; thread++) {
        allocated = alloc_scratch(e, &e->scratch[thread]);
    }
    return allocated;
}

static void free_buffers(const evaluation *e) {
    for (int thread = 0; e->scratch != NULL && thread < e->m->team.size; thread++) {
        free_scratch(&e->scratch[thread]);
    }
    free(e->input.rows);
    free(e->a.rows);
    free(e->b.rows);
    free(e->concatenated.rows);
    free(e->x);
    free(e->attended);
    free(e->times);
    free(e->queries);
    free(e->keys);
    free(e->values);
    free(e->query_scales);
    free(e->query_compensation);
    free(e->key_scales);
    free(e->scratch);
}

// Whether there is something to evaluate, and not more tasks in a step than a team takes.
static bool is_evaluated(const model *m, int count, int frames, int chunk) {
    if (count < 1 || frames < 1 || frames > INT32_MAX - SEGMENT || chunk < 0) {
        return false;
    }
    int64_t most = MAX_TASKS / m->config.heads / ceil_div(frames, SEGMENT);
    return count <= most;
}

// Velocity [count, frames, output] of x [count, frames, input] at times whose sines and cosines are
// waves [count, input]. chunk: positions that see one another and all before them; 0: all see all.
// cancel: see is_cancelled; a step is finished before.
int podtts_estimator_evaluate(
    model *m, const float *x, const float *waves, int count, int frames, int chunk, float *velocity,
    const int *cancel
) {
    if (!is_evaluated(m, count, frames, chunk)) {
        return REFUSED;
    }
    evaluation e = {
        .m = m, .count = count, .frames = frames, .chunk = chunk,
        .segments = ceil_div(frames, SEGMENT), .given = x, .velocity = velocity, .cancel = cancel,
    };
    bool allocated = alloc_buffers(&e);
    if (allocated) {
        team_wake(&m->team);
        evaluate(&e, waves);
        team_sleep(&m->team);
    }
    free_buffers(&e);
    return !allocated ? OUT_OF_MEMORY : e.cancelled ? CANCELLED : DONE;
}
