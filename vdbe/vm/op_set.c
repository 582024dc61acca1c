/* Sets of distinct rows, row buffers and hash tables. */
#include "vdbe/vm/vm_internal.h"

static enum status jump_when(struct vm *vm, enum status st, enum status answer, int32_t target)
{
    if (st != answer)
        return st;
    jump(vm, target);
    return ST_OK;
}

enum status op_set_clear(struct vm *vm, const struct vm_insn *insn)
{
    keyset_clear(vm->objects[insn->p1].set);
    return ST_OK;
}

enum status op_set_add(struct vm *vm, const struct vm_insn *insn)
{
    return jump_when(vm, keyset_add(vm->objects[insn->p1].set, reg(vm, insn->p2)), ST_EXISTS,
                     insn->p3);
}

enum status op_set_has(struct vm *vm, const struct vm_insn *insn)
{
    return jump_when(vm, keyset_has(vm->objects[insn->p1].set, reg(vm, insn->p2)), ST_EXISTS,
                     insn->p3);
}

enum status op_set_delete(struct vm *vm, const struct vm_insn *insn)
{
    return keyset_delete(vm->objects[insn->p1].set, reg(vm, insn->p2));
}

enum status op_set_add_key(struct vm *vm, const struct vm_insn *insn)
{
    const struct slice key = cursor_primary_key(vm->cursors[insn->p2].storage);

    return jump_when(vm, keyset_add_bytes(vm->objects[insn->p1].set, key), ST_EXISTS, insn->p3);
}

enum status op_set_has_key(struct vm *vm, const struct vm_insn *insn)
{
    const struct slice key = cursor_primary_key(vm->cursors[insn->p2].storage);

    return jump_when(vm, keyset_has_bytes(vm->objects[insn->p1].set, key), ST_EXISTS, insn->p3);
}

enum status op_set_in(struct vm *vm, const struct vm_insn *insn)
{
    return keyset_in(vm->objects[insn->p1].set, reg(vm, insn->p2), reg(vm, insn->p3));
}

enum status op_set_rewind(struct vm *vm, const struct vm_insn *insn)
{
    keyset_rewind(vm->objects[insn->p1].set);
    return ST_OK;
}

enum status op_set_next(struct vm *vm, const struct vm_insn *insn)
{
    return jump_when(vm, keyset_next(vm->objects[insn->p1].set, reg(vm, insn->p2), insn->n),
                     ST_DONE, insn->p3);
}

/* ---- neighbours: rows that come sorted ---- */

enum status op_same(struct vm *vm, const struct vm_insn *insn)
{
    const struct object_spec *spec = &vm->program->objects[insn->p1];
    struct last_row *last = vm->objects[insn->p1].last;
    struct buf key;
    bool has_null;

    TRY(key_of_row(&last->next, reg(vm, insn->p2), spec->key_count, spec->parts, &has_null));
    if (last->is_set && slice_equal(buf_slice(&last->key), buf_slice(&last->next))) {
        jump(vm, insn->p3);
        return ST_OK;
    }
    key = last->key;
    last->key = last->next;
    last->next = key;
    last->is_set = true;
    return ST_OK;
}

enum status op_same_clear(struct vm *vm, const struct vm_insn *insn)
{
    vm->objects[insn->p1].last->is_set = false;
    return ST_OK;
}

/* ---- row buffers ---- */

enum status op_rows_clear(struct vm *vm, const struct vm_insn *insn)
{
    rowset_clear(vm->objects[insn->p1].rows);
    return ST_OK;
}

enum status op_rows_add(struct vm *vm, const struct vm_insn *insn)
{
    return rowset_add(vm->objects[insn->p1].rows, reg(vm, insn->p2), insn->n);
}

enum status op_read_first(struct vm *vm, const struct vm_insn *insn)
{
    reader_first(vm->objects[insn->p1].reader);
    return ST_OK;
}

enum status op_read_next(struct vm *vm, const struct vm_insn *insn)
{
    return jump_when(vm, reader_next(vm->objects[insn->p1].reader, reg(vm, insn->p2), insn->n),
                     ST_DONE, insn->p3);
}

/* ---- hash tables ---- */

enum status op_hash_clear(struct vm *vm, const struct vm_insn *insn)
{
    hash_table_clear(vm->objects[insn->p1].hash);
    return ST_OK;
}

enum status op_hash_add(struct vm *vm, const struct vm_insn *insn)
{
    return hash_table_add(vm->objects[insn->p1].hash, reg(vm, insn->p2));
}

enum status op_hash_probe(struct vm *vm, const struct vm_insn *insn)
{
    return jump_when(vm, hash_table_probe(vm->objects[insn->p1].hash, reg(vm, insn->p2)), ST_DONE,
                     insn->p3);
}

enum status op_hash_row(struct vm *vm, const struct vm_insn *insn)
{
    hash_table_row(vm->objects[insn->p1].hash, reg(vm, insn->p2));
    return ST_OK;
}

enum status op_hash_next(struct vm *vm, const struct vm_insn *insn)
{
    enum status st = hash_table_next(vm->objects[insn->p1].hash);

    if (st == ST_OK)
        jump(vm, insn->p2);
    return st == ST_DONE ? ST_OK : st;
}
