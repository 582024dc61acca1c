/* Grouping: finding a group, stepping its aggregates, giving out results. count, sum, total, avg,
 * min and max are done here; every other aggregate through its function. */
#include "vdbe/vm/vm_internal.h"

struct sum_state {
    int64_t integer;
    double real; /* of all values, integers too */
    int64_t count;
    bool is_real, has_overflow;
};

_Static_assert(sizeof(struct sum_state) <= STATE_SUM_BYTES, "codegen leaves room for it");

struct extreme_state {
    struct value best;
    bool is_set;
};

_Static_assert(sizeof(struct extreme_state) <= STATE_EXTREME_BYTES, "codegen leaves room for it");

static struct groups *groups_at(struct vm *vm, const struct vm_insn *insn)
{
    return vm->objects[insn->p1].groups;
}

static void *state_at(struct vm *vm, const struct vm_insn *insn)
{
    return groups_state(groups_at(vm, insn), (uint32_t)insn->p2);
}

enum status op_group_clear(struct vm *vm, const struct vm_insn *insn)
{
    groups_clear(groups_at(vm, insn));
    return ST_OK;
}

enum status op_group_enter(struct vm *vm, const struct vm_insn *insn)
{
    enum status st = groups_enter(groups_at(vm, insn), reg(vm, insn->p2));

    if (st != ST_EXISTS)
        return st;
    jump(vm, insn->p3);
    return ST_OK;
}

enum status op_group_only(struct vm *vm, const struct vm_insn *insn)
{
    return groups_only(groups_at(vm, insn));
}

enum status op_group_number(struct vm *vm, const struct vm_insn *insn)
{
    *reg(vm, insn->p2) = value_int((int64_t)groups_number(groups_at(vm, insn)));
    return ST_OK;
}

enum status op_group_wants(struct vm *vm, const struct vm_insn *insn)
{
    if (!groups_wants_bare(groups_at(vm, insn)))
        jump(vm, insn->p2);
    return ST_OK;
}

enum status op_group_bare(struct vm *vm, const struct vm_insn *insn)
{
    return groups_set_bare(groups_at(vm, insn), reg(vm, insn->p2));
}

/* ---- steps ---- */

enum status op_step_count(struct vm *vm, const struct vm_insn *insn)
{
    ++*(int64_t *)state_at(vm, insn);
    return ST_OK;
}

enum status op_step_count_of(struct vm *vm, const struct vm_insn *insn)
{
    if (!value_is_null(*reg(vm, insn->p3)))
        ++*(int64_t *)state_at(vm, insn);
    return ST_OK;
}

static __attribute__((noinline)) void add_slowly(struct sum_state *state, struct value v)
{
    if (v.kind == VALUE_TEXT)
        v = value_numeric_if_possible(v);
    if (v.kind == VALUE_BOOL || v.kind == VALUE_DATE)
        v = value_to_number(v);
    if (value_is_null(v))
        return;
    state->count++;
    if (v.kind == VALUE_INT) {
        state->real += (double)v.as.i;
        if (__builtin_add_overflow(state->integer, v.as.i, &state->integer))
            state->has_overflow = true;
        return;
    }
    state->is_real = true;
    state->real += value_to_real(v);
}

static inline void add(struct sum_state *state, struct value v)
{
    if (v.kind != VALUE_INT && v.kind != VALUE_REAL) {
        add_slowly(state, v);
        return;
    }
    state->count++;
    if (v.kind == VALUE_INT) {
        state->real += (double)v.as.i;
        if (__builtin_add_overflow(state->integer, v.as.i, &state->integer))
            state->has_overflow = true;
    } else {
        state->is_real = true;
        state->real += v.as.d;
    }
}

enum status op_step_sum(struct vm *vm, const struct vm_insn *insn)
{
    add(state_at(vm, insn), *reg(vm, insn->p3));
    return ST_OK;
}

void groups_count(struct vm *vm, const struct vm_insn *insn, unsigned rows)
{
    *(int64_t *)state_at(vm, insn) += rows;
}

void groups_sum(struct vm *vm, const struct vm_insn *insn, const struct value *values,
                unsigned rows)
{
    struct sum_state *state = state_at(vm, insn);

    for (unsigned row = 0; row < rows; row++)
        add(state, values[row]);
}

/* wanted: -1 the least, 1 the greatest. The row that decides also decides the bare columns. */
static enum status step_extreme(struct vm *vm, const struct vm_insn *insn, int wanted)
{
    struct extreme_state *state = state_at(vm, insn);
    const struct value *v = reg(vm, insn->p3);
    struct groups *groups = groups_at(vm, insn);

    if (value_is_null(*v))
        return ST_OK;
    if (state->is_set) {
        const int order = v->kind == VALUE_INT && state->best.kind == VALUE_INT
                              ? (v->as.i > state->best.as.i) - (v->as.i < state->best.as.i)
                              : value_compare(*v, state->best, (enum collation)insn->n);

        if (order * wanted <= 0)
            return ST_OK;
    }
    state->is_set = true;
    if (insn->p4 != NULL) /* this aggregate decides */
        groups_want_bare(groups);
    state->best = *v;
    return value_has_bytes(*v) ? groups_keep(groups, &state->best) : ST_OK;
}

enum status op_step_min(struct vm *vm, const struct vm_insn *insn)
{
    return step_extreme(vm, insn, -1);
}

enum status op_step_max(struct vm *vm, const struct vm_insn *insn)
{
    return step_extreme(vm, insn, 1);
}

static void aim_functions(struct vm *vm, const struct aggregate_call *call, struct arena *arena)
{
    vm->functions.arena = arena;
    vm->functions.func = call->func;
    vm->functions.user = call->func->user;
    vm->functions.collation = call->collation;
}

enum status op_step(struct vm *vm, const struct vm_insn *insn)
{
    const struct aggregate_call *call = insn->p4;

    /* What a state keeps must live as long as its group. */
    aim_functions(vm, call, groups_arena(groups_at(vm, insn)));
    return call->func->step(&vm->functions, state_at(vm, insn), insn->n, reg(vm, insn->p3));
}

/* ---- results ---- */

enum status op_result_count(struct vm *vm, const struct vm_insn *insn)
{
    *reg(vm, insn->p3) = value_int(*(int64_t *)state_at(vm, insn));
    return ST_OK;
}

enum status op_result_sum(struct vm *vm, const struct vm_insn *insn)
{
    const struct sum_state *state = state_at(vm, insn);
    struct value *out = reg(vm, insn->p3);

    if (state->count == 0)
        *out = value_null();
    else if (state->is_real)
        *out = value_real(state->real);
    else if (state->has_overflow)
        return error_set(vm->err, ST_RANGE, -1, "integer overflow");
    else
        *out = value_int(state->integer);
    return ST_OK;
}

enum status op_result_total(struct vm *vm, const struct vm_insn *insn)
{
    *reg(vm, insn->p3) = value_real(((const struct sum_state *)state_at(vm, insn))->real);
    return ST_OK;
}

enum status op_result_avg(struct vm *vm, const struct vm_insn *insn)
{
    const struct sum_state *state = state_at(vm, insn);

    *reg(vm, insn->p3) =
        state->count == 0 ? value_null() : value_real(state->real / (double)state->count);
    return ST_OK;
}

enum status op_result_value(struct vm *vm, const struct vm_insn *insn)
{
    const struct extreme_state *state = state_at(vm, insn);

    *reg(vm, insn->p3) = state->is_set ? state->best : value_null();
    return ST_OK;
}

enum status op_result(struct vm *vm, const struct vm_insn *insn)
{
    const struct aggregate_call *call = insn->p4;

    aim_functions(vm, call, vm->temporary);
    TRY(call->func->result(&vm->functions, state_at(vm, insn), reg(vm, insn->p3)));
    return vm->temporary->failed ? ST_NO_MEMORY : ST_OK;
}

/* ---- giving out ---- */

enum status op_group_first(struct vm *vm, const struct vm_insn *insn)
{
    enum status st = groups_first(groups_at(vm, insn));

    if (st != ST_DONE)
        return st;
    jump(vm, insn->p2);
    return ST_OK;
}

enum status op_group_next(struct vm *vm, const struct vm_insn *insn)
{
    enum status st = groups_next(groups_at(vm, insn));

    if (st == ST_OK)
        jump(vm, insn->p2);
    return st == ST_DONE ? ST_OK : st;
}

enum status op_group_keys(struct vm *vm, const struct vm_insn *insn)
{
    groups_keys(groups_at(vm, insn), reg(vm, insn->p2));
    return ST_OK;
}

enum status op_group_reload(struct vm *vm, const struct vm_insn *insn)
{
    enum status st = groups_reload(groups_at(vm, insn));

    if (st != ST_DONE)
        return st;
    jump(vm, insn->p2);
    return ST_OK;
}

enum status op_group_unspill(struct vm *vm, const struct vm_insn *insn)
{
    enum status st = groups_unspill(groups_at(vm, insn), reg(vm, insn->p2));

    if (st != ST_DONE)
        return st;
    jump(vm, insn->p3);
    return ST_OK;
}
