/*
 * JSON operations as statements: {"operation": "search_by_value", …}. Their tables are looked up
 * here, with the catalog at hand; what the fields mean is decided in parser/operations.
 *
 * Operations on keys run their program once per key, in order and in one transaction.
 */
#include "api/api_internal.h"
#include "parser/operations/operations.h"
#include "parser/sql/sql.h"
#include "parser/url/url.h"
#include "storage/value/document.h"

/* ---- tables ---- */

const struct database_ref *operation_database(const struct databases *databases, struct slice name)
{
    for (unsigned k = 0; k < databases->count; k++)
        if (database_is(databases, k, name))
            return &databases->refs[k];
    return NULL;
}

static const struct table *find_table(const struct databases *databases, struct slice database,
                                      struct slice name)
{
    const struct database_ref *ref = operation_database(databases, database);
    const struct table *table = ref == NULL ? NULL : catalog_table(txn_catalog(ref->txn), name);

    /* Tables of SQL have names in any case, as SQL has them. */
    return table == NULL || (table->is_case_sensitive && !slice_equal(table->name, name)) ? NULL
                                                                                          : table;
}

static enum operation_found find(void *context, struct slice database, struct slice table,
                                 struct slice *name)
{
    const struct databases *databases = context;
    const struct database_ref *ref = operation_database(databases, database);

    if (ref == NULL)
        return OPERATION_NO_DATABASE;
    *name = ref->name;
    return find_table(databases, database, table) == NULL ? OPERATION_NO_TABLE : OPERATION_FOUND;
}

static int type_of(void *context, struct slice database, struct slice table,
                   const struct slice *path, size_t parts, bool *is_list)
{
    const struct databases *databases = context;
    const struct database_ref *ref = operation_database(databases, database);
    struct url_target target = {.table = find_table(databases, database, table)};
    struct url_schema schema = url_schema_of(&target);

    *is_list = false;
    if (target.table == NULL)
        return -1;
    target.catalog = txn_catalog(ref->txn);
    return schema.type_of(schema.context, path, parts, is_list);
}

static enum status convert(void *context, int type, struct slice attribute, struct arena *arena,
                           struct value *v, struct error *err)
{
    (void)context;
    return url_convert_value(*v, type, attribute, arena, v, err);
}

static bool is_dynamic(void *context, struct slice database, struct slice table)
{
    const struct table *found = find_table(context, database, table);

    return found != NULL && (found->is_dynamic || !found->is_made_by_sdl);
}

static bool is_known(void *context, struct slice database, struct slice table, struct slice name)
{
    const struct table *found = find_table(context, database, table);

    return found != NULL && table_attribute(found, name) != NULL;
}

static bool is_key(void *context, struct slice database, struct slice table, struct slice name)
{
    const struct table *found = find_table(context, database, table);
    const struct attribute *attribute = found == NULL ? NULL : table_attribute(found, name);

    for (unsigned k = 0; attribute != NULL && k < found->key_count; k++)
        if (found->key_attributes[k] == attribute->id)
            return true;
    return false;
}

static enum status parse_sql(void *context, struct slice sql, struct arena *arena,
                             struct ir_statement **out, struct error *err)
{
    struct slice rest;

    (void)context;
    TRY(sql_parse(sql, arena, out, &rest, err));
    for (size_t k = 0; k < rest.len; k++)
        if (strchr(" \t\r\n;", rest.data[k]) == NULL)
            return error_set(err, ST_SYNTAX, (int64_t)(sql.len - rest.len),
                             "an operation takes one statement");
    return ST_OK;
}

/* ---- statements ---- */

static void keep_key_name(harper_statement *statement, const struct databases *databases,
                          const struct operation *operation)
{
    const struct table *table = find_table(databases, operation->database, operation->table);

    statement->key_name =
        table == NULL || table->key_count != 1
            ? slice_empty()
            : arena_copy(&statement->kept, table->attributes[table->key_attributes[0]].name);
}

void statement_operation(const harper_statement *statement, struct operation_facts *out)
{
    *out = (struct operation_facts){.is_write = statement->operation_kind == OPERATION_WRITE,
                                    .is_delete = statement->operation_kind == OPERATION_DELETE,
                                    .key_name = statement->key_name};
    if (statement->operation_kind != OPERATION_SQL)
        return;
    out->is_sql_insert = statement->operation_writes == IR_INSERT;
    out->is_sql_update = statement->operation_writes == IR_UPDATE;
    out->is_sql_delete = statement->operation_writes == IR_DELETE;
}

static enum status keep_keys(harper_statement *statement, struct value keys)
{
    struct slice copy = arena_copy(&statement->kept, value_slice(keys));

    statement->has_keys = true;
    statement->keys = keys;
    statement->keys.as.data = copy.data;
    statement->key_count = document_count(keys);
    return copy.data == NULL ? ST_NO_MEMORY : ST_OK;
}

enum status operation_compile(harper_statement *statement, const struct databases *databases,
                              struct arena *arena, struct ir_statement **out, struct error *err)
{
    const struct operation_schema schema = {.context = (void *)(uintptr_t)databases,
                                            .type_of = type_of,
                                            .convert = convert,
                                            .is_dynamic = is_dynamic,
                                            .find = find,
                                            .parse_sql = parse_sql,
                                            .is_key = is_key,
                                            .is_known = is_known};
    struct slice text = slice_of(statement->text, statement->text_bytes);
    struct operation *operation;
    struct value request;
    enum status st;

    arena_reset(&statement->kept);
    statement->has_keys = false;
    TRY(json_read(text, arena, &request, err));
    st = operation_parse(request, &schema, arena, &operation, err);
    if (st == ST_NOT_FOUND) {
        struct slice name = value_slice(document_member(request, slice_text("operation")));

        return error_set(err, ST_INVALID, -1, "Operation '%.*s' not found",
                         (int)(name.len > 200 ? 200 : name.len), name.data);
    }
    TRY(st);
    *out = operation->statement;
    /* A row of named columns shows what it lacks as null. */
    if (operation->fills_nulls && (*out)->row_form == IR_ROW_OBJECT)
        (*out)->row_form = IR_ROW_COLUMNS;
    statement->operation_kind = operation->kind;
    statement->operation_writes = operation->written;
    keep_key_name(statement, databases, operation);
    if (operation->kind == OPERATION_LOOKUP || operation->kind == OPERATION_DELETE)
        return keep_keys(statement, operation->keys);
    return ST_OK;
}

/* The key of the next run; false: there is none. */
enum status operation_next_key(harper_statement *statement, bool *is_there)
{
    *is_there = statement->key_at < statement->key_count;
    if (!*is_there)
        return ST_OK;
    return vm_bind(statement->vm, 1, document_element(statement->keys, statement->key_at++));
}
