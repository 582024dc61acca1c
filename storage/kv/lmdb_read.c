/* Reading from LMDB. */
#include "storage/kv/lmdb_internal.h"
#include <errno.h>
#include <stdlib.h>

enum { IDLE_READERS_MAX = 64 };

struct lmdb_cursor {
    struct kv_cursor base;
    struct kv_txn *txn;
    struct kv_store store;
    MDB_cursor *at; /* NULL: the store is not in the snapshot */
    MDB_dbi dbi;
    uint64_t generation;
    struct lmdb_page page; /* the leaf that a reader walks without LMDB; `at` stands in it too */
};

/* LMDB's two ways to say that a handle is newer than the transaction: the store is not in its
 * snapshot. */
static bool is_too_young(int rc)
{
    return rc == EINVAL || rc == MDB_BAD_DBI;
}

/* ---- read transactions ---- */

enum status lmdb_renew(struct kv_txn *base)
{
    struct lmdb_read *txn = (struct lmdb_read *)(void *)base;
    struct lmdb_kv *kv = lmdb_of(base->kv);
    uint64_t commit_count = atomic_load_explicit(&kv->commit_count, memory_order_acquire);

    if (txn->is_live && txn->commit_count == commit_count)
        return ST_OK;
    if (txn->is_live)
        mdb_txn_reset(txn->txn);
    txn->is_live = false;
    atomic_store_explicit(&txn->version, 0, memory_order_release);
    for (;;) {
        unsigned making = atomic_load_explicit(&kv->making, memory_order_acquire);
        int rc = mdb_txn_renew(txn->txn);

        if (rc != 0)
            return lmdb_status(rc);
        /* A commit that makes stores shows its data a moment before their handles. This reader may
         * have come in between: it waits for that commit and begins again. */
        if (making % 2 == 0 && making == atomic_load_explicit(&kv->making, memory_order_acquire))
            break;
        mdb_txn_reset(txn->txn);
        pthread_mutex_lock(&kv->making_lock);
        pthread_mutex_unlock(&kv->making_lock);
    }
    txn->is_live = true;
    txn->commit_count = commit_count;
    txn->generation++;
    atomic_store_explicit(&txn->version, mdb_txn_id(txn->txn), memory_order_release);
    return ST_OK;
}

void lmdb_park(struct kv_txn *base)
{
    struct lmdb_read *txn = lmdb_read_of(base);

    if (txn->is_live)
        mdb_txn_reset(txn->txn);
    txn->is_live = false;
    txn->generation++;
    atomic_store_explicit(&txn->version, 0, memory_order_release);
}

static void free_read(struct lmdb_read *txn)
{
    mdb_txn_abort(txn->txn);
    free(txn);
}

void lmdb_free_idle(struct lmdb_kv *kv)
{
    while (kv->idle != NULL) {
        struct lmdb_read *txn = kv->idle;

        kv->idle = txn->following;
        free_read(txn);
    }
}

/* An idle one, or a new one without a snapshot. */
static struct lmdb_read *obtain_read(struct lmdb_kv *kv, struct error *err)
{
    struct lmdb_read *txn = NULL;
    int rc = 0;

    pthread_mutex_lock(&kv->readers_lock);
    txn = kv->idle;
    if (txn != NULL) {
        kv->idle = txn->following;
        kv->idle_count--;
    }
    pthread_mutex_unlock(&kv->readers_lock);
    if (txn != NULL)
        return txn;
    txn = calloc(1, sizeof *txn);
    if (txn == NULL) {
        error_set(err, ST_NO_MEMORY, -1, "out of memory");
        return NULL;
    }
    rc = mdb_txn_begin(kv->env, NULL, MDB_RDONLY, &txn->txn);
    if (rc != 0) {
        lmdb_fail(kv, rc, "beginning to read", err);
        free(txn);
        return NULL;
    }
    mdb_txn_reset(txn->txn);
    return txn;
}

enum status lmdb_begin_read(struct kv *base, struct kv_txn **out, struct error *err)
{
    struct lmdb_kv *kv = lmdb_of(base);
    struct error why = {.status = ST_NO_MEMORY};
    struct lmdb_read *txn = obtain_read(kv, &why);
    enum status st = ST_OK;

    if (txn == NULL)
        return error_set(err, why.status, -1, "%s", error_message(&why));
    txn->base.kv = base;
    st = lmdb_renew(&txn->base);
    if (st != ST_OK) {
        free_read(txn);
        return error_set(err, st, -1, "%s: beginning to read failed", kv->path);
    }
    pthread_mutex_lock(&kv->readers_lock);
    txn->previous = NULL;
    txn->following = kv->readers;
    if (txn->following != NULL)
        txn->following->previous = txn;
    kv->readers = txn;
    pthread_mutex_unlock(&kv->readers_lock);
    *out = &txn->base;
    return ST_OK;
}

void lmdb_end_read(struct kv_txn *base)
{
    struct lmdb_read *txn = lmdb_read_of(base);
    struct lmdb_kv *kv = lmdb_of(base->kv);
    bool keeps = false;

    lmdb_park(base);
    pthread_mutex_lock(&kv->readers_lock);
    if (txn->previous != NULL)
        txn->previous->following = txn->following;
    else
        kv->readers = txn->following;
    if (txn->following != NULL)
        txn->following->previous = txn->previous;
    keeps = kv->idle_count < IDLE_READERS_MAX;
    if (keeps) {
        txn->following = kv->idle;
        kv->idle = txn;
        kv->idle_count++;
    }
    pthread_mutex_unlock(&kv->readers_lock);
    if (!keeps)
        free_read(txn);
}

/* ---- gets ---- */

enum status lmdb_get(struct kv_txn *base, struct kv_store store, struct slice key,
                     struct slice *out)
{
    MDB_dbi dbi = 0;
    MDB_val k = lmdb_val(key), v = {0};
    int rc = 0;

    if (!lmdb_handle_find(lmdb_of(base->kv), store.id, &dbi))
        return ST_NOT_FOUND;
    if (base->is_write)
        lmdb_write_of(base)->has_lent = true;
    rc = mdb_get(lmdb_txn_of(base), dbi, &k, &v);
    if (is_too_young(rc) && !base->is_write)
        return ST_NOT_FOUND;
    if (rc != 0)
        return lmdb_status(rc);
    *out = lmdb_slice(&v);
    return ST_OK;
}

/* Neighbouring keys share pages: LMDB's cursor looks at the page it stands on before it searches.
 */
enum status lmdb_get_many(struct kv_txn *base, struct kv_store store, size_t count,
                          const struct slice *keys, struct slice *values)
{
    MDB_cursor *cursor = NULL;
    MDB_dbi dbi = 0;
    int rc = 0;

    memset(values, 0, count * sizeof *values);
    if (!lmdb_handle_find(lmdb_of(base->kv), store.id, &dbi))
        return ST_OK;
    if (base->is_write)
        lmdb_write_of(base)->has_lent = true;
    rc = mdb_cursor_open(lmdb_txn_of(base), dbi, &cursor);
    if (rc != 0)
        return is_too_young(rc) ? ST_OK : lmdb_status(rc);
    for (size_t i = 0; i < count && (rc == 0 || rc == MDB_NOTFOUND); i++) {
        MDB_val key = lmdb_val(keys[i]), value = {0};

        rc = mdb_cursor_get(cursor, &key, &value, MDB_SET_KEY);
        if (rc == 0)
            values[i] = lmdb_slice(&value);
    }
    mdb_cursor_close(cursor);
    return rc == MDB_NOTFOUND ? ST_OK : lmdb_status(rc);
}

/* ---- cursors ---- */

enum status lmdb_cursor_open(struct kv_txn *txn, struct kv_store store, struct kv_cursor **out)
{
    struct lmdb_cursor *cursor = calloc(1, sizeof *cursor);

    if (cursor == NULL)
        return ST_NO_MEMORY;
    cursor->base.backend = &kv_backend_lmdb;
    cursor->txn = txn;
    cursor->store = store;
    *out = &cursor->base;
    return ST_OK;
}

void lmdb_cursor_close(struct kv_cursor *base)
{
    struct lmdb_cursor *cursor = (struct lmdb_cursor *)(void *)base;

    if (cursor->at != NULL)
        mdb_cursor_close(cursor->at);
    free(cursor);
}

/* Bind LMDB's cursor to the snapshot of now. ST_DONE: the store is not in it. */
static enum status bind(struct lmdb_cursor *cursor)
{
    uint64_t generation = cursor->txn->is_write ? 0 : lmdb_read_of(cursor->txn)->generation;
    MDB_txn *txn = lmdb_txn_of(cursor->txn);
    MDB_dbi dbi = 0;
    int rc = 0;

    if (cursor->at != NULL && cursor->generation == generation)
        return ST_OK;
    if (!lmdb_handle_find(lmdb_of(cursor->txn->kv), cursor->store.id, &dbi))
        return ST_DONE;
    if (cursor->at != NULL && cursor->dbi != dbi) {
        mdb_cursor_close(cursor->at);
        cursor->at = NULL;
    }
    rc = cursor->at != NULL ? mdb_cursor_renew(txn, cursor->at)
                            : mdb_cursor_open(txn, dbi, &cursor->at);
    if (is_too_young(rc)) {
        if (cursor->at != NULL)
            mdb_cursor_close(cursor->at);
        cursor->at = NULL;
        return ST_DONE;
    }
    cursor->dbi = dbi;
    cursor->generation = generation;
    return lmdb_status(rc);
}

static inline enum status show(struct lmdb_cursor *cursor, int rc, const MDB_val *key,
                               const MDB_val *value)
{
    if (rc != 0)
        return rc == MDB_NOTFOUND ? ST_DONE : lmdb_status(rc);
    cursor->base.position.key = lmdb_slice(key);
    cursor->base.position.value = lmdb_slice(value);
    cursor->base.position.is_checked = false;
    return ST_OK;
}

enum status lmdb_seek(struct kv_cursor *base, struct slice at_least)
{
    struct lmdb_cursor *cursor = (struct lmdb_cursor *)(void *)base;
    MDB_val key = lmdb_val(at_least), value = {0};
    int rc = 0;

    cursor->page.start = NULL;
    TRY(bind(cursor));
    if (cursor->txn->is_write)
        lmdb_write_of(cursor->txn)->has_lent = true;
    rc = mdb_cursor_get(cursor->at, &key, &value, at_least.len == 0 ? MDB_FIRST : MDB_SET_RANGE);
    return show(cursor, rc, &key, &value);
}

enum status lmdb_seek_before(struct kv_cursor *base, struct slice before)
{
    struct lmdb_cursor *cursor = (struct lmdb_cursor *)(void *)base;
    MDB_val key = lmdb_val(before), value = {0};
    int rc = MDB_NOTFOUND;

    cursor->page.start = NULL;
    TRY(bind(cursor));
    if (cursor->txn->is_write)
        lmdb_write_of(cursor->txn)->has_lent = true;
    if (before.len != 0)
        rc = mdb_cursor_get(cursor->at, &key, &value, MDB_SET_RANGE);
    if (rc == 0)
        rc = mdb_cursor_get(cursor->at, &key, &value, MDB_PREV);
    else if (rc == MDB_NOTFOUND)
        rc = mdb_cursor_get(cursor->at, &key, &value, MDB_LAST);
    return show(cursor, rc, &key, &value);
}

/* ---- steps ---- */

/* A step within a leaf costs LMDB some thirty nanoseconds and the walk of lmdb_page.c three. LMDB's
 * cursor stays behind in the same leaf and catches up where the leaf ends. */

/* Bring LMDB's cursor to the key that the walk has come to. */
static int catch_up(struct lmdb_cursor *cursor, MDB_val *value)
{
    MDB_val key = lmdb_val(cursor->base.position.key);

    cursor->page.start = NULL;
    return mdb_cursor_get(cursor->at, &key, value, MDB_SET_KEY);
}

static __attribute__((noinline)) enum status step_slowly(struct lmdb_cursor *cursor,
                                                         MDB_cursor_op op)
{
    MDB_val key = {0}, value = {0};

    if (cursor->page.start != NULL) {
        int rc = catch_up(cursor, &value);

        if (rc != 0)
            return rc == MDB_NOTFOUND ? ST_CORRUPT : lmdb_status(rc);
    }
    return show(cursor, mdb_cursor_get(cursor->at, &key, &value, op), &key, &value);
}

/* The walk came to a value on pages of its own. */
static __attribute__((noinline)) enum status show_far_value(struct lmdb_cursor *cursor)
{
    MDB_val value = {0};
    int rc = catch_up(cursor, &value);

    if (rc != 0)
        return rc == MDB_NOTFOUND ? ST_CORRUPT : lmdb_status(rc);
    cursor->base.position.value = lmdb_slice(&value);
    return ST_OK;
}

static __attribute__((noinline)) bool enter_page(struct lmdb_cursor *cursor)
{
    struct kv_position *position = &cursor->base.position;
    struct lmdb_kv *kv = lmdb_of(cursor->txn->kv);

    if (cursor->txn->is_write ||
        !lmdb_page_enter(&cursor->page, kv, position->key, position->value))
        return false;
    position->is_checked =
        cursor->store.class == KV_DATA && lmdb_page_is_checked(kv, &cursor->page);
    return true;
}

/* Memory is the price of a scan: entries some steps ahead are asked for now. */
static inline void prefetch_ahead(const struct lmdb_page *page, int by)
{
    enum { STEPS_AHEAD = 5, LINE_BYTES = 64 };
    const unsigned ahead = page->slot + (unsigned)(by * STEPS_AHEAD);

    if (__builtin_expect(ahead < page->count, true)) {
        const char *node = page->start + lmdb_load2(page->start + PAGE_HEADER_BYTES + 2u * ahead);

        __builtin_prefetch(node);
        __builtin_prefetch(node + LINE_BYTES);
        __builtin_prefetch(node + (size_t)2 * LINE_BYTES);
    }
}

static inline enum status step(struct lmdb_cursor *cursor, int by, MDB_cursor_op op)
{
    struct kv_position *position = &cursor->base.position;
    unsigned slot;

    if (cursor->page.start == NULL && !enter_page(cursor))
        return step_slowly(cursor, op);
    slot = cursor->page.slot + (unsigned)by;
    if (__builtin_expect(slot >= cursor->page.count, false)) /* also below 0 */
        return step_slowly(cursor, op);
    cursor->page.slot = (uint16_t)slot;
    prefetch_ahead(&cursor->page, by);
    switch (lmdb_page_read(&cursor->page, &position->key, &position->value)) {
    case PAGE_ENTRY:
        return ST_OK;
    case PAGE_FAR_VALUE:
        return show_far_value(cursor);
    case PAGE_DAMAGED:
        break;
    }
    return ST_CORRUPT;
}

enum status lmdb_next(struct kv_cursor *base)
{
    return step((struct lmdb_cursor *)(void *)base, 1, MDB_NEXT);
}

/* The rest of the leaf, up to a value that lies elsewhere. */
unsigned lmdb_run(struct kv_cursor *base, struct kv_entry *out, unsigned max)
{
    struct lmdb_cursor *cursor = (struct lmdb_cursor *)(void *)base;
    struct lmdb_page page;
    unsigned count = 0;

    if (cursor->page.start == NULL && !enter_page(cursor))
        return 0;
    page = cursor->page;
    while (count < max && page.slot + 1 < page.count) {
        page.slot++;
        prefetch_ahead(&page, 1);
        if (lmdb_page_read(&page, &out[count].key, &out[count].value) != PAGE_ENTRY)
            break;
        count++;
    }
    if (count == 0)
        return 0;
    cursor->page.slot = (uint16_t)(cursor->page.slot + count);
    base->position.key = out[count - 1].key;
    base->position.value = out[count - 1].value;
    return count;
}

enum status lmdb_prev(struct kv_cursor *base)
{
    return step((struct lmdb_cursor *)(void *)base, -1, MDB_PREV);
}
