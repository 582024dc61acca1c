/*
 * Joins: the list of sources is joined from left to right, so parenthesised joins are opened where
 * that means the same, and are subqueries elsewhere.
 */
#include "parser/sql/sql_internal.h"

struct ir_query *sql_select_all(struct sql_parse *parse, struct ir_source *const *sources,
                                size_t count)
{
    struct ir_query *query = SQL_NEW(parse, struct ir_query);
    struct ir_block *block = SQL_NEW(parse, struct ir_block);
    struct ir_block **blocks = sql_alloc(parse, sizeof *blocks);
    struct ir_output *output = SQL_NEW(parse, struct ir_output);
    struct ir_source **copy = sql_alloc(parse, count * sizeof *copy);

    if (sql_failed(parse))
        return NULL;
    memcpy(copy, sources, count * sizeof *copy);
    output->star_of.offset = output->alias.offset = -1;
    output->text = slice_text("*");
    block->offset = sources[0]->name.offset;
    block->outputs = output;
    block->output_count = 1;
    block->sources = copy;
    block->source_count = count;
    blocks[0] = block;
    query->blocks = blocks;
    query->block_count = 1;
    ir_query_measure(query);
    return query;
}

/* `(a JOIN b)`. Of one source only the parentheses go; an alias then renames it. */
struct ir_source *sql_group_source(struct sql_parse *parse, struct sql_list joined,
                                   struct sql_alias alias)
{
    struct ir_source **sources = sql_take(parse, joined, sizeof *sources);
    struct ir_source *group;

    if (sources == NULL)
        return NULL;
    if (joined.count == 1) {
        group = sources[0];
        if (group != NULL && alias.text != NULL)
            group->alias = sql_name(parse, sql_token_of(alias.text, alias.len, 0));
        return group;
    }
    group = sql_query_source(parse, sql_select_all(parse, sources, joined.count), alias);
    if (group != NULL)
        group->is_group = true;
    return group;
}

static struct sql_list push_source(struct sql_parse *parse, struct sql_list joined,
                                   struct ir_source *source)
{
    struct sql_list more = sql_push_pointer(parse, source);

    return joined.count == 0 ? more : sql_list_more(joined, more);
}

static bool is_open_group(const struct ir_source *source)
{
    return source->is_group && source->alias.text.len == 0;
}

static struct sql_list push_group(struct sql_parse *parse, struct sql_list joined,
                                  const struct ir_source *group)
{
    const struct ir_block *block = group->query->blocks[0];

    for (size_t i = 0; i < block->source_count; i++)
        joined = push_source(parse, joined, block->sources[i]);
    return joined;
}

/* A join in parentheses that comes first is what left-to-right does anyway. */
struct sql_list sql_joined_first(struct sql_parse *parse, struct ir_source *source)
{
    struct sql_list none = {0, 0};

    if (source != NULL && !sql_failed(parse) && is_open_group(source))
        return push_group(parse, none, source);
    return push_source(parse, none, source);
}

/* May `… join (b, c …) ON on` be `… join b, c … ON on`? Only when every join involved is an inner
 * one, or nothing is left to be checked behind the group's outer joins, and no column names are
 * matched (USING would also look at what stands left of the group). */
static bool can_open(const struct ir_source *group, struct sql_join join,
                     const struct sql_constraint *constraint)
{
    const struct ir_block *block;
    bool is_constrained = constraint != NULL;

    if (!is_open_group(group) || join.is_natural || join.join > IR_JOIN_CROSS)
        return false;
    if (is_constrained && constraint->using_count > 0)
        return false;
    block = group->query->blocks[0];
    for (size_t i = 0; i < block->source_count; i++) {
        const struct ir_source *source = block->sources[i];

        if (source->is_natural || source->using_count > 0)
            return false;
        if (source->join > (is_constrained ? IR_JOIN_CROSS : IR_JOIN_LEFT))
            return false;
    }
    return true;
}

static struct sql_list open_group(struct sql_parse *parse, struct sql_list joined,
                                  struct sql_join join, const struct ir_source *group,
                                  const struct sql_constraint *constraint)
{
    struct ir_block *block = group->query->blocks[0];
    struct ir_source *last = block->sources[block->source_count - 1];

    block->sources[0]->join = join.join;
    if (constraint != NULL)
        last->on = ir_and(parse->arena, last->on, constraint->on);
    return push_group(parse, joined, group);
}

struct sql_list sql_joined_more(struct sql_parse *parse, struct sql_list joined,
                                struct sql_join join, struct ir_source *source,
                                const struct sql_constraint *constraint)
{
    if (source == NULL || sql_failed(parse))
        return joined;
    if (join.is_natural && constraint != NULL) {
        sql_fail(parse, ST_SYNTAX, parse->token.text,
                 "a NATURAL join may not have an ON or USING clause");
        return joined;
    }
    if (can_open(source, join, constraint))
        return open_group(parse, joined, join, source, constraint);
    source->join = join.join;
    source->is_natural = join.is_natural;
    if (constraint != NULL) {
        source->on = constraint->on;
        source->using_count = constraint->using_count;
        source->using_columns = constraint->using_columns;
    }
    return push_source(parse, joined, source);
}
