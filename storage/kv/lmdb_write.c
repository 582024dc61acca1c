/* Writing to LMDB. */
#include "storage/kv/lmdb_internal.h"
#include <errno.h>
#include <stdlib.h>

/* ---- write transactions ---- */

/* A reader that shows up after this looked takes a newer snapshot than any drop. */
static size_t oldest_version(struct lmdb_kv *kv)
{
    size_t oldest = SIZE_MAX;

    pthread_mutex_lock(&kv->readers_lock);
    for (struct lmdb_read *txn = kv->readers; txn != NULL; txn = txn->following) {
        size_t version = atomic_load_explicit(&txn->version, memory_order_acquire);

        if (version != 0 && version < oldest)
            oldest = version;
    }
    pthread_mutex_unlock(&kv->readers_lock);
    return oldest;
}

static void set_sync(struct lmdb_kv *kv, bool sync)
{
    /* The writer alone looks at these two flags. */
    mdb_env_set_flags(kv->env, MDB_NOSYNC, !sync && kv->power_cut_may_damage);
    mdb_env_set_flags(kv->env, MDB_NOMETASYNC, !sync);
}

/* Take the names of dropped stores away, in a transaction of its own: when it fails they merely
 * stay, empty, until the database is opened again. */
static int unname_drops(struct lmdb_kv *kv)
{
    size_t oldest = oldest_version(kv), kept = 0, done = 0;
    MDB_txn *txn = NULL;
    int rc = 0;

    for (size_t i = 0; i < kv->drops.count; i++)
        done += kv->drops.all[i].version <= oldest;
    if (done == 0)
        return 0;
    rc = mdb_txn_begin(kv->env, NULL, 0, &txn);
    if (rc != 0)
        return rc;
    for (size_t i = 0; i < kv->drops.count; i++) {
        struct lmdb_drop drop = kv->drops.all[i];
        char bytes[4] = {(char)(drop.id >> 24), (char)(drop.id >> 16), (char)(drop.id >> 8),
                         (char)drop.id};
        MDB_val key = {sizeof bytes, bytes};

        if (drop.version > oldest) {
            kv->drops.all[kept++] = drop;
            continue;
        }
        if (!lmdb_handle_find(kv, drop.id, &drop.dbi))
            continue; /* it was dropped twice */
        lmdb_handle_remove(kv, drop.id);
        if (rc == 0)
            rc = mdb_drop(txn, drop.dbi, 1);
        if (rc == 0)
            rc = mdb_del(txn, kv->dropped, &key, NULL);
        if (rc == MDB_NOTFOUND)
            rc = 0;
    }
    kv->drops.count = kept;
    if (rc != 0) {
        mdb_txn_abort(txn);
        return rc;
    }
    set_sync(kv, false);
    kv->has_unsynced = true;
    return mdb_txn_commit(txn);
}

enum status lmdb_begin_write(struct kv *base, struct kv_txn **out, struct error *err)
{
    struct lmdb_kv *kv = lmdb_of(base);
    int rc = kv->drops.count == 0 ? 0 : unname_drops(kv);

    if (rc != 0)
        return lmdb_fail(kv, rc, "removing dropped stores", err);
    rc = mdb_txn_begin(kv->env, NULL, 0, &kv->write.txn);
    if (rc != 0)
        return lmdb_fail(kv, rc, "beginning to write", err);
    kv->write.made_count = 0;
    kv->write.drops.count = 0;
    kv->write.has_lent = false;
    *out = &kv->write.base;
    return ST_OK;
}

void lmdb_abort(struct kv_txn *base)
{
    struct lmdb_kv *kv = lmdb_of(base->kv);

    mdb_txn_abort(kv->write.txn); /* closes the handles it made */
    for (size_t i = 0; i < kv->write.made_count; i++)
        lmdb_handle_remove(kv, kv->write.made[i]);
}

enum status lmdb_commit(struct kv_txn *base, bool sync, struct error *err)
{
    struct lmdb_kv *kv = lmdb_of(base->kv);
    struct lmdb_write *txn = lmdb_write_of(base);
    bool makes = txn->made_count > 0;
    int rc = 0;

    set_sync(kv, sync);
    if (makes) {
        pthread_mutex_lock(&kv->making_lock);
        atomic_fetch_add_explicit(&kv->making, 1, memory_order_acq_rel);
    }
    rc = mdb_txn_commit(txn->txn);
    if (makes) {
        atomic_fetch_add_explicit(&kv->making, 1, memory_order_acq_rel);
        pthread_mutex_unlock(&kv->making_lock);
    }
    if (rc != 0) {
        for (size_t i = 0; i < txn->made_count; i++)
            lmdb_handle_remove(kv, txn->made[i]);
        return lmdb_fail(kv, rc, "committing", err);
    }
    atomic_fetch_add_explicit(&kv->commit_count, 1, memory_order_release);
    for (size_t i = 0; i < txn->drops.count; i++)
        lmdb_add_drop(&kv->drops,
                      txn->drops.all[i]); /* without memory it waits for the next opening */
    /* A transaction without changes writes nothing, so it synced nothing either. */
    if (sync && kv->has_unsynced && base->change_count == 0) {
        rc = mdb_env_sync(kv->env, 1);
        if (rc != 0)
            return lmdb_fail(kv, rc, "syncing", err);
    }
    kv->has_unsynced = !sync;
    return ST_OK;
}

enum status lmdb_sync(struct kv *base, struct error *err)
{
    struct lmdb_kv *kv = lmdb_of(base);
    int rc = mdb_env_sync(kv->env, 1);

    return rc == 0 ? ST_OK : lmdb_fail(kv, rc, "syncing", err);
}

/* ---- stores and points ---- */

static int make_store(struct lmdb_write *txn, uint32_t id, MDB_dbi *out)
{
    struct lmdb_kv *kv = lmdb_of(txn->base.kv);
    char name[STORE_NAME_BYTES];
    int rc = 0;

    if (txn->made_count == txn->made_capacity) {
        size_t capacity = txn->made_capacity == 0 ? 16 : txn->made_capacity * 2;
        uint32_t *made = realloc(txn->made, capacity * sizeof *made);

        if (made == NULL)
            return ENOMEM;
        txn->made = made;
        txn->made_capacity = capacity;
    }
    lmdb_store_name(id, name);
    rc = mdb_dbi_open(txn->txn, name, MDB_CREATE, out);
    if (rc == 0) {
        txn->made[txn->made_count++] = id;
        lmdb_handle_add(kv, id, *out);
        memset(&kv->hints[*out], 0, sizeof kv->hints[*out]);
    }
    return rc;
}

/* The handle to write with. */
static int dbi_for_write(struct lmdb_write *txn, uint32_t id, MDB_dbi *out)
{
    return lmdb_handle_find(lmdb_of(txn->base.kv), id, out) ? 0 : make_store(txn, id, out);
}

enum status lmdb_store_create(struct kv_txn *base, struct kv_store store)
{
    MDB_dbi dbi = 0;

    return lmdb_status(dbi_for_write(lmdb_write_of(base), store.id, &dbi));
}

enum status lmdb_store_drop(struct kv_txn *base, struct kv_store store)
{
    struct lmdb_write *txn = lmdb_write_of(base);
    struct lmdb_kv *kv = lmdb_of(base->kv);
    struct lmdb_drop drop = {.id = store.id, .version = mdb_txn_id(txn->txn)};
    char bytes[4] = {(char)(store.id >> 24), (char)(store.id >> 16), (char)(store.id >> 8),
                     (char)store.id};
    MDB_val key = {sizeof bytes, bytes}, nothing = {0};
    int rc = 0;

    if (!lmdb_handle_find(kv, store.id, &drop.dbi))
        return ST_OK;
    rc = mdb_drop(txn->txn, drop.dbi, 0);
    if (rc == 0)
        rc = mdb_put(txn->txn, kv->dropped, &key, &nothing, 0);
    if (rc != 0)
        return lmdb_status(rc);
    return lmdb_add_drop(&txn->drops, drop) ? ST_OK : ST_NO_MEMORY;
}

/* A write may move or overwrite what this transaction lent, its own arguments included. */
static bool own(struct lmdb_write *txn, struct buf *copy, struct slice *bytes)
{
    if (!txn->has_lent || bytes->len == 0)
        return true;
    buf_clear(copy);
    buf_append_slice(copy, *bytes);
    *bytes = buf_slice(copy);
    return !copy->failed;
}

static bool is_ascending(const struct append_hint *hint, struct slice key)
{
    size_t shared = key.len < hint->len ? key.len : hint->len;
    int order = shared == 0 ? 0 : memcmp(key.data, hint->head, shared);

    return order > 0 || (order == 0 && key.len >= hint->len);
}

/* Keys that ascend to the end of their store are appended: pages get full and the search is saved.
 * LMDB refuses a key that is not the greatest, and then it is put as any other. */
static int put_somewhere(struct lmdb_write *txn, MDB_dbi dbi, struct slice key, struct slice value,
                         bool is_promised)
{
    struct append_hint *hint = &lmdb_of(txn->base.kv)->hints[dbi];
    bool ascends = is_promised || is_ascending(hint, key);
    MDB_val k = lmdb_val(key), v = lmdb_val(value);
    int rc = MDB_KEYEXIST;

    if (ascends && (is_promised || hint->skip == 0)) {
        rc = mdb_put(txn->txn, dbi, &k, &v, MDB_APPEND);
        if (rc == MDB_KEYEXIST)
            hint->skip = 32;
    } else if (hint->skip > 0) {
        hint->skip--;
    }
    if (rc == MDB_KEYEXIST) {
        v = lmdb_val(value);
        rc = mdb_put(txn->txn, dbi, &k, &v, 0);
    }
    hint->len = (uint8_t)(key.len < APPEND_HEAD_BYTES ? key.len : APPEND_HEAD_BYTES);
    memcpy(hint->head, key.data, hint->len);
    return rc;
}

static enum status write_value(struct kv_txn *base, struct kv_store store, struct slice key,
                               struct slice value, bool is_promised)
{
    struct lmdb_write *txn = lmdb_write_of(base);
    MDB_dbi dbi = 0;
    int rc = dbi_for_write(txn, store.id, &dbi);

    if (rc != 0)
        return lmdb_status(rc);
    if (!own(txn, &txn->key, &key) || !own(txn, &txn->value, &value))
        return ST_NO_MEMORY;
    txn->has_lent = false;
    return lmdb_status(put_somewhere(txn, dbi, key, value, is_promised));
}

enum status lmdb_put(struct kv_txn *txn, struct kv_store store, struct slice key,
                     struct slice value)
{
    return write_value(txn, store, key, value, false);
}

enum status lmdb_append(struct kv_txn *txn, struct kv_store store, struct slice key,
                        struct slice value)
{
    return write_value(txn, store, key, value, true);
}

enum status lmdb_delete(struct kv_txn *base, struct kv_store store, struct slice key)
{
    struct lmdb_write *txn = lmdb_write_of(base);
    MDB_dbi dbi = 0;
    MDB_val k = {0};
    int rc = 0;

    if (!lmdb_handle_find(lmdb_of(base->kv), store.id, &dbi))
        return ST_OK;
    if (!own(txn, &txn->key, &key))
        return ST_NO_MEMORY;
    txn->has_lent = false;
    k = lmdb_val(key);
    rc = mdb_del(txn->txn, dbi, &k, NULL);
    return rc == MDB_NOTFOUND ? ST_OK : lmdb_status(rc);
}

enum status lmdb_delete_range(struct kv_txn *base, struct kv_store store, struct slice from,
                              struct slice to)
{
    struct lmdb_write *txn = lmdb_write_of(base);
    MDB_cursor *cursor = NULL;
    MDB_dbi dbi = 0;
    MDB_val k = {0}, v = {0};
    int rc = 0;

    if (!lmdb_handle_find(lmdb_of(base->kv), store.id, &dbi))
        return ST_OK;
    if (from.len == 0 && to.len == 0)
        return lmdb_status(mdb_drop(txn->txn, dbi, 0));
    if (!own(txn, &txn->key, &from) || !own(txn, &txn->value, &to))
        return ST_NO_MEMORY;
    txn->has_lent = false;
    rc = mdb_cursor_open(txn->txn, dbi, &cursor);
    if (rc != 0)
        return lmdb_status(rc);
    k = lmdb_val(from);
    rc = mdb_cursor_get(cursor, &k, &v, from.len == 0 ? MDB_FIRST : MDB_SET_RANGE);
    while (rc == 0 && (to.len == 0 || slice_compare(lmdb_slice(&k), to) < 0)) {
        rc = mdb_cursor_del(cursor, 0);
        if (rc == 0)
            rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT);
    }
    mdb_cursor_close(cursor);
    return rc == MDB_NOTFOUND ? ST_OK : lmdb_status(rc);
}
