/* EXPLAIN in its forms: texts of the stages, SQLite's two tables, and counts of a run. */
#include "api/api_internal.h"
#include "vdbe/ir/ir.h"
#include <stdlib.h>
#include <string.h>

/* ---- rows made here ---- */

struct canned *canned_new(size_t column_count, const char *const *names)
{
    struct canned *canned = calloc(1, sizeof *canned);

    if (canned == NULL)
        return NULL;
    canned->column_count = column_count;
    canned->names = ARENA_NEW_ARRAY(&canned->arena, struct slice, column_count);
    for (size_t k = 0; canned->names != NULL && k < column_count; k++)
        canned->names[k] = arena_copy(&canned->arena, slice_text(names[k]));
    if (canned->arena.failed) {
        canned_free(canned);
        return NULL;
    }
    return canned;
}

void canned_free(struct canned *canned)
{
    if (canned == NULL)
        return;
    arena_deinit(&canned->arena);
    free(canned->values);
    free(canned);
}

enum status canned_add(struct canned *canned, const struct value *values)
{
    struct value *row;

    if (canned->row_count == canned->row_capacity) {
        size_t capacity = canned->row_capacity == 0 ? 32 : canned->row_capacity * 2;
        struct value *more =
            realloc(canned->values, capacity * canned->column_count * sizeof *more);

        if (more == NULL)
            return ST_NO_MEMORY;
        canned->values = more;
        canned->row_capacity = capacity;
    }
    row = canned->values + canned->row_count++ * canned->column_count;
    for (size_t k = 0; k < canned->column_count; k++) {
        row[k] = values[k];
        if (value_has_bytes(values[k]))
            row[k].as.data = arena_copy(&canned->arena, value_slice(values[k])).data;
    }
    return canned->arena.failed ? ST_NO_MEMORY : ST_OK;
}

/* A text, a row per line. */
static enum status add_lines(struct canned *canned, struct slice text)
{
    while (text.len > 0) {
        const char *end = memchr(text.data, '\n', text.len);
        size_t len = end == NULL ? text.len : (size_t)(end - text.data);
        struct value line = value_text(slice_of(text.data, len));

        TRY(canned_add(canned, &line));
        text.data += len + (end != NULL);
        text.len -= len + (end != NULL);
    }
    return ST_OK;
}

/* ---- the forms ---- */

struct query_plan {
    struct canned *canned;
    enum status status;
};

static void add_plan_line(void *context, unsigned id, unsigned parent, const char *text)
{
    struct query_plan *query_plan = context;
    const struct value row[] = {value_int(id), value_int(parent), value_int(0),
                                value_text(slice_text(text))};

    if (query_plan->status == ST_OK)
        query_plan->status = canned_add(query_plan->canned, row);
}

static enum status explain_query_plan(harper_statement *statement,
                                      const struct plan_statement *plan)
{
    static const char *const names[] = {"id", "parent", "notused", "detail"};
    struct query_plan query_plan = {.canned = canned_new(COUNT_OF(names), names)};

    if (query_plan.canned == NULL)
        return ST_NO_MEMORY;
    statement->canned = query_plan.canned;
    plan_explain(plan, add_plan_line, &query_plan);
    return query_plan.status;
}

static enum status explain_code(harper_statement *statement, const struct program *program)
{
    static const char *const names[] = {"addr", "opcode", "p1", "p2", "p3", "n", "comment"};
    struct buf text = {0};
    struct program_line line;
    enum status st = ST_OK;

    statement->canned = canned_new(COUNT_OF(names), names);
    if (statement->canned == NULL)
        return ST_NO_MEMORY;
    for (size_t k = 0; st == ST_OK; k++) {
        buf_clear(&text);
        if (!program_line(program, k, &text, &line))
            break;
        st = canned_add(statement->canned,
                        (struct value[]){value_int((int64_t)k), value_text(slice_text(line.opcode)),
                                         value_int(line.p1), value_int(line.p2), value_int(line.p3),
                                         value_int(line.n), value_text(line.summary)});
    }
    buf_free(&text);
    return st;
}

enum status explain_statement(harper_statement *statement, const struct ir_statement *ir,
                              const struct plan_statement *plan, struct program *program,
                              struct error *err)
{
    static const char *const ir_names[] = {"ir"}, *const plan_names[] = {"plan"};
    struct buf text = {0};
    enum status st;

    (void)err;
    if (ir->explain == IR_EXPLAIN_QUERY_PLAN)
        return explain_query_plan(statement, plan);
    if (ir->explain == IR_EXPLAIN_CODE)
        return explain_code(statement, program);
    if (ir->explain == IR_EXPLAIN_IR)
        ir_print(&text, ir);
    else
        plan_print(&text, plan, true);
    statement->canned = canned_new(1, ir->explain == IR_EXPLAIN_IR ? ir_names : plan_names);
    st = statement->canned == NULL ? ST_NO_MEMORY : buf_status(&text);
    if (st == ST_OK)
        st = add_lines(statement->canned, buf_slice(&text));
    buf_free(&text);
    return st;
}

/* What was planned beside what ran: a row per loop, then the number of instructions. */
enum status explain_analyze_finish(harper_statement *statement, struct error *err)
{
    static const char *const names[] = {"step", "estimated_rows", "loops", "rows"};
    const struct program_info *info = program_info(statement->program);
    const uint64_t *counts = vm_counts(statement->vm);
    uint64_t total = 0;

    (void)err;
    statement->canned = canned_new(COUNT_OF(names), names);
    if (statement->canned == NULL)
        return ST_NO_MEMORY;
    for (size_t k = 0; counts != NULL && k < info->loop_count; k++) {
        const struct program_loop *loop = &info->loops[k];

        TRY(canned_add(
            statement->canned,
            (struct value[]){
                value_text(loop->label), value_real(loop->estimate),
                loop->enter == UINT32_MAX ? value_null() : value_int((int64_t)counts[loop->enter]),
                loop->row == UINT32_MAX ? value_null() : value_int((int64_t)counts[loop->row])}));
    }
    for (size_t k = 0; counts != NULL && k < info->insn_count; k++)
        total += counts[k];
    return canned_add(statement->canned,
                      (struct value[]){value_text(slice_text("instructions executed")),
                                       value_null(), value_null(), value_int((int64_t)total)});
}

/* ---- the stages of any statement, for tools ---- */

const char *harper_explain(harper_statement *statement, int what)
{
    harper_session *session = statement->session;
    struct database_ref refs[DATABASES_MAX];
    struct databases databases;
    struct error err = {0};
    struct buf text = {0};

    if (what == HARPER_EXPLAIN_CODE && statement->program != NULL) {
        program_print(&text, statement->program);
    } else if (session_acquire(session, &databases, refs, &err) == ST_OK) {
        struct ir_statement *ir = NULL;
        struct plan_statement *plan = NULL;

        arena_reset(&session->prepare);
        if (statement_parse(statement, &databases, &ir, &err) == ST_OK && ir != NULL) {
            enum status st = ST_OK;

            if (what == HARPER_EXPLAIN_IR)
                ir_print(&text, ir);
            else
                st = plan_make(ir, &databases, &session->plan_options, &session->prepare, &plan,
                               &err);
            if (st == ST_OK && plan != NULL)
                plan_print(&text, plan, false);
        }
        session_release(session, session->in_transaction);
    }
    free(statement->explanation);
    statement->explanation =
        text.failed ? NULL : strndup(text.data == NULL ? "" : text.data, text.len);
    buf_free(&text);
    return statement->explanation;
}
