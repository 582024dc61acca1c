/*
 * plan_internal: what the files of the planner share. Reading order: README.md.
 *
 * A statement goes through three stages, each over the whole query it is given, inner queries first
 * where that matters: bind_*.c (names to sources and attributes), rewrite_*.c (an equal but better
 * query), plan_*.c with terms, access and join_order (loops). All of them change the IR in place.
 */
#ifndef HARPER_PLAN_INTERNAL_H
#define HARPER_PLAN_INTERNAL_H

#include "vdbe/plan/plan.h"

enum {
    SOURCES_MAX = 64, /* of one block: sets of sources are bits of a uint64_t */
    QUERY_DEPTH_MAX = 200,
    VIEW_DEPTH_MAX = 100,
};

/* What a query source, a CTE or a table function looks like from outside. */
struct column_info {
    struct slice name;
    uint8_t affinity; /* PLAN_NO_AFFINITY for expressions */
    uint8_t collation;
    uint8_t type;
    bool is_hidden;
};

struct bound_cte {
    struct bound_cte *outer; /* the next visible one */
    struct ir_cte *ir;
    struct ir_query
        *pristine; /* inside a subquery: each use gets a copy, for it may be correlated */
    struct bound_query *query; /* NULL: not bound yet */
    uint32_t number;           /* in plan_statement.ctes, once it is shared */
    bool is_numbered, is_recursive, is_binding;
    unsigned use_count;
    struct scope *scope;       /* where its query is bound */
    struct bound_cte *visible; /* the CTEs its own query sees */
    size_t column_count;
    struct column_info *columns;
};

/* One per source of the statement, by ir_source.number. */
struct source_info {
    struct ir_source *source;
    struct slice name; /* by which columns are qualified */
    const struct table *table;
    unsigned database;
    const struct func_table *function;
    const struct plan_function *shows;
    struct bound_query *query; /* QUERY, views, CTEs used once */
    struct bound_cte *cte;     /* shared or recursive */
    struct bound_block
        *block;            /* the block in whose FROM it stands; NULL: a row (excluded, new_row) */
    uint8_t position;      /* in that block */
    bool is_recursion;     /* reads the last round of `cte` */
    bool is_nullable;      /* right side of a LEFT JOIN */
    bool is_semi, is_anti; /* made from EXISTS / NOT EXISTS */
    bool has_relations;    /* the table has relationship attributes */
    bool is_rest;          /* named by export path */
    uint8_t prefix_parts;  /* rows_per_prefix is known for so many parts of the key */
    double rows_per_prefix;
    size_t column_count;
    struct column_info *columns; /* QUERY, CTE, FUNCTION */
};

struct scope {
    struct scope *outer;
    struct bound_block *block;
    struct bound_query *query; /* to mark as correlated */
    bool allows_aggregates, allows_windows, allows_aliases, in_aggregate;
    bool is_given;      /* rows of a trigger: named old.x and new.x only */
    const char *clause; /* for messages: "the GROUP BY clause" */
};

/* A FULL JOIN b ON c is A LEFT JOIN b ON c, and the rows of b for which NOT EXISTS (A WHERE c): the
 * second half, over sources of its own. */
struct full_join {
    struct full_join *next;
    const struct ir_source *source; /* b */
    struct ir_query *unmatched;     /* SELECT … FROM b' WHERE NOT EXISTS (…) */
};

struct bound_block {
    struct plan_block plan; /* first: ir_block.plan points here */
    struct ir_block *ir;
    struct scope scope;
    size_t aggregate_capacity, window_call_count, window_call_capacity;
    struct plan_aggregate *window_calls;
    struct full_join *full_joins;
    bool is_grouped, has_windows;
    bool aliases_ready; /* outputs are bound, names may refer to them */
};

struct bound_query {
    struct plan_query plan; /* first: ir_query.plan points here */
    struct ir_query *ir;
    struct column_info *columns;
    bool is_planned, is_rewritten;
};

/* Conditions on a relationship, for selections of the same one. */
struct relation_filter {
    struct relation_filter *next;
    const struct ir_source *source;
    const struct attribute *attribute;
    struct ir_expr *conditions; /* unbound, over the target */
};

struct planner {
    struct arena *arena;
    struct error *err;
    const struct databases *databases;
    const struct plan_options *options;
    struct plan_statement *out;
    struct ir_statement *statement; /* NULL: plan_bind_expr */
    struct source_info *infos;
    size_t info_capacity;
    struct bound_cte *ctes;
    struct relation_filter *relation_filters;
    struct scope *rows;     /* a trigger's step: old and new */
    uint8_t conflict;       /* a trigger's step: of the statement that fires it */
    unsigned trigger_depth; /* of programs being planned inside each other */
    unsigned depth, view_depth;
    size_t cte_capacity;
    bool is_single_expr; /* plan_bind_expr: no queries allowed */
};

static inline struct source_info *info_of(const struct planner *p, const struct ir_source *source)
{
    return &p->infos[source->number];
}
static inline struct bound_block *bound_block_of(const struct ir_block *block)
{
    return block->plan;
}
static inline struct bound_query *bound_query_of(const struct ir_query *query)
{
    return query->plan;
}

static inline enum status no_memory(struct planner *p)
{
    return error_set(p->err, ST_NO_MEMORY, -1, "out of memory");
}

/* ---- nested_types.c ---- */

enum status nested_types_find(struct planner *p, const struct table *table, unsigned database);

/* ---- sources.c: finding and numbering what FROM names ---- */

enum status source_number(struct planner *p, struct ir_source *source, struct source_info **out);
enum status source_bind_table(struct planner *p, struct ir_source *source, struct scope *scope);
/* The table a write goes to: no CTE; a view only when a trigger takes the event. */
enum status source_bind_target(struct planner *p, struct ir_source *source, enum plan_event event);
bool find_view(const struct planner *p, struct slice database, struct slice name,
               const struct catalog_object **out, unsigned *number);
enum status bind_view(struct planner *p, struct ir_source *source,
                      const struct catalog_object *view, unsigned database);
/* A source that stands for one row of a table (excluded, new_row, old, new). */
struct ir_source *source_new_row(struct planner *p, const struct ir_source *like, const char *name);
const struct table *find_table(const struct planner *p, struct slice database, struct slice name,
                               unsigned *number);
/* A relationship's target: the type name in the same database first. */
const struct table *find_type(const struct planner *p, const struct table *near, struct slice type,
                              unsigned *number);

/* ---- bind_names.c ---- */

/* Column `name` of a source: its number, or false. */
bool source_find_column(const struct source_info *info, struct slice name, uint16_t *attribute);
/* How many columns `*` gives, and which: column k's number and name. */
size_t source_star_count(const struct source_info *info);
struct slice source_column_name(const struct source_info *info, uint16_t attribute);
/* As table_attribute; also for the columns of a view. NULL: none. */
const struct attribute *attribute_named(const struct table *table, struct slice name);
bool attribute_is_visible(const struct attribute *attribute);
enum status bind_column(struct planner *p, struct scope *scope, struct ir_expr **slot);
/* A bound column node. */
struct ir_expr *column_new(struct planner *p, struct ir_source *source, uint16_t attribute,
                           uint8_t up, int32_t offset);
enum status error_no_column(struct planner *p, struct scope *scope, const struct ir_expr *expr);
/* The best of candidates offered one by one to "did you mean". */
struct suggestion {
    struct slice wanted, best;
    unsigned distance;
};
void suggestion_start(struct suggestion *s, struct slice wanted);
void suggestion_offer(struct suggestion *s, struct slice candidate);
/* "; did you mean x?" or nothing. */
const char *suggestion_text(struct planner *p, const struct suggestion *s);

/* ---- bind_expr.c, bind_compare.c ---- */

enum status bind_expr(struct planner *p, struct scope *scope, struct ir_expr **slot);
enum status bind_exprs(struct planner *p, struct scope *scope, struct ir_expr **list, size_t count);
/* WHERE, ON, HAVING: as bind_expr, with conditions on related records gathered first. */
enum status bind_condition(struct planner *p, struct scope *scope, struct ir_expr **slot);
uint8_t compare_affinity(uint8_t left, uint8_t right);
uint8_t expr_affinity(const struct ir_expr *expr);
bool may_be_array(const struct planner *p, const struct ir_expr *expr);
bool attribute_is_scalar(const struct attribute *attribute);
/* Set affinity, collation … of a COMPARE whose operands are bound. */
void compare_finish(struct planner *p, struct ir_expr *expr);
enum status bind_compare(struct planner *p, struct scope *scope, struct ir_expr **slot);
enum status bind_in(struct planner *p, struct scope *scope, struct ir_expr **slot);
/* A bound COMPARE of bound operands. */
struct ir_expr *compare_new(struct planner *p, enum ir_compare op, struct ir_expr *left,
                            struct ir_expr *right);
/* Member k of `count` of a row value or a subquery, still unbound. */
struct ir_expr *row_member(struct planner *p, struct ir_expr *row, size_t k, size_t count);
size_t row_width(const struct ir_expr *expr);
struct ir_expr *literal_new(struct planner *p, struct value v);
struct ir_expr *logic_new(struct planner *p, enum ir_logic op, struct ir_expr **operands,
                          size_t count);
bool collation_find(struct slice name, uint8_t *out);

/* ---- bind_call.c ---- */

enum status bind_call(struct planner *p, struct scope *scope, struct ir_expr **slot);

/* ---- bind_query.c, bind_block.c, bind_source.c ---- */

enum status bind_query(struct planner *p, struct ir_query *query, struct scope *outer);
enum status bind_ctes(struct planner *p, struct ir_cte *ctes, size_t count, bool are_recursive,
                      struct scope *outer);
enum status query_set_columns(struct planner *p, struct bound_query *query);
enum status bind_block(struct planner *p, struct bound_query *query, struct ir_block *block,
                       struct scope *outer);
enum status bind_sources(struct planner *p, struct bound_block *block, struct scope *outer);
/* full_join.c: copies before, binding after the sources of the block are bound. */
enum status full_joins_copy(struct planner *p, struct bound_block *block);
enum status full_joins_bind(struct planner *p, struct bound_block *block, struct scope *outer);
enum status bind_outputs(struct planner *p, struct scope *scope, struct ir_output **outputs,
                         size_t *count, bool names_stars);
struct slice output_name(struct planner *p, const struct ir_output *output, size_t number);
/* Numbers of columns that USING of a later source merges into one: `*` shows them once. */
bool source_uses_column(const struct ir_source *source, struct slice name);
enum status bind_ordinal(struct planner *p, const struct ir_expr *expr, size_t term,
                         size_t output_count, const char *clause, uint16_t *output);
void order_finish(struct plan_order *order, const struct ir_order *ir);
/* A query over one source, made by the planner: SELECT output FROM source WHERE where. */
struct ir_query *query_over(struct planner *p, struct ir_source **sources, size_t source_count,
                            struct ir_expr *output, struct ir_expr *where);

/* ---- related.c: relationships ---- */

enum status relation_note(struct planner *p, const struct ir_source *source,
                          const struct attribute *attribute, const struct ir_expr *conditions);
struct ir_expr *member_value(struct planner *p, const struct ir_expr *nested,
                             struct ir_expr *document);
enum status related_conditions(struct planner *p, struct scope *scope, struct ir_expr **slot);
/* rel.attr as a value. */
enum status related_value(struct planner *p, struct scope *scope, struct source_info *info,
                          uint16_t attribute, struct ir_expr **slot, size_t parts_used);
enum status bind_nested(struct planner *p, struct scope *scope, struct ir_expr **slot);

/* ---- bind_write.c ---- */

enum status bind_insert(struct planner *p, struct ir_insert *insert);
enum status bind_update(struct planner *p, struct ir_update *update);
enum status bind_delete(struct planner *p, struct ir_delete *remove);
enum status bind_documents(struct planner *p, struct ir_write_documents *documents);
/* The scope of expressions over one row (NULL: none at all), inside `outer`. */
struct scope *scope_of_row(struct planner *p, struct ir_source *row, struct scope *outer);
/* An expression text of the catalog over one row source (NULL: over none). */
enum status bind_stored(struct planner *p, struct slice sql, struct ir_source *row,
                        struct ir_expr **out);

/* ---- plan.c ---- */

/* A query or a write, bound and planned into p->out. */
enum status plan_rows_statement(struct planner *p, struct ir_statement *ir);

/* ---- plan_trigger.c, plan_view.c: programs around the rows of a write ---- */

/* The hooks of p->out->write, whose parts are bound. */
enum status plan_hooks_make(struct planner *p);
/* INSTEAD OF is for views, BEFORE and AFTER are for tables. */
enum status trigger_check(struct planner *p, const struct ir_create_trigger *trigger);
/* Another source of the same name, to be read. */
struct ir_source *view_source(struct planner *p, const struct ir_source *target);
/* The view `source` names has a trigger instead of `event`: *out is a table of its columns. */
enum status view_as_table(struct planner *p, struct ir_source *source, enum plan_event event,
                          const struct table **out, unsigned *database);

/* ---- walk.c: through expressions and the queries in them ---- */

typedef enum status (*walk_fn)(void *context, struct ir_expr **slot, bool *enter);
/* Every expression slot below and including *slot, subqueries entered; visit may replace, and
 * clears *enter to keep out of the children. */
enum status walk_expr(struct ir_expr **slot, walk_fn visit, void *context);
enum status walk_query(struct ir_query *query, walk_fn visit, void *context);
enum status walk_block(struct ir_block *block, walk_fn visit, void *context);
/* Sources of `block` that `expr` reads, as bits of their positions. */
uint64_t expr_sources(const struct planner *p, const struct bound_block *block,
                      struct ir_expr *expr);
bool expr_has_subquery(struct ir_expr *expr);
bool expr_is_pure(struct ir_expr *expr); /* no random(), no subquery, no RAISE */
bool expr_rejects_null(const struct planner *p, const struct ir_expr *expr,
                       const struct bound_block *block, unsigned position);
bool expr_is_false(const struct ir_expr *expr); /* literal false, 0 or null */
bool expr_is_true(const struct ir_expr *expr);

/* ---- rewrite_*.c ---- */

enum status rewrite_query(struct planner *p, struct ir_query *query);
/* The queries inside an expression that is not part of a query. */
enum status rewrite_inner_queries(struct planner *p, struct ir_expr **slot);
enum status fold_expr(struct planner *p, struct ir_expr **slot);
enum status rewrite_joins(struct planner *p, struct ir_query *query, struct bound_block *block);
enum status rewrite_flatten(struct planner *p, struct ir_query *query, struct bound_block *block);
enum status rewrite_push(struct planner *p, struct bound_block *block);
enum status rewrite_factor(struct planner *p, struct bound_block *block);
enum status rewrite_exists(struct planner *p, struct bound_block *block);
/* Replace columns of `source` by copies of the expressions given for them, everywhere in `block`
 * (and `query`'s order). */
enum status substitute_source(struct planner *p, struct ir_query *query, struct bound_block *block,
                              const struct ir_source *source, struct ir_expr *const *by);
enum status block_add_source(struct planner *p, struct bound_block *block,
                             struct ir_source *source);
enum status block_replace_source(struct planner *p, struct bound_block *block, size_t position,
                                 struct ir_source *const *sources, size_t count);
void block_renumber(struct planner *p, struct bound_block *block);
enum status and_into(struct planner *p, struct ir_expr **slot, struct ir_expr *more);

/* ---- terms.c: conditions of a block, taken apart ---- */

enum term_op {
    TERM_OTHER, /* tested, of no use for access */
    TERM_EQ,
    TERM_IS,
    TERM_IN,
    TERM_IS_NULL,
    TERM_STORED_NULL,
    TERM_LT,
    TERM_LE,
    TERM_GT,
    TERM_GE,
    TERM_PREFIX,
    TERM_NOT_NULL,
    TERM_OR
};

struct term {
    struct ir_expr *expr;
    uint64_t sources;  /* needed to test it */
    int8_t outer_join; /* position of the LEFT (or anti) source whose ON it is; -1: WHERE */
    bool is_implied;   /* derived (transitive, LIKE prefix): may narrow, need not be tested */
    bool has_subquery;
    float selectivity; /* estimate: part of rows that pass */
};

/* One way a term may serve access to a source: column op value. */
struct use {
    uint16_t term;
    uint8_t position;
    uint8_t op; /* enum term_op */
    uint16_t attribute;
    uint8_t affinity, collation;
    bool any_element;
    bool is_exact;          /* the range answers the term: no recheck */
    bool ignores_collation; /* IS NULL */
    struct ir_expr *column; /* an expression, for expression indexes; or the IR_COLUMN */
    struct ir_expr *value;  /* or the IR_IN node */
    uint64_t value_sources;
    float rows_fixed; /* IN: number of values */
    int32_t next;     /* use of the same source, -1: last */
};

struct terms {
    size_t term_count, term_capacity, use_count, use_capacity;
    struct term *terms;
    struct use *uses;
    int32_t first_use[SOURCES_MAX]; /* -1: none */
};

enum status terms_collect(struct planner *p, struct bound_block *block, struct terms *out);
enum status terms_add(struct planner *p, struct bound_block *block, struct terms *terms,
                      struct ir_expr *expr, int outer_join, bool is_implied);

enum status terms_imply(struct planner *p, struct bound_block *block, struct terms *terms);

/* ---- access.c, access_make.c, cost.c ---- */

enum { PATH_PARTS_MAX = 16 };

/* A candidate: how a source could be read. Small, kept by value; made into a plan_loop at the end.
 */
struct path {
    uint8_t access;
    const struct index *index;
    uint16_t equal_count;
    uint16_t equals[PATH_PARTS_MAX]; /* numbers of uses */
    int32_t low, high;               /* numbers of uses, -1: none */
    bool is_covering, is_unique, is_descending, dedupe, needs_recheck;
    int32_t or_term;                  /* UNION */
    const struct index *second_index; /* INTERSECT: with `index` */
    double rows;                      /* that the path gives for one outer row, before filters */
    double cost;                      /* of that, in row reads */
    double once_cost;                 /* paid once: building a hash table, materialising */
};

/* Which attributes of a source are read anywhere. */
struct needed {
    uint16_t count, capacity;
    uint64_t low_mask; /* attributes below 64 */
    uint16_t *attributes;
    bool whole; /* the record itself */
};

/* An order that would save work. */
struct order_wish {
    size_t count;
    const struct plan_order *keys;
    bool any_direction; /* grouping, DISTINCT: only adjacency matters */
};

enum { LOOKS_MAX = 16 };

struct look {
    const struct index *index;
    uint64_t equals; /* numbers of uses, four at most */
    int32_t low, high;
    uint8_t position, equal_count;
    double rows;
};

struct block_plan {
    struct planner *p;
    struct ir_query *query;
    struct bound_block *block;
    struct terms terms;
    size_t source_count;
    struct source_info *infos[SOURCES_MAX];
    double rows[SOURCES_MAX];     /* of each source, floored */
    uint64_t before[SOURCES_MAX]; /* sources that must have their row before this one */
    struct needed *needed;
    struct order_wish wish;
    double limit;   /* rows wanted, 0: all */
    bool *answered; /* per term: an access answers it */
    /* What looking gave: paths are matched once per set of sources, and looking takes seeks. */
    bool keeps_no_looks; /* the terms are those of an arm of OR */
    size_t look_count;
    struct look looks[LOOKS_MAX];
};

struct join_step {
    uint8_t position;
    struct path path;
};

double source_rows(const struct planner *p, const struct source_info *info);
double sort_cost(double rows);
enum status needed_collect(struct planner *p, struct ir_query *query, struct bound_block *block,
                           struct needed *out);
bool use_is_ready(const struct block_plan *bp, const struct use *use, uint64_t ready);
/* The cheapest path to the source at `position` when the sources `ready` have rows. With `wish`,
 * the cheapest that delivers it; false when none does. */
bool access_best(struct block_plan *bp, unsigned position, uint64_t ready, double outer_rows,
                 const struct order_wish *wish, struct path *out);
bool index_match(struct block_plan *bp, unsigned position, uint64_t ready,
                 const struct index *index, struct path *out);
/* The paths of the arms of an OR, one each; false when an arm has none. */
bool union_match(struct block_plan *bp, unsigned position, uint64_t ready, unsigned term,
                 struct path *out, struct plan_range *ranges, enum status *status);
enum status access_make(struct block_plan *bp, unsigned position, uint64_t ready,
                        const struct path *path, struct plan_loop *loop);
enum status range_make(struct block_plan *bp, const struct terms *terms, const struct path *path,
                       struct plan_range *out);
uint16_t part_attribute(const struct table *table, const struct index *index, unsigned part);
unsigned part_count(const struct table *table, const struct index *index);
struct key_part part_order(const struct table *table, const struct index *index, unsigned part);
/* Rows between two constant bounds, by looking; negative: unknown. */
double estimate_by_looking(struct block_plan *bp, unsigned position, const struct path *path);
/* Rows of a table with one value of the first `parts` parts of its primary key. */
double rows_per_key_prefix(struct planner *p, struct source_info *info, unsigned parts);

/* ---- order.c ---- */

/* Does reading `position` by `path` deliver the wish? Sources in `constant` have one row. */
bool order_is_delivered(const struct block_plan *bp, unsigned position, const struct path *path,
                        const struct order_wish *wish, uint64_t constant, bool *descending);

/* ---- join_order.c ---- */

enum status join_order_choose(struct block_plan *bp, struct join_step *steps, bool *is_ordered,
                              double *rows, double *cost);

/* ---- plan_query.c, plan_block.c, plan_group.c, plan_write.c ---- */

enum status plan_query_make(struct planner *p, struct ir_query *query);
enum status plan_block_make(struct planner *p, struct ir_query *query, struct bound_block *block);
enum status plan_group(struct planner *p, struct ir_query *query, struct bound_block *block);
enum status plan_windows(struct planner *p, struct ir_query *query, struct bound_block *block);
enum status plan_subqueries(struct planner *p, struct ir_expr **slot);
enum status plan_write_make(struct planner *p);
enum status plan_cte_number(struct planner *p, struct bound_cte *cte);

#endif
