/* GROUP BY and aggregates. */
#include "vdbe/codegen/codegen_internal.h"

enum aggregate_kind {
    AGGREGATE_COUNT_ROWS,
    AGGREGATE_COUNT,
    AGGREGATE_SUM,
    AGGREGATE_TOTAL,
    AGGREGATE_AVG,
    AGGREGATE_MIN,
    AGGREGATE_MAX,
    AGGREGATE_FUNCTION,
};

struct aggregate {
    const struct ir_expr *call;
    const struct func *func;
    uint8_t kind;
    uint32_t offset;      /* of its state in the group */
    int32_t args, filter; /* HASH: registers of the input row; filter NO_REGISTER: none */
    uint32_t seen;        /* DISTINCT: set of (group, arguments) */
    int32_t seen_row;     /* its registers */
    const struct aggregate_call *through; /* FUNCTION */
};

struct grouping {
    const struct plan_block *block;
    struct gen_body body;
    struct aggregate *aggregates;
    uint32_t groups; /* object */
    int32_t input;   /* HASH: keys, arguments, filters, bare values; others: keys */
    unsigned input_count;
    int32_t bare;    /* registers */
    int32_t results; /* results of aggregates */
    int32_t keys;    /* where keys and bare values of a group come out */
    uint32_t state_bytes;
};

/* ---- which aggregate ---- */

/* Only the built-in ones have a summary; a registered function of the same name is called. */
static enum aggregate_kind kind_of(const struct plan_aggregate *aggregate)
{
    static const struct {
        const char *name;
        enum aggregate_kind kind;
    } kinds[] = {{"sum", AGGREGATE_SUM},
                 {"total", AGGREGATE_TOTAL},
                 {"avg", AGGREGATE_AVG},
                 {"min", AGGREGATE_MIN},
                 {"max", AGGREGATE_MAX}};
    const struct func *func = aggregate->func;
    const size_t count = aggregate->call->as.call.count;

    if (func->summary == NULL || func->user != NULL)
        return AGGREGATE_FUNCTION;
    if (strcmp(func->name, "count") == 0)
        return count == 0 || aggregate->call->as.call.is_star ? AGGREGATE_COUNT_ROWS
                                                              : AGGREGATE_COUNT;
    for (size_t k = 0; count == 1 && k < COUNT_OF(kinds); k++)
        if (strcmp(func->name, kinds[k].name) == 0)
            return kinds[k].kind;
    return AGGREGATE_FUNCTION;
}

static uint32_t state_bytes(const struct aggregate *aggregate)
{
    switch ((enum aggregate_kind)aggregate->kind) {
    case AGGREGATE_COUNT_ROWS:
    case AGGREGATE_COUNT:
        return STATE_COUNT_BYTES;
    case AGGREGATE_SUM:
    case AGGREGATE_TOTAL:
    case AGGREGATE_AVG:
        return STATE_SUM_BYTES;
    case AGGREGATE_MIN:
    case AGGREGATE_MAX:
        return STATE_EXTREME_BYTES;
    case AGGREGATE_FUNCTION:
        break;
    }
    return (uint32_t)(aggregate->func->state_bytes + 15) & ~15u;
}

static uint8_t argument_collation(const struct ir_expr *call)
{
    return call->as.call.count == 0 ? COLLATE_BINARY : call->as.call.args[0]->collation;
}

static void prepare_distinct(struct gen *g, struct aggregate *aggregate)
{
    const struct ir_expr *call = aggregate->call;
    const size_t count = call->as.call.count + 1;
    uint8_t *collations = ARENA_NEW_ARRAY(&g->scratch, uint8_t, count);

    if (!call->as.call.is_distinct || collations == NULL)
        return;
    for (size_t k = 1; k < count; k++)
        collations[k] = call->as.call.args[k - 1]->collation;
    aggregate->seen = gen_set(g, count, collations, false);
    aggregate->seen_row = gen_register(g, (unsigned)count);
}

static void prepare_aggregates(struct gen *g, struct grouping *grouping, bool has_input)
{
    const struct plan_block *block = grouping->block;

    grouping->aggregates =
        ARENA_NEW_ARRAY(&g->scratch, struct aggregate, block->aggregate_count + 1);
    for (size_t k = 0; grouping->aggregates != NULL && k < block->aggregate_count; k++) {
        struct aggregate *aggregate = &grouping->aggregates[k];

        aggregate->call = block->aggregates[k].call;
        aggregate->func = block->aggregates[k].func;
        aggregate->kind = (uint8_t)kind_of(&block->aggregates[k]);
        aggregate->offset = grouping->state_bytes;
        aggregate->filter = NO_REGISTER;
        grouping->state_bytes += state_bytes(aggregate);
        prepare_distinct(g, aggregate);
        if (!has_input)
            continue;
        aggregate->args = (int32_t)grouping->input_count; /* relative until the input is placed */
        grouping->input_count += (unsigned)aggregate->call->as.call.count;
        if (aggregate->call->as.call.filter != NULL)
            aggregate->filter = (int32_t)grouping->input_count++;
    }
    if (grouping->aggregates == NULL)
        builder_set_failure(g->builder, ST_NO_MEMORY);
}

/* The calls whose states need an end, for the machine. */
static const struct aggregate_call *gen_calls(struct gen *g, struct grouping *grouping,
                                              uint32_t *count)
{
    const size_t all = grouping->block->aggregate_count;
    struct aggregate_call *calls = gen_p4(g, (all + 1) * sizeof(*calls));

    *count = 0;
    for (size_t k = 0; calls != NULL && k < all; k++) {
        struct aggregate *aggregate = &grouping->aggregates[k];

        if (aggregate->kind != AGGREGATE_FUNCTION)
            continue;
        calls[*count] = (struct aggregate_call){.func = aggregate->func,
                                                .offset = aggregate->offset,
                                                .collation = argument_collation(aggregate->call)};
        aggregate->through = &calls[(*count)++];
    }
    return calls;
}

static void make_groups(struct gen *g, struct grouping *grouping, bool has_keys)
{
    const struct plan_block *block = grouping->block;
    const unsigned key_count = has_keys ? (unsigned)block->group_count : 0;
    struct sort_part *parts = gen_parts(g, key_count + 1u);
    struct object_spec spec = {.type = OBJECT_GROUP,
                               .key_count = (uint16_t)key_count,
                               .row_count = (uint16_t)block->bare_count,
                               .parts = parts,
                               .state_bytes = grouping->state_bytes,
                               .input_count = (uint16_t)grouping->input_count};

    for (unsigned k = 0; parts != NULL && k < key_count; k++)
        parts[k].collation = block->group_keys[k]->collation;
    spec.calls = gen_calls(g, grouping, &spec.call_count);
    grouping->groups = gen_object(g, &spec);
    grouping->results = gen_register(g, (unsigned)block->aggregate_count);
    grouping->keys = gen_register(g, key_count + (unsigned)block->bare_count);
}

static void gen_clear(struct gen *g, const struct grouping *grouping)
{
    gen_emit(g, OP_GROUP_CLEAR, (int32_t)grouping->groups, 0, 0);
    for (size_t k = 0; k < grouping->block->aggregate_count; k++)
        if (grouping->aggregates[k].call->as.call.is_distinct)
            gen_emit(g, OP_SET_CLEAR, (int32_t)grouping->aggregates[k].seen, 0, 0);
}

/* ---- steps ---- */

static void gen_step(struct gen *g, const struct grouping *grouping, size_t number, int32_t args)
{
    const struct aggregate *aggregate = &grouping->aggregates[number];
    const int32_t groups = (int32_t)grouping->groups, offset = (int32_t)aggregate->offset;
    const bool decides = grouping->block->bare_count != 0 && grouping->block->bare_from == number;
    static const bool yes = true;

    switch ((enum aggregate_kind)aggregate->kind) {
    case AGGREGATE_COUNT_ROWS:
        gen_emit(g, OP_STEP_COUNT, groups, offset, 0);
        break;
    case AGGREGATE_COUNT:
        gen_emit(g, OP_STEP_COUNT_OF, groups, offset, args);
        break;
    case AGGREGATE_SUM:
    case AGGREGATE_TOTAL:
    case AGGREGATE_AVG:
        gen_emit(g, OP_STEP_SUM, groups, offset, args);
        break;
    case AGGREGATE_MIN:
        gen_emit_n(g, OP_STEP_MIN, argument_collation(aggregate->call), groups, offset, args,
                   decides ? &yes : NULL);
        break;
    case AGGREGATE_MAX:
        gen_emit_n(g, OP_STEP_MAX, argument_collation(aggregate->call), groups, offset, args,
                   decides ? &yes : NULL);
        break;
    case AGGREGATE_FUNCTION:
        gen_emit_n(g, OP_STEP, (unsigned)aggregate->call->as.call.count, groups, offset, args,
                   aggregate->through);
        gen_note(g, slice_text(aggregate->func->name));
        break;
    }
}

/* DISTINCT: go to `skip` when this group had these arguments before. */
static void gen_distinct(struct gen *g, const struct grouping *grouping,
                         const struct aggregate *aggregate, int32_t args, int32_t skip)
{
    const unsigned count = (unsigned)aggregate->call->as.call.count;
    const int32_t row = aggregate->seen_row;

    if (!aggregate->call->as.call.is_distinct)
        return;
    gen_emit(g, OP_GROUP_NUMBER, (int32_t)grouping->groups, row, 0);
    gen_emit_n(g, OP_COPY_N, count, args, row + 1, 0, NULL);
    gen_emit_n(g, OP_SET_ADD, count + 1, (int32_t)aggregate->seen, row, skip, NULL);
}

static void gen_bare(struct gen *g, const struct grouping *grouping, bool is_evaluated)
{
    const struct plan_block *block = grouping->block;
    const int32_t skip = gen_label(g);

    if (block->bare_count == 0)
        return;
    gen_emit(g, OP_GROUP_WANTS, (int32_t)grouping->groups, skip, 0);
    for (size_t k = 0; !is_evaluated && k < block->bare_count; k++)
        gen_expr(g, block->bare[k], grouping->bare + (int32_t)k);
    gen_emit_n(g, OP_GROUP_BARE, (unsigned)block->bare_count, (int32_t)grouping->groups,
               grouping->bare, 0, NULL);
    gen_place(g, skip);
}

/* Steps over the row at hand: arguments are evaluated where they are needed. */
static void gen_direct_steps(struct gen *g, const struct grouping *grouping)
{
    for (size_t k = 0; k < grouping->block->aggregate_count; k++) {
        const struct aggregate *aggregate = &grouping->aggregates[k];
        const struct ir_expr *call = aggregate->call;
        const int32_t skip = gen_label(g), mark = builder_temporaries_used(g->builder);
        const size_t count = aggregate->kind == AGGREGATE_COUNT_ROWS ? 0 : call->as.call.count;
        int32_t args = 0;

        if (call->as.call.filter != NULL)
            gen_jump(g, call->as.call.filter, skip, false, true);
        if (count == 1) {
            args = gen_value(g, call->as.call.args[0]);
        } else if (count > 1) {
            args = gen_temporary(g, (unsigned)count);
            for (size_t a = 0; a < count; a++)
                gen_expr(g, call->as.call.args[a], args + (int32_t)a);
        }
        gen_distinct(g, grouping, aggregate, args, skip);
        gen_step(g, grouping, k, args);
        gen_place(g, skip);
        builder_temporaries_forget(g->builder, mark);
    }
    gen_bare(g, grouping, false);
}

/* Steps over an input row in registers: fresh, or one that was put aside. */
static void gen_input_steps(struct gen *g, const struct grouping *grouping)
{
    for (size_t k = 0; k < grouping->block->aggregate_count; k++) {
        const struct aggregate *aggregate = &grouping->aggregates[k];
        const int32_t skip = gen_label(g);

        if (aggregate->filter != NO_REGISTER)
            gen_emit(g, OP_IF_NOT, aggregate->filter, skip, 1);
        gen_distinct(g, grouping, aggregate, aggregate->args, skip);
        gen_step(g, grouping, k, aggregate->args);
        gen_place(g, skip);
    }
    gen_bare(g, grouping, true);
}

/* ---- results ---- */

static void gen_results(struct gen *g, const struct grouping *grouping)
{
    static const enum opcode opcodes[] = {
        [AGGREGATE_COUNT_ROWS] = OP_RESULT_COUNT, [AGGREGATE_COUNT] = OP_RESULT_COUNT,
        [AGGREGATE_SUM] = OP_RESULT_SUM,          [AGGREGATE_TOTAL] = OP_RESULT_TOTAL,
        [AGGREGATE_AVG] = OP_RESULT_AVG,          [AGGREGATE_MIN] = OP_RESULT_VALUE,
        [AGGREGATE_MAX] = OP_RESULT_VALUE,        [AGGREGATE_FUNCTION] = OP_RESULT,
    };

    for (size_t k = 0; k < grouping->block->aggregate_count; k++) {
        const struct aggregate *aggregate = &grouping->aggregates[k];

        gen_emit_n(g, opcodes[aggregate->kind], 1, (int32_t)grouping->groups,
                   (int32_t)aggregate->offset, grouping->results + (int32_t)k, aggregate->through);
        if (aggregate->kind == AGGREGATE_FUNCTION)
            gen_note(g, slice_text(aggregate->func->name));
    }
}

/* HAVING and what comes behind it read keys, bare columns and results from registers. */
static void gen_group_body(struct gen *g, const struct grouping *grouping, unsigned key_count)
{
    const struct plan_block *block = grouping->block;
    const int32_t skip = gen_label(g);
    struct gen_known *known = g->known;
    struct gen_results results = {.calls = block->aggregates,
                                  .count = block->aggregate_count,
                                  .base = grouping->results,
                                  .below = g->results};

    for (size_t k = 0; k < block->bare_count; k++)
        gen_know(g, block->bare[k], grouping->keys + (int32_t)(key_count + k));
    for (unsigned k = 0; k < key_count; k++)
        gen_know(g, block->group_keys[k], grouping->keys + (int32_t)k);
    g->results = &results;
    if (block->having != NULL)
        gen_jump(g, block->having, skip, false, true);
    grouping->body.emit(g, grouping->body.context);
    gen_place(g, skip);
    g->results = results.below;
    g->known = known;
}

static void gen_group_out(struct gen *g, const struct grouping *grouping, unsigned key_count)
{
    if (key_count + grouping->block->bare_count != 0)
        gen_emit_n(g, OP_GROUP_KEYS, key_count + (unsigned)grouping->block->bare_count,
                   (int32_t)grouping->groups, grouping->keys, 0, NULL);
    gen_results(g, grouping);
    gen_group_body(g, grouping, key_count);
}

/* The rows that are grouped: none when a condition that holds for the whole block does not. Groups
 * of nothing are the business of what comes behind. */
static void gen_input(struct gen *g, const struct plan_block *block, struct gen_body body)
{
    const int32_t end = gen_label(g);

    for (size_t k = 0; !block->is_empty && k < block->once_count; k++)
        gen_jump(g, block->once[k], end, false, true);
    if (!block->is_empty)
        gen_loops(g, block->loops, block->loop_count, body);
    gen_place(g, end);
}

/* ---- one group ---- */

static void row_of_all(struct gen *g, void *context)
{
    gen_direct_steps(g, context);
}

static void gen_all(struct gen *g, struct grouping *grouping)
{
    prepare_aggregates(g, grouping, false);
    make_groups(g, grouping, false);
    grouping->bare = gen_register(g, (unsigned)grouping->block->bare_count);
    if (gen_failed(g))
        return;
    gen_clear(g, grouping);
    gen_emit(g, OP_GROUP_ONLY, (int32_t)grouping->groups, 0, 0);
    gen_input(g, grouping->block, (struct gen_body){row_of_all, grouping});
    gen_group_out(g, grouping, 0);
}

/* count(*) of a whole table: nothing is read. */
static void gen_count(struct gen *g, struct grouping *grouping)
{
    const struct plan_block *block = grouping->block;
    const int32_t end = gen_label(g);

    grouping->results = gen_register(g, (unsigned)block->aggregate_count);
    for (size_t k = 0; block->is_empty + block->once_count != 0 && k < block->aggregate_count; k++)
        gen_emit(g, OP_INTEGER, grouping->results + (int32_t)k, 0, 0);
    for (size_t k = 0; k < block->once_count; k++)
        gen_jump(g, block->once[k], end, false, true);
    for (size_t k = 0; !block->is_empty && k < block->aggregate_count; k++)
        gen_emit(g, OP_ROW_COUNT, (int32_t)gen_table(g, block->loops[0].table),
                 grouping->results + (int32_t)k, 0);
    gen_place(g, end);
    gen_group_body(g, grouping, 0);
}

/* min or max whose rows come in order: the first that is not null. */
struct first {
    struct grouping *grouping;
    int32_t found;
};

static void row_of_first(struct gen *g, void *context)
{
    const struct first *first = context;
    const struct grouping *grouping = first->grouping;
    const struct plan_block *block = grouping->block;
    const int32_t skip = gen_label(g);
    const struct ir_expr *call = block->aggregates[0].call;

    if (call->as.call.filter != NULL)
        gen_jump(g, call->as.call.filter, skip, false, true);
    gen_expr(g, call->as.call.args[0], grouping->results);
    gen_emit(g, OP_IF_NULL, grouping->results, skip, 0);
    for (size_t k = 0; k < block->bare_count; k++)
        gen_expr(g, block->bare[k], grouping->keys + (int32_t)k);
    gen_emit(g, OP_GOTO, first->found, 0, 0);
    gen_place(g, skip);
}

static void gen_first(struct gen *g, struct grouping *grouping)
{
    const struct plan_block *block = grouping->block;
    struct first first = {.grouping = grouping, .found = gen_label(g)};

    grouping->results = gen_register(g, (unsigned)block->aggregate_count);
    grouping->keys = gen_register(g, (unsigned)block->bare_count);
    if (block->bare_count != 0)
        gen_emit_n(g, OP_NULL, (unsigned)block->bare_count, grouping->keys, 0, 0, NULL);
    gen_input(g, block, (struct gen_body){row_of_first, &first});
    gen_emit_n(g, OP_NULL, (unsigned)block->aggregate_count, grouping->results, 0, 0, NULL);
    gen_place(g, first.found);
    gen_group_body(g, grouping, 0);
}

/* ---- equal keys come together ---- */

struct stream {
    struct grouping *grouping;
    uint32_t last;
    int32_t has_group, give_out, return_to;
};

static void row_of_stream(struct gen *g, void *context)
{
    const struct stream *stream = context;
    const struct grouping *grouping = stream->grouping;
    const unsigned key_count = (unsigned)grouping->block->group_count;
    const int32_t same = gen_label(g), fresh = gen_label(g), skip = gen_label(g);

    for (unsigned k = 0; k < key_count; k++)
        gen_expr(g, grouping->block->group_keys[k], grouping->input + (int32_t)k);
    gen_emit_n(g, OP_SAME, key_count, (int32_t)stream->last, grouping->input, same, NULL);
    gen_emit(g, OP_IF_NOT, stream->has_group, fresh, 0);
    gen_emit(g, OP_GOSUB, stream->return_to, stream->give_out, 0);
    gen_place(g, fresh);
    gen_clear(g, grouping);
    gen_emit(g, OP_INTEGER, stream->has_group, 1, 0);
    gen_place(g, same);
    gen_emit_n(g, OP_GROUP_ENTER, grouping->input_count, (int32_t)grouping->groups, grouping->input,
               skip, NULL);
    gen_direct_steps(g, grouping);
    gen_place(g, skip); /* one group never is too much: no row is put aside */
}

static void gen_stream(struct gen *g, struct grouping *grouping)
{
    const struct plan_block *block = grouping->block;
    struct sort_part *parts = gen_parts(g, block->group_count);
    const struct object_spec last = {
        .type = OBJECT_LAST, .key_count = (uint16_t)block->group_count, .parts = parts};
    const int32_t done = gen_label(g);
    struct stream stream = {.grouping = grouping,
                            .has_group = gen_register(g, 1),
                            .give_out = gen_label(g),
                            .return_to = gen_register(g, 1)};

    for (size_t k = 0; parts != NULL && k < block->group_count; k++)
        parts[k].collation = block->group_keys[k]->collation;
    stream.last = gen_object(g, &last);
    grouping->input_count = (unsigned)block->group_count;
    prepare_aggregates(g, grouping, false);
    make_groups(g, grouping, true);
    grouping->input = gen_register(g, grouping->input_count);
    grouping->bare = gen_register(g, (unsigned)block->bare_count);
    if (gen_failed(g))
        return;
    gen_emit(g, OP_INTEGER, stream.has_group, 0, 0);
    gen_emit(g, OP_SAME_CLEAR, (int32_t)stream.last, 0, 0);
    gen_input(g, block, (struct gen_body){row_of_stream, &stream});
    gen_emit(g, OP_IF_NOT, stream.has_group, done, 0);
    gen_emit(g, OP_GOSUB, stream.return_to, stream.give_out, 0);
    gen_emit(g, OP_GOTO, done, 0, 0);
    gen_place(g, stream.give_out);
    g->loop_depth++;
    gen_group_out(g, grouping, (unsigned)block->group_count);
    g->loop_depth--;
    gen_emit(g, OP_RETURN, stream.return_to, 0, 0);
    gen_place(g, done);
}

/* ---- hash ---- */

static void row_of_hash(struct gen *g, void *context)
{
    const struct grouping *grouping = context;
    const struct plan_block *block = grouping->block;
    const int32_t skip = gen_label(g);

    for (size_t k = 0; k < block->group_count; k++)
        gen_expr(g, block->group_keys[k], grouping->input + (int32_t)k);
    for (size_t k = 0; k < block->aggregate_count; k++) {
        const struct aggregate *aggregate = &grouping->aggregates[k];

        for (size_t a = 0; a < aggregate->call->as.call.count; a++)
            gen_expr(g, aggregate->call->as.call.args[a], aggregate->args + (int32_t)a);
        if (aggregate->filter != NO_REGISTER)
            gen_expr(g, aggregate->call->as.call.filter, aggregate->filter);
    }
    for (size_t k = 0; k < block->bare_count; k++)
        gen_expr(g, block->bare[k], grouping->bare + (int32_t)k);
    gen_emit_n(g, OP_GROUP_ENTER, grouping->input_count, (int32_t)grouping->groups, grouping->input,
               skip, NULL);
    gen_input_steps(g, grouping);
    gen_place(g, skip);
}

/* The input row's registers: now that its width is known, arguments get their place. */
static void place_input(struct gen *g, struct grouping *grouping)
{
    grouping->input = gen_register(g, grouping->input_count);
    grouping->bare =
        grouping->input + (int32_t)(grouping->input_count - grouping->block->bare_count);
    for (size_t k = 0; k < grouping->block->aggregate_count; k++) {
        grouping->aggregates[k].args += grouping->input;
        if (grouping->aggregates[k].filter != NO_REGISTER)
            grouping->aggregates[k].filter += grouping->input;
    }
}

static void gen_hash(struct gen *g, struct grouping *grouping)
{
    const struct plan_block *block = grouping->block;
    const int32_t give_out = gen_label(g), top = gen_label(g), reload = gen_label(g),
                  again = gen_label(g), done = gen_label(g);
    const uint32_t mark = builder_mark(g->builder);
    unsigned before;
    int32_t groups;

    grouping->input_count = (unsigned)block->group_count;
    prepare_aggregates(g, grouping, true);
    grouping->input_count += (unsigned)block->bare_count;
    make_groups(g, grouping, true);
    if (gen_failed(g))
        return;
    place_input(g, grouping);
    groups = (int32_t)grouping->groups;
    gen_clear(g, grouping);
    gen_input(g, block, (struct gen_body){row_of_hash, grouping});
    gen_place(g, give_out);
    gen_emit(g, OP_MARK, (int32_t)mark, 0, 0);
    gen_emit(g, OP_GROUP_FIRST, groups, reload, 0);
    gen_place(g, top);
    before = g->allocations;
    g->loop_depth++;
    gen_group_out(g, grouping, (unsigned)block->group_count);
    g->loop_depth--;
    if (g->allocations != before)
        gen_emit(g, OP_RELEASE, (int32_t)mark, 0, 0);
    gen_emit(g, OP_GROUP_NEXT, groups, top, 0);
    gen_place(g, reload);
    gen_emit(g, OP_GROUP_RELOAD, groups, done, 0);
    gen_place(g, again);
    gen_emit_n(g, OP_GROUP_UNSPILL, grouping->input_count, groups, grouping->input, give_out, NULL);
    gen_emit_n(g, OP_GROUP_ENTER, grouping->input_count, groups, grouping->input, again, NULL);
    gen_input_steps(g, grouping);
    gen_emit(g, OP_GOTO, again, 0, 0);
    gen_place(g, done);
}

void gen_grouped(struct gen *g, const struct plan_block *block, struct gen_body body)
{
    struct grouping grouping = {.block = block, .body = body};

    switch ((enum plan_group)block->group) {
    case GROUP_NONE:
        gen_input(g, block, body);
        break;
    case GROUP_ALL:
        gen_all(g, &grouping);
        break;
    case GROUP_STREAM:
        gen_stream(g, &grouping);
        break;
    case GROUP_HASH:
        gen_hash(g, &grouping);
        break;
    case GROUP_COUNT:
        gen_count(g, &grouping);
        break;
    case GROUP_FIRST:
        gen_first(g, &grouping);
        break;
    }
}
