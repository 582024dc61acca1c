/*
 * The fault backend: another backend that can lose everything since its last sync, as a power cut
 * would.
 *
 * Every write first notes what it is about to change. The notes of commits that were not synced are
 * kept; kv_fault_crash plays them back, newest first. Failing on purpose is left to failpoints,
 * which kv.c hits for the wrapper and which the wrapped backend, called below kv.c, does not see a
 * second time.
 */
#include "storage/kv/kv_internal.h"
#include <assert.h>
#include <stdlib.h>

/* One key before a write, in a struct undo's bytes, with key and value behind it. */
struct before_image {
    struct kv_store store;
    bool existed;
    size_t key_len, value_len;
};

struct undo {
    struct buf bytes;   /* before_images, oldest first */
    struct buf offsets; /* size_t, of each in bytes */
};

struct fault_txn {
    struct kv_txn base;
    struct kv_txn *inner;
    struct undo undo;
};

struct fault_kv {
    struct kv base;
    struct kv *inner;
    pthread_mutex_t lock; /* over undo; a sync and a commit do not overlap */
    struct undo undo;     /* of commits that a power cut would lose */
};

static struct fault_kv *kv_of(struct kv *kv)
{
    return (struct fault_kv *)(void *)kv;
}

static struct fault_txn *txn_of(struct kv_txn *txn)
{
    return (struct fault_txn *)(void *)txn;
}

static struct kv_txn *inner_of(struct kv_txn *txn)
{
    return txn_of(txn)->inner;
}

/* ---- notes ---- */

static void undo_clear(struct undo *undo)
{
    buf_clear(&undo->bytes);
    buf_clear(&undo->offsets);
}

static void undo_free(struct undo *undo)
{
    buf_free(&undo->bytes);
    buf_free(&undo->offsets);
}

static enum status undo_note(struct undo *undo, struct kv_store store, struct slice key,
                             const struct slice *value)
{
    struct before_image image = {.store = store,
                                 .existed = value != NULL,
                                 .key_len = key.len,
                                 .value_len = value != NULL ? value->len : 0};
    size_t offset = undo->bytes.len;

    buf_append(&undo->bytes, &image, sizeof image);
    buf_append_slice(&undo->bytes, key);
    if (value != NULL)
        buf_append_slice(&undo->bytes, *value);
    buf_append(&undo->offsets, &offset, sizeof offset);
    return undo->bytes.failed || undo->offsets.failed ? ST_NO_MEMORY : ST_OK;
}

static enum status undo_append(struct undo *to, const struct undo *from)
{
    size_t start = to->bytes.len;

    buf_append_slice(&to->bytes, buf_slice(&from->bytes));
    for (size_t i = 0; i < from->offsets.len; i += sizeof(size_t)) {
        size_t offset = 0;

        memcpy(&offset, from->offsets.data + i, sizeof offset);
        offset += start;
        buf_append(&to->offsets, &offset, sizeof offset);
    }
    return to->bytes.failed || to->offsets.failed ? ST_NO_MEMORY : ST_OK;
}

static enum status note_key(struct fault_txn *txn, struct kv_store store, struct slice key)
{
    struct slice value = {0};
    enum status st = txn->inner->backend->get(txn->inner, store, key, &value);

    if (st == ST_OK)
        return undo_note(&txn->undo, store, key, &value);
    if (st == ST_NOT_FOUND)
        return undo_note(&txn->undo, store, key, NULL);
    return st;
}

static enum status note_range(struct fault_txn *txn, struct kv_store store, struct slice from,
                              struct slice to)
{
    const struct kv_backend *backend = txn->inner->backend;
    struct kv_cursor *cursor = NULL;
    enum status st = backend->cursor_open(txn->inner, store, &cursor);

    if (st != ST_OK)
        return st;
    for (st = backend->seek(cursor, from); st == ST_OK; st = backend->next(cursor)) {
        struct kv_position at = cursor->position;

        if (to.len != 0 && slice_compare(at.key, to) >= 0)
            break;
        TRY_OUT(undo_note(&txn->undo, store, at.key, &at.value));
    }
    if (st == ST_DONE)
        st = ST_OK;
out:
    backend->cursor_close(cursor);
    return st;
}

/* ---- transactions ---- */

static enum status new_txn(struct kv *base, struct kv_txn *inner, bool is_write,
                           struct kv_txn **out)
{
    struct fault_txn *txn = calloc(1, sizeof *txn);

    if (txn == NULL)
        return ST_NO_MEMORY;
    kv_adopt(kv_of(base)->inner, inner, is_write);
    txn->inner = inner;
    *out = &txn->base;
    return ST_OK;
}

static void free_txn(struct fault_txn *txn)
{
    undo_free(&txn->undo);
    free(txn);
}

static enum status fault_begin_read(struct kv *base, struct kv_txn **out, struct error *err)
{
    struct kv *inner = kv_of(base)->inner;
    struct kv_txn *txn = NULL;

    TRY(inner->backend->begin_read(inner, &txn, err));
    if (new_txn(base, txn, false, out) == ST_OK)
        return ST_OK;
    inner->backend->end_read(txn);
    return error_set(err, ST_NO_MEMORY, -1, "out of memory");
}

static enum status fault_renew(struct kv_txn *txn)
{
    return inner_of(txn)->backend->renew(inner_of(txn));
}

static void fault_park(struct kv_txn *txn)
{
    inner_of(txn)->backend->park(inner_of(txn));
}

static void fault_unpin(struct kv_txn *txn)
{
    kv_unpin(inner_of(txn));
}

static void fault_end_read(struct kv_txn *txn)
{
    inner_of(txn)->backend->end_read(inner_of(txn));
    free_txn(txn_of(txn));
}

static enum status fault_begin_write(struct kv *base, struct kv_txn **out, struct error *err)
{
    struct kv *inner = kv_of(base)->inner;
    struct kv_txn *txn = NULL;

    TRY(inner->backend->begin_write(inner, &txn, err));
    if (new_txn(base, txn, true, out) == ST_OK)
        return ST_OK;
    kv_adopt(inner, txn, true);
    inner->backend->abort(txn);
    return error_set(err, ST_NO_MEMORY, -1, "out of memory");
}

static void fault_abort(struct kv_txn *txn)
{
    inner_of(txn)->backend->abort(inner_of(txn));
    free_txn(txn_of(txn));
}

static enum status fault_commit(struct kv_txn *base, bool sync, struct error *err)
{
    struct fault_txn *txn = txn_of(base);
    struct fault_kv *kv = kv_of(base->kv);
    enum status st = ST_OK;

    pthread_mutex_lock(&kv->lock);
    txn->inner->change_count = base->change_count;
    if (!sync)
        st = undo_append(&kv->undo, &txn->undo);
    if (st != ST_OK) {
        txn->inner->backend->abort(txn->inner);
        error_set(err, st, -1, "out of memory");
    } else {
        st = txn->inner->backend->commit(txn->inner, sync, err);
        if (st == ST_OK && sync)
            undo_clear(&kv->undo); /* a synced commit takes the earlier ones with it */
    }
    pthread_mutex_unlock(&kv->lock);
    free_txn(txn);
    return st;
}

static enum status fault_sync(struct kv *base, struct error *err)
{
    struct fault_kv *kv = kv_of(base);
    enum status st = ST_OK;

    pthread_mutex_lock(&kv->lock);
    st = kv->inner->backend->sync(kv->inner, err);
    if (st == ST_OK)
        undo_clear(&kv->undo);
    pthread_mutex_unlock(&kv->lock);
    return st;
}

/* ---- reading: straight through. Cursors are the inner ones. ---- */

static enum status fault_get(struct kv_txn *txn, struct kv_store store, struct slice key,
                             struct slice *out)
{
    return inner_of(txn)->backend->get(inner_of(txn), store, key, out);
}

static enum status fault_get_many(struct kv_txn *txn, struct kv_store store, size_t count,
                                  const struct slice *keys, struct slice *values)
{
    return inner_of(txn)->backend->get_many(inner_of(txn), store, count, keys, values);
}

static enum status fault_cursor_open(struct kv_txn *txn, struct kv_store store,
                                     struct kv_cursor **out)
{
    return inner_of(txn)->backend->cursor_open(inner_of(txn), store, out);
}

/* ---- writing: note, then do. A note that is too much does no harm. ---- */

static enum status fault_store_create(struct kv_txn *txn, struct kv_store store)
{
    return inner_of(txn)->backend->store_create(inner_of(txn), store);
}

/* The store is emptied but not dropped: a crash may have to bring it back under its id. */
static enum status fault_store_drop(struct kv_txn *base, struct kv_store store)
{
    struct fault_txn *txn = txn_of(base);

    TRY(note_range(txn, store, slice_empty(), slice_empty()));
    return txn->inner->backend->delete_range(txn->inner, store, slice_empty(), slice_empty());
}

static enum status fault_put(struct kv_txn *base, struct kv_store store, struct slice key,
                             struct slice value)
{
    struct fault_txn *txn = txn_of(base);

    TRY(note_key(txn, store, key));
    return txn->inner->backend->put(txn->inner, store, key, value);
}

static enum status fault_append(struct kv_txn *base, struct kv_store store, struct slice key,
                                struct slice value)
{
    struct fault_txn *txn = txn_of(base);

    TRY(note_key(txn, store, key));
    return txn->inner->backend->append(txn->inner, store, key, value);
}

static enum status fault_delete(struct kv_txn *base, struct kv_store store, struct slice key)
{
    struct fault_txn *txn = txn_of(base);

    TRY(note_key(txn, store, key));
    return txn->inner->backend->delete (txn->inner, store, key);
}

static enum status fault_delete_range(struct kv_txn *base, struct kv_store store, struct slice from,
                                      struct slice to)
{
    struct fault_txn *txn = txn_of(base);

    TRY(note_range(txn, store, from, to));
    return txn->inner->backend->delete_range(txn->inner, store, from, to);
}

/* ---- the rest ---- */

static enum status fault_stats(struct kv *kv, struct kv_stats *out)
{
    return kv_stats(kv_of(kv)->inner, out);
}

static enum status fault_compact(struct kv *kv, struct error *err)
{
    return kv_compact(kv_of(kv)->inner, err);
}

static enum status fault_backup(struct kv *kv, const char *path, struct error *err)
{
    return kv_backup(kv_of(kv)->inner, path, err);
}

static void fault_close(struct kv *base)
{
    struct fault_kv *kv = kv_of(base);

    kv_close(kv->inner);
    pthread_mutex_destroy(&kv->lock);
    undo_free(&kv->undo);
    free(kv);
}

const struct kv_backend kv_backend_fault = {
    .name = "fault",
    .close = fault_close,
    .begin_read = fault_begin_read,
    .renew = fault_renew,
    .park = fault_park,
    .end_read = fault_end_read,
    .unpin = fault_unpin,
    .begin_write = fault_begin_write,
    .commit = fault_commit,
    .abort = fault_abort,
    .sync = fault_sync,
    .store_create = fault_store_create,
    .store_drop = fault_store_drop,
    .get = fault_get,
    .get_many = fault_get_many,
    .put = fault_put,
    .append = fault_append,
    .delete = fault_delete,
    .delete_range = fault_delete_range,
    .cursor_open = fault_cursor_open,
    .stats = fault_stats,
    .compact = fault_compact,
    .backup = fault_backup,
};

enum status kv_fault_wrap(struct kv *inner, struct kv **out)
{
    const struct kv_options options = {.read_only = inner->is_read_only,
                                       .free_bytes_min = inner->space.free_bytes_min};
    struct fault_kv *kv = calloc(1, sizeof *kv);
    enum status st = ST_OK;

    if (kv == NULL)
        return ST_NO_MEMORY;
    kv->inner = inner;
    kv->base.lock_fd = -1;
    pthread_mutex_init(&kv->lock, NULL);
    st = kv_init_shared(&kv->base, &kv_backend_fault, inner->path, &options);
    if (st != ST_OK) {
        kv->inner = NULL; /* stays the caller's */
        kv_close(&kv->base);
        return st;
    }
    *out = &kv->base;
    return ST_OK;
}

static enum status undo_apply(const struct undo *undo, struct kv_txn *txn)
{
    for (size_t i = undo->offsets.len; i > 0; i -= sizeof(size_t)) {
        struct before_image image;
        size_t offset = 0;
        struct slice key = {0}, value = {0};

        memcpy(&offset, undo->offsets.data + i - sizeof offset, sizeof offset);
        memcpy(&image, undo->bytes.data + offset, sizeof image);
        key = slice_of(undo->bytes.data + offset + sizeof image, image.key_len);
        value = slice_of(key.data + key.len, image.value_len);
        if (image.existed)
            TRY(txn->backend->put(txn, image.store, key, value));
        else
            TRY(txn->backend->delete (txn, image.store, key));
    }
    return ST_OK;
}

enum status kv_fault_crash(struct kv *wrapper, struct error *err)
{
    struct fault_kv *kv = kv_of(wrapper);
    const struct kv_backend *backend = kv->inner->backend;
    struct kv_txn *txn = NULL;
    enum status st = ST_OK;

    assert(wrapper->backend == &kv_backend_fault);
    if (pthread_mutex_lock(&wrapper->writer) != 0)
        return error_set(err, ST_MISUSE, -1, "this thread still has a write transaction");
    pthread_mutex_lock(&kv->lock);
    TRY_OUT(backend->begin_write(kv->inner, &txn, err));
    kv_adopt(kv->inner, txn, true);
    st = undo_apply(&kv->undo, txn);
    if (st != ST_OK) {
        backend->abort(txn);
        error_set(err, st, -1, "undoing what was not synced failed");
        goto out;
    }
    txn->change_count = kv->undo.offsets.len;
    TRY_OUT(backend->commit(txn, true, err));
    undo_clear(&kv->undo);
    kv_unlatch(wrapper);
out:
    pthread_mutex_unlock(&kv->lock);
    pthread_mutex_unlock(&wrapper->writer);
    return st;
}
