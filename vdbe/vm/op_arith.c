/* Arithmetic as SQLite does it: text counts as the number it begins with, integers that overflow
 * become reals, division by zero is null. */
#include "vdbe/vm/vm_internal.h"

static struct value combine_ints(enum opcode op, int64_t a, int64_t b)
{
    int64_t result;

    switch (op) {
    case OP_ADD:
        if (!__builtin_add_overflow(a, b, &result))
            return value_int(result);
        return value_real((double)a + (double)b);
    case OP_SUBTRACT:
        if (!__builtin_sub_overflow(a, b, &result))
            return value_int(result);
        return value_real((double)a - (double)b);
    case OP_MULTIPLY:
        if (!__builtin_mul_overflow(a, b, &result))
            return value_int(result);
        return value_real((double)a * (double)b);
    case OP_DIVIDE:
        if (b == 0)
            return value_null();
        if (a == INT64_MIN && b == -1)
            return value_real((double)a / (double)b);
        return value_int(a / b);
    default:
        break;
    }
    return value_null();
}

static struct value combine_reals(enum opcode op, double a, double b)
{
    switch (op) {
    case OP_ADD:
        return value_real(a + b);
    case OP_SUBTRACT:
        return value_real(a - b);
    case OP_MULTIPLY:
        return value_real(a * b);
    case OP_DIVIDE:
        return b == 0 ? value_null() : value_real(a / b);
    default:
        break;
    }
    return value_null();
}

static struct value combine(enum opcode op, struct value a, struct value b)
{
    if (value_is_null(a) || value_is_null(b))
        return value_null();
    a = value_to_number(a);
    b = value_to_number(b);
    if (a.kind == VALUE_INT && b.kind == VALUE_INT)
        return combine_ints(op, a.as.i, b.as.i);
    return combine_reals(op, value_to_real(a), value_to_real(b));
}

#define ARITHMETIC(function, opcode)                                                               \
    enum status op_##function(struct vm *vm, const struct vm_insn *insn)                           \
    {                                                                                              \
        const struct value *a = reg(vm, insn->p1), *b = reg(vm, insn->p2);                         \
                                                                                                   \
        *reg(vm, insn->p3) = a->kind == VALUE_INT && b->kind == VALUE_INT                          \
                                 ? combine_ints(opcode, a->as.i, b->as.i)                          \
                             : a->kind == VALUE_REAL && b->kind == VALUE_REAL                      \
                                 ? combine_reals(opcode, a->as.d, b->as.d)                         \
                                 : combine(opcode, *a, *b);                                        \
        return ST_OK;                                                                              \
    }

ARITHMETIC(add, OP_ADD)
ARITHMETIC(subtract, OP_SUBTRACT)
ARITHMETIC(multiply, OP_MULTIPLY)
ARITHMETIC(divide, OP_DIVIDE)

/* Both sides become integers, text by the digits it begins with ('1e2' is 1); the result is a real
 * when either was the number of a real. */
enum status op_modulo(struct vm *vm, const struct vm_insn *insn)
{
    const struct value x = *reg(vm, insn->p1), y = *reg(vm, insn->p2);
    const struct value a = value_to_number(x), b = value_to_number(y);
    struct value *out = reg(vm, insn->p3);
    int64_t left, right, rest;

    if (value_is_null(a) || value_is_null(b)) {
        *out = value_null();
        return ST_OK;
    }
    left = value_to_int(x);
    right = value_to_int(y);
    if (right == 0) {
        *out = value_null();
        return ST_OK;
    }
    rest = right == -1 ? 0 : left % right;
    *out =
        a.kind == VALUE_REAL || b.kind == VALUE_REAL ? value_real((double)rest) : value_int(rest);
    return ST_OK;
}

enum status op_concat(struct vm *vm, const struct vm_insn *insn)
{
    struct value a = *reg(vm, insn->p1), b = *reg(vm, insn->p2);
    struct value *out = reg(vm, insn->p3);
    char *room;

    if (value_is_null(a) || value_is_null(b)) {
        *out = value_null();
        return ST_OK;
    }
    a = value_to_text(a, vm->temporary);
    b = value_to_text(b, vm->temporary);
    if ((uint64_t)a.len + b.len > vm->environment.text_bytes_max)
        return error_set(vm->err, ST_TOO_BIG, -1, "string or blob too big");
    room = arena_alloc(vm->temporary, (size_t)a.len + b.len);
    if (room == NULL || vm->temporary->failed)
        return ST_NO_MEMORY;
    if (a.len != 0)
        memcpy(room, a.as.data, a.len);
    if (b.len != 0)
        memcpy(room + a.len, b.as.data, b.len);
    *out = value_text(slice_of(room, (size_t)a.len + b.len));
    return ST_OK;
}

/* False: a null operand, *out is null. */
static bool bit_operands(struct vm *vm, const struct vm_insn *insn, int64_t *a, int64_t *b,
                         struct value **out)
{
    const struct value left = *reg(vm, insn->p1), right = *reg(vm, insn->p2);

    *out = reg(vm, insn->p3);
    if (value_is_null(left) || value_is_null(right)) {
        **out = value_null();
        return false;
    }
    *a = value_to_int(left);
    *b = value_to_int(right);
    return true;
}

enum status op_bit_and(struct vm *vm, const struct vm_insn *insn)
{
    struct value *out;
    int64_t a, b;

    if (bit_operands(vm, insn, &a, &b, &out))
        *out = value_int(a & b);
    return ST_OK;
}

enum status op_bit_or(struct vm *vm, const struct vm_insn *insn)
{
    struct value *out;
    int64_t a, b;

    if (bit_operands(vm, insn, &a, &b, &out))
        *out = value_int(a | b);
    return ST_OK;
}

/* A negative count shifts the other way; 64 and more leave only the sign. */
static int64_t shift(int64_t a, int64_t count, bool to_left)
{
    if (count < 0) {
        to_left = !to_left;
        count = count <= -64 ? 64 : -count;
    }
    if (count >= 64)
        return to_left || a >= 0 ? 0 : -1;
    if (to_left)
        return (int64_t)((uint64_t)a << count);
    return a >> count;
}

enum status op_shift_left(struct vm *vm, const struct vm_insn *insn)
{
    struct value *out;
    int64_t a, b;

    if (bit_operands(vm, insn, &a, &b, &out))
        *out = value_int(shift(a, b, true));
    return ST_OK;
}

enum status op_shift_right(struct vm *vm, const struct vm_insn *insn)
{
    struct value *out;
    int64_t a, b;

    if (bit_operands(vm, insn, &a, &b, &out))
        *out = value_int(shift(a, b, false));
    return ST_OK;
}

enum status op_negate(struct vm *vm, const struct vm_insn *insn)
{
    const struct value v = value_to_number(*reg(vm, insn->p1));

    if (v.kind == VALUE_REAL)
        *reg(vm, insn->p2) = value_real(-v.as.d);
    else
        *reg(vm, insn->p2) =
            v.kind == VALUE_INT ? combine_ints(OP_SUBTRACT, 0, v.as.i) : value_null();
    return ST_OK;
}

enum status op_bit_not(struct vm *vm, const struct vm_insn *insn)
{
    const struct value v = *reg(vm, insn->p1);

    *reg(vm, insn->p2) = value_is_null(v) ? value_null() : value_int(~value_to_int(v));
    return ST_OK;
}

/* ---- three-valued logic over values ---- */

static struct value value_of_truth(int truth)
{
    return truth < 0 ? value_null() : value_int(truth);
}

enum status op_not(struct vm *vm, const struct vm_insn *insn)
{
    const int truth = value_truth(*reg(vm, insn->p1));

    *reg(vm, insn->p2) = value_of_truth(truth < 0 ? -1 : !truth);
    return ST_OK;
}

enum status op_and(struct vm *vm, const struct vm_insn *insn)
{
    const int a = value_truth(*reg(vm, insn->p1)), b = value_truth(*reg(vm, insn->p2));

    *reg(vm, insn->p3) = value_of_truth(a == 0 || b == 0 ? 0 : a < 0 || b < 0 ? -1 : 1);
    return ST_OK;
}

enum status op_or(struct vm *vm, const struct vm_insn *insn)
{
    const int a = value_truth(*reg(vm, insn->p1)), b = value_truth(*reg(vm, insn->p2));

    *reg(vm, insn->p3) = value_of_truth(a > 0 || b > 0 ? 1 : a < 0 || b < 0 ? -1 : 0);
    return ST_OK;
}
