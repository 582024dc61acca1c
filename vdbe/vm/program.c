#include "vdbe/vm/vm_internal.h"

const struct opcode_facts opcode_facts[OPCODE_COUNT] = {
#define OP(name, function, p1, p2, p3, summary)                                                    \
    [OP_##name] = {#name, {OPERAND_##p1, OPERAND_##p2, OPERAND_##p3}, summary},
#include "vdbe/vm/opcodes.def"
#undef OP
};

const struct program_info *program_info(const struct program *program)
{
    return &program->info;
}

void program_free(struct program *program)
{
    struct arena arena;

    if (program == NULL)
        return;
    for (size_t k = 0; k < program->step_count; k++)
        program_free(program->steps[k]);
    arena = program->arena; /* the program lives in its own arena */
    arena_deinit(&arena);
}

/* ---- listings ---- */

static void print_register(struct buf *out, const struct program *program, int32_t number)
{
    if ((size_t)number < program->info.slot_count)
        buf_printf(out, "k%d", number);
    else
        buf_printf(out, "r%d", (int)(number - (int32_t)program->info.slot_count));
}

static void print_registers(struct buf *out, const struct program *program, int32_t first,
                            unsigned n)
{
    if (n == 0) {
        buf_append_text(out, "nothing");
        return;
    }
    print_register(out, program, first);
    if (n > 1) {
        buf_append_text(out, "..");
        print_register(out, program, first + (int32_t)n - 1);
    }
}

static void print_operand(struct buf *out, const struct program *program,
                          const struct vm_insn *insn, unsigned which)
{
    static const char *const object_letters = "tsbihgylw"; /* by enum object_type */
    const int32_t operand = which == 0 ? insn->p1 : which == 1 ? insn->p2 : insn->p3;
    const uint8_t kind = opcode_facts[insn->op].operands[which];

    switch ((enum operand_kind)kind) {
    case OPERAND_IN:
    case OPERAND_OUT:
    case OPERAND_CHANGE:
        print_register(out, program, operand);
        break;
    case OPERAND_IN_N:
    case OPERAND_OUT_N:
    case OPERAND_CHANGE_N:
        print_registers(out, program, operand, insn->n);
        break;
    case OPERAND_CURSOR:
        buf_printf(out, "c%d", operand);
        break;
    case OPERAND_TABLE:
        buf_append_slice(out, program->info.tables[operand].name);
        break;
    case OPERAND_JUMP:
    case OPERAND_INT:
    case OPERAND_NONE:
        buf_printf(out, "%d", operand);
        break;
    case OPERAND_SORTER:
    case OPERAND_SET:
    case OPERAND_ROWS:
    case OPERAND_READER:
    case OPERAND_HASH:
    case OPERAND_GROUP:
    case OPERAND_COROUTINE:
    case OPERAND_LAST:
    case OPERAND_WINDOW:
        buf_printf(out, "%c%d", object_letters[kind - OPERAND_SORTER], operand);
        break;
    }
}

static void print_compare_flags(struct buf *out, unsigned n)
{
    static const char *const collations[] = {"", " nocase", " rtrim", ""};

    buf_append_text(out, collations[n & COMPARE_COLLATION]);
    if ((n & COMPARE_NUMERIC) != 0)
        buf_append_text(out, " numeric");
    if ((n & COMPARE_TEXT) != 0)
        buf_append_text(out, " text");
    if ((n & COMPARE_NULLS) != 0)
        buf_append_text(out, " nulls equal");
    if ((n & COMPARE_JUMP_NULL) != 0)
        buf_append_text(out, " or null");
    if ((n & COMPARE_ANY) != 0)
        buf_append_text(out, " any element");
}

static void print_summary(struct buf *out, const struct program *program, size_t index)
{
    const struct vm_insn *insn = &program->code[index];

    for (const char *at = opcode_facts[insn->op].summary; *at != '\0'; at++) {
        if (*at != '@') {
            buf_append_byte(out, (uint8_t)*at);
            continue;
        }
        at++;
        if (*at >= '1' && *at <= '3')
            print_operand(out, program, insn, (unsigned)(*at - '1'));
        else if (*at == '4')
            buf_append_slice(out, program->notes[index]);
        else if (*at == 'c')
            print_compare_flags(out, insn->n);
        else
            buf_printf(out, "%u", insn->n);
    }
}

static void print_slot_value(struct buf *out, struct value v)
{
    if (v.kind == VALUE_REAL) {
        char text[NUMBER_TEXT_MAX];

        buf_append(out, text, number_format(v.as.d, text));
    } else if (v.kind == VALUE_BYTES) {
        buf_append_text(out, "x'");
        for (uint32_t k = 0; k < v.len; k++)
            buf_printf(out, "%02x", (unsigned)(unsigned char)v.as.data[k]);
        buf_append_byte(out, '\'');
    } else {
        json_write(out, v);
    }
}

static void print_slots(struct buf *out, const struct program *program)
{
    for (size_t k = 0; k < program->info.slot_count; k++) {
        const struct program_slot *slot = &program->info.slots[k];

        buf_printf(out, "k%zu", k);
        if (slot->is_known) {
            buf_append_text(out, " = ");
            print_slot_value(out, slot->value);
        } else {
            const struct slice name = slot->param - 1 < program->info.param_count
                                          ? program->info.param_names[slot->param - 1]
                                          : slice_empty();

            buf_append_text(out, " = ");
            if (name.len != 0)
                buf_append_slice(out, name);
            else
                buf_printf(out, "?%u", slot->param);
        }
        buf_append_byte(out, '\n');
    }
}

void program_print(struct buf *out, const struct program *program)
{
    print_slots(out, program);
    for (size_t k = 0; k < program->cursor_count; k++) {
        const struct cursor_spec *cursor = &program->cursors[k];

        buf_printf(out, "c%zu = ", k);
        buf_append_slice(out, program->info.tables[cursor->table].name);
        if (cursor->index_store != 0) {
            buf_append_text(out, " by ");
            buf_append_slice(out, cursor->index_name);
        }
        buf_append_byte(out, '\n');
    }
    for (size_t k = 0; k < program->info.insn_count; k++) {
        buf_printf(out, "%4zu  %-14s ", k, opcode_facts[program->code[k].op].name);
        print_summary(out, program, k);
        buf_append_byte(out, '\n');
    }
    for (size_t k = 0; k < program->step_count; k++) {
        buf_printf(out, "step %zu\n", k);
        program_print(out, program->steps[k]);
    }
}

bool program_line(const struct program *program, size_t index, struct buf *text,
                  struct program_line *out)
{
    const struct vm_insn *insn;

    if (index >= program->info.insn_count)
        return false;
    insn = &program->code[index];
    buf_clear(text);
    print_summary(text, program, index);
    *out = (struct program_line){.opcode = opcode_facts[insn->op].name,
                                 .p1 = insn->p1,
                                 .p2 = insn->p2,
                                 .p3 = insn->p3,
                                 .n = insn->n,
                                 .summary = buf_slice(text)};
    return true;
}
