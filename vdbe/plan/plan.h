/*
 * plan: how a statement will be run: access paths, join order, grouping, sorting. Never a register
 * or an opcode.
 *
 * plan_make binds names against the catalogs in `databases`, rewrites the IR, chooses, and returns
 * a tree of decisions that vdbe/codegen turns into a program without deciding anything more.
 * Expressions stay IR nodes, now bound (their [bound] fields are set).
 *
 * Lifetimes: the plan lives in the prepare arena, points into the IR and into catalogs of the
 * transactions in `databases`. Errors: ST_NO_TABLE, ST_NO_COLUMN, ST_AMBIGUOUS, ST_TYPE, ST_LIMIT …
 * with the offset into the statement's text and a sentence ("no such column: agee; did you mean
 * age?"). One wording for all languages.
 */
#ifndef HARPER_PLAN_PLAN_H
#define HARPER_PLAN_PLAN_H

#include "storage/table/table.h"
#include "vdbe/func/func.h"
#include "vdbe/ir/ir.h"

struct plan_query;
struct plan_block;

/* ---- reading one source ---- */

enum plan_access {
    ACCESS_NOTHING, /* no FROM: exactly one row */
    ACCESS_SCAN,    /* the whole primary store */
    ACCESS_KEY, /* rows by primary key: equalities on a prefix of it, then maybe a range on the next
                   part */
    ACCESS_INDEX,     /* the same over an index */
    ACCESS_UNION,     /* OR: several KEY/INDEX ranges of this table, rows once each (deduplicated by
                         primary key) */
    ACCESS_INTERSECT, /* AND: rows whose key is in all of several index ranges */
    ACCESS_HASH, /* `build` is read once into a hash table on hash_keys; each outer row probes it */
    ACCESS_QUERY,     /* a subquery: as co-routine (read once) or materialised (read again) */
    ACCESS_CTE,       /* a shared materialised query */
    ACCESS_RECURSION, /* the rows of the last round of a recursive CTE */
    ACCESS_FUNCTION,  /* table-valued function */
    ACCESS_DOCUMENTS, /* elements of an array, or one object */
    ACCESS_VALUES,    /* VALUES rows */
};

/* An equality on one key part: with one value, or with each value of an IN (list or query),
 * ascending, once each. */
struct plan_key_term {
    struct ir_expr *value; /* outer expression or constant; NULL when `in` is set */
    struct ir_expr *in;    /* an IR_IN node: its items or query are the values */
    uint8_t affinity;      /* applied to the value before it is coded */
    bool null_matches;     /* IS: null equals null; otherwise a null value means no rows */
    bool absent_excluded;  /* IS_STORED_NULL */
};

struct plan_bound {
    struct ir_expr *value; /* NULL: open (then, unless null_matches, nulls are skipped) */
    bool is_inclusive;
    bool is_prefix; /* text that begins with value: both bounds in one (LIKE 'x%', starts_with) */
    uint8_t affinity;
};

/* A range of a primary store or an index. */
struct plan_range {
    const struct index *index; /* NULL: the primary store */
    uint16_t equal_count;
    struct plan_key_term *equals; /* on the first parts */
    bool has_bounds;              /* low/high on part equal_count */
    struct plan_bound low, high;
    bool is_descending; /* read backwards */
    bool is_unique;     /* at most one row (all parts of a unique key, none null) */
    double rows;        /* estimate */
};

struct plan_loop {
    struct ir_source *source;  /* NULL for ACCESS_NOTHING and VALUES */
    const struct table *table; /* when the source is one */
    uint8_t access;
    uint8_t join;     /* enum ir_join */
    bool is_covering; /* ACCESS_INDEX: every needed column is in the index entry; no row is fetched
                       */
    bool is_semi;     /* stop at the first match (flattened EXISTS / IN) */
    bool is_anti;     /* pass only when there is no match */
    bool dedupe_rows; /* multi-valued index: a row may come more than once */
    bool is_descending;      /* SCAN backwards */
    struct plan_range range; /* KEY, INDEX */
    size_t range_count;      /* UNION, INTERSECT */
    struct plan_range *ranges;
    struct plan_query *query; /* QUERY, CTE */
    bool is_coroutine;  /* QUERY: rows are pulled as needed; else materialised once (again per outer
                           row when correlated) */
    bool is_correlated; /* QUERY: depends on outer rows: must be run again for each */
    uint32_t cte;       /* CTE, RECURSION: number in plan->ctes */
    struct plan_loop *build; /* HASH: how the inner side is read (its own filters inside) */
    size_t hash_count;
    struct ir_expr **hash_build,
        **hash_probe; /* HASH: equal pairs; affinity and collation already in the nodes */
    size_t filter_count, match_count;
    struct ir_expr *
        *match; /* outer joins: ON terms that decide about a match, tested before `filters` */
    struct ir_expr *
        *filters; /* WHERE terms that can be tested once this loop has a row, cheapest first */
    size_t needed_count;
    uint16_t *needed;  /* attributes (or output numbers) of this source that are read above */
    double rows, cost; /* estimates: rows per outer row that pass, cost in row reads */
};

/* ---- grouping and results ---- */

enum plan_group {
    GROUP_NONE,
    GROUP_ALL,    /* aggregates without GROUP BY: one row */
    GROUP_STREAM, /* rows arrive with equal keys together */
    GROUP_HASH,
    GROUP_COUNT, /* GROUP_ALL and the only aggregate is count(*) over one whole table:
                    table_row_count */
    GROUP_FIRST, /* GROUP_ALL and the only aggregate is min/max whose argument the loop delivers in
                    order: the first non-null row */
};

struct plan_aggregate {
    const struct func *func;
    struct ir_expr *call; /* IR_CALL: args, filter, is_distinct */
};

struct plan_order {
    struct ir_expr *expr;
    bool descending;
    bool nulls_last; /* resolved */
    uint8_t collation;
};

enum plan_distinct { DISTINCT_NO, DISTINCT_STREAM /* equal rows are adjacent */, DISTINCT_HASH };
enum plan_sort {
    SORT_NO /* rows come in order */,
    SORT_ALL,
    SORT_TOP /* only limit + offset rows are kept */
};

struct plan_window; /* window.h, when a block has window functions */

struct plan_block {
    const struct ir_block *ir;
    uint8_t set_op;
    size_t loop_count;
    struct plan_loop *loops; /* in nesting order */
    size_t once_count;
    struct ir_expr **once; /* constant conditions: tested before the first loop */
    bool is_empty;         /* WHERE is never true */
    uint8_t group;
    size_t group_count, aggregate_count;
    struct ir_expr **group_keys;
    struct plan_aggregate *aggregates;
    struct ir_expr *having;
    struct plan_window *window;
    size_t output_count;
    struct ir_expr **outputs;
    struct slice *output_names;
    size_t row_count; /* VALUES */
    struct ir_expr **rows;
    uint8_t distinct;
    double rows_out;
};

struct plan_query {
    const struct ir_query *ir;
    size_t block_count;
    struct plan_block **blocks; /* set operations left to right */
    uint8_t sort;
    size_t order_count;
    struct plan_order *order; /* over a single block: its expressions; over a compound: IR_COLUMN of
                                 output numbers */
    struct ir_expr *limit, *offset; /* NULL: none */
    size_t output_count;
    struct slice *output_names;
    uint8_t *output_affinities, *output_collations; /* of a source made from it */
    bool is_correlated;
    double rows;
};

struct plan_cte {
    struct plan_query *query;
    bool is_recursive; /* blocks[first_recursive …] read ACCESS_RECURSION */
    size_t first_recursive;
};

/* ---- writes ---- */

enum plan_write_kind { PLAN_INSERT, PLAN_UPDATE, PLAN_DELETE, PLAN_DOCUMENTS };

struct plan_assignment {
    uint16_t attribute;    /* ATTRIBUTE_NONE: the rowid */
    struct ir_expr *value; /* NULL: from the query's output `output` */
    uint16_t output;
    uint8_t affinity;
    bool is_not_null;
    uint8_t not_null_conflict;
    bool is_add;
};

struct plan_upsert {
    const struct index *index; /* target; NULL with is_any or for the primary key */
    bool is_any, is_primary_key, do_nothing;
    size_t assignment_count;
    struct plan_assignment
        *assignments; /* columns of the source `excluded` are the row that failed */
    struct ir_source *excluded;
    struct ir_expr *where;
};

struct plan_write {
    uint8_t kind;
    uint8_t conflict; /* enum ir_conflict; NONE: as each constraint says */
    const struct table *table;
    struct ir_source *target; /* columns of `target` in expressions: the row (INSERT: the new one;
                                 DELETE, RETURNING of UPDATE as SQL says) */
    struct plan_query *query; /* INSERT: rows; UPDATE/DELETE: finds the rows (its first loop is the
                                 target); DOCUMENTS: none */
    bool needs_two_passes;    /* the search could meet rows it has changed: collect keys first */
    bool is_clear;            /* DELETE of all rows, nothing needs each */
    size_t assignment_count;
    struct plan_assignment *assignments; /* INSERT: every stored attribute, in declared_shape order,
                                            with defaults; UPDATE: changed ones */
    bool rowid_from_output; /* INSERT gave the rowid (INTEGER PRIMARY KEY): assignment with
                               ATTRIBUTE_NONE or its attribute */
    size_t check_count;
    struct ir_expr **checks; /* CHECK constraints over the new row (source `target`) */
    struct slice *check_names;
    size_t generated_count;
    struct plan_assignment *generated; /* stored generated columns, in dependency order */
    size_t upsert_count;
    struct plan_upsert *upserts;
    size_t returning_count;
    struct ir_expr **returning;
    struct slice *returning_names;
    /* documents */
    uint8_t document_mode;
    bool skip_existing;
    struct ir_expr *documents, *key;
};

/* ---- whole statements ---- */

struct plan_statement {
    const struct ir_statement *ir;
    struct plan_query *query; /* IR_QUERY */
    struct plan_write *write; /* IR_INSERT, IR_UPDATE, IR_DELETE, IR_WRITE_DOCUMENTS */
    /* Schema changes, transactions, pragmas: the IR node says it all; codegen wraps it in one
     * instruction. */
    size_t cte_count;
    struct plan_cte *ctes;
    bool writes;           /* needs a write transaction */
    unsigned database;     /* whose transaction a schema change or write belongs to */
    uint16_t source_count; /* greatest ir_source.number + 1 */
};

struct plan_options {
    const struct func_registry *functions;
    bool no_optimizer; /* tests: scans and nested loops in the order written, no rewriting */
    bool no_indexes;   /* tests */
    uint32_t join_max; /* 0: 64 */
};

enum status plan_make(struct ir_statement *ir, const struct databases *databases,
                      const struct plan_options *options, struct arena *arena,
                      struct plan_statement **out, struct error *err);

/* Bind one expression over one table's row (defaults, CHECKs, expression indexes, computed
 * attributes). */
enum status plan_bind_expr(struct ir_expr *expr, const struct table *table,
                           const struct plan_options *options, struct arena *arena,
                           struct ir_source **source, struct error *err);

/* The tree as text: EXPLAIN PLAN; stable, with estimates only when asked. */
void plan_print(struct buf *out, const struct plan_statement *plan, bool with_estimates);
/* Rows of EXPLAIN QUERY PLAN: depth and text, as SQLite words them. */
typedef void (*plan_line_fn)(void *context, unsigned id, unsigned parent, const char *text);
void plan_explain(const struct plan_statement *plan, plan_line_fn emit, void *context);

#endif
