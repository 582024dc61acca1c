/* Comparisons. Two integers are the common case and never leave the instruction. */
#include "vdbe/vm/vm_internal.h"

/* Bring both to one kind, as the affinity of the comparison asks. */
static void apply_flags(struct vm *vm, struct value *a, struct value *b, unsigned flags)
{
    if ((flags & COMPARE_NUMERIC) != 0) {
        if (a->kind == VALUE_TEXT && b->kind != VALUE_TEXT)
            *a = value_numeric_if_possible(*a);
        else if (b->kind == VALUE_TEXT && a->kind != VALUE_TEXT)
            *b = value_numeric_if_possible(*b);
        else if (a->kind == VALUE_TEXT && b->kind == VALUE_TEXT) {
            *a = value_numeric_if_possible(*a);
            *b = value_numeric_if_possible(*b);
        }
    } else if ((flags & COMPARE_TEXT) != 0) {
        if (a->kind == VALUE_TEXT && (value_is_number(*b) || b->kind == VALUE_BOOL))
            *b = value_to_text(*b, vm->temporary);
        else if (b->kind == VALUE_TEXT && (value_is_number(*a) || a->kind == VALUE_BOOL))
            *a = value_to_text(*a, vm->temporary);
    }
}

/* Text inside text; numbers count by their decimal text, except for what they begin with. */
static int match_text(struct vm *vm, struct value a, struct value b, enum compare_operator op)
{
    struct slice text, part;

    if (a.kind != VALUE_TEXT) {
        if (op == COMPARE_STARTS_WITH || (a.kind != VALUE_INT && a.kind != VALUE_REAL))
            return 0;
        a = value_to_text(a, vm->temporary);
    }
    if (b.kind == VALUE_INT || b.kind == VALUE_REAL)
        b = value_to_text(b, vm->temporary);
    if (b.kind != VALUE_TEXT)
        return 0;
    text = value_slice(a);
    part = value_slice(b);
    if (part.len > text.len)
        return 0;
    if (part.len == 0)
        return 1;
    if (op == COMPARE_STARTS_WITH)
        return memcmp(text.data, part.data, part.len) == 0;
    if (op == COMPARE_ENDS_WITH)
        return memcmp(text.data + text.len - part.len, part.data, part.len) == 0;
    return memmem(text.data, text.len, part.data, part.len) != NULL;
}

static int compare_scalars(struct vm *vm, struct value a, struct value b, unsigned flags,
                           enum compare_operator op)
{
    int order;

    if (value_is_null(a) || value_is_null(b)) {
        if ((flags & COMPARE_NULLS) == 0)
            return -1;
        order = value_is_null(a) != value_is_null(b);
    } else {
        if (op >= COMPARE_STARTS_WITH)
            return match_text(vm, a, b, op);
        apply_flags(vm, &a, &b, flags);
        order = value_compare(a, b, (enum collation)(flags & COMPARE_COLLATION));
    }
    switch (op) {
    case COMPARE_EQ:
        return order == 0;
    case COMPARE_NE:
        return order != 0;
    case COMPARE_LT:
        return order < 0;
    case COMPARE_LE:
        return order <= 0;
    case COMPARE_GT:
        return order > 0;
    case COMPARE_GE:
        return order >= 0;
    case COMPARE_STARTS_WITH:
    case COMPARE_ENDS_WITH:
    case COMPARE_CONTAINS:
        break; /* a null under COMPARE_NULLS contains nothing */
    }
    return 0;
}

/* An array matches when one of its elements does; an empty one only differs. */
static int compare_elements(struct vm *vm, struct value array, struct value b, unsigned flags,
                            enum compare_operator op)
{
    const size_t count = document_count(array);

    if (count == 0)
        return op == COMPARE_NE;
    for (size_t k = 0; k < count; k++)
        if (compare_scalars(vm, document_element(array, k), b, flags, op) > 0)
            return 1;
    return 0;
}

int compare_values(struct vm *vm, struct value a, struct value b, unsigned flags,
                   enum compare_operator op)
{
    if ((flags & COMPARE_ANY) != 0) {
        if (a.kind == VALUE_ARRAY && b.kind != VALUE_ARRAY)
            return compare_elements(vm, a, b, flags, op);
    }
    return compare_scalars(vm, a, b, flags, op);
}

static __attribute__((noinline)) enum status jump_slowly(struct vm *vm, const struct vm_insn *insn,
                                                         enum compare_operator op)
{
    const int truth = compare_values(vm, *reg(vm, insn->p1), *reg(vm, insn->p2), insn->n, op);

    if (truth > 0 || (truth < 0 && (insn->n & COMPARE_JUMP_NULL) != 0))
        jump(vm, insn->p3);
    return vm->temporary->failed ? ST_NO_MEMORY : ST_OK;
}

#define COMPARISON(function, operator, enumerator)                                                 \
    enum status op_##function(struct vm *vm, const struct vm_insn *insn)                           \
    {                                                                                              \
        const struct value *a = reg(vm, insn->p1), *b = reg(vm, insn->p2);                         \
                                                                                                   \
        if (__builtin_expect(a->kind != VALUE_INT || b->kind != VALUE_INT, false))                 \
            return jump_slowly(vm, insn, enumerator);                                              \
        if (a->as.i operator b->as.i)                                                              \
            jump(vm, insn->p3);                                                                    \
        return ST_OK;                                                                              \
    }

COMPARISON(eq, ==, COMPARE_EQ)
COMPARISON(ne, !=, COMPARE_NE)
COMPARISON(lt, <, COMPARE_LT)
COMPARISON(le, <=, COMPARE_LE)
COMPARISON(gt, >, COMPARE_GT)
COMPARISON(ge, >=, COMPARE_GE)

enum status op_compare(struct vm *vm, const struct vm_insn *insn)
{
    const int truth = compare_values(vm, *reg(vm, insn->p1), *reg(vm, insn->p2), insn->n & 255,
                                     (enum compare_operator)(insn->n >> COMPARE_OPERATOR));

    *reg(vm, insn->p3) = truth < 0 ? value_null() : value_int(truth);
    return vm->temporary->failed ? ST_NO_MEMORY : ST_OK;
}
