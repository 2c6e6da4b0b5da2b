// What an evaluation works with: its segments, the rows that convolutions read, and memory.

#pragma once

#include "kept.h"

// Positions of a segment: of a whole sequence; at most, where a sequence goes on, which are those of
// a chunk of 27 tokens. Both are whole row blocks.
enum { WHOLE_SEGMENT = 48, MAX_SEGMENT = 54 };

// Memory that a thread needs for a task.
typedef struct {
    float *wide;       // [MAX_SEGMENT, max_width]
    activations rows;  // [MAX_SEGMENT, max_width], what a matrix takes
    part *parts;       // [parts of a sequence]
    float *scores;     // [row block, columns]
    uint8_t *probabilities;
} scratch;

// Rows that a convolution reads, in its dtype: each sequence behind the two positions before it, which
// are zeros where it begins.
typedef struct {
    uint8_t *rows;
    size_t position_bytes, sequence_bytes;
} sequences;

typedef struct {
    model *m;
    int count, frames, chunk;  // sequences, positions of each, positions of a chunk or 0
    int segment, segments;     // positions of a segment; segments of a sequence
    bool goes_on;              // sequences have parts before, and keep this one
    kept **now;                // [count], the part that is evaluated; else of one block at a time
    size_t kept_inputs;        // bytes of inputs of convolutions that are kept so far
    float *x;                  // [count, frames, channels], what blocks add to
    sequences input;           // [count, frames, input]
    sequences a, b;            // [count, frames, channels], between two steps
    sequences concatenated;    // [count, frames, 2 * channels]
    uint8_t *queries;          // of all heads of all sequences
    size_t query_bytes;        // of a head
    float *query_scales;          // int8 only
    int32_t *query_compensation;  // int8 only
    float *attended;           // [count, frames, heads * head size]
    float *times;              // [stages, count, channels], what stages add for the time
    scratch *scratch;          // [threads]
    const float *given;        // [count, frames, input]
    float *velocity;           // [count, frames, output]
    const int *cancel;
    bool cancelled;
    // Of the step:
    const stage *stage;
    const block *block, *next;  // next: the block after this one, NULL after the last
    sequences source, target, second_target;  // second_target: unless its rows are NULL
    const matrix *conv;
} evaluation;

typedef struct {
    int sequence, first, count;  // positions of the sequence
    float *x;                    // of the first position
    scratch *scratch;
} segment;

static segment segment_of(const evaluation *e, int task, int thread) {
    segment s = {.sequence = task / e->segments, .first = task % e->segments * e->segment};
    s.count = min_int(e->frames - s.first, e->segment);
    s.x = e->x + ((size_t)s.sequence * e->frames + s.first) * e->m->config.channels;
    s.scratch = &e->scratch[thread];
    return s;
}

// The row of a position; -2 and -1 are those before the sequence.
static uint8_t *row_at(const sequences *s, int sequence, int position) {
    return s->rows + sequence * s->sequence_bytes
        + (size_t)(position + PADDING) * s->position_bytes;
}

// The number of a block of the stage where its keys and values are kept.
static int kept_block(const evaluation *e, const block *b) {
    const model *m = e->m;
    return e->goes_on ? (int)(e->stage - m->stages) * m->config.blocks + (int)(b - e->stage->blocks) : 0;
}

// What the queries of a head of a sequence see in a block.
static head head_of(const evaluation *e, const segment *s, const block *b, int number) {
    const config *c = &e->m->config;
    const kept *k = e->now[s->sequence];
    head h = {
        .parts = s->scratch->parts, .count = parts_until(k), .size = c->head_size,
        .lanes = c->head_size / lane_size(c->linear_dtype),
    };
    int which = kept_block(e, b);
    for (int from_end = 1; k != NULL; k = k->before, from_end++) {
        h.parts[h.count - from_end] = part_of(k, which, number);
    }
    place_parts(&h, lane_size(c->conv_dtype));
    return h;
}

static sequences alloc_sequences(const evaluation *e, int width) {
    int size = lane_size(e->m->config.conv_dtype);
    sequences s = {.position_bytes = (size_t)width * LANE_BYTES / size};
    s.sequence_bytes = (PADDING + e->frames + ROW_BLOCK) * s.position_bytes;
    s.rows = alloc_zeroed(e->count, s.sequence_bytes);
    return s;
}

static bool alloc_scratch(const evaluation *e, scratch *s, int parts, int columns) {
    size_t wide = (size_t)MAX_SEGMENT * e->m->max_width, scores = (size_t)ROW_BLOCK * columns;
    s->wide = alloc_zeroed(wide, sizeof(float));
    s->rows = (activations){
        .lanes = alloc_zeroed(wide, LANE_BYTES),
        .scales = alloc_zeroed(MAX_SEGMENT, sizeof(float)),
        .compensation = alloc_zeroed(MAX_SEGMENT, sizeof(int32_t)),
    };
    s->parts = alloc_zeroed(parts, sizeof(part));
    s->scores = alloc_zeroed(scores, sizeof(float));
    s->probabilities = alloc_zeroed(scores, LANE_BYTES);
    return s->wide != NULL && s->rows.lanes != NULL && s->rows.scales != NULL
        && s->rows.compensation != NULL && s->parts != NULL && s->scores != NULL
        && s->probabilities != NULL;
}

static void free_scratch(const scratch *s) {
    free(s->wide);
    free(s->rows.lanes);
    free(s->rows.scales);
    free(s->rows.compensation);
    free(s->parts);
    free(s->scores);
    free(s->probabilities);
}

// before: [count], the parts behind which the sequences go on, NULL where one begins.
static bool alloc_parts(evaluation *e, kept *const *before) {
    const config *c = &e->m->config;
    e->now = alloc_zeroed(e->count, sizeof(kept *));
    bool allocated = e->now != NULL;
    for (int sequence = 0; allocated && sequence < e->count; sequence++) {
        kept *behind = e->goes_on ? before[sequence] : NULL;
        int blocks = e->goes_on ? c->stages * c->blocks : 1;
        e->now[sequence] = alloc_kept(c, behind, e->frames, blocks);
        allocated = e->now[sequence] != NULL;
    }
    return allocated;
}

static bool alloc_scratches(evaluation *e) {
    int parts = 0, columns = 0, lane = lane_size(e->m->config.conv_dtype);
    for (int sequence = 0; sequence < e->count; sequence++) {
        const kept *now = e->now[sequence];
        int own = parts_until(now);
        // Behind each part is at most the rest of a lane, and behind the last the rest of panels.
        int64_t most = positions_until(now) + (int64_t)own * (lane - 1);
        parts = max_int(parts, own);
        columns = max_int(columns, panels_of((int)most + PANEL) * PANEL);
    }
    bool allocated = true;
    for (int thread = 0; allocated && thread < e->m->team.size; thread++) {
        allocated = alloc_scratch(e, &e->scratch[thread], parts, columns);
    }
    return allocated;
}

static bool alloc_buffers(evaluation *e, kept *const *before) {
    const config *c = &e->m->config;
    size_t positions = (size_t)e->count * e->frames, heads = (size_t)e->count * c->heads;
    size_t queries = heads * (e->frames + ROW_BLOCK);
    int lanes = c->head_size / lane_size(c->linear_dtype);
    e->query_bytes = (size_t)(e->frames + ROW_BLOCK) * lanes * LANE_BYTES;
    e->input = alloc_sequences(e, c->input);
    e->a = alloc_sequences(e, c->channels);
    e->b = alloc_sequences(e, c->channels);
    e->concatenated = alloc_sequences(e, 2 * c->channels);
    e->x = alloc_zeroed(positions * c->channels, sizeof(float));
    e->attended = alloc_zeroed(positions * c->heads * c->head_size, sizeof(float));
    e->times = alloc_zeroed((size_t)c->stages * e->count * c->channels, sizeof(float));
    e->queries = alloc_zeroed(heads, e->query_bytes);
    e->query_scales = alloc_zeroed(queries, sizeof(float));
    e->query_compensation = alloc_zeroed(queries, sizeof(int32_t));
    e->scratch = alloc_zeroed(e->m->team.size, sizeof(scratch));
    return e->input.rows != NULL && e->a.rows != NULL && e->b.rows != NULL
        && e->concatenated.rows != NULL && e->x != NULL && e->attended != NULL && e->times != NULL
        && e->queries != NULL && e->query_scales != NULL && e->query_compensation != NULL
        && e->scratch != NULL && alloc_parts(e, before) && alloc_scratches(e);
}

static void free_parts(const evaluation *e) {
    for (int sequence = 0; e->now != NULL && sequence < e->count; sequence++) {
        free_kept(e->now[sequence]);
    }
}

static void free_buffers(const evaluation *e) {
    for (int thread = 0; e->scratch != NULL && thread < e->m->team.size; thread++) {
        free_scratch(&e->scratch[thread]);
    }
    free(e->now);
    free(e->input.rows);
    free(e->a.rows);
    free(e->b.rows);
    free(e->concatenated.rows);
    free(e->x);
    free(e->attended);
    free(e->times);
    free(e->queries);
    free(e->query_scales);
    free(e->query_compensation);
    free(e->scratch);
}
