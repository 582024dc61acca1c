/* JSON functions on any text and path, over text and over the document it is. What comes out of
 * text must be JSON again. Input: path, a zero byte, JSON. */
#include "vdbe/func/func.h"
#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct func_registry *registry; /* built once: it is never changed */

static enum status call(struct func_context *context, const char *name, unsigned count,
                        const struct value *args, struct value *out)
{
    const struct func *func = func_find(registry, slice_text(name), count, NULL);

    assert(func != NULL);
    return func->scalar(context, count, args, out);
}

static void walk_table(struct func_context *context, const char *name, const struct value *args)
{
    const struct func_table *table = func_table_find(slice_text(name));
    char cursor[512] __attribute__((aligned(16))) = {0};
    struct value v;
    int rows = 0;

    assert(table->cursor_bytes <= sizeof(cursor));
    if (table->open(context, cursor, 2, args) == ST_OK)
        while (rows++ < 100 && table->next(context, cursor) == ST_ROW)
            for (unsigned i = 0; i < table->column_count; i++)
                (void)table->column(context, cursor, i, &v);
    table->close(cursor);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const looking[] = {"json_extract", "json_type",  "json_array_length",
                                          "json_remove",  "json_arrow", "json_arrow_text",
                                          "search_json"};
    static const char *const changing[] = {"json_set", "json_insert", "json_replace"};
    const uint8_t *zero = size == 0 ? NULL : memchr(data, 0, size);
    struct arena arena;
    struct error err;
    struct func_context context = {.arena = &arena, .err = &err};
    struct value args[3], out, valid;

    if (zero == NULL || (registry == NULL && func_registry_new(&registry) != ST_OK))
        return 0;
    arena_init(&arena, 64 << 20);
    args[1] = value_text(slice_of(data, (size_t)(zero - data)));
    args[0] = value_text(slice_of(zero + 1, size - args[1].len - 1));
    args[2] = value_int(7);
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < COUNT_OF(looking); i++) {
            const struct value swapped[] = {args[1], args[0]};
            (void)call(&context, looking[i], 2, i == 6 ? swapped : args, &out);
        }
        for (size_t i = 0; i < COUNT_OF(changing); i++)
            if (call(&context, changing[i], 3, args, &out) == ST_OK &&
                (out.flags & VALUE_IS_JSON) != 0) {
                assert(call(&context, "json_valid", 1, &out, &valid) == ST_OK);
                assert(valid.as.i == 1);
            }
        (void)call(&context, "json_patch", 2, args, &out);
        walk_table(&context, "json_each", args);
        walk_table(&context, "json_tree", args);
        if (json_read(value_slice(args[0]), &arena, &args[0], NULL) != ST_OK)
            break;
    }
    arena_deinit(&arena);
    return 0;
}
