// The residual blocks of a level of the vocoder on CPUs, for sequences that come in parts: what the
// source's block makes is added to x, and the outputs of all other blocks are averaged.
//
// Source of the architecture: see podtts/vocoder/hift.py, which tests/vocoder/test_native_level.py
// compares this with.

#include "vocoder_step.h"

typedef struct {
    model *m;
    const stream *streams;
    const queue *before;
    const float *kept;   // rows of the queues before
    const float *x, *source;
    float *memory;       // of all buffers
    int headroom;        // rows in front of buffers, for what a step's queue keeps
    float *chain[2];     // between the steps of a block, behind headroom
    float *input;        // of all blocks but the source's, behind headroom
    float *outputs[MOST_BLOCKS];  // what a queue keeps, and the block's output behind it
    float *out;
    const int *cancel;
    bool cancelled;
} part;

static size_t floats_of(const part *p, int rows) { return (size_t)rows * p->m->channels; }

// The first row of a queue among those that were kept.
static size_t kept_before(const model *m, const queue *queues, int which) {
    size_t rows = 0;
    for (int earlier = 0; earlier < which; earlier++) {
        rows += queues[earlier].kept;
    }
    return rows * m->channels;
}

static void copy_kept(const part *p, int which, float *to) {
    size_t bytes = floats_of(p, p->before[which].kept) * sizeof(float);
    if (bytes > 0) {
        memcpy(to, p->kept + kept_before(p->m, p->before, which), bytes);
    }
}

static void keep(const part *p, int which, const float *rows, float **after) {
    const stream *s = &p->streams[which];
    size_t size = floats_of(p, s->count - s->rest);
    if (size > 0) {
        memcpy(*after, rows + floats_of(p, s->rest), size * sizeof(float));
        *after += size;
    }
}

static void run_step(part *p, team_task *task, const void *argument, int count) {
    p->cancelled = p->cancelled || is_cancelled(p->cancel);
    if (!p->cancelled && count > 0) {
        team_run(&p->m->team, task, argument, count);
    }
}

// A block of its new input, in front of which there is headroom.
static void run_block(part *p, int block, float *input, float **after) {
    const model *m = p->m;
    float *target = p->outputs[block] + floats_of(p, p->before[output_queue(m, block)].kept);
    copy_kept(p, output_queue(m, block), p->outputs[block]);
    for (int number = 0; number < m->block_steps; number++) {
        int which = step_queue(m, block, number);
        const stream *s = &p->streams[which];
        float *rows = input - floats_of(p, p->before[which].kept);
        copy_kept(p, which, rows);
        float *out = number + 1 < m->block_steps ? p->chain[number % 2] : target;
        step_call call = {
            .m = m, .step = &m->steps[block * m->block_steps + number], .x = rows,
            .count = s->count, .first = s->first, .stop = s->stop, .out = out,
        };
        place_segments(&call);
        run_step(p, step_task, &call, call.segments);
        keep(p, which, rows, after);
        input = out;
    }
}

enum { POINTWISE_ROWS = 256 };  // of a task

// x + source, for all other blocks.
static void add_source_task(const void *argument, int task, int thread) {
    (void)thread;
    const part *p = argument;
    int which = x_queue(p->m), waiting = p->before[which].kept, channels = p->m->channels;
    int first = task * POINTWISE_ROWS;
    int stop = min_int(first + POINTWISE_ROWS, p->streams[which].stop);
    const float *waited = p->kept + kept_before(p->m, p->before, which);
    for (int row = first; row < stop; row++) {
        const float *x = row < waiting ? waited + floats_of(p, row)
                                       : p->x + floats_of(p, row - waiting);
        const float *source = p->outputs[0] + floats_of(p, row);
        float *to = p->input + floats_of(p, row);
        for (int i = 0; i < channels; i += VECTOR) {
            int count = channels - i;
            store_some(to + i, vec_add(load_some(x + i, count), load_some(source + i, count)), count);
        }
    }
}

static void average_task(const void *argument, int task, int thread) {
    (void)thread;
    const part *p = argument;
    int blocks = p->m->blocks - 1, channels = p->m->channels, first = task * POINTWISE_ROWS;
    int stop = min_int(first + POINTWISE_ROWS, p->streams[output_queue(p->m, 1)].stop);
    const vec count = vec_set((float)blocks);
    for (int row = first; row < stop; row++) {
        for (int i = 0; i < channels; i += VECTOR) {
            size_t place = floats_of(p, row) + i;
            vec sum = load_some(p->outputs[1] + place, channels - i);
            for (int block = 2; block <= blocks; block++) {
                sum = vec_add(sum, load_some(p->outputs[block] + place, channels - i));
            }
            store_some(p->out + place, vec_div(sum, count), channels - i);
        }
    }
}

// The rest of the input x, which waits for the source.
static void keep_x(const part *p, float **after) {
    int which = x_queue(p->m), waiting = p->before[which].kept;
    const stream *s = &p->streams[which];
    for (int row = s->rest; row < s->count; row++) {
        const float *from = row < waiting
            ? p->kept + kept_before(p->m, p->before, which) + floats_of(p, row)
            : p->x + floats_of(p, row - waiting);
        memcpy(*after, from, floats_of(p, 1) * sizeof(float));
        *after += floats_of(p, 1);
    }
}

static void run_level(part *p, float *after) {
    const model *m = p->m;
    int kept = p->before[step_queue(m, 0, 0)].kept;
    float *source = (float *)p->source;  // nothing is written without headroom
    if (kept > 0) {
        size_t size = floats_of(p, p->streams[step_queue(m, 0, 0)].count - kept);
        source = p->chain[1];
        if (size > 0) {
            memcpy(source, p->source, size * sizeof(float));
        }
    }
    run_block(p, 0, source, &after);
    keep(p, output_queue(m, 0), p->outputs[0], &after);
    run_step(p, add_source_task, p, ceil_div(p->streams[x_queue(m)].stop, POINTWISE_ROWS));
    for (int block = 1; block < m->blocks; block++) {
        run_block(p, block, p->input, &after);
        keep(p, output_queue(m, block), p->outputs[block], &after);
    }
    keep_x(p, &after);
    run_step(
        p, average_task, p, ceil_div(p->streams[output_queue(m, 1)].stop, POINTWISE_ROWS)
    );
}

static bool alloc_buffers(part *p) {
    const model *m = p->m;
    int longest = 0;
    for (int which = 0; which < queues_of(m); which++) {
        p->headroom = max_int(p->headroom, p->before[which].kept);
        longest = max_int(longest, p->streams[which].count);
    }
    // Of streams as long as the longest there are three buffers.
    size_t rows = 3 * ((size_t)p->headroom + longest);
    for (int block = 0; block < m->blocks; block++) {
        rows += p->streams[output_queue(m, block)].count;
    }
    p->memory = malloc((rows + 1) * m->channels * sizeof(float));
    if (p->memory == NULL) {
        return false;
    }
    float *next = p->memory, **buffers[] = {&p->chain[0], &p->chain[1], &p->input};
    for (int which = 0; which < 3; which++) {
        *buffers[which] = next + floats_of(p, p->headroom);
        next += floats_of(p, p->headroom) + floats_of(p, longest);
    }
    for (int block = 0; block < m->blocks; block++) {
        p->outputs[block] = next;
        next += floats_of(p, p->streams[output_queue(m, block)].count);
    }
    return true;
}

// The next positions of a level: out [as podtts_vocoder_plan says, channels] for the next of x
// [x_count, channels] and of the source [source_count, channels], all float32.
// last:   no more positions will come: all outputs are completed.
// before, kept: what podtts_vocoder_plan and this gave for the part before; queues of zeros where the
//         sequence begins.
// after:  receives the rows that are kept.
// cancel: see is_cancelled; a step is finished before.
int podtts_vocoder_extend(
    model *m, const queue *before, const float *kept, const float *x, int x_count,
    const float *source, int source_count, int last, float *out, float *after, const int *cancel
) {
    stream streams[MOST_BLOCKS * (MOST_STEPS + 1) + 1];
    queue queues[MOST_BLOCKS * (MOST_STEPS + 1) + 1];
    if (podtts_vocoder_plan(m, before, x_count, source_count, last, queues) < 0) {
        return REFUSED;
    }
    plan_level(m, before, x_count, source_count, last, streams);
    part p = {
        .m = m, .streams = streams, .before = before, .kept = kept, .x = x, .source = source,
        .out = out, .cancel = cancel,
    };
    if (!alloc_buffers(&p)) {
        return OUT_OF_MEMORY;
    }
    team_wake(&m->team);
    run_level(&p, after);
    team_sleep(&m->team);
    free(p.memory);
    return p.cancelled ? CANCELLED : DONE;
}
