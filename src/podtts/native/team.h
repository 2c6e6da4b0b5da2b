// A team of threads that does one step of work after the other, as OpenMP's teams do.
//
// A step is a number of tasks. The caller's thread takes tasks like all others and goes on when
// every task is done; it never waits for a thread that has none. So a machine that is busy with
// other programs, where a thread may not run for a while, costs little more than the thread's
// absence.

#pragma once

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "vectors.h"

typedef struct team team;
// One task of a step; thread: the number of the thread that does it.
typedef void team_task(const void *argument, int task, int thread);

struct team {
    int size;  // threads, with the caller's
    pthread_t *helpers;
    atomic_int started;  // threads that have a number
    atomic_bool stopping;
    pthread_mutex_t lock;
    pthread_cond_t woken;
    atomic_bool awake;   // whether helpers look for tasks or sleep
    atomic_int threads;  // that may work now, with the caller's
    // Of even and of odd steps: a helper with a task still reads its own while the next is written.
    team_task *function[2];
    const void *argument[2];
    // One number, so that no thread takes a task of another step than it thinks:
    // the step's number, its count of tasks, and the next task that nobody has taken.
    _Alignas(64) _Atomic uint64_t step;
    _Alignas(64) atomic_int done;  // tasks of the step
};

enum { COUNT_BITS = 20, SPINS_BEFORE_YIELD = 4096 };
#define COUNT_MASK ((UINT64_C(1) << COUNT_BITS) - 1)
#define MAX_TASKS ((int)COUNT_MASK)  // of a step

INLINE void team_spin(int spins) {
    if (spins < SPINS_BEFORE_YIELD) {
        cpu_relax();
    } else {
        sched_yield();  // the thread that this one waits for may need this core
    }
}

// Do tasks of the present step until none is left, or as long as this thread may work; return
// whether there was one.
static bool team_take_tasks(team *t, int thread) {
    bool any = false;
    while (thread < atomic_load(&t->threads)) {
        uint64_t seen = atomic_load(&t->step);
        if ((seen & COUNT_MASK) >= (seen >> COUNT_BITS & COUNT_MASK)) {
            return any;
        }
        uint64_t taken = atomic_fetch_add(&t->step, 1);
        int task = (int)(taken & COUNT_MASK), count = (int)(taken >> COUNT_BITS & COUNT_MASK);
        if (task < count) {
            int parity = taken >> 2 * COUNT_BITS & 1;
            t->function[parity](t->argument[parity], task, thread);
            atomic_fetch_add(&t->done, 1);
            any = true;
        }
    }
    return any;
}

// Do a step of `count` tasks, at most MAX_TASKS, and return when all are done.
static void team_run(team *t, team_task *function, const void *argument, int count) {
    if (t->size == 1 || count == 1) {
        for (int task = 0; task < count; task++) {
            function(argument, task, 0);
        }
        return;
    }
    uint64_t number = (atomic_load(&t->step) >> 2 * COUNT_BITS) + 1;
    t->function[number & 1] = function;
    t->argument[number & 1] = argument;
    atomic_store(&t->done, 0);
    atomic_store(&t->step, number << 2 * COUNT_BITS | (uint64_t)count << COUNT_BITS);
    team_take_tasks(t, 0);
    for (int spins = 0; atomic_load(&t->done) < count; spins++) {
        team_spin(spins);
    }
}

static bool team_may_work(const team *t, int thread) {
    return atomic_load(&t->awake) && thread < atomic_load(&t->threads);
}

static void *team_helper(void *argument) {
    team *t = argument;
    int thread = atomic_fetch_add(&t->started, 1);
    for (int spins = 0;;) {
        if (!team_may_work(t, thread)) {
            pthread_mutex_lock(&t->lock);
            while (!team_may_work(t, thread) && !atomic_load(&t->stopping)) {
                pthread_cond_wait(&t->woken, &t->lock);
            }
            pthread_mutex_unlock(&t->lock);
        }
        if (atomic_load(&t->stopping)) {
            return NULL;
        }
        spins = team_take_tasks(t, thread) ? 0 : spins + 1;
        team_spin(spins);
    }
}

// Wake the helpers before some steps.
static void team_wake(team *t) {
    if (t->size > 1) {
        pthread_mutex_lock(&t->lock);
        atomic_store(&t->awake, true);
        pthread_cond_broadcast(&t->woken);
        pthread_mutex_unlock(&t->lock);
    }
}

// Let the helpers sleep after some steps.
static void team_sleep(team *t) { atomic_store(&t->awake, false); }

// Threads that may work now, with the caller's.
INLINE int team_threads(const team *t) {
    int threads = atomic_load(&t->threads);
    return threads < t->size ? threads : t->size;
}

// Let so many threads work from now on, at least the caller's: others may want the cores, too.
static void team_set_threads(team *t, int threads) {
    pthread_mutex_lock(&t->lock);
    atomic_store(&t->threads, threads);
    pthread_cond_broadcast(&t->woken);
    pthread_mutex_unlock(&t->lock);
}

static void team_stop(team *t) {
    pthread_mutex_lock(&t->lock);
    atomic_store(&t->stopping, true);
    pthread_cond_broadcast(&t->woken);
    pthread_mutex_unlock(&t->lock);
    for (int helper = 1; helper < t->size; helper++) {
        pthread_join(t->helpers[helper], NULL);
    }
    pthread_mutex_destroy(&t->lock);
    pthread_cond_destroy(&t->woken);
    free(t->helpers);
}

// Start as many threads as there can be, at most `size`. The team's memory is zeroed.
static bool team_start(team *t, int size) {
    t->helpers = calloc((size_t)size, sizeof(pthread_t));
    if (t->helpers == NULL) {
        return false;
    }
    pthread_mutex_init(&t->lock, NULL);
    pthread_cond_init(&t->woken, NULL);
    atomic_store(&t->started, 1);
    atomic_store(&t->threads, size);
    for (t->size = 1; t->size < size; t->size++) {
        if (pthread_create(&t->helpers[t->size], NULL, team_helper, t) != 0) {
            break;
        }
    }
    return true;
}
