/*
 * The memory backend: one tree per store, and a directory tree from store ids to their roots, so
 * that a snapshot of everything is one pointer. Snapshots form a list by version. What a commit
 * replaced hangs on the newest snapshot that still shows it; when that one ends, it moves to an
 * older one that does, or is freed.
 */
#include "storage/kv/kv_internal.h"
#include "storage/kv/tree.h"
#include <assert.h>
#include <stdlib.h>

enum { CACHED_STORES = 16, TABLE_BITS_FIRST = 6 };

struct memory_snapshot {
    uint64_t version;
    unsigned readers;
    struct tree_node *directory;
    struct memory_snapshot *older, *newer;
    struct tree_item *retired; /* shown by this snapshot and by no newer one */
};

/* What the directory holds per store. */
struct memory_entry {
    struct tree_node *root;
    uint64_t class;
};

/* A store that the write transaction has touched. */
struct memory_store {
    uint32_t id;
    bool exists, is_changed;
    struct memory_entry entry;
};

struct memory_write {
    struct kv_txn base;
    struct tree_node *directory;
    struct memory_store *stores; /* memory is kept from transaction to transaction */
    size_t count, capacity;
    uint32_t *table; /* ids, hashed, to index + 1 into stores */
    unsigned table_bits;
};

struct memory_kv {
    struct kv base;
    pthread_mutex_t lock;        /* over the snapshots, and changing committed and directory */
    _Atomic uint64_t committed;  /* version */
    struct tree_node *directory; /* of that version */
    struct memory_snapshot *newest;
    struct memory_snapshot *spare; /* a record kept for the next reader */
    struct tree_pool pool;         /* the writer's, like what follows */
    struct memory_write write;     /* there is one at a time */
};

struct memory_read {
    struct kv_txn base;
    struct memory_snapshot *snapshot;
    struct {
        bool is_set;
        uint32_t id;
        struct tree_node *root;
    } cache[CACHED_STORES];
};

struct memory_cursor {
    struct kv_cursor base;
    struct kv_txn *txn;
    struct kv_store store;
    struct tree_cursor at;
};

static struct memory_kv *kv_of(struct kv *kv)
{
    return (struct memory_kv *)(void *)kv;
}

static struct memory_kv *kv_of_txn(struct kv_txn *txn)
{
    return kv_of(txn->kv);
}

/* ---- directory ---- */

static void id_key(uint32_t id, char key[4])
{
    for (int i = 0; i < 4; i++)
        key[i] = (char)(id >> (24 - 8 * i));
}

static bool directory_get(const struct tree_node *directory, uint32_t id, struct memory_entry *out)
{
    char key[4];
    struct slice value = {0};

    id_key(id, key);
    if (!tree_get(directory, slice_of(key, sizeof key), &value))
        return false;
    memcpy(out, value.data, sizeof *out);
    return true;
}

/* ---- open and close ---- */

static enum status memory_open(const char *path, const struct kv_options *options, struct kv **out,
                               struct error *err)
{
    struct memory_kv *kv = calloc(1, sizeof *kv);

    (void)path, (void)options;
    if (kv == NULL)
        return error_set(err, ST_NO_MEMORY, -1, "out of memory");
    kv->write.table_bits = TABLE_BITS_FIRST;
    kv->write.table = calloc((size_t)1 << TABLE_BITS_FIRST, sizeof *kv->write.table);
    if (kv->write.table == NULL) {
        free(kv);
        return error_set(err, ST_NO_MEMORY, -1, "out of memory");
    }
    pthread_mutex_init(&kv->lock, NULL);
    atomic_init(&kv->committed, 1);
    *out = &kv->base;
    return ST_OK;
}

static void free_subtree(struct tree_node *root, struct tree_pool *pool)
{
    struct tree_item *item = (struct tree_item *)(void *)root;

    if (root == NULL)
        return;
    item->kind = TREE_SUBTREE;
    tree_dispose(item, 0, &(struct tree_item *){NULL}, pool);
}

static void memory_close(struct kv *base)
{
    struct memory_kv *kv = kv_of(base);
    struct tree_cursor at;

    assert(kv->newest == NULL);
    for (bool more = tree_seek(&at, kv->directory, slice_empty()); more; more = tree_next(&at)) {
        struct slice key = {0}, value = {0};
        struct memory_entry entry;

        tree_read(&at, &key, &value);
        memcpy(&entry, value.data, sizeof entry);
        free_subtree(entry.root, NULL);
    }
    free_subtree(kv->directory, NULL);
    tree_pool_deinit(&kv->pool);
    pthread_mutex_destroy(&kv->lock);
    free(kv->spare);
    free(kv->write.stores);
    free(kv->write.table);
    free(kv);
}

/* ---- snapshots, all under the lock ---- */

static struct memory_snapshot *take_snapshot(struct memory_kv *kv)
{
    uint64_t version = atomic_load_explicit(&kv->committed, memory_order_relaxed);
    struct memory_snapshot *snapshot = kv->newest;

    if (snapshot == NULL || snapshot->version != version) {
        snapshot = kv->spare;
        if (snapshot == NULL)
            snapshot = malloc(sizeof *snapshot);
        else
            kv->spare = NULL;
        if (snapshot == NULL)
            return NULL;
        *snapshot = (struct memory_snapshot){
            .version = version, .directory = kv->directory, .older = kv->newest};
        if (kv->newest != NULL)
            kv->newest->newer = snapshot;
        kv->newest = snapshot;
    }
    snapshot->readers++;
    return snapshot;
}

/* Hand over what only this snapshot showed. */
static void drop_snapshot(struct memory_kv *kv, struct memory_snapshot *snapshot)
{
    struct memory_snapshot *older = NULL;
    struct tree_item *nobody = NULL;

    if (--snapshot->readers > 0)
        return;
    older = snapshot->older;
    if (snapshot->newer != NULL)
        snapshot->newer->older = older;
    else
        kv->newest = older;
    if (older != NULL)
        older->newer = snapshot->newer;
    while (snapshot->retired != NULL) {
        struct tree_item *item = snapshot->retired;

        snapshot->retired = item->next;
        tree_dispose(item, older != NULL ? older->version : 0,
                     older != NULL ? &older->retired : &nobody, NULL);
    }
    if (kv->spare == NULL)
        kv->spare = snapshot;
    else
        free(snapshot);
}

/* ---- read transactions ---- */

static enum status memory_renew(struct kv_txn *base)
{
    struct memory_read *txn = (struct memory_read *)(void *)base;
    struct memory_kv *kv = kv_of_txn(base);
    struct memory_snapshot *snapshot = NULL;

    if (txn->snapshot != NULL &&
        txn->snapshot->version == atomic_load_explicit(&kv->committed, memory_order_acquire))
        return ST_OK;
    pthread_mutex_lock(&kv->lock);
    snapshot = take_snapshot(kv);
    if (snapshot != NULL) {
        if (txn->snapshot != NULL)
            drop_snapshot(kv, txn->snapshot);
        txn->snapshot = snapshot;
    }
    pthread_mutex_unlock(&kv->lock);
    memset(txn->cache, 0, sizeof txn->cache);
    return snapshot != NULL ? ST_OK : ST_NO_MEMORY;
}

static void memory_park(struct kv_txn *base)
{
    struct memory_read *txn = (struct memory_read *)(void *)base;
    struct memory_kv *kv = kv_of_txn(base);

    if (txn->snapshot == NULL)
        return;
    pthread_mutex_lock(&kv->lock);
    drop_snapshot(kv, txn->snapshot);
    pthread_mutex_unlock(&kv->lock);
    txn->snapshot = NULL;
}

static enum status memory_begin_read(struct kv *base, struct kv_txn **out, struct error *err)
{
    struct memory_read *txn = calloc(1, sizeof *txn);

    if (txn == NULL)
        return error_set(err, ST_NO_MEMORY, -1, "out of memory");
    txn->base.kv = base;
    if (memory_renew(&txn->base) != ST_OK) {
        free(txn);
        return error_set(err, ST_NO_MEMORY, -1, "out of memory");
    }
    *out = &txn->base;
    return ST_OK;
}

static void memory_end_read(struct kv_txn *base)
{
    memory_park(base);
    free(base);
}

/* ---- write transactions ---- */

static size_t table_place(const struct memory_write *txn, uint32_t id)
{
    return (id * UINT32_C(0x9E3779B1)) >> (32 - txn->table_bits);
}

static void table_add(struct memory_write *txn, size_t index)
{
    size_t mask = ((size_t)1 << txn->table_bits) - 1;
    size_t at = table_place(txn, txn->stores[index].id);

    while (txn->table[at] != 0)
        at = (at + 1) & mask;
    txn->table[at] = (uint32_t)index + 1;
}

static bool table_grow(struct memory_write *txn)
{
    uint32_t *table = calloc((size_t)2 << txn->table_bits, sizeof *table);

    if (table == NULL)
        return false;
    free(txn->table);
    txn->table = table;
    txn->table_bits++;
    for (size_t i = 0; i < txn->count; i++)
        table_add(txn, i);
    return true;
}

/* The store as this transaction sees it; NULL: memory is short. */
static struct memory_store *touch_store(struct memory_write *txn, uint32_t id)
{
    size_t mask = ((size_t)1 << txn->table_bits) - 1;
    struct memory_store *store = NULL;

    for (size_t at = table_place(txn, id); txn->table[at] != 0; at = (at + 1) & mask) {
        store = &txn->stores[txn->table[at] - 1];
        if (store->id == id)
            return store;
    }
    if (txn->count == txn->capacity) {
        size_t capacity = txn->capacity == 0 ? 16 : txn->capacity * 2;

        store = realloc(txn->stores, capacity * sizeof *store);
        if (store == NULL)
            return NULL;
        txn->stores = store;
        txn->capacity = capacity;
    }
    if (txn->count * 2 > mask && !table_grow(txn))
        return NULL;
    store = &txn->stores[txn->count++];
    *store = (struct memory_store){.id = id};
    store->exists = directory_get(txn->directory, id, &store->entry);
    table_add(txn, txn->count - 1);
    return store;
}

static enum status memory_begin_write(struct kv *base, struct kv_txn **out, struct error *err)
{
    struct memory_kv *kv = kv_of(base);

    (void)err;
    /* Only the writer changes these, so it may read them without the lock. */
    kv->pool.version = atomic_load_explicit(&kv->committed, memory_order_relaxed) + 1;
    kv->write.directory = kv->directory;
    *out = &kv->write.base;
    return ST_OK;
}

static void forget_stores(struct memory_write *txn)
{
    size_t size = (size_t)1 << txn->table_bits;

    if (txn->count * 4 > size || size <= 256) {
        memset(txn->table, 0, size * sizeof *txn->table);
    } else {
        for (size_t i = 0; i < txn->count; i++) {
            size_t at = table_place(txn, txn->stores[i].id);

            for (; txn->table[at] != 0; at = (at + 1) & (size - 1))
                txn->table[at] = 0;
        }
    }
    txn->count = 0;
}

static void memory_abort(struct kv_txn *base)
{
    struct memory_kv *kv = kv_of_txn(base);
    struct memory_write *txn = &kv->write;

    for (size_t i = 0; i < txn->count; i++) {
        if (txn->stores[i].is_changed)
            tree_discard(&kv->pool, txn->stores[i].entry.root);
    }
    tree_discard(&kv->pool, txn->directory);
    tree_free_doomed(&kv->pool);
    kv->pool.retired = NULL; /* still in place in the committed version */
    forget_stores(txn);
}

static enum status write_directory(struct memory_kv *kv)
{
    struct memory_write *txn = &kv->write;

    for (size_t i = 0; i < txn->count; i++) {
        const struct memory_store *store = &txn->stores[i];
        enum status st = ST_OK;
        char key[4], *room = NULL;

        if (!store->is_changed)
            continue;
        id_key(store->id, key);
        if (store->exists) {
            TRY(tree_put(&kv->pool, &txn->directory, slice_of(key, sizeof key), sizeof store->entry,
                         &room));
            memcpy(room, &store->entry, sizeof store->entry);
        } else {
            st = tree_delete(&kv->pool, &txn->directory, slice_of(key, sizeof key));
            if (st != ST_OK && st != ST_NOT_FOUND)
                return st;
        }
    }
    return ST_OK;
}

static enum status memory_commit(struct kv_txn *base, bool sync, struct error *err)
{
    struct memory_kv *kv = kv_of_txn(base);
    struct memory_write *txn = &kv->write;
    struct memory_snapshot *viewer = NULL;
    struct tree_item *item = NULL, *nobody = NULL;

    (void)sync;
    if (write_directory(kv) != ST_OK) {
        memory_abort(base);
        return error_set(err, ST_NO_MEMORY, -1, "out of memory");
    }
    pthread_mutex_lock(&kv->lock);
    kv->directory = txn->directory;
    atomic_store_explicit(&kv->committed, kv->pool.version, memory_order_release);
    viewer = kv->newest;
    while ((item = kv->pool.retired) != NULL) {
        kv->pool.retired = item->next;
        tree_dispose(item, viewer != NULL ? viewer->version : 0,
                     viewer != NULL ? &viewer->retired : &nobody, &kv->pool);
    }
    pthread_mutex_unlock(&kv->lock);
    tree_free_doomed(&kv->pool);
    forget_stores(txn);
    return ST_OK;
}

static enum status memory_sync(struct kv *kv, struct error *err)
{
    (void)kv, (void)err;
    return ST_OK;
}

/* ---- stores and points ---- */

static enum status memory_store_create(struct kv_txn *base, struct kv_store id)
{
    struct memory_store *store = touch_store((struct memory_write *)(void *)base, id.id);

    if (store == NULL)
        return ST_NO_MEMORY;
    if (!store->exists) {
        store->entry = (struct memory_entry){.class = id.class};
        store->exists = true;
        store->is_changed = true;
    }
    return ST_OK;
}

static enum status memory_store_drop(struct kv_txn *base, struct kv_store id)
{
    struct memory_store *store = touch_store((struct memory_write *)(void *)base, id.id);

    if (store == NULL)
        return ST_NO_MEMORY;
    if (store->exists) {
        tree_free_doomed(&kv_of_txn(base)->pool);
        tree_retire_all(&kv_of_txn(base)->pool, store->entry.root);
        store->entry.root = NULL;
        store->exists = false;
        store->is_changed = true;
    }
    return ST_OK;
}

/* The store's tree in the transaction's view; NULL: empty, or there is none. */
static enum status find_root(struct kv_txn *base, uint32_t id, const struct tree_node **out)
{
    struct memory_read *txn = (struct memory_read *)(void *)base;
    struct memory_entry entry = {0};
    unsigned at = id % CACHED_STORES;

    *out = NULL;
    if (base->is_write) {
        struct memory_store *store = touch_store((struct memory_write *)(void *)base, id);

        if (store == NULL)
            return ST_NO_MEMORY;
        *out = store->entry.root;
        return ST_OK;
    }
    if (!txn->cache[at].is_set || txn->cache[at].id != id) {
        directory_get(txn->snapshot->directory, id, &entry);
        txn->cache[at].is_set = true;
        txn->cache[at].id = id;
        txn->cache[at].root = entry.root;
    }
    *out = txn->cache[at].root;
    return ST_OK;
}

static enum status memory_get(struct kv_txn *txn, struct kv_store store, struct slice key,
                              struct slice *out)
{
    const struct tree_node *root = NULL;

    TRY(find_root(txn, store.id, &root));
    return tree_get(root, key, out) ? ST_OK : ST_NOT_FOUND;
}

static enum status memory_get_many(struct kv_txn *txn, struct kv_store store, size_t count,
                                   const struct slice *keys, struct slice *values)
{
    const struct tree_node *root = NULL;

    TRY(find_root(txn, store.id, &root));
    tree_get_many(root, count, keys, values);
    return ST_OK;
}

static enum status memory_put(struct kv_txn *base, struct kv_store id, struct slice key,
                              struct slice value)
{
    struct memory_store *store = touch_store((struct memory_write *)(void *)base, id.id);
    char *room = NULL;

    if (store == NULL)
        return ST_NO_MEMORY;
    if (!store->exists) {
        store->entry = (struct memory_entry){.class = id.class};
        store->exists = true;
    }
    store->is_changed = true;
    TRY(tree_put(&kv_of_txn(base)->pool, &store->entry.root, key, value.len, &room));
    if (value.len != 0)
        memmove(room, value.data, value.len);
    return ST_OK;
}

static enum status memory_delete(struct kv_txn *base, struct kv_store id, struct slice key)
{
    struct memory_store *store = touch_store((struct memory_write *)(void *)base, id.id);
    enum status st = ST_OK;

    if (store == NULL)
        return ST_NO_MEMORY;
    st = tree_delete(&kv_of_txn(base)->pool, &store->entry.root, key);
    if (st == ST_NOT_FOUND)
        return ST_OK;
    store->is_changed = true;
    return st;
}

static enum status memory_delete_range(struct kv_txn *base, struct kv_store id, struct slice from,
                                       struct slice to)
{
    struct memory_store *store = touch_store((struct memory_write *)(void *)base, id.id);

    if (store == NULL)
        return ST_NO_MEMORY;
    if (!store->exists)
        return ST_OK;
    store->is_changed = true;
    return tree_delete_range(&kv_of_txn(base)->pool, &store->entry.root, from, to);
}

/* ---- cursors ---- */

static enum status memory_cursor_open(struct kv_txn *txn, struct kv_store store,
                                      struct kv_cursor **out)
{
    struct memory_cursor *cursor = malloc(sizeof *cursor);

    if (cursor == NULL)
        return ST_NO_MEMORY;
    cursor->base = (struct kv_cursor){.backend = &kv_backend_memory};
    cursor->txn = txn;
    cursor->store = store;
    *out = &cursor->base;
    return ST_OK;
}

static void memory_cursor_close(struct kv_cursor *cursor)
{
    free(cursor);
}

static inline enum status show(struct memory_cursor *cursor, bool found)
{
    if (!found)
        return ST_DONE;
    tree_read(&cursor->at, &cursor->base.position.key, &cursor->base.position.value);
    return ST_OK;
}

static enum status memory_seek(struct kv_cursor *base, struct slice at_least)
{
    struct memory_cursor *cursor = (struct memory_cursor *)(void *)base;
    const struct tree_node *root = NULL;

    TRY(find_root(cursor->txn, cursor->store.id, &root));
    return show(cursor, tree_seek(&cursor->at, root, at_least));
}

static enum status memory_seek_before(struct kv_cursor *base, struct slice before)
{
    struct memory_cursor *cursor = (struct memory_cursor *)(void *)base;
    const struct tree_node *root = NULL;

    TRY(find_root(cursor->txn, cursor->store.id, &root));
    return show(cursor, tree_seek_before(&cursor->at, root, before));
}

static enum status memory_next(struct kv_cursor *base)
{
    struct memory_cursor *cursor = (struct memory_cursor *)(void *)base;

    return show(cursor, tree_next(&cursor->at));
}

static enum status memory_prev(struct kv_cursor *base)
{
    struct memory_cursor *cursor = (struct memory_cursor *)(void *)base;

    return show(cursor, tree_prev(&cursor->at));
}

/* ---- the rest ---- */

static enum status memory_stats(struct kv *kv, struct kv_stats *out)
{
    (void)kv, (void)out;
    return ST_OK;
}

static enum status memory_compact(struct kv *kv, struct error *err)
{
    (void)kv, (void)err;
    return ST_OK;
}

static enum status copy_stores(struct kv_txn *from, struct kv_txn *to)
{
    const struct memory_read *txn = (const struct memory_read *)(const void *)from;
    struct tree_cursor at;

    for (bool more = tree_seek(&at, txn->snapshot->directory, slice_empty()); more;
         more = tree_next(&at)) {
        struct slice key = {0}, value = {0};
        struct memory_entry entry;
        uint32_t id = 0;

        tree_read(&at, &key, &value);
        memcpy(&entry, value.data, sizeof entry);
        read_u32_be(&key, &id);
        TRY(kv_copy_store(from, to, (struct kv_store){id, (enum kv_class)entry.class}));
    }
    return ST_OK;
}

/* Memory has no files to copy: the copy is a database of the default backend. */
static enum status memory_backup(struct kv *kv, const char *path, struct error *err)
{
    const struct kv_options options = {.create = true};
    struct kv *copy = NULL;
    struct kv_txn *from = NULL, *to = NULL;
    enum status st = ST_OK;

    TRY(kv_open(path, &options, &copy, err));
    TRY_OUT(kv_begin_read(kv, &from, err));
    TRY_OUT(kv_begin_write(copy, &to, err));
    st = copy_stores(from, to);
    if (st != ST_OK) {
        kv_abort(to);
        error_set(err, st, -1, "copying to %s failed", path);
        goto out;
    }
    st = kv_commit(to, true, err);
out:
    kv_end_read(from);
    kv_close(copy);
    return st;
}

const struct kv_backend kv_backend_memory = {
    .name = "memory",
    .open = memory_open,
    .close = memory_close,
    .begin_read = memory_begin_read,
    .renew = memory_renew,
    .park = memory_park,
    .end_read = memory_end_read,
    .begin_write = memory_begin_write,
    .commit = memory_commit,
    .abort = memory_abort,
    .sync = memory_sync,
    .store_create = memory_store_create,
    .store_drop = memory_store_drop,
    .get = memory_get,
    .get_many = memory_get_many,
    .put = memory_put,
    .append = memory_put,
    .delete = memory_delete,
    .delete_range = memory_delete_range,
    .cursor_open = memory_cursor_open,
    .cursor_close = memory_cursor_close,
    .seek = memory_seek,
    .seek_before = memory_seek_before,
    .next = memory_next,
    .prev = memory_prev,
    .stats = memory_stats,
    .compact = memory_compact,
    .backup = memory_backup,
};
