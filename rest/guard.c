/*
 * The recv() that libmicrohttpd calls, and the judging of what it gets.
 *
 * libmicrohttpd waits with edge-triggered epoll and takes a short read for a drained socket. So a
 * read here may be short only when the socket is drained, or when nothing of what was read may go
 * on yet.
 */
#include "rest/guard.h"
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SOCKETS_MAX = 65536, CHUNK_LINE_BYTES_MAX = 256 };

/* recv() is told a socket's number and nothing else: the one table of the process. */
static struct {
    pthread_mutex_t lock; /* opening, closing, cutting; not reading */
    _Atomic(struct guard *) of[SOCKETS_MAX];
    _Atomic int highest;
} guards = {.lock = PTHREAD_MUTEX_INITIALIZER};

uint64_t guard_now_ms(void)
{
    return clock_monotonic_ns() / 1000000;
}

bool guard_open(struct guard *guard, int fd, const struct guard_limits *limits)
{
    if (fd < 0 || fd >= SOCKETS_MAX)
        return false;
    guard->fd = fd;
    guard->limits = limits;
    pthread_mutex_lock(&guards.lock);
    atomic_store(&guards.of[fd], guard);
    if (fd >= atomic_load(&guards.highest))
        atomic_store(&guards.highest, fd + 1);
    pthread_mutex_unlock(&guards.lock);
    return true;
}

void guard_close(struct guard *guard)
{
    pthread_mutex_lock(&guards.lock);
    if (guard->limits != NULL)
        atomic_store(&guards.of[guard->fd], NULL);
    pthread_mutex_unlock(&guards.lock);
    buf_free(&guard->held);
    buf_free(&guard->ready);
}

unsigned guard_cut_late(const struct guard_limits *limits, uint64_t now_ms)
{
    int highest = atomic_load(&guards.highest);
    unsigned count = 0;

    /* Under the lock, because a socket that is closed meanwhile may be somebody else's already. */
    pthread_mutex_lock(&guards.lock);
    for (int fd = 0; fd < highest; fd++) {
        struct guard *guard = atomic_load(&guards.of[fd]);
        uint64_t due = guard == NULL || guard->limits != limits ? 0 : atomic_load(&guard->due_ms);

        if (due != 0 && due <= now_ms) {
            shutdown(fd, SHUT_RDWR);
            count++;
        }
    }
    pthread_mutex_unlock(&guards.lock);
    return count;
}

/* ---- what goes on ---- */

/* Bytes go to the front of the reader's own buffer, where they never overtake what is still to be
 * judged, else into `ready`. */
struct flow {
    char *out; /* NULL: not in place */
    size_t len, room;
};

/* Bytes of the message itself: they only move forward. */
static void pass(struct guard *guard, struct flow *flow, const char *bytes, size_t len)
{
    if (guard->ready.len == 0 && flow->out != NULL) {
        if (len > 0 && flow->out + flow->len != bytes)
            memmove(flow->out + flow->len, bytes, len);
        flow->len += len;
        return;
    }
    buf_append(&guard->ready, bytes, len);
}

/* Our own bytes, in the room of the `used` ones that they stand for. */
static void pass_text(struct guard *guard, struct flow *flow, const char *text, size_t used)
{
    size_t len = strlen(text);

    if (guard->ready.len == 0 && flow->out != NULL && flow->len + len <= flow->room + used) {
        memcpy(flow->out + flow->len, text, len);
        flow->len += len;
        return;
    }
    buf_append(&guard->ready, text, len);
}

static size_t take_ready(struct guard *guard, char *out, size_t room)
{
    size_t len = guard->ready.len - guard->ready_at;

    if (len > room)
        len = room;
    if (len == 0)
        return 0;
    memcpy(out, guard->ready.data + guard->ready_at, len);
    guard->ready_at += len;
    if (guard->ready_at == guard->ready.len) {
        buf_clear(&guard->ready);
        guard->ready_at = 0;
    }
    return len;
}

/* ---- judging ---- */

static void set_due(struct guard *guard, uint32_t ms)
{
    atomic_store_explicit(&guard->due_ms, ms == 0 ? 0 : guard_now_ms() + ms, memory_order_relaxed);
}

static void clear_due(struct guard *guard)
{
    if (atomic_load_explicit(&guard->due_ms, memory_order_relaxed) != 0)
        atomic_store_explicit(&guard->due_ms, 0, memory_order_relaxed);
}

static void begin_request(struct guard *guard)
{
    guard->phase = GUARD_HEAD;
    guard->head = (struct head){0};
    clear_due(guard);
}

static void refuse_request(struct guard *guard, struct flow *flow)
{
    static const char request[] =
        "GET /refused HTTP/1.1\r\nHost: refused\r\nConnection: close\r\n\r\n";

    guard->status = guard->head.status;
    guard->detail = guard->head.detail;
    guard->phase = GUARD_REFUSED;
    guard->passed++;
    clear_due(guard);
    pass_text(guard, flow, request, 0);
}

/* The rest of the message says where the chunked body stands: at the beginning of a chunk, or
 * behind its data. */
static void refuse_body(struct guard *guard, struct flow *flow, int status, const char *detail,
                        const char *rest)
{
    guard->body_status = status;
    guard->detail = detail;
    guard->phase = GUARD_REFUSED;
    clear_due(guard);
    pass_text(guard, flow, rest, 0);
}

/* Each of these gives the number of bytes it consumed; 0: it needs more of them. */

/* libmicrohttpd takes blanks before the values that frame a body, but not behind them. */
static void move_blanks(const struct head *head, char *bytes)
{
    char *value = bytes + head->framing_at;
    size_t len = strcspn(value, " \t");

    memmove(value + head->framing_blanks, value, len);
    memset(value, ' ', head->framing_blanks);
}

static size_t judge_head(struct guard *guard, struct flow *flow, char *at, size_t len)
{
    char *question;

    switch (head_read(&guard->head, slice_of(at, len), guard->limits->body_bytes_max)) {
    case HEAD_INCOMPLETE:
        if (len > 0 && atomic_load_explicit(&guard->due_ms, memory_order_relaxed) == 0)
            set_due(guard, guard->limits->head_ms);
        return 0;
    case HEAD_REFUSED:
        refuse_request(guard, flow);
        return len;
    case HEAD_COMPLETE:
        break;
    }
    if (guard->head.framing_blanks > 0)
        move_blanks(&guard->head, at);
    question = memchr(at + guard->head.target_at, '?', guard->head.target_bytes);
    if (question != NULL)
        *question = HEAD_QUERY_MARK;
    len = guard->head.bytes;
    guard->passed++;
    pass(guard, flow, at, len);
    if (guard->head.is_chunked) {
        guard->phase = GUARD_CHUNK_SIZE;
        guard->body_bytes = 0;
        guard->trailer_bytes = 0;
        set_due(guard, guard->limits->body_ms);
    } else if (guard->head.content_length > 0) {
        guard->phase = GUARD_BODY;
        guard->remaining = guard->head.content_length;
        set_due(guard, guard->limits->body_ms);
    } else {
        begin_request(guard);
    }
    return len;
}

static size_t judge_body(struct guard *guard, struct flow *flow, char *at, size_t len)
{
    if (len > guard->remaining)
        len = (size_t)guard->remaining;
    pass(guard, flow, at, len);
    guard->remaining -= len;
    if (guard->remaining == 0) {
        if (guard->phase == GUARD_BODY)
            begin_request(guard);
        else
            guard->phase = GUARD_CHUNK_END;
    }
    return len;
}

/* "1f" or "1f;name=value": false when it is neither. */
static bool read_chunk_size(struct slice line, uint64_t *out)
{
    size_t k = 0;

    *out = 0;
    for (; k < line.len; k++) {
        char c = line.data[k];
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;

        if (digit < 0)
            break;
        if (k == 15)
            return false;
        *out = *out * 16 + (uint64_t)digit;
    }
    if (k == 0)
        return false;
    return k == line.len ||
           (line.data[k] == ';' && head_is_field_value(slice_of(line.data + k, line.len - k)));
}

/* The line at `at` without its end; false: refused, or (*used 0) not complete. */
static bool read_line(char *at, size_t len, size_t bytes_max, struct slice *line, size_t *used,
                      const char **wrong)
{
    char *newline = memchr(at, '\n', len);

    *used = 0;
    if (newline == NULL) {
        if (len >= bytes_max)
            *wrong = "a line of the chunked body is too long";
        return false;
    }
    if (newline == at || newline[-1] != '\r') {
        *wrong = "a line of the chunked body must end with CR LF";
        return false;
    }
    *used = (size_t)(newline - at) + 1;
    *line = slice_of(at, *used - 2);
    if (*used > bytes_max)
        *wrong = "a line of the chunked body is too long";
    return *wrong == NULL;
}

static size_t judge_chunk_size(struct guard *guard, struct flow *flow, char *at, size_t len)
{
    static const char end[] = "0\r\n\r\n";
    const char *wrong = NULL;
    struct slice line;
    size_t used;
    uint64_t size;
    char canonical[32];

    if (!read_line(at, len, CHUNK_LINE_BYTES_MAX, &line, &used, &wrong)) {
        if (wrong == NULL)
            return 0;
        refuse_body(guard, flow, 400, wrong, end);
        return len;
    }
    if (!read_chunk_size(line, &size)) {
        refuse_body(guard, flow, 400, "the size of a chunk is malformed", end);
        return len;
    }
    if (size > guard->limits->body_bytes_max ||
        guard->body_bytes + size > guard->limits->body_bytes_max) {
        refuse_body(guard, flow, 413, "the body is larger than this server accepts", end);
        return len;
    }
    if (size == 0) {
        guard->phase = GUARD_TRAILER;
        return used;
    }
    snprintf(canonical, sizeof canonical, "%llx\r\n", (unsigned long long)size);
    pass_text(guard, flow, canonical, used);
    guard->body_bytes += size;
    guard->remaining = size;
    guard->phase = GUARD_CHUNK;
    return used;
}

static size_t judge_chunk_end(struct guard *guard, struct flow *flow, char *at, size_t len)
{
    if (at[0] == '\r' && len == 1)
        return 0;
    if (at[0] != '\r' || at[1] != '\n') {
        refuse_body(guard, flow, 400, "a chunk is longer than it said", "\r\n0\r\n\r\n");
        return len;
    }
    pass(guard, flow, at, 2);
    guard->phase = GUARD_CHUNK_SIZE;
    return 2;
}

static size_t judge_trailer(struct guard *guard, struct flow *flow, char *at, size_t len)
{
    static const char end[] = "0\r\n\r\n";
    const char *wrong = NULL, *colon;
    struct slice line;
    size_t used;

    if (!read_line(at, len, HEAD_BYTES_MAX, &line, &used, &wrong) && wrong == NULL)
        return 0;
    guard->trailer_bytes += used;
    if (wrong == NULL && guard->trailer_bytes > HEAD_BYTES_MAX)
        wrong = "the trailer is too long";
    if (wrong == NULL && line.len > 0) {
        colon = memchr(line.data, ':', line.len);
        if (colon == NULL || !head_is_token(slice_of(line.data, (size_t)(colon - line.data))) ||
            !head_is_field_value(line))
            wrong = "a field of the trailer is malformed";
    }
    if (wrong != NULL) {
        refuse_body(guard, flow, 400, wrong, end);
        return len;
    }
    if (line.len == 0) {
        pass_text(guard, flow, end, used);
        begin_request(guard);
    }
    return used;
}

static size_t judge_one(struct guard *guard, struct flow *flow, char *at, size_t len)
{
    switch (guard->phase) {
    case GUARD_HEAD:
        return judge_head(guard, flow, at, len);
    case GUARD_BODY:
    case GUARD_CHUNK:
        return judge_body(guard, flow, at, len);
    case GUARD_CHUNK_SIZE:
        return judge_chunk_size(guard, flow, at, len);
    case GUARD_CHUNK_END:
        return judge_chunk_end(guard, flow, at, len);
    case GUARD_TRAILER:
        return judge_trailer(guard, flow, at, len);
    case GUARD_REFUSED:
        return len;
    }
    return len;
}

/* Returns how many bytes were consumed; the rest is the beginning of something. */
static size_t judge(struct guard *guard, struct flow *flow, char *bytes, size_t len)
{
    size_t at = 0;

    while (at < len) {
        size_t used;

        flow->room = at;
        used = judge_one(guard, flow, bytes + at, len - at);
        if (used == 0)
            break;
        at += used;
    }
    return at;
}

/* `len` new bytes at `bytes`; what may go on is written there, the number returned. */
static size_t judge_read(struct guard *guard, char *bytes, size_t len, size_t room)
{
    struct flow flow = {.out = bytes};
    size_t used;

    if (guard->held.len == 0) {
        used = judge(guard, &flow, bytes, len);
        buf_append(&guard->held, bytes + used, len - used);
    } else {
        buf_append(&guard->held, bytes, len);
        flow.out = NULL;
        used = judge(guard, &flow, guard->held.data, guard->held.len);
        guard->held.len -= used;
        if (guard->held.len > 0 && used > 0)
            memmove(guard->held.data, guard->held.data + used, guard->held.len);
    }
    return flow.len + take_ready(guard, bytes + flow.len, room - flow.len);
}

static ssize_t guarded_recv(struct guard *guard, char *out, size_t room, int flags)
{
    size_t got = take_ready(guard, out, room);
    ssize_t n = 1;

    while (got < room) {
        n = recvfrom(guard->fd, out + got, room - got, flags, NULL, NULL);
        if (n <= 0)
            break;
        bool is_drained = (size_t)n < room - got;

        got += judge_read(guard, out + got, (size_t)n, room - got);
        if (guard->held.failed || guard->ready.failed) {
            errno = ENOMEM;
            return -1;
        }
        if (is_drained)
            break;
    }
    if (got > 0)
        return (ssize_t)got;
    if (n > 0) { /* nothing of it may go on yet */
        errno = EAGAIN;
        return -1;
    }
    return n;
}

/* Found by libmicrohttpd before the C library's. */
__attribute__((visibility("default"))) ssize_t recv(int fd, void *out, size_t room, int flags)
{
    struct guard *guard = fd >= 0 && fd < SOCKETS_MAX
                              ? atomic_load_explicit(&guards.of[fd], memory_order_acquire)
                              : NULL;

    if (guard == NULL || (flags & MSG_PEEK) != 0)
        return recvfrom(fd, out, room, flags, NULL, NULL);
    return guarded_recv(guard, out, room, flags);
}

bool guard_is_in_place(void)
{
    return dlsym(RTLD_DEFAULT, "recv") == (void *)(uintptr_t)recv;
}
