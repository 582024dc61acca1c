#include "storage/base/base.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h> /* needs what stands above */

/* ---- status ---- */

static void every_status_has_a_name_a_text_and_an_http_status(void **state)
{
    (void)state;
    for (int st = 0; st < STATUS_COUNT; st++) {
        assert_true(status_name((enum status)st)[0] != '\0');
        assert_true(status_text((enum status)st)[0] != '\0');
        assert_in_range(status_http((enum status)st), 200, 599);
    }
    assert_string_equal(status_name(ST_SYNTAX), "SYNTAX");
    assert_false(status_is_failure(ST_EXISTS));
    assert_true(status_is_failure(ST_SYNTAX));
    assert_int_equal(status_http((enum status)9999), 500);
}

static void a_long_message_is_cut_between_characters(void **state)
{
    struct error err;
    char text[2000];

    (void)state;
    for (size_t shift = 0; shift < 4; shift++) {
        memset(text, 'x', shift);
        for (size_t i = shift; i + 4 < sizeof(text); i += 4)
            memcpy(text + i, "\xf0\x9f\x98\x80", 5);
        assert_int_equal(error_set(&err, ST_TYPE, 7, "%s", text), ST_TYPE);
        size_t len = strlen(err.message);
        assert_in_range(len, ERROR_MESSAGE_BYTES - 4, ERROR_MESSAGE_BYTES - 1);
        assert_int_equal((len - shift) % 4, 0);
        assert_int_equal(err.offset, 7);
    }
}

static void a_message_may_be_built_from_the_one_before(void **state)
{
    struct error err;

    (void)state;
    (void)error_set(&err, ST_TYPE, -1, "column b");
    (void)error_set(&err, ST_TYPE, -1, "table a: %s", error_message(&err));
    assert_string_equal(error_message(&err), "table a: column b");
    error_clear(&err);
    assert_string_equal(error_message(&err), "ok");
    assert_int_equal(error_set(NULL, ST_IO, -1, "nobody listens"), ST_IO);
}

/* ---- arena ---- */

static void arena_room_is_aligned_and_does_not_overlap(void **state)
{
    struct arena arena = {0};
    char *rooms[200];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rooms); i++) {
        rooms[i] = arena_alloc(&arena, i * 37);
        assert_non_null(rooms[i]);
        assert_int_equal((uintptr_t)rooms[i] % 16, 0);
        memset(rooms[i], (int)i, i * 37);
    }
    for (size_t i = 0; i < COUNT_OF(rooms); i++)
        for (size_t k = 0; k < i * 37; k++)
            assert_int_equal((unsigned char)rooms[i][k], i);
    arena_deinit(&arena);
    assert_int_equal(arena.used_bytes, 0);
}

static void a_released_mark_gives_the_room_back(void **state)
{
    struct arena arena = {0};

    (void)state;
    struct arena_mark empty = arena_mark(&arena);
    (void)arena_alloc(&arena, 100);
    struct arena_mark mark = arena_mark(&arena);
    char *first = arena_alloc(&arena, 50);
    size_t used = arena.used_bytes;
    for (int i = 0; i < 100; i++)
        (void)arena_alloc(&arena, 1000);
    assert_true(arena.used_bytes > used);
    arena_release(&arena, mark);
    assert_int_equal(arena.used_bytes, used);
    assert_ptr_equal(arena_alloc(&arena, 50), first);
    arena_release(&arena, empty);
    assert_non_null(arena_alloc(&arena, 10));
    arena_deinit(&arena);
}

static void a_loop_that_resets_its_arena_soon_allocates_nothing(void **state)
{
    struct arena arena;

    (void)state;
    arena_init(&arena, 0);
    for (int round = 0; round < 10; round++) {
        arena_reset(&arena);
        size_t used = arena.used_bytes;
        for (int i = 0; i < 20; i++)
            assert_non_null(arena_alloc(&arena, 1000));
        if (round > 4)
            assert_int_equal(arena.used_bytes, used);
    }
    (void)arena_alloc(&arena, 10000000);
    arena_reset(&arena);
    assert_true(arena.used_bytes < 1000000);
    arena_deinit(&arena);
    assert_int_equal(arena.used_bytes, 0);
    arena_reset(&arena);
    assert_non_null(arena_alloc(&arena, 10000000));
    arena_reset(&arena);
    assert_int_equal(arena.used_bytes, 0);
    arena_deinit(&arena);
}

static void a_limit_and_an_overflow_fail_and_stay_failed(void **state)
{
    struct arena arena;

    (void)state;
    arena_init(&arena, 10000);
    assert_non_null(arena_alloc(&arena, 5000));
    assert_null(arena_alloc(&arena, 6000));
    assert_true(arena.failed);
    assert_true(arena.used_bytes <= 10000);
    arena_reset(&arena);
    assert_false(arena.failed);
    assert_null(arena_zalloc_array(&arena, SIZE_MAX / 2, 16));
    assert_null(arena_alloc(&arena, SIZE_MAX - 5));
    arena_deinit(&arena);
}

static void text_is_copied_with_a_nul_behind_it(void **state)
{
    struct arena arena = {0};

    (void)state;
    assert_string_equal(arena_strdup(&arena, slice_text("abc")), "abc");
    assert_string_equal(arena_copy(&arena, slice_empty()).data, "");
    assert_string_equal(arena_printf(&arena, "%d-%s", 5, "x"), "5-x");
    arena_deinit(&arena);
}

/* ---- buf ---- */

static void integers_come_back_from_a_buffer(void **state)
{
    struct buf buf = {0};
    const uint64_t varints[] = {0, 1, 127, 128, 16383, 16384, UINT32_MAX, UINT64_MAX};
    uint8_t u8;
    uint16_t u16;
    uint32_t u32;
    uint64_t u64;

    (void)state;
    buf_append_u16_le(&buf, 0x1234);
    buf_append_u32_le(&buf, 0x12345678);
    buf_append_u64_le(&buf, 0x123456789abcdef0);
    buf_append_u16_be(&buf, 0x1234);
    buf_append_u32_be(&buf, 0x12345678);
    buf_append_u64_be(&buf, 0x123456789abcdef0);
    assert_memory_equal(buf.data, "\x34\x12\x78\x56\x34\x12", 6);
    assert_memory_equal(buf.data + 14, "\x12\x34\x12\x34\x56\x78", 6);
    for (size_t i = 0; i < COUNT_OF(varints); i++)
        buf_append_varint(&buf, varints[i]);
    buf_append_byte(&buf, 9);
    struct slice in = buf_slice(&buf);
    assert_true(read_u16_le(&in, &u16) && u16 == 0x1234);
    assert_true(read_u32_le(&in, &u32) && u32 == 0x12345678);
    assert_true(read_u64_le(&in, &u64) && u64 == 0x123456789abcdef0);
    assert_true(read_u16_be(&in, &u16) && u16 == 0x1234);
    assert_true(read_u32_be(&in, &u32) && u32 == 0x12345678);
    assert_true(read_u64_be(&in, &u64) && u64 == 0x123456789abcdef0);
    for (size_t i = 0; i < COUNT_OF(varints); i++)
        assert_true(read_varint(&in, &u64) && u64 == varints[i]);
    assert_true(read_u8(&in, &u8) && u8 == 9);
    assert_false(read_u8(&in, &u8) || read_u16_le(&in, &u16) || read_varint(&in, &u64));
    buf_free(&buf);
}

static void an_unfinished_or_too_long_varint_is_refused_and_left(void **state)
{
    struct slice cut = slice_text("\x80\x80");
    struct slice eleven = slice_text("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01");
    struct slice big = slice_text("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02");
    uint64_t value;

    (void)state;
    assert_false(read_varint(&cut, &value));
    assert_int_equal(cut.len, 2);
    assert_false(read_varint(&eleven, &value));
    assert_false(read_varint(&big, &value));
}

static void a_buffer_that_failed_stays_as_it_was(void **state)
{
    struct buf buf = {0};

    (void)state;
    buf_append_text(&buf, "abc");
    assert_false(buf_reserve(&buf, SIZE_MAX));
    buf_append_fill(&buf, 'x', 1000);
    assert_int_equal(buf_status(&buf), ST_NO_MEMORY);
    assert_int_equal(buf.len, 3);
    buf_clear(&buf);
    assert_int_equal(buf_status(&buf), ST_OK);
    for (int i = 0; i < 300; i++)
        buf_printf(&buf, "%d,", i);
    assert_int_equal(strlen(buf_cstr(&buf)), buf.len);
    assert_int_equal(buf.len, 10 * 2 + 90 * 3 + 200 * 4);
    buf_free(&buf);
}

static void slices_compare_as_bytes(void **state)
{
    (void)state;
    assert_true(slice_compare(slice_text("a"), slice_text("ab")) < 0);
    assert_true(slice_compare(slice_text("\xff"), slice_text("a")) > 0);
    assert_true(slice_compare(slice_empty(), slice_empty()) == 0);
    assert_true(slice_is_nocase(slice_text("SeLect"), "select"));
    assert_false(slice_is_nocase(slice_text("[elect"), "{elect"));
    assert_true(slice_is(slice_text("a"), "a"));
}

/* ---- clock and fail-points ---- */

static void the_wall_clock_can_be_shifted(void **state)
{
    int64_t before = clock_wall_us();

    (void)state;
    clock_test_shift_us(3600000000);
    assert_true(clock_wall_us() - before >= 3600000000);
    clock_test_shift_us(-3600000000);
    assert_true(clock_wall_us() - before < 3600000000);
    assert_true(clock_monotonic_ns() <= clock_monotonic_ns());
}

static void an_armed_failpoint_acts_from_its_hit_on(void **state)
{
    (void)state;
    assert_int_equal(FAILPOINT("a"), ST_OK);
    assert_int_equal(failpoint_arm("a=error@3", NULL), ST_OK);
    assert_int_equal(failpoint_arm("b=full@2@once", NULL), ST_OK);
    assert_int_equal(failpoint_arm("c=sleep:1", NULL), ST_OK);
    assert_int_equal(FAILPOINT("a"), ST_OK);
    assert_int_equal(FAILPOINT("a"), ST_OK);
    assert_int_equal(FAILPOINT("a"), ST_IO);
    assert_int_equal(FAILPOINT("a"), ST_IO);
    assert_int_equal(FAILPOINT("b"), ST_OK);
    assert_int_equal(FAILPOINT("b"), ST_FULL);
    assert_int_equal(FAILPOINT("b"), ST_OK);
    assert_int_equal(FAILPOINT("c"), ST_OK);
    assert_int_equal(failpoint_hit_count("a"), 4);
    assert_int_equal(failpoint_hit_count("d"), 0);
    assert_int_equal(failpoint_arm("a=error", NULL), ST_OK);
    assert_int_equal(failpoint_hit_count("a"), 0);
    failpoint_disarm_all();
    assert_int_equal(FAILPOINT("a"), ST_OK);
}

static void a_failpoint_that_makes_no_sense_is_refused(void **state)
{
    const char *cases[] = {"a",         "=error",  "a=",       "a=explode", "a=error@",
                           "a=error@0", "a=sleep", "a=sleep:", "a=error@3x"};
    struct error err;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_int_equal(failpoint_arm(cases[i], &err), ST_INVALID);
    assert_false(failpoints_are_armed);
}

static void a_kill_failpoint_ends_the_process(void **state)
{
    int how;
    pid_t child = fork();

    (void)state;
    if (child == 0) {
        (void)failpoint_arm("k=kill@2", NULL);
        (void)FAILPOINT("k");
        (void)FAILPOINT("k");
        _exit(0);
    }
    assert_true(waitpid(child, &how, 0) == child);
    assert_true(WIFSIGNALED(how) && WTERMSIG(how) == 9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_status_has_a_name_a_text_and_an_http_status),
        cmocka_unit_test(a_long_message_is_cut_between_characters),
        cmocka_unit_test(a_message_may_be_built_from_the_one_before),
        cmocka_unit_test(arena_room_is_aligned_and_does_not_overlap),
        cmocka_unit_test(a_released_mark_gives_the_room_back),
        cmocka_unit_test(a_loop_that_resets_its_arena_soon_allocates_nothing),
        cmocka_unit_test(a_limit_and_an_overflow_fail_and_stay_failed),
        cmocka_unit_test(text_is_copied_with_a_nul_behind_it),
        cmocka_unit_test(integers_come_back_from_a_buffer),
        cmocka_unit_test(an_unfinished_or_too_long_varint_is_refused_and_left),
        cmocka_unit_test(a_buffer_that_failed_stays_as_it_was),
        cmocka_unit_test(slices_compare_as_bytes),
        cmocka_unit_test(the_wall_clock_can_be_shifted),
        cmocka_unit_test(an_armed_failpoint_acts_from_its_hit_on),
        cmocka_unit_test(a_failpoint_that_makes_no_sense_is_refused),
        cmocka_unit_test(a_kill_failpoint_ends_the_process),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
