/* index_build: fill a new index from the rows there are. Entries are collected, sorted and appended
 * in order. */
#include "storage/table/table_internal.h"
#include <stdlib.h>

struct entry {
    uint64_t head; /* first 8 bytes, big-endian: decides most comparisons */
    size_t start;
    uint32_t len, parts_len; /* parts_len 0: a part is null, so no conflict */
};

struct build {
    struct txn *txn;
    const struct table *table;
    unsigned at;
    struct buf bytes;
    struct buf entries; /* struct entry each */
    size_t count;
    struct error *err;
};

static int order_entries(const void *a, const void *b, void *bytes)
{
    const struct entry *left = a, *right = b;
    const char *data = bytes;

    if (left->head != right->head)
        return left->head < right->head ? -1 : 1;
    return slice_compare(slice_of(data + left->start, left->len),
                         slice_of(data + right->start, right->len));
}

static enum status add_entry(struct build *build, const struct index_keys *keys, size_t k)
{
    const struct index_key *key = index_key_at(keys, k);
    struct slice bytes = index_key_slice(keys, k);
    struct entry entry = {.start = build->bytes.len,
                          .len = (uint32_t)key->len,
                          .parts_len = key->has_null ? 0 : (uint32_t)key->parts_len};

    for (size_t i = 0; i < 8; i++)
        entry.head = entry.head << 8 | (i < bytes.len ? (uint8_t)bytes.data[i] : 0u);
    buf_append_slice(&build->bytes, bytes);
    buf_append(&build->entries, &entry, sizeof(entry));
    build->count++;
    if (build->bytes.failed || build->entries.failed)
        return ST_NO_MEMORY;
    if (build->bytes.len + build->entries.len > build->txn->db->options.transaction_bytes_max)
        return ST_LIMIT;
    return ST_OK;
}

/* Raw: expired rows are still there and still have entries; tombstones have none. */
enum status index_build_row(struct cursor *rows, struct row_view *out)
{
    const struct record *record;

    if (rows->is_dirty) {
        rows->is_dirty = rows->is_opened = rows->has_parts = false;
        arena_reset(&rows->arena);
    }
    TRY(long_key_split(rows->key, rows->value, &rows->key, &rows->value));
    if (rows->value.len != 0 && (rows->value.data[0] & RECORD_DEAD) != 0)
        return ST_NOT_FOUND;
    TRY(cursor_record(rows, &record));
    *out = (struct row_view){record->shape, NULL, record, record->key_values};
    return ST_OK;
}

static enum status collect(struct build *build)
{
    struct index_keys keys = {0};
    struct cursor *rows = NULL;
    enum status st;

    TRY_OUT(cursor_open_table(build->txn, build->table, &rows));
    for (st = raw_seek(rows, slice_empty()); st == ST_OK; st = raw_next(rows)) {
        struct row_view view;

        st = index_build_row(rows, &view);
        if (st == ST_NOT_FOUND)
            continue;
        TRY_OUT(st);
        arena_reset(&build->txn->scratch);
        TRY_OUT(index_keys_of(build->txn, build->table, build->at, &view, &keys, build->err));
        for (size_t k = 0; k < keys.count; k++)
            TRY_OUT(add_entry(build, &keys, k));
    }
    if (st == ST_DONE)
        st = ST_OK;
out:
    cursor_close(rows);
    index_keys_free(&keys);
    return st;
}

static struct slice entry_slice(const struct build *build, const struct entry *entry, size_t len)
{
    return slice_of(build->bytes.data + entry->start, len);
}

static bool is_conflict(const struct build *build, const struct entry *a, const struct entry *b)
{
    return a->parts_len != 0 && a->parts_len == b->parts_len &&
           slice_equal(entry_slice(build, a, a->parts_len), entry_slice(build, b, b->parts_len));
}

/* In SQLite's words: the columns, or the index when an expression has no name. */
static enum status fail_duplicate(const struct build *build, const struct index *index)
{
    const struct table *table = build->table;
    struct buf columns = {0};
    enum status st;

    for (uint16_t k = 0; k < index->part_count; k++) {
        if (index->parts[k].attribute == ATTRIBUTE_NONE) {
            buf_clear(&columns);
            buf_printf(&columns, "index '%.*s'", (int)index->name.len, index->name.data);
            break;
        }
        buf_printf(&columns, "%s%.*s.%.*s", k > 0 ? ", " : "", (int)table->name.len,
                   table->name.data, (int)table->attributes[index->parts[k].attribute].name.len,
                   table->attributes[index->parts[k].attribute].name.data);
    }
    st = error_set(build->err, ST_DUPLICATE, -1, "UNIQUE constraint failed: %.*s", (int)columns.len,
                   columns.data);
    buf_free(&columns);
    return st;
}

static enum status append_all(struct build *build)
{
    const struct index *index = &build->table->indexes[build->at];
    struct delta_store *store = delta_use_store(own_delta(build->txn), store_of_index(index));
    struct index_stats *stats = index_stats_of(build->table->stats, index);
    const struct entry *entries = (const struct entry *)(const void *)build->entries.data;

    if (store == NULL)
        return ST_NO_MEMORY;
    for (size_t i = 0; i < build->count; i++) {
        struct slice key = entry_slice(build, &entries[i], entries[i].len);

        if (index->is_unique && i > 0 && is_conflict(build, &entries[i - 1], &entries[i]))
            return fail_duplicate(build, index);
        TRY(store_put(build->txn, store, key, slice_empty()));
        if (stats != NULL)
            index_stats_add(stats, index, key);
    }
    return ST_OK;
}

enum status index_build(struct txn *txn, const struct table *table, unsigned index,
                        struct error *err)
{
    struct build build = {.txn = txn, .table = table, .at = index, .err = err};
    enum status st = FAILPOINT("catalog.index_build");

    if (st == ST_OK)
        st = collect(&build);
    if (st == ST_OK && build.count != 0)
        qsort_r(build.entries.data, build.count, sizeof(struct entry), order_entries,
                build.bytes.data);
    if (st == ST_OK)
        st = append_all(&build);
    buf_free(&build.bytes);
    buf_free(&build.entries);
    return txn_delta_error(txn, st, err);
}
