/* The guard over a socket pair: what goes in by one end comes out judged at the other. */
#include "rest/guard.h"
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h> /* needs what stands above */

#define REFUSED "GET /refused HTTP/1.1\r\nHost: refused\r\nConnection: close\r\n\r\n"
#define GET     "GET /a HTTP/1.1\r\nHost: h\r\n\r\n"
#define CHUNKED "PUT /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"

static const struct guard_limits limits = {.body_bytes_max = 1000, .head_ms = 50, .body_ms = 50};

/* Everything that comes out when `in` goes in, `piece` bytes at a time, read `room` at a time. */
static struct slice through(struct guard *guard, struct slice in, size_t piece, size_t room,
                            struct buf *out)
{
    int ends[2];
    char bytes[512];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    *guard = (struct guard){0};
    buf_clear(out);
    assert_true(guard_open(guard, ends[0], &limits));
    for (size_t at = 0; at < in.len; at += piece) {
        size_t len = in.len - at < piece ? in.len - at : piece;
        ssize_t n;

        assert_int_equal(write(ends[1], in.data + at, len), (ssize_t)len);
        while ((n = recv(ends[0], bytes, room, 0)) > 0) {
            buf_append(out, bytes, (size_t)n);
            if ((size_t)n < room)
                break; /* as libmicrohttpd does: a short read is a drained socket */
        }
    }
    guard_close(guard);
    close(ends[0]);
    close(ends[1]);
    return buf_slice(out);
}

static void what_is_allowed_goes_on_and_the_rest_is_replaced(void **state)
{
    static const struct {
        const char *in, *out;
    } cases[] = {
        {GET, GET},
        {GET GET, GET GET},
        {"GET /a?b=?c HTTP/1.1\r\nHost: h\r\n\r\n", "GET /a\001b=?c HTTP/1.1\r\nHost: h\r\n\r\n"},
        {GET "GET /a HTTP/1.1\r\n\r\n" GET, GET REFUSED},
        {"PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc" GET,
         "PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc" GET},
        {"PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3 \r\n\r\nabc" GET,
         "PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length:  3\r\n\r\nabc" GET},
        {"PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 1001\r\n\r\n", REFUSED},
        {CHUNKED "3\r\nabc\r\n0\r\n\r\n" GET, CHUNKED "3\r\nabc\r\n0\r\n\r\n" GET},
        {CHUNKED "0003;x=y\r\nabc\r\n00;z\r\nT: u\r\n\r\n" GET,
         CHUNKED "3\r\nabc\r\n0\r\n\r\n" GET},
        {CHUNKED "3\r\nabcd\r\n0\r\n\r\n" GET, CHUNKED "3\r\nabc\r\n0\r\n\r\n"},
        {CHUNKED "x\r\n" GET, CHUNKED "0\r\n\r\n"},
        {CHUNKED "3\r\nabc\r\n3e8\r\n", CHUNKED "3\r\nabc\r\n0\r\n\r\n"},
        {"GET /a HTTP/1.1\r\nHost: h", ""},
    };
    struct buf out = {0};
    struct guard guard;

    (void)state;
    for (size_t k = 0; k < COUNT_OF(cases); k++) {
        struct slice in = slice_text(cases[k].in), wanted = slice_text(cases[k].out);

        for (size_t piece = 1; piece <= in.len; piece++) {
            for (size_t room = 1; room < 200; room = room * 2 + 1) {
                struct slice got = through(&guard, in, piece, room, &out);

                if (!slice_equal(got, wanted))
                    fail_msg("case %zu, pieces of %zu, room %zu: %.*s", k, piece, room,
                             (int)got.len, got.data);
            }
        }
    }
    buf_free(&out);
}

static void a_refusal_says_why(void **state)
{
    struct buf out = {0};
    struct guard guard;

    (void)state;
    through(&guard, slice_text("GET /a HTTP/1.1\r\n\r\n"), 1000, 512, &out);
    assert_int_equal(guard.status, 400);
    assert_string_equal(guard.detail, "Host is missing");
    through(&guard, slice_text("PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 2000\r\n\r\n"), 1000,
            512, &out);
    assert_int_equal(guard.status, 413);
    through(&guard, slice_text(CHUNKED "fff\r\n"), 1000, 512, &out);
    assert_int_equal(guard.body_status, 413);
    buf_free(&out);
}

static void a_late_head_is_cut_and_an_idle_connection_is_not(void **state)
{
    struct guard guard = {0};
    int ends[2];
    char bytes[64];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    assert_true(guard_open(&guard, ends[0], &limits));
    assert_int_equal(guard_cut_late(&limits, guard_now_ms() + 1000), 0);
    assert_int_equal(write(ends[1], "GET /", 5), 5);
    assert_int_equal(recv(ends[0], bytes, sizeof bytes, 0), -1);
    assert_int_equal(errno, EAGAIN);
    assert_int_equal(guard_cut_late(&limits, guard_now_ms()), 0);
    assert_int_equal(guard_cut_late(&limits, guard_now_ms() + 1000), 1);
    assert_int_equal(recv(ends[0], bytes, sizeof bytes, 0), 0);
    guard_close(&guard);
    close(ends[0]);
    close(ends[1]);
}

static void sockets_that_are_not_guarded_are_left_alone(void **state)
{
    int ends[2];
    char bytes[64];

    (void)state;
    assert_true(guard_is_in_place());
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    assert_int_equal(write(ends[1], "\n\n", 2), 2);
    assert_int_equal(recv(ends[0], bytes, sizeof bytes, 0), 2);
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_allowed_goes_on_and_the_rest_is_replaced),
        cmocka_unit_test(a_refusal_says_why),
        cmocka_unit_test(a_late_head_is_cut_and_an_idle_connection_is_not),
        cmocka_unit_test(sockets_that_are_not_guarded_are_left_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
