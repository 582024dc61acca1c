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

/*
 * What binding leaves in the IR, beyond the fields marked [bound]:
 *
 * - IR_COLUMN: `source` and `attribute` say what is read; find the loop by `source`, whatever block
 *   it belongs to. `up` is as written; rewriting moves blocks, so only up == 0 against up > 0 may
 *   be looked at. Columns of a query source are output numbers; of DOCUMENTS, attribute 0 is the
 *   element itself; of a table-valued function, its column number.
 * - IR_COMPARE, IR_IN: `affinity` is what both operands take before they are compared, `collation`
 *   how texts are compared. (Every other node: affinity and collation of its result.)
 *   (a, b) = (c, d) and the like are taken apart; an IN whose operand is an IR_ROW stays, with
 *   compare_affinities/compare_collations of its query per member.
 * - IR_IN with a query: in.query->plan is the struct plan_query. An empty list or query is false.
 * - IR_CASE with an operand: every arm's `when` is an IR_COMPARE (EQ) whose left is the operand
 *   node itself, the same pointer: evaluate it once.
 * - IR_LIKE: `op` and operands as written; `negated` applies; collation is not used.
 * - IR_CALL: `function` is set. Aggregates (over == NULL) of a block have their number in
 *   `aggregate`; window calls theirs in the numbering of plan_block.windows. Subqueries inside a
 *   grouped block may name the block's aggregates and keys too.
 * - IR_SUBQUERY: subquery.query->plan is the plan; `op` is enum plan_subquery. Uncorrelated ones
 * are run at most once per run of the statement.
 * - IR_COLLATE, IR_PLUS: evaluate the operand. IR_NESTED never appears; relationships have become
 *   subqueries. IR_RECORD and IR_META have their source.
 * - `affinity` of a node that is neither a column nor a CAST is PLAN_NO_AFFINITY, which in
 *   comparisons differs from a column's NONE; it never appears in COMPARE, IN, terms or bounds.
 * - is_constant: may be computed once before the first loop.
 *
 * Joins in a plan are INNER, CROSS or LEFT: RIGHT and FULL are rewritten into those, unions and
 * anti-joins.
 */

enum { PLAN_NO_AFFINITY = 0xff };

/* A table that shows the catalog: sqlite_schema, pragma_table_info … (functions.def); the machine
 * makes its rows. Hidden columns are its arguments. */
struct plan_function {
    const char *name;
    uint8_t id;           /* enum plan_function_id */
    uint8_t column_count; /* without hidden ones */
    uint8_t hidden_count;
    const char *const *columns; /* visible, then hidden */
};
enum plan_function_id {
#define PLAN_FUNCTION(id, name, visible, hidden, columns) PLAN_FUNCTION_##id,
#include "vdbe/plan/functions.def"
#undef PLAN_FUNCTION
    PLAN_FUNCTION_COUNT
};

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

/* A range of a primary store or an index. Order is value_compare's total order with the part's
 * collation; a part's own `descending` only turns the bytes round, bounds are given in value order.
 * With has_bounds, rows whose part is null or absent are never in the range. A condition the range
 * answers completely is not repeated in `filters`; where it only narrows (multi-valued index, LIKE,
 * union) it is. An ACCESS_KEY over a hidden rowid has the rowid as its only part. */
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
    struct ir_source *source;          /* NULL for ACCESS_NOTHING and VALUES */
    const struct func_table *function; /* FUNCTION: json_each … ; NULL: `shows` is set */
    const struct plan_function *shows; /* FUNCTION: a table that shows the catalog */
    unsigned database;                 /* whose catalog `shows` shows; the table's */
    struct ir_expr **args; /* FUNCTION: one per hidden column, NULL: not given. DOCUMENTS: one; a
                              scalar counts as an array of itself, null as an empty one */
    const struct table *table; /* when the source is one */
    uint8_t access;
    uint8_t join;     /* enum ir_join */
    bool is_covering; /* ACCESS_INDEX: every needed column is in the index entry; no row is fetched
                       */
    bool is_semi;     /* the first row that passes `filters` goes on to the next loop, the others
                         are skipped (flattened EXISTS / IN) */
    bool is_anti;     /* pass on, once and without a row of this source, only when no row passes
                         `match` */
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
    struct ir_expr **hash_build, **hash_probe; /* HASH: equal pairs: over the build rows, over outer
                                                  rows */
    struct ir_expr **hash_compare; /* the IR_COMPARE each pair came from: its affinity is applied to
                                      both, its collation folds texts; a null matches only when
                                      its op is IR_IS */
    size_t filter_count, match_count;
    struct ir_expr *
        *match; /* outer joins: ON terms that decide about a match, tested before `filters` */
    struct ir_expr *
        *filters; /* WHERE terms that can be tested once this loop has a row, cheapest first */
    size_t needed_count;
    uint16_t *needed;  /* attributes (or output numbers) of this source that are read above */
    bool needs_record; /* …or the whole record, or its meta data */
    double rows, cost; /* estimates: rows per outer row that pass, cost in row reads */
    /* The build loop of a HASH has source, table, access, range and `filters` of its own; the HASH
     * loop has the same source, and `match` / `filters` tested on each probe hit. Unless the
     * build's own query is_correlated, it reads nothing of enclosing blocks: it is made once per
     * run. */
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
    bool nulls_last; /* resolved: nulls come behind the others in the resulting order */
    uint8_t collation;
    uint16_t output; /* the output with this value; OUTPUT_NONE: evaluate expr over the row */
};

enum { BARE_ANY = 0xffff, OUTPUT_NONE = 0xffff };

enum plan_distinct { DISTINCT_NO, DISTINCT_STREAM /* equal rows are adjacent */, DISTINCT_HASH };
enum plan_sort {
    SORT_NO /* rows come in order */,
    SORT_ALL,
    SORT_TOP /* only limit + offset rows are kept */
};

/* Window functions that share one window. Rows reach the windows after grouping and HAVING. The
 * windows of a block are computed one after the other: sort by partition and order, then call. */
struct plan_window {
    const struct ir_window *ir; /* unit, start, end, exclude; the default frame is filled in */
    size_t partition_count, order_count, call_count;
    struct ir_expr **partition;
    struct plan_order *order;
    struct ir_expr *start_offset, *end_offset;
    struct plan_aggregate *calls; /* call->aggregate of calls[k] is first_call + k */
    uint16_t first_call;
};

struct plan_block {
    const struct ir_block *ir;
    uint8_t set_op;
    size_t loop_count;
    struct plan_loop *loops; /* in nesting order */
    size_t once_count;
    struct ir_expr **once; /* constant conditions: tested before the first loop; when one is not
                              true no row is read (aggregates without GROUP BY still give theirs) */
    bool is_empty;         /* WHERE is never true: the same */
    uint8_t group;
    size_t group_count, aggregate_count;
    struct ir_expr **group_keys;
    struct plan_aggregate *aggregates;
    /* After grouping, expressions (having, outputs, order, windows, and subqueries in them) read
     * group keys, aggregates and `bare` columns only: a node that is a group key is the same
     * pointer as group_keys[k] (or, inside subqueries and where a key is a plain column, names its
     * source and attribute); aggregates have their number; every other column of this block's
     * sources is in `bare`, by source and attribute. bare_from: the aggregate (a min or max) whose
     * deciding row gives the bare values; BARE_ANY: any row of the group, null in an empty
     * GROUP_ALL. */
    size_t bare_count;
    struct ir_expr **bare; /* IR_COLUMN (IR_RECORD, IR_META) nodes */
    uint16_t bare_from;
    struct ir_expr *having;
    size_t window_count, window_input_count;
    struct plan_window *windows;
    struct ir_expr **window_inputs; /* what later expressions read besides window results: columns,
                                       group keys, aggregates: carried through the windows' rows */
    size_t output_count;
    struct ir_expr **outputs;
    struct slice *output_names;
    size_t row_count; /* VALUES */
    struct ir_expr **rows;
    uint8_t distinct; /* equal by output_collations of its query */
    double rows_out;
};

struct plan_query {
    const struct ir_query *ir;
    size_t block_count;
    struct plan_block **blocks; /* set operations left to right */
    uint8_t sort;
    size_t order_count;
    struct plan_order *order; /* over a single block: its expressions; over a compound `output` is
                                 always given and expr is NULL */
    struct ir_expr *limit, *offset; /* NULL: none */
    size_t output_count;
    struct slice *output_names;
    uint8_t *output_affinities, *output_collations;   /* of a source made from it */
    uint8_t *compare_affinities, *compare_collations; /* when IN reads it: per output */
    bool is_correlated;                               /* reads columns of enclosing blocks */
    double rows;
};

struct plan_cte {
    struct slice name;
    struct plan_query *query; /* a recursive one's order, limit and offset apply to the queue */
    bool is_recursive;        /* blocks[first_recursive …] read ACCESS_RECURSION */
    bool keeps_duplicates;    /* recursive with UNION ALL */
    size_t first_recursive;
};

/* ---- writes ---- */

enum plan_write_kind { PLAN_INSERT, PLAN_UPDATE, PLAN_DELETE, PLAN_DOCUMENTS };

struct plan_assignment {
    uint16_t attribute;    /* ATTRIBUTE_NONE: the rowid */
    struct ir_expr *value; /* NULL: from the query's output `output`; both missing (OUTPUT_NONE):
                              not given, no default: null in tables made by SQL, else absent */
    uint16_t output;
    uint8_t affinity;
    bool is_not_null;
    uint8_t not_null_conflict;
    bool is_add;
    struct ir_expr *default_value; /* NOT NULL ON CONFLICT REPLACE: used instead of null; or NULL */
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

/* Programs that run around the rows of a write: triggers, and what foreign keys look up and do.
 * Each is a list of statements that read the old and the new row. They stand once in a list of the
 * whole statement and name each other by number, so that a trigger may fire itself. */
struct plan_step {
    struct plan_statement *plan;
    struct ir_source *old_row, *new_row; /* NULL: the event has none */
};

struct plan_program {
    struct slice name;
    uint8_t conflict;          /* of the statement that fires it: wins over those of its steps */
    const struct table *table; /* whose rows it is given */
    bool has_when;             /* the first step is a query: without a row nothing is done */
    size_t step_count;
    struct plan_step *steps;
    uint32_t first_step; /* number of steps[0] among all steps of the statement */
};

struct plan_programs {
    size_t count, capacity;
    struct plan_program **list;
    uint32_t step_total;
};

enum plan_phase {
    PHASE_BEFORE, /* before the constraints are tested; for views: instead */
    PHASE_AFTER
};
enum plan_event { EVENT_INSERT, EVENT_UPDATE, EVENT_DELETE, EVENT_COUNT };

struct plan_hook {
    uint32_t program;
    uint8_t phase;
};

struct plan_hooks {
    size_t count, capacity;
    struct plan_hook *list; /* in the order they run */
};

struct plan_write {
    uint8_t kind;
    bool is_view; /* `table` is made up of the view's columns; only hooks run. key_outputs: the row
                   */
    struct plan_hooks hooks[EVENT_COUNT]; /* UPDATE: of upserts too; DELETE: of REPLACE too */
    uint8_t conflict;                     /* enum ir_conflict; NONE: as each constraint says */
    const struct table *table;
    /* Three rows an expression may read, each a source of its own:
     *   target   the row as stored (UPDATE, DELETE, upsert); what `query` searches
     *   new_row  the row about to be written, affinity applied (checks, generated, RETURNING of
     *            INSERT and UPDATE); rowid included
     *   upserts[k].excluded  the row INSERT could not write
     * RETURNING of DELETE reads target. */
    struct ir_source *target, *new_row;
    struct plan_query *query; /* INSERT: rows (NULL: one row of defaults); UPDATE/DELETE: finds the
                                 rows; outputs 0 … key_outputs-1 are their primary key; further ones
                                 are values of an UPDATE with FROM. DOCUMENTS: none */
    uint16_t key_outputs;     /* max(1, key_count); loop of the target: the one whose source is
                                 `target`, its cursor is at the row when one pass is made */
    bool needs_two_passes;    /* INSERT: its query reads the table it fills; else: the search could
                                 meet rows it has changed, or sorts, limits or    groups: collect the
                                 query's rows first, then find each by key */
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
    struct plan_programs *programs; /* of triggers; shared with their steps */
    size_t cte_count;
    struct plan_cte *ctes;
    /* Object types of the schema language that the written table's attributes have, and those that
     * their fields have in turn. */
    size_t nested_type_count;
    struct ir_create_table **nested_types;
    bool writes;           /* needs a write transaction */
    unsigned database;     /* whose transaction a schema change or write belongs to */
    uint16_t source_count; /* greatest ir_source.number + 1 */
};

/* Parsers are above this module: the api lends them for texts that the catalog keeps. */
struct plan_parsers {
    void *context;
    enum status (*parse_view)(void *context, struct slice sql, struct arena *arena,
                              struct ir_create_view **out, struct error *err);
    enum status (*parse_expr)(void *context, struct slice sql, struct arena *arena,
                              struct ir_expr **out, struct error *err);
    enum status (*parse_trigger)(void *context, struct slice sql, struct arena *arena,
                                 struct ir_create_trigger **out, struct error *err);
    enum status (*parse_type)(void *context, struct slice sdl, struct arena *arena,
                              struct ir_create_table **out, struct error *err);
};

struct plan_options {
    const struct func_registry *functions;
    struct plan_parsers parsers;
    bool like_is_case_sensitive; /* PRAGMA case_sensitive_like: then LIKE prefixes use BINARY */
    bool foreign_keys;           /* PRAGMA foreign_keys: they are kept */
    bool recursive_triggers;     /* PRAGMA recursive_triggers: REPLACE fires DELETE triggers */
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
