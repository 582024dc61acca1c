/* The catalog as rows: sqlite_schema and the tables behind PRAGMA table_info and its like. */
#include "api/api_internal.h"
#include "vdbe/plan/plan.h"
#include <stdlib.h>
#include <string.h>

static struct value text_or_null(struct slice s)
{
    return s.len == 0 ? value_null() : value_text(s);
}

/* ---- schema ---- */

static enum status emit_schema_row(struct vm *vm, const char *type, struct slice name,
                                   struct slice table, int64_t root, struct slice sql)
{
    const struct value row[] = {value_text(slice_text(type)), value_text(name), value_text(table),
                                value_int(root), text_or_null(sql)};

    return vm_emit(vm, COUNT_OF(row), row);
}

static enum status emit_schema(struct vm *vm, const struct catalog *catalog)
{
    for (size_t k = 0; k < catalog->table_count; k++) {
        const struct table *table = catalog->tables[k];

        TRY(emit_schema_row(vm, "table", table->name, table->name, table->store, table->sql));
        for (unsigned i = 0; i < table->index_count; i++) {
            const struct index *index = &table->indexes[i];

            if (index->origin != INDEX_ATTRIBUTE)
                TRY(emit_schema_row(vm, "index", index->name, table->name, index->store,
                                    index->sql));
        }
    }
    for (size_t k = 0; k < catalog->object_count; k++) {
        const struct catalog_object *object = catalog->objects[k];

        if (object->kind == OBJECT_VIEW)
            TRY(emit_schema_row(vm, "view", object->name, object->name, 0, object->sql));
        else if (object->kind == OBJECT_TRIGGER)
            TRY(emit_schema_row(vm, "trigger", object->name, object->table, 0, object->sql));
    }
    return ST_OK;
}

/* ---- tables ---- */

static unsigned key_position(const struct table *table, uint16_t attribute)
{
    for (unsigned k = 0; k < table->key_count; k++)
        if (table->key_attributes[k] == attribute)
            return k + 1;
    return 0;
}

static enum status emit_columns(struct vm *vm, const struct table *table, bool with_hidden)
{
    int64_t number = 0;

    for (unsigned k = 0; k < table->attribute_count; k++) {
        const struct attribute *attribute = &table->attributes[k];
        struct value row[7];

        if (attribute->is_dropped || (attribute->generated == GENERATED_VIRTUAL && !with_hidden))
            continue;
        row[0] = value_int(number++);
        row[1] = value_text(attribute->name);
        row[2] = value_text(attribute->declared_type);
        row[3] = value_int(attribute->is_not_null);
        row[4] = text_or_null(attribute->default_sql);
        row[5] = value_int(key_position(table, (uint16_t)k));
        row[6] = value_int(attribute->generated == GENERATED_VIRTUAL  ? 2
                           : attribute->generated == GENERATED_STORED ? 3
                                                                      : 0);
        TRY(vm_emit(vm, with_hidden ? 7 : 6, row));
    }
    return ST_OK;
}

static enum status emit_tables(struct vm *vm, const struct databases *databases)
{
    for (unsigned d = 0; d < databases->count; d++) {
        const struct catalog *catalog = txn_catalog(databases->refs[d].txn);

        for (size_t k = 0; k < catalog->table_count; k++) {
            const struct table *table = catalog->tables[k];
            int64_t columns = 0;

            for (unsigned a = 0; a < table->attribute_count; a++)
                columns += !table->attributes[a].is_dropped;
            TRY(vm_emit(vm, 6,
                        (struct value[]){value_text(databases->refs[d].name),
                                         value_text(table->name), value_text(slice_text("table")),
                                         value_int(columns), value_int(!table->has_rowid),
                                         value_int(table->is_strict)}));
        }
        for (size_t k = 0; k < catalog->object_count; k++)
            if (catalog->objects[k]->kind == OBJECT_VIEW)
                TRY(vm_emit(vm, 6,
                            (struct value[]){value_text(databases->refs[d].name),
                                             value_text(catalog->objects[k]->name),
                                             value_text(slice_text("view")), value_int(0),
                                             value_int(0), value_int(0)}));
    }
    return ST_OK;
}

/* ---- indexes ---- */

static enum status emit_indexes(struct vm *vm, const struct table *table)
{
    for (unsigned k = 0; k < table->index_count; k++) {
        const struct index *index = &table->indexes[k];
        const char *origin = index->origin == INDEX_UNIQUE        ? "u"
                             : index->origin == INDEX_PRIMARY_KEY ? "pk"
                                                                  : "c";

        TRY(vm_emit(vm, 5,
                    (struct value[]){value_int(k), value_text(index->name),
                                     value_int(index->is_unique), value_text(slice_text(origin)),
                                     value_int(index->where_sql.len > 0)}));
    }
    return ST_OK;
}

static const char *collation_name(enum collation collation)
{
    return collation == COLLATE_NOCASE ? "NOCASE" : collation == COLLATE_RTRIM ? "RTRIM" : "BINARY";
}

static enum status emit_index_parts(struct vm *vm, const struct index *index, bool extended)
{
    for (unsigned k = 0; k < index->part_count; k++) {
        const struct index_part *part = &index->parts[k];
        bool is_expression = part->attribute == ATTRIBUTE_NONE;
        struct value row[6] = {value_int(k),
                               value_int(is_expression ? -2 : part->attribute),
                               is_expression
                                   ? value_null()
                                   : value_text(index->table->attributes[part->attribute].name),
                               value_int(part->order.descending),
                               value_text(slice_text(collation_name(part->order.collation))),
                               value_int(1)};

        TRY(vm_emit(vm, extended ? 6 : 3, row));
    }
    return ST_OK;
}

static enum status emit_foreign_keys(struct vm *vm, const struct table *table)
{
    static const char *const actions[] = {"NO ACTION", "RESTRICT", "SET NULL", "SET DEFAULT",
                                          "CASCADE"};

    for (unsigned k = 0; k < table->foreign_key_count; k++) {
        const struct foreign_key *key = &table->foreign_keys[table->foreign_key_count - 1 - k];

        for (unsigned c = 0; c < key->count; c++)
            TRY(vm_emit(vm, 8,
                        (struct value[]){value_int(k), value_int(c), value_text(key->parent),
                                         value_text(key->child_columns[c]),
                                         key->parent_columns == NULL
                                             ? value_null()
                                             : value_text(key->parent_columns[c]),
                                         value_text(slice_text(actions[key->on_update])),
                                         value_text(slice_text(actions[key->on_delete])),
                                         value_text(slice_text("NONE"))}));
    }
    return ST_OK;
}

/* ---- the rest ---- */

static enum status emit_databases(struct vm *vm, harper_session *session)
{
    for (unsigned k = 0; k < session->database_count; k++) {
        const struct session_database *database = &session->databases[k];
        bool in_memory = strcmp(database->path, ":memory:") == 0;

        TRY(vm_emit(vm, 3,
                    (struct value[]){value_int(k), value_text(slice_text(database->name)),
                                     value_text(slice_text(in_memory ? "" : database->path))}));
    }
    return ST_OK;
}

static enum status emit_functions(struct vm *vm, harper_session *session)
{
    const struct func *func;

    for (size_t k = 0; (func = func_at(session->owner->functions, k)) != NULL; k++) {
        const char *type = (func->flags & FUNC_WINDOW) != 0      ? "w"
                           : (func->flags & FUNC_AGGREGATE) != 0 ? "a"
                                                                 : "s";

        TRY(vm_emit(
            vm, 6,
            (struct value[]){value_text(slice_text(func->name)), value_int(func->user == NULL),
                             value_text(slice_text(type)), value_text(slice_text("utf8")),
                             value_int(func->args_min == func->args_max ? func->args_min : -1),
                             value_int(func->flags)}));
    }
    return ST_OK;
}

/* The table an argument names, in the database the second one names or in any. */
static const struct table *find_table(const struct databases *databases, unsigned count,
                                      const struct value *args)
{
    for (unsigned d = 0; count > 0 && args[0].kind == VALUE_TEXT && d < databases->count; d++) {
        const struct table *table;

        if (count > 1 && args[1].kind == VALUE_TEXT &&
            !slice_equal_nocase(value_slice(args[1]), databases->refs[d].name))
            continue;
        table = catalog_table(txn_catalog(databases->refs[d].txn), value_slice(args[0]));
        if (table != NULL)
            return table;
    }
    return NULL;
}

static const struct index *find_index(const struct databases *databases, unsigned count,
                                      const struct value *args)
{
    for (unsigned d = 0; count > 0 && args[0].kind == VALUE_TEXT && d < databases->count; d++) {
        const struct index *index =
            catalog_index(txn_catalog(databases->refs[d].txn), value_slice(args[0]));

        if (index != NULL)
            return index;
    }
    return NULL;
}

static enum status emit_named(harper_session *session, struct vm *vm,
                              const struct databases *databases, struct slice name, unsigned count,
                              const struct value *args)
{
    const struct table *table = find_table(databases, count, args);
    const struct index *index = find_index(databases, count, args);

    if (slice_is_nocase(name, "pragma_table_info"))
        return table == NULL ? ST_OK : emit_columns(vm, table, false);
    if (slice_is_nocase(name, "pragma_table_xinfo"))
        return table == NULL ? ST_OK : emit_columns(vm, table, true);
    if (slice_is_nocase(name, "pragma_index_list"))
        return table == NULL ? ST_OK : emit_indexes(vm, table);
    if (slice_is_nocase(name, "pragma_foreign_key_list"))
        return table == NULL ? ST_OK : emit_foreign_keys(vm, table);
    if (slice_is_nocase(name, "pragma_index_info"))
        return index == NULL ? ST_OK : emit_index_parts(vm, index, false);
    if (slice_is_nocase(name, "pragma_index_xinfo"))
        return index == NULL ? ST_OK : emit_index_parts(vm, index, true);
    if (slice_is_nocase(name, "pragma_table_list"))
        return emit_tables(vm, databases);
    if (slice_is_nocase(name, "pragma_database_list"))
        return emit_databases(vm, session);
    if (slice_is_nocase(name, "pragma_function_list"))
        return emit_functions(vm, session);
    if (slice_is_nocase(name, "pragma_collation_list")) {
        for (int k = 0; k < COLLATE_BUILTIN_COUNT; k++)
            TRY(vm_emit(vm, 2,
                        (struct value[]){value_int(k), value_text(slice_text(
                                                           collation_name((enum collation)k)))}));
        return ST_OK;
    }
    for (unsigned d = 0; d < databases->count; d++) {
        bool is_temp = slice_is_nocase(name, "sqlite_temp_schema") ||
                       slice_is_nocase(name, "sqlite_temp_master");

        if (is_temp ? slice_is(databases->refs[d].name, "temp") : d == 0)
            return emit_schema(vm, txn_catalog(databases->refs[d].txn));
    }
    return ST_OK;
}

/* Called inside of a statement that has its transactions already, or by a PRAGMA, which has none:
 * take them for the call. */
enum status host_table_function(void *context, struct vm *vm, struct slice name, unsigned count,
                                const struct value *args, struct error *err)
{
    harper_session *session = context;
    struct database_ref refs[DATABASES_MAX];
    struct databases databases;
    enum status st;

    TRY(session_acquire(session, &databases, refs, err));
    st = emit_named(session, vm, &databases, name, count, args);
    session_release(session, session->in_transaction);
    return st;
}
