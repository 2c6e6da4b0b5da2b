// The velocity field of the flow on x86-64 CPUs: one call an evaluation.
//
// Source of the architecture: see podtts/flow/estimator.py, to which this is held by
// tests/flow/test_native_estimator.py.

#include "estimator_steps.h"

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

// Velocity [count, frames, output] for given [count, frames, input] at times whose sines and
// cosines are waves [count, input]; chunk: positions that see one another and all before, 0: all
// do. Returns 0, or -1 where memory does not suffice.
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
