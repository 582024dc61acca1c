/*
 * bind_block: one SELECT core: its sources, joins, stars, conditions and groups.
 */
#include "vdbe/plan/plan_internal.h"

/* ---- sources and joins ---- */

/* A query in FROM sees past the block it stands in, so what it reads of outer rows marks the outer
 * queries but not this block's own. */
static void inherit_correlation(struct bound_block *block, const struct source_info *info)
{
    const struct bound_query *inner = info->query != NULL ? info->query
                                      : info->cte != NULL ? info->cte->query
                                                          : NULL;

    if (inner != NULL && inner->plan.is_correlated && block->scope.query != NULL)
        block->scope.query->plan.is_correlated = true;
}

static bool left_has_column(const struct planner *p, const struct ir_block *block, size_t count,
                            struct slice name)
{
    uint16_t attribute;

    for (size_t i = 0; i < count; i++) {
        if (source_find_column(info_of(p, block->sources[i]), name, &attribute))
            return true;
    }
    return false;
}

/* NATURAL is USING of all names both sides have. */
static enum status natural_columns(struct planner *p, struct ir_block *block, size_t k)
{
    struct ir_source *source = block->sources[k];
    const struct source_info *info = info_of(p, source);
    size_t count = source_star_count(info);

    source->using_columns = ARENA_NEW_ARRAY(p->arena, struct ir_name, count + 1);
    if (source->using_columns == NULL)
        return no_memory(p);
    for (size_t i = 0; i < count; i++) {
        struct slice name = source_column_name(info, (uint16_t)i);

        if (info->table != NULL && !attribute_is_visible(&info->table->attributes[i]))
            continue;
        if (info->table == NULL && info->columns[i].is_hidden)
            continue;
        if (left_has_column(p, block, k, name))
            source->using_columns[source->using_count++] = (struct ir_name){name, -1};
    }
    return ST_OK;
}

/* left.c = right.c, where the left one is what the name means among the sources before. */
static enum status using_condition(struct planner *p, struct bound_block *block, size_t k,
                                   struct ir_name name, struct ir_expr **on)
{
    struct ir_block *ir = block->ir;
    struct ir_expr *left = ir_column(p->arena, name), *right, *equal;
    size_t source_count = ir->source_count;
    uint16_t attribute;

    if (left == NULL)
        return no_memory(p);
    if (!left_has_column(p, ir, k, name.text) ||
        !source_find_column(info_of(p, ir->sources[k]), name.text, &attribute))
        return error_set(p->err, ST_NO_COLUMN, name.offset,
                         "cannot join using column %.*s - column not present in both tables",
                         (int)name.text.len, name.text.data);
    ir->source_count = k;
    TRY(bind_column(p, &block->scope, &left));
    ir->source_count = source_count;
    right = column_new(p, ir->sources[k], attribute, 0, name.offset);
    if (right == NULL)
        return no_memory(p);
    TRY(bind_column(p, &block->scope, &right));
    equal = compare_new(p, IR_EQ, left, right);
    if (equal == NULL)
        return no_memory(p);
    *on = ir_and(p->arena, *on, equal);
    return *on == NULL ? no_memory(p) : ST_OK;
}

static enum status bind_join(struct planner *p, struct bound_block *block, size_t k)
{
    struct ir_source *source = block->ir->sources[k];
    struct ir_expr *on = NULL;

    if (source->is_natural && source->using_count == 0 && k > 0)
        TRY(natural_columns(p, block->ir, k));
    for (size_t i = 0; i < source->using_count; i++)
        TRY(using_condition(p, block, k, source->using_columns[i], &on));
    if (source->on != NULL) {
        TRY(bind_condition(p, &block->scope, &source->on));
        on = ir_and(p->arena, on, source->on);
    }
    if (on != NULL && on->kind == IR_LOGIC) {
        on->affinity = PLAN_NO_AFFINITY;
        on->type = 1 + VALUE_INT;
    }
    source->on = on;
    return ST_OK;
}

/* A query in FROM does not see its neighbours: what it reads from outside lies outside of this
 * query as well. */
static void mark_source(struct bound_block *block, const struct source_info *info)
{
    const struct bound_query *query = info->cte != NULL ? info->cte->query : info->query;

    if (query != NULL && query->plan.is_correlated && block->scope.query != NULL)
        block->scope.query->plan.is_correlated = true;
}

enum status bind_sources(struct planner *p, struct bound_block *block, struct scope *outer)
{
    struct ir_block *ir = block->ir;

    if (ir->source_count > SOURCES_MAX)
        return error_set(p->err, ST_LIMIT, ir->offset, "at most %d tables in a join", SOURCES_MAX);
    TRY(full_joins_copy(p, block));
    for (size_t i = 0; i < ir->source_count; i++) {
        struct source_info *info;

        if (ir->sources[i]->table == NULL) /* the target of a write is bound already */
            TRY(source_bind_table(p, ir->sources[i], outer));
        info = info_of(p, ir->sources[i]);
        info->block = block;
        info->position = (uint8_t)i;
        mark_source(block, info);
        inherit_correlation(block, info);
    }
    block->scope.clause = "ON";
    for (size_t i = 0; i < ir->source_count; i++) {
        struct ir_source *source = ir->sources[i];

        for (size_t k = 0; k < source->arg_count; k++) {
            if (source->args[k] != NULL)
                TRY(bind_expr(p, &block->scope, &source->args[k]));
        }
        if (source->on != NULL || source->using_count > 0 || source->is_natural)
            TRY(bind_join(p, block, i));
    }
    return full_joins_bind(p, block, outer);
}

/* ---- outputs ---- */

struct slice output_name(struct planner *p, const struct ir_output *output, size_t number)
{
    const struct ir_expr *expr = output->expr;
    const char *made;

    if (output->alias.text.len > 0)
        return output->alias.text;
    if (expr->kind == IR_COLUMN)
        return source_column_name(info_of(p, expr->as.column.source), expr->as.column.attribute);
    if (output->text.len > 0)
        return output->text;
    made = arena_printf(p->arena, "column%zu", number + 1);
    return made == NULL ? slice_empty() : slice_text(made);
}

/* Is column `name` of source k the second half of a USING pair, shown with the first? */
static bool is_merged_away(const struct planner *p, const struct ir_block *block, size_t k,
                           struct slice name)
{
    return k > 0 && source_uses_column(block->sources[k], name) &&
           left_has_column(p, block, k, name);
}

/* Must the first half be shown as what the bare name means (RIGHT and FULL joins)? */
static bool is_merged_later(const struct ir_block *block, size_t k, struct slice name)
{
    for (size_t i = k + 1; i < block->source_count; i++) {
        const struct ir_source *source = block->sources[i];

        if ((source->join == IR_JOIN_RIGHT || source->join == IR_JOIN_FULL) &&
            source_uses_column(source, name))
            return true;
    }
    return false;
}

static bool star_shows(const struct source_info *info, size_t column)
{
    if (info->table != NULL)
        return attribute_is_visible(&info->table->attributes[column]);
    return !info->columns[column].is_hidden;
}

static size_t star_count(const struct planner *p, const struct ir_block *block)
{
    size_t count = 0;

    for (size_t i = 0; i < block->source_count; i++)
        count += source_star_count(info_of(p, block->sources[i])) + 1;
    return count;
}

static enum status star_of_source(struct planner *p, struct scope *scope, size_t k,
                                  bool is_qualified, struct ir_output *outputs, size_t *count)
{
    const struct ir_block *block = scope->block->ir;
    struct ir_source *source = block->sources[k];
    size_t columns = source_star_count(info_of(p, source));

    for (size_t i = 0; i < columns; i++) {
        const struct source_info *info = info_of(p, source);
        struct slice name = source_column_name(info, (uint16_t)i);
        struct ir_output *output = &outputs[*count];

        if (!star_shows(info, i) || (!is_qualified && is_merged_away(p, block, k, name)))
            continue;
        memset(output, 0, sizeof *output);
        if (!is_qualified && is_merged_later(block, k, name))
            output->expr = ir_column(p->arena, (struct ir_name){name, -1});
        else
            output->expr = column_new(p, source, (uint16_t)i, 0, -1);
        if (output->expr == NULL)
            return no_memory(p);
        if (info->table != NULL && info->table->attributes[i].generated == GENERATED_VIRTUAL)
            output->expr->as.column.source = NULL; /* resolved by name: becomes its expression */
        if (output->expr->as.column.source == NULL && is_qualified) {
            struct ir_name *parts = ARENA_NEW_ARRAY(p->arena, struct ir_name, 2);

            if (parts == NULL)
                return no_memory(p);
            parts[0] = (struct ir_name){info->name, -1};
            parts[1] = (struct ir_name){name, -1};
            output->expr->as.column.parts = parts;
            output->expr->as.column.part_count = 2;
        }
        output->name = name;
        (*count)++;
    }
    return ST_OK;
}

/* Does output `column` of a parenthesised join come from the source called `name`? */
static bool group_has(const struct planner *p, const struct source_info *group, size_t column,
                      struct slice name)
{
    const struct ir_expr *expr = group->source->query->blocks[0]->outputs[column].expr;
    const struct source_info *inner;

    if (expr->kind != IR_COLUMN)
        return false;
    inner = info_of(p, expr->as.column.source);
    if (inner->source->is_group && inner->source->alias.text.len == 0)
        return group_has(p, inner, expr->as.column.attribute, name);
    return slice_equal_nocase(inner->name, name);
}

/* t.* where t stands inside a parenthesised join. */
static enum status star_of_group(struct planner *p, struct ir_source *source, struct slice name,
                                 struct ir_output *outputs, size_t *count, bool *found)
{
    if (!source->is_group || source->alias.text.len > 0)
        return ST_OK;
    for (size_t i = 0; i < info_of(p, source)->column_count; i++) {
        struct ir_output *output = &outputs[*count];

        if (!group_has(p, info_of(p, source), i, name))
            continue;
        memset(output, 0, sizeof *output);
        output->expr = column_new(p, source, (uint16_t)i, 0, -1);
        if (output->expr == NULL)
            return no_memory(p);
        output->name = source_column_name(info_of(p, source), (uint16_t)i);
        *found = true;
        (*count)++;
    }
    return ST_OK;
}

static enum status expand_star(struct planner *p, struct scope *scope, const struct ir_output *star,
                               struct ir_output *outputs, size_t *count)
{
    const struct ir_block *block = scope->block->ir;
    bool found = false;

    for (size_t i = 0; i < block->source_count; i++) {
        const struct source_info *info = info_of(p, block->sources[i]);

        if (star->star_of.text.len > 0 && !slice_equal_nocase(info->name, star->star_of.text)) {
            TRY(star_of_group(p, block->sources[i], star->star_of.text, outputs, count, &found));
            continue;
        }
        found = true;
        TRY(star_of_source(p, scope, i, star->star_of.text.len > 0, outputs, count));
    }
    if (!found && star->star_of.text.len > 0)
        return error_set(p->err, ST_NO_TABLE, star->star_of.offset, "no such table: %.*s",
                         (int)star->star_of.text.len, star->star_of.text.data);
    if (!found)
        return error_set(p->err, ST_INVALID, block->offset, "no tables specified");
    return ST_OK;
}

/* Stars are expanded into a new list; a list without stars stays where it is. */
enum status bind_outputs(struct planner *p, struct scope *scope, struct ir_output **outputs,
                         size_t *count, bool names_stars)
{
    size_t stars = 0, made = 0;

    (void)names_stars;
    for (size_t i = 0; i < *count; i++)
        stars += (*outputs)[i].expr == NULL;
    if (stars > 0) {
        size_t room = *count + stars * star_count(p, scope->block->ir);
        struct ir_output *list = ARENA_NEW_ARRAY(p->arena, struct ir_output, room + 1);

        if (list == NULL)
            return no_memory(p);
        for (size_t i = 0; i < *count; i++) {
            if ((*outputs)[i].expr == NULL)
                TRY(expand_star(p, scope, &(*outputs)[i], list, &made));
            else
                list[made++] = (*outputs)[i];
        }
        *outputs = list;
        *count = made;
    }
    for (size_t i = 0; i < *count; i++) {
        struct ir_output *output = &(*outputs)[i];

        TRY(bind_expr(p, scope, &output->expr));
        if (output->expr->kind == IR_ROW)
            return error_set(p->err, ST_INVALID, output->expr->offset, "row value misused");
        if (output->name.len == 0)
            output->name = output_name(p, output, i);
    }
    return ST_OK;
}

/* ---- groups ---- */

static enum status bind_groups(struct planner *p, struct bound_block *block)
{
    struct ir_block *ir = block->ir;

    block->scope.allows_aggregates = false;
    block->scope.allows_windows = false;
    block->scope.clause = "GROUP BY";
    for (size_t i = 0; i < ir->group_count; i++) {
        uint16_t output;

        TRY(bind_ordinal(p, ir->group[i], i, ir->output_count, "GROUP", &output));
        if (output != OUTPUT_NONE)
            ir->group[i] = ir->outputs[output].expr;
        else
            TRY(bind_expr(p, &block->scope, &ir->group[i]));
        if (ir->group[i]->kind == IR_CALL && ir->group[i]->as.call.over == NULL &&
            (((const struct func *)ir->group[i]->as.call.function)->flags & FUNC_AGGREGATE) != 0)
            return error_set(p->err, ST_INVALID, ir->group[i]->offset,
                             "aggregate functions are not allowed in the GROUP BY clause");
    }
    block->scope.clause = NULL;
    if (ir->group_count > 0)
        block->is_grouped = true;
    block->scope.allows_aggregates = true;
    if (ir->having != NULL) {
        block->is_grouped = true;
        TRY(bind_condition(p, &block->scope, &ir->having));
    }
    block->scope.allows_windows = true;
    return ST_OK;
}

static enum status bind_values(struct planner *p, struct bound_block *block, struct scope *outer)
{
    struct ir_block *ir = block->ir;

    for (size_t i = 0; i < ir->row_count * ir->row_width; i++) {
        TRY(bind_expr(p, outer, &ir->rows[i]));
        if (ir->rows[i]->kind == IR_ROW)
            return error_set(p->err, ST_INVALID, ir->rows[i]->offset, "row value misused");
    }
    return ST_OK;
}

enum status bind_block(struct planner *p, struct bound_query *query, struct ir_block *ir,
                       struct scope *outer)
{
    struct bound_block *block = ARENA_NEW(p->arena, struct bound_block);

    if (block == NULL)
        return no_memory(p);
    block->ir = ir;
    block->plan.ir = ir;
    block->plan.set_op = ir->set_op;
    block->plan.bare_from = BARE_ANY;
    block->scope.outer = outer;
    block->scope.block = block;
    block->scope.query = query;
    ir->plan = &block->plan;
    if (ir->row_count > 0)
        return bind_values(p, block, &block->scope);
    TRY(bind_sources(p, block, outer));
    for (size_t i = 0; i < ir->source_count && ir->where != NULL; i++) {
        if (info_of(p, ir->sources[i])
                ->has_relations) { /* before outputs that select what is filtered */
            TRY(related_conditions(p, &block->scope, &ir->where));
            break;
        }
    }
    block->scope.allows_aggregates = true;
    block->scope.allows_windows = true;
    TRY(bind_outputs(p, &block->scope, &ir->outputs, &ir->output_count, true));
    block->aliases_ready = true;
    block->scope.allows_aliases = true;
    block->scope.allows_aggregates = false;
    block->scope.allows_windows = false;
    TRY(bind_condition(p, &block->scope, &ir->where));
    return bind_groups(p, block);
}
