/* The LMDB backend: handles, opening and closing, and what is neither reading nor writing. */
#include "storage/kv/files.h"
#include "storage/kv/lmdb_internal.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { READERS_MAX = 1024, TABLE_SLOTS = 2 * STORES_MAX };
/* Address space, not memory: the file grows as it is written. So the map never has to move while
 * readers use it, which LMDB could not do. */
static const uint64_t MAP_BYTES = UINT64_C(1) << 40, MAP_BYTES_MIN = UINT64_C(1) << 28;
static const char dropped_name[] = "dropped";

enum status lmdb_status(int rc)
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

enum status lmdb_fail(struct lmdb_kv *kv, int rc, const char *doing, struct error *err)
{
    uint64_t free_bytes = 0;
    enum status st = lmdb_status(rc);

    /* LMDB calls a short write, which is what a full disk gives, EIO. */
    if (rc == EIO && files_free_bytes(kv->path, &free_bytes) && free_bytes < (1u << 20))
        st = ST_FULL;
    return error_set(err, st, -1, "%s: %s failed: %s", kv->path, doing, mdb_strerror(rc));
}

/* ---- handles ---- */

static size_t handle_place(uint32_t id)
{
    return (id * UINT32_C(0x9E3779B1)) % TABLE_SLOTS;
}

bool lmdb_handle_find(struct lmdb_kv *kv, uint32_t id, MDB_dbi *out)
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
void lmdb_handle_add(struct lmdb_kv *kv, uint32_t id, MDB_dbi dbi)
{
    size_t at = handle_place(id);

    while (atomic_load_explicit(&kv->handles[at], memory_order_relaxed) > 1)
        at = (at + 1) % TABLE_SLOTS;
    atomic_store_explicit(&kv->handles[at], (uint64_t)id << 32 | dbi, memory_order_release);
}

void lmdb_handle_remove(struct lmdb_kv *kv, uint32_t id)
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

void lmdb_store_name(uint32_t id, char name[STORE_NAME_BYTES])
{
    snprintf(name, STORE_NAME_BYTES, "s%08x", (unsigned)id);
}

static bool parse_store_name(const MDB_val *name, uint32_t *id)
{
    const char *text = name->mv_data;

    if (name->mv_size != STORE_NAME_BYTES - 1 || text[0] != 's')
        return false;
    *id = 0;
    for (int i = 1; i < STORE_NAME_BYTES - 1; i++) {
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

bool lmdb_add_drop(struct lmdb_drops *drops, struct lmdb_drop drop)
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
        char name[STORE_NAME_BYTES];
        uint32_t id = 0;
        MDB_dbi dbi = 0;

        if (!parse_store_name(&key, &id))
            continue;
        lmdb_store_name(id, name);
        rc = mdb_dbi_open(txn, name, 0, &dbi);
        if (rc != 0)
            break;
        lmdb_handle_add(kv, id, dbi);
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
        struct slice bytes = lmdb_slice(&key);
        struct lmdb_drop drop = {0};

        if (read_u32_be(&bytes, &drop.id) && lmdb_handle_find(kv, drop.id, &drop.dbi) &&
            !lmdb_add_drop(&kv->drops, drop)) {
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
    if (rc == MDB_NOTFOUND && read_only) {
        rc = 0; /* its making was cut short: it is empty */
    } else if (rc == MDB_NOTFOUND) {
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
    if (rc == 0) {
        kv->page_bytes = lmdb_page_bytes(kv->env);
        lmdb_checked_open(kv);
    } else {
        mdb_env_close(kv->env);
        kv->env = NULL;
    }
    return rc;
}

/* Reading a mapped page beyond the end of the file would end the process. Pages that were given out
 * and freed again before they were written may lie there in a file that is whole, so it is
 * lengthened; what was cut off reads as zeros, which no page of a tree is. */
static enum status ensure_length(struct lmdb_kv *kv, bool read_only, struct error *err)
{
    MDB_envinfo info;
    MDB_stat pages;
    struct stat stat_of;
    mdb_filehandle_t fd;
    off_t needed;

    if (mdb_env_info(kv->env, &info) != 0 || mdb_env_stat(kv->env, &pages) != 0 ||
        mdb_env_get_fd(kv->env, &fd) != 0 || fstat(fd, &stat_of) != 0)
        return error_set(err, ST_IO, -1, "%s: the length of the file is not known", kv->path);
    needed = (off_t)(info.me_last_pgno + 1) * (off_t)pages.ms_psize;
    if (stat_of.st_size >= needed)
        return ST_OK;
    if ((uint64_t)needed > info.me_mapsize)
        return error_set(err, ST_CORRUPT, -1, "%s: the number of pages is damaged", kv->path);
    if (read_only)
        return error_set(err, ST_CORRUPT, -1, "%s: the file has %lld bytes, its pages need %lld",
                         kv->path, (long long)stat_of.st_size, (long long)needed);
    if (ftruncate(fd, needed) != 0)
        return error_set(err, errno == ENOSPC ? ST_FULL : ST_IO, -1, "%s: %s", kv->path,
                         strerror(errno));
    return ST_OK;
}

static void lmdb_close(struct kv *base)
{
    struct lmdb_kv *kv = lmdb_of(base);

    assert(kv->readers == NULL);
    lmdb_free_idle(kv);
    if (kv->env != NULL)
        mdb_env_close(kv->env);
    lmdb_checked_close(kv);
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
    /* Little address space: ENOMEM; none of that size under valgrind: EINVAL. */
    while ((rc = open_env(kv, map_bytes, options->read_only)) != 0 &&
           (rc == ENOMEM || rc == EINVAL) && map_bytes > map_bytes_min)
        map_bytes /= 2;
    if (rc != 0) {
        st = lmdb_fail(kv, rc, "opening", err);
        goto out;
    }
    TRY_OUT(ensure_length(kv, options->read_only, err));
    if (!options->read_only)
        mdb_reader_check(kv->env, &dead);
    rc = open_handles(kv, options->read_only);
    if (rc != 0) {
        st = lmdb_fail(kv, rc, "opening the stores", err);
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
    struct lmdb_kv *kv = lmdb_of(base);
    int rc = 0;

    TRY(files_make_directory(path, err));
    rc = mdb_env_copy2(kv->env, path, MDB_CP_COMPACT);
    if (rc != 0)
        return lmdb_fail(kv, rc, "copying", err);
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
    .run = lmdb_run,
    .prev = lmdb_prev,
    .stats = lmdb_stats,
    .compact = lmdb_compact,
    .backup = lmdb_backup,
};
