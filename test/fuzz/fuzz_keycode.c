/*
 * Keys from anywhere: decoding never reads outside, and what decodes and holds no object (which may
 * lose a repeated name) codes to the same bytes again. The first two bytes choose how many parts
 * and their directions.
 */
#include "storage/value/keycode.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool holds_document(const struct value *values, unsigned count)
{
    for (unsigned k = 0; k < count; k++)
        if (values[k].kind >= VALUE_ARRAY)
            return true;
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct key_part parts[8] = {0};
    struct value values[8];
    struct arena arena = {0};
    struct keycode code;
    struct buf again = {0};

    if (size < 2)
        return 0;
    unsigned count = 1 + data[0] % 8;
    for (unsigned k = 0; k < count; k++)
        parts[k].descending = (data[1] >> k & 1) != 0;
    struct slice key = slice_of(data + 2, size - 2);
    if (keycode_decode(key, parts, count, values, &arena) == ST_OK) {
        keycode_begin(&code, &again);
        for (unsigned k = 0; k < count; k++)
            keycode_append(&code, values[k], parts[k]);
        keycode_finish(&code);
        if (!holds_document(values, count) && !slice_equal(buf_slice(&again), key))
            abort();
    }
    buf_free(&again);
    arena_deinit(&arena);
    return 0;
}
