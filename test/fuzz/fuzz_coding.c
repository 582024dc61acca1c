/*
 * Content codings from anywhere: decoding ends within its limits, and what was encoded decodes to
 * itself.
 */
#include "rest/codec/coding.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice bytes = slice_of(data, size);

    for (int coding = CODING_GZIP; coding <= CODING_ZSTD; coding++) {
        struct buf coded = {0}, out = {0};
        struct error err = {0};
        enum status st = coding_read((enum coding)coding, bytes, 4 << 20, &out, &err);

        if (st != ST_OK && st != ST_NO_MEMORY && err.status != st)
            abort();
        if (st == ST_OK && out.len > 4 << 20)
            abort();
        buf_clear(&out);
        if (!coding_write((enum coding)coding, bytes, &coded) ||
            coding_read((enum coding)coding, buf_slice(&coded), 4 << 20, &out, &err) != ST_OK ||
            !slice_equal(buf_slice(&out), bytes))
            abort();
        buf_free(&coded);
        buf_free(&out);
    }
    return 0;
}
