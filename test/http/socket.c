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
    expect(!node_start(&second, backend, other, more), "a socket has one server", path);
    node_stop(&second, SIGTERM);
    expect_status("exit code after SIGTERM", node_stop(&node, SIGTERM), 0);
    expect(stat(path, &facts) != 0, "the socket goes with its server", path);
}
