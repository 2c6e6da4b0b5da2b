// The residual steps of a vocoder on CPUs: Snake, a dilated convolution, Snake, a convolution, and a
// residual connection, in one call a step.
//
// Source of the architecture: see podtts/vocoder/hift.py, which tests/vocoder/test_native_steps.py
// compares this with. The outputs of a position have the same bits in whatever part of the sequence
// they are computed.

#include "vocoder_model.h"

typedef struct {
    const model *m;
    const step *step;
    const float *x;  // [count, channels]
    int count, first, stop;  // outputs are those of the positions from first to stop
    int segment;
    float *out;
    const int *cancel;
} call;

// What a task works with: outputs [begin, end), and the positions [from, to) between both
// convolutions that belong to the sequence.
typedef struct {
    int begin, end, from, to;
    uint8_t *phases;  // [dilation, phase rows], what the first convolution reads
    float *middle;    // [middle rows, width], what it writes, from begin - reach on
    uint8_t *rows;    // [middle rows], what the second one reads; of float32 the same memory
} segment;

static size_t row_bytes_of(const convolution *c) {
    return (size_t)c->position_lanes * LANE_BYTES;
}

static snake snake_of(const step *s, int which) {
    const float *alpha = s->snakes + (size_t)which * 2 * s->width;
    return (snake){s->channels, s->width, alpha, alpha + s->width};
}

static segment segment_at(const call *c, int task, int thread) {
    const step *s = c->step;
    int reach = reach_of(s, 1);
    segment g = {.begin = c->first + task * c->segment};
    g.end = min_int(g.begin + c->segment, c->stop);
    g.from = max_int(g.begin - reach, 0);
    g.to = min_int(g.end + reach, c->count);
    size_t width = (size_t)s->width, middle = middle_rows(s) * width;
    g.phases = c->m->scratch[thread];
    g.middle = (float *)g.phases + (size_t)s->dilation * phase_rows(s) * width;
    bool in_place = s->convolutions[1].dtype == FLOAT32;
    g.rows = (uint8_t *)(in_place ? g.middle : g.middle + middle);
    return g;
}

// The first convolution of the positions between; zeros are outside of the sequence.
static void convolve_first(const call *c, const segment *g) {
    const step *s = c->step;
    const convolution *conv = &s->convolutions[0];
    snake snake = snake_of(s, 0);
    size_t row_bytes = row_bytes_of(conv);
    positions x = {
        .rows = g->phases, .phases = s->dilation, .row_bytes = row_bytes,
        .phase_bytes = phase_rows(s) * row_bytes,
    };
    int reach = reach_of(s, 0), seen = g->to - g->from + 2 * reach;
    for (int i = 0; i < seen; i++) {
        int position = g->from - reach + i;
        uint8_t *to = g->phases + i % s->dilation * x.phase_bytes + i / s->dilation * row_bytes;
        if (position < 0 || position >= c->count) {
            memset(to, 0, row_bytes);
        } else {
            const float *from = c->x + (size_t)position * s->channels;
            snake_row(&snake, from, conv->dtype == HALF, to);
        }
    }
    int before = g->from - (g->begin - reach_of(s, 1));
    float *y = g->middle + (size_t)before * s->width;
    convolve(conv, &x, g->to - g->from, NULL, y, s->width);
}

static void convolve_second(const call *c, const segment *g) {
    const step *s = c->step;
    const convolution *conv = &s->convolutions[1];
    snake snake = snake_of(s, 1);
    size_t row_bytes = row_bytes_of(conv);
    int reach = reach_of(s, 1), start = g->begin - reach, seen = g->end - g->begin + 2 * reach;
    for (int i = 0; i < seen; i++) {
        uint8_t *to = g->rows + i * row_bytes;
        if (start + i < g->from || start + i >= g->to) {
            memset(to, 0, row_bytes);
        } else {
            const float *from = g->middle + (size_t)i * s->width;
            snake_row(&snake, from, conv->dtype == HALF, to);
        }
    }
    positions x = {.rows = g->rows, .phases = 1, .row_bytes = row_bytes};
    const float *added = c->x + (size_t)g->begin * s->channels;
    float *out = c->out + (size_t)(g->begin - c->first) * s->channels;
    convolve(conv, &x, g->end - g->begin, added, out, s->channels);
}

static void step_task(const void *argument, int task, int thread) {
    const call *c = argument;
    if (is_cancelled(c->cancel)) {
        return;
    }
    segment g = segment_at(c, task, thread);
    convolve_first(c, &g);
    convolve_second(c, &g);
}

// Segments are as long as they may be, but there is one for each thread.
static int segment_size(const call *c) {
    int outputs = c->stop - c->first, threads = team_threads(&c->m->team);
    int needed = ceil_div(outputs, segment_of(c->step));
    return ceil_div(outputs, round_up(needed, threads));
}

// Outputs [stop - first, channels] of the positions from first to stop of x [count, channels], all
// float32.
// begins, ends: whether x has the first, or last, position of its sequence, beyond which there are
//         zeros; else x has all positions at that end that the outputs depend on.
// cancel: see is_cancelled; segments are finished before.
int podtts_vocoder_step(
    model *m, int number, const float *x, int count, int first, int stop, int begins, int ends,
    float *out, const int *cancel
) {
    bool taken = number >= 0 && number < m->count && m->steps[number].snakes != NULL
        && 0 <= first && first < stop && stop <= count && count <= MAX_POSITIONS;
    if (!taken) {
        return REFUSED;
    }
    const step *s = &m->steps[number];
    if ((!begins && first < halo_of(s)) || (!ends && stop > count - halo_of(s))) {
        return REFUSED;
    }
    call c = {
        .m = m, .step = s, .x = x, .count = count, .first = first, .stop = stop, .out = out,
        .cancel = cancel,
    };
    c.segment = segment_size(&c);
    team_wake(&m->team);
    team_run(&m->team, step_task, &c, ceil_div(stop - first, c.segment));
    team_sleep(&m->team);
    return is_cancelled(cancel) ? CANCELLED : DONE;
}
