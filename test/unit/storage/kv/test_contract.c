/*
 * The contract of kv.h, kept by every backend, bare and inside the fault wrapper. Each test runs
 * once per backend on a fresh database; what only one backend can show is in its own tests.
 */
#include "storage/kv/kv.h"
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct kind {
    const char *backend;
    bool is_wrapped;
};

static const struct kind kinds[] = {
    {"memory", false}, {"memory", true},   {"lmdb", false},
    {"lmdb", true},    {"rocksdb", false}, {"rocksdb", true},
};

struct place {
    struct kind kind;
    char path[64]; /* "" for memory */
    struct kv *kv;
};

static const struct kv_store dog = {1, KV_DATA}, cat = {2, KV_DATA}, name_index = {7, KV_INDEX},
                             change_log = {8, KV_LOG}, catalog = {9, KV_META};
static const struct kv_store of_every_class[] = {
    {1, KV_DATA}, {7, KV_INDEX}, {8, KV_LOG}, {9, KV_META}};

/* ---- the database ---- */

static bool is_durable(const struct place *place)
{
    return strcmp(place->kind.backend, "memory") != 0;
}

static void open_place(struct place *place)
{
    const struct kv_options options = {
        .backend = place->kind.backend, .create = true, .cache_bytes = 16 << 20};
    struct error err = {0};

    if (kv_open(place->path, &options, &place->kv, &err) != ST_OK)
        fail_msg("%s: %s", place->kind.backend, error_message(&err));
    if (place->kind.is_wrapped)
        assert_int_equal(ST_OK, kv_fault_wrap(place->kv, &place->kv));
}

static void reopen(struct place *place)
{
    kv_close(place->kv);
    open_place(place);
}

static int set_up(void **state)
{
    static struct place place; /* cmocka gives a test no other room of its own */

    place.kind = *(const struct kind *)*state;
    place.path[0] = '\0';
    if (is_durable(&place)) {
        strcpy(place.path, "/tmp/harper-kv-XXXXXX");
        if (mkdtemp(place.path) == NULL)
            return -1;
    }
    open_place(&place);
    *state = &place;
    return 0;
}

static void remove_directory(const char *path)
{
    char command[128];

    snprintf(command, sizeof command, "rm -rf '%s'", path);
    if (system(command) != 0)
        print_message("could not remove %s\n", path);
}

static int tear_down(void **state)
{
    struct place *place = *state;

    failpoint_disarm_all();
    kv_close(place->kv);
    if (place->path[0] != '\0')
        remove_directory(place->path);
    return 0;
}

/* ---- short words for tests ---- */

static struct kv_txn *begin_read(struct place *place)
{
    struct kv_txn *txn = NULL;

    assert_int_equal(ST_OK, kv_begin_read(place->kv, &txn, NULL));
    return txn;
}

static struct kv_txn *begin_write(struct place *place)
{
    struct kv_txn *txn = NULL;
    struct error err = {0};

    if (kv_begin_write(place->kv, &txn, &err) != ST_OK)
        fail_msg("%s", error_message(&err));
    return txn;
}

static void commit(struct kv_txn *txn)
{
    struct error err = {0};

    if (kv_commit(txn, false, &err) != ST_OK)
        fail_msg("%s", error_message(&err));
}

static void commit_synced(struct kv_txn *txn)
{
    assert_int_equal(ST_OK, kv_commit(txn, true, NULL));
}

static void put(struct kv_txn *txn, struct kv_store store, const char *key, const char *value)
{
    assert_int_equal(ST_OK, kv_put(txn, store, slice_text(key), slice_text(value)));
}

static void delete (struct kv_txn *txn, struct kv_store store, const char *key)
{
    assert_int_equal(ST_OK, kv_delete(txn, store, slice_text(key)));
}

static void put_committed(struct place *place, struct kv_store store, const char *key,
                          const char *value)
{
    struct kv_txn *txn = begin_write(place);

    put(txn, store, key, value);
    commit(txn);
}

/* NULL: the key is missing. */
static void assert_value(struct kv_txn *txn, struct kv_store store, const char *key,
                         const char *value)
{
    struct slice found = {0};
    enum status st = kv_get(txn, store, slice_text(key), &found);

    if (value == NULL) {
        assert_int_equal(ST_NOT_FOUND, st);
        return;
    }
    assert_int_equal(ST_OK, st);
    assert_int_equal(strlen(value), found.len);
    assert_memory_equal(value, found.data, found.len);
}

static void assert_committed(struct place *place, struct kv_store store, const char *key,
                             const char *value)
{
    struct kv_txn *txn = begin_read(place);

    assert_value(txn, store, key, value);
    kv_end_read(txn);
}

static void assert_at(const struct kv_cursor *cursor, enum status st, const char *key)
{
    if (key == NULL) {
        assert_int_equal(ST_DONE, st);
        return;
    }
    assert_int_equal(ST_OK, st);
    assert_int_equal(strlen(key), kv_key(cursor).len);
    assert_memory_equal(key, kv_key(cursor).data, kv_key(cursor).len);
}

/* All keys of a store, one after the other, forwards and then backwards. */
static void assert_keys(struct kv_txn *txn, struct kv_store store, const char *expected)
{
    struct buf forward = {0}, backward = {0};
    struct kv_cursor *cursor = NULL;
    size_t n = strlen(expected);

    assert_int_equal(ST_OK, kv_cursor_open(txn, store, &cursor));
    for (enum status st = kv_first(cursor); st != ST_DONE; st = kv_next(cursor)) {
        assert_int_equal(ST_OK, st);
        buf_append_slice(&forward, kv_key(cursor));
    }
    for (enum status st = kv_last(cursor); st != ST_DONE; st = kv_prev(cursor)) {
        assert_int_equal(ST_OK, st);
        buf_append_slice(&backward, kv_key(cursor));
    }
    assert_string_equal(expected, buf_cstr(&forward));
    assert_int_equal(n, backward.len);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(expected[i], backward.data[n - 1 - i]);
    kv_cursor_close(cursor);
    buf_free(&forward);
    buf_free(&backward);
}

static void put_letters(struct kv_txn *txn, struct kv_store store, const char *letters)
{
    for (const char *c = letters; *c != '\0'; c++)
        assert_int_equal(ST_OK, kv_put(txn, store, slice_of(c, 1), slice_of(c, 1)));
}

static struct slice number_key(unsigned number, char room[16])
{
    return slice_of(room, (size_t)sprintf(room, "%08u", number));
}

/* ---- points ---- */

static void what_is_put_is_read_back_in_every_class(void **state)
{
    struct place *place = *state;
    struct kv_txn *txn = begin_write(place);

    for (size_t i = 0; i < COUNT_OF(of_every_class); i++) {
        put(txn, of_every_class[i], "a", "one");
        put(txn, of_every_class[i], "b", "");
    }
    commit(txn);
    for (size_t i = 0; i < COUNT_OF(of_every_class); i++) {
        assert_committed(place, of_every_class[i], "a", "one");
        assert_committed(place, of_every_class[i], "b", "");
        assert_committed(place, of_every_class[i], "c", NULL);
    }
}

static void a_missing_store_reads_as_empty(void **state)
{
    struct kv_txn *txn = begin_read(*state);

    assert_value(txn, (struct kv_store){77, KV_DATA}, "a", NULL);
    assert_keys(txn, (struct kv_store){77, KV_INDEX}, "");
    kv_end_read(txn);
}

static void stores_with_neighbouring_ids_do_not_mix(void **state)
{
    struct place *place = *state;
    const uint32_t ids[] = {0, 1, 2, 255, 256, 0x00FFFFFF, 0x01000000, 0xFFFFFFFE};
    struct kv_txn *txn = begin_write(place);

    for (size_t i = 0; i < COUNT_OF(ids); i++)
        put_letters(txn, (struct kv_store){ids[i], KV_DATA}, i % 2 == 0 ? "ac" : "bd");
    for (size_t i = 0; i < COUNT_OF(ids); i++)
        assert_keys(txn, (struct kv_store){ids[i], KV_DATA}, i % 2 == 0 ? "ac" : "bd");
    commit(txn);
    txn = begin_read(place);
    for (size_t i = 0; i < COUNT_OF(ids); i++)
        assert_keys(txn, (struct kv_store){ids[i], KV_DATA}, i % 2 == 0 ? "ac" : "bd");
    kv_end_read(txn);
}

static void keys_and_values_may_hold_any_bytes_and_be_as_long_as_allowed(void **state)
{
    struct place *place = *state;
    char longest[KV_KEY_BYTES_MAX], shorter[KV_KEY_BYTES_MAX - 1];
    struct slice keys[] = {{"\0", 1},
                           {"\0\0", 2},
                           {"\0a", 2},
                           {shorter, sizeof shorter},
                           {longest, sizeof longest},
                           {"\xff\xff\xff\xff\xff", 5}};
    struct kv_txn *txn = begin_write(place);
    struct kv_cursor *cursor = NULL;
    struct slice value = {0};

    memset(longest, 0xfe, sizeof longest);
    memset(shorter, 0xfe, sizeof shorter);
    for (size_t i = COUNT_OF(keys); i-- > 0;)
        assert_int_equal(ST_OK, kv_put(txn, dog, keys[i], keys[i]));
    commit(txn);
    txn = begin_read(place);
    assert_int_equal(ST_OK, kv_cursor_open(txn, dog, &cursor));
    assert_int_equal(ST_OK, kv_first(cursor));
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        assert_true(slice_equal(keys[i], kv_key(cursor)));
        assert_true(slice_equal(keys[i], kv_value(cursor)));
        assert_int_equal(ST_OK, kv_get(txn, dog, keys[i], &value));
        assert_true(slice_equal(keys[i], value));
        assert_int_equal(i + 1 < COUNT_OF(keys) ? ST_OK : ST_DONE, kv_next(cursor));
    }
    kv_cursor_close(cursor);
    kv_end_read(txn);
}

static void bounds_longer_than_any_key_find_their_place(void **state)
{
    struct place *place = *state;
    char longest[KV_KEY_BYTES_MAX], bound[KV_KEY_BYTES_MAX + 5];
    struct kv_txn *txn = begin_write(place);
    struct kv_cursor *cursor = NULL;

    memset(longest, 'm', sizeof longest);
    memset(bound, 'm', sizeof bound);
    put(txn, dog, "a", "");
    put(txn, dog, "z", "");
    assert_int_equal(ST_OK, kv_put(txn, dog, slice_of(longest, sizeof longest), slice_empty()));
    commit(txn);
    txn = begin_read(place);
    assert_int_equal(ST_OK, kv_cursor_open(txn, dog, &cursor));
    assert_at(cursor, kv_seek(cursor, slice_of(bound, sizeof bound)), "z");
    assert_int_equal(ST_OK, kv_seek_before(cursor, slice_of(bound, sizeof bound)));
    assert_int_equal(sizeof longest, kv_key(cursor).len);
    assert_at(cursor, kv_prev(cursor), "a");
    kv_cursor_close(cursor);
    kv_end_read(txn);
}

static void a_put_replaces_and_a_delete_of_nothing_is_ok(void **state)
{
    struct place *place = *state;
    struct kv_txn *txn = begin_write(place);

    put(txn, dog, "a", "short");
    put(txn, dog, "a", "much longer than it was");
    assert_value(txn, dog, "a", "much longer than it was");
    put(txn, dog, "a", "same size 1");
    put(txn, dog, "a", "same size 2");
    delete (txn, dog, "b");
    delete (txn, cat, "b");
    commit(txn);
    assert_committed(place, dog, "a", "same size 2");
    txn = begin_write(place);
    delete (txn, dog, "a");
    assert_value(txn, dog, "a", NULL);
    commit(txn);
    assert_committed(place, dog, "a", NULL);
}

static void values_of_several_megabytes_are_kept_whole(void **state)
{
    struct place *place = *state;
    size_t bytes = 5 << 20;
    char *big = malloc(bytes);
    struct kv_txn *txn = begin_write(place);
    struct slice value = {0};

    for (size_t i = 0; i < bytes; i++)
        big[i] = (char)(i * 31 >> 3);
    for (int i = 0; i < 3; i++) {
        char key[2] = {(char)('a' + i), '\0'};

        assert_int_equal(ST_OK,
                         kv_put(txn, dog, slice_text(key), slice_of(big, bytes - (size_t)i)));
    }
    assert_int_equal(ST_OK, kv_get(txn, dog, slice_text("b"), &value));
    assert_int_equal(bytes - 1, value.len);
    commit(txn);
    txn = begin_read(place);
    assert_int_equal(ST_OK, kv_get(txn, dog, slice_text("c"), &value));
    assert_int_equal(bytes - 2, value.len);
    assert_memory_equal(big, value.data, value.len);
    kv_end_read(txn);
    txn = begin_write(place);
    put(txn, dog, "b", "small now");
    commit(txn);
    assert_committed(place, dog, "b", "small now");
    free(big);
}

static void many_gets_answer_as_single_ones(void **state)
{
    struct place *place = *state;
    enum { COUNT = 300 };
    struct slice keys[COUNT], values[COUNT];
    char rooms[COUNT][16];
    struct kv_txn *txn = begin_write(place);

    for (size_t c = 0; c < COUNT_OF(of_every_class); c++) {
        for (unsigned i = 0; i < COUNT; i++) {
            keys[i] = number_key(i, rooms[i]);
            if (i % 3 != 0)
                assert_int_equal(
                    ST_OK, kv_put(txn, of_every_class[c], keys[i], slice_of(rooms[i], i % 9)));
        }
        assert_int_equal(ST_OK, kv_get_many(txn, of_every_class[c], COUNT, keys, values));
        for (unsigned i = 0; i < COUNT; i++)
            assert_int_equal(i % 3 != 0, values[i].data != NULL);
    }
    commit(txn);
    txn = begin_read(place);
    for (size_t c = 0; c < COUNT_OF(of_every_class); c++) {
        assert_int_equal(ST_OK, kv_get_many(txn, of_every_class[c], COUNT, keys, values));
        for (unsigned i = 0; i < COUNT; i++) {
            assert_int_equal(i % 3 != 0, values[i].data != NULL);
            if (i % 3 != 0)
                assert_true(slice_equal(values[i], slice_of(rooms[i], i % 9)));
        }
        assert_int_equal(ST_OK, kv_get_many(txn, of_every_class[c], 0, keys, values));
    }
    assert_int_equal(ST_OK, kv_get_many(txn, (struct kv_store){77, KV_DATA}, COUNT, keys, values));
    assert_null(values[1].data);
    kv_unpin(txn);
    kv_end_read(txn);
}

static void what_was_read_may_be_written(void **state)
{
    struct place *place = *state;
    struct kv_txn *txn = begin_write(place);
    struct slice value = {0};
    char key[16];

    put(txn, dog, "a", "first");
    for (unsigned i = 0; i < 2000; i++) {
        assert_int_equal(ST_OK, kv_get(txn, dog, slice_text("a"), &value));
        assert_int_equal(ST_OK, kv_put(txn, dog, number_key(i, key), value));
    }
    assert_int_equal(ST_OK, kv_get(txn, dog, slice_text("a"), &value));
    assert_int_equal(ST_OK, kv_put(txn, dog, slice_of(value.data + 1, value.len - 1), value));
    assert_value(txn, dog, "irst", "first");
    assert_value(txn, dog, "00001999", "first");
    commit(txn);
    assert_committed(place, dog, "00000500", "first");
}

/* ---- transactions ---- */

static void a_reader_sees_its_snapshot_until_it_is_renewed(void **state)
{
    struct place *place = *state;
    struct kv_txn *reader = NULL, *late = NULL, *writer = NULL;

    put_committed(place, dog, "a", "1");
    reader = begin_read(place);
    writer = begin_write(place);
    put(writer, dog, "a", "2");
    put(writer, dog, "b", "2");
    assert_value(reader, dog, "a", "1");
    assert_value(reader, dog, "b", NULL);
    late = begin_read(place); /* the writer has not committed */
    assert_value(late, dog, "a", "1");
    commit(writer);
    assert_value(reader, dog, "a", "1");
    assert_value(late, dog, "b", NULL);
    assert_keys(reader, dog, "a");
    put_committed(place, cat, "c", "3");
    assert_value(reader, cat, "c", NULL);
    assert_int_equal(ST_OK, kv_renew(reader));
    assert_value(reader, dog, "a", "2");
    assert_value(reader, cat, "c", "3");
    assert_value(late, dog, "a", "1");
    kv_end_read(late);
    kv_end_read(reader);
}

static void a_parked_reader_comes_back_with_the_newest_commit(void **state)
{
    struct place *place = *state;
    struct kv_txn *reader = begin_read(place);
    struct kv_cursor *cursor = NULL;

    assert_int_equal(ST_OK, kv_cursor_open(reader, dog, &cursor));
    put_committed(place, dog, "a", "1");
    kv_park(reader);
    kv_park(reader);
    put_committed(place, dog, "a", "2");
    assert_int_equal(ST_OK, kv_renew(reader));
    assert_value(reader, dog, "a", "2");
    assert_at(cursor, kv_first(cursor), "a");
    kv_cursor_close(cursor);
    kv_park(reader);
    kv_end_read(reader);
}

static void a_cursor_survives_renewal_without_its_position(void **state)
{
    struct place *place = *state;
    struct kv_txn *reader = NULL;
    struct kv_cursor *cursor = NULL, *other = NULL;

    put_committed(place, dog, "a", "1");
    put_committed(place, dog, "b", "1");
    reader = begin_read(place);
    assert_int_equal(ST_OK, kv_cursor_open(reader, dog, &cursor));
    assert_int_equal(ST_OK, kv_cursor_open(reader, cat, &other));
    assert_at(other, kv_first(other), NULL);
    assert_at(cursor, kv_first(cursor), "a");
    assert_int_equal(ST_OK, kv_renew(reader)); /* nothing was committed since */
    assert_at(cursor, kv_next(cursor), NULL);
    assert_at(cursor, kv_first(cursor), "a");
    put_committed(place, dog, "0", "1");
    put_committed(place, cat, "x", "1");
    assert_at(cursor, kv_next(cursor), "b");
    assert_int_equal(ST_OK, kv_renew(reader));
    assert_at(cursor, kv_next(cursor), NULL);
    assert_at(cursor, kv_prev(cursor), NULL);
    assert_at(cursor, kv_first(cursor), "0");
    assert_at(other, kv_first(other), "x");
    kv_cursor_close(other);
    kv_cursor_close(cursor);
    kv_end_read(reader);
}

static void an_aborted_transaction_leaves_nothing(void **state)
{
    struct place *place = *state;
    struct kv_txn *txn = NULL;
    char key[16];

    put_committed(place, dog, "a", "1");
    txn = begin_write(place);
    assert_int_equal(ST_OK, kv_store_create(txn, 50, KV_DATA));
    for (unsigned i = 0; i < 3000; i++)
        assert_int_equal(ST_OK, kv_put(txn, dog, number_key(i, key), slice_text("x")));
    put(txn, (struct kv_store){50, KV_DATA}, "k", "v");
    put(txn, dog, "a", "2");
    delete (txn, dog, "a");
    assert_int_equal(ST_OK, kv_delete_range(txn, dog, slice_empty(), slice_empty()));
    kv_abort(txn);
    kv_abort(NULL);
    txn = begin_read(place);
    assert_keys(txn, dog, "a");
    assert_value(txn, dog, "a", "1");
    assert_keys(txn, (struct kv_store){50, KV_DATA}, "");
    kv_end_read(txn);
    put_committed(place, (struct kv_store){50, KV_DATA}, "k", "again");
    assert_committed(place, (struct kv_store){50, KV_DATA}, "k", "again");
}

static void an_empty_transaction_commits(void **state)
{
    struct place *place = *state;

    put_committed(place, dog, "a", "1");
    commit(begin_write(place));
    commit_synced(begin_write(place));
    assert_int_equal(ST_OK, kv_sync(place->kv, NULL));
    assert_committed(place, dog, "a", "1");
}

static void a_second_write_transaction_of_one_thread_is_refused(void **state)
{
    struct place *place = *state;
    struct kv_txn *txn = begin_write(place), *second = NULL;
    struct error err = {0};

    assert_int_equal(ST_MISUSE, kv_begin_write(place->kv, &second, &err));
    assert_null(second);
    put(txn, dog, "a", "1");
    commit(txn);
    assert_committed(place, dog, "a", "1");
}

struct race {
    struct place *place;
    atomic_bool is_over;
    atomic_int failures;
    _Atomic uint32_t next_store;
};

/* Two keys always change together; whoever sees them differ saw half a commit. */
static void *read_pairs(void *argument)
{
    struct race *race = argument;
    struct kv_txn *txn = NULL;

    if (kv_begin_read(race->place->kv, &txn, NULL) != ST_OK) {
        race->failures++;
        return NULL;
    }
    for (unsigned i = 0; !race->is_over; i++) {
        struct slice one = {0}, other = {0};
        enum status first = kv_get(txn, dog, slice_text("one"), &one);
        enum status second = kv_get(txn, cat, slice_text("other"), &other);

        if (first != second || (first == ST_OK && !slice_equal(one, other)))
            race->failures++;
        if (i % 7 == 0)
            kv_park(txn);
        if (kv_renew(txn) != ST_OK)
            race->failures++;
    }
    kv_end_read(txn);
    return NULL;
}

static void *write_pairs(void *argument)
{
    struct race *race = argument;

    for (unsigned i = 0; i < 300; i++) {
        struct kv_txn *txn = NULL;
        uint32_t store = race->next_store++;
        char text[16];

        if (kv_begin_write(race->place->kv, &txn, NULL) != ST_OK) {
            race->failures++;
            continue;
        }
        number_key(i, text);
        if (kv_put(txn, dog, slice_text("one"), slice_text(text)) != ST_OK ||
            kv_store_create(txn, store, KV_DATA) != ST_OK ||
            kv_put(txn, cat, slice_text("other"), slice_text(text)) != ST_OK ||
            (i > 8 && kv_store_drop(txn, store - 8, KV_DATA) != ST_OK))
            race->failures++;
        if (i % 10 == 9)
            kv_abort(txn);
        else if (kv_commit(txn, false, NULL) != ST_OK)
            race->failures++;
    }
    return NULL;
}

static void readers_never_see_half_a_commit(void **state)
{
    struct race race = {.place = *state, .next_store = 1000};
    pthread_t readers[3], writers[2];

    for (size_t i = 0; i < COUNT_OF(readers); i++)
        assert_int_equal(0, pthread_create(&readers[i], NULL, read_pairs, &race));
    for (size_t i = 0; i < COUNT_OF(writers); i++)
        assert_int_equal(0, pthread_create(&writers[i], NULL, write_pairs, &race));
    for (size_t i = 0; i < COUNT_OF(writers); i++)
        pthread_join(writers[i], NULL);
    race.is_over = true;
    for (size_t i = 0; i < COUNT_OF(readers); i++)
        pthread_join(readers[i], NULL);
    assert_int_equal(0, race.failures);
}

/* ---- cursors ---- */

/* Every seek of a table, from every side of every key. */
static void check_seeks(struct kv_txn *txn)
{
    static const struct {
        const char *key, *at_least, *before;
    } cases[] = {{"", "b", "f"},    {"a", "b", NULL}, {"b", "b", NULL}, {"ba", "d", "b"},
                 {"c", "d", "b"},   {"d", "d", "b"},  {"e", "f", "d"},  {"f", "f", "d"},
                 {"fa", NULL, "f"}, {"g", NULL, "f"}};
    struct kv_cursor *cursor = NULL;

    assert_int_equal(ST_OK, kv_cursor_open(txn, dog, &cursor));
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_at(cursor, kv_seek(cursor, slice_text(cases[i].key)), cases[i].at_least);
        assert_at(cursor, kv_seek_before(cursor, slice_text(cases[i].key)), cases[i].before);
    }
    kv_cursor_close(cursor);
}

static void check_steps(struct kv_txn *txn)
{
    struct kv_cursor *cursor = NULL;

    assert_int_equal(ST_OK, kv_cursor_open(txn, dog, &cursor));
    assert_at(cursor, kv_next(cursor), NULL); /* not positioned yet */
    assert_at(cursor, kv_prev(cursor), NULL);
    assert_at(cursor, kv_first(cursor), "b");
    assert_at(cursor, kv_next(cursor), "d");
    assert_at(cursor, kv_prev(cursor), "b");
    assert_at(cursor, kv_next(cursor), "d");
    assert_at(cursor, kv_next(cursor), "f");
    assert_at(cursor, kv_prev(cursor), "d");
    assert_at(cursor, kv_next(cursor), "f");
    assert_at(cursor, kv_next(cursor), NULL);
    assert_at(cursor, kv_next(cursor), NULL); /* past the end it has no position */
    assert_at(cursor, kv_prev(cursor), NULL);
    assert_at(cursor, kv_last(cursor), "f");
    assert_at(cursor, kv_prev(cursor), "d");
    assert_at(cursor, kv_prev(cursor), "b");
    assert_at(cursor, kv_prev(cursor), NULL);
    assert_at(cursor, kv_next(cursor), NULL);
    assert_at(cursor, kv_seek_before(cursor, slice_text("e")), "d");
    assert_at(cursor, kv_next(cursor), "f");
    assert_at(cursor, kv_seek(cursor, slice_text("z")), NULL);
    assert_at(cursor, kv_prev(cursor), NULL);
    kv_cursor_close(cursor);
    kv_cursor_close(NULL);
}

static void cursors_stop_at_every_edge(void **state)
{
    struct place *place = *state;
    struct kv_txn *txn = begin_write(place);

    put_letters(txn, (struct kv_store){dog.id - 1, KV_DATA}, "az");
    put_letters(txn, (struct kv_store){dog.id + 1, KV_DATA}, "az");
    put_letters(txn, dog, "bdf");
    check_seeks(txn);
    check_steps(txn);
    commit(txn);
    txn = begin_read(place);
    check_seeks(txn);
    check_steps(txn);
    kv_end_read(txn);
}

/* The transaction's own changes lie over what was committed: the same keys must come out. */
/* Values of every size, among them some that a backend keeps elsewhere than beside their key. */
static void put_sizes(struct place *place, unsigned count)
{
    static const unsigned sizes[] = {0, 1, 40, 120, 1900, 2100, 5000, 300, 70, 20000};
    struct kv_txn *txn = begin_write(place);
    char *value = calloc(1, 20000), key[16];

    for (unsigned k = 0; k < count; k++) {
        memset(value, (int)('a' + k % 26), 20000);
        snprintf(key, sizeof key, "key%06u", k);
        assert_int_equal(
            ST_OK, kv_put(txn, dog, slice_text(key), slice_of(value, sizes[k * 7 % 31 % 10])));
    }
    free(value);
    commit(txn);
}

static void assert_size_at(struct kv_txn *txn, const struct kv_cursor *cursor, unsigned number)
{
    struct slice value;
    char key[16];

    snprintf(key, sizeof key, "key%06u", number);
    assert_true(slice_equal(kv_key(cursor), slice_text(key)));
    assert_int_equal(ST_OK, kv_get(txn, dog, slice_text(key), &value));
    assert_true(slice_equal(kv_value(cursor), value));
}

static void steps_go_either_way_over_values_of_every_size(void **state)
{
    enum { COUNT = 1000 };
    struct place *place = *state;
    struct kv_cursor *cursor = NULL;
    struct kv_txn *txn;
    unsigned at = 0, seed = 1;

    put_sizes(place, COUNT);
    txn = begin_read(place);
    assert_int_equal(ST_OK, kv_cursor_open(txn, dog, &cursor));
    assert_int_equal(ST_OK, kv_first(cursor));
    for (at = 0; at < COUNT; at++) {
        assert_size_at(txn, cursor, at);
        assert_int_equal(at + 1 < COUNT ? ST_OK : ST_DONE, kv_next(cursor));
    }
    assert_int_equal(ST_OK, kv_last(cursor));
    for (at = COUNT; at-- > 0;) {
        assert_size_at(txn, cursor, at);
        assert_int_equal(at > 0 ? ST_OK : ST_DONE, kv_prev(cursor));
    }
    assert_int_equal(ST_OK, kv_seek(cursor, slice_text("key000500")));
    at = 500;
    for (unsigned round = 0; round < 300; round++) { /* to and fro across the ends of pages */
        bool is_forward = (seed = seed * 1103515245 + 12345) >> 30 != 0;

        for (unsigned k = 0; k < (seed >> 16) % 40; k++) {
            if (is_forward ? at + 1 == COUNT : at == 0)
                break;
            assert_int_equal(ST_OK, is_forward ? kv_next(cursor) : kv_prev(cursor));
            at += is_forward ? 1 : -1u;
            assert_size_at(txn, cursor, at);
        }
    }
    kv_cursor_close(cursor);
    kv_end_read(txn);
}

static void cursors_see_what_their_transaction_changed(void **state)
{
    struct place *place = *state;
    struct kv_txn *txn = begin_write(place);

    put_letters(txn, (struct kv_store){dog.id - 1, KV_DATA}, "az");
    put_letters(txn, (struct kv_store){dog.id + 1, KV_DATA}, "az");
    put_letters(txn, dog, "acdegz");
    commit(txn);
    txn = begin_write(place);
    delete (txn, dog, "a");
    put(txn, dog, "b", "new");
    assert_keys(txn, dog, "bcdegz");
    delete (txn, dog, "c");
    put(txn, dog, "d", "changed");
    assert_int_equal(ST_OK, kv_delete_range(txn, dog, slice_text("e"), slice_text("ea")));
    put(txn, dog, "f", "new");
    assert_int_equal(ST_OK, kv_delete_range(txn, dog, slice_text("fa"), slice_empty()));
    check_seeks(txn);
    check_steps(txn);
    assert_value(txn, dog, "d", "changed");
    commit(txn);
    txn = begin_read(place);
    check_seeks(txn);
    assert_value(txn, dog, "d", "changed");
    kv_end_read(txn);
}

static void a_cursor_keeps_its_place_when_keys_come_and_go(void **state)
{
    struct place *place = *state;
    struct kv_txn *txn = begin_write(place);
    struct kv_cursor *cursor = NULL, *other = NULL;

    put_letters(txn, dog, "bdfhj");
    assert_int_equal(ST_OK, kv_cursor_open(txn, dog, &cursor));
    assert_int_equal(ST_OK, kv_cursor_open(txn, dog, &other));
    assert_at(cursor, kv_seek(cursor, slice_text("d")), "d");
    assert_at(other, kv_seek(other, slice_text("d")), "d");
    assert_int_equal(ST_OK, kv_delete(txn, dog, kv_key(cursor)));
    assert_at(cursor, kv_next(cursor), "f");
    assert_at(other, kv_prev(other), "b");
    put(txn, dog, "g", "");
    assert_at(cursor, kv_next(cursor), "g");
    delete (txn, dog, "h"); /* the next one */
    assert_at(cursor, kv_next(cursor), "j");
    delete (txn, dog, "j"); /* itself, the last */
    put(txn, dog, "c", "");
    assert_at(cursor, kv_next(cursor), NULL);
    assert_at(other, kv_next(other), "c");
    delete (txn, dog, "b");
    assert_at(other, kv_prev(other), NULL);
    assert_keys(txn, dog, "cfg");
    kv_cursor_close(cursor);
    kv_cursor_close(other);
    commit(txn);
}

static void a_scan_may_delete_and_rewrite_what_it_meets(void **state)
{
    struct place *place = *state;
    struct kv_txn *txn = begin_write(place);
    struct kv_cursor *cursor = NULL;
    unsigned count = 0;
    char key[16];

    for (unsigned i = 0; i < 5000; i++)
        assert_int_equal(ST_OK, kv_put(txn, dog, number_key(i, key), slice_text("old value")));
    commit(txn);
    txn = begin_write(place);
    assert_int_equal(ST_OK, kv_cursor_open(txn, dog, &cursor));
    for (enum status st = kv_first(cursor); st == ST_OK; st = kv_next(cursor), count++) {
        assert_true(slice_equal(kv_key(cursor), number_key(count, key)));
        if (count % 3 == 0)
            assert_int_equal(ST_OK, kv_delete(txn, dog, kv_key(cursor)));
        else if (count % 3 == 1)
            assert_int_equal(ST_OK,
                             kv_put(txn, dog, kv_key(cursor), slice_text("a longer new value")));
    }
    assert_int_equal(5000, count);
    for (enum status st = kv_last(cursor); st == ST_OK; st = kv_prev(cursor)) {
        do
            count--;
        while (count % 3 == 0);
        assert_true(slice_equal(kv_key(cursor), number_key(count, key)));
        assert_int_equal(ST_OK, kv_delete(txn, dog, kv_key(cursor)));
    }
    assert_int_equal(1, count);
    kv_cursor_close(cursor);
    commit(txn);
    txn = begin_read(place);
    assert_keys(txn, dog, "");
    kv_end_read(txn);
}

/* ---- append, ranges ---- */

static void appends_are_puts_also_when_the_word_was_wrong(void **state)
{
    struct place *place = *state;
    struct kv_txn *txn = begin_write(place);
    const char *order = "bdfhaceg";

    for (const char *c = order; *c != '\0'; c++)
        assert_int_equal(ST_OK, kv_append(txn, change_log, slice_of(c, 1), slice_of(c, 1)));
    assert_int_equal(ST_OK, kv_append(txn, change_log, slice_text("h"), slice_text("again")));
    assert_keys(txn, change_log, "abcdefgh");
    commit(txn);
    txn = begin_read(place);
    assert_keys(txn, change_log, "abcdefgh");
    assert_value(txn, change_log, "h", "again");
    kv_end_read(txn);
}

static void ranges_are_deleted_from_the_first_key_up_to_the_bound(void **state)
{
    static const struct {
        const char *from, *to, *left;
    } cases[] = {{"b", "d", "ade"},   {"", "c", "cde"},     {"c", "", "ab"},
                 {"", "", ""},        {"bb", "cc", "abde"}, {"x", "", "abcde"},
                 {"c", "c", "abcde"}, {"d", "b", "abcde"},  {"0", "9", "abcde"}};
    struct place *place = *state;

    for (size_t c = 0; c < COUNT_OF(of_every_class); c++) {
        for (size_t i = 0; i < COUNT_OF(cases); i++) {
            struct kv_txn *txn = begin_write(place);

            put_letters(txn, of_every_class[c], "abcde");
            if (i % 2 == 0) {
                commit(txn);
                txn = begin_write(place);
            }
            assert_int_equal(ST_OK,
                             kv_delete_range(txn, of_every_class[c], slice_text(cases[i].from),
                                             slice_text(cases[i].to)));
            assert_keys(txn, of_every_class[c], cases[i].left);
            commit(txn);
            txn = begin_read(place);
            assert_keys(txn, of_every_class[c], cases[i].left);
            kv_end_read(txn);
        }
    }
}

static void a_log_is_cut_from_the_front(void **state)
{
    struct place *place = *state;
    struct kv_txn *txn = begin_write(place), *reader = NULL;
    struct kv_cursor *cursor = NULL;
    struct slice value = {0};
    char key[16], other[16];

    for (unsigned i = 0; i < 5000; i++)
        assert_int_equal(ST_OK,
                         kv_append(txn, change_log, number_key(i, key), slice_text("entry")));
    commit(txn);
    reader = begin_read(place);
    assert_int_equal(ST_OK, kv_get(reader, change_log, number_key(10, key), &value));
    txn = begin_write(place);
    assert_int_equal(ST_OK, kv_append(txn, change_log, number_key(5000, key), slice_text("entry")));
    assert_int_equal(ST_OK,
                     kv_delete_range(txn, change_log, number_key(0, key), number_key(4000, other)));
    assert_int_equal(ST_OK, kv_put(txn, change_log, number_key(20, key), slice_text("back")));
    assert_int_equal(ST_NOT_FOUND, kv_get(txn, change_log, number_key(10, key), &value));
    assert_int_equal(ST_OK, kv_get(txn, change_log, number_key(20, key), &value));
    assert_int_equal(ST_OK, kv_cursor_open(txn, change_log, &cursor));
    assert_at(cursor, kv_first(cursor), "00000020");
    assert_at(cursor, kv_next(cursor), "00004000");
    assert_at(cursor, kv_prev(cursor), "00000020");
    assert_at(cursor, kv_prev(cursor), NULL);
    kv_cursor_close(cursor);
    commit(txn);
    assert_int_equal(ST_OK, kv_get(reader, change_log, number_key(10, key), &value));
    assert_int_equal(ST_OK, kv_renew(reader));
    assert_int_equal(ST_NOT_FOUND, kv_get(reader, change_log, number_key(10, key), &value));
    assert_int_equal(ST_OK, kv_get(reader, change_log, number_key(5000, key), &value));
    kv_end_read(reader);
}

static void put_numbers(struct place *place, struct kv_store store, unsigned count,
                        const char *value)
{
    struct kv_txn *txn = begin_write(place);
    char key[16];

    for (unsigned i = 0; i < count; i++)
        assert_int_equal(ST_OK, kv_put(txn, store, number_key(i, key), slice_text(value)));
    commit(txn);
}

/* Of the keys [0, count), those from `first` on are there; asked one by one and many at once. */
static void assert_numbers(struct kv_txn *txn, struct kv_store store, unsigned first,
                           unsigned count)
{
    enum { MANY = 50 };
    struct slice keys[MANY], values[MANY], value = {0};
    char rooms[MANY][16];

    for (unsigned i = 0; i < count; i += MANY) {
        for (unsigned k = 0; k < MANY; k++) {
            keys[k] = number_key(i + k, rooms[k]);
            assert_int_equal(i + k < first ? ST_NOT_FOUND : ST_OK,
                             kv_get(txn, store, keys[k], &value));
        }
        assert_int_equal(ST_OK, kv_get_many(txn, store, MANY, keys, values));
        for (unsigned k = 0; k < MANY; k++)
            assert_int_equal(i + k >= first, values[k].data != NULL);
    }
}

/* What was read before, through every cache and snapshot, must not come back from one of them. */
static void deleted_ranges_stay_deleted_for_those_who_had_read_them(void **state)
{
    struct place *place = *state;
    enum { COUNT = 3000, DELETED = 1500 };

    for (size_t c = 0; c < COUNT_OF(of_every_class); c++) {
        const struct kv_store store = of_every_class[c];
        struct kv_txn *old = NULL, *older = NULL, *txn = NULL;
        char end[16];

        put_numbers(place, store, COUNT, "v");
        assert_int_equal(ST_OK, kv_compact(place->kv, NULL));
        older = begin_read(place);
        assert_numbers(older, store, 0, COUNT);
        put_numbers(place, store, COUNT, "w");
        old = begin_read(place);
        assert_numbers(old, store, 0, COUNT);
        txn = begin_write(place);
        assert_int_equal(ST_OK,
                         kv_delete_range(txn, store, slice_empty(), number_key(DELETED, end)));
        commit(txn);
        for (int round = 0; round < 3; round++) {
            assert_numbers(old, store, 0, COUNT);
            assert_numbers(older, store, 0, COUNT);
            txn = begin_read(place);
            assert_numbers(txn, store, DELETED, COUNT);
            kv_end_read(txn);
            assert_int_equal(ST_OK, kv_compact(place->kv, NULL));
        }
        kv_end_read(old);
        kv_end_read(older);
    }
}

/* ---- stores ---- */

static void a_dropped_store_is_gone_but_not_for_older_readers(void **state)
{
    struct place *place = *state;
    struct kv_txn *txn = NULL, *reader = NULL;
    char key[16];

    for (uint32_t id = 20; id < 22; id++) { /* a small one and one with many keys */
        const struct kv_store store = {id, KV_DATA};
        unsigned count = id == 20 ? 5 : 4000;
        struct slice value = {0};

        txn = begin_write(place);
        assert_int_equal(ST_OK, kv_store_create(txn, id, KV_DATA));
        assert_int_equal(ST_OK, kv_store_create(txn, id, KV_DATA));
        for (unsigned i = 0; i < count; i++)
            assert_int_equal(ST_OK, kv_put(txn, store, number_key(i, key), slice_text("v")));
        commit(txn);
        reader = begin_read(place);
        txn = begin_write(place);
        assert_int_equal(ST_OK, kv_put(txn, store, slice_text("x"), slice_text("v")));
        assert_int_equal(ST_OK, kv_store_drop(txn, id, KV_DATA));
        assert_keys(txn, store, "");
        commit(txn);
        for (unsigned i = 0; i < 4; i++) /* gives the backend chances to clean up too early */
            put_committed(place, dog, "a", "1");
        assert_int_equal(ST_OK, kv_get(reader, store, number_key(count - 1, key), &value));
        assert_int_equal(ST_OK, kv_renew(reader));
        assert_keys(reader, store, "");
        assert_int_equal(ST_NOT_FOUND, kv_get(reader, store, number_key(count - 1, key), &value));
        kv_end_read(reader);
        put_committed(place, dog, "a", "1");
        put_committed(place, dog, "a", "1");
        assert_committed(place, store, "00000000", NULL);
    }
    if (is_durable(place)) {
        reopen(place);
        assert_committed(place, (struct kv_store){21, KV_DATA}, "00000000", NULL);
        assert_committed(place, dog, "a", "1");
    }
}

static void dropping_a_store_can_be_aborted(void **state)
{
    struct place *place = *state;
    struct kv_txn *txn = NULL;

    put_committed(place, dog, "a", "1");
    txn = begin_write(place);
    assert_int_equal(ST_OK, kv_store_drop(txn, dog.id, KV_DATA));
    assert_value(txn, dog, "a", NULL);
    kv_abort(txn);
    assert_committed(place, dog, "a", "1");
    txn = begin_write(place);
    assert_int_equal(ST_OK, kv_store_drop(txn, 12345, KV_DATA)); /* never made */
    commit(txn);
}

static void two_thousand_stores_work_at_once(void **state)
{
    struct place *place = *state;
    enum { COUNT = 2000 };
    struct kv_txn *txn = begin_write(place);
    struct slice value = {0};
    char text[16];

    for (unsigned i = 0; i < COUNT; i++) {
        const struct kv_store store = {100 + i, (enum kv_class)(i % KV_CLASS_COUNT)};

        assert_int_equal(ST_OK, kv_store_create(txn, store.id, store.class));
        assert_int_equal(ST_OK, kv_put(txn, store, slice_text("k"), number_key(i, text)));
    }
    commit(txn);
    if (is_durable(place))
        reopen(place);
    txn = begin_read(place);
    for (unsigned i = 0; i < COUNT; i++) {
        const struct kv_store store = {100 + i, (enum kv_class)(i % KV_CLASS_COUNT)};

        assert_int_equal(ST_OK, kv_get(txn, store, slice_text("k"), &value));
        assert_true(slice_equal(value, number_key(i, text)));
    }
    kv_end_read(txn);
    txn = begin_write(place);
    for (unsigned i = 0; i < COUNT; i++)
        assert_int_equal(ST_OK, kv_store_drop(txn, 100 + i, (enum kv_class)(i % KV_CLASS_COUNT)));
    commit(txn);
    txn = begin_read(place);
    assert_keys(txn, (struct kv_store){100, KV_DATA}, "");
    kv_end_read(txn);
}

/* ---- files ---- */

static void everything_is_there_after_closing_and_opening(void **state)
{
    struct place *place = *state;
    struct kv_txn *txn = NULL;
    struct kv_stats stats = {0};

    if (!is_durable(place))
        return;
    put_committed(place, dog, "a", "1");
    put_committed(place, name_index, "n", "");
    assert_int_equal(ST_OK, kv_sync(place->kv, NULL));
    txn = begin_write(place);
    put(txn, catalog, "c", "2");
    commit_synced(txn);
    reopen(place);
    assert_committed(place, dog, "a", "1");
    assert_committed(place, name_index, "n", "");
    assert_committed(place, catalog, "c", "2");
    assert_string_equal(place->kind.backend, kv_detect(place->path));
    assert_int_equal(ST_OK, kv_stats(place->kv, &stats));
    assert_true(stats.disk_bytes > 0);
    assert_int_equal(ST_OK, kv_compact(place->kv, NULL));
    assert_committed(place, dog, "a", "1");
}

static void a_backup_is_a_database_of_its_moment(void **state)
{
    struct place *place = *state;
    char path[] = "/tmp/harper-kv-backup-XXXXXX", copy_path[64];
    const struct kv_options options = {.cache_bytes = 16 << 20};
    struct place copy = {0};
    struct kv_txn *txn = NULL;
    struct error err = {0};

    assert_non_null(mkdtemp(path));
    snprintf(copy_path, sizeof copy_path, "%s/a/copy", path);
    put_committed(place, dog, "a", "1");
    put_committed(place, change_log, "b", "2");
    txn = begin_write(place);
    put(txn, dog, "a", "not yet");
    if (kv_backup(place->kv, copy_path, &err) != ST_OK)
        fail_msg("%s", error_message(&err));
    commit(txn);
    assert_int_equal(ST_EXISTS, kv_backup(place->kv, copy_path, &err));
    assert_int_equal(ST_OK, kv_open(copy_path, &options, &copy.kv, &err));
    assert_committed(&copy, dog, "a", "1");
    assert_committed(&copy, change_log, "b", "2");
    put_committed(&copy, dog, "c", "3");
    kv_close(copy.kv);
    assert_committed(place, dog, "a", "not yet");
    assert_committed(place, dog, "c", NULL);
    remove_directory(path);
}

/* ---- failing on purpose ---- */

static void a_failed_write_leaves_a_transaction_that_can_only_be_aborted(void **state)
{
    struct place *place = *state;
    struct kv_txn *txn = NULL;
    struct error err = {0};

    put_committed(place, dog, "a", "1");
    txn = begin_write(place);
    put(txn, dog, "a", "2");
    assert_int_equal(ST_OK, failpoint_arm("kv.put=error", &err));
    assert_int_equal(ST_IO, kv_put(txn, dog, slice_text("b"), slice_text("2")));
    failpoint_disarm_all();
    put(txn, dog, "c", "2");
    assert_int_equal(ST_IO, kv_commit(txn, true, &err));
    assert_committed(place, dog, "a", "1");
    put_committed(place, dog, "a", "3"); /* the database goes on */
    assert_committed(place, dog, "a", "3");
}

static void every_failpoint_is_hit(void **state)
{
    struct place *place = *state;
    struct kv_txn *txn = NULL, *unopened = NULL;
    struct kv_cursor *cursor = NULL;
    struct slice value = {0};

    put_committed(place, dog, "a", "1");
    txn = begin_write(place);
    failpoint_arm("kv.get=error", NULL);
    assert_int_equal(ST_IO, kv_get(txn, dog, slice_text("a"), &value));
    failpoint_disarm_all();
    assert_int_equal(ST_OK, kv_cursor_open(txn, dog, &cursor));
    failpoint_arm("kv.cursor=error", NULL);
    assert_int_equal(ST_IO, kv_first(cursor));
    failpoint_disarm_all();
    kv_cursor_close(cursor);
    failpoint_arm("kv.delete=full", NULL);
    assert_int_equal(ST_FULL, kv_delete(txn, dog, slice_text("a")));
    failpoint_disarm_all();
    kv_abort(txn);
    failpoint_arm("kv.begin_write=error", NULL);
    assert_int_equal(ST_IO, kv_begin_write(place->kv, &unopened, NULL));
    failpoint_disarm_all();
    txn = begin_write(place);
    put(txn, dog, "a", "2");
    failpoint_arm("kv.commit.before=full", NULL);
    assert_int_equal(ST_FULL, kv_commit(txn, false, NULL));
    failpoint_disarm_all();
    assert_committed(place, dog, "a", "1");
    put_committed(place, dog, "a", "3"); /* nothing was written, so nothing is latched */
}

static void a_failed_commit_or_sync_stops_writing_and_says_why(void **state)
{
    struct place *place = *state;
    struct kv_txn *txn = begin_write(place), *second = NULL;
    struct error err = {0};

    put(txn, dog, "a", "1");
    failpoint_arm("kv.commit.after=error", NULL);
    assert_int_equal(ST_IO, kv_commit(txn, true, &err));
    failpoint_disarm_all();
    assert_int_equal(ST_IO, kv_begin_write(place->kv, &second, &err));
    assert_non_null(strstr(error_message(&err), "reported as failed on purpose"));
    assert_int_equal(ST_IO, kv_sync(place->kv, &err));
    assert_committed(place, dog, "a", "1"); /* reading goes on */
    if (!is_durable(place))
        return;
    reopen(place);
    failpoint_arm("kv.sync=error", NULL);
    assert_int_equal(ST_IO, kv_sync(place->kv, &err));
    failpoint_disarm_all();
    assert_int_equal(ST_IO, kv_begin_write(place->kv, &second, &err));
    reopen(place);
    put_committed(place, dog, "a", "2");
}

static void a_crash_loses_exactly_what_was_not_synced(void **state)
{
    struct place *place = *state;
    struct kv_txn *txn = NULL;

    if (!place->kind.is_wrapped)
        return;
    txn = begin_write(place);
    put_letters(txn, dog, "abcdef");
    put_letters(txn, cat, "xyz");
    commit(txn);
    assert_int_equal(ST_OK, kv_sync(place->kv, NULL));
    txn = begin_write(place);
    put(txn, dog, "a", "changed");
    put(txn, dog, "a", "changed twice");
    put(txn, dog, "n", "new");
    delete (txn, dog, "b");
    assert_int_equal(ST_OK, kv_delete_range(txn, dog, slice_text("c"), slice_text("e")));
    commit(txn);
    txn = begin_write(place);
    put(txn, dog, "b", "back");
    delete (txn, dog, "n");
    assert_int_equal(ST_OK, kv_store_drop(txn, cat.id, cat.class));
    commit(txn);
    assert_committed(place, dog, "b", "back");
    assert_committed(place, cat, "x", NULL);
    failpoint_arm("kv.sync=error", NULL);
    assert_int_equal(ST_IO, kv_sync(place->kv, NULL)); /* synced nothing */
    failpoint_disarm_all();
    assert_int_equal(ST_OK, kv_fault_crash(place->kv, NULL));
    txn = begin_read(place);
    assert_keys(txn, dog, "abcdef");
    assert_keys(txn, cat, "xyz");
    assert_value(txn, dog, "a", "a");
    kv_end_read(txn);
    put_committed(place, dog, "g",
                  "unsynced"); /* it writes again, and this goes with a later sync */
    txn = begin_write(place);
    put(txn, dog, "h", "synced");
    commit_synced(txn);
    put_committed(place, dog, "i", "unsynced");
    assert_int_equal(ST_OK, kv_fault_crash(place->kv, NULL));
    assert_int_equal(ST_OK, kv_fault_crash(place->kv, NULL));
    txn = begin_read(place);
    assert_keys(txn, dog, "abcdefgh");
    kv_end_read(txn);
}

/* ---- a long mixture against a model ---- */

enum { MODEL_KEYS = 400 };

struct model {
    int values[MODEL_KEYS]; /* -1: missing */
};

static unsigned roll(unsigned *seed, unsigned below)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (*seed >> 8) % below;
}

static void check_model(struct kv_txn *txn, struct kv_store store, const struct model *model)
{
    struct kv_cursor *cursor = NULL;
    char key[16], value[16];
    enum status st = kv_cursor_open(txn, store, &cursor);

    assert_int_equal(ST_OK, st);
    st = kv_first(cursor);
    for (unsigned i = 0; i < MODEL_KEYS; i++) {
        if (model->values[i] < 0)
            continue;
        assert_int_equal(ST_OK, st);
        assert_true(slice_equal(kv_key(cursor), number_key(i, key)));
        assert_true(slice_equal(kv_value(cursor), number_key((unsigned)model->values[i], value)));
        st = kv_next(cursor);
    }
    assert_int_equal(ST_DONE, st);
    kv_cursor_close(cursor);
}

static void change_model(struct kv_txn *txn, struct kv_store store, struct model *model,
                         unsigned *seed)
{
    unsigned at = roll(seed, MODEL_KEYS), kind = roll(seed, 20);
    char key[16], value[16], end[16];
    struct slice found = {0};

    if (kind < 10) {
        model->values[at] = (int)roll(seed, 100000);
        assert_int_equal(ST_OK, kv_put(txn, store, number_key(at, key),
                                       number_key((unsigned)model->values[at], value)));
    } else if (kind < 15) {
        model->values[at] = -1;
        assert_int_equal(ST_OK, kv_delete(txn, store, number_key(at, key)));
    } else if (kind < 16) {
        unsigned to = at + roll(seed, 30);

        assert_int_equal(ST_OK,
                         kv_delete_range(txn, store, number_key(at, key), number_key(to, end)));
        for (unsigned i = at; i < to && i < MODEL_KEYS; i++)
            model->values[i] = -1;
    } else {
        assert_int_equal(model->values[at] < 0 ? ST_NOT_FOUND : ST_OK,
                         kv_get(txn, store, number_key(at, key), &found));
    }
}

static void a_long_mixture_of_everything_keeps_to_the_model(void **state)
{
    struct place *place = *state;
    struct model now, before, old;
    struct kv_txn *reader = NULL;
    unsigned seed = 42;

    memset(&now, -1, sizeof now);
    old = now;
    reader = begin_read(place);
    for (unsigned round = 0; round < 120; round++) {
        struct kv_txn *txn = begin_write(place);
        struct kv_store store = of_every_class[round % 60 / 15];

        if (round % 15 == 0) {
            memset(&now, -1, sizeof now);
            assert_int_equal(ST_OK, kv_delete_range(txn, store, slice_empty(), slice_empty()));
        }
        before = now;
        for (unsigned i = roll(&seed, 60); i > 0; i--)
            change_model(txn, store, &now, &seed);
        if (roll(&seed, 2) == 0)
            check_model(txn, store, &now);
        if (roll(&seed, 6) == 0 && round % 15 != 0) {
            kv_abort(txn);
            now = before;
        } else {
            assert_int_equal(ST_OK, kv_commit(txn, roll(&seed, 10) == 0, NULL));
        }
        if (round % 15 != 0)
            check_model(reader, store, &old);
        assert_int_equal(ST_OK, kv_renew(reader));
        old = now;
        if (round % 15 == 14)
            old.values[0] = -1;
        check_model(reader, store, &now);
        if (round % 15 == 14)
            continue;
    }
    kv_end_read(reader);
}

#define CONTRACT(test)                                                                             \
    {                                                                                              \
#test, test, set_up, tear_down, NULL                                                       \
    }

/* An argument is a pattern of the tests to run: 'lmdb: *'. */
int main(int argc, char **argv)
{
    static const struct CMUnitTest contract[] = {
        CONTRACT(what_is_put_is_read_back_in_every_class),
        CONTRACT(a_missing_store_reads_as_empty),
        CONTRACT(stores_with_neighbouring_ids_do_not_mix),
        CONTRACT(keys_and_values_may_hold_any_bytes_and_be_as_long_as_allowed),
        CONTRACT(bounds_longer_than_any_key_find_their_place),
        CONTRACT(a_put_replaces_and_a_delete_of_nothing_is_ok),
        CONTRACT(values_of_several_megabytes_are_kept_whole),
        CONTRACT(many_gets_answer_as_single_ones),
        CONTRACT(what_was_read_may_be_written),
        CONTRACT(a_reader_sees_its_snapshot_until_it_is_renewed),
        CONTRACT(a_parked_reader_comes_back_with_the_newest_commit),
        CONTRACT(a_cursor_survives_renewal_without_its_position),
        CONTRACT(an_aborted_transaction_leaves_nothing),
        CONTRACT(an_empty_transaction_commits),
        CONTRACT(a_second_write_transaction_of_one_thread_is_refused),
        CONTRACT(readers_never_see_half_a_commit),
        CONTRACT(cursors_stop_at_every_edge),
        CONTRACT(steps_go_either_way_over_values_of_every_size),
        CONTRACT(cursors_see_what_their_transaction_changed),
        CONTRACT(a_cursor_keeps_its_place_when_keys_come_and_go),
        CONTRACT(a_scan_may_delete_and_rewrite_what_it_meets),
        CONTRACT(appends_are_puts_also_when_the_word_was_wrong),
        CONTRACT(ranges_are_deleted_from_the_first_key_up_to_the_bound),
        CONTRACT(a_log_is_cut_from_the_front),
        CONTRACT(deleted_ranges_stay_deleted_for_those_who_had_read_them),
        CONTRACT(a_dropped_store_is_gone_but_not_for_older_readers),
        CONTRACT(dropping_a_store_can_be_aborted),
        CONTRACT(two_thousand_stores_work_at_once),
        CONTRACT(everything_is_there_after_closing_and_opening),
        CONTRACT(a_backup_is_a_database_of_its_moment),
        CONTRACT(a_failed_write_leaves_a_transaction_that_can_only_be_aborted),
        CONTRACT(every_failpoint_is_hit),
        CONTRACT(a_failed_commit_or_sync_stops_writing_and_says_why),
        CONTRACT(a_crash_loses_exactly_what_was_not_synced),
        CONTRACT(a_long_mixture_of_everything_keeps_to_the_model),
    };
    enum { TESTS = COUNT_OF(contract), KINDS = COUNT_OF(kinds) };
    static struct CMUnitTest tests[TESTS * KINDS];
    static char names[TESTS * KINDS][128];
    static struct kind kinds_of_tests[KINDS];

    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    for (size_t k = 0; k < KINDS; k++) {
        kinds_of_tests[k] = kinds[k];
        for (size_t i = 0; i < TESTS; i++) {
            size_t at = k * TESTS + i;

            snprintf(names[at], sizeof names[at], "%s%s: %s",
                     kinds[k].is_wrapped ? "fault over " : "", kinds[k].backend, contract[i].name);
            tests[at] = contract[i];
            tests[at].name = names[at];
            tests[at].initial_state = &kinds_of_tests[k];
        }
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
