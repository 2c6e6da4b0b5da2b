// What a level of the vocoder keeps of its sequence between two parts, and what a part completes.
//
// A queue has the last positions of a stream that later ones need: those that a step sees again, and
// those that wait for another stream. Queues lie one behind the other, in the order of their numbers.

#pragma once

#include "vocoder_model.h"

enum { MAX_POSITIONS = 1 << 24 };  // of a stream in a call

// Positions of a stream in front of those of this call, and how many of them a step has computed.
typedef struct {
    int32_t kept, done;
} queue;

// Queues of a level: of each step's input, of each block's output, and of x.
static int queues_of(const model *m) { return m->blocks * (m->block_steps + 1) + 1; }

static int step_queue(const model *m, int block, int number) {
    return block * (m->block_steps + 1) + number;
}

static int output_queue(const model *m, int block) { return step_queue(m, block, m->block_steps); }

static int x_queue(const model *m) { return queues_of(m) - 1; }

// A stream in a call: positions that are there, of which those from first to stop are computed, and
// what is kept from `rest` on.
typedef struct {
    int count, first, stop, rest;
} stream;

static stream stream_of_step(const step *s, queue before, int new, bool last) {
    int halo = halo_of(s), count = before.kept + new;
    stream stream = {.count = count, .first = before.done};
    stream.stop = max_int(before.done, last ? count : count - halo);
    stream.rest = stream.stop - min_int(stream.stop, halo);
    return stream;
}

// Plans the streams of a block for so many new positions; returns how many its output has.
static int plan_block(
    const model *m, int block, const queue *before, int new, bool last, stream *streams
) {
    for (int number = 0; number < m->block_steps; number++) {
        int which = step_queue(m, block, number);
        const step *s = &m->steps[block * m->block_steps + number];
        streams[which] = stream_of_step(s, before[which], new, last);
        new = streams[which].stop - streams[which].first;
    }
    return before[output_queue(m, block)].kept + new;
}

// Streams that go on together: as many positions of each as all have.
static void join(stream *s, int count, int together) {
    *s = (stream){.count = count, .stop = together, .rest = together};
}

// Plans a call: all streams, by their queues. Returns how many positions the level completes.
static int plan_level(
    const model *m, const queue *before, int x, int source, bool last, stream *streams
) {
    int sources = plan_block(m, 0, before, source, last, streams);
    int inputs = before[x_queue(m)].kept + x, both = min_int(sources, inputs);
    join(&streams[output_queue(m, 0)], sources, both);
    join(&streams[x_queue(m)], inputs, both);
    int counts[MOST_BLOCKS], all = MAX_POSITIONS * 2;
    for (int block = 1; block < m->blocks; block++) {
        counts[block] = plan_block(m, block, before, both, last, streams);
        all = min_int(all, counts[block]);
    }
    for (int block = 1; block < m->blocks; block++) {
        join(&streams[output_queue(m, block)], counts[block], all);
    }
    return all;
}

// Whether queues can be those that a call has left, so that nothing overflows.
static bool are_queues(const model *m, const queue *queues) {
    for (int which = 0; which < queues_of(m); which++) {
        if (queues[which].kept < 0 || queues[which].kept > MAX_POSITIONS) {
            return false;
        }
        int block = which / (m->block_steps + 1), number = which % (m->block_steps + 1);
        bool is_step = which != x_queue(m) && number < m->block_steps;
        const step *s = is_step ? &m->steps[block * m->block_steps + number] : NULL;
        int most = is_step ? min_int(halo_of(s), queues[which].kept) : 0;
        if (queues[which].done < 0 || queues[which].done > most) {
            return false;
        }
    }
    return true;
}

static bool is_packed(const model *m) {
    for (int number = 0; number < m->blocks * m->block_steps; number++) {
        if (m->steps[number].snakes == NULL) {
            return false;
        }
    }
    return true;
}

// The number of positions that a call of podtts_vocoder_extend completes, or REFUSED.
// before: the queues of a level, which are zeros where the sequence begins. after: receives those
//         behind the call; the positions kept are in as many rows, one queue behind the other.
int podtts_vocoder_plan(
    const model *m, const queue *before, int x, int source, int last, queue *after
) {
    if (!is_packed(m) || x < 0 || x > MAX_POSITIONS || source < 0 || source > MAX_POSITIONS
        || !are_queues(m, before)) {
        return REFUSED;
    }
    stream streams[MOST_BLOCKS * (MOST_STEPS + 1) + 1];
    int outputs = plan_level(m, before, x, source, last, streams);
    for (int which = 0; which < queues_of(m); which++) {
        const stream *s = &streams[which];
        after[which] = (queue){.kept = s->count - s->rest, .done = s->stop - s->rest};
    }
    return outputs;
}
