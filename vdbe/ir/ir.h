/*
 * ir: the query tree. It says what is wanted, never how; every language lowers to it.
 *
 * A statement is one struct ir_statement: a query (blocks combined by set operations), a write, a
 * schema change or a control statement. Front ends fill in names as written; vdbe/plan binds them
 * in place (fields marked [bound]) so that SQL, REST and GraphQL report an unknown name in the same
 * words.
 *
 * Ownership: all nodes live in the prepare arena and end with it. Slices point into the statement's
 * text or that arena. Lists are arrays with a count; a NULL pointer with count 0 is an empty list.
 * Errors: builders (builder.h-style helpers below) return NULL when the arena is short;
 * arena->failed stays set and the front end checks it once at its end. Printer: ir_print writes
 * stable text, the EXPLAIN IR output; tests compare it.
 */
#ifndef HARPER_IR_IR_H
#define HARPER_IR_IR_H

#include "storage/base/base.h"
#include "storage/value/value.h"

struct ir_query;
struct ir_source;
struct ir_block;

struct ir_name {
    struct slice text;
    int32_t offset; /* into the statement's text, -1: not from text */
};

/* ---- expressions ---- */

enum ir_expr_kind {
    IR_LITERAL,
    IR_PARAM,
    IR_COLUMN,
    IR_UNARY,
    IR_BINARY,
    IR_COMPARE,
    IR_LOGIC, /* n-ary AND / OR */
    IR_IN,    /* operand in list or query */
    IR_LIKE,  /* LIKE, GLOB, REGEXP, MATCH */
    IR_CASE,
    IR_CAST,
    IR_COLLATE,
    IR_CALL,     /* scalar, aggregate or window function: known after binding */
    IR_SUBQUERY, /* scalar: first row; or EXISTS */
    IR_ROW,      /* (a, b): compared member by member */
    IR_OBJECT,   /* builds a document: names and expressions */
    IR_ARRAY,
    IR_MEMBER, /* operand's member or element: document paths */
    IR_RECORD, /* the whole record of a source as object; name: source alias or empty (the only
                  source) */
    IR_META,   /* a fact about the record of a source: enum ir_meta */
    IR_NESTED, /* REST/GraphQL: attribute with its own select list: relationship or nested object */
    IR_RAISE,  /* in triggers */
    IR_EXPR_KIND_COUNT
};

enum ir_subquery_form {
    IR_SUBQUERY_FIRST, /* output 0 of the first row, null when there is none; with is_exists: 1 or 0
                          (`negated`: the other way round) */
    IR_SUBQUERY_MEMBER, /* output 0 of the first row, *absent* when there is none (related record)
                         */
    IR_SUBQUERY_ARRAY,  /* output 0 of every row, as an array, [] when there is none */
};

enum ir_unary {
    IR_NEGATE,
    IR_NOT,
    IR_BIT_NOT,
    IR_IS_NULL,
    IR_NOT_NULL,
    IR_PLUS /* keeps value, hides the column from indexes */,
    IR_IS_STORED_NULL /* null but not absent */,
    IR_IS_TRUE,
    IR_IS_FALSE,
    IR_IS_NOT_TRUE,
    IR_IS_NOT_FALSE
};
enum ir_binary {
    IR_ADD,
    IR_SUBTRACT,
    IR_MULTIPLY,
    IR_DIVIDE,
    IR_MODULO,
    IR_CONCAT,
    IR_BIT_AND,
    IR_BIT_OR,
    IR_SHIFT_LEFT,
    IR_SHIFT_RIGHT,
    IR_ARROW /* -> */,
    IR_ARROW_TEXT /* ->> */
};
enum ir_compare {
    IR_EQ,
    IR_NE,
    IR_LT,
    IR_LE,
    IR_GT,
    IR_GE,
    IR_IS,
    IR_IS_NOT,
    IR_STARTS_WITH,
    IR_ENDS_WITH,
    IR_CONTAINS
};
enum ir_logic { IR_AND, IR_OR };
enum ir_like { IR_LIKE_LIKE, IR_LIKE_GLOB, IR_LIKE_REGEXP, IR_LIKE_MATCH };
enum ir_meta {
    IR_META_KEY /* $id: the primary key */,
    IR_META_VERSION /* $updatedtime: ms */,
    IR_META_EXPIRES
};
enum ir_raise { IR_RAISE_IGNORE, IR_RAISE_ROLLBACK, IR_RAISE_ABORT, IR_RAISE_FAIL };

struct ir_order {
    struct ir_expr *expr;
    bool descending;
    uint8_t nulls; /* 0 default (first when ascending), 1 FIRST, 2 LAST */
};

enum ir_frame_unit { IR_FRAME_RANGE, IR_FRAME_ROWS, IR_FRAME_GROUPS };
enum ir_frame_bound {
    IR_UNBOUNDED_PRECEDING,
    IR_PRECEDING,
    IR_CURRENT_ROW,
    IR_FOLLOWING,
    IR_UNBOUNDED_FOLLOWING
};
enum ir_frame_exclude {
    IR_EXCLUDE_NO_OTHERS,
    IR_EXCLUDE_CURRENT_ROW,
    IR_EXCLUDE_GROUP,
    IR_EXCLUDE_TIES
};

struct ir_window {
    struct ir_name name; /* of a WINDOW clause entry, or the base it refers to (`refers`) */
    bool refers, has_frame;
    size_t partition_count, order_count;
    struct ir_expr **partition;
    struct ir_order *order;
    uint8_t unit, start, end, exclude;
    struct ir_expr *start_offset, *end_offset;
};

struct ir_case_arm {
    struct ir_expr *when, *then;
};

struct ir_expr {
    uint8_t kind;     /* enum ir_expr_kind */
    uint8_t op;       /* of the kind's own enum */
    bool negated;     /* NOT IN, NOT LIKE, NOT EXISTS */
    bool any_element; /* COMPARE: an array operand matches when any element does (REST); cleared
                         when binding shows scalars. IS_STORED_NULL and NOT_NULL likewise. LOGIC
                         AND: one and the same element satisfies every operand (chained ranges) */
    uint8_t affinity, collation; /* [bound] of the result, as SQLite defines them for comparisons */
    bool is_collation_explicit;  /* [bound] */
    bool is_uncollated; /* [bound] COLUMN: an integer key, which has no collation to compare by */
    bool is_constant; /* [bound] same value for the whole run (literals, parameters, pure functions
                         of them) */
    uint8_t type;     /* [bound] 0 unknown; 1 + enum value_kind when always that kind or null */
    uint16_t height;  /* levels below and including this one, subqueries counted; saturates. Front
                         ends refuse what is too deep, so that walking a tree may recurse */
    int32_t offset;   /* where its text begins, -1 unknown */
    union {
        struct value literal;
        struct {
            uint32_t slot;     /* 1-based, unique per statement */
            struct slice name; /* with its prefix, empty for ? */
            bool is_lifted; /* a literal that a front end lifted so that the program can be reused;
                               `peek` is its value now */
            struct value peek;
        } param;
        struct {
            size_t part_count; /* 1: column; 2: table.column or column.member; … decided when
                                  binding */
            struct ir_name *parts;
            struct ir_source *source; /* [bound] */
            uint16_t attribute; /* [bound] attribute id, or output number of a subquery source;
                                   ATTRIBUTE_NONE: rowid */
            uint8_t up; /* [bound] blocks between here and the source: 0 own, 1 enclosing …
                           (correlation) */
            bool is_quoted_text; /* "x": may fall back to a string literal, as in SQLite */
        } column;
        struct {
            struct ir_expr *operand;
        } unary;
        struct {
            struct ir_expr *left, *right;
        } binary; /* BINARY and COMPARE */
        struct {
            size_t count;
            struct ir_expr **operands;
            size_t capacity; /* of operands, when ir_and and ir_or made them; else 0 */
        } list;              /* LOGIC, ROW, ARRAY */
        struct {
            struct ir_expr *operand;
            size_t count;
            struct ir_expr **items; /* list form */
            struct ir_query *query; /* or query form */
        } in;
        struct {
            struct ir_expr *operand, *pattern, *escape;
        } like;
        struct {
            struct ir_expr *operand, *otherwise; /* either may be NULL */
            size_t count;
            struct ir_case_arm *arms;
        } cases;
        struct {
            struct ir_expr *operand;
            struct slice type; /* as written */
        } cast;
        struct {
            struct ir_expr *operand;
            struct ir_name name;
        } collate;
        struct {
            struct ir_name name;
            size_t count;
            struct ir_expr **args;
            bool is_distinct, is_star; /* count(DISTINCT x), count(*) */
            struct ir_expr *filter;    /* FILTER (WHERE …) */
            struct ir_window *over;    /* NULL: not a window call */
            const void *function;      /* [bound] struct func */
            uint16_t aggregate;        /* [bound] its number in the block's aggregates, when one */
        } call;
        struct {
            struct ir_query *query;
            bool is_exists;
        } subquery; /* op: enum ir_subquery_form */
        struct {
            size_t count;
            struct slice *names;
            struct ir_expr **values;
            bool omit_absent; /* REST: members whose value is absent are left out */
        } object;
        struct {
            struct ir_expr *operand;
            struct slice name; /* member name; empty: use index */
            int64_t index;
        } member;
        struct {
            struct ir_name alias;
            struct ir_source *source; /* [bound] */
            uint8_t up;
        } record; /* RECORD and META (op: enum ir_meta) */
        struct {
            struct ir_name name;
            size_t count; /* 0: the full related record */
            struct ir_output *items;
            bool is_array_form;
        } nested;
        struct {
            struct slice message;
        } raise;
    } as;
};

/* ---- queries ---- */

struct ir_output {
    struct ir_expr *expr;   /* NULL: a star */
    struct ir_name star_of; /* `t.*`; empty: all sources */
    struct ir_name alias;   /* as written, or empty */
    struct slice name;      /* [bound] name of the result column */
    struct slice text;      /* the expression as written (names unaliased results) */
};

enum ir_source_kind { IR_SOURCE_TABLE, IR_SOURCE_QUERY, IR_SOURCE_FUNCTION, IR_SOURCE_DOCUMENTS };
enum ir_join {
    IR_JOIN_INNER,
    IR_JOIN_CROSS /* inner, order fixed */,
    IR_JOIN_LEFT,
    IR_JOIN_RIGHT,
    IR_JOIN_FULL
};

struct ir_source {
    uint8_t kind;
    uint8_t join; /* how it joins what stands left of it; first source: INNER */
    bool is_natural;
    bool is_exported_name; /* REST: name is an export path, not a table name */
    bool is_group; /* QUERY: `SELECT *` from a parenthesised join; without an alias its sources stay
                      visible by their own names (b.x in `a LEFT JOIN (b JOIN c)`) */
    struct ir_name database, name, alias; /* TABLE (also a CTE's or view's name); FUNCTION: name */
    struct ir_query *query;               /* QUERY */
    size_t arg_count;
    struct ir_expr **args; /* FUNCTION: arguments; DOCUMENTS: one expression, an array of objects or
                              one object */
    struct ir_expr *on;
    size_t using_count;
    struct ir_name *using_columns;
    struct ir_name index_hint; /* INDEXED BY */
    bool not_indexed;
    /* [bound] */
    const void *table; /* struct table */
    uint16_t number;   /* unique in the statement */
};

enum ir_set_op { IR_SET_FIRST, IR_UNION, IR_UNION_ALL, IR_INTERSECT, IR_EXCEPT };

/* One SELECT core, or VALUES rows. */
struct ir_block {
    uint8_t set_op; /* how it combines with the blocks before it */
    bool is_distinct;
    int32_t offset;
    size_t source_count, output_count, group_count, window_count;
    struct ir_source **sources;
    struct ir_output *outputs;
    struct ir_expr *where;
    struct ir_expr **group;
    struct ir_expr *having;
    struct ir_window *windows;
    size_t row_count, row_width; /* VALUES: row_count × row_width expressions; no outputs then */
    struct ir_expr **rows;
    void *plan; /* [bound] struct plan_block */
};

struct ir_cte {
    struct ir_name name;
    size_t column_count;
    struct ir_name *columns;
    struct ir_query *query;
    uint8_t materialized; /* 0 unsaid, 1 MATERIALIZED, 2 NOT MATERIALIZED */
};

struct ir_query {
    bool is_recursive;
    uint16_t height; /* of its highest expression or inner query */
    size_t cte_count, block_count, order_count;
    struct ir_cte *ctes;
    struct ir_block **blocks;
    struct ir_order *order;
    struct ir_expr *limit, *offset;
    struct ir_query *outer; /* [bound] enclosing query, for names */
    void *plan;             /* [bound] struct plan_query */
};

/* ---- writes ---- */

enum ir_conflict {
    IR_CONFLICT_NONE,
    IR_CONFLICT_ROLLBACK,
    IR_CONFLICT_ABORT,
    IR_CONFLICT_FAIL,
    IR_CONFLICT_IGNORE,
    IR_CONFLICT_REPLACE
};

struct ir_set {
    size_t count; /* columns assigned together from a row value; usually 1 */
    struct ir_name *columns;
    struct ir_expr *value;
    bool is_add; /* an increment that merges (PATCH {"__op__":"add"}) */
};

struct ir_upsert {
    size_t target_count; /* 0: any conflict */
    struct ir_order *target;
    struct ir_expr *target_where;
    bool do_nothing;
    size_t set_count;
    struct ir_set *sets;
    struct ir_expr *where;
};

struct ir_insert {
    struct ir_source *target;
    uint8_t conflict;
    size_t column_count, upsert_count, returning_count;
    struct ir_name *columns;
    struct ir_query *query; /* NULL: DEFAULT VALUES */
    struct ir_upsert *upserts;
    struct ir_output *returning;
};

struct ir_update {
    struct ir_source *target;
    uint8_t conflict;
    size_t set_count, from_count, order_count, returning_count;
    struct ir_set *sets;
    struct ir_source **from;
    struct ir_expr *where;
    struct ir_order *order;
    struct ir_expr *limit, *offset;
    struct ir_output *returning;
};

struct ir_delete {
    struct ir_source *target;
    size_t order_count, returning_count;
    struct ir_expr *where;
    struct ir_order *order;
    struct ir_expr *limit, *offset;
    struct ir_output *returning;
};

/* Whole documents: what PUT, PATCH, POST and the operations do. */
enum ir_document_mode {
    IR_DOCUMENT_INSERT,
    IR_DOCUMENT_PUT,
    IR_DOCUMENT_PATCH,
    IR_DOCUMENT_UPDATE
};
struct ir_write_documents {
    struct ir_source *target;
    uint8_t mode;
    bool skip_existing;        /* INSERT: leave existing rows alone instead of failing */
    struct ir_expr *documents; /* an object, or an array of objects */
    struct ir_expr
        *key; /* wins over the document's own key; NULL: take it from there or generate */
    size_t returning_count;
    struct ir_output *returning;
};

/* ---- schema ---- */

struct ir_foreign_key {
    struct ir_name name, parent;
    size_t count, parent_count;
    struct ir_name *columns, *parent_columns;
    uint8_t on_delete, on_update; /* enum foreign_key_action numbers: NO ACTION, RESTRICT, SET NULL,
                                     SET DEFAULT, CASCADE */
    bool is_deferred;
};

enum ir_generated { IR_GENERATED_NO, IR_GENERATED_VIRTUAL, IR_GENERATED_STORED };

struct ir_column_def {
    struct ir_name name;
    struct slice type; /* as written; empty: none */
    bool is_not_null, is_primary_key, is_unique, is_autoincrement, is_descending_key;
    uint8_t not_null_conflict, key_conflict, unique_conflict;
    uint8_t generated;
    struct ir_name collation;
    struct ir_expr *default_expr; /* NULL: none */
    struct slice default_text;
    struct ir_expr *generated_expr;
    struct slice generated_text;
    /* schema language */
    bool is_list, is_element_not_null, is_indexed, is_created_time, is_updated_time, is_expires_at,
        is_hidden;
    struct slice relation_from, relation_to, description;
};

enum ir_constraint_kind {
    IR_CONSTRAINT_PRIMARY_KEY,
    IR_CONSTRAINT_UNIQUE,
    IR_CONSTRAINT_CHECK,
    IR_CONSTRAINT_FOREIGN_KEY
};
struct ir_constraint {
    uint8_t kind, conflict;
    bool is_autoincrement;
    struct ir_name name;
    size_t count;
    struct ir_order *columns; /* PRIMARY KEY, UNIQUE */
    struct ir_expr *check;
    struct slice check_text;
    struct ir_foreign_key foreign_key;
};

/* Protocols that @export(rest: false, …) hides a table from. */
enum ir_protocol {
    IR_PROTOCOL_REST = 1,
    IR_PROTOCOL_MQTT = 2,
    IR_PROTOCOL_WS = 4,
    IR_PROTOCOL_SSE = 8,
    IR_PROTOCOL_GRAPHQL = 16
};

struct ir_create_table {
    struct ir_name database, name;
    struct slice type_name;   /* schema language: what relationships call it; `name` may differ */
    uint8_t hidden_protocols; /* bits of enum ir_protocol */
    bool if_not_exists, is_temporary, is_without_rowid, is_strict;
    bool is_dynamic; /* no columns declared */
    bool is_sdl, is_sealed, is_exported, is_hidden, is_audited;
    /* A table of the schema language that exists follows the definition. */
    bool drops_missing;  /* and loses the attributes that it does not name */
    bool is_nested_type; /* a type without @table: what fields of that type must look like */
    struct slice export_path, description;
    double expiration_s, eviction_s, scan_interval_s;
    size_t column_count, constraint_count;
    struct ir_column_def *columns;
    struct ir_constraint *constraints;
    struct ir_query *as_query;
    struct slice
        sql; /* the statement's text without IF NOT EXISTS or TEMP, as sqlite_schema shows it */
};

struct ir_create_index {
    struct ir_name database, name, table;
    bool is_unique, if_not_exists;
    size_t count;
    struct ir_order *columns;
    struct slice *column_texts; /* of expressions */
    struct ir_expr *where;
    struct slice where_text, sql;
};

struct ir_create_view {
    struct ir_name database, name;
    bool is_temporary, if_not_exists;
    size_t column_count;
    struct ir_name *columns;
    struct ir_query *query;
    struct slice sql;
};

enum ir_trigger_time { IR_TRIGGER_BEFORE, IR_TRIGGER_AFTER, IR_TRIGGER_INSTEAD_OF };
enum ir_trigger_event { IR_TRIGGER_DELETE, IR_TRIGGER_INSERT, IR_TRIGGER_UPDATE };
struct ir_create_trigger {
    struct ir_name database, name, table;
    bool is_temporary, if_not_exists;
    uint8_t time, event;
    size_t column_count, statement_count;
    struct ir_name *columns;       /* UPDATE OF */
    struct ir_name table_database; /* ON database.table, or empty */
    struct ir_expr *when;
    struct slice when_text;
    struct ir_statement **statements;
    struct slice sql;
};

enum ir_object_kind { IR_OBJECT_TABLE, IR_OBJECT_INDEX, IR_OBJECT_VIEW, IR_OBJECT_TRIGGER };
struct ir_drop {
    uint8_t kind;
    bool if_exists;
    struct ir_name database, name;
};

enum ir_alter_kind {
    IR_ALTER_RENAME_TABLE,
    IR_ALTER_RENAME_COLUMN,
    IR_ALTER_ADD_COLUMN,
    IR_ALTER_DROP_COLUMN
};
struct ir_alter {
    uint8_t kind;
    struct ir_name database, table, column, new_name;
    struct ir_column_def *definition;
    size_t constraint_count; /* ADD COLUMN: its CHECK and REFERENCES */
    struct ir_constraint *constraints;
};

enum ir_transaction_kind {
    IR_BEGIN_DEFERRED,
    IR_BEGIN_IMMEDIATE,
    IR_BEGIN_EXCLUSIVE,
    IR_COMMIT,
    IR_ROLLBACK,
    IR_SAVEPOINT,
    IR_RELEASE,
    IR_ROLLBACK_TO
};
struct ir_transaction {
    uint8_t kind;
    struct ir_name savepoint;
};

struct ir_pragma {
    struct ir_name database, name;
    struct ir_expr *value; /* literal or NULL */
    bool is_call;          /* PRAGMA x(value) rather than x = value */
};

enum ir_maintain_kind { IR_ANALYZE, IR_REINDEX, IR_VACUUM };
struct ir_maintain {
    uint8_t kind;
    struct ir_name database, name;
    struct ir_expr *into;
};

struct ir_attach {
    bool is_detach;
    struct ir_expr *path; /* ATTACH */
    struct ir_expr *name;
};

/* [bound] Has the expression a collation of its own: a column's, or one that was written? */
static inline bool ir_expr_has_collation(const struct ir_expr *expr)
{
    while (expr->kind == IR_CAST || (expr->kind == IR_UNARY && expr->op == IR_PLUS))
        expr = expr->kind == IR_CAST ? expr->as.cast.operand : expr->as.unary.operand;
    return (expr->kind == IR_COLUMN && !expr->is_uncollated) || expr->is_collation_explicit;
}

/* ---- statements ---- */

enum ir_statement_kind {
    IR_QUERY,
    IR_INSERT,
    IR_UPDATE,
    IR_DELETE,
    IR_WRITE_DOCUMENTS,
    IR_CREATE_TABLE,
    IR_CREATE_INDEX,
    IR_CREATE_VIEW,
    IR_CREATE_TRIGGER,
    IR_DROP,
    IR_ALTER,
    IR_TRANSACTION,
    IR_PRAGMA,
    IR_MAINTAIN,
    IR_ATTACH,
    IR_STATEMENT_KIND_COUNT
};

enum ir_explain {
    IR_EXPLAIN_NO,
    IR_EXPLAIN_CODE /* EXPLAIN */,
    IR_EXPLAIN_QUERY_PLAN /* SQLite's */,
    IR_EXPLAIN_IR,
    IR_EXPLAIN_PLAN,
    IR_EXPLAIN_ANALYZE
};

/* How a sink shows a row: SQL rows are sets of columns; REST's select forms are the others. */
enum ir_row_form { IR_ROW_COLUMNS, IR_ROW_OBJECT, IR_ROW_ARRAY, IR_ROW_SCALAR };

struct ir_statement {
    uint8_t kind;
    uint8_t explain;
    uint8_t row_form;
    uint32_t param_count;      /* greatest slot */
    struct slice *param_names; /* by slot - 1; empty for ? */
    struct slice text;
    size_t cte_count; /* WITH before INSERT, UPDATE, DELETE */
    struct ir_cte *ctes;
    bool ctes_are_recursive;
    union {
        struct ir_query *query;
        struct ir_insert *insert;
        struct ir_update *update;
        struct ir_delete *remove;
        struct ir_write_documents *documents;
        struct ir_create_table *create_table;
        struct ir_create_index *create_index;
        struct ir_create_view *create_view;
        struct ir_create_trigger *create_trigger;
        struct ir_drop *drop;
        struct ir_alter *alter;
        struct ir_transaction *transaction;
        struct ir_pragma *pragma;
        struct ir_maintain *maintain;
        struct ir_attach *attach;
    } as;
};

/* ---- building (builder.c) ---- */

struct ir_expr *ir_expr_new(struct arena *arena, enum ir_expr_kind kind, int32_t offset);
struct ir_expr *ir_literal(struct arena *arena, struct value v, int32_t offset);
struct ir_expr *ir_column(struct arena *arena, struct ir_name name);
struct ir_expr *ir_unary(struct arena *arena, enum ir_unary op, struct ir_expr *operand);
struct ir_expr *ir_binary(struct arena *arena, enum ir_binary op, struct ir_expr *left,
                          struct ir_expr *right);
struct ir_expr *ir_compare(struct arena *arena, enum ir_compare op, struct ir_expr *left,
                           struct ir_expr *right);
/* Flattens: AND of ANDs becomes one node. Either may be NULL: the other is returned. */
struct ir_expr *ir_and(struct arena *arena, struct ir_expr *left, struct ir_expr *right);
struct ir_expr *ir_or(struct arena *arena, struct ir_expr *left, struct ir_expr *right);
/* Deep copy of an expression (not of subqueries' bound state): sugar that mentions an operand
 * twice. */
struct ir_expr *ir_expr_copy(struct arena *arena, const struct ir_expr *expr);
struct ir_query *ir_query_copy(struct arena *arena, const struct ir_query *query);
bool ir_expr_equal(
    const struct ir_expr *a,
    const struct ir_expr *b); /* same meaning by structure; after binding compares bound columns */

/* Calls visit for every direct child expression slot (so that it may replace it). Subqueries are
 * not entered. */
typedef void (*ir_visit_fn)(void *context, struct ir_expr **slot);
void ir_expr_children(struct ir_expr *expr, ir_visit_fn visit, void *context);
/* The same for the expressions that stand directly in a query: of its blocks, their sources (ON,
 * arguments), windows, order and limit. Neither CTEs nor the queries of sources are entered. */
void ir_query_exprs(struct ir_query *query, ir_visit_fn visit, void *context);
/* Make `parent` higher than `child` (NULL is allowed for both). Constructors above do it. */
static inline void ir_expr_raise(struct ir_expr *parent, uint16_t child_height)
{
    if (parent != NULL && child_height >= parent->height)
        parent->height = (uint16_t)(child_height == UINT16_MAX ? UINT16_MAX : child_height + 1);
}
/* Height of an expression from its children's and its subquery's, after members were filled in. */
void ir_expr_measure(struct ir_expr *expr);
void ir_query_measure(struct ir_query *query);

/* ---- printing (print.c) ---- */

void ir_print(struct buf *out, const struct ir_statement *statement);
void ir_print_query(struct buf *out, const struct ir_query *query, unsigned indent);
void ir_print_expr(struct buf *out, const struct ir_expr *expr); /* one line, SQL-like */

#endif
