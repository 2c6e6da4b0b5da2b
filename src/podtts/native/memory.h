// Sizes of buffers, and memory that starts as zeros.

#pragma once

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { CACHE_LINE = 64, HUGE_PAGE = 1 << 21 };

static inline int min_int(int a, int b) { return a < b ? a : b; }

static inline int max_int(int a, int b) { return a > b ? a : b; }

static inline int ceil_div(int n, int divisor) { return (n + divisor - 1) / divisor; }

static inline int round_up(int n, int multiple) { return ceil_div(n, multiple) * multiple; }

// Zeroed memory, aligned for vectors, for free(); NULL where memory does not suffice.
static void *alloc_zeroed(size_t count, size_t size) {
    size_t bytes = (count * size + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
    void *memory = aligned_alloc(CACHE_LINE, bytes);
    return memory == NULL ? NULL : memset(memory, 0, bytes);
}

#ifdef __SANITIZE_ADDRESS__  // it watches the ends of what malloc gives, not of what mmap gives

static inline void *alloc_pages(size_t bytes) { return alloc_zeroed(bytes, 1); }

static inline void free_pages(void *memory, size_t bytes) {
    (void)bytes;
    free(memory);
}

#else

static inline size_t whole_pages(size_t bytes) {
    return (bytes + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
}

// Zeroed memory for weights that are read in one stream: huge pages where the system has them, so
// that the CPU looks up few addresses. For free_pages(); NULL where memory does not suffice.
static inline void *alloc_pages(size_t bytes) {
    void *memory = mmap(
        NULL, whole_pages(bytes), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0
    );
    if (memory == MAP_FAILED) {
        return NULL;
    }
#ifdef MADV_HUGEPAGE
    madvise(memory, whole_pages(bytes), MADV_HUGEPAGE);
#endif
    return memory;
}

static inline void free_pages(void *memory, size_t bytes) {
    if (memory != NULL) {
        munmap(memory, whole_pages(bytes));
    }
}

#endif
