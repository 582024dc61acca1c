/* Window functions. Rows behind grouping and HAVING go into a buffer as their window inputs. Each
 * window of the block then sorts the rows by partition and order, and passes them through a WINDOW
 * object, which adds a result per call; its rows are the input of the next window. */
#include "vdbe/codegen/codegen_internal.h"

_Static_assert((int)WINDOW_RANGE == (int)IR_FRAME_RANGE && (int)WINDOW_ROWS == (int)IR_FRAME_ROWS &&
                   (int)WINDOW_GROUPS == (int)IR_FRAME_GROUPS &&
                   (int)WINDOW_PRECEDING == (int)IR_PRECEDING &&
                   (int)WINDOW_CURRENT_ROW == (int)IR_CURRENT_ROW &&
                   (int)WINDOW_UNBOUNDED_FOLLOWING == (int)IR_UNBOUNDED_FOLLOWING &&
                   (int)WINDOW_EXCLUDE_TIES == (int)IR_EXCLUDE_TIES,
               "the machine has the IR's numbers");

bool gen_block_has_windows(const struct plan_block *block)
{
    return block->window_count != 0;
}

struct passes {
    const struct plan_block *block;
    uint32_t rows;  /* ROWS: output of the pass before */
    unsigned width; /* of those rows: inputs, then results so far */
    int32_t base;   /* registers of such a row */
};

/* ---- the input ---- */

static void row_of_input(struct gen *g, void *context)
{
    const struct passes *passes = context;

    for (size_t k = 0; k < passes->block->window_input_count; k++)
        gen_expr(g, passes->block->window_inputs[k], passes->base + (int32_t)k);
    gen_emit_n(g, OP_ROWS_ADD, passes->width, (int32_t)passes->rows, passes->base, 0, NULL);
}

static uint32_t gen_rows(struct gen *g)
{
    const struct object_spec spec = {.type = OBJECT_ROWS};

    return gen_object(g, &spec);
}

static void push_results(struct gen *g, const struct plan_aggregate *calls, size_t count,
                         uint16_t first, int32_t base)
{
    struct gen_results *results = ARENA_NEW(&g->scratch, struct gen_results);

    if (results == NULL) {
        builder_set_failure(g->builder, ST_NO_MEMORY);
        return;
    }
    *results = (struct gen_results){
        .calls = calls, .count = count, .first = first, .base = base, .below = g->results};
    g->results = results;
}

/* Inputs are read from the row's registers from now on; aggregates among them by their number. */
static void know_inputs(struct gen *g, const struct passes *passes)
{
    const struct plan_block *block = passes->block;

    for (size_t k = 0; k < block->window_input_count; k++) {
        const struct ir_expr *input = block->window_inputs[k];
        const int32_t at = passes->base + (int32_t)k;

        gen_know(g, input, at);
        if (input->kind == IR_CALL && input->as.call.aggregate < block->aggregate_count &&
            block->aggregates[input->as.call.aggregate].func == input->as.call.function)
            push_results(g, &block->aggregates[input->as.call.aggregate], 1,
                         input->as.call.aggregate, at);
    }
}

/* ---- one window ---- */

struct pass {
    const struct plan_window *window;
    struct passes *passes;
    uint32_t sorter, partition, object, out;
    unsigned key_count, input_count; /* of the sorter; of the WINDOW's row */
    int32_t sort_row;                /* keys, then partition values, then the WINDOW's row */
    int32_t row;                     /* partition values, then the WINDOW's row, as sorted */
    struct aggregate_call *calls;
};

static void describe_calls(struct gen *g, struct pass *pass)
{
    const struct plan_window *window = pass->window;
    unsigned at = pass->passes->width + (unsigned)window->order_count;

    pass->calls = gen_p4(g, (window->call_count + 1) * sizeof(*pass->calls));
    for (size_t k = 0; pass->calls != NULL && k < window->call_count; k++) {
        const struct ir_expr *call = window->calls[k].call;

        pass->calls[k] = (struct aggregate_call){
            .func = window->calls[k].func,
            .collation =
                call->as.call.count == 0 ? COLLATE_BINARY : call->as.call.args[0]->collation,
            .first_argument = (uint16_t)at,
            .argument_count = (uint16_t)call->as.call.count};
        at += (unsigned)call->as.call.count;
        if (call->as.call.filter != NULL)
            pass->calls[k].filter = (uint16_t)++at;
    }
    pass->input_count = at;
}

static struct sort_part order_part(const struct plan_order *order)
{
    return (struct sort_part){.collation = order->collation,
                              .descending = order->descending,
                              .nulls_last = order->nulls_last};
}

static void make_objects(struct gen *g, struct pass *pass)
{
    const struct plan_window *window = pass->window;
    const struct ir_window *ir = window->ir;
    const size_t partition = window->partition_count, order = window->order_count;
    struct sort_part *parts = gen_parts(g, partition + order + 1);
    struct window_spec *frame = gen_p4(g, sizeof(*frame));
    struct object_spec spec = {.parts = parts};

    if (parts == NULL || frame == NULL)
        return;
    for (size_t k = 0; k < partition; k++)
        parts[k].collation = window->partition[k]->collation;
    for (size_t k = 0; k < order; k++)
        parts[partition + k] = order_part(&window->order[k]);
    spec.type = OBJECT_SORTER;
    spec.key_count = (uint16_t)(partition + order);
    spec.row_count = (uint16_t)(partition + pass->input_count);
    pass->key_count = spec.key_count;
    pass->sorter = gen_object(g, &spec);
    spec.type = OBJECT_LAST;
    spec.key_count = (uint16_t)partition;
    spec.row_count = 0;
    pass->partition = gen_object(g, &spec);
    *frame = (struct window_spec){.unit = ir->unit,
                                  .start = ir->start,
                                  .end = ir->end,
                                  .exclude = ir->exclude,
                                  .has_start_offset = window->start_offset != NULL,
                                  .has_end_offset = window->end_offset != NULL};
    spec = (struct object_spec){.type = OBJECT_WINDOW,
                                .key_count = (uint16_t)order,
                                .row_count = (uint16_t)pass->passes->width,
                                .parts = parts + partition,
                                .call_count = (uint32_t)window->call_count,
                                .calls = pass->calls,
                                .input_count = (uint16_t)pass->input_count,
                                .window = frame};
    pass->object = gen_object(g, &spec);
    pass->out = gen_rows(g);
    pass->sort_row = gen_register(g, pass->key_count + (unsigned)partition + pass->input_count);
    pass->row = pass->sort_row + (int32_t)pass->key_count;
}

/* Rows of the pass before, with keys and arguments, into the sorter. */
static void fill_sorter(struct gen *g, struct pass *pass)
{
    const struct plan_window *window = pass->window;
    const struct object_spec reader_spec = {.type = OBJECT_READER, .target = pass->passes->rows};
    const int32_t reader = (int32_t)gen_object(g, &reader_spec), top = gen_label(g),
                  done = gen_label(g), partition = (int32_t)window->partition_count;
    const int32_t input = pass->row + partition;
    const uint32_t mark = builder_mark(g->builder);

    gen_emit(g, OP_SORT_CLEAR, (int32_t)pass->sorter, 0, 0);
    gen_emit(g, OP_READ_FIRST, reader, 0, 0);
    gen_emit(g, OP_MARK, (int32_t)mark, 0, 0);
    gen_place(g, top);
    gen_emit(g, OP_RELEASE, (int32_t)mark, 0, 0);
    gen_emit_n(g, OP_READ_NEXT, pass->passes->width, reader, pass->passes->base, done, NULL);
    g->loop_depth++;
    for (int32_t k = 0; k < partition; k++) {
        gen_expr(g, window->partition[k], pass->sort_row + k);
        gen_emit(g, OP_COPY, pass->sort_row + k, pass->row + k, 0);
    }
    for (size_t k = 0; k < window->order_count; k++) {
        const int32_t at = input + (int32_t)(pass->passes->width + k);

        gen_expr(g, window->order[k].expr, at);
        gen_emit(g, OP_COPY, at, pass->sort_row + partition + (int32_t)k, 0);
    }
    for (size_t k = 0; k < window->call_count; k++) {
        const struct ir_expr *call = window->calls[k].call;

        for (size_t a = 0; a < call->as.call.count; a++)
            gen_expr(g, call->as.call.args[a],
                     input + (int32_t)(pass->calls[k].first_argument + a));
        if (call->as.call.filter != NULL)
            gen_expr(g, call->as.call.filter, input + pass->calls[k].filter - 1);
    }
    gen_emit_n(g, OP_COPY_N, pass->passes->width, pass->passes->base, input, 0, NULL);
    gen_emit_n(g, OP_SORT_ADD, pass->key_count + (unsigned)partition + pass->input_count,
               (int32_t)pass->sorter, pass->sort_row, 0, NULL);
    g->loop_depth--;
    gen_emit(g, OP_GOTO, top, 0, 0);
    gen_place(g, done);
}

/* A subroutine: the partition is whole, its rows go on. */
static void give_partition(struct gen *g, const struct pass *pass, int32_t return_to)
{
    const struct plan_window *window = pass->window;
    const unsigned width = pass->passes->width + (unsigned)window->call_count;
    const int32_t offsets = gen_register(g, 2), result = gen_register(g, width), top = gen_label(g),
                  done = gen_label(g);
    const uint32_t mark = builder_mark(g->builder);
    unsigned count = 0;

    if (window->start_offset != NULL)
        gen_expr(g, window->start_offset, offsets + (int32_t)count++);
    if (window->end_offset != NULL)
        gen_expr(g, window->end_offset, offsets + (int32_t)count++);
    gen_emit_n(g, OP_WINDOW_RUN, count, (int32_t)pass->object, offsets, done, NULL);
    gen_emit(g, OP_MARK, (int32_t)mark, 0, 0);
    gen_place(g, top);
    gen_emit(g, OP_RELEASE, (int32_t)mark, 0, 0);
    gen_emit_n(g, OP_WINDOW_NEXT, width, (int32_t)pass->object, result, done, NULL);
    gen_emit_n(g, OP_ROWS_ADD, width, (int32_t)pass->out, result, 0, NULL);
    gen_emit(g, OP_GOTO, top, 0, 0);
    gen_place(g, done);
    gen_emit(g, OP_WINDOW_CLEAR, (int32_t)pass->object, 0, 0);
    gen_emit(g, OP_RETURN, return_to, 0, 0);
}

static void run_pass(struct gen *g, struct pass *pass)
{
    const int32_t partition = (int32_t)pass->window->partition_count, top = gen_label(g),
                  same = gen_label(g), done = gen_label(g), whole = gen_label(g),
                  over = gen_label(g), return_to = gen_register(g, 1);

    gen_emit(g, OP_ROWS_CLEAR, (int32_t)pass->out, 0, 0);
    gen_emit(g, OP_WINDOW_CLEAR, (int32_t)pass->object, 0, 0);
    gen_emit(g, OP_SAME_CLEAR, (int32_t)pass->partition, 0, 0);
    gen_emit(g, OP_SORT_FIRST, (int32_t)pass->sorter, done, 0);
    gen_place(g, top);
    gen_emit_n(g, OP_SORT_ROW, (unsigned)partition + pass->input_count, (int32_t)pass->sorter,
               pass->row, 0, NULL);
    gen_emit_n(g, OP_SAME, (unsigned)partition, (int32_t)pass->partition, pass->row, same, NULL);
    gen_emit(g, OP_GOSUB, return_to, whole, 0);
    gen_place(g, same);
    gen_emit_n(g, OP_WINDOW_ADD, pass->input_count, (int32_t)pass->object, pass->row + partition, 0,
               NULL);
    gen_emit(g, OP_SORT_NEXT, (int32_t)pass->sorter, top, 0);
    gen_place(g, done);
    gen_emit(g, OP_GOSUB, return_to, whole, 0);
    gen_emit(g, OP_GOTO, over, 0, 0);
    gen_place(g, whole);
    give_partition(g, pass, return_to);
    gen_place(g, over);
}

/* ---- all windows of a block ---- */

static void read_last(struct gen *g, const struct passes *passes, struct gen_body body)
{
    const struct object_spec reader_spec = {.type = OBJECT_READER, .target = passes->rows};
    const int32_t reader = (int32_t)gen_object(g, &reader_spec), top = gen_label(g),
                  done = gen_label(g);
    const uint32_t mark = builder_mark(g->builder);

    gen_emit(g, OP_READ_FIRST, reader, 0, 0);
    gen_emit(g, OP_MARK, (int32_t)mark, 0, 0);
    gen_place(g, top);
    gen_emit(g, OP_RELEASE, (int32_t)mark, 0, 0);
    gen_emit_n(g, OP_READ_NEXT, passes->width, reader, passes->base, done, NULL);
    g->loop_depth++;
    body.emit(g, body.context);
    g->loop_depth--;
    gen_emit(g, OP_GOTO, top, 0, 0);
    gen_place(g, done);
}

void gen_windows(struct gen *g, const struct plan_block *block, struct gen_body body)
{
    struct passes passes = {
        .block = block, .rows = gen_rows(g), .width = (unsigned)block->window_input_count};
    struct gen_known *known = g->known;
    struct gen_results *results = g->results;
    unsigned all = passes.width;

    for (size_t k = 0; k < block->window_count; k++)
        all += (unsigned)block->windows[k].call_count;
    passes.base = gen_register(g, all);
    gen_emit(g, OP_ROWS_CLEAR, (int32_t)passes.rows, 0, 0);
    gen_grouped(g, block, (struct gen_body){row_of_input, &passes});
    know_inputs(g, &passes);
    /* The first window comes last: its order is the one that rows are left in. */
    for (size_t k = block->window_count; k-- > 0 && !gen_failed(g);) {
        struct pass pass = {.window = &block->windows[k], .passes = &passes};

        describe_calls(g, &pass);
        make_objects(g, &pass);
        if (gen_failed(g))
            break;
        fill_sorter(g, &pass);
        run_pass(g, &pass);
        push_results(g, pass.window->calls, pass.window->call_count, pass.window->first_call,
                     passes.base + (int32_t)passes.width);
        passes.width += (unsigned)pass.window->call_count;
        passes.rows = pass.out;
    }
    read_last(g, &passes, body);
    g->known = known;
    g->results = results;
}
