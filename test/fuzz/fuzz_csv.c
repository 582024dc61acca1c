/*
 * CSV from anywhere: what is read is a sound array of objects, the same whether read at once or a
 * record at a time.
 */
#include "rest/codec/codec.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice bytes = slice_of(data, size);
    struct arena arena = {0};
    struct csv_input reader = {0};
    struct error err = {0};
    struct value all, one;
    size_t count = 0;
    enum status st, whole = csv_read(bytes, &arena, &all, &err);

    if (whole == ST_OK && document_check(value_slice(all), true) != ST_OK)
        abort();
    st = csv_input_begin(&reader, bytes, &arena, &err);
    while (st == ST_OK) {
        st = csv_input_next(&reader, &arena, &one, &err);
        if (st == ST_OK && whole == ST_OK && !value_identical(one, document_element(all, count++)))
            abort();
    }
    if ((st == ST_DONE) != (whole == ST_OK) || (whole == ST_OK && count != document_count(all)))
        abort();
    arena_deinit(&arena);
    return 0;
}
