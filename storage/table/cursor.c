/* cursor: rows and index entries in key order. Upwards from the store: cursor_merge.c gives stored
 * entries, long_key.c the order among cut keys, this file bounds, visibility, and what is read from
 * the row. */
#include "storage/table/table_internal.h"
#include <assert.h>
#include <stdlib.h>

/* ---- runs ---- */

/* A scan takes entries from the kv many at a time where they lie side by side: a step is then a
 * look into an array. Nobody knows at its first step how far a scan will go, so runs begin after
 * some steps and double. A run holds only what readers see, with keys that are not cut, within the
 * range. */
enum { RUN_ENTRIES = 64, RUN_AFTER_STEPS = 3 };

static inline void forget_run(struct cursor *cursor)
{
    cursor->run_at = cursor->run_count = cursor->run_wish = 0;
    cursor->kv_is_beyond = false;
}

enum status cursor_leave_run(struct cursor *cursor)
{
    bool is_ahead = cursor->run_at < cursor->run_count || cursor->kv_is_beyond;

    forget_run(cursor);
    return is_ahead && cursor->state == CURSOR_KV ? kv_seek(cursor->kv, cursor->key) : ST_OK;
}

/* How many of the entries may be stepped over without looking at them one by one. */
static unsigned count_simple(const struct cursor *cursor, unsigned count)
{
    const struct kv_entry *run = cursor->run;

    for (unsigned k = 0; k < count; k++)
        if (run[k].key.len >= LONG_KEY_BYTES ||
            (cursor->is_table && run[k].value.len != 0 &&
             ((uint8_t)run[k].value.data[0] & (RECORD_DEAD | RECORD_EXPIRY)) != 0))
            return k;
    return count;
}

/* ST_NOT_FOUND: there is none to be had here, make a step. ST_DONE: the range ends. */
static __attribute__((noinline)) enum status take_run(struct cursor *cursor)
{
    unsigned count, simple;

    if (cursor->own != NULL) /* a writer's own changes may come to lie among the entries */
        return ST_NOT_FOUND;
    if (cursor->run_wish < RUN_AFTER_STEPS) {
        cursor->run_wish++;
        return ST_NOT_FOUND;
    }
    if (cursor->run == NULL)
        cursor->run = malloc(RUN_ENTRIES * sizeof(*cursor->run));
    if (cursor->run == NULL)
        return ST_NOT_FOUND;
    buf_clear(&cursor->seek_buf);
    buf_append_slice(&cursor->seek_buf, cursor->key); /* the kv may take it back */
    if (cursor->seek_buf.failed)
        return ST_NO_MEMORY;
    count = kv_run(cursor->kv, cursor->run, cursor->run_wish);
    if (count == 0)
        return ST_NOT_FOUND;
    simple = count_simple(cursor, count);
    if (simple < count) { /* back to where the others begin */
        cursor->run_wish = 0;
        TRY(kv_seek(cursor->kv,
                    simple == 0 ? buf_slice(&cursor->seek_buf) : cursor->run[simple - 1].key));
        if (simple == 0)
            return ST_NOT_FOUND;
    }
    while (cursor->end.len != 0 && simple > 0 &&
           slice_compare(cursor->run[simple - 1].key, cursor->end) >= 0) {
        simple--;
        cursor->kv_is_beyond = true;
    }
    cursor->run_wish =
        (uint8_t)(cursor->run_wish * 2 > RUN_ENTRIES ? RUN_ENTRIES : cursor->run_wish * 2);
    cursor->run_at = 0;
    cursor->run_count = (uint8_t)simple;
    return simple == 0 ? ST_DONE : ST_OK;
}

/* ---- opening ---- */

static void attach(struct cursor *cursor, struct txn *txn)
{
    cursor->txn = txn;
    cursor->newer = NULL;
    cursor->older = txn->cursors;
    if (cursor->older != NULL)
        cursor->older->newer = cursor;
    txn->cursors = cursor;
}

void cursor_detach(struct cursor *cursor)
{
    if (cursor->txn == NULL)
        return;
    forget_run(cursor);
    kv_cursor_close(cursor->kv);
    cursor->kv = NULL;
    cursor->own = NULL;
    cursor->layer_count = 0;
    cursor->is_hidden = false;
    cursor->state = CURSOR_NOWHERE;
    if (cursor->newer != NULL)
        cursor->newer->older = cursor->older;
    else
        cursor->txn->cursors = cursor->older;
    if (cursor->older != NULL)
        cursor->older->newer = cursor->newer;
    cursor->txn = NULL;
}

static enum status cursor_new(struct txn *txn, const struct table *table, const struct index *index,
                              struct cursor **out)
{
    struct cursor *cursor = calloc(1, sizeof(*cursor));
    const struct table_version *version = version_of(table);
    enum status st;

    *out = NULL;
    if (cursor == NULL)
        return ST_NO_MEMORY;
    attach(cursor, txn);
    cursor->table = table;
    cursor->index = index;
    cursor->is_table = index == NULL;
    if (index == NULL) {
        cursor->store = store_of_table(table);
        cursor->part_orders = table->key_parts;
        cursor->part_count = table->key_count == 0 ? 1 : table->key_count;
    } else {
        const struct index_info *info = &version->infos[index - table->indexes];

        cursor->store = store_of_index(index);
        cursor->part_orders = info->parts;
        cursor->part_count = info->part_count;
    }
    cursor->parts = calloc(cursor->part_count, sizeof(struct value));
    st = cursor->parts == NULL ? ST_NO_MEMORY : raw_bind(cursor);
    if (st != ST_OK) {
        cursor_close(cursor);
        return st;
    }
    *out = cursor;
    return ST_OK;
}

enum status cursor_open_table(struct txn *txn, const struct table *table, struct cursor **out)
{
    return cursor_new(txn, table, NULL, out);
}

enum status cursor_open_index(struct txn *txn, const struct index *index, struct cursor **out)
{
    return cursor_new(txn, index->table, index, out);
}

void cursor_close(struct cursor *cursor)
{
    if (cursor == NULL)
        return;
    cursor_detach(cursor);
    bucket_free(cursor);
    arena_deinit(&cursor->arena);
    buf_free(&cursor->found_key);
    buf_free(&cursor->found_value);
    buf_free(&cursor->end_buf);
    buf_free(&cursor->begin_buf);
    buf_free(&cursor->seek_buf);
    buf_free(&cursor->last_key);
    free(cursor->run);
    free(cursor->layers);
    free(cursor->parts);
    free(cursor);
}

/* What was decoded for the row before belongs to it. */
static inline void leave_row(struct cursor *cursor)
{
    if (!cursor->is_dirty)
        return;
    cursor->is_dirty = cursor->is_opened = cursor->has_parts = cursor->is_read = false;
    if (cursor->arena.blocks != NULL)
        arena_reset(&cursor->arena);
}

enum status cursor_renew(struct cursor *cursor, struct txn *txn)
{
    leave_row(cursor);
    cursor->end = cursor->begin = slice_empty();
    cursor->state = CURSOR_NOWHERE;
    forget_run(cursor);
    if (txn == cursor->txn && !txn->is_write && cursor->own == NULL)
        return ST_OK;
    if (txn != cursor->txn) {
        cursor_detach(cursor);
        attach(cursor, txn);
    }
    return raw_bind(cursor);
}

void cursor_set_end(struct cursor *cursor, struct slice end)
{
    buf_clear(&cursor->end_buf);
    buf_append_slice(&cursor->end_buf, end);
    cursor->end = buf_slice(&cursor->end_buf);
}

void cursor_set_begin(struct cursor *cursor, struct slice begin)
{
    buf_clear(&cursor->begin_buf);
    buf_append_slice(&cursor->begin_buf, begin);
    cursor->begin = buf_slice(&cursor->begin_buf);
}

/* ---- standing on a row ---- */

static bool is_expired(struct cursor *cursor)
{
    struct record_header header;
    struct slice body;

    return record_header_read(cursor->value, &header, &body) == ST_OK &&
           (header.flags & RECORD_EXPIRY) != 0 && header.expiry_ms <= txn_now_ms(cursor->txn);
}

/* A row that readers do not see: a tombstone, or past its expiry. The first byte of a record tells
 * most. */
static inline bool is_invisible(struct cursor *cursor)
{
    uint8_t flags;

    if (!cursor->is_table || cursor->value.len == 0)
        return false;
    flags = (uint8_t)cursor->value.data[0];
    if (__builtin_expect((flags & (RECORD_DEAD | RECORD_EXPIRY)) == 0, true))
        return false;
    return (flags & RECORD_DEAD) != 0 || is_expired(cursor);
}

static enum status nowhere(struct cursor *cursor)
{
    cursor->state = CURSOR_NOWHERE;
    return ST_DONE;
}

/* The first entry behind the bucket that was left, or before it. */
static enum status leave_bucket(struct cursor *cursor, bool is_forward)
{
    struct slice prefix = bucket_prefix(cursor);

    buf_clear(&cursor->seek_buf);
    buf_append_slice(&cursor->seek_buf, prefix);
    if (cursor->seek_buf.failed)
        return ST_NO_MEMORY;
    if (!is_forward)
        return raw_seek_before(cursor, buf_slice(&cursor->seek_buf));
    return key_prefix_end(&cursor->seek_buf) ? raw_seek(cursor, buf_slice(&cursor->seek_buf))
                                             : nowhere(cursor);
}

static enum status step(struct cursor *cursor, bool is_forward)
{
    enum status st;

    leave_row(cursor);
    TRY(cursor_leave_run(cursor));
    if (cursor->state == CURSOR_BUCKET) {
        st = is_forward ? bucket_next(cursor) : bucket_prev(cursor);
        if (st == ST_DONE)
            st = leave_bucket(cursor, is_forward);
        return st;
    }
    if (cursor->state == CURSOR_FOUND && cursor->key.len >= LONG_KEY_BYTES) {
        buf_clear(&cursor->seek_buf);
        buf_append_slice(&cursor->seek_buf, cursor->key);
        st = bucket_seek(cursor, buf_slice(&cursor->seek_buf));
        return st == ST_OK ? step(cursor, is_forward) : st;
    }
    return is_forward ? raw_next(cursor) : raw_prev(cursor);
}

/* A raw move ended with `st`: complete long keys, keep to the bounds, pass over invisible rows. */
static enum status land(struct cursor *cursor, enum status st, bool is_forward)
{
    for (;;) {
        if (st == ST_OK && cursor->state != CURSOR_BUCKET && cursor->key.len >= LONG_KEY_BYTES)
            st = bucket_enter(cursor, !is_forward);
        if (st != ST_OK)
            return st;
        if (is_forward ? cursor->end.len != 0 && slice_compare(cursor->key, cursor->end) >= 0
                       : cursor->begin.len != 0 && slice_compare(cursor->key, cursor->begin) < 0)
            return nowhere(cursor);
        if (!is_invisible(cursor))
            return ST_OK;
        st = step(cursor, is_forward);
    }
}

static __attribute__((noinline)) enum status next_outside_runs(struct cursor *cursor)
{
    enum status st;

    if (cursor->kv_is_beyond) { /* the run reached the end of the range */
        forget_run(cursor);
        return nowhere(cursor);
    }
    if (cursor->state != CURSOR_KV || !raw_is_plain(cursor))
        return land(cursor, step(cursor, true), true);
    leave_row(cursor);
    st = take_run(cursor);
    if (st == ST_OK) {
        cursor->key = cursor->run[0].key;
        cursor->value = cursor->run[0].value;
        cursor->run_at = 1;
        return ST_OK;
    }
    if (st == ST_NOT_FOUND)
        st = kv_next(cursor->kv);
    if (st != ST_OK) {
        forget_run(cursor);
        cursor->state = CURSOR_NOWHERE;
        return st;
    }
    cursor->key = kv_key(cursor->kv);
    cursor->value = kv_value(cursor->kv);
    if (cursor->end.len != 0 && slice_compare(cursor->key, cursor->end) >= 0)
        return nowhere(cursor);
    if (__builtin_expect(cursor->key.len < LONG_KEY_BYTES && !is_invisible(cursor), true))
        return ST_OK;
    return land(cursor, ST_OK, true);
}

enum status cursor_next(struct cursor *cursor)
{
    if (__builtin_expect(cursor->run_at >= cursor->run_count, false))
        return next_outside_runs(cursor);
    leave_row(cursor);
    cursor->key = cursor->run[cursor->run_at].key;
    cursor->value = cursor->run[cursor->run_at++].value;
    return ST_OK;
}

enum status cursor_prev(struct cursor *cursor)
{
    return land(cursor, step(cursor, false), false);
}

/* ---- seeking ---- */

static enum status seek_at_least(struct cursor *cursor, struct slice key)
{
    enum status st;

    leave_row(cursor);
    forget_run(cursor);
    if (key.len < LONG_KEY_BYTES)
        return land(cursor, raw_seek(cursor, key), true);
    st = bucket_seek(cursor, key);
    if (st == ST_DONE)
        st = leave_bucket(cursor, true);
    return land(cursor, st, true);
}

static enum status seek_before(struct cursor *cursor, struct slice key)
{
    enum status st;

    leave_row(cursor);
    forget_run(cursor);
    if (key.len < LONG_KEY_BYTES)
        return land(cursor, raw_seek_before(cursor, key), false);
    st = bucket_seek_before(cursor, key);
    if (st == ST_DONE)
        st = leave_bucket(cursor, false);
    return land(cursor, st, false);
}

/* Seeks may be asked for with bytes that the cursor itself lends. */
static bool copy_prefix(struct slice prefix, struct buf *out)
{
    buf_clear(out);
    buf_append_slice(out, prefix);
    return !out->failed;
}

enum status cursor_seek(struct cursor *cursor, enum seek how, struct slice prefix)
{
    struct buf room = {0};
    enum status st = ST_NO_MEMORY;

    switch (how) {
    case SEEK_GE:
        if (prefix.len < LONG_KEY_BYTES)
            return seek_at_least(cursor, prefix);
        if (copy_prefix(prefix, &room))
            st = seek_at_least(cursor, buf_slice(&room));
        break;
    case SEEK_LT:
        if (prefix.len == 0)
            return nowhere(cursor);
        if (copy_prefix(prefix, &room))
            st = seek_before(cursor, buf_slice(&room));
        break;
    case SEEK_GT:
        if (copy_prefix(prefix, &room))
            st = key_prefix_end(&room) ? seek_at_least(cursor, buf_slice(&room)) : nowhere(cursor);
        break;
    case SEEK_LE:
        if (copy_prefix(prefix, &room))
            st = key_prefix_end(&room) ? seek_before(cursor, buf_slice(&room))
                                       : seek_before(cursor, slice_empty());
        break;
    }
    buf_free(&room);
    return st;
}

enum status cursor_first(struct cursor *cursor)
{
    return seek_at_least(cursor, slice_empty());
}

enum status cursor_last(struct cursor *cursor)
{
    return seek_before(cursor, slice_empty());
}

/* ---- finding one row ---- */

size_t key_parts_length(struct slice key, const struct key_part *parts, unsigned count)
{
    size_t len = 0;

    for (unsigned i = 0; i < count; i++) {
        size_t more =
            keycode_part_length(slice_of(key.data + len, key.len - len), parts[i].descending);

        if (more == 0 || more > key.len - len)
            return 0;
        len += more;
    }
    return len;
}

/* The entry under exactly these bytes. */
static enum status find_exact(struct cursor *cursor, struct slice key)
{
    TRY(key.len < KEY_BYTES_MAX
            ? txn_get_row(cursor->txn, cursor->store, key, &cursor->found_value, &cursor->value)
            : long_key_get(cursor->txn, cursor->store, key, &cursor->seek_buf, &cursor->value));
    cursor->found_key.len = 0;
    buf_append_slice(&cursor->found_key, key);
    if (cursor->found_key.failed)
        return ST_NO_MEMORY;
    cursor->key = buf_slice(&cursor->found_key);
    cursor->state = CURSOR_FOUND;
    return ST_OK;
}

/* Some keys of the table have a type suffix (5.0 is stored where 5 would be): look at the code
 * alone. */
static enum status find_typed(struct cursor *cursor, struct slice key)
{
    struct buf code = {0};
    size_t len = key_parts_length(key, cursor->part_orders, cursor->part_count);
    struct slice end = cursor->end;
    enum status st = ST_NOT_FOUND;

    if (len == 0)
        return ST_NOT_FOUND;
    buf_append(&code, key.data, len);
    if (code.failed)
        return ST_NO_MEMORY;
    cursor->end = slice_empty();
    st = len < LONG_KEY_BYTES ? raw_seek(cursor, buf_slice(&code))
                              : bucket_seek(cursor, buf_slice(&code));
    cursor->end = end;
    if (st == ST_OK && cursor->state != CURSOR_BUCKET && cursor->key.len >= LONG_KEY_BYTES)
        st = bucket_enter(cursor, false);
    if (st == ST_OK && !slice_starts_with(cursor->key, buf_slice(&code)))
        st = ST_DONE;
    buf_free(&code);
    return st == ST_DONE ? ST_NOT_FOUND : st;
}

enum status cursor_find_any(struct cursor *cursor, struct slice key)
{
    enum status st;

    leave_row(cursor);
    forget_run(cursor);
    cursor->state = CURSOR_NOWHERE;
    if (key.len == 0)
        return ST_NOT_FOUND;
    st = find_exact(cursor, key);
    if (st == ST_NOT_FOUND &&
        atomic_load_explicit(&cursor->table->stats->has_typed_keys, memory_order_relaxed))
        st = find_typed(cursor, key);
    if (st != ST_OK)
        cursor->state = CURSOR_NOWHERE;
    return st;
}

enum status cursor_find(struct cursor *cursor, struct slice key)
{
    enum status st = cursor_find_any(cursor, key);

    if (st == ST_OK && is_invisible(cursor)) {
        cursor->state = CURSOR_NOWHERE;
        return ST_NOT_FOUND;
    }
    return st;
}

/* ---- reading the row ---- */

/* A settled record's header has 10 bytes, and most shapes have a small number. */
static inline enum status shape_id_of(struct slice value, uint32_t *id)
{
    struct record_header header;
    struct slice body;

    if (value.len > 10 && value.data[0] == 0 && (uint8_t)value.data[9] < 0x80 &&
        (uint8_t)value.data[10] < 0x80) {
        *id = (uint8_t)value.data[10];
        return ST_OK;
    }
    TRY(record_header_read(value, &header, &body));
    *id = record_shape_id(body);
    return ST_OK;
}

enum status record_open_row(struct txn *txn, const struct table *table, struct slice key,
                            struct slice value, struct arena *arena, struct record *out)
{
    const struct shape *shape;
    uint32_t id;

    if (txn->db->verify_reads)
        TRY(record_verify_checksum(key, value));
    TRY(shape_id_of(value, &id));
    shape = shapes_find(version_of(table)->shapes, id);
    if (shape == NULL && txn->is_write) { /* made since by this transaction, under new names */
        table = catalog_table_by_store(&txn->catalog->catalog, table->store);
        shape = table == NULL ? NULL : shapes_find(version_of(table)->shapes, id);
    }
    if (shape == NULL)
        return ST_CORRUPT;
    TRY(record_open(key, value, shape, arena, out));
    out->key_values = NULL;
    out->key_value_count = 0;
    return ST_OK;
}

enum status record_decode_keys(const struct table *table, struct record *record,
                               struct value *values, struct arena *arena)
{
    unsigned count = table->key_count == 0 ? 1 : table->key_count;

    TRY(keycode_decode(record->key, table->key_parts, count, values, arena));
    record->key_values = values;
    record->key_value_count = count;
    return ST_OK;
}

/* The shape of the rows met last is kept. Not in a write transaction: what it made may be undone,
 * and the number given to another shape. */
static __attribute__((noinline)) enum status open_record_slowly(struct cursor *cursor)
{
    TRY(record_open_row(cursor->txn, cursor->table, cursor->key, cursor->value, &cursor->arena,
                        &cursor->record));
    cursor->is_opened = true;
    if (!cursor->txn->is_write)
        cursor->shape = cursor->record.shape;
    return ST_OK;
}

enum status cursor_open_record(struct cursor *cursor)
{
    if (cursor->is_opened)
        return ST_OK;
    assert(cursor->state != CURSOR_NOWHERE);
    cursor->is_dirty = true;
    if (cursor->shape == NULL ||
        !record_open_plain(cursor->key, cursor->value, cursor->shape, &cursor->record))
        return open_record_slowly(cursor);
    if (cursor->txn->db->verify_reads && !(cursor->state == CURSOR_KV && kv_is_checked(cursor->kv)))
        TRY(record_verify_checksum(cursor->key, cursor->value));
    cursor->is_opened = true;
    return ST_OK;
}

static enum status decode_parts(struct cursor *cursor)
{
    if (cursor->has_parts)
        return ST_OK;
    assert(cursor->state != CURSOR_NOWHERE);
    cursor->is_dirty = true;
    TRY(keycode_decode(cursor->key, cursor->part_orders, cursor->part_count, cursor->parts,
                       &cursor->arena));
    cursor->has_parts = true;
    return ST_OK;
}

enum status cursor_record(struct cursor *cursor, const struct record **out)
{
    *out = NULL;
    if (!cursor->is_table)
        return ST_OK;
    TRY(cursor_open_record(cursor));
    TRY(decode_parts(cursor));
    cursor->record.key_values = cursor->parts;
    cursor->record.key_value_count = cursor->part_count;
    *out = &cursor->record;
    return ST_OK;
}

/* One part of the key; the others are decoded with it unless all are plain integers. */
static inline enum status read_part(struct cursor *cursor, unsigned part, struct value *out)
{
    int64_t integer = 0; /* gcc does not see that it is set when true comes back */

    if (!cursor->has_parts) {
        if (keycode_integer_part(cursor->key, cursor->part_orders, cursor->part_count, part,
                                 &integer)) {
            *out = value_int(integer);
            return ST_OK;
        }
        TRY(decode_parts(cursor));
    }
    *out = cursor->parts[part];
    return ST_OK;
}

/* The first column that is read of a row whose shape is the one met last, without opening the
 * record: many statements read one column of each row. */
static inline bool read_unopened(const struct cursor *cursor, uint16_t attribute, struct value *out)
{
    const struct shape *shape = cursor->shape;
    unsigned column;

    if (shape == NULL || attribute >= shape->attribute_count ||
        (cursor->txn->db->verify_reads &&
         !(cursor->state == CURSOR_KV && kv_is_checked(cursor->kv))))
        return false;
    column = shape->position_of[attribute];
    return column != ATTRIBUTE_NONE && record_read_plain(cursor->value, shape, column, out);
}

enum status cursor_column(struct cursor *cursor, uint16_t attribute, struct value *out)
{
    const struct table *table = cursor->table;
    unsigned part;

    assert(cursor->is_table);
    if (attribute == ATTRIBUTE_NONE)
        return read_part(cursor, 0, out);
    if (attribute < table->attribute_count) {
        part = version_of(table)->key_part_of_attribute[attribute];
        if (part != 0xff && keycode_is_exact(table->key_parts[part]))
            return read_part(cursor, part, out);
    }
    if (!cursor->is_opened) {
        if (!cursor->is_read && read_unopened(cursor, attribute, out)) {
            cursor->is_read = cursor->is_dirty = true;
            return ST_OK;
        }
        TRY(cursor_open_record(cursor));
    }
    *out = record_attribute(&cursor->record, attribute);
    return ST_OK;
}

enum status cursor_index_part(struct cursor *cursor, unsigned part, struct value *out)
{
    assert(part < cursor->part_count);
    return read_part(cursor, part, out);
}

struct slice cursor_key(const struct cursor *cursor)
{
    return cursor->key;
}

struct slice cursor_primary_key(const struct cursor *cursor)
{
    const struct table *table = cursor->table;
    unsigned key_parts = table->key_count == 0 ? 1 : table->key_count;
    size_t before = 0, len;

    if (cursor->is_table &&
        !atomic_load_explicit(&table->stats->has_typed_keys, memory_order_relaxed))
        return cursor->key;
    if (!cursor->is_table) {
        before = key_parts_length(cursor->key, cursor->part_orders, cursor->part_count - key_parts);
        if (before == 0)
            return slice_empty();
    }
    len = key_parts_length(slice_of(cursor->key.data + before, cursor->key.len - before),
                           table->key_parts, key_parts);
    return slice_of(cursor->key.data + before, len);
}

/* ---- many rows at once ---- */

static unsigned take_columns(const struct cursor *cursor, uint16_t attribute, unsigned max,
                             struct value *out)
{
    const struct shape *shape = cursor->shape;
    const struct kv_entry *run = cursor->run + cursor->run_at;
    unsigned column, row = 0;

    if (shape == NULL || attribute >= shape->attribute_count ||
        version_of(cursor->table)->key_part_of_attribute[attribute] != 0xff ||
        (cursor->txn->db->verify_reads && !kv_is_checked(cursor->kv)))
        return 0;
    column = shape->position_of[attribute];
    while (column != ATTRIBUTE_NONE && row < max &&
           record_read_plain(run[row].value, shape, column, &out[row]))
        row++;
    return row;
}

static unsigned take_parts(const struct cursor *cursor, unsigned part, unsigned max,
                           struct value *out)
{
    const struct kv_entry *run = cursor->run + cursor->run_at;
    const bool is_pair = part == 0 && cursor->part_count == 2 &&
                         !cursor->part_orders[0].descending && !cursor->part_orders[1].descending;
    unsigned row = 0;
    int64_t integer = 0;

    while (is_pair && row < max && keycode_integer_pair(run[row].key, &integer))
        out[row++] = value_int(integer);
    while (row < max && keycode_integer_part(run[row].key, cursor->part_orders, cursor->part_count,
                                             part, &integer))
        out[row++] = value_int(integer);
    return row;
}

unsigned cursor_numbers_ahead(struct cursor *cursor, unsigned count,
                              const struct column_wish *wishes, unsigned max, unsigned stride,
                              struct value *out)
{
    unsigned rows = (unsigned)cursor->run_count - cursor->run_at;

    if (rows == 0 || cursor->run_at >= cursor->run_count)
        return 0;
    if (rows > max)
        rows = max;
    for (unsigned w = 0; rows != 0 && w < count; w++)
        rows = wishes[w].is_part
                   ? take_parts(cursor, wishes[w].number, rows, out + (size_t)w * stride)
                   : take_columns(cursor, wishes[w].number, rows, out + (size_t)w * stride);
    if (rows == 0)
        return 0;
    leave_row(cursor);
    cursor->run_at = (uint8_t)(cursor->run_at + rows);
    cursor->key = cursor->run[cursor->run_at - 1].key;
    cursor->value = cursor->run[cursor->run_at - 1].value;
    return rows;
}
