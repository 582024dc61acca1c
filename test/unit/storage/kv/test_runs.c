/* Scans that are answered from runs say what the store held when their snapshot was taken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "storage/kv/rocksdb_internal.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { KEYS = 700, READERS = 6, ROUNDS = 400 };

static struct error err;
static const struct kv_store stores[] = {{.class = KV_DATA, .id = 7}, {.class = KV_INDEX, .id = 8}};

#define OK(expression)                                                                             \
    do {                                                                                           \
        enum status st_ = (expression);                                                            \
        if (st_ != ST_OK)                                                                          \
            fail_msg("%s: %s: %s", #expression, status_name(st_), error_message(&err));            \
    } while (0)

/* What a store holds: a value per key number, 0: none. */
struct model {
    unsigned values[2][KEYS];
};

struct reader {
    struct kv_txn *txn;
    struct model seen;
};

static uint64_t state = 88172645463325252u;

static unsigned draw(unsigned below)
{
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return (unsigned)((state >> 11) % below);
}

static struct slice key_of(unsigned number, char room[16])
{
    return slice_of(room, (size_t)snprintf(room, 16, "k%05u", number * 3));
}

static unsigned number_of(struct slice key)
{
    char text[16] = "";

    memcpy(text, key.data + 1, key.len - 1);
    return (unsigned)atoi(text) / 3;
}

static unsigned value_of(struct slice value)
{
    unsigned number = 0;

    memcpy(&number, value.data, sizeof number);
    return number;
}

static void change(struct kv *kv, struct model *model)
{
    static unsigned last;
    struct kv_txn *txn;
    unsigned which = draw(2), count = 1 + draw(20), from;
    char a[16], b[16];

    OK(kv_begin_write(kv, &txn, &err));
    for (unsigned k = 0; k < count; k++) {
        unsigned number = draw(KEYS), value = ++last;

        if (draw(3) == 0) {
            OK(kv_delete(txn, stores[which], key_of(number, a)));
            model->values[which][number] = 0;
        } else {
            OK(kv_put(txn, stores[which], key_of(number, a),
                      slice_of((char *)&value, sizeof value)));
            model->values[which][number] = value;
        }
    }
    if (draw(12) == 0) {
        from = draw(KEYS - 40);
        OK(kv_delete_range(txn, stores[which], key_of(from, a), key_of(from + 40, b)));
        memset(model->values[which] + from, 0, 40 * sizeof(unsigned));
    }
    OK(kv_commit(txn, false, &err));
}

static unsigned next_of(const struct model *model, unsigned which, unsigned from)
{
    while (from < KEYS && model->values[which][from] == 0)
        from++;
    return from;
}

static void assert_entry(const struct reader *reader, unsigned which, unsigned number,
                         struct slice key, struct slice value)
{
    assert_true(number < KEYS);
    assert_int_equal(number_of(key), number);
    assert_int_equal(value_of(value), reader->seen.values[which][number]);
}

/* Forward by steps and runs in turn, sometimes back. */
static void scan(struct reader *reader, unsigned which)
{
    struct kv_entry entries[64];
    struct kv_cursor *cursor;
    unsigned expected = draw(KEYS), count;
    char room[16];
    enum status st;

    OK(kv_cursor_open(reader->txn, stores[which], &cursor));
    if (draw(4) == 0)
        expected = 0;
    st = expected == 0 ? kv_first(cursor) : kv_seek(cursor, key_of(expected, room));
    expected = next_of(&reader->seen, which, expected);
    while (st == ST_OK) {
        assert_entry(reader, which, expected, kv_key(cursor), kv_value(cursor));
        if (draw(300) == 0)
            break;
        if (draw(10) == 0) {
            st = kv_prev(cursor);
            if (st == ST_OK) {
                assert_true(number_of(kv_key(cursor)) < expected);
                assert_int_equal(next_of(&reader->seen, which, number_of(kv_key(cursor)) + 1),
                                 expected);
                expected = number_of(kv_key(cursor));
            } else { /* it stood on the first */
                st = kv_first(cursor);
            }
            continue;
        }
        if (draw(3) != 0) {
            count = kv_run(cursor, entries, 1 + draw(64));
            for (unsigned k = 0; k < count; k++) {
                expected = next_of(&reader->seen, which, expected + 1);
                assert_entry(reader, which, expected, entries[k].key, entries[k].value);
            }
            if (count != 0)
                continue;
        }
        st = kv_next(cursor);
        expected = next_of(&reader->seen, which, expected + 1);
    }
    if (st == ST_DONE)
        assert_int_equal(expected, KEYS);
    kv_cursor_close(cursor);
}

static void begin(struct kv *kv, struct reader *reader, const struct model *model)
{
    if (reader->txn == NULL)
        OK(kv_begin_read(kv, &reader->txn, &err));
    else
        OK(kv_renew(reader->txn));
    reader->seen = *model;
}

static void runs_hold_what_the_snapshot_held(void **unused)
{
    const char *backend = *unused;
    struct kv_options options = {.backend = backend, .create = true, .cache_bytes = 16 << 20};
    struct reader readers[READERS] = {{0}};
    static struct model model;
    char path[64] = "/tmp/harper-runs-XXXXXX", command[96];
    struct kv *kv;

    memset(&model, 0, sizeof model);
    assert_non_null(mkdtemp(path));
    OK(kv_open(path, &options, &kv, &err));
    if (strcmp(backend, "rocksdb") == 0)
        run_cache_set_quiet(rocks_of(kv)->runs, 0);
    for (unsigned round = 0; round < ROUNDS; round++) {
        if (draw(3) != 0)
            change(kv, &model);
        begin(kv, &readers[draw(READERS)], &model);
        for (unsigned k = 0; k < 8; k++) {
            struct reader *reader = &readers[draw(READERS)];

            if (reader->txn != NULL)
                scan(reader, draw(2));
        }
    }
    for (unsigned k = 0; k < READERS; k++)
        if (readers[k].txn != NULL)
            kv_end_read(readers[k].txn);
    kv_close(kv);
    (void)snprintf(command, sizeof command, "rm -rf %s", path);
    assert_int_equal(system(command), 0);
}

/* Without this the test above could pass because nothing is ever kept. */
static void a_second_scan_is_answered_without_the_iterator(void **unused)
{
    struct run_cache *cache = run_cache_new(1 << 20);
    struct run_draft *draft = calloc(1, sizeof *draft);
    struct run *first, *second, *found;
    unsigned at = 99;
    char room[16];

    (void)unused;
    assert_non_null(draft);
    for (unsigned k = 0; k < 10; k++)
        assert_true(run_draft_add(draft, key_of(k, room), slice_text("v")));
    first = run_draft_finish(draft);
    run_cache_add(cache, stores[0], 5, first, NULL, slice_empty());
    for (unsigned k = 10; k < 20; k++)
        assert_true(run_draft_add(draft, key_of(k, room), slice_text("v")));
    second = run_draft_finish(draft);
    run_cache_add(cache, stores[0], 5, second, first, slice_empty());
    found = run_cache_find(cache, stores[0], 6, key_of(9, room), true, &at);
    assert_ptr_equal(found, second); /* they are joined */
    assert_int_equal(at, 0);
    run_release(found);
    assert_null(run_cache_find(cache, stores[0], 6, key_of(19, room), true, &at));
    assert_null(run_cache_find(cache, stores[1], 6, key_of(9, room), true, &at));
    run_cache_mark(cache, stores[0], 7);
    assert_null(run_cache_find(cache, stores[0], 6, key_of(3, room), false, &at));
    assert_null(run_cache_find(cache, stores[0], 7, key_of(3, room), false, &at));
    run_cache_add(cache, stores[0], 6, first, NULL, slice_empty()); /* too old to be kept */
    assert_null(run_cache_find(cache, stores[0], 7, key_of(3, room), false, &at));
    run_release(first);
    run_release(second);
    buf_free(&draft->bytes);
    free(draft);
    run_cache_free(cache);
}

int main(void)
{
    static char lmdb[] = "lmdb", rocksdb[] = "rocksdb";
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(runs_hold_what_the_snapshot_held, lmdb),
        cmocka_unit_test_prestate(runs_hold_what_the_snapshot_held, rocksdb),
        cmocka_unit_test(a_second_scan_is_answered_without_the_iterator),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
