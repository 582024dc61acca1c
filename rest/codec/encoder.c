/* Codings out: zlib, brotli and zstd behind one call. */
#include "rest/codec/coding_internal.h"
#include <brotli/encode.h>
#include <stdlib.h>
#include <zlib.h>

enum {
    GZIP_WINDOW = 15 + 16, /* zlib: with gzip's head and end */
    GZIP_MEMORY = 8,
    OUT_BYTES = 16384,
};

struct encoder {
    enum coding coding;
    z_stream gzip;
    BrotliEncoderState *br;
    struct compress_stream *zstd;
};

struct encoder *encoder_new(enum coding coding, bool is_quick)
{
    struct encoder *encoder = calloc(1, sizeof *encoder);
    bool ok = true;

    if (encoder == NULL)
        return NULL;
    encoder->coding = coding;
    switch (coding) {
    case CODING_GZIP:
        ok = deflateInit2(&encoder->gzip, is_quick ? 1 : 5, Z_DEFLATED, GZIP_WINDOW, GZIP_MEMORY,
                          Z_DEFAULT_STRATEGY) == Z_OK;
        break;
    case CODING_BR:
        encoder->br = BrotliEncoderCreateInstance(NULL, NULL, NULL);
        ok = encoder->br != NULL;
        if (ok) {
            BrotliEncoderSetParameter(encoder->br, BROTLI_PARAM_QUALITY, is_quick ? 2 : 4);
            BrotliEncoderSetParameter(encoder->br, BROTLI_PARAM_LGWIN, 18);
        }
        break;
    case CODING_ZSTD:
        encoder->zstd = compress_stream_new(is_quick ? 1 : 3);
        ok = encoder->zstd != NULL;
        break;
    case CODING_IDENTITY:
    case CODING_UNKNOWN:
        break;
    }
    if (ok)
        return encoder;
    free(encoder);
    return NULL;
}

void encoder_free(struct encoder *encoder)
{
    if (encoder == NULL)
        return;
    if (encoder->coding == CODING_GZIP)
        deflateEnd(&encoder->gzip);
    if (encoder->br != NULL)
        BrotliEncoderDestroyInstance(encoder->br);
    if (encoder->zstd != NULL)
        compress_stream_free(encoder->zstd);
    free(encoder);
}

static bool run_gzip(z_stream *stream, struct slice bytes, bool is_last, struct buf *out)
{
    int st;

    stream->next_in = (Bytef *)(uintptr_t)bytes.data;
    stream->avail_in = (uInt)bytes.len;
    do {
        if (!buf_reserve(out, OUT_BYTES))
            return false;
        stream->next_out = (Bytef *)(out->data + out->len);
        stream->avail_out = OUT_BYTES;
        st = deflate(stream, is_last ? Z_FINISH : Z_NO_FLUSH);
        if (st == Z_STREAM_ERROR)
            return false;
        out->len += OUT_BYTES - stream->avail_out;
    } while (stream->avail_out == 0 || (is_last && st != Z_STREAM_END));
    return true;
}

static bool run_br(BrotliEncoderState *state, struct slice bytes, bool is_last, struct buf *out)
{
    const uint8_t *next = (const uint8_t *)bytes.data;
    size_t left = bytes.len;

    do {
        uint8_t *to;
        size_t room = OUT_BYTES;

        if (!buf_reserve(out, OUT_BYTES))
            return false;
        to = (uint8_t *)out->data + out->len;
        if (!BrotliEncoderCompressStream(
                state, is_last ? BROTLI_OPERATION_FINISH : BROTLI_OPERATION_PROCESS, &left, &next,
                &room, &to, NULL))
            return false;
        out->len += OUT_BYTES - room;
    } while (left > 0 || BrotliEncoderHasMoreOutput(state) ||
             (is_last && !BrotliEncoderIsFinished(state)));
    return true;
}

bool encoder_run(struct encoder *encoder, struct slice bytes, bool is_last, struct buf *out)
{
    switch (encoder->coding) {
    case CODING_GZIP:
        return run_gzip(&encoder->gzip, bytes, is_last, out);
    case CODING_BR:
        return run_br(encoder->br, bytes, is_last, out);
    case CODING_ZSTD:
        return compress_stream_run(encoder->zstd, bytes, is_last, out);
    case CODING_IDENTITY:
    case CODING_UNKNOWN:
        break;
    }
    buf_append_slice(out, bytes);
    return !out->failed;
}

bool coding_write(enum coding coding, struct slice bytes, struct buf *out)
{
    struct encoder *encoder = encoder_new(coding, false);
    bool ok = encoder != NULL && encoder_run(encoder, bytes, true, out);

    encoder_free(encoder);
    return ok;
}
