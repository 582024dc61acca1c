/*
 * INSERT, UPDATE, DELETE, and statements as a whole.
 */
#include "parser/sql/sql_internal.h"

struct ir_statement *sql_statement_new(struct sql_parse *parse, enum ir_statement_kind kind)
{
    struct ir_statement *statement = SQL_NEW(parse, struct ir_statement);

    if (statement != NULL)
        statement->kind = (uint8_t)kind;
    return statement;
}

struct ir_statement *sql_statement_query(struct sql_parse *parse, struct ir_query *query)
{
    struct ir_statement *statement = sql_statement_new(parse, IR_QUERY);

    if (statement != NULL)
        statement->as.query = query;
    return statement;
}

struct ir_statement *sql_statement_with(struct sql_parse *parse, struct sql_ctes with,
                                        struct ir_statement *statement)
{
    (void)parse;
    if (statement != NULL) {
        statement->ctes = with.ctes;
        statement->cte_count = with.count;
        statement->ctes_are_recursive = with.is_recursive;
    }
    return statement;
}

/* A trigger's body writes to tables of the trigger's own database and returns nothing. */
static void check_write(struct sql_parse *parse, const struct ir_source *target,
                        struct sql_list returning)
{
    if (!parse->in_trigger || target == NULL)
        return;
    if (target->database.text.len > 0)
        sql_fail(parse, ST_SYNTAX, parse->text.data + target->database.offset,
                 "qualified table names are not allowed on INSERT, UPDATE, and DELETE statements "
                 "within triggers");
    else if (returning.count > 0)
        sql_fail(parse, ST_SYNTAX, parse->token.text, "cannot use RETURNING in a trigger");
}

/* ---- SET ---- */

struct sql_list sql_push_set(struct sql_parse *parse, struct sql_token column,
                             struct ir_expr *value)
{
    struct ir_name *name = SQL_NEW(parse, struct ir_name);
    struct sql_list list;
    struct ir_set *set = sql_push(parse, sizeof *set, &list);

    if (name == NULL || set == NULL)
        return list;
    *name = sql_name(parse, column);
    *set = (struct ir_set){.count = 1, .columns = name, .value = value};
    return list;
}

struct sql_list sql_push_set_row(struct sql_parse *parse, struct sql_list columns,
                                 struct ir_expr *value)
{
    struct ir_name *names = sql_take_names(parse, columns);
    size_t values = value == NULL                ? columns.count
                    : value->kind == IR_ROW      ? value->as.list.count
                    : value->kind == IR_SUBQUERY ? columns.count /* its width is known later */
                                                 : 1;
    struct sql_list list;
    struct ir_set *set = sql_push(parse, sizeof *set, &list);

    if (values != columns.count && value != NULL)
        sql_fail(parse, ST_SYNTAX, parse->text.data + value->offset,
                 "%u columns assigned %zu values", columns.count, values);
    if (set != NULL)
        *set = (struct ir_set){.count = columns.count, .columns = names, .value = value};
    return list;
}

/* ---- statements ---- */

struct sql_list sql_push_upsert(struct sql_parse *parse, struct sql_list target,
                                struct ir_expr *target_where, bool do_nothing, struct sql_list sets,
                                struct ir_expr *where)
{
    struct ir_set *taken = sql_take(parse, sets, sizeof *taken);
    struct ir_order *orders = sql_take_orders(parse, target, NULL);
    struct sql_list list;
    struct ir_upsert *upsert = sql_push(parse, sizeof *upsert, &list);

    if (upsert != NULL)
        *upsert = (struct ir_upsert){.target_count = target.count,
                                     .target = orders,
                                     .target_where = target_where,
                                     .do_nothing = do_nothing,
                                     .set_count = sets.count,
                                     .sets = taken,
                                     .where = where};
    return list;
}

/* Only the last ON CONFLICT may stand for any conflict. */
static void check_upserts(struct sql_parse *parse, const struct ir_insert *insert)
{
    for (size_t i = 0; i + 1 < insert->upsert_count; i++)
        if (insert->upserts[i].target_count == 0) {
            sql_fail(parse, ST_SYNTAX, parse->token.text,
                     "ON CONFLICT without a target must be the last one");
            return;
        }
}

struct ir_statement *sql_insert(struct sql_parse *parse, uint8_t conflict, struct ir_source *target,
                                struct sql_list columns, struct ir_query *query,
                                struct sql_list upserts, struct sql_list returning)
{
    struct ir_statement *statement = sql_statement_new(parse, IR_INSERT);
    struct ir_insert *insert = SQL_NEW(parse, struct ir_insert);

    if (statement == NULL || insert == NULL)
        return NULL;
    statement->as.insert = insert;
    insert->target = target;
    insert->conflict = conflict;
    insert->query = query;
    insert->returning = sql_take_outputs(parse, returning, &insert->returning_count);
    insert->upserts = sql_take(parse, upserts, sizeof *insert->upserts);
    insert->upsert_count = upserts.count;
    insert->columns = sql_take_names(parse, columns);
    insert->column_count = columns.count;
    check_write(parse, target, returning);
    if (sql_failed(parse))
        return NULL;
    check_upserts(parse, insert);
    return statement;
}

struct ir_statement *sql_update(struct sql_parse *parse, uint8_t conflict, struct ir_source *target,
                                struct sql_list sets, struct sql_list from, struct ir_expr *where,
                                struct sql_list returning, struct sql_list order,
                                struct sql_limit limit)
{
    struct ir_statement *statement = sql_statement_new(parse, IR_UPDATE);
    struct ir_update *update = SQL_NEW(parse, struct ir_update);

    if (statement == NULL || update == NULL)
        return NULL;
    statement->as.update = update;
    update->target = target;
    update->conflict = conflict;
    update->where = where;
    update->limit = limit.limit;
    update->offset = limit.offset;
    update->order = sql_take_orders(parse, order, NULL);
    update->order_count = order.count;
    update->returning = sql_take_outputs(parse, returning, &update->returning_count);
    update->from = sql_take(parse, from, sizeof *update->from);
    update->from_count = from.count;
    update->sets = sql_take(parse, sets, sizeof *update->sets);
    update->set_count = sets.count;
    check_write(parse, target, returning);
    if (order.count > 0 && limit.limit == NULL)
        sql_fail(parse, ST_SYNTAX, parse->token.text, "ORDER BY without LIMIT on UPDATE");
    return statement;
}

struct ir_statement *sql_delete(struct sql_parse *parse, struct ir_source *target,
                                struct ir_expr *where, struct sql_list returning,
                                struct sql_list order, struct sql_limit limit)
{
    struct ir_statement *statement = sql_statement_new(parse, IR_DELETE);
    struct ir_delete *remove = SQL_NEW(parse, struct ir_delete);

    if (statement == NULL || remove == NULL)
        return NULL;
    statement->as.remove = remove;
    remove->target = target;
    remove->where = where;
    remove->limit = limit.limit;
    remove->offset = limit.offset;
    remove->order = sql_take_orders(parse, order, NULL);
    remove->order_count = order.count;
    remove->returning = sql_take_outputs(parse, returning, &remove->returning_count);
    check_write(parse, target, returning);
    if (order.count > 0 && limit.limit == NULL)
        sql_fail(parse, ST_SYNTAX, parse->token.text, "ORDER BY without LIMIT on DELETE");
    return statement;
}
