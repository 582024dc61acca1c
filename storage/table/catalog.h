/*
 * catalog: what tables, attributes, indexes, views and triggers a database has.
 *
 * A struct catalog is an immutable version: readers hold the one of their snapshot, a DDL statement
 * makes the next one inside its write transaction, a commit publishes it. catalog->version names
 * it; a compiled program is valid for the versions it was compiled against.
 *
 * Lifetimes: everything reachable from a catalog lives as long as the transaction that lent it.
 * Names:     table and index names match without case (ASCII), attribute names too when the table
 * was made by SQL, exactly otherwise (is_case_sensitive).
 */
#ifndef HARPER_TABLE_CATALOG_H
#define HARPER_TABLE_CATALOG_H

#include "storage/value/record.h"

struct db;
struct txn;
struct table;

enum attribute_type { /* the schema language's types; SQL columns are TYPE_ANY plus an affinity */
                      TYPE_ANY,
                      TYPE_INT,
                      TYPE_LONG,
                      TYPE_FLOAT,
                      TYPE_BIGINT,
                      TYPE_BOOLEAN,
                      TYPE_STRING,
                      TYPE_ID,
                      TYPE_DATE,
                      TYPE_BYTES,
                      TYPE_BLOB,
                      TYPE_OBJECT,       /* nested; definition in nested_type */
                      TYPE_RELATIONSHIP, /* virtual: relation_* say to what */
                      TYPE_COUNT
};

enum attribute_role { ROLE_NONE, ROLE_CREATED_TIME, ROLE_UPDATED_TIME, ROLE_EXPIRES_AT };
enum generated_kind { GENERATED_NO, GENERATED_VIRTUAL, GENERATED_STORED };

struct attribute {
    uint16_t id; /* per table, never reused */
    struct slice name;
    struct slice declared_type; /* as written in SQL or SDL, may be empty */
    uint8_t type;               /* enum attribute_type */
    uint8_t affinity;
    uint8_t collation;
    uint8_t role;
    uint8_t generated;
    bool is_list;             /* [X] */
    bool is_element_not_null; /* [X!] */
    bool is_not_null;
    bool is_dynamic; /* appeared with the data */
    bool is_dropped; /* kept so that its id is not reused; invisible */
    bool is_hidden;
    struct slice default_sql; /* expression text, empty: none */
    struct slice generated_sql;
    struct slice nested_type;                /* name of the object type */
    struct slice relation_table;             /* type name of the target */
    struct slice relation_from, relation_to; /* attribute names, empty: not given */
    struct slice description;
};

enum index_origin {
    INDEX_CREATED,
    INDEX_UNIQUE,
    INDEX_PRIMARY_KEY,
    INDEX_ATTRIBUTE /* @indexed or dynamic */
};
enum index_state {
    INDEX_READY,
    INDEX_BEING_BUILT, /* not kept up: built from the rows at the end of a load */
    INDEX_FILLING      /* kept up by every write, and filled with older rows in the background */
};

struct index_part {
    uint16_t attribute; /* ATTRIBUTE_NONE: an expression */
    struct slice expression_sql;
    struct key_part order;
};

struct index {
    uint32_t store; /* kv store id, identifies the index for ever */
    struct slice name;
    const struct table *table;
    struct slice where_sql; /* partial index, empty: all rows */
    struct slice sql;       /* as written, empty when implied */
    uint16_t part_count;
    bool is_unique;
    bool is_multi_valued; /* array values give an entry per element; absent values give none */
    uint8_t origin, state;
    uint8_t on_conflict; /* of a UNIQUE constraint, enum ir's conflict action numbers; 0 none */
    const struct index_part *parts;
};

struct check {
    struct slice name, sql;
};

enum foreign_key_action { FK_NO_ACTION, FK_RESTRICT, FK_SET_NULL, FK_SET_DEFAULT, FK_CASCADE };

struct foreign_key {
    struct slice name, parent;
    uint16_t count;
    const struct slice *child_columns, *parent_columns; /* parent_columns NULL: the primary key */
    uint8_t on_delete, on_update;
    bool is_deferred;
};

struct table_stats; /* mutable, shared by all versions */

struct table {
    uint32_t store; /* kv store id of the rows, identifies the table for ever */
    uint8_t uuid[16];
    struct slice name;
    struct db *db;
    uint16_t attribute_count; /* including dropped ones; attributes[k].id == k */
    uint16_t key_count;       /* attributes of the primary key; 0: hidden integer rowid */
    uint16_t index_count, check_count, foreign_key_count;
    bool has_rowid; /* rowid addressable: hidden key, or INTEGER PRIMARY KEY as its alias (key_count
                       1) */
    bool is_dynamic; /* attributes appear with the data, each indexed */
    bool is_sealed;
    bool is_strict;
    bool is_autoincrement;
    bool is_case_sensitive; /* attribute names */
    bool is_made_by_sdl;
    bool is_exported;
    bool is_audited;
    bool is_hidden;           /* left out of descriptions */
    bool may_expire;          /* rows have or once had a time at which they end: entries of an index
                                 and counts say nothing about what readers see */
    uint8_t hidden_protocols; /* bits as in the definition: the query layer's */
    const struct attribute *attributes;
    const uint16_t *key_attributes;
    const struct key_part *key_parts; /* max(1, key_count) */
    const struct index *indexes;
    const struct check *checks;
    const struct foreign_key *foreign_keys;
    const struct shape *declared_shape; /* all visible stored attributes in declaration order */
    struct slice export_path;
    double expiration_s, eviction_s, scan_interval_s; /* 0: none */
    struct slice sql; /* the statement that made it (CREATE TABLE or SDL type) */
    struct slice description;
    struct table_stats *stats;
    void *cache; /* for the query layer: compiled CHECKs, defaults…; freed through
                    db_set_evaluator's release */
};

enum object_kind { OBJECT_VIEW, OBJECT_TRIGGER, OBJECT_SDL_TYPE };

/* Views, triggers and nested SDL types are kept as text; the query layer parses them. */
struct catalog_object {
    uint32_t id;
    uint8_t kind;
    struct slice name;
    struct slice table; /* of a trigger */
    struct slice sql;
};

struct catalog {
    uint64_t version;
    size_t table_count, object_count;
    const struct table *const *tables;           /* by name, without case */
    const struct catalog_object *const *objects; /* by name */
};

const struct table *catalog_table(const struct catalog *catalog,
                                  struct slice name); /* NULL: none */
const struct table *catalog_table_by_store(const struct catalog *catalog, uint32_t store);
const struct index *catalog_index(const struct catalog *catalog, struct slice name);
const struct catalog_object *catalog_object(const struct catalog *catalog, enum object_kind kind,
                                            struct slice name);
/* NULL: none (or dropped). */
const struct attribute *table_attribute(const struct table *table, struct slice name);
const struct index *table_index_on(const struct table *table,
                                   uint16_t attribute); /* single-part, ready */

/* ---- changes: inside a write transaction, atomic with it ---- */

/* A definition to create from. ids, stores, uuid, stats and shapes are filled in by the catalog;
 * only the fields that describe are read. indexes[] describes implied ones (UNIQUE, @indexed …).
 * Everything is copied. */
enum status catalog_create_table(struct txn *txn, const struct table *definition,
                                 const struct table **out, struct error *err);
enum status catalog_drop_table(struct txn *txn, const struct table *table, struct error *err);
enum status catalog_rename_table(struct txn *txn, const struct table *table, struct slice name,
                                 struct error *err);
enum status catalog_add_attribute(struct txn *txn, const struct table *table,
                                  const struct attribute *definition, struct error *err);
enum status catalog_rename_attribute(struct txn *txn, const struct table *table, uint16_t attribute,
                                     struct slice name, struct error *err);
enum status catalog_drop_attribute(struct txn *txn, const struct table *table, uint16_t attribute,
                                   struct error *err);
/* Replace texts and flags that carry no storage (defaults, checks, sql, export, expiration…). */
enum status catalog_alter_table(struct txn *txn, const struct table *table,
                                const struct table *definition, struct error *err);
/* Bring a table to what a schema file says now. Attributes that are new are added; those that both
 * know take the new type, flags and texts; those that only the table has become undeclared ones
 * (with `drop_missing` they are dropped, values and all). Single-attribute indexes follow the
 * definition. The primary key must be the same. Nothing is logged or stored when nothing changes.
 * Tables made by SQL keep their columns as they are and only gain. */
enum status catalog_merge_table(struct txn *txn, const struct table *table,
                                const struct table *definition, bool drop_missing,
                                struct error *err);
/* Create and fill. A uniqueness violation fails with ST_DUPLICATE and leaves nothing. */
enum status catalog_create_index(struct txn *txn, const struct table *table,
                                 const struct index *definition, struct error *err);
enum status catalog_drop_index(struct txn *txn, const struct index *index, struct error *err);
enum status catalog_put_object(struct txn *txn, const struct catalog_object *object,
                               struct error *err);
enum status catalog_drop_object(struct txn *txn, enum object_kind kind, struct slice name,
                                struct error *err);

/* The shape for an ordered list of attribute ids; made (durably, with the commit) when new. Does
 * not change catalog->version. */
enum status table_shape(struct txn *txn, const struct table *table, const uint16_t *attributes,
                        size_t count, const struct shape **out);

#endif
