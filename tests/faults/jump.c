/* Moves the wall clock of the processes that load it (LD_PRELOAD) by the seconds that stand in the file JUMP_FILE, a
   64-bit integer; it may be changed while they run. Elapsed time (CLOCK_MONOTONIC) is left alone, as when a clock is
   set. libfaketime 0.9.10 cannot be used: under it Python's timed waits hang or fail with EINVAL. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>

static volatile int64_t *seconds;
static int (*real_gettime)(clockid_t, struct timespec *);
static int (*real_timedwait)(sem_t *, const struct timespec *);

__attribute__((constructor)) static void begin(void) {
    real_gettime = dlsym(RTLD_NEXT, "clock_gettime");
    real_timedwait = dlsym(RTLD_NEXT, "sem_timedwait");
    const char *name = getenv("JUMP_FILE");
    int file = name ? open(name, O_RDONLY | O_CLOEXEC) : -1;
    void *page = file < 0 ? MAP_FAILED : mmap(0, sizeof *seconds, PROT_READ, MAP_SHARED, file, 0);
    if (page != MAP_FAILED) seconds = page;
}

static int64_t by(void) { return seconds ? *seconds : 0; }

int clock_gettime(clockid_t which, struct timespec *now) {
    if (!real_gettime) real_gettime = dlsym(RTLD_NEXT, "clock_gettime");
    int result = real_gettime(which, now);
    if (!result && (which == CLOCK_REALTIME || which == CLOCK_REALTIME_COARSE)) now->tv_sec += by();
    return result;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    struct timespec found;
    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &found)) return -1;
    now->tv_sec = found.tv_sec;
    now->tv_usec = found.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *where) {
    struct timespec found;
    clock_gettime(CLOCK_REALTIME, &found);
    if (where) *where = found.tv_sec;
    return found.tv_sec;
}

/* The kernel's clock did not jump: it must wait until the instant that the caller means. */
int sem_timedwait(sem_t *semaphore, const struct timespec *until) {
    struct timespec meant = *until;
    meant.tv_sec -= by();
    return real_timedwait(semaphore, &meant);
}
