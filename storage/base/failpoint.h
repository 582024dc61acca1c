/*
 * failpoint: named places where a test makes the engine fail, stop or die.
 *
 * FAILPOINT("kv.commit.before_sync") is ST_OK unless a test armed that name. Armed from a test with
 * failpoint_arm, or for a whole process with HARPER_FAILPOINTS="name=action,name=action", where
 * action is error (ST_IO), full (ST_FULL), kill (SIGKILL to itself) or sleep:MS, each optionally
 * followed by @N (from the Nth hit on; the first is 1) and @once (at one hit only): `error@3`,
 * `kill@5`, `full@2@once`. Costs one predictable branch when nothing is armed.
 * Threads: any.
 */
#ifndef HARPER_BASE_FAILPOINT_H
#define HARPER_BASE_FAILPOINT_H

#include "storage/base/status.h"
#include <stdatomic.h>

extern _Atomic bool failpoints_are_armed;

enum status failpoint_hit(const char *name);
enum status failpoint_arm(const char *spec, struct error *err); /* "name=action" */
void failpoint_disarm_all(void);
uint64_t failpoint_hit_count(const char *name); /* since armed; 0 when not armed */

#define FAILPOINT(name)                                                                            \
    (__builtin_expect(atomic_load_explicit(&failpoints_are_armed, memory_order_relaxed), false)    \
         ? failpoint_hit(name)                                                                     \
         : ST_OK)

#endif
