/* Where to go on: jumps, subroutines, co-routines, rows, limits. */
#include "vdbe/vm/vm_internal.h"

enum status op_goto(struct vm *vm, const struct vm_insn *insn)
{
    jump(vm, insn->p1);
    return ST_OK;
}

enum status op_halt(struct vm *vm, const struct vm_insn *insn)
{
    (void)insn;
    if (vm->foreign.count > 0) {
        TRY(foreign_verify(&vm->foreign, vm->write_txn, vm->temporary, vm->err));
        foreign_list_clear(&vm->foreign);
    }
    vm->pc--; /* stays at the end */
    return ST_DONE;
}

/* A return address is an instruction number; only the machine reads it. */
enum status op_gosub(struct vm *vm, const struct vm_insn *insn)
{
    *reg(vm, insn->p1) = value_int(vm->pc - vm->program->code);
    jump(vm, insn->p2);
    return ST_OK;
}

enum status op_return(struct vm *vm, const struct vm_insn *insn)
{
    const struct value *from = reg(vm, insn->p1);

    assert(from->kind == VALUE_INT && (size_t)from->as.i < vm->program->info.insn_count);
    jump(vm, (int32_t)from->as.i);
    return ST_OK;
}

enum status op_once(struct vm *vm, const struct vm_insn *insn)
{
    if (vm->once[insn->p1])
        jump(vm, insn->p2);
    vm->once[insn->p1] = true;
    return ST_OK;
}

enum status op_row(struct vm *vm, const struct vm_insn *insn)
{
    vm->row = reg(vm, insn->p1);
    vm->row_columns = insn->n != 0 ? insn->n : vm->described_count;
    return ST_ROW;
}

enum status op_fail(struct vm *vm, const struct vm_insn *insn)
{
    const struct fail_spec *spec = insn->p4;

    vm->failed_conflict = spec->conflict;
    return error_set(vm->err, spec->status, -1, "%.*s", (int)spec->message.len, spec->message.data);
}

/* ---- temporaries: what a loop's row made is forgotten when the loop goes on ---- */

enum status op_mark(struct vm *vm, const struct vm_insn *insn)
{
    vm->marks[insn->p1] = arena_mark(vm->temporary);
    return ST_OK;
}

enum status op_release(struct vm *vm, const struct vm_insn *insn)
{
    const struct arena_mark mark = vm->marks[insn->p1];

    if (mark.block == vm->temporary->blocks && mark.block != NULL)
        vm->temporary->next = mark.next; /* nearly always: the same block */
    else
        arena_release(vm->temporary, mark);
    return ST_OK;
}

/* ---- co-routines: their temporaries outlive the asker's, so they have an arena of their own ----
 */

enum status op_co_start(struct vm *vm, const struct vm_insn *insn)
{
    struct coroutine *coroutine = vm->objects[insn->p1].coroutine;

    arena_reset(&coroutine->arena);
    coroutine->pc = vm->program->code + insn->p2;
    coroutine->has_ended = false;
    return ST_OK;
}

enum status op_co_resume(struct vm *vm, const struct vm_insn *insn)
{
    struct coroutine *coroutine = vm->objects[insn->p1].coroutine;
    const struct vm_insn *next = coroutine->pc;

    if (coroutine->has_ended) {
        jump(vm, insn->p2);
        return ST_OK;
    }
    /* Where CO_END goes is in the asker's instruction, just before its pc. */
    coroutine->pc = vm->pc;
    coroutine->caller_arena = vm->temporary;
    vm->temporary = &coroutine->arena;
    vm->pc = next;
    return ST_OK;
}

enum status op_co_yield(struct vm *vm, const struct vm_insn *insn)
{
    struct coroutine *coroutine = vm->objects[insn->p1].coroutine;
    const struct vm_insn *asker = coroutine->pc;

    coroutine->pc = vm->pc;
    vm->temporary = coroutine->caller_arena;
    vm->pc = asker;
    return ST_OK;
}

enum status op_co_end(struct vm *vm, const struct vm_insn *insn)
{
    struct coroutine *coroutine = vm->objects[insn->p1].coroutine;

    coroutine->has_ended = true;
    vm->temporary = coroutine->caller_arena;
    jump(vm, coroutine->pc[-1].p2);
    return ST_OK;
}

/* ---- conditions ---- */

enum status op_if(struct vm *vm, const struct vm_insn *insn)
{
    const struct value *v = reg(vm, insn->p1);
    int truth = v->kind == VALUE_INT ? v->as.i != 0 : value_truth(*v);

    if (truth > 0 || (truth < 0 && insn->p3 != 0))
        jump(vm, insn->p2);
    return ST_OK;
}

enum status op_if_not(struct vm *vm, const struct vm_insn *insn)
{
    const struct value *v = reg(vm, insn->p1);
    int truth = v->kind == VALUE_INT ? v->as.i != 0 : value_truth(*v);

    if (truth == 0 || (truth < 0 && insn->p3 != 0))
        jump(vm, insn->p2);
    return ST_OK;
}

enum status op_if_null(struct vm *vm, const struct vm_insn *insn)
{
    if (value_is_null(*reg(vm, insn->p1)))
        jump(vm, insn->p2);
    return ST_OK;
}

enum status op_if_not_null(struct vm *vm, const struct vm_insn *insn)
{
    if (!value_is_null(*reg(vm, insn->p1)))
        jump(vm, insn->p2);
    return ST_OK;
}

/* ---- counters: registers that codegen made integers ---- */

enum status op_if_zero(struct vm *vm, const struct vm_insn *insn)
{
    if (reg(vm, insn->p1)->as.i == 0)
        jump(vm, insn->p2);
    return ST_OK;
}

enum status op_if_taken(struct vm *vm, const struct vm_insn *insn)
{
    struct value *counter = reg(vm, insn->p1);

    if (counter->as.i > 0) {
        counter->as.i--;
        jump(vm, insn->p2);
    }
    return ST_OK;
}

enum status op_count_down(struct vm *vm, const struct vm_insn *insn)
{
    struct value *counter = reg(vm, insn->p1);

    if (counter->as.i > 0 && --counter->as.i == 0)
        jump(vm, insn->p2);
    return ST_OK;
}

/* LIMIT and OFFSET take what is an integer without loss; p2 is what a negative one means: -1 no
 * limit, 0 no offset. */
enum status op_limit(struct vm *vm, const struct vm_insn *insn)
{
    struct value *v = reg(vm, insn->p1);
    const struct value number = value_apply_affinity(*v, AFFINITY_INTEGER, vm->temporary);

    if (number.kind == VALUE_BOOL)
        *v = value_int(number.as.b);
    else if (number.kind == VALUE_INT)
        *v = value_int(number.as.i);
    else
        return error_set(vm->err, ST_TYPE, -1, "datatype mismatch");
    if (v->as.i < 0)
        v->as.i = insn->p2;
    return ST_OK;
}

enum status op_limit_sum(struct vm *vm, const struct vm_insn *insn)
{
    const int64_t limit = reg(vm, insn->p1)->as.i, offset = reg(vm, insn->p2)->as.i;
    int64_t sum;

    if (limit < 0 || __builtin_add_overflow(limit, offset, &sum))
        sum = -1;
    *reg(vm, insn->p3) = value_int(sum);
    return ST_OK;
}
