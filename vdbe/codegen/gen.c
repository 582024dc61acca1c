/* The state of one compilation and what everything else is written with. */
#include "vdbe/codegen/codegen_internal.h"
#include <stdio.h>

void gen_fail(struct gen *g, enum status status, int32_t offset, const char *format, ...)
{
    char message[ERROR_MESSAGE_BYTES];
    va_list args;

    if (g->status != ST_OK)
        return;
    va_start(args, format);
    (void)vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    g->status = error_set(g->err, status, offset, "%s", message);
}

bool gen_failed(const struct gen *g)
{
    return g->status != ST_OK || builder_failed(g->builder);
}

int32_t gen_register(struct gen *g, unsigned count)
{
    return builder_register(g->builder, count);
}

int32_t gen_temporary(struct gen *g, unsigned count)
{
    return builder_temporary(g->builder, count);
}

/* Instructions that may leave something in the row's arena. */
static bool allocates(enum opcode op, unsigned n)
{
    switch (op) {
    case OP_CONCAT:
    case OP_CALL:
    case OP_LIKE:
    case OP_CAST:
    case OP_AFFINITY:
    case OP_ARRAY:
    case OP_OBJECT:
    case OP_MEMBER:
    case OP_ROWS_ARRAY:
    case OP_KEEP:
    case OP_KEY:
    case OP_META:
    case OP_RANGE:
    case OP_FIND:
    case OP_RESULT:
    case OP_TABLE_OPEN:
    case OP_WRITE_DOCUMENT:
    case OP_INSERT:
    case OP_UPDATE:
    case OP_PATCH:
    case OP_CHECK_TYPE:
        return true;
    case OP_EQ:
    case OP_NE:
    case OP_LT:
    case OP_LE:
    case OP_GT:
    case OP_GE:
        return (n & COMPARE_TEXT) != 0;
    case OP_COMPARE:
        return true;
    default:
        return false;
    }
}

uint32_t gen_emit_n(struct gen *g, enum opcode op, unsigned n, int32_t p1, int32_t p2, int32_t p3,
                    const void *p4)
{
    if (g->status != ST_OK)
        return 0;
    g->allocations += allocates(op, n);
    return builder_emit_n(g->builder, op, n, p1, p2, p3, p4);
}

uint32_t gen_emit(struct gen *g, enum opcode op, int32_t p1, int32_t p2, int32_t p3)
{
    return gen_emit_n(g, op, 1, p1, p2, p3, NULL);
}

void gen_note(struct gen *g, struct slice text)
{
    if (g->status == ST_OK)
        builder_note(g->builder, text);
}

int32_t gen_label(struct gen *g)
{
    return builder_label(g->builder);
}

void gen_place(struct gen *g, int32_t label)
{
    if (g->status == ST_OK)
        builder_place(g->builder, label);
}

void *gen_p4(struct gen *g, size_t bytes)
{
    void *room = arena_zalloc(builder_arena(g->builder), bytes);

    if (room == NULL)
        builder_set_failure(g->builder, ST_NO_MEMORY);
    return room;
}

struct slice gen_p4_slice(struct gen *g, struct slice text)
{
    return arena_copy(builder_arena(g->builder), text);
}

unsigned gen_database_of(struct gen *g, const struct table *table)
{
    for (unsigned k = 0; g->databases != NULL && k < g->databases->count; k++)
        if (g->databases->refs[k].txn != NULL && txn_db(g->databases->refs[k].txn) == table->db) {
            builder_depends(g->builder, k, txn_catalog(g->databases->refs[k].txn)->version);
            return k;
        }
    gen_fail(g, ST_INTERNAL, -1, "table %.*s is in no database of the statement",
             (int)table->name.len, table->name.data);
    return 0;
}

uint32_t gen_table(struct gen *g, const struct table *table)
{
    return builder_table(g->builder, gen_database_of(g, table), table);
}

uint32_t gen_cursor(struct gen *g, const struct table *table, const struct index *index)
{
    return builder_cursor(g->builder, gen_table(g, table), index);
}

uint32_t gen_object(struct gen *g, const struct object_spec *spec)
{
    return builder_object(g->builder, spec);
}

struct sort_part *gen_parts(struct gen *g, size_t count)
{
    return gen_p4(g, count * sizeof(struct sort_part));
}

uint32_t gen_set(struct gen *g, size_t count, const uint8_t *collations, bool keeps_rows)
{
    struct sort_part *parts = gen_parts(g, count);
    const struct object_spec spec = {
        .type = OBJECT_SET, .key_count = (uint16_t)count, .row_count = keeps_rows, .parts = parts};

    for (size_t k = 0; parts != NULL && collations != NULL && k < count; k++)
        parts[k].collation = collations[k];
    return gen_object(g, &spec);
}

struct gen_source *gen_source(struct gen *g, const struct ir_source *source)
{
    if (source->number >= g->source_count) {
        gen_fail(g, ST_INTERNAL, -1, "source %u was not planned", source->number);
        return &g->sources[0];
    }
    return &g->sources[source->number];
}

void gen_know(struct gen *g, const struct ir_expr *expr, int32_t at)
{
    struct gen_known *known = ARENA_NEW(&g->scratch, struct gen_known);

    if (known == NULL) {
        builder_set_failure(g->builder, ST_NO_MEMORY);
        return;
    }
    *known = (struct gen_known){
        .expr = expr, .kind = expr->kind, .op = expr->op, .at = at, .below = g->known};
    if (expr->kind == IR_COLUMN) {
        known->source = expr->as.column.source;
        known->attribute = expr->as.column.attribute;
    } else if (expr->kind == IR_RECORD || expr->kind == IR_META) {
        known->source = expr->as.record.source;
    }
    g->known = known;
}

/* ---- whole programs ---- */

static void sink_result_row(struct gen *g, struct gen_sink *sink, int32_t base)
{
    gen_emit_n(g, OP_ROW, sink->count, base, 0, 0, NULL);
}

static void gen_select(struct gen *g, const struct plan_query *query)
{
    struct gen_sink sink = {
        .row = sink_result_row, .base = NO_REGISTER, .count = (unsigned)query->output_count};

    builder_columns(g->builder, query->output_count, query->output_names);
    gen_query(g, query, &sink);
    gen_emit(g, OP_HALT, 0, 0, 0);
}

static enum status gen_begin(struct gen *g)
{
    const size_t sources = g->source_count == 0 ? 1 : g->source_count;

    TRY(builder_new(&g->builder));
    g->sources = ARENA_NEW_ARRAY(&g->scratch, struct gen_source, sources);
    g->ctes =
        ARENA_NEW_ARRAY(&g->scratch, struct gen_cte, g->plan == NULL ? 1 : g->plan->cte_count + 1);
    return g->sources == NULL || g->ctes == NULL ? ST_NO_MEMORY : ST_OK;
}

static enum status gen_end(struct gen *g, enum status st, struct program **out)
{
    if (st == ST_OK)
        st = g->status;
    if (st == ST_OK)
        st = builder_finish(g->builder, out, g->err);
    builder_free(g->builder);
    arena_deinit(&g->scratch);
    buf_free(&g->slots);
    buf_free(&g->slot_table);
    return st;
}

static void gen_statement(struct gen *g)
{
    const struct plan_statement *plan = g->plan;
    const struct ir_statement *ir = plan->ir;

    if (ir->param_names != NULL)
        builder_params(g->builder, ir->param_count, ir->param_names);
    else
        builder_params(g->builder, ir->param_count,
                       ARENA_NEW_ARRAY(&g->scratch, struct slice, ir->param_count));
    builder_row_form(g->builder, ir->row_form);
    builder_flags(g->builder, plan->writes, false, false, plan->database);
    gen_nested_types(g);
    if (ir->kind == IR_CREATE_TABLE)
        gen_statement_ir(g, ir);
    else if (plan->query != NULL)
        gen_select(g, plan->query);
    else if (plan->write != NULL && plan->write->kind == PLAN_DOCUMENTS)
        gen_documents(g, plan->write);
    else if (plan->write != NULL)
        gen_write(g, plan->write);
    else
        gen_statement_ir(g, ir);
}

/* A statement of a trigger: a program of its own. */
static enum status gen_step(struct gen *root, const struct plan_program *program,
                            const struct plan_step *step, struct program **out)
{
    struct gen g = {.plan = step->plan,
                    .databases = root->databases,
                    .err = root->err,
                    .source_count = step->plan->source_count};
    enum status st = gen_begin(&g);

    if (st == ST_OK) {
        gen_given(&g, program, step);
        gen_statement(&g);
    }
    return gen_end(&g, st, out);
}

static enum status gen_steps(struct gen *g)
{
    const struct plan_programs *programs = g->plan->programs;
    struct program **made;
    enum status st = ST_OK;

    if (programs == NULL)
        return ST_OK;
    made = ARENA_NEW_ARRAY(&g->scratch, struct program *, programs->step_total + 1);
    if (made == NULL)
        return ST_NO_MEMORY;
    for (size_t k = 0; st == ST_OK && k < programs->count; k++) {
        const struct plan_program *program = programs->list[k];

        for (size_t i = 0; st == ST_OK && i < program->step_count; i++)
            st = gen_step(g, program, &program->steps[i], &made[program->first_step + i]);
    }
    for (size_t k = 0; st == ST_OK && k < programs->step_total; k++) {
        builder_step(g->builder, made[k]);
        made[k] = NULL;
    }
    for (size_t k = 0; k < programs->step_total; k++)
        program_free(made[k]);
    return st;
}

enum status codegen_program(const struct plan_statement *plan, const struct databases *databases,
                            struct program **out, struct error *err)
{
    struct gen g = {
        .plan = plan, .databases = databases, .err = err, .source_count = plan->source_count};
    enum status st = gen_begin(&g);

    if (st == ST_OK)
        gen_statement(&g);
    if (st == ST_OK)
        st = gen_steps(&g);
    return gen_end(&g, st, out);
}

enum status codegen_row_expr(const struct ir_expr *expr, const struct ir_source *source,
                             const struct table *table, struct program **out, struct error *err)
{
    static const struct slice name = {"value", 5};
    struct gen g = {.err = err, .source_count = source == NULL ? 0 : source->number + 1u};
    enum status st = gen_begin(&g);

    if (st == ST_OK) {
        int32_t at;

        if (source != NULL)
            *gen_source(&g, source) = (struct gen_source){.place = PLACE_RECORD, .table = table};
        builder_columns(g.builder, 1, &name);
        at = gen_register(&g, 1);
        gen_expr(&g, expr, at);
        gen_emit_n(&g, OP_ROW, 1, at, 0, 0, NULL);
        gen_emit(&g, OP_HALT, 0, 0, 0);
    }
    return gen_end(&g, st, out);
}
