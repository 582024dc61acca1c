/* The part of kv that is the same for every backend: open, dispatch, the one writer, the latch. */
#include "storage/kv/files.h"
#include "storage/kv/journaled.h"
#include "storage/kv/kv_internal.h"
#include "storage/kv/layers.h"
#include <assert.h>
#include <stdlib.h>

enum { FREE_BYTES_MIN_DEFAULT = 64 << 20, SPACE_CHECK_BYTES = 1 << 20 };
static const uint64_t SPACE_CHECK_NS = 100u * 1000 * 1000;

/* ---- open and close ---- */

static const struct kv_backend *const backends[] = {&kv_backend_rocksdb, &kv_backend_lmdb,
                                                    &kv_backend_memory};

static const struct kv_backend *find_backend(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(backends); i++) {
        if (strcmp(backends[i]->name, name) == 0)
            return backends[i];
    }
    return NULL;
}

const char *kv_detect(const char *path)
{
    if (path[0] == '\0')
        return NULL;
    if (files_exist(path, "data.mdb"))
        return kv_backend_lmdb.name;
    if (files_exist(path, "CURRENT"))
        return kv_backend_rocksdb.name;
    return NULL;
}

/* The backend to open `path` with, when the options and what already lives there agree. */
static enum status choose_backend(const char *path, const struct kv_options *options,
                                  const struct kv_backend **out, struct error *err)
{
    const char *present = kv_detect(path);
    const char *name = options->backend;

    if (name == NULL)
        name = path[0] == '\0'   ? kv_backend_memory.name
               : present != NULL ? present
                                 : kv_backend_rocksdb.name;
    *out = find_backend(name);
    if (*out == NULL)
        return error_set(err, ST_INVALID, -1, "no storage backend is named \"%s\"", name);
    if (*out == &kv_backend_memory)
        return ST_OK;
    if (path[0] == '\0')
        return error_set(err, ST_INVALID, -1, "a %s database needs a directory", name);
    if (present != NULL && strcmp(present, name) != 0)
        return error_set(err, ST_INVALID, -1, "%s holds a %s database, not %s", path, present,
                         name);
    if (present == NULL && (!options->create || options->read_only))
        return error_set(err, ST_NOT_FOUND, -1, "there is no database in %s", path);
    return ST_OK;
}

enum status kv_init_shared(struct kv *kv, const struct kv_backend *backend, const char *path,
                           const struct kv_options *options)
{
    pthread_mutexattr_t attributes;

    kv->backend = backend;
    kv->is_read_only = options->read_only;
    kv->space.free_bytes_min =
        options->free_bytes_min != 0 ? options->free_bytes_min : FREE_BYTES_MIN_DEFAULT;
    /* A thread that begins a second write transaction gets an error, not a deadlock. */
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK);
    pthread_mutex_init(&kv->writer, &attributes);
    pthread_mutexattr_destroy(&attributes);
    pthread_mutex_init(&kv->latch.lock, NULL);
    if (path != NULL) {
        kv->path = strdup(path);
        if (kv->path == NULL)
            return ST_NO_MEMORY;
    }
    return ST_OK;
}

enum status kv_open(const char *path, const struct kv_options *options, struct kv **out,
                    struct error *err)
{
    enum status st = ST_OK;
    const struct kv_backend *backend = NULL;
    struct kv *kv = NULL;
    int lock_fd = -1;

    *out = NULL;
    st = FAILPOINT("kv.open");
    if (st != ST_OK)
        return error_set(err, st, -1, "opening failed on purpose");
    TRY(choose_backend(path, options, &backend, err));
    if (backend != &kv_backend_memory) {
        if (options->create && !options->read_only)
            TRY(files_make_directory(path, err));
        TRY(files_lock(path, options->read_only, &lock_fd, err));
    }
    st = backend->open(path, options, &kv, err);
    if (st != ST_OK) {
        files_unlock(lock_fd);
        return st;
    }
    kv->lock_fd = lock_fd;
    st = kv_init_shared(kv, backend, backend == &kv_backend_memory ? NULL : path, options);
    if (st != ST_OK) {
        kv_close(kv);
        return error_set(err, st, -1, "out of memory");
    }
    if (kv->path != NULL) {
        st = journaled_open(kv, options, err);
        if (st != ST_OK) {
            kv_close(kv);
            return st;
        }
    }
    *out = kv;
    return ST_OK;
}

void kv_close(struct kv *kv)
{
    int lock_fd = 0;

    if (kv == NULL)
        return;
    journaled_close(kv);
    lock_fd = kv->lock_fd;
    pthread_mutex_destroy(&kv->writer);
    pthread_mutex_destroy(&kv->latch.lock);
    free(kv->path);
    kv->backend->close(kv);
    files_unlock(lock_fd);
}

const char *kv_backend_name(const struct kv *kv)
{
    return kv->backend->name;
}

/* ---- the latch ---- */

enum status kv_latch(struct kv *kv, enum status status, const struct error *why)
{
    pthread_mutex_lock(&kv->latch.lock);
    if (!atomic_load_explicit(&kv->latch.is_set, memory_order_relaxed)) {
        kv->latch.reason.status = status;
        kv->latch.reason.offset = -1;
        memcpy(kv->latch.reason.message, why->message, sizeof why->message);
        atomic_store_explicit(&kv->latch.is_set, true, memory_order_release);
    }
    pthread_mutex_unlock(&kv->latch.lock);
    return status;
}

static enum status check_latch(struct kv *kv, struct error *err)
{
    enum status st = ST_OK;

    if (!atomic_load_explicit(&kv->latch.is_set, memory_order_acquire))
        return ST_OK;
    pthread_mutex_lock(&kv->latch.lock);
    st = error_set(err, ST_IO, -1, "writing stopped until the database is opened again: %s",
                   error_message(&kv->latch.reason));
    pthread_mutex_unlock(&kv->latch.lock);
    return st;
}

void kv_unlatch(struct kv *kv)
{
    pthread_mutex_lock(&kv->latch.lock);
    atomic_store_explicit(&kv->latch.is_set, false, memory_order_release);
    error_clear(&kv->latch.reason);
    pthread_mutex_unlock(&kv->latch.lock);
}

/* ---- free space ---- */

/* A full disk is noticed here, before anything is written: what the libraries do when a write in
 * the middle of a commit meets ENOSPC ranges from EIO to abort(). Called under the writer lock. */
static enum status check_space(struct kv *kv, uint64_t coming_bytes, struct error *err)
{
    uint64_t now = 0, free_bytes = 0;

    if (kv->path == NULL)
        return ST_OK;
    now = clock_monotonic_ns();
    kv->space.unchecked_bytes += coming_bytes;
    if (kv->space.checked_ns != 0 && kv->space.unchecked_bytes < SPACE_CHECK_BYTES &&
        now - kv->space.checked_ns < SPACE_CHECK_NS)
        return ST_OK;
    if (!files_free_bytes(kv->path, &free_bytes))
        return ST_OK; /* a file system that cannot say has to fail by itself */
    if (free_bytes < kv->space.free_bytes_min ||
        free_bytes - kv->space.free_bytes_min < coming_bytes)
        return error_set(
            err, ST_FULL, -1, "the file system of %s has %llu bytes left, of which %llu stay free",
            kv->path, (unsigned long long)free_bytes, (unsigned long long)kv->space.free_bytes_min);
    kv->space.checked_ns = now;
    kv->space.unchecked_bytes = 0;
    return ST_OK;
}

/* ---- transactions ---- */

void kv_adopt(struct kv *kv, struct kv_txn *txn, bool is_write)
{
    txn->backend = kv->backend;
    txn->kv = kv;
    txn->cursors = NULL;
    txn->is_write = is_write;
    txn->is_parked = false;
    txn->failed = ST_OK;
    txn->change_count = 0;
    txn->written_bytes = 0;
    txn->view = NULL;
}

enum status kv_begin_read(struct kv *kv, struct kv_txn **out, struct error *err)
{
    enum status st;

    TRY(kv->backend->begin_read(kv, out, err));
    kv_adopt(kv, *out, false);
    if (kv->layers == NULL)
        return ST_OK;
    st = layers_renew(*out);
    if (st != ST_OK) {
        kv_end_read(*out);
        *out = NULL;
        return error_set(err, st, -1, "no snapshot: %s", status_text(st));
    }
    return ST_OK;
}

static enum status step_unpositioned(struct kv_cursor *cursor)
{
    (void)cursor;
    return ST_DONE;
}

static void unposition(struct kv_cursor *cursor)
{
    cursor->next = step_unpositioned;
    cursor->prev = step_unpositioned;
    cursor->position = (struct kv_position){0};
}

enum status kv_renew(struct kv_txn *txn)
{
    assert(!txn->is_write);
    for (struct kv_cursor *cursor = txn->cursors; cursor != NULL; cursor = cursor->older)
        unposition(cursor);
    TRY(txn->kv->layers != NULL ? layers_renew(txn) : txn->backend->renew(txn));
    txn->is_parked = false;
    return ST_OK;
}

bool kv_is_outdated(const struct kv_txn *txn)
{
    return txn->view != NULL && layers_is_outdated(txn);
}

void kv_park(struct kv_txn *txn)
{
    assert(!txn->is_write);
    if (txn->is_parked)
        return;
    for (struct kv_cursor *cursor = txn->cursors; cursor != NULL; cursor = cursor->older)
        unposition(cursor);
    if (txn->view != NULL)
        layers_forget(txn);
    txn->backend->park(txn);
    txn->is_parked = true;
}

void kv_end_read(struct kv_txn *txn)
{
    if (txn == NULL)
        return;
    assert(!txn->is_write && txn->cursors == NULL);
    if (txn->view != NULL)
        layers_forget(txn);
    txn->backend->end_read(txn);
}

void kv_unpin(struct kv_txn *txn)
{
    if (txn->backend->unpin != NULL)
        txn->backend->unpin(txn);
}

static void adopt_write(struct kv *kv, struct kv_txn *txn)
{
    kv_adopt(kv, txn, true);
    if (kv->journaled != NULL)
        txn->backend = &kv_backend_journaled;
}

enum status kv_begin_write(struct kv *kv, struct kv_txn **out, struct error *err)
{
    struct error why = {0};
    enum status st = ST_OK;

    *out = NULL;
    if (kv->is_read_only)
        return error_set(err, ST_READ_ONLY, -1, "the database was opened for reading only");
    if (pthread_mutex_lock(&kv->writer) != 0)
        return error_set(err, ST_MISUSE, -1, "this thread already has a write transaction");
    st = check_latch(kv, err);
    if (st != ST_OK)
        goto out;
    st = FAILPOINT("kv.begin_write");
    if (st != ST_OK) {
        st = error_set(err, st, -1, "beginning to write failed on purpose");
        goto out;
    }
    st = kv->journaled != NULL ? journaled_begin_write(kv, out, &why)
                               : kv->backend->begin_write(kv, out, &why);
    if (st == ST_IO) /* backends clean up here, and that failed */
        kv_latch(kv, st, &why);
    if (st != ST_OK)
        error_set(err, st, -1, "%s", error_message(&why));
    else
        adopt_write(kv, *out);
out:
    if (st != ST_OK)
        pthread_mutex_unlock(&kv->writer);
    return st;
}

/* What can be known before anything is written. A failure here leaves the database as it was. */
static enum status check_commit(struct kv_txn *txn, struct error *err)
{
    enum status st = txn->failed;

    if (st != ST_OK)
        return error_set(err, st, -1, "a write of this transaction had failed (%s)",
                         status_text(st));
    st = FAILPOINT("kv.commit.before");
    if (st != ST_OK)
        return error_set(err, st, -1, "the commit failed on purpose");
    return check_space(txn->kv, txn->written_bytes, err);
}

enum status kv_commit(struct kv_txn *txn, bool sync, struct error *err)
{
    struct kv *kv = txn->kv;
    struct error why = {0};
    enum status st = ST_OK;

    assert(txn->is_write && txn->cursors == NULL);
    st = check_commit(txn, err);
    if (st != ST_OK) {
        kv_abort(txn);
        return st;
    }
    st = txn->backend->commit(txn, sync, &why);
    if (st == ST_OK) {
        st = FAILPOINT("kv.commit.after");
        if (st != ST_OK)
            error_set(&why, st, -1, "the commit was reported as failed on purpose");
    }
    if (st != ST_OK) {
        kv_latch(kv, st, &why);
        error_set(err, st, -1, "%s", error_message(&why));
    }
    pthread_mutex_unlock(&kv->writer);
    return st;
}

void kv_abort(struct kv_txn *txn)
{
    struct kv *kv = NULL;

    if (txn == NULL)
        return;
    assert(txn->is_write && txn->cursors == NULL);
    kv = txn->kv;
    txn->backend->abort(txn);
    pthread_mutex_unlock(&kv->writer);
}

enum status kv_sync(struct kv *kv, struct error *err)
{
    struct error why = {0};
    enum status st = ST_OK;

    if (kv->is_read_only)
        return ST_OK;
    TRY(check_latch(kv, err));
    st = FAILPOINT("kv.sync");
    if (st != ST_OK)
        error_set(&why, st, -1, "the sync failed on purpose");
    else
        st = kv->journaled != NULL ? journaled_sync(kv, &why) : kv->backend->sync(kv, &why);
    if (st != ST_OK) {
        kv_latch(kv, st, &why);
        error_set(err, st, -1, "%s", error_message(&why));
    }
    return st;
}

/* ---- stores and points ---- */

/* Every write comes through here: a failed one leaves a transaction that can only be aborted. */
static enum status wrote(struct kv_txn *txn, enum status st)
{
    txn->change_count++;
    if (st != ST_OK)
        txn->failed = st;
    return st;
}

/* Checked in every build: a longer key would not fit the room that backends keep for one. */
static inline bool key_is_valid(struct slice key)
{
    return key.len != 0 && key.len <= KV_KEY_BYTES_MAX;
}

enum status kv_store_create(struct kv_txn *txn, uint32_t store, enum kv_class class)
{
    assert(txn->is_write && class < KV_CLASS_COUNT);
    return wrote(txn, txn->backend->store_create(txn, (struct kv_store){store, class}));
}

enum status kv_store_drop(struct kv_txn *txn, uint32_t store, enum kv_class class)
{
    assert(txn->is_write && class < KV_CLASS_COUNT);
    return wrote(txn, txn->backend->store_drop(txn, (struct kv_store){store, class}));
}

enum status kv_get(struct kv_txn *txn, struct kv_store store, struct slice key, struct slice *out)
{
    assert(!txn->is_parked);
    if (!key_is_valid(key))
        return ST_TOO_BIG;
    TRY(FAILPOINT("kv.get"));
    if (__builtin_expect(txn->view != NULL, false)) {
        enum layer_answer answer;

        TRY(layers_get(txn, store, key, out, &answer));
        if (answer != LAYER_NOTHING)
            return answer == LAYER_PUT ? ST_OK : ST_NOT_FOUND;
    }
    return txn->backend->get(txn, store, key, out);
}

enum status kv_get_many(struct kv_txn *txn, struct kv_store store, size_t count,
                        const struct slice *keys, struct slice *values)
{
    assert(!txn->is_parked);
    TRY(FAILPOINT("kv.get"));
    TRY(txn->backend->get_many(txn, store, count, keys, values));
    for (size_t i = 0; txn->view != NULL && i < count; i++) {
        enum layer_answer answer;

        TRY(layers_get(txn, store, keys[i], &values[i], &answer));
        if (answer == LAYER_DELETED)
            values[i] = slice_empty();
    }
    return ST_OK;
}

enum status kv_put(struct kv_txn *txn, struct kv_store store, struct slice key, struct slice value)
{
    assert(txn->is_write);
    if (!key_is_valid(key) || value.len > KV_VALUE_BYTES_MAX)
        return wrote(txn, ST_TOO_BIG);
    txn->written_bytes += key.len + value.len;
    TRY(wrote(txn, FAILPOINT("kv.put")));
    return wrote(txn, txn->backend->put(txn, store, key, value));
}

enum status kv_append(struct kv_txn *txn, struct kv_store store, struct slice key,
                      struct slice value)
{
    assert(txn->is_write);
    if (!key_is_valid(key) || value.len > KV_VALUE_BYTES_MAX)
        return wrote(txn, ST_TOO_BIG);
    txn->written_bytes += key.len + value.len;
    TRY(wrote(txn, FAILPOINT("kv.put")));
    return wrote(txn, txn->backend->append(txn, store, key, value));
}

enum status kv_delete(struct kv_txn *txn, struct kv_store store, struct slice key)
{
    assert(txn->is_write);
    if (!key_is_valid(key))
        return wrote(txn, ST_TOO_BIG);
    TRY(wrote(txn, FAILPOINT("kv.delete")));
    return wrote(txn, txn->backend->delete (txn, store, key));
}

enum status kv_delete_range(struct kv_txn *txn, struct kv_store store, struct slice from,
                            struct slice to)
{
    assert(txn->is_write);
    TRY(wrote(txn, FAILPOINT("kv.delete")));
    if (to.len != 0 && slice_compare(from, to) >= 0)
        return ST_OK;
    return wrote(txn, txn->backend->delete_range(txn, store, from, to));
}

/* ---- cursors ---- */

enum status kv_cursor_open(struct kv_txn *txn, struct kv_store store, struct kv_cursor **out)
{
    struct kv_cursor *cursor = NULL;
    char *place = NULL;
    enum status st = ST_OK;

    *out = NULL;
    TRY(FAILPOINT("kv.cursor"));
    if (txn->is_write) {
        place = malloc(KV_KEY_BYTES_MAX);
        if (place == NULL)
            return ST_NO_MEMORY;
    }
    st = txn->backend->cursor_open(txn, store, &cursor);
    if (st != ST_OK) {
        free(place);
        return st;
    }
    cursor->txn = txn;
    cursor->store = store;
    cursor->merge = NULL;
    cursor->is_below = false;
    cursor->place = place;
    cursor->change_count = txn->change_count;
    cursor->newer = NULL;
    cursor->older = txn->cursors;
    if (cursor->older != NULL)
        cursor->older->newer = cursor;
    txn->cursors = cursor;
    unposition(cursor);
    *out = cursor;
    return ST_OK;
}

void kv_cursor_close(struct kv_cursor *cursor)
{
    if (cursor == NULL)
        return;
    layers_cursor_forget(cursor);
    if (cursor->newer != NULL)
        cursor->newer->older = cursor->older;
    else
        cursor->txn->cursors = cursor->older;
    if (cursor->older != NULL)
        cursor->older->newer = cursor->newer;
    free(cursor->place);
    cursor->backend->cursor_close(cursor);
}

static enum status next_in_write(struct kv_cursor *cursor);
static enum status prev_in_write(struct kv_cursor *cursor);

/* After every move: from the backend's answer to what the cursor can do next. */
static enum status settle(struct kv_cursor *cursor, enum status st)
{
    if (st != ST_OK) {
        unposition(cursor);
        return st;
    }
    if (!cursor->txn->is_write) {
        cursor->next = cursor->backend->next;
        cursor->prev = cursor->backend->prev;
        return ST_OK;
    }
    /* The key a caller sees is the copy, so that it may be given to kv_delete or kv_put. */
    assert(cursor->position.key.len <= KV_KEY_BYTES_MAX);
    memcpy(cursor->place, cursor->position.key.data, cursor->position.key.len);
    cursor->position.key.data = cursor->place;
    cursor->change_count = cursor->txn->change_count;
    cursor->next = next_in_write;
    cursor->prev = prev_in_write;
    return ST_OK;
}

static enum status next_in_write(struct kv_cursor *cursor)
{
    enum status st = ST_OK;
    char place[KV_KEY_BYTES_MAX];
    struct slice key = {place, cursor->position.key.len};

    if (cursor->change_count == cursor->txn->change_count)
        return settle(cursor, cursor->backend->next(cursor));
    memcpy(place, cursor->place, key.len);
    st = cursor->backend->seek(cursor, key);
    if (st == ST_OK && slice_equal(cursor->position.key, key))
        st = cursor->backend->next(cursor);
    return settle(cursor, st);
}

static enum status prev_in_write(struct kv_cursor *cursor)
{
    char place[KV_KEY_BYTES_MAX];
    struct slice key = {place, cursor->position.key.len};

    if (cursor->change_count == cursor->txn->change_count)
        return settle(cursor, cursor->backend->prev(cursor));
    memcpy(place, cursor->place, key.len);
    return settle(cursor, cursor->backend->seek_before(cursor, key));
}

/* No key is longer than KV_KEY_BYTES_MAX, but a bound may be. What is at or after such a bound
 * comes after its first KV_KEY_BYTES_MAX bytes, and is not equal to them. */
static enum status seek_long(struct kv_cursor *cursor, struct slice at_least)
{
    struct slice cut = {at_least.data, KV_KEY_BYTES_MAX};
    enum status st = cursor->backend->seek(cursor, cut);

    if (st == ST_OK && slice_equal(cursor->position.key, cut))
        st = cursor->backend->next(cursor);
    return st;
}

static enum status seek_before_long(struct kv_cursor *cursor, struct slice before)
{
    struct slice cut = {before.data, KV_KEY_BYTES_MAX};
    enum status st = cursor->backend->seek(cursor, cut);

    if (st == ST_OK && slice_equal(cursor->position.key, cut))
        return ST_OK;
    if (st != ST_OK && st != ST_DONE)
        return st;
    return cursor->backend->seek_before(cursor, cut);
}

static bool is_merged(const struct kv_cursor *cursor)
{
    return __builtin_expect(cursor->txn->view != NULL, false) && !cursor->is_below;
}

static enum status settle_merged(struct kv_cursor *cursor, enum status st)
{
    if (st != ST_OK) {
        unposition(cursor);
        return st;
    }
    cursor->next = layers_next;
    cursor->prev = layers_prev;
    return ST_OK;
}

enum status kv_seek(struct kv_cursor *cursor, struct slice at_least)
{
    assert(!cursor->txn->is_parked);
    TRY(FAILPOINT("kv.cursor"));
    if (is_merged(cursor))
        return settle_merged(cursor, layers_seek(cursor, at_least));
    if (at_least.len > KV_KEY_BYTES_MAX)
        return settle(cursor, seek_long(cursor, at_least));
    return settle(cursor, cursor->backend->seek(cursor, at_least));
}

enum status kv_seek_before(struct kv_cursor *cursor, struct slice before)
{
    assert(!cursor->txn->is_parked);
    TRY(FAILPOINT("kv.cursor"));
    if (is_merged(cursor))
        return settle_merged(cursor, layers_seek_before(cursor, before));
    if (before.len > KV_KEY_BYTES_MAX)
        return settle(cursor, seek_before_long(cursor, before));
    return settle(cursor, cursor->backend->seek_before(cursor, before));
}

enum status kv_first(struct kv_cursor *cursor)
{
    return kv_seek(cursor, slice_empty());
}

enum status kv_last(struct kv_cursor *cursor)
{
    return kv_seek_before(cursor, slice_empty());
}

enum status kv_next(struct kv_cursor *cursor)
{
    enum status st = FAILPOINT("kv.cursor");

    if (st == ST_OK)
        st = cursor->next(cursor);
    if (__builtin_expect(st != ST_OK, false))
        unposition(cursor);
    return st;
}

unsigned kv_run(struct kv_cursor *cursor, struct kv_entry *out, unsigned max)
{
    if (cursor->backend->run == NULL || cursor->txn->is_write ||
        cursor->next != cursor->backend->next)
        return 0;
    return cursor->backend->run(cursor, out, max);
}

enum status kv_prev(struct kv_cursor *cursor)
{
    enum status st = FAILPOINT("kv.cursor");

    if (st == ST_OK)
        st = cursor->prev(cursor);
    if (__builtin_expect(st != ST_OK, false))
        unposition(cursor);
    return st;
}

/* ---- the rest ---- */

enum status kv_copy_store(struct kv_txn *from, struct kv_txn *to, struct kv_store store)
{
    struct kv_cursor *cursor = NULL;
    enum status st = ST_OK;

    TRY(kv_store_create(to, store.id, store.class));
    TRY(kv_cursor_open(from, store, &cursor));
    for (st = kv_first(cursor); st == ST_OK; st = kv_next(cursor))
        TRY_OUT(kv_append(to, store, kv_key(cursor), kv_value(cursor)));
    if (st == ST_DONE)
        st = ST_OK;
out:
    kv_cursor_close(cursor);
    return st;
}

void kv_set_check(struct kv *kv, bool (*check)(struct slice key, struct slice value))
{
    kv->check = check;
}

enum status kv_stats(struct kv *kv, struct kv_stats *out)
{
    *out = (struct kv_stats){0};
    TRY(kv->backend->stats(kv, out));
    if (out->disk_bytes == 0 && kv->path != NULL)
        out->disk_bytes = files_disk_bytes(kv->path);
    return ST_OK;
}

enum status kv_compact(struct kv *kv, struct error *err)
{
    if (kv->is_read_only)
        return error_set(err, ST_READ_ONLY, -1, "the database was opened for reading only");
    TRY(check_latch(kv, err));
    if (kv->journaled != NULL)
        TRY(journaled_settle(kv, err));
    return kv->backend->compact(kv, err);
}

enum status kv_backup(struct kv *kv, const char *path, struct error *err)
{
    if (kv_detect(path) != NULL)
        return error_set(err, ST_EXISTS, -1, "there is already a database in %s", path);
    if (kv->journaled != NULL)
        TRY(journaled_settle(kv, err));
    return kv->backend->backup(kv, path, err);
}
