/*
 * The change log as a history of records: what was written, by whom, when, and what was there
 * before.
 *
 * The log has the writes alone. What was there before is known by following each record from the
 * beginning of the log, so a reading costs the whole log.
 */
#include "api/api_internal.h"
#include "storage/value/document.h"
#include "storage/value/hash.h"
#include <stdlib.h>
#include <string.h>

/* ---- the records as they are at a point of the log ---- */

struct image {
    char *key; /* NULL: free */
    size_t key_bytes;
    char *document; /* NULL: it is not there */
    size_t document_bytes;
};

struct images {
    struct image *slots;
    size_t count, mask; /* mask + 1 slots */
};

static struct image *find_slot(const struct images *images, struct slice key)
{
    size_t at = (size_t)hash_bytes(key, 0) & images->mask;

    while (images->slots[at].key != NULL &&
           !slice_equal(slice_of(images->slots[at].key, images->slots[at].key_bytes), key))
        at = (at + 1) & images->mask;
    return &images->slots[at];
}

static bool images_grow(struct images *images)
{
    struct images larger = {.mask = images->slots == NULL ? 255 : images->mask * 2 + 1};

    larger.slots = calloc(larger.mask + 1, sizeof *larger.slots);
    if (larger.slots == NULL)
        return false;
    for (size_t k = 0; images->slots != NULL && k <= images->mask; k++) {
        const struct image *image = &images->slots[k];

        if (image->key != NULL)
            *find_slot(&larger, slice_of(image->key, image->key_bytes)) = *image;
    }
    larger.count = images->count;
    free(images->slots);
    *images = larger;
    return true;
}

/* NULL: no memory. */
static struct image *image_of(struct images *images, struct slice key)
{
    struct image *image;

    if ((images->slots == NULL || images->count * 2 > images->mask) && !images_grow(images))
        return NULL;
    image = find_slot(images, key);
    if (image->key == NULL) {
        image->key = malloc(key.len + 1);
        if (image->key == NULL)
            return NULL;
        memcpy(image->key, key.data, key.len);
        image->key_bytes = key.len;
        images->count++;
    }
    return image;
}

static bool image_set(struct image *image, struct value document)
{
    char *copy = NULL;

    if (document.kind == VALUE_OBJECT) {
        copy = malloc(document.len + 1u);
        if (copy == NULL)
            return false;
        memcpy(copy, document.as.data, document.len);
    }
    free(image->document);
    image->document = copy;
    image->document_bytes = copy == NULL ? 0 : document.len;
    return true;
}

static struct value image_value(const struct image *image)
{
    if (image->document == NULL)
        return value_absent();
    return (struct value){
        .kind = VALUE_OBJECT, .len = (uint32_t)image->document_bytes, .as.data = image->document};
}

static void images_clear(struct images *images)
{
    for (size_t k = 0; images->slots != NULL && k <= images->mask; k++) {
        free(images->slots[k].key);
        free(images->slots[k].document);
    }
    free(images->slots);
    *images = (struct images){0};
}

/* ---- following the log ---- */

struct audit {
    const struct table *table;
    audit_fn emit;
    void *context;
    struct arena arena; /* of one entry */
    struct images images;
    struct document_builder builder, merged;
    bool is_stopped;
};

static void put_key(const struct audit *audit, const struct value *parts,
                    struct document_builder *builder)
{
    for (unsigned k = 0; k < audit->table->key_count; k++) {
        document_name(builder, audit->table->attributes[audit->table->key_attributes[k]].name);
        document_value(builder, parts[k]);
    }
}

/* The key as operations show it: a value, or an array of several. */
static enum status decode_key(struct audit *audit, struct slice key, struct value *parts,
                              struct value *out)
{
    const unsigned count = audit->table->key_count == 0 ? 1 : audit->table->key_count;
    struct document_builder builder = {0};
    enum status st;

    TRY(keycode_decode(key, audit->table->key_parts, count, parts, &audit->arena));
    *out = parts[0];
    if (count == 1)
        return ST_OK;
    document_begin(&builder);
    document_open_array(&builder);
    for (unsigned k = 0; k < count; k++)
        document_value(&builder, parts[k]);
    document_close(&builder);
    st = document_end(&builder, out);
    if (st == ST_OK) {
        out->as.data = arena_copy(&audit->arena, value_slice(*out)).data;
        st = out->as.data == NULL ? ST_NO_MEMORY : ST_OK;
    }
    document_deinit(&builder);
    return st;
}

/* What was written: the key and the attributes that were given. */
static enum status build_written(struct audit *audit, const struct log_change *change,
                                 const struct value *parts, struct value *out)
{
    document_begin(&audit->builder);
    document_open_object(&audit->builder);
    put_key(audit, parts, &audit->builder);
    for (size_t k = 0; k < change->member_count; k++) {
        if (change->kind == LOG_CHANGE_PATCH && change->members[k].op == MERGE_REMOVE)
            continue;
        document_name(&audit->builder, change->members[k].name);
        document_value(&audit->builder, change->members[k].value);
    }
    document_close(&audit->builder);
    return document_end(&audit->builder, out);
}

static const struct log_member *find_member(const struct log_change *change, struct slice name)
{
    for (size_t k = 0; k < change->member_count; k++)
        if (slice_equal(change->members[k].name, name))
            return &change->members[k];
    return NULL;
}

/* The record that a PATCH leaves. */
static enum status build_merged(struct audit *audit, const struct log_change *change,
                                struct value before, struct value *out)
{
    struct document_builder *builder = &audit->merged;
    size_t count = document_count(before);

    document_begin(builder);
    document_open_object(builder);
    for (size_t k = 0; k < count; k++) {
        struct slice name;
        struct value v = document_member_at(before, k, &name);
        const struct log_member *member = find_member(change, name);

        if (member != NULL && member->op == MERGE_REMOVE)
            continue;
        if (member != NULL)
            v = member->op == MERGE_ADD ? merge_add(v, member->value) : member->value;
        document_name(builder, name);
        document_value(builder, v);
    }
    for (size_t k = 0; k < change->member_count; k++) {
        const struct log_member *member = &change->members[k];

        if (member->op == MERGE_REMOVE ||
            document_member(before, member->name).kind != VALUE_ABSENT)
            continue;
        document_name(builder, member->name);
        document_value(builder, member->value);
    }
    document_close(builder);
    return document_end(builder, out);
}

static void tell(struct audit *audit, struct audit_change *told)
{
    if (!audit->is_stopped && !audit->emit(audit->context, told))
        audit->is_stopped = true;
}

static struct value *key_parts_new(struct audit *audit)
{
    return ARENA_NEW_ARRAY(&audit->arena, struct value, audit->table->key_count + 1u);
}

/* One record's change: told, then the record's image follows it. */
static enum status follow(struct audit *audit, const struct log_change *change,
                          struct audit_change *told)
{
    struct image *image = image_of(&audit->images, change->key);
    struct value *parts = key_parts_new(audit), after = value_absent();

    if (image == NULL || parts == NULL)
        return ST_NO_MEMORY;
    TRY(decode_key(audit, change->key, parts, &told->key));
    told->original = image_value(image);
    told->record = value_absent();
    told->operation = "delete";
    if (change->kind != LOG_CHANGE_DELETE) {
        TRY(build_written(audit, change, parts, &told->record));
        after = told->record;
        told->operation = image->document == NULL            ? "insert"
                          : change->kind == LOG_CHANGE_PATCH ? "update"
                                                             : "upsert";
        if (change->kind == LOG_CHANGE_PATCH && image->document != NULL)
            TRY(build_merged(audit, change, told->original, &after));
    }
    tell(audit, told);
    return image_set(image, after) ? ST_OK : ST_NO_MEMORY;
}

/* Every row at once. */
static enum status follow_clear(struct audit *audit, struct audit_change *told)
{
    for (size_t k = 0; audit->images.slots != NULL && k <= audit->images.mask; k++) {
        struct image *image = &audit->images.slots[k];
        struct value *parts;

        if (image->key == NULL || image->document == NULL)
            continue;
        parts = key_parts_new(audit);
        if (parts == NULL)
            return ST_NO_MEMORY;
        TRY(decode_key(audit, slice_of(image->key, image->key_bytes), parts, &told->key));
        told->operation = "delete";
        told->record = value_absent();
        told->original = image_value(image);
        tell(audit, told);
        image_set(image, value_absent());
    }
    return ST_OK;
}

static enum status follow_entry(struct audit *audit, const struct log_entry *entry)
{
    struct log_changes changes;
    struct log_change change;
    enum status st;

    arena_reset(&audit->arena);
    TRY(log_changes_begin(&changes, entry->body, &audit->arena));
    while ((st = log_changes_next(&changes, &change)) == ST_OK) {
        struct audit_change told = {.user = entry->user, .timestamp = stamp_to_ms(entry->stamp)};

        if (!slice_equal(change.table, audit->table->name) || change.kind == LOG_CHANGE_SCHEMA)
            continue;
        if (change.kind == LOG_CHANGE_CLEAR)
            TRY(follow_clear(audit, &told));
        else
            TRY(follow(audit, &change, &told));
    }
    return st == ST_DONE ? ST_OK : st;
}

static enum status follow_log(struct audit *audit, struct txn *txn)
{
    struct log_reader *reader;
    struct log_entry entry;
    enum status st;

    TRY(log_open(txn, db_origin(txn_db(txn)), 0, &reader));
    while (!audit->is_stopped && (st = log_next(reader, &entry)) == ST_OK) {
        st = follow_entry(audit, &entry);
        if (st != ST_OK)
            break;
    }
    log_close(reader);
    return audit->is_stopped || st == ST_DONE ? ST_OK : st;
}

int audit_read(harper_session *session, struct slice database, struct slice table, audit_fn emit,
               void *context, harper_error *error)
{
    struct audit audit = {.emit = emit, .context = context};
    struct error err = {.offset = -1};
    struct database_ref refs[DATABASES_MAX];
    struct databases databases;
    enum status st = session_acquire(session, &databases, refs, &err);

    if (st == ST_OK) {
        const struct database_ref *ref = operation_database(&databases, database);

        audit.table = ref == NULL ? NULL : catalog_table(txn_catalog(ref->txn), table);
        if (ref == NULL)
            st = error_set(&err, ST_NO_TABLE, -1, "database '%.*s' does not exist",
                           (int)database.len, database.data);
        else if (audit.table == NULL)
            st = error_set(&err, ST_NO_TABLE, -1, "Table '%.*s.%.*s' does not exist",
                           (int)database.len, database.data, (int)table.len, table.data);
        else if (!audit.table->is_audited)
            st = error_set(&err, ST_INVALID, -1,
                           "To use this operation audit log must be enabled in harper-config.yaml");
        else
            st = follow_log(&audit, ref->txn);
        session_release(session, session->in_transaction);
    }
    images_clear(&audit.images);
    document_deinit(&audit.builder);
    document_deinit(&audit.merged);
    arena_deinit(&audit.arena);
    session_fail(session, st, &err);
    if (error != NULL)
        *error = session->error;
    return (int)st;
}
