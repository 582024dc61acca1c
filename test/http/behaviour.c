/* What a server does over time: deadlines, streams, writers side by side, stopping. */
#include "http.h"
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { WRITERS = 8, WRITES_EACH = 40, BULK_ROWS = 4000, PIPELINED = 200 };

static const char *directory_of(const char *scratch, const char *backend, const char *name)
{
    static char path[512];

    snprintf(path, sizeof path, "%s/%s-%s", scratch, backend, name);
    return path;
}

static double seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Sends `head`, then a byte of `drip` every 50 ms, and says how long the server stood it. */
static double drip(uint16_t port, const char *head, const char *drip_bytes)
{
    const struct timespec pause = {.tv_nsec = 50000000};
    struct client client;
    double began = seconds(), took = -1;
    char byte;

    if (!client_open(&client, port))
        return -1;
    client_puts(&client, head);
    while (seconds() - began < 15) {
        if (!client_send(&client, drip_bytes, 1) ||
            recv(client.fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) == 0) {
            took = seconds() - began;
            break;
        }
        nanosleep(&pause, NULL);
    }
    client_close(&client);
    return took;
}

static void run_slow(const char *backend, const char *scratch)
{
    const char *const more[] = {"--header-timeout",
                                "600",
                                "--body-timeout",
                                "900",
                                "--idle-timeout",
                                "2000",
                                "--durability",
                                "off",
                                NULL};
    struct node node;
    struct client idle;
    struct response response = {0};
    double took;

    if (!node_start(&node, backend, directory_of(scratch, backend, "slow"), more)) {
        expect(false, "the server starts", NULL);
        return;
    }
    took = drip(node.port, "GET /Dog HTTP/1.1\r\nHost: t\r\nX: ", "y");
    expect(took > 0.5 && took < 5, "a head that drips is cut", NULL);
    took = drip(node.port,
                "PUT /Page/s HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"
                "Content-Length: 5000\r\n\r\n",
                "y");
    expect(took > 0.7 && took < 5, "a body that drips is cut", NULL);
    took = drip(node.port,
                "PUT /Page/s HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"
                "Transfer-Encoding: chunked\r\n\r\n1000\r\n",
                "y");
    expect(took > 0.7 && took < 5, "a chunked body that drips is cut", NULL);
    if (client_open(&idle, node.port)) {
        took = seconds();
        client_puts(&idle, "GET /Dog HTTP/1.1\r\nHost: t\r\n\r\n");
        client_read(&idle, &response, false);
        expect_status("a request before idling", response.status, 200);
        expect(client_is_closed(&idle) && seconds() - took < 10, "an idle connection ends", NULL);
        client_close(&idle);
    }
    expect_status("others are served meanwhile", http(node.port, "GET", "/Dog", NULL, &response),
                  200);
    expect_status("exit code", node_stop(&node, SIGTERM), 0);
    response_free(&response);
}

/* ---- one connection, many requests ---- */

static void run_pipeline(uint16_t port)
{
    struct client client;
    struct response response = {0};
    struct text text = {0};
    char line[256];
    unsigned right = 0;

    for (unsigned k = 0; k < PIPELINED; k++) {
        snprintf(line, sizeof line,
                 "PUT /Page/p%u HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"
                 "Content-Length: %d\r\n\r\n{\"title\":\"%u\"}GET /Page/p%u HTTP/1.1\r\nHost: "
                 "t\r\n\r\n",
                 k, snprintf(NULL, 0, "{\"title\":\"%u\"}", k), k, k);
        text_puts(&text, line);
    }
    if (!client_open(&client, port))
        return;
    client_send(&client, text.data, text.len);
    for (unsigned k = 0; k < PIPELINED; k++) {
        client_read(&client, &response, false);
        right += response.status == 204;
        client_read(&client, &response, false);
        snprintf(line, sizeof line, "{\"title\":\"%u\",\"id\":\"p%u\"}", k, k);
        right += response.status == 200 && strcmp(text_of(&response.body), line) == 0;
    }
    snprintf(line, sizeof line, "%u of %u answers were right", right, 2u * PIPELINED);
    expect(right == 2 * PIPELINED, "pipelined requests are answered in order", line);
    client_close(&client);
    response_free(&response);
    free(text.data);
}

static void run_big_body(uint16_t port)
{
    struct response response = {0}, back = {0};
    struct text body = {0};

    text_puts(&body, "{\"title\":\"");
    while (body.len < 1000000)
        text_puts(&body, "0123456789abcdef");
    text_puts(&body, "\"}");
    expect_status("a body of a megabyte", http(port, "PUT", "/Page/big", body.data, &response),
                  204);
    http(port, "GET", "/Page/big.title", NULL, &back);
    expect(back.body.len == body.len - 10, "comes back whole", NULL);
    while (body.len < 3000000)
        text_puts(&body, "0123456789abcdef");
    expect_status("a body over the limit", http(port, "PUT", "/Page/big", body.data, &response),
                  413);
    response_free(&response);
    response_free(&back);
    free(body.data);
}

/* ---- collections ---- */

static void fill_bulk(uint16_t port)
{
    struct response response = {0};
    struct text body = {0};
    char row[400];

    for (unsigned k = 0; k < BULK_ROWS; k++) {
        snprintf(row, sizeof row, "%s{\"id\":%u,\"n\":%u,\"note\":\"%0200u\"}",
                 k % 1000 == 0 ? "[" : ",", k, k % 10, k);
        text_puts(&body, row);
        if (k % 1000 == 999) {
            text_puts(&body, "]");
            expect_status("a thousand rows at once",
                          http(port, "PUT", "/Bulk/", body.data, &response), 204);
            text_clear(&body);
        }
    }
    response_free(&response);
    free(body.data);
}

static size_t count_of(const char *text, const char *word)
{
    size_t count = 0;

    for (; (text = strstr(text, word)) != NULL; text++)
        count++;
    return count;
}

static void run_streams(uint16_t port)
{
    struct response response = {0};
    struct client half[12];

    fill_bulk(port);
    http(port, "GET", "/Bulk/", NULL, &response);
    expect(response.status == 200 && response.is_chunked, "a large collection is streamed", NULL);
    expect(count_of(text_of(&response.body), "\"id\":") == BULK_ROWS &&
               response.body.data[response.body.len - 1] == ']',
           "and complete", NULL);
    http(port, "HEAD", "/Bulk/", NULL, &response);
    expect_status("HEAD of a large collection", response.status, 200);
    http(port, "GET", "/Bulk/?n=3&select(id)", NULL, &response);
    expect(count_of(text_of(&response.body), ",") == BULK_ROWS / 10 - 1, "a small one is not",
           NULL);
    /* Streams that nobody reads: what is written meanwhile is seen by others, not by them. */
    for (size_t k = 0; k < 12; k++) {
        client_open(&half[k], port);
        client_puts(&half[k], "GET /Bulk/ HTTP/1.1\r\nHost: t\r\n\r\n");
        response.status = 0;
        expect(recv(half[k].fd, response.head.data, 1, MSG_PEEK) == 1, "a stream begins", NULL);
    }
    expect_status("writing meanwhile",
                  http(port, "PUT", "/Bulk/77", "{\"n\":77,\"note\":\"new\"}", &response), 204);
    for (size_t k = 0; k < 6; k++) {
        http(port, "GET", "/Bulk/77.note", NULL, &response);
        expect(strcmp(text_of(&response.body), "\"new\"") == 0, "a write is seen at once", NULL);
    }
    for (size_t k = 0; k < 6; k++)
        client_close(&half[k]);
    for (size_t k = 6; k < 12; k++) {
        client_read(&half[k], &response, false);
        expect(response.status == 200 && count_of(text_of(&response.body), "\"id\":") == BULK_ROWS,
               "the others end as they began", NULL);
        client_close(&half[k]);
    }
    expect_status("deleting all", http(port, "DELETE", "/Bulk/?n=ge=0", NULL, &response), 200);
    http(port, "GET", "/Bulk/", NULL, &response);
    expect(strcmp(text_of(&response.body), "[]") == 0, "leaves none", text_of(&response.body));
    response_free(&response);
}

/* ---- side by side ---- */

static void *write_many(void *context)
{
    uint16_t port = *(const uint16_t *)context;
    struct response response = {0};
    struct client client;
    size_t *wrong = calloc(1, sizeof *wrong);
    const char *body = "{\"hits\":{\"__op__\":\"add\",\"value\":1}}";
    char text[512];

    if (!client_open(&client, port))
        *wrong = WRITES_EACH;
    snprintf(text, sizeof text,
             "PATCH /Page/count HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"
             "Content-Length: %zu\r\n\r\n%s",
             strlen(body), body);
    for (unsigned k = 0; *wrong == 0 && k < WRITES_EACH; k++) {
        client_puts(&client, text);
        client_read(&client, &response, false);
        *wrong += response.status != 204;
    }
    client_close(&client);
    response_free(&response);
    return wrong;
}

static void run_writers(uint16_t port)
{
    struct response response = {0};
    pthread_t threads[WRITERS];
    char expected[32];

    http(port, "PUT", "/Page/count", "{\"title\":\"c\",\"hits\":0}", &response);
    for (unsigned k = 0; k < WRITERS; k++)
        pthread_create(&threads[k], NULL, write_many, &port);
    for (unsigned k = 0; k < WRITERS; k++) {
        void *wrong;

        pthread_join(threads[k], &wrong);
        expect(*(size_t *)wrong == 0, "all increments are acknowledged", NULL);
        free(wrong);
    }
    http(port, "GET", "/Page/count.hits", NULL, &response);
    snprintf(expected, sizeof expected, "%d", WRITERS * WRITES_EACH);
    expect(strcmp(text_of(&response.body), expected) == 0, "no increment is lost",
           text_of(&response.body));
    response_free(&response);
}

/* ---- stopping ---- */

static void run_stop(const char *backend, const char *scratch)
{
    const char *directory = directory_of(scratch, backend, "stop");
    const char *const more[] = {NULL};
    struct node node;
    struct client busy, probe;
    struct response response = {0};

    if (!node_start(&node, backend, directory, more) || !client_open(&busy, node.port)) {
        expect(false, "the server starts", NULL);
        return;
    }
    /* The server answers 100 when it has seen the head: then the request is running. */
    client_puts(&busy, "PUT /Page/last HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"
                       "Expect: 100-continue\r\nContent-Length: 13\r\n\r\n");
    expect(recv(busy.fd, &(char){0}, 1, MSG_PEEK) == 1, "the head is seen", NULL);
    kill(node.pid, SIGTERM);
    while (client_open(&probe, node.port)) { /* until nobody listens any more */
        client_close(&probe);
        usleep(10000);
    }
    client_close(&probe);
    client_puts(&busy, "{\"title\":\"a\"}");
    client_read(&busy, &response, false);
    expect_status("a request that runs at SIGTERM is answered", response.status, 204);
    expect(client_is_closed(&busy), "and its connection closed", NULL);
    expect_status("exit code after SIGTERM", node_stop(&node, 0), 0);
    client_close(&busy);
    if (node_start(&node, backend, directory, more)) {
        expect_status("what was acknowledged is there",
                      http(node.port, "GET", "/Page/last", NULL, &response), 200);
        expect_status("exit code after SIGINT", node_stop(&node, SIGINT), 0);
    }
    response_free(&response);
}

static void run_all_tables(const char *backend, const char *scratch)
{
    const char *const more[] = {"--all", "--durability", "off", "--threads", "1", NULL};
    struct node node;
    struct response response = {0};

    if (!node_start(&node, backend, directory_of(scratch, backend, "all"), more)) {
        expect(false, "the server starts", NULL);
        return;
    }
    expect_status("--all serves what is not exported",
                  http(node.port, "PUT", "/Hidden/x", "{\"a\":1}", &response), 204);
    expect_status("and reads it", http(node.port, "GET", "/Hidden/x", NULL, &response), 200);
    expect_status("exit code", node_stop(&node, SIGTERM), 0);
    response_free(&response);
}

void run_behaviour(const char *backend, const char *scratch)
{
    const char *const more[] = {"--durability", "normal", "--body-max", "2000000", NULL};
    struct node node;

    if (!node_start(&node, backend, directory_of(scratch, backend, "behaviour"), more)) {
        expect(false, "the server starts", NULL);
        return;
    }
    run_pipeline(node.port);
    run_big_body(node.port);
    run_streams(node.port);
    run_writers(node.port);
    run_compression(node.port);
    run_framing(node.port);
    run_abuse(node.port);
    expect_status("exit code", node_stop(&node, SIGTERM), 0);
    run_slow(backend, scratch);
    run_stop(backend, scratch);
    run_crowd(backend, scratch);
    run_all_tables(backend, scratch);
}
