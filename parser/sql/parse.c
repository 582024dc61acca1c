/*
 * The module's doors: one statement, one expression.
 */
#include "parser/sql/grammar.y.h"
#include "parser/sql/sql_internal.h"
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum status sql_fail(struct sql_parse *parse, enum status status, const char *at,
                     const char *format, ...)
{
    char message[ERROR_MESSAGE_BYTES];
    va_list args;

    if (sql_failed(parse)) /* the first reason is the reason */
        return parse->status;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    parse->status = status;
    return error_set(parse->err, status, at == NULL ? -1 : at - parse->text.data, "%s", message);
}

void *sql_alloc(struct sql_parse *parse, size_t bytes)
{
    void *room = arena_alloc(parse->arena, bytes);

    if (room == NULL)
        sql_fail(parse, ST_NO_MEMORY, NULL, "out of memory");
    else
        memset(room, 0, bytes);
    return room;
}

/* ---- lists ---- */

static bool stack_grow(struct sql_parse *parse, size_t bytes)
{
    struct sql_stack *stack = &parse->stack;
    size_t capacity = stack->capacity;
    bool is_first = stack->bytes == stack->first.bytes;
    char *larger;

    while (capacity - stack->used < bytes)
        capacity *= 2;
    larger = capacity > UINT32_MAX ? NULL : realloc(is_first ? NULL : stack->bytes, capacity);
    if (larger == NULL) {
        sql_fail(parse, ST_NO_MEMORY, NULL, "out of memory");
        return false;
    }
    if (is_first)
        memcpy(larger, stack->first.bytes, stack->used);
    stack->bytes = larger;
    stack->capacity = capacity;
    return true;
}

void *sql_push(struct sql_parse *parse, size_t bytes, struct sql_list *out)
{
    struct sql_stack *stack = &parse->stack;
    char *room;

    out->start = (uint32_t)stack->used;
    out->count = 1;
    if (stack->capacity - stack->used < bytes && !stack_grow(parse, bytes))
        return NULL;
    room = stack->bytes + stack->used;
    stack->used += bytes;
    return room;
}

void *sql_take(struct sql_parse *parse, struct sql_list list, size_t item_bytes)
{
    size_t bytes = list.count * item_bytes;
    void *items;

    if (list.count == 0 || sql_failed(parse))
        return NULL;
    assert(list.start + bytes == parse->stack.used);
    items = arena_alloc(parse->arena, bytes);
    if (items == NULL) {
        sql_fail(parse, ST_NO_MEMORY, NULL, "out of memory");
        return NULL;
    }
    memcpy(items, parse->stack.bytes + list.start, bytes);
    parse->stack.used = list.start;
    return items;
}

struct sql_list sql_push_pointer(struct sql_parse *parse, void *pointer)
{
    struct sql_list list;
    void **room = sql_push(parse, sizeof *room, &list);

    if (room != NULL)
        *room = pointer;
    return list;
}

struct sql_list sql_push_expr(struct sql_parse *parse, struct ir_expr *expr)
{
    return sql_push_pointer(parse, expr);
}

struct sql_list sql_push_name(struct sql_parse *parse, struct sql_token name)
{
    struct sql_list list;
    struct ir_name *room = sql_push(parse, sizeof *room, &list);

    if (room != NULL)
        *room = sql_name(parse, name);
    return list;
}

struct sql_list sql_list_more(struct sql_list list, struct sql_list item)
{
    if (list.count == 0)
        return item;
    list.count++;
    return list;
}

/* ---- a parse ---- */

/* Not by assignment of a whole struct: the stack's first room need not be cleared. */
static void parse_init(struct sql_parse *parse, struct slice text, struct arena *arena,
                       struct error *err)
{
    memset(parse, 0, offsetof(struct sql_parse, stack.first));
    parse->text = text;
    parse->arena = arena;
    parse->err = err;
    parse->previous_end = text.data;
    parse->first_param_offset = -1;
    parse->stack.bytes = parse->stack.first.bytes;
    parse->stack.capacity = sizeof parse->stack.first.bytes;
}

static void parse_deinit(struct sql_parse *parse)
{
    if (parse->stack.bytes != parse->stack.first.bytes)
        free(parse->stack.bytes);
}

static bool starts_statement(int code)
{
    switch (code) {
    case TK_SELECT:
    case TK_VALUES:
    case TK_WITH:
    case TK_INSERT:
    case TK_REPLACE:
    case TK_UPDATE:
    case TK_DELETE:
    case TK_CREATE:
    case TK_DROP:
    case TK_ALTER:
    case TK_PRAGMA:
    case TK_ANALYZE:
    case TK_REINDEX:
    case TK_VACUUM:
    case TK_ATTACH:
    case TK_DETACH:
    case TK_BEGIN:
    case TK_COMMIT:
    case TK_END:
    case TK_ROLLBACK:
    case TK_SAVEPOINT:
    case TK_RELEASE:
        return true;
    default: /* token codes are no enum */
        return false;
    }
}

/* EXPLAIN in its forms, read before the grammar: what follows it is a statement like any other.
 * `EXPLAIN ANALYZE x` explains the statement ANALYZE x unless x begins a statement. */
static enum ir_explain read_explain(struct sql_lexer *lexer)
{
    static const struct {
        const char *word;
        enum ir_explain explain;
    } forms[] = {{"IR", IR_EXPLAIN_IR},
                 {"PLAN", IR_EXPLAIN_PLAN},
                 {"CODE", IR_EXPLAIN_CODE},
                 {"ANALYZE", IR_EXPLAIN_ANALYZE}};
    struct sql_lexer ahead = *lexer;
    int code = sql_scan(&ahead);
    struct slice word = slice_of(ahead.token, (size_t)(ahead.cursor - ahead.token));

    if (code == TK_QUERY) {
        if (sql_scan(&ahead) != TK_PLAN)
            return IR_EXPLAIN_CODE; /* the grammar will complain about QUERY */
        *lexer = ahead;
        return IR_EXPLAIN_QUERY_PLAN;
    }
    for (size_t i = 0; i < COUNT_OF(forms); i++) {
        struct sql_lexer behind = ahead;

        if (!slice_is_nocase(word, forms[i].word))
            continue;
        if (forms[i].explain == IR_EXPLAIN_ANALYZE && !starts_statement(sql_scan(&behind)))
            break;
        *lexer = ahead;
        return forms[i].explain;
    }
    return IR_EXPLAIN_CODE;
}

static enum status parse_statement(struct sql_parse *parse, struct sql_lexer *lexer,
                                   struct ir_statement **out)
{
    struct sql_lexer first;
    enum ir_explain explain = IR_EXPLAIN_NO;
    int code;

    do { /* empty statements */
        first = *lexer;
        code = sql_scan(lexer);
    } while (code == TK_SEMI);
    if (code == SQL_END)
        return ST_OK;
    parse->first = lexer->token;
    if (code == TK_EXPLAIN)
        explain = read_explain(lexer);
    else
        *lexer = first;
    parse->grammar_start = lexer->cursor;
    TRY(sql_run_grammar(parse, lexer, 0));
    parse->statement->explain = (uint8_t)explain;
    *out = parse->statement;
    return ST_OK;
}

static enum status check_length(struct slice text, struct error *err)
{
    if (text.len > SQL_TEXT_BYTES_MAX)
        return error_set(err, ST_LIMIT, -1, "statement is too long (maximum %d bytes)",
                         SQL_TEXT_BYTES_MAX);
    return ST_OK;
}

enum status sql_parse(struct slice text, struct arena *arena, struct ir_statement **out,
                      struct slice *rest, struct error *err)
{
    struct sql_lexer lexer = {0};
    struct sql_parse parse;
    enum status st;

    *out = NULL;
    if (rest != NULL)
        *rest = slice_empty();
    if (text.len == 0)
        return ST_OK;
    TRY(check_length(text, err));
    lexer.cursor = lexer.token = text.data;
    lexer.limit = text.data + text.len;
    parse_init(&parse, text, arena, err);
    st = parse_statement(&parse, &lexer, out);
    if (st == ST_OK && rest != NULL)
        *rest = slice_of(lexer.cursor, (size_t)(lexer.limit - lexer.cursor));
    parse_deinit(&parse);
    return st;
}

enum status sql_parse_expr(struct slice text, struct arena *arena, struct ir_expr **out,
                           struct error *err)
{
    struct sql_lexer lexer = {text.data, text.data, text.data + text.len, false};
    struct sql_parse parse;
    enum status st;

    *out = NULL;
    TRY(check_length(text, err));
    if (text.len == 0)
        return error_set(err, ST_SYNTAX, 0, "incomplete input, expected an expression");
    parse_init(&parse, text, arena, err);
    parse.grammar_start = text.data;
    st = sql_run_grammar(&parse, &lexer, TK_ONLY_EXPRESSION);
    if (st == ST_OK)
        *out = parse.expr;
    parse_deinit(&parse);
    return st;
}

/* ---- the end of a statement ---- */

/* SQL of the schema: from the name on as written, behind CREATE and the kind. */
static struct slice schema_text(struct sql_parse *parse, const char *start)
{
    struct slice text = sql_span(parse->ddl_name, parse->previous_end);
    size_t start_len = strlen(start);
    char *copy = sql_alloc(parse, start_len + text.len);

    if (copy == NULL)
        return slice_empty();
    memcpy(copy, start, start_len);
    if (text.len > 0)
        memcpy(copy + start_len, text.data, text.len);
    return slice_of(copy, start_len + text.len);
}

static void refuse_params(struct sql_parse *parse, const char *message)
{
    if (parse->param_count > 0)
        sql_fail(parse, ST_SYNTAX, parse->text.data + parse->first_param_offset, "%s", message);
}

/* What a schema stores can have no parameters: nobody would bind them. */
static void finish_schema(struct sql_parse *parse, struct ir_statement *statement)
{
    switch ((enum ir_statement_kind)statement->kind) {
    case IR_CREATE_TABLE:
        statement->as.create_table->sql = schema_text(parse, "CREATE TABLE ");
        if (statement->as.create_table->as_query == NULL)
            refuse_params(parse, "parameters prohibited in CREATE TABLE");
        break;
    case IR_CREATE_INDEX:
        statement->as.create_index->sql =
            schema_text(parse, statement->as.create_index->is_unique ? "CREATE UNIQUE INDEX "
                                                                     : "CREATE INDEX ");
        refuse_params(parse, "parameters prohibited in index expressions");
        break;
    case IR_CREATE_VIEW:
        statement->as.create_view->sql = schema_text(parse, "CREATE VIEW ");
        refuse_params(parse, "parameters are not allowed in views");
        break;
    case IR_CREATE_TRIGGER:
        statement->as.create_trigger->sql = schema_text(parse, "CREATE TRIGGER ");
        refuse_params(parse, "trigger cannot use variables");
        break;
    case IR_ALTER:
        refuse_params(parse, "parameters prohibited in ALTER TABLE");
        break;
    case IR_QUERY:
    case IR_INSERT:
    case IR_UPDATE:
    case IR_DELETE:
    case IR_WRITE_DOCUMENTS:
    case IR_DROP:
    case IR_TRANSACTION:
    case IR_PRAGMA:
    case IR_MAINTAIN:
    case IR_ATTACH:
    case IR_STATEMENT_KIND_COUNT:
        break;
    }
}

void sql_finish(struct sql_parse *parse, struct ir_statement *statement)
{
    if (statement == NULL || sql_failed(parse))
        return;
    statement->text = sql_span(parse->first, parse->previous_end);
    statement->param_count = parse->param_count;
    statement->param_names = parse->param_names;
    if (parse->ddl_name != NULL || statement->kind == IR_ALTER)
        finish_schema(parse, statement);
    if (!sql_failed(parse))
        parse->statement = statement;
}
