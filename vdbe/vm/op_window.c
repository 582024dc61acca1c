/* Windows: see window.c. */
#include "vdbe/vm/vm_internal.h"

enum status op_window_clear(struct vm *vm, const struct vm_insn *insn)
{
    window_clear(vm->objects[insn->p1].window);
    return ST_OK;
}

enum status op_window_add(struct vm *vm, const struct vm_insn *insn)
{
    return window_add(vm->objects[insn->p1].window, reg(vm, insn->p2));
}

enum status op_window_run(struct vm *vm, const struct vm_insn *insn)
{
    enum status st = window_run(vm->objects[insn->p1].window, reg(vm, insn->p2), vm->err);

    if (st != ST_DONE)
        return st;
    jump(vm, insn->p3);
    return ST_OK;
}

enum status op_window_next(struct vm *vm, const struct vm_insn *insn)
{
    enum status st;

    vm->functions.arena = vm->temporary;
    st = window_next(vm->objects[insn->p1].window, &vm->functions, reg(vm, insn->p2));
    if (st != ST_DONE)
        return st;
    jump(vm, insn->p3);
    return ST_OK;
}
