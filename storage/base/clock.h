/*
 * clock: time, with a hook for tests.
 */
#ifndef HARPER_BASE_CLOCK_H
#define HARPER_BASE_CLOCK_H

#include <stdint.h>

int64_t clock_wall_us(void);       /* microseconds since 1970-01-01 UTC */
uint64_t clock_monotonic_ns(void); /* never goes back; its zero means nothing */

/* Tests only: add to what clock_wall_us returns. */
void clock_test_shift_us(int64_t shift);

#endif
