/*
 * related: relationships. Conditions on related records become EXISTS, values and nested selections
 * become subqueries that build documents.
 *
 *   from: fk           target.PK = this.fk          one record
 *   from: fks ([X])    target.PK = each of this.fks  an array, in that order
 *   to: fk             target.fk = this.PK          an array
 *   from: a, to: b     target.b = this.a            an array
 */
#include "vdbe/plan/plan_internal.h"

struct relation {
    const struct attribute *attribute;
    const struct table *target;
    unsigned database;
    uint16_t from, to; /* attributes here and there; ATTRIBUTE_NONE: a hidden key */
    bool is_one, from_is_list, to_is_list;
};

static uint16_t key_of(const struct table *table)
{
    return table->key_count == 0 ? (uint16_t)ATTRIBUTE_NONE : table->key_attributes[0];
}

static enum status error_relation(struct planner *p, const struct relation *relation,
                                  struct slice name, const char *what)
{
    return error_set(p->err, ST_INVALID, -1, "relationship %.*s: %s %.*s does not exist",
                     (int)relation->attribute->name.len, relation->attribute->name.data, what,
                     (int)name.len, name.data);
}

static bool is_list(const struct table *table, uint16_t attribute)
{
    return attribute != ATTRIBUTE_NONE && table->attributes[attribute].is_list;
}

static enum status find_relation(struct planner *p, const struct table *table,
                                 const struct attribute *attribute, struct relation *out)
{
    memset(out, 0, sizeof *out);
    out->attribute = attribute;
    out->target = find_type(p, table, attribute->relation_table, &out->database);
    if (out->target == NULL)
        return error_relation(p, out, attribute->relation_table, "type");
    out->from = key_of(table);
    out->to = key_of(out->target);
    if (attribute->relation_from.len > 0) {
        const struct attribute *from = table_attribute(table, attribute->relation_from);

        if (from == NULL)
            return error_relation(p, out, attribute->relation_from, "attribute");
        out->from = from->id;
    }
    if (attribute->relation_to.len > 0) {
        const struct attribute *to = table_attribute(out->target, attribute->relation_to);

        if (to == NULL)
            return error_relation(p, out, attribute->relation_to, "attribute");
        out->to = to->id;
    }
    out->from_is_list = is_list(table, out->from);
    out->to_is_list = is_list(out->target, out->to);
    out->is_one = attribute->relation_to.len == 0 && !out->from_is_list && !attribute->is_list;
    return ST_OK;
}

/* A source over the related table, already resolved. */
static struct ir_source *target_source(struct planner *p, const struct relation *relation)
{
    struct ir_source *source = ARENA_NEW(p->arena, struct ir_source);
    struct source_info *info;

    if (source == NULL)
        return NULL;
    source->name.text = relation->target->name;
    source->name.offset = -1;
    source->is_exported_name = true; /* errors speak of attributes */
    if (source_number(p, source, &info) != ST_OK)
        return NULL;
    info->table = relation->target;
    info->database = relation->database;
    info->is_rest = true;
    source->table = relation->target;
    for (unsigned i = 0; i < relation->target->attribute_count; i++) {
        if (relation->target->attributes[i].type == TYPE_RELATIONSHIP &&
            !relation->target->attributes[i].is_dropped)
            info->has_relations = true;
    }
    return source;
}

/* target.to = here.from, a match of any element on either side that may be an array. */
static struct ir_expr *link_condition(struct planner *p, const struct relation *relation,
                                      struct ir_source *target, struct ir_source *here)
{
    struct ir_expr *to = column_new(p, target, relation->to, 0, -1);
    struct ir_expr *from = column_new(p, here, relation->from, 1, -1);
    struct ir_expr *link;

    if (to == NULL || from == NULL)
        return NULL;
    link = ir_compare(p->arena, IR_EQ, to, from);
    if (link != NULL)
        link->any_element = relation->to_is_list || relation->from_is_list;
    return link;
}

/* ---- conditions ---- */

/* An array of keys is followed in its own order: FROM each element, the target with that key. */
static struct ir_query *query_by_list(struct planner *p, const struct relation *relation,
                                      struct ir_source *here, struct ir_source *target,
                                      struct ir_expr *output, struct ir_expr *conditions)
{
    struct ir_source *elements = ARENA_NEW(p->arena, struct ir_source);
    struct ir_source *list[2];
    struct source_info *info;
    struct ir_expr *element, *key, *link;

    if (elements == NULL)
        return NULL;
    elements->kind = IR_SOURCE_DOCUMENTS;
    elements->args = ARENA_NEW(p->arena, struct ir_expr *);
    if (elements->args == NULL || source_number(p, elements, &info) != ST_OK)
        return NULL;
    elements->table = elements; /* bound: nothing to look up */
    elements->arg_count = 1;
    elements->args[0] = column_new(p, here, relation->from, 1, -1);
    element = column_new(p, elements, 0, 0, -1);
    key = column_new(p, target, relation->to, 0, -1);
    if (elements->args[0] == NULL || element == NULL || key == NULL)
        return NULL;
    link = ir_compare(p->arena, IR_EQ, key, element);
    if (link != NULL)
        link->any_element = relation->to_is_list;
    target->join = IR_JOIN_CROSS;
    list[0] = elements;
    list[1] = target;
    return query_over(p, list, 2, output, ir_and(p->arena, link, conditions));
}

static const struct attribute *relation_of_path(const struct planner *p, const struct scope *scope,
                                                const struct ir_expr *column,
                                                struct ir_source **source, size_t *used)
{
    const struct ir_block *block = scope->block->ir;
    const struct ir_name *parts = column->as.column.parts;

    if (column->kind != IR_COLUMN || column->as.column.source != NULL)
        return NULL;
    for (size_t skip = 0; skip < 2 && skip < column->as.column.part_count; skip++) {
        for (size_t i = 0; i < block->source_count; i++) {
            const struct source_info *info = info_of(p, block->sources[i]);
            const struct attribute *attribute;

            if (info->table == NULL ||
                (skip == 1 && !slice_equal_nocase(info->name, parts[0].text)))
                continue;
            attribute = table_attribute(info->table, parts[skip].text);
            if (attribute == NULL || attribute->type != TYPE_RELATIONSHIP)
                continue;
            *source = block->sources[i];
            *used = skip + 1;
            return attribute;
        }
    }
    return NULL;
}

/* The one column path a condition is about. */
static struct ir_expr *path_of(const struct ir_expr *condition)
{
    struct ir_expr *operand = NULL;

    switch ((enum ir_expr_kind)condition->kind) {
    case IR_COMPARE:
        operand = condition->as.binary.left->kind == IR_COLUMN ? condition->as.binary.left
                                                               : condition->as.binary.right;
        break;
    case IR_IN:
        operand = condition->as.in.operand;
        break;
    case IR_LIKE:
        operand = condition->as.like.operand;
        break;
    case IR_UNARY:
        operand = condition->as.unary.operand;
        if (condition->op == IR_NOT)
            return path_of(operand);
        break;
    default:
        return NULL;
    }
    return operand->kind == IR_COLUMN ? operand : NULL;
}

static enum status check_path(struct planner *p, const struct ir_expr *path, size_t used)
{
    if (used < path->as.column.part_count)
        return ST_OK;
    return error_set(p->err, ST_INVALID, path->offset,
                     "must query an attribute within the target table");
}

/* EXISTS (SELECT 1 FROM target WHERE link AND conditions): the conditions' paths lose the step that
 * the subquery takes. */
static struct ir_expr *exists_new(struct planner *p, const struct relation *relation,
                                  struct ir_source *here, struct ir_expr *conditions)
{
    struct ir_source *target = target_source(p, relation);
    struct ir_expr *link, *expr = ir_expr_new(p->arena, IR_SUBQUERY, conditions->offset);

    if (target == NULL || expr == NULL)
        return NULL;
    link = link_condition(p, relation, target, here);
    expr->as.subquery.is_exists = true;
    expr->as.subquery.query =
        query_over(p, &target, 1, literal_new(p, value_int(1)), ir_and(p->arena, link, conditions));
    return expr->as.subquery.query == NULL ? NULL : expr;
}

/* Keys in a list are followed one by one, each by key. */
static struct ir_expr *exists_in_list(struct planner *p, const struct relation *relation,
                                      struct ir_source *here, struct ir_expr *conditions)
{
    struct ir_source *target = target_source(p, relation);
    struct ir_expr *expr = ir_expr_new(p->arena, IR_SUBQUERY, conditions->offset);

    if (target == NULL || expr == NULL)
        return NULL;
    expr->as.subquery.is_exists = true;
    expr->as.subquery.query =
        query_by_list(p, relation, here, target, literal_new(p, value_int(1)), conditions);
    return expr->as.subquery.query == NULL ? NULL : expr;
}

static struct ir_expr *related_exists(struct planner *p, const struct relation *relation,
                                      struct ir_source *here, struct ir_expr *conditions)
{
    return relation->from_is_list ? exists_in_list(p, relation, here, conditions)
                                  : exists_new(p, relation, here, conditions);
}

static void drop_steps(struct ir_expr *path, size_t steps)
{
    path->as.column.parts += steps;
    path->as.column.part_count -= steps;
}

/* All conditions of one AND level that start with the same relationship speak of one related
 * record. */
static enum status gather_related(struct planner *p, struct scope *scope, struct ir_expr *level,
                                  size_t first)
{
    struct ir_source *source = NULL, *other = NULL;
    struct ir_expr *together = NULL;
    const struct attribute *attribute;
    struct relation relation;
    struct ir_expr *path = path_of(level->as.list.operands[first]);
    size_t used = 0, kept = first + 1;

    attribute = path == NULL ? NULL : relation_of_path(p, scope, path, &source, &used);
    if (attribute == NULL)
        return ST_OK;
    TRY(find_relation(p, info_of(p, source)->table, attribute, &relation));
    for (size_t i = first; i < level->as.list.count; i++) {
        struct ir_expr *operand = level->as.list.operands[i];

        path = path_of(operand);
        if (path != NULL && relation_of_path(p, scope, path, &other, &used) == attribute &&
            other == source) {
            TRY(check_path(p, path, used));
            drop_steps(path, used);
            together = ir_and(p->arena, together, operand);
        } else {
            level->as.list.operands[kept++] = operand;
        }
    }
    if (together == NULL)
        return no_memory(p);
    level->as.list.operands[first] = related_exists(p, &relation, source, together);
    level->as.list.count = kept;
    if (level->as.list.operands[first] == NULL)
        return no_memory(p);
    return relation_note(p, source, attribute, together);
}

static enum status related_single(struct planner *p, struct scope *scope, struct ir_expr **slot)
{
    struct ir_source *source = NULL;
    struct ir_expr *path = path_of(*slot);
    const struct attribute *attribute;
    struct relation relation;
    size_t used = 0;

    attribute = path == NULL ? NULL : relation_of_path(p, scope, path, &source, &used);
    if (attribute == NULL)
        return ST_OK;
    TRY(find_relation(p, info_of(p, source)->table, attribute, &relation));
    TRY(check_path(p, path, used));
    drop_steps(path, used);
    *slot = related_exists(p, &relation, source, *slot);
    return *slot == NULL ? no_memory(p) : ST_OK;
}

static enum status related_below(struct planner *p, struct scope *scope, struct ir_expr **slot)
{
    struct ir_expr *expr = *slot;

    if (expr->kind != IR_LOGIC)
        return related_single(p, scope, slot);
    for (size_t i = 0; expr->op == IR_AND && i < expr->as.list.count; i++)
        TRY(gather_related(p, scope, expr, i));
    for (size_t i = 0; i < expr->as.list.count; i++)
        TRY(related_below(p, scope, &expr->as.list.operands[i]));
    return ST_OK;
}

/* The top level is one AND level even when it has a single condition. */
enum status related_conditions(struct planner *p, struct scope *scope, struct ir_expr **slot)
{
    struct ir_expr *level;

    if ((*slot)->kind == IR_LOGIC)
        return related_below(p, scope, slot);
    level = ir_expr_new(p->arena, IR_LOGIC, (*slot)->offset);
    if (level == NULL)
        return no_memory(p);
    level->op = IR_AND;
    level->as.list.operands = ARENA_NEW(p->arena, struct ir_expr *);
    if (level->as.list.operands == NULL)
        return no_memory(p);
    level->as.list.operands[0] = *slot;
    level->as.list.count = 1;
    TRY(related_below(p, scope, &level));
    *slot = level->as.list.operands[0];
    return ST_OK;
}

/* ---- what was filtered is selected filtered ---- */

/* Remember the conditions on a to-many relationship (still unbound) for nested selections of it. */
enum status relation_note(struct planner *p, const struct ir_source *source,
                          const struct attribute *attribute, const struct ir_expr *conditions)
{
    struct relation_filter *note = ARENA_NEW(p->arena, struct relation_filter);

    if (note == NULL)
        return no_memory(p);
    note->source = source;
    note->attribute = attribute;
    note->conditions = ir_expr_copy(p->arena, conditions);
    note->next = p->relation_filters;
    p->relation_filters = note;
    return note->conditions == NULL ? no_memory(p) : ST_OK;
}

static enum status noted_conditions(struct planner *p, const struct ir_source *source,
                                    const struct attribute *attribute, struct ir_expr **out)
{
    for (const struct relation_filter *note = p->relation_filters; note != NULL;
         note = note->next) {
        if (note->source != source || note->attribute != attribute)
            continue;
        *out = ir_and(p->arena, *out, ir_expr_copy(p->arena, note->conditions));
        if (*out == NULL)
            return no_memory(p);
    }
    return ST_OK;
}

/* ---- values ---- */

/* A list that is absent gives nothing at all rather than an empty list. */
static struct ir_expr *absent_unless(struct planner *p, struct ir_source *here, uint16_t attribute,
                                     struct ir_expr *value)
{
    struct ir_expr *expr = ir_expr_new(p->arena, IR_CASE, -1);
    struct ir_case_arm *arm = ARENA_NEW(p->arena, struct ir_case_arm);
    struct ir_expr *list = column_new(p, here, attribute, 0, -1);

    if (expr == NULL || arm == NULL || list == NULL)
        return NULL;
    arm->when = ir_unary(p->arena, IR_IS_NULL, list);
    arm->then = ir_literal(p->arena, value_absent(), -1);
    expr->as.cases.count = 1;
    expr->as.cases.arms = arm;
    expr->as.cases.otherwise = value;
    return arm->when == NULL || arm->then == NULL ? NULL : expr;
}

/* The related record or records, each as `output` (an unbound expression over the target). */
static enum status related_query(struct planner *p, const struct relation *relation,
                                 struct ir_source *here, struct ir_source *target,
                                 struct ir_expr *output, struct ir_expr **out)
{
    struct ir_expr *expr = ir_expr_new(p->arena, IR_SUBQUERY, -1), *conditions = NULL;

    if (expr == NULL || output == NULL)
        return no_memory(p);
    *out = expr;
    if (relation->is_one) {
        expr->op = IR_SUBQUERY_MEMBER;
        expr->as.subquery.query =
            query_over(p, &target, 1, output, link_condition(p, relation, target, here));
        return expr->as.subquery.query == NULL ? no_memory(p) : ST_OK;
    }
    expr->op = IR_SUBQUERY_ARRAY;
    TRY(noted_conditions(p, here, relation->attribute, &conditions));
    if (relation->from_is_list) {
        expr->as.subquery.query = query_by_list(p, relation, here, target, output, conditions);
        *out = absent_unless(p, here, relation->from, expr);
    } else {
        expr->as.subquery.query =
            query_over(p, &target, 1, output,
                       ir_and(p->arena, link_condition(p, relation, target, here), conditions));
    }
    return *out == NULL || expr->as.subquery.query == NULL ? no_memory(p) : ST_OK;
}

static struct ir_expr *whole_record(struct planner *p, struct ir_source *source)
{
    struct ir_expr *expr = ir_expr_new(p->arena, IR_RECORD, -1);

    if (expr != NULL)
        expr->as.record.source = source;
    return expr;
}

enum status related_value(struct planner *p, struct scope *scope, struct source_info *info,
                          uint16_t attribute, struct ir_expr **slot, size_t parts_used)
{
    struct ir_expr *path = *slot, *output;
    struct ir_source *here = info->source, *target;
    struct relation relation;

    TRY(find_relation(p, info->table, &info->table->attributes[attribute], &relation));
    target = target_source(p, &relation);
    if (target == NULL)
        return no_memory(p);
    if (parts_used < path->as.column.part_count) {
        drop_steps(path, parts_used);
        output = path;
    } else {
        output = whole_record(p, target);
    }
    TRY(related_query(p, &relation, here, target, output, slot));
    return bind_expr(p, scope, slot);
}

/* ---- nested selections ---- */

static void object_push(struct ir_expr *object, struct slice name, struct ir_expr *value)
{
    object->as.object.names[object->as.object.count] = name;
    object->as.object.values[object->as.object.count] = value;
    object->as.object.count++;
}

static struct slice item_name(const struct ir_output *item)
{
    const struct ir_expr *expr = item->expr;

    if (item->alias.text.len > 0)
        return item->alias.text;
    if (expr->kind == IR_NESTED)
        return expr->as.nested.name.text;
    if (expr->kind == IR_COLUMN && expr->as.column.part_count > 0)
        return expr->as.column.parts[expr->as.column.part_count - 1].text;
    return item->name.len > 0 ? item->name : item->text;
}

/* {b, c{d}} over the records of `target`: an object, or an array in the bracket form. */
static struct ir_expr *nested_object(struct planner *p, const struct ir_expr *nested,
                                     struct ir_source *target)
{
    const struct table *table = target->table;
    size_t room = 0;
    struct ir_expr *object = ir_expr_new(p->arena, IR_OBJECT, nested->offset);

    for (size_t i = 0; i < nested->as.nested.count; i++)
        room += nested->as.nested.items[i].expr == NULL ? table->attribute_count : 1u;
    if (object == NULL)
        return NULL;
    object->as.object.omit_absent = true;
    object->as.object.names = ARENA_NEW_ARRAY(p->arena, struct slice, room + 1);
    object->as.object.values = ARENA_NEW_ARRAY(p->arena, struct ir_expr *, room + 1);
    if (object->as.object.names == NULL || object->as.object.values == NULL)
        return NULL;
    for (size_t i = 0; i < nested->as.nested.count; i++) {
        struct ir_output *item = &nested->as.nested.items[i];

        if (item->expr != NULL) {
            object_push(object, item_name(item), item->expr);
            continue;
        }
        for (unsigned k = 0; k < table->attribute_count; k++) {
            struct ir_expr *column;

            if (!attribute_is_visible(&table->attributes[k]) ||
                table->attributes[k].generated != GENERATED_NO)
                continue;
            column = column_new(p, target, (uint16_t)k, 0, -1);
            if (column == NULL)
                return NULL;
            object_push(object, table->attributes[k].name, column);
        }
    }
    if (!nested->as.nested.is_array_form)
        return object;
    {
        struct ir_expr *array = ir_expr_new(p->arena, IR_ARRAY, nested->offset);

        if (array == NULL)
            return NULL;
        array->as.list.count = object->as.object.count;
        array->as.list.operands = object->as.object.values;
        return array;
    }
}

static bool is_star_alone(const struct ir_expr *nested)
{
    return nested->as.nested.count == 0 ||
           (nested->as.nested.count == 1 && nested->as.nested.items[0].expr == NULL);
}

/* A nested object of the record itself: its members, picked. Inner items name members, so columns
 * become member paths. */
static struct ir_expr *member_object(struct planner *p, const struct ir_expr *nested,
                                     struct ir_expr *document)
{
    struct ir_expr *object = ir_expr_new(p->arena, IR_OBJECT, nested->offset);

    if (object == NULL)
        return NULL;
    object->as.object.omit_absent = true;
    object->as.object.names = ARENA_NEW_ARRAY(p->arena, struct slice, nested->as.nested.count + 1);
    object->as.object.values =
        ARENA_NEW_ARRAY(p->arena, struct ir_expr *, nested->as.nested.count + 1);
    if (object->as.object.names == NULL || object->as.object.values == NULL)
        return NULL;
    for (size_t i = 0; i < nested->as.nested.count; i++) {
        const struct ir_output *item = &nested->as.nested.items[i];
        struct ir_expr *member = ir_expr_new(p->arena, IR_MEMBER, nested->offset);

        if (item->expr == NULL || member == NULL)
            return NULL;
        member->as.member.operand = ir_expr_copy(p->arena, document);
        member->as.member.name =
            item->expr->kind == IR_NESTED ? item->expr->as.nested.name.text : item_name(item);
        if (item->expr->kind == IR_NESTED && item->expr->as.nested.count > 0)
            member = member_value(p, item->expr, member);
        object_push(object, item_name(item), member);
    }
    return object;
}

/* null and absent stay what they are. */
struct ir_expr *member_value(struct planner *p, const struct ir_expr *nested,
                             struct ir_expr *document)
{
    struct ir_expr *expr = ir_expr_new(p->arena, IR_CASE, nested->offset);
    struct ir_case_arm *arm = ARENA_NEW(p->arena, struct ir_case_arm);

    if (expr == NULL || arm == NULL || document == NULL)
        return NULL;
    arm->when = ir_unary(p->arena, IR_IS_NULL, ir_expr_copy(p->arena, document));
    arm->then = document;
    expr->as.cases.count = 1;
    expr->as.cases.arms = arm;
    expr->as.cases.otherwise = member_object(p, nested, document);
    return arm->when == NULL || expr->as.cases.otherwise == NULL ? NULL : expr;
}

/* An array of nested objects: each element on its own. */
static struct ir_expr *list_value(struct planner *p, const struct ir_expr *nested,
                                  struct ir_source *here, uint16_t attribute)
{
    struct ir_source *elements = ARENA_NEW(p->arena, struct ir_source);
    struct ir_expr *expr = ir_expr_new(p->arena, IR_SUBQUERY, nested->offset);
    struct source_info *info;

    if (elements == NULL || expr == NULL)
        return NULL;
    elements->kind = IR_SOURCE_DOCUMENTS;
    elements->args = ARENA_NEW(p->arena, struct ir_expr *);
    if (elements->args == NULL || source_number(p, elements, &info) != ST_OK)
        return NULL;
    elements->table = elements;
    elements->arg_count = 1;
    elements->args[0] = column_new(p, here, attribute, 1, -1);
    if (elements->args[0] == NULL)
        return NULL;
    expr->op = IR_SUBQUERY_ARRAY;
    expr->as.subquery.query = query_over(
        p, &elements, 1, member_value(p, nested, column_new(p, elements, 0, 0, -1)), NULL);
    if (expr->as.subquery.query == NULL)
        return NULL;
    return absent_unless(p, here, attribute, expr);
}

static struct ir_source *find_nested(const struct planner *p, const struct scope *scope,
                                     struct slice name, uint16_t *attribute)
{
    const struct ir_block *block = scope->block->ir;

    for (size_t i = 0; i < block->source_count; i++) {
        if (source_find_column(info_of(p, block->sources[i]), name, attribute))
            return block->sources[i];
    }
    return NULL;
}

enum status bind_nested(struct planner *p, struct scope *scope, struct ir_expr **slot)
{
    struct ir_expr *nested = *slot, *output;
    struct ir_source *here = NULL, *target;
    const struct attribute *attribute = NULL;
    struct relation relation;
    uint16_t number = 0;

    if (scope != NULL && scope->block != NULL)
        here = find_nested(p, scope, nested->as.nested.name.text, &number);
    if (here == NULL)
        return error_set(p->err, ST_NO_COLUMN, nested->offset, "%.*s is not a defined attribute",
                         (int)nested->as.nested.name.text.len, nested->as.nested.name.text.data);
    if (info_of(p, here)->table != NULL && number != ATTRIBUTE_NONE)
        attribute = &info_of(p, here)->table->attributes[number];
    if (attribute == NULL || attribute->type != TYPE_RELATIONSHIP) {
        if (is_star_alone(nested))
            *slot = column_new(p, here, number, 0, nested->offset);
        else if (attribute != NULL && attribute->is_list)
            *slot = list_value(p, nested, here, number);
        else
            *slot = member_value(p, nested, column_new(p, here, number, 0, nested->offset));
        return *slot == NULL ? no_memory(p) : bind_expr(p, scope, slot);
    }
    TRY(find_relation(p, info_of(p, here)->table, attribute, &relation));
    target = target_source(p, &relation);
    if (target == NULL)
        return no_memory(p);
    output = is_star_alone(nested) ? whole_record(p, target) : nested_object(p, nested, target);
    TRY(related_query(p, &relation, here, target, output, slot));
    return bind_expr(p, scope, slot);
}
