/*
 * micro_kv: what each backend costs below everything else, in nanoseconds. The same work as the raw
 * columns of docs/performance.md: rows of 120 bytes under 8-byte ordered keys.
 *
 *   micro_kv [memory | lmdb | lmdb-off | rocksdb [rows]]      all of them and 1,000,000 rows unless
 * told otherwise
 */
#include "storage/kv/kv.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { VALUE_BYTES = 120, KEY_BYTES = 8, BATCH_ROWS = 1000 };

static const struct kv_store rows_store = {1, KV_DATA}, index_store = {2, KV_INDEX};

struct bench {
    const char *backend, *label;
    bool power_cut_may_damage; /* durability off */
    char path[64];
    unsigned rows;
    struct kv *kv;
    struct error err;
    uint64_t seed;
};

static void must(struct bench *bench, enum status st)
{
    if (st == ST_OK)
        return;
    fprintf(stderr, "%s: %s %s\n", bench->backend, status_name(st), error_message(&bench->err));
    exit(1);
}

static uint64_t roll(struct bench *bench)
{
    bench->seed ^= bench->seed << 13;
    bench->seed ^= bench->seed >> 7;
    bench->seed ^= bench->seed << 17;
    return bench->seed;
}

static struct slice key_of(uint64_t number, char room[KEY_BYTES])
{
    uint64_t big = __builtin_bswap64(number);

    memcpy(room, &big, sizeof big);
    return slice_of(room, KEY_BYTES);
}

static struct slice value_of(uint64_t number, char room[VALUE_BYTES])
{
    memset(room, 'v', VALUE_BYTES);
    memcpy(room, &number, sizeof number);
    return slice_of(room, VALUE_BYTES);
}

static void report(struct bench *bench, const char *what, uint64_t start_ns, double count)
{
    double ns = (double)(clock_monotonic_ns() - start_ns) / count;

    printf("%-8s  %-47s %10.0f ns\n", bench->label, what, ns);
    fflush(stdout);
}

static void open_bench(struct bench *bench)
{
    const struct kv_options options = {.backend = bench->backend,
                                       .create = true,
                                       .power_cut_may_damage = bench->power_cut_may_damage};

    must(bench, kv_open(bench->path, &options, &bench->kv, &bench->err));
}

/* ---- the workloads ---- */

static void measure_opening(struct bench *bench)
{
    uint64_t start = clock_monotonic_ns();

    open_bench(bench);
    report(bench, "open a new database", start, 1);
    start = clock_monotonic_ns();
    kv_close(bench->kv);
    report(bench, "close it", start, 1);
    start = clock_monotonic_ns();
    open_bench(bench);
    report(bench, "open it again", start, 1);
}

static void load_rows(struct bench *bench)
{
    char key[KEY_BYTES], value[VALUE_BYTES];
    uint64_t start = clock_monotonic_ns();

    for (unsigned i = 0; i < bench->rows;) {
        struct kv_txn *txn = NULL;

        must(bench, kv_begin_write(bench->kv, &txn, &bench->err));
        for (unsigned n = 0; n < BATCH_ROWS && i < bench->rows; n++, i++)
            must(bench, kv_put(txn, rows_store, key_of(i, key), value_of(i, value)));
        must(bench, kv_commit(txn, false, &bench->err));
    }
    report(bench, "load in order, 1000 a commit, per row", start, bench->rows);
}

static void load_index(struct bench *bench)
{
    char key[2 * KEY_BYTES];
    uint64_t start = clock_monotonic_ns();

    for (unsigned i = 0; i < bench->rows;) {
        struct kv_txn *txn = NULL;

        must(bench, kv_begin_write(bench->kv, &txn, &bench->err));
        for (unsigned n = 0; n < BATCH_ROWS && i < bench->rows; n++, i++) {
            key_of(roll(bench), key);
            key_of(i, key + KEY_BYTES);
            must(bench, kv_put(txn, index_store, slice_of(key, sizeof key), slice_empty()));
        }
        must(bench, kv_commit(txn, false, &bench->err));
    }
    report(bench, "random index keys, 1000 a commit, per key", start, bench->rows);
}

static void get_points(struct bench *bench, struct kv_txn *txn, bool renews)
{
    unsigned count = bench->rows < 300000 ? bench->rows : 300000;
    char key[KEY_BYTES];
    uint64_t start = clock_monotonic_ns();

    for (unsigned i = 0; i < count; i++) {
        struct slice value = {0};

        if (renews)
            must(bench, kv_renew(txn));
        must(bench, kv_get(txn, rows_store, key_of(roll(bench) % bench->rows, key), &value));
        if (!renews && i % 256 == 0)
            kv_unpin(txn);
    }
    report(bench, renews ? "point get, random, renewed each time" : "point get, random", start,
           count);
}

static void get_singly(struct bench *bench)
{
    enum { ROUNDS = 100000 };
    char key[KEY_BYTES];
    uint64_t start = clock_monotonic_ns();

    for (unsigned i = 0; i < ROUNDS; i++) {
        struct kv_txn *txn = NULL;
        struct slice value = {0};

        must(bench, kv_begin_read(bench->kv, &txn, &bench->err));
        must(bench, kv_get(txn, rows_store, key_of(i % 100, key), &value));
        kv_end_read(txn);
    }
    report(bench, "begin, get a warm row, end", start, ROUNDS);
}

static int compare_numbers(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

static void get_batches(struct bench *bench, struct kv_txn *txn)
{
    enum { COUNT = 64, ROUNDS = 4000 };
    uint64_t numbers[COUNT], spent = 0;
    struct slice keys[COUNT], values[COUNT];
    char rooms[COUNT][KEY_BYTES];

    for (unsigned round = 0; round < ROUNDS; round++) {
        uint64_t start = 0;

        for (unsigned i = 0; i < COUNT; i++)
            numbers[i] = roll(bench) % bench->rows;
        qsort(numbers, COUNT, sizeof numbers[0], compare_numbers);
        for (unsigned i = 0; i < COUNT; i++)
            keys[i] = key_of(numbers[i], rooms[i]);
        start = clock_monotonic_ns();
        must(bench, kv_get_many(txn, rows_store, COUNT, keys, values));
        kv_unpin(txn);
        spent += clock_monotonic_ns() - start;
    }
    report(bench, "get 64 sorted random keys at once, per key", clock_monotonic_ns() - spent,
           (double)COUNT * ROUNDS);
}

static void scan_ranges(struct bench *bench, struct kv_txn *txn)
{
    enum { RANGE = 100, ROUNDS = 5000 };
    struct kv_cursor *cursor = NULL;
    char key[KEY_BYTES];
    uint64_t start = clock_monotonic_ns(), sum = 0;

    must(bench, kv_cursor_open(txn, rows_store, &cursor));
    for (unsigned round = 0; round < ROUNDS; round++) {
        must(bench, kv_seek(cursor, key_of(roll(bench) % (bench->rows - RANGE), key)));
        for (unsigned i = 0; i < RANGE; i++) {
            sum += (unsigned char)kv_value(cursor).data[0];
            must(bench, kv_next(cursor));
        }
    }
    report(bench, "seek and 100 next, per row", start, (double)RANGE * ROUNDS);
    start = clock_monotonic_ns();
    for (unsigned round = 0; round < ROUNDS * 10; round++)
        must(bench, kv_seek(cursor, key_of(roll(bench) % bench->rows, key)));
    report(bench, "seek, random", start, ROUNDS * 10.0);
    kv_cursor_close(cursor);
    start = clock_monotonic_ns();
    for (unsigned round = 0; round < ROUNDS * 10; round++) {
        must(bench, kv_cursor_open(txn, rows_store, &cursor));
        must(bench, kv_seek(cursor, key_of(roll(bench) % bench->rows, key)));
        kv_cursor_close(cursor);
    }
    report(bench, "cursor open, seek, close", start, ROUNDS * 10.0);
    if (sum == 1)
        puts("");
}

static void scan_all(struct bench *bench, struct kv_txn *txn, struct kv_store store,
                     const char *what)
{
    struct kv_cursor *cursor = NULL;
    uint64_t start = clock_monotonic_ns(), sum = 0;
    unsigned count = 0;

    must(bench, kv_cursor_open(txn, store, &cursor));
    for (enum status st = kv_first(cursor); st == ST_OK; st = kv_next(cursor), count++)
        sum += (unsigned char)kv_key(cursor).data[7];
    report(bench, what, start, count + (sum == 1));
    kv_cursor_close(cursor);
}

static void commit_singly(struct bench *bench, bool sync, unsigned count, const char *what)
{
    char key[2 * KEY_BYTES], value[VALUE_BYTES];
    uint64_t start = clock_monotonic_ns();

    for (unsigned i = 0; i < count; i++) {
        struct kv_txn *txn = NULL;

        must(bench, kv_begin_write(bench->kv, &txn, &bench->err));
        must(bench, kv_put(txn, rows_store, key_of(bench->rows + i, key), value_of(i, value)));
        key_of(roll(bench), key);
        key_of(i, key + KEY_BYTES);
        must(bench, kv_put(txn, index_store, slice_of(key, sizeof key), slice_empty()));
        must(bench, kv_commit(txn, sync, &bench->err));
    }
    bench->rows += count;
    report(bench, what, start, count);
}

static void update_rows(struct bench *bench)
{
    enum { ROUNDS = 50 };
    char key[KEY_BYTES], value[VALUE_BYTES];
    uint64_t start = clock_monotonic_ns();

    for (unsigned round = 0; round < ROUNDS; round++) {
        struct kv_txn *txn = NULL;

        must(bench, kv_begin_write(bench->kv, &txn, &bench->err));
        for (unsigned n = 0; n < BATCH_ROWS; n++) {
            uint64_t number = roll(bench) % bench->rows;
            struct slice old = {0};

            must(bench, kv_get(txn, rows_store, key_of(number, key), &old));
            must(bench, kv_put(txn, rows_store, key_of(number, key), value_of(n, value)));
        }
        must(bench, kv_commit(txn, false, &bench->err));
    }
    report(bench, "get and put random rows, 1000 a commit, per row", start, ROUNDS * BATCH_ROWS);
}

static void make_stores(struct bench *bench)
{
    enum { STORES = 1000 };
    struct kv_txn *txn = NULL;
    uint64_t start = clock_monotonic_ns();

    must(bench, kv_begin_write(bench->kv, &txn, &bench->err));
    for (uint32_t i = 0; i < STORES; i++) {
        must(bench, kv_store_create(txn, 100 + i, KV_DATA));
        must(bench,
             kv_put(txn, (struct kv_store){100 + i, KV_DATA}, slice_text("k"), slice_text("v")));
    }
    must(bench, kv_commit(txn, false, &bench->err));
    report(bench, "make a store with one row, 1000 a commit", start, STORES);
    start = clock_monotonic_ns();
    must(bench, kv_begin_write(bench->kv, &txn, &bench->err));
    for (uint32_t i = 0; i < STORES; i++)
        must(bench, kv_store_drop(txn, 100 + i, KV_DATA));
    must(bench, kv_commit(txn, false, &bench->err));
    report(bench, "drop it", start, STORES);
}

static void renew_readers(struct bench *bench, struct kv_txn *txn)
{
    enum { ROUNDS = 1000000 };
    uint64_t start = clock_monotonic_ns();

    for (unsigned i = 0; i < ROUNDS; i++)
        must(bench, kv_renew(txn));
    report(bench, "renew, nothing committed since", start, ROUNDS);
    start = clock_monotonic_ns();
    for (unsigned i = 0; i < ROUNDS / 10; i++) {
        kv_park(txn);
        must(bench, kv_renew(txn));
    }
    report(bench, "park and renew", start, ROUNDS / 10.0);
}

static void run(struct bench *bench)
{
    struct kv_txn *txn = NULL;

    if (strcmp(bench->backend, "memory") != 0) {
        strcpy(bench->path, "/tmp/harper-bench-XXXXXX");
        if (mkdtemp(bench->path) == NULL)
            exit(1);
    }
    measure_opening(bench);
    load_rows(bench);
    load_index(bench);
    must(bench, kv_compact(bench->kv, &bench->err));
    must(bench, kv_begin_read(bench->kv, &txn, &bench->err));
    get_points(bench, txn, false);
    get_points(bench, txn, false);
    get_points(bench, txn, true);
    get_batches(bench, txn);
    scan_ranges(bench, txn);
    scan_all(bench, txn, rows_store, "scan of all rows, per row");
    scan_all(bench, txn, index_store, "scan of the index, per key");
    renew_readers(bench, txn);
    kv_end_read(txn);
    get_singly(bench);
    update_rows(bench);
    commit_singly(bench, false, 2000, "row and index key, one commit, no sync");
    commit_singly(bench, true, 300, "row and index key, one commit, synced");
    make_stores(bench);
    kv_close(bench->kv);
    if (bench->path[0] != '\0') {
        char command[96];

        snprintf(command, sizeof command, "rm -rf '%s'", bench->path);
        if (system(command) != 0)
            exit(1);
    }
}

int main(int argc, char **argv)
{
    static const struct {
        const char *label, *backend;
        bool power_cut_may_damage;
    } runs[] = {{"memory", "memory", false},
                {"lmdb", "lmdb", false},
                {"lmdb-off", "lmdb", true},
                {"rocksdb", "rocksdb", false}};
    unsigned rows = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 1000000;

    for (size_t i = 0; i < COUNT_OF(runs); i++) {
        struct bench bench = {.label = runs[i].label,
                              .backend = runs[i].backend,
                              .power_cut_may_damage = runs[i].power_cut_may_damage,
                              .rows = rows < 1000 ? 1000 : rows,
                              .seed = 88172645463325252u};

        if (argc < 2 || strcmp(argv[1], runs[i].label) == 0)
            run(&bench);
    }
    return 0;
}
