/*
 * Records from anywhere: opened without a shape, then every column is read and written as JSON.
 * Nothing outside the bytes may be touched, whatever they say.
 */
#include "storage/value/record.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct record record;
    struct record_header header;
    struct slice body;
    struct slice bytes = slice_of(data, size);
    struct buf out = {0};

    arena_init(&arena, 64 << 20);
    if (record_header_read(bytes, &header, &body) == ST_OK) {
        (void)record_shape_id(body);
        record_header_write(&out, &header);
    }
    (void)record_verify(slice_text("key"), bytes);
    if (record_open(slice_text("key"), bytes, NULL, &arena, &record) == ST_OK) {
        for (unsigned i = 0; i < record.count; i++) {
            buf_clear(&out);
            json_write(&out, record_column(&record, i));
        }
    }
    buf_free(&out);
    arena_deinit(&arena);
    return 0;
}
