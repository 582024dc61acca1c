/*
 * print: a plan as text (EXPLAIN PLAN). Stable: tests compare it.
 */
#include "vdbe/plan/plan_internal.h"

struct printer {
    struct buf *out;
    bool with_estimates;
};

static void print_query(const struct printer *p, const struct plan_query *query, unsigned indent);

static void line(const struct printer *p, unsigned indent)
{
    buf_append_fill(p->out, ' ', indent * 2u);
}

static void print_slice(const struct printer *p, struct slice text)
{
    buf_append_slice(p->out, text);
}

static void print_list(const struct printer *p, struct ir_expr *const *list, size_t count,
                       const char *separator)
{
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buf_append_text(p->out, separator);
        if (list[i] == NULL)
            buf_append_text(p->out, "-");
        else
            ir_print_expr(p->out, list[i]);
    }
}

static struct slice source_label(const struct plan_loop *loop)
{
    if (loop->source == NULL)
        return slice_empty();
    if (loop->source->alias.text.len > 0)
        return loop->source->alias.text;
    return loop->source->name.text;
}

static void print_source(const struct printer *p, const struct plan_loop *loop)
{
    struct slice label = source_label(loop);

    if (loop->table != NULL && !slice_equal(loop->table->name, label)) {
        print_slice(p, loop->table->name);
        if (label.len > 0) {
            buf_append_text(p->out, " as ");
            print_slice(p, label);
        }
        return;
    }
    if (label.len > 0)
        print_slice(p, label);
    else
        buf_append_text(p->out, "subquery");
}

static void print_part(const struct printer *p, const struct plan_loop *loop,
                       const struct plan_range *range, unsigned part)
{
    uint16_t attribute = part_attribute(loop->table, range->index, part);

    if (attribute != ATTRIBUTE_NONE)
        print_slice(p, loop->table->attributes[attribute].name);
    else if (range->index != NULL)
        print_slice(p, range->index->parts[part].expression_sql);
    else
        buf_append_text(p->out, "rowid");
}

static void print_bounds(const struct printer *p, const struct plan_loop *loop,
                         const struct plan_range *range)
{
    if (range->low.value == NULL && range->high.value == NULL) {
        print_part(p, loop, range, range->equal_count);
        buf_append_text(p->out, " is not null");
        return;
    }
    if (range->low.value != NULL) {
        print_part(p, loop, range, range->equal_count);
        buf_append_text(p->out, range->low.is_prefix      ? " begins with "
                                : range->low.is_inclusive ? " >= "
                                                          : " > ");
        ir_print_expr(p->out, range->low.value);
    }
    if (range->high.value != NULL) {
        if (range->low.value != NULL)
            buf_append_text(p->out, ", ");
        print_part(p, loop, range, range->equal_count);
        buf_append_text(p->out, range->high.is_inclusive ? " <= " : " < ");
        ir_print_expr(p->out, range->high.value);
    }
}

static void print_range(const struct printer *p, const struct plan_loop *loop,
                        const struct plan_range *range)
{
    if (range->index != NULL) {
        buf_append_text(p->out, "index ");
        print_slice(p, range->index->name);
    } else {
        buf_append_text(p->out, "key");
    }
    if (range->equal_count == 0 && !range->has_bounds) {
        if (range->is_descending)
            buf_append_text(p->out, " backwards");
        return;
    }
    buf_append_text(p->out, " (");
    for (unsigned i = 0; i < range->equal_count; i++) {
        const struct plan_key_term *term = &range->equals[i];

        if (i > 0)
            buf_append_text(p->out, ", ");
        if (term->in != NULL) {
            ir_print_expr(p->out, term->in);
            continue;
        }
        print_part(p, loop, range, i);
        buf_append_text(p->out, term->null_matches ? " is " : " = ");
        ir_print_expr(p->out, term->value);
    }
    if (range->has_bounds) {
        if (range->equal_count > 0)
            buf_append_text(p->out, ", ");
        print_bounds(p, loop, range);
    }
    buf_append_text(p->out, ")");
    if (range->is_unique)
        buf_append_text(p->out, " unique");
    if (range->is_descending)
        buf_append_text(p->out, " backwards");
}

static void print_ranges(const struct printer *p, const struct plan_loop *loop, unsigned indent)
{
    for (size_t i = 0; i < loop->range_count; i++) {
        line(p, indent);
        print_range(p, loop, &loop->ranges[i]);
        buf_append_byte(p->out, '\n');
    }
}

static const char *join_word(const struct plan_loop *loop)
{
    if (loop->is_semi)
        return "semi ";
    if (loop->is_anti)
        return "anti ";
    if (loop->join == IR_JOIN_LEFT)
        return "left ";
    return "";
}

static void print_loop(const struct printer *p, const struct plan_loop *loop, unsigned indent);

static void print_hash(const struct printer *p, const struct plan_loop *loop, unsigned indent)
{
    for (size_t i = 0; i < loop->hash_count; i++) {
        line(p, indent);
        buf_append_text(p->out, "on ");
        ir_print_expr(p->out, loop->hash_build[i]);
        buf_append_text(p->out, loop->hash_compare[i]->op == IR_IS ? " is " : " = ");
        ir_print_expr(p->out, loop->hash_probe[i]);
        buf_append_byte(p->out, '\n');
    }
    line(p, indent);
    buf_append_text(p->out, "build\n");
    print_loop(p, loop->build, indent + 1);
}

static void print_access(const struct printer *p, const struct plan_loop *loop)
{
    switch ((enum plan_access)loop->access) {
    case ACCESS_NOTHING:
        buf_append_text(p->out, "one row");
        break;
    case ACCESS_SCAN:
        buf_append_text(p->out, "scan ");
        print_source(p, loop);
        if (loop->is_descending)
            buf_append_text(p->out, " backwards");
        break;
    case ACCESS_KEY:
    case ACCESS_INDEX:
        buf_append_text(p->out, "search ");
        print_source(p, loop);
        buf_append_text(p->out, " by ");
        print_range(p, loop, &loop->range);
        break;
    case ACCESS_UNION:
        buf_append_text(p->out, "search ");
        print_source(p, loop);
        buf_append_text(p->out, " by any of");
        break;
    case ACCESS_INTERSECT:
        buf_append_text(p->out, "search ");
        print_source(p, loop);
        buf_append_text(p->out, " by all of");
        break;
    case ACCESS_HASH:
        buf_append_text(p->out, "hash ");
        print_source(p, loop);
        break;
    case ACCESS_QUERY:
        buf_append_text(p->out, loop->is_coroutine ? "rows of " : "kept rows of ");
        print_source(p, loop);
        break;
    case ACCESS_CTE:
        buf_append_text(p->out, "shared rows of ");
        print_source(p, loop);
        break;
    case ACCESS_RECURSION:
        buf_append_text(p->out, "last rows of ");
        print_source(p, loop);
        break;
    case ACCESS_FUNCTION:
        buf_append_text(p->out, "function ");
        print_source(p, loop);
        break;
    case ACCESS_DOCUMENTS:
        buf_append_text(p->out, "elements of ");
        print_list(p, loop->args, 1, "");
        break;
    case ACCESS_VALUES:
        buf_append_text(p->out, "values");
        break;
    }
    if (loop->is_covering)
        buf_append_text(p->out, " covering");
    if (loop->dedupe_rows)
        buf_append_text(p->out, " once each");
}

static void print_loop(const struct printer *p, const struct plan_loop *loop, unsigned indent)
{
    line(p, indent);
    buf_append_text(p->out, join_word(loop));
    print_access(p, loop);
    if (p->with_estimates)
        buf_printf(p->out, "  ~%.0f rows, cost %.0f", loop->rows, loop->cost);
    buf_append_byte(p->out, '\n');
    print_ranges(p, loop, indent + 1);
    if (loop->build != NULL)
        print_hash(p, loop, indent + 1);
    if (loop->match_count > 0) {
        line(p, indent + 1);
        buf_append_text(p->out, "match ");
        print_list(p, loop->match, loop->match_count, " and ");
        buf_append_byte(p->out, '\n');
    }
    if (loop->filter_count > 0) {
        line(p, indent + 1);
        buf_append_text(p->out, "filter ");
        print_list(p, loop->filters, loop->filter_count, " and ");
        buf_append_byte(p->out, '\n');
    }
    if (loop->access == ACCESS_QUERY && loop->query != NULL)
        print_query(p, loop->query, indent + 1);
}

/* ---- blocks ---- */

static const char *const group_words[] = {"",
                                          "group all",
                                          "group adjacent rows by ",
                                          "group by hash of ",
                                          "count all rows",
                                          "first row decides"};

static void print_group(const struct printer *p, const struct plan_block *block, unsigned indent)
{
    if (block->group == GROUP_NONE)
        return;
    line(p, indent);
    buf_append_text(p->out, group_words[block->group]);
    print_list(p, block->group_keys, block->group_count, ", ");
    for (size_t i = 0; i < block->aggregate_count; i++) {
        buf_append_text(p->out, i == 0 ? ": " : ", ");
        ir_print_expr(p->out, block->aggregates[i].call);
    }
    buf_append_byte(p->out, '\n');
    if (block->having != NULL) {
        line(p, indent);
        buf_append_text(p->out, "having ");
        ir_print_expr(p->out, block->having);
        buf_append_byte(p->out, '\n');
    }
}

static void print_orders(const struct printer *p, const struct plan_order *orders, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buf_append_text(p->out, ", ");
        if (orders[i].expr != NULL)
            ir_print_expr(p->out, orders[i].expr);
        else
            buf_printf(p->out, "%u", orders[i].output + 1u);
        if (orders[i].descending)
            buf_append_text(p->out, " desc");
        if (orders[i].nulls_last != orders[i].descending)
            buf_append_text(p->out, orders[i].nulls_last ? " nulls last" : " nulls first");
    }
}

static void print_windows(const struct printer *p, const struct plan_block *block, unsigned indent)
{
    for (size_t w = 0; w < block->window_count; w++) {
        const struct plan_window *window = &block->windows[w];

        line(p, indent);
        buf_append_text(p->out, "window");
        if (window->partition_count > 0) {
            buf_append_text(p->out, " partition by ");
            print_list(p, window->partition, window->partition_count, ", ");
        }
        if (window->order_count > 0) {
            buf_append_text(p->out, " order by ");
            print_orders(p, window->order, window->order_count);
        }
        for (size_t i = 0; i < window->call_count; i++) {
            buf_append_text(p->out, i == 0 ? ": " : ", ");
            ir_print_expr(p->out, window->calls[i].call);
        }
        buf_append_byte(p->out, '\n');
    }
}

/* Subqueries of expressions stand below the block that evaluates them. */
struct inner_print {
    const struct printer *p;
    unsigned indent;
};

static enum status print_inner(void *context, struct ir_expr **slot, bool *enter)
{
    const struct inner_print *inner = context;
    const struct ir_expr *expr = *slot;
    const struct ir_query *query = NULL;

    if (expr->kind == IR_SUBQUERY)
        query = expr->as.subquery.query;
    else if (expr->kind == IR_IN)
        query = expr->as.in.query;
    if (query == NULL || query->plan == NULL)
        return ST_OK;
    *enter = false;
    line(inner->p, inner->indent);
    buf_append_text(inner->p->out, ((const struct plan_query *)query->plan)->is_correlated
                                       ? "for each row\n"
                                       : "once\n");
    print_query(inner->p, query->plan, inner->indent + 1);
    return ST_OK;
}

static void print_inner_queries(const struct printer *p, const struct plan_block *block,
                                unsigned indent)
{
    struct inner_print inner = {p, indent};

    for (size_t i = 0; i < block->once_count; i++)
        (void)walk_expr(&block->once[i], print_inner, &inner);
    for (size_t i = 0; i < block->loop_count; i++) {
        const struct plan_loop *loop = &block->loops[i];

        for (size_t k = 0; k < loop->range.equal_count; k++) {
            if (loop->range.equals[k].in != NULL)
                (void)walk_expr(&loop->range.equals[k].in, print_inner, &inner);
            else
                (void)walk_expr(&loop->range.equals[k].value, print_inner, &inner);
        }
        for (size_t k = 0; k < loop->match_count; k++)
            (void)walk_expr(&loop->match[k], print_inner, &inner);
        for (size_t k = 0; k < loop->filter_count; k++)
            (void)walk_expr(&loop->filters[k], print_inner, &inner);
    }
    for (size_t i = 0; i < block->output_count && block->outputs != NULL; i++)
        (void)walk_expr(&block->outputs[i], print_inner, &inner);
}

static const char *set_word(uint8_t op)
{
    static const char *const words[] = {"", "union", "union all", "intersect", "except"};

    return words[op];
}

static void print_block(const struct printer *p, const struct plan_block *block, unsigned indent)
{
    if (block->set_op != IR_SET_FIRST) {
        line(p, indent);
        buf_printf(p->out, "%s\n", set_word(block->set_op));
    }
    line(p, indent);
    buf_append_text(p->out, "select ");
    if (block->row_count > 0)
        buf_printf(p->out, "%zu rows", block->row_count);
    else
        print_list(p, block->outputs, block->output_count, ", ");
    buf_append_byte(p->out, '\n');
    if (block->is_empty) {
        line(p, indent + 1);
        buf_append_text(p->out, "never true\n");
    }
    if (block->once_count > 0) {
        line(p, indent + 1);
        buf_append_text(p->out, "if ");
        print_list(p, block->once, block->once_count, " and ");
        buf_append_byte(p->out, '\n');
    }
    for (size_t i = 0; i < block->loop_count; i++)
        print_loop(p, &block->loops[i], indent + 1);
    print_group(p, block, indent + 1);
    print_windows(p, block, indent + 1);
    if (block->distinct != DISTINCT_NO) {
        line(p, indent + 1);
        buf_append_text(p->out, block->distinct == DISTINCT_HASH ? "distinct by hash\n"
                                                                 : "distinct adjacent\n");
    }
    print_inner_queries(p, block, indent + 1);
}

static void print_query(const struct printer *p, const struct plan_query *query, unsigned indent)
{
    for (size_t i = 0; i < query->block_count; i++)
        print_block(p, query->blocks[i], indent);
    if (query->sort != SORT_NO) {
        line(p, indent);
        buf_append_text(p->out, query->sort == SORT_TOP ? "top by " : "sort by ");
        print_orders(p, query->order, query->order_count);
        buf_append_byte(p->out, '\n');
    }
    if (query->limit != NULL) {
        line(p, indent);
        buf_append_text(p->out, "limit ");
        ir_print_expr(p->out, query->limit);
        if (query->offset != NULL) {
            buf_append_text(p->out, " offset ");
            ir_print_expr(p->out, query->offset);
        }
        buf_append_byte(p->out, '\n');
    }
}

/* ---- writes ---- */

static void print_assignments(const struct printer *p, const struct plan_write *write,
                              const struct plan_assignment *list, size_t count, unsigned indent,
                              const char *word)
{
    for (size_t i = 0; i < count; i++) {
        line(p, indent);
        buf_printf(p->out, "%s ", word);
        if (list[i].attribute == ATTRIBUTE_NONE)
            buf_append_text(p->out, "rowid");
        else
            print_slice(p, write->table->attributes[list[i].attribute].name);
        buf_append_text(p->out, list[i].is_add ? " += " : " = ");
        if (list[i].value != NULL)
            ir_print_expr(p->out, list[i].value);
        else if (list[i].output != OUTPUT_NONE)
            buf_printf(p->out, "output %u", list[i].output + 1u);
        else
            buf_append_text(p->out, "nothing");
        if (list[i].is_not_null)
            buf_append_text(p->out, " not null");
        buf_append_byte(p->out, '\n');
    }
}

static void print_upserts(const struct printer *p, const struct plan_write *write)
{
    for (size_t i = 0; i < write->upsert_count; i++) {
        const struct plan_upsert *upsert = &write->upserts[i];

        line(p, 1);
        buf_append_text(p->out, "on conflict of ");
        if (upsert->is_any)
            buf_append_text(p->out, "any");
        else if (upsert->is_primary_key)
            buf_append_text(p->out, "key");
        else
            print_slice(p, upsert->index->name);
        buf_append_text(p->out, upsert->do_nothing ? " do nothing\n" : "\n");
        print_assignments(p, write, upsert->assignments, upsert->assignment_count, 2, "set");
        if (upsert->where != NULL) {
            line(p, 2);
            buf_append_text(p->out, "where ");
            ir_print_expr(p->out, upsert->where);
            buf_append_byte(p->out, '\n');
        }
    }
}

static void print_hooks(const struct printer *p, const struct plan_write *write,
                        const struct plan_programs *programs)
{
    static const char *const events[] = {"insert", "update", "delete"};
    static const char *const phases[] = {"before", "after"};

    for (unsigned event = 0; event < EVENT_COUNT; event++) {
        const struct plan_hooks *hooks = &write->hooks[event];

        for (size_t k = 0; k < hooks->count; k++) {
            const struct plan_hook *hook = &hooks->list[k];

            line(p, 1);
            buf_printf(p->out, "%s %s run ", phases[hook->phase], events[event]);
            print_slice(p, programs->list[hook->program]->name);
            buf_append_byte(p->out, '\n');
        }
    }
}

static void print_write(const struct printer *p, const struct plan_write *write,
                        const struct plan_programs *programs)
{
    static const char *const words[] = {"insert into ", "update ", "delete from ",
                                        "write documents to "};

    buf_append_text(p->out, words[write->kind]);
    print_slice(p, write->table->name);
    if (write->is_clear)
        buf_append_text(p->out, " all at once");
    if (write->needs_two_passes)
        buf_append_text(p->out, " in two passes");
    buf_append_byte(p->out, '\n');
    print_assignments(p, write, write->assignments, write->assignment_count, 1, "set");
    print_assignments(p, write, write->generated, write->generated_count, 1, "generate");
    for (size_t i = 0; i < write->check_count; i++) {
        line(p, 1);
        buf_append_text(p->out, "check ");
        ir_print_expr(p->out, write->checks[i]);
        buf_append_byte(p->out, '\n');
    }
    print_upserts(p, write);
    print_hooks(p, write, programs);
    if (write->query != NULL && !write->is_clear)
        print_query(p, write->query, 1);
    if (write->returning_count > 0) {
        line(p, 1);
        buf_append_text(p->out, "returning ");
        print_list(p, write->returning, write->returning_count, ", ");
        buf_append_byte(p->out, '\n');
    }
}

static void print_statement(const struct printer *p, const struct plan_statement *plan);

static void print_programs(const struct printer *p, const struct plan_programs *programs)
{
    for (size_t k = 0; k < programs->count; k++) {
        const struct plan_program *program = programs->list[k];

        print_slice(p, program->name);
        buf_append_text(p->out, ":\n");
        for (size_t i = 0; i < program->step_count; i++) {
            if (i == 0 && program->has_when)
                buf_append_text(p->out, "when there is a row of\n");
            print_statement(p, program->steps[i].plan);
        }
    }
}

static void print_statement(const struct printer *p, const struct plan_statement *plan)
{
    for (size_t i = 0; i < plan->cte_count; i++) {
        buf_append_text(p->out, plan->ctes[i].is_recursive ? "recursive " : "shared ");
        print_slice(p, plan->ctes[i].name);
        buf_append_byte(p->out, '\n');
        print_query(p, plan->ctes[i].query, 1);
    }
    if (plan->query != NULL)
        print_query(p, plan->query, 0);
    else if (plan->write != NULL)
        print_write(p, plan->write, plan->programs);
    else
        buf_append_text(p->out, "one instruction\n");
}

void plan_print(struct buf *out, const struct plan_statement *plan, bool with_estimates)
{
    const struct printer p = {out, with_estimates};

    print_statement(&p, plan);
    if (plan->programs != NULL)
        print_programs(&p, plan->programs);
}
