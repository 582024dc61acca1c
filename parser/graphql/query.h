/*
 * query: GraphQL query documents to IR, one query per resource of the chosen operation.
 *
 * What a field means is what its REST equivalent means: `Dog(age: 3) { id owner { name } }` is
 * /Dog/?age==3&select(id,owner{name}). Arguments are equalities; aliases, directives and arguments
 * of nested fields have no effect; fragments are composed as text.
 *
 * Lifetimes: the IR lives in `arena` and points into `text` and `variables`.
 * Errors: ST_SYNTAX, ST_INVALID, ST_NO_TABLE, ST_NO_COLUMN, ST_TYPE, ST_LIMIT. An error of the
 * document has an offset into `text` (graphql_position tells line and column) and its message is
 * the bare sentence; an error of the request (operation name, missing variable) has offset -1.
 */
#ifndef HARPER_GRAPHQL_QUERY_H
#define HARPER_GRAPHQL_QUERY_H

#include "parser/graphql/graphql.h"

enum {
    GRAPHQL_SELECTIONS_MAX = 4096, /* after fragments were put in */
    GRAPHQL_DEPTH_MAX = 64,
};

/* What tables there are. Paths are names from the table on, as attributes and relationships lead.
 */
struct graphql_tables {
    void *context;
    /* Is it the export path of a table that GraphQL may see? NULL: every name is. */
    bool (*has)(void *context, struct slice resource);
    /* The declared type of a path, as enum attribute_type's number (0 Any); -1: not a defined
     * attribute; -2: a relationship itself. *is_list tells arrays. NULL: everything is Any. */
    int (*type_of)(void *context, struct slice resource, const struct slice *path, size_t parts,
                   bool *is_list);
    /* Make *v fit the type, as comparisons in a URL do ("1" is 1 for a Long). NULL: left alone. */
    enum status (*convert)(void *context, int type, struct slice attribute, struct arena *arena,
                           struct value *v, struct error *err);
};

struct graphql_query {
    struct slice name; /* the resource: the key of its rows in the answer */
    struct ir_statement *statement;
};

/* `variables` is an object, or null for none; `operation` may be empty. */
enum status graphql_parse_query(struct slice text, struct slice operation, struct value variables,
                                const struct graphql_tables *tables, struct arena *arena,
                                struct graphql_query **out, size_t *count, struct error *err);
/* All of them as one statement of one row, an object: an array of records per resource. */
enum status graphql_parse_statement(struct slice text, struct slice operation,
                                    struct value variables, const struct graphql_tables *tables,
                                    struct arena *arena, struct ir_statement **out,
                                    struct error *err);

#endif
