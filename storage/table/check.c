/* check: is everything that is written twice the same both times? Rows against their checksums,
 * indexes against rows, counts against rows, the log against itself. Reads one snapshot; reports
 * what it finds and goes on. */
#include "storage/table/table_internal.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct check_run {
    struct txn *txn;
    check_report_fn report;
    void *context;
    uint64_t problems;
    struct error *err;
    const struct table *table;
    uint64_t *entries_expected; /* per index */
    struct index_keys keys;
};

__attribute__((format(printf, 2, 3))) static void found(struct check_run *run, const char *format,
                                                        ...)
{
    char message[512];
    va_list args;

    run->problems++;
    if (run->report == NULL)
        return;
    va_start(args, format);
    (void)vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    run->report(run->context, message);
}

static void key_text(struct buf *out, const struct table *table, const struct value *keys)
{
    unsigned count = table->key_count == 0 ? 1 : table->key_count;

    buf_clear(out);
    for (unsigned k = 0; k < count; k++) {
        if (k != 0)
            buf_append_text(out, ", ");
        json_write(out, keys[k]);
    }
}

/* ---- rows ---- */

/* ST_NOT_FOUND: there is none. Not being able to read is no finding, but a failure of the check. */
static enum status find_entry(struct check_run *run, const struct index *index, struct slice key)
{
    struct buf room = {0};
    struct slice value;
    enum status st = long_key_get(run->txn, store_of_index(index), key, &room, &value);

    buf_free(&room);
    return st;
}

static enum status check_entries(struct check_run *run, const struct record *record,
                                 const struct buf *name)
{
    const struct table *table = run->table;
    struct row_view view = {record->shape, NULL, record, record->key_values};

    for (unsigned i = 0; i < table->index_count; i++) {
        if (table->indexes[i].state != INDEX_READY)
            continue;
        TRY(index_keys_of(run->txn, table, i, &view, &run->keys, run->err));
        run->entries_expected[i] += run->keys.count;
        for (size_t k = 0; k < run->keys.count; k++) {
            enum status st = find_entry(run, &table->indexes[i], index_key_slice(&run->keys, k));

            if (st == ST_NOT_FOUND)
                found(run, "index %.*s lacks the entry of row %.*s",
                      (int)table->indexes[i].name.len, table->indexes[i].name.data, (int)name->len,
                      name->data);
            else
                TRY(st);
        }
    }
    return ST_OK;
}

static enum status check_row(struct check_run *run, struct slice key, struct slice value,
                             uint64_t *alive)
{
    const struct table *table = run->table;
    unsigned key_parts = table->key_count == 0 ? 1 : table->key_count;
    struct value keys[KEY_PARTS_MAX];
    struct record record;
    struct buf name = {0};
    enum status st;

    arena_reset(&run->txn->scratch);
    if (record_verify(key, value) != ST_OK) {
        found(run, "table %.*s: a record of %zu bytes does not match its checksum",
              (int)table->name.len, table->name.data, value.len);
        return ST_OK;
    }
    if ((value.data[0] & RECORD_DEAD) != 0)
        return ST_OK;
    ++*alive;
    st = record_open_row(run->txn, table, key, value, &run->txn->scratch, &record);
    if (st == ST_OK)
        st = keycode_decode(key, table->key_parts, key_parts, keys, &run->txn->scratch);
    if (st != ST_OK) {
        found(run, "table %.*s: a record cannot be read: %s", (int)table->name.len,
              table->name.data, status_text(st));
        return ST_OK;
    }
    record.key_values = keys;
    record.key_value_count = key_parts;
    key_text(&name, table, keys);
    for (unsigned i = 0; i < record.shape->count; i++)
        if (record.shape->attributes[i] >= table->attribute_count)
            found(run, "table %.*s: row %.*s has an attribute that is not defined",
                  (int)table->name.len, table->name.data, (int)name.len, name.data);
    st = check_entries(run, &record, &name);
    buf_free(&name);
    return st;
}

static enum status check_rows(struct check_run *run, uint64_t *alive)
{
    struct cursor *rows;
    enum status st;

    TRY(cursor_open_table(run->txn, run->table, &rows));
    for (st = raw_seek(rows, slice_empty()); st == ST_OK; st = raw_next(rows)) {
        struct slice key, value;

        if (long_key_split(rows->key, rows->value, &key, &value) != ST_OK || value.len == 0)
            found(run, "table %.*s: a long key is malformed", (int)run->table->name.len,
                  run->table->name.data);
        else
            st = check_row(run, key, value, alive);
        if (st != ST_OK)
            break;
    }
    cursor_close(rows);
    return st == ST_DONE ? ST_OK : st;
}

/* ---- indexes ---- */

/* Does the row that an entry points to have that entry? */
static enum status check_entry_owner(struct check_run *run, unsigned at, struct cursor *entries,
                                     struct cursor *rows)
{
    const struct index *index = &run->table->indexes[at];
    struct slice owner = cursor_primary_key(entries);
    const struct record *record;
    struct row_view view;
    enum status st = owner.len == 0 ? ST_NOT_FOUND : cursor_find_any(rows, owner);

    if (st == ST_OK && (rows->value.data[0] & RECORD_DEAD) == 0) {
        TRY(cursor_record(rows, &record));
        view = (struct row_view){record->shape, NULL, record, record->key_values};
        TRY(index_keys_of(run->txn, run->table, at, &view, &run->keys, run->err));
        for (size_t k = 0; k < run->keys.count; k++)
            if (slice_equal(index_key_slice(&run->keys, k), cursor_key(entries)))
                return ST_OK;
    } else if (st != ST_OK && st != ST_NOT_FOUND) {
        return st;
    }
    found(run, "index %.*s has an entry that no row has", (int)index->name.len, index->name.data);
    return ST_OK;
}

static enum status check_index(struct check_run *run, unsigned at)
{
    const struct index *index = &run->table->indexes[at];
    struct cursor *entries = NULL, *rows = NULL;
    struct buf before = {0};
    uint64_t count = 0;
    enum status st;

    TRY_OUT(cursor_open_index(run->txn, index, &entries));
    for (st = cursor_first(entries); st == ST_OK; st = cursor_next(entries)) {
        if (count++ != 0 && slice_compare(buf_slice(&before), cursor_key(entries)) >= 0)
            found(run, "index %.*s is out of order", (int)index->name.len, index->name.data);
        buf_clear(&before);
        buf_append_slice(&before, cursor_key(entries));
    }
    if (st != ST_DONE)
        goto out;
    st = ST_OK;
    if (count == run->entries_expected[at])
        goto out; /* all that must be there were found, so these are exactly they */
    found(run, "index %.*s has %llu entries, the rows have %llu", (int)index->name.len,
          index->name.data, (unsigned long long)count,
          (unsigned long long)run->entries_expected[at]);
    TRY_OUT(cursor_open_table(run->txn, run->table, &rows));
    for (st = cursor_first(entries); st == ST_OK; st = cursor_next(entries))
        TRY_OUT(check_entry_owner(run, at, entries, rows));
    if (st == ST_DONE)
        st = ST_OK;
out:
    cursor_close(entries);
    cursor_close(rows);
    buf_free(&before);
    return st;
}

static enum status check_table(struct check_run *run)
{
    const struct table *table = run->table;
    uint64_t alive = 0, counted;
    enum status st;

    run->entries_expected = calloc(table->index_count + 1u, sizeof(*run->entries_expected));
    if (run->entries_expected == NULL)
        return ST_NO_MEMORY;
    TRY_OUT(check_rows(run, &alive));
    TRY_OUT(table_row_count(run->txn, table, &counted));
    if (alive != counted)
        found(run, "table %.*s has %llu rows, its count says %llu", (int)table->name.len,
              table->name.data, (unsigned long long)alive, (unsigned long long)counted);
    for (unsigned i = 0; i < table->index_count; i++)
        if (table->indexes[i].state == INDEX_READY)
            TRY_OUT(check_index(run, i));
out:
    free(run->entries_expected);
    run->entries_expected = NULL;
    return st;
}

/* ---- the log ---- */

static enum status check_log(struct check_run *run)
{
    struct log_reader *reader;
    struct log_entry entry;
    uint64_t before = 0;
    stamp_t stamp = 0;
    enum status st;

    TRY(log_open(run->txn, run->txn->db->origin, 0, &reader));
    while ((st = log_next(reader, &entry)) == ST_OK) {
        if (before != 0 && entry.sequence != before + 1)
            found(run, "the change log jumps from %llu to %llu", (unsigned long long)before,
                  (unsigned long long)entry.sequence);
        if (entry.stamp <= stamp)
            found(run, "the stamp of commit %llu does not rise",
                  (unsigned long long)entry.sequence);
        before = entry.sequence;
        stamp = entry.stamp;
    }
    log_close(reader);
    if (st == ST_CORRUPT) {
        found(run, "the change log is damaged behind commit %llu", (unsigned long long)before);
        st = ST_DONE;
    }
    return st == ST_DONE ? ST_OK : st;
}

enum status db_check(struct db *db, check_report_fn report, void *context, uint64_t *problems,
                     struct error *err)
{
    struct check_run run = {.report = report, .context = context, .err = err};
    const struct catalog *catalog;
    enum status st;

    *problems = 0;
    TRY(txn_begin(db, TXN_READ, &run.txn, err));
    catalog = txn_catalog(run.txn);
    if (db->loss[0] != '\0') /* opening for writing would have refused */
        found(&run, "%s", db->loss);
    st = ST_OK;
    for (size_t i = 0; st == ST_OK && i < catalog->table_count; i++) {
        run.table = catalog->tables[i];
        st = check_table(&run);
    }
    if (st == ST_OK)
        st = check_log(&run);
    index_keys_free(&run.keys);
    txn_rollback(run.txn);
    *problems = run.problems;
    return st == ST_OK ? ST_OK : error_set(err, st, -1, "the check stopped: %s", status_text(st));
}
