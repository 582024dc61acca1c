/* Random operations against a model that is an array of rows. Keys and values are drawn from small
 * pools, so that replacing, conflicts, equal index values and keys that are cut at the same place
 * are frequent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "storage/table/table.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { KEYS = 48, VALUES = 24, COLUMNS = 3, MARKS = 4, LONG_BYTES = 700 };
enum { A, B, C }; /* columns: multi-valued index, second part of an index, unique */

static struct error err;
static struct arena pool_arena;
static struct value keys[KEYS], values[VALUES];

struct model_row {
    bool is_present;
    bool is_real; /* the key was written as a real */
    struct value columns[COLUMNS];
};
struct model {
    struct model_row rows[KEYS];
};

struct run {
    struct db *db;
    struct txn *txn;
    const struct table *table;
    struct model committed, now, marked[MARKS];
    txn_mark_t marks[MARKS];
    unsigned mark_count;
    uint64_t random;
    char path[64];
};

#define OK(expression)                                                                             \
    do {                                                                                           \
        enum status st_ = (expression);                                                            \
        if (st_ != ST_OK)                                                                          \
            fail_msg("%s: %s: %s", #expression, status_name(st_), error_message(&err));            \
    } while (0)

static uint64_t draw(struct run *run, uint64_t below)
{
    run->random ^= run->random << 13;
    run->random ^= run->random >> 7;
    run->random ^= run->random << 17;
    return (run->random >> 11) % below;
}

static struct value json(const char *source)
{
    struct value v;

    OK(json_read(slice_text(source), &pool_arena, &v, &err));
    return v;
}

static struct value long_text(unsigned number, size_t differs_at)
{
    char *bytes = arena_alloc(&pool_arena, LONG_BYTES);

    memset(bytes, 'k', LONG_BYTES);
    bytes[differs_at] = (char)('a' + number);
    return value_text(slice_of(bytes, LONG_BYTES - number));
}

/* Ascending by value_compare. */
static int by_value(const void *a, const void *b)
{
    const struct value *left = a, *right = b;

    return value_compare(*left, *right, COLLATE_BINARY);
}

static void make_pools(void)
{
    unsigned count = 0;

    for (int i = 0; i < 14; i++)
        keys[count++] = value_int(i * 3 - 20);
    for (int i = 0; i < 6; i++)
        keys[count++] = value_real(i + 0.5);
    for (int i = 0; i < 8; i++)
        keys[count++] = value_text(arena_copy(&pool_arena, slice_of("abcdefgh", (size_t)i + 1)));
    for (unsigned i = 0; i < 8; i++)
        keys[count++] = long_text(i, 699 - i * 2 > 650 ? 600 : 600); /* one bucket */
    for (unsigned i = 0; i < 6; i++)
        keys[count++] = long_text(i + 9, 100);
    keys[count++] = value_text(slice_of(long_text(1, 490).as.data, 484)); /* around the cut */
    keys[count++] = value_text(slice_of(long_text(2, 490).as.data, 482));
    keys[count++] = value_text(slice_of(long_text(3, 490).as.data, 498));
    keys[count++] = value_text(slice_of(long_text(4, 490).as.data, 497));
    keys[count++] = value_text(slice_of(long_text(5, 490).as.data, 499));
    keys[count++] = value_text(slice_of(long_text(6, 490).as.data, 483));
    assert_int_equal(count, KEYS);
    qsort(keys, KEYS, sizeof(keys[0]), by_value);
    count = 0;
    values[count++] = value_absent();
    values[count++] = value_absent();
    values[count++] = value_null();
    values[count++] = value_bool(true);
    values[count++] = value_int(1);
    values[count++] = value_real(1.0);
    values[count++] = value_int(-70000);
    values[count++] = value_real(2.25);
    values[count++] = value_date(1700000000000);
    values[count++] = json("\"x\"");
    values[count++] = json("\"x\\u0000y\"");
    values[count++] = json("\"\"");
    values[count++] = json("[1,\"x\",1,null]");
    values[count++] = json("[]");
    values[count++] = json("[[1],{\"a\":2}, 7]");
    values[count++] = json("{\"a\":[1,2]}");
    values[count++] = long_text(0, 600);
    values[count++] = long_text(1, 600);
    while (count < VALUES) {
        values[count] = value_int((int64_t)count * 1000);
        count++;
    }
}

/* ---- the table ---- */

static void create_table(struct run *run)
{
    struct attribute attributes[] = {
        {.name = {"id", 2}}, {.name = {"a", 1}}, {.name = {"b", 1}}, {.name = {"c", 1}}};
    struct index_part part_a = {.attribute = 1};
    struct index_part parts_ba[] = {{.attribute = 2, .order.descending = true}, {.attribute = 1}};
    struct index_part part_c = {.attribute = 3};
    struct index indexes[] = {
        {.name = {"ia", 2}, .part_count = 1, .is_multi_valued = true, .parts = &part_a},
        {.name = {"iba", 3}, .part_count = 2, .parts = parts_ba},
        {.name = {"ic", 2}, .part_count = 1, .is_unique = true, .parts = &part_c}};
    uint16_t key = 0;
    struct key_part order = {0};
    struct table definition = {.name = {"t", 1},
                               .attribute_count = 4,
                               .key_count = 1,
                               .index_count = 3,
                               .is_audited = true,
                               .attributes = attributes,
                               .key_attributes = &key,
                               .key_parts = &order,
                               .indexes = indexes};

    OK(txn_begin(run->db, TXN_WRITE, &run->txn, &err));
    OK(catalog_create_table(run->txn, &definition, &run->table, &err));
    OK(txn_commit(run->txn, &err));
}

static void begin(struct run *run)
{
    OK(txn_begin(run->db, TXN_WRITE, &run->txn, &err));
    run->table = catalog_table(txn_catalog(run->txn), slice_text("t"));
    assert_non_null(run->table);
    run->mark_count = 0;
}

/* ---- operations ---- */

static struct value key_value(unsigned k, bool is_real)
{
    return is_real ? value_real((double)keys[k].as.i) : keys[k];
}

static bool unique_conflict(const struct run *run, unsigned except, unsigned except2,
                            struct value c)
{
    if (value_is_null(c))
        return false;
    for (unsigned k = 0; k < KEYS; k++)
        if (k != except && k != except2 && run->now.rows[k].is_present &&
            !value_is_null(run->now.rows[k].columns[C]) &&
            value_compare(run->now.rows[k].columns[C], c, COLLATE_BINARY) == 0)
            return true;
    return false;
}

static void code_of(struct buf *out, unsigned k)
{
    buf_clear(out);
    keycode_append_prefix(out, keys[k], (struct key_part){0});
}

static void write_row(struct run *run)
{
    enum write_kind kind = (enum write_kind)draw(run, 5);
    unsigned k = (unsigned)draw(run, KEYS), from = k;
    bool is_real = keys[k].kind == VALUE_INT && draw(run, 4) == 0;
    struct model_row next = {.is_present = true, .is_real = is_real};
    struct value row_values[4];
    uint16_t attributes[4];
    struct row row = {.values = row_values};
    struct write_result result;
    struct buf old_key = {0};
    enum status st, expected = ST_OK;
    unsigned columns = 0;

    if (kind == WRITE_UPDATE && draw(run, 2) == 0) {
        from = (unsigned)draw(run, KEYS);
        code_of(&old_key, from);
        row.old_key = buf_slice(&old_key);
    }
    if (kind == WRITE_PATCH)
        for (unsigned i = 0; i < COLUMNS; i++)
            next.columns[i] =
                run->now.rows[k].is_present ? run->now.rows[k].columns[i] : value_absent();
    attributes[columns] = 0;
    row_values[columns++] = key_value(k, is_real);
    for (unsigned i = 0; i < COLUMNS && kind != WRITE_REMOVE; i++) {
        if (kind == WRITE_PATCH ? draw(run, 2) == 0 : draw(run, 8) == 0)
            continue;
        row_values[columns] = values[draw(run, VALUES)];
        next.columns[i] = row_values[columns];
        attributes[columns++] = (uint16_t)(i + 1);
    }
    OK(table_shape(run->txn, run->table, attributes, columns, &row.shape));
    if (kind == WRITE_INSERT && run->now.rows[k].is_present)
        expected = ST_EXISTS;
    else if ((kind == WRITE_UPDATE || kind == WRITE_REMOVE) && !run->now.rows[from].is_present)
        expected = ST_NOT_FOUND;
    else if (kind == WRITE_UPDATE && from != k && run->now.rows[k].is_present)
        expected = ST_EXISTS;
    else if (kind != WRITE_REMOVE && unique_conflict(run, from, k, next.columns[C]))
        expected = ST_DUPLICATE;
    st = table_write(run->txn, run->table, kind, &row, &result, &err);
    if (st != expected)
        fail_msg("write kind %d of key %u: %s instead of %s (%s)", (int)kind, k, status_name(st),
                 status_name(expected), error_message(&err));
    if (st == ST_OK) {
        run->now.rows[from].is_present = false;
        if (kind != WRITE_REMOVE)
            run->now.rows[k] = next;
    } else if (st == ST_DUPLICATE) {
        assert_non_null(result.conflict);
        assert_true(slice_is(result.conflict->name, "ic"));
    }
    buf_free(&old_key);
}

static void mark_or_undo(struct run *run)
{
    unsigned which;

    switch (draw(run, 3)) {
    case 0:
        if (run->mark_count < MARKS) {
            run->marked[run->mark_count] = run->now;
            run->marks[run->mark_count++] = txn_mark(run->txn);
        }
        break;
    case 1:
        if (run->mark_count != 0) {
            which = (unsigned)draw(run, run->mark_count);
            OK(txn_rollback_to(run->txn, run->marks[which]));
            run->now = run->marked[which];
            run->mark_count = which + 1;
        }
        break;
    default:
        if (run->mark_count != 0) {
            which = (unsigned)draw(run, run->mark_count);
            txn_release_to(run->txn, run->marks[which]);
            run->mark_count = which;
        }
        break;
    }
}

static void end(struct run *run)
{
    if (draw(run, 3) == 0) {
        txn_rollback(run->txn);
        run->now = run->committed;
    } else {
        OK(txn_commit(run->txn, &err));
        run->committed = run->now;
    }
}

/* ---- comparing ---- */

struct entry {
    struct value parts[2];
    unsigned part_count, key;
};
static struct entry expected_entries[KEYS * 4];
static size_t expected_count;
static bool second_descending, first_descending;

static int order_entries(const void *a, const void *b)
{
    const struct entry *left = a, *right = b;

    for (unsigned i = 0; i < left->part_count; i++) {
        int order = value_compare(left->parts[i], right->parts[i], COLLATE_BINARY);

        if (order != 0)
            return (i == 0 ? first_descending : second_descending) ? -order : order;
    }
    return (left->key > right->key) - (left->key < right->key);
}

static void expect_entry(struct value first, struct value second, unsigned parts, unsigned key)
{
    expected_entries[expected_count++] = (struct entry){{first, second}, parts, key};
}

static void expect_multi(struct value v, unsigned k)
{
    size_t start = expected_count;

    if (v.kind != VALUE_ARRAY) {
        if (v.kind != VALUE_ABSENT && v.kind < VALUE_BYTES)
            expect_entry(v, value_null(), 1, k);
        return;
    }
    for (size_t i = 0; i < document_count(v); i++) {
        struct value element = document_element(v, i);
        bool is_new = element.kind < VALUE_BYTES;

        for (size_t j = start; j < expected_count; j++)
            is_new &= value_compare(expected_entries[j].parts[0], element, COLLATE_BINARY) != 0;
        if (is_new)
            expect_entry(element, value_null(), 1, k);
    }
}

static void expected_of_index(const struct model *model, unsigned which)
{
    expected_count = 0;
    first_descending = which == 1;
    second_descending = false;
    for (unsigned k = 0; k < KEYS; k++) {
        const struct model_row *row = &model->rows[k];

        if (!row->is_present)
            continue;
        if (which == 0)
            expect_multi(row->columns[A], k);
        else if (which == 1)
            expect_entry(row->columns[B], row->columns[A], 2, k);
        else
            expect_entry(row->columns[C], value_null(), 1, k);
    }
    qsort(expected_entries, expected_count, sizeof(expected_entries[0]), order_entries);
}

static void assert_same(struct value a, struct value b)
{
    if (value_compare(a, b, COLLATE_BINARY) != 0)
        fail_msg("a value differs: %s, %s", value_kind_name(a.kind), value_kind_name(b.kind));
}

static void compare_index(struct txn *txn, const struct table *table, const struct model *model,
                          unsigned which)
{
    struct cursor *cursor;
    struct value v;
    enum status st;
    size_t at = 0;

    expected_of_index(model, which);
    OK(cursor_open_index(txn, &table->indexes[which], &cursor));
    for (st = cursor_first(cursor); st == ST_OK; st = cursor_next(cursor), at++) {
        assert_true(at < expected_count);
        for (unsigned i = 0; i < expected_entries[at].part_count; i++) {
            OK(cursor_index_part(cursor, i, &v));
            assert_same(v, expected_entries[at].parts[i]);
        }
        OK(cursor_index_part(cursor, expected_entries[at].part_count, &v));
        assert_same(v, keys[expected_entries[at].key]);
    }
    assert_int_equal(st, ST_DONE);
    assert_int_equal(at, expected_count);
    for (st = cursor_last(cursor); st == ST_OK; st = cursor_prev(cursor)) {
        assert_true(at-- > 0);
        OK(cursor_index_part(cursor, expected_entries[at].part_count, &v));
        assert_same(v, keys[expected_entries[at].key]);
    }
    assert_int_equal(at, 0);
    cursor_close(cursor);
}

static void compare_row(struct cursor *cursor, const struct model *model, unsigned k)
{
    const struct record *record;
    struct value v;

    OK(cursor_column(cursor, 0, &v));
    assert_true(value_identical(v, key_value(k, model->rows[k].is_real)));
    OK(cursor_record(cursor, &record));
    for (unsigned i = 0; i < COLUMNS; i++)
        assert_true(value_identical(record_attribute(record, i + 1), model->rows[k].columns[i]));
}

static unsigned next_present(const struct model *model, unsigned k)
{
    while (k < KEYS && !model->rows[k].is_present)
        k++;
    return k;
}

static unsigned previous_present(const struct model *model, unsigned k)
{
    while (k-- > 0)
        if (model->rows[k].is_present)
            return k;
    return KEYS;
}

static void compare_seek(struct cursor *cursor, const struct model *model, unsigned k)
{
    static const enum seek hows[] = {SEEK_GE, SEEK_GT, SEEK_LT, SEEK_LE};
    struct buf code = {0};

    code_of(&code, k);
    for (unsigned i = 0; i < 4; i++) {
        unsigned expected = hows[i] == SEEK_GE   ? next_present(model, k)
                            : hows[i] == SEEK_GT ? next_present(model, k + 1)
                            : hows[i] == SEEK_LT ? previous_present(model, k)
                                                 : previous_present(model, k + 1);
        enum status st = cursor_seek(cursor, hows[i], buf_slice(&code));

        assert_int_equal(st, expected == KEYS ? ST_DONE : ST_OK);
        if (st == ST_OK)
            compare_row(cursor, model, expected);
        if (st == ST_OK) {
            unsigned after = next_present(model, expected + 1);

            st = cursor_next(cursor);
            assert_int_equal(st, after == KEYS ? ST_DONE : ST_OK);
            if (st == ST_OK)
                compare_row(cursor, model, after);
        }
    }
    {
        enum status st = cursor_find(cursor, buf_slice(&code));

        assert_int_equal(st, model->rows[k].is_present ? ST_OK : ST_NOT_FOUND);
        if (st == ST_OK) {
            unsigned before = previous_present(model, k);

            compare_row(cursor, model, k);
            st = cursor_prev(cursor);
            assert_int_equal(st, before == KEYS ? ST_DONE : ST_OK);
            if (st == ST_OK)
                compare_row(cursor, model, before);
        }
    }
    buf_free(&code);
}

static void compare_all(struct run *run, struct txn *txn, const struct model *model)
{
    const struct table *table = catalog_table(txn_catalog(txn), slice_text("t"));
    struct cursor *cursor;
    unsigned k = 0;
    uint64_t count, present = 0;
    enum status st;

    OK(cursor_open_table(txn, table, &cursor));
    for (st = cursor_first(cursor); st == ST_OK; st = cursor_next(cursor), k++, present++) {
        k = next_present(model, k);
        assert_true(k < KEYS);
        compare_row(cursor, model, k);
    }
    assert_int_equal(st, ST_DONE);
    assert_int_equal(next_present(model, k), KEYS);
    k = KEYS;
    for (st = cursor_last(cursor); st == ST_OK; st = cursor_prev(cursor)) {
        k = previous_present(model, k);
        assert_true(k < KEYS);
        compare_row(cursor, model, k);
    }
    assert_int_equal(previous_present(model, k), KEYS);
    OK(table_row_count(txn, table, &count));
    assert_int_equal(count, present);
    compare_seek(cursor, model, (unsigned)draw(run, KEYS));
    cursor_close(cursor);
    for (unsigned i = 0; i < 3; i++)
        compare_index(txn, table, model, i);
}

static void compare_snapshot(struct run *run)
{
    struct txn *reader;

    OK(txn_begin(run->db, TXN_READ, &reader, &err));
    compare_all(run, reader, &run->committed);
    txn_rollback(reader);
}

static void print_finding(void *context, const char *message)
{
    (void)context;
    print_message("%s\n", message);
}

static void check_and_reopen(struct run *run)
{
    struct db_options options = {.create = true, .durability = DURABILITY_OFF};
    uint64_t problems;

    OK(db_check(run->db, print_finding, NULL, &problems, &err));
    assert_int_equal(problems, 0);
    if (strcmp(db_backend(run->db), "memory") == 0)
        return;
    db_close(run->db);
    OK(db_open(run->path, &options, &run->db, &err));
}

static void open_run(struct run *run, const char *backend)
{
    struct db_options options = {.backend = backend, .create = true, .durability = DURABILITY_OFF};

    run->path[0] = '\0';
    if (strcmp(backend, "memory") != 0) {
        (void)snprintf(run->path, sizeof(run->path), "/tmp/harper-model-XXXXXX");
        assert_non_null(mkdtemp(run->path));
    }
    OK(db_open(run->path, &options, &run->db, &err));
}

static void a_table_behaves_like_its_model(void **state)
{
    const char *backend = *state;
    unsigned transactions = strcmp(backend, "memory") == 0 ? 400 : 120;
    char command[128];

    /* MODEL_SEEDS=FIRST-LAST runs others, and more of them. */
    const char *range = getenv("MODEL_SEEDS");
    unsigned long first = 1, last = 3;

    if (range != NULL)
        assert_int_equal(sscanf(range, "%lu-%lu", &first, &last), 2);
    for (uint64_t seed = first; seed <= last; seed++) {
        struct run run = {.random = seed * 0x9e3779b97f4a7c15u};

        open_run(&run, backend);
        create_table(&run);
        for (unsigned t = 0; t < transactions; t++) {
            unsigned steps = (unsigned)draw(&run, 40);

            begin(&run);
            for (unsigned i = 0; i < steps; i++) {
                uint64_t what = draw(&run, 100);

                if (what < 80) {
                    write_row(&run);
                } else if (what < 97) {
                    mark_or_undo(&run);
                } else if (what == 97) {
                    OK(table_clear(run.txn, run.table, &err));
                    memset(&run.now, 0, sizeof(run.now));
                } else {
                    compare_all(&run, run.txn, &run.now);
                }
            }
            compare_all(&run, run.txn, &run.now);
            if (t % 4 == 0)
                compare_snapshot(&run);
            end(&run);
            compare_snapshot(&run);
            if (t % 40 == 39)
                check_and_reopen(&run);
        }
        db_close(run.db);
        (void)snprintf(command, sizeof(command), "rm -rf '%s'", run.path);
        if (run.path[0] != '\0')
            assert_int_equal(system(command), 0);
    }
}

static int setup(void **state)
{
    (void)state;
    make_pools();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_deinit(&pool_arena);
    return 0;
}

#define ON(test, backend) cmocka_unit_test_prestate(test, (void *)(uintptr_t)(backend))

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON(a_table_behaves_like_its_model, "memory"),
        ON(a_table_behaves_like_its_model, "lmdb"),
        ON(a_table_behaves_like_its_model, "rocksdb"),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
