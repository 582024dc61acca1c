/*
 * Query strings: any bytes parse or are refused, and a request is always served by its own shape.
 */
#include "parser/url/url.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A table in which every type occurs: the first letter of a name says which. */
static int type_of(void *context, const struct slice *path, size_t parts, bool *is_list)
{
    struct slice name = path[parts - 1];

    (void)context;
    if (name.len == 0 || name.data[0] < 'a' || name.data[0] > 'o')
        return -1;
    *is_list = name.len > 1 && name.data[1] == 'l';
    return name.data[0] - 'a' - 2;
}

static bool is_key(void *context, struct slice name)
{
    (void)context;
    return slice_is(name, "d");
}

enum { WITH_SCHEMA = 1, GET = 2, REMOVE = 4, BELOW = 8 };

static void check(struct slice raw, const struct url_schema *schema, unsigned request)
{
    struct slice table = slice_text("T");
    bool is_delete = (request & REMOVE) != 0;
    struct arena arena = {0};
    struct url_shape shape = {0};
    struct error err = {0};
    struct ir_statement *statement;
    struct url_slots *slots;
    enum status st;

    arena_init(&arena, 64 << 20);
    if ((request & GET) != 0)
        st = url_parse_get_slots(table, raw, schema, &arena, &statement, &slots, &err);
    else if ((request & BELOW) != 0)
        st = url_parse_below_slots(table, raw, is_delete, schema, &arena, &statement, &slots, &err);
    else
        st =
            url_parse_search_slots(table, raw, is_delete, schema, &arena, &statement, &slots, &err);
    if (st != ST_OK && (err.status != st || err.offset > (int64_t)raw.len))
        abort();
    if (st == ST_OK) {
        struct buf text = {0};

        ir_print(&text, statement);
        buf_free(&text);
    }
    if (url_shape_read(raw, &shape) == ST_OK && st == ST_OK) {
        struct value *values = arena_zalloc_array(&arena, url_slots_count(slots) + 1, 16);

        if (values != NULL && url_slots_bind(slots, &shape, &arena, values) != ST_OK)
            abort();
    }
    url_shape_deinit(&shape);
    arena_deinit(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct url_schema schema = {.type_of = type_of, .is_key = is_key};

    if (size == 0)
        return 0;
    check(slice_of(data + 1, size - 1), (data[0] & WITH_SCHEMA) != 0 ? &schema : NULL, data[0]);
    return 0;
}
