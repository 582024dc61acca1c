/*
 * compress: zstd, behind a few calls. Errors: ST_CORRUPT for a frame that does not give exactly the
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

/* ---- streams (compress_stream.c): one frame, a piece at a time ---- */

struct compress_stream;
struct decompress_stream;

struct compress_stream *compress_stream_new(int level); /* NULL: no memory */
/* Append what is ready of the frame after `raw`; is_last ends it. False: no memory. */
bool compress_stream_run(struct compress_stream *stream, struct slice raw, bool is_last,
                         struct buf *out);
void compress_stream_free(struct compress_stream *stream); /* NULL is allowed */

/* Frames that look back further than `window_bytes` (a power of two) are refused. */
struct decompress_stream *decompress_stream_new(unsigned window_bytes);
/* Into out[0 … room), as much as fits; steps over what was used of *in. ST_DONE: the frame ended.
 * ST_OK with *written below `room`: more input is needed. */
enum status decompress_stream_run(struct decompress_stream *stream, struct slice *in, char *out,
                                  size_t room, size_t *written);
void decompress_stream_free(struct decompress_stream *stream);

#endif
