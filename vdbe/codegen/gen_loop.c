/* Reading sources: one nested loop per source of a block, in the plan's order. */
#include "vdbe/codegen/codegen_internal.h"

struct nest {
    const struct plan_loop *loops;
    size_t count;
    struct gen_body body;
};

/* One loop while it is written. */
struct loop {
    struct nest *nest;
    size_t number;
    const struct plan_loop *plan;
    int32_t next;     /* this row does not qualify, or is done */
    int32_t end;      /* no more rows */
    int32_t matched;  /* LEFT: register, 1 when a row matched */
    int32_t present;  /* LEFT: label behind the match tests, where a row of nulls goes on */
    int32_t rejected; /* ANTI: label for a match */
};

static void gen_from(struct gen *g, struct nest *nest, size_t number);

/* ---- what happens with a row ---- */

static void gen_row(struct gen *g, struct loop *loop)
{
    const struct plan_loop *plan = loop->plan;

    for (size_t k = 0; k < plan->match_count; k++)
        gen_jump(g, plan->match[k], loop->next, false, true);
    if (plan->join == IR_JOIN_LEFT) {
        gen_emit(g, OP_INTEGER, loop->matched, 1, 0);
        gen_place(g, loop->present);
    }
    for (size_t k = 0; k < plan->filter_count; k++)
        gen_jump(g, plan->filters[k], loop->next, false, true);
    if (plan->is_anti) {
        gen_emit(g, OP_GOTO, loop->rejected, 0, 0);
        return;
    }
    gen_from(g, loop->nest, loop->number + 1);
    if (plan->is_semi)
        gen_emit(g, OP_GOTO, loop->end, 0, 0);
}

/* Temporaries of a row are forgotten when the next one is fetched. */
struct temporaries {
    uint32_t mark;
    unsigned before;
};

static struct temporaries begin_rows(struct gen *g)
{
    const struct temporaries temporaries = {builder_mark(g->builder), g->allocations};

    gen_emit(g, OP_MARK, (int32_t)temporaries.mark, 0, 0);
    g->loop_depth++;
    return temporaries;
}

static void next_row(struct gen *g, const struct temporaries *temporaries)
{
    g->loop_depth--;
    if (g->allocations != temporaries->before)
        gen_emit(g, OP_RELEASE, (int32_t)temporaries->mark, 0, 0);
}

/* ---- ranges ---- */

static unsigned range_registers(const struct plan_range *range)
{
    unsigned count = range->equal_count;

    if (range->has_bounds)
        count += (unsigned)(range->low.value != NULL) + (unsigned)(range->high.value != NULL);
    return count;
}

static void note_range(struct gen *g, const struct plan_range *range, const struct table *table,
                       struct range_spec *spec)
{
    struct buf text = {0};

    if (range->index != NULL) {
        for (unsigned k = 0;
             k < range->index->part_count && k < range->equal_count + (unsigned)range->has_bounds;
             k++) {
            const uint16_t attribute = range->index->parts[k].attribute;

            buf_append_text(&text, k == 0 ? "" : ", ");
            if (attribute == ATTRIBUTE_NONE)
                buf_append_text(&text, "expression");
            else
                buf_append_slice(&text, table->attributes[attribute].name);
            if (k < range->equal_count)
                buf_append_text(&text, " =");
        }
    } else {
        buf_append_text(&text, "key");
    }
    if (range->has_bounds) {
        if (range->low.value != NULL)
            buf_append_text(&text, range->low.is_prefix      ? " begins with"
                                   : range->low.is_inclusive ? " >="
                                                             : " >");
        if (range->high.value != NULL)
            buf_append_text(&text, range->high.is_inclusive ? " <=" : " <");
    }
    spec->text = gen_p4_slice(g, buf_slice(&text));
    buf_free(&text);
}

static struct range_spec *make_spec(struct gen *g, const struct plan_range *range,
                                    const struct table *table)
{
    const unsigned parts = range->equal_count + (unsigned)range->has_bounds;
    const unsigned registers = range_registers(range);
    struct range_spec *spec = gen_p4(g, sizeof(*spec));
    struct key_part *orders = gen_p4(g, (parts + 1u) * sizeof(*orders));
    uint8_t *affinities = gen_p4(g, registers + 1u);
    bool *null_matches = gen_p4(g, (range->equal_count + 1u) * sizeof(*null_matches));
    unsigned at = range->equal_count;

    if (spec == NULL || orders == NULL || affinities == NULL || null_matches == NULL)
        return NULL;
    for (unsigned k = 0; k < parts; k++) {
        if (range->index != NULL)
            orders[k] = range->index->parts[k].order;
        else if (table->key_parts != NULL)
            orders[k] = table->key_parts[k];
    }
    for (unsigned k = 0; k < range->equal_count; k++) {
        affinities[k] = range->equals[k].affinity;
        null_matches[k] = range->equals[k].null_matches;
    }
    spec->equal_count = range->equal_count;
    spec->parts = orders;
    spec->affinities = affinities;
    spec->null_matches = null_matches;
    spec->is_descending = range->is_descending;
    spec->skips_nulls = range->has_bounds;
    if (range->has_bounds) {
        spec->bound_part_descends = orders[range->equal_count].descending;
        spec->is_prefix = range->low.value != NULL && range->low.is_prefix;
        spec->has_low = range->low.value != NULL;
        spec->has_high = range->high.value != NULL && !spec->is_prefix;
        spec->low_inclusive = range->low.is_inclusive;
        spec->high_inclusive = range->high.is_inclusive;
        if (range->low.value != NULL)
            affinities[at++] = range->low.affinity;
        if (range->high.value != NULL)
            affinities[at] = range->high.affinity;
    }
    note_range(g, range, table, spec);
    return spec;
}

/* Values of IN terms, ascending and once each: sorted, then looped over. */
struct in_loop {
    uint32_t sorter;
    int32_t top, done, at;
};

static void sink_into_sorter(struct gen *g, struct gen_sink *sink, int32_t base)
{
    const int32_t row = sink->target, next = gen_label(g);

    gen_emit(g, OP_COPY, base, row, 0);
    if (sink->affinities != NULL && sink->affinities[0] != AFFINITY_NONE)
        gen_emit(g, OP_AFFINITY, row, sink->affinities[0], 0);
    gen_emit(g, OP_IF_NULL, row, next, 0); /* x IN (null) is never true */
    gen_emit(g, OP_COPY, row, row + 1, 0);
    gen_emit_n(g, OP_SORT_ADD, 2, (int32_t)sink->object, row, 0, NULL);
    gen_place(g, next);
}

static bool is_fixed_in(const struct ir_expr *in)
{
    if (in->as.in.query != NULL)
        return !((const struct plan_query *)in->as.in.query->plan)->is_correlated;
    for (size_t k = 0; k < in->as.in.count; k++)
        if (!in->as.in.items[k]->is_constant)
            return false;
    return true;
}

static void open_in_term(struct gen *g, const struct plan_range *range,
                         const struct plan_key_term *term, struct in_loop *out, int32_t at)
{
    const struct ir_expr *in = term->in;
    struct sort_part *parts = gen_parts(g, 1);
    struct object_spec spec = {
        .type = OBJECT_SORTER, .key_count = 1, .row_count = 1, .is_unique = true, .parts = parts};
    const int32_t filled = gen_label(g);
    struct gen_sink sink = {.row = sink_into_sorter,
                            .base = NO_REGISTER,
                            .count = 1,
                            .target = gen_register(g, 2),
                            .affinities = &term->affinity};

    if (parts != NULL) {
        const size_t part = (size_t)(term - range->equals);

        parts[0].descending = range->is_descending !=
                              (range->index != NULL && range->index->parts[part].order.descending);
        parts[0].nulls_last = parts[0].descending;
        parts[0].collation = in->collation;
    }
    out->sorter = sink.object = gen_object(g, &spec);
    if (is_fixed_in(in))
        gen_emit(g, OP_ONCE, (int32_t)builder_once(g->builder), filled, 0);
    else
        gen_emit(g, OP_SORT_CLEAR, (int32_t)out->sorter, 0, 0);
    if (in->as.in.query != NULL) {
        gen_query(g, in->as.in.query->plan, &sink);
    } else {
        const int32_t item = gen_temporary(g, 1);

        for (size_t k = 0; k < in->as.in.count; k++) {
            gen_expr(g, in->as.in.items[k], item);
            sink_into_sorter(g, &sink, item);
        }
    }
    gen_place(g, filled);
    out->at = at;
}

/* How a range is read, written around the code of one row. */
struct range_loop {
    const struct plan_range *range;
    int32_t cursor;     /* that walks */
    int32_t base;       /* registers of the range */
    struct in_loop *in; /* IN terms, outermost first */
    size_t in_count;
    int32_t top, end;
    uint32_t enter; /* instruction that seeks */
    bool is_find;
};

static bool is_key_lookup(const struct plan_range *range, const struct table *table)
{
    const unsigned key_count = table->key_count == 0 ? 1 : table->key_count;

    return range->index == NULL && !range->has_bounds && range->equal_count == key_count;
}

/* One register that is a slot or already there needs no copy. */
static int32_t range_values(struct gen *g, const struct plan_range *range, unsigned count)
{
    int32_t base, at;

    if (count == 1 && range->equal_count == 1 && range->equals[0].in == NULL) {
        const struct ir_expr *value = range->equals[0].value;

        if (value->kind == IR_LITERAL || value->kind == IR_PARAM)
            return gen_value(g, value);
    }
    base = gen_register(g, count);
    for (unsigned k = 0; k < range->equal_count; k++)
        if (range->equals[k].in == NULL)
            gen_expr(g, range->equals[k].value, base + (int32_t)k);
    at = base + range->equal_count;
    if (range->has_bounds && range->low.value != NULL)
        gen_expr(g, range->low.value, at++);
    if (range->has_bounds && range->high.value != NULL)
        gen_expr(g, range->high.value, at);
    return base;
}

/* What the range needs: evaluated before the row's temporaries begin, because an IN term comes back
 * to the other values after they were forgotten. */
static void prepare_range(struct gen *g, struct range_loop *loop, const struct plan_range *range,
                          const struct table *table, int32_t cursor)
{
    *loop = (struct range_loop){.range = range,
                                .cursor = cursor,
                                .top = gen_label(g),
                                .end = gen_label(g),
                                .is_find = is_key_lookup(range, table)};
    loop->base = range_values(g, range, range_registers(range));
    loop->in = ARENA_NEW_ARRAY(&g->scratch, struct in_loop, range->equal_count + 1u);
    if (loop->in == NULL)
        return;
    for (unsigned k = 0; k < range->equal_count; k++)
        if (range->equals[k].in != NULL)
            open_in_term(g, range, &range->equals[k], &loop->in[loop->in_count++],
                         loop->base + (int32_t)k);
}

/* Up to the label of the row's code. */
static void open_range(struct gen *g, struct range_loop *loop, const struct table *table)
{
    struct range_spec *spec = make_spec(g, loop->range, table);
    int32_t none;

    if (spec == NULL)
        return;
    for (size_t k = 0; k < loop->in_count; k++) {
        struct in_loop *in = &loop->in[k];

        in->top = gen_label(g);
        in->done = gen_label(g); /* on with the next value of the loop around */
        gen_emit(g, OP_SORT_FIRST, (int32_t)in->sorter, k == 0 ? loop->end : loop->in[k - 1].done,
                 0);
        gen_place(g, in->top);
        gen_emit_n(g, OP_SORT_ROW, 1, (int32_t)in->sorter, in->at, 0, NULL);
    }
    none = loop->in_count == 0 ? loop->end : loop->in[loop->in_count - 1].done;
    loop->enter = gen_emit_n(g, loop->is_find ? OP_FIND : OP_RANGE, range_registers(loop->range),
                             loop->cursor, loop->base, none, spec);
    gen_note(g, spec->text);
    gen_place(g, loop->top);
}

/* From the end of the row's code. */
static void close_range(struct gen *g, struct range_loop *loop)
{
    uint32_t row = UINT32_MAX;

    if (!loop->is_find && !(loop->range->is_unique && loop->in_count == 0))
        row =
            gen_emit(g, loop->range->is_descending ? OP_PREV : OP_NEXT, loop->cursor, loop->top, 0);
    builder_loop(g->builder,
                 loop->range->index != NULL ? loop->range->index->name : slice_text("key"),
                 loop->range->rows, loop->enter, row);
    for (size_t k = loop->in_count; k-- > 0;) {
        gen_place(g, loop->in[k].done);
        gen_emit(g, OP_SORT_NEXT, (int32_t)loop->in[k].sorter, loop->in[k].top, 0);
    }
    gen_place(g, loop->end);
}

/* ---- tables ---- */

static void place_table(struct gen *g, const struct plan_loop *plan, int32_t cursor)
{
    *gen_source(g, plan->source) = (struct gen_source){
        .place = PLACE_CURSOR, .cursor = cursor, .walker = cursor, .table = plan->table};
}

static void loop_scan(struct gen *g, struct loop *loop)
{
    const struct plan_loop *plan = loop->plan;
    const int32_t cursor = (int32_t)gen_cursor(g, plan->table, NULL), top = gen_label(g);
    struct temporaries temporaries;
    uint32_t enter;

    place_table(g, plan, cursor);
    temporaries = begin_rows(g);
    enter = gen_emit(g, plan->is_descending ? OP_LAST : OP_FIRST, cursor, loop->end, 0);
    gen_place(g, top);
    gen_row(g, loop);
    gen_place(g, loop->next);
    next_row(g, &temporaries);
    builder_loop(g->builder, plan->table->name, plan->rows, enter,
                 gen_emit(g, plan->is_descending ? OP_PREV : OP_NEXT, cursor, top, 0));
}

static void loop_range(struct gen *g, struct loop *loop)
{
    const struct plan_loop *plan = loop->plan;
    const struct index *index = plan->range.index;
    const int32_t walker = (int32_t)gen_cursor(g, plan->table, index);
    struct temporaries temporaries;
    struct range_loop range;
    int32_t seen = -1;

    if (index != NULL && plan->is_covering) {
        *gen_source(g, plan->source) = (struct gen_source){
            .place = PLACE_INDEX, .cursor = walker, .table = plan->table, .index = index};
    } else {
        place_table(g, plan, index == NULL ? walker : (int32_t)gen_cursor(g, plan->table, NULL));
    }
    if (plan->dedupe_rows) {
        seen = (int32_t)gen_set(g, 1, NULL, false);
        gen_emit(g, OP_SET_CLEAR, seen, 0, 0);
    }
    gen_source(g, plan->source)->walker = walker;
    prepare_range(g, &range, &plan->range, plan->table, walker);
    temporaries = begin_rows(g);
    open_range(g, &range, plan->table);
    if (seen >= 0)
        gen_emit(g, OP_SET_ADD_KEY, seen, walker, loop->next);
    if (index != NULL && !plan->is_covering)
        gen_emit(g, OP_FOLLOW, gen_source(g, plan->source)->cursor, walker, 0);
    gen_row(g, loop);
    gen_place(g, loop->next);
    next_row(g, &temporaries);
    close_range(g, &range);
}

/* ---- several ranges of one table ---- */

/* Each range walks with a cursor of its own; a walk over the rows themselves too, or fetching a row
 * would move it. */
static struct range_loop *prepare_ranges(struct gen *g, const struct plan_loop *plan)
{
    struct range_loop *ranges =
        ARENA_NEW_ARRAY(&g->scratch, struct range_loop, plan->range_count + 1);

    for (size_t k = 0; ranges != NULL && k < plan->range_count; k++)
        prepare_range(g, &ranges[k], &plan->ranges[k], plan->table,
                      (int32_t)gen_cursor(g, plan->table, plan->ranges[k].index));
    if (ranges == NULL)
        builder_set_failure(g->builder, ST_NO_MEMORY);
    return ranges;
}

/* The code for a row is a subroutine. */
static void loop_union(struct gen *g, struct loop *loop)
{
    const struct plan_loop *plan = loop->plan;
    const int32_t rows = (int32_t)gen_cursor(g, plan->table, NULL);
    const int32_t seen = (int32_t)gen_set(g, 1, NULL, false);
    const int32_t return_to = gen_register(g, 1), row_code = gen_label(g), over = gen_label(g);
    struct range_loop *ranges = prepare_ranges(g, plan);
    struct temporaries temporaries;

    place_table(g, plan, rows);
    gen_emit(g, OP_SET_CLEAR, seen, 0, 0);
    temporaries = begin_rows(g);
    for (size_t k = 0; ranges != NULL && k < plan->range_count; k++) {
        const int32_t again = gen_label(g);

        open_range(g, &ranges[k], plan->table);
        gen_emit(g, OP_SET_ADD_KEY, seen, ranges[k].cursor, again);
        gen_emit(g, OP_FOLLOW, rows, ranges[k].cursor, 0);
        gen_emit(g, OP_GOSUB, return_to, row_code, 0);
        gen_place(g, again);
        close_range(g, &ranges[k]);
    }
    gen_emit(g, OP_GOTO, over, 0, 0);
    gen_place(g, row_code);
    gen_row(g, loop);
    gen_place(g, loop->next);
    next_row(g, &temporaries);
    gen_emit(g, OP_RETURN, return_to, 0, 0);
    gen_place(g, over);
    if (plan->join == IR_JOIN_LEFT && !plan->is_anti && !plan->is_semi) {
        const int32_t done = gen_label(g);

        /* The row of nulls passes through the same subroutine. */
        gen_emit(g, OP_IF, loop->matched, done, 0);
        gen_emit(g, OP_INTEGER, loop->matched, 1, 0);
        gen_emit(g, OP_NULL_ROW, rows, 0, 0);
        gen_emit(g, OP_GOSUB, return_to, loop->present, 0);
        gen_place(g, done);
    }
}

/* Keys that are in this range and in the set `before` (-1: any) go to a new set. */
static int32_t collect_keys(struct gen *g, struct range_loop *range, const struct table *table,
                            int32_t before)
{
    const int32_t set = (int32_t)gen_set(g, 1, NULL, false);
    const int32_t again = gen_label(g), is_in = gen_label(g);

    gen_emit(g, OP_SET_CLEAR, set, 0, 0);
    open_range(g, range, table);
    if (before >= 0) {
        gen_emit(g, OP_SET_HAS_KEY, before, range->cursor, is_in);
        gen_emit(g, OP_GOTO, again, 0, 0);
    }
    gen_place(g, is_in);
    gen_emit(g, OP_SET_ADD_KEY, set, range->cursor, again);
    gen_place(g, again);
    close_range(g, range);
    return set;
}

/* Rows whose key is in every range: each range but the last leaves a set of keys. */
static void loop_intersect(struct gen *g, struct loop *loop)
{
    const struct plan_loop *plan = loop->plan;
    const int32_t rows = (int32_t)gen_cursor(g, plan->table, NULL), is_in = gen_label(g);
    const int32_t seen = plan->dedupe_rows ? (int32_t)gen_set(g, 1, NULL, false) : -1;
    struct range_loop *ranges = prepare_ranges(g, plan), *last;
    struct temporaries temporaries;
    int32_t before = -1;

    if (ranges == NULL || plan->range_count == 0)
        return;
    last = &ranges[plan->range_count - 1];
    place_table(g, plan, rows);
    gen_source(g, plan->source)->walker = last->cursor;
    if (seen >= 0)
        gen_emit(g, OP_SET_CLEAR, seen, 0, 0);
    temporaries = begin_rows(g);
    for (size_t k = 0; k + 1 < plan->range_count; k++)
        before = collect_keys(g, &ranges[k], plan->table, before);
    open_range(g, last, plan->table);
    if (before >= 0) {
        gen_emit(g, OP_SET_HAS_KEY, before, last->cursor, is_in);
        gen_emit(g, OP_GOTO, loop->next, 0, 0);
    }
    gen_place(g, is_in);
    if (seen >= 0)
        gen_emit(g, OP_SET_ADD_KEY, seen, last->cursor, loop->next);
    gen_emit(g, OP_FOLLOW, rows, last->cursor, 0);
    gen_row(g, loop);
    gen_place(g, loop->next);
    next_row(g, &temporaries);
    close_range(g, last);
}

/* ---- hash joins ---- */

static void gen_needed(struct gen *g, const struct plan_loop *plan, int32_t base)
{
    for (size_t k = 0; k < plan->needed_count; k++)
        gen_column(g, plan->source, plan->needed[k], base + (int32_t)k);
}

struct build {
    const struct plan_loop *plan;
    uint32_t table;
    int32_t base; /* keys, then needed columns */
};

static void gen_hash_keys(struct gen *g, const struct plan_loop *plan, struct ir_expr **keys,
                          int32_t base)
{
    for (size_t k = 0; k < plan->hash_count; k++) {
        gen_expr(g, keys[k], base + (int32_t)k);
        if (plan->hash_compare[k]->affinity != AFFINITY_NONE)
            gen_emit(g, OP_AFFINITY, base + (int32_t)k, plan->hash_compare[k]->affinity, 0);
    }
}

static void gen_build_row(struct gen *g, void *context)
{
    const struct build *build = context;
    const struct plan_loop *plan = build->plan;

    gen_hash_keys(g, plan, plan->hash_build, build->base);
    gen_needed(g, plan, build->base + (int32_t)plan->hash_count);
    gen_emit_n(g, OP_HASH_ADD, (unsigned)(plan->hash_count + plan->needed_count),
               (int32_t)build->table, build->base, 0, NULL);
}

static uint32_t gen_hash_table(struct gen *g, const struct plan_loop *plan)
{
    struct sort_part *parts = gen_parts(g, plan->hash_count);
    const struct object_spec spec = {.type = OBJECT_HASH,
                                     .key_count = (uint16_t)plan->hash_count,
                                     .row_count = (uint16_t)plan->needed_count,
                                     .parts = parts};

    for (size_t k = 0; parts != NULL && k < plan->hash_count; k++) {
        parts[k].collation = plan->hash_compare[k]->collation;
        parts[k].null_matches = plan->hash_compare[k]->op == IR_IS;
    }
    return gen_object(g, &spec);
}

static void loop_hash(struct gen *g, struct loop *loop)
{
    const struct plan_loop *plan = loop->plan;
    const unsigned width = (unsigned)(plan->hash_count + plan->needed_count);
    const int32_t built = gen_label(g), top = gen_label(g), probe = gen_register(g, width);
    const int32_t base = gen_register(g, (unsigned)plan->needed_count);
    struct build build = {.plan = plan, .table = gen_hash_table(g, plan), .base = probe};
    struct temporaries temporaries;

    gen_emit(g, OP_ONCE, (int32_t)builder_once(g->builder), built, 0);
    gen_loops(g, plan->build, 1, (struct gen_body){gen_build_row, &build});
    gen_place(g, built);
    *gen_source(g, plan->source) = (struct gen_source){.place = PLACE_NEEDED,
                                                       .base = base,
                                                       .table = plan->table,
                                                       .needed = plan->needed,
                                                       .needed_count = plan->needed_count};
    temporaries = begin_rows(g);
    gen_hash_keys(g, plan, plan->hash_probe, probe);
    gen_emit_n(g, OP_HASH_PROBE, (unsigned)plan->hash_count, (int32_t)build.table, probe, loop->end,
               NULL);
    gen_place(g, top);
    gen_emit_n(g, OP_HASH_ROW, (unsigned)plan->needed_count, (int32_t)build.table, base, 0, NULL);
    gen_row(g, loop);
    gen_place(g, loop->next);
    next_row(g, &temporaries);
    gen_emit(g, OP_HASH_NEXT, (int32_t)build.table, top, 0);
}

/* ---- queries as sources ---- */

static void place_registers(struct gen *g, const struct plan_loop *plan, int32_t base)
{
    *gen_source(g, plan->source) = (struct gen_source){
        .place = PLACE_REGISTERS, .base = base, .needed_count = plan->query->output_count};
}

static void sink_yield(struct gen *g, struct gen_sink *sink, int32_t base)
{
    if (base != sink->base)
        gen_emit_n(g, OP_COPY_N, sink->count, base, sink->base, 0, NULL);
    gen_emit(g, OP_CO_YIELD, (int32_t)sink->object, 0, 0);
}

static void loop_coroutine(struct gen *g, struct loop *loop)
{
    const struct plan_loop *plan = loop->plan;
    const struct object_spec spec = {.type = OBJECT_COROUTINE};
    const int32_t entry = gen_label(g), over = gen_label(g), top = gen_label(g);
    struct gen_sink sink = {.row = sink_yield,
                            .base = gen_register(g, (unsigned)plan->query->output_count),
                            .count = (unsigned)plan->query->output_count,
                            .object = gen_object(g, &spec)};
    struct temporaries temporaries;

    gen_emit(g, OP_CO_START, (int32_t)sink.object, entry, 0);
    gen_emit(g, OP_GOTO, over, 0, 0);
    gen_place(g, entry);
    gen_query(g, plan->query, &sink);
    gen_emit(g, OP_CO_END, (int32_t)sink.object, 0, 0);
    gen_place(g, over);
    place_registers(g, plan, sink.base);
    temporaries = begin_rows(g);
    gen_place(g, top);
    gen_emit(g, OP_CO_RESUME, (int32_t)sink.object, loop->end, 0);
    gen_row(g, loop);
    gen_place(g, loop->next);
    next_row(g, &temporaries);
    gen_emit(g, OP_GOTO, top, 0, 0);
}

/* Read rows of a buffer; `more`: a co-routine that appends when the reader is at the end, or -1. */
static void loop_reader(struct gen *g, struct loop *loop, uint32_t rows, unsigned width,
                        int32_t more)
{
    const struct object_spec spec = {.type = OBJECT_READER, .target = rows};
    const int32_t reader = (int32_t)gen_object(g, &spec), top = gen_label(g), empty = gen_label(g),
                  base = gen_register(g, width);
    struct temporaries temporaries;

    *gen_source(g, loop->plan->source) =
        (struct gen_source){.place = PLACE_REGISTERS, .base = base, .needed_count = width};
    gen_emit(g, OP_READ_FIRST, reader, 0, 0);
    temporaries = begin_rows(g);
    gen_place(g, top);
    gen_emit_n(g, OP_READ_NEXT, width, reader, base, more >= 0 ? empty : loop->end, NULL);
    gen_row(g, loop);
    gen_place(g, loop->next);
    next_row(g, &temporaries);
    gen_emit(g, OP_GOTO, top, 0, 0);
    gen_place(g, empty);
    if (more >= 0) {
        gen_emit(g, OP_CO_RESUME, more, loop->end, 0);
        gen_emit(g, OP_GOTO, top, 0, 0);
    }
}

static void loop_materialised(struct gen *g, struct loop *loop)
{
    const struct plan_loop *plan = loop->plan;
    const struct object_spec spec = {.type = OBJECT_ROWS};
    const uint32_t rows = gen_object(g, &spec);
    const int32_t filled = gen_label(g);

    if (plan->is_correlated)
        gen_emit(g, OP_ROWS_CLEAR, (int32_t)rows, 0, 0);
    else
        gen_emit(g, OP_ONCE, (int32_t)builder_once(g->builder), filled, 0);
    gen_query_rows(g, plan->query, rows);
    gen_place(g, filled);
    loop_reader(g, loop, rows, (unsigned)plan->query->output_count, -1);
}

static void loop_cte(struct gen *g, struct loop *loop)
{
    const struct plan_loop *plan = loop->plan;
    const struct plan_cte *cte = &g->plan->ctes[plan->cte];
    struct gen_cte *made = &g->ctes[plan->cte];

    gen_cte_fill(g, plan->cte);
    gen_emit(g, OP_GOSUB, made->return_to, made->fill, 0);
    loop_reader(g, loop, made->rows, (unsigned)cte->query->output_count,
                cte->is_recursive ? (int32_t)made->producer : -1);
}

/* The row of the queue that the recursive part is looking at: exactly one. */
static void loop_recursion(struct gen *g, struct loop *loop)
{
    const struct plan_loop *plan = loop->plan;
    struct temporaries temporaries;

    *gen_source(g, plan->source) =
        (struct gen_source){.place = PLACE_REGISTERS,
                            .base = g->ctes[plan->cte].current,
                            .needed_count = g->plan->ctes[plan->cte].query->output_count};
    temporaries = begin_rows(g);
    gen_row(g, loop);
    gen_place(g, loop->next);
    next_row(g, &temporaries);
}

/* ---- functions and documents ---- */

/* Rows of a function are made when its arguments are known; a table that shows the catalog is made
 * by the host. */
static void loop_function(struct gen *g, struct loop *loop)
{
    const struct plan_loop *plan = loop->plan;
    const struct object_spec spec = {.type = OBJECT_ROWS};
    const uint32_t rows = gen_object(g, &spec);
    unsigned width, count = 0;
    struct slice *name = gen_p4(g, sizeof(*name));
    int32_t args;

    if (name == NULL)
        return;
    if (plan->function != NULL) {
        width = plan->function->column_count;
        for (unsigned k = 0; k < width; k++)
            count += plan->function->columns[k].is_hidden;
        *name = gen_p4_slice(g, slice_text(plan->function->name));
    } else {
        width = (unsigned)plan->shows->column_count + plan->shows->hidden_count;
        count = plan->shows->hidden_count;
        *name = gen_p4_slice(g, slice_text(plan->shows->name));
    }
    args = gen_register(g, count);
    for (unsigned k = 0; k < count; k++) {
        if (plan->args[k] != NULL)
            gen_expr(g, plan->args[k], args + (int32_t)k);
        else
            gen_emit(g, OP_ABSENT, args + (int32_t)k, 0, 0);
    }
    gen_emit_n(g, OP_TABLE_OPEN, count, (int32_t)rows, args, 0, name);
    gen_note(g, *name);
    loop_reader(g, loop, rows, width, -1);
}

static void loop_documents(struct gen *g, struct loop *loop)
{
    const struct object_spec spec = {.type = OBJECT_ROWS};
    const uint32_t rows = gen_object(g, &spec);

    gen_emit(g, OP_ELEMENTS, (int32_t)rows, gen_value(g, loop->plan->args[0]), 0);
    loop_reader(g, loop, rows, 1, -1);
}

static void loop_nothing(struct gen *g, struct loop *loop)
{
    gen_row(g, loop);
    gen_place(g, loop->next);
}

/* ---- the nest ---- */

static void null_source(struct gen *g, const struct plan_loop *plan)
{
    const struct gen_source *place = gen_source(g, plan->source);

    if (place->place == PLACE_CURSOR || place->place == PLACE_INDEX) {
        gen_emit(g, OP_NULL_ROW, place->cursor, 0, 0);
        if (place->walker != place->cursor)
            gen_emit(g, OP_NULL_ROW, place->walker, 0, 0);
    } else
        gen_emit_n(g, OP_NULL, (unsigned)place->needed_count, place->base, 0, 0, NULL);
}

static void loop_by_access(struct gen *g, struct loop *loop)
{
    switch ((enum plan_access)loop->plan->access) {
    case ACCESS_NOTHING:
    case ACCESS_VALUES:
        loop_nothing(g, loop);
        break;
    case ACCESS_SCAN:
        loop_scan(g, loop);
        break;
    case ACCESS_KEY:
    case ACCESS_INDEX:
        loop_range(g, loop);
        break;
    case ACCESS_UNION:
        loop_union(g, loop);
        break;
    case ACCESS_INTERSECT:
        loop_intersect(g, loop);
        break;
    case ACCESS_HASH:
        loop_hash(g, loop);
        break;
    case ACCESS_QUERY:
        if (loop->plan->is_coroutine)
            loop_coroutine(g, loop);
        else
            loop_materialised(g, loop);
        break;
    case ACCESS_CTE:
        loop_cte(g, loop);
        break;
    case ACCESS_RECURSION:
        loop_recursion(g, loop);
        break;
    case ACCESS_FUNCTION:
        loop_function(g, loop);
        break;
    case ACCESS_DOCUMENTS:
        loop_documents(g, loop);
        break;
    }
}

static void gen_from(struct gen *g, struct nest *nest, size_t number)
{
    struct loop loop = {.nest = nest, .number = number};
    const struct plan_loop *plan;
    bool is_left;

    if (gen_failed(g))
        return;
    if (number == nest->count) {
        nest->body.emit(g, nest->body.context);
        return;
    }
    loop.plan = plan = &nest->loops[number];
    is_left = plan->join == IR_JOIN_LEFT && !plan->is_anti && !plan->is_semi;
    loop.next = gen_label(g);
    loop.end = gen_label(g);
    loop.present = gen_label(g);
    loop.rejected = gen_label(g);
    if (plan->join == IR_JOIN_LEFT) {
        loop.matched = gen_register(g, 1);
        gen_emit(g, OP_INTEGER, loop.matched, 0, 0);
    }
    loop_by_access(g, &loop);
    gen_place(g, loop.end);
    if (is_left && plan->access != ACCESS_UNION) {
        const int32_t done = gen_label(g);

        /* No row matched: go through once more with nulls. Every way to the next row is then at its
         * end already and comes back here. */
        gen_emit(g, OP_IF, loop.matched, done, 0);
        gen_emit(g, OP_INTEGER, loop.matched, 1, 0);
        null_source(g, plan);
        gen_emit(g, OP_GOTO, loop.present, 0, 0);
        gen_place(g, done);
    }
    if (plan->is_anti) {
        gen_from(g, nest, number + 1);
        gen_place(g, loop.rejected);
    }
}

void gen_loops(struct gen *g, const struct plan_loop *loops, size_t count, struct gen_body body)
{
    struct nest nest = {.loops = loops, .count = count, .body = body};

    gen_from(g, &nest, 0);
}
