/* journaled: see the header; README.md, "The journal", says why it is safe. */
#include "storage/kv/journaled.h"
#include "storage/kv/journal.h"
#include "storage/kv/layers.h"
#include <stdlib.h>
#include <time.h>

enum {
    DIRECT_BYTES = 1 << 20,      /* a larger transaction goes directly to the store */
    CHECKPOINT_BYTES = 32 << 20, /* of the journal, unless the options say otherwise */
    IDLE_MS = 20,                /* without a commit, before a checkpoint */
    KEEP_RECORD_BYTES = 2 << 20
};

/* Where the store says which records it holds. No store of the layers above has this id. */
static const struct kv_store journal_store = {UINT32_MAX - 1, KV_META};
static const struct slice applied_key = {"applied", 7};

struct journaled_txn {
    struct kv_txn base;
    struct kv_txn *inner; /* the store's own transaction, once it is direct */
    struct buf record;    /* the writes, until then */
};

struct journaled {
    struct kv *kv;
    struct journal journal;
    uint64_t applied; /* what the store holds on disk */
    uint64_t checkpoint_bytes;
    _Atomic bool is_direct_unsynced; /* the store holds a direct commit that is not on disk */
    struct journaled_txn write;      /* there is one at a time */
    pthread_mutex_t append_lock;     /* over journal and the active layer */
    pthread_mutex_t apply_lock; /* over the frozen layer and the store's write transactions; taken
                                   before append_lock */
    struct layers layers;
    /* the checkpointer */
    pthread_t thread;
    bool has_thread, is_closing;
    pthread_mutex_t wake_lock;
    pthread_cond_t wake;
    _Atomic uint64_t commits;
    _Atomic bool is_large; /* the journal has come to checkpoint_bytes */
};

static struct journaled_txn *txn_of(struct kv_txn *txn)
{
    return (struct journaled_txn *)(void *)txn;
}

static void put_u64(char *at, uint64_t value)
{
    for (int i = 0; i < 8; i++)
        at[i] = (char)(value >> 8 * i);
}

static enum status put_applied(struct kv_txn *inner, uint64_t sequence)
{
    char bytes[8];

    put_u64(bytes, sequence);
    inner->change_count++;
    return inner->backend->put(inner, journal_store, applied_key, slice_of(bytes, sizeof(bytes)));
}

static enum status begin_inner(struct kv *kv, struct kv_txn **out, struct error *err)
{
    TRY(kv->backend->begin_write(kv, out, err));
    kv_adopt(kv, *out, true);
    return ST_OK;
}

/* ---- checkpoints ---- */

/* With apply_lock: the frozen layer into the store. The order is what recovery relies on: the store
 * is synced together with the number of the last record it holds, and only then may that file of
 * the journal be written again. */
static enum status apply_frozen(struct journaled *self, struct error *err)
{
    struct kv_txn *inner = NULL;
    uint64_t last = self->layers.frozen->last_sequence;
    enum status st;

    TRY(begin_inner(self->kv, &inner, err));
    st = layers_apply(&self->layers, inner);
    if (st == ST_OK)
        st = put_applied(inner, last);
    if (st == ST_OK)
        st = FAILPOINT("journal.checkpoint");
    if (st != ST_OK) {
        inner->backend->abort(inner);
        return error_set(err, st, -1, "a checkpoint failed: %s", status_text(st));
    }
    TRY(inner->backend->commit(inner, true, err));
    st = FAILPOINT("journal.after_checkpoint");
    if (st != ST_OK)
        return error_set(err, st, -1, "a checkpoint failed on purpose");
    self->applied = last;
    layers_settle(&self->layers);
    return ST_OK;
}

/* With apply_lock. Afterwards all commits that were there before are in the store. */
static enum status checkpoint_locked(struct journaled *self, struct error *err)
{
    struct error why = {0};
    bool has_frozen;
    enum status st;

    if (atomic_load(&self->kv->latch.is_set))
        return error_set(err, ST_IO, -1, "writing stopped after a failure");
    pthread_mutex_lock(&self->append_lock);
    has_frozen = layers_freeze(&self->layers, self->journal.last_sequence);
    if (has_frozen) {
        journal_turn(&self->journal);
        atomic_store(&self->is_large, false);
    }
    pthread_mutex_unlock(&self->append_lock);
    if (!has_frozen)
        return ST_OK;
    st = apply_frozen(self, &why);
    if (st != ST_OK) {
        kv_latch(self->kv, st, &why);
        return error_set(err, st, -1, "%s", error_message(&why));
    }
    return ST_OK;
}

static enum status checkpoint(struct journaled *self, struct error *err)
{
    enum status st;

    pthread_mutex_lock(&self->apply_lock);
    st = checkpoint_locked(self, err);
    pthread_mutex_unlock(&self->apply_lock);
    return st;
}

/* Wait until nobody has committed for a while, or there is much to do. */
static void wait_for_quiet(struct journaled *self)
{
    uint64_t seen = UINT64_MAX;

    while (!self->is_closing && !atomic_load(&self->is_large) &&
           seen != atomic_load(&self->commits)) {
        struct timespec until;

        seen = atomic_load(&self->commits);
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += IDLE_MS * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        (void)pthread_cond_timedwait(&self->wake, &self->wake_lock, &until);
    }
}

static void *run_checkpoints(void *argument)
{
    struct journaled *self = argument;

    pthread_mutex_lock(&self->wake_lock);
    while (!self->is_closing) {
        struct error err;

        if (!atomic_load(&self->layers.has_any) || atomic_load(&self->kv->latch.is_set)) {
            pthread_cond_wait(&self->wake, &self->wake_lock);
            continue;
        }
        wait_for_quiet(self);
        if (self->is_closing)
            break;
        pthread_mutex_unlock(&self->wake_lock);
        (void)checkpoint(self, &err); /* a failure latches; the next writer is told */
        pthread_mutex_lock(&self->wake_lock);
    }
    pthread_mutex_unlock(&self->wake_lock);
    return NULL;
}

/* ---- write transactions ---- */

static void empty_record(struct journaled_txn *txn)
{
    if (txn->record.capacity > KEEP_RECORD_BYTES)
        buf_free(&txn->record);
    buf_clear(&txn->record);
    buf_append_fill(&txn->record, 0, JOURNAL_HEADER_BYTES);
}

static struct slice payload_of(const struct journaled_txn *txn)
{
    return slice_of(txn->record.data + JOURNAL_HEADER_BYTES,
                    txn->record.len - JOURNAL_HEADER_BYTES);
}

enum status journaled_begin_write(struct kv *kv, struct kv_txn **out, struct error *err)
{
    struct journaled *self = kv->journaled;
    bool is_far_behind;

    pthread_mutex_lock(&self->append_lock);
    is_far_behind = journal_bytes(&self->journal) > 2 * self->checkpoint_bytes;
    pthread_mutex_unlock(&self->append_lock);
    if (is_far_behind)
        TRY(checkpoint(self, err));
    self->write.inner = NULL;
    empty_record(&self->write);
    if (self->write.record.failed)
        return error_set(err, ST_NO_MEMORY, -1, "out of memory");
    *out = &self->write.base;
    return ST_OK;
}

static enum status write_to(struct kv_txn *inner, struct slice payload)
{
    struct journal_write write;

    while (journal_write_read(&payload, &write)) {
        struct kv_store store = {write.store, (enum kv_class)write.class};

        if (write.class >= KV_CLASS_COUNT || write.key.len == 0 || write.key.len > KV_KEY_BYTES_MAX)
            return ST_CORRUPT;
        inner->change_count++;
        if (write.op == JOURNAL_PUT)
            TRY(inner->backend->put(inner, store, write.key, write.value));
        else
            TRY(inner->backend->delete (inner, store, write.key));
    }
    return payload.len == 0 ? ST_OK : ST_CORRUPT;
}

/* From here on the transaction is one of the store. Its writes so far are done again there. */
static enum status go_direct(struct journaled_txn *txn)
{
    struct journaled *self = txn->base.kv->journaled;
    struct error err;
    enum status st;

    if (txn->inner != NULL)
        return ST_OK;
    pthread_mutex_lock(&self->apply_lock); /* until it ends */
    st = checkpoint_locked(self, &err);
    if (st == ST_OK)
        st = begin_inner(self->kv, &txn->inner, &err);
    if (st != ST_OK) {
        pthread_mutex_unlock(&self->apply_lock);
        return st;
    }
    TRY(write_to(txn->inner, payload_of(txn)));
    empty_record(txn);
    return ST_OK;
}

/* Everything before it is in the store, so no record may be replayed over it. */
static enum status commit_direct(struct journaled_txn *txn, bool sync, struct error *err)
{
    struct journaled *self = txn->base.kv->journaled;
    struct kv_txn *inner = txn->inner;
    enum status st;

    txn->inner = NULL;
    layers_pass(&self->layers);
    inner->change_count += txn->base.change_count;
    st = inner->backend->commit(inner, sync, err);
    if (st == ST_OK)
        atomic_store(&self->is_direct_unsynced, !sync);
    pthread_mutex_unlock(&self->apply_lock);
    return st;
}

/* What is replayed at open must follow what the store holds then. */
static enum status sync_direct(struct journaled *self, struct error *err)
{
    /* First, because another one may come while it syncs. A failure latches. */
    if (!atomic_exchange(&self->is_direct_unsynced, false))
        return ST_OK;
    return self->kv->backend->sync(self->kv, err);
}

static enum status commit_record(struct journaled *self, struct journaled_txn *txn, bool sync,
                                 struct error *err)
{
    size_t payload_bytes = txn->record.len - JOURNAL_HEADER_BYTES;
    struct slice payload;
    enum status st;

    TRY(sync_direct(self, err));
    TRY(journal_append(&self->journal, &txn->record, sync, err));
    payload = slice_of(txn->record.data + JOURNAL_HEADER_BYTES, payload_bytes);
    st = FAILPOINT("journal.publish");
    if (st == ST_OK)
        st = layers_write(&self->layers, payload);
    if (st != ST_OK)
        return error_set(err, st, -1, "a durable commit cannot be shown: %s", status_text(st));
    if (journal_bytes(&self->journal) >= self->checkpoint_bytes)
        atomic_store(&self->is_large, true);
    return ST_OK;
}

/* The checkpointer sleeps when there is no layer; while it waits for quiet it looks by itself. */
static void wake_checkpointer(struct journaled *self, bool is_first)
{
    atomic_fetch_add(&self->commits, 1);
    if (!is_first && !atomic_load(&self->is_large))
        return;
    pthread_mutex_lock(&self->wake_lock);
    pthread_cond_signal(&self->wake);
    pthread_mutex_unlock(&self->wake_lock);
}

static enum status journaled_commit(struct kv_txn *base, bool sync, struct error *err)
{
    struct journaled_txn *txn = txn_of(base);
    struct journaled *self = base->kv->journaled;
    bool is_first;
    enum status st;

    if (txn->inner != NULL)
        return commit_direct(txn, sync, err);
    if (payload_of(txn).len == 0)
        return sync ? journaled_sync(base->kv, err) : ST_OK;
    pthread_mutex_lock(&self->append_lock);
    is_first = self->layers.active == NULL;
    st = commit_record(self, txn, sync, err);
    pthread_mutex_unlock(&self->append_lock);
    if (st == ST_OK)
        wake_checkpointer(self, is_first);
    return st;
}

static void journaled_abort(struct kv_txn *base)
{
    struct journaled_txn *txn = txn_of(base);

    if (txn->inner == NULL)
        return;
    txn->inner->backend->abort(txn->inner);
    txn->inner = NULL;
    pthread_mutex_unlock(&base->kv->journaled->apply_lock);
}

enum status journaled_sync(struct kv *kv, struct error *err)
{
    struct journaled *self = kv->journaled;
    enum status st;

    pthread_mutex_lock(&self->append_lock);
    st = sync_direct(self, err);
    if (st == ST_OK)
        st = journal_sync(&self->journal, err);
    pthread_mutex_unlock(&self->append_lock);
    return st;
}

static enum status write_one(struct kv_txn *base, enum journal_op op, struct kv_store store,
                             struct slice key, struct slice value)
{
    struct journaled_txn *txn = txn_of(base);
    const struct journal_write write = {op, (uint8_t)store.class, store.id, key, value};

    journal_write_put(&txn->record, &write);
    if (txn->record.failed)
        return ST_NO_MEMORY;
    return txn->record.len > DIRECT_BYTES ? go_direct(txn) : ST_OK;
}

static enum status journaled_put(struct kv_txn *base, struct kv_store store, struct slice key,
                                 struct slice value)
{
    struct kv_txn *inner = txn_of(base)->inner;

    return inner != NULL ? inner->backend->put(inner, store, key, value)
                         : write_one(base, JOURNAL_PUT, store, key, value);
}

static enum status journaled_append(struct kv_txn *base, struct kv_store store, struct slice key,
                                    struct slice value)
{
    struct kv_txn *inner = txn_of(base)->inner;

    return inner != NULL ? inner->backend->append(inner, store, key, value)
                         : write_one(base, JOURNAL_PUT, store, key, value);
}

static enum status journaled_delete(struct kv_txn *base, struct kv_store store, struct slice key)
{
    struct kv_txn *inner = txn_of(base)->inner;

    return inner != NULL ? inner->backend->delete (inner, store, key)
                         : write_one(base, JOURNAL_DELETE, store, key, slice_empty());
}

/* ---- what only the store can do ---- */

static enum status journaled_store_create(struct kv_txn *base, struct kv_store store)
{
    TRY(go_direct(txn_of(base)));
    return txn_of(base)->inner->backend->store_create(txn_of(base)->inner, store);
}

static enum status journaled_store_drop(struct kv_txn *base, struct kv_store store)
{
    TRY(go_direct(txn_of(base)));
    return txn_of(base)->inner->backend->store_drop(txn_of(base)->inner, store);
}

static enum status journaled_delete_range(struct kv_txn *base, struct kv_store store,
                                          struct slice from, struct slice to)
{
    TRY(go_direct(txn_of(base)));
    return txn_of(base)->inner->backend->delete_range(txn_of(base)->inner, store, from, to);
}

static enum status journaled_get(struct kv_txn *base, struct kv_store store, struct slice key,
                                 struct slice *out)
{
    TRY(go_direct(txn_of(base)));
    return txn_of(base)->inner->backend->get(txn_of(base)->inner, store, key, out);
}

static enum status journaled_get_many(struct kv_txn *base, struct kv_store store, size_t count,
                                      const struct slice *keys, struct slice *values)
{
    TRY(go_direct(txn_of(base)));
    return txn_of(base)->inner->backend->get_many(txn_of(base)->inner, store, count, keys, values);
}

static enum status journaled_cursor_open(struct kv_txn *base, struct kv_store store,
                                         struct kv_cursor **out)
{
    TRY(go_direct(txn_of(base)));
    return txn_of(base)->inner->backend->cursor_open(txn_of(base)->inner, store, out);
}

static void journaled_unpin(struct kv_txn *base)
{
    struct kv_txn *inner = txn_of(base)->inner;

    if (inner != NULL && inner->backend->unpin != NULL)
        inner->backend->unpin(inner);
}

/* Of write transactions only; readers are the store's own. */
const struct kv_backend kv_backend_journaled = {
    .name = "journaled",
    .commit = journaled_commit,
    .abort = journaled_abort,
    .unpin = journaled_unpin,
    .store_create = journaled_store_create,
    .store_drop = journaled_store_drop,
    .get = journaled_get,
    .get_many = journaled_get_many,
    .put = journaled_put,
    .append = journaled_append,
    .delete = journaled_delete,
    .delete_range = journaled_delete_range,
    .cursor_open = journaled_cursor_open,
};

enum status journaled_settle(struct kv *kv, struct error *err)
{
    struct journaled *self = kv->journaled;

    if (kv->is_read_only)
        return self->layers.active == NULL
                   ? ST_OK
                   : error_set(err, ST_READ_ONLY, -1,
                               "%s has commits in its journal: open it for writing first",
                               kv->path);
    TRY(journaled_sync(kv, err));
    return checkpoint(self, err);
}

/* ---- open and close ---- */

static enum status read_applied(struct kv *kv, uint64_t *out, struct error *err)
{
    struct kv_txn *txn = NULL;
    struct slice bytes;
    enum status st;

    *out = 0;
    TRY(kv->backend->begin_read(kv, &txn, err));
    kv_adopt(kv, txn, false);
    st = kv->backend->get(txn, journal_store, applied_key, &bytes);
    if (st == ST_OK && !read_u64_le(&bytes, out))
        st = ST_CORRUPT;
    kv->backend->end_read(txn);
    if (st == ST_NOT_FOUND)
        return ST_OK;
    return st == ST_OK
               ? st
               : error_set(err, st, -1, "%s: the state of the journal cannot be read", kv->path);
}

static enum status show_in_layer(void *context, struct slice payload)
{
    struct journaled *self = context;

    return layers_write(&self->layers, payload);
}

/* Everything is replayed in one transaction; when it fails, the next open begins anew. */
static enum status recover(struct journaled *self, struct error *err)
{
    uint64_t last;

    TRY(journal_replay(self->kv->path, self->applied, show_in_layer, self, &last, err));
    self->journal.last_sequence = self->journal.durable_sequence = last;
    if (self->kv->is_read_only)
        return ST_OK;
    if (layers_freeze(&self->layers, last))
        TRY(apply_frozen(self, err));
    if (!journal_exists(self->kv->path))
        return ST_OK;
    if (FAILPOINT("journal.recovered") != ST_OK)
        return error_set(err, ST_IO, -1, "recovery failed on purpose");
    return journal_remove(self->kv->path, err);
}

static enum status start_thread(struct journaled *self, struct error *err)
{
    if (pthread_create(&self->thread, NULL, run_checkpoints, self) != 0)
        return error_set(err, ST_NO_MEMORY, -1, "cannot start a thread");
    self->has_thread = true;
    return ST_OK;
}

static void free_all(struct journaled *self, bool remove)
{
    layers_deinit(&self->layers);
    journal_deinit(&self->journal, remove);
    buf_free(&self->write.record);
    pthread_mutex_destroy(&self->append_lock);
    pthread_mutex_destroy(&self->apply_lock);
    pthread_mutex_destroy(&self->wake_lock);
    pthread_cond_destroy(&self->wake);
    free(self);
}

static struct journaled *journaled_new(struct kv *kv, const struct kv_options *options)
{
    struct journaled *self = calloc(1, sizeof(*self));
    pthread_condattr_t attributes;

    if (self == NULL)
        return NULL;
    self->kv = kv;
    self->checkpoint_bytes =
        options->journal_bytes != 0 ? options->journal_bytes : (uint64_t)CHECKPOINT_BYTES;
    pthread_mutex_init(&self->append_lock, NULL);
    pthread_mutex_init(&self->apply_lock, NULL);
    pthread_mutex_init(&self->wake_lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&self->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    layers_init(&self->layers);
    return self;
}

enum status journaled_open(struct kv *kv, const struct kv_options *options, struct error *err)
{
    struct journaled *self;
    bool has_journal = journal_exists(kv->path);
    enum status st;

    if (!has_journal && (options->read_only || options->power_cut_may_damage))
        return ST_OK;
    self = journaled_new(kv, options);
    if (self == NULL)
        return error_set(err, ST_NO_MEMORY, -1, "out of memory");
    TRY_OUT(journal_init(&self->journal, kv->path, 0));
    TRY_OUT(read_applied(kv, &self->applied, err));
    self->journal.last_sequence = self->journal.durable_sequence = self->applied;
    if (has_journal)
        TRY_OUT(recover(self, err));
    if (!options->read_only && options->power_cut_may_damage) {
        free_all(self, false); /* only what was left had to be brought in */
        return ST_OK;
    }
    if (!options->read_only)
        TRY_OUT(start_thread(self, err));
    kv->journaled = self;
    kv->layers = &self->layers;
    return ST_OK;
out:
    if (st == ST_NO_MEMORY)
        (void)error_set(err, st, -1, "out of memory");
    free_all(self, false);
    return st;
}

/* The store alone will do from now on. */
static bool settle_all(struct journaled *self)
{
    struct error err;

    return !atomic_load(&self->kv->latch.is_set) && checkpoint(self, &err) == ST_OK &&
           sync_direct(self, &err) == ST_OK;
}

void journaled_close(struct kv *kv)
{
    struct journaled *self = kv->journaled;
    bool is_settled;

    if (self == NULL)
        return;
    if (self->has_thread) {
        pthread_mutex_lock(&self->wake_lock);
        self->is_closing = true;
        pthread_cond_signal(&self->wake);
        pthread_mutex_unlock(&self->wake_lock);
        pthread_join(self->thread, NULL);
    }
    is_settled = !kv->is_read_only && settle_all(self);
    free_all(self, is_settled && journal_exists(kv->path));
    kv->journaled = NULL;
    kv->layers = NULL;
}
