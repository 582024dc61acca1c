/*
 * graphql: the schema language (GraphQL SDL with Harper's directives) to CREATE TABLE statements of
 * the IR.
 *
 * Lifetimes: results live in `arena` and point into `text`.
 * Errors: ST_SYNTAX with the offset; nothing of the file is used then.
 */
#ifndef HARPER_GRAPHQL_GRAPHQL_H
#define HARPER_GRAPHQL_GRAPHQL_H

#include "vdbe/ir/ir.h"

struct graphql_schema {
    size_t table_count;
    struct ir_create_table **tables; /* types with @table */
    size_t type_count;
    struct ir_create_table **types; /* nested object types, without @table */
    size_t warning_count;
    struct slice *warnings; /* "line 3, column 5: unknown directive @foo is ignored" */
};

enum status graphql_parse_schema(struct slice text, struct arena *arena, struct graphql_schema *out,
                                 struct error *err);

#endif
