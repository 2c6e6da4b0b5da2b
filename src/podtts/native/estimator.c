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

// Before convolutions of sequences: put the inputs before them in front, and keep the last ones.
static void carry_inputs(evaluation *e, const sequences *s) {
    size_t bytes = PADDING * s->position_bytes;
    for (int sequence = 0; e->goes_on && sequence < e->count; sequence++) {
        const kept *now = e->now[sequence], *before = now->before;
        uint8_t *front = row_at(s, sequence, -PADDING);
        if (before != NULL) {
            memcpy(front, before->inputs + e->kept_inputs, bytes);
        } else {
            memset(front, 0, bytes);  // another convolution has used it
        }
        memcpy(now->inputs + e->kept_inputs, row_at(s, sequence, e->frames - PADDING), bytes);
    }
    e->kept_inputs += e->goes_on ? bytes : 0;
}

static void run_stage(
    evaluation *e, int number, sequences source, sequences target, sequences second_target
) {
    int tasks = e->count * e->segments, blocks = e->m->config.blocks;
    e->stage = &e->m->stages[number];
    e->source = source, e->target = target, e->second_target = second_target;
    e->next = &e->stage->blocks[0];
    carry_inputs(e, &source);
    run_step(e, first_convolution_task, tasks);
    carry_inputs(e, &e->b);
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
    carry_inputs(e, &source);
    run_step(e, outer_convolution_task, e->count * e->segments);
}

// What the stages add for the time; waves: [count, input].
static void embed_times(evaluation *e, const float *waves) {
    const model *m = e->m;
    const config *c = &m->config;
    activations rows = {.lanes = e->scratch[0].rows.lanes};
    float *hidden = e->scratch[0].wide;
    for (int first = 0; first < e->count; first += MAX_SEGMENT) {
        int count = min_int(e->count - first, MAX_SEGMENT);
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
    carry_inputs(e, &e->b);
    run_step(e, final_block_task, tasks);
}

// Whether there is something to evaluate, and not more tasks in a step than a team takes.
static bool is_evaluated(const model *m, int count, int frames, int segment) {
    if (count < 1 || frames < 1 || frames > MAX_POSITIONS) {
        return false;
    }
    int64_t most = MAX_TASKS / m->config.heads / ceil_div(frames, segment);
    return count <= most;
}

static int run_evaluation(evaluation *e, const float *waves, kept *const *before) {
    bool allocated = alloc_buffers(e, before);
    if (allocated) {
        team_wake(&e->m->team);
        evaluate(e, waves);
        team_sleep(&e->m->team);
    }
    return !allocated ? OUT_OF_MEMORY : e->cancelled ? CANCELLED : DONE;
}

// Velocity [count, frames, output] of x [count, frames, input] at times whose sines and cosines are
// waves [count, input]. chunk: positions that see one another and all before them; 0: all see all.
// cancel: see is_cancelled; a step is finished before.
int podtts_estimator_evaluate(
    model *m, const float *x, const float *waves, int count, int frames, int chunk, float *velocity,
    const int *cancel
) {
    if (!is_evaluated(m, count, frames, WHOLE_SEGMENT) || chunk < 0) {
        return REFUSED;
    }
    evaluation e = {
        .m = m, .count = count, .frames = frames, .chunk = chunk, .segment = WHOLE_SEGMENT,
        .segments = ceil_div(frames, WHOLE_SEGMENT), .given = x, .velocity = velocity,
        .cancel = cancel,
    };
    int result = run_evaluation(&e, waves, NULL);
    free_parts(&e);
    free_buffers(&e);
    return result;
}

// How many segments sequences have that go on: as few as possible, but one for each thread.
static int segments_of(const model *m, int count, int frames) {
    int threads = team_threads(&m->team);
    int needed = max_int(ceil_div(frames, MAX_SEGMENT), ceil_div(threads, count));
    return min_int(needed, ceil_div(frames, ROW_BLOCK));
}

// As podtts_estimator_evaluate, for the next positions of sequences: each sees one another of its
// sequence and all before. before: [count], the part of each sequence before these, NULL where it
// begins. after: [count], the parts of these positions, for podtts_estimator_forget.
int podtts_estimator_extend(
    model *m, const float *x, const float *waves, int count, int frames, kept *const *before,
    kept **after, float *velocity, const int *cancel
) {
    if (!is_evaluated(m, count, frames, ROW_BLOCK)) {
        return REFUSED;
    }
    for (int sequence = 0; sequence < count; sequence++) {
        const kept *k = before[sequence];
        bool goes_on = k == NULL || memcmp(&k->config, &m->config, sizeof(config)) == 0;
        if (!goes_on || positions_until(k) + frames > MAX_POSITIONS) {
            return REFUSED;
        }
    }
    int size = round_up(ceil_div(frames, segments_of(m, count, frames)), ROW_BLOCK);
    evaluation e = {
        .m = m, .count = count, .frames = frames, .segment = size,
        .segments = ceil_div(frames, size), .goes_on = true, .given = x, .velocity = velocity,
        .cancel = cancel,
    };
    int result = run_evaluation(&e, waves, before);
    if (result == DONE) {
        memcpy(after, e.now, count * sizeof(kept *));
    } else {
        free_parts(&e);
    }
    free_buffers(&e);
    return result;
}

// Free a part, unless a later one needs it: then with that one.
void podtts_estimator_forget(kept *k) { free_kept(k); }

// The memory of a part and all before it.
int64_t podtts_estimator_kept_bytes(const kept *k) {
    int64_t bytes = 0;
    for (; k != NULL; k = k->before) {
        bytes += (int64_t)kept_bytes(k);
    }
    return bytes;
}

// The same part for an estimator of the same sizes in float32, with all before it; NULL where memory
// does not suffice, and for other estimators.
kept *podtts_estimator_widen(const model *m, const kept *k) {
    const config *c = &m->config;
    if (c->linear_dtype != FLOAT32 || !same_sizes(c, &k->config)) {
        return NULL;
    }
    kept *before = k->before == NULL ? NULL : podtts_estimator_widen(m, k->before);
    kept *wide = k->before != NULL && before == NULL ? NULL : widen_part(c, k, before);
    free_kept(before);  // which is the wide part's now
    return wide;
}
