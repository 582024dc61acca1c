/* Writing rows: one instruction per row. storage/table keeps indexes, log and counts in step; what
 * a constraint says and what is done about it is decided here. */
#include "vdbe/vm/vm_internal.h"

enum { /* enum ir_conflict's numbers, which this module may not include */
       CONFLICT_NONE,
       CONFLICT_ROLLBACK,
       CONFLICT_ABORT,
       CONFLICT_FAIL,
       CONFLICT_IGNORE,
       CONFLICT_REPLACE,
};

static struct txn *txn_of(struct vm *vm, uint32_t table)
{
    return vm_txn(vm, vm->program->info.tables[table].database);
}

/* The table as the transaction sees it now: a document may have brought attributes. */
static const struct table *table_of(struct vm *vm, uint32_t number)
{
    const struct table *table = vm->tables[number];
    const struct catalog *catalog = txn_catalog(txn_of(vm, number));

    if (catalog == vm->catalogs[vm->program->info.tables[number].database])
        return table;
    return catalog_table_by_store(catalog, table->store);
}

/* ---- rowids ---- */

enum status op_new_rowid(struct vm *vm, const struct vm_insn *insn)
{
    int64_t rowid;

    TRY(table_next_rowid(txn_of(vm, (uint32_t)insn->p1), table_of(vm, (uint32_t)insn->p1), &rowid,
                         vm->err));
    *reg(vm, insn->p2) = value_int(rowid);
    return ST_OK;
}

enum status op_rowid_value(struct vm *vm, const struct vm_insn *insn)
{
    struct value *v = reg(vm, insn->p1);

    *v = value_apply_affinity(*v, AFFINITY_INTEGER, vm->temporary);
    if (v->kind == VALUE_BOOL)
        *v = value_int(v->as.b);
    if (v->kind != VALUE_INT)
        return error_set(vm->err, ST_TYPE, -1, "datatype mismatch");
    return ST_OK;
}

/* ---- constraints over one value ---- */

enum status op_check_null(struct vm *vm, const struct vm_insn *insn)
{
    if (!value_is_null(*reg(vm, insn->p1))) {
        jump(vm, insn->p2);
        return ST_OK;
    }
    return op_fail(vm, insn);
}

static const char *stored_kind(struct value v)
{
    switch ((enum value_kind)v.kind) {
    case VALUE_BOOL:
    case VALUE_INT:
    case VALUE_DATE:
        return "INT";
    case VALUE_REAL:
        return "REAL";
    case VALUE_TEXT:
    case VALUE_ARRAY:
    case VALUE_OBJECT:
        return "TEXT";
    case VALUE_BYTES:
        return "BLOB";
    case VALUE_ABSENT:
    case VALUE_NULL:
    case VALUE_KIND_COUNT:
        break;
    }
    return "NULL";
}

enum status op_check_type(struct vm *vm, const struct vm_insn *insn)
{
    const struct type_spec *spec = insn->p4;
    struct value *v = reg(vm, insn->p1);
    bool suits;

    *v = value_apply_affinity(*v, (enum affinity)spec->affinity, vm->temporary);
    switch ((enum affinity)spec->affinity) {
    case AFFINITY_INTEGER:
        suits = v->kind == VALUE_INT || v->kind == VALUE_BOOL;
        break;
    case AFFINITY_REAL:
        suits = v->kind == VALUE_REAL || v->kind == VALUE_INT;
        break;
    case AFFINITY_TEXT:
        suits = v->kind == VALUE_TEXT;
        break;
    case AFFINITY_NONE:
    case AFFINITY_NUMERIC:
    default:
        suits = spec->is_any || v->kind == VALUE_BYTES;
        break;
    }
    if (suits || spec->is_any || value_is_null(*v))
        return ST_OK;
    return error_set(vm->err, ST_CONSTRAINT, -1, "cannot store %s value in %.*s column %.*s",
                     stored_kind(*v), (int)spec->type.len, spec->type.data, (int)spec->name.len,
                     spec->name.data);
}

/* ---- foreign keys ---- */

/* False: nothing is to be kept for this table. */
static bool foreign_begin(struct vm *vm, uint32_t number, const struct table *table,
                          struct foreign *out)
{
    if (!vm->environment.foreign_keys || !foreign_concerns(txn_of(vm, number), table))
        return false;
    *out = (struct foreign){.txn = txn_of(vm, number),
                            .arena = vm->temporary,
                            .immediate = &vm->statement->foreign,
                            .deferred = vm->environment.deferred != NULL ? vm->environment.deferred
                                                                         : &vm->statement->foreign,
                            .err = vm->err};
    return true;
}

/* The row that was written, by attribute. */
static enum status foreign_image(struct vm *vm, const struct table *table, const struct row *row,
                                 struct value **out)
{
    *out = ARENA_NEW_ARRAY(vm->temporary, struct value, table->attribute_count + 1u);
    if (*out == NULL)
        return ST_NO_MEMORY;
    for (uint16_t k = 0; k < table->attribute_count; k++)
        (*out)[k] = value_null();
    for (uint16_t k = 0; k < row->shape->count; k++) {
        struct value *v = &(*out)[row->shape->attributes[k]];

        *v = row->values[k];
        TRY(value_keep(v, vm->temporary));
    }
    return ST_OK;
}

/* The row at `key` as it is now. */
static enum status foreign_read(struct foreign *foreign, const struct table *table,
                                struct slice key, struct value **out)
{
    struct cursor *cursor = NULL;
    enum status st;

    TRY(cursor_open_table(foreign->txn, table, &cursor));
    st = cursor_find(cursor, key);
    if (st == ST_OK)
        st = foreign_row(foreign, cursor, table, out);
    cursor_close(cursor);
    return st;
}

/* ---- writing ---- */

/* Remember what was in the way. */
static enum status note_conflict(struct vm *vm, enum status st, const struct write_result *result)
{
    vm->conflict_index = st == ST_DUPLICATE ? result->conflict : NULL;
    vm->conflict_is_key = vm->conflict_index == NULL;
    buf_clear(&vm->conflict_key);
    buf_append_slice(&vm->conflict_key, result->conflict_key);
    return buf_status(&vm->conflict_key);
}

static enum status write_row(struct vm *vm, uint32_t table_number, const struct table *table,
                             enum write_kind kind, const struct row *row, bool counts,
                             int32_t taken)
{
    struct write_result result = {0};
    enum status st = table_write(txn_of(vm, table_number), table, kind, row, &result, vm->err);

    if (st == ST_OK) {
        vm->changes += counts;
        return ST_OK;
    }
    if (st != ST_EXISTS && st != ST_DUPLICATE)
        return st == ST_NOT_FOUND ? ST_OK : st;
    TRY(note_conflict(vm, st, &result));
    jump(vm, taken);
    return ST_OK;
}

static void note_inserted(struct vm *vm, const struct table *table, const struct row *row)
{
    if (!table->has_rowid)
        return;
    vm->inserted_rowid = row->rowid;
    if (table->key_count == 1) {
        const uint16_t column = row->shape->position_of[table->key_attributes[0]];

        if (column != ATTRIBUTE_NONE && row->values[column].kind == VALUE_INT)
            vm->inserted_rowid = row->values[column].as.i;
    }
    vm->has_inserted = true;
}

enum status op_insert(struct vm *vm, const struct vm_insn *insn)
{
    const uint32_t number = (uint32_t)insn->p1;
    const struct write_spec *spec = insn->p4;
    const struct table *table = table_of(vm, number);
    struct row row = {.values = reg(vm, insn->p2)};
    const struct vm_insn *next = vm->pc;
    struct foreign foreign;
    struct value *image;

    row.shape = table->declared_shape;
    if (!spec->is_declared || row.shape == NULL || row.shape->count != spec->count)
        TRY(table_shape(txn_of(vm, number), table, spec->attributes, spec->count, &row.shape));
    if (spec->has_rowid)
        row.rowid = row.values[spec->count].as.i;
    TRY(write_row(vm, number, table, (enum write_kind)spec->kind, &row, spec->counts, insn->p3));
    if (vm->pc != next)
        return ST_OK;
    if (spec->kind == WRITE_INSERT)
        note_inserted(vm, table, &row);
    if (!foreign_begin(vm, number, table, &foreign))
        return ST_OK;
    TRY(foreign_image(vm, table, &row, &image));
    return foreign_inserted(&foreign, table, image);
}

/* Attributes and values of a changed row, in the temporaries. */
struct change {
    uint16_t *attributes;
    struct value *values;
    uint8_t *ops;
    uint16_t count;
};

static void put_change(struct change *change, uint16_t attribute, struct value v, uint8_t op)
{
    for (uint16_t k = 0; k < change->count; k++)
        if (change->attributes[k] == attribute) {
            change->values[k] = v;
            change->ops[k] = op;
            return;
        }
    change->attributes[change->count] = attribute;
    change->values[change->count] = v;
    change->ops[change->count++] = op;
}

static enum status begin_change(struct vm *vm, size_t room, struct change *out)
{
    *out = (struct change){.attributes = arena_alloc(vm->temporary, room * sizeof(uint16_t)),
                           .values = arena_alloc(vm->temporary, room * sizeof(struct value)),
                           .ops = arena_alloc(vm->temporary, room)};
    return vm->temporary->failed ? ST_NO_MEMORY : ST_OK;
}

/* The rowid of the row a cursor is at. */
static enum status present_rowid(const struct vm_cursor *cursor, struct row *row)
{
    struct value v;

    if (cursor->table->key_count != 0)
        return ST_OK;
    TRY(cursor_column(cursor->storage, ATTRIBUTE_NONE, &v));
    row->rowid = v.as.i;
    return ST_OK;
}

/* The row stays where it is: only what changes is given, so that writes of other nodes to other
 * attributes survive. */
enum status op_patch(struct vm *vm, const struct vm_insn *insn)
{
    const struct vm_cursor *cursor = &vm->cursors[insn->p1];
    const struct write_spec *spec = insn->p4;
    const struct table *table = table_of(vm, spec->table);
    const struct vm_insn *next = vm->pc;
    struct row row = {0};
    struct change change;
    struct foreign foreign;
    struct value *before = NULL, *after;
    struct slice key = slice_empty();

    if (foreign_begin(vm, spec->table, table, &foreign)) {
        TRY(foreign_row(&foreign, cursor->storage, table, &before));
        key = arena_copy(vm->temporary, cursor_primary_key(cursor->storage));
    }
    TRY(begin_change(vm, (size_t)spec->count + table->key_count, &change));
    for (uint16_t k = 0; k < table->key_count; k++) {
        struct value v;

        TRY(cursor_column(cursor->storage, table->key_attributes[k], &v));
        TRY(value_keep(&v, vm->temporary));
        put_change(&change, table->key_attributes[k], v, 0);
    }
    for (uint16_t k = 0; k < spec->count; k++)
        put_change(&change, spec->attributes[k], *reg(vm, insn->p2 + k),
                   spec->ops == NULL ? 0 : spec->ops[k]);
    TRY(present_rowid(cursor, &row));
    TRY(table_shape(txn_of(vm, spec->table), table, change.attributes, change.count, &row.shape));
    row.values = change.values;
    row.ops = change.ops;
    TRY(write_row(vm, spec->table, table, WRITE_PATCH, &row, spec->counts, insn->p3));
    if (vm->pc != next || before == NULL)
        return ST_OK;
    TRY(foreign_read(&foreign, table, key, &after));
    return foreign_updated(&foreign, table, before, after);
}

/* The row may move to another key: the whole of it is written again. */
enum status op_update(struct vm *vm, const struct vm_insn *insn)
{
    const struct vm_cursor *cursor = &vm->cursors[insn->p1];
    const struct write_spec *spec = insn->p4;
    const struct table *table = table_of(vm, spec->table);
    const struct vm_insn *next = vm->pc;
    const struct record *record;
    struct row row = {0};
    struct change change;
    struct foreign foreign;
    struct value *before = NULL, *after;

    if (foreign_begin(vm, spec->table, table, &foreign))
        TRY(foreign_row(&foreign, cursor->storage, table, &before));
    TRY(cursor_record(cursor->storage, &record));
    TRY(begin_change(vm, (size_t)record->shape->count + spec->count, &change));
    for (uint16_t k = 0; k < record->shape->count; k++) {
        struct value v = record_column(record, k);

        if (v.kind == VALUE_ABSENT)
            continue;
        TRY(value_keep(&v, vm->temporary));
        put_change(&change, record->shape->attributes[k], v, 0);
    }
    for (uint16_t k = 0; k < spec->count; k++)
        put_change(&change, spec->attributes[k], *reg(vm, insn->p2 + k), 0);
    TRY(present_rowid(cursor, &row));
    if (spec->has_rowid)
        row.rowid = reg(vm, insn->p2 + spec->count)->as.i;
    row.old_key = arena_copy(vm->temporary, cursor_primary_key(cursor->storage));
    TRY(table_shape(txn_of(vm, spec->table), table, change.attributes, change.count, &row.shape));
    row.values = change.values;
    TRY(write_row(vm, spec->table, table, WRITE_UPDATE, &row, spec->counts, insn->p3));
    if (vm->pc != next || before == NULL)
        return ST_OK;
    TRY(foreign_image(vm, table, &row, &after));
    return foreign_updated(&foreign, table, before, after);
}

enum status op_remove(struct vm *vm, const struct vm_insn *insn)
{
    const struct vm_cursor *cursor = &vm->cursors[insn->p1];
    const uint32_t number = vm->program->cursors[insn->p1].table;
    const struct table *table = table_of(vm, number);
    struct foreign foreign;
    struct value *row = NULL;
    enum status st;

    if (foreign_begin(vm, number, table, &foreign))
        TRY(foreign_row(&foreign, cursor->storage, table, &row));
    buf_clear(&vm->scratch_key);
    buf_append_slice(&vm->scratch_key, cursor_primary_key(cursor->storage));
    TRY(buf_status(&vm->scratch_key));
    st = table_remove(txn_of(vm, number), table, buf_slice(&vm->scratch_key), vm->err);
    if (st == ST_NOT_FOUND)
        return ST_OK;
    vm->changes += st == ST_OK;
    if (st != ST_OK || row == NULL)
        return st;
    return foreign_removed(&foreign, table, row);
}

/* One row after the other, for what follows from each. */
static enum status remove_each(struct foreign *foreign, const struct table *table)
{
    struct cursor *cursor = NULL;
    struct buf key = {0};
    enum status st = ST_OK;

    while (st == ST_OK) {
        st = cursor_open_table(foreign->txn, table, &cursor);
        if (st == ST_OK)
            st = cursor_first(cursor);
        buf_clear(&key);
        if (st == ST_OK)
            buf_append_slice(&key, cursor_primary_key(cursor));
        cursor_close(cursor);
        cursor = NULL;
        if (st == ST_OK)
            st = buf_status(&key);
        if (st == ST_OK)
            st = foreign_remove(foreign, table, buf_slice(&key));
    }
    buf_free(&key);
    return st == ST_DONE ? ST_OK : st;
}

enum status op_clear(struct vm *vm, const struct vm_insn *insn)
{
    const uint32_t number = (uint32_t)insn->p1;
    const struct table *table = table_of(vm, number);
    struct foreign foreign;
    uint64_t count;

    TRY(table_row_count(txn_of(vm, number), table, &count));
    if (foreign_begin(vm, number, table, &foreign))
        TRY(remove_each(&foreign, table));
    else
        TRY(table_clear(txn_of(vm, number), table, vm->err));
    vm->changes += (int64_t)count;
    return ST_OK;
}

/* ---- conflicts ---- */

static void name_column(struct buf *out, const struct table *table, uint16_t attribute)
{
    if (out->len != 0)
        buf_append_text(out, ", ");
    buf_append_slice(out, table->name);
    buf_append_byte(out, '.');
    if (attribute == ATTRIBUTE_NONE)
        buf_append_text(out, "rowid");
    else
        buf_append_slice(out, table->attributes[attribute].name);
}

/* The columns of the constraint, as SQLite lists them; an expression has no name, then the index
 * stands for it. */
static void name_constraint(const struct vm *vm, const struct table *table, struct buf *out)
{
    const struct index *index = vm->conflict_index;

    if (index == NULL) {
        if (table->key_count == 0)
            name_column(out, table, ATTRIBUTE_NONE);
        for (uint16_t k = 0; k < table->key_count; k++)
            name_column(out, table, table->key_attributes[k]);
        return;
    }
    for (uint16_t k = 0; k < index->part_count; k++)
        if (index->parts[k].attribute == ATTRIBUTE_NONE) {
            buf_append_text(out, "index '");
            buf_append_slice(out, index->name);
            buf_append_byte(out, '\'');
            return;
        }
    for (uint16_t k = 0; k < index->part_count; k++)
        name_column(out, table, index->parts[k].attribute);
}

static enum status fail_conflict(struct vm *vm, const struct table *table)
{
    struct buf columns = {0};
    enum status st;

    name_constraint(vm, table, &columns);
    st = error_set(vm->err, ST_DUPLICATE, -1, "UNIQUE constraint failed: %.*s", (int)columns.len,
                   columns.data);
    buf_free(&columns);
    return st;
}

enum status op_conflict(struct vm *vm, const struct vm_insn *insn)
{
    const struct conflict_spec *spec = insn->p4;
    const struct table *table = table_of(vm, spec->table);
    uint8_t action = spec->conflict;
    struct foreign foreign;

    if (action == CONFLICT_NONE && vm->conflict_index != NULL)
        action = vm->conflict_index->on_conflict;
    switch (action) {
    case CONFLICT_IGNORE:
        jump(vm, insn->p2);
        return ST_OK;
    case CONFLICT_REPLACE:
        if (spec->by_program) {
            jump(vm, insn->p3);
            return ST_OK;
        }
        if (foreign_begin(vm, spec->table, table, &foreign))
            TRY(foreign_remove(&foreign, table, buf_slice(&vm->conflict_key)));
        else
            TRY(table_remove(txn_of(vm, spec->table), table, buf_slice(&vm->conflict_key),
                             vm->err));
        jump(vm, insn->p3);
        return ST_OK;
    default:
        vm->failed_conflict = action == CONFLICT_NONE ? CONFLICT_ABORT : action;
        return fail_conflict(vm, table);
    }
}

enum status op_conflict_find(struct vm *vm, const struct vm_insn *insn)
{
    struct vm_cursor *cursor = &vm->cursors[insn->p1];
    const struct upsert_spec *spec = insn->p4;
    const bool suits = spec->is_any || (spec->is_primary_key && vm->conflict_is_key) ||
                       (vm->conflict_index != NULL && spec->index_store != 0 &&
                        vm->conflict_index->store == spec->index_store);
    enum status st;

    if (!suits) {
        jump(vm, insn->p3);
        return ST_OK;
    }
    TRY(vm_cursor_ready(vm, cursor));
    st = cursor_find(cursor->storage, buf_slice(&vm->conflict_key));
    return st == ST_NOT_FOUND ? ST_CORRUPT : st;
}
