/*
 * api: what servers inside this project use beside the public header: rows as values instead of C
 * types.
 *
 * Lifetimes, ownership, threads and errors are those of harper.h.
 */
#ifndef HARPER_API_API_H
#define HARPER_API_API_H

#include "api/harper.h"
#include "storage/value/value.h"

/* The current row's values, lent until the next step; NULL when there is none. */
const struct value *statement_row(const harper_statement *statement);
size_t statement_column_count(const harper_statement *statement);
struct slice statement_column_name(const harper_statement *statement, size_t column);
/* enum ir_row_form of the statement: how one row is shown. */
int statement_row_form(const harper_statement *statement);
/* Append the row as JSON in its form, without a copy in between. */
void statement_write_row_json(const harper_statement *statement, struct buf *out);
/* Bind without copying: the bytes must live until the statement is reset and bound anew. */
int statement_bind_value(harper_statement *statement, int parameter, struct value v);

#endif
