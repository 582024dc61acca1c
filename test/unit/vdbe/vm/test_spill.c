/* Sorter, sets, hash tables, groups and row buffers: the same answers whether they fit in memory or
 * not. Random rows, always from the same seed. */
#include "vdbe/vm/vm_internal.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
// cmocka needs the four above
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

enum { ROWS = 5000, TINY = 16 << 10, LARGE = 64 << 20 };

static uint64_t random_next(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static char texts[ROWS][24];

/* Nulls, ints, reals and texts, with many equal ones. */
static void make_rows(struct value rows[ROWS])
{
    uint64_t seed = 0x1234567;

    for (size_t k = 0; k < ROWS; k++) {
        const uint64_t r = random_next(&seed);

        switch (r % 5) {
        case 0:
            rows[k] = value_null();
            break;
        case 1:
            rows[k] = value_real((double)(r >> 40 & 255) / 2);
            break;
        case 2:
        case 3:
            rows[k] = value_int((int64_t)(r >> 30 & 1023) - 512);
            break;
        default:
            (void)snprintf(texts[k], sizeof(texts[k]), "text-%u", (unsigned)(r >> 20 & 4095));
            rows[k] = value_text(slice_text(texts[k]));
            break;
        }
    }
}

static struct value rows[ROWS];

static void sort_and_check(size_t memory, bool descending, bool nulls_last, uint64_t limit,
                           bool is_spilled)
{
    const struct sort_part part = {.descending = descending, .nulls_last = nulls_last};
    const struct object_spec spec = {.key_count = 1, .row_count = 2, .parts = &part};
    const size_t expected = limit < ROWS ? (size_t)limit : ROWS;
    struct value last = {0}, out[2];
    int64_t last_number = -1;
    struct sorter *sorter;
    size_t count = 0;

    assert_int_equal(sorter_new(&spec, memory, NULL, &sorter), ST_OK);
    sorter_limit(sorter, limit);
    for (size_t k = 0; k < ROWS; k++) {
        const struct value row[3] = {rows[k], rows[k], value_int((int64_t)k)};

        assert_int_equal(sorter_add(sorter, row), ST_OK);
    }
    for (enum status st = sorter_first(sorter); st == ST_OK; st = sorter_next(sorter), count++) {
        sorter_row(sorter, out);
        if (count > 0) {
            int order = value_compare(last, out[0], COLLATE_BINARY);

            if (descending)
                order = -order;
            if (value_is_null(last) != value_is_null(out[0]))
                order = value_is_null(last) == nulls_last ? 1 : -1;
            assert_true(order <= 0);
            if (order == 0)
                assert_true(last_number < out[1].as.i); /* equal rows keep their order */
        }
        last = rows[out[1].as.i]; /* its own bytes outlive the sorter's row */
        assert_true(value_identical(last, out[0]));
        last_number = out[1].as.i;
    }
    assert_int_equal(count, expected);
    assert_true((sorter_run_count(sorter) > 1) == is_spilled);
    sorter_free(sorter);
}

static void a_sorter_orders_rows_and_keeps_equal_ones_as_they_came(void **state)
{
    (void)state;
    make_rows(rows);
    for (int k = 0; k < 4; k++) {
        sort_and_check(LARGE, k & 1, k & 2, UINT64_MAX, false);
        sort_and_check(TINY, k & 1, k & 2, UINT64_MAX, true);
        sort_and_check(LARGE, k & 1, k & 2, 10, false);
        sort_and_check(LARGE, k & 1, k & 2, 3000, false);
    }
    sort_and_check(LARGE, false, false, 0, false);
}

static void a_queue_gives_the_least_row_between_additions(void **state)
{
    const struct sort_part part = {0};
    const struct object_spec spec = {
        .key_count = 1, .row_count = 1, .parts = &part, .is_queue = true};
    const int64_t order[] = {5, 3, 9};
    struct sorter *sorter;
    struct value out;

    (void)state;
    assert_int_equal(sorter_new(&spec, LARGE, NULL, &sorter), ST_OK);
    for (size_t k = 0; k < COUNT_OF(order); k++) {
        const struct value row[2] = {value_int(order[k]), value_int(order[k])};

        assert_int_equal(sorter_add(sorter, row), ST_OK);
    }
    assert_int_equal(sorter_pop(sorter, &out), ST_OK);
    assert_int_equal(out.as.i, 3);
    assert_int_equal(sorter_add(sorter, (const struct value[]){value_int(4), value_int(4)}), ST_OK);
    assert_int_equal(sorter_pop(sorter, &out), ST_OK);
    assert_int_equal(out.as.i, 4);
    assert_int_equal(sorter_pop(sorter, &out), ST_OK);
    assert_int_equal(sorter_pop(sorter, &out), ST_OK);
    assert_int_equal(out.as.i, 9);
    assert_int_equal(sorter_pop(sorter, &out), ST_DONE);
    sorter_free(sorter);
}

static size_t distinct_rows(void)
{
    size_t count = 0;

    for (size_t k = 0; k < ROWS; k++) {
        size_t other = 0;

        while (other < k && value_compare(rows[k], rows[other], COLLATE_BINARY) != 0)
            other++;
        count += other == k;
    }
    return count;
}

static void a_set_tells_equal_rows_apart_from_new_ones(void **state)
{
    static const size_t budgets[] = {LARGE, TINY};
    const struct sort_part part = {0};
    const struct object_spec spec = {.key_count = 1, .row_count = 1, .parts = &part};
    const size_t expected = distinct_rows();

    (void)state;
    for (size_t b = 0; b < COUNT_OF(budgets); b++) {
        struct keyset *set;
        struct value out;
        size_t added = 0, read = 0;

        assert_int_equal(keyset_new(&spec, budgets[b], NULL, &set), ST_OK);
        for (size_t k = 0; k < ROWS; k++)
            added += keyset_add(set, &rows[k]) == ST_OK;
        assert_int_equal(added, expected);
        assert_int_equal(keyset_has(set, &rows[17]), ST_EXISTS);
        assert_int_equal(keyset_delete(set, &rows[17]), ST_OK);
        assert_int_equal(keyset_has(set, &rows[17]), ST_OK);
        while (keyset_next(set, &out, 1) == ST_OK)
            read++;
        assert_int_equal(read, expected - 1);
        keyset_free(set);
    }
}

static void in_is_unknown_when_only_a_null_could_match(void **state)
{
    const struct sort_part part = {0};
    const struct object_spec spec = {.key_count = 1, .parts = &part};
    const struct value null = value_null(), one = value_int(1), two = value_int(2);
    struct keyset *set;
    struct value out;

    (void)state;
    assert_int_equal(keyset_new(&spec, LARGE, NULL, &set), ST_OK);
    assert_int_equal(keyset_in(set, &null, &out), ST_OK);
    assert_int_equal(out.as.i, 0); /* nothing is in an empty set, not even null */
    assert_int_equal(keyset_add(set, &one), ST_OK);
    assert_int_equal(keyset_in(set, &two, &out), ST_OK);
    assert_true(out.kind == VALUE_INT && out.as.i == 0);
    assert_int_equal(keyset_in(set, &null, &out), ST_OK);
    assert_true(value_is_null(out));
    assert_int_equal(keyset_add(set, &null), ST_OK);
    assert_int_equal(keyset_in(set, &two, &out), ST_OK);
    assert_true(value_is_null(out));
    assert_int_equal(keyset_in(set, &one, &out), ST_OK);
    assert_int_equal(out.as.i, 1);
    keyset_free(set);
}

static void a_hash_table_finds_every_row_of_a_key(void **state)
{
    static const size_t budgets[] = {LARGE, TINY};
    const struct sort_part part = {0};
    const struct object_spec spec = {.key_count = 1, .row_count = 1, .parts = &part};

    (void)state;
    for (size_t b = 0; b < COUNT_OF(budgets); b++) {
        struct hash_table *table;

        assert_int_equal(hash_table_new(&spec, budgets[b], NULL, &table), ST_OK);
        for (size_t k = 0; k < ROWS; k++) {
            const struct value row[2] = {rows[k], value_int((int64_t)k)};

            assert_int_equal(hash_table_add(table, row), ST_OK);
        }
        for (size_t k = 0; k < ROWS; k += 97) {
            size_t found = 0, expected = 0;
            struct value out;

            for (size_t other = 0; other < ROWS; other++)
                expected += !value_is_null(rows[k]) &&
                            value_compare(rows[k], rows[other], COLLATE_BINARY) == 0;
            for (enum status st = hash_table_probe(table, &rows[k]); st == ST_OK;
                 st = hash_table_next(table), found++) {
                hash_table_row(table, &out);
                assert_int_equal(value_compare(rows[out.as.i], rows[k], COLLATE_BINARY), 0);
            }
            assert_int_equal(found, expected);
        }
        hash_table_free(table);
    }
}

/* Each row is counted in its group, now or when the rows put aside are taken up. */
static void groups_that_do_not_fit_are_taken_up_later(void **state)
{
    static const size_t budgets[] = {LARGE, TINY};
    const struct sort_part part = {0};
    const struct object_spec spec = {
        .key_count = 1, .parts = &part, .state_bytes = STATE_COUNT_BYTES, .input_count = 1};

    (void)state;
    for (size_t b = 0; b < COUNT_OF(budgets); b++) {
        size_t seen = 0, counted = 0, rounds = 0;
        struct groups *groups;
        struct value row;

        assert_int_equal(groups_new(&spec, budgets[b], NULL, &groups), ST_OK);
        for (size_t k = 0; k < ROWS; k++)
            if (groups_enter(groups, &rows[k]) == ST_OK)
                ++*(int64_t *)groups_state(groups, 0);
        do {
            rounds++;
            for (enum status st = groups_first(groups); st == ST_OK; st = groups_next(groups)) {
                seen++;
                counted += (size_t) * (int64_t *)groups_state(groups, 0);
            }
            if (groups_reload(groups) == ST_DONE)
                break;
            while (groups_unspill(groups, &row) == ST_OK)
                if (groups_enter(groups, &row) == ST_OK)
                    ++*(int64_t *)groups_state(groups, 0);
        } while (true);
        assert_int_equal(counted, ROWS);
        assert_int_equal(seen, distinct_rows());
        assert_true((rounds > 1) == (budgets[b] == TINY));
        groups_free(groups);
    }
}

static void a_row_buffer_gives_back_what_was_put_in(void **state)
{
    static const size_t budgets[] = {LARGE, TINY};

    (void)state;
    for (size_t b = 0; b < COUNT_OF(budgets); b++) {
        struct reader *reader;
        struct rowset *buffer;
        struct value out;
        size_t k = 0;

        assert_int_equal(rowset_new(budgets[b], NULL, &buffer), ST_OK);
        assert_int_equal(reader_new(buffer, &reader), ST_OK);
        for (size_t row = 0; row < ROWS; row++)
            assert_int_equal(rowset_add(buffer, &rows[row], 1), ST_OK);
        for (; reader_next(reader, &out, 1) == ST_OK; k++)
            assert_true(value_identical(out, rows[k]));
        assert_int_equal(k, ROWS);
        reader_free(reader);
        rowset_free(buffer);
    }
}

static void a_failed_write_of_a_spilled_run_fails_the_sort(void **state)
{
    const struct sort_part part = {0};
    const struct object_spec spec = {.key_count = 1, .row_count = 1, .parts = &part};
    enum status st = ST_OK;
    struct sorter *sorter;

    (void)state;
    assert_int_equal(failpoint_arm("vm.spill.write=full", NULL), ST_OK);
    assert_int_equal(sorter_new(&spec, TINY, NULL, &sorter), ST_OK);
    for (size_t k = 0; k < ROWS && st == ST_OK; k++) {
        const struct value row[2] = {rows[k], rows[k]};

        st = sorter_add(sorter, row);
    }
    if (st == ST_OK)
        st = sorter_first(sorter);
    assert_int_equal(st, ST_FULL);
    sorter_free(sorter);
    failpoint_disarm_all();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sorter_orders_rows_and_keeps_equal_ones_as_they_came),
        cmocka_unit_test(a_queue_gives_the_least_row_between_additions),
        cmocka_unit_test(a_set_tells_equal_rows_apart_from_new_ones),
        cmocka_unit_test(in_is_unknown_when_only_a_null_could_match),
        cmocka_unit_test(a_hash_table_finds_every_row_of_a_key),
        cmocka_unit_test(groups_that_do_not_fit_are_taken_up_later),
        cmocka_unit_test(a_row_buffer_gives_back_what_was_put_in),
        cmocka_unit_test(a_failed_write_of_a_spilled_run_fails_the_sort),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
