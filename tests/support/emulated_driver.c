// Calls the functions of a unit for another process: reads calls from stdin, writes results to
// stdout. support/emulated_library.py is the other side. It runs in an emulator of another CPU.

#include <stdio.h>

#if defined(LAYERS)
#include "layers.c"
#elif defined(VOCODER)
#include "vocoder.c"
#else
#include "estimator.c"
#endif

enum { MAX_ARGUMENTS = 16, MAX_NAME = 64 };

typedef struct {
    int64_t number;
    double real;
    void *memory;  // is never freed: weights of norms stay where they are
    int64_t bytes;
} argument;

static void read_all(void *to, size_t bytes) {
    if (fread(to, 1, bytes, stdin) != bytes) {
        exit(0);  // the other process has no more calls
    }
}

// An argument is a kind and its content: a number (i), a real number (f), memory (m) with its size,
// which is written back after the call, or the memory of an earlier argument (s).
static argument read_argument(const argument *earlier) {
    argument a = {0};
    char kind;
    read_all(&kind, 1);
    if (kind == 'f') {
        read_all(&a.real, sizeof a.real);
    } else if (kind == 'i') {
        read_all(&a.number, sizeof a.number);
    } else if (kind == 's') {
        read_all(&a.number, sizeof a.number);
        a.memory = earlier[a.number].memory;
    } else {
        read_all(&a.bytes, sizeof a.bytes);
        a.memory = alloc_zeroed(1, a.bytes + CACHE_LINE);
        read_all(a.memory, a.bytes);
    }
    return a;
}

// Arguments by number: an integer, a real number, memory or NULL, the model, what it has kept.
#define I(n) ((int)a[n].number)
#define L(n) (a[n].number)
#define F(n) ((float)a[n].real)
#define P(n) (a[n].memory)
#define M(n) ((model *)(intptr_t)a[n].number)
#define K(n) ((kept *)(intptr_t)a[n].number)
#define IS(function) (strcmp(name, "podtts_" function) == 0)

static int64_t call(const char *name, const argument *a) {
#if defined(LAYERS)
    if (IS("layers_takes")) return podtts_layers_takes(I(0), I(1), I(2), I(3), I(4), I(5), I(6));
    if (IS("layers_new")) {
        return (intptr_t)podtts_layers_new(
            I(0), I(1), I(2), I(3), I(4), I(5), I(6), F(7), I(8)
        );
    }
    if (IS("layers_free")) return podtts_layers_free(M(0)), 0;
    if (IS("layers_pack_matrix")) {
        return podtts_layers_pack_matrix(M(0), I(1), I(2), P(3), P(4)), 0;
    }
    if (IS("layers_set_norm")) return podtts_layers_set_norm(M(0), I(1), I(2), P(3)), 0;
    if (IS("layers_pack_head")) return podtts_layers_pack_head(M(0), I(1), P(2));
    if (IS("layers_logits")) return podtts_layers_logits(M(0), P(1), I(2), P(3)), 0;
    if (IS("layers_forward")) {
        return podtts_layers_forward(
            M(0), P(1), I(2), I(3), P(4), P(5), P(6), L(7), L(8), I(9), I(10), P(11), P(12), P(13)
        );
    }
#elif defined(VOCODER)
    if (IS("vocoder_takes")) return podtts_vocoder_takes(I(0), I(1), I(2), I(3));
    if (IS("vocoder_new")) return (intptr_t)podtts_vocoder_new(I(0), I(1), I(2), I(3));
    if (IS("vocoder_free")) return podtts_vocoder_free(M(0)), 0;
    if (IS("vocoder_pack_step")) {
        return podtts_vocoder_pack_step(M(0), I(1), I(2), I(3), I(4), P(5), P(6), P(7));
    }
    if (IS("vocoder_plan")) return podtts_vocoder_plan(M(0), P(1), I(2), I(3), I(4), P(5));
    if (IS("vocoder_extend")) {
        return podtts_vocoder_extend(
            M(0), P(1), P(2), P(3), I(4), P(5), I(6), I(7), P(8), P(9), P(10)
        );
    }
#else
    if (IS("estimator_takes")) {
        return podtts_estimator_takes(
            I(0), I(1), I(2), I(3), I(4), I(5), I(6), I(7), I(8), I(9)
        );
    }
    if (IS("estimator_new")) {
        return (intptr_t)podtts_estimator_new(
            I(0), I(1), I(2), I(3), I(4), I(5), I(6), I(7), I(8), I(9), F(10), I(11)
        );
    }
    if (IS("estimator_free")) return podtts_estimator_free(M(0)), 0;
    if (IS("estimator_pack_matrix")) {
        return podtts_estimator_pack_matrix(M(0), I(1), I(2), I(3), P(4), P(5)), 0;
    }
    if (IS("estimator_set_norm")) {
        return podtts_estimator_set_norm(M(0), I(1), I(2), I(3), P(4), P(5)), 0;
    }
    if (IS("estimator_evaluate")) {
        return podtts_estimator_evaluate(M(0), P(1), P(2), I(3), I(4), I(5), P(6), P(7));
    }
    if (IS("estimator_extend")) {
        return podtts_estimator_extend(
            M(0), P(1), P(2), I(3), I(4), P(5), P(6), P(7), P(8)
        );
    }
    if (IS("estimator_forget")) return podtts_estimator_forget(K(0)), 0;
    if (IS("estimator_kept_bytes")) return podtts_estimator_kept_bytes(K(0));
    if (IS("estimator_widen")) return (intptr_t)podtts_estimator_widen(M(0), K(1));
#endif
    fprintf(stderr, "%s is not known\n", name);
    exit(1);
}

int main(void) {
    for (;;) {
        char name[MAX_NAME] = {0};
        argument a[MAX_ARGUMENTS] = {0};
        int32_t count;
        read_all(name, MAX_NAME);
        read_all(&count, sizeof count);
        for (int i = 0; i < count; i++) {
            a[i] = read_argument(a);
        }
        int64_t result = call(name, a);
        fwrite(&result, sizeof result, 1, stdout);
        for (int i = 0; i < count; i++) {
            fwrite(a[i].memory, 1, a[i].bytes, stdout);
        }
        fflush(stdout);
    }
}
