/*
 * graphql: the schema language (GraphQL SDL with Harper's directives) to CREATE TABLE statements of
 * the IR; and query documents to queries (query.h).
 *
 * A column's `type` is the name of the innermost type; is_list, is_element_not_null and is_not_null
 * say the rest (a list of lists is a list of Any). A type name that is not built in may belong to
 * another file, so it is not checked here: whoever has read all files does, and reports it by
 * graphql_position. The IR of a table with a @relationship names its target by *type* name, which
 * ir_create_table.type_name keeps beside the table's own name.
 *
 * Lifetimes: results live in `arena` and point into `text`.
 * Errors: ST_SYNTAX and others with the offset, and a message that begins with line and column;
 * nothing of the file is used then. ST_UNSUPPORTED: vector indexes and embeddings.
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

/* Line and column, from 1; columns count characters. */
void graphql_position(struct slice text, int64_t offset, unsigned *line, unsigned *column);
bool graphql_is_builtin_type(struct slice name);

enum status graphql_parse_schema(struct slice text, struct arena *arena, struct graphql_schema *out,
                                 struct error *err);

#endif
