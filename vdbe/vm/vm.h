/*
 * vm: the register machine that every statement of every language runs on.
 *
 * A `struct program` is what runs: instructions, slots (constants and parameters), cursors, objects
 * (sorters, sets, hash tables …) and the names of what comes out. It is immutable and owns its
 * memory, so threads and runs share it. A `struct vm` is one run of it, kept for the next run.
 *
 *     vm_new → (vm_bind)* → vm_begin → vm_step … ST_ROW … ST_DONE → vm_reset → vm_begin → … →
 * vm_free
 *
 * Lifetimes: a program must outlive its machines; functions it calls live in the registry it was
 *            compiled with. Bytes given to vm_bind are lent until the slot is bound again or the vm
 *            is freed. A column of a row lives until the next vm_step or vm_reset.
 * Ownership: vm_free frees the machine, not the program. program_free frees the program.
 * Threads:   a program is shared; a vm belongs to one thread at a time. *interrupted may be set
 *            from anywhere.
 * Errors:    vm_begin answers ST_SCHEMA when the catalog is not the one the program was compiled
 *            for: compile again. A failure of vm_step ends the run, changes made by the statement
 *            are undone up to its start (the machine takes the mark; see vm_failed_conflict for
 *            what the transaction must do then).
 */
#ifndef HARPER_VM_VM_H
#define HARPER_VM_VM_H

#include "storage/table/table.h"
#include "vdbe/func/func.h"

struct vm;
struct vm_insn;
struct program;

/* ---- programs ---- */

/* One constant or parameter. Literals of SQL and literals that a front end lifted out of a URL are
 * numbered alike, by first use, so that both give the same code. */
struct program_slot {
    struct value value; /* literal; of a lifted one its value at compile time; else absent */
    uint32_t param;     /* 1-based parameter that fills it, 0: a literal */
    bool is_known;      /* value may be shown */
};

/* What a cursor or a write refers to. Numbers, not pointers: a program outlives its catalog. */
struct program_table {
    unsigned database; /* in struct databases */
    uint32_t store;    /* table->store; 0: made by this program's own schema change */
    struct slice name; /* for listings */
};

struct program_loop { /* for EXPLAIN ANALYZE: what was planned beside what ran */
    struct slice label;
    double estimate;
    uint32_t enter, row; /* instructions whose executions count loops and rows; UINT32_MAX: none */
};

/* An object type of the schema language: what a nested object must look like. */
struct nested_type {
    struct slice name;
    bool is_sealed;
    unsigned attribute_count;
    const struct attribute *attributes;
};

struct program_info {
    size_t column_count, param_count, slot_count, insn_count, table_count, loop_count;
    const struct slice *column_names;
    const struct slice *param_names; /* by number - 1; empty for ? */
    const struct program_slot *slots;
    const struct program_table *tables;
    const struct program_loop *loops;
    size_t nested_type_count;
    const struct nested_type *nested_types;
    uint8_t row_form; /* enum ir_row_form: how a sink shows a row */
    bool writes;      /* needs a write transaction in `database` */
    bool changes_schema;
    bool is_control; /* BEGIN, PRAGMA, ATTACH …: one call of the host; needs no transaction */
    unsigned database;
    unsigned database_count;          /* entries of catalog_versions */
    const uint64_t *catalog_versions; /* by database number; 0: not read */
};

const struct program_info *program_info(const struct program *program);
void program_free(struct program *program);
/* EXPLAIN CODE: stable text, one line per instruction. */
void program_print(struct buf *out, const struct program *program);
/* One instruction as columns of EXPLAIN: opcode, operands, summary. False behind the last. */
struct program_line {
    const char *opcode;
    int32_t p1, p2, p3;
    unsigned n;
    struct slice summary; /* in `text` */
};
bool program_line(const struct program *program, size_t index, struct buf *text,
                  struct program_line *out);

/* ---- running ---- */

/* What is not a matter of rows: transactions, pragmas, ATTACH. `statement` is the struct
 * ir_statement, copied into the program; args are the values of its expressions (ATTACH: path,
 * name; PRAGMA: value; VACUUM INTO: path). Rows are given with vm_describe and vm_emit. */
struct vm_host {
    void *context;
    enum status (*control)(void *context, struct vm *vm, const void *statement, unsigned count,
                           const struct value *args, struct error *err);
    /* Rows of a table function that vdbe/func does not know (sqlite_schema, pragma_table_info …):
     * one vm_emit per row. NULL: there is none. */
    enum status (*table_function)(void *context, struct vm *vm, struct slice name, unsigned count,
                                  const struct value *args, struct error *err);
};

/* Everything a run needs from outside. Copied by vm_begin; what it points to must live to the end
 * of the run. */
struct foreign_list;

struct vm_environment {
    const struct databases *databases;
    const struct vm_host *host; /* NULL: control statements fail */
    size_t memory_bytes;        /* sorters, sets and hash tables of this run; 0: 64 MiB */
    const char *temp_directory; /* for what does not fit; NULL: TMPDIR or /tmp */
    uint32_t text_bytes_max;    /* 0: 1,000,000,000 */
    uint64_t instructions_max;  /* 0: no limit; beyond it ST_LIMIT */
    int64_t now_us;             /* 0: the clock, once per run */
    uint64_t *random_state;
    int64_t changes, total_changes, last_insert_rowid;
    volatile bool *interrupted; /* may be NULL */
    bool like_is_case_sensitive;
    bool recursive_triggers;
    bool count_instructions;       /* vm_counts is wanted */
    bool foreign_keys;             /* are kept */
    struct foreign_list *deferred; /* of the transaction; NULL: the statement is one by itself */
};

enum status vm_new(const struct program *program, struct vm **out);
void vm_free(struct vm *vm); /* NULL is allowed; ends a run that is under way */

/* ST_RANGE: there is no such parameter. Parameters never bound are null. */
enum status vm_bind(struct vm *vm, uint32_t param, struct value v);
void vm_bind_clear(struct vm *vm);

enum status vm_begin(struct vm *vm, const struct vm_environment *environment, struct error *err);
/* ST_ROW, ST_DONE or a failure, which is final. */
enum status vm_step(struct vm *vm, struct error *err);
/* End the run and keep what the next one can use: cursors, registers, memory. A write statement
 * that did not reach ST_DONE is undone. */
void vm_reset(struct vm *vm);

unsigned vm_column_count(const struct vm *vm);
struct slice vm_column_name(const struct vm *vm, unsigned column);
struct value vm_column(const struct vm *vm, unsigned column); /* of the row of the last ST_ROW */
const struct value *vm_row(const struct vm *vm);              /* all of it */

int64_t vm_changes(const struct vm *vm);                   /* rows written by this run */
int64_t vm_nested_changes(const struct vm *vm);            /* rows its triggers wrote */
bool vm_has_inserted(const struct vm *vm, int64_t *rowid); /* and the last rowid it made */
/* After a failure: enum ir_conflict number of the constraint's action (3 FAIL: keep the changes so
 * far; 1 ROLLBACK: the whole transaction must be rolled back), else ABORT. */
unsigned vm_failed_conflict(const struct vm *vm);
/* Executions per instruction since vm_begin; NULL when not counted. */
const uint64_t *vm_counts(const struct vm *vm);
const struct program *vm_program(const struct vm *vm);

/* For hosts: name the result's columns, then give rows (copied). */
enum status vm_describe(struct vm *vm, unsigned count, const struct slice *names);
enum status vm_emit(struct vm *vm, unsigned count, const struct value *values);

/* A program made by codegen_row_expr: its value over one record. `out` lives until the next call.
 */
enum status vm_evaluate(struct vm *vm, const struct record *record, struct value *out,
                        struct error *err);

#endif
