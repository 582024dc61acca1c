#include "vdbe/vm/vm_internal.h"
#include <stdlib.h>

struct builder_insn {
    struct vm_insn insn;
    struct slice note;
};

struct section {
    struct buf insns; /* struct builder_insn */
};

enum { LABEL_NOWHERE = -1, MAIN = 0, PROLOGUE = 1, INSNS_EXPECTED = 24 };
enum { TEMPORARY = 1 << 28 }; /* marks the number of a temporary until the program is linked */

struct label {
    int32_t section, at; /* at: LABEL_NOWHERE until placed */
};

struct builder {
    struct program *program; /* its arena is the one everything goes to */
    struct section sections[2];
    int section;
    struct buf labels, slots, objects, tables, cursors, loops;
    int32_t registers, temporaries_used, temporaries_max;
    uint32_t once_count, mark_count;
    uint64_t versions[64];
    unsigned version_count;
    enum status status;
};

static size_t count_in(const struct buf *buf, size_t size)
{
    return buf->len / size;
}

enum status builder_new(struct builder **out)
{
    struct builder *builder = calloc(1, sizeof(*builder));
    struct arena arena;

    if (builder == NULL)
        return ST_NO_MEMORY;
    arena_init(&arena, 0);
    builder->program = ARENA_NEW(&arena, struct program);
    if (builder->program == NULL) {
        free(builder);
        return ST_NO_MEMORY;
    }
    builder->program->arena = arena;
    /* Most programs are short: their instructions are not moved as they become more. */
    (void)buf_reserve(&builder->sections[MAIN].insns, INSNS_EXPECTED * sizeof(struct builder_insn));
    *out = builder;
    return ST_OK;
}

void builder_free(struct builder *builder)
{
    if (builder == NULL)
        return;
    for (size_t k = 0; k < COUNT_OF(builder->sections); k++)
        buf_free(&builder->sections[k].insns);
    buf_free(&builder->labels);
    buf_free(&builder->slots);
    buf_free(&builder->objects);
    buf_free(&builder->tables);
    buf_free(&builder->cursors);
    buf_free(&builder->loops);
    program_free(builder->program);
    free(builder);
}

struct arena *builder_arena(struct builder *builder)
{
    return &builder->program->arena;
}

bool builder_failed(const struct builder *builder)
{
    return builder->status != ST_OK;
}

void builder_set_failure(struct builder *builder, enum status status)
{
    if (builder->status == ST_OK)
        builder->status = status;
}

void builder_prologue(struct builder *builder, bool on)
{
    builder->section = on ? PROLOGUE : MAIN;
}

int32_t builder_label(struct builder *builder)
{
    const struct label label = {MAIN, LABEL_NOWHERE};

    buf_append(&builder->labels, &label, sizeof(label));
    return (int32_t)count_in(&builder->labels, sizeof(label)) - 1;
}

void builder_place(struct builder *builder, int32_t label)
{
    struct label *labels = (struct label *)(void *)builder->labels.data;

    if (builder->labels.failed || builder_failed(builder))
        return;
    assert(labels[label].at == LABEL_NOWHERE);
    labels[label].section = builder->section;
    labels[label].at =
        (int32_t)count_in(&builder->sections[builder->section].insns, sizeof(struct builder_insn));
}

uint32_t builder_emit_n(struct builder *builder, enum opcode op, unsigned n, int32_t p1, int32_t p2,
                        int32_t p3, const void *p4)
{
    struct buf *insns = &builder->sections[builder->section].insns;
    const struct builder_insn insn = {
        .insn = {.op = (uint16_t)op, .n = (uint16_t)n, .p1 = p1, .p2 = p2, .p3 = p3, .p4 = p4}};

    if (n > UINT16_MAX)
        builder_set_failure(builder, ST_LIMIT);
    if (builder_failed(builder))
        return 0;
    buf_append(insns, &insn, sizeof(insn));
    return (uint32_t)count_in(insns, sizeof(insn)) - 1;
}

uint32_t builder_emit(struct builder *builder, enum opcode op, int32_t p1, int32_t p2, int32_t p3)
{
    return builder_emit_n(builder, op, 1, p1, p2, p3, NULL);
}

void builder_note(struct builder *builder, struct slice text)
{
    struct buf *insns = &builder->sections[builder->section].insns;

    if (builder_failed(builder) || insns->failed || insns->len == 0)
        return;
    ((struct builder_insn *)(void *)(insns->data + insns->len))[-1].note =
        arena_copy(builder_arena(builder), text);
}

static int32_t take_registers(struct builder *builder, int32_t *used, unsigned count)
{
    int32_t first = *used;

    if (count > 100000 || first > 1000000) {
        builder_set_failure(builder, ST_LIMIT);
        return first;
    }
    *used += (int32_t)count;
    return first;
}

int32_t builder_register(struct builder *builder, unsigned count)
{
    return take_registers(builder, &builder->registers, count);
}

int32_t builder_temporary(struct builder *builder, unsigned count)
{
    int32_t first = take_registers(builder, &builder->temporaries_used, count);

    if (builder->temporaries_used > builder->temporaries_max)
        builder->temporaries_max = builder->temporaries_used;
    return first | TEMPORARY;
}

int32_t builder_temporaries_used(const struct builder *builder)
{
    return builder->temporaries_used;
}

void builder_temporaries_forget(struct builder *builder, int32_t used)
{
    assert(used <= builder->temporaries_used);
    builder->temporaries_used = used;
}

uint32_t builder_once(struct builder *builder)
{
    return builder->once_count++;
}

uint32_t builder_mark(struct builder *builder)
{
    return builder->mark_count++;
}

static uint32_t add_slot(struct builder *builder, const struct program_slot *slot)
{
    buf_append(&builder->slots, slot, sizeof(*slot));
    return (uint32_t)count_in(&builder->slots, sizeof(*slot)) - 1;
}

static struct value own_value(struct builder *builder, struct value v)
{
    if (v.kind == VALUE_OBJECT && (v.flags & VALUE_IS_RECORD) != 0) {
        if (value_keep(&v, builder_arena(builder)) != ST_OK)
            builder_set_failure(builder, ST_NO_MEMORY);
    } else if (value_has_bytes(v)) {
        v.as.data = arena_copy(builder_arena(builder), value_slice(v)).data;
    }
    return v;
}

uint32_t builder_literal(struct builder *builder, struct value v)
{
    const struct program_slot slot = {.value = own_value(builder, v), .is_known = true};

    return add_slot(builder, &slot);
}

uint32_t builder_param(struct builder *builder, uint32_t param, const struct value *peek)
{
    struct program_slot slot = {.value = value_null(), .param = param};
    const struct program_slot *slots = (const struct program_slot *)(void *)builder->slots.data;

    for (size_t k = 0; k < count_in(&builder->slots, sizeof(slot)); k++)
        if (slots[k].param == param)
            return (uint32_t)k;
    if (peek != NULL) {
        slot.value = own_value(builder, *peek);
        slot.is_known = true;
    }
    return add_slot(builder, &slot);
}

uint32_t builder_object(struct builder *builder, const struct object_spec *spec)
{
    buf_append(&builder->objects, spec, sizeof(*spec));
    return (uint32_t)count_in(&builder->objects, sizeof(*spec)) - 1;
}

static uint32_t add_table(struct builder *builder, unsigned database, uint32_t store,
                          struct slice name)
{
    const struct program_table table = {
        .database = database, .store = store, .name = arena_copy(builder_arena(builder), name)};

    buf_append(&builder->tables, &table, sizeof(table));
    return (uint32_t)count_in(&builder->tables, sizeof(table)) - 1;
}

uint32_t builder_table(struct builder *builder, unsigned database, const struct table *table)
{
    const struct program_table *tables = (const struct program_table *)(void *)builder->tables.data;

    for (size_t k = 0; k < count_in(&builder->tables, sizeof(*tables)); k++)
        if (tables[k].store == table->store && tables[k].database == database)
            return (uint32_t)k;
    return add_table(builder, database, table->store, table->name);
}

uint32_t builder_new_table(struct builder *builder, unsigned database, struct slice name)
{
    return add_table(builder, database, 0, name);
}

uint32_t builder_cursor(struct builder *builder, uint32_t table, const struct index *index)
{
    struct cursor_spec spec = {.table = table};

    if (index != NULL) {
        spec.index_store = index->store;
        spec.index_name = arena_copy(builder_arena(builder), index->name);
    }
    buf_append(&builder->cursors, &spec, sizeof(spec));
    return (uint32_t)count_in(&builder->cursors, sizeof(spec)) - 1;
}

void builder_step(struct builder *builder, struct program *step)
{
    struct program *program = builder->program;
    const size_t count = program->step_count;
    struct program **larger;

    if ((count & (count + 1)) == 0) { /* room ends at one less than a power of two */
        larger = ARENA_NEW_ARRAY(builder_arena(builder), struct program *, 2 * count + 1);
        if (larger == NULL) {
            builder_set_failure(builder, ST_NO_MEMORY);
            program_free(step);
            return;
        }
        if (count > 0)
            memcpy(larger, program->steps, count * sizeof(*larger));
        program->steps = larger;
    }
    program->steps[program->step_count++] = step;
}

static struct slice *copy_names(struct builder *builder, size_t count, const struct slice *names)
{
    struct slice *copy = ARENA_NEW_ARRAY(builder_arena(builder), struct slice, count);

    for (size_t k = 0; copy != NULL && k < count; k++)
        copy[k] = arena_copy(builder_arena(builder), names[k]);
    return copy;
}

void builder_columns(struct builder *builder, size_t count, const struct slice *names)
{
    builder->program->info.column_count = count;
    builder->program->info.column_names = copy_names(builder, count, names);
}

void builder_params(struct builder *builder, size_t count, const struct slice *names)
{
    builder->program->info.param_count = count;
    builder->program->info.param_names = copy_names(builder, count, names);
}

void builder_nested_types(struct builder *builder, size_t count, const struct nested_type *types)
{
    builder->program->info.nested_type_count = count;
    builder->program->info.nested_types = types;
}

void builder_row_form(struct builder *builder, uint8_t row_form)
{
    builder->program->info.row_form = row_form;
}

void builder_flags(struct builder *builder, bool writes, bool changes_schema, bool is_control,
                   unsigned database)
{
    struct program_info *info = &builder->program->info;

    info->writes = writes;
    info->changes_schema = changes_schema;
    info->is_control = is_control;
    info->database = database;
}

void builder_depends(struct builder *builder, unsigned database, uint64_t catalog_version)
{
    if (database >= COUNT_OF(builder->versions)) {
        builder_set_failure(builder, ST_LIMIT);
        return;
    }
    builder->versions[database] = catalog_version;
    if (database + 1 > builder->version_count)
        builder->version_count = database + 1;
}

void builder_loop(struct builder *builder, struct slice label, double estimate, uint32_t enter,
                  uint32_t row)
{
    const struct program_loop loop = {.label = arena_copy(builder_arena(builder), label),
                                      .estimate = estimate,
                                      .enter = enter,
                                      .row = row};

    buf_append(&builder->loops, &loop, sizeof(loop));
}

/* ---- finishing ---- */

static int32_t resolve_operand(const struct builder *builder, uint8_t kind, int32_t operand,
                               int32_t prologue_count, bool *is_bad)
{
    const struct label *labels = (const struct label *)(void *)builder->labels.data;
    const int32_t slots = (int32_t)count_in(&builder->slots, sizeof(struct program_slot));

    switch ((enum operand_kind)kind) {
    case OPERAND_IN:
    case OPERAND_OUT:
    case OPERAND_CHANGE:
    case OPERAND_IN_N:
    case OPERAND_OUT_N:
    case OPERAND_CHANGE_N:
        if (operand < 0)
            return -1 - operand;
        if (operand >= TEMPORARY)
            return slots + builder->registers + (operand - TEMPORARY);
        return slots + operand;
    case OPERAND_JUMP:
        if (operand < 0 || (size_t)operand >= count_in(&builder->labels, sizeof(struct label)) ||
            labels[operand].at == LABEL_NOWHERE) {
            *is_bad = true;
            return 0;
        }
        return labels[operand].at + (labels[operand].section == MAIN ? prologue_count : 0);
    case OPERAND_NONE:
    case OPERAND_CURSOR:
    case OPERAND_TABLE:
    case OPERAND_INT:
    case OPERAND_SORTER:
    case OPERAND_SET:
    case OPERAND_ROWS:
    case OPERAND_READER:
    case OPERAND_HASH:
    case OPERAND_GROUP:
    case OPERAND_COROUTINE:
    case OPERAND_LAST:
    case OPERAND_WINDOW:
        break;
    }
    return operand;
}

static bool link_code(struct builder *builder)
{
    struct program *program = builder->program;
    const size_t prologue =
        count_in(&builder->sections[PROLOGUE].insns, sizeof(struct builder_insn));
    const size_t count =
        prologue + count_in(&builder->sections[MAIN].insns, sizeof(struct builder_insn));
    bool is_bad = false;
    size_t at = 0;

    program->code = ARENA_NEW_ARRAY(&program->arena, struct vm_insn, count);
    program->notes = ARENA_NEW_ARRAY(&program->arena, struct slice, count);
    if (program->code == NULL || program->notes == NULL)
        return true; /* the arena tells */
    for (int section = PROLOGUE; section >= MAIN; section--) {
        const struct builder_insn *from =
            (const struct builder_insn *)(void *)builder->sections[section].insns.data;
        const size_t end = section == PROLOGUE ? prologue : count;

        for (; at < end; at++, from++) {
            struct vm_insn *insn = &program->code[at];
            const uint8_t *kinds = opcode_facts[from->insn.op].operands;

            *insn = from->insn;
            insn->p1 = resolve_operand(builder, kinds[0], insn->p1, (int32_t)prologue, &is_bad);
            insn->p2 = resolve_operand(builder, kinds[1], insn->p2, (int32_t)prologue, &is_bad);
            insn->p3 = resolve_operand(builder, kinds[2], insn->p3, (int32_t)prologue, &is_bad);
            program->notes[at] = from->note;
        }
    }
    program->info.insn_count = count;
    return !is_bad;
}

static void *copy_of(struct builder *builder, const struct buf *buf)
{
    void *copy = arena_alloc(builder_arena(builder), buf->len);

    if (buf->failed)
        builder_set_failure(builder, ST_NO_MEMORY);
    if (copy != NULL && buf->len != 0)
        memcpy(copy, buf->data, buf->len);
    return copy;
}

static void fill_program(struct builder *builder)
{
    struct program *program = builder->program;
    struct program_info *info = &program->info;
    uint64_t *versions = ARENA_NEW_ARRAY(&program->arena, uint64_t, builder->version_count + 1);
    struct program_loop *loops;
    const uint32_t prologue =
        (uint32_t)count_in(&builder->sections[PROLOGUE].insns, sizeof(struct builder_insn));

    info->slot_count = count_in(&builder->slots, sizeof(struct program_slot));
    info->slots = copy_of(builder, &builder->slots);
    info->table_count = count_in(&builder->tables, sizeof(struct program_table));
    info->tables = copy_of(builder, &builder->tables);
    info->loop_count = count_in(&builder->loops, sizeof(struct program_loop));
    info->loops = loops = copy_of(builder, &builder->loops);
    for (size_t k = 0; loops != NULL && k < info->loop_count; k++) {
        loops[k].enter += loops[k].enter == UINT32_MAX ? 0 : prologue;
        loops[k].row += loops[k].row == UINT32_MAX ? 0 : prologue;
    }
    if (versions != NULL)
        memcpy(versions, builder->versions, builder->version_count * sizeof(*versions));
    info->catalog_versions = versions;
    info->database_count = builder->version_count;
    program->cursor_count = count_in(&builder->cursors, sizeof(struct cursor_spec));
    program->cursors = copy_of(builder, &builder->cursors);
    program->object_count = count_in(&builder->objects, sizeof(struct object_spec));
    program->objects = copy_of(builder, &builder->objects);
    program->register_count = (size_t)builder->registers + (size_t)builder->temporaries_max;
    program->once_count = builder->once_count;
    program->mark_count = builder->mark_count;
}

/* ---- loops that only add up ---- */

static bool reads_register(const struct vm_insn *from, const struct vm_insn *to, int32_t number)
{
    for (; from != to; from++)
        if ((from->op == OP_COLUMN || from->op == OP_PART) && from->p3 == number)
            return true;
    return false;
}

/* Nothing but columns of one cursor and steps of aggregates that add them up. */
static bool is_foldable(const struct vm_insn *from, const struct vm_insn *to)
{
    const struct vm_insn *first = from;
    unsigned columns = 0;
    bool has_step = false;

    for (; from != to; from++) {
        if (from->op == OP_COLUMN || from->op == OP_PART) {
            if (from->p1 != to->p1 || reads_register(first, from, from->p3) ||
                (from->op == OP_COLUMN && from->p2 == ATTRIBUTE_NONE) ||
                ++columns > FOLD_COLUMNS_MAX)
                return false;
        } else if (from->op == OP_STEP_SUM || from->op == OP_STEP_COUNT_OF) {
            has_step = true;
            if (!reads_register(first, from, from->p3))
                return false;
        } else if (from->op == OP_STEP_COUNT) {
            has_step = true;
        } else if (from->op != OP_RELEASE) {
            return false;
        }
    }
    return has_step && columns != 0;
}

static void find_folds(struct program *program)
{
    for (size_t k = 0; k < program->info.insn_count; k++) {
        struct vm_insn *insn = &program->code[k];

        if (insn->op == OP_NEXT && (size_t)insn->p2 < k &&
            is_foldable(program->code + insn->p2, insn))
            insn->op = OP_FOLD;
    }
}

enum status builder_finish(struct builder *builder, struct program **out, struct error *err)
{
    struct program *program = builder->program;

    if (builder_failed(builder))
        return builder->status;
    fill_program(builder);
    if (builder->labels.failed || builder->sections[MAIN].insns.failed ||
        builder->sections[PROLOGUE].insns.failed)
        return ST_NO_MEMORY;
    if (!link_code(builder))
        return error_set(err, ST_INTERNAL, -1, "a program jumps to a label that is nowhere");
    find_folds(program);
    if (builder_failed(builder) || program->arena.failed)
        return ST_NO_MEMORY;
#ifdef HARPER_DEBUG
    TRY(program_verify(program, err));
#endif
    builder->program = NULL;
    *out = program;
    return ST_OK;
}
