#include "storage/kv/overlay.h"

struct overlay_range {
    size_t offset, from_len, to_len;
};

void overlay_clear(struct overlay *overlay)
{
    overlay->pool.version = 1; /* there is only one: everything changes in place */
    tree_free_doomed(&overlay->pool);
    tree_discard(&overlay->pool, overlay->root);
    overlay->root = NULL;
    buf_clear(&overlay->ranges);
    buf_clear(&overlay->range_bytes);
}

void overlay_deinit(struct overlay *overlay)
{
    overlay_clear(overlay);
    tree_pool_deinit(&overlay->pool);
    buf_free(&overlay->ranges);
    buf_free(&overlay->range_bytes);
}

static enum status put_entry(struct overlay *overlay, struct slice key, enum overlay_answer answer,
                             struct slice value)
{
    char *room = NULL;

    overlay->pool.version = 1;
    TRY(tree_put(&overlay->pool, &overlay->root, key, 1 + value.len, &room));
    if (value.len != 0)
        memmove(room + 1, value.data, value.len);
    room[0] = (char)answer;
    return ST_OK;
}

enum status overlay_put(struct overlay *overlay, struct slice key, struct slice value)
{
    return put_entry(overlay, key, OVERLAY_VALUE, value);
}

enum status overlay_delete(struct overlay *overlay, struct slice key)
{
    return put_entry(overlay, key, OVERLAY_DELETED, slice_empty());
}

enum status overlay_delete_range(struct overlay *overlay, struct slice from, struct slice to)
{
    struct overlay_range range = {overlay->range_bytes.len, from.len, to.len};

    overlay->pool.version = 1;
    TRY(tree_delete_range(&overlay->pool, &overlay->root, from, to));
    buf_append_slice(&overlay->range_bytes, from);
    buf_append_slice(&overlay->range_bytes, to);
    buf_append(&overlay->ranges, &range, sizeof range);
    return overlay->ranges.failed || overlay->range_bytes.failed ? ST_NO_MEMORY : ST_OK;
}

static enum overlay_answer open_entry(struct slice entry, struct slice *value)
{
    *value = (struct slice){entry.data + 1, entry.len - 1};
    return (enum overlay_answer)entry.data[0];
}

enum overlay_answer overlay_read(const struct tree_cursor *cursor, struct slice *key,
                                 struct slice *value)
{
    struct slice entry = {0};

    tree_read(cursor, key, &entry);
    return open_entry(entry, value);
}

bool overlay_covers(const struct overlay *overlay, struct slice key, struct slice *from,
                    struct slice *to)
{
    for (size_t i = 0; i < overlay->ranges.len; i += sizeof(struct overlay_range)) {
        struct overlay_range range;

        memcpy(&range, overlay->ranges.data + i, sizeof range);
        *from = slice_of(overlay->range_bytes.data + range.offset, range.from_len);
        *to = slice_of(from->data + range.from_len, range.to_len);
        if (slice_compare(key, *from) >= 0 && slice_compare(key, *to) < 0)
            return true;
    }
    return false;
}

enum overlay_answer overlay_get(const struct overlay *overlay, struct slice key,
                                struct slice *value)
{
    struct slice entry = {0}, from = {0}, to = {0};

    if (tree_get(overlay->root, key, &entry))
        return open_entry(entry, value);
    return overlay_covers(overlay, key, &from, &to) ? OVERLAY_DELETED : OVERLAY_NOTHING;
}
