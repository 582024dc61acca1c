/* Opening, locking, damage and full disks: what depends on files, for both backends that have them.
 */
#include "storage/kv/kv.h"
#include <fcntl.h>
#include <glob.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static const char *const backends[] = {"lmdb", "rocksdb"};
static const struct kv_store dog = {1, KV_DATA};

static struct kv_options options_for(const char *backend)
{
    return (struct kv_options){.backend = backend, .create = true, .cache_bytes = 16 << 20};
}

static int set_up(void **state)
{
    char path[] = "/tmp/harper-kv-open-XXXXXX";

    if (mkdtemp(path) == NULL)
        return -1;
    *state = strdup(path);
    return 0;
}

static int tear_down(void **state)
{
    char command[128];

    snprintf(command, sizeof command, "rm -rf '%s'", (char *)*state);
    free(*state);
    return system(command);
}

/* A directory of its own for each backend of a test. */
static const char *path_for(void **state, const char *backend, char room[96])
{
    snprintf(room, 96, "%s/deep/er/%s", (char *)*state, backend);
    return room;
}

static struct kv *open_or_fail(const char *path, const struct kv_options *options)
{
    struct kv *kv = NULL;
    struct error err = {0};

    if (kv_open(path, options, &kv, &err) != ST_OK)
        fail_msg("%s", error_message(&err));
    return kv;
}

static enum status put_and_commit(struct kv *kv, const char *key, const char *value, bool sync,
                                  struct error *err)
{
    struct kv_txn *txn = NULL;

    TRY(kv_begin_write(kv, &txn, err));
    if (kv_put(txn, dog, slice_text(key), slice_text(value)) != ST_OK) {
        kv_abort(txn);
        return ST_INTERNAL;
    }
    return kv_commit(txn, sync, err);
}

/* By way of the store's own log, as a commit that makes a store goes. */
static enum status make_and_commit(struct kv *kv, const char *key)
{
    struct kv_txn *txn = NULL;

    TRY(kv_begin_write(kv, &txn, NULL));
    if (kv_store_create(txn, dog.id, dog.class) != ST_OK ||
        kv_put(txn, dog, slice_text(key), slice_text("a value")) != ST_OK) {
        kv_abort(txn);
        return ST_INTERNAL;
    }
    return kv_commit(txn, false, NULL);
}

static bool has_key(struct kv *kv, const char *key)
{
    struct kv_txn *txn = NULL;
    struct slice value = {0};
    enum status st = kv_begin_read(kv, &txn, NULL);

    assert_int_equal(ST_OK, st);
    st = kv_get(txn, dog, slice_text(key), &value);
    kv_end_read(txn);
    return st == ST_OK;
}

static void a_database_is_made_only_on_request(void **state)
{
    char room[96];

    for (size_t i = 0; i < COUNT_OF(backends); i++) {
        const char *path = path_for(state, backends[i], room);
        struct kv_options options = {.backend = backends[i]};
        struct kv *kv = NULL;
        struct error err = {0};
        struct stat stat_of;

        assert_int_equal(ST_NOT_FOUND, kv_open(path, &options, &kv, &err));
        assert_null(kv);
        assert_int_not_equal(0, stat(path, &stat_of));
        options.create = options.read_only = true;
        assert_int_equal(ST_NOT_FOUND, kv_open(path, &options, &kv, &err));
    }
}

static void the_backend_is_detected_and_not_mistaken(void **state)
{
    char room[96];

    for (size_t i = 0; i < COUNT_OF(backends); i++) {
        const char *path = path_for(state, backends[i], room);
        struct kv_options options = options_for(backends[i]);
        struct kv *kv = open_or_fail(path, &options);
        struct error err = {0};

        assert_int_equal(ST_OK, put_and_commit(kv, "a", "1", false, NULL));
        kv_close(kv);
        assert_string_equal(backends[i], kv_detect(path));
        options.backend = NULL;
        kv = open_or_fail(path, &options);
        assert_string_equal(backends[i], kv_backend_name(kv));
        assert_true(has_key(kv, "a"));
        kv_close(kv);
        options.backend = backends[1 - i];
        assert_int_equal(ST_INVALID, kv_open(path, &options, &kv, &err));
        options.backend = "paper";
        assert_int_equal(ST_INVALID, kv_open(path, &options, &kv, &err));
        assert_non_null(strstr(error_message(&err), "paper"));
    }
    assert_null(kv_detect(*state));
    assert_null(kv_detect(""));
}

static void one_process_writes_and_others_hear_who_it_is(void **state)
{
    char room[96], pid[32];

    snprintf(pid, sizeof pid, "%ld", (long)getpid());
    for (size_t i = 0; i < COUNT_OF(backends); i++) {
        const char *path = path_for(state, backends[i], room);
        struct kv_options options = options_for(backends[i]);
        struct kv *kv = open_or_fail(path, &options), *second = NULL;
        struct error err = {0};
        int result = 0;
        pid_t child = 0;

        assert_int_equal(ST_BUSY, kv_open(path, &options, &second, &err));
        assert_non_null(strstr(error_message(&err), "in this process"));
        child = fork();
        if (child == 0) {
            enum status st = kv_open(path, &options, &second, &err);

            _exit(st == ST_BUSY && strstr(error_message(&err), pid) != NULL ? 0 : 1);
        }
        assert_int_equal(child, waitpid(child, &result, 0));
        assert_int_equal(0, result);
        options.read_only = true;
        assert_int_equal(ST_BUSY, kv_open(path, &options, &second, &err));
        kv_close(kv);
    }
}

static void several_may_read_but_then_nobody_writes(void **state)
{
    char room[96];

    for (size_t i = 0; i < COUNT_OF(backends); i++) {
        const char *path = path_for(state, backends[i], room);
        struct kv_options options = options_for(backends[i]);
        struct kv *kv = open_or_fail(path, &options), *second = NULL;
        struct kv_txn *txn = NULL;
        struct error err = {0};

        assert_int_equal(ST_OK, put_and_commit(kv, "a", "1", true, NULL));
        kv_close(kv);
        options.read_only = true;
        kv = open_or_fail(path, &options);
        second = open_or_fail(path, &options);
        assert_true(has_key(kv, "a"));
        assert_true(has_key(second, "a"));
        assert_int_equal(ST_READ_ONLY, kv_begin_write(kv, &txn, &err));
        assert_int_equal(ST_READ_ONLY, kv_compact(kv, &err));
        assert_int_equal(ST_OK, kv_sync(kv, &err));
        kv_close(kv);
        options.read_only = false;
        assert_int_equal(ST_BUSY, kv_open(path, &options, &kv, &err));
        kv_close(second);
        kv = open_or_fail(path, &options);
        kv_close(kv);
    }
}

static void a_full_disk_is_noticed_before_anything_is_written(void **state)
{
    char room[96];

    for (size_t i = 0; i < COUNT_OF(backends); i++) {
        const char *path = path_for(state, backends[i], room);
        struct kv_options options = options_for(backends[i]);
        struct kv *kv = NULL;
        struct error err = {0};

        options.free_bytes_min = UINT64_C(1) << 60;
        kv = open_or_fail(path, &options);
        assert_int_equal(ST_FULL, put_and_commit(kv, "a", "1", false, &err));
        assert_non_null(strstr(error_message(&err), "bytes left"));
        assert_int_equal(ST_FULL, put_and_commit(kv, "a", "1", false, &err)); /* not latched */
        assert_false(has_key(kv, "a"));
        kv_close(kv);
        options.free_bytes_min = 1;
        kv = open_or_fail(path, &options);
        assert_int_equal(ST_OK, put_and_commit(kv, "a", "1", false, &err));
        kv_close(kv);
    }
}

/* The kernel refuses to let files grow, in the middle of a commit. Nobody knows then what is on the
 * disk. */
static void a_write_that_fails_stops_all_writing_until_the_database_is_opened_again(void **state)
{
    const struct rlimit small = {6 << 20, RLIM_INFINITY}, none = {RLIM_INFINITY, RLIM_INFINITY};
    char room[96], *big = calloc(1, 8 << 20);

    signal(SIGXFSZ, SIG_IGN);
    for (size_t i = 0; i < COUNT_OF(backends); i++) {
        const char *path = path_for(state, backends[i], room);
        struct kv_options options = options_for(backends[i]);
        struct kv *kv = open_or_fail(path, &options);
        struct kv_txn *txn = NULL;
        struct error err = {0}, again = {0};

        assert_int_equal(ST_OK, put_and_commit(kv, "a", "1", true, &err));
        assert_int_equal(ST_OK, kv_begin_write(kv, &txn, &err));
        assert_int_equal(ST_OK, kv_put(txn, dog, slice_text("big"), slice_of(big, 8 << 20)));
        assert_int_equal(0, setrlimit(RLIMIT_FSIZE, &small));
        assert_int_equal(ST_IO, kv_commit(txn, true, &err));
        assert_int_equal(0, setrlimit(RLIMIT_FSIZE, &none));
        assert_int_equal(ST_IO, put_and_commit(kv, "b", "1", true, &again));
        assert_non_null(strstr(error_message(&again), error_message(&err)));
        assert_true(has_key(kv, "a"));
        kv_close(kv);
        kv = open_or_fail(path, &options);
        assert_true(has_key(kv, "a"));
        assert_false(has_key(kv, "big"));
        assert_int_equal(ST_OK, put_and_commit(kv, "b", "1", true, &err));
        kv_close(kv);
    }
    free(big);
}

/* The child dies without closing. Both of its commits had reached the kernel, synced or not, and
 * the snapshot it held must not stay in anybody's way. */
static void a_killed_process_loses_nothing_it_committed(void **state)
{
    char room[96];

    for (size_t i = 0; i < COUNT_OF(backends); i++) {
        const char *path = path_for(state, backends[i], room);
        struct kv_options options = options_for(backends[i]);
        struct kv *kv = NULL;
        int result = 0;
        pid_t child = fork();

        if (child == 0) {
            struct kv_txn *txn = NULL;

            if (kv_open(path, &options, &kv, NULL) != ST_OK ||
                put_and_commit(kv, "synced", "1", true, NULL) != ST_OK ||
                kv_begin_read(kv, &txn, NULL) != ST_OK ||
                put_and_commit(kv, "unsynced", "1", false, NULL) != ST_OK ||
                kv_begin_write(kv, &txn, NULL) != ST_OK ||
                kv_put(txn, dog, slice_text("open"), slice_text("1")) != ST_OK)
                _exit(1);
            raise(SIGKILL);
        }
        assert_int_equal(child, waitpid(child, &result, 0));
        assert_true(WIFSIGNALED(result));
        kv = open_or_fail(path, &options);
        assert_true(has_key(kv, "synced"));
        assert_true(has_key(kv, "unsynced"));
        assert_false(has_key(kv, "open"));
        assert_int_equal(ST_OK, put_and_commit(kv, "after", "1", true, NULL));
        kv_close(kv);
    }
}

static void an_lmdb_map_grows_past_its_first_size(void **state)
{
    char room[96];
    const char *path = path_for(state, "lmdb", room);
    struct kv_options options = options_for("lmdb");
    size_t bytes = 8 << 20;
    char *value = calloc(1, bytes);
    struct kv_txn *txn = NULL, *reader = NULL;
    struct kv *kv = NULL;

    options.map_bytes = 1 << 20;
    kv = open_or_fail(path, &options);
    assert_int_equal(ST_OK,
                     kv_begin_read(kv, &reader, NULL)); /* nobody has to stop reading for it */
    for (char key = 'a'; key < 'e'; key++) {
        assert_int_equal(ST_OK, kv_begin_write(kv, &txn, NULL));
        assert_int_equal(ST_OK, kv_put(txn, dog, slice_of(&key, 1), slice_of(value, bytes)));
        assert_int_equal(ST_OK, kv_commit(txn, false, NULL));
    }
    kv_end_read(reader);
    kv_close(kv);
    kv = open_or_fail(path, &options);
    assert_true(has_key(kv, "d"));
    kv_close(kv);
    free(value);
}

static void lmdb_appends_fill_their_pages(void **state)
{
    struct kv_stats sizes[2];

    for (int is_appended = 0; is_appended < 2; is_appended++) {
        char room[96], key[16], value[100] = "";
        struct kv_options options = options_for("lmdb");
        struct kv *kv =
            open_or_fail(path_for(state, is_appended ? "append" : "put", room), &options);
        struct kv_txn *txn = NULL;

        assert_int_equal(ST_OK, kv_begin_write(kv, &txn, NULL));
        for (unsigned i = 0; i < 20000; i++) {
            struct slice k = slice_of(key, (size_t)sprintf(key, "%08u", i));
            struct slice v = slice_of(value, sizeof value);

            assert_int_equal(ST_OK,
                             is_appended ? kv_append(txn, dog, k, v) : kv_put(txn, dog, k, v));
        }
        assert_int_equal(ST_OK, kv_commit(txn, true, NULL));
        assert_int_equal(ST_OK, kv_stats(kv, &sizes[is_appended]));
        kv_close(kv);
    }
    assert_true(sizes[1].disk_bytes < 20000 * 130);
    assert_true(sizes[0].disk_bytes < 20000 * 130); /* ascending puts are recognised */
}

/* Flip one byte in the middle of RocksDB's write-ahead log. */
static void damage_log(const char *directory)
{
    char pattern[128];
    glob_t found;
    struct stat stat_of;
    int fd = -1;
    char byte = 0;

    snprintf(pattern, sizeof pattern, "%s/*.log", directory);
    assert_int_equal(0, glob(pattern, 0, NULL, &found));
    fd = open(found.gl_pathv[found.gl_pathc - 1], O_RDWR);
    assert_true(fd >= 0);
    assert_int_equal(0, fstat(fd, &stat_of));
    assert_true(stat_of.st_size > 1000);
    assert_int_equal(1, pread(fd, &byte, 1, stat_of.st_size / 2));
    byte ^= 0x40;
    assert_int_equal(1, pwrite(fd, &byte, 1, stat_of.st_size / 2));
    close(fd);
    globfree(&found);
}

static void a_damaged_log_is_reported_and_read_up_to_the_damage_only_on_request(void **state)
{
    char room[96], key[16];
    const char *path = path_for(state, "rocksdb", room);
    struct kv_options options = options_for("rocksdb");
    struct kv *kv = open_or_fail(path, &options);
    struct error err = {0};

    for (unsigned i = 0; i < 200; i++) {
        snprintf(key, sizeof key, "%04u", i);
        assert_int_equal(ST_OK, make_and_commit(kv, key));
    }
    kv_close(kv);
    damage_log(path);
    assert_int_equal(ST_CORRUPT, kv_open(path, &options, &kv, &err));
    options.accept_lost_tail = true;
    kv = open_or_fail(path, &options);
    assert_true(has_key(kv, "0010"));
    assert_false(has_key(kv, "0199"));
    kv_close(kv);
    options.accept_lost_tail = false;
    kv = open_or_fail(path, &options); /* what was accepted is settled */
    assert_true(has_key(kv, "0010"));
    kv_close(kv);
}

static void four_thousand_lmdb_stores_are_the_limit_and_it_says_so(void **state)
{
    char room[96];
    struct kv_options options = options_for("lmdb");
    struct kv *kv = open_or_fail(path_for(state, "lmdb", room), &options);
    struct kv_txn *txn = NULL;
    enum status st = ST_OK;
    uint32_t made = 0;

    assert_int_equal(ST_OK, kv_begin_write(kv, &txn, NULL));
    while (made < 5000 && (st = kv_store_create(txn, made, KV_DATA)) == ST_OK)
        made++;
    assert_int_equal(ST_LIMIT, st);
    assert_true(made >= 4000);
    kv_abort(txn);
    assert_int_equal(ST_OK, put_and_commit(kv, "a", "1", false, NULL));
    kv_close(kv);
}

#define OPEN_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        OPEN_TEST(a_database_is_made_only_on_request),
        OPEN_TEST(the_backend_is_detected_and_not_mistaken),
        OPEN_TEST(one_process_writes_and_others_hear_who_it_is),
        OPEN_TEST(several_may_read_but_then_nobody_writes),
        OPEN_TEST(a_full_disk_is_noticed_before_anything_is_written),
        OPEN_TEST(a_write_that_fails_stops_all_writing_until_the_database_is_opened_again),
        OPEN_TEST(a_killed_process_loses_nothing_it_committed),
        OPEN_TEST(an_lmdb_map_grows_past_its_first_size),
        OPEN_TEST(lmdb_appends_fill_their_pages),
        OPEN_TEST(a_damaged_log_is_reported_and_read_up_to_the_damage_only_on_request),
        OPEN_TEST(four_thousand_lmdb_stores_are_the_limit_and_it_says_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
