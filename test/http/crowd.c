/* Five hundred connections that hang in the middle of something: everybody else is answered. */
#include "http.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { SLOW = 500, REQUESTS = 1000 };

static double milliseconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;

    return (left > right) - (left < right);
}

static void hang(struct client *slow, uint16_t port)
{
    static const char *const beginnings[] = {
        "",
        "G",
        "GET /Dog HTTP/1.1\r\nHost: t\r\nX: ",
        "PUT /Page/slow HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"
        "Content-Length: 1000\r\n\r\n{\"title\":",
        "PUT /Page/slow HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"
        "Transfer-Encoding: chunked\r\n\r\n3e8\r\n{",
        "GET /Dog HTTP/1.1\r\nHost: t\r\n\r\nGET"};
    unsigned open = 0;

    for (unsigned k = 0; k < SLOW; k++)
        if (client_open(&slow[k], port)) {
            client_puts(&slow[k], beginnings[k % (sizeof beginnings / sizeof *beginnings)]);
            open++;
        }
    expect(open == SLOW, "all slow clients are let in", NULL);
}

static void ask(uint16_t port)
{
    double *took = calloc(REQUESTS, sizeof *took);
    struct response response = {0};
    unsigned right = 0;

    for (unsigned k = 0; took != NULL && k < REQUESTS; k++) {
        bool writes = k % 4 == 0;
        double began = milliseconds();
        int status = writes ? http(port, "PUT", "/Page/quick", "{\"title\":\"a\"}", &response)
                            : http(port, "GET", "/Page/quick", NULL, &response);

        took[k] = milliseconds() - began;
        right += status == (writes ? 204 : 200);
    }
    expect(right == REQUESTS, "every other request is answered while they hang", NULL);
    if (took != NULL) {
        qsort(took, REQUESTS, sizeof *took, compare);
        printf("[%s] beside %d slow connections: p50 %.2f ms, p99 %.2f ms, worst %.2f ms\n",
               backend_name, SLOW, took[REQUESTS / 2], took[REQUESTS * 99 / 100],
               took[REQUESTS - 1]);
    }
    free(took);
    response_free(&response);
}

void run_crowd(const char *backend, const char *scratch)
{
    const char *const more[] = {
        "--durability", "off", "--header-timeout", "60000", "--body-timeout", "60000", NULL};
    struct client *slow = calloc(SLOW, sizeof *slow);
    char directory[512];
    struct node node;

    snprintf(directory, sizeof directory, "%s/%s-crowd", scratch, backend);
    if (slow == NULL || !node_start(&node, backend, directory, more)) {
        expect(false, "the server starts", NULL);
        free(slow);
        return;
    }
    hang(slow, node.port);
    ask(node.port);
    for (unsigned k = 0; k < SLOW; k++)
        client_close(&slow[k]);
    expect_status("exit code", node_stop(&node, SIGTERM), 0);
    free(slow);
}
