/*
 * Within parser/sql: tokens, the state of one parse, and the constructors that grammar actions
 * call.
 *
 * A constructor that fails records why in the parse (sql_fail) and returns NULL; the driver stops
 * at the next token. Constructors therefore take NULL where an earlier one may have failed.
 */
#ifndef HARPER_SQL_INTERNAL_H
#define HARPER_SQL_INTERNAL_H

#include "parser/sql/sql.h"

/* ---- tokens ---- */

/* What sql_scan returns besides token codes, which are greater than 0. */
enum { SQL_END = 0, SQL_BAD = -1, SQL_UNTERMINATED = -2 };

struct sql_lexer {
    const char *token;          /* start of the token just scanned */
    const char *cursor, *limit; /* its end; end of the text */
    bool in_comment;            /* the text ended inside a comment */
};

int sql_scan(struct sql_lexer *lexer);
/* sql_scan, then decide whether WINDOW, OVER and FILTER are keywords here. `previous` is the code
 * of the token before. */
int sql_next(struct sql_lexer *lexer, int previous);
bool sql_code_is_fallback(int code);          /* a keyword that may be a name (grammar.y) */
bool sql_is_spelled_right(struct slice word); /* a keyword, reserved or not */
int sql_keyword_code(size_t index);           /* token code of sql_keyword(index) */

struct sql_token {
    const char *text; /* NULL: an optional token that is not there */
    union {
        struct {
            uint32_t len;
            uint16_t code;
            bool negated; /* NOT stood before it */
        };
        uint64_t word;
    };
};

/* Tokens are passed as two words; written in parts, the second would stall until they are one. */
static inline struct sql_token sql_token_of(const char *text, size_t len, unsigned code)
{
    struct sql_token token = {.text = text};

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    token.word = (uint64_t)(uint32_t)len | (uint64_t)code << 32;
#else
    token.len = (uint32_t)len;
    token.code = (uint16_t)code;
#endif
    return token;
}

/* ---- the state of a parse ---- */

/* Items of lists under construction, as bytes on one stack. Lists nest as the text does, so a list
 * is always complete before the one around it grows: sql_take copies the top away. */
struct sql_stack {
    char *bytes;
    size_t used, capacity;
    union {
        char bytes[2048];
        void *align;
    } first;
};

/* A list on that stack. */
struct sql_list {
    uint32_t start; /* byte where its first item stands */
    uint32_t count;
};

enum { SQL_STACK_DEPTH = 6000 }; /* of the grammar's automaton: about six per nested expression */

struct sql_table_builder;

struct sql_parse {
    struct slice text;
    struct arena *arena;
    struct error *err;
    enum status status;
    struct sql_token token;         /* the lookahead */
    const char *first;              /* start of the statement; NULL for a lone expression */
    const char *grammar_start;      /* where the grammar begins to read: behind EXPLAIN */
    const char *previous_end;       /* end of the token before it */
    bool in_trigger;                /* in the body of CREATE TRIGGER */
    struct ir_statement *statement; /* the result */
    struct ir_expr *expr;           /* or the result, for sql_parse_expr */
    struct sql_table_builder *table;
    const char *ddl_name; /* CREATE: where the name stands, from which the schema's text is taken */
    size_t copied_bytes;  /* by sugar that repeats an operand */
    uint32_t param_count; /* greatest slot */
    uint32_t param_capacity; /* of param_names */
    int32_t first_param_offset;
    struct slice *param_names; /* by slot - 1 */
    uint32_t *param_hash;      /* slots by name once there are many; 0: free */
    uint32_t param_hash_size, named_count;
    struct sql_stack stack; /* last: its first room is not cleared */
};

enum status sql_fail(struct sql_parse *parse, enum status status, const char *at,
                     const char *format, ...) __attribute__((format(printf, 4, 5)));
static inline bool sql_failed(const struct sql_parse *parse)
{
    return parse->status != ST_OK;
}
/* Feed the tokens of the text to the grammar (grammar.y). */
enum status sql_run_grammar(struct sql_parse *parse, struct sql_lexer *lexer, int first_token);
/* What the grammar would take after the first `tokens` tokens of the text: sets accepted[code]. */
int sql_accepted(struct slice text, int first_token, size_t tokens, bool *accepted, int *last_code);
void sql_syntax_error(struct sql_parse *parse, const struct sql_token *token);
enum { SQL_TOKEN_CODES_MAX = 256 };

/* Zeroed room in the prepare arena. */
void *sql_alloc(struct sql_parse *parse, size_t bytes);
#define SQL_NEW(parse, type) ((type *)sql_alloc((parse), sizeof(type)))
/* `expr` itself, unless it is missing or too deep: then the parse has failed. */
struct ir_expr *sql_checked(struct sql_parse *parse, struct ir_expr *expr);

/* ---- lists ---- */

void *sql_push(struct sql_parse *parse, size_t bytes, struct sql_list *out); /* a list of one */
/* Move a list's items into the arena and off the stack; NULL when it is empty. */
void *sql_take(struct sql_parse *parse, struct sql_list list, size_t item_bytes);
struct sql_list sql_push_expr(struct sql_parse *parse, struct ir_expr *expr);
struct sql_list sql_push_name(struct sql_parse *parse, struct sql_token name);
struct sql_list sql_push_pointer(struct sql_parse *parse, void *pointer);
static inline struct ir_expr **sql_take_exprs(struct sql_parse *parse, struct sql_list list)
{
    return sql_take(parse, list, sizeof(struct ir_expr *));
}
static inline struct ir_name *sql_take_names(struct sql_parse *parse, struct sql_list list)
{
    return sql_take(parse, list, sizeof(struct ir_name));
}

/* ---- names and literals (names.c, literals.c) ---- */

static inline int32_t sql_offset(const struct sql_parse *parse, const char *at)
{
    return at == NULL ? -1 : (int32_t)(at - parse->text.data);
}
struct slice sql_unquote(struct sql_parse *parse, struct sql_token token);
struct ir_name sql_name(struct sql_parse *parse, struct sql_token token); /* {0}, -1 for none */
/* From `start` to `end` without blanks at either side. */
struct slice sql_span(const char *start, const char *end);
bool sql_token_is(struct sql_token token, const char *word); /* unquoted, any case */

struct ir_expr *sql_number(struct sql_parse *parse, struct sql_token token);
struct ir_expr *sql_string(struct sql_parse *parse, struct sql_token token);
struct ir_expr *sql_blob(struct sql_parse *parse, struct sql_token token);
struct ir_expr *sql_null(struct sql_parse *parse, struct sql_token token);
struct ir_expr *sql_current_time(struct sql_parse *parse, struct sql_token token);
struct ir_expr *sql_param(struct sql_parse *parse, struct sql_token token);
struct ir_expr *sql_name_as_text(struct sql_parse *parse, struct sql_token token);

/* ---- expressions (build_expr.c, lower_*.c) ---- */

struct ir_expr *sql_column(struct sql_parse *parse, struct sql_token name);
struct ir_expr *sql_column_of(struct sql_parse *parse, struct sql_token of, struct sql_token name);
struct ir_expr *sql_path(struct sql_parse *parse, struct sql_list names);
struct ir_expr *sql_parens(struct sql_parse *parse, struct sql_token open, struct ir_expr *expr);
struct ir_expr *sql_prefix(struct sql_parse *parse, struct sql_token op, struct ir_expr *operand);
struct ir_expr *sql_postfix(struct sql_parse *parse, enum ir_unary op, struct ir_expr *operand);
struct ir_expr *sql_logic(struct sql_parse *parse, enum ir_logic op, struct ir_expr *left,
                          struct ir_expr *right);
struct ir_expr *sql_compare(struct sql_parse *parse, struct sql_token op, struct ir_expr *left,
                            struct ir_expr *right);
struct ir_expr *sql_binary(struct sql_parse *parse, struct sql_token op, struct ir_expr *left,
                           struct ir_expr *right);
struct ir_expr *sql_is(struct sql_parse *parse, bool negated, struct ir_expr *left,
                       struct ir_expr *right);
struct ir_expr *sql_like(struct sql_parse *parse, struct sql_token op, struct ir_expr *operand,
                         struct ir_expr *pattern, struct ir_expr *escape);
struct ir_expr *sql_between(struct sql_parse *parse, struct sql_token op, struct ir_expr *operand,
                            struct ir_expr *low, struct ir_expr *high);
struct ir_expr *sql_in_list(struct sql_parse *parse, struct sql_token op, struct ir_expr *operand,
                            struct sql_list items);
struct ir_expr *sql_in_query(struct sql_parse *parse, struct sql_token op, struct ir_expr *operand,
                             struct ir_query *query);
struct ir_expr *sql_in_source(struct sql_parse *parse, struct sql_token op, struct ir_expr *operand,
                              struct ir_source *source);
struct ir_expr *sql_case(struct sql_parse *parse, struct sql_token word, struct ir_expr *operand,
                         struct sql_list arms, struct ir_expr *otherwise);
struct sql_list sql_push_arm(struct sql_parse *parse, struct ir_expr *when, struct ir_expr *then);
struct ir_expr *sql_cast(struct sql_parse *parse, struct sql_token word, struct ir_expr *operand,
                         struct slice type);
struct ir_expr *sql_collate(struct sql_parse *parse, struct ir_expr *operand,
                            struct sql_token name);
struct ir_expr *sql_call(struct sql_parse *parse, struct sql_token name, bool is_distinct,
                         struct sql_list args);
struct ir_expr *sql_call_star(struct sql_parse *parse, struct sql_token name);
struct ir_expr *sql_call_over(struct sql_parse *parse, struct ir_expr *call, struct ir_expr *filter,
                              struct ir_window *over);
struct sql_over {
    struct ir_expr *filter;
    struct ir_window *over;
};
struct ir_expr *sql_subquery(struct sql_parse *parse, struct sql_token first,
                             struct ir_query *query, bool is_exists);
struct ir_expr *sql_row(struct sql_parse *parse, struct sql_token open, struct sql_list items);
struct ir_expr *sql_raise(struct sql_parse *parse, struct sql_token word, enum ir_raise action,
                          struct sql_token message);

/* ---- windows (build_window.c) ---- */

struct sql_bound {
    struct ir_expr *offset;
    uint8_t bound; /* enum ir_frame_bound */
};
/* One window, still without a name. Lists and the frame may be empty; `frame` is consumed. */
struct ir_window *sql_window(struct sql_parse *parse, struct sql_token base,
                             struct sql_list partition, struct sql_list order,
                             struct ir_window *frame);
struct ir_window *sql_frame(struct sql_parse *parse, struct sql_token unit, struct sql_bound start,
                            struct sql_bound end, uint8_t exclude);
struct ir_window *sql_window_name(struct sql_parse *parse, struct sql_token name);
/* An entry of a WINDOW clause. `earlier`: those before it, which it may build upon. */
struct sql_list sql_push_window(struct sql_parse *parse, struct sql_list earlier,
                                struct sql_token name, struct ir_window *window);

/* ---- queries (build_query.c, lower_join.c) ---- */

struct sql_alias {
    const char *text; /* NULL: none */
    uint32_t len;
    uint32_t before; /* bytes from where the clause begins to the name: `AS ` */
};
struct sql_limit {
    struct ir_expr *limit, *offset;
};
struct sql_order_end {
    const char *start; /* of ASC, DESC, NULLS; NULL: nothing written */
    bool descending;
    uint8_t nulls;
};
/* What a list of ordered expressions holds until it is taken. */
struct sql_order_item {
    struct ir_order order;
    struct slice text;
};

struct sql_list sql_push_output(struct sql_parse *parse, struct ir_expr *expr,
                                struct sql_alias alias);
struct sql_list sql_push_star(struct sql_parse *parse, struct sql_token star, struct sql_token of);
struct ir_output *sql_take_outputs(struct sql_parse *parse, struct sql_list list, size_t *count);
struct sql_list sql_push_order(struct sql_parse *parse, struct ir_expr *expr,
                               struct sql_order_end end);
struct ir_order *sql_take_orders(struct sql_parse *parse, struct sql_list list,
                                 struct slice **texts);

struct sql_grouping { /* GROUP BY, HAVING, WINDOW: NULL when none is there */
    struct sql_list group, windows;
    struct ir_expr *having;
};
struct sql_grouping *sql_grouping(struct sql_parse *parse, struct sql_list group,
                                  struct ir_expr *having, struct sql_list windows);
/* Clauses of a SELECT in the order of the text, so that their lists are taken in reverse. */
struct ir_block *sql_select_core(struct sql_parse *parse, struct sql_token select, bool is_distinct,
                                 struct sql_list outputs, struct sql_list from,
                                 struct ir_expr *where, struct sql_grouping *grouping);
struct sql_values {
    uint32_t start; /* of all rows' expressions on the stack */
    uint32_t row_count, row_width;
    int32_t offset;
};
struct sql_values sql_values_first(struct sql_parse *parse, struct sql_token word,
                                   struct sql_list row);
void sql_values_more(struct sql_parse *parse, struct sql_values *values, struct sql_list row);
struct ir_block *sql_values_core(struct sql_parse *parse, struct sql_values values);
struct sql_list sql_compound_more(struct sql_parse *parse, struct sql_list blocks, uint8_t set_op,
                                  struct sql_token word, struct ir_block *block);
struct ir_query *sql_query(struct sql_parse *parse, struct sql_list blocks, struct sql_list order,
                           struct sql_limit limit);

struct sql_ctes {
    struct ir_cte *ctes;
    uint32_t count;
    bool is_recursive;
};
struct sql_list sql_push_cte(struct sql_parse *parse, struct sql_token name,
                             struct sql_list columns, uint8_t materialized, struct ir_query *query);
struct sql_ctes sql_with(struct sql_parse *parse, struct sql_list ctes, bool is_recursive);
struct ir_query *sql_query_with(struct sql_parse *parse, struct sql_ctes with,
                                struct ir_query *query);

/* FROM */
struct sql_join {
    uint8_t join;
    bool is_natural;
};
struct sql_hint {           /* INDEXED BY */
    struct sql_token index; /* none: NOT INDEXED */
};
struct sql_constraint {
    struct ir_expr *on;
    size_t using_count;
    struct ir_name *using_columns;
};
struct sql_join sql_join_words(struct sql_parse *parse, struct sql_token first,
                               struct sql_token second, struct sql_token third);
/* The first of two names is the database when there are two. */
void sql_hint_table(struct sql_parse *parse, struct ir_source *source, const struct sql_hint *hint);
struct sql_hint *sql_hint(struct sql_parse *parse, struct sql_token index);
struct ir_source *sql_table(struct sql_parse *parse, struct sql_token first,
                            struct sql_token second, struct sql_alias alias,
                            const struct sql_hint *hint);
struct ir_source *sql_table_function(struct sql_parse *parse, struct sql_token first,
                                     struct sql_token second, struct sql_list args,
                                     struct sql_alias alias);
struct ir_source *sql_query_source(struct sql_parse *parse, struct ir_query *query,
                                   struct sql_alias alias);
struct ir_source *sql_group_source(struct sql_parse *parse, struct sql_list joined,
                                   struct sql_alias alias);
struct sql_constraint *sql_on(struct sql_parse *parse, struct ir_expr *on);
struct sql_constraint *sql_using(struct sql_parse *parse, struct sql_list names);
/* SELECT * FROM these. */
struct ir_query *sql_select_all(struct sql_parse *parse, struct ir_source *const *sources,
                                size_t count);
struct sql_list sql_joined_first(struct sql_parse *parse, struct ir_source *source);
struct sql_list sql_joined_more(struct sql_parse *parse, struct sql_list joined,
                                struct sql_join join, struct ir_source *source,
                                const struct sql_constraint *constraint);

/* ---- writes (build_write.c) ---- */

struct sql_list sql_push_set(struct sql_parse *parse, struct sql_token column,
                             struct ir_expr *value);
struct sql_list sql_push_set_row(struct sql_parse *parse, struct sql_list columns,
                                 struct ir_expr *value);
struct sql_list sql_push_upsert(struct sql_parse *parse, struct sql_list target,
                                struct ir_expr *target_where, bool do_nothing, struct sql_list sets,
                                struct ir_expr *where);
struct sql_list sql_list_more(struct sql_list list, struct sql_list item);
struct ir_statement *sql_insert(struct sql_parse *parse, uint8_t conflict, struct ir_source *target,
                                struct sql_list columns, struct ir_query *query,
                                struct sql_list upserts, struct sql_list returning);
struct ir_statement *sql_update(struct sql_parse *parse, uint8_t conflict, struct ir_source *target,
                                struct sql_list sets, struct sql_list from, struct ir_expr *where,
                                struct sql_list returning, struct sql_list order,
                                struct sql_limit limit);
struct ir_statement *sql_delete(struct sql_parse *parse, struct ir_source *target,
                                struct ir_expr *where, struct sql_list returning,
                                struct sql_list order, struct sql_limit limit);
struct ir_statement *sql_statement_with(struct sql_parse *parse, struct sql_ctes with,
                                        struct ir_statement *statement);
struct ir_statement *sql_statement_new(struct sql_parse *parse, enum ir_statement_kind kind);
struct ir_statement *sql_statement_query(struct sql_parse *parse, struct ir_query *query);
void sql_finish(struct sql_parse *parse, struct ir_statement *statement);

/* ---- schema (build_table.c, build_schema.c) ---- */

struct sql_names { /* name, or database.name */
    struct sql_token first, second;
};
struct sql_names *sql_names(struct sql_parse *parse, struct sql_token first,
                            struct sql_token second);
void sql_resolve_names(struct sql_parse *parse, const struct sql_names *names,
                       struct ir_name *database, struct ir_name *name);
struct sql_event {
    uint8_t event; /* enum ir_trigger_event */
    struct sql_list columns;
};
void sql_table_begin(struct sql_parse *parse, bool is_temporary, bool if_not_exists,
                     struct sql_names *names);
struct ir_statement *sql_table_end(struct sql_parse *parse, struct ir_query *as_query,
                                   bool is_dynamic);
void sql_table_option(struct sql_parse *parse, bool without, struct sql_token word);
void sql_column_begin(struct sql_parse *parse, struct sql_token name, struct slice type);
void sql_constraint_name(struct sql_parse *parse, struct sql_token name);
void sql_column_default(struct sql_parse *parse, struct ir_expr *value, struct slice text);
void sql_column_not_null(struct sql_parse *parse, uint8_t conflict);
void sql_column_primary_key(struct sql_parse *parse, bool descending, uint8_t conflict,
                            bool autoincrement);
void sql_column_unique(struct sql_parse *parse, uint8_t conflict);
void sql_column_collate(struct sql_parse *parse, struct sql_token name);
void sql_column_generated(struct sql_parse *parse, struct ir_expr *expr, struct slice text,
                          struct sql_token how);
void sql_check(struct sql_parse *parse, struct ir_expr *expr, struct slice text);
/* References collects its actions in this. */
struct sql_actions {
    uint8_t on_delete, on_update;
};
void sql_column_references(struct sql_parse *parse, struct sql_token parent,
                           struct sql_list columns, struct sql_actions actions);
void sql_column_deferred(struct sql_parse *parse, bool is_deferred);
void sql_table_key(struct sql_parse *parse, enum ir_constraint_kind kind, struct sql_list columns,
                   bool autoincrement, uint8_t conflict);
void sql_table_foreign_key(struct sql_parse *parse, struct sql_list columns,
                           struct sql_token parent, struct sql_list parent_columns,
                           struct sql_actions actions, bool is_deferred);

struct ir_statement *sql_create_index(struct sql_parse *parse, bool is_unique, bool if_not_exists,
                                      struct sql_names *names, struct sql_token table,
                                      struct sql_list columns, struct ir_expr *where);
struct ir_statement *sql_create_view(struct sql_parse *parse, bool is_temporary, bool if_not_exists,
                                     struct sql_names *names, struct sql_list columns,
                                     struct ir_query *query);
struct ir_create_trigger *sql_trigger_begin(struct sql_parse *parse, bool is_temporary,
                                            bool if_not_exists, struct sql_names *names);
void sql_trigger_event(struct sql_parse *parse, struct ir_create_trigger *trigger, uint8_t time,
                       enum ir_trigger_event event, struct sql_list columns);
void sql_trigger_target(struct sql_parse *parse, struct ir_create_trigger *trigger,
                        struct sql_names *table, struct ir_expr *when);
struct sql_list sql_push_trigger_statement(struct sql_parse *parse, struct ir_statement *statement);
struct ir_statement *sql_trigger_end(struct sql_parse *parse, struct ir_create_trigger *trigger,
                                     struct sql_list statements);
struct ir_statement *sql_drop(struct sql_parse *parse, enum ir_object_kind kind, bool if_exists,
                              struct sql_names *names);
struct ir_statement *sql_alter(struct sql_parse *parse, enum ir_alter_kind kind,
                               struct sql_names *table, struct sql_token column,
                               struct sql_token new_name);
struct ir_statement *sql_alter_add(struct sql_parse *parse, struct sql_names *table);
void sql_alter_begin(struct sql_parse *parse);
struct ir_statement *sql_transaction(struct sql_parse *parse, enum ir_transaction_kind kind,
                                     struct sql_token savepoint);
struct ir_statement *sql_pragma(struct sql_parse *parse, struct sql_names *names,
                                struct ir_expr *value, bool is_call);
struct ir_statement *sql_maintain(struct sql_parse *parse, enum ir_maintain_kind kind,
                                  struct sql_names *names, struct ir_expr *into);
struct ir_statement *sql_attach(struct sql_parse *parse, bool is_detach, struct ir_expr *path,
                                struct ir_expr *name);

#endif
