/* The journal: torn and damaged records, recovery after a kill at every step, and what readers see
 * of commits that are not in the store yet. */
#include "storage/kv/journal.h"
#include "storage/kv/kv.h"
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static const char *const backends[] = {"lmdb", "rocksdb"};
static const struct kv_store dog = {1, KV_DATA}, cat = {2, KV_INDEX};

static int set_up(void **state)
{
    char path[] = "/tmp/harper-journal-XXXXXX";

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

static void run(const char *format, const char *a, const char *b)
{
    char command[512];

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(command, sizeof command, format, a, b);
#pragma GCC diagnostic pop
    assert_int_equal(0, system(command));
}

/* ---- the file ---- */

enum { RECORD_BYTES = 2000 }; /* four sectors with the header */

/* The payload of record n is n, many times. */
static enum status append(struct journal *journal, unsigned n, bool sync)
{
    struct buf record = {0};
    enum status st;

    buf_append_fill(&record, 0, JOURNAL_HEADER_BYTES);
    buf_append_fill(&record, (uint8_t)n, RECORD_BYTES);
    st = journal_append(journal, &record, sync, NULL);
    buf_free(&record);
    return st;
}

struct seen {
    unsigned first, count;
};

static enum status show(void *context, struct slice payload)
{
    struct seen *seen = context;

    assert_int_equal(RECORD_BYTES, payload.len);
    for (size_t i = 0; i < payload.len; i++)
        assert_int_equal((uint8_t)(seen->first + seen->count), (uint8_t)payload.data[i]);
    seen->count++;
    return ST_OK;
}

static enum status replay(const char *path, unsigned applied, unsigned *count)
{
    struct seen seen = {.first = applied + 1};
    uint64_t last;
    enum status st = journal_replay(path, applied, show, &seen, &last, NULL);

    if (st == ST_OK)
        assert_int_equal(applied + seen.count, last);
    *count = seen.count;
    return st;
}

static void write_records(const char *path, unsigned count, bool sync)
{
    struct journal journal;

    assert_int_equal(ST_OK, journal_init(&journal, path, 0));
    for (unsigned n = 1; n <= count; n++)
        assert_int_equal(ST_OK, append(&journal, n, sync));
    journal_deinit(&journal, false);
}

static void overwrite(const char *path, const char *name, off_t at, const void *bytes, size_t len)
{
    char file[256];
    int fd;

    snprintf(file, sizeof file, "%s/%s", path, name);
    fd = open(file, O_WRONLY);
    assert_true(fd >= 0);
    assert_int_equal(len, pwrite(fd, bytes, len, at));
    close(fd);
}

static void flip(const char *path, const char *name, off_t at)
{
    char file[256], byte;
    int fd;

    snprintf(file, sizeof file, "%s/%s", path, name);
    fd = open(file, O_RDONLY);
    assert_int_equal(1, pread(fd, &byte, 1, at));
    close(fd);
    byte ^= 0x40;
    overwrite(path, name, at, &byte, 1);
}

/* Any of the sectors of the last record may be missing after a power cut. */
static void a_torn_last_record_is_left_out(void **state)
{
    static const char zeros[JOURNAL_BLOCK_BYTES];
    const char *path = *state;
    unsigned count;

    for (unsigned missing = 0; missing < 16; missing++) {
        write_records(path, 5, true);
        for (unsigned sector = 0; sector < 4; sector++)
            if (missing >> sector & 1)
                overwrite(path, "journal.0", (4 * 4 + sector) * JOURNAL_BLOCK_BYTES, zeros,
                          sizeof zeros);
        assert_int_equal(ST_OK, replay(path, 0, &count));
        assert_int_equal(missing == 0 ? 5 : 4, count);
        assert_int_equal(ST_OK, replay(path, 3, &count));
        assert_int_equal(missing == 0 ? 2 : 1, count);
    }
}

static void damage_before_a_later_record_is_reported(void **state)
{
    const char *path = *state;
    unsigned count;

    for (unsigned record = 0; record < 4; record++) {
        for (off_t at = 0; at < JOURNAL_HEADER_BYTES + RECORD_BYTES; at += 7) {
            write_records(path, 5, true);
            flip(path, "journal.0", record * 4 * JOURNAL_BLOCK_BYTES + at);
            assert_int_equal(ST_CORRUPT, replay(path, 0, &count));
            assert_int_equal(ST_OK, replay(path, record + 1, &count)); /* not needed any more */
            assert_int_equal(4 - record, count);
        }
    }
}

/* Nobody was told that they are on disk: a disk may have written later ones first. */
static void what_was_not_synced_ends_where_it_is_torn(void **state)
{
    const char *path = *state;
    unsigned count;

    for (unsigned record = 0; record < 5; record++) {
        write_records(path, 5, false);
        flip(path, "journal.0", record * 4 * JOURNAL_BLOCK_BYTES + 100);
        assert_int_equal(ST_OK, replay(path, 0, &count));
        assert_int_equal(record, count);
    }
}

static void files_take_turns_and_what_they_held_before_is_not_replayed(void **state)
{
    const char *path = *state;
    struct journal journal;
    unsigned count, n = 0;

    assert_int_equal(ST_OK, journal_init(&journal, path, 0));
    for (unsigned turn = 0; turn < 6; turn++) {
        unsigned before = n;

        for (unsigned i = 0; i < 7 - turn; i++)
            assert_int_equal(ST_OK, append(&journal, ++n, true));
        assert_int_equal(ST_OK, replay(path, before, &count));
        assert_int_equal(n - before, count);
        if (turn > 0) { /* the other file's are still wanted while they are brought in */
            unsigned wanted = 7 - (turn - 1) + (7 - turn);

            assert_int_equal(ST_OK, replay(path, n - wanted, &count));
            assert_int_equal(wanted, count);
        }
        journal_turn(&journal);
    }
    journal_deinit(&journal, true);
    assert_false(journal_exists(path));
}

static void a_missing_file_is_noticed(void **state)
{
    const char *path = *state;
    struct journal journal;
    unsigned count;

    assert_int_equal(ST_OK, journal_init(&journal, path, 0));
    for (unsigned n = 1; n <= 6; n++) {
        if (n == 4)
            journal_turn(&journal);
        assert_int_equal(ST_OK, append(&journal, n, true));
    }
    journal_deinit(&journal, false);
    run("rm '%s/%s'", path, "journal.0");
    assert_int_equal(ST_CORRUPT, replay(path, 0, &count));
    assert_int_equal(ST_OK, replay(path, 3, &count));
    assert_int_equal(3, count);
}

/* ---- a database ---- */

static struct kv_options options_for(const char *backend)
{
    return (struct kv_options){.backend = backend, .create = true, .cache_bytes = 16 << 20};
}

/* Commit n puts key n % 40 of both stores, and deletes key (n + 20) % 40 of one. */
static enum status commit_number(struct kv *kv, unsigned n, bool sync)
{
    struct kv_txn *txn = NULL;
    char key[8], value[24];
    size_t key_bytes = (size_t)snprintf(key, sizeof key, "%02u", n % 40);
    size_t value_bytes = (size_t)snprintf(value, sizeof value, "value %u", n);
    enum status st;

    TRY(kv_begin_write(kv, &txn, NULL));
    st = kv_put(txn, dog, slice_of(key, key_bytes), slice_of(value, value_bytes));
    if (st == ST_OK)
        st = kv_put(txn, cat, slice_of(key, key_bytes), slice_empty());
    snprintf(key, sizeof key, "%02u", (n + 20) % 40);
    if (st == ST_OK)
        st = kv_delete(txn, dog, slice_of(key, key_bytes));
    if (st == ST_OK)
        return kv_commit(txn, sync, NULL);
    kv_abort(txn);
    return st;
}

/* The number of commits that the database shows; it must be those from 1 on, whole. */
static unsigned commits_shown(struct kv *kv)
{
    struct kv_txn *txn = NULL;
    struct kv_cursor *cursor = NULL;
    unsigned greatest = 0, rows = 0;
    char text[32];

    assert_int_equal(ST_OK, kv_begin_read(kv, &txn, NULL));
    assert_int_equal(ST_OK, kv_cursor_open(txn, dog, &cursor));
    for (enum status st = kv_first(cursor); st == ST_OK; st = kv_next(cursor)) {
        unsigned n;

        snprintf(text, sizeof text, "%.*s", (int)kv_value(cursor).len, kv_value(cursor).data);
        assert_int_equal(1, sscanf(text, "value %u", &n));
        greatest = n > greatest ? n : greatest;
        rows++;
    }
    assert_int_equal(greatest < 20 ? greatest : 20, rows);
    for (unsigned n = greatest > 20 ? greatest - 19 : 1; n <= greatest; n++) {
        struct slice value, key = {text, (size_t)snprintf(text, sizeof text, "%02u", n % 40)};
        char expected[24];

        snprintf(expected, sizeof expected, "value %u", n);
        assert_int_equal(ST_OK, kv_get(txn, dog, key, &value));
        assert_true(slice_is(value, expected));
        assert_int_equal(ST_OK, kv_get(txn, cat, key, &value));
    }
    kv_cursor_close(cursor);
    kv_end_read(txn);
    return greatest;
}

/* Commit 1..count in a process that dies with everything in the journal alone. */
static void write_and_die(const char *path, const char *backend, unsigned count, bool sync)
{
    int status;
    pid_t child = fork();

    if (child == 0) {
        struct kv_options options = options_for(backend);
        struct kv *kv = NULL;

        if (failpoint_arm("journal.checkpoint=sleep:600000", NULL) != ST_OK ||
            kv_open(path, &options, &kv, NULL) != ST_OK)
            _exit(1);
        for (unsigned n = 1; n <= count; n++)
            if (commit_number(kv, n, sync) != ST_OK)
                _exit(2);
        _exit(0);
    }
    assert_int_equal(child, waitpid(child, &status, 0));
    assert_int_equal(0, status);
}

/* Open in a process that a fail-point may kill. */
static void open_and_die(const char *path, const char *backend, const char *failpoint)
{
    int status;
    pid_t child = fork();

    if (child == 0) {
        struct kv_options options = options_for(backend);
        struct kv *kv = NULL;

        if (failpoint_arm(failpoint, NULL) != ST_OK)
            _exit(1);
        (void)kv_open(path, &options, &kv, NULL);
        _exit(0);
    }
    assert_int_equal(child, waitpid(child, &status, 0));
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static unsigned shown_after_open(const char *path, const char *backend, bool read_only)
{
    struct kv_options options = options_for(backend);
    struct kv *kv = NULL;
    struct error err = {0};
    unsigned shown;

    options.read_only = read_only;
    if (kv_open(path, &options, &kv, &err) != ST_OK)
        fail_msg("%s", error_message(&err));
    shown = commits_shown(kv);
    kv_close(kv);
    return shown;
}

static void what_the_journal_holds_is_there_after_a_kill(void **state)
{
    static const char *const steps[] = {"journal.apply=kill", "journal.checkpoint=kill",
                                        "journal.after_checkpoint=kill", "journal.recovered=kill"};
    char path[128];

    for (size_t i = 0; i < COUNT_OF(backends); i++) {
        snprintf(path, sizeof path, "%s/%s", (char *)*state, backends[i]);
        write_and_die(path, backends[i], 70, i == 0);
        assert_int_equal(70, shown_after_open(path, backends[i], true));
        for (size_t step = 0; step < COUNT_OF(steps); step++) {
            open_and_die(path, backends[i], steps[step]);
            assert_int_equal(70, shown_after_open(path, backends[i], true));
        }
        assert_int_equal(70, shown_after_open(path, backends[i], false));
        assert_false(journal_exists(path));
        assert_int_equal(70, shown_after_open(path, backends[i], true));
    }
}

/* A power cut at every sector of the journal: what is behind it never came to the disk. */
static void a_power_cut_leaves_the_first_commits_whole(void **state)
{
    static const char zeros[JOURNAL_BLOCK_BYTES];
    char path[128], cut[128];

    for (size_t i = 0; i < COUNT_OF(backends); i++) {
        snprintf(path, sizeof path, "%s/%s", (char *)*state, backends[i]);
        snprintf(cut, sizeof cut, "%s/cut", (char *)*state);
        write_and_die(path, backends[i], 6, false);
        for (unsigned sector = 0; sector < 6; sector++) {
            run("rm -rf '%s' '%s/none'", cut, cut);
            run("cp -r '%s' '%s'", path, cut);
            for (unsigned k = sector; k < 6; k++)
                overwrite(cut, "journal.0", k * JOURNAL_BLOCK_BYTES, zeros, sizeof zeros);
            assert_int_equal(sector, shown_after_open(cut, backends[i], true));
            assert_int_equal(sector, shown_after_open(cut, backends[i], false));
        }
        /* One sector in the middle, and the disk had not been asked to keep an order. */
        run("rm -rf '%s' '%s/none'", cut, cut);
        run("cp -r '%s' '%s'", path, cut);
        overwrite(cut, "journal.0", 3 * JOURNAL_BLOCK_BYTES, zeros, sizeof zeros);
        assert_int_equal(3, shown_after_open(cut, backends[i], false));
        run("rm -rf '%s' '%s/none'", cut, cut);
    }
}

static void a_damaged_journal_is_reported_at_open(void **state)
{
    char path[128];

    for (size_t i = 0; i < COUNT_OF(backends); i++) {
        struct kv_options options = options_for(backends[i]);
        struct kv *kv = NULL;
        struct error err = {0};

        snprintf(path, sizeof path, "%s/%s", (char *)*state, backends[i]);
        write_and_die(path, backends[i], 6, true);
        flip(path, "journal.0", 2 * JOURNAL_BLOCK_BYTES + 50);
        assert_int_equal(ST_CORRUPT, kv_open(path, &options, &kv, &err));
        assert_non_null(strstr(error_message(&err), "record 3 of the journal"));
    }
}

static void a_backup_has_what_only_the_journal_holds(void **state)
{
    char path[128], copy[128];

    for (size_t i = 0; i < COUNT_OF(backends); i++) {
        struct kv_options options = options_for(backends[i]);
        struct kv *kv = NULL;

        snprintf(path, sizeof path, "%s/%s", (char *)*state, backends[i]);
        snprintf(copy, sizeof copy, "%s/%s-copy", (char *)*state, backends[i]);
        assert_int_equal(ST_OK, kv_open(path, &options, &kv, NULL));
        for (unsigned n = 1; n <= 50; n++)
            assert_int_equal(ST_OK, commit_number(kv, n, n % 10 == 0));
        assert_int_equal(ST_OK, kv_backup(kv, copy, NULL));
        kv_close(kv);
        assert_int_equal(50, shown_after_open(copy, backends[i], true));
        assert_int_equal(50, shown_after_open(path, backends[i], true));
    }
}

static void a_failed_sync_stops_writing_and_nothing_is_shown(void **state)
{
    char path[128];

    for (size_t i = 0; i < COUNT_OF(backends); i++) {
        struct kv_options options = options_for(backends[i]);
        struct kv *kv = NULL;

        snprintf(path, sizeof path, "%s/%s", (char *)*state, backends[i]);
        assert_int_equal(ST_OK, kv_open(path, &options, &kv, NULL));
        assert_int_equal(ST_OK, commit_number(kv, 1, true));
        assert_int_equal(ST_OK, failpoint_arm("journal.sync=error", NULL));
        assert_int_equal(ST_IO, commit_number(kv, 2, true));
        failpoint_disarm_all();
        assert_int_equal(ST_IO, commit_number(kv, 2, true));
        assert_int_equal(1, commits_shown(kv));
        kv_close(kv);
        assert_true(shown_after_open(path, backends[i], false) >= 1);
    }
}

/* ---- readers over layers ---- */

enum { KEYS = 60, SNAPSHOTS = 4 };

static uint32_t draw(uint32_t *seed, uint32_t below)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (*seed >> 8) % below;
}

static void same_scan(struct kv_txn *a, struct kv_txn *b, struct kv_store store, uint32_t *seed)
{
    struct kv_cursor *x = NULL, *y = NULL;
    char key[8];
    struct slice at = {key, (size_t)snprintf(key, sizeof key, "%02u", draw(seed, KEYS))};
    bool before = draw(seed, 2) == 0;
    enum status st;

    assert_int_equal(ST_OK, kv_cursor_open(a, store, &x));
    assert_int_equal(ST_OK, kv_cursor_open(b, store, &y));
    st = before ? kv_seek_before(x, at) : kv_seek(x, at);
    assert_int_equal(st, before ? kv_seek_before(y, at) : kv_seek(y, at));
    for (unsigned i = 0; i < 2 * KEYS && st == ST_OK; i++) {
        bool is_next = draw(seed, 8) == 0 ? before : !before; /* and turn round now and then */

        assert_true(slice_equal(kv_key(x), kv_key(y)));
        assert_true(slice_equal(kv_value(x), kv_value(y)));
        st = is_next ? kv_next(x) : kv_prev(x);
        assert_int_equal(st, is_next ? kv_next(y) : kv_prev(y));
    }
    kv_cursor_close(x);
    kv_cursor_close(y);
}

static void same_gets(struct kv_txn *a, struct kv_txn *b, struct kv_store store)
{
    char room[KEYS][8];
    struct slice keys[KEYS], values[KEYS], x, y;

    for (unsigned i = 0; i < KEYS; i++)
        keys[i] = slice_of(room[i], (size_t)snprintf(room[i], sizeof room[i], "%02u", i));
    assert_int_equal(ST_OK, kv_get_many(a, store, KEYS, keys, values));
    for (unsigned i = 0; i < KEYS; i++) {
        enum status st = kv_get(b, store, keys[i], &y);

        assert_int_equal(st, kv_get(a, store, keys[i], &x));
        assert_int_equal(st == ST_OK, values[i].data != NULL);
        if (st == ST_OK)
            assert_true(slice_equal(x, y) && slice_equal(values[i], y));
    }
}

static void write_same(struct kv *a, struct kv *b, uint32_t *seed)
{
    struct kv_txn *txns[2] = {NULL, NULL};
    bool clears = draw(seed, 40) == 0;

    assert_int_equal(ST_OK, kv_begin_write(a, &txns[0], NULL));
    assert_int_equal(ST_OK, kv_begin_write(b, &txns[1], NULL));
    for (unsigned n = draw(seed, 12); n > 0; n--) {
        struct kv_store store = draw(seed, 2) == 0 ? dog : cat;
        bool deletes = draw(seed, 3) == 0;
        char key[8], value[64];
        struct slice k = {key, (size_t)snprintf(key, sizeof key, "%02u", draw(seed, KEYS))};
        struct slice v = {value, draw(seed, sizeof value)};

        memset(value, (int)draw(seed, 256), sizeof value);
        for (unsigned i = 0; i < 2; i++)
            assert_int_equal(ST_OK,
                             deletes ? kv_delete(txns[i], store, k) : kv_put(txns[i], store, k, v));
    }
    for (unsigned i = 0; clears && i < 2; i++)
        assert_int_equal(ST_OK, kv_delete_range(txns[i], dog, slice_text("1"), slice_text("4")));
    if (draw(seed, 20) == 0) {
        kv_abort(txns[0]);
        kv_abort(txns[1]);
        return;
    }
    assert_int_equal(ST_OK, kv_commit(txns[0], draw(seed, 4) == 0, NULL));
    assert_int_equal(ST_OK, kv_commit(txns[1], false, NULL));
}

/* The same random writes into a journaled store and into memory, with old snapshots of both kept
 * and compared, while checkpoints go on. */
static void readers_see_what_memory_shows(void **state)
{
    char path[128];

    for (unsigned round = 0; round < 6; round++) {
        const char *backend = backends[round % 2];
        struct kv_options options = options_for(backend), memory = {.backend = "memory"};
        struct kv *kv = NULL, *model = NULL;
        struct kv_txn *reads[SNAPSHOTS][2];
        uint32_t seed = round + 1;

        /* A checkpoint every few commits, or now and then, or none but by chance. */
        options.journal_bytes = round < 2 ? 2048 : round < 4 ? 64 << 10 : 0;
        snprintf(path, sizeof path, "%s/%u", (char *)*state, round);
        assert_int_equal(ST_OK, kv_open(path, &options, &kv, NULL));
        assert_int_equal(ST_OK, kv_open("", &memory, &model, NULL));
        for (unsigned i = 0; i < SNAPSHOTS; i++) {
            assert_int_equal(ST_OK, kv_begin_read(kv, &reads[i][0], NULL));
            assert_int_equal(ST_OK, kv_begin_read(model, &reads[i][1], NULL));
        }
        for (unsigned step = 0; step < 1500; step++) {
            unsigned i = draw(&seed, SNAPSHOTS);

            write_same(kv, model, &seed);
            if (draw(&seed, 2) == 0) {
                if (draw(&seed, 4) == 0)
                    kv_park(reads[i][0]);
                assert_int_equal(ST_OK, kv_renew(reads[i][0]));
                assert_int_equal(ST_OK, kv_renew(reads[i][1]));
            }
            same_scan(reads[i][0], reads[i][1], draw(&seed, 2) == 0 ? dog : cat, &seed);
            if (step % 8 == 0)
                same_gets(reads[i][0], reads[i][1], dog);
        }
        for (unsigned i = 0; i < SNAPSHOTS; i++) {
            kv_end_read(reads[i][0]);
            kv_end_read(reads[i][1]);
        }
        kv_close(kv);
        options.read_only = true;
        assert_int_equal(ST_OK, kv_open(path, &options, &kv, NULL)); /* all of it in the store */
        assert_false(journal_exists(path));
        assert_int_equal(ST_OK, kv_begin_read(kv, &reads[0][0], NULL));
        assert_int_equal(ST_OK, kv_begin_read(model, &reads[0][1], NULL));
        same_gets(reads[0][0], reads[0][1], dog);
        same_gets(reads[0][0], reads[0][1], cat);
        kv_end_read(reads[0][0]);
        kv_end_read(reads[0][1]);
        kv_close(kv);
        kv_close(model);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_torn_last_record_is_left_out, set_up, tear_down),
        cmocka_unit_test_setup_teardown(damage_before_a_later_record_is_reported, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_was_not_synced_ends_where_it_is_torn, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(files_take_turns_and_what_they_held_before_is_not_replayed,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_missing_file_is_noticed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_the_journal_holds_is_there_after_a_kill, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_power_cut_leaves_the_first_commits_whole, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_damaged_journal_is_reported_at_open, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_backup_has_what_only_the_journal_holds, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_failed_sync_stops_writing_and_nothing_is_shown, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(readers_see_what_memory_shows, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
