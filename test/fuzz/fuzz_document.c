/*
 * Documents from anywhere. Readers of one level stay inside bytes that nobody checked. A document
 * that passes the check copies to an identical one, has a key, and is written as JSON. The first
 * byte says array or object.
 */
#include "storage/value/document.h"
#include "storage/value/keycode.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned sum_of(struct slice bytes)
{
    unsigned sum = 0;

    for (size_t i = 0; i < bytes.len; i++)
        sum += (unsigned char)bytes.data[i];
    return sum;
}

/* The sum is of no use but that the sanitizer sees every byte read. */
static unsigned read_level(struct value v)
{
    size_t count = document_count(v);
    unsigned sum = 0;
    struct slice name;

    for (size_t i = 0; i < count && i < 100; i++) {
        struct value inner =
            v.kind == VALUE_ARRAY ? document_element(v, i) : document_member_at(v, i, &name);

        if (value_has_bytes(inner))
            sum += sum_of(value_slice(inner));
        if (v.kind == VALUE_OBJECT)
            sum += sum_of(name) + document_member(v, name).kind;
    }
    return sum;
}

static void check_copy(struct value v)
{
    struct document_builder builder = {0};
    struct value copy;

    document_begin(&builder);
    document_open_array(&builder);
    document_value(&builder, v);
    document_close(&builder);
    if (document_end(&builder, &copy) == ST_OK && !value_identical(document_element(copy, 0), v))
        abort();
    document_deinit(&builder);
}

static void check_json(struct value v)
{
    struct arena arena = {0};
    struct buf json = {0};
    struct value back;

    json_write(&json, v);
    if (json_read(buf_slice(&json), &arena, &back, NULL) != ST_OK)
        abort();
    buf_free(&json);
    arena_deinit(&arena);
}

static void check_key(struct value v)
{
    const struct key_part part = {0};
    struct arena arena = {0};
    struct buf key = {0};
    struct keycode code;
    struct value back;

    keycode_begin(&code, &key);
    keycode_append(&code, v, part);
    keycode_finish(&code);
    if (keycode_decode(buf_slice(&key), &part, 1, &back, &arena) != ST_OK ||
        !value_identical(back, v) ||
        value_hash(back, COLLATE_BINARY) != value_hash(v, COLLATE_BINARY))
        abort();
    buf_free(&key);
    arena_deinit(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static volatile unsigned sink;

    if (size < 1)
        return 0;
    struct value v = {.kind = data[0] % 2 == 0 ? VALUE_ARRAY : VALUE_OBJECT,
                      .len = (uint32_t)(size - 1),
                      .as.data = (const char *)data + 1};
    sink = sink + read_level(v);
    if (document_check(value_slice(v), v.kind == VALUE_ARRAY) == ST_OK) {
        check_copy(v);
        check_json(v);
        check_key(v);
    }
    return 0;
}
