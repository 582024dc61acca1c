/* write: the one place where rows change. Record, index entries, count and log entry change
 * together or, as far as anybody can see, not at all: everything that can be refused is found out
 * before the first change. */
#include "storage/table/table_internal.h"
#include <assert.h>
#include <stdlib.h>

/* One write on its way. */
struct change {
    struct txn *txn;
    const struct table *table;
    struct touched *touched;
    enum write_kind kind;
    const struct row *row;
    struct write_result *out;
    struct error *err;
    struct slice key; /* new full key; without its suffix: the first code_len bytes */
    size_t code_len;
    /* what is there */
    bool has_old;         /* stored and not a tombstone */
    bool is_old_seen;     /* and not expired either */
    bool is_silent;       /* leaves no trace in the change log */
    bool is_target_taken; /* an UPDATE moves the row to a key that another one has */
    struct slice old_key;
    struct record old;
    struct record_header old_header;
    struct value *old_key_values;
    /* what will be there */
    const struct shape *shape;
    const struct value *values;
    struct value *key_values;
};

static unsigned key_part_count(const struct table *table)
{
    return table->key_count == 0 ? 1 : table->key_count;
}

/* ---- the key ---- */

static struct value row_value(const struct row *row, uint16_t attribute)
{
    unsigned column = attribute < row->shape->attribute_count ? row->shape->position_of[attribute]
                                                              : ATTRIBUTE_NONE;

    return column == ATTRIBUTE_NONE ? value_absent() : row->values[column];
}

static enum status code_key(struct change *change)
{
    const struct table *table = change->table;
    struct txn *txn = change->txn;
    unsigned count = key_part_count(table);
    struct keycode code;

    change->key_values = ARENA_NEW_ARRAY(&txn->scratch, struct value, count);
    if (change->key_values == NULL)
        return ST_NO_MEMORY;
    buf_clear(&txn->key);
    keycode_begin(&code, &txn->key);
    for (unsigned k = 0; k < count; k++) {
        change->key_values[k] = table->key_count == 0
                                    ? value_int(change->row->rowid)
                                    : row_value(change->row, table->key_attributes[k]);
        keycode_append(&code, change->key_values[k], table->key_parts[k]);
    }
    change->code_len = txn->key.len;
    keycode_finish(&code);
    if (txn->key.failed)
        return ST_NO_MEMORY;
    change->key = buf_slice(&txn->key);
    return ST_OK;
}

static bool is_typed(const struct change *change)
{
    return change->key.len != change->code_len;
}

static enum status need_reader(struct change *change)
{
    if (change->touched->reader != NULL)
        return ST_OK;
    return cursor_open_table(change->txn, change->table, &change->touched->reader);
}

/* ---- what is there ---- */

/* Keys beyond the greatest that was ever there need not be looked for: what makes appending cheap.
 */
static enum status learn_greatest(struct change *change)
{
    struct table_stats *stats = change->table->stats;
    enum status st;

    if (stats->is_greatest_known) {
        if (!change->touched->is_fresh_known)
            change->touched->is_fresh = stats->greatest.len == 0;
        change->touched->is_fresh_known = true;
        return ST_OK;
    }
    TRY(need_reader(change));
    change->touched->reader->state = CURSOR_NOWHERE;
    st = raw_seek_before(change->touched->reader, slice_empty());
    if (st != ST_OK && st != ST_DONE)
        return st;
    buf_clear(&stats->greatest);
    if (st == ST_OK)
        buf_append_slice(&stats->greatest, change->touched->reader->key);
    stats->is_greatest_known = !stats->greatest.failed;
    if (!change->touched->is_fresh_known)
        change->touched->is_fresh = st == ST_DONE && stats->is_greatest_known;
    change->touched->is_fresh_known = true;
    return ST_OK;
}

static void raise_greatest(struct table_stats *stats, struct slice key)
{
    if (!stats->is_greatest_known || slice_compare(key, buf_slice(&stats->greatest)) <= 0)
        return;
    buf_clear(&stats->greatest);
    if (key.len < LONG_KEY_BYTES) {
        buf_append_slice(&stats->greatest, key);
    } else { /* beyond whatever it is cut to */
        buf_append(&stats->greatest, key.data, LONG_KEY_BYTES);
        buf_append_fill(&stats->greatest, 0xff, KEY_HASH_BYTES + 1);
    }
    stats->is_greatest_known = !stats->greatest.failed;
}

static bool is_beyond(const struct change *change)
{
    const struct table_stats *stats = change->table->stats;

    return stats->is_greatest_known && change->key.len < LONG_KEY_BYTES &&
           slice_compare(slice_of(change->key.data, change->code_len),
                         buf_slice(&stats->greatest)) > 0;
}

/* Open the row the reader stands on as the old one. */
static enum status open_old(struct change *change)
{
    struct cursor *reader = change->touched->reader;
    struct txn *txn = change->txn;
    struct slice body;

    TRY(record_header_read(reader->value, &change->old_header, &body));
    if (change->old_header.flags & RECORD_DEAD)
        return ST_OK;
    change->has_old = true;
    change->is_old_seen = (change->old_header.flags & RECORD_EXPIRY) == 0 ||
                          change->old_header.expiry_ms > txn_now_ms(txn);
    change->old_key = arena_copy(&txn->scratch, reader->key);
    TRY(record_open_row(txn, change->table, change->old_key, reader->value, &txn->scratch,
                        &change->old));
    change->old_key_values =
        ARENA_NEW_ARRAY(&txn->scratch, struct value, key_part_count(change->table));
    if (change->old_key_values == NULL || txn->scratch.failed)
        return ST_NO_MEMORY;
    return record_decode_keys(change->table, &change->old, change->old_key_values, &txn->scratch);
}

/* In a table that was empty before, whatever there is was written by this transaction. */
static bool is_surely_new(const struct change *change)
{
    struct slice value;

    if (is_beyond(change))
        return true;
    return change->touched->is_fresh && change->key.len < LONG_KEY_BYTES &&
           !change->touched->had_typed_keys && !is_typed(change) &&
           delta_get(change->touched->changes, change->key, &value) == DELTA_NONE;
}

static enum status find_old(struct change *change, struct slice key)
{
    enum status st;

    TRY(need_reader(change));
    st = cursor_find_any(change->touched->reader, key);
    if (st == ST_NOT_FOUND)
        return ST_OK;
    TRY(st);
    return open_old(change);
}

/* ---- refusals ---- */

static void report_conflict(struct change *change, const struct index *index, struct slice key)
{
    struct txn *txn = change->txn;

    buf_clear(&txn->conflict_key);
    buf_append_slice(&txn->conflict_key, key);
    change->out->conflict = index;
    change->out->conflict_key = buf_slice(&txn->conflict_key);
}

static enum status check_key(struct change *change)
{
    change->out->existed = change->is_old_seen;
    switch (change->kind) {
    case WRITE_INSERT:
        if (change->is_old_seen) {
            report_conflict(change, NULL, slice_of(change->key.data, change->code_len));
            return ST_EXISTS;
        }
        return ST_OK;
    case WRITE_UPDATE:
        if (!change->is_old_seen)
            return ST_NOT_FOUND;
        if (change->is_target_taken) {
            report_conflict(change, NULL, slice_of(change->key.data, change->code_len));
            return ST_EXISTS;
        }
        return ST_OK;
    case WRITE_REMOVE:
        return change->is_old_seen ? ST_OK : ST_NOT_FOUND;
    case WRITE_PUT:
    case WRITE_PATCH:
        return ST_OK;
    }
    return ST_INTERNAL;
}

/* Is there an entry with these parts that belongs to another row? */
static enum status check_unique(struct change *change, unsigned at, struct slice parts)
{
    struct touched_index *touched = &change->touched->indexes[at];
    const struct index *index = &change->table->indexes[at];
    enum status st;

    if (touched->probe == NULL)
        TRY(cursor_open_index(change->txn, index, &touched->probe));
    for (st = cursor_seek(touched->probe, SEEK_GE, parts);
         st == ST_OK && slice_starts_with(cursor_key(touched->probe), parts);
         st = cursor_next(touched->probe)) {
        struct slice owner = cursor_primary_key(touched->probe);

        if (owner.len == 0)
            return error_set(change->err, ST_CORRUPT, -1, "index %.*s holds a malformed key",
                             (int)index->name.len, index->name.data);
        if (change->has_old && slice_starts_with(change->old_key, owner))
            continue;
        report_conflict(change, index, owner);
        return ST_DUPLICATE;
    }
    return st == ST_DONE || st == ST_OK ? ST_OK : st;
}

/* ---- the new row ---- */

static enum status map_to_universal(struct change *change, const struct shape *from,
                                    const struct value *values)
{
    struct value *all;

    TRY(shape_universal(change->txn, change->table, &change->shape));
    all = ARENA_NEW_ARRAY(&change->txn->scratch, struct value, change->shape->count + 1u);
    if (all == NULL)
        return ST_NO_MEMORY;
    for (unsigned i = 0; i < from->count; i++) {
        unsigned column = from->attributes[i] < change->shape->attribute_count
                              ? change->shape->position_of[from->attributes[i]]
                              : ATTRIBUTE_NONE;

        if (column != ATTRIBUTE_NONE)
            all[column] = values[i];
    }
    change->values = all;
    return ST_OK;
}

/* The shape as this version of the table has it, or one that can hold the row. */
static enum status settle_shape(struct change *change, const struct shape *shape,
                                const struct value *values)
{
    const struct shapes *shapes = version_of(change->table)->shapes;

    change->shape = shape;
    change->values = values;
    if (shape->id == 0)
        return map_to_universal(change, shape, values);
    if (full_shape(shape)->owner != shapes)
        change->shape = shapes_find(shapes, shape->id);
    return change->shape == NULL ? ST_MISUSE : ST_OK;
}

static struct value patched(enum merge_op op, struct value base, struct value v)
{
    switch (op) {
    case MERGE_SET:
        return v;
    case MERGE_ADD:
        return merge_add(base, v);
    case MERGE_REMOVE:
        return value_absent();
    }
    return v;
}

static enum merge_op op_of(const struct row *row, unsigned column)
{
    return row->ops == NULL ? MERGE_SET : (enum merge_op)row->ops[column];
}

/* The old row's attributes in their order, then those that the patch adds. */
static enum status patch_row(struct change *change)
{
    const struct row *row = change->row;
    const struct shape *old = change->has_old && change->is_old_seen ? change->old.shape : NULL;
    size_t room = (old == NULL ? 0u : old->count) + (size_t)row->shape->count, count = 0;
    uint16_t *attributes = ARENA_NEW_ARRAY(&change->txn->scratch, uint16_t, room + 1);
    struct value *values = ARENA_NEW_ARRAY(&change->txn->scratch, struct value, room + 1);
    const struct shape *shape = old;

    if (attributes == NULL || values == NULL)
        return ST_NO_MEMORY;
    for (; old != NULL && count < old->count; count++) {
        attributes[count] = old->attributes[count];
        values[count] = change->table->attributes[old->attributes[count]].is_dropped
                            ? value_absent()
                            : record_column(&change->old, (unsigned)count);
    }
    for (unsigned i = 0; i < row->shape->count; i++) {
        uint16_t attribute = row->shape->attributes[i];
        unsigned at = old != NULL && attribute < old->attribute_count ? old->position_of[attribute]
                                                                      : ATTRIBUTE_NONE;

        if (at == ATTRIBUTE_NONE) {
            if (op_of(row, i) == MERGE_REMOVE)
                continue;
            at = (unsigned)count++;
            attributes[at] = attribute;
            values[at] = value_absent();
        }
        values[at] = patched(op_of(row, i), values[at], row->values[i]);
    }
    if (old == NULL || count != old->count)
        TRY(table_shape(change->txn, change->table, attributes, count, &shape));
    return settle_shape(change, shape, values);
}

static enum status make_record(struct change *change)
{
    struct txn *txn = change->txn;
    bool is_patch = change->kind == WRITE_PATCH && change->is_old_seen;
    struct record_header header =
        merge_local(is_patch ? &change->old_header : NULL, is_patch ? MERGE_PATCH : MERGE_PUT,
                    txn_stamp(txn), txn->db->origin);
    struct record_write write = {.header = &header,
                                 .shape = change->shape,
                                 .values = change->values,
                                 .key_part_of = full_shape(change->shape)->key_part_of,
                                 .key = change->key,
                                 .compress_over = txn->db->options.compress_over,
                                 .compress_level = txn->db->options.compress_level};

    if (change->row->clears_expiry)
        header.flags &= (uint8_t)~RECORD_EXPIRY;
    if (change->row->has_expiry) {
        header.flags |= RECORD_EXPIRY;
        header.expiry_ms = change->row->expiry_ms;
    }
    buf_clear(&txn->record);
    return record_write(&txn->record, &write);
}

/* ---- index entries ---- */

static bool keeps_parts(const struct change *change, const struct index *index,
                        const struct row_view *old, const struct row_view *new)
{
    if (index->where_sql.len != 0)
        return false;
    for (unsigned k = 0; k < index->part_count; k++) {
        uint16_t attribute = index->parts[k].attribute;

        if (attribute == ATTRIBUTE_NONE ||
            !value_identical(row_view_attribute(change->table, old, attribute),
                             row_view_attribute(change->table, new, attribute)))
            return false;
    }
    return true;
}

static enum status plan_index(struct change *change, unsigned at, const struct row_view *old,
                              const struct row_view *new)
{
    struct touched_index *touched = &change->touched->indexes[at];
    const struct index *index = &change->table->indexes[at];

    touched->is_same = old != NULL && new != NULL &&slice_equal(change->old_key, change->key) &&
                       keeps_parts(change, index, old, new);
    touched->old_keys.count = touched->new_keys.count = 0;
    if (index->state == INDEX_BEING_BUILT) /* it will be built from the rows */
        touched->is_same = true;
    if (touched->is_same)
        return ST_OK;
    if (old != NULL)
        TRY(index_keys_of(change->txn, change->table, at, old, &touched->old_keys, change->err));
    if (new == NULL)
        return ST_OK;
    TRY(index_keys_of(change->txn, change->table, at, new, &touched->new_keys, change->err));
    for (size_t k = 0; index->is_unique && k < touched->new_keys.count; k++) {
        const struct index_key *key = index_key_at(&touched->new_keys, k);
        struct slice whole = index_key_slice(&touched->new_keys, k);

        if (!key->has_null)
            TRY(check_unique(change, at, slice_of(whole.data, key->parts_len)));
    }
    return ST_OK;
}

/* What each index loses and gains. Nothing is changed yet, so a conflict leaves no trace. */
static enum status plan_indexes(struct change *change)
{
    struct row_view old = {change->old.shape, NULL, &change->old, change->old_key_values};
    struct row_view new = {change->shape, change->values, NULL, change->key_values};
    struct record fresh;

    if (change->table->index_count == 0)
        return ST_OK;
    if (change->shape != NULL && version_of(change->table)->needs_evaluator) {
        TRY(record_open(change->key, buf_slice(&change->txn->record), change->shape,
                        &change->txn->scratch, &fresh));
        fresh.key_values = change->key_values;
        fresh.key_value_count = key_part_count(change->table);
        new.record = &fresh;
    }
    for (unsigned i = 0; i < change->table->index_count; i++)
        TRY(plan_index(change, i, change->has_old ? &old : NULL,
                       change->shape != NULL ? &new : NULL));
    return ST_OK;
}

/* Both sides ascend: what is on one side only changes. */
static enum status apply_index(struct change *change, unsigned at)
{
    struct touched_index *touched = &change->touched->indexes[at];
    const struct index *index = &change->table->indexes[at];
    struct index_stats *stats = version_of(change->table)->infos[at].stats;
    size_t i = 0, k = 0;

    if (touched->is_same)
        return ST_OK;
    while (i < touched->old_keys.count || k < touched->new_keys.count) {
        struct slice old =
            i < touched->old_keys.count ? index_key_slice(&touched->old_keys, i) : slice_empty();
        struct slice new =
            k < touched->new_keys.count ? index_key_slice(&touched->new_keys, k) : slice_empty();
        int order = old.len == 0 ? 1 : new.len == 0 ? -1 : slice_compare(old, new);

        if (order < 0) {
            TRY(store_delete(change->txn, touched->changes, old));
        } else if (order > 0) {
            TRY(store_put(change->txn, touched->changes, new, slice_empty()));
            index_stats_add(stats, index, new);
        }
        i += order <= 0;
        k += order >= 0;
    }
    return ST_OK;
}

/* ---- doing it ---- */

static void note_rowid(struct change *change)
{
    struct touched *touched = change->touched;
    int64_t rowid;

    if (!change->table->has_rowid && change->table->key_count != 1)
        return;
    if (change->shape == NULL) {
        touched->is_last_known = false;
        return;
    }
    if (change->key_values[0].kind != VALUE_INT)
        return;
    rowid = change->key_values[0].as.i;
    if (rowid > touched->last_rowid)
        touched->last_rowid = rowid;
    if (change->has_old && !slice_equal(change->old_key, change->key))
        touched->is_last_known = false;
    if (change->table->is_autoincrement && rowid > touched->sequence_max)
        touched->sequence_max = rowid;
}

static enum status write_log(struct change *change)
{
    struct row row = *change->row;

    if (change->is_silent)
        return ST_OK;
    row.shape = change->shape;
    row.values = change->values;
    if (change->has_old && (change->shape == NULL || !slice_equal(change->old_key, change->key)))
        TRY(log_add_delete(change->txn, change->touched, change->table, change->old_key));
    if (change->shape == NULL)
        return ST_OK;
    if (change->kind != WRITE_PATCH || !change->is_old_seen)
        return log_add_put(change->txn, change->touched, change->table, change->key, &row);
    row.shape = change->row->shape;
    row.values = change->row->values;
    return log_add_patch(change->txn, change->touched, change->table, change->key, &row);
}

/* Rows behind all others are appended to the kv, which is several times faster where it is a tree.
 */
static void note_append(struct change *change)
{
    struct delta_store *store = change->touched->changes;
    bool is_append = change->shape != NULL && change->key.len < LONG_KEY_BYTES &&
                     (change->touched->is_fresh || (is_beyond(change) && !change->has_old));

    change->touched->is_disordered |= !is_beyond(change);
    store->is_append = is_append && (store->entry_count == 0 || store->is_append);
}

static enum status apply(struct change *change)
{
    struct txn *txn = change->txn;
    struct touched *touched = change->touched;
    struct table_stats *stats = change->table->stats;

    if (!txn_save_touched(txn, touched))
        return ST_NO_MEMORY;
    TRY(write_log(change));
    note_append(change);
    for (unsigned i = 0; i < change->table->index_count; i++)
        TRY(apply_index(change, i));
    if (change->has_old && (change->shape == NULL || !slice_equal(change->old_key, change->key)))
        TRY(store_delete(txn, touched->changes, change->old_key));
    if (change->shape != NULL) {
        TRY(store_put(txn, touched->changes, change->key, buf_slice(&txn->record)));
        raise_greatest(stats, change->key);
        if (is_typed(change)) {
            touched->had_typed_keys = true;
            atomic_store_explicit(&stats->has_typed_keys, true, memory_order_relaxed);
        }
    }
    touched->delta += (change->shape != NULL) - change->has_old;
    touched->is_counted = true;
    note_rowid(change);
    return ST_OK;
}

/* The statuses by which a write is refused with nothing changed. */
static bool is_answer(enum status st)
{
    return st == ST_OK || st == ST_EXISTS || st == ST_DUPLICATE || st == ST_NOT_FOUND;
}

/* An expired row lies where another one is moved to: it goes, and its entries with it. */
static enum status remove_expired(struct change *change, struct slice code)
{
    struct row row = {0};
    struct change removal = *change;
    enum status st;

    removal.kind = WRITE_REMOVE;
    removal.row = &row;
    TRY(find_old(&removal, code));
    TRY(plan_indexes(&removal));
    st = apply(&removal);
    change->txn->is_doomed |= st != ST_OK;
    return st;
}

/* An UPDATE that moves the row: what is at the new key? Before the old row is opened, since the
 * same cursor looks. */
static enum status look_at_target(struct change *change)
{
    struct slice code = slice_of(change->key.data, change->code_len);
    enum status st;

    if (slice_starts_with(change->row->old_key, code))
        return ST_OK; /* at most the type changes: 5 becomes 5.0 */
    TRY(need_reader(change));
    st = cursor_find(change->touched->reader, code);
    change->is_target_taken = st == ST_OK;
    if (st != ST_NOT_FOUND)
        return st;
    st = cursor_find_any(change->touched->reader, code);
    if (st == ST_NOT_FOUND || (st == ST_OK && change->touched->reader->value.len != 0 &&
                               (change->touched->reader->value.data[0] & RECORD_DEAD) != 0))
        return ST_OK;
    return st == ST_OK ? remove_expired(change, code) : st;
}

static enum status prepare(struct change *change)
{
    const struct row *row = change->row;

    TRY(code_key(change));
    if (change->kind != WRITE_REMOVE)
        TRY(learn_greatest(change));
    if (row->old_key.len != 0) {
        TRY(look_at_target(change));
        TRY(find_old(change, row->old_key));
    } else if (!is_surely_new(change))
        TRY(find_old(change, slice_of(change->key.data, change->code_len)));
    TRY(check_key(change));
    if (change->kind == WRITE_REMOVE)
        return ST_OK;
    if (change->kind == WRITE_PATCH)
        TRY(patch_row(change));
    else
        TRY(settle_shape(change, row->shape, row->values));
    return make_record(change);
}

static enum status run(struct change *change, enum status prepared)
{
    struct txn *txn = change->txn;
    enum status st = prepared;

    if (st == ST_OK)
        st = plan_indexes(change);
    if (st == ST_OK) {
        st = apply(change);
        if (st != ST_OK)
            txn->is_doomed = true; /* half done: only rolling back helps */
    }
    if (!is_answer(st) && change->err != NULL && st == ST_CORRUPT && change->err->status != st)
        st = error_set(change->err, st, -1, "table %.*s holds a damaged record",
                       (int)change->table->name.len, change->table->name.data);
    return is_answer(st) ? st : txn_delta_error(txn, st, change->err);
}

static enum status begin_change(struct change *change, const struct table *table)
{
    struct txn *txn = change->txn;

    TRY(txn_check_writable(txn, change->err));
    change->table = txn_current_table(txn, table);
    if (change->table == NULL)
        return error_set(change->err, ST_NO_TABLE, -1, "no such table: %.*s", (int)table->name.len,
                         table->name.data);
    if (txn->scratch.blocks != NULL)
        arena_reset(&txn->scratch);
    change->touched = txn_touch(txn, change->table);
    return change->touched == NULL ? error_set(change->err, ST_NO_MEMORY, -1, "out of memory")
                                   : ST_OK;
}

enum status table_write(struct txn *txn, const struct table *table, enum write_kind kind,
                        const struct row *row, struct write_result *out, struct error *err)
{
    struct write_result unwanted = {0};
    struct change change = {
        .txn = txn, .kind = kind, .row = row, .out = out != NULL ? out : &unwanted, .err = err};

    *change.out = (struct write_result){0};
    TRY(begin_change(&change, table));
    return run(&change, prepare(&change));
}

enum status table_remove(struct txn *txn, const struct table *table, struct slice key,
                         struct error *err)
{
    struct write_result unwanted = {0};
    struct row row = {0};
    struct change change = {
        .txn = txn, .kind = WRITE_REMOVE, .row = &row, .out = &unwanted, .err = err};
    enum status st;

    TRY(begin_change(&change, table));
    buf_clear(&txn->key);
    buf_append_slice(&txn->key, key);
    change.key = buf_slice(&txn->key);
    st = txn->key.failed ? ST_NO_MEMORY : find_old(&change, change.key);
    if (st == ST_OK)
        st = check_key(&change);
    return run(&change, st);
}

enum status table_evict(struct txn *txn, const struct table *table, struct slice key,
                        int64_t before_ms, struct error *err)
{
    struct row row = {0};
    struct write_result unwanted = {0};
    struct change change = {.txn = txn,
                            .kind = WRITE_REMOVE,
                            .row = &row,
                            .out = &unwanted,
                            .err = err,
                            .is_silent = true};
    enum status st;

    TRY(begin_change(&change, table));
    buf_clear(&txn->key);
    buf_append_slice(&txn->key, key);
    change.key = buf_slice(&txn->key);
    st = txn->key.failed ? ST_NO_MEMORY : find_old(&change, change.key);
    if (st == ST_OK && (!change.has_old || (change.old_header.flags & RECORD_EXPIRY) == 0 ||
                        change.old_header.expiry_ms >= before_ms)) /* written again since */
        return ST_NOT_FOUND;
    return run(&change, st);
}

enum status table_clear(struct txn *txn, const struct table *table, struct error *err)
{
    struct change change = {.txn = txn, .err = err};
    enum status st = ST_OK;

    TRY(begin_change(&change, table));
    if (!txn_save_touched(txn, change.touched))
        return error_set(err, ST_NO_MEMORY, -1, "out of memory");
    st = log_add_clear(txn, change.touched, change.table);
    if (st == ST_OK)
        st = delta_clear_store(own_delta(txn), change.touched->changes);
    for (unsigned i = 0; st == ST_OK && i < change.table->index_count; i++)
        st = delta_clear_store(own_delta(txn), change.touched->indexes[i].changes);
    if (st != ST_OK) {
        txn->is_doomed = true;
        return txn_delta_error(txn, st, err);
    }
    change.touched->delta = -change.touched->base_rows;
    change.touched->is_counted = true;
    change.touched->is_last_known = false;
    return ST_OK;
}

/* ---- automatic keys ---- */

/* A rowid that is not taken, when the greatest possible one is: like SQLite, by trying at random.
 */
static enum status random_rowid(struct change *change, int64_t *out)
{
    uint64_t seed = clock_monotonic_ns() | 1;
    struct buf key = {0};
    enum status st = ST_OK;

    for (int tries = 0; tries < 100 && st == ST_OK; tries++) {
        seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
        *out = (int64_t)(seed >> 2) + 1;
        buf_clear(&key);
        keycode_append_prefix(&key, value_int(*out), change->table->key_parts[0]);
        st = cursor_find_any(change->touched->reader, buf_slice(&key));
    }
    buf_free(&key);
    return st == ST_NOT_FOUND ? ST_OK
           : st == ST_OK      ? error_set(change->err, ST_FULL, -1, "no free rowid was found")
                              : st;
}

/* The last key before all texts: a key of any kind may be in the table, but only numbers are
 * counted on. */
static enum status seek_last_number(struct cursor *reader)
{
    char room[16];
    struct buf code = {.data = room, .capacity = sizeof room};

    keycode_append_prefix(&code, value_text(slice_of("", 0)), (struct key_part){0});
    return cursor_seek(reader, SEEK_LT, buf_slice(&code));
}

static enum status find_last_rowid(struct change *change)
{
    struct cursor *reader;
    struct value last = value_int(INT64_MIN); /* of an empty table: below every rowid */
    enum status st;

    if (change->touched->is_last_known)
        return ST_OK;
    TRY(need_reader(change));
    reader = change->touched->reader;
    cursor_set_end(reader, slice_empty());
    if (!change->table->has_rowid && !change->table->key_parts[0].descending)
        st = seek_last_number(reader);
    else
        st = change->table->key_parts[0].descending ? cursor_first(reader) : cursor_last(reader);
    if (st == ST_OK)
        st = cursor_column(reader,
                           change->table->key_count == 0 ? ATTRIBUTE_NONE
                                                         : change->table->key_attributes[0],
                           &last);
    if (st != ST_OK && st != ST_DONE)
        return st;
    if (last.kind == VALUE_REAL && last.as.d > 0 && last.as.d < 0x1p62)
        last = value_int((int64_t)last.as.d + 1);
    change->touched->last_rowid = last.kind == VALUE_INT ? last.as.i : INT64_MIN;
    change->touched->is_last_known = true;
    return ST_OK;
}

enum status table_next_rowid(struct txn *txn, const struct table *table, int64_t *out,
                             struct error *err)
{
    struct change change = {.txn = txn, .err = err};
    int64_t last;

    TRY(begin_change(&change, table));
    TRY(find_last_rowid(&change));
    last = change.touched->last_rowid;
    if (table->is_autoincrement && change.touched->sequence_max > last)
        last = change.touched->sequence_max;
    if (last == INT64_MAX) {
        if (table->is_autoincrement)
            return error_set(err, ST_FULL, -1, "no rowid is left");
        TRY(need_reader(&change));
        return random_rowid(&change, out);
    }
    if (last == INT64_MIN || (table->is_autoincrement && last < 0))
        last = 0;
    *out = last + 1;
    return ST_OK;
}
