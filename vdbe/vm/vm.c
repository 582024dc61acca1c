/* The loop, and everything around a run. */
#include "vdbe/vm/vm_internal.h"
#include <stdlib.h>

enum {
    MEMORY_BYTES_DEFAULT = 64 << 20,
    OBJECT_BYTES_MIN = 16 << 10,
    TEXT_BYTES_DEFAULT = 1000000000,
    INTERRUPT_EVERY = 4096, /* instructions between looks at the flag */
    TEMPORARY_BYTES_KEPT = 1 << 20,
};

/* ---- objects ---- */

static enum status make_object(struct vm *vm, size_t number)
{
    const struct object_spec *spec = &vm->program->objects[number];
    union vm_object *object = &vm->objects[number];
    const char *directory = vm->environment.temp_directory;
    const size_t memory = vm->object_memory;

    switch ((enum object_type)spec->type) {
    case OBJECT_SORTER:
        return sorter_new(spec, memory, directory, &object->sorter);
    case OBJECT_SET:
        return keyset_new(spec, memory, directory, &object->set);
    case OBJECT_ROWS:
        return rowset_new(memory, directory, &object->rows);
    case OBJECT_READER:
        if (vm->objects[spec->target].rows == NULL)
            TRY(make_object(vm, spec->target));
        return reader_new(vm->objects[spec->target].rows, &object->reader);
    case OBJECT_HASH:
        return hash_table_new(spec, memory, directory, &object->hash);
    case OBJECT_GROUP:
        return groups_new(spec, memory, directory, &object->groups);
    case OBJECT_COROUTINE:
        object->coroutine = calloc(1, sizeof(*object->coroutine));
        return object->coroutine == NULL ? ST_NO_MEMORY : ST_OK;
    case OBJECT_LAST:
        object->last = calloc(1, sizeof(*object->last));
        return object->last == NULL ? ST_NO_MEMORY : ST_OK;
    case OBJECT_WINDOW:
        return window_new(spec, memory, directory, &object->window);
    case OBJECT_TYPE_COUNT:
        break;
    }
    return ST_INTERNAL;
}

static void free_object(struct vm *vm, size_t number)
{
    union vm_object *object = &vm->objects[number];

    if (object->sorter == NULL)
        return;
    switch ((enum object_type)vm->program->objects[number].type) {
    case OBJECT_SORTER:
        sorter_free(object->sorter);
        break;
    case OBJECT_SET:
        keyset_free(object->set);
        break;
    case OBJECT_ROWS:
        rowset_free(object->rows);
        break;
    case OBJECT_READER:
        reader_free(object->reader);
        break;
    case OBJECT_HASH:
        hash_table_free(object->hash);
        break;
    case OBJECT_GROUP:
        groups_free(object->groups);
        break;
    case OBJECT_COROUTINE:
        arena_deinit(&object->coroutine->arena);
        free(object->coroutine);
        break;
    case OBJECT_LAST:
        buf_free(&object->last->key);
        buf_free(&object->last->next);
        free(object->last);
        break;
    case OBJECT_WINDOW:
        window_free(object->window);
        break;
    case OBJECT_TYPE_COUNT:
        break;
    }
    object->sorter = NULL;
}

/* What a run left in an object goes; its first memory stays. */
static void clear_object(struct vm *vm, size_t number)
{
    union vm_object *object = &vm->objects[number];

    switch ((enum object_type)vm->program->objects[number].type) {
    case OBJECT_SORTER:
        sorter_clear(object->sorter);
        break;
    case OBJECT_SET:
        keyset_clear(object->set);
        break;
    case OBJECT_ROWS:
        rowset_clear(object->rows);
        break;
    case OBJECT_READER:
        reader_first(object->reader);
        break;
    case OBJECT_HASH:
        hash_table_clear(object->hash);
        break;
    case OBJECT_GROUP:
        groups_clear(object->groups);
        break;
    case OBJECT_COROUTINE:
        arena_reset(&object->coroutine->arena);
        break;
    case OBJECT_LAST:
        object->last->is_set = false;
        break;
    case OBJECT_WINDOW:
        window_clear(object->window);
        break;
    case OBJECT_TYPE_COUNT:
        break;
    }
}

/* ---- life ---- */

/* The machine and its arrays are one allocation: preparing a short statement is counted in such. */
static void *take_room(char **room, size_t count, size_t size)
{
    void *taken = *room;

    if (*room != NULL)
        *room += (count * size + 15) & ~(size_t)15;
    return taken;
}

/* Lay the arrays behind one another from `room` on; NULL: only tell how many bytes they take. */
static size_t lay_out(struct vm *vm, const struct program *program, char *room)
{
    const struct program_info *info = &program->info;
    const size_t registers = info->slot_count + program->register_count + 1;
    size_t bytes = 0;

#define PART(member, count)                                                                        \
    do {                                                                                           \
        vm->member = take_room(&room, count, sizeof(*vm->member));                                 \
        bytes += ((count) * sizeof(*vm->member) + 15) & ~(size_t)15;                               \
    } while (0)
    PART(registers, registers);
    PART(cursors, program->cursor_count + 1);
    PART(objects, program->object_count + 1);
    PART(marks, program->mark_count + 1);
    PART(once, program->once_count + 1);
    PART(catalogs, info->database_count + 1);
    PART(catalog_versions, info->database_count + 1);
    PART(tables, info->table_count + 1);
#undef PART
    return bytes;
}

enum status vm_new(const struct program *program, struct vm **out)
{
    const size_t own_bytes = (sizeof(struct vm) + 15) & ~(size_t)15;
    struct vm measure;
    struct vm *vm = calloc(1, own_bytes + lay_out(&measure, program, NULL));

    if (vm == NULL)
        return ST_NO_MEMORY;
    vm->program = program;
    vm->statement = vm;
    (void)lay_out(vm, program, (char *)vm + own_bytes);
    for (size_t k = 0; k < program->info.slot_count; k++)
        vm->registers[k] = program->info.slots[k].value;
    vm_bind_clear(vm);
    *out = vm;
    return ST_OK;
}

static void close_cursors(struct vm *vm)
{
    for (size_t k = 0; k < vm->program->cursor_count; k++) {
        cursor_close(vm->cursors[k].storage);
        vm->cursors[k].storage = NULL;
        vm->cursors[k].run = 0;
    }
}

void vm_free(struct vm *vm)
{
    if (vm == NULL)
        return;
    vm_reset(vm);
    close_cursors(vm);
    for (size_t k = 0; k < vm->program->cursor_count; k++) {
        buf_free(&vm->cursors[k].key);
        buf_free(&vm->cursors[k].end);
    }
    for (size_t k = 0; k < vm->program->object_count; k++)
        free_object(vm, k);
    for (size_t k = 0; vm->steps != NULL && k < vm->statement->program->step_count; k++)
        vm_free(vm->steps[k]);
    free(vm->steps);
    func_scratch_free(&vm->scratch);
    arena_deinit(&vm->main_arena);
    arena_deinit(&vm->run_arena);
    buf_free(&vm->scratch_key);
    buf_free(&vm->conflict_key);
    free(vm->counts);
    free(vm);
}

enum status vm_bind(struct vm *vm, uint32_t param, struct value v)
{
    const struct program_info *info = &vm->program->info;

    if (param == 0 || param > info->param_count)
        return ST_RANGE;
    if (vm->state == VM_RUNNING)
        return ST_MISUSE;
    /* A parameter that the optimiser made useless has no slot. */
    for (size_t k = 0; k < info->slot_count; k++)
        if (info->slots[k].param == param)
            vm->registers[k] = v;
    return ST_OK;
}

void vm_bind_clear(struct vm *vm)
{
    for (size_t k = 0; k < vm->program->info.slot_count; k++)
        if (vm->program->info.slots[k].param != 0)
            vm->registers[k] = value_null();
}

/* ---- beginning ---- */

struct txn *vm_txn(struct vm *vm, unsigned database)
{
    return vm->environment.databases->refs[database].txn;
}

/* Find the tables again when the catalog is another one than last time. */
static enum status resolve_tables(struct vm *vm, struct error *err)
{
    const struct program_info *info = &vm->program->info;
    bool is_same = true;

    for (unsigned k = 0; k < info->database_count; k++) {
        const struct catalog *catalog;

        if (info->catalog_versions[k] == 0)
            continue;
        if (vm->environment.databases == NULL || k >= vm->environment.databases->count)
            return error_set(err, ST_SCHEMA, -1, "a database of this statement is gone");
        catalog = txn_catalog(vm_txn(vm, k));
        if (catalog->version != info->catalog_versions[k])
            return error_set(err, ST_SCHEMA, -1, "database schema has changed");
        if (catalog != vm->catalogs[k] || catalog->version != vm->catalog_versions[k])
            is_same = false;
        vm->catalogs[k] = catalog;
        vm->catalog_versions[k] = catalog->version;
    }
    if (is_same)
        return ST_OK;
    close_cursors(vm); /* they point into the old catalog */
    for (size_t k = 0; k < info->table_count; k++) {
        const struct program_table *table = &info->tables[k];

        if (table->store == 0)
            continue;
        vm->tables[k] = catalog_table_by_store(vm->catalogs[table->database], table->store);
        if (vm->tables[k] == NULL) {
            vm->catalogs[table->database] = NULL;
            return error_set(err, ST_SCHEMA, -1, "no such table: %.*s", (int)table->name.len,
                             table->name.data);
        }
    }
    return ST_OK;
}

static void fill_function_context(struct vm *vm)
{
    const struct vm_environment *environment = &vm->environment;

    vm->functions = (struct func_context){
        .arena = &vm->main_arena,
        .now_us = environment->now_us != 0 ? environment->now_us : clock_wall_us(),
        .random_state = environment->random_state,
        .changes = environment->changes,
        .total_changes = environment->total_changes,
        .last_insert_rowid = environment->last_insert_rowid,
        .text_bytes_max = environment->text_bytes_max,
        .interrupted = environment->interrupted,
        .scratch = &vm->scratch,
    };
}

static enum status begin_counts(struct vm *vm)
{
    const size_t count = vm->program->info.insn_count;

    if (!vm->environment.count_instructions) {
        free(vm->counts);
        vm->counts = NULL;
        return ST_OK;
    }
    if (vm->counts == NULL)
        vm->counts = calloc(count, sizeof(*vm->counts));
    else
        memset(vm->counts, 0, count * sizeof(*vm->counts));
    return vm->counts == NULL ? ST_NO_MEMORY : ST_OK;
}

static enum status begin_objects(struct vm *vm)
{
    const size_t count = vm->program->object_count;
    size_t memory;

    if (count == 0)
        return ST_OK;
    memory = vm->environment.memory_bytes / count;
    vm->object_memory = memory < OBJECT_BYTES_MIN ? OBJECT_BYTES_MIN : memory;
    for (size_t k = 0; k < count; k++)
        if (vm->objects[k].sorter == NULL)
            TRY(make_object(vm, k));
    return ST_OK;
}

enum status vm_begin(struct vm *vm, const struct vm_environment *environment, struct error *err)
{
    const struct program *program = vm->program;

    if (vm->state != VM_IDLE)
        return error_set(err, ST_MISUSE, -1, "the statement is running");
    vm->environment = *environment;
    if (vm->environment.memory_bytes == 0)
        vm->environment.memory_bytes = MEMORY_BYTES_DEFAULT;
    if (vm->environment.text_bytes_max == 0)
        vm->environment.text_bytes_max = TEXT_BYTES_DEFAULT;
    if (program->info.database_count != 0)
        TRY(resolve_tables(vm, err));
    TRY(begin_objects(vm));
    TRY(begin_counts(vm));
    fill_function_context(vm);
    if (program->once_count != 0)
        memset(vm->once, 0, program->once_count * sizeof(*vm->once));
    vm->run++;
    vm->temporary = &vm->main_arena;
    vm->pc = program->code;
    vm->changes = 0;
    vm->has_inserted = false;
    vm->failed_conflict = 0;
    vm->instructions = 0;
    vm->row = NULL;
    vm->has_mark = false;
    vm->write_txn = NULL;
    vm->described_count = 0;
    vm->is_ignored = false;
    vm->nested_changes = 0;
    if (vm->caller == NULL && program->info.writes && !program->info.is_control) {
        vm->write_txn = vm_txn(vm, program->info.database);
        if (!txn_is_write(vm->write_txn))
            return error_set(err, ST_MISUSE, -1, "a write needs a write transaction");
        vm->mark = txn_mark(vm->write_txn);
        vm->has_mark = true;
    }
    vm->state = VM_RUNNING;
    return ST_OK;
}

enum status vm_cursor_open(struct vm *vm, struct vm_cursor *cursor)
{
    const struct cursor_spec *spec = &vm->program->cursors[cursor - vm->cursors];
    const struct table *table = vm->tables[spec->table];
    struct txn *txn = vm_txn(vm, vm->program->info.tables[spec->table].database);

    cursor->txn = txn;
    if (cursor->storage != NULL) {
        TRY(cursor_renew(cursor->storage, txn));
        cursor->run = vm->run;
        return ST_OK;
    }
    cursor->table = table;
    cursor->index = NULL;
    if (spec->index_store == 0) {
        TRY(cursor_open_table(txn, table, &cursor->storage));
    } else {
        for (unsigned k = 0; k < table->index_count; k++)
            if (table->indexes[k].store == spec->index_store)
                cursor->index = &table->indexes[k];
        if (cursor->index == NULL)
            return error_set(vm->err, ST_SCHEMA, -1, "no such index: %.*s",
                             (int)spec->index_name.len, spec->index_name.data);
        TRY(cursor_open_index(txn, cursor->index, &cursor->storage));
    }
    cursor->run = vm->run;
    return ST_OK;
}

/* ---- running ---- */

enum status vm_interrupted(struct vm *vm)
{
    const uint64_t limit = vm->environment.instructions_max;

    if (vm->environment.interrupted != NULL && *vm->environment.interrupted)
        return error_set(vm->err, ST_INTERRUPTED, -1, "interrupted");
    vm->instructions += INTERRUPT_EVERY;
    if (limit != 0 && vm->instructions > limit)
        return error_set(vm->err, ST_LIMIT, -1, "the statement takes too many steps");
    return ST_OK;
}

static inline __attribute__((always_inline)) enum status dispatch(struct vm *vm,
                                                                  const struct vm_insn *insn)
{
    switch ((enum opcode)insn->op) {
#define OP(name, function, p1, p2, p3, summary)                                                    \
    case OP_##name:                                                                                \
        return op_##function(vm, insn);
#include "vdbe/vm/opcodes.def"
#undef OP
    case OPCODE_COUNT:
        break;
    }
    return ST_INTERNAL;
}

static enum status run(struct vm *vm)
{
    unsigned left = INTERRUPT_EVERY;
    enum status st;

    do {
        const struct vm_insn *insn = vm->pc++;

        if (__builtin_expect(--left == 0, false)) {
            left = INTERRUPT_EVERY;
            TRY(vm_interrupted(vm));
        }
        st = dispatch(vm, insn);
    } while (__builtin_expect(st == ST_OK, true));
    return st;
}

static enum status run_counted(struct vm *vm)
{
    enum status st;

    do {
        const struct vm_insn *insn = vm->pc++;
        const size_t at = (size_t)(insn - vm->program->code);

        if ((++vm->counts[at] & (INTERRUPT_EVERY - 1)) == 0)
            TRY(vm_interrupted(vm));
        st = dispatch(vm, insn);
    } while (st == ST_OK);
    return st;
}

/* Undo what the statement changed, unless its failure says that it stays (FAIL). */
static void end_failed(struct vm *vm)
{
    enum { CONFLICT_FAIL_NUMBER = 3 };

    if (!vm->has_mark)
        return;
    vm->has_mark = false;
    if (vm->failed_conflict == CONFLICT_FAIL_NUMBER)
        txn_release_to(vm->write_txn, vm->mark);
    else if (txn_rollback_to(vm->write_txn, vm->mark) == ST_OK)
        txn_release_to(vm->write_txn, vm->mark);
    if (vm->failed_conflict != CONFLICT_FAIL_NUMBER) {
        vm->changes = 0;
        vm->nested_changes = 0;
    }
}

enum status vm_step(struct vm *vm, struct error *err)
{
    enum status st;

    if (vm->state == VM_ENDED)
        return ST_DONE;
    if (vm->state != VM_RUNNING)
        return error_set(err, ST_MISUSE, -1, "the statement was not begun");
    vm->err = err;
    vm->functions.err = err;
    st = vm->counts == NULL ? run(vm) : run_counted(vm);
    if (st == ST_ROW)
        return st;
    vm->state = VM_ENDED;
    vm->row = NULL;
    if (st != ST_DONE) {
        end_failed(vm);
        /* Answers of storage that nobody expected are failures here. */
        if (!status_is_failure(st))
            return error_set(err, ST_INTERNAL, -1, "unexpected answer: %s", status_text(st));
    } else if (vm->has_mark) {
        txn_release_to(vm->write_txn, vm->mark);
        vm->has_mark = false;
    }
    return st;
}

void vm_reset(struct vm *vm)
{
    if (vm->state == VM_IDLE)
        return;
    if (vm->has_mark) {
        vm->failed_conflict = 0;
        end_failed(vm);
    }
    for (size_t k = 0; k < vm->program->object_count; k++)
        if (vm->objects[k].sorter != NULL)
            clear_object(vm, k);
    vm->emit_target = NULL;
    foreign_list_clear(&vm->foreign);
    arena_reset(&vm->main_arena);
    arena_reset(&vm->run_arena);
    vm->row = NULL;
    vm->state = VM_IDLE;
}

/* ---- asking ---- */

unsigned vm_column_count(const struct vm *vm)
{
    return vm->described_count != 0 ? vm->described_count
                                    : (unsigned)vm->program->info.column_count;
}

struct slice vm_column_name(const struct vm *vm, unsigned column)
{
    if (column >= vm_column_count(vm))
        return slice_empty();
    return vm->described_count != 0 ? vm->described_names[column]
                                    : vm->program->info.column_names[column];
}

struct value vm_column(const struct vm *vm, unsigned column)
{
    if (vm->row == NULL || column >= vm->row_columns)
        return value_null();
    return vm->row[column];
}

const struct value *vm_row(const struct vm *vm)
{
    return vm->row;
}

int64_t vm_changes(const struct vm *vm)
{
    return vm->changes;
}

int64_t vm_nested_changes(const struct vm *vm)
{
    return vm->nested_changes;
}

bool vm_has_inserted(const struct vm *vm, int64_t *rowid)
{
    if (vm->has_inserted)
        *rowid = vm->inserted_rowid;
    return vm->has_inserted;
}

unsigned vm_failed_conflict(const struct vm *vm)
{
    return vm->failed_conflict;
}

const uint64_t *vm_counts(const struct vm *vm)
{
    return vm->counts;
}

const struct program *vm_program(const struct vm *vm)
{
    return vm->program;
}

enum status vm_evaluate(struct vm *vm, const struct record *record, struct value *out,
                        struct error *err)
{
    const struct vm_environment environment = {0};
    enum status st;

    vm_reset(vm);
    vm->record = record;
    TRY(vm_begin(vm, &environment, err));
    st = vm_step(vm, err);
    vm->record = NULL;
    if (st != ST_ROW)
        return st == ST_DONE ? ST_INTERNAL : st;
    *out = vm_column(vm, 0);
    return ST_OK;
}
