/*
 * explain: EXPLAIN QUERY PLAN in SQLite's words.
 */
#include "vdbe/plan/plan_internal.h"

struct explainer {
    plan_line_fn emit;
    void *context;
    unsigned next_id;
    struct buf text;
};

static unsigned emit(struct explainer *e, unsigned parent)
{
    unsigned id = e->next_id++;
    const char *text = buf_cstr(&e->text);

    e->emit(e->context, id, parent, text == NULL ? "" : text);
    buf_clear(&e->text);
    return id;
}

static unsigned emit_text(struct explainer *e, unsigned parent, const char *text)
{
    buf_append_text(&e->text, text);
    return emit(e, parent);
}

static void explain_query(struct explainer *e, const struct plan_query *query, unsigned parent);

static void append_label(struct explainer *e, const struct plan_loop *loop)
{
    const struct ir_source *source = loop->source;

    if (source->alias.text.len > 0)
        buf_append_slice(&e->text, source->alias.text);
    else if (source->name.text.len > 0)
        buf_append_slice(&e->text, source->name.text);
    else
        buf_printf(&e->text, "(subquery-%u)", source->number + 1u);
}

static void append_part(struct explainer *e, const struct plan_loop *loop,
                        const struct plan_range *range, unsigned part)
{
    uint16_t attribute = part_attribute(loop->table, range->index, part);

    if (attribute != ATTRIBUTE_NONE)
        buf_append_slice(&e->text, loop->table->attributes[attribute].name);
    else
        buf_append_text(&e->text, range->index != NULL ? "<expr>" : "rowid");
}

static void append_condition(struct explainer *e, bool *has, const struct plan_loop *loop,
                             const struct plan_range *range, unsigned part, const char *operator)
{
    buf_append_text(&e->text, *has ? " AND " : " (");
    *has = true;
    append_part(e, loop, range, part);
    buf_append_text(&e->text, operator);
}

static void append_conditions(struct explainer *e, const struct plan_loop *loop,
                              const struct plan_range *range)
{
    bool has = false;

    for (unsigned i = 0; i < range->equal_count; i++)
        append_condition(e, &has, loop, range, i, "=?");
    if (range->low.value != NULL)
        append_condition(e, &has, loop, range, range->equal_count, ">?");
    if (range->high.value != NULL || range->low.is_prefix)
        append_condition(e, &has, loop, range, range->equal_count, "<?");
    if (has)
        buf_append_byte(&e->text, ')');
}

static bool is_rowid_key(const struct table *table)
{
    return table->has_rowid;
}

static void append_range(struct explainer *e, const struct plan_loop *loop,
                         const struct plan_range *range)
{
    if (range->index == NULL && is_rowid_key(loop->table)) {
        buf_append_text(&e->text, " USING INTEGER PRIMARY KEY");
        if (range->equal_count > 0 || range->has_bounds) {
            bool has = false;

            if (range->equal_count > 0)
                buf_append_text(&e->text, " (rowid=?)");
            if (range->low.value != NULL) {
                buf_append_text(&e->text, " (rowid>?");
                has = true;
            }
            if (range->high.value != NULL)
                buf_append_text(&e->text, has ? " AND rowid<?" : " (rowid<?");
            if (range->has_bounds)
                buf_append_byte(&e->text, ')');
        }
        return;
    }
    if (range->index == NULL) {
        buf_append_text(&e->text, " USING PRIMARY KEY");
    } else {
        buf_append_text(&e->text, loop->is_covering ? " USING COVERING INDEX " : " USING INDEX ");
        buf_append_slice(&e->text, range->index->name);
    }
    append_conditions(e, loop, range);
}

static void explain_several(struct explainer *e, const struct plan_loop *loop, unsigned parent)
{
    unsigned id =
        emit_text(e, parent, loop->access == ACCESS_UNION ? "MULTI-INDEX OR" : "MULTI-INDEX AND");

    for (size_t i = 0; i < loop->range_count; i++) {
        unsigned arm;

        buf_printf(&e->text, "INDEX %zu", i + 1);
        arm = emit(e, id);
        buf_append_text(&e->text, "SEARCH ");
        append_label(e, loop);
        append_range(e, loop, &loop->ranges[i]);
        emit(e, arm);
    }
}

static void explain_range(struct explainer *e, const struct plan_loop *loop)
{
    bool is_search = loop->range.equal_count > 0 || loop->range.has_bounds;

    buf_append_text(&e->text, is_search ? "SEARCH " : "SCAN ");
    append_label(e, loop);
    append_range(e, loop, &loop->range);
}

static void explain_hash(struct explainer *e, const struct plan_loop *loop)
{
    buf_append_text(&e->text, "SEARCH ");
    append_label(e, loop);
    buf_append_text(&e->text, " USING AUTOMATIC HASH (");
    for (size_t i = 0; i < loop->hash_count; i++) {
        const struct ir_expr *column = loop->hash_build[i];

        if (i > 0)
            buf_append_text(&e->text, " AND ");
        if (column->kind == IR_COLUMN && column->as.column.part_count > 0)
            buf_append_slice(&e->text,
                             column->as.column.parts[column->as.column.part_count - 1].text);
        else
            buf_append_text(&e->text, "<expr>");
        buf_append_text(&e->text, "=?");
    }
    buf_append_byte(&e->text, ')');
}

static void explain_loop(struct explainer *e, const struct plan_loop *loop, unsigned parent)
{
    switch ((enum plan_access)loop->access) {
    case ACCESS_NOTHING:
        emit_text(e, parent, "SCAN CONSTANT ROW");
        return;
    case ACCESS_VALUES:
        emit_text(e, parent, "SCAN CONSTANT ROWS");
        return;
    case ACCESS_UNION:
    case ACCESS_INTERSECT:
        explain_several(e, loop, parent);
        return;
    case ACCESS_KEY:
    case ACCESS_INDEX:
        explain_range(e, loop);
        break;
    case ACCESS_HASH:
        explain_hash(e, loop);
        break;
    case ACCESS_QUERY: {
        unsigned id;

        buf_append_text(&e->text, loop->is_coroutine ? "CO-ROUTINE " : "MATERIALIZE ");
        append_label(e, loop);
        id = emit(e, parent);
        explain_query(e, loop->query, id);
        buf_append_text(&e->text, "SCAN ");
        append_label(e, loop);
        break;
    }
    case ACCESS_FUNCTION:
        buf_append_text(&e->text, "SCAN ");
        append_label(e, loop);
        buf_append_text(&e->text, " VIRTUAL TABLE INDEX 0:");
        break;
    case ACCESS_SCAN:
    case ACCESS_CTE:
    case ACCESS_RECURSION:
        buf_append_text(&e->text, "SCAN ");
        append_label(e, loop);
        break;
    case ACCESS_DOCUMENTS:
        buf_append_text(&e->text, "SCAN ELEMENTS");
        break;
    }
    if (loop->join == IR_JOIN_LEFT)
        buf_append_text(&e->text, " LEFT-JOIN");
    if (loop->is_semi)
        buf_append_text(&e->text, " EXISTS");
    if (loop->is_anti)
        buf_append_text(&e->text, " NOT EXISTS");
    emit(e, parent);
}

/* ---- subqueries of expressions ---- */

struct inner_explain {
    struct explainer *e;
    unsigned parent;
};

static enum status explain_inner(void *context, struct ir_expr **slot, bool *enter)
{
    const struct inner_explain *inner = context;
    const struct ir_expr *expr = *slot;
    const struct ir_query *query = NULL;
    const struct plan_query *plan;

    if (expr->kind == IR_SUBQUERY)
        query = expr->as.subquery.query;
    else if (expr->kind == IR_IN)
        query = expr->as.in.query;
    if (query == NULL || query->plan == NULL)
        return ST_OK;
    *enter = false;
    plan = query->plan;
    buf_printf(&inner->e->text, "%s%s SUBQUERY %u", plan->is_correlated ? "CORRELATED " : "",
               expr->kind == IR_IN ? "LIST" : "SCALAR", inner->e->next_id);
    explain_query(inner->e, plan, emit(inner->e, inner->parent));
    return ST_OK;
}

static void explain_exprs(struct explainer *e, struct ir_expr *const *list, size_t count,
                          unsigned parent)
{
    struct inner_explain inner = {e, parent};

    for (size_t i = 0; i < count; i++) {
        struct ir_expr *expr = list[i];

        if (expr != NULL)
            (void)walk_expr(&expr, explain_inner, &inner);
    }
}

static void explain_block(struct explainer *e, const struct plan_block *block, unsigned parent)
{
    for (size_t i = 0; i < block->loop_count; i++) {
        explain_loop(e, &block->loops[i], parent);
        explain_exprs(e, block->loops[i].match, block->loops[i].match_count, parent);
        explain_exprs(e, block->loops[i].filters, block->loops[i].filter_count, parent);
        for (unsigned k = 0; k < block->loops[i].range.equal_count; k++) {
            struct plan_key_term *term = &block->loops[i].range.equals[k];

            explain_exprs(e, term->in != NULL ? &term->in : &term->value, 1, parent);
        }
    }
    explain_exprs(e, block->once, block->once_count, parent);
    if (block->group == GROUP_HASH)
        emit_text(e, parent, "USE TEMP B-TREE FOR GROUP BY");
    for (size_t w = 0; w < block->window_count; w++)
        emit_text(e, parent, "USE TEMP B-TREE FOR WINDOW");
    if (block->distinct == DISTINCT_HASH)
        emit_text(e, parent, "USE TEMP B-TREE FOR DISTINCT");
    if (block->outputs != NULL)
        explain_exprs(e, block->outputs, block->output_count, parent);
}

static const char *compound_text(uint8_t op)
{
    switch ((enum ir_set_op)op) {
    case IR_UNION_ALL:
        return "UNION ALL";
    case IR_INTERSECT:
        return "INTERSECT USING TEMP B-TREE";
    case IR_EXCEPT:
        return "EXCEPT USING TEMP B-TREE";
    case IR_SET_FIRST:
    case IR_UNION:
        break;
    }
    return "UNION USING TEMP B-TREE";
}

static void explain_query(struct explainer *e, const struct plan_query *query, unsigned parent)
{
    if (query->block_count == 1) {
        explain_block(e, query->blocks[0], parent);
    } else {
        unsigned id = emit_text(e, parent, "COMPOUND QUERY");

        for (size_t i = 0; i < query->block_count; i++) {
            unsigned arm = emit_text(
                e, id, i == 0 ? "LEFT-MOST SUBQUERY" : compound_text(query->blocks[i]->set_op));

            explain_block(e, query->blocks[i], arm);
        }
    }
    if (query->sort != SORT_NO)
        emit_text(e, parent, "USE TEMP B-TREE FOR ORDER BY");
}

void plan_explain(const struct plan_statement *plan, plan_line_fn line, void *context)
{
    struct explainer e = {.emit = line, .context = context, .next_id = 1};

    for (size_t i = 0; i < plan->cte_count; i++) {
        unsigned id;

        buf_append_text(&e.text, plan->ctes[i].is_recursive ? "RECURSIVE " : "MATERIALIZE ");
        buf_append_slice(&e.text, plan->ctes[i].name);
        id = emit(&e, 0);
        explain_query(&e, plan->ctes[i].query, id);
    }
    if (plan->query != NULL)
        explain_query(&e, plan->query, 0);
    else if (plan->write != NULL && plan->write->query != NULL)
        explain_query(&e, plan->write->query, 0);
    buf_free(&e.text);
}
