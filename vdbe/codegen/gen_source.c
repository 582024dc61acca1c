/* Queries whose rows are kept: materialised ones, common table expressions, recursion. */
#include "vdbe/codegen/codegen_internal.h"

static void sink_into_rows(struct gen *g, struct gen_sink *sink, int32_t base)
{
    gen_emit_n(g, OP_ROWS_ADD, sink->count, (int32_t)sink->object, base, 0, NULL);
}

void gen_query_rows(struct gen *g, const struct plan_query *query, uint32_t rows)
{
    struct gen_sink sink = {.row = sink_into_rows,
                            .base = NO_REGISTER,
                            .count = (unsigned)query->output_count,
                            .object = rows};

    gen_query(g, query, &sink);
}

/* ---- recursion ---- */

/*
 * A queue of rows: the first blocks fill it, then each row is taken out, given to whoever reads the
 * table, and shown to the recursive blocks, whose rows join the queue. The producer is a
 * co-routine, so a reader with a limit stops an endless recursion.
 *
 * Without ORDER BY the queue is first in, first out: the table itself, read by a reader that runs
 * behind. LIMIT and OFFSET count rows that leave the queue; then table and queue are two.
 */
struct recursion {
    const struct plan_cte *cte;
    struct gen_cte *made;
    unsigned width;
    uint32_t queue; /* ROWS, or SORTER when is_sorted */
    int32_t seen;   /* SET, -1: duplicates stay */
    int32_t row;    /* registers of a row that is added: keys, then columns */
    bool is_sorted, is_apart;
};

static void sink_into_queue(struct gen *g, struct gen_sink *sink, int32_t base)
{
    const struct recursion *recursion = sink->context;
    const struct plan_query *query = recursion->cte->query;
    const int32_t skip = gen_label(g);

    if (recursion->seen >= 0)
        gen_emit_n(g, OP_SET_ADD, recursion->width, recursion->seen, base, skip, NULL);
    if (recursion->is_sorted) {
        const int32_t columns = recursion->row + (int32_t)query->order_count;

        for (size_t k = 0; k < query->order_count; k++)
            gen_emit(g, OP_COPY, base + query->order[k].output, recursion->row + (int32_t)k, 0);
        gen_emit_n(g, OP_COPY_N, recursion->width, base, columns, 0, NULL);
        gen_emit_n(g, OP_SORT_ADD, recursion->width + (unsigned)query->order_count,
                   (int32_t)recursion->queue, recursion->row, 0, NULL);
    } else {
        gen_emit_n(g, OP_ROWS_ADD, recursion->width, (int32_t)recursion->queue, base, 0, NULL);
    }
    gen_place(g, skip);
}

static void gen_blocks(struct gen *g, const struct recursion *recursion, size_t first, size_t end)
{
    struct recursion context = *recursion;

    for (size_t k = first; k < end; k++) {
        struct plan_query part = *recursion->cte->query;
        struct gen_sink sink = {.row = sink_into_queue,
                                .context = &context,
                                .base = NO_REGISTER,
                                .count = recursion->width};

        part.blocks = &recursion->cte->query->blocks[k];
        part.block_count = 1;
        part.order_count = 0;
        part.sort = SORT_NO;
        part.limit = part.offset = NULL;
        gen_query(g, &part, &sink);
    }
}

static int32_t gen_count_register(struct gen *g, const struct ir_expr *expr, int32_t when_negative)
{
    const int32_t at = gen_register(g, 1);

    gen_expr(g, expr, at);
    gen_emit(g, OP_LIMIT, at, when_negative, 0);
    return at;
}

static void gen_producer(struct gen *g, struct recursion *recursion)
{
    const struct plan_query *query = recursion->cte->query;
    const struct object_spec reader_spec = {.type = OBJECT_READER, .target = recursion->queue};
    const int32_t top = gen_label(g), end = gen_label(g), skip = gen_label(g), last = gen_label(g);
    const uint32_t mark = builder_mark(g->builder);
    int32_t reader = 0, limit = NO_REGISTER, offset = NO_REGISTER;

    if (query->limit != NULL) {
        limit = gen_count_register(g, query->limit, -1);
        gen_emit(g, OP_IF_ZERO, limit, end, 0);
    }
    if (query->offset != NULL)
        offset = gen_count_register(g, query->offset, 0);
    gen_blocks(g, recursion, 0, recursion->cte->first_recursive);
    if (!recursion->is_sorted) {
        reader = (int32_t)gen_object(g, &reader_spec);
        gen_emit(g, OP_READ_FIRST, reader, 0, 0);
    }
    gen_emit(g, OP_MARK, (int32_t)mark, 0, 0);
    gen_place(g, top);
    gen_emit(g, OP_RELEASE, (int32_t)mark, 0, 0);
    if (recursion->is_sorted)
        gen_emit_n(g, OP_SORT_POP, recursion->width, (int32_t)recursion->queue,
                   recursion->made->current, end, NULL);
    else
        gen_emit_n(g, OP_READ_NEXT, recursion->width, reader, recursion->made->current, end, NULL);
    if (recursion->is_apart) {
        if (offset != NO_REGISTER)
            gen_emit(g, OP_IF_TAKEN, offset, skip, 0);
        gen_emit_n(g, OP_ROWS_ADD, recursion->width, (int32_t)recursion->made->rows,
                   recursion->made->current, 0, NULL);
        if (limit != NO_REGISTER)
            gen_emit(g, OP_COUNT_DOWN, limit, last, 0);
    }
    gen_place(g, skip);
    g->loop_depth++;
    gen_blocks(g, recursion, recursion->cte->first_recursive, query->block_count);
    g->loop_depth--;
    gen_emit(g, OP_CO_YIELD, (int32_t)recursion->made->producer, 0, 0);
    gen_emit(g, OP_GOTO, top, 0, 0);
    gen_place(g, last); /* this row is still to be read */
    gen_emit(g, OP_CO_YIELD, (int32_t)recursion->made->producer, 0, 0);
    gen_place(g, end);
    gen_emit(g, OP_CO_END, (int32_t)recursion->made->producer, 0, 0);
}

static uint32_t gen_queue(struct gen *g, const struct recursion *recursion)
{
    const struct plan_query *query = recursion->cte->query;
    struct sort_part *parts;
    struct object_spec spec = {.type = OBJECT_SORTER,
                               .key_count = (uint16_t)query->order_count,
                               .row_count = (uint16_t)recursion->width,
                               .is_queue = true};

    if (!recursion->is_sorted) {
        const struct object_spec rows = {.type = OBJECT_ROWS};

        return recursion->is_apart ? gen_object(g, &rows) : recursion->made->rows;
    }
    spec.parts = parts = gen_parts(g, query->order_count);
    for (size_t k = 0; parts != NULL && k < query->order_count; k++)
        parts[k] = (struct sort_part){.collation = query->order[k].collation,
                                      .descending = query->order[k].descending,
                                      .nulls_last = query->order[k].nulls_last};
    return gen_object(g, &spec);
}

static void gen_recursive(struct gen *g, const struct plan_cte *cte, struct gen_cte *made)
{
    const struct object_spec spec = {.type = OBJECT_COROUTINE};
    const struct plan_query *query = cte->query;
    const int32_t entry = gen_label(g), over = gen_label(g);
    struct recursion recursion = {.cte = cte,
                                  .made = made,
                                  .width = (unsigned)query->output_count,
                                  .seen = -1,
                                  .is_sorted = query->order_count != 0};

    recursion.is_apart = recursion.is_sorted || query->limit != NULL || query->offset != NULL;
    made->producer = gen_object(g, &spec);
    made->current = gen_register(g, recursion.width);
    recursion.queue = gen_queue(g, &recursion);
    recursion.row = gen_register(g, recursion.width + (unsigned)query->order_count);
    if (!cte->keeps_duplicates)
        recursion.seen = (int32_t)gen_set(g, recursion.width, query->output_collations, false);
    gen_emit(g, OP_CO_START, (int32_t)made->producer, entry, 0);
    gen_emit(g, OP_GOTO, over, 0, 0);
    gen_place(g, entry);
    gen_producer(g, &recursion);
    gen_place(g, over);
}

/* The subroutine that fills a common table expression the first time it is called. It stands where
 * the expression is first used, and is jumped over there. */
void gen_cte_fill(struct gen *g, uint32_t number)
{
    const struct plan_cte *cte = &g->plan->ctes[number];
    const struct object_spec spec = {.type = OBJECT_ROWS};
    struct gen_cte *made = &g->ctes[number];
    struct gen_known *known = g->known;
    struct gen_results *results = g->results;
    const unsigned loop_depth = g->loop_depth;
    int32_t over, filled;

    if (made->is_made)
        return;
    *made = (struct gen_cte){.is_made = true,
                             .fill = gen_label(g),
                             .return_to = gen_register(g, 1),
                             .rows = gen_object(g, &spec)};
    over = gen_label(g);
    filled = gen_label(g);
    g->known = NULL; /* it sees nothing of where it is used */
    g->results = NULL;
    g->loop_depth = 0;
    gen_emit(g, OP_GOTO, over, 0, 0);
    gen_place(g, made->fill);
    gen_emit(g, OP_ONCE, (int32_t)builder_once(g->builder), filled, 0);
    if (cte->is_recursive)
        gen_recursive(g, cte, made);
    else
        gen_query_rows(g, cte->query, made->rows);
    gen_place(g, filled);
    gen_emit(g, OP_RETURN, made->return_to, 0, 0);
    gen_place(g, over);
    g->known = known;
    g->results = results;
    g->loop_depth = loop_depth;
}
