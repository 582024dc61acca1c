/* Rows by key, for joins that no index serves. Rows with one key form a chain. */
#include "vdbe/vm/hashtable.h"
#include "vdbe/vm/vm_internal.h"

struct entry {
    store_ref_t ref; /* key, then the packed row */
    uint64_t hash;
    uint32_t key_bytes, row_bytes;
    uint32_t next, last; /* 1 + entry with the same key; of a chain's first: its last */
};

struct hash_table {
    const struct object_spec *spec;
    struct store store;
    struct hash_index index; /* first entry of each chain */
    struct buf entries;
    struct buf key, packed, scratch, row_scratch;
    const char *row; /* of the present match */
    uint32_t at;     /* 1 + present entry */
};

enum status hash_table_new(const struct object_spec *spec, size_t memory_bytes,
                           const char *directory, struct hash_table **out)
{
    struct hash_table *table = calloc(1, sizeof(*table));

    if (table == NULL)
        return ST_NO_MEMORY;
    table->spec = spec;
    store_init(&table->store, memory_bytes, directory);
    *out = table;
    return ST_OK;
}

void hash_table_free(struct hash_table *table)
{
    if (table == NULL)
        return;
    store_deinit(&table->store);
    hash_index_free(&table->index);
    buf_free(&table->entries);
    buf_free(&table->key);
    buf_free(&table->packed);
    buf_free(&table->scratch);
    buf_free(&table->row_scratch);
    free(table);
}

void hash_table_clear(struct hash_table *table)
{
    table->at = 0;
    table->row = NULL;
    if (table->entries.len == 0)
        return;
    store_clear(&table->store);
    hash_index_clear(&table->index);
    buf_clear(&table->entries);
}

static struct entry *entry_at(const struct hash_table *table, uint32_t number)
{
    return (struct entry *)(void *)table->entries.data + number;
}

static uint64_t hash_of_entry(const void *context, uint32_t number)
{
    return entry_at(context, number)->hash;
}

/* 1 + first entry of the chain with this key, 0: none. */
static enum status find(struct hash_table *table, struct slice key, uint64_t hash, uint32_t *out)
{
    *out = 0;
    if (table->index.slots == NULL)
        return ST_OK;
    for (uint64_t at = hash & table->index.mask; table->index.slots[at].item != 0;
         at = (at + 1) & table->index.mask) {
        const struct hash_slot *slot = &table->index.slots[at];
        const struct entry *entry;
        const char *bytes;

        if (slot->hash != (uint32_t)(hash >> 32))
            continue;
        entry = entry_at(table, slot->item - 1);
        if (entry->hash != hash || entry->key_bytes != key.len)
            continue;
        TRY(store_get(&table->store, entry->ref, entry->key_bytes, &table->scratch, &bytes));
        if (key.len == 0 || memcmp(bytes, key.data, key.len) == 0) {
            *out = slot->item;
            return ST_OK;
        }
    }
    return ST_OK;
}

static enum status add_entry(struct hash_table *table, struct slice key, const struct value *row,
                             uint64_t hash, uint32_t *number)
{
    struct entry entry = {.hash = hash, .key_bytes = (uint32_t)key.len};

    buf_clear(&table->packed);
    buf_append_slice(&table->packed, key);
    TRY(row_pack(&table->packed, row, table->spec->row_count));
    if (table->packed.len > UINT32_MAX)
        return ST_TOO_BIG;
    entry.row_bytes = (uint32_t)(table->packed.len - key.len);
    TRY(store_add(&table->store, buf_slice(&table->packed), &entry.ref));
    buf_append(&table->entries, &entry, sizeof(entry));
    *number = (uint32_t)(table->entries.len / sizeof(entry));
    return buf_status(&table->entries);
}

enum status hash_table_add(struct hash_table *table, const struct value *row)
{
    const unsigned key_count = table->spec->key_count;
    uint32_t first, number;
    uint64_t hash;
    bool has_null;

    TRY(key_of_row(&table->key, row, key_count, table->spec->parts, &has_null));
    if (has_null)
        return ST_OK; /* a null equals nothing */
    hash = bytes_hash(table->key.data, table->key.len);
    TRY(find(table, buf_slice(&table->key), hash, &first));
    TRY(hash_index_grow(&table->index, hash_of_entry, table));
    TRY(add_entry(table, buf_slice(&table->key), row + key_count, hash, &number));
    if (first != 0) {
        struct entry *head = entry_at(table, first - 1);

        entry_at(table, (head->last != 0 ? head->last : first) - 1)->next = number;
        head->last = number;
    } else {
        uint64_t at = hash & table->index.mask;

        while (table->index.slots[at].item != 0)
            at = (at + 1) & table->index.mask;
        table->index.slots[at] = (struct hash_slot){(uint32_t)(hash >> 32), number};
        table->index.count++;
    }
    return ST_OK;
}

static enum status load_row(struct hash_table *table)
{
    const struct entry *entry = entry_at(table, table->at - 1);

    TRY(store_get(&table->store, entry->ref, (size_t)entry->key_bytes + entry->row_bytes,
                  &table->row_scratch, &table->row));
    table->row += entry->key_bytes;
    return ST_OK;
}

enum status hash_table_probe(struct hash_table *table, const struct value *key)
{
    bool has_null;

    table->at = 0;
    TRY(key_of_row(&table->key, key, table->spec->key_count, table->spec->parts, &has_null));
    if (has_null)
        return ST_DONE;
    TRY(find(table, buf_slice(&table->key), bytes_hash(table->key.data, table->key.len),
             &table->at));
    return table->at == 0 ? ST_DONE : load_row(table);
}

enum status hash_table_next(struct hash_table *table)
{
    if (table->at == 0)
        return ST_DONE;
    table->at = entry_at(table, table->at - 1)->next;
    return table->at == 0 ? ST_DONE : load_row(table);
}

void hash_table_row(const struct hash_table *table, struct value *out)
{
    row_unpack(table->row, out, table->spec->row_count);
}
