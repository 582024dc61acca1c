/*
 * constant_server: libmicrohttpd answering the same bytes from memory to everything. What is left
 * of its speed is what a server on libmicrohttpd can reach.
 *
 *     constant_server PORT-FILE THREADS BODY-FILE [HEADER: VALUE]…
 *
 * Requests with a body get 204 once the body has come; all others get the bytes of BODY-FILE with
 * the given fields. Runs until SIGTERM.
 */
#include <microhttpd.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct MHD_Response *reply, *no_content;

static enum MHD_Result handle(void *context, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_bytes, void **request)
{
    static int seen;

    (void)context, (void)url, (void)version, (void)upload;
    if (*request == NULL) {
        *request = &seen;
        return MHD_YES;
    }
    if (*upload_bytes > 0) {
        *upload_bytes = 0;
        return MHD_YES;
    }
    if (strcmp(method, "PUT") == 0)
        return MHD_queue_response(connection, 204, no_content);
    return MHD_queue_response(connection, 200, reply);
}

static void add_field(struct MHD_Response *response, char *field)
{
    char *colon = strchr(field, ':');

    if (colon == NULL)
        return;
    *colon = '\0';
    MHD_add_response_header(response, field, colon + 1 + strspn(colon + 1, " "));
}

int main(int argc, char **argv)
{
    static char body[65536];
    struct MHD_Daemon *daemon;
    FILE *in, *out;
    size_t len;
    sigset_t stops;
    int signal_number;
    unsigned threads;

    if (argc < 4 || (in = fopen(argv[3], "rb")) == NULL) {
        fputs("usage: constant_server PORT-FILE THREADS BODY-FILE [HEADER: VALUE]...\n", stderr);
        return 2;
    }
    len = fread(body, 1, sizeof body, in);
    fclose(in);
    sigemptyset(&stops);
    sigaddset(&stops, SIGTERM);
    sigprocmask(SIG_BLOCK, &stops, NULL);
    reply = MHD_create_response_from_buffer(len, body, MHD_RESPMEM_PERSISTENT);
    no_content = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
    for (int k = 4; k < argc; k++)
        add_field(reply, argv[k]);
    threads = (unsigned)atoi(argv[2]);
    daemon =
        MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD, 0, NULL, NULL, handle, NULL,
                         MHD_OPTION_THREAD_POOL_SIZE, threads < 2 ? 0 : threads, MHD_OPTION_END);
    if (daemon == NULL || (out = fopen(argv[1], "w")) == NULL)
        return 1;
    fprintf(out, "%u\n", MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
    fclose(out);
    sigwait(&stops, &signal_number);
    MHD_stop_daemon(daemon);
    MHD_destroy_response(reply);
    MHD_destroy_response(no_content);
    return 0;
}
