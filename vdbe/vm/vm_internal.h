/*
 * What the files of vdbe/vm share: the instruction, the program, the machine's state.
 */
#ifndef HARPER_VM_VM_INTERNAL_H
#define HARPER_VM_VM_INTERNAL_H

#include "vdbe/vm/builder.h"
#include "vdbe/vm/foreign.h"
#include <assert.h>

struct vm_insn {
    uint16_t op;
    uint16_t n;
    int32_t p1, p2, p3;
    const void *p4;
};

enum operand_kind {
    OPERAND_NONE,
    OPERAND_IN,
    OPERAND_OUT,
    OPERAND_CHANGE,
    OPERAND_IN_N,
    OPERAND_OUT_N,
    OPERAND_CHANGE_N,
    OPERAND_JUMP,
    OPERAND_CURSOR,
    OPERAND_TABLE,
    OPERAND_INT,
    /* object operands: in the order of enum object_type */
    OPERAND_SORTER,
    OPERAND_SET,
    OPERAND_ROWS,
    OPERAND_READER,
    OPERAND_HASH,
    OPERAND_GROUP,
    OPERAND_COROUTINE,
    OPERAND_LAST,
    OPERAND_WINDOW,
};

struct opcode_facts {
    const char *name;
    uint8_t operands[3]; /* enum operand_kind */
    const char *summary;
};
extern const struct opcode_facts opcode_facts[OPCODE_COUNT];

struct cursor_spec {
    uint32_t table;       /* program table */
    uint32_t index_store; /* 0: the rows themselves */
    struct slice index_name;
};

struct program {
    struct arena arena; /* holds everything, this struct too */
    struct program_info info;
    struct vm_insn *code;
    struct slice *notes; /* per instruction, may be empty */
    size_t cursor_count, object_count, register_count, once_count, mark_count;
    struct cursor_spec *cursors;
    struct object_spec *objects;
    size_t step_count;
    struct program **steps; /* of triggers, for OP_PROGRAM; owned */
};

struct vm_cursor {
    struct cursor *storage; /* kept between runs */
    struct txn *txn;
    const struct table *table;
    const struct index *index;
    uint64_t run; /* the run it is bound to */
    bool is_null_row;
    struct buf key; /* range and seek keys are built here */
    struct buf end;
};

struct coroutine {
    struct arena arena;
    struct arena *caller_arena;
    const struct vm_insn *pc;
    bool has_ended;
};

struct sorter;
struct rowset;
struct reader;
struct keyset;
struct hash_table;
struct groups;
struct window;

struct last_row { /* OP_SAME */
    struct buf key, next;
    bool is_set;
};

union vm_object {
    struct sorter *sorter;
    struct keyset *set;
    struct rowset *rows;
    struct reader *reader;
    struct hash_table *hash;
    struct groups *groups;
    struct coroutine *coroutine;
    struct last_row *last;
    struct window *window;
};

enum vm_state { VM_IDLE, VM_RUNNING, VM_ENDED };

struct vm {
    const struct vm_insn *pc;
    struct value *registers;
    struct arena *temporary; /* where values of this row go: main arena or a coroutine's */
    struct vm_cursor *cursors;
    union vm_object *objects;
    const struct program *program;
    struct error *err; /* of the step under way */
    const struct value *row;
    unsigned row_columns;
    uint8_t state;
    uint8_t failed_conflict;
    bool has_inserted, has_mark;
    uint64_t run; /* counts runs: tells stale cursors */
    struct vm_environment environment;
    struct func_context functions;
    struct func_scratch scratch;
    struct arena main_arena; /* temporaries outside coroutines */
    struct arena run_arena;  /* lives to the end of the run */
    struct arena_mark *marks;
    bool *once;
    const struct catalog **catalogs; /* per database number, of the last run */
    uint64_t *catalog_versions;
    const struct table **tables; /* per program table, resolved */
    uint64_t *counts;
    struct buf scratch_key;
    struct txn *write_txn;
    txn_mark_t mark;
    int64_t changes, inserted_rowid;
    struct foreign_list foreign; /* key values to look at when the statement ends */
    uint64_t instructions;
    size_t object_memory; /* budget of each object */
    /* the conflict of the last write */
    const struct index *conflict_index;
    bool conflict_is_key;
    struct buf conflict_key;
    /* rows of hosts */
    struct rowset *emit_target;
    unsigned described_count;
    struct slice *described_names;
    const struct record *record; /* vm_evaluate */
    /* triggers (op_trigger.c) */
    struct vm *caller;    /* NULL: the statement itself */
    struct vm *statement; /* the outermost; itself */
    struct vm **steps;    /* one machine per step of the statement's program, made when needed */
    const struct value *given;         /* the rows of the caller */
    const struct step_spec *under_way; /* the program this machine runs */
    unsigned nesting;
    bool is_ignored;        /* RAISE(IGNORE) ended it */
    int64_t nested_changes; /* statement: rows that its programs wrote */
};

static inline struct value *reg(struct vm *vm, int32_t number)
{
    return &vm->registers[number];
}

static inline void jump(struct vm *vm, int32_t target)
{
    vm->pc = vm->program->code + target;
}

/* ---- op_fold.c: loops that only add up ---- */

enum { FOLD_COLUMNS_MAX = 4 }; /* columns that such a loop reads */
/* op_group.c: an instruction's step for `rows` rows, none of which has null there. */
void groups_count(struct vm *vm, const struct vm_insn *insn, unsigned rows);
void groups_sum(struct vm *vm, const struct vm_insn *insn, const struct value *values,
                unsigned rows);

#define OP(name, function, p1, p2, p3, summary)                                                    \
    enum status op_##function(struct vm *vm, const struct vm_insn *insn);
#include "vdbe/vm/opcodes.def"
#undef OP

struct txn *vm_txn(struct vm *vm, unsigned database);
/* Bind a cursor to this run, opening it when it never was. */
enum status vm_cursor_open(struct vm *vm, struct vm_cursor *cursor);
enum status vm_interrupted(struct vm *vm);

static inline enum status vm_cursor_ready(struct vm *vm, struct vm_cursor *cursor)
{
    cursor->is_null_row = false;
    return cursor->run == vm->run ? ST_OK : vm_cursor_open(vm, cursor);
}

/* ---- rows as bytes (rowpack.c): values with their bytes behind them, position-independent ---- */

/* Append; the row's length is what was appended. Records become objects. */
enum status row_pack(struct buf *out, const struct value *values, unsigned count);
/* The values lend from `row`. */
void row_unpack(const char *row, struct value *out, unsigned count);
/* A value whose bytes live in `arena`; records become objects. */
/* A key for a row that came without one. */
enum status key_make(struct vm *vm, struct txn *txn, const struct table *table,
                     const struct attribute *attribute, struct value *out);
enum status value_keep(struct value *v, struct arena *arena);
/* The key of a row: parts in order, with affinity. *has_null: a part that must not be null is. */
enum status key_of_row(struct buf *out, const struct value *values, unsigned count,
                       const struct sort_part *parts, bool *has_null);
uint64_t bytes_hash(const void *bytes, size_t len);

/* ---- temporary files (spill.c) ---- */

struct spill_file { /* append only; unlinked as soon as it exists */
    int fd;         /* -1: not made yet */
    uint64_t bytes;
    struct buf pending; /* not written yet */
    const char *directory;
};
void spill_init(struct spill_file *file, const char *directory);
void spill_deinit(struct spill_file *file);
enum status spill_append(struct spill_file *file, const void *bytes, size_t len, uint64_t *offset);
enum status spill_read(struct spill_file *file, uint64_t offset, void *out, size_t len);
void spill_truncate(struct spill_file *file);

/* Byte strings by number of arrival: in memory up to a budget, then in a file. */
struct store {
    struct arena arena;
    struct spill_file file;
    size_t memory_bytes; /* budget */
    struct buf scratch;
};
/* Where an item is: in memory, or at an offset of the file (lowest bit 1). */
typedef uint64_t store_ref_t;
void store_init(struct store *store, size_t memory_bytes, const char *directory);
void store_deinit(struct store *store);
void store_clear(struct store *store);
enum status store_add(struct store *store, struct slice bytes, store_ref_t *out);
/* Items are known by their length to who asks. Lent until the next store_get with the same scratch.
 */
enum status store_get(struct store *store, store_ref_t ref, size_t len, struct buf *scratch,
                      const char **out);

/* ---- sorter.c ---- */

enum status sorter_new(const struct object_spec *spec, size_t memory_bytes, const char *directory,
                       struct sorter **out);
void sorter_free(struct sorter *sorter);
void sorter_clear(struct sorter *sorter);
void sorter_limit(struct sorter *sorter, uint64_t rows); /* keep only the first rows */
enum status sorter_add(struct sorter *sorter, const struct value *row);
enum status sorter_first(struct sorter *sorter); /* ST_OK or ST_DONE */
enum status sorter_next(struct sorter *sorter);
/* Take the least row out, between additions: a queue. It stays in memory. */
enum status sorter_pop(struct sorter *sorter, struct value *out); /* or ST_DONE */
void sorter_row(const struct sorter *sorter, struct value *out);  /* what stands behind the key */
uint64_t sorter_run_count(const struct sorter *sorter);           /* spilled runs, for tests */

/* ---- rowset.c ---- */

enum status rowset_new(size_t memory_bytes, const char *directory, struct rowset **out);
void rowset_free(struct rowset *rows);
void rowset_clear(struct rowset *rows);
enum status rowset_add(struct rowset *rows, const struct value *values, unsigned count);
uint64_t rowset_count(const struct rowset *rows);
enum status reader_new(struct rowset *rows, struct reader **out);
void reader_free(struct reader *reader);
void reader_first(struct reader *reader);
enum status reader_next(struct reader *reader, struct value *out, unsigned count); /* or ST_DONE */

/* ---- keyset.c: distinct rows ---- */

enum status keyset_new(const struct object_spec *spec, size_t memory_bytes, const char *directory,
                       struct keyset **out);
void keyset_free(struct keyset *set);
void keyset_clear(struct keyset *set);
/* ST_OK: added; ST_EXISTS: was there. The row (key_count values) is kept when spec->row_count is
 * not 0. */
enum status keyset_add(struct keyset *set, const struct value *row);
enum status keyset_add_bytes(struct keyset *set, struct slice key);
enum status keyset_has(struct keyset *set, const struct value *row); /* ST_EXISTS or ST_OK */
enum status keyset_has_bytes(struct keyset *set, struct slice key);
enum status keyset_delete(struct keyset *set, const struct value *row);
enum status keyset_in(struct keyset *set, const struct value *row, struct value *out);
void keyset_rewind(struct keyset *set);
enum status keyset_next(struct keyset *set, struct value *out, unsigned count); /* or ST_DONE */

/* ---- hashtable.c: rows by key, for joins ---- */

enum status hash_table_new(const struct object_spec *spec, size_t memory_bytes,
                           const char *directory, struct hash_table **out);
void hash_table_free(struct hash_table *table);
void hash_table_clear(struct hash_table *table);
enum status hash_table_add(struct hash_table *table, const struct value *row);
enum status hash_table_probe(struct hash_table *table, const struct value *key); /* or ST_DONE */
enum status hash_table_next(struct hash_table *table);                           /* or ST_DONE */
void hash_table_row(const struct hash_table *table, struct value *out);

/* ---- groups.c ---- */

enum status groups_new(const struct object_spec *spec, size_t memory_bytes, const char *directory,
                       struct groups **out);
void groups_free(struct groups *groups);
void groups_clear(struct groups *groups);
/* ST_OK: at its group; ST_EXISTS: no room for a new one, the row was put aside. */
enum status groups_enter(struct groups *groups, const struct value *row);
enum status groups_only(struct groups *groups);
void *groups_state(struct groups *groups, uint32_t offset);
uint64_t groups_number(const struct groups *groups);
bool groups_wants_bare(const struct groups *groups);
void groups_want_bare(struct groups *groups); /* the present row decides the bare values */
enum status groups_set_bare(struct groups *groups, const struct value *values);
/* The state keeps a copy of its own. */
enum status groups_keep(struct groups *groups, struct value *v);
struct arena *groups_arena(struct groups *groups);
enum status groups_first(struct groups *groups); /* or ST_DONE */
enum status groups_next(struct groups *groups);  /* or ST_DONE */
void groups_keys(struct groups *groups, struct value *out);
enum status groups_reload(struct groups *groups);                     /* or ST_DONE */
enum status groups_unspill(struct groups *groups, struct value *out); /* or ST_DONE */

/* ---- window.c ---- */

enum status window_new(const struct object_spec *spec, size_t memory_bytes, const char *directory,
                       struct window **out);
void window_free(struct window *window);
void window_clear(struct window *window);
enum status window_add(struct window *window, const struct value *row);
/* The partition is whole. ST_DONE: it is empty. */
enum status window_run(struct window *window, const struct value *offsets, struct error *err);
/* The next row: carried values, then results. `context` gives arena and error. */
enum status window_next(struct window *window, struct func_context *context,
                        struct value *out); /* or ST_DONE */

/* ---- shared by operations ---- */
/* Compare for SQL: null when either is (unless COMPARE_NULLS): -1 unknown, 0 false, 1 true. */
int compare_values(struct vm *vm, struct value a, struct value b, unsigned flags,
                   enum compare_operator op);

#endif
