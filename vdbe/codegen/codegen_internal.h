/*
 * What the files of vdbe/codegen share. A `struct gen` is sticky like the builder below it: after
 * the first failure everything is a no-op, and codegen_program reports it.
 */
#ifndef HARPER_CODEGEN_CODEGEN_INTERNAL_H
#define HARPER_CODEGEN_CODEGEN_INTERNAL_H

#include "vdbe/codegen/codegen.h"
#include "vdbe/vm/builder.h"
#include <assert.h>

enum { NO_REGISTER = INT32_MIN };

/* Where the columns of a source are while its row is at hand. */
enum gen_place {
    PLACE_NONE,
    PLACE_CURSOR,    /* cursor: a table's row */
    PLACE_INDEX,     /* cursor: an index entry that has all that is needed */
    PLACE_REGISTERS, /* column k in base + k */
    PLACE_NEEDED,    /* needed[k] in base + k; the whole row in `record` when it is needed */
    PLACE_RECORD,    /* the record of vm_evaluate */
};

struct gen_source {
    uint8_t place;
    int32_t cursor, base;
    int32_t walker; /* the cursor whose movement finds the next row; often `cursor` itself */
    const struct table *table;
    const struct index *index;
    size_t needed_count;
    const uint16_t *needed;
};

/* A value that already stands in a register: an expression by its node, or a column of a source. */
struct gen_known {
    const struct ir_expr *expr;
    const struct ir_source *source; /* of a column, record or meta; NULL: by node only */
    uint8_t kind, op;               /* of the expression */
    uint16_t attribute;
    int32_t at;
    struct gen_known *below;
};

/* Results of aggregates (or window calls) of a block, in the phase when they are there. */
struct gen_results {
    const struct plan_aggregate *calls;
    size_t count;
    uint16_t first; /* number of calls[0] */
    int32_t base;
    struct gen_results *below;
};

struct gen_cte {
    bool is_made;
    int32_t fill, return_to; /* subroutine that fills `rows` */
    uint32_t rows, producer; /* recursive: a co-routine that appends to rows */
    int32_t current;         /* recursive: registers of the row that ACCESS_RECURSION reads */
};

struct gen {
    struct builder *builder;
    const struct plan_statement *plan;
    const struct databases *databases;
    struct error *err;
    enum status status;
    struct arena scratch; /* of this compilation */
    struct gen_source *sources;
    size_t source_count;
    struct gen_known *known;
    struct gen_results *results;
    struct gen_cte *ctes;
    struct buf slots;      /* struct gen_slot: operand of a literal's node */
    struct buf slot_table; /* uint32_t */
    unsigned loop_depth;
    unsigned depth;       /* of queries and expressions, against runaway recursion */
    unsigned allocations; /* instructions emitted that may use the row's arena */
    bool is_prologue;
};

/* Who takes the rows of a query. */
struct gen_sink {
    void (*row)(struct gen *g, struct gen_sink *sink, int32_t base);
    void *context;
    int32_t base;   /* where rows are wanted; NO_REGISTER: anywhere */
    unsigned count; /* outputs */
    int32_t stop;   /* a label the sink may leave to */
    int32_t target; /* for the sink's own use */
    uint32_t object;
    const uint8_t *affinities;
};

/* What is done with each row of a loop nest. */
struct gen_body {
    void (*emit)(struct gen *g, void *context);
    void *context;
};

/* gen.c */
void gen_fail(struct gen *g, enum status status, int32_t offset, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
bool gen_failed(const struct gen *g);
int32_t gen_register(struct gen *g, unsigned count); /* kept to the end */
int32_t gen_temporary(struct gen *g, unsigned count);
uint32_t gen_emit(struct gen *g, enum opcode op, int32_t p1, int32_t p2, int32_t p3);
uint32_t gen_emit_n(struct gen *g, enum opcode op, unsigned n, int32_t p1, int32_t p2, int32_t p3,
                    const void *p4);
void gen_note(struct gen *g, struct slice text);
int32_t gen_label(struct gen *g);
void gen_place(struct gen *g, int32_t label);
void *gen_p4(struct gen *g, size_t bytes); /* zeroed, lives as long as the program; NULL: failed */
struct slice gen_p4_slice(struct gen *g, struct slice text);
unsigned gen_database_of(struct gen *g, const struct table *table);
uint32_t gen_table(struct gen *g, const struct table *table);
uint32_t gen_cursor(struct gen *g, const struct table *table, const struct index *index);
uint32_t gen_object(struct gen *g, const struct object_spec *spec);
struct sort_part *gen_parts(struct gen *g, size_t count);
/* A set of rows of `count` values compared by `collations` (NULL: BINARY). */
uint32_t gen_set(struct gen *g, size_t count, const uint8_t *collations, bool keeps_rows);
struct gen_source *gen_source(struct gen *g, const struct ir_source *source);
void gen_know(struct gen *g, const struct ir_expr *expr, int32_t at);
bool gen_block_has_windows(const struct plan_block *block);

/* gen_expr.c */
void gen_expr(struct gen *g, const struct ir_expr *expr, int32_t target);
/* Where the value is: a slot, a known register, or a new temporary. */
int32_t gen_value(struct gen *g, const struct ir_expr *expr);
void gen_column(struct gen *g, const struct ir_source *source, uint16_t attribute, int32_t target);
int32_t gen_literal(struct gen *g, struct value v);
unsigned gen_compare_flags(const struct ir_expr *compare);

/* gen_condition.c */
void gen_jump(struct gen *g, const struct ir_expr *expr, int32_t label, bool when, bool null_jumps);
void gen_in(struct gen *g, const struct ir_expr *expr, int32_t target);

/* gen_subquery.c */
void gen_subquery(struct gen *g, const struct ir_expr *expr, int32_t target);
bool gen_query_is_correlated(const struct ir_query *query);

/* gen_loop.c */
void gen_loops(struct gen *g, const struct plan_loop *loops, size_t count, struct gen_body body);

/* gen_source.c */
void gen_cte_fill(struct gen *g, uint32_t number);
void gen_query_rows(struct gen *g, const struct plan_query *query, uint32_t rows);

/* gen_group.c: rows of a grouped block, one call of the body per group */
void gen_grouped(struct gen *g, const struct plan_block *block, struct gen_body body);

/* gen_window.c */
void gen_windows(struct gen *g, const struct plan_block *block, struct gen_body body);

/* gen_query.c */
void gen_query(struct gen *g, const struct plan_query *query, struct gen_sink *sink);

/* gen_trigger.c. `rows`: registers of the old and the new row, as programs are given them. */
int32_t gen_hook_rows(struct gen *g, const struct table *table);
void gen_hook_old(struct gen *g, const struct table *table, int32_t rows, int32_t cursor);
/* attributes[k] is in row + k, the rowid behind them. */
void gen_hook_new(struct gen *g, const struct table *table, int32_t rows,
                  const uint16_t *attributes, size_t count, int32_t row);
void gen_hook_no_rowid(struct gen *g, const struct table *table, int32_t rows);
bool gen_has_hooks(const struct plan_hooks *hooks, enum plan_phase phase);
void gen_hooks(struct gen *g, const struct plan_hooks *hooks, enum plan_phase phase,
               const struct table *table, int32_t rows, int32_t ignored);
/* The beginning of a step: its rows. */
void gen_given(struct gen *g, const struct plan_program *program, const struct plan_step *step);

/* gen_write.c, gen_document.c, gen_schema.c */
void gen_write(struct gen *g, const struct plan_write *write);
void gen_documents(struct gen *g, const struct plan_write *write);
void gen_returning_rows(struct gen *g, uint32_t rows, size_t count);
/* What nested objects that the statement writes must look like. */
void gen_nested_types(struct gen *g);
void gen_statement_ir(struct gen *g, const struct ir_statement *statement);

#endif
