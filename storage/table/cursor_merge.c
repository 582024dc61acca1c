/* cursor_merge: the entries of one store as a transaction sees them: its own delta over pending
 * commits over the kv. Without changes above it a cursor is just the kv cursor; the first change
 * moves it here. */
#include "storage/table/table_internal.h"
#include <assert.h>
#include <stdlib.h>

enum status raw_bind_own(struct cursor *cursor)
{
    TRY(cursor_leave_run(cursor));
    cursor->own = delta_use_store(own_delta(cursor->txn), cursor->store);
    cursor->own_place.store = cursor->own;
    return cursor->own == NULL ? ST_NO_MEMORY : ST_OK;
}

enum status raw_bind(struct cursor *cursor)
{
    struct txn *txn = cursor->txn;

    cursor->layer_count = 0;
    cursor->is_hidden = false;
    cursor->own = NULL;
    cursor->state = CURSOR_NOWHERE;
    cursor->run_at = cursor->run_count = 0;
    cursor->kv_is_beyond = false;
    if (!txn->is_write)
        return ST_OK;
    TRY(raw_bind_own(cursor));
    for (unsigned i = 0; i < txn->layer_count; i++) {
        struct delta_store *store = delta_find_store(&txn->layers[i]->delta, cursor->store.id);

        if (store == NULL || (store->entry_count == 0 && !store->is_cleared && !store->is_created))
            continue;
        if (store->is_cleared || store->is_created) { /* nothing older shows through */
            cursor->is_hidden = true;
            cursor->layer_count = 0;
        }
        if (cursor->layer_count == cursor->layer_room) {
            unsigned room = cursor->layer_room + 8;
            struct delta_place *bigger = realloc(cursor->layers, room * sizeof(*bigger));

            if (bigger == NULL)
                return ST_NO_MEMORY;
            cursor->layers = bigger;
            cursor->layer_room = room;
        }
        cursor->layers[cursor->layer_count++] = (struct delta_place){.store = store};
    }
    return ST_OK;
}

static inline enum status need_kv(struct cursor *cursor)
{
    if (cursor->kv != NULL)
        return ST_OK;
    return kv_cursor_open(cursor->txn->kv, cursor->store, &cursor->kv);
}

static inline enum status take_kv(struct cursor *cursor, enum status st)
{
    if (st != ST_OK) {
        cursor->state = CURSOR_NOWHERE;
        return st;
    }
    cursor->state = CURSOR_KV;
    cursor->key = kv_key(cursor->kv);
    cursor->value = kv_value(cursor->kv);
    return ST_OK;
}

/* ---- many sources ---- */

static bool is_own_opaque(const struct cursor *cursor)
{
    return cursor->own->is_created || cursor->own->is_cleared;
}

/* Where every source stands when the merge goes on in one direction from `key`. */
enum from { FROM_AT_LEAST, FROM_AFTER, FROM_BEFORE };

static void seek_place(struct delta_place *place, enum from from, struct slice key)
{
    switch (from) {
    case FROM_AT_LEAST:
        delta_seek(place, key);
        break;
    case FROM_AFTER:
        delta_seek_after(place, key);
        break;
    case FROM_BEFORE:
        delta_seek_before(place, key);
        break;
    }
}

static enum status seek_kv(struct cursor *cursor, enum from from, struct slice key)
{
    enum status st;

    cursor->is_kv_done = true;
    if (cursor->is_hidden || is_own_opaque(cursor))
        return ST_OK;
    TRY(need_kv(cursor));
    st = from == FROM_BEFORE ? kv_seek_before(cursor->kv, key)
         : key.len == 0      ? kv_first(cursor->kv)
                             : kv_seek(cursor->kv, key);
    if (st == ST_OK && from == FROM_AFTER && slice_equal(kv_key(cursor->kv), key))
        st = kv_next(cursor->kv);
    cursor->is_kv_done = st != ST_OK;
    return st == ST_DONE ? ST_OK : st;
}

static enum status step_kv(struct cursor *cursor)
{
    enum status st = cursor->is_forward ? kv_next(cursor->kv) : kv_prev(cursor->kv);

    cursor->is_kv_done = st != ST_OK;
    return st == ST_DONE ? ST_OK : st;
}

static void step_place(struct delta_place *place, bool is_forward)
{
    if (is_forward)
        delta_next(place);
    else
        delta_prev(place);
}

/* The nearest entry of all sources, the newest where several have the key. NULL with *has_kv: the
 * kv's. */
static struct delta_entry *nearest(const struct cursor *cursor, struct slice *key, bool *has_any)
{
    struct delta_entry *best = NULL;

    *has_any = !cursor->is_kv_done;
    if (*has_any)
        *key = kv_key(cursor->kv);
    for (unsigned i = 0; i <= cursor->layer_count; i++) {
        struct delta_entry *entry =
            i < cursor->layer_count ? cursor->layers[i].entry : cursor->own_place.entry;
        int order;

        if (entry == NULL || (i < cursor->layer_count && is_own_opaque(cursor)))
            continue;
        order = *has_any ? slice_compare(delta_key(entry), *key) : 0;
        if (!*has_any || (cursor->is_forward ? order <= 0 : order >= 0)) {
            best = entry;
            *key = delta_key(entry);
            *has_any = true;
        }
    }
    return best;
}

/* Step every source that stands on `key`, which is not lent by any of them. */
static enum status step_equal(struct cursor *cursor, struct slice key)
{
    if (!cursor->is_kv_done && slice_equal(kv_key(cursor->kv), key))
        TRY(step_kv(cursor));
    for (unsigned i = 0; i < cursor->layer_count; i++)
        if (cursor->layers[i].entry != NULL && slice_equal(delta_key(cursor->layers[i].entry), key))
            step_place(&cursor->layers[i], cursor->is_forward);
    if (cursor->own_place.entry != NULL && slice_equal(delta_key(cursor->own_place.entry), key))
        step_place(&cursor->own_place, cursor->is_forward);
    return ST_OK;
}

static void copy_last_key(struct cursor *cursor, struct slice key)
{
    cursor->last_key.len = 0;
    buf_append_slice(&cursor->last_key, key);
}

/* Stand on the nearest entry that is not a deletion. */
static enum status pick(struct cursor *cursor)
{
    for (;;) {
        struct slice key = slice_empty();
        bool has_any;
        struct delta_entry *entry = nearest(cursor, &key, &has_any);

        if (!has_any) {
            cursor->state = CURSOR_NOWHERE;
            return ST_DONE;
        }
        if (entry == NULL || entry->state == DELTA_PUT) {
            cursor->state = CURSOR_MERGED;
            cursor->key = key;
            cursor->value = entry == NULL ? kv_value(cursor->kv) : delta_value(entry);
            return ST_OK;
        }
        /* Keys of a delta never move, so the deletion's own key may be compared with. */
        TRY(step_equal(cursor, key));
    }
}

static enum status merge_from(struct cursor *cursor, enum from from, struct slice key)
{
    cursor->is_forward = from != FROM_BEFORE;
    cursor->state = CURSOR_NOWHERE;
    TRY(seek_kv(cursor, from, key));
    for (unsigned i = 0; i < cursor->layer_count; i++)
        seek_place(&cursor->layers[i], from, key);
    seek_place(&cursor->own_place, from, key);
    return pick(cursor);
}

static enum status merge_step(struct cursor *cursor, bool is_forward)
{
    copy_last_key(cursor, cursor->key);
    if (cursor->last_key.failed)
        return ST_NO_MEMORY;
    if (cursor->state != CURSOR_MERGED || cursor->is_forward != is_forward ||
        cursor->own_place.version != cursor->own->version)
        return merge_from(cursor, is_forward ? FROM_AFTER : FROM_BEFORE,
                          buf_slice(&cursor->last_key));
    TRY(step_equal(cursor, buf_slice(&cursor->last_key)));
    return pick(cursor);
}

/* ---- either way ---- */

enum status raw_seek(struct cursor *cursor, struct slice at_least)
{
    if (!raw_is_plain(cursor))
        return merge_from(cursor, FROM_AT_LEAST, at_least);
    TRY(need_kv(cursor));
    return take_kv(cursor,
                   at_least.len == 0 ? kv_first(cursor->kv) : kv_seek(cursor->kv, at_least));
}

enum status raw_seek_before(struct cursor *cursor, struct slice before)
{
    if (!raw_is_plain(cursor))
        return merge_from(cursor, FROM_BEFORE, before);
    TRY(need_kv(cursor));
    return take_kv(cursor, kv_seek_before(cursor->kv, before));
}

enum status raw_next(struct cursor *cursor)
{
    enum status st;

    if (cursor->state == CURSOR_NOWHERE)
        return ST_DONE;
    if (!raw_is_plain(cursor))
        return merge_step(cursor, true);
    if (cursor->state == CURSOR_KV)
        return take_kv(cursor, kv_next(cursor->kv));
    copy_last_key(cursor, cursor->key); /* a point read, or a merge whose changes were undone */
    st = raw_seek(cursor, buf_slice(&cursor->last_key));
    if (st == ST_OK && slice_equal(cursor->key, buf_slice(&cursor->last_key)))
        st = take_kv(cursor, kv_next(cursor->kv));
    return st;
}

enum status raw_prev(struct cursor *cursor)
{
    if (cursor->state == CURSOR_NOWHERE)
        return ST_DONE;
    if (!raw_is_plain(cursor))
        return merge_step(cursor, false);
    if (cursor->state == CURSOR_KV)
        return take_kv(cursor, kv_prev(cursor->kv));
    copy_last_key(cursor, cursor->key);
    return raw_seek_before(cursor, buf_slice(&cursor->last_key));
}
