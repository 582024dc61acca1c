#include "storage/value/compress.h"
#include <zstd.h>

enum status compress_append(struct buf *out, struct slice raw, int level, bool *done)
{
    size_t bound = ZSTD_compressBound(raw.len);
    size_t written;

    *done = false;
    if (ZSTD_isError(bound) || !buf_reserve(out, bound))
        return ST_NO_MEMORY;
    written = ZSTD_compress(out->data + out->len, bound, raw.data, raw.len, level);
    if (ZSTD_isError(written))
        return ST_NO_MEMORY; /* the room suffices and any level is accepted: only memory can be
                                short */
    if (written >= raw.len)
        return ST_OK;
    out->len += written;
    *done = true;
    return ST_OK;
}

enum status decompress_into(char *raw, size_t raw_bytes, struct slice frame)
{
    size_t written = ZSTD_decompress(raw, raw_bytes, frame.data, frame.len);

    return ZSTD_isError(written) || written != raw_bytes ? ST_CORRUPT : ST_OK;
}

uint64_t decompressed_bytes(struct slice frame)
{
    unsigned long long bytes = ZSTD_getFrameContentSize(frame.data, frame.len);

    return bytes == ZSTD_CONTENTSIZE_UNKNOWN || bytes == ZSTD_CONTENTSIZE_ERROR ? 0 : bytes;
}
