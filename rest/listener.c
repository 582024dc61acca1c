/* The listening socket, and connections that are closed slowly. */
#include "rest/rest_internal.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { LINGER_MS = 2000 };

__attribute__((format(printf, 3, 0))) static void set_error(harper_error *error, int status,
                                                            const char *format, ...)
{
    va_list args;

    if (error == NULL)
        return;
    va_start(args, format);
    error->status = status;
    error->offset = -1;
    vsnprintf(error->message, sizeof error->message, format, args);
    va_end(args);
}

/* A socket that nobody listens on any more is in the way; one that answers is another server's. */
static bool clear_path(const struct sockaddr_un *address)
{
    struct stat facts;
    int fd;
    bool is_alive;

    if (lstat(address->sun_path, &facts) != 0)
        return true;
    if (!S_ISSOCK(facts.st_mode))
        return false;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    is_alive = connect(fd, (const struct sockaddr *)address, sizeof *address) == 0;
    close(fd);
    return !is_alive && unlink(address->sun_path) == 0;
}

static int open_path(const char *path, harper_error *error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd;

    if (strlen(path) >= sizeof address.sun_path) {
        set_error(error, HARPER_INVALID, "the path of a socket may have %zu bytes: %s",
                  sizeof address.sun_path - 1, path);
        return -1;
    }
    memcpy(address.sun_path, path, strlen(path));
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    /* On Linux the file gets what permits the socket before it is bound. */
    if (fd >= 0 && clear_path(&address) && fchmod(fd, 0600) == 0 &&
        bind(fd, (const struct sockaddr *)&address, sizeof address) == 0 && listen(fd, 1024) == 0)
        return fd;
    set_error(error, HARPER_IO, "cannot listen on %s: %s", path,
              errno == 0 ? "it is in use" : strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

int listener_open(const struct rest_options *options, uint16_t *port, harper_error *error)
{
    const char *address = options->address == NULL ? "127.0.0.1" : options->address;
    struct addrinfo hints = {.ai_family = AF_UNSPEC,
                             .ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE},
                    *found = NULL;
    struct sockaddr_storage bound;
    socklen_t bound_len = sizeof bound;
    char service[8];
    int fd, on = 1;

    errno = 0;
    if (options->socket_path != NULL)
        return open_path(options->socket_path, error);
    snprintf(service, sizeof service, "%u", options->port);
    if (getaddrinfo(address, service, &hints, &found) != 0) {
        set_error(error, HARPER_INVALID, "%s is not an address", address);
        return -1;
    }
    fd = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(fd, found->ai_addr, found->ai_addrlen) != 0 || listen(fd, 1024) != 0 ||
        getsockname(fd, (struct sockaddr *)&bound, &bound_len) != 0) {
        set_error(error, HARPER_IO, "cannot listen on %s:%s: %s", address, service,
                  strerror(errno));
        if (fd >= 0)
            close(fd);
        fd = -1;
    } else {
        *port = ntohs(bound.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&bound)->sin6_port
                                                  : ((struct sockaddr_in *)&bound)->sin_port);
    }
    freeaddrinfo(found);
    return fd;
}

/* Another socket takes the listener's number, and with that the listener is closed and leaves all
 * epoll sets. (MHD_quiesce_daemon lets two threads remove it, and aborts in the one that comes
 * second.) libmicrohttpd closes the number when it stops. */
void listener_end(int listener)
{
    int stand_in = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (stand_in < 0) {
        shutdown(listener, SHUT_RDWR);
        return;
    }
    dup3(stand_in, listener, O_CLOEXEC);
    close(stand_in);
}

/* ---- lingering ---- */

void linger(struct lingerers *lingerers, int fd)
{
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);

    if (copy < 0)
        return;
    pthread_mutex_lock(&lingerers->lock);
    if (lingerers->count < LINGERING_MAX) {
        lingerers->fds[lingerers->count] = copy;
        lingerers->until_ms[lingerers->count++] = guard_now_ms() + LINGER_MS;
        copy = -1;
    }
    pthread_mutex_unlock(&lingerers->lock);
    if (copy >= 0)
        close(copy);
}

/* Nothing to read yet, and time left? What is there to read is thrown away. */
static bool is_open(int fd)
{
    char sink[4096];
    ssize_t n;

    for (unsigned k = 0; k < 64; k++) {
        n = recvfrom(fd, sink, sizeof sink, MSG_DONTWAIT, NULL, NULL);
        if (n <= 0)
            return n < 0 && (errno == EAGAIN || errno == EINTR);
    }
    return true;
}

void linger_drain(struct lingerers *lingerers, uint64_t now_ms)
{
    pthread_mutex_lock(&lingerers->lock);
    for (unsigned k = 0; k < lingerers->count;) {
        if (is_open(lingerers->fds[k]) && lingerers->until_ms[k] > now_ms) {
            k++;
            continue;
        }
        close(lingerers->fds[k]);
        lingerers->count--;
        lingerers->fds[k] = lingerers->fds[lingerers->count];
        lingerers->until_ms[k] = lingerers->until_ms[lingerers->count];
    }
    pthread_mutex_unlock(&lingerers->lock);
}
