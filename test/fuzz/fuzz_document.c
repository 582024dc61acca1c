/*
 * Documents from anywhere: every reader stays inside the bytes even when nobody checked them, and a
 * document that passes the check copies to an identical one. The first byte says array or object.
 */
#include "storage/value/document.h"
#include "storage/value/keycode.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf out = {0};
    struct slice name;

    if (size < 1)
        return 0;
    struct value v = {.kind = data[0] % 2 == 0 ? VALUE_ARRAY : VALUE_OBJECT,
                      .len = (uint32_t)(size - 1),
                      .as.data = (const char *)data + 1};
    json_write(&out, v);
    buf_clear(&out);
    keycode_append_prefix(&out, v, (struct key_part){0});
    (void)value_hash(v, COLLATE_BINARY);
    (void)document_member(v, slice_text("a"));
    if (v.kind == VALUE_OBJECT && document_count(v) != 0) {
        (void)document_member_at(v, 0, &name);
        (void)document_member(v, name);
    }
    if (document_check(value_slice(v), v.kind == VALUE_ARRAY) == ST_OK)
        check_copy(v);
    buf_free(&out);
    return 0;
}
