/*
 * bind_names: which source and attribute a name means, and what to say when it means none.
 */
#include "vdbe/plan/plan_internal.h"

bool attribute_is_visible(const struct attribute *attribute)
{
    return !attribute->is_dropped && attribute->type != TYPE_RELATIONSHIP;
}

static bool is_rowid_name(struct slice name)
{
    return slice_is_nocase(name, "rowid") || slice_is_nocase(name, "_rowid_") ||
           slice_is_nocase(name, "oid");
}

const struct attribute *attribute_named(const struct table *table, struct slice name)
{
    if (table->store != 0)
        return table_attribute(table, name);
    for (unsigned i = 0; i < table->attribute_count; i++)
        if (slice_equal_nocase(table->attributes[i].name, name))
            return &table->attributes[i];
    return NULL;
}

static bool find_table_column(const struct table *table, struct slice name, uint16_t *attribute)
{
    const struct attribute *found = attribute_named(table, name);

    if (found != NULL) {
        *attribute = found->id;
        return true;
    }
    if (table->has_rowid && is_rowid_name(name)) {
        *attribute = table->key_count == 1 ? table->key_attributes[0] : ATTRIBUTE_NONE;
        return true;
    }
    return false;
}

bool source_find_column(const struct source_info *info, struct slice name, uint16_t *attribute)
{
    if (info->table != NULL)
        return find_table_column(info->table, name, attribute);
    for (size_t i = 0; i < info->column_count; i++) {
        if (slice_equal_nocase(info->columns[i].name, name)) {
            *attribute = (uint16_t)i;
            return true;
        }
    }
    if (info->source->kind == IR_SOURCE_DOCUMENTS && slice_is(name, "value")) {
        *attribute = 0;
        return true;
    }
    return false;
}

size_t source_star_count(const struct source_info *info)
{
    return info->table != NULL ? info->table->attribute_count : info->column_count;
}

struct slice source_column_name(const struct source_info *info, uint16_t attribute)
{
    if (info->table != NULL)
        return attribute == ATTRIBUTE_NONE ? slice_text("rowid")
                                           : info->table->attributes[attribute].name;
    if (attribute < info->column_count)
        return info->columns[attribute].name;
    return slice_text("value");
}

/* ---- did you mean ---- */

void suggestion_start(struct suggestion *s, struct slice wanted)
{
    s->wanted = wanted;
    s->best = slice_empty();
    s->distance = wanted.len < 4 ? 1 : wanted.len < 8 ? 2 : 3;
    s->distance++; /* the first that is nearer than this */
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Edits (insert, delete, replace, swap of neighbours) between two short words. */
static unsigned edit_distance(struct slice a, struct slice b)
{
    unsigned rows[3][42];
    unsigned *before = rows[0], *last = rows[1], *now = rows[2];

    if (a.len > 40 || b.len > 40)
        return 100;
    for (size_t j = 0; j <= b.len; j++)
        last[j] = (unsigned)j;
    for (size_t i = 1; i <= a.len; i++) {
        unsigned *spare = before;

        now[0] = (unsigned)i;
        for (size_t j = 1; j <= b.len; j++) {
            bool same = lower(a.data[i - 1]) == lower(b.data[j - 1]);
            unsigned best = last[j - 1] + !same;

            if (last[j] + 1 < best)
                best = last[j] + 1;
            if (now[j - 1] + 1 < best)
                best = now[j - 1] + 1;
            if (i > 1 && j > 1 && lower(a.data[i - 1]) == lower(b.data[j - 2]) &&
                lower(a.data[i - 2]) == lower(b.data[j - 1]) && before[j - 2] + 1 < best)
                best = before[j - 2] + 1;
            now[j] = best;
        }
        before = last;
        last = now;
        now = spare;
    }
    return last[b.len];
}

void suggestion_offer(struct suggestion *s, struct slice candidate)
{
    unsigned distance;

    if (candidate.len == 0 || s->wanted.len == 0)
        return;
    distance = edit_distance(s->wanted, candidate);
    if (distance < s->distance && distance < candidate.len) {
        s->distance = distance;
        s->best = candidate;
    }
}

const char *suggestion_text(struct planner *p, const struct suggestion *s)
{
    const char *text;

    if (s->best.len == 0)
        return "";
    text = arena_printf(p->arena, "; did you mean %.*s?", (int)s->best.len, s->best.data);
    return text == NULL ? "" : text;
}

static void offer_columns(const struct source_info *info, struct suggestion *s)
{
    for (size_t k = 0; k < source_star_count(info); k++) {
        if (info->table != NULL && info->table->attributes[k].is_dropped)
            continue;
        suggestion_offer(s, source_column_name(info, (uint16_t)k));
    }
}

enum status error_no_column(struct planner *p, struct scope *scope, const struct ir_expr *expr)
{
    const struct ir_name *parts = expr->as.column.parts;
    size_t count = expr->as.column.part_count;
    struct suggestion near;
    struct buf name = {0};
    enum status st;
    bool is_rest = false;

    suggestion_start(&near, parts[count - 1].text);
    for (const struct scope *s = scope; s != NULL; s = s->outer) {
        for (size_t i = 0; s->block != NULL && i < s->block->ir->source_count; i++) {
            const struct source_info *info = info_of(p, s->block->ir->sources[i]);

            is_rest |= info->is_rest;
            if (count == 1 ? !s->is_given : slice_equal_nocase(info->name, parts[count - 2].text))
                offer_columns(info, &near);
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buf_append_byte(&name, '.');
        buf_append_slice(&name, parts[i].text);
    }
    if (is_rest)
        st = error_set(p->err, ST_NO_COLUMN, expr->offset, "%.*s is not a defined attribute%s",
                       (int)name.len, name.data, suggestion_text(p, &near));
    else
        st = error_set(p->err, ST_NO_COLUMN, expr->offset, "no such column: %.*s%s", (int)name.len,
                       name.data, suggestion_text(p, &near));
    buf_free(&name);
    return st;
}

/* ---- one scope ---- */

struct match {
    struct ir_source *source;
    uint16_t attribute;
    size_t parts_used;     /* 1: column, 2: table.column … the rest are members */
    struct ir_expr *value; /* instead: merged columns of USING over a FULL join */
    unsigned count;
};

bool source_uses_column(const struct ir_source *source, struct slice name)
{
    for (size_t i = 0; i < source->using_count; i++) {
        if (slice_equal_nocase(source->using_columns[i].text, name))
            return true;
    }
    return false;
}

static struct ir_expr *coalesce_new(struct planner *p, struct ir_expr *first,
                                    struct ir_expr *second)
{
    struct ir_expr *expr = ir_expr_new(p->arena, IR_CASE, -1);
    struct ir_case_arm *arm = ARENA_NEW(p->arena, struct ir_case_arm);
    struct ir_expr *test = first == NULL ? NULL : ir_unary(p->arena, IR_NOT_NULL, first);

    if (expr == NULL || arm == NULL || test == NULL || second == NULL)
        return NULL;
    test->affinity = PLAN_NO_AFFINITY;
    arm->when = test;
    arm->then = first;
    expr->as.cases.count = 1;
    expr->as.cases.arms = arm;
    expr->as.cases.otherwise = second;
    expr->affinity = first->affinity;
    expr->collation = first->collation;
    return expr;
}

/* The unqualified name `name` found again in a source that merged it by USING. */
static enum status merge_match(struct planner *p, struct match *match, struct ir_source *source,
                               uint16_t attribute, uint8_t up)
{
    switch ((enum ir_join)source->join) {
    case IR_JOIN_INNER:
    case IR_JOIN_CROSS:
    case IR_JOIN_LEFT:
        return ST_OK;
    case IR_JOIN_RIGHT:
        match->source = source;
        match->attribute = attribute;
        match->value = NULL;
        return ST_OK;
    case IR_JOIN_FULL:
        break;
    }
    if (match->value == NULL)
        match->value = column_new(p, match->source, match->attribute, up, -1);
    match->value = coalesce_new(p, match->value, column_new(p, source, attribute, up, -1));
    return match->value == NULL ? no_memory(p) : ST_OK;
}

/* a JOIN in parentheses keeps the names of its sources: b.x is that output of the group's query
 * which is column x of b. */
static bool find_in_group(const struct planner *p, const struct source_info *info,
                          struct slice table, struct slice name, uint16_t *attribute)
{
    const struct ir_block *block;

    if (!info->source->is_group || info->source->alias.text.len > 0 ||
        info->source->query->block_count != 1)
        return false;
    block = info->source->query->blocks[0];
    for (size_t i = 0; i < block->output_count; i++) {
        const struct ir_expr *expr = block->outputs[i].expr;
        const struct source_info *inner;
        uint16_t found;

        if (expr->kind != IR_COLUMN)
            continue;
        inner = info_of(p, expr->as.column.source);
        if (slice_equal_nocase(inner->name, table) && source_find_column(inner, name, &found) &&
            found == expr->as.column.attribute) {
            *attribute = (uint16_t)i;
            return true;
        }
        if (inner->source->is_group && find_in_group(p, inner, table, name, &found) &&
            found == expr->as.column.attribute) {
            *attribute = (uint16_t)i;
            return true;
        }
    }
    return false;
}

static bool source_is_called(const struct planner *p, const struct source_info *info,
                             struct slice database, struct slice name)
{
    if (!slice_equal_nocase(info->name, name))
        return false;
    return database.len == 0 ||
           (info->table != NULL && database_is(p->databases, info->database, database));
}

static void match_add(struct match *match, struct ir_source *source, uint16_t attribute,
                      size_t parts_used)
{
    if (match->count++ == 0) {
        match->source = source;
        match->attribute = attribute;
        match->parts_used = parts_used;
    }
}

/* Does the attribute hold documents whose members may be named? */
static bool has_members(const struct source_info *info, uint16_t attribute)
{
    const struct attribute *a;

    if (info->source->kind == IR_SOURCE_DOCUMENTS)
        return true;
    if (info->table == NULL || attribute == ATTRIBUTE_NONE)
        return false;
    a = &info->table->attributes[attribute];
    return a->type == TYPE_RELATIONSHIP || a->type == TYPE_OBJECT || info->table->is_dynamic ||
           info->table->is_made_by_sdl;
}

static enum status find_plain(struct planner *p, struct scope *scope, const struct ir_expr *expr,
                              uint8_t up, struct match *match)
{
    const struct ir_name *parts = expr->as.column.parts;
    size_t count = expr->as.column.part_count;
    const struct ir_block *block = scope->block->ir;

    for (size_t i = 0; i < block->source_count; i++) {
        const struct source_info *info = info_of(p, block->sources[i]);
        uint16_t attribute;

        if (info->is_semi || info->is_anti || !source_find_column(info, parts[0].text, &attribute))
            continue;
        if (count > 1 && !has_members(info, attribute))
            continue;
        if (match->count > 0 && source_uses_column(block->sources[i], parts[0].text)) {
            TRY(merge_match(p, match, block->sources[i], attribute, up));
            continue;
        }
        match_add(match, block->sources[i], attribute, 1);
    }
    return ST_OK;
}

static void find_qualified(struct planner *p, struct scope *scope, const struct ir_expr *expr,
                           struct match *match)
{
    const struct ir_name *parts = expr->as.column.parts;
    size_t count = expr->as.column.part_count;
    const struct ir_block *block = scope->block->ir;

    for (size_t i = 0; i < block->source_count; i++) {
        const struct source_info *info = info_of(p, block->sources[i]);
        uint16_t attribute;

        if (source_is_called(p, info, slice_empty(), parts[0].text) &&
            source_find_column(info, parts[1].text, &attribute)) {
            if (count == 2 || has_members(info, attribute))
                match_add(match, block->sources[i], attribute, 2);
        } else if (count > 2 && source_is_called(p, info, parts[0].text, parts[1].text) &&
                   source_find_column(info, parts[2].text, &attribute)) {
            match_add(match, block->sources[i], attribute, 3);
        } else if (count == 2 && find_in_group(p, info, parts[0].text, parts[1].text, &attribute)) {
            match_add(match, block->sources[i], attribute, 2);
        }
    }
}

static enum status find_in_scope(struct planner *p, struct scope *scope, const struct ir_expr *expr,
                                 uint8_t up, struct match *match)
{
    size_t count = expr->as.column.part_count;
    bool is_rest;

    if (scope->block == NULL || scope->block->ir->source_count == 0)
        return ST_OK;
    if (scope->is_given) {
        if (count > 1)
            find_qualified(p, scope, expr, match);
        return ST_OK;
    }
    if (count == 1)
        return find_plain(p, scope, expr, up, match);
    is_rest = info_of(p, scope->block->ir->sources[0])->is_rest;
    if (is_rest)
        TRY(find_plain(p, scope, expr, up, match));
    if (match->count == 0)
        find_qualified(p, scope, expr, match);
    if (match->count == 0 && !is_rest)
        TRY(find_plain(p, scope, expr, up, match));
    return ST_OK;
}

/* ---- a found column ---- */

struct ir_expr *column_new(struct planner *p, struct ir_source *source, uint16_t attribute,
                           uint8_t up, int32_t offset)
{
    struct ir_expr *expr = ir_expr_new(p->arena, IR_COLUMN, offset);
    const struct source_info *info = info_of(p, source);
    struct ir_name *part;

    if (expr == NULL)
        return NULL;
    part = ARENA_NEW(p->arena, struct ir_name);
    if (part == NULL)
        return NULL;
    part->text = source_column_name(info, attribute);
    part->offset = offset;
    expr->as.column.part_count = 1;
    expr->as.column.parts = part;
    expr->as.column.source = source;
    expr->as.column.attribute = attribute;
    expr->as.column.up = up;
    expr->affinity = PLAN_NO_AFFINITY;
    return expr;
}

static uint8_t type_of_attribute(const struct attribute *attribute)
{
    if (attribute->is_list)
        return 1 + VALUE_ARRAY;
    switch ((enum attribute_type)attribute->type) {
    case TYPE_INT:
    case TYPE_LONG:
        return 1 + VALUE_INT;
    case TYPE_BOOLEAN:
        return 1 + VALUE_BOOL;
    case TYPE_STRING:
        return 1 + VALUE_TEXT;
    case TYPE_DATE:
        return 1 + VALUE_DATE;
    case TYPE_BYTES:
        return 1 + VALUE_BYTES;
    case TYPE_OBJECT:
        return 1 + VALUE_OBJECT;
    case TYPE_ANY:
    case TYPE_FLOAT:
    case TYPE_BIGINT:
    case TYPE_ID:
    case TYPE_BLOB:
    case TYPE_RELATIONSHIP:
    case TYPE_COUNT:
        break;
    }
    return 0;
}

static void column_set_bound(struct planner *p, struct ir_expr *expr, const struct match *match,
                             uint8_t up)
{
    const struct source_info *info = info_of(p, match->source);

    expr->as.column.source = match->source;
    expr->as.column.attribute = match->attribute;
    expr->as.column.up = up;
    expr->affinity = PLAN_NO_AFFINITY;
    expr->is_constant = false;
    if (info->table != NULL && match->attribute == ATTRIBUTE_NONE) {
        expr->affinity = AFFINITY_INTEGER;
        expr->type = 1 + VALUE_INT;
        expr->is_uncollated = true;
    } else if (info->table != NULL) {
        const struct attribute *attribute = &info->table->attributes[match->attribute];

        expr->is_uncollated = info->table->has_rowid && info->table->key_count == 1 &&
                              info->table->key_attributes[0] == match->attribute;
        expr->affinity = attribute->affinity;
        expr->collation = attribute->collation;
        expr->type = type_of_attribute(attribute);
    } else if (match->attribute < info->column_count) {
        expr->affinity = info->columns[match->attribute].affinity;
        expr->collation = info->columns[match->attribute].collation;
        expr->type = info->columns[match->attribute].type;
    }
}

static void mark_correlated(struct scope *scope, unsigned up)
{
    for (unsigned i = 0; i < up && scope != NULL; i++, scope = scope->outer) {
        if (scope->query != NULL)
            scope->query->plan.is_correlated = true;
    }
}

/* A virtual generated column is its expression over the same source. */
static enum status expand_generated(struct planner *p, struct ir_expr **slot,
                                    const struct match *match, uint8_t up)
{
    const struct source_info *info = info_of(p, match->source);
    const struct attribute *attribute = &info->table->attributes[match->attribute];
    struct ir_expr *expr = NULL;

    if (p->view_depth >= VIEW_DEPTH_MAX)
        return error_set(p->err, ST_INVALID, (*slot)->offset, "generated column loop on \"%.*s\"",
                         (int)attribute->name.len, attribute->name.data);
    p->view_depth++;
    TRY(bind_stored(p, attribute->generated_sql, match->source, &expr));
    p->view_depth--;
    if (attribute->affinity != AFFINITY_NONE) {
        static const char *const types[] = {"BLOB", "TEXT", "NUMERIC", "INTEGER", "REAL"};
        struct ir_expr *cast = ir_expr_new(p->arena, IR_CAST, (*slot)->offset);

        if (cast == NULL)
            return no_memory(p);
        (void)up;
        cast->as.cast.operand = expr;
        cast->as.cast.type = slice_text(types[attribute->affinity]);
        cast->affinity = attribute->affinity;
        cast->collation = attribute->collation;
        expr = cast;
    }
    *slot = expr;
    return ST_OK;
}

/* The parts behind the column are members of its documents. */
static enum status add_members(struct planner *p, struct ir_expr **slot, size_t parts_used)
{
    struct ir_expr *column = *slot;
    size_t count = column->as.column.part_count;
    struct ir_name *parts = column->as.column.parts;

    for (size_t i = parts_used; i < count; i++) {
        struct ir_expr *member = ir_expr_new(p->arena, IR_MEMBER, column->offset);

        if (member == NULL)
            return no_memory(p);
        member->as.member.operand = *slot;
        member->as.member.name = parts[i].text;
        member->affinity = PLAN_NO_AFFINITY;
        *slot = member;
    }
    column->as.column.part_count = parts_used;
    return ST_OK;
}

static enum status accept_match(struct planner *p, struct scope *scope, struct ir_expr **slot,
                                const struct match *match, uint8_t up)
{
    struct ir_expr *expr = *slot;
    struct source_info *info = info_of(p, match->source);

    mark_correlated(scope, up);
    if (match->value != NULL) {
        *slot = match->value;
        return ST_OK;
    }
    if (info->table != NULL && match->attribute != ATTRIBUTE_NONE) {
        const struct attribute *attribute = &info->table->attributes[match->attribute];

        if (attribute->type == TYPE_RELATIONSHIP)
            return related_value(p, scope, info, match->attribute, slot, match->parts_used);
        if (attribute->generated == GENERATED_VIRTUAL)
            return expand_generated(p, slot, match, up);
    }
    column_set_bound(p, expr, match, up);
    if (match->parts_used < expr->as.column.part_count)
        return add_members(p, slot, match->parts_used);
    return ST_OK;
}

/* ---- aliases of results ---- */

static enum status find_alias(struct planner *p, struct scope *scope, struct ir_expr **slot,
                              bool *found)
{
    const struct ir_block *block = scope->block->ir;
    struct slice name = (*slot)->as.column.parts[0].text;

    for (size_t i = 0; i < block->output_count; i++) {
        const struct ir_output *output = &block->outputs[i];

        if (output->alias.text.len == 0 || !slice_equal_nocase(output->alias.text, name) ||
            output->expr == NULL)
            continue;
        if (!scope->allows_aggregates && output->expr->kind == IR_CALL &&
            output->expr->as.call.function != NULL && output->expr->as.call.over == NULL &&
            (((const struct func *)output->expr->as.call.function)->flags & FUNC_AGGREGATE) != 0)
            return error_set(p->err, ST_INVALID, (*slot)->offset,
                             "misuse of aliased aggregate %.*s", (int)name.len, name.data);
        *slot = output->expr;
        *found = true;
        return ST_OK;
    }
    return ST_OK;
}

enum status bind_column(struct planner *p, struct scope *scope, struct ir_expr **slot)
{
    struct ir_expr *expr = *slot;
    uint8_t up = 0;

    if (expr->as.column.source != NULL) {
        struct match match = {.source = expr->as.column.source,
                              .attribute = expr->as.column.attribute};

        for (struct scope *s = scope; s != NULL; s = s->outer, up++) {
            if (s->block == info_of(p, match.source)->block)
                break;
        }
        mark_correlated(scope, up);
        column_set_bound(p, expr, &match, up);
        return ST_OK;
    }
    for (struct scope *s = scope; s != NULL; s = s->outer, up++) {
        struct match match = {0};
        bool found = false;

        TRY(find_in_scope(p, s, expr, up, &match));
        if (match.count > 1)
            return error_set(p->err, ST_AMBIGUOUS, expr->offset, "ambiguous column name: %.*s",
                             (int)expr->as.column.parts[expr->as.column.part_count - 1].text.len,
                             expr->as.column.parts[expr->as.column.part_count - 1].text.data);
        if (match.count == 1)
            return accept_match(p, scope, slot, &match, up);
        if (expr->as.column.part_count == 1 && s->allows_aliases && s->block != NULL &&
            s->block->aliases_ready)
            TRY(find_alias(p, s, slot, &found));
        if (found)
            return ST_OK;
    }
    if (expr->as.column.is_quoted_text && expr->as.column.part_count == 1) {
        struct slice text = expr->as.column.parts[0].text;

        expr->kind = IR_LITERAL;
        expr->as.literal = value_text(text);
        expr->affinity = PLAN_NO_AFFINITY;
        expr->is_constant = true;
        expr->type = 1 + VALUE_TEXT;
        return ST_OK;
    }
    return error_no_column(p, scope, expr);
}
