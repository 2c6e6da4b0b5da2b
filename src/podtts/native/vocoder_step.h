// A residual step: Snake, a dilated convolution, Snake, a convolution, and a residual connection.
//
// A task is a segment: some positions. It computes both convolutions while the segment is in the
// cache of a core, and what lies between at its ends a second time. The output of a position has the
// same bits in every segment and every part of a sequence.

#pragma once

#include "vocoder_streams.h"

typedef struct {
    const model *m;
    const step *step;
    const float *x;  // [count, channels]
    int count, first, stop;  // outputs are those of the positions from first to stop
    float *out;
    int segment, segments;   // positions of a segment; how many there are
} step_call;

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

static segment segment_at(const step_call *c, int task, int thread) {
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
static void convolve_first(const step_call *c, const segment *g) {
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

static void convolve_second(const step_call *c, const segment *g) {
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
    const step_call *c = argument;
    segment g = segment_at(c, task, thread);
    convolve_first(c, &g);
    convolve_second(c, &g);
}

// Segments are as long as they may be, but there is one for each thread.
static void place_segments(step_call *c) {
    int outputs = c->stop - c->first;
    int needed = ceil_div(outputs, segment_of(c->step));
    needed = round_up(needed, team_threads(&c->m->team));
    c->segment = max_int(1, ceil_div(outputs, max_int(needed, 1)));
    c->segments = ceil_div(outputs, c->segment);
}
