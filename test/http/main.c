/*
 * http: the REST server's tests, over real sockets, on every store.
 *
 *     HARPER=build/debug/harper http SCRATCH FILE.test…
 *
 * Ends with `N passed, N failed`.
 */
#include "http.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

size_t passed, failed;
const char *backend_name = "";

void expect(bool ok, const char *what, const char *detail)
{
    if (ok) {
        passed++;
        return;
    }
    failed++;
    printf("FAILED [%s] %s%s%s\n", backend_name, what, detail == NULL ? "" : ": ",
           detail == NULL ? "" : detail);
}

void expect_status(const char *what, int got, int wanted)
{
    char detail[64];

    snprintf(detail, sizeof detail, "status %d, expected %d", got, wanted);
    expect(got == wanted, what, detail);
}

int main(int argc, char **argv)
{
    static const char *const backends[] = {"lmdb", "rocksdb"};

    setvbuf(stdout, NULL, _IOLBF, 0);
    signal(SIGPIPE, SIG_IGN);
    if (argc < 2) {
        fputs("usage: http SCRATCH FILE.test...\n", stderr);
        return 2;
    }
    for (size_t k = 0; k < sizeof backends / sizeof *backends; k++) {
        backend_name = backends[k];
        for (int at = 2; at < argc; at++) {
            const char *const more[] = {"--durability", "off", NULL};
            struct node node;
            char directory[512];

            snprintf(directory, sizeof directory, "%s/%s-%d", argv[1], backends[k], at);
            if (!node_start(&node, backends[k], directory, more)) {
                expect(false, "the server starts", argv[at]);
                continue;
            }
            run_file(argv[at], node.port);
            if (at == 2)
                run_framing(node.port);
            expect_status("exit code after SIGTERM", node_stop(&node, SIGTERM), 0);
        }
        run_behaviour(backends[k], argv[1]);
    }
    printf("%zu passed, %zu failed\n", passed, failed);
    return failed == 0 ? 0 : 1;
}
