/* Values that SQL writes into attributes whose types the schema language declared: the same checks
 * as for documents. */
#include "vdbe/vm/document_check.h"
#include "vdbe/vm/vm_internal.h"

enum status op_check_attribute(struct vm *vm, const struct vm_insn *insn)
{
    struct txn *txn = vm_txn(vm, vm->program->info.tables[insn->p1].database);
    struct document_check check = {
        .table = catalog_table_by_store(txn_catalog(txn), vm->tables[insn->p1]->store),
        .nested_type_count = vm->program->info.nested_type_count,
        .nested_types = vm->program->info.nested_types,
        .arena = vm->temporary,
    };
    enum status st = ST_OK;

    document_check_attribute(&check, &check.table->attributes[insn->p3], reg(vm, insn->p2));
    if (check.problems.len != 0)
        st = error_set(vm->err, ST_INVALID, -1, "%.*s", (int)check.problems.len,
                       check.problems.data);
    buf_free(&check.problems);
    return st;
}
