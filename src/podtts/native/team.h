// Threads that help with one step of work after the other.
//
// A step is so many pieces. The caller's thread takes pieces like all others and goes on when every
// piece is done; it never waits for a helper that has none. So a machine that is busy with other
// programs, where a helper may not run for a while, costs little more than the helper's absence.

#pragma once

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "vectors.h"

typedef struct team team;
// One piece of a step; who: number of the thread.
typedef void team_work(const void *argument, int piece, int who);

struct team {
    int size;  // threads, the caller's among them
    pthread_t *helpers;
    atomic_int gathered;  // threads that have a number
    bool leaving;
    pthread_mutex_t lock;
    pthread_cond_t woken;
    atomic_bool at_work;  // whether helpers look for steps or sleep
    atomic_int allowed;   // threads that may work now, the caller's among them
    // Of even and of odd steps: a helper with a piece still reads its own while the next is written.
    team_work *work[2];
    const void *argument[2];
    // In one number, so that nobody takes a piece of another step than he thinks:
    // the step's number, how many pieces it has, and the next that nobody has.
    _Alignas(64) _Atomic uint64_t step;
    _Alignas(64) atomic_int done;  // pieces of the step
};

enum { COUNT_BITS = 20, SPINS_BEFORE_YIELD = 4096 };
#define COUNT_MASK ((UINT64_C(1) << COUNT_BITS) - 1)

INLINE void team_wait(int spins) {
    if (spins < SPINS_BEFORE_YIELD) {
        _mm_pause();
    } else {
        sched_yield();  // the one waited for may need this core
    }
}

// Do pieces of the present step until nobody lacks one, or as long as this thread may; return
// whether there was one.
static bool team_help(team *all, int who) {
    bool any = false;
    while (who < atomic_load(&all->allowed)) {
        uint64_t seen = atomic_load(&all->step);
        if ((seen & COUNT_MASK) >= (seen >> COUNT_BITS & COUNT_MASK)) {
            return any;
        }
        uint64_t mine = atomic_fetch_add(&all->step, 1);
        int piece = (int)(mine & COUNT_MASK), count = (int)(mine >> COUNT_BITS & COUNT_MASK);
        if (piece < count) {
            int parity = mine >> 2 * COUNT_BITS & 1;
            all->work[parity](all->argument[parity], piece, who);
            atomic_fetch_add(&all->done, 1);
            any = true;
        }
    }
    return any;
}

// Let `count` pieces of work be done, at most a million.
static void team_run(team *all, team_work *work, const void *argument, int count) {
    if (all->size == 1 || count == 1) {
        for (int piece = 0; piece < count; piece++) {
            work(argument, piece, 0);
        }
        return;
    }
    uint64_t number = (atomic_load(&all->step) >> 2 * COUNT_BITS) + 1;
    all->work[number & 1] = work;
    all->argument[number & 1] = argument;
    atomic_store(&all->done, 0);
    atomic_store(&all->step, number << 2 * COUNT_BITS | (uint64_t)count << COUNT_BITS);
    team_help(all, 0);
    for (int spins = 0; atomic_load(&all->done) < count; spins++) {
        team_wait(spins);
    }
}

static bool team_wants(const team *all, int who) {
    return atomic_load(&all->at_work) && who < atomic_load(&all->allowed);
}

static void *team_helper(void *given) {
    team *all = given;
    int who = atomic_fetch_add(&all->gathered, 1);
    for (int spins = 0;;) {
        if (!team_wants(all, who)) {
            pthread_mutex_lock(&all->lock);
            while (!team_wants(all, who) && !all->leaving) {
                pthread_cond_wait(&all->woken, &all->lock);
            }
            pthread_mutex_unlock(&all->lock);
        }
        if (all->leaving) {
            return NULL;
        }
        spins = team_help(all, who) ? 0 : spins + 1;
        team_wait(spins);
    }
}

// Wake the helpers before some steps, and let them sleep after.
static void team_wake(team *all) {
    if (all->size > 1) {
        pthread_mutex_lock(&all->lock);
        atomic_store(&all->at_work, true);
        pthread_cond_broadcast(&all->woken);
        pthread_mutex_unlock(&all->lock);
    }
}

// Let so many threads work from now on, at least the caller's: others may want the cores, too.
static void team_allow(team *all, int threads) {
    pthread_mutex_lock(&all->lock);
    atomic_store(&all->allowed, threads);
    pthread_cond_broadcast(&all->woken);
    pthread_mutex_unlock(&all->lock);
}

static void team_rest(team *all) { atomic_store(&all->at_work, false); }

static void team_leave(team *all) {
    pthread_mutex_lock(&all->lock);
    all->leaving = true;
    pthread_cond_broadcast(&all->woken);
    pthread_mutex_unlock(&all->lock);
    for (int helper = 1; helper < all->size; helper++) {
        pthread_join(all->helpers[helper], NULL);
    }
    pthread_mutex_destroy(&all->lock);
    pthread_cond_destroy(&all->woken);
    free(all->helpers);
}

// As many threads as there can be, at most `size`; all else of the team is zero.
static bool team_gather(team *all, int size) {
    all->helpers = calloc((size_t)size, sizeof(pthread_t));
    if (all->helpers == NULL) {
        return false;
    }
    pthread_mutex_init(&all->lock, NULL);
    pthread_cond_init(&all->woken, NULL);
    atomic_store(&all->gathered, 1);
    atomic_store(&all->allowed, size);
    for (all->size = 1; all->size < size; all->size++) {
        if (pthread_create(&all->helpers[all->size], NULL, team_helper, all) != 0) {
            break;
        }
    }
    return true;
}
