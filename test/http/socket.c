/* The operations API on a Unix socket. */
#include "http.h"
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static bool open_socket(struct client *client, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    *client = (struct client){.fd = socket(AF_UNIX, SOCK_STREAM, 0)};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    return client->fd >= 0 && connect(client->fd, (struct sockaddr *)&address, sizeof address) == 0;
}

/* One operation; the status. */
static int ask(const char *path, const char *body, struct response *response)
{
    struct client client;
    char head[160];

    response_free(response);
    *response = (struct response){0};
    snprintf(head, sizeof head, "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: %zu\r\n\r\n",
             strlen(body));
    if (open_socket(&client, path) && client_puts(&client, head) && client_puts(&client, body))
        client_read(&client, response, false);
    client_close(&client);
    return response->status;
}

/* From this very server's CSV. */
static void run_download(const char *path, uint16_t port)
{
    struct response response = {0};
    char body[256];
    const char *id;

    expect_status("a record to load", http(port, "PUT", "/Dog/1", "{\"name\":\"Ada\"}", &response),
                  204);
    expect_status("a table to load into",
                  ask(path,
                      "{\"operation\":\"create_table\",\"table\":\"loaded\","
                      "\"primary_key\":\"id\"}",
                      &response),
                  200);
    expect_status("an address that is none",
                  ask(path,
                      "{\"operation\":\"csv_url_load\",\"table\":\"loaded\","
                      "\"csv_url\":\"file:///etc/passwd\"}",
                      &response),
                  400);
    snprintf(body, sizeof body,
             "{\"operation\":\"csv_url_load\",\"table\":\"loaded\","
             "\"csv_url\":\"http://127.0.0.1:%u/Dog/.csv?select(id,name)\"}",
             port);
    expect_status("a load from an address", ask(path, body, &response), 200);
    id = strstr(text_of(&response.body), "\"job_id\":\"");
    expect(id != NULL, "the load is a job", text_of(&response.body));
    if (id != NULL) {
        snprintf(body, sizeof body, "{\"operation\":\"get_job\",\"id\":\"%.36s\"}", id + 10);
        do {
            usleep(2000);
            ask(path, body, &response);
        } while (strstr(text_of(&response.body), "CREATED") != NULL ||
                 strstr(text_of(&response.body), "IN_PROGRESS") != NULL);
        expect(strstr(text_of(&response.body), "successfully loaded 1 of 1 records") != NULL,
               "the job's end", text_of(&response.body));
    }
    response_free(&response);
}

void run_socket(const char *backend, const char *scratch)
{
    static const char request[] = "POST / HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"
                                  "Content-Length: 28\r\n\r\n{\"operation\":\"describe_all\"}";
    char path[100], directory[512], other[512];
    const char *more[] = {"--durability", "off", "--operations-socket", path, NULL};
    struct node node, second;
    struct response response = {0};
    struct client client;
    struct stat facts;

    snprintf(path, sizeof path, "%.60s/%s.sock", scratch, backend);
    snprintf(directory, sizeof directory, "%s/%s-socket", scratch, backend);
    snprintf(other, sizeof other, "%s/%s-socket-2", scratch, backend);
    if (!node_start(&node, backend, directory, more)) {
        expect(false, "a server with a Unix socket starts", path);
        return;
    }
    expect(stat(path, &facts) == 0 && (facts.st_mode & 0777) == 0600,
           "the socket is its user's alone", path);
    expect(open_socket(&client, path) && client_send(&client, request, sizeof request - 1),
           "the socket takes a request", path);
    client_read(&client, &response, false);
    expect_status("an operation by the socket", response.status, 200);
    expect(strncmp(text_of(&response.body), "{\"data\":{", 9) == 0, "its answer",
           text_of(&response.body));
    client_close(&client);
    response_free(&response);
    run_download(path, node.port);
    expect(!node_start(&second, backend, other, more), "a socket has one server", path);
    node_stop(&second, SIGTERM);
    expect_status("exit code after SIGTERM", node_stop(&node, SIGTERM), 0);
    expect(stat(path, &facts) != 0, "the socket goes with its server", path);
}
