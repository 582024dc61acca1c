/*
 * Windows. An entry of a WINDOW clause that builds upon an earlier one is completed here, so that
 * each entry of the IR stands alone.
 */
#include "parser/sql/sql_internal.h"

struct ir_window *sql_frame(struct sql_parse *parse, struct sql_token unit, struct sql_bound start,
                            struct sql_bound end, uint8_t exclude)
{
    struct ir_window *frame = SQL_NEW(parse, struct ir_window);
    char first = (char)(unit.text[0] | 32), second = (char)(unit.text[1] | 32);

    if (frame == NULL)
        return NULL;
    frame->has_frame = true;
    frame->unit = first == 'g' ? IR_FRAME_GROUPS : second == 'o' ? IR_FRAME_ROWS : IR_FRAME_RANGE;
    frame->start = start.bound;
    frame->end = end.bound;
    frame->start_offset = start.offset;
    frame->end_offset = end.offset;
    frame->exclude = exclude;
    /* A frame that would end before it begins. The enumerators stand in that order. */
    if ((start.bound == IR_CURRENT_ROW && end.bound == IR_PRECEDING) ||
        (start.bound == IR_FOLLOWING && (end.bound == IR_PRECEDING || end.bound == IR_CURRENT_ROW)))
        sql_fail(parse, ST_SYNTAX, unit.text, "unsupported frame specification");
    return frame;
}

struct ir_window *sql_window(struct sql_parse *parse, struct sql_token base,
                             struct sql_list partition, struct sql_list order,
                             struct ir_window *frame)
{
    struct ir_window *window = frame != NULL ? frame : SQL_NEW(parse, struct ir_window);

    if (window == NULL)
        return NULL;
    window->name = sql_name(parse, base);
    window->refers = base.text != NULL;
    if (frame == NULL) { /* what SQL says when nothing is said */
        window->unit = IR_FRAME_RANGE;
        window->start = IR_UNBOUNDED_PRECEDING;
        window->end = IR_CURRENT_ROW;
    }
    window->order = sql_take_orders(parse, order, NULL);
    window->order_count = order.count;
    window->partition = sql_take_exprs(parse, partition);
    window->partition_count = partition.count;
    return window;
}

struct ir_window *sql_window_name(struct sql_parse *parse, struct sql_token name)
{
    struct sql_list none = {0, 0};

    return sql_window(parse, name, none, none, NULL);
}

static const struct ir_window *find_window(const struct sql_parse *parse, struct sql_list windows,
                                           struct slice name)
{
    const struct ir_window *all =
        (const struct ir_window *)(const void *)(parse->stack.bytes + windows.start);

    for (size_t i = windows.count; i-- > 0;)
        if (slice_equal_nocase(all[i].name.text, name))
            return &all[i];
    return NULL;
}

static struct ir_expr **copy_exprs(struct sql_parse *parse, struct ir_expr *const *from,
                                   size_t count)
{
    struct ir_expr **copy = count == 0 ? NULL : sql_alloc(parse, count * sizeof *copy);

    for (size_t i = 0; copy != NULL && i < count; i++)
        copy[i] = ir_expr_copy(parse->arena, from[i]);
    return copy;
}

static struct ir_order *copy_orders(struct sql_parse *parse, const struct ir_order *from,
                                    size_t count)
{
    struct ir_order *copy = count == 0 ? NULL : sql_alloc(parse, count * sizeof *copy);

    for (size_t i = 0; copy != NULL && i < count; i++) {
        copy[i] = from[i];
        copy[i].expr = ir_expr_copy(parse->arena, from[i].expr);
    }
    return copy;
}

/* Take over what `base` says. SQLite's rules: the base has no frame, the window no PARTITION BY,
 * and only one of them an ORDER BY. */
static void extend(struct sql_parse *parse, struct ir_window *window, const struct ir_window *base)
{
    const char *clause = window->partition_count > 0                        ? "PARTITION clause"
                         : base->order_count > 0 && window->order_count > 0 ? "ORDER BY clause"
                         : base->has_frame                                  ? "frame specification"
                                                                            : NULL;

    if (clause != NULL) {
        sql_fail(parse, ST_SYNTAX, parse->text.data + window->name.offset,
                 "cannot override %s of window: %.*s", clause, (int)base->name.text.len,
                 base->name.text.data);
        return;
    }
    window->partition = copy_exprs(parse, base->partition, base->partition_count);
    window->partition_count = base->partition_count;
    if (base->order_count > 0) {
        window->order = copy_orders(parse, base->order, base->order_count);
        window->order_count = base->order_count;
    }
}

enum { WINDOWS_MAX = 1000 }; /* each may copy what an earlier one says */

struct sql_list sql_push_window(struct sql_parse *parse, struct sql_list earlier,
                                struct sql_token name, struct ir_window *window)
{
    struct sql_list list = {0, 0};
    struct ir_window *entry;

    if (window == NULL || sql_failed(parse))
        return list;
    if (earlier.count == WINDOWS_MAX) {
        sql_fail(parse, ST_LIMIT, name.text, "too many windows (maximum %d)", WINDOWS_MAX);
        return list;
    }
    if (window->refers) {
        const struct ir_window *base = find_window(parse, earlier, window->name.text);

        if (base == NULL)
            sql_fail(parse, ST_SYNTAX, parse->text.data + window->name.offset,
                     "no such window: %.*s", (int)window->name.text.len, window->name.text.data);
        else
            extend(parse, window, base);
        window->refers = false;
    }
    window->name = sql_name(parse, name);
    entry = sql_push(parse, sizeof *entry, &list);
    if (entry != NULL)
        *entry = *window;
    return list;
}
