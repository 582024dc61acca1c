/*
 * compress: zstd, behind three calls. Errors: ST_CORRUPT for a frame that does not give exactly the
 * promised bytes, ST_NO_MEMORY.
 */
#ifndef HARPER_VALUE_COMPRESS_H
#define HARPER_VALUE_COMPRESS_H

#include "storage/base/base.h"

/* Append the compressed form when it is shorter than `raw`; else leave `out` alone and set *done
 * false. */
enum status compress_append(struct buf *out, struct slice raw, int level, bool *done);
/* `raw_bytes` is what the frame holds, as recorded beside it. */
enum status decompress_into(char *raw, size_t raw_bytes, struct slice frame);
/* What a frame says it holds; 0 when it does not say or is no frame. */
uint64_t decompressed_bytes(struct slice frame);

#endif
