/* Content codings over sockets: every answer decodes to what it is without one; bombs go nowhere.
 */
#include "http.h"
#include <brotli/decode.h>
#include <brotli/encode.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

enum { ROWS = 3000, DECODED_MAX = 1 << 22 };

static const char *const codings[] = {"gzip", "br", "zstd"};

static size_t decode(const char *coding, const struct text *in, char *out)
{
    if (strcmp(coding, "gzip") == 0) {
        z_stream stream = {.next_in = (Bytef *)in->data,
                           .avail_in = (uInt)in->len,
                           .next_out = (Bytef *)out,
                           .avail_out = DECODED_MAX};
        int st;

        inflateInit2(&stream, 15 + 16);
        st = inflate(&stream, Z_FINISH);
        inflateEnd(&stream);
        return st == Z_STREAM_END && stream.avail_in == 0 ? DECODED_MAX - stream.avail_out : 0;
    }
    if (strcmp(coding, "br") == 0) {
        size_t len = DECODED_MAX;

        return BrotliDecoderDecompress(in->len, (const uint8_t *)in->data, &len, (uint8_t *)out) ==
                       BROTLI_DECODER_RESULT_SUCCESS
                   ? len
                   : 0;
    }
    ZSTD_DCtx *context = ZSTD_createDCtx();
    ZSTD_inBuffer from = {in->data, in->len, 0};
    ZSTD_outBuffer to = {out, DECODED_MAX, 0};
    size_t left = ZSTD_decompressStream(context, &to, &from);

    ZSTD_freeDCtx(context);
    return left == 0 && from.pos == from.size ? to.pos : 0;
}

static size_t encode(const char *coding, const char *in, size_t len, char *out, size_t room)
{
    if (strcmp(coding, "gzip") == 0) {
        z_stream stream = {.next_in = (Bytef *)(uintptr_t)in,
                           .avail_in = (uInt)len,
                           .next_out = (Bytef *)out,
                           .avail_out = (uInt)room};

        deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
        deflate(&stream, Z_FINISH);
        deflateEnd(&stream);
        return room - stream.avail_out;
    }
    if (strcmp(coding, "br") == 0)
        return BrotliEncoderCompress(9, 22, BROTLI_MODE_TEXT, len, (const uint8_t *)in, &room,
                                     (uint8_t *)out)
                   ? room
                   : 0;
    return ZSTD_compress(out, room, in, len, 9);
}

static void get(uint16_t port, const char *method, const char *target, const char *coding,
                struct response *response)
{
    struct client client;
    char head[512];

    if (!client_open(&client, port))
        return;
    snprintf(head, sizeof head, "%s %s HTTP/1.1\r\nHost: t\r\n%s%s%s\r\n", method, target,
             coding == NULL ? "" : "Accept-Encoding: ", coding == NULL ? "" : coding,
             coding == NULL ? "" : "\r\n");
    client_puts(&client, head);
    client_read(&client, response, strcmp(method, "HEAD") == 0);
    client_close(&client);
}

static int put(uint16_t port, const char *target, const char *coding, const char *bytes, size_t len,
               struct response *response)
{
    struct client client;
    char head[512];

    if (!client_open(&client, port))
        return 0;
    snprintf(head, sizeof head,
             "PUT %s HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"
             "Content-Encoding: %s\r\nContent-Length: %zu\r\n\r\n",
             target, coding, len);
    client_puts(&client, head);
    client_send(&client, bytes, len);
    client_read(&client, response, false);
    client_close(&client);
    return response->status;
}

static void check_target(uint16_t port, const char *target, char *room)
{
    struct response plain = {0}, coded = {0};
    char name[128];

    get(port, "GET", target, NULL, &plain);
    expect_status(target, plain.status, 200);
    expect(response_field(&plain, "Content-Encoding") == NULL, "no coding that was not asked for",
           target);
    for (size_t k = 0; k < sizeof codings / sizeof *codings; k++) {
        const char *field;
        size_t len;

        snprintf(name, sizeof name, "%s in %s", target, codings[k]);
        get(port, "GET", target, codings[k], &coded);
        field = response_field(&coded, "Content-Encoding");
        expect(field != NULL && strcmp(field, codings[k]) == 0, name, "Content-Encoding");
        len = decode(codings[k], &coded.body, room);
        expect(len == plain.body.len && memcmp(room, plain.body.data, len) == 0, name,
               "decodes to something else");
        expect(coded.body.len < plain.body.len / 2, name, "is not smaller");
        get(port, "HEAD", target, codings[k], &coded);
        expect_status(name, coded.status, 200);
    }
    response_free(&plain);
    response_free(&coded);
}

static void check_requests(uint16_t port, char *room)
{
    static const char record[] = "{\"title\":\"coded\"}";
    struct response response = {0};
    char *zeros = calloc(1, DECODED_MAX);

    for (size_t k = 0; k < sizeof codings / sizeof *codings; k++) {
        size_t len = encode(codings[k], record, sizeof record - 1, room, DECODED_MAX);
        char name[64];

        snprintf(name, sizeof name, "a body in %s", codings[k]);
        expect_status(name, put(port, "/Page/coded", codings[k], room, len, &response), 204);
        http(port, "GET", "/Page/coded.title", NULL, &response);
        expect(strcmp(text_of(&response.body), "\"coded\"") == 0, name, text_of(&response.body));
        snprintf(name, sizeof name, "a body in %s that is cut short", codings[k]);
        expect_status(name, put(port, "/Page/c2", codings[k], room, len - 1, &response), 400);
        memset(zeros, ' ', DECODED_MAX);
        len = encode(codings[k], zeros, DECODED_MAX, room, DECODED_MAX);
        snprintf(name, sizeof name, "a bomb in %s", codings[k]);
        expect_status(name, put(port, "/Page/c2", codings[k], room, len, &response), 413);
        snprintf(name, sizeof name, "a body that is not in %s", codings[k]);
        expect_status(name, put(port, "/Page/c2", codings[k], record, sizeof record - 1, &response),
                      400);
    }
    expect_status("an unknown coding",
                  put(port, "/Page/c2", "compress", record, sizeof record - 1, &response), 415);
    expect_status("a coding upon a coding",
                  put(port, "/Page/c2", "gzip, gzip", record, sizeof record - 1, &response), 415);
    expect_status("nothing was written", http(port, "GET", "/Page/c2", NULL, &response), 404);
    free(zeros);
    response_free(&response);
}

void run_compression(uint16_t port)
{
    struct text body = {0};
    struct response response = {0};
    char *room = malloc(DECODED_MAX);
    char row[128];

    for (int k = 0; k < ROWS; k++) {
        snprintf(row, sizeof row, "%s{\"id\":%d,\"note\":\"note number %d of many\",\"n\":%d}",
                 k == 0 ? "[" : ",", 1000000 + k, k, k);
        text_puts(&body, row);
    }
    text_puts(&body, "]");
    expect_status("rows to compress", http(port, "PUT", "/Bulk/", text_of(&body), &response), 204);
    check_target(port, "/Bulk/?n=lt=100&sort(id)", room); /* complete */
    check_target(port, "/Bulk/?sort(id)", room);          /* a stream */
    check_target(port, "/Bulk/.csv?sort(id)", room);
    check_target(port, "/Bulk/.cbor?sort(id)", room);
    get(port, "GET", "/Bulk/1000001", "gzip", &response);
    expect(response_field(&response, "Content-Encoding") == NULL, "small answers stay as they are",
           NULL);
    check_requests(port, room);
    free(room);
    free(body.data);
    response_free(&response);
}
