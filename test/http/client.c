/* Starting a server, speaking HTTP to it byte by byte. */
#include "http.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ANSWER_SECONDS = 20 };

void text_add(struct text *text, const void *bytes, size_t len)
{
    if (text->len + len + 1 > text->room) {
        text->room = (text->len + len + 1) * 2;
        text->data = realloc(text->data, text->room);
        if (text->data == NULL)
            abort();
    }
    if (len > 0)
        memcpy(text->data + text->len, bytes, len);
    text->len += len;
    text->data[text->len] = '\0';
}

void text_puts(struct text *text, const char *bytes)
{
    text_add(text, bytes, strlen(bytes));
}

void text_clear(struct text *text)
{
    text->len = 0;
    text_add(text, "", 0);
}

const char *text_of(const struct text *text)
{
    return text->data == NULL ? "" : text->data;
}

/* ---- the server ---- */

bool node_start(struct node *node, const char *backend, const char *directory,
                const char *const *more)
{
    const char *program = getenv("HARPER") == NULL ? "build/debug/harper" : getenv("HARPER");
    const char *arguments[48] = {program,  "serve", directory,  "--backend", backend,
                                 "--port", "0",     "--schema", node_schema};
    size_t count = 9;
    int ends[2];
    char line[256];
    FILE *out;

    for (; more != NULL && *more != NULL; more++)
        arguments[count++] = *more;
    if (pipe(ends) != 0)
        return false;
    node->pid = fork();
    if (node->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(ends[1], 1);
        close(ends[0]);
        close(ends[1]);
        execv(program, (char *const *)(uintptr_t)arguments);
        _exit(127);
    }
    close(ends[1]);
    node->out = ends[0];
    out = fdopen(dup(ends[0]), "r");
    node->port = node->operations_port = 0;
    while (out != NULL && node->port == 0 && fgets(line, sizeof line, out) != NULL) {
        if (strncmp(line, "operations on port ", 19) == 0)
            node->operations_port = (uint16_t)atoi(line + 19);
        else if (strncmp(line, "listening on http://127.0.0.1:", 30) == 0)
            node->port = (uint16_t)atoi(line + 30);
    }
    if (out != NULL)
        fclose(out);
    return node->port != 0;
}

int node_stop(struct node *node, int signal_number)
{
    int status = 0;

    if (signal_number != 0)
        kill(node->pid, signal_number);
    waitpid(node->pid, &status, 0);
    close(node->out);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* ---- connections ---- */

bool client_open(struct client *client, uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval patience = {.tv_sec = ANSWER_SECONDS};
    int on = 1;

    *client = (struct client){.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    setsockopt(client->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(client->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return connect(client->fd, (struct sockaddr *)&address, sizeof address) == 0;
}

void client_close(struct client *client)
{
    close(client->fd);
    free(client->pending.data);
}

bool client_send(struct client *client, const void *bytes, size_t len)
{
    const char *at = bytes;

    while (len > 0) {
        ssize_t n = send(client->fd, at, len, MSG_NOSIGNAL);

        if (n <= 0)
            return false;
        at += n;
        len -= (size_t)n;
    }
    return true;
}

bool client_puts(struct client *client, const char *bytes)
{
    return client_send(client, bytes, strlen(bytes));
}

/* False: closed, or nothing came in time. */
static bool more(struct client *client)
{
    char bytes[65536];
    ssize_t n = recv(client->fd, bytes, sizeof bytes, 0);

    if (n <= 0) {
        client->is_closed = n == 0 || errno == ECONNRESET;
        return false;
    }
    text_add(&client->pending, bytes, (size_t)n);
    return true;
}

static void take(struct client *client, size_t len, struct text *out)
{
    if (out != NULL)
        text_add(out, client->pending.data, len);
    client->pending.len -= len;
    memmove(client->pending.data, client->pending.data + len, client->pending.len);
    client->pending.data[client->pending.len] = '\0';
}

/* Bytes up to and with `mark`; 0: it never came. */
static size_t until(struct client *client, const char *mark)
{
    for (;;) {
        char *at = client->pending.len == 0
                       ? NULL
                       : memmem(client->pending.data, client->pending.len, mark, strlen(mark));

        if (at != NULL)
            return (size_t)(at - client->pending.data) + strlen(mark);
        if (!more(client))
            return 0;
    }
}

static bool read_exactly(struct client *client, size_t len, struct text *out)
{
    while (client->pending.len < len)
        if (!more(client))
            return false;
    take(client, len, out);
    return true;
}

static bool read_chunks(struct client *client, struct text *out)
{
    for (;;) {
        size_t line = until(client, "\r\n"), size;

        if (line == 0)
            return false;
        size = strtoul(client->pending.data, NULL, 16);
        take(client, line, NULL);
        if (!read_exactly(client, size, out) || until(client, "\r\n") != 2)
            return false;
        take(client, 2, NULL);
        if (size == 0)
            return true;
    }
}

const char *response_field(const struct response *response, const char *name)
{
    static char value[4096];
    size_t len = strlen(name);

    for (const char *at = text_of(&response->head); (at = strstr(at, "\r\n")) != NULL; at += 2) {
        const char *end;

        if (strncasecmp(at + 2, name, len) != 0 || at[2 + len] != ':')
            continue;
        at += 3 + len;
        at += strspn(at, " ");
        end = strstr(at, "\r\n");
        snprintf(value, sizeof value, "%.*s", (int)(end - at), at);
        return value;
    }
    return NULL;
}

void client_read(struct client *client, struct response *response, bool is_head)
{
    size_t head;
    const char *field;

    do {
        text_clear(&response->head);
        text_clear(&response->body);
        response->status = 0;
        head = until(client, "\r\n\r\n");
        if (head == 0)
            return;
        take(client, head, &response->head);
        response->status = strncmp(text_of(&response->head), "HTTP/1.", 7) == 0
                               ? atoi(text_of(&response->head) + 9)
                               : -1;
    } while (response->status == 100);
    field = response_field(response, "Connection");
    response->closes = field != NULL && strcasecmp(field, "close") == 0;
    field = response_field(response, "Transfer-Encoding");
    response->is_chunked = field != NULL;
    if (is_head || response->status == 204 || response->status == 304)
        return;
    if (response->is_chunked) {
        if (!read_chunks(client, &response->body))
            response->status = -1;
        return;
    }
    field = response_field(response, "Content-Length");
    if (field != NULL) {
        if (!read_exactly(client, strtoul(field, NULL, 10), &response->body))
            response->status = -1;
        return;
    }
    while (more(client))
        continue;
    take(client, client->pending.len, &response->body);
}

bool client_is_closed(struct client *client)
{
    return client->pending.len == 0 && !more(client) && client->is_closed;
}

void response_free(struct response *response)
{
    free(response->head.data);
    free(response->body.data);
    *response = (struct response){0};
}

int http(uint16_t port, const char *method, const char *target, const char *body,
         struct response *response)
{
    struct client client;
    struct text text = {0};
    char line[4096];

    if (client_open(&client, port)) {
        snprintf(line, sizeof line, "%s %s HTTP/1.1\r\nHost: t\r\n", method, target);
        text_puts(&text, line);
        if (body != NULL) {
            snprintf(line, sizeof line, "Content-Type: application/json\r\nContent-Length: %zu\r\n",
                     strlen(body));
            text_puts(&text, line);
        }
        text_puts(&text, "\r\n");
        if (body != NULL)
            text_puts(&text, body);
        client_send(&client, text.data, text.len);
        client_read(&client, response, strcmp(method, "HEAD") == 0);
    }
    free(text.data);
    client_close(&client);
    return response->status;
}
