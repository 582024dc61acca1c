/*
 * Indexes, views, triggers, and the statements that control a connection.
 */
#include "parser/sql/sql_internal.h"

struct sql_names *sql_names(struct sql_parse *parse, struct sql_token first,
                            struct sql_token second)
{
    struct sql_names *names = SQL_NEW(parse, struct sql_names);

    if (names != NULL)
        *names = (struct sql_names){first, second};
    return names;
}

void sql_resolve_names(struct sql_parse *parse, const struct sql_names *names,
                       struct ir_name *database, struct ir_name *name)
{
    struct sql_token none = {0};

    if (names == NULL) {
        *database = *name = sql_name(parse, none);
    } else if (names->second.text == NULL) {
        *database = sql_name(parse, none);
        *name = sql_name(parse, names->first);
    } else {
        *database = sql_name(parse, names->first);
        *name = sql_name(parse, names->second);
    }
}

static const char *own_name(const struct sql_names *names)
{
    return names->second.text == NULL ? names->first.text : names->second.text;
}

struct ir_statement *sql_create_index(struct sql_parse *parse, bool is_unique, bool if_not_exists,
                                      struct sql_names *names, struct sql_token table,
                                      struct sql_list columns, struct ir_expr *where)
{
    struct ir_statement *statement = sql_statement_new(parse, IR_CREATE_INDEX);
    struct ir_create_index *index = SQL_NEW(parse, struct ir_create_index);

    if (sql_failed(parse))
        return NULL;
    statement->as.create_index = index;
    sql_resolve_names(parse, names, &index->database, &index->name);
    parse->ddl_name = own_name(names);
    index->table = sql_name(parse, table);
    index->is_unique = is_unique;
    index->if_not_exists = if_not_exists;
    index->columns = sql_take_orders(parse, columns, &index->column_texts);
    index->count = columns.count;
    index->where = where;
    if (where != NULL)
        index->where_text = sql_span(parse->text.data + where->offset, parse->previous_end);
    return statement;
}

struct ir_statement *sql_create_view(struct sql_parse *parse, bool is_temporary, bool if_not_exists,
                                     struct sql_names *names, struct sql_list columns,
                                     struct ir_query *query)
{
    struct ir_statement *statement = sql_statement_new(parse, IR_CREATE_VIEW);
    struct ir_create_view *view = SQL_NEW(parse, struct ir_create_view);

    if (sql_failed(parse))
        return NULL;
    statement->as.create_view = view;
    sql_resolve_names(parse, names, &view->database, &view->name);
    parse->ddl_name = own_name(names);
    view->is_temporary = is_temporary;
    view->if_not_exists = if_not_exists;
    view->columns = sql_take_names(parse, columns);
    view->column_count = columns.count;
    view->query = query;
    return statement;
}

/* ---- triggers ---- */

struct ir_create_trigger *sql_trigger_begin(struct sql_parse *parse, bool is_temporary,
                                            bool if_not_exists, struct sql_names *names)
{
    struct ir_create_trigger *trigger = SQL_NEW(parse, struct ir_create_trigger);

    if (sql_failed(parse))
        return NULL;
    sql_resolve_names(parse, names, &trigger->database, &trigger->name);
    parse->ddl_name = own_name(names);
    trigger->is_temporary = is_temporary;
    trigger->if_not_exists = if_not_exists;
    parse->in_trigger = true;
    return trigger;
}

void sql_trigger_event(struct sql_parse *parse, struct ir_create_trigger *trigger, uint8_t time,
                       enum ir_trigger_event event, struct sql_list columns)
{
    struct ir_name *names = sql_take_names(parse, columns);

    if (trigger == NULL)
        return;
    trigger->time = time;
    trigger->event = (uint8_t)event;
    trigger->columns = names;
    trigger->column_count = columns.count;
}

/* The table is looked up in the trigger's database, so a database named before it says nothing new;
 * one that differs is an error that binding reports, as a temporary trigger may watch any. */
void sql_trigger_target(struct sql_parse *parse, struct ir_create_trigger *trigger,
                        struct sql_names *table, struct ir_expr *when)
{
    struct ir_name database;

    if (trigger == NULL || sql_failed(parse))
        return;
    sql_resolve_names(parse, table, &database, &trigger->table);
    trigger->table_database = database;
    trigger->when = when;
    if (when != NULL)
        trigger->when_text = sql_span(parse->text.data + when->offset, parse->previous_end);
}

struct sql_list sql_push_trigger_statement(struct sql_parse *parse, struct ir_statement *statement)
{
    return sql_push_pointer(parse, statement);
}

struct ir_statement *sql_trigger_end(struct sql_parse *parse, struct ir_create_trigger *trigger,
                                     struct sql_list statements)
{
    struct ir_statement *statement = sql_statement_new(parse, IR_CREATE_TRIGGER);
    struct ir_statement **body = sql_take(parse, statements, sizeof *body);

    if (sql_failed(parse))
        return NULL;
    statement->as.create_trigger = trigger;
    trigger->statements = body;
    trigger->statement_count = statements.count;
    return statement;
}

/* ---- DROP, ALTER ---- */

struct ir_statement *sql_drop(struct sql_parse *parse, enum ir_object_kind kind, bool if_exists,
                              struct sql_names *names)
{
    struct ir_statement *statement = sql_statement_new(parse, IR_DROP);
    struct ir_drop *drop = SQL_NEW(parse, struct ir_drop);

    if (sql_failed(parse))
        return NULL;
    statement->as.drop = drop;
    drop->kind = (uint8_t)kind;
    drop->if_exists = if_exists;
    sql_resolve_names(parse, names, &drop->database, &drop->name);
    return statement;
}

struct ir_statement *sql_alter(struct sql_parse *parse, enum ir_alter_kind kind,
                               struct sql_names *table, struct sql_token column,
                               struct sql_token new_name)
{
    struct ir_statement *statement = sql_statement_new(parse, IR_ALTER);
    struct ir_alter *alter = SQL_NEW(parse, struct ir_alter);

    if (sql_failed(parse))
        return NULL;
    statement->as.alter = alter;
    alter->kind = (uint8_t)kind;
    sql_resolve_names(parse, table, &alter->database, &alter->table);
    alter->column = sql_name(parse, column);
    alter->new_name = sql_name(parse, new_name);
    return statement;
}

/* ---- control ---- */

struct ir_statement *sql_transaction(struct sql_parse *parse, enum ir_transaction_kind kind,
                                     struct sql_token savepoint)
{
    struct ir_statement *statement = sql_statement_new(parse, IR_TRANSACTION);
    struct ir_transaction *transaction = SQL_NEW(parse, struct ir_transaction);

    if (sql_failed(parse))
        return NULL;
    statement->as.transaction = transaction;
    transaction->kind = (uint8_t)kind;
    transaction->savepoint = sql_name(parse, savepoint);
    return statement;
}

struct ir_statement *sql_pragma(struct sql_parse *parse, struct sql_names *names,
                                struct ir_expr *value, bool is_call)
{
    struct ir_statement *statement = sql_statement_new(parse, IR_PRAGMA);
    struct ir_pragma *pragma = SQL_NEW(parse, struct ir_pragma);

    if (sql_failed(parse))
        return NULL;
    statement->as.pragma = pragma;
    sql_resolve_names(parse, names, &pragma->database, &pragma->name);
    pragma->value = value;
    pragma->is_call = is_call;
    return statement;
}

struct ir_statement *sql_maintain(struct sql_parse *parse, enum ir_maintain_kind kind,
                                  struct sql_names *names, struct ir_expr *into)
{
    struct ir_statement *statement = sql_statement_new(parse, IR_MAINTAIN);
    struct ir_maintain *maintain = SQL_NEW(parse, struct ir_maintain);

    if (sql_failed(parse))
        return NULL;
    statement->as.maintain = maintain;
    maintain->kind = (uint8_t)kind;
    sql_resolve_names(parse, names, &maintain->database, &maintain->name);
    maintain->into = into;
    return statement;
}

/* A bare name where ATTACH and DETACH expect a text is that text. */
static struct ir_expr *name_to_text(struct ir_expr *expr)
{
    if (expr != NULL && expr->kind == IR_COLUMN && expr->as.column.part_count == 1) {
        struct slice name = expr->as.column.parts[0].text;

        expr->kind = IR_LITERAL;
        expr->as.literal = value_text(name);
    }
    return expr;
}

struct ir_statement *sql_attach(struct sql_parse *parse, bool is_detach, struct ir_expr *path,
                                struct ir_expr *name)
{
    struct ir_statement *statement = sql_statement_new(parse, IR_ATTACH);
    struct ir_attach *attach = SQL_NEW(parse, struct ir_attach);

    if (sql_failed(parse))
        return NULL;
    statement->as.attach = attach;
    attach->is_detach = is_detach;
    attach->path = name_to_text(path);
    attach->name = name_to_text(name);
    return statement;
}
