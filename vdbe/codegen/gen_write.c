/* INSERT, UPDATE, DELETE and what is compiled around their rows: NOT NULL, CHECK, generated
 * columns, conflicts, upsert, RETURNING. */
#include "vdbe/codegen/codegen_internal.h"

struct write {
    const struct plan_write *plan;
    const struct table *table;
    uint32_t program_table;
    /* the new row in registers: attributes[k] in row + k, the rowid behind them */
    int32_t row;
    uint16_t *attributes;
    uint16_t count;
    int32_t returning; /* ROWS object, -1: none */
    int32_t skip;      /* label: this row is not written */
    int32_t hook_rows; /* the old and the new row, for triggers */
};

/* ---- the new row ---- */

static bool is_listed(const struct write *write, uint16_t attribute)
{
    for (uint16_t k = 0; k < write->count; k++)
        if (write->attributes[k] == attribute)
            return true;
    return false;
}

/* Stored attributes of the table; generated ones that are virtual are not among them. */
static void list_attributes(struct gen *g, struct write *write)
{
    const struct table *table = write->table;

    write->attributes = ARENA_NEW_ARRAY(&g->scratch, uint16_t, table->attribute_count + 1u);
    if (write->attributes == NULL) {
        builder_set_failure(g->builder, ST_NO_MEMORY);
        return;
    }
    if (table->declared_shape != NULL && !table->is_dynamic)
        for (uint16_t k = 0; k < table->declared_shape->count; k++)
            write->attributes[write->count++] = table->declared_shape->attributes[k];
    for (uint16_t k = 0; k < table->attribute_count; k++) /* and those that came with documents */
        if (!table->attributes[k].is_dropped &&
            table->attributes[k].generated != GENERATED_VIRTUAL &&
            table->attributes[k].type != TYPE_RELATIONSHIP && !is_listed(write, k))
            write->attributes[write->count++] = k;
    write->attributes[write->count] = ATTRIBUTE_NONE; /* the rowid's place */
    write->row = gen_register(g, write->count + 1u);
}

static int32_t register_of(struct gen *g, const struct write *write, uint16_t attribute)
{
    for (uint16_t k = 0; k < write->count; k++)
        if (write->attributes[k] == attribute)
            return write->row + k;
    if (attribute != ATTRIBUTE_NONE)
        gen_fail(g, ST_INTERNAL, -1, "attribute %u is not stored", attribute);
    return write->row + write->count;
}

static void place_row(struct gen *g, const struct write *write, const struct ir_source *source)
{
    if (source == NULL)
        return;
    *gen_source(g, source) = (struct gen_source){.place = PLACE_NEEDED,
                                                 .base = write->row,
                                                 .table = write->table,
                                                 .needed = write->attributes,
                                                 .needed_count = write->count + 1u};
}

static struct slice column_name(struct gen *g, const struct write *write, uint16_t attribute)
{
    const struct table *table = write->table;
    struct slice name =
        attribute == ATTRIBUTE_NONE ? slice_text("rowid") : table->attributes[attribute].name;
    char *text = arena_printf(builder_arena(g->builder), "%.*s.%.*s", (int)table->name.len,
                              table->name.data, (int)name.len, name.data);

    return text == NULL ? slice_empty() : slice_text(text);
}

/* ---- constraints ---- */

static const struct fail_spec *make_failure(struct gen *g, enum status status, uint8_t conflict,
                                            const char *what, struct slice name)
{
    struct fail_spec *spec = gen_p4(g, sizeof(*spec));
    char *text = arena_printf(builder_arena(g->builder), "%s%.*s", what, (int)name.len, name.data);

    if (spec == NULL || text == NULL)
        return NULL;
    spec->status = status;
    spec->conflict = conflict == IR_CONFLICT_NONE ? IR_CONFLICT_ABORT : conflict;
    spec->message = slice_text(text);
    return spec;
}

static void gen_not_null(struct gen *g, const struct write *write,
                         const struct plan_assignment *assignment, int32_t at)
{
    const int32_t fine = gen_label(g);
    uint8_t conflict = write->plan->conflict != IR_CONFLICT_NONE ? write->plan->conflict
                                                                 : assignment->not_null_conflict;
    const struct fail_spec *spec;

    if (!assignment->is_not_null)
        return;
    if (conflict == IR_CONFLICT_REPLACE) {
        if (assignment->default_value != NULL) {
            gen_emit(g, OP_IF_NOT_NULL, at, fine, 0);
            gen_expr(g, assignment->default_value, at);
        }
        conflict = IR_CONFLICT_ABORT;
    }
    if (conflict == IR_CONFLICT_IGNORE) {
        gen_emit(g, OP_IF_NULL, at, write->skip, 0);
    } else {
        spec = make_failure(g, ST_NOT_NULL, conflict, "NOT NULL constraint failed: ",
                            column_name(g, write, assignment->attribute));
        gen_emit_n(g, OP_CHECK_NULL, 1, at, fine, 0, spec);
        gen_note(g, column_name(g, write, assignment->attribute));
    }
    gen_place(g, fine);
}

static void gen_checks(struct gen *g, const struct write *write)
{
    const uint8_t conflict = write->plan->conflict;

    for (size_t k = 0; k < write->plan->check_count; k++) {
        const int32_t fine = gen_label(g);

        if (conflict == IR_CONFLICT_IGNORE) {
            gen_jump(g, write->plan->checks[k], write->skip, false, false);
            gen_place(g, fine);
            continue;
        }
        gen_jump(g, write->plan->checks[k], fine, true, true);
        gen_emit_n(g, OP_FAIL, 1, 0, 0, 0,
                   make_failure(g, ST_CHECK,
                                conflict == IR_CONFLICT_REPLACE ? IR_CONFLICT_ABORT : conflict,
                                "CHECK constraint failed: ", write->plan->check_names[k]));
        gen_note(g, write->plan->check_names[k]);
        gen_place(g, fine);
    }
}

static void gen_affinity(struct gen *g, int32_t at, uint8_t affinity)
{
    static const char *const names[] = {"none", "text", "numeric", "integer", "real"};

    if (affinity == AFFINITY_NONE || affinity >= COUNT_OF(names))
        return;
    gen_emit(g, OP_AFFINITY, at, affinity, 0);
    gen_note(g, slice_text(names[affinity]));
}

/* STRICT tables take what their columns are declared as, and nothing else. */
static void gen_strict(struct gen *g, const struct write *write, uint16_t attribute, int32_t at)
{
    const struct attribute *definition;
    struct type_spec *spec;

    if (attribute == ATTRIBUTE_NONE)
        return;
    definition = &write->table->attributes[attribute];
    if (write->table->is_made_by_sdl && !definition->is_dynamic && definition->role == ROLE_NONE &&
        definition->generated == GENERATED_NO)
        gen_emit(g, OP_CHECK_ATTRIBUTE, (int32_t)write->program_table, at, attribute);
    if (!write->table->is_strict)
        return;
    spec = gen_p4(g, sizeof(*spec));
    if (spec == NULL)
        return;
    spec->affinity = definition->affinity;
    spec->is_any = slice_is_nocase(definition->declared_type, "any");
    spec->is_bytes = slice_is_nocase(definition->declared_type, "blob");
    spec->type = gen_p4_slice(g, definition->declared_type);
    spec->name = column_name(g, write, attribute);
    gen_emit_n(g, OP_CHECK_TYPE, 1, at, 0, 0, spec);
    gen_note(g, spec->type);
}

static void gen_generated(struct gen *g, const struct write *write)
{
    for (size_t k = 0; k < write->plan->generated_count; k++) {
        const struct plan_assignment *generated = &write->plan->generated[k];
        const int32_t at = register_of(g, write, generated->attribute);

        gen_expr(g, generated->value, at);
        gen_affinity(g, at, generated->affinity);
        gen_strict(g, write, generated->attribute, at);
        gen_not_null(g, write, generated, at);
    }
}

static void gen_remove(struct gen *g, struct write *write, int32_t cursor);

/* REPLACE with triggers: the row in the way goes as by DELETE. */
static void gen_replace(struct gen *g, const struct write *write)
{
    const int32_t cursor = (int32_t)gen_cursor(g, write->table, NULL);
    struct upsert_spec *spec = gen_p4(g, sizeof(*spec));
    struct write remove = *write;

    if (spec == NULL)
        return;
    spec->is_any = true;
    remove.returning = -1;
    remove.hook_rows = gen_hook_rows(g, write->table);
    remove.skip = gen_label(g);
    gen_emit_n(g, OP_CONFLICT_FIND, 1, cursor, 0, remove.skip, spec);
    gen_note(g, slice_text("any"));
    gen_remove(g, &remove, cursor);
    gen_place(g, remove.skip);
}

static void gen_conflict(struct gen *g, const struct write *write, int32_t retry)
{
    struct conflict_spec *spec = gen_p4(g, sizeof(*spec));
    const bool by_program = write->plan->hooks[EVENT_DELETE].count != 0;
    const int32_t way_is_clear = by_program ? gen_label(g) : retry;
    static const char *const names[] = {"the constraint", "rollback", "abort",
                                        "fail",           "ignore",   "replace"};

    if (spec == NULL)
        return;
    spec->conflict = write->plan->conflict;
    spec->by_program = by_program;
    spec->table = write->program_table;
    gen_emit_n(g, OP_CONFLICT, 1, 0, write->skip, way_is_clear, spec);
    gen_note(g, slice_text(names[spec->conflict]));
    if (!by_program)
        return;
    gen_place(g, way_is_clear);
    gen_replace(g, write);
    gen_emit(g, OP_GOTO, retry, 0, 0);
}

/* ---- RETURNING: rows come out when all is done ---- */

static void open_returning(struct gen *g, struct write *write)
{
    const struct object_spec spec = {.type = OBJECT_ROWS};

    write->returning = -1;
    if (write->plan->returning_count == 0)
        return;
    builder_columns(g->builder, write->plan->returning_count, write->plan->returning_names);
    write->returning = (int32_t)gen_object(g, &spec);
}

static void add_returning(struct gen *g, const struct write *write)
{
    const unsigned count = (unsigned)write->plan->returning_count;
    int32_t base;

    if (write->returning < 0)
        return;
    base = gen_register(g, count);
    for (unsigned k = 0; k < count; k++)
        gen_expr(g, write->plan->returning[k], base + (int32_t)k);
    gen_emit_n(g, OP_ROWS_ADD, count, write->returning, base, 0, NULL);
}

void gen_returning_rows(struct gen *g, uint32_t rows, size_t count)
{
    const struct object_spec spec = {.type = OBJECT_READER, .target = rows};
    const int32_t reader = (int32_t)gen_object(g, &spec), base = gen_register(g, (unsigned)count);
    const int32_t top = gen_label(g), done = gen_label(g);

    gen_emit(g, OP_READ_FIRST, reader, 0, 0);
    gen_place(g, top);
    gen_emit_n(g, OP_READ_NEXT, (unsigned)count, reader, base, done, NULL);
    gen_emit_n(g, OP_ROW, (unsigned)count, base, 0, 0, NULL);
    gen_emit(g, OP_GOTO, top, 0, 0);
    gen_place(g, done);
}

/* ---- rows that are found first and written afterwards ---- */

static void sink_keep_row(struct gen *g, struct gen_sink *sink, int32_t base)
{
    gen_emit_n(g, OP_ROWS_ADD, sink->count, (int32_t)sink->object, base, 0, NULL);
}

/* Each row of the query into `base`, after the query has ended; ends with what is placed at *next
 * and *done. */
struct two_passes {
    int32_t base, top, done;
    uint32_t mark;
};

static struct two_passes open_two_passes(struct gen *g, const struct plan_query *query)
{
    const struct object_spec rows_spec = {.type = OBJECT_ROWS};
    const unsigned count = (unsigned)query->output_count;
    struct gen_sink sink = {.row = sink_keep_row,
                            .base = NO_REGISTER,
                            .count = count,
                            .object = gen_object(g, &rows_spec)};
    const struct object_spec reader_spec = {.type = OBJECT_READER, .target = sink.object};
    const int32_t reader = (int32_t)gen_object(g, &reader_spec);
    const struct two_passes passes = {.base = gen_register(g, count),
                                      .top = gen_label(g),
                                      .done = gen_label(g),
                                      .mark = builder_mark(g->builder)};

    gen_query(g, query, &sink);
    gen_emit(g, OP_READ_FIRST, reader, 0, 0);
    gen_emit(g, OP_MARK, (int32_t)passes.mark, 0, 0);
    gen_place(g, passes.top);
    gen_emit(g, OP_RELEASE, (int32_t)passes.mark, 0, 0);
    gen_emit_n(g, OP_READ_NEXT, count, reader, passes.base, passes.done, NULL);
    g->loop_depth++;
    return passes;
}

static void close_two_passes(struct gen *g, const struct two_passes *passes)
{
    g->loop_depth--;
    gen_emit(g, OP_GOTO, passes->top, 0, 0);
    gen_place(g, passes->done);
}

/* ---- changing a row the cursor is at ---- */

struct changed {
    const struct plan_assignment *assignments;
    size_t count;
    int32_t outputs; /* of the query, for assignments from it */
};

static bool is_key_attribute(const struct table *table, uint16_t attribute)
{
    for (uint16_t k = 0; k < table->key_count; k++)
        if (table->key_attributes[k] == attribute)
            return true;
    return false;
}

static bool moves_row(const struct write *write, const struct changed *changed)
{
    for (size_t k = 0; k < changed->count; k++)
        if (changed->assignments[k].attribute == ATTRIBUTE_NONE ||
            is_key_attribute(write->table, changed->assignments[k].attribute))
            return true;
    return false;
}

/* Somebody reads the whole new row: what does not change is copied from the old one. */
static bool needs_new_row(const struct write *write)
{
    return write->plan->check_count + write->plan->generated_count + write->plan->returning_count +
               write->plan->hooks[EVENT_UPDATE].count !=
           0;
}

static bool is_assigned(const struct changed *changed, uint16_t attribute)
{
    for (size_t k = 0; k < changed->count; k++)
        if (changed->assignments[k].attribute == attribute)
            return true;
    return false;
}

static void copy_old_row(struct gen *g, const struct write *write, const struct changed *changed,
                         int32_t cursor)
{
    for (uint16_t k = 0; k <= write->count; k++) {
        const uint16_t attribute = write->attributes[k];

        if (is_assigned(changed, attribute) ||
            (attribute == ATTRIBUTE_NONE && write->table->key_count != 0))
            continue;
        gen_emit(g, OP_COLUMN, cursor, attribute, write->row + k);
        gen_note(g, attribute == ATTRIBUTE_NONE ? slice_text("rowid")
                                                : write->table->attributes[attribute].name);
    }
}

/* All new values are computed before any takes its place: SET a = b, b = a. */
static void gen_new_values(struct gen *g, const struct write *write, const struct changed *changed,
                           int32_t cursor)
{
    const int32_t values = gen_register(g, (unsigned)changed->count);

    for (size_t k = 0; k < changed->count; k++) {
        const struct plan_assignment *assignment = &changed->assignments[k];
        const int32_t at = values + (int32_t)k;

        if (assignment->value != NULL)
            gen_expr(g, assignment->value, at);
        else if (assignment->output != OUTPUT_NONE)
            gen_emit(g, OP_COPY, changed->outputs + assignment->output, at, 0);
        else
            gen_emit_n(g, OP_NULL, 1, at, 0, 0, NULL);
    }
    if (needs_new_row(write))
        copy_old_row(g, write, changed, cursor);
    for (size_t k = 0; k < changed->count; k++) {
        const struct plan_assignment *assignment = &changed->assignments[k];
        const int32_t at = register_of(g, write, assignment->attribute);

        gen_emit(g, OP_COPY, values + (int32_t)k, at, 0);
        gen_affinity(g, at, assignment->affinity);
        gen_strict(g, write, assignment->attribute, at);
        if (assignment->attribute == ATTRIBUTE_NONE ||
            (write->table->has_rowid && is_key_attribute(write->table, assignment->attribute)))
            gen_emit(g, OP_ROWID_VALUE, at, 0, 0);
    }
}

static void gen_new_not_null(struct gen *g, const struct write *write,
                             const struct changed *changed)
{
    for (size_t k = 0; k < changed->count; k++)
        gen_not_null(g, write, &changed->assignments[k],
                     register_of(g, write, changed->assignments[k].attribute));
}

/* Triggers BEFORE UPDATE may change the row, or remove it. */
static void gen_before_change(struct gen *g, const struct write *write,
                              const struct changed *changed, int32_t cursor)
{
    const struct plan_hooks *hooks = &write->plan->hooks[EVENT_UPDATE];
    int32_t key;

    if (!gen_has_hooks(hooks, PHASE_BEFORE))
        return;
    key = gen_register(g, 1);
    gen_emit(g, OP_KEY, cursor, key, 0);
    gen_generated(g, write);
    gen_emit_n(g, OP_KEEP, write->count + 1u, write->row, 0, 0, NULL);
    gen_hook_new(g, write->table, write->hook_rows, write->attributes, write->count, write->row);
    gen_hooks(g, hooks, PHASE_BEFORE, write->table, write->hook_rows, write->skip);
    gen_emit(g, OP_FIND_KEY, cursor, key, write->skip);
    copy_old_row(g, write, changed, cursor);
}

static const struct write_spec *make_change_spec(struct gen *g, const struct write *write,
                                                 const struct changed *changed, bool moves)
{
    const size_t room = changed->count + write->plan->generated_count + 1;
    struct write_spec *spec = gen_p4(g, sizeof(*spec));
    uint16_t *attributes = gen_p4(g, room * sizeof(*attributes));
    uint8_t *ops = gen_p4(g, room);

    if (spec == NULL || attributes == NULL || ops == NULL)
        return NULL;
    spec->kind = moves ? WRITE_UPDATE : WRITE_PATCH;
    spec->counts = true;
    spec->table = write->program_table;
    spec->attributes = attributes;
    spec->ops = ops;
    for (size_t k = 0; k < changed->count; k++) {
        if (changed->assignments[k].attribute == ATTRIBUTE_NONE) {
            spec->has_rowid = true;
            continue;
        }
        ops[spec->count] = changed->assignments[k].is_add ? MERGE_ADD : MERGE_SET;
        attributes[spec->count++] = changed->assignments[k].attribute;
    }
    for (size_t k = 0; k < write->plan->generated_count; k++)
        attributes[spec->count++] = write->plan->generated[k].attribute;
    return spec;
}

/* The cursor is at the row, `target` can be read. */
static void gen_change(struct gen *g, const struct write *write, const struct changed *changed,
                       int32_t cursor)
{
    const bool moves = moves_row(write, changed);
    const struct write_spec *spec = make_change_spec(g, write, changed, moves);
    const struct plan_hooks *hooks = &write->plan->hooks[EVENT_UPDATE];
    const int32_t taken = gen_label(g), written = gen_label(g), again = gen_label(g);
    int32_t values, key;
    unsigned width;

    if (spec == NULL)
        return;
    if (hooks->count != 0)
        gen_hook_old(g, write->table, write->hook_rows, cursor);
    gen_new_values(g, write, changed, cursor);
    place_row(g, write, write->plan->new_row);
    gen_before_change(g, write, changed, cursor);
    gen_new_not_null(g, write, changed);
    gen_generated(g, write);
    gen_checks(g, write);
    if (needs_new_row(write)) /* the old row's bytes end with the write */
        gen_emit_n(g, OP_KEEP, write->count + 1u, write->row, 0, 0, NULL);
    width = spec->count + (unsigned)spec->has_rowid;
    values = gen_register(g, width);
    key = gen_register(g, 1);
    for (unsigned k = 0; k < width; k++)
        gen_emit(g, OP_COPY,
                 register_of(g, write, k < spec->count ? spec->attributes[k] : ATTRIBUTE_NONE),
                 values + (int32_t)k, 0);
    gen_emit_n(g, OP_KEEP, width, values, 0, 0, NULL);
    gen_emit(g, OP_KEY, cursor, key, 0);
    if (hooks->count != 0) {
        gen_hook_new(g, write->table, write->hook_rows, write->attributes, write->count,
                     write->row);
    }
    gen_place(g, again);
    gen_emit_n(g, moves ? OP_UPDATE : OP_PATCH, width, cursor, values, taken, spec);
    gen_emit(g, OP_GOTO, written, 0, 0);
    gen_place(g, taken);
    {
        const int32_t retry = gen_label(g);

        gen_conflict(g, write, retry);
        gen_place(g, retry); /* a row was removed: find ours again */
        gen_emit(g, OP_FIND_KEY, cursor, key, write->skip);
        gen_emit(g, OP_GOTO, again, 0, 0);
    }
    gen_place(g, written);
    if (hooks->count != 0)
        gen_hooks(g, hooks, PHASE_AFTER, write->table, write->hook_rows, write->skip);
    add_returning(g, write);
}

/* ---- UPDATE and DELETE ---- */

static void place_target(struct gen *g, const struct write *write, int32_t cursor)
{
    *gen_source(g, write->plan->target) = (struct gen_source){
        .place = PLACE_CURSOR, .cursor = cursor, .walker = cursor, .table = write->table};
}

static const struct range_spec *make_key_spec(struct gen *g, const struct write *write)
{
    const unsigned count = write->plan->key_outputs;
    struct range_spec *spec = gen_p4(g, sizeof(*spec));
    struct key_part *parts = gen_p4(g, count * sizeof(*parts));
    uint8_t *affinities = gen_p4(g, count);

    if (spec == NULL || parts == NULL || affinities == NULL)
        return NULL;
    for (unsigned k = 0; k < count && write->table->key_parts != NULL; k++)
        parts[k] = write->table->key_parts[k];
    spec->equal_count = (uint16_t)count;
    spec->parts = parts;
    spec->affinities = affinities;
    return spec;
}

static void gen_remove(struct gen *g, struct write *write, int32_t cursor)
{
    const struct plan_hooks *hooks = &write->plan->hooks[EVENT_DELETE];

    if (hooks->count != 0)
        gen_hook_old(g, write->table, write->hook_rows, cursor);
    if (gen_has_hooks(hooks, PHASE_BEFORE)) {
        const int32_t key = gen_register(g, 1);

        gen_emit(g, OP_KEY, cursor, key, 0);
        gen_hooks(g, hooks, PHASE_BEFORE, write->table, write->hook_rows, write->skip);
        gen_emit(g, OP_FIND_KEY, cursor, key, write->skip);
    }
    add_returning(g, write);
    gen_emit(g, OP_REMOVE, cursor, 0, 0);
    gen_hooks(g, hooks, PHASE_AFTER, write->table, write->hook_rows, write->skip);
}

static void gen_change_or_remove(struct gen *g, struct write *write, int32_t cursor,
                                 int32_t outputs)
{
    const struct changed changed = {.assignments = write->plan->assignments,
                                    .count = write->plan->assignment_count,
                                    .outputs = outputs};

    if (write->plan->kind == PLAN_UPDATE) {
        gen_change(g, write, &changed, cursor);
    } else {
        gen_remove(g, write, cursor);
    }
}

/* The query's rows first, then each row by its key: a row may have gone meanwhile. */
static void gen_two_passes(struct gen *g, struct write *write)
{
    const int32_t cursor = (int32_t)gen_cursor(g, write->table, NULL);
    struct two_passes passes = open_two_passes(g, write->plan->query);

    write->skip = gen_label(g);
    gen_emit_n(g, OP_FIND, write->plan->key_outputs, cursor, passes.base, write->skip,
               make_key_spec(g, write));
    place_target(g, write, cursor);
    gen_change_or_remove(g, write, cursor, passes.base);
    gen_place(g, write->skip);
    close_two_passes(g, &passes);
}

static void sink_write(struct gen *g, struct gen_sink *sink, int32_t base)
{
    struct write *write = sink->context;
    const int32_t cursor = gen_source(g, write->plan->target)->cursor;

    write->skip = gen_label(g);
    gen_change_or_remove(g, write, cursor, base);
    gen_place(g, write->skip);
}

/* A row found by its whole key needs no second search. */
static bool is_one_row(const struct plan_write *plan)
{
    const struct plan_block *block = plan->query->blocks[0];

    return !plan->needs_two_passes && plan->query->block_count == 1 && block->loop_count == 1 &&
           plan->query->sort == SORT_NO && block->group == GROUP_NONE &&
           block->loops[0].access == ACCESS_KEY && block->loops[0].range.is_unique &&
           block->loops[0].source == plan->target;
}

/* A row of a view: its columns are the query's first outputs. */
static void gen_view_row(struct gen *g, struct write *write, int32_t outputs)
{
    const struct plan_write *plan = write->plan;
    const enum plan_event event = plan->kind == PLAN_UPDATE ? EVENT_UPDATE : EVENT_DELETE;
    const unsigned width = write->table->attribute_count;

    gen_emit_n(g, OP_NULL, width + 1, write->hook_rows, 0, 0, NULL);
    gen_emit_n(g, OP_COPY_N, width, outputs, write->hook_rows, 0, NULL);
    *gen_source(g, plan->target) = (struct gen_source){
        .place = PLACE_REGISTERS, .base = write->hook_rows, .table = write->table};
    if (event == EVENT_UPDATE) {
        gen_emit_n(g, OP_NULL, write->count + 1u, write->row, 0, 0, NULL);
        gen_emit_n(g, OP_COPY_N, width, outputs, write->row, 0, NULL);
        for (size_t k = 0; k < plan->assignment_count; k++)
            gen_emit(g, OP_COPY, outputs + plan->assignments[k].output,
                     register_of(g, write, plan->assignments[k].attribute), 0);
        place_row(g, write, plan->new_row);
        gen_hook_new(g, write->table, write->hook_rows, write->attributes, write->count,
                     write->row);
    }
    gen_hooks(g, &plan->hooks[event], PHASE_BEFORE, write->table, write->hook_rows, write->skip);
    add_returning(g, write);
}

static void gen_view_search(struct gen *g, struct write *write)
{
    struct two_passes passes = open_two_passes(g, write->plan->query);

    write->skip = gen_label(g);
    gen_view_row(g, write, passes.base);
    gen_place(g, write->skip);
    close_two_passes(g, &passes);
}

static void gen_search(struct gen *g, struct write *write)
{
    const struct plan_write *plan = write->plan;
    struct gen_sink sink = {.row = sink_write, .context = write, .base = NO_REGISTER};

    if (plan->kind == PLAN_DELETE && plan->is_clear && plan->returning_count == 0) {
        gen_emit(g, OP_CLEAR, (int32_t)write->program_table, 0, 0);
        return;
    }
    if (plan->is_view) {
        gen_view_search(g, write);
        return;
    }
    if (!is_one_row(plan)) {
        gen_two_passes(g, write);
        return;
    }
    sink.count = (unsigned)plan->query->output_count;
    gen_query(g, plan->query, &sink);
}

/* ---- INSERT ---- */

/* A key that was not given is made by its type on tables of the schema language and on dynamic
 * ones, as for documents. */
static void gen_key(struct gen *g, const struct write *write)
{
    const struct table *table = write->table;

    if (table->key_count == 1 && !table->has_rowid && (table->is_made_by_sdl || table->is_dynamic))
        gen_emit(g, OP_NEW_KEY, (int32_t)write->program_table,
                 register_of(g, write, table->key_attributes[0]), 0);
}

/* A rowid that was not given is made; one that was must be an integer. */
static void gen_rowid(struct gen *g, const struct write *write, bool is_given)
{
    const struct table *table = write->table;
    const int32_t given = gen_label(g), made = gen_label(g);
    int32_t at;

    if (!table->has_rowid && table->key_count != 0)
        return;
    at = table->key_count == 0 ? write->row + write->count
                               : register_of(g, write, table->key_attributes[0]);
    if (is_given || table->key_count != 0) {
        gen_emit(g, OP_IF_NOT_NULL, at, given, 0);
        gen_emit(g, OP_NEW_ROWID, (int32_t)write->program_table, at, 0);
        gen_emit(g, OP_GOTO, made, 0, 0);
        gen_place(g, given);
        gen_emit(g, OP_ROWID_VALUE, at, 0, 0);
        gen_place(g, made);
        return;
    }
    gen_emit(g, OP_NEW_ROWID, (int32_t)write->program_table, at, 0);
    gen_place(g, given);
    gen_place(g, made);
}

static void gen_before_insert(struct gen *g, const struct write *write)
{
    const struct plan_hooks *hooks = &write->plan->hooks[EVENT_INSERT];

    if (!gen_has_hooks(hooks, PHASE_BEFORE))
        return;
    gen_generated(g, write);
    gen_emit_n(g, OP_KEEP, write->count + 1u, write->row, 0, 0, NULL);
    gen_emit_n(g, OP_NULL, write->table->attribute_count + 1u, write->hook_rows, 0, 0, NULL);
    gen_hook_new(g, write->table, write->hook_rows, write->attributes, write->count, write->row);
    gen_hook_no_rowid(g, write->table, write->hook_rows);
    gen_hooks(g, hooks, PHASE_BEFORE, write->table, write->hook_rows, write->skip);
}

static void gen_insert_values(struct gen *g, struct write *write, int32_t outputs)
{
    const struct plan_write *plan = write->plan;
    bool rowid_is_given = false;

    gen_emit_n(g, OP_NULL, write->count + 1u, write->row, 0, 0, NULL);
    for (size_t k = 0; k < plan->assignment_count; k++) {
        const struct plan_assignment *assignment = &plan->assignments[k];
        const int32_t at = register_of(g, write, assignment->attribute);

        rowid_is_given |= assignment->attribute == ATTRIBUTE_NONE;
        if (assignment->value != NULL)
            gen_expr(g, assignment->value, at);
        else if (assignment->output != OUTPUT_NONE)
            gen_emit(g, OP_COPY, outputs + assignment->output, at, 0);
        else if (write->table->is_made_by_sdl || write->table->is_dynamic)
            gen_emit(g, OP_ABSENT, at, 0, 0);
        if (!plan->is_view)
            gen_affinity(g, at, assignment->affinity);
    }
    place_row(g, write, plan->new_row);
    gen_before_insert(g, write);
    if (plan->is_view)
        return;
    gen_rowid(g, write, rowid_is_given);
    gen_key(g, write);
    for (size_t k = 0; k < plan->assignment_count; k++) {
        const int32_t at = register_of(g, write, plan->assignments[k].attribute);

        gen_strict(g, write, plan->assignments[k].attribute, at);
        gen_not_null(g, write, &plan->assignments[k], at);
    }
    gen_generated(g, write);
    gen_checks(g, write);
}

/* The row in the way, for one ON CONFLICT clause: it is changed instead. */
static void gen_upsert(struct gen *g, struct write *write, const struct plan_upsert *upsert,
                       int32_t cursor, int32_t next, int32_t done)
{
    struct upsert_spec *spec = gen_p4(g, sizeof(*spec));
    struct write change = *write;
    const struct changed changed = {.assignments = upsert->assignments,
                                    .count = upsert->assignment_count};
    const int32_t failed_row = write->row;

    if (spec == NULL)
        return;
    spec->is_any = upsert->is_any;
    spec->is_primary_key = upsert->is_primary_key;
    spec->index_store = upsert->index == NULL ? 0 : upsert->index->store;
    gen_emit_n(g, OP_CONFLICT_FIND, 1, cursor, 0, next, spec);
    gen_note(g, upsert->is_any          ? slice_text("any")
                : upsert->index != NULL ? upsert->index->name
                                        : slice_text("the key"));
    if (upsert->do_nothing) {
        gen_emit(g, OP_GOTO, write->skip, 0, 0);
        return;
    }
    place_row(g, write, upsert->excluded);
    place_target(g, write, cursor);
    change.row = gen_register(g, write->count + 1u);
    if (change.plan->hooks[EVENT_UPDATE].count != 0)
        change.hook_rows = gen_hook_rows(g, write->table);
    if (upsert->where != NULL)
        gen_jump(g, upsert->where, write->skip, false, true);
    gen_change(g, &change, &changed, cursor);
    place_row(g, write, write->plan->new_row);
    assert(write->row == failed_row);
    (void)failed_row;
    gen_emit(g, OP_GOTO, done, 0, 0);
}

static const struct write_spec *make_insert_spec(struct gen *g, const struct write *write)
{
    struct write_spec *spec = gen_p4(g, sizeof(*spec));
    uint16_t *attributes = gen_p4(g, (write->count + 1u) * sizeof(*attributes));

    if (spec == NULL || attributes == NULL)
        return NULL;
    memcpy(attributes, write->attributes, write->count * sizeof(*attributes));
    *spec = (struct write_spec){.kind = WRITE_INSERT,
                                .has_rowid = write->table->key_count == 0,
                                .is_declared = write->table->declared_shape != NULL &&
                                               !write->table->is_dynamic &&
                                               write->table->declared_shape->count == write->count,
                                .counts = true,
                                .count = write->count,
                                .attributes = attributes,
                                .table = write->program_table};
    return spec;
}

/* Bytes of the row may belong to a cursor, which a write ends; whoever looks at the row after a
 * write, or tries again, needs bytes of its own. */
static bool outlives_write(const struct plan_write *plan)
{
    if (plan->returning_count + plan->upsert_count + plan->hooks[EVENT_INSERT].count +
            plan->hooks[EVENT_DELETE].count !=
        0)
        return true;
    if (plan->query == NULL)
        return false;
    for (size_t k = 0; k < plan->query->block_count; k++)
        if (plan->query->blocks[k]->loop_count != 0)
            return true;
    return false;
}

static void gen_insert_row(struct gen *g, struct write *write, int32_t outputs)
{
    const struct plan_write *plan = write->plan;
    const struct write_spec *spec = make_insert_spec(g, write);
    const int32_t retry = gen_label(g), taken = gen_label(g), done = gen_label(g);
    const struct plan_hooks *hooks = &plan->hooks[EVENT_INSERT];
    int32_t cursor = 0;

    if (spec == NULL)
        return;
    write->skip = gen_label(g);
    gen_insert_values(g, write, outputs);
    if (plan->is_view) {
        add_returning(g, write);
        gen_place(g, write->skip);
        return;
    }
    if (outlives_write(plan))
        gen_emit_n(g, OP_KEEP, write->count + 1u, write->row, 0, 0, NULL);
    if (hooks->count != 0) {
        gen_emit_n(g, OP_NULL, write->table->attribute_count + 1u, write->hook_rows, 0, 0, NULL);
        gen_hook_new(g, write->table, write->hook_rows, write->attributes, write->count,
                     write->row);
    }
    gen_place(g, retry);
    gen_emit_n(g, OP_INSERT, write->count + (unsigned)spec->has_rowid,
               (int32_t)write->program_table, write->row, taken, spec);
    gen_hooks(g, hooks, PHASE_AFTER, write->table, write->hook_rows, write->skip);
    add_returning(g, write);
    gen_emit(g, OP_GOTO, done, 0, 0);
    gen_place(g, taken);
    if (plan->upsert_count != 0)
        cursor = (int32_t)gen_cursor(g, write->table, NULL);
    for (size_t k = 0; k < plan->upsert_count; k++) {
        const int32_t next = gen_label(g);

        gen_upsert(g, write, &plan->upserts[k], cursor, next, done);
        gen_place(g, next);
    }
    gen_conflict(g, write, retry);
    gen_place(g, write->skip);
    gen_place(g, done);
}

static void sink_insert(struct gen *g, struct gen_sink *sink, int32_t base)
{
    gen_insert_row(g, sink->context, base);
}

static void gen_insert(struct gen *g, struct write *write)
{
    const struct plan_write *plan = write->plan;
    struct gen_sink sink = {.row = sink_insert, .context = write, .base = NO_REGISTER};

    if (plan->query == NULL) {
        gen_insert_row(g, write, 0);
        return;
    }
    if (plan->needs_two_passes) {
        struct two_passes passes = open_two_passes(g, plan->query);

        gen_insert_row(g, write, passes.base);
        close_two_passes(g, &passes);
        return;
    }
    sink.count = (unsigned)plan->query->output_count;
    gen_query(g, plan->query, &sink);
}

/* ---- entry ---- */

void gen_write(struct gen *g, const struct plan_write *plan)
{
    struct write write = {.plan = plan, .table = plan->table};

    write.program_table = gen_table(g, plan->table);
    builder_flags(g->builder, true, false, false, gen_database_of(g, plan->table));
    list_attributes(g, &write);
    open_returning(g, &write);
    if (plan->hooks[EVENT_INSERT].count + plan->hooks[EVENT_UPDATE].count +
            plan->hooks[EVENT_DELETE].count !=
        0)
        write.hook_rows = gen_hook_rows(g, plan->table);
    if (gen_failed(g))
        return;
    if (plan->kind == PLAN_INSERT)
        gen_insert(g, &write);
    else
        gen_search(g, &write);
    if (write.returning >= 0)
        gen_returning_rows(g, (uint32_t)write.returning, plan->returning_count);
    gen_emit(g, OP_HALT, 0, 0, 0);
}
