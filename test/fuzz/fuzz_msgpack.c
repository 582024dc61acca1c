/*
 * MessagePack from anywhere: what is read is a sound document, and writing and reading it again
 * gives the same bytes.
 */
#include "rest/codec/codec.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = {0};
    struct value v, again;
    struct buf once = {0}, twice = {0};
    struct error err = {0};
    enum status st;

    arena_init(&arena, 256 << 20);
    st = msgpack_read(slice_of(data, size), &arena, &v, &err);
    if (st == ST_OK) {
        if (v.kind >= VALUE_ARRAY && document_check(value_slice(v), v.kind == VALUE_ARRAY) != ST_OK)
            abort();
        msgpack_write(&once, v);
        if (msgpack_read(buf_slice(&once), &arena, &again, &err) != ST_OK)
            abort();
        msgpack_write(&twice, again);
        if (!slice_equal(buf_slice(&once), buf_slice(&twice)))
            abort();
    } else if (err.status != st && st != ST_NO_MEMORY) {
        abort();
    }
    buf_free(&once);
    buf_free(&twice);
    arena_deinit(&arena);
    return 0;
}
