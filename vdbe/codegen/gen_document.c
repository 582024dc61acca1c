/* Whole documents: one object, or each object of an array. */
#include "vdbe/codegen/codegen_internal.h"

_Static_assert((int)DOCUMENT_INSERT == (int)IR_DOCUMENT_INSERT &&
                   (int)DOCUMENT_PUT == (int)IR_DOCUMENT_PUT &&
                   (int)DOCUMENT_PATCH == (int)IR_DOCUMENT_PATCH &&
                   (int)DOCUMENT_UPDATE == (int)IR_DOCUMENT_UPDATE,
               "the machine has the IR's numbers");

static void place_written(struct gen *g, const struct plan_write *plan,
                          const struct ir_source *source, int32_t cursor)
{
    if (source != NULL)
        *gen_source(g, source) = (struct gen_source){
            .place = PLACE_CURSOR, .cursor = cursor, .walker = cursor, .table = plan->table};
}

/* CHECK constraints look at the row as it was written; failing undoes the statement. */
static void gen_checks(struct gen *g, const struct plan_write *plan)
{
    for (size_t k = 0; k < plan->check_count; k++) {
        const int32_t fine = gen_label(g);
        struct fail_spec *spec = gen_p4(g, sizeof(*spec));
        char *text = arena_printf(builder_arena(g->builder), "CHECK constraint failed: %.*s",
                                  (int)plan->check_names[k].len, plan->check_names[k].data);

        if (spec == NULL || text == NULL)
            return;
        *spec = (struct fail_spec){ST_CHECK, IR_CONFLICT_ABORT, slice_text(text)};
        gen_jump(g, plan->checks[k], fine, true, true);
        gen_emit_n(g, OP_FAIL, 1, 0, 0, 0, spec);
        gen_note(g, plan->check_names[k]);
        gen_place(g, fine);
    }
}

static void gen_document(struct gen *g, const struct plan_write *plan, int32_t document,
                         int32_t returning)
{
    static const char *const modes[] = {"insert", "put", "patch", "update"};
    const unsigned count = (unsigned)plan->returning_count;
    const int32_t cursor = (int32_t)gen_cursor(g, plan->table, NULL), key = gen_register(g, 1),
                  skip = gen_label(g), base = gen_register(g, count);
    struct document_spec *spec = gen_p4(g, sizeof(*spec));

    if (spec == NULL)
        return;
    spec->mode = plan->document_mode;
    spec->skip_existing = plan->skip_existing;
    gen_emit_n(g, OP_WRITE_DOCUMENT, 2, cursor, document, key, spec);
    gen_note(g, slice_text(modes[spec->mode % COUNT_OF(modes)]));
    if (count + plan->check_count == 0)
        return;
    gen_emit(g, OP_IF_NULL, key, skip, 0);
    gen_emit(g, OP_FIND_KEY, cursor, key, skip);
    place_written(g, plan, plan->new_row, cursor);
    place_written(g, plan, plan->target, cursor);
    gen_checks(g, plan);
    for (unsigned k = 0; k < count; k++)
        gen_expr(g, plan->returning[k], base + (int32_t)k);
    if (count != 0)
        gen_emit_n(g, OP_ROWS_ADD, count, returning, base, 0, NULL);
    gen_place(g, skip);
}

void gen_documents(struct gen *g, const struct plan_write *plan)
{
    const struct object_spec rows_spec = {.type = OBJECT_ROWS};
    const uint32_t rows = gen_object(g, &rows_spec), returning = gen_object(g, &rows_spec);
    const struct object_spec reader_spec = {.type = OBJECT_READER, .target = rows};
    const int32_t reader = (int32_t)gen_object(g, &reader_spec), document = gen_register(g, 2),
                  top = gen_label(g), done = gen_label(g);
    const uint32_t mark = builder_mark(g->builder);

    builder_flags(g->builder, true, false, false, gen_database_of(g, plan->table));
    builder_columns(g->builder, plan->returning_count, plan->returning_names);
    if (plan->key != NULL)
        gen_expr(g, plan->key, document + 1);
    else
        gen_emit(g, OP_ABSENT, document + 1, 0, 0);
    gen_emit(g, OP_ELEMENTS, (int32_t)rows, gen_value(g, plan->documents), 0);
    gen_emit(g, OP_READ_FIRST, reader, 0, 0);
    gen_emit(g, OP_MARK, (int32_t)mark, 0, 0);
    gen_place(g, top);
    gen_emit(g, OP_RELEASE, (int32_t)mark, 0, 0);
    gen_emit_n(g, OP_READ_NEXT, 1, reader, document, done, NULL);
    g->loop_depth++;
    gen_document(g, plan, document, (int32_t)returning);
    g->loop_depth--;
    gen_emit(g, OP_GOTO, top, 0, 0);
    gen_place(g, done);
    if (plan->returning_count != 0)
        gen_returning_rows(g, returning, plan->returning_count);
    gen_emit(g, OP_HALT, 0, 0, 0);
}
