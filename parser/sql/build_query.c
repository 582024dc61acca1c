/*
 * Queries: outputs, orders, blocks, WITH.
 */
#include "parser/sql/sql_internal.h"

/* ---- outputs ---- */

struct sql_list sql_push_output(struct sql_parse *parse, struct ir_expr *expr,
                                struct sql_alias alias)
{
    const char *end = alias.text == NULL ? parse->token.text : alias.text - alias.before;
    struct sql_list list;
    struct ir_output *output = sql_push(parse, sizeof *output, &list);

    if (output == NULL || expr == NULL)
        return list;
    *output = (struct ir_output){.expr = expr, .star_of.offset = -1, .alias.offset = -1};
    output->text = sql_span(parse->text.data + expr->offset, end);
    if (alias.text != NULL)
        output->alias = sql_name(parse, sql_token_of(alias.text, alias.len, 0));
    return list;
}

struct sql_list sql_push_star(struct sql_parse *parse, struct sql_token star, struct sql_token of)
{
    struct sql_list list;
    struct ir_output *output = sql_push(parse, sizeof *output, &list);
    const char *start = of.text == NULL ? star.text : of.text;

    if (output == NULL)
        return list;
    *output = (struct ir_output){.star_of = sql_name(parse, of), .alias.offset = -1};
    if (of.text == NULL)
        output->star_of.offset = sql_offset(parse, star.text);
    output->text = sql_span(start, star.text + star.len);
    return list;
}

struct ir_output *sql_take_outputs(struct sql_parse *parse, struct sql_list list, size_t *count)
{
    struct ir_output *outputs = sql_take(parse, list, sizeof *outputs);

    *count = outputs == NULL ? 0 : list.count;
    if (list.count > SQL_COLUMNS_MAX)
        sql_fail(parse, ST_LIMIT, parse->token.text, "too many columns in result set");
    return outputs;
}

/* ---- orders ---- */

struct sql_list sql_push_order(struct sql_parse *parse, struct ir_expr *expr,
                               struct sql_order_end end)
{
    struct sql_list list;
    struct sql_order_item *item = sql_push(parse, sizeof *item, &list);

    if (item == NULL || expr == NULL)
        return list;
    *item = (struct sql_order_item){.order = {expr, end.descending, end.nulls}};
    item->text = sql_span(parse->text.data + expr->offset,
                          end.start == NULL ? parse->token.text : end.start);
    return list;
}

struct ir_order *sql_take_orders(struct sql_parse *parse, struct sql_list list,
                                 struct slice **texts)
{
    struct sql_order_item *items = sql_take(parse, list, sizeof *items);
    struct ir_order *orders;

    if (items == NULL)
        return NULL;
    orders = sql_alloc(parse, list.count * sizeof *orders);
    if (texts != NULL)
        *texts = sql_alloc(parse, list.count * sizeof **texts);
    if (sql_failed(parse))
        return NULL;
    for (size_t i = 0; i < list.count; i++) {
        orders[i] = items[i].order;
        if (texts != NULL)
            (*texts)[i] = items[i].text;
    }
    return orders;
}

/* ---- blocks ---- */

static struct ir_block *block_new(struct sql_parse *parse, int32_t offset)
{
    struct ir_block *block = SQL_NEW(parse, struct ir_block);

    if (block != NULL)
        block->offset = offset;
    return block;
}

struct sql_grouping *sql_grouping(struct sql_parse *parse, struct sql_list group,
                                  struct ir_expr *having, struct sql_list windows)
{
    struct sql_grouping *grouping = SQL_NEW(parse, struct sql_grouping);

    if (grouping != NULL)
        *grouping = (struct sql_grouping){group, windows, having};
    return grouping;
}

struct ir_block *sql_select_core(struct sql_parse *parse, struct sql_token select, bool is_distinct,
                                 struct sql_list outputs, struct sql_list from,
                                 struct ir_expr *where, struct sql_grouping *grouping)
{
    struct ir_block *block = block_new(parse, sql_offset(parse, select.text));

    if (block == NULL)
        return NULL;
    block->is_distinct = is_distinct;
    block->where = where;
    if (grouping != NULL) {
        block->having = grouping->having;
        block->windows = sql_take(parse, grouping->windows, sizeof *block->windows);
        block->window_count = grouping->windows.count;
        block->group = sql_take_exprs(parse, grouping->group);
        block->group_count = grouping->group.count;
    }
    block->sources = sql_take(parse, from, sizeof *block->sources);
    block->source_count = from.count;
    block->outputs = sql_take_outputs(parse, outputs, &block->output_count);
    return sql_failed(parse) ? NULL : block;
}

struct sql_values sql_values_first(struct sql_parse *parse, struct sql_token word,
                                   struct sql_list row)
{
    return (struct sql_values){row.start, 1, row.count, sql_offset(parse, word.text)};
}

/* The rows' expressions stay on the stack one behind the other: they are one list. */
void sql_values_more(struct sql_parse *parse, struct sql_values *values, struct sql_list row)
{
    values->row_count++;
    if (row.count != values->row_width)
        sql_fail(parse, ST_SYNTAX, parse->token.text,
                 "all VALUES must have the same number of terms");
}

struct ir_block *sql_values_core(struct sql_parse *parse, struct sql_values values)
{
    struct ir_block *block = block_new(parse, values.offset);
    struct sql_list all = {values.start, values.row_count * values.row_width};

    if (block == NULL)
        return NULL;
    block->rows = sql_take_exprs(parse, all);
    block->row_count = values.row_count;
    block->row_width = values.row_width;
    if (values.row_width > SQL_COLUMNS_MAX)
        sql_fail(parse, ST_LIMIT, parse->token.text, "too many columns in result set");
    return sql_failed(parse) ? NULL : block;
}

struct sql_list sql_compound_more(struct sql_parse *parse, struct sql_list blocks, uint8_t set_op,
                                  struct sql_token word, struct ir_block *block)
{
    struct sql_list more = sql_push_pointer(parse, block);

    if (block != NULL)
        block->set_op = set_op;
    if (set_op == IR_SET_FIRST)
        return more;
    if (blocks.count == SQL_COMPOUND_MAX)
        sql_fail(parse, ST_LIMIT, word.text, "too many terms in compound SELECT");
    return sql_list_more(blocks, more);
}

static struct ir_query *measured(struct sql_parse *parse, struct ir_query *query)
{
    if (sql_failed(parse))
        return NULL;
    ir_query_measure(query);
    if (query->height > SQL_EXPR_DEPTH_MAX) {
        sql_fail(parse, ST_LIMIT, parse->token.text, "queries are nested too deeply");
        return NULL;
    }
    return query;
}

struct ir_query *sql_query(struct sql_parse *parse, struct sql_list blocks, struct sql_list order,
                           struct sql_limit limit)
{
    struct ir_query *query = SQL_NEW(parse, struct ir_query);

    if (query == NULL)
        return NULL;
    query->order = sql_take_orders(parse, order, NULL);
    query->order_count = order.count;
    query->limit = limit.limit;
    query->offset = limit.offset;
    query->blocks = sql_take(parse, blocks, sizeof *query->blocks);
    query->block_count = blocks.count;
    return measured(parse, query);
}

/* ---- WITH ---- */

struct sql_list sql_push_cte(struct sql_parse *parse, struct sql_token name,
                             struct sql_list columns, uint8_t materialized, struct ir_query *query)
{
    struct ir_name *names = sql_take_names(parse, columns);
    struct sql_list list;
    struct ir_cte *cte = sql_push(parse, sizeof *cte, &list);

    if (cte != NULL)
        *cte = (struct ir_cte){.name = sql_name(parse, name),
                               .column_count = columns.count,
                               .columns = names,
                               .query = query,
                               .materialized = materialized};
    return list;
}

enum { CTES_MAX = 1000 }; /* they are compared pair by pair */

struct sql_ctes sql_with(struct sql_parse *parse, struct sql_list list, bool is_recursive)
{
    struct ir_cte *ctes = sql_take(parse, list, sizeof *ctes);

    if (ctes == NULL)
        return (struct sql_ctes){0};
    if (list.count > CTES_MAX) {
        sql_fail(parse, ST_LIMIT, parse->text.data + ctes[CTES_MAX].name.offset,
                 "too many tables in WITH (maximum %d)", CTES_MAX);
        return (struct sql_ctes){0};
    }
    for (size_t i = 1; i < list.count; i++)
        for (size_t k = 0; k < i; k++)
            if (slice_equal_nocase(ctes[i].name.text, ctes[k].name.text))
                sql_fail(parse, ST_SYNTAX, parse->text.data + ctes[i].name.offset,
                         "duplicate WITH table name: %.*s", (int)ctes[i].name.text.len,
                         ctes[i].name.text.data);
    return (struct sql_ctes){ctes, list.count, is_recursive};
}

struct ir_query *sql_query_with(struct sql_parse *parse, struct sql_ctes with,
                                struct ir_query *query)
{
    if (query == NULL)
        return NULL;
    query->ctes = with.ctes;
    query->cte_count = with.count;
    query->is_recursive = with.is_recursive;
    return measured(parse, query);
}
