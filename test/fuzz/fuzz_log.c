/* The writes of a change log entry from any bytes. */
#include "storage/table/table.h"
#include "storage/value/document.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct log_changes changes;
    struct log_change change;
    struct buf text = {0};
    enum status st;

    arena_init(&arena, 64 << 20);
    st = log_changes_begin(&changes, slice_of((const char *)data, size), &arena);
    while (st == ST_OK && (st = log_changes_next(&changes, &change)) == ST_OK)
        for (size_t k = 0; k < change.member_count; k++) {
            buf_clear(&text);
            json_write(&text, change.members[k].value);
        }
    if (st == ST_OK)
        abort();
    buf_free(&text);
    arena_deinit(&arena);
    return 0;
}
