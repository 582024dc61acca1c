/* Reading tables and indexes. */
#include "vdbe/vm/vm_internal.h"

/* ST_DONE is an answer: nothing there. */
static enum status jump_when_done(struct vm *vm, enum status st, int32_t target)
{
    if (st == ST_DONE || st == ST_NOT_FOUND) {
        jump(vm, target);
        return ST_OK;
    }
    return st;
}

enum status op_first(struct vm *vm, const struct vm_insn *insn)
{
    struct vm_cursor *cursor = &vm->cursors[insn->p1];

    TRY(vm_cursor_ready(vm, cursor));
    cursor_set_end(cursor->storage, slice_empty());
    return jump_when_done(vm, cursor_first(cursor->storage), insn->p2);
}

enum status op_last(struct vm *vm, const struct vm_insn *insn)
{
    struct vm_cursor *cursor = &vm->cursors[insn->p1];

    TRY(vm_cursor_ready(vm, cursor));
    cursor_set_begin(cursor->storage, slice_empty());
    return jump_when_done(vm, cursor_last(cursor->storage), insn->p2);
}

/* The bottom of a scan: running out of rows is not a failure, fall through. So does a row of nulls:
 * it stood for no row at all. */
enum status op_next(struct vm *vm, const struct vm_insn *insn)
{
    struct vm_cursor *cursor = &vm->cursors[insn->p1];
    enum status st;

    if (cursor->is_null_row)
        return ST_OK;
    st = cursor_next(cursor->storage);
    if (st == ST_OK) {
        jump(vm, insn->p2);
        return ST_OK;
    }
    return st == ST_DONE ? ST_OK : st;
}

enum status op_prev(struct vm *vm, const struct vm_insn *insn)
{
    struct vm_cursor *cursor = &vm->cursors[insn->p1];
    enum status st;

    if (cursor->is_null_row)
        return ST_OK;
    st = cursor_prev(cursor->storage);
    if (st == ST_OK) {
        jump(vm, insn->p2);
        return ST_OK;
    }
    return st == ST_DONE ? ST_OK : st;
}

/* ---- ranges ---- */

/* Append the codes of `count` values; false: a null that matches nothing. */
static bool append_equals(struct vm *vm, const struct range_spec *spec, const struct value *values,
                          struct buf *key)
{
    for (unsigned k = 0; k < spec->equal_count; k++) {
        const struct value v =
            value_apply_affinity(values[k], (enum affinity)spec->affinities[k], vm->temporary);

        if (value_is_null(v) && (spec->null_matches == NULL || !spec->null_matches[k]))
            return false;
        keycode_append_prefix(key, v, spec->parts[k]);
    }
    return true;
}

static void append_bound(const struct range_spec *spec, struct buf *key, struct value v)
{
    keycode_append_prefix(key, v, spec->parts[spec->equal_count]);
}

/* The first text, in the order of the part, that does not begin with `v`: its last byte is one
 * more. Folding happens first, or the successor of Z would fall between the cases. */
static struct value text_after(struct vm *vm, const struct range_spec *spec, struct value v)
{
    const bool is_folded = spec->parts[spec->equal_count].collation == COLLATE_NOCASE;
    char *room = arena_alloc(vm->temporary, v.len);
    size_t len = v.len;

    if (room == NULL)
        return value_null();
    for (size_t k = 0; k < len; k++) {
        char c = v.as.data[k];

        room[k] = is_folded && c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
    }
    while (len > 0 && (unsigned char)room[len - 1] == 0xff)
        len--;
    if (len == 0)
        return value_bytes(slice_empty()); /* bytes come right behind all texts */
    room[len - 1] = (char)((unsigned char)room[len - 1] + 1);
    return value_text(slice_of(room, len));
}

struct bounds {
    struct value low, high;
    bool has_low, has_high, low_inclusive, high_inclusive;
};

/* false: no value can be in the range. */
static bool read_bounds(struct vm *vm, const struct range_spec *spec, const struct value *values,
                        struct bounds *out)
{
    const struct value *at = values + spec->equal_count;
    const uint8_t *affinities = spec->affinities + spec->equal_count;

    *out = (struct bounds){.has_low = spec->has_low,
                           .has_high = spec->has_high,
                           .low_inclusive = spec->low_inclusive,
                           .high_inclusive = spec->high_inclusive};
    if (spec->has_low) {
        out->low = value_apply_affinity(*at++, (enum affinity) * affinities++, vm->temporary);
        if (value_is_null(out->low))
            return false;
    }
    if (spec->is_prefix) {
        if (out->low.kind != VALUE_TEXT)
            return false;
        out->low_inclusive = true;
        out->has_high = true;
        out->high_inclusive = false;
        out->high = out->low.len == 0 ? value_bytes(slice_empty()) : text_after(vm, spec, out->low);
        return true;
    }
    if (spec->has_high) {
        out->high = value_apply_affinity(*at, (enum affinity) * affinities, vm->temporary);
        if (value_is_null(out->high))
            return false;
    }
    return true;
}

static bool is_end_of_everything(struct buf *key)
{
    if (key_prefix_end(key))
        return false;
    buf_clear(key); /* empty: no bound */
    return true;
}

/* cursor->key: first key of the range; cursor->end: first key behind it, empty: none. Both hold the
 * equal values' codes when called. */
static void apply_bounds(const struct range_spec *spec, const struct bounds *bounds,
                         struct vm_cursor *cursor)
{
    struct buf *lower = spec->bound_part_descends ? &cursor->end : &cursor->key;
    struct buf *upper = spec->bound_part_descends ? &cursor->key : &cursor->end;
    bool is_upper_inclusive = bounds->high_inclusive;
    bool is_lower_inclusive = bounds->low_inclusive;

    /* On the side where the range begins an excluded bound steps over its entries, where it ends an
     * included one does. A missing lower bound excludes nulls, which are the lowest. */
    append_bound(spec, lower, bounds->has_low ? bounds->low : value_null());
    if (!bounds->has_low)
        is_lower_inclusive = false;
    if (is_lower_inclusive == spec->bound_part_descends)
        (void)is_end_of_everything(lower);
    if (bounds->has_high) {
        append_bound(spec, upper, bounds->high);
        if (is_upper_inclusive != spec->bound_part_descends)
            (void)is_end_of_everything(upper);
    } else if (!spec->bound_part_descends) {
        (void)is_end_of_everything(upper);
    }
}

static enum status enter_range(struct vm_cursor *cursor, bool is_descending)
{
    const struct slice begin = buf_slice(&cursor->key), end = buf_slice(&cursor->end);

    if (end.len != 0 && slice_compare(begin, end) >= 0)
        return ST_DONE;
    if (!is_descending) {
        cursor_set_end(cursor->storage, end);
        TRY(begin.len == 0 ? cursor_first(cursor->storage)
                           : cursor_seek(cursor->storage, SEEK_GE, begin));
        return end.len != 0 && slice_compare(cursor_key(cursor->storage), end) >= 0 ? ST_DONE
                                                                                    : ST_OK;
    }
    cursor_set_begin(cursor->storage, begin);
    TRY(end.len == 0 ? cursor_last(cursor->storage) : cursor_seek(cursor->storage, SEEK_LT, end));
    return begin.len != 0 && slice_compare(cursor_key(cursor->storage), begin) < 0 ? ST_DONE
                                                                                   : ST_OK;
}

enum status op_range(struct vm *vm, const struct vm_insn *insn)
{
    struct vm_cursor *cursor = &vm->cursors[insn->p1];
    const struct range_spec *spec = insn->p4;
    const struct value *values = reg(vm, insn->p2);

    TRY(vm_cursor_ready(vm, cursor));
    buf_clear(&cursor->key);
    buf_clear(&cursor->end);
    if (!append_equals(vm, spec, values, &cursor->key)) {
        jump(vm, insn->p3);
        return ST_OK;
    }
    buf_append_slice(&cursor->end, buf_slice(&cursor->key));
    if (spec->skips_nulls) {
        struct bounds bounds;

        if (!read_bounds(vm, spec, values, &bounds)) {
            jump(vm, insn->p3);
            return ST_OK;
        }
        apply_bounds(spec, &bounds, cursor);
    } else if (cursor->end.len != 0) {
        (void)is_end_of_everything(&cursor->end);
    }
    if (cursor->key.failed || cursor->end.failed || vm->temporary->failed)
        return ST_NO_MEMORY;
    return jump_when_done(vm, enter_range(cursor, spec->is_descending), insn->p3);
}

enum status op_find(struct vm *vm, const struct vm_insn *insn)
{
    struct vm_cursor *cursor = &vm->cursors[insn->p1];
    const struct range_spec *spec = insn->p4;

    TRY(vm_cursor_ready(vm, cursor));
    buf_clear(&cursor->key);
    if (!append_equals(vm, spec, reg(vm, insn->p2), &cursor->key)) {
        jump(vm, insn->p3);
        return ST_OK;
    }
    if (cursor->key.failed || vm->temporary->failed)
        return ST_NO_MEMORY;
    return jump_when_done(vm, cursor_find(cursor->storage, buf_slice(&cursor->key)), insn->p3);
}

enum status op_find_key(struct vm *vm, const struct vm_insn *insn)
{
    struct vm_cursor *cursor = &vm->cursors[insn->p1];
    const struct value key = *reg(vm, insn->p2);

    TRY(vm_cursor_ready(vm, cursor));
    return jump_when_done(vm, cursor_find(cursor->storage, value_slice(key)), insn->p3);
}

enum status op_follow(struct vm *vm, const struct vm_insn *insn)
{
    struct vm_cursor *rows = &vm->cursors[insn->p1], *entries = &vm->cursors[insn->p2];
    enum status st;

    TRY(vm_cursor_ready(vm, rows));
    st = cursor_find(rows->storage, cursor_primary_key(entries->storage));
    if (st == ST_NOT_FOUND || st == ST_DONE)
        return error_set(vm->err, ST_CORRUPT, -1,
                         "index %.*s has an entry for a row that does not exist",
                         (int)entries->index->name.len, entries->index->name.data);
    return st;
}

/* ---- the present row ---- */

enum status op_column(struct vm *vm, const struct vm_insn *insn)
{
    const struct vm_cursor *cursor = &vm->cursors[insn->p1];

    if (__builtin_expect(cursor->is_null_row, false)) {
        *reg(vm, insn->p3) = value_null();
        return ST_OK;
    }
    return cursor_column(cursor->storage, (uint16_t)insn->p2, reg(vm, insn->p3));
}

enum status op_part(struct vm *vm, const struct vm_insn *insn)
{
    const struct vm_cursor *cursor = &vm->cursors[insn->p1];

    if (cursor->is_null_row) {
        *reg(vm, insn->p3) = value_null();
        return ST_OK;
    }
    return cursor_index_part(cursor->storage, (unsigned)insn->p2, reg(vm, insn->p3));
}

enum status op_record(struct vm *vm, const struct vm_insn *insn)
{
    const struct vm_cursor *cursor = &vm->cursors[insn->p1];
    const struct record *record;

    *reg(vm, insn->p2) = value_null();
    if (cursor->is_null_row)
        return ST_OK;
    TRY(cursor_record(cursor->storage, &record));
    *reg(vm, insn->p2) = value_record(record);
    return ST_OK;
}

/* The primary key as one value: an array when it has several parts. */
static enum status key_value(struct vm *vm, const struct vm_cursor *cursor, struct value *out)
{
    const struct table *table = cursor->table;
    struct document_builder builder = {0};
    enum status st = ST_OK;

    if (table->key_count <= 1)
        return cursor_column(cursor->storage,
                             table->key_count == 0 ? ATTRIBUTE_NONE : table->key_attributes[0],
                             out);
    document_begin(&builder);
    document_open_array(&builder);
    for (unsigned k = 0; st == ST_OK && k < table->key_count; k++) {
        struct value v;

        st = cursor_column(cursor->storage, table->key_attributes[k], &v);
        if (st == ST_OK)
            document_value(&builder, v);
    }
    document_close(&builder);
    if (st == ST_OK)
        st = document_end(&builder, out);
    if (st == ST_OK)
        st = value_keep(out, vm->temporary);
    document_deinit(&builder);
    return st;
}

enum status op_meta(struct vm *vm, const struct vm_insn *insn)
{
    const struct vm_cursor *cursor = &vm->cursors[insn->p1];
    struct value *out = reg(vm, insn->p3);
    const struct record *record;
    struct record_header header;
    struct slice body;

    *out = value_null();
    if (cursor->is_null_row)
        return ST_OK;
    if (insn->p2 == META_KEY)
        return key_value(vm, cursor, out);
    TRY(cursor_record(cursor->storage, &record));
    TRY(record_header_read(record->bytes, &header, &body));
    if (insn->p2 == META_VERSION)
        *out = value_int((int64_t)(header.stamp >> 12)); /* ticks of 2^-12 ms */
    else
        *out = (header.flags & RECORD_EXPIRY) != 0 ? value_int(header.expiry_ms) : value_absent();
    return ST_OK;
}

/* A copy: the row may be written before it is used. */
enum status op_key(struct vm *vm, const struct vm_insn *insn)
{
    const struct vm_cursor *cursor = &vm->cursors[insn->p1];
    struct value key;

    if (cursor->is_null_row) {
        *reg(vm, insn->p2) = value_null();
        return ST_OK;
    }
    key = value_bytes(cursor_primary_key(cursor->storage));
    TRY(value_keep(&key, vm->temporary));
    *reg(vm, insn->p2) = key;
    return ST_OK;
}

enum status op_null_row(struct vm *vm, const struct vm_insn *insn)
{
    vm->cursors[insn->p1].is_null_row = true;
    return ST_OK;
}

enum status op_row_count(struct vm *vm, const struct vm_insn *insn)
{
    uint64_t count;

    TRY(table_row_count(vm_txn(vm, vm->program->info.tables[insn->p1].database),
                        vm->tables[insn->p1], &count));
    *reg(vm, insn->p2) = value_int((int64_t)count);
    return ST_OK;
}

/* ---- one record without a cursor: vm_evaluate ---- */

enum status op_record_column(struct vm *vm, const struct vm_insn *insn)
{
    *reg(vm, insn->p2) =
        vm->record == NULL ? value_null() : record_attribute(vm->record, (unsigned)insn->p1);
    return ST_OK;
}

enum status op_record_whole(struct vm *vm, const struct vm_insn *insn)
{
    *reg(vm, insn->p1) = vm->record == NULL ? value_null() : value_record(vm->record);
    return ST_OK;
}

/* ---- rows from elsewhere ---- */

enum { FUNCTION_COLUMNS_MAX = 32 };

static enum status read_function(struct vm *vm, const struct func_table *function, void *cursor,
                                 unsigned count, const struct value *args, struct rowset *rows)
{
    struct value row[FUNCTION_COLUMNS_MAX];
    enum status st;

    vm->functions.arena = vm->temporary;
    TRY(function->open(&vm->functions, cursor, count, args));
    while ((st = function->next(&vm->functions, cursor)) == ST_ROW) {
        for (unsigned k = 0; k < function->column_count; k++)
            TRY(function->column(&vm->functions, cursor, k, &row[k]));
        TRY(rowset_add(rows, row, function->column_count));
    }
    return st == ST_DONE ? ST_OK : st;
}

enum status op_table_open(struct vm *vm, const struct vm_insn *insn)
{
    const struct slice *name = insn->p4;
    const struct func_table *function = func_table_find(*name);
    const struct vm_host *host = vm->environment.host;
    struct rowset *rows = vm->objects[insn->p1].rows;
    void *cursor;
    enum status st;

    rowset_clear(rows);
    if (function == NULL) {
        if (host == NULL || host->table_function == NULL)
            return error_set(vm->err, ST_NO_TABLE, -1, "no such table: %.*s", (int)name->len,
                             name->data);
        vm->emit_target = rows;
        st = host->table_function(host->context, vm, *name, insn->n, reg(vm, insn->p2), vm->err);
        vm->emit_target = NULL;
        return st;
    }
    if (function->column_count > FUNCTION_COLUMNS_MAX)
        return ST_LIMIT;
    cursor = arena_zalloc(vm->temporary, function->cursor_bytes);
    if (cursor == NULL)
        return ST_NO_MEMORY;
    st = read_function(vm, function, cursor, insn->n, reg(vm, insn->p2), rows);
    function->close(cursor);
    return st;
}

/* Of an array its elements, of null nothing, of anything else itself. */
enum status op_elements(struct vm *vm, const struct vm_insn *insn)
{
    struct rowset *rows = vm->objects[insn->p1].rows;
    const struct value v = *reg(vm, insn->p2);

    rowset_clear(rows);
    if (value_is_null(v))
        return ST_OK;
    if (v.kind != VALUE_ARRAY)
        return rowset_add(rows, &v, 1);
    for (size_t k = 0; k < document_count(v); k++) {
        const struct value element = document_element(v, k);

        TRY(rowset_add(rows, &element, 1));
    }
    return ST_OK;
}
