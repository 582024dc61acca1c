#include "storage/base/clock.h"
#include <stdatomic.h>
#include <time.h>

/* The only state of this file, and only tests write it. */
static _Atomic int64_t test_shift_us;

int64_t clock_wall_us(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000 +
           atomic_load_explicit(&test_shift_us, memory_order_relaxed);
}

uint64_t clock_monotonic_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void clock_test_shift_us(int64_t shift)
{
    atomic_fetch_add_explicit(&test_shift_us, shift, memory_order_relaxed);
}
