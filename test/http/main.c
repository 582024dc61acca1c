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

const char *node_schema = "test/http/schema.graphql";
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

/* "# options: --counts …" in the first line of a file goes to its server. */
static void read_options(const char *path, char *line, size_t room, const char **more, size_t count)
{
    FILE *in = fopen(path, "r");
    size_t at = 0;
    static const char mark[] = "# options:";

    if (in != NULL && fgets(line, (int)room, in) != NULL &&
        strncmp(line, mark, sizeof mark - 1) == 0)
        for (char *word = strtok(line + sizeof mark - 1, " \n"); word != NULL && at + 1 < count;
             word = strtok(NULL, " \n"))
            more[at++] = word;
    more[at] = NULL;
    if (in != NULL)
        fclose(in);
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
            const char *more[16] = {"--durability", "off"};
            struct node node;
            char directory[512], options[512];

            snprintf(directory, sizeof directory, "%s/%s-%d", argv[1], backends[k], at);
            read_options(argv[at], options, sizeof options, more + 2, 14);
            node_schema = strstr(argv[at], "root.test") != NULL ? "test/http/root.graphql"
                                                                : "test/http/schema.graphql";
            if (!node_start(&node, backends[k], directory, more)) {
                expect(false, "the server starts", argv[at]);
                continue;
            }
            run_file(argv[at], strstr(argv[at], "operations.test") != NULL ? node.operations_port
                                                                           : node.port);
            expect_status("exit code after SIGTERM", node_stop(&node, SIGTERM), 0);
        }
        node_schema = "test/http/schema.graphql";
        run_socket(backends[k], argv[1]);
        run_behaviour(backends[k], argv[1]);
    }
    printf("%zu passed, %zu failed\n", passed, failed);
    return failed == 0 ? 0 : 1;
}
