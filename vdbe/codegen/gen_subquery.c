/* Subqueries in expressions. One that depends on no row around it runs at most once. */
#include "vdbe/codegen/codegen_internal.h"

static void sink_first(struct gen *g, struct gen_sink *sink, int32_t base)
{
    gen_emit(g, OP_COPY, base, sink->target, 0);
    gen_emit(g, OP_GOTO, sink->stop, 0, 0);
}

static void sink_exists(struct gen *g, struct gen_sink *sink, int32_t base)
{
    (void)base;
    gen_emit(g, OP_INTEGER, sink->target, sink->affinities == NULL, 0);
    gen_emit(g, OP_GOTO, sink->stop, 0, 0);
}

static void sink_append(struct gen *g, struct gen_sink *sink, int32_t base)
{
    gen_emit(g, OP_APPEND, base, (int32_t)sink->object, 0);
}

static void gen_array(struct gen *g, const struct plan_query *query, int32_t target)
{
    const struct object_spec spec = {.type = OBJECT_ROWS};
    struct gen_sink sink = {.row = sink_append,
                            .base = NO_REGISTER,
                            .count = (unsigned)query->output_count,
                            .object = gen_object(g, &spec)};

    gen_emit(g, OP_ROWS_CLEAR, (int32_t)sink.object, 0, 0);
    gen_query(g, query, &sink);
    gen_emit(g, OP_ROWS_ARRAY, (int32_t)sink.object, target, 0);
}

static void gen_once(struct gen *g, const struct ir_expr *expr, int32_t target)
{
    static const uint8_t negated = 1; /* any address: tells sink_exists */
    const struct plan_query *query = expr->as.subquery.query->plan;
    struct gen_sink sink = {.row = expr->as.subquery.is_exists ? sink_exists : sink_first,
                            .base = NO_REGISTER,
                            .count = (unsigned)query->output_count,
                            .stop = gen_label(g),
                            .target = target};

    if (!expr->as.subquery.is_exists && expr->op == IR_SUBQUERY_ARRAY) {
        gen_place(g, sink.stop);
        gen_array(g, query, target);
        return;
    }
    if (expr->as.subquery.is_exists) {
        sink.affinities = expr->negated ? &negated : NULL;
        gen_emit(g, OP_INTEGER, target, expr->negated, 0);
    } else if (expr->op == IR_SUBQUERY_MEMBER) {
        gen_emit(g, OP_ABSENT, target, 0, 0);
    } else {
        gen_emit_n(g, OP_NULL, 1, target, 0, 0, NULL);
    }
    gen_query(g, query, &sink);
    gen_place(g, sink.stop);
}

void gen_subquery(struct gen *g, const struct ir_expr *expr, int32_t target)
{
    const struct plan_query *query = expr->as.subquery.query->plan;
    int32_t known, at;

    if (query == NULL) {
        gen_fail(g, ST_INTERNAL, expr->offset, "a subquery was not planned");
        return;
    }
    at = gen_register(g, 1); /* the query runs loops: a temporary would be reused in them */
    if (query->is_correlated) {
        gen_once(g, expr, at);
    } else {
        known = gen_label(g);
        gen_emit(g, OP_ONCE, (int32_t)builder_once(g->builder), known, 0);
        gen_once(g, expr, at);
        gen_emit_n(g, OP_KEEP, 1, at, 1, 0, NULL);
        gen_place(g, known);
    }
    gen_emit(g, OP_COPY, at, target, 0);
}
