/* Queries: blocks, set operations, DISTINCT, ORDER BY, LIMIT. */
#include "vdbe/codegen/codegen_internal.h"

enum { QUERY_DEPTH_MAX = 1000 };

/* One query while it is written. */
struct query {
    const struct plan_query *plan;
    struct gen_sink *sink;
    int32_t base;          /* where a block's outputs are put */
    int32_t limit, offset; /* counters, NO_REGISTER: none */
    int32_t end;
    int32_t sorter, keys; /* -1: rows are not sorted; keys stand right before base */
    unsigned key_count;
    int32_t row_code, return_to; /* subroutine for a row, when several blocks share it */
    int32_t set;                 /* rows go to this set instead, -1: none */
    uint8_t set_op;
    int32_t source_set; /* INTERSECT: rows must be here */
};

/* ---- rows that are ready ---- */

static void give_row(struct gen *g, struct query *query, int32_t base)
{
    const int32_t skip = gen_label(g);

    if (query->offset != NO_REGISTER)
        gen_emit(g, OP_IF_TAKEN, query->offset, skip, 0);
    query->sink->row(g, query->sink, base);
    if (query->limit != NO_REGISTER)
        gen_emit(g, OP_COUNT_DOWN, query->limit, query->end, 0);
    gen_place(g, skip);
}

static void add_to_set(struct gen *g, struct query *query)
{
    const unsigned count = (unsigned)query->plan->output_count;
    const int32_t next = gen_label(g), is_in = gen_label(g);

    switch ((enum ir_set_op)query->set_op) {
    case IR_EXCEPT:
        gen_emit_n(g, OP_SET_DELETE, count, query->set, query->base, 0, NULL);
        break;
    case IR_INTERSECT:
        gen_emit_n(g, OP_SET_HAS, count, query->source_set, query->base, is_in, NULL);
        gen_emit(g, OP_GOTO, next, 0, 0);
        gen_place(g, is_in);
        gen_emit_n(g, OP_SET_ADD, count, query->set, query->base, next, NULL);
        gen_place(g, next);
        return;
    case IR_SET_FIRST:
    case IR_UNION:
    case IR_UNION_ALL:
        gen_emit_n(g, OP_SET_ADD, count, query->set, query->base, next, NULL);
        break;
    }
    gen_place(g, next);
    gen_place(g, is_in);
}

static void add_to_sorter(struct gen *g, struct query *query)
{
    gen_emit_n(g, OP_SORT_ADD, query->key_count + (unsigned)query->plan->output_count,
               query->sorter, query->keys, 0, NULL);
}

static void order_keys(struct gen *g, struct query *query)
{
    const struct plan_query *plan = query->plan;

    for (size_t k = 0; k < plan->order_count; k++) {
        const struct plan_order *order = &plan->order[k];

        if (order->output != OUTPUT_NONE)
            gen_emit(g, OP_COPY, query->base + order->output, query->keys + (int32_t)k, 0);
        else
            gen_expr(g, order->expr, query->keys + (int32_t)k);
    }
}

/* A block's row is in base; its sources can still be read. */
static void take_row(struct gen *g, struct query *query)
{
    if (query->set >= 0) {
        add_to_set(g, query);
    } else if (query->sorter >= 0) {
        order_keys(g, query);
        add_to_sorter(g, query);
    } else if (query->return_to != NO_REGISTER) {
        gen_emit(g, OP_GOSUB, query->return_to, query->row_code, 0);
    } else {
        give_row(g, query, query->base);
    }
}

/* ---- blocks ---- */

struct block {
    const struct plan_block *plan;
    struct query *query;
    int32_t distinct; /* SET or LAST object, -1: none */
};

static void block_row(struct gen *g, void *context)
{
    const struct block *block = context;
    struct query *query = block->query;
    const unsigned count = (unsigned)query->plan->output_count;
    const int32_t skip = gen_label(g);

    for (size_t k = 0; k < block->plan->output_count; k++)
        gen_expr(g, block->plan->outputs[k], query->base + (int32_t)k);
    if (block->plan->distinct == DISTINCT_HASH)
        gen_emit_n(g, OP_SET_ADD, count, block->distinct, query->base, skip, NULL);
    else if (block->plan->distinct == DISTINCT_STREAM)
        gen_emit_n(g, OP_SAME, count, block->distinct, query->base, skip, NULL);
    take_row(g, query);
    gen_place(g, skip);
}

/* VALUES: the rows one after the other; many of them share the code behind. */
static void gen_values(struct gen *g, const struct plan_block *plan, struct query *query)
{
    const size_t width = query->plan->output_count;
    const int32_t row_code = gen_label(g), over = gen_label(g);
    const int32_t return_to = plan->row_count > 1 ? gen_register(g, 1) : 0;

    for (size_t row = 0; row < plan->row_count; row++) {
        for (size_t k = 0; k < width; k++)
            gen_expr(g, plan->rows[row * width + k], query->base + (int32_t)k);
        if (plan->row_count > 1)
            gen_emit(g, OP_GOSUB, return_to, row_code, 0);
    }
    if (plan->row_count > 1) {
        gen_emit(g, OP_GOTO, over, 0, 0);
        gen_place(g, row_code);
        g->loop_depth++;
        take_row(g, query);
        g->loop_depth--;
        gen_emit(g, OP_RETURN, return_to, 0, 0);
    } else {
        gen_place(g, row_code);
        take_row(g, query);
    }
    gen_place(g, over);
}

/* By the collations of the block's own outputs: those of a compound may be its neighbour's. */
static int32_t distinct_object(struct gen *g, const struct plan_block *plan)
{
    const size_t count = plan->output_count;
    uint8_t *collations = gen_p4(g, count + 1);
    struct sort_part *parts;
    struct object_spec last = {.type = OBJECT_LAST, .key_count = (uint16_t)count};
    int32_t object;

    if (plan->distinct == DISTINCT_NO || collations == NULL)
        return -1;
    for (size_t k = 0; k < count; k++)
        collations[k] = plan->outputs[k]->collation;
    if (plan->distinct == DISTINCT_HASH) {
        object = (int32_t)gen_set(g, count, collations, false);
        gen_emit(g, OP_SET_CLEAR, object, 0, 0);
        return object;
    }
    last.parts = parts = gen_parts(g, count);
    for (size_t k = 0; parts != NULL && k < count; k++)
        parts[k].collation = collations[k];
    object = (int32_t)gen_object(g, &last);
    gen_emit(g, OP_SAME_CLEAR, object, 0, 0);
    return object;
}

static void gen_block(struct gen *g, const struct plan_block *plan, struct query *query)
{
    struct block block = {.plan = plan, .query = query};

    if (plan->row_count != 0) {
        gen_values(g, plan, query);
        return;
    }
    block.distinct = distinct_object(g, plan);
    if (gen_block_has_windows(plan))
        gen_windows(g, plan, (struct gen_body){block_row, &block});
    else
        gen_grouped(g, plan, (struct gen_body){block_row, &block});
}

/* ---- sorting ---- */

/* A compound without ORDER BY comes out sorted by its whole rows, as SQLite's does. */
static void open_sorter(struct gen *g, struct query *query, bool by_row)
{
    const struct plan_query *plan = query->plan;
    struct sort_part *parts;
    struct object_spec spec = {.type = OBJECT_SORTER, .row_count = (uint16_t)plan->output_count};
    int32_t count;

    query->key_count = (unsigned)(by_row ? plan->output_count : plan->order_count);
    spec.key_count = (uint16_t)query->key_count;
    spec.parts = parts = gen_parts(g, query->key_count);
    for (unsigned k = 0; parts != NULL && k < query->key_count; k++) {
        if (!by_row)
            parts[k] = (struct sort_part){.collation = plan->order[k].collation,
                                          .descending = plan->order[k].descending,
                                          .nulls_last = plan->order[k].nulls_last};
        else if (plan->output_collations != NULL)
            parts[k].collation = plan->output_collations[k];
    }
    query->sorter = (int32_t)gen_object(g, &spec);
    query->keys = gen_register(g, query->key_count + (unsigned)plan->output_count);
    query->base = query->keys + (int32_t)query->key_count;
    gen_emit(g, OP_SORT_CLEAR, query->sorter, 0, 0);
    if (query->limit == NO_REGISTER)
        return;
    if (query->offset == NO_REGISTER) {
        gen_emit(g, OP_SORT_LIMIT, query->sorter, query->limit, 0);
        return;
    }
    count = gen_register(g, 1);
    gen_emit(g, OP_LIMIT_SUM, query->limit, query->offset, count);
    gen_emit(g, OP_SORT_LIMIT, query->sorter, count, 0);
}

static void give_sorted(struct gen *g, struct query *query)
{
    const unsigned count = (unsigned)query->plan->output_count;
    const int32_t top = gen_label(g), done = gen_label(g);
    const int32_t base = query->sink->base != NO_REGISTER ? query->sink->base : query->base;
    const uint32_t mark = builder_mark(g->builder);
    unsigned before;

    gen_emit(g, OP_MARK, (int32_t)mark, 0, 0);
    gen_emit(g, OP_SORT_FIRST, query->sorter, done, 0);
    gen_place(g, top);
    gen_emit_n(g, OP_SORT_ROW, count, query->sorter, base, 0, NULL);
    before = g->allocations;
    g->loop_depth++;
    give_row(g, query, base);
    g->loop_depth--;
    if (g->allocations != before)
        gen_emit(g, OP_RELEASE, (int32_t)mark, 0, 0);
    gen_emit(g, OP_SORT_NEXT, query->sorter, top, 0);
    gen_place(g, done);
}

static void gen_single(struct gen *g, struct query *query)
{
    if (query->plan->sort != SORT_NO)
        open_sorter(g, query, false);
    gen_block(g, query->plan->blocks[0], query);
    if (query->sorter >= 0)
        give_sorted(g, query);
}

/* ---- compounds ---- */

/* Blocks up to the last that is not UNION ALL: their rows are distinct, whatever the operations
 * before it were. */
static size_t distinct_blocks(const struct plan_query *plan)
{
    for (size_t k = plan->block_count; k-- > 1;)
        if (plan->blocks[k]->set_op != IR_UNION_ALL)
            return k + 1;
    return 0;
}

static void gen_set_blocks(struct gen *g, struct query *query, size_t count)
{
    const struct plan_query *plan = query->plan;

    query->set = (int32_t)gen_set(g, plan->output_count, plan->output_collations, true);
    gen_emit(g, OP_SET_CLEAR, query->set, 0, 0);
    for (size_t k = 0; k < count; k++) {
        query->set_op = plan->blocks[k]->set_op;
        if (query->set_op == IR_INTERSECT) {
            query->source_set = query->set;
            query->set = (int32_t)gen_set(g, plan->output_count, plan->output_collations, true);
            gen_emit(g, OP_SET_CLEAR, query->set, 0, 0);
        }
        gen_block(g, plan->blocks[k], query);
    }
}

static void sort_set(struct gen *g, struct query *query, bool by_row)
{
    const unsigned count = (unsigned)query->plan->output_count;
    const int32_t top = gen_label(g), done = gen_label(g), set = query->set;

    query->set = -1;
    gen_emit(g, OP_SET_REWIND, set, 0, 0);
    gen_place(g, top);
    gen_emit_n(g, OP_SET_NEXT, count, set, query->base, done, NULL);
    if (by_row)
        gen_emit_n(g, OP_COPY_N, count, query->base, query->keys, 0, NULL);
    else
        order_keys(g, query);
    add_to_sorter(g, query);
    gen_emit(g, OP_GOTO, top, 0, 0);
    gen_place(g, done);
}

/* Several blocks give rows: the code for a row is a subroutine in front of them. */
static void open_row_code(struct gen *g, struct query *query)
{
    const int32_t over = gen_label(g), return_to = gen_register(g, 1);

    query->row_code = gen_label(g);
    gen_emit(g, OP_GOTO, over, 0, 0);
    gen_place(g, query->row_code);
    g->loop_depth++;
    give_row(g, query, query->base);
    g->loop_depth--;
    gen_emit(g, OP_RETURN, return_to, 0, 0);
    gen_place(g, over);
    query->return_to = return_to;
}

static void gen_compound(struct gen *g, struct query *query)
{
    const struct plan_query *plan = query->plan;
    const size_t distinct = distinct_blocks(plan);
    const bool is_ordered = plan->order_count != 0;

    if (distinct != 0 || is_ordered) {
        struct query sorted = *query;

        open_sorter(g, &sorted, !is_ordered);
        if (distinct != 0) {
            gen_set_blocks(g, &sorted, distinct);
            sort_set(g, &sorted, !is_ordered);
        }
        for (size_t k = distinct; is_ordered && k < plan->block_count; k++)
            gen_block(g, plan->blocks[k], &sorted);
        give_sorted(g, &sorted);
        if (is_ordered || distinct == plan->block_count)
            return;
    }
    open_row_code(g, query);
    for (size_t k = distinct; k < plan->block_count; k++)
        gen_block(g, plan->blocks[k], query);
}

/* ---- entry ---- */

static int32_t counter(struct gen *g, const struct ir_expr *expr, int32_t when_negative)
{
    int32_t at;

    if (expr == NULL)
        return NO_REGISTER;
    at = gen_register(g, 1);
    gen_expr(g, expr, at);
    gen_emit(g, OP_LIMIT, at, when_negative, 0);
    return at;
}

void gen_query(struct gen *g, const struct plan_query *plan, struct gen_sink *sink)
{
    struct query query = {.plan = plan,
                          .sink = sink,
                          .end = gen_label(g),
                          .sorter = -1,
                          .set = -1,
                          .return_to = NO_REGISTER};

    if (gen_failed(g))
        return;
    if (++g->depth > QUERY_DEPTH_MAX) {
        gen_fail(g, ST_LIMIT, -1, "queries nested too deeply");
        return;
    }
    query.limit = counter(g, plan->limit, -1);
    query.offset = counter(g, plan->offset, 0);
    if (query.limit != NO_REGISTER)
        gen_emit(g, OP_IF_ZERO, query.limit, query.end, 0);
    query.base =
        sink->base != NO_REGISTER ? sink->base : gen_register(g, (unsigned)plan->output_count);
    if (plan->block_count == 1)
        gen_single(g, &query);
    else
        gen_compound(g, &query);
    gen_place(g, query.end);
    g->depth--;
}
