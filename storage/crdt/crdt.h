/*
 * crdt: the hybrid logical clock and the rules by which concurrent writes of one record merge.
 *
 * Pure functions over stamps and record headers; no I/O. The rules are those of "Harper's
 * replication design": time decides between assignments (ties by origin rank), increments add up.
 * Stamp: u64 ticks of 2^-12 ms since 1970-01-01 UTC, so stamp / 4096.0 is milliseconds as an exact
 * double. Threads: a struct hlc is used under the sequencer's lock.
 */
#ifndef HARPER_CRDT_CRDT_H
#define HARPER_CRDT_CRDT_H

#include "storage/base/base.h"
#include "storage/value/record.h"

typedef uint64_t stamp_t;

struct hlc {
    stamp_t last;
};

static inline double stamp_to_ms(stamp_t stamp)
{
    return (double)stamp / 4096.0;
}
stamp_t stamp_from_us(int64_t wall_us);
/* The stamp of the next local commit: physical time, or one more than the last when the clock
 * stands. */
stamp_t hlc_next(struct hlc *clock, int64_t wall_us);
void hlc_observe(struct hlc *clock, stamp_t remote);

/* What a write does to the record that is there (design section 3: the table "Merge of a write").
 */
enum merge_kind { MERGE_PUT, MERGE_PATCH, MERGE_DELETE };
enum merge_op { MERGE_SET, MERGE_ADD, MERGE_REMOVE }; /* per property of a patch */

/* Is a write (stamp, origin rank) newer than a full write / version (stamp, rank)? */
bool merge_is_newer(stamp_t stamp, uint32_t rank, stamp_t than, uint32_t than_rank);
/* Sum for an ADD: integers in 128 bits clamped to int64, otherwise double; a missing or non-numeric
 * base counts as 0. */
struct value merge_add(struct value base, struct value delta);
/* The header of the record after a local (hence newest) write. */
struct record_header merge_local(const struct record_header *current, enum merge_kind kind,
                                 stamp_t stamp, uint16_t origin);

#endif
