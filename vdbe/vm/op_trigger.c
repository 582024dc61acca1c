/* Programs around rows: a trigger's statements run on machines of their own, so that they may nest.
 * The outermost machine, the statement's, undoes everything when one fails. */
#include "vdbe/vm/vm_internal.h"
#include <stdlib.h>

enum { NESTING_MAX = 1000 };

enum status op_given(struct vm *vm, const struct vm_insn *insn)
{
    memcpy(reg(vm, insn->p1), vm->given, insn->n * sizeof(*vm->given));
    return ST_OK;
}

enum status op_ignore(struct vm *vm, const struct vm_insn *insn)
{
    (void)insn;
    vm->is_ignored = true;
    return ST_DONE;
}

/* ---- one step ---- */

static enum status machine_of(struct vm *vm, uint32_t number, struct vm **out)
{
    const struct program *program = vm->statement->program;

    if (vm->steps == NULL)
        vm->steps = calloc(program->step_count, sizeof(struct vm *));
    if (vm->steps == NULL)
        return ST_NO_MEMORY;
    if (vm->steps[number] == NULL) {
        TRY(vm_new(program->steps[number], &vm->steps[number]));
        vm->steps[number]->statement = vm->statement;
        vm->steps[number]->caller = vm;
        vm->steps[number]->nesting = vm->nesting + 1;
    }
    *out = vm->steps[number];
    return ST_OK;
}

struct step_result {
    bool has_row, is_ignored;
};

static void take_changes(struct vm *vm, const struct vm *step, struct vm_environment *environment)
{
    if (!step->program->info.writes)
        return;
    vm->statement->nested_changes += step->changes;
    environment->changes = step->changes;
    environment->total_changes += step->changes;
    if (step->has_inserted)
        environment->last_insert_rowid = step->inserted_rowid;
}

static enum status run_step(struct vm *vm, const struct step_spec *spec, uint32_t number,
                            const struct value *given, struct vm_environment *environment,
                            struct step_result *result)
{
    struct vm *step;
    enum status st;

    TRY(machine_of(vm, number, &step));
    step->given = given;
    step->under_way = spec;
    TRY(vm_begin(step, environment, vm->err));
    *result = (struct step_result){0};
    while ((st = vm_step(step, vm->err)) == ST_ROW)
        result->has_row = true;
    if (st == ST_DONE) {
        result->is_ignored = step->is_ignored;
        take_changes(vm, step, environment);
        st = ST_OK;
    } else {
        vm->failed_conflict = step->failed_conflict;
    }
    vm_reset(step);
    return st;
}

/* ---- a program ---- */

static bool is_under_way(const struct vm *vm, const struct step_spec *spec)
{
    for (; vm->caller != NULL; vm = vm->caller)
        if (vm->under_way->first == spec->first)
            return true;
    return false;
}

enum status op_program(struct vm *vm, const struct vm_insn *insn)
{
    const struct step_spec *spec = insn->p4;
    struct vm_environment environment = vm->environment;
    struct step_result result = {0};

    if (!environment.recursive_triggers && is_under_way(vm, spec))
        return ST_OK;
    if (vm->nesting >= NESTING_MAX)
        return error_set(vm->err, ST_LIMIT, -1, "too many levels of trigger recursion");
    for (uint32_t k = 0; k < spec->count; k++) {
        TRY(run_step(vm, spec, spec->first + k, reg(vm, insn->p2), &environment, &result));
        if (result.is_ignored) {
            jump(vm, insn->p3);
            return ST_OK;
        }
        if (k == 0 && spec->has_when && !result.has_row)
            return ST_OK;
    }
    return ST_OK;
}
