#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "storage/table/table_internal.h"
#include <fcntl.h>
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

static char directory[64];

static struct db *open_at(const char *path, const char *backend)
{
    struct db_options options = {
        .backend = backend, .create = true, .durability = DURABILITY_OFF, .node = "test"};
    struct db *db;

    OK(db_open(path, &options, &db, &err));
    return db;
}

static struct db *open_new(const char *backend)
{
    directory[0] = '\0';
    if (strcmp(backend, "memory") != 0) {
        (void)snprintf(directory, sizeof(directory), "/tmp/harper-catalog-XXXXXX");
        assert_non_null(mkdtemp(directory));
    }
    return open_at(directory, backend);
}

static void close_and_remove(struct db *db)
{
    char command[128];

    db_close(db);
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", directory);
    if (directory[0] != '\0')
        assert_int_equal(system(command), 0);
}

/* id INTEGER PRIMARY KEY, a, b */
static const struct table *create(struct txn *txn, const char *name, bool is_dynamic)
{
    struct attribute attributes[] = {{.name = {"id", 2}, .affinity = AFFINITY_INTEGER},
                                     {.name = {"a", 1}, .default_sql = {"1 + 1", 5}},
                                     {.name = {"b", 1}, .collation = COLLATE_NOCASE}};
    struct check check = {.name = {"positive", 8}, .sql = {"a > 0", 5}};
    struct slice child = {"b", 1}, parent = {"id", 2};
    struct foreign_key foreign = {.name = {"fk", 2},
                                  .parent = {"other", 5},
                                  .count = 1,
                                  .child_columns = &child,
                                  .parent_columns = &parent,
                                  .on_delete = FK_CASCADE,
                                  .is_deferred = true};
    uint16_t key = 0;
    struct key_part order = {0};
    struct table definition = {.name = slice_text(name),
                               .attribute_count = is_dynamic ? 1 : 3,
                               .key_count = 1,
                               .check_count = 1,
                               .foreign_key_count = 1,
                               .has_rowid = true,
                               .is_dynamic = is_dynamic,
                               .is_autoincrement = true,
                               .is_audited = true,
                               .attributes = attributes,
                               .key_attributes = &key,
                               .key_parts = &order,
                               .checks = &check,
                               .foreign_keys = &foreign,
                               .sql = {"CREATE TABLE …", 15},
                               .expiration_s = 2.5};
    const struct table *table;

    OK(catalog_create_table(txn, &definition, &table, &err));
    return table;
}

static const struct table *find(struct txn *txn, const char *name)
{
    return catalog_table(txn_catalog(txn), slice_text(name));
}

static enum status put(struct txn *txn, const char *table_name, const char *json)
{
    struct arena arena = {0};
    struct value document;
    struct write_result result;
    struct row row;
    enum status st = json_read(slice_text(json), &arena, &document, &err);

    if (st == ST_OK)
        st = row_from_document(txn, find(txn, table_name), document, &arena, &row, &err);
    if (st == ST_OK)
        st = table_write(txn, find(txn, table_name), WRITE_PUT, &row, &result, &err);
    arena_deinit(&arena);
    return st;
}

static void a_definition_comes_back_as_it_was_written(void **state)
{
    struct db *db = open_new(*state);
    struct txn *txn;
    const struct table *table;
    struct buf before = {0}, after = {0};
    struct index_part part = {.attribute = ATTRIBUTE_NONE, .expression_sql = {"lower(b)", 8}};
    struct index index = {
        .name = {"i", 1}, .part_count = 1, .where_sql = {"a > 1", 5}, .parts = &part};
    struct catalog_object view = {.kind = OBJECT_VIEW, .name = {"v", 1}, .sql = {"SELECT 1", 8}};
    uint64_t version;

    OK(txn_begin(db, TXN_WRITE, &txn, &err));
    table = create(txn, "Dog", false);
    OK(catalog_create_index(txn, table, &index, &err));
    OK(catalog_put_object(txn, &view, &err));
    table_encode(&before, find(txn, "dog"));
    OK(txn_commit(txn, &err));
    version = db_catalog_version(db);
    if (directory[0] != '\0') {
        db_close(db);
        db = open_at(directory, *state);
    }
    OK(txn_begin(db, TXN_READ, &txn, &err));
    assert_int_equal(txn_catalog(txn)->version, version);
    table = find(txn, "DOG");
    assert_non_null(table);
    table_encode(&after, table);
    assert_true(slice_equal(buf_slice(&before), buf_slice(&after)));
    assert_non_null(table_attribute(table, slice_text("B")));
    assert_non_null(catalog_object(txn_catalog(txn), OBJECT_VIEW, slice_text("V")));
    assert_null(catalog_object(txn_catalog(txn), OBJECT_TRIGGER, slice_text("v")));
    assert_non_null(table->declared_shape);
    assert_int_equal(table->declared_shape->count, 3);
    txn_rollback(txn);
    buf_free(&before);
    buf_free(&after);
    close_and_remove(db);
}

static void damaged_definitions_are_refused(void **state)
{
    struct db *db = open_new("memory");
    struct txn *txn;
    struct buf good = {0}, bad = {0};
    struct table_version *version;

    (void)state;
    OK(txn_begin(db, TXN_WRITE, &txn, &err));
    table_encode(&good, create(txn, "dog", false));
    txn_rollback(txn);
    for (size_t len = 0; len < good.len; len++)
        assert_int_equal(table_decode(db, slice_of(good.data, len), &version), ST_CORRUPT);
    for (size_t bit = 0; bit < good.len * 8; bit++) {
        buf_clear(&bad);
        buf_append_slice(&bad, buf_slice(&good));
        bad.data[bit / 8] = (char)(bad.data[bit / 8] ^ 1 << bit % 8);
        assert_int_equal(table_decode(db, buf_slice(&bad), &version), ST_CORRUPT);
    }
    buf_free(&good);
    buf_free(&bad);
    close_and_remove(db);
}

static void what_a_rolled_back_transaction_made_is_gone(void **state)
{
    struct db *db = open_new(*state);
    struct txn *txn;
    uint64_t version = db_catalog_version(db);
    txn_mark_t mark;

    OK(txn_begin(db, TXN_WRITE, &txn, &err));
    (void)create(txn, "dog", true);
    txn_rollback(txn);
    assert_int_equal(db_catalog_version(db), version);
    OK(txn_begin(db, TXN_WRITE, &txn, &err));
    assert_null(find(txn, "dog"));
    (void)create(txn, "dog", true);
    OK(put(txn, "dog", "{\"id\":1,\"x\":1}"));
    mark = txn_mark(txn);
    OK(put(txn, "dog", "{\"id\":2,\"y\":1,\"x\":7}"));
    OK(catalog_drop_table(txn, find(txn, "dog"), &err));
    assert_null(find(txn, "dog"));
    OK(txn_rollback_to(txn, mark));
    assert_non_null(find(txn, "dog"));
    assert_null(table_attribute(find(txn, "dog"), slice_text("y")));
    OK(put(txn, "dog", "{\"id\":3,\"z\":1,\"x\":7}"));
    OK(txn_commit(txn, &err));
    if (directory[0] != '\0') {
        uint64_t problems;

        db_close(db);
        db = open_at(directory, *state);
        OK(db_check(db, NULL, NULL, &problems, &err));
        assert_int_equal(problems, 0);
    }
    OK(txn_begin(db, TXN_READ, &txn, &err));
    assert_int_equal(find(txn, "dog")->attribute_count, 3);
    txn_rollback(txn);
    close_and_remove(db);
}

static void a_renamed_attribute_keeps_its_values_under_the_new_name(void **state)
{
    struct db *db = open_new(*state);
    struct txn *txn;
    const struct table *table;
    const struct record *record;
    struct cursor *cursor;
    struct buf json = {0};

    OK(txn_begin(db, TXN_WRITE, &txn, &err));
    (void)create(txn, "dog", true);
    OK(put(txn, "dog", "{\"id\":1,\"x\":5}"));
    OK(txn_commit(txn, &err));
    OK(txn_begin(db, TXN_WRITE, &txn, &err));
    table = find(txn, "dog");
    OK(catalog_rename_attribute(txn, table, table_attribute(table, slice_text("x"))->id,
                                slice_text("weight"), &err));
    OK(put(txn, "dog", "{\"id\":2,\"weight\":6,\"new\":true}"));
    OK(catalog_rename_table(txn, find(txn, "dog"), slice_text("hound"), &err));
    OK(txn_commit(txn, &err));
    OK(txn_begin(db, TXN_READ, &txn, &err));
    OK(cursor_open_table(txn, find(txn, "hound"), &cursor));
    for (enum status st = cursor_first(cursor); st == ST_OK; st = cursor_next(cursor)) {
        OK(cursor_record(cursor, &record));
        record_write_json(&json, record);
    }
    assert_string_equal(buf_cstr(&json),
                        "{\"id\":1,\"weight\":5}{\"id\":2,\"weight\":6,\"new\":true}");
    cursor_close(cursor);
    txn_rollback(txn);
    buf_free(&json);
    close_and_remove(db);
}

static void a_dropped_attribute_is_gone_from_rows_and_index(void **state)
{
    struct db *db = open_new(*state);
    struct txn *txn;
    const struct record *record;
    struct cursor *cursor;
    struct buf json = {0};
    uint64_t problems;

    OK(txn_begin(db, TXN_WRITE, &txn, &err));
    (void)create(txn, "dog", true);
    OK(put(txn, "dog", "{\"id\":1,\"x\":5,\"y\":6}"));
    OK(catalog_drop_attribute(txn, find(txn, "dog"),
                              table_attribute(find(txn, "dog"), slice_text("x"))->id, &err));
    assert_null(table_attribute(find(txn, "dog"), slice_text("x")));
    OK(txn_commit(txn, &err));
    OK(txn_begin(db, TXN_WRITE, &txn, &err)); /* the name may come back as another attribute */
    OK(put(txn, "dog", "{\"id\":2,\"x\":7}"));
    OK(txn_commit(txn, &err));
    OK(txn_begin(db, TXN_READ, &txn, &err));
    OK(cursor_open_table(txn, find(txn, "dog"), &cursor));
    for (enum status st = cursor_first(cursor); st == ST_OK; st = cursor_next(cursor)) {
        OK(cursor_record(cursor, &record));
        record_write_json(&json, record);
    }
    assert_string_equal(buf_cstr(&json), "{\"id\":1,\"y\":6}{\"id\":2,\"x\":7}");
    cursor_close(cursor);
    txn_rollback(txn);
    OK(db_check(db, NULL, NULL, &problems, &err));
    assert_int_equal(problems, 0);
    buf_free(&json);
    close_and_remove(db);
}

static void rowids_go_on_from_the_greatest(void **state)
{
    struct db *db = open_new(*state);
    struct table definition = {.name = {"plain", 5}, .has_rowid = true, .is_audited = true};
    struct attribute attribute = {.name = {"v", 1}};
    struct key_part order = {0};
    struct value value = value_int(1);
    struct row row = {.values = &value};
    struct write_result result;
    struct cursor *cursor;
    struct buf key = {0};
    struct txn *txn;
    const struct table *table;
    struct value v;
    int64_t rowid;

    definition.attribute_count = 1;
    definition.attributes = &attribute;
    definition.key_parts = &order;
    OK(txn_begin(db, TXN_WRITE, &txn, &err));
    OK(catalog_create_table(txn, &definition, &table, &err)); /* hidden rowid */
    for (int64_t i = 1; i <= 3; i++) {
        OK(table_next_rowid(txn, table, &row.rowid, &err));
        assert_int_equal(row.rowid, i);
        row.shape = table->declared_shape;
        OK(table_write(txn, table, WRITE_INSERT, &row, &result, &err));
    }
    keycode_append_prefix(&key, value_int(3), order);
    OK(table_remove(txn, table, buf_slice(&key), &err));
    OK(table_next_rowid(txn, table, &rowid, &err));
    assert_int_equal(rowid, 3);
    OK(cursor_open_table(txn, table, &cursor));
    OK(cursor_last(cursor));
    OK(cursor_column(cursor, ATTRIBUTE_NONE, &v));
    assert_int_equal(v.as.i, 2);
    cursor_close(cursor);
    (void)create(txn, "auto", false); /* AUTOINCREMENT: never again */
    OK(put(txn, "auto", "{\"id\":41}"));
    OK(txn_commit(txn, &err));
    OK(txn_begin(db, TXN_WRITE, &txn, &err));
    buf_clear(&key);
    keycode_append_prefix(&key, value_int(41), order);
    OK(table_remove(txn, find(txn, "auto"), buf_slice(&key), &err));
    OK(txn_commit(txn, &err));
    if (directory[0] != '\0') {
        db_close(db);
        db = open_at(directory, *state);
    }
    OK(txn_begin(db, TXN_WRITE, &txn, &err));
    OK(table_next_rowid(txn, find(txn, "auto"), &rowid, &err));
    assert_int_equal(rowid, 42);
    txn_rollback(txn);
    buf_free(&key);
    close_and_remove(db);
}

static void expired_rows_are_not_seen_and_may_be_made_again(void **state)
{
    struct db *db = open_new(*state);
    struct txn *txn;
    const struct table *table;
    struct value values[3] = {value_int(1), value_int(2), value_null()};
    struct row row = {.values = values, .has_expiry = true, .expiry_ms = 1000};
    struct write_result result;
    struct cursor *cursor;
    struct buf key = {0};
    uint64_t problems;

    OK(txn_begin(db, TXN_WRITE, &txn, &err));
    table = create(txn, "dog", false);
    row.shape = table->declared_shape;
    OK(table_write(txn, table, WRITE_INSERT, &row, &result, &err));
    OK(cursor_open_table(txn, table, &cursor));
    assert_int_equal(cursor_first(cursor), ST_DONE);
    keycode_append_prefix(&key, value_int(1), (struct key_part){0});
    assert_int_equal(cursor_find(cursor, buf_slice(&key)), ST_NOT_FOUND);
    row.expiry_ms = clock_wall_us() / 1000 + 100000;
    OK(table_write(txn, table, WRITE_INSERT, &row, &result, &err));
    assert_false(result.existed);
    OK(cursor_find(cursor, buf_slice(&key)));
    /* A row may also be moved to where an expired one lies. */
    values[0] = value_int(2);
    row.expiry_ms = 1000;
    OK(table_write(txn, table, WRITE_INSERT, &row, &result, &err));
    row.expiry_ms = clock_wall_us() / 1000 + 100000;
    row.old_key = buf_slice(&key);
    OK(table_write(txn, table, WRITE_UPDATE, &row, &result, &err));
    assert_int_equal(cursor_find(cursor, buf_slice(&key)), ST_NOT_FOUND);
    cursor_close(cursor);
    OK(txn_commit(txn, &err));
    OK(db_check(db, NULL, NULL, &problems, &err));
    assert_int_equal(problems, 0);
    buf_free(&key);
    close_and_remove(db);
}

static void too_many_shapes_fall_back_to_one_for_all(void **state)
{
    struct db *db = open_new("memory");
    struct txn *txn;
    const struct table *table;
    uint64_t problems;

    (void)state;
    OK(txn_begin(db, TXN_WRITE, &txn, &err));
    table = create(txn, "dog", true);
    OK(put(txn, "dog", "{\"id\":0,\"a\":0,\"b\":0,\"c\":0,\"d\":0,\"e\":0,\"f\":0,\"g\":0}"));
    /* Each order of seven members is a shape of its own: 5040 of them. */
    for (unsigned n = 0; n < 5040; n++) {
        char left[] = "abcdefg", json[160];
        unsigned rest = n;
        int at = snprintf(json, sizeof(json), "{\"id\":%u", n + 1);

        for (unsigned i = 7; i > 0; i--) {
            unsigned pick = rest % i;

            rest /= i;
            at += snprintf(json + at, sizeof(json) - (size_t)at, ",\"%c\":%d", left[pick],
                           left[pick]);
            memmove(left + pick, left + pick + 1, strlen(left + pick));
        }
        (void)snprintf(json + at, sizeof(json) - (size_t)at, "}");
        OK(put(txn, "dog", json));
    }
    OK(txn_commit(txn, &err));
    OK(txn_begin(db, TXN_READ, &txn, &err));
    table = find(txn, "dog");
    assert_true(atomic_load(&version_of(table)->shapes->count) <= SHAPES_PER_TABLE_MAX + 8);
    {
        struct cursor *cursor;
        struct value v;

        OK(cursor_open_table(txn, table, &cursor));
        OK(cursor_last(cursor));
        OK(cursor_column(cursor, table_attribute(table, slice_text("e"))->id, &v));
        assert_int_equal(v.as.i, 'e');
        cursor_close(cursor);
    }
    txn_rollback(txn);
    OK(db_check(db, NULL, NULL, &problems, &err));
    assert_int_equal(problems, 0);
    close_and_remove(db);
}

static void ddl_stays_fast_among_thousands_of_tables(void **state)
{
    struct db *db = open_new("memory");
    struct txn *txn;
    char name[32];
    uint64_t start;

    (void)state;
    OK(txn_begin(db, TXN_WRITE, &txn, &err));
    for (int i = 0; i < 2000; i++) {
        (void)snprintf(name, sizeof(name), "table%d", i);
        (void)create(txn, name, true);
    }
    OK(txn_commit(txn, &err));
    start = clock_monotonic_ns();
    for (int i = 0; i < 20; i++) {
        OK(txn_begin(db, TXN_WRITE, &txn, &err));
        (void)snprintf(name, sizeof(name), "late%d", i);
        (void)create(txn, name, true);
        OK(txn_commit(txn, &err));
    }
    print_message("one CREATE TABLE among 2000: %.0f us\n",
                  (double)(clock_monotonic_ns() - start) / 20 / 1000);
    close_and_remove(db);
}

static void lost_commits_are_noticed_by_the_watermark(void **state)
{
    struct db *db = open_new(*state);
    struct db_options options = {.read_only = true};
    struct txn *txn;
    char file[128], zeros[1] = {0};
    uint64_t problems;
    int fd;

    OK(txn_begin(db, TXN_WRITE, &txn, &err));
    (void)create(txn, "dog", true);
    OK(txn_commit(txn, &err));
    db_set_durability(db, DURABILITY_FULL);
    OK(txn_begin(db, TXN_WRITE, &txn, &err));
    OK(put(txn, "dog", "{\"id\":1}"));
    OK(txn_commit(txn, &err));
    /* As if two more commits had been acknowledged and then lost by the store. */
    watermark_write(db, db->durable_sequence + 2, db->durable_stamp + 2, 12345);
    watermark_close(db);
    db_close(db);
    assert_int_equal(db_open(directory, NULL, &db, &err), ST_CORRUPT);
    assert_non_null(strstr(error_message(&err), "commits 3 to 4 were acknowledged"));
    OK(db_open(directory, &options, &db, &err));
    OK(db_check(db, NULL, NULL, &problems, &err));
    assert_int_equal(problems, 1);
    db_close(db);
    /* Without the newer slot the older one still says something true. */
    (void)snprintf(file, sizeof(file), "%s/watermark", directory);
    fd = open(file, O_RDWR);
    assert_true(fd >= 0);
    for (off_t slot = 0; slot < 2; slot++) {
        char head[16];

        assert_int_equal(pread(fd, head, sizeof(head), slot * 4096), sizeof(head));
        if (head[8] == 4)
            assert_int_equal(pwrite(fd, zeros, 1, slot * 4096 + 20), 1);
    }
    (void)close(fd);
    OK(db_open(directory, NULL, &db, &err));
    close_and_remove(db);
}

static void the_log_tells_every_commit_in_order(void **state)
{
    struct db *db = open_new(*state);
    struct txn *txn;
    struct log_reader *reader;
    struct log_entry entry;
    struct buf big = {0};
    uint64_t expected = 1;

    OK(txn_begin(db, TXN_WRITE, &txn, &err));
    txn_set_user(txn, slice_text("ada"));
    (void)create(txn, "dog", true);
    OK(txn_commit(txn, &err));
    OK(txn_begin(db, TXN_WRITE, &txn, &err)); /* several chunks */
    for (int i = 0; i < 40; i++) {
        buf_clear(&big);
        buf_printf(&big, "{\"id\":%d,\"t\":\"", i);
        buf_append_fill(&big, 'x', 100000);
        buf_append_text(&big, "\"}");
        OK(put(txn, "dog", buf_cstr(&big)));
    }
    OK(txn_commit(txn, &err));
    OK(txn_begin(db, TXN_READ, &txn, &err));
    OK(log_open(txn, db->origin, 0, &reader));
    for (; expected <= 2; expected++) {
        OK(log_next(reader, &entry));
        assert_int_equal(entry.sequence, expected);
        if (expected == 1)
            assert_true(slice_is(entry.user, "ada"));
        else
            assert_true(entry.body.len > 4000000);
    }
    assert_int_equal(log_next(reader, &entry), ST_DONE);
    log_close(reader);
    txn_rollback(txn);
    buf_free(&big);
    close_and_remove(db);
}

static void a_load_builds_its_indexes_at_the_end(void **state)
{
    struct db *db = open_new(*state);
    struct index_part part = {.attribute = 1};
    struct index index = {.name = {"ia", 2}, .part_count = 1, .parts = &part};
    struct loader *loader;
    struct value values[3];
    struct row row = {.values = values};
    const struct table *table;
    struct txn *txn;
    uint64_t rows, problems;

    OK(txn_begin(db, TXN_WRITE, &txn, &err));
    OK(catalog_create_index(txn, create(txn, "dog", false), &index, &err));
    OK(txn_commit(txn, &err));
    for (int round = 0; round < 2; round++) { /* into an empty table, and into one with rows */
        OK(txn_begin(db, TXN_READ, &txn, &err));
        table = find(txn, "dog");
        row.shape = table->declared_shape;
        OK(loader_open(db, table, &loader, &err));
        for (int64_t i = 0; i < 20000; i++) {
            values[0] = value_int((i * 7919) % 20000 + round * 20000);
            values[1] = value_int(i % 100);
            values[2] = value_text(slice_text("some text"));
            OK(loader_add(loader, &row, &err));
        }
        if (round == 1)
            assert_int_equal(loader_add(loader, &row, &err), ST_EXISTS);
        OK(loader_close(loader, true, &rows, &err));
        assert_int_equal(rows, 20000);
        txn_rollback(txn);
        OK(db_check(db, NULL, NULL, &problems, &err));
        assert_int_equal(problems, 0);
    }
    OK(txn_begin(db, TXN_READ, &txn, &err));
    table = find(txn, "dog");
    assert_int_equal(table->indexes[0].state, INDEX_READY);
    OK(table_row_count(txn, table, &rows));
    assert_int_equal(rows, 40000);
    assert_true(index_estimate_distinct(&table->indexes[0], 1) > 70);
    assert_true(index_estimate_distinct(&table->indexes[0], 1) < 130);
    txn_rollback(txn);
    close_and_remove(db);
}

struct shown {
    struct buf text;
};

static void show(void *context, struct slice store, struct slice key, struct slice value)
{
    struct buf *out = &((struct shown *)context)->text;

    buf_append_slice(out, store);
    buf_append_text(out, " ");
    buf_append_slice(out, key);
    buf_append_text(out, " ");
    buf_append_slice(out, value);
    buf_append_text(out, "\n");
}

static void inspect_shows_the_stores_of_a_table(void **state)
{
    struct db *db = open_new(*state);
    struct shown shown = {0};
    struct txn *txn;

    OK(txn_begin(db, TXN_WRITE, &txn, &err));
    (void)create(txn, "MyTable", true);
    OK(put(txn, "MyTable", "{\"id\":1,\"field1\":\"A\",\"field2\":\"X\"}"));
    OK(put(txn, "MyTable", "{\"id\":5,\"field1\":true,\"field2\":2}"));
    OK(txn_commit(txn, &err));
    OK(txn_begin(db, TXN_READ, &txn, &err));
    OK(db_inspect(txn, "MyTable", 10, show, &shown));
    assert_string_equal(
        buf_cstr(&shown.text),
        "MyTable/ 1 {\"id\":1,\"field1\":\"A\",\"field2\":\"X\"}\n"
        "MyTable/ 5 {\"id\":5,\"field1\":true,\"field2\":2}\n"
        "MyTable/field1 true 5\n"
        "MyTable/field1 \"A\" 1\n"
        "MyTable/field2 2 5\n"
        "MyTable/field2 \"X\" 1\n"
        "__internal_dbis__/ MyTable/ {\"name\":\"id\",\"is_primary_key\":true}\n"
        "__internal_dbis__/ MyTable/field1 {\"name\":\"field1\",\"indexed\":true}\n"
        "__internal_dbis__/ MyTable/field2 {\"name\":\"field2\",\"indexed\":true}\n");
    txn_rollback(txn);
    buf_free(&shown.text);
    close_and_remove(db);
}

static void check_finds_an_entry_too_many_and_one_too_few(void **state)
{
    struct db *db = open_new(*state);
    struct txn *txn;
    struct delta_store *store;
    struct buf key = {0};
    struct keycode code;
    uint64_t problems;

    OK(txn_begin(db, TXN_WRITE, &txn, &err));
    (void)create(txn, "dog", true);
    OK(put(txn, "dog", "{\"id\":1,\"x\":1}"));
    store = delta_use_store(own_delta(txn), store_of_index(&find(txn, "dog")->indexes[0]));
    keycode_begin(&code, &key);
    keycode_append(&code, value_int(9), (struct key_part){0});
    keycode_append(&code, value_int(1), (struct key_part){0});
    keycode_finish(&code);
    OK(delta_put(own_delta(txn), store, buf_slice(&key), slice_empty()));
    OK(txn_commit(txn, &err));
    OK(db_check(db, NULL, NULL, &problems, &err));
    assert_int_equal(problems, 2); /* the number, and the entry */
    OK(txn_begin(db, TXN_WRITE, &txn, &err));
    store = delta_use_store(own_delta(txn), store_of_index(&find(txn, "dog")->indexes[0]));
    OK(delta_clear_store(own_delta(txn), store));
    OK(txn_commit(txn, &err));
    OK(db_check(db, NULL, NULL, &problems, &err));
    assert_int_equal(problems, 2);
    buf_free(&key);
    close_and_remove(db);
}

#define ON(test, backend) cmocka_unit_test_prestate(test, (void *)(uintptr_t)(backend))
#define ON_ALL(test)      ON(test, "memory"), ON(test, "lmdb"), ON(test, "rocksdb")

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_ALL(a_definition_comes_back_as_it_was_written),
        cmocka_unit_test(damaged_definitions_are_refused),
        ON_ALL(what_a_rolled_back_transaction_made_is_gone),
        ON_ALL(a_renamed_attribute_keeps_its_values_under_the_new_name),
        ON_ALL(a_dropped_attribute_is_gone_from_rows_and_index),
        ON_ALL(rowids_go_on_from_the_greatest),
        ON_ALL(expired_rows_are_not_seen_and_may_be_made_again),
        cmocka_unit_test(too_many_shapes_fall_back_to_one_for_all),
        cmocka_unit_test(ddl_stays_fast_among_thousands_of_tables),
        ON(lost_commits_are_noticed_by_the_watermark, "lmdb"),
        ON(lost_commits_are_noticed_by_the_watermark, "rocksdb"),
        ON_ALL(the_log_tells_every_commit_in_order),
        ON_ALL(a_load_builds_its_indexes_at_the_end),
        ON_ALL(inspect_shows_the_stores_of_a_table),
        ON_ALL(check_finds_an_entry_too_many_and_one_too_few),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
