/* From text to program, whatever the language: parse, plan, generate. */
#include "api/api_internal.h"
#include "parser/graphql/graphql.h"
#include "parser/sql/sql.h"
#include <string.h>

/* ---- what the planner asks back ---- */

static enum status parse_statement_of(struct slice sql, enum ir_statement_kind kind,
                                      struct arena *arena, struct ir_statement **out,
                                      struct error *err)
{
    struct slice rest;

    TRY(sql_parse(sql, arena, out, &rest, err));
    if (*out == NULL || (*out)->kind != kind)
        return error_set(err, ST_CORRUPT, -1,
                         "the catalog holds a definition that cannot be read: %.*s", (int)sql.len,
                         sql.data);
    return ST_OK;
}

static enum status parse_view(void *context, struct slice sql, struct arena *arena,
                              struct ir_create_view **out, struct error *err)
{
    struct ir_statement *statement;

    (void)context;
    TRY(parse_statement_of(sql, IR_CREATE_VIEW, arena, &statement, err));
    *out = statement->as.create_view;
    return ST_OK;
}

static enum status parse_trigger(void *context, struct slice sql, struct arena *arena,
                                 struct ir_create_trigger **out, struct error *err)
{
    struct ir_statement *statement;

    (void)context;
    TRY(parse_statement_of(sql, IR_CREATE_TRIGGER, arena, &statement, err));
    *out = statement->as.create_trigger;
    return ST_OK;
}

static enum status parse_type(void *context, struct slice sdl, struct arena *arena,
                              struct ir_create_table **out, struct error *err)
{
    struct graphql_schema schema;

    (void)context;
    TRY(graphql_parse_schema(sdl, arena, &schema, err));
    if (schema.type_count != 1)
        return error_set(err, ST_CORRUPT, -1, "the catalog holds a type that cannot be read: %.*s",
                         (int)sdl.len, sdl.data);
    *out = schema.types[0];
    return ST_OK;
}

static enum status parse_expr(void *context, struct slice sql, struct arena *arena,
                              struct ir_expr **out, struct error *err)
{
    (void)context;
    return sql_parse_expr(sql, arena, out, err);
}

void compile_init(harper_session *session)
{
    session->plan_options.functions = session->owner->functions;
    session->plan_options.parsers = (struct plan_parsers){.context = session,
                                                          .parse_view = parse_view,
                                                          .parse_expr = parse_expr,
                                                          .parse_trigger = parse_trigger,
                                                          .parse_type = parse_type};
}

/* ---- languages ---- */

static enum status parse(harper_statement *statement, const struct databases *databases,
                         struct ir_statement **out, size_t *used, struct error *err)
{
    struct arena *arena = &statement->session->prepare;
    struct slice text = slice_of(statement->text, statement->text_bytes), rest;

    *used = text.len;
    if (statement->create != NULL) {
        *out = ARENA_NEW(arena, struct ir_statement);
        if (*out == NULL)
            return ST_NO_MEMORY;
        (*out)->kind = IR_CREATE_TABLE;
        (*out)->as.create_table = statement->create;
        return ST_OK;
    }
    switch (statement->language) {
    case HARPER_SQL:
        TRY(sql_parse(text, arena, out, &rest, err));
        *used = text.len - rest.len;
        return ST_OK;
    case HARPER_URL:
        return url_compile(statement, databases, arena, out, err);
    case LANGUAGE_REQUEST:
        return request_compile(statement, databases, out, err);
    case HARPER_GRAPHQL:
    case LANGUAGE_GRAPHQL_REQUEST:
        return graphql_compile(text, statement->language == LANGUAGE_GRAPHQL_REQUEST, databases,
                               arena, out, err);
    case LANGUAGE_QUERY_OBJECT:
        return query_object_compile(text, databases, arena, out, err);
    case LANGUAGE_DOCUMENT:
        return document_compile(statement, databases, arena, out, err);
    case HARPER_OPERATION:
        return operation_compile(statement, databases, arena, out, err);
    default:
        return error_set(err, ST_MISUSE, -1, "language %d is unknown", statement->language);
    }
}

enum status statement_parse(harper_statement *statement, const struct databases *databases,
                            struct ir_statement **out, struct error *err)
{
    size_t used;

    return parse(statement, databases, out, &used, err);
}

/* CREATE TEMP … and names in temp need the temporary database before they are bound. */
static bool wants_temp(const struct ir_statement *ir)
{
    switch (ir->kind) {
    case IR_CREATE_TABLE:
        return ir->as.create_table->is_temporary ||
               slice_is_nocase(ir->as.create_table->database.text, "temp");
    case IR_CREATE_VIEW:
        return ir->as.create_view->is_temporary ||
               slice_is_nocase(ir->as.create_view->database.text, "temp");
    case IR_CREATE_TRIGGER:
        return ir->as.create_trigger->is_temporary ||
               slice_is_nocase(ir->as.create_trigger->database.text, "temp");
    default:
        return false;
    }
}

static enum status generate(harper_statement *statement, struct ir_statement *ir,
                            const struct databases *databases, struct error *err)
{
    struct plan_statement *plan = NULL;
    struct program *program = NULL;
    enum status st;

    TRY(plan_make(ir, databases, &statement->session->plan_options, &statement->session->prepare,
                  &plan, err));
    TRY(codegen_program(plan, databases, &program, err));
    statement->row_form = ir->row_form;
    statement->explain = ir->explain;
    if (ir->explain != IR_EXPLAIN_NO && ir->explain != IR_EXPLAIN_ANALYZE) {
        st = explain_statement(statement, ir, plan, program, err);
        program_free(program);
        return st;
    }
    st = vm_new(program, &statement->vm);
    if (st != ST_OK) {
        program_free(program);
        return st;
    }
    statement->program = program;
    return ST_OK;
}

enum status statement_compile(harper_statement *statement, size_t *used, bool *is_empty,
                              struct error *err)
{
    harper_session *session = statement->session;
    struct database_ref refs[DATABASES_MAX];
    struct databases databases;
    struct ir_statement *ir = NULL;
    enum status st;

    arena_reset(&session->prepare);
    *is_empty = false;
    TRY(session_acquire(session, &databases, refs, err));
    st = parse(statement, &databases, &ir, used, err);
    if (st == ST_OK && ir == NULL) {
        *is_empty = true;
    } else if (st == ST_OK) {
        if (wants_temp(ir) && databases.count == session->database_count) {
            unsigned before = session->database_count;

            st = session_need_temp(session, err);
            if (st == ST_OK && session->database_count > before) {
                session_release(session, session->in_transaction);
                st = session_acquire(session, &databases, refs, err);
                if (st != ST_OK)
                    return st;
            }
        }
        if (st == ST_OK)
            st = generate(statement, ir, &databases, err);
    }
    session_release(session, session->in_transaction);
    return st;
}
