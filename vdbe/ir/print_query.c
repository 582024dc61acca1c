/*
 * Queries as text: a clause a line, inner queries indented.
 */
#include "vdbe/ir/print_internal.h"

void print_line(struct printer *p)
{
    if (p->is_inline) {
        if (p->out->len > 0 && p->out->data[p->out->len - 1] != '(')
            buf_append_text(p->out, " ");
        return;
    }
    if (p->out->len > 0 && p->out->data[p->out->len - 1] != '\n')
        buf_append_text(p->out, "\n");
    buf_append_fill(p->out, ' ', (size_t)p->indent * 2);
}

void print_orders(struct printer *p, const struct ir_order *orders, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buf_append_text(p->out, ", ");
        print_expr(p, orders[i].expr);
        if (orders[i].descending)
            buf_append_text(p->out, " DESC");
        if (orders[i].nulls != 0)
            buf_append_text(p->out, orders[i].nulls == 1 ? " NULLS FIRST" : " NULLS LAST");
    }
}

void print_outputs(struct printer *p, const struct ir_output *outputs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buf_append_text(p->out, ", ");
        if (outputs[i].expr != NULL) {
            print_expr(p, outputs[i].expr);
        } else {
            if (outputs[i].star_of.text.len > 0) {
                print_name(p, outputs[i].star_of.text);
                buf_append_text(p->out, ".");
            }
            buf_append_text(p->out, "*");
        }
        if (outputs[i].alias.text.len > 0) {
            buf_append_text(p->out, " AS ");
            print_name(p, outputs[i].alias.text);
        }
    }
}

void print_names(struct printer *p, const struct ir_name *names, size_t count)
{
    buf_append_text(p->out, "(");
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buf_append_text(p->out, ", ");
        print_name(p, names[i].text);
    }
    buf_append_text(p->out, ")");
}

/* ---- sources ---- */

void print_inner_query(struct printer *p, const struct ir_query *query)
{
    buf_append_text(p->out, "(");
    if (p->is_inline) {
        print_query(p, query);
    } else {
        struct printer inner = {p->out, p->indent + 1, false};

        buf_append_text(p->out, "\n");
        print_query(&inner, query);
        print_line(p);
    }
    buf_append_text(p->out, ")");
}

static void print_relation(struct printer *p, const struct ir_source *source)
{
    switch ((enum ir_source_kind)source->kind) {
    case IR_SOURCE_TABLE:
    case IR_SOURCE_FUNCTION:
        if (source->is_exported_name)
            buf_append_text(p->out, "EXPORTED ");
        if (source->database.text.len > 0) {
            print_name(p, source->database.text);
            buf_append_text(p->out, ".");
        }
        print_name(p, source->name.text);
        if (source->kind == IR_SOURCE_FUNCTION) {
            buf_append_text(p->out, "(");
            print_exprs(p, source->args, source->arg_count);
            buf_append_text(p->out, ")");
        }
        break;
    case IR_SOURCE_QUERY:
        if (source->is_group)
            buf_append_text(p->out, "GROUP ");
        print_inner_query(p, source->query);
        break;
    case IR_SOURCE_DOCUMENTS:
        buf_append_text(p->out, "DOCUMENTS ");
        print_exprs(p, source->args, source->arg_count);
        break;
    }
}

void print_source(struct printer *p, const struct ir_source *source)
{
    print_relation(p, source);
    if (source->alias.text.len > 0) {
        buf_append_text(p->out, " AS ");
        print_name(p, source->alias.text);
    }
    if (source->index_hint.text.len > 0) {
        buf_append_text(p->out, " INDEXED BY ");
        print_name(p, source->index_hint.text);
    }
    if (source->not_indexed)
        buf_append_text(p->out, " NOT INDEXED");
    if (source->on != NULL) {
        buf_append_text(p->out, " ON ");
        print_expr(p, source->on);
    }
    if (source->using_count > 0) {
        buf_append_text(p->out, " USING ");
        print_names(p, source->using_columns, source->using_count);
    }
}

void print_sources(struct printer *p, struct ir_source *const *sources, size_t count)
{
    static const char *const words[] = {[IR_JOIN_INNER] = "JOIN ",
                                        [IR_JOIN_CROSS] = "CROSS JOIN ",
                                        [IR_JOIN_LEFT] = "LEFT JOIN ",
                                        [IR_JOIN_RIGHT] = "RIGHT JOIN ",
                                        [IR_JOIN_FULL] = "FULL JOIN "};

    for (size_t i = 0; i < count; i++) {
        print_line(p);
        if (i == 0) {
            buf_append_text(p->out, "FROM ");
        } else {
            buf_append_text(p->out, sources[i]->is_natural ? "NATURAL " : "");
            buf_append_text(p->out, words[sources[i]->join]);
        }
        print_source(p, sources[i]);
    }
}

/* ---- blocks ---- */

void print_clause(struct printer *p, const char *word, const struct ir_expr *expr)
{
    if (expr == NULL)
        return;
    print_line(p);
    buf_append_text(p->out, word);
    print_expr(p, expr);
}

static void print_rows(struct printer *p, const struct ir_block *block)
{
    buf_append_text(p->out, "VALUES ");
    for (size_t i = 0; i < block->row_count; i++) {
        buf_append_text(p->out, i == 0 ? "(" : ", (");
        print_exprs(p, block->rows + i * block->row_width, block->row_width);
        buf_append_text(p->out, ")");
    }
}

static void print_named_windows(struct printer *p, const struct ir_block *block)
{
    for (size_t i = 0; i < block->window_count; i++) {
        print_line(p);
        buf_append_text(p->out, "WINDOW ");
        print_name(p, block->windows[i].name.text);
        buf_append_text(p->out, " AS (");
        print_window(p, &block->windows[i]);
        buf_append_text(p->out, ")");
    }
}

static void print_block(struct printer *p, const struct ir_block *block)
{
    static const char *const set_ops[] = {[IR_SET_FIRST] = NULL,
                                          [IR_UNION] = "UNION",
                                          [IR_UNION_ALL] = "UNION ALL",
                                          [IR_INTERSECT] = "INTERSECT",
                                          [IR_EXCEPT] = "EXCEPT"};

    if (set_ops[block->set_op] != NULL) {
        print_line(p);
        buf_append_text(p->out, set_ops[block->set_op]);
    }
    print_line(p);
    if (block->row_count > 0) {
        print_rows(p, block);
        return;
    }
    buf_append_text(p->out, block->is_distinct ? "SELECT DISTINCT " : "SELECT ");
    print_outputs(p, block->outputs, block->output_count);
    print_sources(p, block->sources, block->source_count);
    print_clause(p, "WHERE ", block->where);
    if (block->group_count > 0) {
        print_line(p);
        buf_append_text(p->out, "GROUP BY ");
        print_exprs(p, block->group, block->group_count);
    }
    print_clause(p, "HAVING ", block->having);
    print_named_windows(p, block);
}

void print_ctes(struct printer *p, const struct ir_cte *ctes, size_t count, bool is_recursive)
{
    static const char *const hints[] = {"", "MATERIALIZED ", "NOT MATERIALIZED "};

    for (size_t i = 0; i < count; i++) {
        print_line(p);
        buf_append_text(p->out, is_recursive ? "WITH RECURSIVE " : "WITH ");
        print_name(p, ctes[i].name.text);
        if (ctes[i].column_count > 0) {
            buf_append_text(p->out, " ");
            print_names(p, ctes[i].columns, ctes[i].column_count);
        }
        buf_append_text(p->out, " AS ");
        buf_append_text(p->out, hints[ctes[i].materialized]);
        print_inner_query(p, ctes[i].query);
    }
}

void print_order_limit(struct printer *p, const struct ir_order *order, size_t count,
                       const struct ir_expr *limit, const struct ir_expr *offset)
{
    if (count > 0) {
        print_line(p);
        buf_append_text(p->out, "ORDER BY ");
        print_orders(p, order, count);
    }
    print_clause(p, "LIMIT ", limit);
    print_clause(p, "OFFSET ", offset);
}

void print_query(struct printer *p, const struct ir_query *query)
{
    print_ctes(p, query->ctes, query->cte_count, query->is_recursive);
    for (size_t i = 0; i < query->block_count; i++)
        print_block(p, query->blocks[i]);
    print_order_limit(p, query->order, query->order_count, query->limit, query->offset);
}

void ir_print_query(struct buf *out, const struct ir_query *query, unsigned indent)
{
    struct printer p = {out, indent, false};

    print_query(&p, query);
    buf_append_text(out, "\n");
}
