/* Files of the schema language: their types become statements that create tables or bring them to
 * the file, run as any statement is, through plan and program, in one transaction. */
#include "api/api_internal.h"
#include "parser/graphql/graphql.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct schema_file {
    harper_session *session;
    struct slice text;
    struct arena arena;
    struct graphql_schema schema;
    harper_report_fn warn;
    void *context;
};

static int fail(harper_error *out, enum status st, const struct error *err)
{
    if (out != NULL) {
        out->status = (int)st;
        out->offset = err->offset;
        snprintf(out->message, sizeof out->message, "%s",
                 err->status == st ? error_message(err) : status_text(st));
    }
    return (int)st;
}

/* ---- names of types ---- */

static struct ir_create_table *find_by_type(struct ir_create_table *const *list, size_t count,
                                            struct slice name)
{
    for (size_t k = 0; k < count; k++)
        if (slice_equal(list[k]->type_name, name))
            return list[k];
    return NULL;
}

/* Types of other files that were applied before. */
static bool is_in_catalog(const struct databases *databases, struct slice name)
{
    for (unsigned d = 0; d < databases->count; d++) {
        const struct catalog *catalog = txn_catalog(databases->refs[d].txn);

        if (catalog_table(catalog, name) != NULL ||
            catalog_object(catalog, OBJECT_SDL_TYPE, name) != NULL)
            return true;
    }
    return false;
}

static void warn_unknown(struct schema_file *file, const struct ir_column_def *column)
{
    unsigned line, column_number;
    char *text;

    if (file->warn == NULL)
        return;
    graphql_position(file->text, column->name.offset, &line, &column_number);
    text = arena_printf(&file->arena,
                        "line %u, column %u: type %.*s of %.*s is unknown: any value is taken",
                        line, column_number, (int)column->type.len, column->type.data,
                        (int)column->name.text.len, column->name.text.data);
    if (text != NULL)
        file->warn(file->context, text);
}

/* A relationship names its target by type, the catalog knows tables: they differ with
 * @table(table: …). What nobody defines is a warning, and takes any value; a relationship waits for
 * the file that brings its target. */
static void resolve_column(struct schema_file *file, const struct databases *databases,
                           struct ir_column_def *column)
{
    const struct graphql_schema *schema = &file->schema;
    const bool is_relation = column->relation_from.len != 0 || column->relation_to.len != 0;
    const struct ir_create_table *target =
        find_by_type(schema->tables, schema->table_count, column->type);

    if (is_relation && target != NULL) {
        column->type = target->name.text;
        return;
    }
    if (column->type.len == 0 || graphql_is_builtin_type(column->type) || target != NULL ||
        find_by_type(schema->types, schema->type_count, column->type) != NULL ||
        is_in_catalog(databases, column->type))
        return;
    warn_unknown(file, column);
    if (!is_relation)
        column->type = slice_text("Any");
}

static enum status resolve(struct schema_file *file, struct error *err)
{
    const struct graphql_schema *schema = &file->schema;
    struct database_ref refs[DATABASES_MAX];
    struct databases databases;

    TRY(session_acquire(file->session, &databases, refs, err));
    for (size_t k = 0; k < schema->table_count; k++)
        for (size_t c = 0; c < schema->tables[k]->column_count; c++)
            resolve_column(file, &databases, &schema->tables[k]->columns[c]);
    for (size_t k = 0; k < schema->type_count; k++)
        for (size_t c = 0; c < schema->types[k]->column_count; c++)
            resolve_column(file, &databases, &schema->types[k]->columns[c]);
    session_release(file->session, file->session->in_transaction);
    return ST_OK;
}

/* ---- running ---- */

static int run(harper_session *session, struct ir_create_table *create, harper_error *error)
{
    harper_statement *statement = NULL;
    harper_error ignored;
    int st = prepared_from_ir(session, create, &statement, error == NULL ? &ignored : error);

    if (st != HARPER_OK)
        return st;
    st = harper_step(statement);
    if (st != HARPER_DONE && error != NULL)
        *error = session->error;
    harper_finalize(statement);
    return st == HARPER_DONE ? HARPER_OK : st;
}

static int run_all(struct schema_file *file, unsigned flags, harper_error *error)
{
    const struct graphql_schema *schema = &file->schema;
    int result = HARPER_OK;

    for (size_t k = 0; result == HARPER_OK && k < schema->type_count; k++)
        result = run(file->session, schema->types[k], error);
    for (size_t k = 0; result == HARPER_OK && k < schema->table_count; k++) {
        schema->tables[k]->drops_missing = (flags & HARPER_SCHEMA_DROP) != 0;
        result = run(file->session, schema->tables[k], error);
    }
    return result;
}

static int run_in_transaction(struct schema_file *file, unsigned flags, harper_error *error)
{
    harper_session *session = file->session;
    struct error err = {.offset = -1};
    enum status st;
    int result;

    if (session->in_transaction)
        return run_all(file, flags, error);
    st = transaction_begin(session, true, &err);
    if (st != ST_OK)
        return fail(error, st, &err);
    result = run_all(file, flags, error);
    if (result != HARPER_OK) {
        if (session->in_transaction)
            transaction_rollback(session);
        return result;
    }
    st = transaction_commit(session, &err);
    return st == ST_OK ? HARPER_OK : fail(error, st, &err);
}

int harper_apply_schema(harper_session *session, const char *sdl, int64_t bytes, unsigned flags,
                        harper_report_fn warn, void *context, harper_error *error)
{
    struct schema_file file = {.session = session,
                               .text = slice_of(sdl, bytes < 0 ? strlen(sdl) : (size_t)bytes),
                               .warn = warn,
                               .context = context};
    struct error err = {.offset = -1};
    enum status st = graphql_parse_schema(file.text, &file.arena, &file.schema, &err);
    int result;

    if (st == ST_OK)
        st = resolve(&file, &err);
    if (st != ST_OK) {
        result = fail(error, st, &err);
    } else {
        for (size_t k = 0; warn != NULL && k < file.schema.warning_count; k++)
            warn(context, arena_strdup(&file.arena, file.schema.warnings[k]));
        result = run_in_transaction(&file, flags, error);
    }
    arena_deinit(&file.arena);
    return result;
}
