// The residual blocks of a level of the vocoder: their weights, and memory for each thread.

#pragma once

#include "convolution.h"
#include "result.h"
#include "team.h"

enum { CONVOLUTIONS = 2, MOST_CHANNELS = 1024, MOST_KERNEL = 63, MOST_DILATION = 63 };
enum { MOST_BLOCKS = 16, MOST_STEPS = 16 };  // of a level; of a block
enum { SEGMENT_BYTES = 200 << 10 };  // of a segment's positions in float32: it fits the second cache

// out = x + second(snake(first(snake(x)))), where the first convolution is dilated.
typedef struct {
    int channels, width, kernel, dilation;
    float *snakes;  // alpha and its inverse, [2, 2, width]
    convolution convolutions[CONVOLUTIONS];
} step;

typedef struct {
    int channels, blocks, block_steps;  // the first block is the source's
    step *steps;  // [blocks, block_steps]; without snakes: not packed yet
    team team;
    bool team_started;
    uint8_t **scratch;  // [threads], for any of the steps
    size_t scratch_bytes;
} model;

// Positions at each end of x that a convolution sees beyond its output.
static int reach_of(const step *s, int convolution) {
    return (s->kernel - 1) / 2 * (convolution == 0 ? s->dilation : 1);
}

static int halo_of(const step *s) { return reach_of(s, 0) + reach_of(s, 1); }

// The most positions of a segment.
static int segment_of(const step *s) {
    return SEGMENT_BYTES / ((int)sizeof(float) * s->width);
}

// The first convolution reads phases of so many rows, and writes so many positions.
static int phase_rows(const step *s) {
    int seen = segment_of(s) + 2 * halo_of(s);
    return ceil_div(seen, s->dilation) + MOST_ROWS;
}

static int middle_rows(const step *s) { return segment_of(s) + 2 * reach_of(s, 1) + MOST_ROWS; }

// Whether the code is written for steps of these sizes; bits: of the factors, 32, or 16: see
// halves.h.
int podtts_vocoder_takes(int channels, int kernel, int dilation, int bits) {
    return channels > 0 && channels <= MOST_CHANNELS && channels % 8 == 0
        && kernel > 0 && kernel <= MOST_KERNEL && kernel % 2 == 1
        && dilation > 0 && dilation <= MOST_DILATION && (bits == 32 || bits == 16);
}

static void free_step(const step *s) {
    free(s->snakes);
    for (int which = 0; which < CONVOLUTIONS; which++) {
        free_convolution(&s->convolutions[which]);
    }
}

void podtts_vocoder_free(model *m) {
    if (m->team_started) {
        team_stop(&m->team);
    }
    for (int thread = 0; m->scratch != NULL && thread < m->team.size; thread++) {
        free(m->scratch[thread]);
    }
    for (int number = 0; m->steps != NULL && number < m->blocks * m->block_steps; number++) {
        free_step(&m->steps[number]);
    }
    free(m->scratch);
    free(m->steps);
    free(m);
}

// A level without weights; NULL where memory does not suffice, and for sizes that are not taken.
model *podtts_vocoder_new(int channels, int blocks, int block_steps, int threads) {
    bool taken = podtts_vocoder_takes(channels, 1, 1, 32) && blocks > 1 && blocks <= MOST_BLOCKS
        && block_steps > 0 && block_steps <= MOST_STEPS;
    model *m = taken ? alloc_zeroed(1, sizeof(model)) : NULL;
    if (m == NULL) {
        return NULL;
    }
    m->channels = channels, m->blocks = blocks, m->block_steps = block_steps;
    m->steps = alloc_zeroed((size_t)blocks * block_steps, sizeof(step));
    m->team_started = m->steps != NULL && team_start(&m->team, threads);
    m->scratch = m->team_started ? alloc_zeroed(m->team.size, sizeof(uint8_t *)) : NULL;
    if (m->scratch == NULL) {
        podtts_vocoder_free(m);
        return NULL;
    }
    return m;
}

// Let so many threads work from now on.
void podtts_vocoder_set_threads(model *m, int threads) { team_set_threads(&m->team, threads); }

static bool grow_scratch(model *m, size_t bytes) {
    if (bytes <= m->scratch_bytes) {
        return true;
    }
    m->scratch_bytes = 0;
    for (int thread = 0; thread < m->team.size; thread++) {
        free(m->scratch[thread]);
        m->scratch[thread] = alloc_zeroed(bytes, 1);
        if (m->scratch[thread] == NULL) {
            return false;
        }
    }
    m->scratch_bytes = bytes;
    return true;
}

// Fill a step, by its number in the level, from alphas [2, channels], weights [2, channels, kernel,
// channels] and biases [2, channels], float32, of outputs by positions by inputs. They are copied.
int podtts_vocoder_pack_step(
    model *m, int number, int kernel, int dilation, int bits, const float *alphas,
    const float *weights, const float *biases
) {
    int channels = m->channels;
    bool taken = podtts_vocoder_takes(channels, kernel, dilation, bits) && number >= 0
        && number < m->blocks * m->block_steps && m->steps[number].snakes == NULL;
    if (!taken) {
        return REFUSED;
    }
    step *s = &m->steps[number], packed = {
        .channels = channels, .width = round_up(channels, VECTOR), .kernel = kernel,
        .dilation = dilation,
    };
    size_t rows = (size_t)dilation * phase_rows(&packed) + 2 * middle_rows(&packed);
    packed.snakes = alloc_zeroed((size_t)CONVOLUTIONS * 2 * packed.width, sizeof(float));
    bool allocated = packed.snakes != NULL
        && grow_scratch(m, rows * packed.width * sizeof(float));
    for (int which = 0; allocated && which < CONVOLUTIONS; which++) {
        float *snakes = packed.snakes + (size_t)which * 2 * packed.width;
        for (int channel = 0; channel < channels; channel++) {
            float alpha = alphas[which * channels + channel];
            snakes[channel] = alpha;
            snakes[packed.width + channel] = 1 / (alpha + 1e-9f);
        }
        size_t outputs = (size_t)which * channels;
        allocated = pack_convolution(
            &packed.convolutions[which], bits == 32 ? FLOAT32 : HALF, channels, packed.width,
            which == 0 ? packed.width : channels, kernel, weights + outputs * kernel * channels,
            biases + outputs
        );
    }
    if (!allocated) {
        free_step(&packed);
        return OUT_OF_MEMORY;
    }
    *s = packed;
    return DONE;
}
