/*
 * Descriptions of tables, as the operations describe_all, describe_database and describe_table
 * give them.
 */
#include "api/api_internal.h"
#include "storage/value/document.h"
#include "storage/value/record.h"
#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>

enum { SAMPLE_RECORDS = 64 };

struct description {
    struct document_builder *out;
    const struct catalog *catalog;
    struct txn *txn;
    struct slice database; /* as the caller calls it */
    unsigned flags;
    uint64_t db_bytes;
};

static void put(struct description *description, const char *name, struct value v)
{
    document_name(description->out, slice_text(name));
    document_value(description->out, v);
}

static void put_text(struct description *description, const char *name, struct slice text)
{
    put(description, name, value_text(text));
}

static void put_flag(struct description *description, const char *name, bool is_on)
{
    if (is_on)
        put(description, name, value_bool(true));
}

/* ---- sizes ---- */

/* Of the files of a database that is a directory; 0 for one in memory. */
static uint64_t directory_bytes(const char *path)
{
    DIR *directory = path == NULL || *path == '\0' ? NULL : opendir(path);
    const struct dirent *entry;
    uint64_t bytes = 0;

    while (directory != NULL && (entry = readdir(directory)) != NULL) {
        char file[4096];
        struct stat facts;

        if ((size_t)snprintf(file, sizeof file, "%s/%s", path, entry->d_name) < sizeof file &&
            stat(file, &facts) == 0 && S_ISREG(facts.st_mode))
            bytes += (uint64_t)facts.st_blocks * 512;
    }
    if (directory != NULL)
        closedir(directory);
    return bytes;
}

/* As many rows as there are, each as long as the first ones are on average. */
static enum status estimate_bytes(const struct description *description, const struct table *table,
                                  uint64_t rows, uint64_t *out)
{
    struct cursor *cursor;
    uint64_t bytes = 0, seen = 0;
    enum status st;

    *out = 0;
    TRY(cursor_open_table(description->txn, table, &cursor));
    for (st = cursor_first(cursor); st == ST_OK && seen < SAMPLE_RECORDS;
         st = cursor_next(cursor)) {
        const struct record *record;

        st = cursor_record(cursor, &record);
        if (st != ST_OK)
            break;
        bytes += record->bytes.len + record->key.len;
        seen++;
    }
    cursor_close(cursor);
    if (st != ST_OK && st != ST_DONE)
        return st;
    *out = seen == 0 ? 0 : bytes * rows / seen;
    return ST_OK;
}

/* ---- attributes ---- */

static bool is_key(const struct table *table, uint16_t attribute)
{
    for (unsigned k = 0; k < table->key_count; k++)
        if (table->key_attributes[k] == attribute)
            return true;
    return false;
}

static void put_type(struct description *description, const struct attribute *attribute)
{
    struct slice type = attribute_type_name(attribute);
    bool is_typed = attribute->type != TYPE_ANY || attribute->declared_type.len > 0;

    if (attribute->is_list) {
        put_text(description, "type", slice_text("array"));
        if (is_typed)
            put_text(description, "elements", type);
    } else if (is_typed) {
        put_text(description, "type", type);
    }
}

static void put_attribute(struct description *description, const struct table *table,
                          const struct attribute *attribute)
{
    bool is_primary = is_key(table, attribute->id);

    document_open_object(description->out);
    put_text(description, "attribute", attribute->name);
    put_type(description, attribute);
    put_flag(description, "is_primary_key", is_primary);
    put_flag(description, "indexed", is_primary || table_index_on(table, attribute->id) != NULL);
    put_flag(description, "assigned_created_time", attribute->role == ROLE_CREATED_TIME);
    put_flag(description, "assigned_updated_time", attribute->role == ROLE_UPDATED_TIME);
    if (attribute->is_not_null && !is_primary)
        put(description, "nullable", value_bool(false));
    put_flag(description, "computed", attribute->generated != GENERATED_NO);
    document_close(description->out);
}

static void put_attributes(struct description *description, const struct table *table)
{
    document_name(description->out, slice_text("attributes"));
    document_open_array(description->out);
    for (unsigned k = 0; k < table->attribute_count; k++) {
        const struct attribute *attribute = &table->attributes[k];

        if (attribute->is_dropped || attribute->is_hidden ||
            (attribute->is_dynamic && !table->is_dynamic) ||
            (attribute->generated != GENERATED_NO && (description->flags & DESCRIBE_COMPUTED) == 0))
            continue;
        put_attribute(description, table, attribute);
    }
    document_close(description->out);
}

/* ---- tables ---- */

/* The greatest of the times that the records were changed at, from the end of its index. */
static enum status put_last_update(struct description *description, const struct table *table)
{
    for (unsigned k = 0; k < table->attribute_count; k++) {
        const struct attribute *attribute = &table->attributes[k];
        const struct index *index;
        struct cursor *cursor;
        struct value last = value_null();
        enum status st;

        if (attribute->is_dropped || attribute->role != ROLE_UPDATED_TIME)
            continue;
        index = table_index_on(table, attribute->id);
        if (index == NULL)
            return ST_OK;
        TRY(cursor_open_index(description->txn, index, &cursor));
        st = cursor_last(cursor);
        if (st == ST_OK)
            st = cursor_index_part(cursor, 0, &last);
        if (st == ST_OK && value_is_number(last))
            put(description, "last_updated_record", value_int(value_to_int(last)));
        cursor_close(cursor);
        return st == ST_DONE ? ST_OK : st;
    }
    return ST_OK;
}

static enum status put_counts(struct description *description, const struct table *table)
{
    uint64_t rows, bytes;

    TRY(table_row_count(description->txn, table, &rows));
    TRY(estimate_bytes(description, table, rows, &bytes));
    put(description, "db_size", value_int((int64_t)description->db_bytes));
    put(description, "table_size", value_int((int64_t)bytes));
    put(description, "db_audit_size", value_int((int64_t)log_estimate_bytes(description->txn)));
    if ((description->flags & DESCRIBE_NO_COUNT) == 0)
        put(description, "record_count", value_int((int64_t)rows));
    return put_last_update(description, table);
}

static enum status put_table(struct description *description, const struct table *table)
{
    struct slice key = table->key_count == 0 ? slice_text("rowid")
                                             : table->attributes[table->key_attributes[0]].name;
    char seconds[40];

    document_open_object(description->out);
    put_text(description, "schema", description->database);
    put_text(description, "name", table->name);
    put_text(description, "hash_attribute", key);
    put_text(description, "primary_key", key);
    put(description, "audit", value_bool(table->is_audited));
    put(description, "schema_defined", value_bool(!table->is_dynamic));
    put_flag(description, "sealed", table->is_sealed);
    if (table->expiration_s > 0) {
        snprintf(seconds, sizeof seconds, "%gs", table->expiration_s);
        put_text(description, "expiration", slice_text(seconds));
    }
    put_attributes(description, table);
    TRY(put_counts(description, table));
    document_close(description->out);
    return ST_OK;
}

static enum status put_database(struct description *description)
{
    const struct catalog *catalog = description->catalog;

    document_open_object(description->out);
    for (size_t k = 0; k < catalog->table_count; k++) {
        document_name(description->out, catalog->tables[k]->name);
        TRY(put_table(description, catalog->tables[k]));
    }
    document_close(description->out);
    return ST_OK;
}

int database_describe(harper_session *session, struct slice database, struct slice table,
                      unsigned flags, struct document_builder *out, harper_error *error)
{
    struct error err = {.offset = -1};
    struct database_ref refs[DATABASES_MAX];
    struct databases databases;
    enum status st = session_acquire(session, &databases, refs, &err);

    if (st == ST_OK) {
        const struct database_ref *ref = operation_database(&databases, database);
        struct description description = {.out = out, .database = database, .flags = flags};
        const struct table *found = NULL;

        if (ref == NULL) {
            st = error_set(&err, ST_NO_TABLE, -1, "database '%.*s' does not exist",
                           (int)database.len, database.data);
        } else {
            description.txn = ref->txn;
            description.catalog = txn_catalog(ref->txn);
            description.db_bytes = directory_bytes(db_path(txn_db(ref->txn)));
            found = table.len == 0 ? NULL : catalog_table(description.catalog, table);
            if (table.len == 0)
                st = put_database(&description);
            else if (found == NULL)
                st = error_set(&err, ST_NO_TABLE, -1, "Table '%.*s.%.*s' does not exist",
                               (int)database.len, database.data, (int)table.len, table.data);
            else
                st = put_table(&description, found);
        }
        session_release(session, session->in_transaction);
    }
    session_fail(session, st, &err);
    if (error != NULL)
        *error = session->error;
    return (int)st;
}
