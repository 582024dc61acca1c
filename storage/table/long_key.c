/* long_key: keys beyond what a store takes. docs/storage-format.md, "Keys". A cut key sorts by its
 * hash among those with the same beginning, so a cursor that comes to such keys reads all of them
 * and sorts them by what they are. */
#include "storage/table/table_internal.h"
#include <stdlib.h>

struct bucket_entry {
    struct slice key, value;
};

struct bucket {
    struct buf prefix;
    struct buf entries; /* struct bucket_entry each */
    struct arena arena;
    size_t count, at;
    uint64_t version; /* of the own delta when it was read */
};

enum status long_key_split(struct slice stored_key, struct slice stored_value, struct slice *key,
                           struct slice *value)
{
    uint64_t len;

    *key = stored_key;
    *value = stored_value;
    if (stored_key.len != KEY_BYTES_MAX)
        return ST_OK;
    if (!read_varint(value, &len) || len > value->len || !read_bytes(value, (size_t)len, key))
        return ST_CORRUPT;
    return ST_OK;
}

struct slice long_key_stored(struct slice key, struct buf *room)
{
    if (key.len <= KEY_BYTES_MAX)
        return key;
    buf_clear(room);
    buf_append_slice(room, key);
    if (!room->failed)
        (void)key_shorten(room);
    return buf_slice(room);
}

enum status long_key_get(struct txn *txn, struct kv_store store, struct slice key, struct buf *room,
                         struct slice *value)
{
    struct slice stored, full;

    if (key.len < KEY_BYTES_MAX)
        return txn_get(txn, store, key, value);
    stored = long_key_stored(key, room);
    if (room->failed)
        return ST_NO_MEMORY;
    TRY(txn_get(txn, store, stored, value));
    TRY(long_key_split(stored, *value, &full, value));
    return slice_equal(full, key) ? ST_OK : ST_NOT_FOUND;
}

enum status store_put(struct txn *txn, struct delta_store *changes, struct slice key,
                      struct slice value)
{
    struct buf stored = {0}, whole = {0};
    enum status st = ST_NO_MEMORY;

    if (key.len < KEY_BYTES_MAX)
        return delta_put(own_delta(txn), changes, key, value);
    buf_append_slice(&stored, key);
    buf_append_varint(&whole, key.len);
    buf_append_slice(&whole, key);
    buf_append_slice(&whole, value);
    if (!stored.failed && !whole.failed) {
        (void)key_shorten(&stored);
        st = delta_put(own_delta(txn), changes, buf_slice(&stored), buf_slice(&whole));
    }
    buf_free(&stored);
    buf_free(&whole);
    return st;
}

enum status store_delete(struct txn *txn, struct delta_store *changes, struct slice key)
{
    struct buf room = {0};
    struct slice stored = long_key_stored(key, &room);
    enum status st = room.failed ? ST_NO_MEMORY : delta_delete(own_delta(txn), changes, stored);

    buf_free(&room);
    return st;
}

/* ---- buckets ---- */

void bucket_free(struct cursor *cursor)
{
    struct bucket *bucket = cursor->bucket;

    if (bucket == NULL)
        return;
    buf_free(&bucket->prefix);
    buf_free(&bucket->entries);
    arena_deinit(&bucket->arena);
    free(bucket);
    cursor->bucket = NULL;
}

struct slice bucket_prefix(const struct cursor *cursor)
{
    return buf_slice(&cursor->bucket->prefix);
}

static struct bucket_entry *entry_at(const struct bucket *bucket, size_t k)
{
    return (struct bucket_entry *)(void *)bucket->entries.data + k;
}

static int order_entries(const void *a, const void *b)
{
    const struct bucket_entry *left = a, *right = b;

    return slice_compare(left->key, right->key);
}

static enum status add_entry(struct bucket *bucket, struct slice stored_key,
                             struct slice stored_value)
{
    struct bucket_entry entry;

    TRY(long_key_split(stored_key, stored_value, &entry.key, &entry.value));
    entry.key = arena_copy(&bucket->arena, entry.key);
    entry.value = arena_copy(&bucket->arena, entry.value);
    buf_append(&bucket->entries, &entry, sizeof(entry));
    bucket->count++;
    return bucket->arena.failed || bucket->entries.failed ? ST_NO_MEMORY : ST_OK;
}

/* Read everything that begins with the LONG_KEY_BYTES of `key`. */
static enum status fill(struct cursor *cursor, struct slice key)
{
    struct bucket *bucket = cursor->bucket;
    struct slice prefix;
    enum status st;

    if (bucket == NULL) {
        bucket = cursor->bucket = calloc(1, sizeof(*bucket));
        if (bucket == NULL)
            return ST_NO_MEMORY;
    }
    if (key.data != bucket->prefix.data) {
        buf_clear(&bucket->prefix);
        buf_append(&bucket->prefix, key.data, LONG_KEY_BYTES);
    }
    if (bucket->prefix.failed)
        return ST_NO_MEMORY;
    prefix = buf_slice(&bucket->prefix);
    arena_reset(&bucket->arena);
    buf_clear(&bucket->entries);
    bucket->count = 0;
    bucket->version = cursor->own == NULL ? 0 : cursor->own->version;
    for (st = raw_seek(cursor, prefix); st == ST_OK && slice_starts_with(cursor->key, prefix);
         st = raw_next(cursor))
        TRY(add_entry(bucket, cursor->key, cursor->value));
    if (st != ST_OK && st != ST_DONE)
        return st;
    if (bucket->count != 0)
        qsort(bucket->entries.data, bucket->count, sizeof(struct bucket_entry), order_entries);
    return ST_OK;
}

static enum status stand(struct cursor *cursor, size_t at)
{
    struct bucket *bucket = cursor->bucket;

    if (at >= bucket->count) { /* also -1 */
        cursor->state = CURSOR_NOWHERE;
        return ST_DONE;
    }
    bucket->at = at;
    cursor->state = CURSOR_BUCKET;
    cursor->key = entry_at(bucket, at)->key;
    cursor->value = entry_at(bucket, at)->value;
    return ST_OK;
}

/* How many entries are < key, or <= key. */
static size_t count_below(const struct bucket *bucket, struct slice key, bool or_equal)
{
    size_t low = 0, high = bucket->count;

    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = slice_compare(entry_at(bucket, middle)->key, key);

        if (order < 0 || (or_equal && order == 0))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

enum status bucket_enter(struct cursor *cursor, bool at_end)
{
    TRY(fill(cursor, cursor->key));
    return stand(cursor, at_end ? cursor->bucket->count - 1 : 0);
}

enum status bucket_seek(struct cursor *cursor, struct slice at_least)
{
    TRY(fill(cursor, at_least));
    return stand(cursor, count_below(cursor->bucket, at_least, false));
}

enum status bucket_seek_before(struct cursor *cursor, struct slice before)
{
    TRY(fill(cursor, before));
    return stand(cursor, count_below(cursor->bucket, before, false) - 1);
}

/* The own transaction wrote since the bucket was read: read it again and go on from the same key.
 */
static enum status refresh(struct cursor *cursor, size_t *at, bool *is_moved, bool is_forward)
{
    struct bucket *bucket = cursor->bucket;
    struct slice key = cursor->key;

    *is_moved = cursor->own != NULL && cursor->own->version != bucket->version;
    if (!*is_moved)
        return ST_OK;
    cursor->last_key.len = 0;
    buf_append_slice(&cursor->last_key, key);
    if (cursor->last_key.failed)
        return ST_NO_MEMORY;
    {
        struct buf kept = cursor->last_key; /* raw moves use last_key themselves */
        enum status st;

        cursor->last_key = (struct buf){0};
        st = fill(cursor, buf_slice(&bucket->prefix));
        *at = is_forward ? count_below(bucket, buf_slice(&kept), true)
                         : count_below(bucket, buf_slice(&kept), false) - 1;
        buf_free(&kept);
        return st;
    }
}

enum status bucket_next(struct cursor *cursor)
{
    size_t at = cursor->bucket->at + 1;
    bool is_moved;

    TRY(refresh(cursor, &at, &is_moved, true));
    return stand(cursor, at);
}

enum status bucket_prev(struct cursor *cursor)
{
    size_t at = cursor->bucket->at - 1;
    bool is_moved;

    TRY(refresh(cursor, &at, &is_moved, false));
    return stand(cursor, at);
}
