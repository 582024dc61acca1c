/* Whole documents: what PUT, PATCH, POST and the operations write. */
#include "vdbe/vm/document_check.h"
#include "vdbe/vm/vm_internal.h"

struct document_write {
    struct vm *vm;
    const struct document_spec *spec;
    struct vm_cursor *cursor;
    struct txn *txn;
    const struct table *table;
    struct value document, key; /* key: absent, or what wins over the document's own */
    bool is_existing;
    int64_t now_ms;
    int64_t rowid;
    /* the row: attributes in the order written */
    uint16_t *attributes;
    struct value *values;
    uint8_t *ops;
    uint16_t count;
};

static bool is_partial(const struct document_write *write)
{
    return write->spec->mode == DOCUMENT_PATCH || write->spec->mode == DOCUMENT_UPDATE;
}

static int find_attribute(const struct document_write *write, uint16_t attribute)
{
    for (int k = 0; k < write->count; k++)
        if (write->attributes[k] == attribute)
            return k;
    return -1;
}

static struct value value_of(const struct document_write *write, uint16_t attribute)
{
    const int at = find_attribute(write, attribute);

    return at < 0 ? value_absent() : write->values[at];
}

static void set_value(struct document_write *write, uint16_t attribute, struct value v)
{
    int at = find_attribute(write, attribute);

    if (at < 0) {
        at = write->count++;
        write->attributes[at] = attribute;
        write->ops[at] = MERGE_SET;
    }
    write->values[at] = v;
}

/* ---- the key ---- */

static bool is_key_missing(struct value v)
{
    return value_is_null(v) || (v.kind == VALUE_TEXT && v.len == 0);
}

/* Is the key taken already? */
static enum status find_row(struct document_write *write, bool *exists)
{
    struct vm_cursor *cursor = write->cursor;
    struct keycode code = {0};
    enum status st;

    buf_clear(&cursor->key);
    keycode_begin(&code, &cursor->key);
    if (write->table->key_count == 0)
        keycode_append(&code, value_int(write->rowid), (struct key_part){0});
    for (uint16_t k = 0; k < write->table->key_count; k++)
        keycode_append(&code, value_of(write, write->table->key_attributes[k]),
                       write->table->key_parts[k]);
    TRY(buf_status(&cursor->key));
    TRY(vm_cursor_ready(write->vm, cursor));
    st = cursor_find(cursor->storage, buf_slice(&cursor->key));
    *exists = st == ST_OK;
    return st == ST_NOT_FOUND || st == ST_DONE ? ST_OK : st;
}

static enum status generate_key(struct document_write *write, const struct attribute *attribute)
{
    struct value v;

    if (write->spec->mode == DOCUMENT_UPDATE)
        return error_set(write->vm->err, ST_INVALID, -1,
                         "a valid hash attribute must be provided with update record, check log "
                         "for more info");
    TRY(key_make(write->vm, write->txn, write->table, attribute, &v));
    set_value(write, attribute->id, v);
    return ST_OK;
}

static enum status take_given_key(struct document_write *write)
{
    const struct table *table = write->table;

    if (write->key.kind == VALUE_ABSENT)
        return ST_OK;
    if (table->key_count <= 1) {
        if (table->key_count == 1)
            set_value(write, table->key_attributes[0], write->key);
        return ST_OK;
    }
    if (write->key.kind != VALUE_ARRAY || document_count(write->key) != table->key_count)
        return error_set(write->vm->err, ST_INVALID, -1, "the key of %.*s has %u parts",
                         (int)table->name.len, table->name.data, table->key_count);
    for (uint16_t k = 0; k < table->key_count; k++)
        set_value(write, table->key_attributes[k], document_element(write->key, k));
    return ST_OK;
}

static enum status take_rowid(struct document_write *write)
{
    if (write->key.kind == VALUE_INT) {
        write->rowid = write->key.as.i;
        return ST_OK;
    }
    if (write->key.kind != VALUE_ABSENT)
        return error_set(write->vm->err, ST_INVALID, -1, "the key of %.*s must be an integer",
                         (int)write->table->name.len, write->table->name.data);
    return table_next_rowid(write->txn, write->table, &write->rowid, write->vm->err);
}

static enum status take_key(struct document_write *write)
{
    const struct table *table = write->table;

    TRY(take_given_key(write));
    if (table->key_count == 0)
        return take_rowid(write);
    for (uint16_t k = 0; k < table->key_count; k++) {
        const struct attribute *attribute = &table->attributes[table->key_attributes[k]];
        const struct value v = value_of(write, attribute->id);

        if (is_key_missing(v))
            TRY(generate_key(write, attribute));
        else if (v.kind == VALUE_OBJECT)
            return error_set(write->vm->err, ST_INVALID, -1, "Invalid primary key type");
    }
    return ST_OK;
}

/* ---- checks, increments, times ---- */

static void check_sealed(const struct document_write *write, struct document_check *check)
{
    for (size_t k = 0; k < document_count(write->document); k++) {
        struct slice name;

        (void)document_member_at(write->document, k, &name);
        if (table_attribute(write->table, name) == NULL)
            document_check_unknown(check, name);
    }
}

static bool is_automatic(const struct attribute *attribute)
{
    return attribute->role == ROLE_CREATED_TIME || attribute->role == ROLE_UPDATED_TIME;
}

/* Every declared attribute in declaration order; of a partial write only those given. */
static enum status check_document(struct document_write *write)
{
    const struct program_info *info = &write->vm->program->info;
    struct document_check check = {.table = write->table,
                                   .nested_type_count = info->nested_type_count,
                                   .nested_types = info->nested_types,
                                   .arena = write->vm->temporary};
    enum status st = ST_OK;

    for (uint16_t k = 0; k < write->table->attribute_count; k++) {
        const struct attribute *attribute = &write->table->attributes[k];
        int at;

        if (attribute->is_dropped || attribute->is_dynamic || is_automatic(attribute))
            continue;
        at = find_attribute(write, attribute->id);
        if (at >= 0)
            document_check_attribute(&check, attribute, &write->values[at]);
        if (at >= 0 || !is_partial(write) || !write->is_existing)
            document_check_required(&check, attribute, at < 0 ? value_absent() : write->values[at]);
    }
    if (check.problems.len != 0)
        st = error_set(write->vm->err, ST_INVALID, -1, "%.*s", (int)check.problems.len,
                       check.problems.data);
    else if (check.problems.failed || write->vm->temporary->failed)
        st = ST_NO_MEMORY;
    buf_free(&check.problems);
    return st;
}

static enum status check_names(struct document_write *write)
{
    struct document_check check = {.table = write->table, .arena = write->vm->temporary};
    enum status st = ST_OK;

    if (!write->table->is_sealed)
        return ST_OK;
    check_sealed(write, &check);
    if (check.problems.len != 0)
        st = error_set(write->vm->err, ST_INVALID, -1, "%.*s", (int)check.problems.len,
                       check.problems.data);
    buf_free(&check.problems);
    return st;
}

/* A record that is created has nothing to add to: the amount is its value. */
static void take_increments(struct document_write *write)
{
    const bool merges = is_partial(write) && write->is_existing;

    for (uint16_t k = 0; k < write->count; k++) {
        struct value amount;

        if (!document_is_increment(write->values[k], &amount))
            continue;
        write->values[k] = amount;
        if (merges)
            write->ops[k] = MERGE_ADD;
    }
}

static struct value time_value(const struct document_write *write,
                               const struct attribute *attribute)
{
    return attribute->type == TYPE_DATE ? value_date(write->now_ms) : value_int(write->now_ms);
}

static enum status set_times(struct document_write *write)
{
    for (uint16_t k = 0; k < write->table->attribute_count; k++) {
        const struct attribute *attribute = &write->table->attributes[k];
        struct value v = time_value(write, attribute);

        if (attribute->is_dropped || !is_automatic(attribute))
            continue;
        if (attribute->role == ROLE_CREATED_TIME && write->is_existing) {
            struct value before;

            TRY(cursor_column(write->cursor->storage, attribute->id, &before));
            if (!value_is_null(before)) {
                v = before;
                TRY(value_keep(&v, write->vm->temporary));
            }
        }
        set_value(write, attribute->id, v);
        write->ops[find_attribute(write, attribute->id)] = MERGE_SET;
    }
    return ST_OK;
}

/* The record's own time wins over the table's, in both directions; a negative one is none. A patch
 * that does not speak of it keeps it. */
static enum status set_expiry(const struct document_write *write, struct row *row)
{
    if (write->table->expiration_s > 0) {
        row->has_expiry = true;
        row->expiry_ms = write->now_ms + (int64_t)(write->table->expiration_s * 1000);
    }
    for (uint16_t k = 0; k < write->table->attribute_count; k++) {
        const struct attribute *attribute = &write->table->attributes[k];
        struct value v = value_absent();
        double ms;

        if (attribute->role != ROLE_EXPIRES_AT || attribute->is_dropped)
            continue;
        if (find_attribute(write, attribute->id) >= 0)
            v = value_of(write, attribute->id);
        else if (is_partial(write) && write->is_existing)
            TRY(cursor_column(write->cursor->storage, attribute->id, &v));
        ms = value_is_number(v) || v.kind == VALUE_DATE ? value_to_real(v) : -1;
        if (ms >= 0 && ms < 0x1p62) {
            row->has_expiry = true;
            row->expiry_ms = (int64_t)ms;
        }
    }
    row->clears_expiry = !row->has_expiry;
    return ST_OK;
}

/* ---- writing ---- */

/* Attributes and values of the document, in its order, with room for key and times. */
static enum status take_members(struct document_write *write)
{
    struct arena *arena = write->vm->temporary;
    struct row given;
    size_t room;

    TRY(row_from_document(write->txn, write->table, write->document, arena, &given,
                          write->vm->err));
    /* New attributes make a new version of the table. */
    write->table = catalog_table_by_store(txn_catalog(write->txn), write->table->store);
    room = (size_t)given.shape->count + write->table->attribute_count + 1;
    write->attributes = arena_alloc(arena, room * sizeof(*write->attributes));
    write->values = arena_alloc(arena, room * sizeof(*write->values));
    write->ops = arena_zalloc(arena, room);
    if (arena->failed)
        return ST_NO_MEMORY;
    write->count = given.shape->count;
    memcpy(write->attributes, given.shape->attributes, given.shape->count * sizeof(uint16_t));
    memcpy(write->values, given.values, given.shape->count * sizeof(struct value));
    return ST_OK;
}

static enum write_kind write_kind_of(const struct document_write *write)
{
    switch ((enum document_mode)write->spec->mode) {
    case DOCUMENT_INSERT:
        return WRITE_INSERT;
    case DOCUMENT_PUT:
        return WRITE_PUT;
    case DOCUMENT_PATCH:
    case DOCUMENT_UPDATE:
        break;
    }
    return WRITE_PATCH;
}

static enum status write_it(struct document_write *write, struct value *key)
{
    struct row row = {.values = write->values, .rowid = write->rowid, .ops = write->ops};
    struct write_result result = {0};
    const enum write_kind kind = write_kind_of(write);
    enum status st;

    if (kind != WRITE_PATCH)
        row.ops = NULL;
    TRY(set_expiry(write, &row));
    TRY(table_shape(write->txn, write->table, write->attributes, write->count, &row.shape));
    *key = value_bytes(buf_slice(&write->cursor->key));
    TRY(value_keep(key, write->vm->temporary));
    st = table_write(write->txn, write->table, kind, &row, &result, write->vm->err);
    if (st == ST_EXISTS)
        return error_set(write->vm->err, ST_DUPLICATE, -1, "Record already exists");
    if (st == ST_DUPLICATE)
        return error_set(write->vm->err, ST_DUPLICATE, -1, "UNIQUE constraint failed: %.*s",
                         result.conflict == NULL ? 0 : (int)result.conflict->name.len,
                         result.conflict == NULL ? "" : result.conflict->name.data);
    write->vm->changes += st == ST_OK;
    return st;
}

static enum status write_document(struct document_write *write, struct value *key)
{
    if (write->document.kind != VALUE_OBJECT)
        return error_set(write->vm->err, ST_INVALID, -1, "a record must be an object");
    TRY(check_names(write));
    TRY(take_members(write));
    TRY(take_key(write));
    TRY(find_row(write, &write->is_existing));
    if (write->is_existing && write->spec->mode == DOCUMENT_INSERT && write->spec->skip_existing)
        return ST_OK;
    if (!write->is_existing && write->spec->mode == DOCUMENT_UPDATE)
        return ST_OK;
    TRY(check_document(write));
    take_increments(write);
    TRY(set_times(write));
    return write_it(write, key);
}

/* p3: null when the record was skipped. */
enum status op_write_document(struct vm *vm, const struct vm_insn *insn)
{
    const uint32_t number = vm->program->cursors[insn->p1].table;
    const unsigned database = vm->program->info.tables[number].database;
    struct document_write write = {
        .vm = vm,
        .spec = insn->p4,
        .cursor = &vm->cursors[insn->p1],
        .txn = vm_txn(vm, database),
        .document = *reg(vm, insn->p2),
        .key = *reg(vm, insn->p2 + 1),
        .now_ms = vm->functions.now_us / 1000,
    };
    struct value key = value_null();

    write.table = catalog_table_by_store(txn_catalog(write.txn), vm->tables[number]->store);
    if (write.table == NULL)
        return error_set(vm->err, ST_SCHEMA, -1, "the table is gone");
    TRY(write_document(&write, &key));
    *reg(vm, insn->p3) = key;
    return ST_OK;
}
