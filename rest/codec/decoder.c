/* Codings in: a whole body, with an end to how much may come out of it. */
#include "rest/codec/coding_internal.h"
#include <brotli/decode.h>
#include <zlib.h>

enum {
    GZIP_WINDOW = 15 + 16, /* zlib: with gzip's head and end */
    PIECE_BYTES = 65536,
};

struct decoder {
    enum coding coding;
    z_stream gzip;
    BrotliDecoderState *br;
    struct decompress_stream *zstd;
};

static bool decoder_init(struct decoder *decoder, enum coding coding)
{
    *decoder = (struct decoder){.coding = coding};
    switch (coding) {
    case CODING_GZIP:
        return inflateInit2(&decoder->gzip, GZIP_WINDOW) == Z_OK;
    case CODING_BR:
        decoder->br = BrotliDecoderCreateInstance(NULL, NULL, NULL);
        return decoder->br != NULL;
    case CODING_ZSTD:
        decoder->zstd = decompress_stream_new(CODING_WINDOW_BYTES_MAX);
        return decoder->zstd != NULL;
    case CODING_IDENTITY:
    case CODING_UNKNOWN:
        break;
    }
    return true;
}

static void decoder_deinit(struct decoder *decoder)
{
    if (decoder->coding == CODING_GZIP)
        inflateEnd(&decoder->gzip);
    if (decoder->br != NULL)
        BrotliDecoderDestroyInstance(decoder->br);
    if (decoder->zstd != NULL)
        decompress_stream_free(decoder->zstd);
}

/* Each steps over what it used of *in. ST_DONE: the end; ST_OK: go on; ST_CORRUPT. */

static enum status run_gzip(z_stream *stream, struct slice *in, char *out, size_t room,
                            size_t *written)
{
    int st;

    stream->next_in = (Bytef *)(uintptr_t)in->data;
    stream->avail_in = in->len > UINT32_MAX ? UINT32_MAX : (uInt)in->len;
    stream->next_out = (Bytef *)out;
    stream->avail_out = (uInt)room;
    st = inflate(stream, Z_NO_FLUSH);
    *in = slice_of(stream->next_in, in->len - (size_t)((const char *)stream->next_in - in->data));
    *written = room - stream->avail_out;
    return st == Z_STREAM_END ? ST_DONE : st == Z_OK ? ST_OK : ST_CORRUPT;
}

static enum status run_br(BrotliDecoderState *state, struct slice *in, char *out, size_t room,
                          size_t *written)
{
    const uint8_t *next = (const uint8_t *)in->data;
    uint8_t *to = (uint8_t *)out;
    size_t left = in->len, free_room = room;
    BrotliDecoderResult result =
        BrotliDecoderDecompressStream(state, &left, &next, &free_room, &to, NULL);

    *in = slice_of(next, left);
    *written = room - free_room;
    return result == BROTLI_DECODER_RESULT_SUCCESS ? ST_DONE
           : result == BROTLI_DECODER_RESULT_ERROR ? ST_CORRUPT
                                                   : ST_OK;
}

static enum status run(struct decoder *decoder, struct slice *in, char *out, size_t room,
                       size_t *written)
{
    switch (decoder->coding) {
    case CODING_GZIP:
        return run_gzip(&decoder->gzip, in, out, room, written);
    case CODING_BR:
        return run_br(decoder->br, in, out, room, written);
    case CODING_ZSTD:
        return decompress_stream_run(decoder->zstd, in, out, room, written);
    case CODING_IDENTITY:
    case CODING_UNKNOWN:
        break;
    }
    return ST_CORRUPT;
}

static enum status check_size(size_t out_bytes, size_t in_bytes, uint64_t bytes_max,
                              struct error *err)
{
    if (out_bytes > bytes_max)
        return error_set(err, ST_TOO_BIG, -1, "the body is larger than %llu bytes when decoded",
                         (unsigned long long)bytes_max);
    if (out_bytes > CODING_FREE_BYTES && out_bytes / CODING_RATIO_MAX > in_bytes)
        return error_set(err, ST_TOO_BIG, -1, "the body decodes to more than %d times its size",
                         CODING_RATIO_MAX);
    return ST_OK;
}

static enum status decode(struct decoder *decoder, struct slice bytes, uint64_t bytes_max,
                          struct buf *out, struct error *err)
{
    struct slice in = bytes;
    enum status st = ST_OK;

    while (st == ST_OK) {
        size_t written = 0, had = in.len;

        if (!buf_reserve(out, PIECE_BYTES))
            return ST_NO_MEMORY;
        st = run(decoder, &in, out->data + out->len, PIECE_BYTES, &written);
        out->len += written;
        if (st == ST_CORRUPT || (st == ST_OK && written == 0 && in.len == had))
            return error_set(err, ST_SYNTAX, (int64_t)(bytes.len - in.len),
                             in.len == 0 ? "the body ends within its content coding"
                                         : "the body is not of its content coding");
        TRY(check_size(out->len, bytes.len - in.len, bytes_max, err));
    }
    if (in.len > 0)
        return error_set(err, ST_SYNTAX, (int64_t)(bytes.len - in.len),
                         "something follows the end of the content coding");
    return ST_OK;
}

enum status coding_read(enum coding coding, struct slice bytes, uint64_t bytes_max, struct buf *out,
                        struct error *err)
{
    struct decoder decoder;
    enum status st;

    if (bytes.data == NULL)
        bytes = slice_text("");
    st = decoder_init(&decoder, coding) ? decode(&decoder, bytes, bytes_max, out, err)
                                        : ST_NO_MEMORY;
    decoder_deinit(&decoder);
    return st;
}
