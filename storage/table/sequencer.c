/* sequencer: who may write, in which order commits stand, and how many share one sync.
 *
 * A committing thread finishes its transaction under the writer lock, puts it into the queue and
 * lets the lock go. If nobody leads, it becomes the leader: it writes everything that is waiting in
 * one kv transaction with one sync, publishes, wakes the others and lets the next thread that still
 * waits lead. The first failure latches: nothing that is in the queue or built upon it may ever be
 * acknowledged. */
#include "storage/table/table_internal.h"
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static const uint64_t PROMISE_AFTER_NS = 5u * 1000 * 1000;

/* ---- the writer lock ---- */

static enum status busy(struct db *db, struct error *err)
{
    uint64_t ms = (clock_monotonic_ns() - db->writer_since_ns) / 1000000;

    return error_set(err, ST_BUSY, -1, "database is busy: %s has been writing for %llu ms",
                     db->writer_label[0] != '\0' ? db->writer_label : "another transaction",
                     (unsigned long long)ms);
}

static bool may_take(const struct db *db, const struct writer_ticket *ticket)
{
    return db->writer == NULL && (db->reserved == NULL || db->reserved == ticket);
}

static void remove_ticket(struct db *db, const struct writer_ticket *ticket)
{
    struct writer_ticket **link = &db->first_ticket, *before = NULL;

    while (*link != ticket) {
        before = *link;
        link = &before->next;
    }
    *link = ticket->next;
    if (db->last_ticket == ticket)
        db->last_ticket = before;
    if (db->reserved == ticket)
        db->reserved = NULL;
}

static void append_ticket(struct db *db, struct writer_ticket *ticket)
{
    if (db->last_ticket != NULL)
        db->last_ticket->next = ticket;
    else
        db->first_ticket = ticket;
    db->last_ticket = ticket;
}

/* Wait in line. Called and left with db->lock held. */
static bool wait_in_line(struct db *db, uint32_t timeout_ms)
{
    struct writer_ticket ticket = {.since_ns = clock_monotonic_ns()};
    pthread_condattr_t attributes;
    struct timespec until;
    bool has_it;

    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&ticket.granted, &attributes);
    pthread_condattr_destroy(&attributes);
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += timeout_ms / 1000;
    until.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    append_ticket(db, &ticket); /* and taken out again before this function ends */
    while (!(has_it = may_take(db, &ticket)))
        if (pthread_cond_timedwait(&ticket.granted, &db->lock, &until) == ETIMEDOUT) {
            has_it = may_take(db, &ticket);
            break;
        }
    remove_ticket(db, &ticket);
    /* A promise that timed out passes to the next in line, who may be asleep. */
    if (!has_it && db->writer == NULL && db->first_ticket != NULL)
        pthread_cond_signal(&db->first_ticket->granted);
    pthread_cond_destroy(&ticket.granted);
    return has_it;
}

enum status writer_acquire(struct txn *txn, struct error *err)
{
    struct db *db = txn->db;
    uint32_t timeout_ms = atomic_load(&db->busy_timeout_ms);
    enum status st = ST_OK;

    pthread_mutex_lock(&db->lock);
    if (!may_take(db, NULL) && (timeout_ms == 0 || !wait_in_line(db, timeout_ms))) {
        st = busy(db, err);
    } else {
        db->writer = txn;
        db->writer_since_ns = clock_monotonic_ns();
        db->writer_label[0] = '\0';
    }
    pthread_mutex_unlock(&db->lock);
    return st;
}

/* Threads that run take the lock from those that sleep, which is fast and unfair; whoever waited
 * for long gets it promised. */
static void release_locked(struct db *db)
{
    struct writer_ticket *first = db->first_ticket;

    db->writer = NULL;
    db->writer_label[0] = '\0';
    if (first == NULL)
        return;
    if (db->reserved == NULL && clock_monotonic_ns() - first->since_ns > PROMISE_AFTER_NS)
        db->reserved = first;
    pthread_cond_signal(&first->granted);
}

void writer_release(struct db *db)
{
    pthread_mutex_lock(&db->lock);
    release_locked(db);
    pthread_mutex_unlock(&db->lock);
}

/* ---- the latch ---- */

static void latch_locked(struct db *db, enum status st, const char *reason)
{
    if (atomic_load(&db->latched) != ST_OK)
        return;
    (void)snprintf(db->latched_reason, sizeof(db->latched_reason), "%s", reason);
    atomic_store(&db->latched, (int)st);
}

void sequencer_latch(struct db *db, enum status st, const char *reason)
{
    pthread_mutex_lock(&db->lock);
    latch_locked(db, st, reason);
    pthread_mutex_unlock(&db->lock);
}

enum status sequencer_latched(struct db *db, struct error *err)
{
    if (atomic_load_explicit(&db->latched, memory_order_acquire) == ST_OK)
        return ST_OK;
    return error_set(err, ST_READ_ONLY, -1,
                     "read-only since a write failed, until it is opened again: %s",
                     db->latched_reason);
}

/* ---- finishing a transaction ---- */

static enum status put_counts(struct txn *txn)
{
    for (struct touched *touched = txn->touched; touched != NULL; touched = touched->next) {
        struct count_record count = {touched->base_rows + touched->delta, touched->sequence_max,
                                     touched->had_typed_keys};

        if (!touched->is_counted ||
            catalog_table_by_store(&txn->catalog->catalog, touched->store) == NULL)
            continue;
        meta_key(&txn->other_key, META_COUNT, touched->store, NULL);
        count_encode(&txn->record, &count);
        if (txn->other_key.failed || txn->record.failed)
            return ST_NO_MEMORY;
        TRY(txn_put(txn, store_meta(), buf_slice(&txn->other_key), buf_slice(&txn->record)));
    }
    return ST_OK;
}

/* What must be in the delta before it is handed over. The writer lock is held: sequence and chain
 * are ours. */
static enum status finish(struct txn *txn)
{
    struct db *db = txn->db;
    struct pending *pending = txn->own;
    uint32_t crc;

    TRY(FAILPOINT("table.commit.before_log"));
    TRY(put_counts(txn));
    TRY(stats_put_dirty(txn));
    if (txn->has_catalog_changes)
        TRY(catalog_write_counters(txn));
    pending->stamp = txn_stamp(txn);
    pending->sequence = db->next_sequence;
    pending->needs_no_sync = txn->is_sync_left_to_caller;
    TRY(log_finish(txn, pending, pending->sequence, pending->stamp, &crc));
    pending->chain = chain_next(db->chain, crc);
    if (txn->has_catalog_changes)
        pending->catalog = catalog_hold(txn->catalog);
    return ST_OK;
}

/* It is decided: later transactions build upon it. */
static void adopt(struct txn *txn)
{
    struct db *db = txn->db;

    db->next_sequence++;
    db->chain = txn->own->chain;
    if (txn->has_catalog_changes) {
        catalog_drop(db->newest);
        db->newest = catalog_hold(txn->catalog);
        db->next_store = txn->next_store;
        db->next_object = txn->next_object;
    }
    for (struct touched *touched = txn->touched; touched != NULL; touched = touched->next) {
        atomic_store(&touched->stats->rows, touched->base_rows + touched->delta);
        touched->stats->sequence_max = touched->sequence_max;
    }
}

/* ---- writing a group ---- */

static enum status put_u64s(struct kv_txn *kv, enum meta_tag tag, uint64_t a, const uint64_t *b)
{
    struct buf key = {0}, value = {0};
    enum status st = ST_NO_MEMORY;

    meta_key(&key, tag, 0, NULL);
    buf_append_u64_le(&value, a);
    if (b != NULL)
        buf_append_u64_le(&value, *b);
    if (!key.failed && !value.failed)
        st = kv_put(kv, store_meta(), buf_slice(&key), buf_slice(&value));
    buf_free(&key);
    buf_free(&value);
    return st;
}

/* No stamp beyond the ceiling was ever given out, so a crash followed by a clock that was set back
 * cannot give one out twice. It is moved ahead of time, with a commit that is written anyway. */
static enum status raise_ceiling(struct db *db, struct kv_txn *kv, stamp_t stamp)
{
    if (stamp + (stamp_t)CEILING_AHEAD_MS / 2 * 4096 <= db->ceiling)
        return ST_OK;
    db->ceiling = stamp + (stamp_t)CEILING_AHEAD_MS * 4096;
    return put_u64s(kv, META_CEILING, db->ceiling, NULL);
}

/* The record cache hears of every row that the group changes before the kv shows it. Appended rows
 * were in no snapshot, so nobody can have cached them. */
static void mark_cached(struct db *db, const struct pending *pending, uint64_t sequence)
{
    for (const struct delta_store *store = pending->delta.stores; store != NULL;
         store = store->next) {
        if (store->store.class != KV_DATA || store->is_created)
            continue;
        if (store->is_cleared || store->is_dropped) {
            record_cache_mark_all(db->record_cache, sequence);
            continue;
        }
        if (store->is_append)
            continue;
        for (const struct delta_node *leaf = store->first; leaf != NULL; leaf = leaf->as.leaf.next)
            for (unsigned i = 0; i < leaf->count; i++)
                record_cache_mark(db->record_cache, store->store.id, delta_key(leaf->entries[i]),
                                  sequence);
    }
}

static enum status write_group(struct db *db, struct pending *first, struct pending *last,
                               bool sync, struct error *err)
{
    struct kv_txn *kv = NULL;
    enum status st;

    TRY(FAILPOINT("table.commit.before_kv"));
    TRY(kv_begin_write(db->kv, &kv, err));
    for (struct pending *pending = first;; pending = pending->next) {
        TRY_OUT(delta_apply(&pending->delta, kv));
        if (db->record_cache != NULL)
            mark_cached(db, pending, last->sequence);
        if (pending == last)
            break;
    }
    TRY_OUT(put_u64s(kv, META_CHAIN, last->sequence, &last->chain));
    TRY_OUT(raise_ceiling(db, kv, last->stamp));
    TRY_OUT(FAILPOINT("table.commit.after_kv"));
    TRY(kv_commit(kv, sync, err));
    return FAILPOINT("table.commit.after_sync");
out:
    kv_abort(kv);
    return st;
}

static void publish_locked(struct db *db, struct pending *first, struct pending *last)
{
    struct catalog_version *catalog = NULL;

    for (struct pending *pending = first;; pending = pending->next) {
        if (pending->catalog != NULL)
            catalog = pending->catalog;
        if (pending == last)
            break;
    }
    if (catalog != NULL) {
        catalog_drop(db->published);
        db->published = catalog_hold(catalog);
        atomic_store_explicit(&db->published_hint, catalog, memory_order_release);
        atomic_store_explicit(&db->published_version, catalog->catalog.version,
                              memory_order_release);
    }
    atomic_fetch_add_explicit(&db->commits, 1, memory_order_release);
}

/* A commit may fail so late that readers see it all the same. They must then have the catalog that
 * goes with it. */
static bool is_visible(struct db *db, const struct pending *last)
{
    const char key[5] = {META_CHAIN};
    struct kv_txn *kv = NULL;
    struct slice bytes;
    uint64_t sequence = 0;
    bool is_read;

    if (kv_begin_read(db->kv, &kv, NULL) != ST_OK)
        return false;
    is_read = kv_get(kv, store_meta(), slice_of(key, sizeof(key)), &bytes) == ST_OK &&
              read_u64_le(&bytes, &sequence);
    kv_end_read(kv);
    return is_read && sequence >= last->sequence;
}

/* Take `first`..`last` off the queue. All of the queue when the group failed: what is behind was
 * built on it. */
static void settle_locked(struct db *db, struct pending *last, enum status st)
{
    struct pending *pending = db->queue, *next;
    struct pending *end = st == ST_OK ? last->next : NULL;

    for (; pending != end; pending = next) {
        next = pending->next;
        pending->status = st;
        pending->is_done = true;
        pending->next = NULL;
        db->queue = next;
        if (atomic_fetch_sub(&pending->references, 1) == 1)
            assert(false); /* its committing thread still holds it */
    }
    if (db->queue == NULL)
        db->queue_last = NULL;
}

static void note_written(struct db *db, const struct pending *last, bool is_durable)
{
    db->written_sequence = last->sequence;
    db->written_chain = last->chain;
    db->written_stamp = last->stamp;
    db->is_unsynced = !is_durable;
    if (is_durable) {
        db->durable_sequence = last->sequence;
        db->durable_chain = last->chain;
        db->durable_stamp = last->stamp;
    }
}

/* Write everything that is waiting. Called and left with db->lock held, which is free in between.
 */
static void lead_locked(struct db *db)
{
    struct pending *first = db->queue, *last = first;
    enum durability durability = (enum durability)atomic_load(&db->durability);
    bool sync = false, has_catalog = false, is_in_kv = true;
    struct error why = {0};
    enum status st;

    db->has_leader = true;
    for (unsigned count = 1;; last = last->next, count++) {
        has_catalog |= last->catalog != NULL;
        sync |= durability == DURABILITY_FULL && !last->needs_no_sync;
        if (last->next == NULL || count == GROUP_MAX)
            break;
    }
    if (has_catalog)
        atomic_fetch_add(&db->catalog_turn, 1);
    atomic_fetch_add(&db->group_turn, 1);
    pthread_mutex_unlock(&db->lock);
    st = atomic_load(&db->latched) != ST_OK ? ST_READ_ONLY
                                            : write_group(db, first, last, sync, &why);
    if (st == ST_OK) {
        st = FAILPOINT("table.publish");
        if (sync)
            watermark_write(db, last->sequence, last->stamp, last->chain);
    }
    if (st != ST_OK)
        is_in_kv = is_visible(db, last);
    pthread_mutex_lock(&db->lock);
    if (is_in_kv) {
        atomic_store(&db->published_sequence, last->sequence);
        publish_locked(db, first, last);
    }
    if (st == ST_OK) {
        note_written(db, last, sync);
    } else {
        latch_locked(db, st, why.status != ST_OK ? error_message(&why) : status_text(st));
    }
    settle_locked(db, last, st);
    atomic_fetch_add(&db->group_turn, 1);
    if (has_catalog) {
        atomic_fetch_add(&db->catalog_turn, 1);
        pthread_cond_broadcast(&db->catalog_turned);
    }
    db->has_leader = false;
    pthread_cond_broadcast(&db->group_done);
}

static void enqueue_locked(struct db *db, struct pending *pending)
{
    pending->next = NULL;
    if (db->queue_last != NULL)
        db->queue_last->next = pending;
    else
        db->queue = pending;
    db->queue_last = pending;
}

enum status sequencer_commit(struct txn *txn, struct error *err)
{
    struct db *db = txn->db;
    struct pending *pending = txn->own;
    enum status st = sequencer_latched(db, err);

    if (st == ST_OK)
        st = finish(txn);
    if (st != ST_OK) {
        /* Before the next writer finds one that was never stored and writes rows under it. */
        txn_forget_shapes(txn, 0);
        writer_release(db);
        return txn_delta_error(txn, st, err);
    }
    adopt(txn);
    txn->new_shape_count = 0; /* if it fails now, nobody commits after it: they may stay */
    txn_let_go(txn);
    (void)pending_hold(pending);
    pthread_mutex_lock(&db->lock);
    enqueue_locked(db, pending);
    release_locked(db);
    while (!pending->is_done) {
        if (db->has_leader)
            pthread_cond_wait(&db->group_done, &db->lock);
        else
            lead_locked(db);
    }
    st = pending->status;
    if (st != ST_OK)
        (void)error_set(err, st, -1, "the commit failed: %s", db->latched_reason);
    pthread_mutex_unlock(&db->lock);
    return st;
}

enum status sequencer_drain(struct db *db, struct error *err)
{
    pthread_mutex_lock(&db->lock);
    while (db->queue != NULL || db->has_leader) {
        if (db->has_leader)
            pthread_cond_wait(&db->group_done, &db->lock);
        else
            lead_locked(db);
    }
    pthread_mutex_unlock(&db->lock);
    return sequencer_latched(db, err);
}

enum status sequencer_direct(struct db *db, enum status (*fill)(void *context, struct kv_txn *kv),
                             void *context, bool sync, struct error *err)
{
    struct kv_txn *kv = NULL;
    enum status st;

    TRY(sequencer_drain(db, err));
    TRY(kv_begin_write(db->kv, &kv, err));
    st = fill(context, kv);
    if (st != ST_OK) {
        kv_abort(kv);
        return st;
    }
    st = kv_commit(kv, sync, err);
    if (st != ST_OK)
        sequencer_latch(db, st, err != NULL ? error_message(err) : status_text(st));
    return st;
}

enum status sequencer_sync(struct db *db, struct error *err)
{
    uint64_t sequence, chain;
    stamp_t stamp;
    bool is_needed;
    enum status st;

    pthread_mutex_lock(&db->lock);
    is_needed = db->is_unsynced;
    sequence = db->written_sequence;
    chain = db->written_chain;
    stamp = db->written_stamp;
    pthread_mutex_unlock(&db->lock);
    if (!is_needed)
        return sequencer_latched(db, err);
    st = kv_sync(db->kv, err);
    pthread_mutex_lock(&db->lock);
    if (st != ST_OK) {
        latch_locked(db, st, err != NULL ? error_message(err) : status_text(st));
    } else if (sequence > db->durable_sequence) {
        db->durable_sequence = sequence;
        db->durable_chain = chain;
        db->durable_stamp = stamp;
        db->is_unsynced = db->written_sequence != sequence;
        /* Leaders write the mark only under full durability, when nothing is left for us. */
        if (!db->has_leader)
            watermark_write(db, sequence, stamp, chain);
    }
    pthread_mutex_unlock(&db->lock);
    return st;
}
