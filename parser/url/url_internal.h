/*
 * The inside of parser/url: tokens, the tree that mirrors a query string, and what its stages
 * share.
 *
 * raw text ── lexer.re ── grammar.y ──> struct url_query ── lower.c ──> IR
 *
 * Lifetimes: tokens and nodes point into the raw text; nodes live in the arena of struct url_parse.
 */
#ifndef HARPER_URL_URL_INTERNAL_H
#define HARPER_URL_URL_INTERNAL_H

#include "parser/url/url.h"

/* ---- tokens ---- */

enum url_comparator {
    URL_EQUALS,
    URL_NOT_EQUAL,
    URL_LESS,
    URL_LESS_EQUAL,
    URL_GREATER,
    URL_GREATER_EQUAL,
    URL_STARTS_WITH,
    URL_ENDS_WITH,
    URL_CONTAINS,
    URL_BETWEEN,
    URL_IN
};

struct url_token {
    struct slice text; /* raw, still percent-encoded */
    int32_t offset;
    uint32_t literal;   /* VALUE: its number in the text, from 0 */
    uint8_t comparator; /* OP, OP_LIST, LEG: enum url_comparator */
    bool is_strict;     /* OP: values convert strictly */
    bool is_negated;    /* OP: a long name that began with not_ */
    bool takes_star;    /* OP: a trailing star makes it a prefix (==) */
};

enum url_lexer_mode {
    URL_MODE_ITEM,       /* a condition, a group or a function begins */
    URL_MODE_PATH,       /* a further part of a dotted name */
    URL_MODE_AFTER_NAME, /* a dot or an operator */
    URL_MODE_VALUE,
    URL_MODE_LIST,       /* the bracket before a list of values */
    URL_MODE_LIST_VALUE, /* inside that list */
    URL_MODE_LIST_NEXT,
    URL_MODE_AFTER_ITEM, /* a separator or a closing bracket */
    URL_MODE_NAMES,      /* arguments of select and sort */
    URL_MODE_NUMBERS,    /* arguments of limit */
    URL_MODE_NUMBERS_NEXT,
};

/* Which text is a name and which a value depends on what came before, so the lexer keeps a mode and
 * the open brackets; the grammar never tells it anything. That is why the shape of a query can be
 * read by the lexer alone (shape.c). */
struct url_lexer {
    const char *start, *cursor, *limit;
    uint64_t square; /* bit k: the k-th open group is [ ], otherwise ( ) */
    uint32_t literal_count;
    uint8_t mode, depth, brace_depth;
    struct error *err;
    enum status status;
};

enum { URL_TOKEN_END = 0, URL_TOKEN_ERROR = -1 };

void url_lexer_init(struct url_lexer *lexer, struct slice raw, struct error *err);
/* The next token's kind (URL_T_… of the grammar), URL_TOKEN_END or URL_TOKEN_ERROR with
 * lexer->status set. */
int url_lexer_next(struct url_lexer *lexer, struct url_token *out);
/* By its name without the equals signs; false: there is none. */
bool url_comparator_find(struct slice name, struct url_token *out);
/* Section 3 of the REST specification: is `raw` read as form-urlencoded pairs? */
bool url_is_simple(struct slice raw);

/* ---- the tree ---- */

struct url_part {
    struct url_token token;
    struct url_part *next;
};

struct url_path {
    struct url_part *first, *last;
    size_t count;
};

struct url_operand {
    struct url_token token;
    struct url_operand *next;
};

struct url_operands {
    struct url_operand *first, *last;
    size_t count;
};

enum url_item_kind { URL_ITEM_CONDITION, URL_ITEM_LEG, URL_ITEM_GROUP, URL_ITEM_FUNCTION };

struct url_item {
    uint8_t kind;
    struct url_path *path;
    struct url_token op;
    struct url_operands *operands; /* one, or the members of a list */
    struct url_item *leg;          /* second half of a chained range: op and operands */
    struct url_level *group;
    struct url_item *next;
};

/* Conditions and groups side by side, under one operator. */
struct url_level {
    struct url_item *first, *last;
    size_t count;
    bool has_operator, is_or;
    bool ends_in_function,
        function_after_or; /* the item before was a function, and how it joined */
};

struct url_select_item {
    struct url_token name;
    struct url_select_list *items; /* NULL: no braces */
    struct url_select_item *next;
};

struct url_select_list {
    struct url_select_item *first, *last;
    size_t count;
};

enum url_select_form {
    URL_SELECT_NONE,
    URL_SELECT_EMPTY,
    URL_SELECT_SCALAR,
    URL_SELECT_OBJECT,
    URL_SELECT_ARRAY
};

struct url_sort_key {
    struct url_path *path; /* the sign is still on its first part */
    struct url_sort_key *next;
};

struct url_sort_keys {
    struct url_sort_key *first, *last;
    size_t count;
};

struct url_query {
    struct url_level *root; /* NULL: no condition */
    uint8_t select_form;
    struct url_select_list *select;
    struct url_sort_keys *sort;
    bool has_limit, has_limit_end;
    struct url_token limit_first, limit_second;
    struct url_operand *numbers; /* of every limit, replaced ones too */
    size_t literal_count;        /* values and limits of the text */
    bool is_simple;              /* form-urlencoded: plus is a blank, escapes may be malformed */
};

/* ---- parsing (ast.c holds what the grammar's actions call) ---- */

struct url_parse {
    struct arena *arena;
    const struct url_schema *schema;
    struct url_query *query;
    size_t condition_count;
    struct error *err;
    enum status status; /* the first failure; everything after it does nothing */
};

enum status url_parse_query(struct slice raw, const struct url_schema *schema, struct arena *arena,
                            struct url_query *out, struct error *err);

void url_fail(struct url_parse *parse, enum status status, int64_t offset, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void url_fail_unexpected(struct url_parse *parse, int kind, struct url_token token);

struct url_level *url_level_new(struct url_parse *parse, struct url_item *item);
struct url_level *url_level_add(struct url_parse *parse, struct url_level *level,
                                struct url_token separator, bool is_or, struct url_item *item);
struct url_item *url_item_condition(struct url_parse *parse, struct url_path *path,
                                    struct url_token op, struct url_operands *operands);
struct url_item *url_item_leg(struct url_parse *parse, struct url_token op,
                              struct url_operands *operands);
struct url_item *url_item_group(struct url_parse *parse, struct url_level *level);
struct url_item *url_item_function(struct url_parse *parse);
struct url_path *url_path_add(struct url_parse *parse, struct url_path *path,
                              struct url_token name);
struct url_operands *url_operands_add(struct url_parse *parse, struct url_operands *operands,
                                      struct url_token value);
struct url_select_item *url_select_item(struct url_parse *parse, struct url_token name,
                                        struct url_select_list *items);
struct url_select_list *url_select_add(struct url_parse *parse, struct url_select_list *list,
                                       struct url_select_item *item);
void url_set_select(struct url_parse *parse, enum url_select_form form,
                    struct url_select_list *items);
void url_set_sort(struct url_parse *parse, struct url_sort_keys *keys);
struct url_sort_keys *url_sort_add(struct url_parse *parse, struct url_sort_keys *keys,
                                   struct url_path *path);
void url_set_limit(struct url_parse *parse, struct url_token first, const struct url_token *second);

/* ---- values (convert.c) ---- */

enum url_literal_role {
    URL_LITERAL_IGNORED,     /* conditions of a single-record request */
    URL_LITERAL_FIXED,       /* part of the shape: its text must be the same */
    URL_LITERAL_VALUE,       /* converted into its slot */
    URL_LITERAL_LIMIT,       /* limit(n): the count */
    URL_LITERAL_LIMIT_START, /* limit(s,e): the offset; the end follows it */
    URL_LITERAL_LIMIT_END,
    URL_LITERAL_NUMBER, /* of a limit that a later one replaced: only checked */
};

/* How the text of one literal becomes a value; remembered with a cached statement. */
struct url_literal_use {
    uint8_t role;
    uint8_t type; /* enum url_type */
    bool is_form; /* form-urlencoded decoding */
    bool is_strict;
    bool takes_star;
    bool is_pattern;    /* sw, ew, ct: the text counts, not what it converts to */
    bool is_prefix;     /* [result] a star was taken off: starts_with */
    uint8_t kind_class; /* [result] numbers, text and booleans plan differently */
    uint32_t slot;
    struct slice attribute; /* for messages */
    struct slice text;      /* FIXED */
};

enum url_nothing { URL_SOMETHING, URL_NULL, URL_NAN };

struct url_literal_value {
    struct value value;
    uint8_t nothing; /* enum url_nothing: null, or NaN, which matches nothing */
    bool is_prefix;
};

enum status url_literal_read(const struct url_literal_use *use, struct slice raw, int64_t offset,
                             struct arena *arena, struct url_literal_value *out, struct error *err);
/* A whole number of limit: digits only. */
enum status url_number_read(struct slice raw, int64_t offset, int64_t *out, struct error *err);
/* Every percent sign begins an escape. */
enum status url_check_escapes(struct slice raw, struct error *err);
/* Form-urlencoded: plus is a blank, a malformed escape stays as it is.
 */
enum status url_decode_form(struct slice raw, struct arena *arena, struct slice *out);
uint8_t url_kind_class(struct value v);

/* ---- reuse (shape.c) ---- */

struct url_slots {
    size_t literal_count;
    struct url_literal_use *uses;
    uint32_t param_count;
};

/* ---- lowering (lower.c, lower_where.c, lower_select.c) ---- */

struct url_lower {
    struct arena *arena;
    const struct url_schema *schema;
    const struct url_query *query;
    struct url_slots *slots;
    uint32_t param_count;
    struct error *err;
};

/* The decoded names of a path; ST_NO_MEMORY or the failure of a part. */
enum status url_lower_path(struct url_lower *lower, const struct url_path *path, bool skip_sign,
                           struct slice **out);
enum status url_lower_name(struct url_lower *lower, struct url_token token, struct slice *out);
struct ir_expr *url_column(struct arena *arena, const struct slice *parts, size_t count,
                           int32_t offset);
/* The declared type, URL_TYPE_ANY without a schema; negative as url_schema says. */
int url_type_of(const struct url_schema *schema, const struct slice *parts, size_t count,
                bool *is_list);

/* What conditions and sort keys may name. */
struct url_attribute {
    struct slice *parts;
    size_t count;
    struct slice name; /* dotted */
    int32_t offset;
    int type;
    bool has_elements; /* its values may be arrays */
};

enum status url_lower_attribute(struct url_lower *lower, const struct url_path *path,
                                bool skip_sign, struct url_attribute *out);
struct ir_expr *url_column_of(struct url_lower *lower, const struct url_attribute *attribute);
struct ir_expr *url_lower_param(struct url_lower *lower, struct value peek, int32_t offset);
enum status url_no_memory(struct error *err);
enum status url_lower_level(struct url_lower *lower, const struct url_level *level,
                            struct ir_expr **out);
enum status url_lower_select(struct url_lower *lower, struct ir_block *block, uint8_t *row_form);

#endif
