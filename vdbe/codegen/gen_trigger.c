/* Programs around the rows of a write: triggers. Their statements are compiled
 * apart, each to a program that is given the old and the new row. */
#include "vdbe/codegen/codegen_internal.h"

/* ---- rows as programs are given them: every attribute by its number, then the rowid ---- */

static unsigned row_width(const struct table *table)
{
    return table->attribute_count + 1u;
}

int32_t gen_hook_rows(struct gen *g, const struct table *table)
{
    return gen_register(g, 2 * row_width(table));
}

static bool is_stored(const struct attribute *attribute)
{
    return !attribute->is_dropped && attribute->type != TYPE_RELATIONSHIP &&
           attribute->generated != GENERATED_VIRTUAL;
}

void gen_hook_old(struct gen *g, const struct table *table, int32_t rows, int32_t cursor)
{
    const unsigned width = row_width(table);

    gen_emit_n(g, OP_NULL, width, rows, 0, 0, NULL);
    for (uint16_t k = 0; k < table->attribute_count; k++)
        if (is_stored(&table->attributes[k])) {
            gen_emit(g, OP_COLUMN, cursor, k, rows + k);
            gen_note(g, table->attributes[k].name);
        }
    if (table->key_count == 0) {
        gen_emit(g, OP_COLUMN, cursor, ATTRIBUTE_NONE, rows + table->attribute_count);
        gen_note(g, slice_text("rowid"));
    }
    gen_emit_n(g, OP_KEEP, width, rows, 0, 0, NULL);
}

void gen_hook_new(struct gen *g, const struct table *table, int32_t rows,
                  const uint16_t *attributes, size_t count, int32_t row)
{
    const int32_t base = rows + (int32_t)row_width(table);

    gen_emit_n(g, OP_NULL, row_width(table), base, 0, 0, NULL);
    for (size_t k = 0; k <= count; k++) { /* the rowid stands behind the others */
        const uint16_t attribute = attributes[k];

        if (attribute != ATTRIBUTE_NONE || table->key_count == 0)
            gen_emit(g, OP_COPY, row + (int32_t)k,
                     base + (attribute == ATTRIBUTE_NONE ? table->attribute_count : attribute), 0);
    }
}

/* Before the row is inserted its rowid is not known: -1 stands for it. */
void gen_hook_no_rowid(struct gen *g, const struct table *table, int32_t rows)
{
    const int32_t known = gen_label(g), base = rows + (int32_t)row_width(table);
    int32_t at;

    if (!table->has_rowid && table->key_count != 0)
        return;
    at = base + (table->key_count == 0 ? table->attribute_count : table->key_attributes[0]);
    gen_emit(g, OP_IF_NOT_NULL, at, known, 0);
    gen_emit(g, OP_INTEGER, at, -1, 0);
    gen_place(g, known);
}

/* ---- running them ---- */

bool gen_has_hooks(const struct plan_hooks *hooks, enum plan_phase phase)
{
    for (size_t k = 0; k < hooks->count; k++)
        if (hooks->list[k].phase == phase)
            return true;
    return false;
}

void gen_hooks(struct gen *g, const struct plan_hooks *hooks, enum plan_phase phase,
               const struct table *table, int32_t rows, int32_t ignored)
{
    for (size_t k = 0; k < hooks->count; k++) {
        const struct plan_hook *hook = &hooks->list[k];
        const struct plan_program *program;
        struct step_spec *spec;

        if (hook->phase != phase)
            continue;
        program = g->plan->programs->list[hook->program];
        spec = gen_p4(g, sizeof(*spec));
        if (spec == NULL)
            return;
        *spec = (struct step_spec){.first = program->first_step,
                                   .count = (uint32_t)program->step_count,
                                   .has_when = program->has_when};
        gen_emit_n(g, OP_PROGRAM, 2 * row_width(table), (int32_t)program->first_step, rows, ignored,
                   spec);
        gen_note(g, gen_p4_slice(g, program->name));
    }
}

/* ---- the steps themselves ---- */

static void place_given(struct gen *g, const struct ir_source *source, const struct table *table,
                        int32_t base)
{
    const unsigned width = row_width(table);
    uint16_t *all = ARENA_NEW_ARRAY(&g->scratch, uint16_t, width);

    if (source == NULL)
        return;
    if (all == NULL) {
        builder_set_failure(g->builder, ST_NO_MEMORY);
        return;
    }
    for (unsigned k = 0; k < width; k++)
        all[k] = (uint16_t)k;
    all[width - 1] = ATTRIBUTE_NONE;
    *gen_source(g, source) = (struct gen_source){
        .place = PLACE_NEEDED, .base = base, .table = table, .needed = all, .needed_count = width};
}

void gen_given(struct gen *g, const struct plan_program *program, const struct plan_step *step)
{
    const unsigned width = row_width(program->table);
    const int32_t base = gen_register(g, 2 * width);

    gen_emit_n(g, OP_GIVEN, 2 * width, base, 0, 0, NULL);
    place_given(g, step->old_row, program->table, base);
    place_given(g, step->new_row, program->table, base + (int32_t)width);
}
