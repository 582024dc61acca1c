/*
 * The inside of parser/graphql: tokens, the tree of a document, and the parse state.
 *
 * text ── lexer.re ── grammar.y (ast.c) ──> struct gql_document ── schema.c ──> CREATE TABLE
 *                                                              └── query.c ───> queries
 *
 * One grammar reads the whole language, because a schema file may hold operations (ignored) and a
 * query document must be told that it holds type definitions (refused).
 *
 * Lifetimes: nodes live in the arena of struct gql_parse; texts point into the document, or into
 * the arena where they had escapes.
 */
#ifndef HARPER_GRAPHQL_GRAPHQL_INTERNAL_H
#define HARPER_GRAPHQL_GRAPHQL_INTERNAL_H

#include "parser/graphql/graphql.h"

enum { GQL_DEPTH_MAX = 64 };

struct gql_token {
    struct slice text;
    int32_t offset;
};

enum { GQL_TOKEN_END = 0, GQL_TOKEN_ERROR = -1 };

struct gql_lexer {
    const char *start, *cursor, *limit;
    unsigned depth; /* open brackets of any kind */
    struct error *err;
    enum status status;
};

void gql_lexer_init(struct gql_lexer *lexer, struct slice text, struct error *err);
int gql_lexer_next(struct gql_lexer *lexer, struct gql_token *out);

/* ---- the tree: lists are chained through `next` ---- */

enum gql_value_kind {
    GQL_VARIABLE,
    GQL_INT,
    GQL_FLOAT,
    GQL_STRING,
    GQL_TRUE,
    GQL_FALSE,
    GQL_NULL,
    GQL_ENUM,
    GQL_LIST,
    GQL_OBJECT
};

struct gql_value {
    uint8_t kind;
    int32_t offset;
    struct slice text;         /* decoded string, name, or digits */
    struct gql_token name;     /* of an object's member or an argument */
    struct gql_value *members; /* LIST, OBJECT */
    struct gql_value *next;
};

struct gql_values {
    struct gql_value *first, *last;
};

struct gql_directive {
    struct gql_token name; /* with its @ sign stripped */
    struct gql_value *arguments;
    struct gql_directive *next;
};

struct gql_directives {
    struct gql_directive *first, *last;
};

struct gql_type {
    struct gql_token name; /* of the innermost type */
    unsigned list_depth;
    bool is_not_null;         /* the outermost type has its ! */
    bool is_element_not_null; /* the innermost list's elements have it */
};

struct gql_field {
    struct gql_token name;
    struct slice description;
    struct gql_type *type;
    struct gql_directive *directives;
    struct gql_field *next;
};

struct gql_fields {
    struct gql_field *first, *last;
    size_t count;
};

struct gql_variable {
    struct gql_token name;
    struct gql_type *type;
    struct gql_value *fallback; /* NULL: no default */
    struct gql_variable *next;
};

struct gql_variables {
    struct gql_variable *first, *last;
};

enum gql_selection_kind { GQL_SELECT_FIELD, GQL_SELECT_SPREAD, GQL_SELECT_INLINE };

struct gql_selection {
    uint8_t kind;
    struct gql_token name; /* field or fragment */
    struct gql_value *arguments;
    struct gql_selections *selections; /* NULL: no braces */
    struct gql_selection *next;
};

struct gql_selections {
    struct gql_selection *first, *last;
};

enum gql_definition_kind {
    GQL_DEFINE_TYPE,  /* an object type */
    GQL_DEFINE_OTHER, /* any other definition of the type system */
    GQL_QUERY,
    GQL_MUTATION,
    GQL_SUBSCRIPTION,
    GQL_FRAGMENT
};

struct gql_definition {
    uint8_t kind;
    bool has_fields;
    bool is_open; /* a fragment that is being expanded */
    struct slice description;
    struct gql_token name; /* empty: anonymous */
    struct slice text;     /* the whole definition */
    struct gql_directive *directives;
    struct gql_fields *fields;
    struct gql_variable *variables;
    struct gql_selections *selections;
    struct gql_definition *next;
};

struct gql_document {
    struct gql_definition *first, *last;
};

/* ---- parsing (ast.c holds what the grammar's actions call) ---- */

struct gql_parse {
    struct slice text;
    struct arena *arena;
    struct gql_document *document;
    int32_t definition_offset; /* where the definition being read began */
    int32_t token_end;         /* end of the token before the one being looked at */
    int32_t lookahead_offset;  /* of the token being looked at: it belongs to the next definition
                                  when one is reduced */
    int32_t variable_offset;   /* of the first variable in this definition, or -1 */
    struct error *err;
    enum status status; /* the first failure */
};

enum status gql_parse_document(struct slice text, struct arena *arena, struct gql_document *out,
                               struct error *err);

/* "line 3, column 5: …" */
enum status gql_error_at(struct slice text, struct error *err, enum status status, int64_t offset,
                         const char *format, ...) __attribute__((format(printf, 5, 6)));
void gql_fail(struct gql_parse *parse, enum status status, int64_t offset, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void gql_fail_unexpected(struct gql_parse *parse, int kind, struct gql_token token);

struct gql_value *gql_value(struct gql_parse *parse, enum gql_value_kind kind,
                            struct gql_token token);
struct gql_value *gql_value_text(struct gql_parse *parse, struct gql_token token, bool is_block);
struct gql_value *gql_value_nested(struct gql_parse *parse, enum gql_value_kind kind,
                                   struct gql_token open, struct gql_values *members);
struct gql_value *gql_value_named(struct gql_parse *parse, struct gql_token name,
                                  struct gql_value *value);
struct gql_values *gql_values_add(struct gql_parse *parse, struct gql_values *list,
                                  struct gql_value *value);
struct gql_directive *gql_directive(struct gql_parse *parse, struct gql_token name,
                                    struct gql_values *arguments);
struct gql_directives *gql_directives_add(struct gql_parse *parse, struct gql_directives *list,
                                          struct gql_directive *directive);
struct gql_type *gql_type_named(struct gql_parse *parse, struct gql_token name);
struct gql_type *gql_type_list(struct gql_parse *parse, struct gql_type *inner);
struct gql_type *gql_type_not_null(struct gql_parse *parse, struct gql_type *type);
struct gql_field *gql_field(struct gql_parse *parse, struct slice description,
                            struct gql_token name, struct gql_type *type,
                            struct gql_directives *directives);
struct gql_fields *gql_fields_add(struct gql_parse *parse, struct gql_fields *list,
                                  struct gql_field *field);
struct gql_variable *gql_variable(struct gql_parse *parse, struct gql_token name,
                                  struct gql_type *type, struct gql_value *fallback);
struct gql_variables *gql_variables_add(struct gql_parse *parse, struct gql_variables *list,
                                        struct gql_variable *variable);
struct gql_selection *gql_selection(struct gql_parse *parse, enum gql_selection_kind kind,
                                    struct gql_token name, struct gql_values *arguments,
                                    struct gql_selections *selections);
struct gql_selections *gql_selections_add(struct gql_parse *parse, struct gql_selections *list,
                                          struct gql_selection *selection);
struct slice gql_description(struct gql_parse *parse, struct gql_token token, bool is_block);
void gql_define_type(struct gql_parse *parse, struct slice description, struct gql_token keyword,
                     struct gql_token name, struct gql_directives *directives,
                     struct gql_fields *fields, bool has_fields);
/* Definitions that have no effect are only checked. */
void gql_define_other(struct gql_parse *parse, struct gql_token keyword);
void gql_define_operation(struct gql_parse *parse, enum gql_definition_kind kind,
                          struct gql_token name, int32_t offset, struct gql_variables *variables,
                          struct gql_selections *selections);

#endif
