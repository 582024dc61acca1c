/*
 * GraphQL documents: any bytes are read or refused, as a schema file and as a query; what is read
 * lies inside the file or the arena.
 */
#include "parser/graphql/query.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_table(const struct ir_create_table *table, struct slice text)
{
    if (table->sql.data < text.data || table->sql.data + table->sql.len > text.data + text.len)
        abort();
    if (table->name.text.len == 0 || table->type_name.len == 0)
        abort();
    for (size_t i = 0; i < table->column_count; i++)
        if (table->columns[i].name.text.len == 0 || table->columns[i].type.len == 0)
            abort();
}

static void check_query(struct slice text)
{
    struct arena arena;
    struct error err = {0};
    struct graphql_query *queries;
    struct buf printed = {0};
    size_t count;
    enum status st;

    arena_init(&arena, 64 << 20);
    st = graphql_parse_query(text, slice_empty(), value_absent(), NULL, &arena, &queries, &count,
                             &err);
    if (st != ST_OK && err.status != st)
        abort();
    for (size_t i = 0; st == ST_OK && i < count; i++)
        ir_print(&printed, queries[i].statement);
    buf_free(&printed);
    arena_deinit(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = slice_of(data, size);
    struct arena arena;
    struct error err = {0};
    struct graphql_schema schema;
    enum status st;

    arena_init(&arena, 64 << 20);
    st = graphql_parse_schema(text, &arena, &schema, &err);
    if (st == ST_OK) {
        for (size_t i = 0; i < schema.table_count; i++)
            check_table(schema.tables[i], text);
        for (size_t i = 0; i < schema.type_count; i++)
            check_table(schema.types[i], text);
    } else if (err.status != st || err.offset > (int64_t)size) {
        abort();
    }
    arena_deinit(&arena);
    check_query(text);
    return 0;
}
