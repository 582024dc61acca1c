/* Keys for rows that come without one: by the type of the primary key, whatever door the row comes
 * through. */
#include "vdbe/vm/vm_internal.h"
#include <sys/random.h>

static enum status make_uuid(struct vm *vm, struct value *out)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char bytes[16];
    char *text = arena_alloc(vm->temporary, 36);
    size_t at = 0;

    if (text == NULL)
        return ST_NO_MEMORY;
    if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
        return error_set(vm->err, ST_IO, -1, "no random bytes for a new key");
    bytes[6] = (unsigned char)((bytes[6] & 0x0f) | 0x40); /* version 4, variant 1 */
    bytes[8] = (unsigned char)((bytes[8] & 0x3f) | 0x80);
    for (unsigned k = 0; k < sizeof(bytes); k++) {
        if (k == 4 || k == 6 || k == 8 || k == 10)
            text[at++] = '-';
        text[at++] = digits[bytes[k] >> 4];
        text[at++] = digits[bytes[k] & 15];
    }
    *out = value_text(slice_of(text, at));
    return ST_OK;
}

enum status key_make(struct vm *vm, struct txn *txn, const struct table *table,
                     const struct attribute *attribute, struct value *out)
{
    int64_t next;

    *out = value_null();
    switch ((enum attribute_type)attribute->type) {
    case TYPE_ID:
    case TYPE_STRING:
        return make_uuid(vm, out);
    case TYPE_ANY:
        if (attribute->affinity == AFFINITY_TEXT)
            return make_uuid(vm, out);
        break;
    case TYPE_INT:
    case TYPE_LONG:
    case TYPE_BIGINT:
        break;
    case TYPE_FLOAT:
    case TYPE_BOOLEAN:
    case TYPE_DATE:
    case TYPE_BYTES:
    case TYPE_BLOB:
    case TYPE_OBJECT:
    case TYPE_RELATIONSHIP:
    case TYPE_COUNT:
        return error_set(vm->err, ST_INVALID, -1, "Primary key %.*s must be given",
                         (int)attribute->name.len, attribute->name.data);
    }
    TRY(table_next_rowid(txn, table, &next, vm->err));
    *out = value_int(next);
    return ST_OK;
}

enum status op_new_key(struct vm *vm, const struct vm_insn *insn)
{
    struct txn *txn = vm_txn(vm, vm->program->info.tables[insn->p1].database);
    const struct table *table =
        catalog_table_by_store(txn_catalog(txn), vm->tables[insn->p1]->store);
    struct value *v = reg(vm, insn->p2);

    if (!value_is_null(*v))
        return ST_OK;
    return key_make(vm, txn, table, &table->attributes[table->key_attributes[0]], v);
}
