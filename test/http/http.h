/* The test client: a server that was started, connections, responses. */
#ifndef TEST_HTTP_H
#define TEST_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct text {
    char *data;
    size_t len, room;
};

void text_add(struct text *text, const void *bytes, size_t len);
void text_puts(struct text *text, const char *bytes);
void text_clear(struct text *text);
const char *text_of(const struct text *text);

struct node {
    pid_t pid;
    uint16_t port, operations_port; /* 0: none */
    int out;                        /* its standard output */
};

/* What nodes apply first. */
extern const char *node_schema;

/* Runs `harper serve` on a database in `directory`; more arguments end with NULL. */
bool node_start(struct node *node, const char *backend, const char *directory,
                const char *const *more);
int node_stop(struct node *node, int signal_number); /* the exit code */

struct client {
    int fd;
    struct text pending; /* read, not used yet */
    bool is_closed;
};

bool client_open(struct client *client, uint16_t port);
void client_close(struct client *client);
bool client_send(struct client *client, const void *bytes, size_t len);
bool client_puts(struct client *client, const char *bytes);

struct response {
    int status; /* 0: the connection ended without one; -1: malformed */
    struct text head, body;
    bool is_chunked, closes;
};

void client_read(struct client *client, struct response *response, bool is_head);
/* Has the other side closed, with nothing before it? Waits for it. */
bool client_is_closed(struct client *client);
void response_free(struct response *response);
/* NULL: no such field. Lives until the next call. */
const char *response_field(const struct response *response, const char *name);
/* One request on a connection of its own. */
int http(uint16_t port, const char *method, const char *target, const char *body,
         struct response *response);

/* ---- results ---- */
extern size_t passed, failed;
extern const char *backend_name;
void expect(bool ok, const char *what, const char *detail);
void expect_status(const char *what, int got, int wanted);

/* ---- one message, or several, as bytes ---- */

/* `expected`: the statuses of the answers in their order, and x when the server then closes. */
struct framing {
    const char *name, *bytes, *expected;
    size_t len; /* 0: to the NUL */
};

void run_case(const struct framing *framing, uint16_t port, bool in_pieces);

/* ---- the parts ---- */
void run_file(const char *path, uint16_t port);
void run_framing(uint16_t port);
void run_abuse(uint16_t port);
void run_crowd(const char *backend, const char *scratch);
void run_compression(uint16_t port);
void run_socket(const char *backend, const char *scratch);
void run_behaviour(const char *backend, const char *scratch);

#endif
