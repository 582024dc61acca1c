/* What a database does by itself: filling indexes and removing records that have ended. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "storage/table/table_internal.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct error err;

#define OK(expression)                                                                             \
    do {                                                                                           \
        enum status st_ = (expression);                                                            \
        if (st_ != ST_OK)                                                                          \
            fail_msg("%s: %s: %s", #expression, status_name(st_), error_message(&err));            \
    } while (0)

struct scratch {
    const char *backend;
    char path[64];
    struct db *db;
};

static void open_again(struct scratch *scratch)
{
    struct db_options options = {
        .backend = scratch->backend, .create = true, .durability = DURABILITY_OFF};

    OK(db_open(scratch->path, &options, &scratch->db, &err));
}

static void set_up(void **state, struct scratch *scratch)
{
    scratch->backend = *state;
    (void)snprintf(scratch->path, sizeof(scratch->path), "/tmp/harper-upkeep-XXXXXX");
    assert_non_null(mkdtemp(scratch->path));
    open_again(scratch);
}

static void tear_down(struct scratch *scratch)
{
    char command[128];

    db_close(scratch->db);
    (void)snprintf(command, sizeof(command), "rm -rf %s", scratch->path);
    assert_int_equal(system(command), 0);
}

/* Item (id, n), n not indexed, or with `is_indexed` in a state that is given. */
static struct table definition_of(struct attribute *attributes, struct index *index,
                                  const struct index_part *part, bool is_indexed)
{
    static const uint16_t key = 0;
    static const struct key_part order = {0};

    attributes[0] = (struct attribute){.name = {"id", 2}, .type = TYPE_LONG};
    attributes[1] = (struct attribute){.name = {"n", 1}, .type = TYPE_LONG};
    *index = (struct index){.name = {"Item/n", 6},
                            .part_count = 1,
                            .is_multi_valued = true,
                            .origin = INDEX_ATTRIBUTE,
                            .parts = part};
    return (struct table){.name = {"Item", 4},
                          .attribute_count = 2,
                          .attributes = attributes,
                          .key_count = 1,
                          .key_attributes = &key,
                          .key_parts = &order,
                          .index_count = is_indexed,
                          .indexes = index,
                          .is_made_by_sdl = true,
                          .is_case_sensitive = true};
}

static void apply(struct db *db, bool is_indexed)
{
    const struct index_part part = {.attribute = 1};
    struct attribute attributes[2];
    struct index index;
    struct table definition = definition_of(attributes, &index, &part, is_indexed);
    const struct table *table;
    struct txn *txn;

    OK(txn_begin(db, TXN_WRITE, &txn, &err));
    table = catalog_table(txn_catalog(txn), slice_text("Item"));
    if (table == NULL)
        OK(catalog_create_table(txn, &definition, NULL, &err));
    else
        OK(catalog_merge_table(txn, table, &definition, false, &err));
    OK(txn_commit(txn, &err));
}

static int64_t shift; /* what n is beyond id: another one changes rows that are there */

static void put(struct db *db, int64_t from, int64_t to, int64_t expiry_ms)
{
    const uint16_t both[] = {0, 1};
    const struct table *table;
    struct txn *txn;

    OK(txn_begin(db, TXN_WRITE, &txn, &err));
    table = catalog_table(txn_catalog(txn), slice_text("Item"));
    for (int64_t id = from; id < to; id++) {
        struct value values[] = {value_int(id), value_int((id + shift) % 100)};
        struct row row = {.values = values, .has_expiry = expiry_ms != 0, .expiry_ms = expiry_ms};

        OK(table_shape(txn, table, both, 2, &row.shape));
        OK(table_write(txn, table, WRITE_PUT, &row, NULL, &err));
    }
    OK(txn_commit(txn, &err));
}

static uint64_t entries(struct db *db)
{
    const struct table *table;
    struct cursor *cursor;
    struct txn *txn;
    uint64_t count = 0;
    enum status st;

    OK(txn_begin(db, TXN_READ, &txn, &err));
    table = catalog_table(txn_catalog(txn), slice_text("Item"));
    OK(cursor_open_index(txn, &table->indexes[0], &cursor));
    for (st = cursor_first(cursor); st == ST_OK; st = cursor_next(cursor))
        count++;
    cursor_close(cursor);
    txn_rollback(txn);
    return count;
}

static uint8_t state_of(struct db *db, struct txn *txn, uint64_t *rows)
{
    const struct table *table = catalog_table(txn_catalog(txn), slice_text("Item"));

    (void)db;
    assert_int_equal(table->index_count, 1);
    (void)index_fill_progress(txn, &table->indexes[0], rows);
    return table->indexes[0].state;
}

static void report(void *context, const char *message)
{
    (void)context;
    print_message("%s\n", message);
}

static void assert_sound(struct db *db)
{
    uint64_t problems;

    OK(db_check(db, report, NULL, &problems, &err));
    assert_int_equal(problems, 0);
}

/* Pieces are taken by hand here, so the thread that would take them is not there. */
static void begin_fill(struct scratch *scratch, uint32_t *table, uint32_t *index)
{
    struct txn *txn;
    const struct table *found;

    apply(scratch->db, false);
    put(scratch->db, 0, 15000, 0);
    scratch->db->upkeep_seen = UINT64_MAX;
    apply(scratch->db, true);
    OK(txn_begin(scratch->db, TXN_READ, &txn, &err));
    found = catalog_table(txn_catalog(txn), slice_text("Item"));
    *table = found->store;
    *index = found->indexes[0].store;
    txn_rollback(txn);
}

static void an_index_over_many_rows_is_filled_in_the_background(void **state)
{
    struct scratch scratch;
    uint64_t rows = 0;
    uint8_t now = INDEX_FILLING;

    set_up(state, &scratch);
    apply(scratch.db, false);
    put(scratch.db, 0, 15000, 0);
    apply(scratch.db, true);
    for (int tries = 0; now != INDEX_READY && tries < 6000; tries++) {
        struct txn *txn;

        OK(txn_begin(scratch.db, TXN_READ, &txn, &err));
        now = state_of(scratch.db, txn, &rows);
        txn_rollback(txn);
        (void)usleep(10000);
    }
    assert_int_equal(now, INDEX_READY);
    assert_int_equal(entries(scratch.db), 15000);
    assert_sound(scratch.db);
    tear_down(&scratch);
}

/* Rows before and behind the place that the filling has come to change; a restart goes on. */
static void writes_during_the_filling_are_in_the_index_and_a_restart_goes_on(void **state)
{
    struct scratch scratch;
    uint32_t table, index;
    uint64_t before = 0, after = 0;
    bool is_done = false;
    struct txn *txn;

    set_up(state, &scratch);
    begin_fill(&scratch, &table, &index);
    OK(index_fill_step(scratch.db, table, index, &is_done, &err));
    if (!is_done) { /* unless the thread was faster */
        shift = 7;
        put(scratch.db, 100, 200, 0);
        put(scratch.db, 14000, 16000, 0);
        OK(txn_begin(scratch.db, TXN_READ, &txn, &err));
        assert_int_equal(state_of(scratch.db, txn, &before), INDEX_FILLING);
        txn_rollback(txn);
        assert_true(before >= 2000);
        db_close(scratch.db);
        open_again(&scratch);
        OK(txn_begin(scratch.db, TXN_READ, &txn, &err));
        (void)state_of(scratch.db, txn, &after);
        txn_rollback(txn);
        assert_true(after == 0 || after >= before);
    }
    while (!is_done)
        OK(index_fill_step(scratch.db, table, index, &is_done, &err));
    assert_int_equal(entries(scratch.db), 16000);
    assert_sound(scratch.db);
    tear_down(&scratch);
}

static uint64_t newest_sequence(struct db *db)
{
    return db->next_sequence - 1;
}

static void a_sweep_removes_what_has_ended_with_its_entries_and_without_a_log_entry(void **state)
{
    struct scratch scratch;
    uint64_t removed = 0, count = 0, sequence;
    struct log_reader *reader;
    struct log_entry entry;
    struct txn *txn;
    const struct table *table;

    set_up(state, &scratch);
    apply(scratch.db, false);
    apply(scratch.db, true);
    put(scratch.db, 0, 3000, 0);
    put(scratch.db, 1000, 2500, 5); /* 1970 */
    put(scratch.db, 2400, 2500, INT64_MAX / 2);
    OK(txn_begin(scratch.db, TXN_WRITE, &txn, &err)); /* the definition says that rows may end */
    table = catalog_table(txn_catalog(txn), slice_text("Item"));
    struct table changed = *table;
    changed.expiration_s = 1000;
    OK(catalog_alter_table(txn, table, &changed, &err));
    OK(txn_commit(txn, &err));
    sequence = newest_sequence(scratch.db);
    OK(db_sweep(scratch.db, "Item", &removed, &err));
    assert_int_equal(removed, 1400);
    assert_int_equal(entries(scratch.db), 1600);
    OK(txn_begin(scratch.db, TXN_READ, &txn, &err));
    OK(table_row_count(txn, catalog_table(txn_catalog(txn), slice_text("Item")), &count));
    assert_int_equal(count, 1600);
    OK(log_open(txn, scratch.db->origin, sequence + 1, &reader));
    while (log_next(reader, &entry) == ST_OK) /* commits, but no write in them */
        assert_int_equal(entry.body.data[entry.body.len - 1], 0);
    log_close(reader);
    txn_rollback(txn);
    OK(db_sweep(scratch.db, "Item", &removed, &err));
    assert_int_equal(removed, 0);
    assert_sound(scratch.db);
    tear_down(&scratch);
}

int main(void)
{
    static char lmdb[] = "lmdb", rocksdb[] = "rocksdb";
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(an_index_over_many_rows_is_filled_in_the_background, lmdb),
        cmocka_unit_test_prestate(an_index_over_many_rows_is_filled_in_the_background, rocksdb),
        cmocka_unit_test_prestate(writes_during_the_filling_are_in_the_index_and_a_restart_goes_on,
                                  lmdb),
        cmocka_unit_test_prestate(writes_during_the_filling_are_in_the_index_and_a_restart_goes_on,
                                  rocksdb),
        cmocka_unit_test_prestate(
            a_sweep_removes_what_has_ended_with_its_entries_and_without_a_log_entry, lmdb),
        cmocka_unit_test_prestate(
            a_sweep_removes_what_has_ended_with_its_entries_and_without_a_log_entry, rocksdb),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
