/* Distinct rows: DISTINCT, UNION, INTERSECT, EXCEPT, IN, keys already seen.
 *
 * A set holds the coded key of each row, and the row itself when it is to be read back. Once memory
 * is full, keys go to a file and only their hash and place (24 bytes) stay. */
#include "vdbe/vm/hashtable.h"
#include "vdbe/vm/vm_internal.h"

struct item {
    store_ref_t ref; /* key, then the packed row */
    uint64_t hash;
    uint32_t key_bytes, row_bytes;
    bool is_deleted;
};

struct keyset {
    const struct object_spec *spec;
    struct store store;
    struct hash_index index;
    struct buf items; /* struct item */
    struct buf key, packed, scratch, read_scratch;
    uint64_t next;
    uint64_t live;
    bool has_null_row; /* some row has a null part */
};

enum status keyset_new(const struct object_spec *spec, size_t memory_bytes, const char *directory,
                       struct keyset **out)
{
    struct keyset *set = calloc(1, sizeof(*set));

    if (set == NULL)
        return ST_NO_MEMORY;
    set->spec = spec;
    store_init(&set->store, memory_bytes, directory);
    *out = set;
    return ST_OK;
}

void keyset_free(struct keyset *set)
{
    if (set == NULL)
        return;
    store_deinit(&set->store);
    hash_index_free(&set->index);
    buf_free(&set->items);
    buf_free(&set->key);
    buf_free(&set->packed);
    buf_free(&set->scratch);
    buf_free(&set->read_scratch);
    free(set);
}

void keyset_clear(struct keyset *set)
{
    set->next = 0;
    set->live = 0;
    set->has_null_row = false;
    if (set->items.len == 0)
        return;
    store_clear(&set->store);
    hash_index_clear(&set->index);
    buf_clear(&set->items);
}

static struct item *item_at(const struct keyset *set, uint64_t number)
{
    return (struct item *)(void *)set->items.data + number;
}

static uint64_t hash_of_item(const void *context, uint32_t number)
{
    return item_at(context, number)->hash;
}

/* The item with this key (deleted ones too), or NULL. */
static enum status find(struct keyset *set, struct slice key, uint64_t hash, struct item **out)
{
    *out = NULL;
    if (set->index.slots == NULL)
        return ST_OK;
    for (uint64_t at = hash & set->index.mask; set->index.slots[at].item != 0;
         at = (at + 1) & set->index.mask) {
        struct item *item;
        const char *bytes;

        if (set->index.slots[at].hash != (uint32_t)(hash >> 32))
            continue;
        item = item_at(set, set->index.slots[at].item - 1);
        if (item->hash != hash || item->key_bytes != key.len)
            continue;
        TRY(store_get(&set->store, item->ref, item->key_bytes, &set->scratch, &bytes));
        if (key.len == 0 || memcmp(bytes, key.data, key.len) == 0) {
            *out = item;
            return ST_OK;
        }
    }
    return ST_OK;
}

/* set->packed holds key and row. */
static enum status insert(struct keyset *set, uint64_t hash, size_t key_bytes)
{
    struct item item = {.hash = hash, .key_bytes = (uint32_t)key_bytes};
    uint64_t at;

    if (set->packed.len > UINT32_MAX)
        return ST_TOO_BIG;
    item.row_bytes = (uint32_t)(set->packed.len - key_bytes);
    TRY(hash_index_grow(&set->index, hash_of_item, set));
    TRY(store_add(&set->store, buf_slice(&set->packed), &item.ref));
    buf_append(&set->items, &item, sizeof(item));
    TRY(buf_status(&set->items));
    at = hash & set->index.mask;
    while (set->index.slots[at].item != 0)
        at = (at + 1) & set->index.mask;
    set->index.slots[at] = (struct hash_slot){.hash = (uint32_t)(hash >> 32),
                                              .item = (uint32_t)(set->items.len / sizeof(item))};
    set->index.count++;
    set->live++;
    return ST_OK;
}

static enum status add(struct keyset *set, struct slice key, const struct value *row)
{
    const uint64_t hash = bytes_hash(key.data, key.len);
    struct item *item;

    TRY(find(set, key, hash, &item));
    if (item != NULL && !item->is_deleted)
        return ST_EXISTS;
    if (item != NULL) {
        item->is_deleted = false;
        set->live++;
        return ST_OK;
    }
    buf_clear(&set->packed);
    buf_append_slice(&set->packed, key);
    if (row != NULL && set->spec->row_count != 0)
        TRY(row_pack(&set->packed, row, set->spec->key_count));
    TRY(buf_status(&set->packed));
    return insert(set, hash, key.len);
}

enum status keyset_add(struct keyset *set, const struct value *row)
{
    bool has_null;

    TRY(key_of_row(&set->key, row, set->spec->key_count, set->spec->parts, &has_null));
    set->has_null_row |= has_null;
    return add(set, buf_slice(&set->key), row);
}

enum status keyset_add_bytes(struct keyset *set, struct slice key)
{
    return add(set, key, NULL);
}

enum status keyset_has_bytes(struct keyset *set, struct slice key)
{
    struct item *item;

    TRY(find(set, key, bytes_hash(key.data, key.len), &item));
    return item != NULL && !item->is_deleted ? ST_EXISTS : ST_OK;
}

enum status keyset_has(struct keyset *set, const struct value *row)
{
    bool has_null;

    TRY(key_of_row(&set->key, row, set->spec->key_count, set->spec->parts, &has_null));
    return keyset_has_bytes(set, buf_slice(&set->key));
}

enum status keyset_delete(struct keyset *set, const struct value *row)
{
    struct item *item;
    bool has_null;

    TRY(key_of_row(&set->key, row, set->spec->key_count, set->spec->parts, &has_null));
    TRY(find(set, buf_slice(&set->key), bytes_hash(set->key.data, set->key.len), &item));
    if (item != NULL && !item->is_deleted) {
        item->is_deleted = true;
        set->live--;
    }
    return ST_OK;
}

void keyset_rewind(struct keyset *set)
{
    set->next = 0;
}

enum status keyset_next(struct keyset *set, struct value *out, unsigned count)
{
    const uint64_t end = set->items.len / sizeof(struct item);

    while (set->next < end) {
        const struct item *item = item_at(set, set->next++);
        const char *bytes;

        if (item->is_deleted)
            continue;
        TRY(store_get(&set->store, item->ref, (size_t)item->key_bytes + item->row_bytes,
                      &set->read_scratch, &bytes));
        row_unpack(bytes + item->key_bytes, out, count);
        return ST_OK;
    }
    return ST_DONE;
}

/* Could `row` be equal to `other` if their nulls were known? */
static bool could_equal(const struct keyset *set, const struct value *row,
                        const struct value *other)
{
    for (unsigned k = 0; k < set->spec->key_count; k++)
        if (!value_is_null(row[k]) && !value_is_null(other[k]) &&
            value_compare(row[k], other[k], (enum collation)set->spec->parts[k].collation) != 0)
            return false;
    return true;
}

/* SQL's IN: 1, 0, or null when a null leaves it open. */
enum status keyset_in(struct keyset *set, const struct value *row, struct value *out)
{
    const unsigned count = set->spec->key_count;
    bool has_null = false;
    enum status st;

    *out = value_int(0);
    if (set->live == 0)
        return ST_OK;
    TRY(key_of_row(&set->key, row, count, set->spec->parts, &has_null));
    if (!has_null) {
        st = keyset_has_bytes(set, buf_slice(&set->key));
        if (st == ST_EXISTS)
            *out = value_int(1);
        if (st != ST_OK)
            return st == ST_EXISTS ? ST_OK : st;
        if (!set->has_null_row)
            return ST_OK;
    }
    if (count == 1) {
        *out = value_null();
        return ST_OK;
    }
    set->next = 0;
    for (;;) {
        struct value other[64];

        if (count > COUNT_OF(other))
            return ST_LIMIT;
        st = keyset_next(set, other, count);
        if (st != ST_OK)
            return st == ST_DONE ? ST_OK : st;
        if (could_equal(set, row, other)) {
            *out = value_null();
            return ST_OK;
        }
    }
}
