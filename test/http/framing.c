/* Messages that must be read in exactly one way, or not at all. */
#include "http.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define H "Host: t\r\n"
#define G "GET /Dog HTTP/1.1\r\n"
#define P "PUT /Page/f HTTP/1.1\r\n" H
#define J "Content-Type: application/json\r\n"
#define B "{\"title\":\"a\"}" /* 13 bytes */
#define N "GET /Dog HTTP/1.1\r\nHost: t\r\n\r\n"

static const struct framing cases[] = {
    {"a plain request", N, "200", 0},
    {"two requests in one piece", N N, "200 200", 0},
    {"a head may begin with one empty line", "\r\n" N, "200", 0},
    {"but not with two", "\r\n\r\n" N, "400x", 0},
    {"no host", G "\r\n", "400x", 0},
    {"no host is fine in HTTP/1.0", "GET /Dog HTTP/1.0\r\n\r\n", "200x", 0},
    {"two hosts", G H H "\r\n", "400x", 0},
    {"two hosts, another letter case", G H "hOST: t\r\n\r\n", "400x", 0},
    {"a host with a blank", G "Host: a b\r\n\r\n", "400x", 0},
    {"a host with a slash", G "Host: a/b\r\n\r\n", "400x", 0},
    {"a host with a user", G "Host: u@b\r\n\r\n", "400x", 0},
    {"two hosts in one field", G "Host: a, b\r\n\r\n", "400x", 0},
    {"an empty host", G "Host:\r\n\r\n", "200", 0},
    {"a host with a port", G "Host: [::1]:99\r\n\r\n", "200", 0},
    {"length and chunked", P J "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" N,
     "400x", 0},
    {"chunked and length", P J "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n" N,
     "400x", 0},
    {"the length twice", P J "Content-Length: 13\r\nContent-Length: 13\r\n\r\n" B, "400x", 0},
    {"two lengths", P J "Content-Length: 13\r\nContent-Length: 14\r\n\r\n" B, "400x", 0},
    {"a list of lengths", P J "Content-Length: 13, 13\r\n\r\n" B, "400x", 0},
    {"a negative length", P J "Content-Length: -1\r\n\r\n", "400x", 0},
    {"a length with a plus", P J "Content-Length: +13\r\n\r\n" B, "400x", 0},
    {"a length in hexadecimal", P J "Content-Length: 0xd\r\n\r\n" B, "400x", 0},
    {"a length with a blank inside", P J "Content-Length: 1 3\r\n\r\n" B, "400x", 0},
    {"no length", P J "Content-Length:\r\n\r\n", "400x", 0},
    {"an endless length", P J "Content-Length: 99999999999999999999999999\r\n\r\n", "400x", 0},
    {"a huge length", P J "Content-Length: 999999999999999\r\n\r\n", "413x", 0},
    {"a length with zeros", P J "Content-Length: 0013\r\n\r\n" B N, "204 200", 0},
    {"blanks around a length", P J "Content-Length: \t 13 \t\r\n\r\n" B N, "204 200", 0},
    {"blank before the colon of a length", P J "Content-Length : 13\r\n\r\n" B, "400x", 0},
    {"blank before a colon", G H "X-Y : z\r\n\r\n", "400x", 0},
    {"tab before a colon", G H "X-Y\t: z\r\n\r\n", "400x", 0},
    {"no colon", G H "X-Y\r\n\r\n", "400x", 0},
    {"no name", G H ": z\r\n\r\n", "400x", 0},
    {"a name that is no token", G H "X(Y): z\r\n\r\n", "400x", 0},
    {"a folded field", G H "X-Y: z\r\n more\r\n\r\n", "400x", 0},
    {"a field folded with a tab", G H "X-Y: z\r\n\tmore\r\n\r\n", "400x", 0},
    {"a blank before the first field", G " X: y\r\n" H "\r\n", "400x", 0},
    {"LF alone after the request line", "GET /Dog HTTP/1.1\n" H "\r\n", "400x", 0},
    {"LF alone after a field", G "Host: t\n\r\n", "400x", 0},
    {"LF alone at the end", G H "\n", "400x", 0},
    {"CR alone in a field", G H "X: a\rb\r\n\r\n", "400x", 0},
    {"CR alone in the target", "GET /Do\rg HTTP/1.1\r\n" H "\r\n", "400x", 0},
    {"CR CR LF", G H "X: a\r\r\n\r\n", "400x", 0},
    {"NUL in a field", G H "X: a\0b\r\n\r\n", "400x", sizeof(G H "X: a\0b\r\n\r\n") - 1},
    {"NUL in the target", "GET /D\0g HTTP/1.1\r\n" H "\r\n", "400x",
     sizeof("GET /D\0g HTTP/1.1\r\n" H "\r\n") - 1},
    {"a control byte in a field", G H "X: a\001b\r\n\r\n", "400x", 0},
    {"DEL in a field", G H "X: a\177b\r\n\r\n", "400x", 0},
    {"a tab inside a field is fine", G H "X: a\tb\r\n\r\n", "200", 0},
    {"bytes above 127 in a field are fine", G H "X: \303\244\r\n\r\n", "200", 0},
    {"bytes above 127 in the target", "GET /D\303\244 HTTP/1.1\r\n" H "\r\n", "400x", 0},
    {"a control byte in the target", "GET /\001! HTTP/1.1\r\n" H "\r\n", "400x", 0},
    {"a fragment in the target", "GET /Dog#x HTTP/1.1\r\n" H "\r\n", "400x", 0},
    {"two blanks in the request line", "GET  /Dog HTTP/1.1\r\n" H "\r\n", "400x", 0},
    {"a tab in the request line", "GET\t/Dog HTTP/1.1\r\n" H "\r\n", "400x", 0},
    {"a blank at the end of the request line", "GET /Dog HTTP/1.1 \r\n" H "\r\n", "400x", 0},
    {"no version", "GET /Dog\r\n" H "\r\n", "400x", 0},
    {"no target", "GET HTTP/1.1\r\n" H "\r\n", "400x", 0},
    {"a method that is no token", "G(T /Dog HTTP/1.1\r\n" H "\r\n", "400x", 0},
    {"a target without its slash", "GET Dog HTTP/1.1\r\n" H "\r\n", "400x", 0},
    {"a whole URL as target", "GET http://t/Dog HTTP/1.1\r\n" H "\r\n", "200", 0},
    {"a whole URL with a query", "GET http://t/Dog/?id=7 HTTP/1.1\r\n" H "\r\n", "200", 0},
    {"a star", "OPTIONS * HTTP/1.1\r\n" H "\r\n", "204", 0},
    {"a star with GET", "GET * HTTP/1.1\r\n" H "\r\n", "400x", 0},
    {"CONNECT", "CONNECT t:1 HTTP/1.1\r\n" H "\r\n", "501x", 0},
    {"HTTP/2.0", "GET /Dog HTTP/2.0\r\n" H "\r\n", "505x", 0},
    {"HTTP/1.2", "GET /Dog HTTP/1.2\r\n" H "\r\n", "505x", 0},
    {"http/1.1", "GET /Dog http/1.1\r\n" H "\r\n", "400x", 0},
    {"HTTP/1.10", "GET /Dog HTTP/1.10\r\n" H "\r\n", "400x", 0},
    {"an unknown expectation", P "Expect: 200-ok\r\nContent-Length: 13\r\n\r\n" B, "417x", 0},
    {"100-continue", P J "Expect: 100-continue\r\nContent-Length: 13\r\n\r\n" B N, "204 200", 0},
    {"an unknown transfer coding", P J "Transfer-Encoding: gzip\r\n\r\n0\r\n\r\n", "400x", 0},
    {"chunked is not final", P J "Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", "400x", 0},
    {"a coding before chunked", P J "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "501x", 0},
    {"chunked twice", P J "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", "400x", 0},
    {"chunked in two fields",
     P J "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400x", 0},
    {"identity", P J "Transfer-Encoding: identity\r\n\r\n", "400x", 0},
    {"xchunked", P J "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", "400x", 0},
    {"chunked with a vertical tab", P J "Transfer-Encoding: \vchunked\r\n\r\n0\r\n\r\n", "400x", 0},
    {"chunked in HTTP/1.0",
     "PUT /Page/f HTTP/1.0\r\n" J "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400x", 0},
    {"a chunked body", P J "Transfer-Encoding: chunked\r\n\r\nd\r\n" B "\r\n0\r\n\r\n" N, "204 200",
     0},
    {"CHUNKED", P J "Transfer-Encoding: CHUNKED\r\n\r\nd\r\n" B "\r\n0\r\n\r\n" N, "204 200", 0},
    {"blanks around chunked",
     P J "Transfer-Encoding: \t chunked \t\r\n\r\nd\r\n" B "\r\n0\r\n\r\n" N, "204 200", 0},
    {"several chunks",
     P J "Transfer-Encoding: chunked\r\n\r\n5\r\n{\"tit\r\n8\r\nle\":\"a\"}\r\n0\r\n\r\n" N,
     "204 200", 0},
    {"a chunk with an extension",
     P J "Transfer-Encoding: chunked\r\n\r\nd;a=b\r\n" B "\r\n0;c\r\n\r\n" N, "204 200", 0},
    {"a chunk size with zeros",
     P J "Transfer-Encoding: chunked\r\n\r\n000d\r\n" B "\r\n000\r\n\r\n" N, "204 200", 0},
    {"a trailer", P J "Transfer-Encoding: chunked\r\n\r\nd\r\n" B "\r\n0\r\nX: y\r\n\r\n" N,
     "204 200", 0},
    {"a malformed trailer",
     P J "Transfer-Encoding: chunked\r\n\r\nd\r\n" B "\r\n0\r\nX y\r\n\r\n" N, "400x", 0},
    {"a chunk size that is no number",
     P J "Transfer-Encoding: chunked\r\n\r\nxd\r\n" B "\r\n0\r\n\r\n" N, "400x", 0},
    {"a chunk size with 0x", P J "Transfer-Encoding: chunked\r\n\r\n0xd\r\n" B "\r\n0\r\n\r\n" N,
     "400x", 0},
    {"a negative chunk size", P J "Transfer-Encoding: chunked\r\n\r\n-1\r\n" B "\r\n0\r\n\r\n" N,
     "400x", 0},
    {"a chunk size that overflows",
     P J "Transfer-Encoding: chunked\r\n\r\nffffffffffffffffd\r\n" B "\r\n0\r\n\r\n" N, "400x", 0},
    {"a chunk beyond the limit",
     P J "Transfer-Encoding: chunked\r\n\r\nfffffff\r\n" B "\r\n0\r\n\r\n" N, "413x", 0},
    {"a blank before the chunk size",
     P J "Transfer-Encoding: chunked\r\n\r\n d\r\n" B "\r\n0\r\n\r\n" N, "400x", 0},
    {"a blank after the chunk size",
     P J "Transfer-Encoding: chunked\r\n\r\nd \r\n" B "\r\n0\r\n\r\n" N, "400x", 0},
    {"LF alone after the chunk size",
     P J "Transfer-Encoding: chunked\r\n\r\nd\n" B "\r\n0\r\n\r\n" N, "400x", 0},
    {"LF alone after a chunk", P J "Transfer-Encoding: chunked\r\n\r\nd\r\n" B "\n0\r\n\r\n" N,
     "400x", 0},
    {"a chunk longer than it says",
     P J "Transfer-Encoding: chunked\r\n\r\nc\r\n" B "\r\n0\r\n\r\n" N, "400x", 0},
    {"an empty chunk size", P J "Transfer-Encoding: chunked\r\n\r\n\r\n" B "\r\n0\r\n\r\n" N,
     "400x", 0},
    {"a good request before a bad one", N G "X : y\r\n\r\n" N, "200 400x", 0},
    {"a good request before a bad body", N P J "Transfer-Encoding: chunked\r\n\r\nx\r\n" N,
     "200 400x", 0},
    {"a question before a bad request", "GET /?! HTTP/1.1\r\n" H "\r\n" G "\r\n", "404 400x", 0},
    {"GET with a body", G H "Content-Length: 3\r\n\r\nabc" N, "200 200", 0},
    {"Connection: close", G H "Connection: close\r\n\r\n", "200x", 0},
    {"what looks like a request inside a body",
     P J "Content-Length: 43\r\n\r\nGET /Dog HTTP/1.1\r\nHost: t\r\nX: 12345678\r\n\r\n" N,
     "400 200", 0},
};

static bool read_statuses(struct client *client, const char *expected, struct text *got)
{
    struct response response = {0};
    char status[16];

    for (const char *at = expected; *at != '\0' && *at != 'x';) {
        client_read(client, &response, false);
        snprintf(status, sizeof status, "%s%d", got->len > 0 ? " " : "", response.status);
        text_puts(got, status);
        at += strcspn(at, " x");
        at += *at == ' ';
        if (response.status <= 0)
            break;
    }
    response_free(&response);
    if (strchr(expected, 'x') != NULL && client_is_closed(client))
        text_puts(got, "x");
    return strcmp(text_of(got), expected) == 0;
}

/* All at once, then byte by byte: a message is the same however it comes. */
void run_case(const struct framing *framing, uint16_t port, bool in_pieces)
{
    size_t len = framing->len != 0 ? framing->len : strlen(framing->bytes);
    struct client client;
    struct text got = {0}, detail = {0};

    if (!client_open(&client, port)) {
        expect(false, framing->name, "cannot connect");
        return;
    }
    for (size_t k = 0; in_pieces && k < len; k++)
        if (!client_send(&client, framing->bytes + k, 1))
            break;
    if (!in_pieces)
        client_send(&client, framing->bytes, len);
    text_clear(&got);
    if (!read_statuses(&client, framing->expected, &got)) {
        text_puts(&detail, text_of(&got));
        text_puts(&detail, ", expected ");
        text_puts(&detail, framing->expected);
        text_puts(&detail, in_pieces ? " (byte by byte)" : "");
        expect(false, framing->name, text_of(&detail));
    } else {
        expect(true, framing->name, NULL);
    }
    free(got.data);
    free(detail.data);
    client_close(&client);
}

/* A head of `bytes` in which one field takes up the room. */
static void run_long(uint16_t port, size_t bytes, bool in_target, int wanted, const char *name)
{
    struct client client;
    struct response response = {0};
    struct text text = {0};

    text_puts(&text, in_target ? "GET /Dog/?name=" : "GET /Dog HTTP/1.1\r\nHost: t\r\nX: ");
    while (text.len < bytes - (in_target ? 22 : 4))
        text_puts(&text, "y");
    text_puts(&text, in_target ? " HTTP/1.1\r\nHost: t\r\n\r\n" : "\r\n\r\n");
    if (client_open(&client, port)) {
        client_send(&client, text.data, text.len);
        client_read(&client, &response, false);
        expect_status(name, response.status, wanted);
        client_close(&client);
    }
    response_free(&response);
    free(text.data);
}

static void run_fields(uint16_t port, unsigned count, int bytes, int wanted)
{
    struct client client;
    struct response response = {0};
    struct text text = {0};
    char line[400];

    text_puts(&text, "GET /Dog HTTP/1.1\r\nHost: t\r\n");
    for (unsigned k = 0; k < count; k++) {
        snprintf(line, sizeof line, "X%u: %0*u\r\n", k, bytes, k);
        text_puts(&text, line);
    }
    text_puts(&text, "\r\n");
    if (client_open(&client, port)) {
        client_send(&client, text.data, text.len);
        client_read(&client, &response, false);
        snprintf(line, sizeof line, "%u fields of %d bytes", count, bytes);
        expect_status(line, response.status, wanted);
        client_close(&client);
    }
    response_free(&response);
    free(text.data);
}

void run_framing(uint16_t port)
{
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        run_case(&cases[k], port, false);
        run_case(&cases[k], port, true);
    }
    run_long(port, 16000, false, 200, "a head of 16,000 bytes");
    run_long(port, 17000, false, 431, "a head of 17,000 bytes");
    run_long(port, 8000, true, 200, "a target of 8,000 bytes");
    run_long(port, 9000, true, 414, "a target of 9,000 bytes");
    run_long(port, 20000, true, 414, "a target of 20,000 bytes");
    run_fields(port, 99, 1, 200);
    run_fields(port, 99, 150, 200);
    run_fields(port, 100, 1, 431);
    run_fields(port, 200, 1, 431);
}
