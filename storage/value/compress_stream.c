/* zstd a piece at a time: for what is sent and received as it comes. */
#include "storage/value/compress.h"
#include <zstd.h>

/* The opaque structs are zstd's own, under names of ours. */
static ZSTD_CStream *writer(struct compress_stream *stream)
{
    return (ZSTD_CStream *)(void *)stream;
}

static ZSTD_DStream *reader(struct decompress_stream *stream)
{
    return (ZSTD_DStream *)(void *)stream;
}

struct compress_stream *compress_stream_new(int level)
{
    ZSTD_CStream *stream = ZSTD_createCStream();

    if (stream != NULL)
        ZSTD_CCtx_setParameter(stream, ZSTD_c_compressionLevel, level);
    return (struct compress_stream *)(void *)stream;
}

bool compress_stream_run(struct compress_stream *stream, struct slice raw, bool is_last,
                         struct buf *out)
{
    ZSTD_inBuffer in = {raw.data, raw.len, 0};
    size_t left;

    do {
        ZSTD_outBuffer to;

        if (!buf_reserve(out, ZSTD_CStreamOutSize()))
            return false;
        to = (ZSTD_outBuffer){out->data + out->len, out->capacity - out->len, 0};
        left =
            ZSTD_compressStream2(writer(stream), &to, &in, is_last ? ZSTD_e_end : ZSTD_e_continue);
        if (ZSTD_isError(left))
            return false;
        out->len += to.pos;
    } while (is_last ? left != 0 : in.pos < in.size);
    return true;
}

void compress_stream_free(struct compress_stream *stream)
{
    ZSTD_freeCStream(writer(stream));
}

struct decompress_stream *decompress_stream_new(unsigned window_bytes)
{
    ZSTD_DStream *stream = ZSTD_createDStream();

    if (stream != NULL)
        ZSTD_DCtx_setParameter(stream, ZSTD_d_windowLogMax,
                               31 - __builtin_clz(window_bytes | 1024u));
    return (struct decompress_stream *)(void *)stream;
}

enum status decompress_stream_run(struct decompress_stream *stream, struct slice *in, char *out,
                                  size_t room, size_t *written)
{
    ZSTD_inBuffer from = {in->data, in->len, 0};
    ZSTD_outBuffer to = {out, room, 0};
    size_t left = ZSTD_decompressStream(reader(stream), &to, &from);

    *in = slice_of(in->data + from.pos, in->len - from.pos);
    *written = to.pos;
    if (ZSTD_isError(left))
        return ST_CORRUPT;
    return left == 0 ? ST_DONE : ST_OK;
}

void decompress_stream_free(struct decompress_stream *stream)
{
    ZSTD_freeDStream(reader(stream));
}
