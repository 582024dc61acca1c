#include "parser/url/grammar.y.h"
#include "parser/url/url_internal.h"
#include <stdio.h>

/* ---- failures ---- */

void url_fail(struct url_parse *parse, enum status status, int64_t offset, const char *format, ...)
{
    char message[ERROR_MESSAGE_BYTES];
    va_list args;

    if (parse->status != ST_OK)
        return;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    parse->status = error_set(parse->err, status, offset, "%s", message);
}

void url_fail_unexpected(struct url_parse *parse, int kind, struct url_token token)
{
    if (kind == URL_TOKEN_END || token.text.len == 0)
        url_fail(parse, ST_SYNTAX, token.offset, "the query ends too early");
    else if (token.offset == 0 && (kind == URL_T_AND || kind == URL_T_OR))
        url_fail(parse, ST_SYNTAX, 0, "a query may not begin with a separator");
    else
        url_fail(parse, ST_SYNTAX, token.offset, "unexpected \"%.*s\" in a query",
                 (int)(token.text.len > 64 ? 64 : token.text.len), token.text.data);
}

static void *node(struct url_parse *parse, size_t bytes)
{
    void *room = arena_zalloc(parse->arena, bytes);

    if (room == NULL)
        url_fail(parse, ST_NO_MEMORY, -1, "out of memory");
    return room;
}

#define NODE(parse, type) ((type *)node((parse), sizeof(type)))

/* ---- levels ---- */

struct url_level *url_level_new(struct url_parse *parse, struct url_item *item)
{
    struct url_level *level = NODE(parse, struct url_level);

    if (level == NULL || item == NULL)
        return level;
    if (item->kind == URL_ITEM_LEG) {
        url_fail(parse, ST_SYNTAX, item->op.offset, "a condition needs an attribute name");
        return level;
    }
    if (item->kind == URL_ITEM_FUNCTION) {
        level->ends_in_function = true;
        return level;
    }
    level->first = level->last = item;
    level->count = 1;
    return level;
}

static bool is_lower_bound(const struct url_item *item)
{
    return item->op.comparator == URL_GREATER || item->op.comparator == URL_GREATER_EQUAL;
}

static bool is_upper_bound(const struct url_item *item)
{
    return item->op.comparator == URL_LESS || item->op.comparator == URL_LESS_EQUAL;
}

/* May `leg` be the second half of the range that `item` began? */
static bool is_opposite_range(const struct url_item *item, const struct url_item *leg)
{
    return item != NULL && item->kind == URL_ITEM_CONDITION && item->leg == NULL &&
           !item->op.is_negated &&
           ((is_lower_bound(item) && is_upper_bound(leg)) ||
            (is_upper_bound(item) && is_lower_bound(leg)));
}

/* The documented spelling of a chained range, price=gt=10&lt=20: it reads like a condition on an
 * attribute called lt, and is one when the table has such an attribute. */
static bool is_named_leg(struct url_parse *parse, const struct url_level *level,
                         struct url_item *item)
{
    struct url_item leg = *item;
    struct slice name;
    bool is_list = false;

    if (item->kind != URL_ITEM_CONDITION || item->path == NULL || item->path->count != 1 ||
        item->op.comparator != URL_EQUALS || !item->op.is_strict || item->op.text.len != 1)
        return false;
    name = item->path->first->token.text;
    if (name.len != 2 || !url_comparator_find(name, &leg.op) ||
        !is_opposite_range(level->last, &leg))
        return false;
    if (parse->schema != NULL &&
        parse->schema->type_of(parse->schema->context, &name, 1, &is_list) != -1)
        return false;
    item->op.comparator = leg.op.comparator;
    item->op.is_strict = false;
    return true;
}

static void append_item(struct url_parse *parse, struct url_level *level, struct url_item *item,
                        struct url_token separator, bool is_or)
{
    if (level->last != NULL) {
        bool mixes = level->has_operator && level->is_or != is_or;

        if (level->ends_in_function && level->function_after_or != is_or)
            mixes = true;
        if (mixes) {
            url_fail(parse, ST_SYNTAX, separator.offset,
                     "Can not mix operators within a condition grouping");
            return;
        }
        level->has_operator = true;
        level->is_or = is_or;
        level->last->next = item;
    } else {
        level->first = item;
    }
    level->last = item;
    level->count++;
    level->ends_in_function = false;
}

struct url_level *url_level_add(struct url_parse *parse, struct url_level *level,
                                struct url_token separator, bool is_or, struct url_item *item)
{
    if (level == NULL || item == NULL || parse->status != ST_OK)
        return level;
    if (item->kind == URL_ITEM_FUNCTION) {
        if (!level->ends_in_function)
            level->function_after_or = is_or;
        level->ends_in_function = true;
        return level;
    }
    if (item->kind == URL_ITEM_LEG) {
        if (is_or || level->ends_in_function || !is_opposite_range(level->last, item))
            url_fail(parse, ST_SYNTAX, item->op.offset,
                     "a chained range joins one lower and one upper bound by &");
        else
            level->last->leg = item;
        return level;
    }
    if (!is_or && !level->ends_in_function && is_named_leg(parse, level, item))
        level->last->leg = item;
    else
        append_item(parse, level, item, separator, is_or);
    return level;
}

/* ---- items ---- */

static void count_conditions(struct url_parse *parse, size_t more, int32_t offset)
{
    parse->condition_count += more;
    if (parse->condition_count > URL_CONDITIONS_MAX)
        url_fail(parse, ST_LIMIT, offset, "a query may have %d conditions", URL_CONDITIONS_MAX);
}

static struct url_item *item_new(struct url_parse *parse, enum url_item_kind kind)
{
    struct url_item *item = NODE(parse, struct url_item);

    if (item != NULL)
        item->kind = (uint8_t)kind;
    return item;
}

struct url_item *url_item_condition(struct url_parse *parse, struct url_path *path,
                                    struct url_token op, struct url_operands *operands)
{
    struct url_item *item = item_new(parse, URL_ITEM_CONDITION);

    if (item == NULL || operands == NULL)
        return item;
    item->path = path;
    item->op = op;
    item->operands = operands;
    count_conditions(parse, operands->count, op.offset);
    if (op.comparator == URL_BETWEEN && operands->count != 2)
        url_fail(parse, ST_SYNTAX, op.offset, "between takes two values");
    return item;
}

struct url_item *url_item_leg(struct url_parse *parse, struct url_token op,
                              struct url_operands *operands)
{
    struct url_item *item = item_new(parse, URL_ITEM_LEG);

    if (item != NULL) {
        item->op = op;
        item->operands = operands;
        count_conditions(parse, 1, op.offset);
    }
    return item;
}

struct url_item *url_item_group(struct url_parse *parse, struct url_level *level)
{
    struct url_item *item = item_new(parse, URL_ITEM_GROUP);

    if (item != NULL)
        item->group = level;
    return item;
}

struct url_item *url_item_function(struct url_parse *parse)
{
    return item_new(parse, URL_ITEM_FUNCTION);
}

struct url_path *url_path_add(struct url_parse *parse, struct url_path *path, struct url_token name)
{
    struct url_part *part = NODE(parse, struct url_part);

    if (path == NULL)
        path = NODE(parse, struct url_path);
    if (path == NULL || part == NULL)
        return path;
    part->token = name;
    if (path->last != NULL)
        path->last->next = part;
    else
        path->first = part;
    path->last = part;
    if (++path->count > URL_DEPTH_MAX)
        url_fail(parse, ST_LIMIT, name.offset, "a path may have %d parts", URL_DEPTH_MAX);
    return path;
}

struct url_operands *url_operands_add(struct url_parse *parse, struct url_operands *operands,
                                      struct url_token value)
{
    struct url_operand *operand = NODE(parse, struct url_operand);

    if (operands == NULL)
        operands = NODE(parse, struct url_operands);
    if (operands == NULL || operand == NULL)
        return operands;
    operand->token = value;
    if (operands->last != NULL)
        operands->last->next = operand;
    else
        operands->first = operand;
    operands->last = operand;
    operands->count++;
    return operands;
}

/* ---- functions: of several alike the last one counts ---- */

struct url_select_item *url_select_item(struct url_parse *parse, struct url_token name,
                                        struct url_select_list *items)
{
    struct url_select_item *item = NODE(parse, struct url_select_item);

    if (item != NULL) {
        item->name = name;
        item->items = items;
    }
    return item;
}

struct url_select_list *url_select_add(struct url_parse *parse, struct url_select_list *list,
                                       struct url_select_item *item)
{
    if (list == NULL)
        list = NODE(parse, struct url_select_list);
    if (list == NULL || item == NULL)
        return list;
    if (list->last != NULL)
        list->last->next = item;
    else
        list->first = item;
    list->last = item;
    list->count++;
    return list;
}

void url_set_select(struct url_parse *parse, enum url_select_form form,
                    struct url_select_list *items)
{
    /* One relationship with braces keeps its name: select(rel{a}) is select(rel{a},). */
    if (form == URL_SELECT_SCALAR && items != NULL &&
        (items->count > 1 || (items->first != NULL && items->first->items != NULL)))
        form = URL_SELECT_OBJECT;
    parse->query->select_form = (uint8_t)form;
    parse->query->select = items;
}

struct url_sort_keys *url_sort_add(struct url_parse *parse, struct url_sort_keys *keys,
                                   struct url_path *path)
{
    struct url_sort_key *key = NODE(parse, struct url_sort_key);

    if (keys == NULL)
        keys = NODE(parse, struct url_sort_keys);
    if (keys == NULL || key == NULL)
        return keys;
    key->path = path;
    if (keys->last != NULL)
        keys->last->next = key;
    else
        keys->first = key;
    keys->last = key;
    keys->count++;
    return keys;
}

void url_set_sort(struct url_parse *parse, struct url_sort_keys *keys)
{
    parse->query->sort = keys;
}

static void add_number(struct url_parse *parse, struct url_token token)
{
    struct url_operand *number = NODE(parse, struct url_operand);
    struct error reason = {0};
    int64_t value;

    if (number == NULL)
        return;
    if (url_number_read(token.text, token.offset, &value, &reason) != ST_OK)
        url_fail(parse, reason.status, reason.offset, "%s", reason.message);
    number->token = token;
    number->next = parse->query->numbers;
    parse->query->numbers = number;
}

void url_set_limit(struct url_parse *parse, struct url_token first, const struct url_token *second)
{
    struct url_query *query = parse->query;

    query->has_limit = true;
    query->limit_first = first;
    query->has_limit_end = second != NULL;
    add_number(parse, first);
    if (second != NULL) {
        query->limit_second = *second;
        add_number(parse, *second);
    }
}
