/* Reading from RocksDB: snapshots, gets, and cursors, which in a write transaction merge two
 * sources. */
#include "storage/kv/rocksdb_internal.h"
#include <assert.h>
#include <stdlib.h>

enum {
    COPY_BYTES_MAX =
        1024, /* values up to this are copied, so that their blocks need not stay pinned */
    MANY_MAX = 64,
    WAITING_ITERS_MAX = 32
};

/* ---- snapshots ---- */

static struct rocks_read *read_of(struct kv_txn *txn)
{
    assert(!txn->is_write);
    return (struct rocks_read *)(void *)txn;
}

void rocks_unpin_all(struct arena *lent, struct buf *pinned)
{
    for (size_t i = 0; i < pinned->len; i += sizeof(rocksdb_pinnableslice_t *)) {
        rocksdb_pinnableslice_t *slice = NULL;

        memcpy(&slice, pinned->data + i, sizeof slice);
        rocksdb_pinnableslice_destroy(slice);
    }
    buf_clear(pinned);
    if (lent->blocks != NULL)
        arena_reset(lent);
}

void rocks_unpin(struct kv_txn *base)
{
    if (base->is_write)
        rocks_unpin_all(&rocks_write_of(base)->lent, &rocks_write_of(base)->pinned);
    else
        rocks_unpin_all(&read_of(base)->lent, &read_of(base)->pinned);
}

void rocks_iters_close(struct rocks_iter **iters)
{
    while (*iters != NULL) {
        struct rocks_iter *iter = *iters;

        *iters = iter->next;
        rocksdb_iter_destroy(iter->at);
        rocksdb_readoptions_destroy(iter->options);
        free(iter);
    }
}

/* Cursors notice by the generation that their iterator is gone. */
static void drop_snapshot(struct rocks_kv *kv, struct rocks_read *txn)
{
    rocks_iters_close(&txn->iters);
    rocks_unpin_all(&txn->lent, &txn->pinned);
    if (txn->snapshot != NULL) {
        rocksdb_readoptions_set_snapshot(txn->options, NULL);
        rocksdb_release_snapshot(kv->db, txn->snapshot);
        txn->snapshot = NULL;
    }
    txn->generation++;
}

enum status rocks_renew(struct kv_txn *base)
{
    struct rocks_read *txn = (struct rocks_read *)(void *)base;
    struct rocks_kv *kv = rocks_of(base->kv);
    uint64_t commit_count = atomic_load_explicit(&kv->commit_count, memory_order_acquire);

    if (txn->snapshot != NULL && txn->commit_count == commit_count) {
        rocks_unpin_all(&txn->lent, &txn->pinned);
        return ST_OK;
    }
    drop_snapshot(kv, txn);
    txn->commit_count = commit_count;
    txn->snapshot = rocksdb_create_snapshot(kv->db);
    rocksdb_readoptions_set_snapshot(txn->options, txn->snapshot);
    return ST_OK;
}

void rocks_park(struct kv_txn *base)
{
    drop_snapshot(rocks_of(base->kv), read_of(base));
}

enum status rocks_begin_read(struct kv *kv, struct kv_txn **out, struct error *err)
{
    struct rocks_read *txn = calloc(1, sizeof *txn);

    if (txn == NULL)
        return error_set(err, ST_NO_MEMORY, -1, "out of memory");
    txn->base.kv = kv;
    txn->options = rocksdb_readoptions_create();
    *out = &txn->base;
    return rocks_renew(&txn->base);
}

void rocks_end_read(struct kv_txn *base)
{
    struct rocks_read *txn = read_of(base);

    drop_snapshot(rocks_of(base->kv), txn);
    rocksdb_readoptions_destroy(txn->options);
    if (txn->draft != NULL)
        buf_free(&txn->draft->bytes);
    free(txn->draft);
    arena_deinit(&txn->lent);
    buf_free(&txn->pinned);
    free(txn);
}

/* ---- gets ---- */

/* Small values are copied and given back at once, big ones stay pinned until the transaction is
 * renewed. */
static enum status lend(struct arena *lent, struct buf *pinned, rocksdb_pinnableslice_t *value,
                        struct slice *out)
{
    size_t len = 0;
    const char *data = rocksdb_pinnableslice_value(value, &len);

    if (len <= COPY_BYTES_MAX) {
        char *copy = arena_alloc(lent, len + 1);

        if (copy != NULL && len != 0)
            memcpy(copy, data, len);
        rocksdb_pinnableslice_destroy(value);
        *out = slice_of(copy, len);
        return copy != NULL ? ST_OK : ST_NO_MEMORY;
    }
    buf_append(pinned, &value, sizeof value);
    if (pinned->failed) {
        rocksdb_pinnableslice_destroy(value);
        return ST_NO_MEMORY;
    }
    *out = slice_of(data, len);
    return ST_OK;
}

struct reader {
    struct rocks_kv *kv;
    const rocksdb_readoptions_t *options;
    struct arena *lent;
    struct buf *pinned;
};

static struct reader reader_of(struct kv_txn *base)
{
    struct reader reader = {.kv = rocks_of(base->kv)};

    if (base->is_write) {
        struct rocks_write *txn = rocks_write_of(base);

        reader.options = txn->read_options;
        reader.lent = &txn->lent;
        reader.pinned = &txn->pinned;
    } else {
        struct rocks_read *txn = read_of(base);

        reader.options = txn->options;
        reader.lent = &txn->lent;
        reader.pinned = &txn->pinned;
    }
    return reader;
}

/* RocksDB 7.8's row cache forgets range deletions, which only logs get: they are read around it. */
static enum status get_by_iterator(struct kv_txn *txn, struct kv_store store, struct slice key,
                                   struct slice *out)
{
    struct kv_cursor *cursor = NULL;
    struct reader reader = reader_of(txn);
    enum status st = rocks_cursor_open(txn, store, &cursor);

    if (st != ST_OK)
        return st;
    st = rocks_seek(cursor, key);
    if (st == ST_OK && slice_equal(cursor->position.key, key)) {
        *out = arena_copy(reader.lent, cursor->position.value);
        st = out->data != NULL ? ST_OK : ST_NO_MEMORY;
    } else if (st == ST_OK || st == ST_DONE) {
        st = ST_NOT_FOUND;
    }
    rocks_cursor_close(cursor);
    return st;
}

enum status rocks_get(struct kv_txn *base, struct kv_store store, struct slice key,
                      struct slice *out)
{
    struct reader reader = reader_of(base);
    struct full_key full;
    rocksdb_pinnableslice_t *value = NULL;
    char *message = NULL;

    if (store.class == KV_LOG)
        return get_by_iterator(base, store, key, out);
    full_key_set(&full, store, key);
    if (base->is_write) {
        struct rocks_write *txn = rocks_write_of(base);

        TRY(rocks_index_batch(txn));
        if (txn->is_indexed) {
            enum overlay_answer answer = overlay_get(&txn->overlay, full_key_slice(&full), out);

            if (answer != OVERLAY_NOTHING)
                return answer == OVERLAY_VALUE ? ST_OK : ST_NOT_FOUND;
        }
    }
    value = rocksdb_get_pinned_cf(reader.kv->db, reader.options, reader.kv->families[store.class],
                                  full.bytes + 1, full.len - 1, &message);
    if (message != NULL)
        return rocks_fail(reader.kv, message, "reading", NULL);
    if (value == NULL)
        return ST_NOT_FOUND;
    return lend(reader.lent, reader.pinned, value, out);
}

/* Up to MANY_MAX of a read transaction, in one call. */
static enum status get_batch(struct reader *reader, struct kv_store store, size_t count,
                             const struct slice *keys, struct slice *values)
{
    struct full_key full[MANY_MAX];
    const char *datas[MANY_MAX] = {NULL};
    size_t lens[MANY_MAX] = {0};
    rocksdb_pinnableslice_t *found[MANY_MAX];
    char *messages[MANY_MAX];
    enum status st = ST_OK;

    for (size_t i = 0; i < count; i++) {
        full_key_set(&full[i], store, keys[i]);
        datas[i] = full[i].bytes + 1;
        lens[i] = full[i].len - 1;
        found[i] = NULL;
        messages[i] = NULL;
    }
    rocksdb_batched_multi_get_cf(reader->kv->db, reader->options, reader->kv->families[store.class],
                                 count, datas, lens, found, messages, true);
    for (size_t i = 0; i < count; i++) {
        values[i] = slice_empty();
        if (messages[i] != NULL)
            st = rocks_fail(reader->kv, messages[i], "reading", NULL);
        else if (found[i] != NULL && st != ST_OK)
            rocksdb_pinnableslice_destroy(found[i]);
        else if (found[i] != NULL)
            st = lend(reader->lent, reader->pinned, found[i], &values[i]);
    }
    return st;
}

enum status rocks_get_many(struct kv_txn *base, struct kv_store store, size_t count,
                           const struct slice *keys, struct slice *values)
{
    struct reader reader = reader_of(base);

    if (!base->is_write && store.class != KV_LOG && count > 1) {
        for (size_t i = 0; i < count; i += MANY_MAX)
            TRY(get_batch(&reader, store, count - i < MANY_MAX ? count - i : MANY_MAX, keys + i,
                          values + i));
        return ST_OK;
    }
    for (size_t i = 0; i < count; i++) {
        enum status st = rocks_get(base, store, keys[i], &values[i]);

        if (st == ST_NOT_FOUND)
            values[i] = slice_empty();
        else if (st != ST_OK)
            return st;
    }
    return ST_OK;
}

/* ---- iterators ---- */

struct rocks_iter *rocks_iter_open(struct rocks_kv *kv, struct kv_store store,
                                   const rocksdb_snapshot_t *snapshot)
{
    struct rocks_iter *iter = calloc(1, sizeof *iter);
    uint32_t lower = __builtin_bswap32(store.id), upper = __builtin_bswap32(store.id + 1);

    if (iter == NULL)
        return NULL;
    iter->store = store;
    memcpy(iter->lower, &lower, sizeof lower);
    memcpy(iter->upper, &upper, sizeof upper);
    iter->options = rocksdb_readoptions_create();
    rocksdb_readoptions_set_snapshot(iter->options, snapshot);
    rocksdb_readoptions_set_iterate_lower_bound(iter->options, iter->lower, sizeof iter->lower);
    if (store.id != UINT32_MAX)
        rocksdb_readoptions_set_iterate_upper_bound(iter->options, iter->upper, sizeof iter->upper);
    iter->at = rocksdb_create_iterator_cf(kv->db, iter->options, kv->families[store.class]);
    return iter;
}

enum status rocks_iter_status(struct rocks_kv *kv, const rocksdb_iterator_t *at)
{
    char *message = NULL;

    rocksdb_iter_get_error(at, &message);
    return message == NULL ? ST_DONE : rocks_fail(kv, message, "reading", NULL);
}

/* ---- cursors ---- */

struct rocks_cursor {
    struct kv_cursor base;
    struct kv_txn *txn;
    struct kv_store store;
    struct rocks_iter *iter; /* of the transaction's; valid in this generation */
    uint64_t generation;
    /* Of a read transaction that reads from runs: the run, and where in it the cursor stands. The
     * iterator stays behind until it is needed. */
    struct run *run, *run_before; /* before: entries of it may still be looked at */
    unsigned run_at;
    bool iter_is_behind;
    /* Of a write transaction: */
    struct tree_cursor over; /* in the overlay */
    bool over_is_valid, base_is_valid;
    bool shows_over; /* the position is the overlay's */
    bool is_forward; /* both stand at or after the position; else at or before it */
};

static struct rocks_cursor *cursor_of(struct kv_cursor *cursor)
{
    return (struct rocks_cursor *)(void *)cursor;
}

enum status rocks_cursor_open(struct kv_txn *txn, struct kv_store store, struct kv_cursor **out)
{
    struct rocks_cursor *cursor = malloc(sizeof *cursor);

    if (cursor == NULL)
        return ST_NO_MEMORY;
    cursor->base = (struct kv_cursor){.backend = &kv_backend_rocksdb};
    cursor->txn = txn;
    cursor->store = store;
    cursor->iter = NULL;
    cursor->run = cursor->run_before = NULL;
    cursor->iter_is_behind = false;
    cursor->generation = 0;
    *out = &cursor->base;
    return ST_OK;
}

static uint64_t generation_of(struct kv_txn *txn)
{
    return txn->is_write ? 0 : read_of(txn)->generation;
}

static struct rocks_iter **iters_of(struct kv_txn *txn)
{
    return txn->is_write ? &rocks_write_of(txn)->iters : &read_of(txn)->iters;
}

/* The iterator waits for the next cursor over this store: making one costs as much as some steps.
 * Of those that wait, the ones that came first go. */
static void release_iter(struct rocks_iter **iters, struct rocks_iter *released)
{
    unsigned waiting = 0;

    released->is_used = false;
    for (struct rocks_iter **at = iters; *at != NULL;) {
        struct rocks_iter *iter = *at;

        if (iter->is_used || ++waiting <= WAITING_ITERS_MAX) {
            at = &iter->next;
            continue;
        }
        *at = iter->next;
        iter->next = NULL;
        rocks_iters_close(&iter);
    }
}

void rocks_cursor_close(struct kv_cursor *base)
{
    struct rocks_cursor *cursor = cursor_of(base);

    if (cursor->iter != NULL && cursor->generation == generation_of(cursor->txn))
        release_iter(iters_of(cursor->txn), cursor->iter);
    run_release(cursor->run);
    run_release(cursor->run_before);
    free(cursor);
}

/* Give the cursor an iterator of the transaction's snapshot. */
static enum status bind(struct rocks_cursor *cursor)
{
    bool is_write = cursor->txn->is_write;
    struct rocks_iter **iters = iters_of(cursor->txn);
    struct rocks_iter *iter = *iters;

    if (cursor->iter != NULL && cursor->generation == generation_of(cursor->txn))
        return ST_OK;
    while (iter != NULL && (iter->is_used || iter->store.id != cursor->store.id ||
                            iter->store.class != cursor->store.class))
        iter = iter->next;
    if (iter == NULL) {
        iter = rocks_iter_open(rocks_of(cursor->txn->kv), cursor->store,
                               is_write ? NULL : read_of(cursor->txn)->snapshot);
        if (iter == NULL)
            return ST_NO_MEMORY;
        iter->next = *iters;
        *iters = iter;
    }
    iter->is_used = true;
    cursor->iter = iter;
    cursor->generation = generation_of(cursor->txn);
    return ST_OK;
}

/* The key where the iterator stands, as RocksDB has it. */
static inline struct slice stored_key(const struct rocks_cursor *cursor)
{
    struct slice key = {0};

    key.data = rocksdb_iter_key(cursor->iter->at, &key.len);
    return key;
}

static inline enum status show(struct rocks_cursor *cursor)
{
    struct slice key = {0};

    if (!rocksdb_iter_valid(cursor->iter->at))
        return rocks_iter_status(rocks_of(cursor->txn->kv), cursor->iter->at);
    key = stored_key(cursor);
    cursor->base.position.key =
        slice_of(key.data + STORE_PREFIX_BYTES, key.len - STORE_PREFIX_BYTES);
    cursor->base.position.value.data =
        rocksdb_iter_value(cursor->iter->at, &cursor->base.position.value.len);
    return ST_OK;
}

/* ---- cursors of write transactions: the overlay over the iterator ---- */

static struct slice over_key(const struct rocks_cursor *cursor, struct slice *value,
                             enum overlay_answer *answer)
{
    struct slice key = {0};

    *answer = overlay_read(&cursor->over, &key, value);
    return slice_of(key.data + 1, key.len - 1);
}

/* Whether the overlay's cursor stands in the store. */
static bool over_in_store(const struct rocks_cursor *cursor)
{
    struct full_key start;
    struct slice key = {0}, value = {0};

    full_key_set(&start, cursor->store, slice_empty());
    overlay_read(&cursor->over, &key, &value);
    return slice_starts_with(key, full_key_slice(&start));
}

static void step_over(struct rocks_cursor *cursor)
{
    cursor->over_is_valid =
        (cursor->is_forward ? tree_next(&cursor->over) : tree_prev(&cursor->over)) &&
        over_in_store(cursor);
}

static void step_base(struct rocks_cursor *cursor)
{
    if (cursor->is_forward)
        rocksdb_iter_next(cursor->iter->at);
    else
        rocksdb_iter_prev(cursor->iter->at);
    cursor->base_is_valid = rocksdb_iter_valid(cursor->iter->at);
}

/* Past the deleted range that covers the iterator's key. False: none does. */
static bool leave_range(struct rocks_cursor *cursor, const struct overlay *overlay)
{
    struct full_key full;
    struct slice key = stored_key(cursor), from = {0}, to = {0};

    full_key_set(&full, cursor->store,
                 slice_of(key.data + STORE_PREFIX_BYTES, key.len - STORE_PREFIX_BYTES));
    if (!overlay_covers(overlay, full_key_slice(&full), &from, &to))
        return false;
    if (cursor->is_forward) {
        rocksdb_iter_seek(cursor->iter->at, to.data + 1, to.len - 1);
    } else {
        rocksdb_iter_seek_for_prev(cursor->iter->at, from.data + 1, from.len - 1);
        if (rocksdb_iter_valid(cursor->iter->at) &&
            slice_equal(stored_key(cursor), slice_of(from.data + 1, from.len - 1)))
            rocksdb_iter_prev(cursor->iter->at);
    }
    cursor->base_is_valid = rocksdb_iter_valid(cursor->iter->at);
    return true;
}

/* From where both stand, to the first key that is there, in the direction of travel. */
static enum status merge(struct rocks_cursor *cursor)
{
    const struct overlay *overlay = &rocks_write_of(cursor->txn)->overlay;

    for (;;) {
        struct slice key = {0}, value = {0};
        enum overlay_answer answer = OVERLAY_NOTHING;
        int order = 0;

        if (!cursor->base_is_valid) {
            enum status st = rocks_iter_status(rocks_of(cursor->txn->kv), cursor->iter->at);

            if (st != ST_DONE || !cursor->over_is_valid)
                return st;
        } else if (leave_range(cursor, overlay)) {
            continue;
        }
        if (cursor->over_is_valid) {
            key = over_key(cursor, &value, &answer);
            order = cursor->base_is_valid ? slice_compare(key, stored_key(cursor)) : -1;
            if (cursor->base_is_valid && !cursor->is_forward)
                order = -order;
        }
        if (!cursor->over_is_valid || order > 0) {
            cursor->shows_over = false;
            return show(cursor);
        }
        if (order == 0)
            step_base(cursor); /* the overlay hides it */
        if (answer == OVERLAY_VALUE) {
            cursor->shows_over = true;
            cursor->base.position.key =
                slice_of(key.data + STORE_PREFIX_BYTES, key.len - STORE_PREFIX_BYTES);
            cursor->base.position.value = value;
            return ST_OK;
        }
        step_over(cursor);
    }
}

static enum status merge_seek(struct rocks_cursor *cursor, struct slice at_least)
{
    struct rocks_write *txn = rocks_write_of(cursor->txn);
    struct full_key full;

    full_key_set(&full, cursor->store, at_least);
    cursor->is_forward = true;
    cursor->over_is_valid =
        tree_seek(&cursor->over, txn->overlay.root, full_key_slice(&full)) && over_in_store(cursor);
    rocksdb_iter_seek(cursor->iter->at, full.bytes + 1, full.len - 1);
    cursor->base_is_valid = rocksdb_iter_valid(cursor->iter->at);
    return merge(cursor);
}

/* The iterator to the last key before `before`, which is empty for the end. */
static void iter_seek_before(struct rocks_cursor *cursor, const struct full_key *full, bool to_last)
{
    rocksdb_iterator_t *at = cursor->iter->at;

    if (to_last) {
        rocksdb_iter_seek_to_last(at);
        return;
    }
    rocksdb_iter_seek_for_prev(at, full->bytes + 1, full->len - 1);
    if (rocksdb_iter_valid(at) &&
        slice_equal(stored_key(cursor), slice_of(full->bytes + 1, full->len - 1)))
        rocksdb_iter_prev(at);
}

static enum status merge_seek_before(struct rocks_cursor *cursor, struct slice before)
{
    struct rocks_write *txn = rocks_write_of(cursor->txn);
    struct full_key full, over;
    struct kv_store next = cursor->store;

    full_key_set(&full, cursor->store, before);
    over = full;
    if (before.len == 0) { /* the end of a store is where the next one begins */
        next.id++;
        if (next.id == 0)
            next.class ++;
        full_key_set(&over, next, slice_empty());
    }
    cursor->is_forward = false;
    cursor->over_is_valid =
        tree_seek_before(&cursor->over, txn->overlay.root, full_key_slice(&over)) &&
        over_in_store(cursor);
    iter_seek_before(cursor, &full, before.len == 0);
    cursor->base_is_valid = rocksdb_iter_valid(cursor->iter->at);
    return merge(cursor);
}

/* One step; a turn of direction is a seek, which finds the place of the key it stands on. */
static enum status merge_step(struct rocks_cursor *cursor, bool forward)
{
    char place[KV_KEY_BYTES_MAX];
    struct slice key = {place, cursor->base.position.key.len};

    if (cursor->is_forward == forward) {
        if (cursor->shows_over)
            step_over(cursor);
        else
            step_base(cursor);
        return merge(cursor);
    }
    memcpy(place, cursor->base.position.key.data, key.len);
    if (!forward)
        return merge_seek_before(cursor, key);
    TRY(merge_seek(cursor, key));
    return merge_step(cursor, true);
}

/* ---- runs ---- */

static void take_run(struct rocks_cursor *cursor, struct run *run, unsigned at)
{
    if (run != cursor->run) {
        run_release(cursor->run_before);
        cursor->run_before = cursor->run;
        cursor->run = run;
    } else {
        run_release(run); /* it was counted already */
    }
    cursor->run_at = at;
    cursor->iter_is_behind = true;
    cursor->base.position.key = run->entries[at].key;
    cursor->base.position.value = run->entries[at].value;
}

static void leave_run(struct rocks_cursor *cursor)
{
    run_release(cursor->run_before);
    cursor->run_before = cursor->run;
    cursor->run = NULL;
    cursor->iter_is_behind = false;
}

static bool may_have_runs(const struct rocks_cursor *cursor)
{
    return !cursor->txn->is_write && rocks_of(cursor->txn->kv)->runs != NULL &&
           (cursor->store.class == KV_DATA || cursor->store.class == KV_INDEX);
}

static bool find_run(struct rocks_cursor *cursor, struct slice key, bool is_after)
{
    struct run *run;
    unsigned at = 0;

    if (!may_have_runs(cursor) || key.len == 0)
        return false;
    run = run_cache_find(rocks_of(cursor->txn->kv)->runs, cursor->store,
                         read_of(cursor->txn)->commit_count, key, is_after, &at);
    if (run == NULL)
        return false;
    take_run(cursor, run, at);
    return true;
}

/* The iterator to where the cursor stands. */
static enum status fetch_iter(struct rocks_cursor *cursor)
{
    struct full_key full;

    TRY(bind(cursor));
    full_key_set(&full, cursor->store, cursor->base.position.key);
    rocksdb_iter_seek(cursor->iter->at, full.bytes + 1, full.len - 1);
    return rocksdb_iter_valid(cursor->iter->at)
               ? ST_OK
               : rocks_iter_status(rocks_of(cursor->txn->kv), cursor->iter->at);
}

/* Pack what lies behind the cursor, and what it stands on unless a run holds that already. The
 * iterator moves on. NULL: there is nothing, or no memory. */
static struct run *make_run(struct rocks_cursor *cursor, struct run_draft *draft)
{
    struct run_cache *cache = rocks_of(cursor->txn->kv)->runs;
    const uint64_t number = read_of(cursor->txn)->commit_count;
    rocksdb_iterator_t *at = cursor->iter->at;
    struct buf stop = {0};
    bool has_stop = run_cache_next(cache, cursor->store, number, cursor->base.position.key, &stop);
    const size_t key_len = cursor->base.position.key.len;
    bool is_stopped = false, has_room = true;
    struct run *run;

    if (cursor->run == NULL &&
        !run_draft_add(draft, cursor->base.position.key, cursor->base.position.value)) {
        buf_free(&stop);
        return NULL;
    }
    cursor->iter_is_behind = true; /* or ahead: it is not where the cursor is */
    for (rocksdb_iter_next(at); has_room && rocksdb_iter_valid(at); rocksdb_iter_next(at)) {
        struct slice key = stored_key(cursor), value = {0};

        key = slice_of(key.data + STORE_PREFIX_BYTES, key.len - STORE_PREFIX_BYTES);
        value.data = rocksdb_iter_value(at, &value.len);
        is_stopped = has_stop && slice_compare(key, buf_slice(&stop)) >= 0;
        if (is_stopped)
            break;
        has_room = run_draft_add(draft, key, value);
        if (!has_room)
            break;
    }
    run = run_draft_finish(draft);
    if (run == NULL &&
        cursor->run == NULL) /* what the iterator lent is gone, the draft's copy not */
        cursor->base.position.key = slice_of(draft->bytes.data, key_len);
    if (run != NULL) {
        run->is_last = has_room && !is_stopped && !rocksdb_iter_valid(at) &&
                       rocks_iter_status(rocks_of(cursor->txn->kv), at) == ST_DONE;
        run_cache_add(cache, cursor->store, number, run, cursor->run,
                      is_stopped ? buf_slice(&stop) : slice_empty());
    }
    buf_free(&stop);
    return run;
}

/* Stand on the first entry of a new run: the present one, or when that is the last of another run
 * (*goes_on) the one behind it. */
static bool enter_new_run(struct rocks_cursor *cursor, bool *goes_on)
{
    struct rocks_kv *kv = rocks_of(cursor->txn->kv);
    struct rocks_read *txn = read_of(cursor->txn);
    struct run *run;

    if (!run_cache_wants(kv->runs, cursor->store, txn->commit_count) ||
        (cursor->iter_is_behind && fetch_iter(cursor) != ST_OK))
        return false;
    if (txn->draft == NULL)
        txn->draft = calloc(1, sizeof *txn->draft);
    if (txn->draft == NULL)
        return false;
    *goes_on = cursor->run != NULL;
    run = make_run(cursor, txn->draft);
    if (run == NULL)
        return false;
    take_run(cursor, run, 0);
    return true;
}

/* Entries of the run the cursor stands in, behind it. */
static unsigned give_run(struct rocks_cursor *cursor, struct kv_entry *out, unsigned max)
{
    unsigned rest = cursor->run->count - 1 - cursor->run_at, count = rest < max ? rest : max;

    if (count == 0)
        return 0;
    memcpy(out, cursor->run->entries + cursor->run_at + 1, count * sizeof *out);
    cursor->run_at += count;
    cursor->iter_is_behind = true;
    cursor->base.position.key = out[count - 1].key;
    cursor->base.position.value = out[count - 1].value;
    return count;
}

unsigned rocks_run(struct kv_cursor *base, struct kv_entry *out, unsigned max)
{
    struct rocks_cursor *cursor = cursor_of(base);
    bool goes_on = false;

    if (!may_have_runs(cursor))
        return 0;
    if (cursor->run == NULL)
        (void)find_run(cursor, base->position.key, false); /* another cursor may have made one */
    if (cursor->run != NULL && cursor->run_at + 1 < cursor->run->count)
        return give_run(cursor, out, max);
    if (cursor->run != NULL && cursor->run->is_last)
        return 0;
    if (cursor->run != NULL && find_run(cursor, base->position.key, true))
        goes_on = true;
    else if (!enter_new_run(cursor, &goes_on))
        return 0;
    if (!goes_on)
        return give_run(cursor, out, max);
    out[0] = cursor->run->entries[cursor->run_at];
    return 1 + (max > 1 ? give_run(cursor, out + 1, max - 1) : 0);
}

/* One step in runs alone. ST_NOT_FOUND: the iterator must make it; it stands where the cursor does.
 */
static enum status step_in_run(struct rocks_cursor *cursor, bool forward)
{
    struct run *run = cursor->run;

    if (run != NULL && (forward ? cursor->run_at + 1 < run->count : cursor->run_at > 0)) {
        cursor->run_at += forward ? 1u : -1u;
        cursor->iter_is_behind = true;
        cursor->base.position.key = run->entries[cursor->run_at].key;
        cursor->base.position.value = run->entries[cursor->run_at].value;
        return ST_OK;
    }
    if (run != NULL && forward && run->is_last)
        return ST_DONE;
    if (run != NULL && forward && find_run(cursor, cursor->base.position.key, true))
        return ST_OK;
    if (cursor->iter_is_behind)
        TRY(fetch_iter(cursor));
    leave_run(cursor);
    return ST_NOT_FOUND;
}

/* ---- the cursor's functions ---- */

enum status rocks_seek(struct kv_cursor *base, struct slice at_least)
{
    struct rocks_cursor *cursor = cursor_of(base);
    struct full_key full;

    if (find_run(cursor, at_least, false))
        return ST_OK;
    full_key_set(&full, cursor->store, at_least); /* before the run that may lend it goes */
    leave_run(cursor);
    TRY(bind(cursor));
    if (cursor->txn->is_write) {
        TRY(rocks_index_batch(rocks_write_of(cursor->txn)));
        return merge_seek(cursor, at_least);
    }
    rocksdb_iter_seek(cursor->iter->at, full.bytes + 1, full.len - 1);
    return show(cursor);
}

enum status rocks_seek_before(struct kv_cursor *base, struct slice before)
{
    struct rocks_cursor *cursor = cursor_of(base);
    struct full_key full;

    full_key_set(&full, cursor->store, before);
    leave_run(cursor);
    TRY(bind(cursor));
    if (cursor->txn->is_write) {
        TRY(rocks_index_batch(rocks_write_of(cursor->txn)));
        return merge_seek_before(cursor, before);
    }
    iter_seek_before(cursor, &full, before.len == 0);
    return show(cursor);
}

enum status rocks_next(struct kv_cursor *base)
{
    struct rocks_cursor *cursor = cursor_of(base);

    if (cursor->txn->is_write)
        return merge_step(cursor, true);
    if (cursor->run != NULL || cursor->iter_is_behind) {
        enum status st = step_in_run(cursor, true);

        if (st != ST_NOT_FOUND)
            return st;
    }
    rocksdb_iter_next(cursor->iter->at);
    return show(cursor);
}

enum status rocks_prev(struct kv_cursor *base)
{
    struct rocks_cursor *cursor = cursor_of(base);

    if (cursor->txn->is_write)
        return merge_step(cursor, false);
    if (cursor->run != NULL || cursor->iter_is_behind) {
        enum status st = step_in_run(cursor, false);

        if (st != ST_NOT_FOUND)
            return st;
    }
    rocksdb_iter_prev(cursor->iter->at);
    return show(cursor);
}
