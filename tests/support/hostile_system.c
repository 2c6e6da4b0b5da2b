/* Loaded before the C library: a system that is worse than this one. Each fault has a variable. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/* HOSTILE_LOCKS, HOSTILE_LINKS: the error number that every lock and every hard link fails with. */
static int fails_with(const char *name) {
    const char *number = getenv(name);
    errno = number ? atoi(number) : 0;
    return errno ? -1 : 0;
}

/* The C library's own function of this name and type. */
#define REAL(type, name) \
    static __typeof__(type) real; \
    if (!real) real = (__typeof__(type))dlsym(RTLD_NEXT, name)

static unsigned long long steps; /* changes of files that this process was about to make */

unsigned long long hostile_steps(void) { return __atomic_load_n(&steps, __ATOMIC_RELAXED); }

/* Whether this process shall be killed: by its number, or by a word of its command line. */
static int is_victim(void) {
    const char *number = getenv("HOSTILE_VICTIM"), *word = getenv("HOSTILE_VICTIM_WORD");
    char line[4096];
    if (number) return atoi(number) == getpid();
    if (!word) return 0;
    int file = open("/proc/self/cmdline", O_RDONLY);
    ssize_t count = read(file, line, sizeof line);
    close(file);
    return count > 0 && memmem(line, (size_t)count, word, strlen(word));
}

/* HOSTILE_KILL_AT: before which change of a file the victim is killed. HOSTILE_TOKEN: a file that
   is removed by the kill, so that nobody else is killed afterwards. HOSTILE_PARENT: the parent of
   the victim is killed in its place. */
static void step(void) {
    unsigned long long number = __atomic_add_fetch(&steps, 1, __ATOMIC_RELAXED);
    const char *at = getenv("HOSTILE_KILL_AT"), *token = getenv("HOSTILE_TOKEN");
    if (!at || !token || number < strtoull(at, NULL, 10) || !is_victim()) return;
    REAL(int (*)(const char *), "unlink");
    if (!real(token)) kill(getenv("HOSTILE_PARENT") ? getppid() : getpid(), SIGKILL);
}

int rename(const char *from, const char *to) {
    REAL(int (*)(const char *, const char *), "rename");
    step();
    return real(from, to);
}

int unlink(const char *path) {
    REAL(int (*)(const char *), "unlink");
    step();
    return real(path);
}

int mkdir(const char *path, mode_t mode) {
    REAL(int (*)(const char *, mode_t), "mkdir");
    step();
    return real(path, mode);
}

int fsync(int file) {
    REAL(int (*)(int), "fsync");
    step();
    return real(file);
}

int flock(int file, int operation) {
    REAL(int (*)(int, int), "flock");
    return fails_with("HOSTILE_LOCKS") ? -1 : real(file, operation);
}

int link(const char *from, const char *to) {
    REAL(int (*)(const char *, const char *), "link");
    return fails_with("HOSTILE_LINKS") ? -1 : real(from, to);
}

int linkat(int from_folder, const char *from, int to_folder, const char *to, int flags) {
    REAL(int (*)(int, const char *, int, const char *, int), "linkat");
    return fails_with("HOSTILE_LINKS") ? -1 : real(from_folder, from, to_folder, to, flags);
}

/* HOSTILE_QUOTA: how many bytes this process may write to files. */
ssize_t write(int file, const void *bytes, size_t count) {
    REAL(ssize_t (*)(int, const void *, size_t), "write");
    static long long written;
    const char *quota = getenv("HOSTILE_QUOTA");
    struct stat status;
    if (fstat(file, &status) || !S_ISREG(status.st_mode)) return real(file, bytes, count);
    step();
    if (quota && __atomic_add_fetch(&written, (long long)count, __ATOMIC_RELAXED) > atoll(quota)) {
        errno = EDQUOT;
        return -1;
    }
    return real(file, bytes, count);
}

/* HOSTILE_CLOCK: by how many seconds the clock of the system jumps, forward and back in turns. */
int clock_gettime(clockid_t clock, struct timespec *now) {
    REAL(int (*)(clockid_t, struct timespec *), "clock_gettime");
    static unsigned calls;
    int result = real(clock, now);
    const char *seconds = getenv("HOSTILE_CLOCK");
    if (seconds && clock == CLOCK_REALTIME)
        now->tv_sec += (__atomic_fetch_add(&calls, 1, __ATOMIC_RELAXED) % 2 ? 1 : -1) * atoll(seconds);
    return result;
}
