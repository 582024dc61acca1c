/* The access log: a line per answer, in one write, so that the lines of several threads do not mix.
 */
#include "rest/rest_internal.h"
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

int access_log_open(const char *path)
{
    return open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
}

void access_log_close(int log)
{
    if (log >= 0)
        close(log);
}

void access_log_write(int log, const struct sockaddr *client, const char *method,
                      struct slice target, int status, uint64_t ns)
{
    char address[64] = "-", when[40];
    struct buf line = {0};
    time_t now = time(NULL);
    struct tm parts;

    if (client != NULL && client->sa_family != AF_UNIX)
        getnameinfo(client,
                    client->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6)
                                                  : sizeof(struct sockaddr_in),
                    address, sizeof address, NULL, 0, NI_NUMERICHOST);
    gmtime_r(&now, &parts);
    strftime(when, sizeof when, "%d/%b/%Y:%H:%M:%S +0000", &parts);
    buf_printf(&line, "%s - - [%s] \"%s ", address, when, method);
    for (size_t k = 0; k < target.len; k++) {
        if (target.data[k] == '"' || target.data[k] == '\\')
            buf_append_byte(&line, '\\');
        buf_append_byte(&line, (uint8_t)(target.data[k] == HEAD_QUERY_MARK ? '?' : target.data[k]));
    }
    buf_printf(&line, "\" %d %llu us\n", status, (unsigned long long)ns / 1000);
    /* A full disk loses lines, not requests. */
    if (!line.failed && write(log, line.data, line.len) < 0)
        line.failed = true;
    buf_free(&line);
}
