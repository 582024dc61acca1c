/* PRAGMA foreign_key_check: rows whose parent is missing, found by one query per foreign key. */
#include "api/api_internal.h"
#include <string.h>

/* A query for the children of a key without a parent. Names that cannot be resolved to columns of
 * the parent are a mismatch, as when the key is enforced. */
static void put_name(struct buf *out, struct slice name)
{
    buf_append_byte(out, '"');
    for (size_t k = 0; k < name.len; k++) {
        if (name.data[k] == '"')
            buf_append_byte(out, '"');
        buf_append_byte(out, (uint8_t)name.data[k]);
    }
    buf_append_byte(out, '"');
}

static void put_table(struct buf *out, struct slice database, struct slice table)
{
    put_name(out, database);
    buf_append_byte(out, '.');
    put_name(out, table);
}

static struct slice parent_column(const struct foreign_key *key, const struct table *parent,
                                  unsigned k)
{
    return key->parent_columns != NULL ? key->parent_columns[k]
                                       : parent->attributes[parent->key_attributes[k]].name;
}

static void put_query(struct buf *out, struct slice database, const struct table *child,
                      const struct table *parent, const struct foreign_key *key)
{
    buf_append_text(out, child->has_rowid ? "SELECT c.rowid FROM " : "SELECT NULL FROM ");
    put_table(out, database, child->name);
    buf_append_text(out, " AS c WHERE ");
    for (unsigned k = 0; k < key->count; k++) {
        buf_append_text(out, "c.");
        put_name(out, key->child_columns[k]);
        buf_append_text(out, " IS NOT NULL AND ");
    }
    if (parent == NULL) {
        buf_append_text(out, "1");
        return;
    }
    buf_append_text(out, "NOT EXISTS (SELECT 1 FROM ");
    put_table(out, database, parent->name);
    buf_append_text(out, " AS p WHERE ");
    for (unsigned k = 0; k < key->count; k++) {
        buf_append_text(out, k == 0 ? "p." : " AND p.");
        put_name(out, parent_column(key, parent, k));
        buf_append_text(out, " = +c.");
        put_name(out, key->child_columns[k]);
    }
    buf_append_byte(out, ')');
}

/* What a query needs once the catalog it was made from is given back. */
struct key_query {
    struct slice sql, child, parent;
    int64_t number;
};

struct key_queries {
    struct arena arena;
    size_t count, capacity;
    struct key_query *list;
};

static enum status add_query(struct key_queries *queries, struct slice database,
                             const struct table *child, const struct table *parent, unsigned k)
{
    const struct foreign_key *key = &child->foreign_keys[k];
    struct buf sql = {0};
    struct key_query *query;
    enum status st;

    if (queries->count == queries->capacity) {
        size_t larger = queries->capacity == 0 ? 8 : queries->capacity * 2;
        struct key_query *list = ARENA_NEW_ARRAY(&queries->arena, struct key_query, larger);

        if (list == NULL)
            return ST_NO_MEMORY;
        if (queries->count > 0)
            memcpy(list, queries->list, queries->count * sizeof *list);
        queries->list = list;
        queries->capacity = larger;
    }
    put_query(&sql, database, child, parent, key);
    query = &queries->list[queries->count++];
    query->sql = arena_copy(&queries->arena, buf_slice(&sql));
    query->child = arena_copy(&queries->arena, child->name);
    query->parent = arena_copy(&queries->arena, key->parent);
    query->number = (int64_t)(child->foreign_key_count - 1 - k); /* as foreign_key_list counts */
    st = buf_status(&sql);
    buf_free(&sql);
    return st == ST_OK && queries->arena.failed ? ST_NO_MEMORY : st;
}

static enum status collect(struct key_queries *queries, const struct database_ref *ref,
                           struct slice only, struct error *err)
{
    const struct catalog *catalog = txn_catalog(ref->txn);

    for (size_t t = 0; t < catalog->table_count; t++) {
        const struct table *child = catalog->tables[t];

        if (only.len > 0 && !slice_equal_nocase(child->name, only))
            continue;
        for (unsigned k = child->foreign_key_count; k-- > 0;) {
            const struct foreign_key *key = &child->foreign_keys[k];
            const struct table *parent = catalog_table(catalog, key->parent);

            if (parent != NULL && key->parent_columns == NULL && parent->key_count != key->count)
                return error_set(err, ST_INVALID, -1,
                                 "foreign key mismatch - \"%.*s\" referencing \"%.*s\"",
                                 (int)child->name.len, child->name.data, (int)parent->name.len,
                                 parent->name.data);
            TRY(add_query(queries, ref->name, child, parent, k));
        }
    }
    return ST_OK;
}

static enum status emit_rows(harper_session *session, struct vm *vm, const struct key_query *query,
                             struct error *err)
{
    harper_statement *statement = NULL;
    harper_error failure;
    enum status st = ST_OK;
    int code = harper_prepare(session, HARPER_SQL, query->sql.data, (int64_t)query->sql.len,
                              &statement, NULL, &failure);

    if (code != HARPER_OK)
        return error_set(err, ST_INVALID, -1, "%s", failure.message);
    while (st == ST_OK && (code = harper_step(statement)) == HARPER_ROW) {
        const struct value row[] = {
            value_text(query->child),
            vm_column(statement->vm, 0),
            value_text(query->parent),
            value_int(query->number),
        };

        st = vm_emit(vm, COUNT_OF(row), row);
    }
    if (st == ST_OK && code != HARPER_DONE)
        st = error_set(err, ST_INTERNAL, -1, "foreign keys could not be checked");
    harper_finalize(statement);
    return st;
}

enum status foreign_key_check(harper_session *session, struct vm *vm, struct slice table,
                              struct error *err)
{
    const struct slice columns[] = {slice_text("table"), slice_text("rowid"), slice_text("parent"),
                                    slice_text("fkid")};
    struct database_ref refs[DATABASES_MAX];
    struct databases databases;
    struct key_queries queries = {0};
    enum status st;

    TRY(vm_describe(vm, COUNT_OF(columns), columns));
    TRY(session_acquire(session, &databases, refs, err));
    st = ST_OK;
    for (unsigned d = 0; st == ST_OK && d < databases.count; d++)
        st = collect(&queries, &refs[d], table, err);
    session_release(session, session->in_transaction);
    for (size_t k = 0; st == ST_OK && k < queries.count; k++)
        st = emit_rows(session, vm, &queries.list[k], err);
    arena_deinit(&queries.arena);
    return st;
}
