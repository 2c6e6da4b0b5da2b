// A team of threads that share the work of one call and meet between its steps.

#pragma once

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include <immintrin.h>

typedef struct team team;
typedef void team_work(team *, void *argument);

struct team {
    int size;  // threads, the caller among them
    pthread_t *others;
    team_work *work;
    void *argument;
    bool leaving;
    pthread_mutex_t lock;
    pthread_cond_t woken;
    atomic_uint round;  // calls so far
    // Each on a line of the cache of its own.
    _Alignas(64) atomic_uint step;  // meetings so far
    _Alignas(64) atomic_int arrived;
    _Alignas(64) atomic_int taken;  // pieces of this step that are someone's
};

enum { SPINS_BEFORE_YIELD = 4096, SPINS_BEFORE_SLEEP = 2048 };

// Wait until all are here; then every piece of the next step is free.
static void team_meet(team *all) {
    unsigned step = atomic_load(&all->step);
    if (atomic_fetch_add(&all->arrived, 1) + 1 == all->size) {
        atomic_store(&all->arrived, 0);
        atomic_store(&all->taken, 0);
        atomic_store(&all->step, step + 1);
        return;
    }
    for (int spins = 0; atomic_load(&all->step) == step; spins++) {
        if (spins < SPINS_BEFORE_YIELD) {
            _mm_pause();
        } else {
            sched_yield();  // the other's core may be busy with another program
        }
    }
}

// The first of `count` pieces that the caller is to do.
static int team_take(team *all, int count) { return atomic_fetch_add(&all->taken, count); }

static void *team_member(void *given) {
    team *all = given;
    for (unsigned seen = 0;; seen++) {
        for (int spins = 0; atomic_load(&all->round) == seen; spins++) {
            if (spins < SPINS_BEFORE_SLEEP) {
                _mm_pause();
                continue;
            }
            pthread_mutex_lock(&all->lock);
            while (atomic_load(&all->round) == seen) {
                pthread_cond_wait(&all->woken, &all->lock);
            }
            pthread_mutex_unlock(&all->lock);
        }
        if (all->leaving) {
            return NULL;
        }
        all->work(all, all->argument);
        team_meet(all);
    }
}

static void team_call(team *all) {
    pthread_mutex_lock(&all->lock);
    atomic_fetch_add(&all->round, 1);
    pthread_cond_broadcast(&all->woken);
    pthread_mutex_unlock(&all->lock);
}

// Let all do `work`, which takes pieces and meets; return when it is done.
static void team_run(team *all, team_work *work, void *argument) {
    all->work = work;
    all->argument = argument;
    team_call(all);
    work(all, argument);
    team_meet(all);
}

static void team_leave(team *all) {
    all->leaving = true;
    team_call(all);
    for (int other = 1; other < all->size; other++) {
        pthread_join(all->others[other], NULL);
    }
    pthread_mutex_destroy(&all->lock);
    pthread_cond_destroy(&all->woken);
    free(all->others);
}

// As many threads as there can be, at most `size`.
static bool team_gather(team *all, int size) {
    all->others = calloc((size_t)size, sizeof(pthread_t));
    if (all->others == NULL) {
        return false;
    }
    pthread_mutex_init(&all->lock, NULL);
    pthread_cond_init(&all->woken, NULL);
    for (all->size = 1; all->size < size; all->size++) {
        if (pthread_create(&all->others[all->size], NULL, team_member, all) != 0) {
            break;
        }
    }
    return true;
}
