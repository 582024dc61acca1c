#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "storage/table/table.h"
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

static struct value text(const char *s)
{
    return value_text(slice_text(s));
}

static char *new_directory(void)
{
    static char path[64];

    (void)snprintf(path, sizeof(path), "/tmp/harper-table-XXXXXX");
    assert_non_null(mkdtemp(path));
    return path;
}

static struct db *open_db(void **state)
{
    const char *backend = *state;
    struct db_options options = {.backend = backend, .create = true, .durability = DURABILITY_OFF};
    struct db *db;

    OK(db_open(strcmp(backend, "memory") == 0 ? "" : new_directory(), &options, &db, &err));
    return db;
}

static void close_db(struct db *db)
{
    char command[128];
    bool is_memory = strcmp(db_backend(db), "memory") == 0;

    (void)snprintf(command, sizeof(command), "rm -rf %s", db_path(db));
    db_close(db);
    if (!is_memory)
        assert_int_equal(system(command), 0);
}

static const struct table *create_dynamic(struct txn *txn, const char *name)
{
    struct attribute id = {.name = {"id", 2}};
    uint16_t key = 0;
    struct key_part part = {0};
    struct table definition = {.name = slice_text(name),
                               .attribute_count = 1,
                               .key_count = 1,
                               .is_dynamic = true,
                               .is_case_sensitive = true,
                               .is_audited = true,
                               .attributes = &id,
                               .key_attributes = &key,
                               .key_parts = &part};
    const struct table *table;

    OK(catalog_create_table(txn, &definition, &table, &err));
    return table;
}

static enum status put_json(struct txn *txn, const char *table, const char *json,
                            enum write_kind kind)
{
    struct arena arena = {0};
    struct value document;
    struct row row;
    struct write_result result;
    enum status st;

    OK(json_read(slice_text(json), &arena, &document, &err));
    OK(row_from_document(txn, catalog_table(txn_catalog(txn), slice_text(table)), document, &arena,
                         &row, &err));
    st = table_write(txn, catalog_table(txn_catalog(txn), slice_text(table)), kind, &row, &result,
                     &err);
    arena_deinit(&arena);
    return st;
}

static void expect_index(struct txn *txn, const char *name, const char *expected)
{
    const struct index *index = catalog_index(txn_catalog(txn), slice_text(name));
    struct cursor *cursor;
    struct buf seen = {0};
    enum status st;

    assert_non_null(index);
    OK(cursor_open_index(txn, index, &cursor));
    for (st = cursor_first(cursor); st == ST_OK; st = cursor_next(cursor)) {
        struct value v, key;

        OK(cursor_index_part(cursor, 0, &v));
        OK(cursor_index_part(cursor, 1, &key));
        json_write(&seen, v);
        buf_append_byte(&seen, ':');
        json_write(&seen, key);
        buf_append_byte(&seen, ' ');
    }
    assert_int_equal(st, ST_DONE);
    assert_string_equal(buf_cstr(&seen), expected);
    buf_free(&seen);
    cursor_close(cursor);
}

static void seed(struct txn *txn)
{
    (void)create_dynamic(txn, "MyTable");
    OK(put_json(txn, "MyTable", "{\"id\":1,\"field1\":\"A\",\"field2\":\"X\"}", WRITE_INSERT));
    OK(put_json(txn, "MyTable", "{\"id\":2,\"field1\":25,\"field2\":\"X\"}", WRITE_INSERT));
    OK(put_json(txn, "MyTable", "{\"id\":3,\"field1\":-1,\"field2\":\"Y\"}", WRITE_INSERT));
    OK(put_json(txn, "MyTable", "{\"id\":4,\"field1\":\"A\"}", WRITE_INSERT));
    OK(put_json(txn, "MyTable", "{\"id\":5,\"field1\":true,\"field2\":2}", WRITE_INSERT));
}

static const char field1_order[] = "true:5 -1:3 25:2 \"A\":1 \"A\":4 ";
static const char field2_order[] = "2:5 \"X\":1 \"X\":2 \"Y\":3 ";

static void a_dynamic_table_indexes_what_appears_in_the_data(void **state)
{
    struct db *db = open_db(state);
    struct txn *txn;
    uint64_t count;

    OK(txn_begin(db, TXN_WRITE, &txn, &err));
    seed(txn);
    expect_index(txn, "MyTable/field1", field1_order);
    OK(txn_commit(txn, &err));
    OK(txn_begin(db, TXN_READ, &txn, &err));
    expect_index(txn, "MyTable/field1", field1_order);
    expect_index(txn, "MyTable/field2", field2_order);
    OK(table_row_count(txn, catalog_table(txn_catalog(txn), slice_text("mytable")), &count));
    assert_int_equal(count, 5);
    OK(txn_commit(txn, &err));
    close_db(db);
}

static void a_statement_that_fails_is_undone_to_its_mark(void **state)
{
    struct db *db = open_db(state);
    struct txn *txn;
    txn_mark_t mark;
    uint64_t count;

    OK(txn_begin(db, TXN_WRITE, &txn, &err));
    seed(txn);
    mark = txn_mark(txn);
    OK(put_json(txn, "MyTable", "{\"id\":1,\"field1\":7,\"field9\":[1,2,2]}", WRITE_PUT));
    OK(put_json(txn, "MyTable", "{\"id\":9}", WRITE_INSERT));
    expect_index(txn, "MyTable/field1", "true:5 -1:3 7:1 25:2 \"A\":4 ");
    expect_index(txn, "MyTable/field9", "1:1 2:1 ");
    OK(txn_rollback_to(txn, mark));
    expect_index(txn, "MyTable/field1", field1_order);
    assert_null(catalog_index(txn_catalog(txn), slice_text("MyTable/field9")));
    OK(table_row_count(txn, catalog_table(txn_catalog(txn), slice_text("MyTable")), &count));
    assert_int_equal(count, 5);
    assert_int_equal(put_json(txn, "MyTable", "{\"id\":5}", WRITE_INSERT), ST_EXISTS);
    OK(txn_commit(txn, &err));
    close_db(db);
}

static void what_was_committed_is_there_after_reopening(void **state)
{
    const char *backend = *state;
    struct db *db;
    struct txn *txn;
    struct db_options options = {.backend = backend, .create = true};
    char path[64];

    if (strcmp(backend, "memory") == 0)
        return;
    db = open_db(state);
    (void)snprintf(path, sizeof(path), "%s", db_path(db));
    OK(txn_begin(db, TXN_WRITE, &txn, &err));
    seed(txn);
    OK(txn_commit(txn, &err));
    OK(txn_begin(db, TXN_WRITE, &txn, &err));
    OK(put_json(txn, "MyTable", "{\"id\":7.0,\"field1\":null}", WRITE_PATCH));
    OK(put_json(txn, "MyTable", "{\"id\":7,\"field2\":\"q\"}", WRITE_PATCH));
    OK(txn_commit(txn, &err));
    db_close(db);
    OK(db_open(path, &options, &db, &err));
    OK(txn_begin(db, TXN_READ, &txn, &err));
    expect_index(txn, "MyTable/field1", "null:7 true:5 -1:3 25:2 \"A\":1 \"A\":4 ");
    OK(txn_commit(txn, &err));
    close_db(db);
}

static void a_point_read_finds_rows_of_every_layer(void **state)
{
    struct db *db = open_db(state);
    struct txn *txn;
    struct cursor *cursor;
    struct buf key = {0};
    struct value v;
    const struct table *table;

    OK(txn_begin(db, TXN_WRITE, &txn, &err));
    seed(txn);
    OK(txn_commit(txn, &err));
    OK(txn_begin(db, TXN_WRITE, &txn, &err));
    OK(put_json(txn, "MyTable", "{\"id\":2,\"field1\":26}", WRITE_PATCH));
    table = catalog_table(txn_catalog(txn), slice_text("MyTable"));
    OK(cursor_open_table(txn, table, &cursor));
    keycode_append_prefix(&key, value_int(2), (struct key_part){0});
    OK(cursor_find(cursor, buf_slice(&key)));
    OK(cursor_column(cursor, table_attribute(table, slice_text("field1"))->id, &v));
    assert_int_equal(v.as.i, 26);
    OK(cursor_column(cursor, table_attribute(table, slice_text("field2"))->id, &v));
    assert_true(value_identical(v, text("X")));
    OK(cursor_next(cursor));
    OK(cursor_column(cursor, 0, &v));
    assert_int_equal(v.as.i, 3);
    OK(table_remove(txn, table, buf_slice(&key), &err));
    assert_int_equal(cursor_find(cursor, buf_slice(&key)), ST_NOT_FOUND);
    assert_int_equal(table_remove(txn, table, buf_slice(&key), &err), ST_NOT_FOUND);
    OK(cursor_first(cursor));
    OK(cursor_next(cursor));
    OK(cursor_column(cursor, 0, &v));
    assert_int_equal(v.as.i, 3);
    cursor_close(cursor);
    buf_free(&key);
    OK(txn_commit(txn, &err));
    close_db(db);
}

#define ON(test, backend) cmocka_unit_test_prestate(test, (void *)(uintptr_t)(backend))
#define ON_ALL(test)      ON(test, "memory"), ON(test, "lmdb"), ON(test, "rocksdb")

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_ALL(a_dynamic_table_indexes_what_appears_in_the_data),
        ON_ALL(a_statement_that_fails_is_undone_to_its_mark),
        ON_ALL(what_was_committed_is_there_after_reopening),
        ON_ALL(a_point_read_finds_rows_of_every_layer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
