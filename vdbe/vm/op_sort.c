/* Sorters: see sorter.c. */
#include "vdbe/vm/vm_internal.h"

enum status op_sort_clear(struct vm *vm, const struct vm_insn *insn)
{
    sorter_clear(vm->objects[insn->p1].sorter);
    return ST_OK;
}

enum status op_sort_limit(struct vm *vm, const struct vm_insn *insn)
{
    const int64_t rows = reg(vm, insn->p2)->as.i;

    if (rows >= 0)
        sorter_limit(vm->objects[insn->p1].sorter, (uint64_t)rows);
    return ST_OK;
}

enum status op_sort_add(struct vm *vm, const struct vm_insn *insn)
{
    return sorter_add(vm->objects[insn->p1].sorter, reg(vm, insn->p2));
}

enum status op_sort_first(struct vm *vm, const struct vm_insn *insn)
{
    enum status st = sorter_first(vm->objects[insn->p1].sorter);

    if (st != ST_DONE)
        return st;
    jump(vm, insn->p2);
    return ST_OK;
}

enum status op_sort_next(struct vm *vm, const struct vm_insn *insn)
{
    enum status st = sorter_next(vm->objects[insn->p1].sorter);

    if (st == ST_OK)
        jump(vm, insn->p2);
    return st == ST_DONE ? ST_OK : st;
}

enum status op_sort_row(struct vm *vm, const struct vm_insn *insn)
{
    sorter_row(vm->objects[insn->p1].sorter, reg(vm, insn->p2));
    return ST_OK;
}

enum status op_sort_pop(struct vm *vm, const struct vm_insn *insn)
{
    enum status st = sorter_pop(vm->objects[insn->p1].sorter, reg(vm, insn->p2));

    if (st != ST_DONE)
        return st;
    jump(vm, insn->p3);
    return ST_OK;
}
