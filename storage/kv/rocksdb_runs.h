/*
 * rocksdb_runs: runs of entries that lay side by side, kept in front of RocksDB's iterators.
 *
 * An iterator costs some 200 ns a step and 2,500 a seek, whatever is cached below it. A scan of a
 * store that has been quiet leaves packed copies of what it met; the next one reads those. A run
 * holds consecutive entries of one store, first to last, with nothing between them. Runs of a store
 * do not overlap.
 *
 * Validity: commits are counted. Before a commit that touches a store reaches RocksDB, the store is
 *           marked with the commit's number. What a snapshot taken at number n shows of a store is
 *           what any other shows that was taken at or after the store's mark; so a run that was
 *           made at number m serves a reader at n while mark <= m and mark <= n.
 * Lifetimes: a run is counted; whoever got one releases it. Entries live as long as their run.
 * Threads:  all functions may be called by any thread; marking is the committing thread's.
 * Memory:   at most bytes_max; beyond it the store that was used least recently goes, and what is
 *           larger alone is kept in part.
 */
#ifndef HARPER_KV_ROCKSDB_RUNS_H
#define HARPER_KV_ROCKSDB_RUNS_H

#include "storage/kv/kv.h"
#include <stdatomic.h>

struct run {
    _Atomic unsigned references;
    uint32_t count;
    bool is_joined; /* the entry behind the last one is the first of the next run */
    bool is_last;   /* there is none behind the last one */
    size_t bytes;   /* of memory */
    struct kv_entry entries[];
};

struct run_cache;

struct run_cache *run_cache_new(size_t bytes_max); /* NULL: out of memory; then there are none */
void run_cache_free(struct run_cache *cache);      /* NULL is allowed; no run is out any more */

/* A commit with this number touches the store; called before it can be seen. */
void run_cache_mark(struct run_cache *cache, struct kv_store store, uint64_t number);
/* How long a store must have been quiet before runs of it are made; 100 at first. For tests. */
void run_cache_set_quiet(struct run_cache *cache, uint64_t ms);
/* May runs over this store be made for a reader at `number`? Not while it is being written to. */
bool run_cache_wants(const struct run_cache *cache, struct kv_store store, uint64_t number);

/* The run that has the first entry at or behind `key` (is_after: behind it), and where. NULL: not
 * known. */
struct run *run_cache_find(struct run_cache *cache, struct kv_store store, uint64_t number,
                           struct slice key, bool is_after, unsigned *at);

/* Collecting a run, entry by entry. */
enum { RUN_ENTRIES_MAX = 128, RUN_BYTES_MAX = 32 << 10 };
struct run_draft {
    unsigned count;
    uint32_t starts[RUN_ENTRIES_MAX], key_lens[RUN_ENTRIES_MAX], value_lens[RUN_ENTRIES_MAX];
    struct buf bytes;
};
/* False: it is full, or memory is. */
bool run_draft_add(struct run_draft *draft, struct slice key, struct slice value);
/* A run from the draft, which is empty then; NULL: out of memory or nothing in it. */
struct run *run_draft_finish(struct run_draft *draft);
/* The first key of the run behind `key`: where a draft ends. False: there is none. */
bool run_cache_next(struct run_cache *cache, struct kv_store store, uint64_t number,
                    struct slice key, struct buf *out);
/* Keep it, unless something overlaps or it is not valid any more. `before`: the run that ends where
 * this one begins, or NULL. `behind`: the key that follows, when it begins a run; else empty. The
 * caller's reference stays his. */
void run_cache_add(struct run_cache *cache, struct kv_store store, uint64_t number, struct run *run,
                   const struct run *before, struct slice behind);
void run_release(struct run *run); /* NULL is allowed */

#endif
