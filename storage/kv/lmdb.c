/*
 * The LMDB backend: every store is a named database "s" + eight hex digits. All of them are opened
 * with the environment or as they are made, because LMDB opens a handle only in a transaction that
 * nobody shares. What a commit promises about a power cut is in README.md, "LMDB and power cuts".
 */
#include "storage/kv/files.h"
#include "storage/kv/kv_internal.h"
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    STORES_MAX = 4096, /* LMDB allocates for so many in each transaction */
    READERS_MAX = 1024,
    IDLE_READERS_MAX = 64,
    TABLE_SLOTS = 2 * STORES_MAX,
    NAME_BYTES = 10,       /* "s%08x" */
    APPEND_HEAD_BYTES = 30 /* of the last key put, per store */
};
/* Address space, not memory: the file grows as it is written. So the map never has to move while
 * readers use it, which LMDB could not do. */
static const uint64_t MAP_BYTES = UINT64_C(1) << 40, MAP_BYTES_MIN = UINT64_C(1) << 28;
static const char dropped_name[] = "dropped";

/* A dropped store is emptied at once. Its name and handle go when no reader can be using them;
 * until then its id is in the database "dropped", which also survives a restart. */
struct lmdb_drop {
    uint32_t id;
    MDB_dbi dbi;
    size_t version; /* of the transaction that dropped it */
};

struct lmdb_drops {
    struct lmdb_drop *all;
    size_t count, capacity;
};

/* The beginning of the key that was put last, to recognise ascending puts. Only a hint: LMDB
 * checks. */
struct append_hint {
    uint8_t len,
        skip; /* skip: so many ascending keys are not worth trying, after one was not the last */
    char head[APPEND_HEAD_BYTES];
};

struct lmdb_read;

struct lmdb_write {
    struct kv_txn base;
    MDB_txn *txn;
    uint32_t *made; /* ids of stores made by this transaction */
    size_t made_count, made_capacity;
    struct lmdb_drops drops;
    bool has_lent; /* slices of this transaction are out, since its last write */
    struct buf key, value;
};

struct lmdb_kv {
    struct kv base;
    MDB_env *env;
    char *path;
    MDB_dbi dropped;
    bool power_cut_may_damage;
    _Atomic uint64_t *handles;     /* hash table of id << 32 | dbi; 0: free, 1: was removed */
    _Atomic uint64_t commit_count; /* readers renew when it has changed */
    _Atomic unsigned making;       /* odd: a commit that makes stores is under way */
    pthread_mutex_t making_lock;
    pthread_mutex_t readers_lock;
    struct lmdb_read *readers;
    struct lmdb_read *idle; /* ended ones, kept because LMDB's transactions are big (STORES_MAX) */
    unsigned idle_count;
    /* the writer's */
    struct lmdb_write write;
    struct lmdb_drops drops;
    struct append_hint *hints; /* by handle */
    bool has_unsynced;
};

struct lmdb_read {
    struct kv_txn base;
    MDB_txn *txn;
    bool is_live;               /* has a snapshot */
    _Atomic size_t version;     /* of the snapshot; 0: none */
    uint64_t commit_count;      /* of the kv, just before the snapshot was taken */
    uint64_t generation;        /* counts renewals; cursors compare */
    struct lmdb_read *previous; /* in kv->readers */
    struct lmdb_read *following;
};

struct lmdb_cursor {
    struct kv_cursor base;
    struct kv_txn *txn;
    struct kv_store store;
    MDB_cursor *at; /* NULL: the store is not in the snapshot */
    MDB_dbi dbi;
    uint64_t generation;
};

static struct lmdb_kv *kv_of(struct kv *kv)
{
    return (struct lmdb_kv *)(void *)kv;
}

static struct lmdb_write *write_of(struct kv_txn *txn)
{
    assert(txn->is_write);
    return (struct lmdb_write *)(void *)txn;
}

static struct lmdb_read *read_of(struct kv_txn *txn)
{
    assert(!txn->is_write);
    return (struct lmdb_read *)(void *)txn;
}

static MDB_txn *mdb_of(struct kv_txn *txn)
{
    return txn->is_write ? write_of(txn)->txn : read_of(txn)->txn;
}

static MDB_val val_of(struct slice bytes)
{
    MDB_val val = {.mv_size = bytes.len};

    memcpy(&val.mv_data, &bytes.data, sizeof val.mv_data); /* LMDB does not change it */
    return val;
}

static struct slice slice_of_val(const MDB_val *val)
{
    return slice_of(val->mv_data, val->mv_size);
}

static enum status status_of(int rc)
{
    switch (rc) {
    case MDB_SUCCESS:
        return ST_OK;
    case MDB_NOTFOUND:
        return ST_NOT_FOUND;
    case MDB_MAP_FULL:
    case ENOSPC:
    case EDQUOT:
        return ST_FULL;
    case MDB_TXN_FULL:
    case MDB_BAD_VALSIZE:
        return ST_TOO_BIG;
    case MDB_DBS_FULL:
    case MDB_READERS_FULL:
        return ST_LIMIT;
    case MDB_PAGE_NOTFOUND:
    case MDB_CORRUPTED:
    case MDB_PANIC:
    case MDB_INVALID:
    case MDB_VERSION_MISMATCH:
        return ST_CORRUPT;
    case ENOMEM:
        return ST_NO_MEMORY;
    case EACCES:
    case EROFS:
        return ST_READ_ONLY;
    case EINVAL:
    case MDB_BAD_TXN:
    case MDB_BAD_DBI:
    case MDB_INCOMPATIBLE:
        return ST_INTERNAL;
    default:
        return ST_IO;
    }
}

static enum status fail(struct lmdb_kv *kv, int rc, const char *doing, struct error *err)
{
    uint64_t free_bytes = 0;
    enum status st = status_of(rc);

    /* LMDB calls a short write, which is what a full disk gives, EIO. */
    if (rc == EIO && files_free_bytes(kv->path, &free_bytes) && free_bytes < (1u << 20))
        st = ST_FULL;
    return error_set(err, st, -1, "%s: %s failed: %s", kv->path, doing, mdb_strerror(rc));
}

/* LMDB's two ways to say that a handle is newer than the transaction: the store is not in its
 * snapshot. */
static bool is_too_young(int rc)
{
    return rc == EINVAL || rc == MDB_BAD_DBI;
}

/* ---- handles ---- */

static size_t handle_place(uint32_t id)
{
    return (id * UINT32_C(0x9E3779B1)) % TABLE_SLOTS;
}

static bool handle_find(struct lmdb_kv *kv, uint32_t id, MDB_dbi *out)
{
    size_t at = handle_place(id);

    for (size_t i = 0; i < TABLE_SLOTS; i++, at = (at + 1) % TABLE_SLOTS) {
        uint64_t entry = atomic_load_explicit(&kv->handles[at], memory_order_acquire);

        if (entry == 0)
            return false;
        if (entry >> 32 == id && entry != 1) {
            *out = (MDB_dbi)entry;
            return true;
        }
    }
    return false;
}

/* There are twice as many slots as LMDB has handles, so there is a free one. */
static void handle_add(struct lmdb_kv *kv, uint32_t id, MDB_dbi dbi)
{
    size_t at = handle_place(id);

    while (atomic_load_explicit(&kv->handles[at], memory_order_relaxed) > 1)
        at = (at + 1) % TABLE_SLOTS;
    atomic_store_explicit(&kv->handles[at], (uint64_t)id << 32 | dbi, memory_order_release);
}

static void handle_remove(struct lmdb_kv *kv, uint32_t id)
{
    size_t at = handle_place(id);

    for (size_t i = 0; i < TABLE_SLOTS; i++, at = (at + 1) % TABLE_SLOTS) {
        uint64_t entry = atomic_load_explicit(&kv->handles[at], memory_order_relaxed);

        if (entry == 0)
            return;
        if (entry >> 32 == id && entry != 1) {
            atomic_store_explicit(&kv->handles[at], 1, memory_order_release);
            return;
        }
    }
}

static void store_name(uint32_t id, char name[NAME_BYTES])
{
    snprintf(name, NAME_BYTES, "s%08x", (unsigned)id);
}

static bool parse_store_name(const MDB_val *name, uint32_t *id)
{
    const char *text = name->mv_data;

    if (name->mv_size != NAME_BYTES - 1 || text[0] != 's')
        return false;
    *id = 0;
    for (int i = 1; i < NAME_BYTES - 1; i++) {
        char c = text[i];

        if (c >= '0' && c <= '9')
            *id = *id << 4 | (uint32_t)(c - '0');
        else if (c >= 'a' && c <= 'f')
            *id = *id << 4 | (uint32_t)(c - 'a' + 10);
        else
            return false;
    }
    return true;
}

static bool add_drop(struct lmdb_drops *drops, struct lmdb_drop drop)
{
    if (drops->count == drops->capacity) {
        size_t capacity = drops->capacity == 0 ? 16 : drops->capacity * 2;
        struct lmdb_drop *all = realloc(drops->all, capacity * sizeof *all);

        if (all == NULL)
            return false;
        drops->all = all;
        drops->capacity = capacity;
    }
    drops->all[drops->count++] = drop;
    return true;
}

/* ---- open and close ---- */

/* Open every named database, in a transaction that is committed to share the handles. */
static int open_stores(struct lmdb_kv *kv, MDB_txn *txn)
{
    MDB_dbi main_dbi = 0;
    MDB_cursor *cursor = NULL;
    MDB_val key = {0};
    int rc = mdb_dbi_open(txn, NULL, 0, &main_dbi);

    if (rc == 0)
        rc = mdb_cursor_open(txn, main_dbi, &cursor);
    if (rc != 0)
        return rc;
    while ((rc = mdb_cursor_get(cursor, &key, NULL, MDB_NEXT)) == 0) {
        char name[NAME_BYTES];
        uint32_t id = 0;
        MDB_dbi dbi = 0;

        if (!parse_store_name(&key, &id))
            continue;
        store_name(id, name);
        rc = mdb_dbi_open(txn, name, 0, &dbi);
        if (rc != 0)
            break;
        handle_add(kv, id, dbi);
    }
    mdb_cursor_close(cursor);
    return rc == MDB_NOTFOUND ? 0 : rc;
}

static int read_drops(struct lmdb_kv *kv, MDB_txn *txn)
{
    MDB_cursor *cursor = NULL;
    MDB_val key = {0};
    int rc = mdb_cursor_open(txn, kv->dropped, &cursor);

    if (rc != 0)
        return rc;
    while ((rc = mdb_cursor_get(cursor, &key, NULL, MDB_NEXT)) == 0) {
        struct slice bytes = slice_of_val(&key);
        struct lmdb_drop drop = {0};

        if (read_u32_be(&bytes, &drop.id) && handle_find(kv, drop.id, &drop.dbi) &&
            !add_drop(&kv->drops, drop)) {
            rc = ENOMEM;
            break;
        }
    }
    mdb_cursor_close(cursor);
    return rc == MDB_NOTFOUND ? 0 : rc;
}

static int open_handles(struct lmdb_kv *kv, bool read_only)
{
    MDB_txn *txn = NULL;
    bool is_new = false;
    int rc = mdb_txn_begin(kv->env, NULL, MDB_RDONLY, &txn);

    if (rc != 0)
        return rc;
    rc = mdb_dbi_open(txn, dropped_name, 0, &kv->dropped);
    if (rc == MDB_NOTFOUND && !read_only) {
        is_new = true;
        mdb_txn_abort(txn);
        txn = NULL;
        rc = mdb_txn_begin(kv->env, NULL, 0, &txn);
        if (rc == 0)
            rc = mdb_dbi_open(txn, dropped_name, MDB_CREATE, &kv->dropped);
    }
    if (rc == 0)
        rc = open_stores(kv, txn);
    if (rc == 0 && !is_new && !read_only)
        rc = read_drops(kv, txn);
    if (rc == 0)
        return mdb_txn_commit(txn);
    mdb_txn_abort(txn);
    return rc;
}

static int open_env(struct lmdb_kv *kv, uint64_t map_bytes, bool read_only)
{
    unsigned flags = MDB_NOTLS | MDB_NORDAHEAD;
    int rc = mdb_env_create(&kv->env);

    /* Nobody writes while somebody reads only (files_lock), so these readers need no lock file. */
    if (read_only)
        flags |= MDB_RDONLY | MDB_NOLOCK;
    if (rc == 0)
        rc = mdb_env_set_mapsize(kv->env, map_bytes);
    if (rc == 0)
        rc = mdb_env_set_maxdbs(kv->env, STORES_MAX + 1);
    if (rc == 0)
        rc = mdb_env_set_maxreaders(kv->env, READERS_MAX);
    if (rc == 0)
        rc = mdb_env_open(kv->env, kv->path, flags, 0666);
    if (rc != 0) {
        mdb_env_close(kv->env);
        kv->env = NULL;
    }
    return rc;
}

static void lmdb_close(struct kv *base)
{
    struct lmdb_kv *kv = kv_of(base);

    assert(kv->readers == NULL);
    while (kv->idle != NULL) {
        struct lmdb_read *txn = kv->idle;

        kv->idle = txn->following;
        mdb_txn_abort(txn->txn);
        free(txn);
    }
    if (kv->env != NULL)
        mdb_env_close(kv->env);
    pthread_mutex_destroy(&kv->making_lock);
    pthread_mutex_destroy(&kv->readers_lock);
    buf_free(&kv->write.key);
    buf_free(&kv->write.value);
    free(kv->write.made);
    free(kv->write.drops.all);
    free(kv->drops.all);
    free(kv->handles);
    free(kv->hints);
    free(kv->path);
    free(kv);
}

static struct lmdb_kv *new_kv(const char *path)
{
    struct lmdb_kv *kv = calloc(1, sizeof *kv);

    if (kv == NULL)
        return NULL;
    pthread_mutex_init(&kv->making_lock, NULL);
    pthread_mutex_init(&kv->readers_lock, NULL);
    kv->path = strdup(path);
    kv->handles = calloc(TABLE_SLOTS, sizeof *kv->handles);
    kv->hints = calloc(STORES_MAX + 8, sizeof *kv->hints);
    if (kv->path == NULL || kv->handles == NULL || kv->hints == NULL) {
        lmdb_close(&kv->base);
        return NULL;
    }
    return kv;
}

static enum status lmdb_open(const char *path, const struct kv_options *options, struct kv **out,
                             struct error *err)
{
    uint64_t map_bytes = options->map_bytes > MAP_BYTES ? options->map_bytes : MAP_BYTES;
    uint64_t map_bytes_min =
        options->map_bytes > MAP_BYTES_MIN ? options->map_bytes : MAP_BYTES_MIN;
    bool is_new = !files_exist(path, "data.mdb");
    struct lmdb_kv *kv = new_kv(path);
    enum status st = ST_OK;
    int rc = 0, dead = 0;

    if (kv == NULL)
        return error_set(err, ST_NO_MEMORY, -1, "out of memory");
    kv->power_cut_may_damage = options->power_cut_may_damage;
    /* A limit on address space is the one reason to make do with less. */
    while ((rc = open_env(kv, map_bytes, options->read_only)) == ENOMEM &&
           map_bytes > map_bytes_min)
        map_bytes /= 2;
    if (rc != 0) {
        st = fail(kv, rc, "opening", err);
        goto out;
    }
    if (!options->read_only)
        mdb_reader_check(kv->env, &dead);
    rc = open_handles(kv, options->read_only);
    if (rc != 0) {
        st = fail(kv, rc, "opening the stores", err);
        goto out;
    }
    if (is_new)
        st = files_sync_directory(path, err);
out:
    if (st == ST_OK)
        *out = &kv->base;
    else
        lmdb_close(&kv->base);
    return st;
}

/* ---- read transactions ---- */

static enum status lmdb_renew(struct kv_txn *base)
{
    struct lmdb_read *txn = (struct lmdb_read *)(void *)base;
    struct lmdb_kv *kv = kv_of(base->kv);
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
            return status_of(rc);
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

static void lmdb_park(struct kv_txn *base)
{
    struct lmdb_read *txn = read_of(base);

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
        fail(kv, rc, "beginning to read", err);
        free(txn);
        return NULL;
    }
    mdb_txn_reset(txn->txn);
    return txn;
}

static enum status lmdb_begin_read(struct kv *base, struct kv_txn **out, struct error *err)
{
    struct lmdb_kv *kv = kv_of(base);
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

static void lmdb_end_read(struct kv_txn *base)
{
    struct lmdb_read *txn = read_of(base);
    struct lmdb_kv *kv = kv_of(base->kv);
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
        if (!handle_find(kv, drop.id, &drop.dbi))
            continue; /* it was dropped twice */
        handle_remove(kv, drop.id);
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

static enum status lmdb_begin_write(struct kv *base, struct kv_txn **out, struct error *err)
{
    struct lmdb_kv *kv = kv_of(base);
    int rc = kv->drops.count == 0 ? 0 : unname_drops(kv);

    if (rc != 0)
        return fail(kv, rc, "removing dropped stores", err);
    rc = mdb_txn_begin(kv->env, NULL, 0, &kv->write.txn);
    if (rc != 0)
        return fail(kv, rc, "beginning to write", err);
    kv->write.made_count = 0;
    kv->write.drops.count = 0;
    kv->write.has_lent = false;
    *out = &kv->write.base;
    return ST_OK;
}

static void lmdb_abort(struct kv_txn *base)
{
    struct lmdb_kv *kv = kv_of(base->kv);

    mdb_txn_abort(kv->write.txn); /* closes the handles it made */
    for (size_t i = 0; i < kv->write.made_count; i++)
        handle_remove(kv, kv->write.made[i]);
}

static enum status lmdb_commit(struct kv_txn *base, bool sync, struct error *err)
{
    struct lmdb_kv *kv = kv_of(base->kv);
    struct lmdb_write *txn = write_of(base);
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
            handle_remove(kv, txn->made[i]);
        return fail(kv, rc, "committing", err);
    }
    atomic_fetch_add_explicit(&kv->commit_count, 1, memory_order_release);
    for (size_t i = 0; i < txn->drops.count; i++)
        add_drop(&kv->drops, txn->drops.all[i]); /* without memory it waits for the next opening */
    /* A transaction without changes writes nothing, so it synced nothing either. */
    if (sync && kv->has_unsynced && base->change_count == 0) {
        rc = mdb_env_sync(kv->env, 1);
        if (rc != 0)
            return fail(kv, rc, "syncing", err);
    }
    kv->has_unsynced = !sync;
    return ST_OK;
}

static enum status lmdb_sync(struct kv *base, struct error *err)
{
    struct lmdb_kv *kv = kv_of(base);
    int rc = mdb_env_sync(kv->env, 1);

    return rc == 0 ? ST_OK : fail(kv, rc, "syncing", err);
}

/* ---- stores and points ---- */

static int make_store(struct lmdb_write *txn, uint32_t id, MDB_dbi *out)
{
    struct lmdb_kv *kv = kv_of(txn->base.kv);
    char name[NAME_BYTES];
    int rc = 0;

    if (txn->made_count == txn->made_capacity) {
        size_t capacity = txn->made_capacity == 0 ? 16 : txn->made_capacity * 2;
        uint32_t *made = realloc(txn->made, capacity * sizeof *made);

        if (made == NULL)
            return ENOMEM;
        txn->made = made;
        txn->made_capacity = capacity;
    }
    store_name(id, name);
    rc = mdb_dbi_open(txn->txn, name, MDB_CREATE, out);
    if (rc == 0) {
        txn->made[txn->made_count++] = id;
        handle_add(kv, id, *out);
        memset(&kv->hints[*out], 0, sizeof kv->hints[*out]);
    }
    return rc;
}

/* The handle to write with. */
static int dbi_for_write(struct lmdb_write *txn, uint32_t id, MDB_dbi *out)
{
    return handle_find(kv_of(txn->base.kv), id, out) ? 0 : make_store(txn, id, out);
}

static enum status lmdb_store_create(struct kv_txn *base, struct kv_store store)
{
    MDB_dbi dbi = 0;

    return status_of(dbi_for_write(write_of(base), store.id, &dbi));
}

static enum status lmdb_store_drop(struct kv_txn *base, struct kv_store store)
{
    struct lmdb_write *txn = write_of(base);
    struct lmdb_kv *kv = kv_of(base->kv);
    struct lmdb_drop drop = {.id = store.id, .version = mdb_txn_id(txn->txn)};
    char bytes[4] = {(char)(store.id >> 24), (char)(store.id >> 16), (char)(store.id >> 8),
                     (char)store.id};
    MDB_val key = {sizeof bytes, bytes}, nothing = {0};
    int rc = 0;

    if (!handle_find(kv, store.id, &drop.dbi))
        return ST_OK;
    rc = mdb_drop(txn->txn, drop.dbi, 0);
    if (rc == 0)
        rc = mdb_put(txn->txn, kv->dropped, &key, &nothing, 0);
    if (rc != 0)
        return status_of(rc);
    return add_drop(&txn->drops, drop) ? ST_OK : ST_NO_MEMORY;
}

static enum status lmdb_get(struct kv_txn *base, struct kv_store store, struct slice key,
                            struct slice *out)
{
    MDB_dbi dbi = 0;
    MDB_val k = val_of(key), v = {0};
    int rc = 0;

    if (!handle_find(kv_of(base->kv), store.id, &dbi))
        return ST_NOT_FOUND;
    if (base->is_write)
        write_of(base)->has_lent = true;
    rc = mdb_get(mdb_of(base), dbi, &k, &v);
    if (is_too_young(rc) && !base->is_write)
        return ST_NOT_FOUND;
    if (rc != 0)
        return status_of(rc);
    *out = slice_of_val(&v);
    return ST_OK;
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
    struct append_hint *hint = &kv_of(txn->base.kv)->hints[dbi];
    bool ascends = is_promised || is_ascending(hint, key);
    MDB_val k = val_of(key), v = val_of(value);
    int rc = MDB_KEYEXIST;

    if (ascends && (is_promised || hint->skip == 0)) {
        rc = mdb_put(txn->txn, dbi, &k, &v, MDB_APPEND);
        if (rc == MDB_KEYEXIST)
            hint->skip = 32;
    } else if (hint->skip > 0) {
        hint->skip--;
    }
    if (rc == MDB_KEYEXIST) {
        v = val_of(value);
        rc = mdb_put(txn->txn, dbi, &k, &v, 0);
    }
    hint->len = (uint8_t)(key.len < APPEND_HEAD_BYTES ? key.len : APPEND_HEAD_BYTES);
    memcpy(hint->head, key.data, hint->len);
    return rc;
}

static enum status write_value(struct kv_txn *base, struct kv_store store, struct slice key,
                               struct slice value, bool is_promised)
{
    struct lmdb_write *txn = write_of(base);
    MDB_dbi dbi = 0;
    int rc = dbi_for_write(txn, store.id, &dbi);

    if (rc != 0)
        return status_of(rc);
    if (!own(txn, &txn->key, &key) || !own(txn, &txn->value, &value))
        return ST_NO_MEMORY;
    txn->has_lent = false;
    return status_of(put_somewhere(txn, dbi, key, value, is_promised));
}

static enum status lmdb_put(struct kv_txn *txn, struct kv_store store, struct slice key,
                            struct slice value)
{
    return write_value(txn, store, key, value, false);
}

static enum status lmdb_append(struct kv_txn *txn, struct kv_store store, struct slice key,
                               struct slice value)
{
    return write_value(txn, store, key, value, true);
}

static enum status lmdb_delete(struct kv_txn *base, struct kv_store store, struct slice key)
{
    struct lmdb_write *txn = write_of(base);
    MDB_dbi dbi = 0;
    MDB_val k = {0};
    int rc = 0;

    if (!handle_find(kv_of(base->kv), store.id, &dbi))
        return ST_OK;
    if (!own(txn, &txn->key, &key))
        return ST_NO_MEMORY;
    txn->has_lent = false;
    k = val_of(key);
    rc = mdb_del(txn->txn, dbi, &k, NULL);
    return rc == MDB_NOTFOUND ? ST_OK : status_of(rc);
}

static enum status lmdb_delete_range(struct kv_txn *base, struct kv_store store, struct slice from,
                                     struct slice to)
{
    struct lmdb_write *txn = write_of(base);
    MDB_cursor *cursor = NULL;
    MDB_dbi dbi = 0;
    MDB_val k = {0}, v = {0};
    int rc = 0;

    if (!handle_find(kv_of(base->kv), store.id, &dbi))
        return ST_OK;
    if (from.len == 0 && to.len == 0)
        return status_of(mdb_drop(txn->txn, dbi, 0));
    if (!own(txn, &txn->key, &from) || !own(txn, &txn->value, &to))
        return ST_NO_MEMORY;
    txn->has_lent = false;
    rc = mdb_cursor_open(txn->txn, dbi, &cursor);
    if (rc != 0)
        return status_of(rc);
    k = val_of(from);
    rc = mdb_cursor_get(cursor, &k, &v, from.len == 0 ? MDB_FIRST : MDB_SET_RANGE);
    while (rc == 0 && (to.len == 0 || slice_compare(slice_of_val(&k), to) < 0)) {
        rc = mdb_cursor_del(cursor, 0);
        if (rc == 0)
            rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT);
    }
    mdb_cursor_close(cursor);
    return rc == MDB_NOTFOUND ? ST_OK : status_of(rc);
}

/* ---- cursors ---- */

static enum status lmdb_cursor_open(struct kv_txn *txn, struct kv_store store,
                                    struct kv_cursor **out)
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

static void lmdb_cursor_close(struct kv_cursor *base)
{
    struct lmdb_cursor *cursor = (struct lmdb_cursor *)(void *)base;

    if (cursor->at != NULL)
        mdb_cursor_close(cursor->at);
    free(cursor);
}

/* Bind LMDB's cursor to the snapshot of now. ST_DONE: the store is not in it. */
static enum status bind(struct lmdb_cursor *cursor)
{
    uint64_t generation = cursor->txn->is_write ? 0 : read_of(cursor->txn)->generation;
    MDB_txn *txn = mdb_of(cursor->txn);
    MDB_dbi dbi = 0;
    int rc = 0;

    if (cursor->at != NULL && cursor->generation == generation)
        return ST_OK;
    if (!handle_find(kv_of(cursor->txn->kv), cursor->store.id, &dbi))
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
    return status_of(rc);
}

static inline enum status show(struct lmdb_cursor *cursor, int rc, const MDB_val *key,
                               const MDB_val *value)
{
    if (rc != 0)
        return rc == MDB_NOTFOUND ? ST_DONE : status_of(rc);
    cursor->base.position.key = slice_of_val(key);
    cursor->base.position.value = slice_of_val(value);
    return ST_OK;
}

static enum status lmdb_seek(struct kv_cursor *base, struct slice at_least)
{
    struct lmdb_cursor *cursor = (struct lmdb_cursor *)(void *)base;
    MDB_val key = val_of(at_least), value = {0};
    int rc = 0;

    TRY(bind(cursor));
    if (cursor->txn->is_write)
        write_of(cursor->txn)->has_lent = true;
    rc = mdb_cursor_get(cursor->at, &key, &value, at_least.len == 0 ? MDB_FIRST : MDB_SET_RANGE);
    return show(cursor, rc, &key, &value);
}

static enum status lmdb_seek_before(struct kv_cursor *base, struct slice before)
{
    struct lmdb_cursor *cursor = (struct lmdb_cursor *)(void *)base;
    MDB_val key = val_of(before), value = {0};
    int rc = MDB_NOTFOUND;

    TRY(bind(cursor));
    if (cursor->txn->is_write)
        write_of(cursor->txn)->has_lent = true;
    if (before.len != 0)
        rc = mdb_cursor_get(cursor->at, &key, &value, MDB_SET_RANGE);
    if (rc == 0)
        rc = mdb_cursor_get(cursor->at, &key, &value, MDB_PREV);
    else if (rc == MDB_NOTFOUND)
        rc = mdb_cursor_get(cursor->at, &key, &value, MDB_LAST);
    return show(cursor, rc, &key, &value);
}

static enum status lmdb_next(struct kv_cursor *base)
{
    struct lmdb_cursor *cursor = (struct lmdb_cursor *)(void *)base;
    MDB_val key, value;

    return show(cursor, mdb_cursor_get(cursor->at, &key, &value, MDB_NEXT), &key, &value);
}

static enum status lmdb_prev(struct kv_cursor *base)
{
    struct lmdb_cursor *cursor = (struct lmdb_cursor *)(void *)base;
    MDB_val key, value;

    return show(cursor, mdb_cursor_get(cursor->at, &key, &value, MDB_PREV), &key, &value);
}

/* Neighbouring keys share pages: LMDB's cursor looks at the page it stands on before it searches.
 */
static enum status lmdb_get_many(struct kv_txn *base, struct kv_store store, size_t count,
                                 const struct slice *keys, struct slice *values)
{
    MDB_cursor *cursor = NULL;
    MDB_dbi dbi = 0;
    int rc = 0;

    memset(values, 0, count * sizeof *values);
    if (!handle_find(kv_of(base->kv), store.id, &dbi))
        return ST_OK;
    if (base->is_write)
        write_of(base)->has_lent = true;
    rc = mdb_cursor_open(mdb_of(base), dbi, &cursor);
    if (rc != 0)
        return is_too_young(rc) ? ST_OK : status_of(rc);
    for (size_t i = 0; i < count && (rc == 0 || rc == MDB_NOTFOUND); i++) {
        MDB_val key = val_of(keys[i]), value = {0};

        rc = mdb_cursor_get(cursor, &key, &value, MDB_SET_KEY);
        if (rc == 0)
            values[i] = slice_of_val(&value);
    }
    mdb_cursor_close(cursor);
    return rc == MDB_NOTFOUND ? ST_OK : status_of(rc);
}

/* ---- the rest ---- */

static enum status lmdb_stats(struct kv *kv, struct kv_stats *out)
{
    (void)kv, (void)out;
    return ST_OK;
}

/* LMDB reuses free pages but never gives them back; a compacted file is what kv_backup writes. */
static enum status lmdb_compact(struct kv *kv, struct error *err)
{
    (void)kv, (void)err;
    return ST_OK;
}

static enum status sync_file(const char *directory, const char *name, struct error *err)
{
    char *path = files_join(directory, name);
    int fd = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);
    enum status st = ST_OK;

    if (fd < 0 || fsync(fd) != 0)
        st = error_set(err, ST_IO, -1, "%s/%s: %s", directory, name, strerror(errno));
    if (fd >= 0)
        close(fd);
    free(path);
    return st;
}

static enum status lmdb_backup(struct kv *base, const char *path, struct error *err)
{
    struct lmdb_kv *kv = kv_of(base);
    int rc = 0;

    TRY(files_make_directory(path, err));
    rc = mdb_env_copy2(kv->env, path, MDB_CP_COMPACT);
    if (rc != 0)
        return fail(kv, rc, "copying", err);
    TRY(sync_file(path, "data.mdb", err));
    return files_sync_directory(path, err);
}

const struct kv_backend kv_backend_lmdb = {
    .name = "lmdb",
    .open = lmdb_open,
    .close = lmdb_close,
    .begin_read = lmdb_begin_read,
    .renew = lmdb_renew,
    .park = lmdb_park,
    .end_read = lmdb_end_read,
    .begin_write = lmdb_begin_write,
    .commit = lmdb_commit,
    .abort = lmdb_abort,
    .sync = lmdb_sync,
    .store_create = lmdb_store_create,
    .store_drop = lmdb_store_drop,
    .get = lmdb_get,
    .get_many = lmdb_get_many,
    .put = lmdb_put,
    .append = lmdb_append,
    .delete = lmdb_delete,
    .delete_range = lmdb_delete_range,
    .cursor_open = lmdb_cursor_open,
    .cursor_close = lmdb_cursor_close,
    .seek = lmdb_seek,
    .seek_before = lmdb_seek_before,
    .next = lmdb_next,
    .prev = lmdb_prev,
    .stats = lmdb_stats,
    .compact = lmdb_compact,
    .backup = lmdb_backup,
};
