/* .serve: the HTTP server over the database that the shell has open, beside the prompt. */
#include "rest/rest.h"
#include "shell/shell.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum { DRAIN_MS = 2000 };

static void complain(struct shell *shell, const char *message)
{
    harper_error error = {.offset = -1};

    snprintf(error.message, sizeof error.message, "%s", message);
    shell_error(shell, NULL, &error);
}

void serve_stop(struct shell *shell)
{
    if (shell->server != NULL)
        rest_stop(shell->server, DRAIN_MS);
    shell->server = NULL;
}

/* The server's threads inherit the mask: Ctrl-C must reach the thread of the prompt. */
static int start(struct shell *shell, const struct rest_options *options, harper_error *error)
{
    sigset_t interrupts, before;
    int status;

    sigemptyset(&interrupts);
    sigaddset(&interrupts, SIGINT);
    signal(SIGPIPE, SIG_IGN);
    pthread_sigmask(SIG_BLOCK, &interrupts, &before);
    status = rest_start(shell->db, options, &shell->server, error);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return status;
}

void serve_start(struct shell *shell, unsigned port, bool exports_all)
{
    const struct rest_options options = {.port = (uint16_t)port, .exports_all = exports_all};
    harper_error error = {.offset = -1};

    if (port > UINT16_MAX) {
        complain(shell, "a port is a number from 0 (a free one) to 65535");
        return;
    }
    if (shell->server != NULL) {
        complain(shell, "the server runs already; .serve off stops it");
        return;
    }
    if (start(shell, &options, &error) != HARPER_OK) {
        shell->server = NULL;
        shell_error(shell, NULL, &error);
        return;
    }
    serve_show(shell);
}

void serve_show(struct shell *shell)
{
    if (shell->server == NULL)
        fprintf(shell->out, "no server runs; .serve [PORT] starts one\n");
    else
        fprintf(shell->out, "listening on http://127.0.0.1:%u\n", rest_port(shell->server));
    fflush(shell->out);
}
