#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "storage/table/record_cache.h"
#include <stdio.h>

static const struct slice key = {"key", 3}, old_row = {"old", 3}, new_row = {"newer", 5};

static void a_row_answers_snapshots_from_its_reading_to_its_next_change(void **state)
{
    struct record_cache *cache = record_cache_new(1 << 20);
    struct buf out = {0};

    (void)state;
    record_cache_put(cache, 7, key, 10, old_row);
    assert_true(record_cache_get(cache, 7, key, 10, &out));
    assert_true(slice_equal(buf_slice(&out), old_row));
    assert_true(record_cache_get(cache, 7, key, 15, &out));
    assert_false(record_cache_get(cache, 7, key, 9, &out)); /* it may have been another before */
    assert_false(record_cache_get(cache, 8, key, 10, &out));
    record_cache_mark(cache, 7, key, 12);
    assert_true(record_cache_get(cache, 7, key, 11, &out));
    assert_false(record_cache_get(cache, 7, key, 12, &out));
    record_cache_put(cache, 7, key, 13, new_row);
    assert_true(record_cache_get(cache, 7, key, 13, &out));
    assert_true(slice_equal(buf_slice(&out), new_row));
    assert_false(record_cache_get(cache, 7, key, 11, &out));
    buf_free(&out);
    record_cache_free(cache);
}

/* The reader looked before the change and enters what it found after it. */
static void a_late_entry_of_an_old_snapshot_is_refused(void **state)
{
    struct record_cache *cache = record_cache_new(1 << 20);
    struct buf out = {0};

    (void)state;
    record_cache_mark(cache, 7, key, 12);
    record_cache_put(cache, 7, key, 11, old_row);
    assert_false(record_cache_get(cache, 7, key, 12, &out));
    assert_false(record_cache_get(cache, 7, key, 11, &out));
    record_cache_mark_all(cache, 20);
    record_cache_put(cache, 7, key, 19, old_row);
    assert_false(record_cache_get(cache, 7, key, 20, &out));
    record_cache_put(cache, 7, key, 20, new_row);
    assert_true(record_cache_get(cache, 7, key, 20, &out));
    record_cache_mark_all(cache, 21);
    assert_false(record_cache_get(cache, 7, key, 21, &out));
    buf_free(&out);
    record_cache_free(cache);
}

static void more_rows_than_fit_push_others_out(void **state)
{
    enum { BYTES = 1 << 18, ROWS = 20000 };
    struct record_cache *cache = record_cache_new(BYTES);
    struct buf out = {0};
    char name[16];
    unsigned found = 0;

    (void)state;
    for (unsigned i = 0; i < ROWS; i++) {
        int len = snprintf(name, sizeof(name), "%u", i);

        record_cache_put(cache, 7, slice_of(name, (size_t)len), 1, new_row);
    }
    for (unsigned i = 0; i < ROWS; i++) {
        int len = snprintf(name, sizeof(name), "%u", i);

        found += record_cache_get(cache, 7, slice_of(name, (size_t)len), 1, &out);
    }
    assert_true(found > 200);
    assert_true(found < BYTES / 40);
    buf_free(&out);
    record_cache_free(cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_answers_snapshots_from_its_reading_to_its_next_change),
        cmocka_unit_test(a_late_entry_of_an_old_snapshot_is_refused),
        cmocka_unit_test(more_rows_than_fit_push_others_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
