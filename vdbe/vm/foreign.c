/* Foreign keys: finding rows by values, actions on children, notes of what is to be looked at
 * again. */
#include "vdbe/vm/foreign.h"
#include "storage/value/keycode.h"
#include "storage/value/record.h"
#include "vdbe/vm/vm_internal.h"
#include <stdlib.h>
#include <string.h>

enum { COLUMNS_MAX = 64, DEPTH_MAX = 1000 };

/* ---- columns ---- */

static bool find_columns(const struct table *table, const struct slice *names, unsigned count,
                         uint16_t *out)
{
    if (count > COLUMNS_MAX || (names == NULL && count != table->key_count))
        return false;
    for (unsigned k = 0; k < count; k++) {
        const struct attribute *attribute = names == NULL
                                                ? &table->attributes[table->key_attributes[k]]
                                                : table_attribute(table, names[k]);

        if (attribute == NULL)
            return false;
        out[k] = attribute->id;
    }
    return true;
}

static bool is_parent_of(const struct foreign_key *key, const struct table *table)
{
    return slice_equal_nocase(key->parent, table->name);
}

bool foreign_concerns(struct txn *txn, const struct table *table)
{
    const struct catalog *catalog = txn_catalog(txn);

    if (table->foreign_key_count > 0)
        return true;
    for (size_t t = 0; t < catalog->table_count; t++)
        for (unsigned k = 0; k < catalog->tables[t]->foreign_key_count; k++)
            if (is_parent_of(&catalog->tables[t]->foreign_keys[k], table))
                return true;
    return false;
}

enum status foreign_row(struct foreign *foreign, struct cursor *cursor, const struct table *table,
                        struct value **out)
{
    *out = ARENA_NEW_ARRAY(foreign->arena, struct value, table->attribute_count + 1u);
    if (*out == NULL)
        return ST_NO_MEMORY;
    for (uint16_t k = 0; k < table->attribute_count; k++) {
        struct value *v = &(*out)[k];

        *v = value_null();
        if (table->attributes[k].is_dropped ||
            table->attributes[k].generated == GENERATED_VIRTUAL ||
            table->attributes[k].type == TYPE_RELATIONSHIP)
            continue;
        TRY(cursor_column(cursor, k, v));
        TRY(value_keep(v, foreign->arena));
    }
    return ST_OK;
}

/* ---- rows that have certain values ---- */

struct search {
    struct txn *txn;
    struct arena *arena;
    const struct table *table;
    const uint16_t *attributes;
    struct value *values; /* as the table's columns store them */
    unsigned count;
    bool only_first;
    struct slice *keys; /* primary keys of what was found, in the arena */
    size_t found, capacity;
};

static enum status keep_if_equal(struct search *search, struct cursor *row)
{
    for (unsigned k = 0; k < search->count; k++) {
        struct value v;

        TRY(cursor_column(row, search->attributes[k], &v));
        if (value_is_null(v) ||
            value_compare(
                v, search->values[k],
                (enum collation)search->table->attributes[search->attributes[k]].collation) != 0)
            return ST_OK;
    }
    if (search->found == search->capacity) {
        size_t larger = search->capacity * 2 + 8;
        struct slice *keys = ARENA_NEW_ARRAY(search->arena, struct slice, larger);

        if (keys == NULL)
            return ST_NO_MEMORY;
        if (search->found > 0)
            memcpy(keys, search->keys, search->found * sizeof *keys);
        search->keys = keys;
        search->capacity = larger;
    }
    search->keys[search->found] = arena_copy(search->arena, cursor_primary_key(row));
    return search->keys[search->found++].data == NULL ? ST_NO_MEMORY : ST_OK;
}

static bool is_key_column(const struct search *search, unsigned part)
{
    return search->table->key_attributes[part] == search->attributes[part];
}

static bool is_primary_key(const struct search *search)
{
    if (search->count != search->table->key_count)
        return false;
    for (unsigned k = 0; k < search->count; k++)
        if (!is_key_column(search, k))
            return false;
    return true;
}

static const struct index *find_index(const struct search *search, unsigned *column)
{
    for (unsigned i = 0; i < search->table->index_count; i++) {
        const struct index *index = &search->table->indexes[i];

        if (index->is_multi_valued || index->state != INDEX_READY || index->where_sql.len > 0)
            continue;
        for (unsigned k = 0; k < search->count; k++) {
            const uint16_t attribute = search->attributes[k];

            if (index->parts[0].attribute != attribute ||
                index->parts[0].order.collation != search->table->attributes[attribute].collation)
                continue;
            *column = k;
            return index;
        }
    }
    return NULL;
}

static enum status search_index(struct search *search, const struct index *index, unsigned column,
                                struct cursor *row)
{
    struct cursor *entries = NULL;
    struct buf prefix = {0};
    enum status st;

    keycode_append_prefix(&prefix, search->values[column], index->parts[0].order);
    st = buf_status(&prefix);
    if (st == ST_OK)
        st = cursor_open_index(search->txn, index, &entries);
    if (st == ST_OK)
        st = cursor_seek(entries, SEEK_GE, buf_slice(&prefix));
    while (st == ST_OK && slice_starts_with(cursor_key(entries), buf_slice(&prefix)) &&
           !(search->only_first && search->found > 0)) {
        st = cursor_find(row, cursor_primary_key(entries));
        if (st == ST_OK)
            st = keep_if_equal(search, row);
        else if (st == ST_NOT_FOUND)
            st = ST_OK;
        if (st == ST_OK)
            st = cursor_next(entries);
    }
    cursor_close(entries);
    buf_free(&prefix);
    return st == ST_DONE ? ST_OK : st;
}

static enum status search_key(struct search *search, struct cursor *row)
{
    struct buf key = {0};
    enum status st;

    for (unsigned k = 0; k < search->count; k++)
        keycode_append_prefix(&key, search->values[k], search->table->key_parts[k]);
    st = buf_status(&key);
    if (st == ST_OK)
        st = cursor_find(row, buf_slice(&key));
    buf_free(&key);
    if (st == ST_OK)
        return keep_if_equal(search, row);
    return st == ST_NOT_FOUND ? ST_OK : st;
}

static enum status search_all(struct search *search, struct cursor *row)
{
    enum status st;

    for (st = cursor_first(row); st == ST_OK; st = cursor_next(row)) {
        TRY(keep_if_equal(search, row));
        if (search->only_first && search->found > 0)
            return ST_OK;
    }
    return st == ST_DONE ? ST_OK : st;
}

/* Finds rows; values may have another column's affinity. */
static enum status search_rows(struct search *search, const struct value *values)
{
    struct cursor *row = NULL;
    const struct index *index;
    unsigned column = 0;
    enum status st;

    search->values = ARENA_NEW_ARRAY(search->arena, struct value, search->count + 1u);
    if (search->values == NULL)
        return ST_NO_MEMORY;
    for (unsigned k = 0; k < search->count; k++)
        search->values[k] = value_apply_affinity(
            values[k], (enum affinity)search->table->attributes[search->attributes[k]].affinity,
            search->arena);
    TRY(cursor_open_table(search->txn, search->table, &row));
    index = is_primary_key(search) ? NULL : find_index(search, &column);
    if (is_primary_key(search))
        st = search_key(search, row);
    else if (index != NULL)
        st = search_index(search, index, column, row);
    else
        st = search_all(search, row);
    cursor_close(row);
    return st;
}

static enum status find_parent(struct txn *txn, struct arena *arena, const struct foreign_key *key,
                               const struct value *values, bool *out)
{
    const struct table *parent = catalog_table(txn_catalog(txn), key->parent);
    uint16_t attributes[COLUMNS_MAX];
    struct search search = {.txn = txn,
                            .arena = arena,
                            .table = parent,
                            .attributes = attributes,
                            .count = key->count,
                            .only_first = true};

    *out = false;
    if (parent == NULL || !find_columns(parent, key->parent_columns, key->count, attributes))
        return ST_OK;
    TRY(search_rows(&search, values));
    *out = search.found > 0;
    return ST_OK;
}

/* ---- notes ---- */

static enum status note(struct foreign *foreign, const struct table *child, uint16_t key,
                        const struct value *values)
{
    const struct foreign_key *definition = &child->foreign_keys[key];
    struct foreign_list *list = definition->is_deferred ? foreign->deferred : foreign->immediate;
    struct foreign_note *added;

    if (list->count == list->capacity) {
        size_t larger = list->capacity * 2 + 16;
        struct foreign_note *notes = realloc(list->notes, larger * sizeof *notes);

        if (notes == NULL)
            return ST_NO_MEMORY;
        list->notes = notes;
        list->capacity = larger;
    }
    added = &list->notes[list->count];
    *added = (struct foreign_note){txn_db(foreign->txn), child->store, key, NULL};
    added->values = ARENA_NEW_ARRAY(&list->arena, struct value, definition->count + 1u);
    if (added->values == NULL)
        return ST_NO_MEMORY;
    for (unsigned k = 0; k < definition->count; k++) {
        added->values[k] = values[k];
        TRY(value_keep(&added->values[k], &list->arena));
    }
    list->count++;
    return ST_OK;
}

static enum status verify_note(const struct foreign_note *item, struct txn *txn,
                               struct arena *arena, struct error *err)
{
    const struct table *child = catalog_table_by_store(txn_catalog(txn), item->child);
    uint16_t attributes[COLUMNS_MAX];
    struct search search = {.txn = txn, .arena = arena, .table = child, .only_first = true};
    const struct foreign_key *key;
    bool is_there;

    if (child == NULL || item->key >= child->foreign_key_count)
        return ST_OK;
    key = &child->foreign_keys[item->key];
    if (!find_columns(child, key->child_columns, key->count, attributes))
        return ST_OK;
    TRY(find_parent(txn, arena, key, item->values, &is_there));
    if (is_there)
        return ST_OK;
    search.attributes = attributes;
    search.count = key->count;
    TRY(search_rows(&search, item->values));
    return search.found == 0 ? ST_OK
                             : error_set(err, ST_FOREIGN_KEY, -1, "FOREIGN KEY constraint failed");
}

enum status foreign_verify(struct foreign_list *list, struct txn *txn, struct arena *arena,
                           struct error *err)
{
    for (size_t k = 0; k < list->count; k++)
        if (list->notes[k].db == txn_db(txn))
            TRY(verify_note(&list->notes[k], txn, arena, err));
    return ST_OK;
}

void foreign_list_clear(struct foreign_list *list)
{
    arena_deinit(&list->arena);
    free(list->notes);
    *list = (struct foreign_list){0};
}

/* ---- a child's values ---- */

/* False: one of them is null, which refers to nothing. */
static bool gather(const struct value *row, const uint16_t *attributes, unsigned count,
                   struct value *out)
{
    for (unsigned k = 0; k < count; k++) {
        out[k] = row[attributes[k]];
        if (value_is_null(out[k]))
            return false;
    }
    return true;
}

static bool same_values(const struct value *a, const struct value *b, unsigned count)
{
    for (unsigned k = 0; k < count; k++)
        if (value_compare(a[k], b[k], COLLATE_BINARY) != 0)
            return false;
    return true;
}

static enum status check_child(struct foreign *foreign, const struct table *table,
                               const struct value *before, const struct value *after)
{
    for (uint16_t k = 0; k < table->foreign_key_count; k++) {
        const struct foreign_key *key = &table->foreign_keys[k];
        uint16_t attributes[COLUMNS_MAX];
        struct value old[COLUMNS_MAX], new[COLUMNS_MAX];
        bool is_there;

        if (!find_columns(table, key->child_columns, key->count, attributes) ||
            !gather(after, attributes, key->count, new))
            continue;
        if (before != NULL && gather(before, attributes, key->count, old) &&
            same_values(old, new, key->count))
            continue;
        TRY(find_parent(foreign->txn, foreign->arena, key, new, &is_there));
        if (!is_there)
            TRY(note(foreign, table, k, new));
    }
    return ST_OK;
}

/* ---- actions on children ---- */

/* A default that is a literal; expressions are beyond this layer. */
static enum status default_of(struct foreign *foreign, const struct attribute *attribute,
                              struct value *out)
{
    struct slice sql = attribute->default_sql;

    *out = value_null();
    if (sql.len == 0 || slice_is_nocase(sql, "null"))
        return ST_OK;
    if (sql.data[0] == '\'' && sql.len >= 2 && memchr(sql.data + 1, '\'', sql.len - 2) == NULL) {
        *out = value_text(slice_of(sql.data + 1, sql.len - 2));
    } else {
        *out = value_apply_affinity(value_text(sql), AFFINITY_NUMERIC, foreign->arena);
        if (out->kind == VALUE_TEXT)
            return error_set(foreign->err, ST_UNSUPPORTED, -1,
                             "SET DEFAULT of a foreign key takes defaults that are literals");
    }
    *out = value_apply_affinity(*out, (enum affinity)attribute->affinity, foreign->arena);
    return ST_OK;
}

static enum status write_child(struct foreign *foreign, const struct table *child, struct slice key,
                               struct value *after)
{
    uint16_t *attributes = ARENA_NEW_ARRAY(foreign->arena, uint16_t, child->attribute_count + 1u);
    struct value *values =
        ARENA_NEW_ARRAY(foreign->arena, struct value, child->attribute_count + 1u);
    struct row row = {.values = values, .old_key = key};
    struct write_result result = {0};
    struct cursor *cursor = NULL;
    size_t count = 0;
    enum status st;

    if (attributes == NULL || values == NULL)
        return ST_NO_MEMORY;
    for (uint16_t k = 0; k < child->attribute_count; k++) {
        const struct attribute *attribute = &child->attributes[k];

        if (attribute->is_dropped || attribute->generated == GENERATED_VIRTUAL ||
            attribute->type == TYPE_RELATIONSHIP)
            continue;
        attributes[count] = k;
        values[count++] = after[k];
    }
    if (child->key_count == 0) {
        struct value rowid;

        TRY(cursor_open_table(foreign->txn, child, &cursor));
        st = cursor_find(cursor, key);
        if (st == ST_OK)
            st = cursor_column(cursor, ATTRIBUTE_NONE, &rowid);
        cursor_close(cursor);
        if (st != ST_OK)
            return st;
        row.rowid = rowid.as.i;
    }
    TRY(table_shape(foreign->txn, child, attributes, count, &row.shape));
    st = table_write(foreign->txn, child, WRITE_UPDATE, &row, &result, foreign->err);
    if (st == ST_EXISTS || st == ST_DUPLICATE)
        return error_set(foreign->err, ST_DUPLICATE, -1, "UNIQUE constraint failed: %.*s",
                         (int)child->name.len, child->name.data);
    return st;
}

/* Give the child at `key` other values: the parent's new ones, nulls or defaults. */
static enum status change_child(struct foreign *foreign, const struct table *child,
                                struct slice key, const uint16_t *attributes, unsigned count,
                                uint8_t action, const struct value *new_values)
{
    struct cursor *cursor = NULL;
    struct value *before, *after;
    enum status st;

    TRY(cursor_open_table(foreign->txn, child, &cursor));
    st = cursor_find(cursor, key);
    if (st == ST_OK)
        st = foreign_row(foreign, cursor, child, &before);
    if (st == ST_OK)
        st = foreign_row(foreign, cursor, child, &after);
    cursor_close(cursor);
    if (st != ST_OK)
        return st == ST_NOT_FOUND ? ST_OK : st;
    for (unsigned k = 0; k < count; k++) {
        const struct attribute *attribute = &child->attributes[attributes[k]];
        struct value *v = &after[attributes[k]];

        if (action == FK_CASCADE)
            *v = value_apply_affinity(new_values[k], (enum affinity)attribute->affinity,
                                      foreign->arena);
        else if (action == FK_SET_DEFAULT)
            TRY(default_of(foreign, attribute, v));
        else
            *v = value_null();
        if (value_is_null(*v) && attribute->is_not_null)
            return error_set(foreign->err, ST_NOT_NULL, -1, "NOT NULL constraint failed: %.*s.%.*s",
                             (int)child->name.len, child->name.data, (int)attribute->name.len,
                             attribute->name.data);
    }
    TRY(write_child(foreign, child, key, after));
    return foreign_updated(foreign, child, before, after);
}

/* The values `old` are gone from the parent; `new_values` took their place, or nothing (NULL). */
static enum status act(struct foreign *foreign, const struct table *child, uint16_t number,
                       const struct value *old, const struct value *new_values)
{
    const struct foreign_key *key = &child->foreign_keys[number];
    const uint8_t action = new_values == NULL ? key->on_delete : key->on_update;
    uint16_t attributes[COLUMNS_MAX];
    struct search search = {.txn = foreign->txn,
                            .arena = foreign->arena,
                            .table = child,
                            .attributes = attributes,
                            .count = key->count,
                            .only_first = action == FK_NO_ACTION || action == FK_RESTRICT};

    if (!find_columns(child, key->child_columns, key->count, attributes))
        return ST_OK;
    TRY(search_rows(&search, old));
    if (search.found > 0 && action == FK_NO_ACTION)
        return note(foreign, child, number, old);
    if (search.found > 0 && action == FK_RESTRICT)
        return error_set(foreign->err, ST_FOREIGN_KEY, -1, "FOREIGN KEY constraint failed");
    for (size_t k = 0; k < search.found; k++) {
        if (action == FK_CASCADE && new_values == NULL)
            TRY(foreign_remove(foreign, child, search.keys[k]));
        else
            TRY(change_child(foreign, child, search.keys[k], attributes, key->count, action,
                             new_values));
    }
    return ST_OK;
}

static enum status act_on_children(struct foreign *foreign, const struct table *table,
                                   const struct value *before, const struct value *after)
{
    const struct catalog *catalog = txn_catalog(foreign->txn);

    if (foreign->depth >= DEPTH_MAX)
        return error_set(foreign->err, ST_LIMIT, -1, "foreign key actions are nested too deeply");
    foreign->depth++;
    for (size_t t = 0; t < catalog->table_count; t++) {
        const struct table *child = catalog->tables[t];

        for (uint16_t k = 0; k < child->foreign_key_count; k++) {
            const struct foreign_key *key = &child->foreign_keys[k];
            uint16_t attributes[COLUMNS_MAX];
            struct value old[COLUMNS_MAX], new[COLUMNS_MAX];

            if (!is_parent_of(key, table) ||
                !find_columns(table, key->parent_columns, key->count, attributes) ||
                !gather(before, attributes, key->count, old))
                continue;
            if (after != NULL) {
                for (unsigned n = 0; n < key->count; n++)
                    new[n] = after[attributes[n]];
                if (same_values(old, new, key->count))
                    continue;
            }
            TRY(act(foreign, child, k, old, after == NULL ? NULL : new));
        }
    }
    foreign->depth--;
    return ST_OK;
}

/* ---- writes ---- */

enum status foreign_inserted(struct foreign *foreign, const struct table *table,
                             const struct value *row)
{
    return check_child(foreign, table, NULL, row);
}

enum status foreign_updated(struct foreign *foreign, const struct table *table,
                            const struct value *before, const struct value *after)
{
    TRY(check_child(foreign, table, before, after));
    return act_on_children(foreign, table, before, after);
}

enum status foreign_removed(struct foreign *foreign, const struct table *table,
                            const struct value *row)
{
    return act_on_children(foreign, table, row, NULL);
}

enum status foreign_remove(struct foreign *foreign, const struct table *table, struct slice key)
{
    struct cursor *cursor = NULL;
    struct value *row;
    enum status st;

    TRY(cursor_open_table(foreign->txn, table, &cursor));
    st = cursor_find(cursor, key);
    if (st == ST_OK)
        st = foreign_row(foreign, cursor, table, &row);
    cursor_close(cursor);
    if (st == ST_OK)
        st = table_remove(foreign->txn, table, key, foreign->err);
    if (st != ST_OK)
        return st == ST_NOT_FOUND ? ST_OK : st;
    return foreign_removed(foreign, table, row);
}
