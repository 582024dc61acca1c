/*
 * record_cache: rows by (store, key) in front of a store whose point reads are slow (RocksDB).
 *
 * An entry holds the bytes a row had at commit sequence `from`; a commit that changes the row sets
 * `to`. It answers readers whose snapshot is at or after `from` and before `to`. The rule that
 * makes this right: the leader marks what its group changes before the kv makes the group visible,
 * and a reader may only enter what it read when nothing in that bucket was marked beyond the
 * reader's snapshot.
 *
 * Threads: all functions may be called by any thread; each bucket has its own lock.
 */
#ifndef HARPER_TABLE_RECORD_CACHE_H
#define HARPER_TABLE_RECORD_CACHE_H

#include "storage/base/base.h"

struct record_cache;

struct record_cache *record_cache_new(uint64_t bytes_max); /* NULL: out of memory */
void record_cache_free(struct record_cache *cache);        /* NULL is allowed */
/* Copy the row's bytes into `out` (replacing its content). False: not here, or not for this
 * snapshot. */
bool record_cache_get(struct record_cache *cache, uint32_t store, struct slice key,
                      uint64_t snapshot, struct buf *out);
/* The bytes that a reader of `snapshot` found. */
void record_cache_put(struct record_cache *cache, uint32_t store, struct slice key,
                      uint64_t snapshot, struct slice value);
/* The commit `sequence` will change this row / everything in some store. */
void record_cache_mark(struct record_cache *cache, uint32_t store, struct slice key,
                       uint64_t sequence);
void record_cache_mark_all(struct record_cache *cache, uint64_t sequence);

#endif
