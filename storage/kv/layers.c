/* layers: the memory backend's versions are the snapshots of a layer. */
#include "storage/kv/layers.h"
#include "storage/kv/journal.h"
#include <assert.h>
#include <stdlib.h>

enum { LAYERS_MAX = 2 };

struct kv_view {
    struct {
        struct layer *layer;
        struct kv_txn *txn;
    } slots[LAYERS_MAX]; /* newest first */
    unsigned count;
    uint64_t settled;
};

/* What a cursor merges: cursors of the layers, newest first, and one of the store. */
struct kv_merge {
    struct kv_cursor *sources[LAYERS_MAX + 1];
    bool is_done[LAYERS_MAX + 1];
    unsigned count;
    bool is_forward;
    char key[KV_KEY_BYTES_MAX]; /* where it stands */
    size_t key_len;
};

/* ---- layers ---- */

static struct layer *layer_new(void)
{
    static const struct kv_options options = {.backend = "memory"};
    struct layer *layer = calloc(1, sizeof(*layer));

    if (layer == NULL)
        return NULL;
    atomic_init(&layer->references, 1);
    if (kv_backend_memory.open("", &options, &layer->kv, NULL) != ST_OK) {
        free(layer);
        return NULL;
    }
    layer->kv->lock_fd = -1;
    if (kv_init_shared(layer->kv, &kv_backend_memory, NULL, &options) != ST_OK) {
        kv_close(layer->kv);
        free(layer);
        return NULL;
    }
    return layer;
}

static void layer_drop(struct layer *layer)
{
    if (layer == NULL || atomic_fetch_sub(&layer->references, 1) != 1)
        return;
    kv_close(layer->kv);
    free(layer->stores);
    free(layer);
}

void layers_init(struct layers *layers)
{
    pthread_mutex_init(&layers->lock, NULL);
}

void layers_deinit(struct layers *layers)
{
    layer_drop(layers->active);
    layer_drop(layers->frozen);
    pthread_mutex_destroy(&layers->lock);
}

static bool note_store(struct layer *layer, struct kv_store store)
{
    /* Writes come store by store, and a database has few that are written to all the time. */
    for (size_t i = layer->store_count; i > 0; i--)
        if (layer->stores[i - 1].id == store.id)
            return true;
    if (layer->store_count == layer->store_room) {
        size_t room = layer->store_room == 0 ? 16 : layer->store_room * 2;
        struct kv_store *bigger = realloc(layer->stores, room * sizeof(*bigger));

        if (bigger == NULL)
            return false;
        layer->stores = bigger;
        layer->store_room = room;
    }
    layer->stores[layer->store_count++] = store;
    return true;
}

static enum status write_all(struct layer *layer, struct kv_txn *txn, struct slice payload)
{
    const struct kv_backend *backend = &kv_backend_memory;
    struct journal_write write;
    struct buf value = {0};
    enum status st = ST_OK;
    uint32_t last_store = 0;
    bool has_last = false;

    while (st == ST_OK && journal_write_read(&payload, &write)) {
        struct kv_store store = {write.store, (enum kv_class)write.class};

        if (write.class >= KV_CLASS_COUNT || write.key.len == 0 ||
            write.key.len > KV_KEY_BYTES_MAX) {
            st = ST_CORRUPT;
            break;
        }
        if (!has_last || last_store != store.id) {
            if (!note_store(layer, store))
                st = ST_NO_MEMORY;
            last_store = store.id;
            has_last = true;
        }
        buf_clear(&value);
        buf_append_byte(&value, write.op == JOURNAL_PUT ? LAYER_PUT : LAYER_DELETED);
        buf_append_slice(&value, write.value);
        if (st == ST_OK)
            st = buf_status(&value);
        if (st == ST_OK)
            st = backend->put(txn, store, write.key, buf_slice(&value));
    }
    if (st == ST_OK && payload.len != 0)
        st = ST_CORRUPT;
    buf_free(&value);
    return st;
}

enum status layers_write(struct layers *layers, struct slice payload)
{
    struct layer *layer = layers->active != NULL ? layers->active : layer_new();
    struct kv_txn *txn = NULL;
    enum status st = ST_NO_MEMORY;

    if (layer == NULL)
        return ST_NO_MEMORY;
    st = kv_backend_memory.begin_write(layer->kv, &txn, NULL);
    if (st == ST_OK) {
        kv_adopt(layer->kv, txn, true);
        st = write_all(layer, txn, payload);
        if (st != ST_OK)
            kv_backend_memory.abort(txn);
        else
            st = kv_backend_memory.commit(txn, false, NULL);
    }
    if (layers->active == layer)
        return st;
    if (st != ST_OK) {
        layer_drop(layer);
        return st;
    }
    pthread_mutex_lock(&layers->lock);
    layers->active = layer;
    atomic_store(&layers->has_any, true);
    pthread_mutex_unlock(&layers->lock);
    return ST_OK;
}

bool layers_freeze(struct layers *layers, uint64_t last_sequence)
{
    assert(layers->frozen == NULL);
    if (layers->active == NULL)
        return false;
    pthread_mutex_lock(&layers->lock);
    layers->active->last_sequence = last_sequence;
    layers->frozen = layers->active;
    layers->active = NULL;
    atomic_fetch_add(&layers->turn, 1);
    pthread_mutex_unlock(&layers->lock);
    return true;
}

/* Below kv.c, whose failpoints are for what callers ask. */
static enum status apply_store(struct kv_txn *from, struct kv_txn *to, struct kv_store store)
{
    const struct kv_backend *memory = from->backend;
    struct kv_cursor *cursor = NULL;
    enum status st;

    TRY(memory->cursor_open(from, store, &cursor));
    for (st = memory->seek(cursor, slice_empty()); st == ST_OK; st = memory->next(cursor)) {
        struct slice key = cursor->position.key, value = cursor->position.value;

        to->change_count++;
        if (value.data[0] == LAYER_DELETED)
            st = to->backend->delete (to, store, key);
        else
            st = to->backend->put(to, store, key, slice_of(value.data + 1, value.len - 1));
        if (st != ST_OK)
            break;
    }
    memory->cursor_close(cursor);
    return st == ST_DONE ? ST_OK : st;
}

enum status layers_apply(struct layers *layers, struct kv_txn *inner)
{
    struct layer *layer = layers->frozen;
    struct kv_txn *txn = NULL;
    enum status st;

    TRY(kv_begin_read(layer->kv, &txn, NULL));
    st = FAILPOINT("journal.apply");
    for (size_t i = 0; st == ST_OK && i < layer->store_count; i++)
        st = apply_store(txn, inner, layer->stores[i]);
    kv_end_read(txn);
    return st;
}

void layers_settle(struct layers *layers)
{
    struct layer *layer;

    pthread_mutex_lock(&layers->lock);
    layer = layers->frozen;
    layers->frozen = NULL;
    atomic_store(&layers->has_any, layers->active != NULL);
    atomic_fetch_add(&layers->settled, 1);
    pthread_mutex_unlock(&layers->lock);
    layer_drop(layer);
}

void layers_pass(struct layers *layers)
{
    assert(layers->active == NULL && layers->frozen == NULL);
    atomic_fetch_add(&layers->turn, 1);
}

/* ---- views ---- */

static void clear_slot(struct kv_view *view, unsigned i)
{
    kv_end_read(view->slots[i].txn);
    layer_drop(view->slots[i].layer);
    view->slots[i].txn = NULL;
    view->slots[i].layer = NULL;
}

void layers_forget(struct kv_txn *txn)
{
    struct kv_view *view = txn->view;

    for (struct kv_cursor *cursor = txn->cursors; cursor != NULL; cursor = cursor->older)
        layers_cursor_forget(cursor); /* closes cursors that are newer than this one */
    if (view == NULL)
        return;
    for (unsigned i = 0; i < view->count; i++)
        clear_slot(view, i);
    free(view);
    txn->view = NULL;
}

/* With the lock held, so that a layer stays and no commit comes between two of them. */
static enum status fill_view(struct layers *layers, struct kv_view *view)
{
    struct layer *all[LAYERS_MAX] = {layers->active, layers->frozen};

    for (unsigned i = 0; i < LAYERS_MAX; i++) {
        if (all[i] == NULL)
            continue;
        TRY(kv_begin_read(all[i]->kv, &view->slots[view->count].txn, NULL));
        view->slots[view->count++].layer = all[i];
        atomic_fetch_add(&all[i]->references, 1);
    }
    return ST_OK;
}

static enum status take_view(struct kv_txn *txn, uint64_t *turn)
{
    struct layers *layers = txn->kv->layers;
    struct kv_view *view = calloc(1, sizeof(*view));
    enum status st;

    if (view == NULL)
        return ST_NO_MEMORY;
    pthread_mutex_lock(&layers->lock);
    *turn = atomic_load(&layers->turn);
    view->settled = atomic_load(&layers->settled);
    st = fill_view(layers, view);
    pthread_mutex_unlock(&layers->lock);
    txn->view = view;
    if (st != ST_OK || view->count == 0)
        layers_forget(txn);
    return st;
}

enum status layers_renew(struct kv_txn *txn)
{
    struct layers *layers = txn->kv->layers;

    for (;;) {
        uint64_t turn = atomic_load(&layers->turn);
        enum status st = ST_OK;

        if (txn->view != NULL)
            layers_forget(txn);
        if (atomic_load(&layers->has_any))
            st = take_view(txn, &turn);
        if (st == ST_OK)
            st = txn->backend->renew(txn);
        if (st != ST_OK || atomic_load(&layers->turn) == turn)
            return st;
    }
}

bool layers_is_outdated(const struct kv_txn *txn)
{
    return txn->view->settled !=
           atomic_load_explicit(&txn->kv->layers->settled, memory_order_relaxed);
}

enum status layers_get(struct kv_txn *txn, struct kv_store store, struct slice key,
                       struct slice *out, enum layer_answer *answer)
{
    struct kv_view *view = txn->view;

    *answer = LAYER_NOTHING;
    for (unsigned i = 0; i < view->count; i++) {
        struct kv_txn *layer = view->slots[i].txn;
        struct slice value;
        enum status st = layer->backend->get(layer, store, key, &value);

        if (st == ST_NOT_FOUND)
            continue;
        TRY(st);
        *answer = (enum layer_answer)value.data[0];
        *out = slice_of(value.data + 1, value.len - 1);
        return ST_OK;
    }
    return ST_OK;
}

/* ---- cursors ---- */

void layers_cursor_forget(struct kv_cursor *cursor)
{
    struct kv_merge *merge = cursor->merge;

    if (merge == NULL)
        return;
    cursor->merge = NULL;
    for (unsigned i = 0; i < merge->count; i++)
        kv_cursor_close(merge->sources[i]);
    free(merge);
}

static enum status open_merge(struct kv_cursor *cursor)
{
    struct kv_view *view = cursor->txn->view;
    struct kv_merge *merge;
    enum status st = ST_OK;

    if (cursor->merge != NULL)
        return ST_OK;
    merge = calloc(1, sizeof(*merge));
    if (merge == NULL)
        return ST_NO_MEMORY;
    cursor->merge = merge;
    for (unsigned i = 0; st == ST_OK && i <= view->count; i++) {
        struct kv_txn *txn = i < view->count ? view->slots[i].txn : cursor->txn;

        st = kv_cursor_open(txn, cursor->store, &merge->sources[i]);
        if (st == ST_OK) {
            merge->sources[i]->is_below = true;
            merge->count++;
        }
    }
    if (st != ST_OK)
        layers_cursor_forget(cursor);
    return st;
}

static enum status note_done(struct kv_merge *merge, unsigned i, enum status st)
{
    merge->is_done[i] = st == ST_DONE;
    return st == ST_DONE ? ST_OK : st;
}

/* Move every source that stands on the merge's key. */
static enum status step_equal(struct kv_merge *merge)
{
    struct slice at = slice_of(merge->key, merge->key_len);

    for (unsigned i = 0; i < merge->count; i++) {
        struct kv_cursor *source = merge->sources[i];

        if (!merge->is_done[i] && slice_equal(kv_key(source), at))
            TRY(note_done(merge, i, merge->is_forward ? kv_next(source) : kv_prev(source)));
    }
    return ST_OK;
}

/* The source that comes next; of several with one key the newest. -1: none. */
static int nearest(const struct kv_merge *merge)
{
    int best = -1;

    for (unsigned i = 0; i < merge->count; i++) {
        int order;

        if (merge->is_done[i])
            continue;
        order =
            best < 0 ? 1 : slice_compare(kv_key(merge->sources[best]), kv_key(merge->sources[i]));
        if (best < 0 || (merge->is_forward ? order > 0 : order < 0))
            best = (int)i;
    }
    return best;
}

static enum status pick(struct kv_cursor *cursor)
{
    struct kv_merge *merge = cursor->merge;

    for (;;) {
        int best = nearest(merge);
        struct kv_position at;

        if (best < 0)
            return ST_DONE;
        at = merge->sources[best]->position;
        assert(at.key.len <= sizeof(merge->key));
        memcpy(merge->key, at.key.data, at.key.len);
        merge->key_len = at.key.len;
        if ((unsigned)best < merge->count - 1) { /* a layer's */
            if (at.value.data[0] == LAYER_DELETED) {
                TRY(step_equal(merge));
                continue;
            }
            at.value = slice_of(at.value.data + 1, at.value.len - 1);
            at.is_checked = false;
        }
        cursor->position = at;
        return ST_OK;
    }
}

enum status layers_seek(struct kv_cursor *cursor, struct slice at_least)
{
    struct kv_merge *merge;

    TRY(open_merge(cursor));
    merge = cursor->merge;
    merge->is_forward = true;
    for (unsigned i = 0; i < merge->count; i++)
        TRY(note_done(merge, i, kv_seek(merge->sources[i], at_least)));
    return pick(cursor);
}

enum status layers_seek_before(struct kv_cursor *cursor, struct slice before)
{
    struct kv_merge *merge;

    TRY(open_merge(cursor));
    merge = cursor->merge;
    merge->is_forward = false;
    for (unsigned i = 0; i < merge->count; i++)
        TRY(note_done(merge, i, kv_seek_before(merge->sources[i], before)));
    return pick(cursor);
}

enum status layers_next(struct kv_cursor *cursor)
{
    struct kv_merge *merge = cursor->merge;

    if (!merge->is_forward) {
        char place[KV_KEY_BYTES_MAX];
        struct slice key = {place, merge->key_len};

        memcpy(place, merge->key, key.len);
        TRY(layers_seek(cursor, key));
        if (!slice_equal(cursor->position.key, key))
            return ST_OK;
    }
    TRY(step_equal(merge));
    return pick(cursor);
}

enum status layers_prev(struct kv_cursor *cursor)
{
    struct kv_merge *merge = cursor->merge;

    if (merge->is_forward) {
        char place[KV_KEY_BYTES_MAX];
        struct slice key = {place, merge->key_len};

        memcpy(place, merge->key, key.len);
        return layers_seek_before(cursor, key);
    }
    TRY(step_equal(merge));
    return pick(cursor);
}
