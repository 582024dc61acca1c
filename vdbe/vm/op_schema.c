/* Schema changes, and what the host does. */
#include "vdbe/vm/vm_internal.h"

static enum status already(struct vm *vm, const struct schema_spec *spec, const char *what,
                           struct slice name)
{
    if (spec->is_lenient)
        return ST_DONE;
    return error_set(vm->err, ST_CONSTRAINT, -1, "%s %.*s already exists", what, (int)name.len,
                     name.data);
}

static enum status missing(struct vm *vm, const struct schema_spec *spec, const char *what,
                           struct slice name)
{
    if (spec->is_lenient)
        return ST_DONE;
    return error_set(vm->err, spec->kind == SCHEMA_DROP_INDEX ? ST_NO_NAME : ST_NO_TABLE, -1,
                     "no such %s: %.*s", what, (int)name.len, name.data);
}

/* ST_DONE here: nothing to do, and that is fine. */
static enum status check_name_is_free(struct vm *vm, const struct schema_spec *spec,
                                      const struct catalog *catalog, struct slice name)
{
    if (catalog_table(catalog, name) != NULL)
        return already(vm, spec, "table", name);
    if (catalog_object(catalog, OBJECT_VIEW, name) != NULL)
        return already(vm, spec, spec->kind == SCHEMA_PUT_OBJECT ? "table" : "view", name);
    if (catalog_index(catalog, name) != NULL)
        return error_set(vm->err, ST_CONSTRAINT, -1, "there is already an index named %.*s",
                         (int)name.len, name.data);
    return ST_OK;
}

static enum status create_table(struct vm *vm, const struct schema_spec *spec, struct txn *txn)
{
    const struct table *made;

    TRY(check_name_is_free(vm, spec, txn_catalog(txn), spec->definition->name));
    TRY(catalog_create_table(txn, spec->definition, &made, vm->err));
    if (spec->made != TABLE_NEW) {
        vm->tables[spec->made] = made;
        vm->catalogs[spec->database] = txn_catalog(txn);
    }
    return ST_OK;
}

static enum status merge_table(struct vm *vm, const struct schema_spec *spec, struct txn *txn)
{
    const struct table *present = catalog_table(txn_catalog(txn), spec->definition->name);

    if (present == NULL)
        return create_table(vm, spec, txn);
    return catalog_merge_table(txn, present, spec->definition, spec->drops_missing, vm->err);
}

static enum status find_table(struct vm *vm, const struct schema_spec *spec, struct txn *txn,
                              const struct table **out)
{
    *out = catalog_table(txn_catalog(txn), spec->table);
    return *out == NULL ? missing(vm, spec, "table", spec->table) : ST_OK;
}

static enum status find_column(struct vm *vm, const struct schema_spec *spec,
                               const struct table *table, struct slice name, uint16_t *out)
{
    const struct attribute *attribute = table_attribute(table, name);

    (void)spec;
    if (attribute == NULL)
        return error_set(vm->err, ST_NO_COLUMN, -1, "no such column: \"%.*s\"", (int)name.len,
                         name.data);
    *out = attribute->id;
    return ST_OK;
}

static enum status create_index(struct vm *vm, const struct schema_spec *spec, struct txn *txn)
{
    const struct catalog *catalog = txn_catalog(txn);
    struct index definition = *spec->index;
    struct index_part *parts;
    const struct table *table;

    if (catalog_index(catalog, definition.name) != NULL)
        return already(vm, spec, "index", definition.name);
    if (catalog_table(catalog, definition.name) != NULL)
        return error_set(vm->err, ST_CONSTRAINT, -1, "there is already a table named %.*s",
                         (int)definition.name.len, definition.name.data);
    table = catalog_table(catalog, spec->table);
    if (table == NULL)
        return error_set(vm->err, ST_NO_TABLE, -1, "no such table: %.*s", (int)spec->table.len,
                         spec->table.data);
    parts = ARENA_NEW_ARRAY(vm->temporary, struct index_part, definition.part_count);
    if (parts == NULL)
        return ST_NO_MEMORY;
    for (uint16_t k = 0; k < definition.part_count; k++) {
        parts[k] = definition.parts[k];
        parts[k].attribute = ATTRIBUTE_NONE;
        if (spec->index_columns[k].len == 0)
            continue;
        TRY(find_column(vm, spec, table, spec->index_columns[k], &parts[k].attribute));
        /* The column's own collation unless the statement named one. */
        if (spec->index_takes_collation[k])
            parts[k].order.collation = table->attributes[parts[k].attribute].collation;
    }
    definition.parts = parts;
    return catalog_create_index(txn, table, &definition, vm->err);
}

static enum status drop_index(struct vm *vm, const struct schema_spec *spec, struct txn *txn)
{
    const struct index *index = catalog_index(txn_catalog(txn), spec->name);

    if (index == NULL)
        return missing(vm, spec, "index", spec->name);
    if (index->origin == INDEX_UNIQUE || index->origin == INDEX_PRIMARY_KEY)
        return error_set(
            vm->err, ST_CONSTRAINT, -1,
            "index associated with UNIQUE or PRIMARY KEY constraint cannot be dropped");
    return catalog_drop_index(txn, index, vm->err);
}

static enum status drop_table(struct vm *vm, const struct schema_spec *spec, struct txn *txn)
{
    const struct table *table;

    if (catalog_object(txn_catalog(txn), OBJECT_VIEW, spec->table) != NULL)
        return error_set(vm->err, ST_NO_TABLE, -1, "use DROP VIEW to delete view %.*s",
                         (int)spec->table.len, spec->table.data);
    TRY(find_table(vm, spec, txn, &table));
    return catalog_drop_table(txn, table, vm->err);
}

static enum status put_object(struct vm *vm, const struct schema_spec *spec, struct txn *txn)
{
    const struct catalog *catalog = txn_catalog(txn);
    const struct catalog_object object = {
        .kind = spec->object_kind, .name = spec->name, .table = spec->table, .sql = spec->sql};

    if (spec->object_kind == OBJECT_SDL_TYPE) {
        const struct catalog_object *present = catalog_object(catalog, OBJECT_SDL_TYPE, spec->name);

        if (present != NULL && slice_equal(present->sql, spec->sql))
            return ST_DONE;
    } else if (spec->object_kind == OBJECT_VIEW) {
        if (catalog_object(catalog, OBJECT_VIEW, spec->name) != NULL)
            return already(vm, spec, "view", spec->name);
        TRY(check_name_is_free(vm, spec, catalog, spec->name));
    } else if (catalog_object(catalog, (enum object_kind)spec->object_kind, spec->name) != NULL) {
        return already(vm, spec, "trigger", spec->name);
    } else if (catalog_table(catalog, spec->table) == NULL &&
               catalog_object(catalog, OBJECT_VIEW, spec->table) == NULL) {
        return error_set(vm->err, ST_NO_TABLE, -1, "no such table: %.*s", (int)spec->table.len,
                         spec->table.data);
    }
    return catalog_put_object(txn, &object, vm->err);
}

/* Those of a view; a table's go with it in the catalog. */
static enum status drop_triggers(struct vm *vm, struct slice view, struct txn *txn)
{
    const struct catalog *catalog = txn_catalog(txn);

    for (size_t k = 0; k < catalog->object_count;) {
        const struct catalog_object *object = catalog->objects[k++];

        if (object->kind != OBJECT_TRIGGER || !slice_equal_nocase(object->table, view))
            continue;
        TRY(catalog_drop_object(txn, OBJECT_TRIGGER, arena_copy(vm->temporary, object->name),
                                vm->err));
        catalog = txn_catalog(txn); /* another one now */
        k = 0;
    }
    return ST_OK;
}

static enum status drop_object(struct vm *vm, const struct schema_spec *spec, struct txn *txn)
{
    const bool is_view = spec->object_kind == OBJECT_VIEW;

    if (catalog_object(txn_catalog(txn), (enum object_kind)spec->object_kind, spec->name) == NULL) {
        if (is_view && catalog_table(txn_catalog(txn), spec->name) != NULL)
            return error_set(vm->err, ST_NO_TABLE, -1, "use DROP TABLE to delete table %.*s",
                             (int)spec->name.len, spec->name.data);
        return missing(vm, spec, is_view ? "view" : "trigger", spec->name);
    }
    TRY(catalog_drop_object(txn, (enum object_kind)spec->object_kind, spec->name, vm->err));
    return is_view ? drop_triggers(vm, spec->name, txn) : ST_OK;
}

/* The index that the new attribute of an operation gets; of a dynamic table it has one. */
static enum status index_column(struct vm *vm, const struct schema_spec *spec, struct txn *txn)
{
    const struct slice column = spec->attribute->name;
    struct index_part part = {0};
    struct index index = {
        .part_count = 1, .is_multi_valued = true, .origin = INDEX_ATTRIBUTE, .parts = &part};
    const struct table *table;
    char *name;

    TRY(find_table(vm, spec, txn, &table));
    TRY(find_column(vm, spec, table, column, &part.attribute));
    if (table_index_on(table, part.attribute) != NULL)
        return ST_OK;
    name = arena_printf(vm->temporary, "%.*s/%.*s", (int)table->name.len, table->name.data,
                        (int)column.len, column.data);
    if (name == NULL)
        return ST_NO_MEMORY;
    index.name = slice_text(name);
    return catalog_create_index(txn, table, &index, vm->err);
}

static enum status add_column(struct vm *vm, const struct schema_spec *spec, struct txn *txn)
{
    const struct table *table;
    uint64_t rows;

    TRY(find_table(vm, spec, txn, &table));
    if (table_attribute(table, spec->attribute->name) != NULL)
        return error_set(vm->err, ST_CONSTRAINT, -1, "duplicate column name: %.*s",
                         (int)spec->attribute->name.len, spec->attribute->name.data);
    if (spec->needs_empty_table) {
        TRY(table_row_count(txn, table, &rows));
        if (rows != 0)
            return error_set(vm->err, ST_CONSTRAINT, -1,
                             "Cannot add a NOT NULL column with default value NULL");
    }
    TRY(catalog_add_attribute(txn, table, spec->attribute, vm->err));
    return spec->is_indexed ? index_column(vm, spec, txn) : ST_OK;
}

static bool is_key_column(const struct table *table, uint16_t attribute)
{
    for (uint16_t k = 0; k < table->key_count; k++)
        if (table->key_attributes[k] == attribute)
            return true;
    return false;
}

static enum status drop_column(struct vm *vm, const struct schema_spec *spec, struct txn *txn)
{
    const struct table *table;
    uint16_t attribute = ATTRIBUTE_NONE;

    TRY(find_table(vm, spec, txn, &table));
    TRY(find_column(vm, spec, table, spec->column, &attribute));
    if (is_key_column(table, attribute))
        return error_set(vm->err, ST_CONSTRAINT, -1, "cannot drop PRIMARY KEY column: \"%.*s\"",
                         (int)spec->column.len, spec->column.data);
    for (uint16_t k = 0; k < table->index_count; k++)
        for (uint16_t part = 0; part < table->indexes[k].part_count; part++)
            if (table->indexes[k].parts[part].attribute == attribute &&
                table->indexes[k].origin != INDEX_ATTRIBUTE)
                return error_set(vm->err, ST_CONSTRAINT, -1,
                                 "error in index %.*s after drop column: no such column: %.*s",
                                 (int)table->indexes[k].name.len, table->indexes[k].name.data,
                                 (int)spec->column.len, spec->column.data);
    return catalog_drop_attribute(txn, table, attribute, vm->err);
}

static enum status rename_column(struct vm *vm, const struct schema_spec *spec, struct txn *txn)
{
    const struct table *table;
    uint16_t attribute = ATTRIBUTE_NONE;

    TRY(find_table(vm, spec, txn, &table));
    TRY(find_column(vm, spec, table, spec->column, &attribute));
    if (table_attribute(table, spec->name) != NULL &&
        table_attribute(table, spec->name)->id != attribute)
        return error_set(vm->err, ST_CONSTRAINT, -1, "duplicate column name: %.*s",
                         (int)spec->name.len, spec->name.data);
    return catalog_rename_attribute(txn, table, attribute, spec->name, vm->err);
}

static enum status rename_table(struct vm *vm, const struct schema_spec *spec, struct txn *txn)
{
    const struct table *table;

    TRY(find_table(vm, spec, txn, &table));
    if (catalog_table(txn_catalog(txn), spec->name) != NULL &&
        catalog_table(txn_catalog(txn), spec->name) != table)
        return error_set(vm->err, ST_CONSTRAINT, -1,
                         "there is already another table or index with this name: %.*s",
                         (int)spec->name.len, spec->name.data);
    return catalog_rename_table(txn, table, spec->name, vm->err);
}

enum status op_schema(struct vm *vm, const struct vm_insn *insn)
{
    const struct schema_spec *spec = insn->p4;
    struct txn *txn = vm_txn(vm, spec->database);
    enum status st = ST_INTERNAL;

    switch ((enum schema_kind)spec->kind) {
    case SCHEMA_CREATE_TABLE:
        st = create_table(vm, spec, txn);
        break;
    case SCHEMA_CREATE_INDEX:
        st = create_index(vm, spec, txn);
        break;
    case SCHEMA_PUT_OBJECT:
        st = put_object(vm, spec, txn);
        break;
    case SCHEMA_DROP_TABLE:
        st = drop_table(vm, spec, txn);
        break;
    case SCHEMA_DROP_INDEX:
        st = drop_index(vm, spec, txn);
        break;
    case SCHEMA_DROP_OBJECT:
        st = drop_object(vm, spec, txn);
        break;
    case SCHEMA_RENAME_TABLE:
        st = rename_table(vm, spec, txn);
        break;
    case SCHEMA_RENAME_COLUMN:
        st = rename_column(vm, spec, txn);
        break;
    case SCHEMA_ADD_COLUMN:
        st = add_column(vm, spec, txn);
        break;
    case SCHEMA_DROP_COLUMN:
        st = drop_column(vm, spec, txn);
        break;
    case SCHEMA_MERGE_TABLE:
        st = merge_table(vm, spec, txn);
        break;
    }
    if (st == ST_DONE) {
        jump(vm, insn->p1); /* IF NOT EXISTS, IF EXISTS: there is nothing to do */
        return ST_OK;
    }
    if (st == ST_EXISTS) /* the catalog's answer is a failure of the statement */
        return error_set(vm->err, ST_CONSTRAINT, -1, "%s", error_message(vm->err));
    return st;
}

/* ---- rows that were there before their column ---- */

/* Coded keys of all rows: the table is written while it is walked otherwise. */
static enum status collect_keys(struct txn *txn, const struct table *table, struct rowset *keys)
{
    struct cursor *cursor;
    enum status st;

    TRY(cursor_open_table(txn, table, &cursor));
    for (st = cursor_first(cursor); st == ST_OK; st = cursor_next(cursor)) {
        const struct value key = value_bytes(cursor_primary_key(cursor));

        st = rowset_add(keys, &key, 1);
        if (st != ST_OK)
            break;
    }
    cursor_close(cursor);
    return st == ST_DONE ? ST_OK : st;
}

static enum status fill_row(struct vm *vm, struct txn *txn, const struct table *table,
                            struct cursor *cursor, uint16_t attribute, struct value v)
{
    uint16_t attributes[64];
    struct value values[64];
    struct write_result result;
    struct row row = {.values = values};
    unsigned count = 0;

    if (table->key_count + 1u > COUNT_OF(values))
        return ST_LIMIT;
    for (; count < table->key_count; count++) {
        attributes[count] = table->key_attributes[count];
        TRY(cursor_column(cursor, attributes[count], &values[count]));
        TRY(value_keep(&values[count], vm->temporary));
    }
    if (table->key_count == 0) {
        struct value rowid;

        TRY(cursor_column(cursor, ATTRIBUTE_NONE, &rowid));
        row.rowid = rowid.as.i;
    }
    attributes[count] = attribute;
    values[count++] = v;
    TRY(table_shape(txn, table, attributes, count, &row.shape));
    return table_write(txn, table, WRITE_PATCH, &row, &result, vm->err);
}

static enum status fill_rows(struct vm *vm, struct txn *txn, const struct table *table,
                             struct reader *keys, uint16_t attribute, struct value v)
{
    const struct arena_mark mark = arena_mark(vm->temporary);
    struct cursor *cursor;
    struct value key;
    enum status st;

    TRY(cursor_open_table(txn, table, &cursor));
    while ((st = reader_next(keys, &key, 1)) == ST_OK) {
        st = cursor_find(cursor, value_slice(key));
        if (st == ST_OK)
            st = fill_row(vm, txn, table, cursor, attribute, v);
        if (st != ST_OK)
            break;
        arena_release(vm->temporary, mark);
    }
    cursor_close(cursor);
    return st == ST_DONE ? ST_OK : st;
}

/* ADD COLUMN … DEFAULT: rows say their values themselves, so the default is written into them. */
enum status op_fill_column(struct vm *vm, const struct vm_insn *insn)
{
    const struct schema_spec *spec = insn->p4;
    struct txn *txn = vm_txn(vm, spec->database);
    const struct table *table = catalog_table(txn_catalog(txn), spec->table);
    const struct attribute *attribute =
        table == NULL ? NULL : table_attribute(table, spec->attribute->name);
    struct value v = *reg(vm, insn->p1);
    struct rowset *keys;
    struct reader *reader = NULL;
    enum status st;

    if (attribute == NULL)
        return ST_INTERNAL;
    v = value_apply_affinity(v, (enum affinity)attribute->affinity, vm->temporary);
    TRY(value_keep(&v, &vm->run_arena));
    TRY(rowset_new(vm->environment.memory_bytes / 4, vm->environment.temp_directory, &keys));
    st = collect_keys(txn, table, keys);
    if (st == ST_OK)
        st = reader_new(keys, &reader);
    if (st == ST_OK)
        st = fill_rows(vm, txn, table, reader, attribute->id, v);
    reader_free(reader);
    rowset_free(keys);
    return st;
}

/* ---- the host ---- */

enum status vm_describe(struct vm *vm, unsigned count, const struct slice *names)
{
    if (count > CONTROL_COLUMNS_MAX)
        return ST_LIMIT;
    vm->described_names = ARENA_NEW_ARRAY(&vm->run_arena, struct slice, count);
    if (vm->described_names == NULL)
        return ST_NO_MEMORY;
    for (unsigned k = 0; k < count; k++)
        vm->described_names[k] = arena_copy(&vm->run_arena, names[k]);
    vm->described_count = count;
    return vm->run_arena.failed ? ST_NO_MEMORY : ST_OK;
}

enum status vm_emit(struct vm *vm, unsigned count, const struct value *values)
{
    if (vm->emit_target == NULL)
        return ST_MISUSE;
    return rowset_add(vm->emit_target, values, count);
}

enum status op_control(struct vm *vm, const struct vm_insn *insn)
{
    const struct control_spec *spec = insn->p4;
    const struct vm_host *host = vm->environment.host;
    enum status st;

    if (host == NULL || host->control == NULL)
        return error_set(vm->err, ST_UNSUPPORTED, -1, "%.*s cannot run here", (int)spec->text.len,
                         spec->text.data);
    vm->emit_target = vm->objects[insn->p2].rows;
    st = host->control(host->context, vm, spec->statement, insn->n, reg(vm, insn->p1), vm->err);
    vm->emit_target = NULL;
    return st;
}
