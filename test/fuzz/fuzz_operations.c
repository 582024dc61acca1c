/*
 * Operations and Query objects from JSON: any document becomes a statement or a sentence.
 */
#include "parser/operations/operations.h"
#include "storage/value/document.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int type_of(void *context, struct slice database, struct slice table,
                   const struct slice *path, size_t parts, bool *is_list)
{
    struct slice name = path[parts - 1];

    (void)context;
    (void)database;
    (void)table;
    if (name.len == 0 || name.data[0] < 'a' || name.data[0] > 'o')
        return -1;
    *is_list = name.len > 1 && name.data[1] == 'l';
    return name.data[0] - 'a' - 2;
}

static void check(enum status st, const struct operation *operation, const struct error *err)
{
    struct buf text = {0};

    if (st == ST_NOT_FOUND)
        return;
    if (st != ST_OK) {
        if (err->status != st)
            abort();
        return;
    }
    ir_print(&text, operation->statement);
    buf_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct operation_schema schema = {.type_of = type_of};
    struct arena arena;
    struct value document;

    if (size == 0)
        return 0;
    arena_init(&arena, 64 << 20);
    if (json_read(slice_of(data + 1, size - 1), &arena, &document, NULL) == ST_OK) {
        const struct operation_schema *tables = (data[0] & 1) != 0 ? &schema : NULL;
        struct operation *operation = NULL;
        struct error err = {0};

        check(operation_parse(document, tables, &arena, &operation, &err), operation, &err);
        check(operation_parse_query(slice_text("T"), document, tables, &arena, &operation, &err),
              operation, &err);
    }
    arena_deinit(&arena);
    return 0;
}
