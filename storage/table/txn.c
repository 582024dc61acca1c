/* txn: snapshots, the writer's layers, savepoints, point reads through all of it. table.h tells the
 * whole story. */
#include "storage/table/table_internal.h"
#include <assert.h>
#include <stdlib.h>

enum { IDLE_READERS_MAX = 64, PENDING_KEEP_BYTES = 1 << 20 };

/* ---- pending commits ---- */

struct pending *pending_new(struct db *db)
{
    struct pending *pending;

    pthread_mutex_lock(&db->lock);
    pending = db->idle_pending;
    db->idle_pending = NULL;
    pthread_mutex_unlock(&db->lock);
    if (pending == NULL) {
        pending = calloc(1, sizeof(*pending));
        if (pending == NULL)
            return NULL;
        delta_init(&pending->delta, db->options.transaction_bytes_max);
    }
    atomic_store(&pending->references, 1);
    return pending;
}

struct pending *pending_hold(struct pending *pending)
{
    atomic_fetch_add_explicit(&pending->references, 1, memory_order_relaxed);
    return pending;
}

static void pending_free(struct pending *pending)
{
    delta_deinit(&pending->delta);
    buf_free(&pending->log);
    free(pending);
}

void pending_drop(struct db *db, struct pending *pending)
{
    if (pending == NULL || atomic_fetch_sub(&pending->references, 1) != 1)
        return;
    catalog_drop(pending->catalog);
    pending->catalog = NULL;
    pending->next = NULL;
    pending->is_done = false;
    pending->status = ST_OK;
    if (delta_bytes(&pending->delta) <= PENDING_KEEP_BYTES &&
        pending->log.capacity <= PENDING_KEEP_BYTES) {
        delta_reset(&pending->delta);
        buf_clear(&pending->log);
        pthread_mutex_lock(&db->lock);
        if (db->idle_pending == NULL) {
            db->idle_pending = pending;
            pending = NULL;
        }
        pthread_mutex_unlock(&db->lock);
    }
    if (pending != NULL)
        pending_free(pending);
}

/* ---- snapshots ---- */

static void follow_catalog(struct txn *txn)
{
    struct db *db = txn->db;
    struct catalog_version *old = txn->catalog;

    if (old == atomic_load_explicit(&db->published_hint, memory_order_acquire))
        return;
    pthread_mutex_lock(&db->lock);
    txn->catalog = catalog_hold(db->published);
    pthread_mutex_unlock(&db->lock);
    catalog_drop(old);
}

/* Which commit the snapshot ends with is known when no group was on its way while it was taken. */
static enum status renew_kv(struct txn *txn)
{
    struct db *db = txn->db;
    uint64_t group = atomic_load_explicit(&db->group_turn, memory_order_acquire);
    uint64_t sequence = atomic_load_explicit(&db->published_sequence, memory_order_acquire);

    TRY(kv_renew(txn->kv));
    txn->snapshot_sequence =
        group % 2 == 0 && atomic_load_explicit(&db->group_turn, memory_order_acquire) == group
            ? sequence
            : UINT64_MAX;
    return ST_OK;
}

/* Catalog and snapshot must belong together. A commit that changes the catalog makes catalog_turn
 * odd while it is on its way; a reader that met it looks again. Only such commits are waited for.
 */
static enum status take_snapshot(struct txn *txn)
{
    struct db *db = txn->db;

    for (;;) {
        uint64_t turn = atomic_load_explicit(&db->catalog_turn, memory_order_acquire);
        uint64_t commits = atomic_load_explicit(&db->commits, memory_order_acquire);

        if (turn % 2 != 0) {
            pthread_mutex_lock(&db->lock);
            while (atomic_load(&db->catalog_turn) == turn)
                pthread_cond_wait(&db->catalog_turned, &db->lock);
            pthread_mutex_unlock(&db->lock);
            continue;
        }
        TRY(renew_kv(txn));
        txn->is_parked = false;
        follow_catalog(txn);
        txn->seen_commits = commits;
        txn->now_ms = 0;
        if (atomic_load_explicit(&db->catalog_turn, memory_order_acquire) == turn)
            return ST_OK;
    }
}

enum status txn_renew(struct txn *txn)
{
    if (txn->is_write)
        return ST_MISUSE;
    txn->now_ms = 0;
    if (!txn->is_parked &&
        txn->seen_commits == atomic_load_explicit(&txn->db->commits, memory_order_acquire) &&
        !kv_is_outdated(txn->kv))
        return ST_OK; /* nothing happened since */
    return take_snapshot(txn);
}

void txn_park(struct txn *txn)
{
    if (txn->is_write || txn->is_parked)
        return;
    kv_park(txn->kv);
    txn->is_parked = true;
}

static struct txn *take_idle(struct db *db)
{
    struct txn *txn;

    pthread_mutex_lock(&db->lock);
    txn = db->idle_readers;
    if (txn != NULL) {
        db->idle_readers = txn->next_idle;
        db->idle_count--;
    }
    pthread_mutex_unlock(&db->lock);
    return txn;
}

static enum status txn_new(struct db *db, struct txn **out, struct error *err)
{
    struct txn *txn = take_idle(db);
    enum status st;

    if (txn == NULL) {
        txn = calloc(1, sizeof(*txn));
        if (txn == NULL)
            return error_set(err, ST_NO_MEMORY, -1, "out of memory");
        txn->db = db;
        st = kv_begin_read(db->kv, &txn->kv, err);
        if (st != ST_OK) {
            free(txn);
            return st;
        }
    }
    txn->is_parked = true; /* whoever asked for it takes a snapshot */
    *out = txn;
    return ST_OK;
}

static void free_for_good(struct txn *txn)
{
    kv_end_read(txn->kv);
    catalog_drop(txn->catalog);
    free(txn->layers);
    free(txn->touched_undo);
    free(txn->marks);
    free(txn->new_shapes);
    log_free(&txn->log);
    arena_deinit(&txn->arena);
    arena_deinit(&txn->scratch);
    buf_free(&txn->key);
    buf_free(&txn->record);
    buf_free(&txn->other_key);
    buf_free(&txn->entry_key);
    buf_free(&txn->conflict_key);
    free(txn);
}

/* End it, keeping the object for the next one. */
void txn_free(struct txn *txn)
{
    struct db *db = txn->db;

    /* A compiled statement keeps its cursors for its next run. The object may be another thread's
     * by then. */
    while (txn->cursors != NULL)
        cursor_detach(txn->cursors);
    arena_reset(&txn->arena);
    arena_reset(&txn->scratch);
    txn->user = slice_empty();
    if (!txn->is_parked)
        kv_park(txn->kv);
    txn->is_parked = true;
    pthread_mutex_lock(&db->lock);
    if (db->idle_count < IDLE_READERS_MAX && !db->is_closing) {
        txn->next_idle = db->idle_readers;
        db->idle_readers = txn;
        db->idle_count++;
        txn = NULL;
    }
    pthread_mutex_unlock(&db->lock);
    if (txn != NULL)
        free_for_good(txn);
}

void txn_free_idle(struct db *db)
{
    struct txn *txn;

    while ((txn = take_idle(db)) != NULL)
        free_for_good(txn);
    if (db->idle_pending != NULL)
        pending_free(db->idle_pending);
    db->idle_pending = NULL;
}

/* ---- write transactions ---- */

static bool hold_layers(struct txn *txn)
{
    struct db *db = txn->db;
    unsigned count = 0;
    bool is_ok = true;

    pthread_mutex_lock(&db->lock);
    for (struct pending *pending = db->queue; pending != NULL; pending = pending->next)
        count++;
    if (count > txn->layer_room) {
        struct pending **bigger = realloc(txn->layers, count * sizeof(struct pending *));

        is_ok = bigger != NULL;
        if (is_ok) {
            txn->layers = bigger;
            txn->layer_room = count;
        }
    }
    txn->layer_count = 0;
    for (struct pending *pending = db->queue; is_ok && pending != NULL; pending = pending->next)
        txn->layers[txn->layer_count++] = pending_hold(pending);
    pthread_mutex_unlock(&db->lock);
    return is_ok;
}

static void drop_layers(struct txn *txn)
{
    for (unsigned i = 0; i < txn->layer_count; i++)
        pending_drop(txn->db, txn->layers[i]);
    txn->layer_count = 0;
}

/* A snapshot that was read from is of the newest commit (txn_upgrade saw to it) and stays, and with
 * it the cursors that stand in it. */
static enum status take_own_snapshot(struct txn *txn)
{
    if (txn->is_parked) {
        TRY(renew_kv(txn));
        txn->is_parked = false;
    }
    for (struct cursor *cursor = txn->cursors; cursor != NULL; cursor = cursor->older)
        TRY(raw_bind_own(cursor));
    return ST_OK;
}

/* With the writer lock held. The layers are taken before the snapshot: what leaves the queue in
 * between is in the snapshot then, and what is in both reads the same. */
static enum status become_writer(struct txn *txn, struct error *err)
{
    struct db *db = txn->db;
    enum status st;

    txn->own = pending_new(db);
    if (txn->own == NULL || !hold_layers(txn)) {
        st = error_set(err, ST_NO_MEMORY, -1, "out of memory");
        goto fail;
    }
    st = take_own_snapshot(txn);
    if (st != ST_OK) {
        (void)error_set(err, st, -1, "no snapshot: %s", status_text(st));
        goto fail;
    }
    txn->now_ms = 0;
    catalog_drop(txn->catalog);
    txn->catalog = catalog_hold(db->newest);
    txn->base_catalog = catalog_hold(txn->catalog);
    txn->next_store = db->next_store;
    txn->next_object = db->next_object;
    txn->stamp = 0;
    txn->generation = txn->generation_last = 0;
    txn->has_catalog_changes = txn->is_doomed = txn->is_sync_left_to_caller = false;
    txn->is_write = true;
    return ST_OK;
fail:
    for (struct cursor *cursor = txn->cursors; cursor != NULL; cursor = cursor->older)
        cursor->own = NULL;
    drop_layers(txn);
    pending_drop(db, txn->own);
    txn->own = NULL;
    return st;
}

static enum status begin_write(struct txn *txn, struct error *err)
{
    enum status st;

    if (txn->db->options.read_only)
        return error_set(err, ST_READ_ONLY, -1, "the database was opened for reading only");
    TRY(sequencer_latched(txn->db, err));
    TRY(writer_acquire(txn, err));
    st = sequencer_latched(txn->db, err); /* it may have failed while we waited */
    if (st == ST_OK)
        st = become_writer(txn, err);
    if (st != ST_OK)
        writer_release(txn->db);
    return st;
}

enum status txn_begin(struct db *db, enum txn_mode mode, struct txn **out, struct error *err)
{
    struct txn *txn = NULL;
    enum status st;

    *out = NULL;
    TRY(txn_new(db, &txn, err));
    if (mode == TXN_READ) {
        st = take_snapshot(txn);
        if (st != ST_OK)
            (void)error_set(err, st, -1, "no snapshot: %s", status_text(st));
    } else {
        st = begin_write(txn, err);
    }
    if (st != ST_OK) {
        txn_free(txn);
        return st;
    }
    *out = txn;
    return ST_OK;
}

enum status txn_upgrade(struct txn *txn, struct error *err)
{
    struct db *db = txn->db;
    uint64_t seen = txn->seen_commits;
    bool is_stale;
    enum status st;

    if (txn->is_write)
        return ST_OK;
    if (db->options.read_only)
        return error_set(err, ST_READ_ONLY, -1, "the database was opened for reading only");
    TRY(sequencer_latched(db, err));
    TRY(writer_acquire(txn, err));
    pthread_mutex_lock(&db->lock);
    is_stale = txn->is_parked || db->queue != NULL || atomic_load(&db->commits) != seen;
    pthread_mutex_unlock(&db->lock);
    st = is_stale ? error_set(err, ST_BUSY, -1,
                              "the database changed since this transaction began reading")
                  : sequencer_latched(db, err);
    if (st == ST_OK)
        st = become_writer(txn, err);
    if (st != ST_OK)
        writer_release(db);
    return st;
}

/* A store that reuses pages (LMDB) can do so sooner when the writer's own snapshot does not hold
 * them. */
void txn_let_go(struct txn *txn)
{
    txn_forget_touched(txn);
    drop_layers(txn);
    kv_park(txn->kv);
    txn->is_parked = true;
}

/* What a write transaction collected besides its delta. */
static void forget_writes(struct txn *txn)
{
    txn_forget_touched(txn);
    drop_layers(txn);
    txn->touched_undo_count = 0;
    txn->mark_count = 0;
    txn->new_shape_count = 0;
    log_clear(&txn->log);
    for (struct catalog_version *kept = txn->kept, *next; kept != NULL; kept = next) {
        next = kept->next_kept;
        catalog_drop(kept);
    }
    txn->kept = NULL;
    catalog_drop(txn->base_catalog);
    txn->base_catalog = NULL;
    txn->is_write = false;
}

void txn_rollback(struct txn *txn)
{
    struct db *db;

    if (txn == NULL)
        return;
    db = txn->db;
    if (txn->is_write) {
        txn_forget_shapes(txn, 0);
        catalog_drop(txn->catalog);
        txn->catalog = NULL;
        forget_writes(txn);
        pending_drop(db, txn->own);
        txn->own = NULL;
        writer_release(db);
    }
    txn_free(txn);
}

static bool has_changes(const struct txn *txn)
{
    if (txn->has_catalog_changes)
        return true;
    for (const struct delta_store *store = txn->own->delta.stores; store != NULL;
         store = store->next)
        if (store->entry_count != 0 || store->is_cleared || store->is_created || store->is_dropped)
            return true;
    return false;
}

enum status txn_commit(struct txn *txn, struct error *err)
{
    enum status st = ST_OK;

    if (!txn->is_write || !has_changes(txn)) {
        txn_rollback(txn);
        return ST_OK;
    }
    if (txn->is_doomed) {
        txn_rollback(txn);
        return error_set(err, ST_MISUSE, -1, "a change failed half-way and was not rolled back");
    }
    st = sequencer_commit(txn, err); /* lets go of the writer lock */
    catalog_drop(txn->catalog);
    txn->catalog = NULL;
    forget_writes(txn);
    pending_drop(txn->db, txn->own);
    txn->own = NULL;
    txn_free(txn);
    return st;
}

/* ---- small things ---- */

const struct catalog *txn_catalog(struct txn *txn)
{
    return &txn->catalog->catalog;
}

struct db *txn_db(const struct txn *txn)
{
    return txn->db;
}

bool txn_is_write(const struct txn *txn)
{
    return txn->is_write;
}

stamp_t txn_stamp(struct txn *txn)
{
    if (txn->stamp == 0 && txn->is_write)
        txn->stamp = hlc_next(&txn->db->clock, clock_wall_us());
    return txn->stamp;
}

void txn_set_user(struct txn *txn, struct slice user)
{
    txn->user = arena_copy(&txn->arena, user);
}

void txn_set_label(struct txn *txn, struct slice label)
{
    struct db *db = txn->db;
    size_t len = label.len < LABEL_BYTES_MAX - 1 ? label.len : LABEL_BYTES_MAX - 1;

    if (!txn->is_write)
        return;
    pthread_mutex_lock(&db->lock);
    if (len != 0)
        memcpy(db->writer_label, label.data, len);
    db->writer_label[len] = '\0';
    pthread_mutex_unlock(&db->lock);
}

int64_t txn_now_ms(struct txn *txn)
{
    if (txn->now_ms == 0)
        txn->now_ms = clock_wall_us() / 1000;
    return txn->now_ms;
}

enum status txn_check_writable(struct txn *txn, struct error *err)
{
    if (!txn->is_write)
        return error_set(err, ST_MISUSE, -1, "a change in a read transaction");
    if (txn->is_doomed)
        return error_set(err, ST_MISUSE, -1, "a change failed half-way and was not rolled back");
    return ST_OK;
}

enum status txn_delta_error(struct txn *txn, enum status st, struct error *err)
{
    if (st == ST_LIMIT)
        return error_set(err, st, -1, "the transaction grew beyond %llu bytes",
                         (unsigned long long)txn->db->options.transaction_bytes_max);
    if (st == ST_NO_MEMORY)
        return error_set(err, st, -1, "out of memory");
    return st;
}

const struct table *txn_current_table(struct txn *txn, const struct table *table)
{
    if (!txn->is_write || txn->catalog == txn->base_catalog)
        return table;
    return catalog_table_by_store(&txn->catalog->catalog, table->store);
}

/* ---- reading and writing one key ---- */

static enum delta_state look_in(const struct delta *delta, struct kv_store store, struct slice key,
                                struct slice *out)
{
    const struct delta_store *changes = delta_find_store(delta, store.id);
    enum delta_state state;

    if (changes == NULL)
        return DELTA_NONE;
    state = delta_get(changes, key, out);
    if (state == DELTA_NONE && (changes->is_cleared || changes->is_created || changes->is_dropped))
        return DELTA_DELETED;
    return state;
}

/* In what lies over the snapshot, newest first. */
static enum delta_state look_above(const struct txn *txn, struct kv_store store, struct slice key,
                                   struct slice *out)
{
    enum delta_state state = look_in(&txn->own->delta, store, key, out);

    for (unsigned i = txn->layer_count; state == DELTA_NONE && i-- > 0;)
        state = look_in(&txn->layers[i]->delta, store, key, out);
    return state;
}

enum status txn_get(struct txn *txn, struct kv_store store, struct slice key, struct slice *out)
{
    if (txn->is_write) {
        enum delta_state state = look_above(txn, store, key, out);

        if (state != DELTA_NONE)
            return state == DELTA_PUT ? ST_OK : ST_NOT_FOUND;
    }
    return kv_get(txn->kv, store, key, out);
}

enum { PINS_MAX = 64 };

/* RocksDB pins what a get lends. What is kept is a copy, so that pins can be given back while a
 * statement runs; rows are small beside what it costs to find them. */
static enum status copy_row(struct txn *txn, struct buf *room, struct slice *value)
{
    room->len = 0;
    buf_append_slice(room, *value);
    if (room->failed)
        return ST_NO_MEMORY;
    *value = buf_slice(room);
    if (++txn->pins >= PINS_MAX) {
        txn->pins = 0;
        kv_unpin(txn->kv);
    }
    return ST_OK;
}

/* When a group was on its way as the snapshot was taken, only the snapshot itself knows on which
 * side it is. */
static enum status learn_sequence(struct txn *txn)
{
    const char key[5] = {META_CHAIN};
    struct slice bytes;
    enum status st;

    if (txn->snapshot_sequence != UINT64_MAX)
        return ST_OK;
    st = kv_get(txn->kv, store_meta(), slice_of(key, sizeof(key)), &bytes);
    if (st == ST_NOT_FOUND) {
        txn->snapshot_sequence = 0;
        return ST_OK;
    }
    TRY(st);
    return read_u64_le(&bytes, &txn->snapshot_sequence) ? ST_OK : ST_CORRUPT;
}

static enum status get_cached(struct txn *txn, struct kv_store store, struct slice key,
                              struct buf *room, struct slice *out)
{
    struct record_cache *cache = txn->db->record_cache;

    TRY(learn_sequence(txn));
    if (record_cache_get(cache, store.id, key, txn->snapshot_sequence, room)) {
        *out = buf_slice(room);
        return ST_OK;
    }
    TRY(kv_get(txn->kv, store, key, out));
    record_cache_put(cache, store.id, key, txn->snapshot_sequence, *out);
    return copy_row(txn, room, out);
}

enum status txn_get_row(struct txn *txn, struct kv_store store, struct slice key, struct buf *room,
                        struct slice *out)
{
    if (txn->is_write) {
        enum delta_state state = look_above(txn, store, key, out);

        if (state != DELTA_NONE)
            return state == DELTA_PUT ? ST_OK : ST_NOT_FOUND;
    }
    if (txn->db->record_cache != NULL)
        return get_cached(txn, store, key, room, out);
    TRY(kv_get(txn->kv, store, key, out));
    return txn->db->copies_reads ? copy_row(txn, room, out) : ST_OK;
}

enum status txn_put(struct txn *txn, struct kv_store store, struct slice key, struct slice value)
{
    struct delta_store *changes = delta_use_store(own_delta(txn), store);

    return changes == NULL ? ST_NO_MEMORY : delta_put(own_delta(txn), changes, key, value);
}

enum status txn_delete(struct txn *txn, struct kv_store store, struct slice key)
{
    struct delta_store *changes = delta_use_store(own_delta(txn), store);

    return changes == NULL ? ST_NO_MEMORY : delta_delete(own_delta(txn), changes, key);
}
