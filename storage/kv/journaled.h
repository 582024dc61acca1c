/*
 * journaled: commits of a store on disk by way of the journal.
 *
 * A small commit is a record of the journal and one sync of it. The store gets the writes at a
 * checkpoint, many commits in one synced transaction, by a thread of its own; until then layers
 * show them to readers. A commit that is large, that makes, drops or cuts stores, or that reads,
 * goes directly to the store as if there were no journal, after everything before it.
 *
 * Threads: as kv.h says of kv_begin_write, kv_commit and kv_sync.
 */
#ifndef HARPER_KV_JOURNALED_H
#define HARPER_KV_JOURNALED_H

#include "storage/kv/kv_internal.h"

/* Bring the store up to what the journal holds, or, read-only, lay it over the store. Then, unless
 * `options` say otherwise, commits go through the journal. */
enum status journaled_open(struct kv *kv, const struct kv_options *options, struct error *err);
/* Everything into the store; the journal is removed. When that fails it stays. */
void journaled_close(struct kv *kv);

enum status journaled_begin_write(struct kv *kv, struct kv_txn **out, struct error *err);
enum status journaled_sync(struct kv *kv, struct error *err);
/* All commits so far are in the store, for who reads its files. */
enum status journaled_settle(struct kv *kv, struct error *err);

#endif
