/* The machine trusts its program. This is where that trust comes from: every operand of every
 * instruction stays inside what the program declares. */
#include "vdbe/vm/vm_internal.h"

struct verification {
    const struct program *program;
    struct error *err;
    size_t at;
    size_t registers; /* slots included */
};

static enum status reject(const struct verification *check, const char *what, int32_t operand)
{
    return error_set(check->err, ST_INTERNAL, -1, "instruction %zu (%s): %s %d", check->at,
                     opcode_facts[check->program->code[check->at].op].name, what, operand);
}

static enum status check_registers(const struct verification *check, int32_t first, size_t n,
                                   bool is_written)
{
    if (n == 0)
        return ST_OK;
    if (first < 0 || (size_t)first >= check->registers || n > check->registers - (size_t)first)
        return reject(check, "no such register:", first);
    if (is_written && (size_t)first < check->program->info.slot_count)
        return reject(check, "a constant is written:", first);
    return ST_OK;
}

static enum status check_object(const struct verification *check, int32_t operand, uint8_t type)
{
    if (operand < 0 || (size_t)operand >= check->program->object_count)
        return reject(check, "no such object:", operand);
    if (check->program->objects[operand].type != type)
        return reject(check, "object of another type:", operand);
    return ST_OK;
}

static enum status check_operand(const struct verification *check, uint8_t kind, int32_t operand,
                                 size_t n)
{
    switch ((enum operand_kind)kind) {
    case OPERAND_NONE:
    case OPERAND_INT:
        return ST_OK;
    case OPERAND_IN:
        return check_registers(check, operand, 1, false);
    case OPERAND_OUT:
    case OPERAND_CHANGE:
        return check_registers(check, operand, 1, true);
    case OPERAND_IN_N:
        return check_registers(check, operand, n, false);
    case OPERAND_OUT_N:
    case OPERAND_CHANGE_N:
        return check_registers(check, operand, n, true);
    case OPERAND_JUMP:
        if (operand < 0 || (size_t)operand >= check->program->info.insn_count)
            return reject(check, "jump out of the program:", operand);
        return ST_OK;
    case OPERAND_CURSOR:
        if (operand < 0 || (size_t)operand >= check->program->cursor_count)
            return reject(check, "no such cursor:", operand);
        return ST_OK;
    case OPERAND_TABLE:
        if (operand < 0 || (size_t)operand >= check->program->info.table_count)
            return reject(check, "no such table:", operand);
        return ST_OK;
    case OPERAND_SORTER:
    case OPERAND_SET:
    case OPERAND_ROWS:
    case OPERAND_READER:
    case OPERAND_HASH:
    case OPERAND_GROUP:
    case OPERAND_COROUTINE:
    case OPERAND_LAST:
    case OPERAND_WINDOW:
        return check_object(check, operand, (uint8_t)(kind - OPERAND_SORTER));
    }
    return reject(check, "operand of unknown kind:", kind);
}

/* Registers an object writes or reads in one go must be those it was declared with. */
static enum status check_width(const struct verification *check, const struct vm_insn *insn)
{
    const struct object_spec *objects = check->program->objects;
    size_t expected = insn->n;

    switch ((enum opcode)insn->op) {
    case OP_SORT_ADD:
    case OP_HASH_ADD:
        expected = (size_t)objects[insn->p1].key_count + objects[insn->p1].row_count;
        break;
    case OP_SORT_ROW:
    case OP_HASH_ROW:
        expected = objects[insn->p1].row_count;
        break;
    case OP_SET_ADD:
    case OP_SET_HAS:
    case OP_SET_DELETE:
    case OP_SET_IN:
    case OP_HASH_PROBE:
    case OP_SAME:
        expected = objects[insn->p1].key_count;
        break;
    case OP_GROUP_ENTER:
    case OP_GROUP_UNSPILL:
        expected = objects[insn->p1].input_count;
        break;
    case OP_GROUP_KEYS:
        expected = (size_t)objects[insn->p1].key_count + objects[insn->p1].row_count;
        break;
    case OP_WINDOW_ADD:
        expected = objects[insn->p1].input_count;
        break;
    case OP_WINDOW_NEXT:
        expected = (size_t)objects[insn->p1].row_count + objects[insn->p1].call_count;
        break;
    case OP_GROUP_BARE:
        expected = objects[insn->p1].row_count;
        break;
    case OP_ONCE:
        if (insn->p1 < 0 || (size_t)insn->p1 >= check->program->once_count)
            return reject(check, "no such flag:", insn->p1);
        return ST_OK;
    case OP_MARK:
    case OP_RELEASE:
        if (insn->p1 < 0 || (size_t)insn->p1 >= check->program->mark_count)
            return reject(check, "no such mark:", insn->p1);
        return ST_OK;
    default: /* most instructions have no object */
        return ST_OK;
    }
    if (expected != insn->n)
        return reject(check, "wrong number of registers:", insn->n);
    return ST_OK;
}

/* The end of the code must not be walked past. */
static bool ends_flow(uint16_t op)
{
    return op == OP_HALT || op == OP_GOTO || op == OP_RETURN || op == OP_CO_END || op == OP_FAIL;
}

enum status program_verify(const struct program *program, struct error *err)
{
    struct verification check = {.program = program,
                                 .err = err,
                                 .registers = program->info.slot_count + program->register_count};

    if (program->info.insn_count == 0)
        return error_set(err, ST_INTERNAL, -1, "a program without instructions");
    for (; check.at < program->info.insn_count; check.at++) {
        const struct vm_insn *insn = &program->code[check.at];
        const uint8_t *kinds;

        if (insn->op >= OPCODE_COUNT)
            return error_set(err, ST_INTERNAL, -1, "instruction %zu: no such opcode", check.at);
        kinds = opcode_facts[insn->op].operands;
        TRY(check_operand(&check, kinds[0], insn->p1, insn->n));
        TRY(check_operand(&check, kinds[1], insn->p2, insn->n));
        TRY(check_operand(&check, kinds[2], insn->p3, insn->n));
        TRY(check_width(&check, insn));
    }
    check.at--;
    if (!ends_flow(program->code[check.at].op))
        return reject(&check, "the program runs past its end:", 0);
    for (size_t k = 0; k < program->object_count; k++)
        if (program->objects[k].type == OBJECT_READER &&
            (program->objects[k].target >= program->object_count ||
             program->objects[program->objects[k].target].type != OBJECT_ROWS))
            return error_set(err, ST_INTERNAL, -1, "object %zu reads no rows", k);
    for (size_t k = 0; k < program->cursor_count; k++)
        if (program->cursors[k].table >= program->info.table_count)
            return error_set(err, ST_INTERNAL, -1, "cursor %zu is over no table", k);
    return ST_OK;
}
