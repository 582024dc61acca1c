/*
 * The server on libmicrohttpd: the only file that knows it.
 *
 * A pool of threads, each with its own epoll, accepts from one listening socket. Requests are
 * answered on the thread that read them. What comes from the sockets has been judged by guard.c.
 */
#include "rest/rest_internal.h"
#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    TICK_MS = 50,
    WRITERS = 32,
    CONNECTION_BYTES =
        32768, /* libmicrohttpd's pool: a head of 16 KB and the fields of the answer */
    BODY_KEEP_BYTES = 65536, /* a connection's buffer above this is given back after the request */
};

/* A connection: its guard, and the request that it is busy with. */
struct connection {
    struct guard guard;
    struct rest_server *server;
    char *target; /* as sent, with HEAD_QUERY_MARK for ?; kept from request to request */
    size_t target_bytes, target_room;
    struct buf body;
    uint64_t began_ns;
    uint64_t requests; /* begun until now; see guard.passed */
    bool is_active;
    bool is_reading; /* libmicrohttpd has shown us the head */
    /* A request that is run by a writer. */
    struct MHD_Connection *transport;
    const char *method;
    struct answer answer;
    bool is_answered; /* `answer` is there */
    struct connection *next;
};

struct transport {
    struct MHD_Daemon *daemon;
    uint16_t port;
    int listener;
    char *socket_path; /* removed at the end; NULL: a port */
    pthread_t reaper;
    bool has_reaper, is_stopping;
    struct lingerers lingerers;
    /* Writers, and the requests that wait for one. */
    pthread_t *writers;
    unsigned writer_count;
    bool writers_end;
    pthread_cond_t work;
    struct connection *first, *last;
};

/* ---- workers ---- */

static _Thread_local struct worker *this_worker;

static struct worker *worker_of(struct rest_server *server)
{
    struct worker *worker = this_worker;

    if (worker != NULL && worker->server == server)
        return worker;
    worker = calloc(1, sizeof *worker);
    if (worker == NULL)
        return NULL;
    worker->server = server;
    pthread_mutex_lock(&server->lock);
    worker->next = server->workers;
    server->workers = worker;
    pthread_mutex_unlock(&server->lock);
    this_worker = worker;
    return worker;
}

/* ---- connections ---- */

static struct connection *connection_of(struct MHD_Connection *transport)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(transport, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

    return info == NULL ? NULL : info->socket_context;
}

static int socket_of(struct MHD_Connection *transport)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(transport, MHD_CONNECTION_INFO_CONNECTION_FD);

    return info == NULL ? -1 : info->connect_fd;
}

static void end_request(struct connection *connection)
{
    struct rest_server *server = connection->server;

    if (!connection->is_active)
        return;
    connection->is_active = false;
    if (atomic_fetch_sub(&server->active, 1) == 1 && atomic_load(&server->is_draining)) {
        pthread_mutex_lock(&server->lock);
        pthread_cond_broadcast(&server->quiet);
        pthread_mutex_unlock(&server->lock);
    }
}

static void notify_connection(void *context, struct MHD_Connection *transport, void **socket,
                              enum MHD_ConnectionNotificationCode code)
{
    struct rest_server *server = context;
    struct connection *connection = *socket;
    int fd = socket_of(transport);

    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        connection = calloc(1, sizeof *connection);
        if (connection != NULL)
            connection->server = server;
        if (connection == NULL || !guard_open(&connection->guard, fd, &server->limits)) {
            free(connection);
            connection = NULL;
            shutdown(fd, SHUT_RDWR); /* unguarded bytes are not served */
        }
        *socket = connection;
        return;
    }
    if (connection == NULL)
        return;
    if (connection->guard.phase == GUARD_REFUSED)
        linger(&server->transport->lingerers, fd);
    guard_close(&connection->guard);
    end_request(connection);
    if (connection->is_answered) { /* by a writer, but never sent */
        buf_free(&connection->answer.body);
        free(connection->answer.location);
        if (connection->answer.has_file)
            close(connection->answer.file);
    }
    buf_free(&connection->body);
    free(connection->target);
    free(connection);
    *socket = NULL;
}

static void notify_completed(void *context, struct MHD_Connection *transport, void **request,
                             enum MHD_RequestTerminationCode code)
{
    struct connection *connection = *request;

    (void)context, (void)transport, (void)code;
    if (connection == NULL)
        return;
    end_request(connection);
    if (connection->body.capacity > BODY_KEEP_BYTES)
        buf_free(&connection->body);
    *request = NULL;
}

/* ---- requests ---- */

static const char *field(struct MHD_Connection *transport, const char *name, size_t len)
{
    const char *value = NULL;

    if (MHD_lookup_connection_value_n(transport, MHD_HEADER_KIND, name, len, &value, NULL) !=
        MHD_YES)
        return NULL;
    return value;
}

const char *request_header(const struct request *request, const char *name)
{
    return field(request->transport, name, strlen(name));
}

static enum method method_of(const char *name)
{
    static const struct {
        const char *name;
        enum method method;
    } methods[] = {
        {"GET", METHOD_GET},         {"PUT", METHOD_PUT},       {"POST", METHOD_POST},
        {"PATCH", METHOD_PATCH},     {"DELETE", METHOD_DELETE}, {"HEAD", METHOD_HEAD},
        {"OPTIONS", METHOD_OPTIONS}, {"TRACE", METHOD_TRACE},   {"QUERY", METHOD_QUERY},
        {"COPY", METHOD_COPY},       {"MOVE", METHOD_MOVE},     {"BREW", METHOD_BREW},
    };

    for (size_t k = 0; k < COUNT_OF(methods); k++)
        if (strcmp(name, methods[k].name) == 0)
            return methods[k].method;
    return METHOD_OTHER;
}

/* Called with the whole target before anything else is known of the request. What it returns is the
 * request's context. */
static void *begin_request(void *context, const char *target, struct MHD_Connection *transport)
{
    struct rest_server *server = context;
    struct connection *connection = connection_of(transport);
    size_t len = strlen(target);

    if (connection == NULL)
        return NULL;
    if (len + 1 > connection->target_room) {
        char *room = realloc(connection->target, len + 1 + 256);

        if (room == NULL)
            return NULL;
        connection->target = room;
        connection->target_room = len + 1 + 256;
    }
    memcpy(connection->target, target, len + 1);
    connection->target_bytes = len;
    connection->began_ns = clock_monotonic_ns();
    buf_clear(&connection->body);
    connection->requests++;
    connection->is_reading = false;
    connection->is_answered = false;
    if (!connection->is_active) {
        connection->is_active = true;
        atomic_fetch_add(&server->active, 1);
    }
    return connection;
}

/* Where the path begins: behind the authority of an absolute target. */
static struct slice strip_authority(struct slice target)
{
    const char *slash;
    size_t scheme;

    if (target.len == 0 || target.data[0] == '/')
        return target;
    scheme = slice_equal_nocase(slice_of(target.data, target.len < 7 ? target.len : 7),
                                slice_text("http://"))
                 ? 7
                 : 8;
    if (target.len < scheme)
        return slice_empty();
    slash = memchr(target.data + scheme, '/', target.len - scheme);
    return slash == NULL ? slice_empty()
                         : slice_of(slash, target.len - (size_t)(slash - target.data));
}

static void read_target(struct connection *connection, struct request *request)
{
    struct slice target = strip_authority(slice_of(connection->target, connection->target_bytes));
    char *mark = target.len == 0 ? NULL : memchr(target.data, HEAD_QUERY_MARK, target.len);

    if (mark != NULL) {
        size_t at = (size_t)(mark - target.data);

        request->query = slice_of(mark + 1, target.len - at - 1);
        request->has_query = true;
        target.len = at;
        *(char *)(uintptr_t)mark = '?';
    }
    request->path = target.len == 0 ? slice_text("") : slice_of(target.data + 1, target.len - 1);
    request->instance = slice_of(connection->target, connection->target_bytes);
}

/* ---- answers ---- */

static ssize_t read_stream(void *context, uint64_t at, char *out, size_t room)
{
    size_t len = stream_read(context, out, room);

    (void)at;
    return len == 0 ? MHD_CONTENT_READER_END_OF_STREAM : (ssize_t)len;
}

static void free_stream(void *context)
{
    stream_close(context);
}

/* "hdb;dur=0.123" without printf: it is part of every answer. */
static void write_timing(uint64_t ns, char out[40])
{
    static const char head[] = "hdb;dur=";
    uint64_t us = ns / 1000;
    char digits[24];
    size_t at = sizeof head - 1, count = 0;

    memcpy(out, head, sizeof head - 1);
    for (uint64_t ms = us / 1000; ms > 0 || count == 0; ms /= 10)
        digits[count++] = (char)('0' + ms % 10);
    while (count > 0)
        out[at++] = digits[--count];
    out[at++] = '.';
    out[at++] = (char)('0' + us / 100 % 10);
    out[at++] = (char)('0' + us / 10 % 10);
    out[at++] = (char)('0' + us % 10);
    out[at] = '\0';
}

static struct MHD_Response *make_response(struct answer *answer)
{
    struct MHD_Response *response;

    if (answer->stream != NULL) {
        response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BYTES, read_stream,
                                                     answer->stream, free_stream);
        if (response == NULL)
            stream_close(answer->stream);
        answer->stream = NULL;
        return response;
    }
    if (answer->has_file) {
        struct stat facts;

        answer->has_file = false;
        response = fstat(answer->file, &facts) != 0
                       ? NULL
                       : MHD_create_response_from_fd64((uint64_t)facts.st_size, answer->file);
        if (response == NULL)
            close(answer->file);
        return response;
    }
    if (answer->body.len == 0) {
        buf_free(&answer->body);
        return MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
    }
    response =
        MHD_create_response_from_buffer(answer->body.len, answer->body.data, MHD_RESPMEM_MUST_FREE);
    if (response == NULL)
        buf_free(&answer->body);
    answer->body = (struct buf){0};
    return response;
}

static void add(struct MHD_Response *response, const char *name, const char *value)
{
    if (value != NULL && *value != '\0')
        MHD_add_response_header(response, name, value);
}

static void log_answer(struct MHD_Connection *transport, const struct connection *connection,
                       const char *method, int status)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(transport, MHD_CONNECTION_INFO_CLIENT_ADDRESS);

    access_log_write(connection->server->access_log, info == NULL ? NULL : info->client_addr,
                     method, slice_of(connection->target, connection->target_bytes), status,
                     clock_monotonic_ns() - connection->began_ns);
}

static enum MHD_Result send_answer(struct MHD_Connection *transport, struct connection *connection,
                                   struct answer *answer, const char *method)
{
    struct rest_server *server = connection->server;
    struct MHD_Response *response;
    enum MHD_Result result;
    char timing[40];

    if (answer->body.failed) {
        buf_free(&answer->body);
        *answer = (struct answer){.status = 500};
    }
    if (answer->stream != NULL || answer->body.len >= COMPRESSION_BYTES ||
        server->behaviour.compression_bytes != 0)
        answer_compress(answer, field(transport, "Accept-Encoding", 15),
                        server->behaviour.compression_bytes);
    response = make_response(answer);
    if (response == NULL)
        return MHD_NO;
    write_timing(clock_monotonic_ns() - connection->began_ns, timing);
    add(response, "Content-Type", answer->type);
    add(response, "Content-Encoding", answer->encoding);
    add(response, "ETag", answer->etag);
    add(response, "Last-Modified", answer->last_modified);
    if (answer->type != NULL)
        add(response, "Vary",
            answer->varies_by_encoding_only ? "Accept-Encoding" : "Accept, Accept-Encoding");
    add(response, "Server-Timing", timing);
    add(response, "Allow", answer->allow);
    add(response, "Location", answer->location);
    if (answer->retries)
        add(response, "Retry-After", "1");
    if (answer->file_name != NULL) {
        char disposition[128];

        snprintf(disposition, sizeof disposition, "attachment; filename=\"%s\"", answer->file_name);
        add(response, "Content-Disposition", disposition);
    }
    if (answer->is_attachment)
        add(response, "Content-Disposition", "attachment; filename=\"data.csv\"");
    if (answer->closes || atomic_load_explicit(&server->is_draining, memory_order_relaxed))
        add(response, "Connection", "close");
    if (server->access_log >= 0)
        log_answer(transport, connection, method, answer->status);
    free(answer->location);
    answer->location = NULL;
    result = MHD_queue_response(transport, (unsigned)answer->status, response);
    MHD_destroy_response(response);
    return result;
}

/* Is it this request that the guard speaks of? Pipelined ones before it are answered as they are.
 */
static bool is_last(const struct connection *connection)
{
    return connection->requests == connection->guard.passed;
}

static bool is_refused(const struct connection *connection)
{
    return connection->guard.status != 0 && is_last(connection);
}

/* On the thread of `worker`; the transport is read only. */
static void make_answer(struct connection *connection, struct worker *worker,
                        struct MHD_Connection *transport, const char *method, struct answer *answer)
{
    struct request request = {.worker = worker,
                              .method = method_of(method),
                              .method_name = slice_text(method),
                              .body = buf_slice(&connection->body),
                              .transport = transport};
    const struct guard *guard = &connection->guard;

    *answer = (struct answer){.status = 500};
    if (is_refused(connection)) {
        connection->target_bytes = 0;
        problem(&request, answer, guard->status, "%s", guard->detail);
        answer->closes = true;
        return;
    }
    read_target(connection, &request);
    if (guard->body_status != 0 && is_last(connection)) {
        problem(&request, answer, guard->body_status, "%s", guard->detail);
        answer->closes = true;
    } else if (connection->body.failed) {
        problem(&request, answer, 500, "out of memory");
    } else if (connection->server->operations != NULL) {
        operations_door_answer(&request, answer);
    } else {
        resource_answer(&request, answer);
    }
}

static enum MHD_Result answer_at_once(struct MHD_Connection *transport,
                                      struct connection *connection, const char *method)
{
    struct worker *worker = worker_of(connection->server);
    struct answer answer;
    enum MHD_Result result;

    if (worker == NULL)
        return MHD_NO;
    make_answer(connection, worker, transport, method, &answer);
    result = send_answer(transport, connection, &answer, method);
    if (worker->seat != NULL)
        arena_reset(&worker->seat->arena);
    return result;
}

/* ---- writers ---- */

static bool is_for_writer(const struct connection *connection, const char *method)
{
    if (connection->server->transport->writer_count == 0 || is_refused(connection))
        return false;
    switch (method_of(method)) {
    case METHOD_PUT:
    case METHOD_PATCH:
    case METHOD_POST:
    case METHOD_DELETE:
        return true;
    default:
        return false;
    }
}

static void give_to_writer(struct MHD_Connection *transport, struct connection *connection,
                           const char *method)
{
    struct rest_server *server = connection->server;
    struct transport *queue = server->transport;

    connection->transport = transport;
    connection->method = method;
    connection->next = NULL;
    MHD_suspend_connection(transport);
    pthread_mutex_lock(&server->lock);
    if (queue->last != NULL)
        queue->last->next = connection;
    else
        queue->first = connection;
    queue->last = connection;
    pthread_cond_signal(&queue->work);
    pthread_mutex_unlock(&server->lock);
}

/* The next request; NULL: there are none and there will be none. */
static struct connection *take_work(struct rest_server *server)
{
    struct transport *queue = server->transport;
    struct connection *connection;

    pthread_mutex_lock(&server->lock);
    while (queue->first == NULL && !queue->writers_end)
        pthread_cond_wait(&queue->work, &server->lock);
    connection = queue->first;
    if (connection != NULL) {
        queue->first = connection->next;
        if (queue->first == NULL)
            queue->last = NULL;
    }
    pthread_mutex_unlock(&server->lock);
    return connection;
}

/* The connection belongs to this thread until it is resumed. */
static void *write_requests(void *context)
{
    struct rest_server *server = context;
    struct worker *worker = worker_of(server);
    struct connection *connection;

    if (worker != NULL)
        worker->is_writer = true;
    while ((connection = take_work(server)) != NULL) {
        if (worker == NULL)
            connection->answer = (struct answer){.status = 500};
        else
            make_answer(connection, worker, connection->transport, connection->method,
                        &connection->answer);
        if (worker != NULL && worker->seat != NULL)
            arena_reset(&worker->seat->arena);
        connection->is_answered = true;
        MHD_resume_connection(connection->transport);
    }
    return NULL;
}

static void start_writers(struct rest_server *server, unsigned count)
{
    struct transport *transport = server->transport;

    transport->writers = calloc(count, sizeof *transport->writers);
    if (transport->writers == NULL)
        return; /* then what writes runs where it was read */
    while (transport->writer_count < count &&
           pthread_create(&transport->writers[transport->writer_count], NULL, write_requests,
                          server) == 0)
        transport->writer_count++;
}

/* All that waits is run; nothing is suspended afterwards. */
static void stop_writers(struct rest_server *server)
{
    struct transport *transport = server->transport;

    pthread_mutex_lock(&server->lock);
    transport->writers_end = true;
    pthread_cond_broadcast(&transport->work);
    pthread_mutex_unlock(&server->lock);
    for (unsigned k = 0; k < transport->writer_count; k++)
        pthread_join(transport->writers[k], NULL);
    free(transport->writers);
    transport->writers = NULL;
}

/* Called when the head has come, for each piece of the body, at the end, and when a writer is done.
 */
static enum MHD_Result handle(void *context, struct MHD_Connection *transport, const char *url,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_bytes, void **request)
{
    struct connection *connection = *request;

    (void)context, (void)url, (void)version;
    if (connection == NULL)
        return MHD_NO;
    if (*upload_bytes > 0) {
        buf_append(&connection->body, upload, *upload_bytes);
        *upload_bytes = 0;
        return MHD_YES;
    }
    if (!connection->is_reading) {
        /* An answer at this first call, before the end of the request, would cost the connection.
         */
        connection->is_reading = true;
        return MHD_YES;
    }
    if (connection->is_answered) {
        connection->is_answered = false;
        return send_answer(transport, connection, &connection->answer, method);
    }
    if (is_for_writer(connection, method)) {
        give_to_writer(transport, connection, method);
        return MHD_YES;
    }
    return answer_at_once(transport, connection, method);
}

static size_t keep_escapes(void *context, struct MHD_Connection *transport, char *text)
{
    (void)context, (void)transport;
    return strlen(text);
}

/* ---- time ---- */

static bool wait_tick(struct rest_server *server, pthread_cond_t *tick)
{
    struct timespec until;
    bool is_stopping;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += TICK_MS * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_nsec -= 1000000000L;
        until.tv_sec++;
    }
    pthread_mutex_lock(&server->lock);
    if (!server->transport->is_stopping)
        pthread_cond_timedwait(tick, &server->lock, &until);
    is_stopping = server->transport->is_stopping;
    pthread_mutex_unlock(&server->lock);
    return !is_stopping;
}

/* Cuts what is late and gives back what has lingered. */
static void *reap(void *context)
{
    struct rest_server *server = context;

    while (wait_tick(server, &server->quiet)) {
        uint64_t now = guard_now_ms();

        guard_cut_late(&server->limits, now);
        linger_drain(&server->transport->lingerers, now);
    }
    linger_drain(&server->transport->lingerers, UINT64_MAX);
    return NULL;
}

/* ---- starting and stopping ---- */

static int fail(harper_error *error, int status, const char *format, const char *what)
{
    if (error != NULL) {
        error->status = status;
        error->offset = -1;
        snprintf(error->message, sizeof error->message, format, what);
    }
    return status;
}

static void log_error(void *context, const char *format, va_list args)
{
    (void)context, (void)format, (void)args; /* what clients do wrong is not the operator's noise */
}

static struct MHD_Daemon *start_daemon(struct rest_server *server,
                                       const struct rest_options *options, int fd)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned threads = options->threads != 0 ? options->threads : cores < 1 ? 1 : (unsigned)cores;
    unsigned idle_ms = options->idle_ms == 0 ? 30000 : options->idle_ms;
    unsigned connections = options->connections_max == 0 ? 4096 : options->connections_max;

    return MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL, NULL,
        handle, server, MHD_OPTION_EXTERNAL_LOGGER, log_error, NULL, MHD_OPTION_LISTEN_SOCKET, fd,
        MHD_OPTION_THREAD_POOL_SIZE, threads < 2 ? 0 : threads, MHD_OPTION_CONNECTION_LIMIT,
        connections < threads ? threads : connections, MHD_OPTION_CONNECTION_TIMEOUT,
        idle_ms < 1000 ? 1 : idle_ms / 1000, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)CONNECTION_BYTES, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_UNESCAPE_CALLBACK,
        keep_escapes, NULL, MHD_OPTION_URI_LOG_CALLBACK, begin_request, server,
        MHD_OPTION_NOTIFY_CONNECTION, notify_connection, server, MHD_OPTION_NOTIFY_COMPLETED,
        notify_completed, server, MHD_OPTION_END);
}

static bool init_locks(struct rest_server *server)
{
    pthread_condattr_t attributes;
    bool ok = pthread_condattr_init(&attributes) == 0 &&
              pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0 &&
              pthread_cond_init(&server->quiet, &attributes) == 0 &&
              pthread_cond_init(&server->transport->work, NULL) == 0 &&
              pthread_mutex_init(&server->transport->lingerers.lock, NULL) == 0;

    pthread_condattr_destroy(&attributes);
    return ok && pthread_mutex_init(&server->lock, NULL) == 0;
}

static void server_free(struct rest_server *server)
{
    if (server == NULL)
        return;
    access_log_close(server->access_log);
    free(server->transport->socket_path);
    free(server->transport);
    free(server);
}

int rest_start(harper *db, const struct rest_options *options, struct rest_server **out,
               harper_error *error)
{
    struct rest_server *server = calloc(1, sizeof *server);
    int fd;

    *out = NULL;
    if (!guard_is_in_place()) {
        free(server);
        return fail(error, HARPER_INTERNAL, "%s",
                    "this program does not read its sockets through the guard");
    }
    if (server == NULL || (server->transport = calloc(1, sizeof *server->transport)) == NULL ||
        !init_locks(server)) {
        free(server);
        return fail(error, HARPER_NO_MEMORY, "%s", "out of memory");
    }
    server->db = db;
    server->exports_all = options->exports_all;
    server->operations = options->operations;
    server->behaviour = options->behaviour;
    server->limits = (struct guard_limits){
        .body_bytes_max = options->body_bytes_max == 0 ? 16u << 20 : options->body_bytes_max,
        .head_ms = options->header_ms == 0 ? 10000 : options->header_ms,
        .body_ms = options->body_ms == 0 ? 120000 : options->body_ms};
    server->access_log = -1;
    if (options->access_log != NULL) {
        server->access_log = access_log_open(options->access_log);
        if (server->access_log < 0) {
            server_free(server);
            return fail(error, HARPER_IO, "%s cannot be written", options->access_log);
        }
    }
    fd = listener_open(options, &server->transport->port, error);
    if (fd < 0) {
        server_free(server);
        return error == NULL ? HARPER_IO : error->status;
    }
    server->transport->listener = fd;
    if (options->socket_path != NULL)
        server->transport->socket_path = strdup(options->socket_path);
    server->transport->has_reaper =
        pthread_create(&server->transport->reaper, NULL, reap, server) == 0;
    if (server->transport->has_reaper && !options->writes_at_once)
        start_writers(server, options->writers == 0 ? WRITERS : options->writers);
    if (server->transport->has_reaper)
        server->transport->daemon = start_daemon(server, options, fd);
    if (server->transport->daemon == NULL) {
        close(fd);
        rest_stop(server, 0);
        return fail(error, HARPER_INTERNAL, "%s", "the HTTP server cannot be started");
    }
    *out = server;
    return HARPER_OK;
}

uint16_t rest_port(const struct rest_server *server)
{
    return server->transport->port;
}

/* Until no request is running, for at most drain_ms. */
static void wait_quiet(struct rest_server *server, uint32_t drain_ms)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += drain_ms / 1000;
    until.tv_nsec += (long)(drain_ms % 1000) * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_nsec -= 1000000000L;
        until.tv_sec++;
    }
    pthread_mutex_lock(&server->lock);
    while (atomic_load(&server->active) > 0)
        if (pthread_cond_timedwait(&server->quiet, &server->lock, &until) == ETIMEDOUT)
            break;
    pthread_mutex_unlock(&server->lock);
}

void rest_stop(struct rest_server *server, uint32_t drain_ms)
{
    struct transport *transport = server->transport;

    if (transport->daemon == NULL) {
        stop_writers(server);
    } else {
        if (transport->socket_path != NULL)
            unlink(transport->socket_path);
        listener_end(transport->listener);
        atomic_store(&server->is_draining, true);
        wait_quiet(server, drain_ms);
        stop_writers(server);
        MHD_stop_daemon(transport->daemon);
    }
    pthread_mutex_lock(&server->lock);
    transport->is_stopping = true;
    pthread_cond_broadcast(&server->quiet);
    pthread_mutex_unlock(&server->lock);
    if (transport->has_reaper)
        pthread_join(transport->reaper, NULL);
    while (server->workers != NULL) {
        struct worker *worker = server->workers;

        server->workers = worker->next;
        worker_free(worker);
    }
    pthread_mutex_destroy(&transport->lingerers.lock);
    pthread_cond_destroy(&transport->work);
    pthread_cond_destroy(&server->quiet);
    pthread_mutex_destroy(&server->lock);
    server_free(server);
}
