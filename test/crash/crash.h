/*
 * crash: crash_writer writes until it is killed; crash_test kills it, again and again. Each writer
 * first looks at what the one before it left.
 *
 * What a thread's table holds after n transactions is a function of n alone, so whoever opens the
 * database afterwards can tell from the greatest number in it whether every transaction before
 * it is there as a whole, and from the numbers that were acknowledged whether any is missing.
 */
#ifndef HARPER_CRASH_H
#define HARPER_CRASH_H

#include <stdint.h>

enum { CRASH_THREADS = 2, CRASH_WINDOW = 40 };

struct crash_ack { /* what the writer tells the runner through the pipe after each commit */
    uint32_t thread;
    uint64_t number;
};

struct crash_job {
    const char *path, *backend;
    uint64_t acknowledged[CRASH_THREADS]; /* must be there */
    int pipe;
};

#endif
