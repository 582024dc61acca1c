/* Schema changes and control statements: the IR node becomes a definition (or a copy) in the
 * program, and one instruction that carries it. */
#include "vdbe/codegen/codegen_internal.h"

/* ---- columns ---- */

static bool collation_of(struct gen *g, struct ir_name name, uint8_t *out)
{
    static const char *const names[] = {"binary", "nocase", "rtrim"};

    *out = COLLATE_BINARY;
    if (name.text.len == 0)
        return true;
    for (size_t k = 0; k < COUNT_OF(names); k++)
        if (slice_is_nocase(name.text, names[k])) {
            *out = (uint8_t)k;
            return true;
        }
    gen_fail(g, ST_NO_NAME, name.offset, "no such collation sequence: %.*s", (int)name.text.len,
             name.text.data);
    return false;
}

/* Types of the schema language; another name is a nested object type. */
static uint8_t sdl_type(struct slice name)
{
    static const struct {
        const char *name;
        enum attribute_type type;
    } types[] = {{"Int", TYPE_INT},       {"Long", TYPE_LONG},       {"Float", TYPE_FLOAT},
                 {"BigInt", TYPE_BIGINT}, {"Boolean", TYPE_BOOLEAN}, {"String", TYPE_STRING},
                 {"ID", TYPE_ID},         {"Date", TYPE_DATE},       {"Bytes", TYPE_BYTES},
                 {"Blob", TYPE_BLOB},     {"Any", TYPE_ANY}};

    for (size_t k = 0; k < COUNT_OF(types); k++)
        if (slice_is(name, types[k].name))
            return (uint8_t)types[k].type;
    return name.len == 0 ? TYPE_ANY : TYPE_OBJECT;
}

static void describe_sdl(struct gen *g, const struct ir_column_def *column, struct attribute *out)
{
    out->type = sdl_type(column->type);
    out->affinity = AFFINITY_NONE;
    if (out->type == TYPE_OBJECT)
        out->nested_type = out->declared_type;
    if (column->relation_from.len != 0 || column->relation_to.len != 0) {
        out->type = TYPE_RELATIONSHIP;
        out->relation_table = out->declared_type;
        out->nested_type = slice_empty();
        out->relation_from = gen_p4_slice(g, column->relation_from);
        out->relation_to = gen_p4_slice(g, column->relation_to);
    }
    if (column->is_created_time)
        out->role = ROLE_CREATED_TIME;
    else if (column->is_updated_time)
        out->role = ROLE_UPDATED_TIME;
    else if (column->is_expires_at)
        out->role = ROLE_EXPIRES_AT;
}

static bool describe_column(struct gen *g, const struct ir_column_def *column, bool is_sdl,
                            struct attribute *out)
{
    static const uint8_t generated[] = {[IR_GENERATED_NO] = GENERATED_NO,
                                        [IR_GENERATED_VIRTUAL] = GENERATED_VIRTUAL,
                                        [IR_GENERATED_STORED] = GENERATED_STORED};

    *out = (struct attribute){.name = gen_p4_slice(g, column->name.text),
                              .declared_type = gen_p4_slice(g, column->type),
                              .affinity = (uint8_t)affinity_of_type(column->type),
                              .generated = generated[column->generated],
                              .is_list = column->is_list,
                              .is_element_not_null = column->is_element_not_null,
                              .is_not_null = column->is_not_null,
                              .is_hidden = column->is_hidden,
                              .default_sql = gen_p4_slice(g, column->default_text),
                              .generated_sql = gen_p4_slice(g, column->generated_text),
                              .description = gen_p4_slice(g, column->description)};
    if (is_sdl)
        describe_sdl(g, column, out);
    return collation_of(g, column->collation, &out->collation);
}

void gen_nested_types(struct gen *g)
{
    const size_t count = g->plan->nested_type_count;
    struct nested_type *types = count == 0 ? NULL : gen_p4(g, count * sizeof(*types));

    for (size_t k = 0; types != NULL && k < count; k++) {
        const struct ir_create_table *ir = g->plan->nested_types[k];
        struct attribute *attributes = gen_p4(g, (ir->column_count + 1) * sizeof(*attributes));

        types[k] = (struct nested_type){.name = gen_p4_slice(g, ir->name.text),
                                        .is_sealed = ir->is_sealed,
                                        .attribute_count = (unsigned)ir->column_count,
                                        .attributes = attributes};
        for (size_t c = 0; attributes != NULL && c < ir->column_count; c++)
            if (!describe_column(g, &ir->columns[c], true, &attributes[c]))
                return;
    }
    if (types != NULL)
        builder_nested_types(g->builder, count, types);
}

/* ---- tables ---- */

struct table_def {
    const struct ir_create_table *ir;
    struct table *table;
    struct attribute *attributes;
    uint16_t *keys;
    struct key_part *key_parts;
    struct index *indexes;
    unsigned automatic; /* number of the last index that a constraint made */
};

static int column_number(struct gen *g, const struct table_def *def, const struct ir_expr *expr)
{
    const struct ir_expr *column = expr->kind == IR_COLLATE ? expr->as.collate.operand : expr;
    struct slice name;

    if (column->kind == IR_COLUMN && column->as.column.part_count == 1)
        name = column->as.column.parts[0].text;
    else if (column->kind == IR_LITERAL && column->as.literal.kind == VALUE_TEXT)
        name = value_slice(column->as.literal); /* 'a' where a name is meant */
    else {
        gen_fail(g, ST_SYNTAX, expr->offset,
                 "expressions prohibited in PRIMARY KEY and UNIQUE constraints");
        return -1;
    }
    for (unsigned k = 0; k < def->table->attribute_count; k++)
        if (slice_equal_nocase(def->attributes[k].name, name))
            return (int)k;
    gen_fail(g, ST_NO_COLUMN, expr->offset, "table %.*s has no column named %.*s",
             (int)def->table->name.len, def->table->name.data, (int)name.len, name.data);
    return -1;
}

static void order_of(struct gen *g, const struct table_def *def, const struct ir_order *order,
                     unsigned column, struct key_part *out)
{
    out->descending = order->descending;
    out->collation = def->attributes[column].collation;
    if (order->expr->kind == IR_COLLATE)
        (void)collation_of(g, order->expr->as.collate.name, &out->collation);
}

static void add_key_part(struct table_def *def, unsigned column, struct key_part order)
{
    struct table *table = def->table;

    for (unsigned k = 0; k < table->key_count; k++)
        if (def->keys[k] == column)
            return;
    def->keys[table->key_count] = (uint16_t)column;
    def->key_parts[table->key_count++] = order;
}

/* The primary key clusters the rows. INTEGER PRIMARY KEY is the rowid; without a primary key there
 * is a hidden one. */
static void find_key(struct gen *g, struct table_def *def)
{
    const struct ir_create_table *ir = def->ir;
    struct table *table = def->table;
    bool is_alias = false;

    for (unsigned k = 0; k < ir->column_count; k++) {
        const struct ir_column_def *column = &ir->columns[k];

        if (!column->is_primary_key)
            continue;
        if (table->key_count != 0 && !ir->is_sdl) {
            gen_fail(g, ST_SYNTAX, column->name.offset,
                     "table \"%.*s\" has more than one primary key", (int)table->name.len,
                     table->name.data);
            return;
        }
        if (table->key_count != 0)
            continue; /* the schema language: the first wins */
        add_key_part(def, k,
                     (struct key_part){def->attributes[k].collation, column->is_descending_key});
        is_alias = slice_is_nocase(column->type, "integer") && !column->is_descending_key;
        table->is_autoincrement = column->is_autoincrement;
    }
    for (size_t k = 0; k < ir->constraint_count; k++) {
        const struct ir_constraint *constraint = &ir->constraints[k];

        if (constraint->kind != IR_CONSTRAINT_PRIMARY_KEY)
            continue;
        if (table->key_count != 0) {
            gen_fail(g, ST_SYNTAX, constraint->name.offset,
                     "table \"%.*s\" has more than one primary key", (int)table->name.len,
                     table->name.data);
            return;
        }
        for (size_t part = 0; part < constraint->count; part++) {
            const int column = column_number(g, def, constraint->columns[part].expr);
            struct key_part order;

            if (column < 0)
                return;
            order_of(g, def, &constraint->columns[part], (unsigned)column, &order);
            add_key_part(def, (unsigned)column, order);
        }
        is_alias = constraint->count == 1 && table->key_count == 1 &&
                   slice_is_nocase(def->attributes[def->keys[0]].declared_type, "integer") &&
                   !ir->is_without_rowid;
        if (is_alias)
            def->key_parts[0].descending = false;
        table->is_autoincrement = constraint->is_autoincrement;
    }
    if (ir->is_sdl || ir->is_without_rowid)
        is_alias = false;
    if (table->is_autoincrement && !is_alias)
        gen_fail(g, ST_SYNTAX, -1, "AUTOINCREMENT is only allowed on an INTEGER PRIMARY KEY");
    if (ir->is_without_rowid && table->key_count == 0)
        gen_fail(g, ST_SYNTAX, -1, "PRIMARY KEY missing on table %.*s", (int)table->name.len,
                 table->name.data);
    table->has_rowid = table->key_count == 0 || is_alias;
    for (unsigned k = 0; k < table->key_count; k++)
        if (!is_alias)
            def->attributes[def->keys[k]].is_not_null = !ir->is_sdl;
}

static bool is_key(const struct table_def *def, const struct index_part *parts, unsigned count)
{
    if (count != def->table->key_count)
        return false;
    for (unsigned k = 0; k < count; k++)
        if (parts[k].attribute != def->keys[k] ||
            parts[k].order.collation != def->key_parts[k].collation)
            return false;
    return true;
}

static bool has_index(const struct table_def *def, const struct index_part *parts, unsigned count)
{
    for (unsigned k = 0; k < def->table->index_count; k++) {
        const struct index *index = &def->indexes[k];
        unsigned same = 0;

        while (same < count && index->part_count == count &&
               index->parts[same].attribute == parts[same].attribute &&
               index->parts[same].order.collation == parts[same].order.collation)
            same++;
        if (same == count && index->is_unique)
            return true;
    }
    return false;
}

static void add_unique(struct gen *g, struct table_def *def, const struct index_part *parts,
                       unsigned count, uint8_t conflict)
{
    struct table *table = def->table;
    char *name;

    if (is_key(def, parts, count) || has_index(def, parts, count))
        return;
    name = arena_printf(builder_arena(g->builder), "sqlite_autoindex_%.*s_%u", (int)table->name.len,
                        table->name.data, ++def->automatic);
    if (name == NULL)
        return;
    def->indexes[table->index_count++] = (struct index){.name = slice_text(name),
                                                        .part_count = (uint16_t)count,
                                                        .is_unique = true,
                                                        .origin = INDEX_UNIQUE,
                                                        .on_conflict = conflict,
                                                        .parts = parts};
}

static void add_attribute_index(struct gen *g, struct table_def *def, unsigned column)
{
    struct table *table = def->table;
    struct index_part *part = gen_p4(g, sizeof(*part));
    char *name =
        arena_printf(builder_arena(g->builder), "%.*s/%.*s", (int)table->name.len, table->name.data,
                     (int)def->attributes[column].name.len, def->attributes[column].name.data);

    if (part == NULL || name == NULL)
        return;
    part->attribute = (uint16_t)column;
    part->order.collation = def->attributes[column].collation;
    def->indexes[table->index_count++] = (struct index){.name = slice_text(name),
                                                        .part_count = 1,
                                                        .is_multi_valued = true,
                                                        .origin = INDEX_ATTRIBUTE,
                                                        .parts = part};
}

static void find_indexes(struct gen *g, struct table_def *def)
{
    const struct ir_create_table *ir = def->ir;

    for (unsigned k = 0; k < ir->column_count; k++) {
        struct index_part *part;

        if (ir->columns[k].is_unique) {
            part = gen_p4(g, sizeof(*part));
            if (part == NULL)
                return;
            part->attribute = (uint16_t)k;
            part->order.collation = def->attributes[k].collation;
            add_unique(g, def, part, 1, ir->columns[k].unique_conflict);
        }
        if (ir->columns[k].is_indexed && def->attributes[k].type != TYPE_RELATIONSHIP &&
            !(def->table->key_count == 1 && def->keys[0] == k))
            add_attribute_index(g, def, k);
    }
    for (size_t k = 0; k < ir->constraint_count; k++) {
        const struct ir_constraint *constraint = &ir->constraints[k];
        struct index_part *parts;

        if (constraint->kind != IR_CONSTRAINT_UNIQUE)
            continue;
        parts = gen_p4(g, constraint->count * sizeof(*parts));
        for (size_t part = 0; parts != NULL && part < constraint->count; part++) {
            const int column = column_number(g, def, constraint->columns[part].expr);

            if (column < 0)
                return;
            parts[part].attribute = (uint16_t)column;
            order_of(g, def, &constraint->columns[part], (unsigned)column, &parts[part].order);
        }
        if (parts != NULL)
            add_unique(g, def, parts, (unsigned)constraint->count, constraint->conflict);
    }
}

static struct slice *copy_names(struct gen *g, const struct ir_name *names, size_t count)
{
    struct slice *copy = gen_p4(g, (count + 1) * sizeof(*copy));

    for (size_t k = 0; copy != NULL && k < count; k++)
        copy[k] = gen_p4_slice(g, names[k].text);
    return copy;
}

static void find_constraints(struct gen *g, struct table_def *def)
{
    const struct ir_create_table *ir = def->ir;
    struct check *checks = gen_p4(g, (ir->constraint_count + 1) * sizeof(*checks));
    struct foreign_key *keys = gen_p4(g, (ir->constraint_count + 1) * sizeof(*keys));

    if (checks == NULL || keys == NULL)
        return;
    for (size_t k = 0; k < ir->constraint_count; k++) {
        const struct ir_constraint *constraint = &ir->constraints[k];
        const struct ir_foreign_key *foreign = &constraint->foreign_key;

        if (constraint->kind == IR_CONSTRAINT_CHECK) {
            checks[def->table->check_count++] =
                (struct check){.name = gen_p4_slice(g, constraint->name.text),
                               .sql = gen_p4_slice(g, constraint->check_text)};
        } else if (constraint->kind == IR_CONSTRAINT_FOREIGN_KEY) {
            keys[def->table->foreign_key_count++] = (struct foreign_key){
                .name = gen_p4_slice(g, foreign->name.text.len != 0 ? foreign->name.text
                                                                    : constraint->name.text),
                .parent = gen_p4_slice(g, foreign->parent.text),
                .count = (uint16_t)foreign->count,
                .child_columns = copy_names(g, foreign->columns, foreign->count),
                .parent_columns =
                    foreign->parent_count == 0
                        ? NULL
                        : copy_names(g, foreign->parent_columns, foreign->parent_count),
                .on_delete = foreign->on_delete,
                .on_update = foreign->on_update,
                .is_deferred = foreign->is_deferred};
        }
    }
    def->table->checks = checks;
    def->table->foreign_keys = keys;
}

static void check_duplicates(struct gen *g, const struct table_def *def)
{
    for (unsigned k = 0; k < def->table->attribute_count; k++)
        for (unsigned other = 0; other < k; other++)
            if (def->table->is_case_sensitive
                    ? slice_equal(def->attributes[k].name, def->attributes[other].name)
                    : slice_equal_nocase(def->attributes[k].name, def->attributes[other].name)) {
                gen_fail(g, ST_CONSTRAINT, -1, "duplicate column name: %.*s",
                         (int)def->attributes[k].name.len, def->attributes[k].name.data);
                return;
            }
}

/* STRICT tables know six types. */
static void check_strict(struct gen *g, const struct table_def *def)
{
    static const char *const types[] = {"int", "integer", "real", "text", "blob", "any"};

    for (unsigned k = 0; def->table->is_strict && k < def->table->attribute_count; k++) {
        const struct attribute *attribute = &def->attributes[k];
        bool found = false;

        for (size_t type = 0; type < COUNT_OF(types); type++)
            found |= slice_is_nocase(attribute->declared_type, types[type]);
        if (attribute->declared_type.len == 0)
            gen_fail(g, ST_CONSTRAINT, -1, "missing datatype for %.*s.%.*s",
                     (int)def->table->name.len, def->table->name.data, (int)attribute->name.len,
                     attribute->name.data);
        else if (!found)
            gen_fail(g, ST_CONSTRAINT, -1, "unknown datatype for %.*s.%.*s: \"%.*s\"",
                     (int)def->table->name.len, def->table->name.data, (int)attribute->name.len,
                     attribute->name.data, (int)attribute->declared_type.len,
                     attribute->declared_type.data);
        if (slice_is_nocase(attribute->declared_type, "any"))
            def->attributes[k].affinity = AFFINITY_NONE;
    }
}

static unsigned index_room(const struct ir_create_table *ir)
{
    return (unsigned)(ir->column_count * 2 + ir->constraint_count + 1);
}

/* CREATE TABLE … AS: the query's columns, with the affinity they have there. */
static void columns_of_query(struct gen *g, struct table_def *def, const struct plan_query *query)
{
    static const char *const types[] = {"", "TEXT", "NUM", "INT", "REAL"};

    def->table->attribute_count = (uint16_t)query->output_count;
    for (size_t k = 0; k < query->output_count; k++) {
        const uint8_t affinity =
            query->output_affinities == NULL ? AFFINITY_NONE : query->output_affinities[k];
        const bool is_known = affinity < COUNT_OF(types);

        def->attributes[k] =
            (struct attribute){.name = gen_p4_slice(g, query->output_names[k]),
                               .declared_type = slice_text(is_known ? types[affinity] : ""),
                               .affinity = is_known ? affinity : AFFINITY_NONE};
    }
}

/* A table without declared columns has a key of any type called id, as the tables of Harper's
 * operations have. */
static void describe_dynamic_key(struct table_def *def)
{
    def->attributes[0] = (struct attribute){.name = slice_text("id"), .is_not_null = true};
    def->keys[0] = 0;
    def->key_parts[0] = (struct key_part){0};
    def->table->attribute_count = 1;
    def->table->key_count = 1;
}

static struct table *define_table(struct gen *g, const struct ir_create_table *ir,
                                  const struct plan_query *query)
{
    const size_t columns = query != NULL ? query->output_count : ir->column_count;
    struct table_def def = {.ir = ir, .table = gen_p4(g, sizeof(*def.table))};
    struct table *table = def.table;

    def.attributes = gen_p4(g, (columns + 1) * sizeof(*def.attributes));
    def.keys = gen_p4(g, (columns + 1) * sizeof(*def.keys));
    def.key_parts = gen_p4(g, (columns + 1) * sizeof(*def.key_parts));
    def.indexes = gen_p4(g, index_room(ir) * sizeof(*def.indexes));
    if (table == NULL || builder_failed(g->builder) || def.attributes == NULL || def.keys == NULL ||
        def.key_parts == NULL || def.indexes == NULL)
        return NULL;
    if (columns > RECORD_COLUMNS_MAX) {
        gen_fail(g, ST_LIMIT, -1, "too many columns on %.*s", (int)ir->name.text.len,
                 ir->name.text.data);
        return NULL;
    }
    *table = (struct table){.name = gen_p4_slice(g, ir->name.text),
                            .attribute_count = (uint16_t)columns,
                            .is_dynamic = ir->is_dynamic,
                            .is_sealed = ir->is_sealed,
                            .is_strict = ir->is_strict,
                            .is_case_sensitive = ir->is_sdl || ir->is_dynamic,
                            .is_made_by_sdl = ir->is_sdl,
                            .is_exported = ir->is_exported,
                            .is_audited = ir->is_audited,
                            .is_hidden = ir->is_hidden,
                            .hidden_protocols = ir->hidden_protocols,
                            .attributes = def.attributes,
                            .key_attributes = def.keys,
                            .key_parts = def.key_parts,
                            .indexes = def.indexes,
                            .export_path = gen_p4_slice(g, ir->export_path),
                            .expiration_s = ir->expiration_s,
                            .eviction_s = ir->eviction_s,
                            .scan_interval_s = ir->scan_interval_s,
                            .sql = gen_p4_slice(g, ir->sql),
                            .description = gen_p4_slice(g, ir->description)};
    if (query != NULL)
        columns_of_query(g, &def, query);
    for (size_t k = 0; query == NULL && k < columns; k++)
        if (!describe_column(g, &ir->columns[k], ir->is_sdl, &def.attributes[k]))
            return NULL;
    if (ir->is_dynamic && columns == 0) {
        describe_dynamic_key(&def);
    } else {
        check_duplicates(g, &def);
        check_strict(g, &def);
        find_key(g, &def);
    }
    find_indexes(g, &def);
    find_constraints(g, &def);
    return gen_failed(g) ? NULL : table;
}

/* ---- instructions ---- */

static void gen_spec(struct gen *g, struct schema_spec *spec, const char *what, struct slice name,
                     int32_t done)
{
    char *text = arena_printf(builder_arena(g->builder), "%s %.*s", what, (int)name.len, name.data);

    if (spec == NULL || text == NULL)
        return;
    spec->text = slice_text(text);
    spec->database = g->plan->database;
    builder_flags(g->builder, true, true, false, g->plan->database);
    gen_emit_n(g, OP_SCHEMA, 1, done, 0, 0, spec);
    gen_note(g, spec->text);
}

struct fill {
    uint32_t table;
    int32_t row, never;
    struct write_spec *spec;
};

static void sink_fill(struct gen *g, struct gen_sink *sink, int32_t base)
{
    const struct fill *fill = sink->context;

    gen_emit_n(g, OP_COPY_N, sink->count, base, fill->row, 0, NULL);
    gen_emit_n(g, OP_KEEP, sink->count, fill->row, 0, 0, NULL);
    gen_emit(g, OP_NEW_ROWID, (int32_t)fill->table, fill->row + (int32_t)sink->count, 0);
    gen_emit_n(g, OP_INSERT, sink->count + 1, (int32_t)fill->table, fill->row, fill->never,
               fill->spec);
}

/* Rows of CREATE TABLE … AS go into a table that is there only when the program runs. */
static void gen_fill(struct gen *g, const struct plan_query *query, uint32_t table)
{
    uint16_t *attributes = gen_p4(g, (query->output_count + 1) * sizeof(*attributes));
    struct fill fill = {.table = table,
                        .row = gen_register(g, (unsigned)query->output_count + 1),
                        .never = gen_label(g),
                        .spec = gen_p4(g, sizeof(*fill.spec))};
    struct gen_sink sink = {.row = sink_fill,
                            .context = &fill,
                            .base = NO_REGISTER,
                            .count = (unsigned)query->output_count};

    if (attributes == NULL || fill.spec == NULL)
        return;
    for (size_t k = 0; k < query->output_count; k++)
        attributes[k] = (uint16_t)k;
    *fill.spec = (struct write_spec){.kind = WRITE_INSERT,
                                     .has_rowid = true,
                                     .is_declared = true,
                                     .count = (uint16_t)query->output_count,
                                     .attributes = attributes,
                                     .table = table};
    gen_query(g, query, &sink);
    gen_place(g, fill.never);
}

static void gen_create_table(struct gen *g, const struct ir_create_table *ir)
{
    struct schema_spec *spec = gen_p4(g, sizeof(*spec));
    const struct plan_query *query = ir->as_query != NULL ? g->plan->query : NULL;
    const int32_t done = gen_label(g);

    if (spec == NULL)
        return;
    spec->kind = ir->is_sdl ? SCHEMA_MERGE_TABLE : SCHEMA_CREATE_TABLE;
    spec->drops_missing = ir->drops_missing;
    spec->is_lenient = ir->if_not_exists;
    spec->definition = define_table(g, ir, query);
    spec->made = TABLE_NEW;
    if (query != NULL)
        spec->made = (int32_t)builder_new_table(g->builder, g->plan->database, ir->name.text);
    gen_spec(g, spec, "create table", ir->name.text, done);
    if (query != NULL && !gen_failed(g))
        gen_fill(g, query, (uint32_t)spec->made);
    gen_place(g, done);
}

static void gen_create_index(struct gen *g, const struct ir_create_index *ir)
{
    struct schema_spec *spec = gen_p4(g, sizeof(*spec));
    struct index *index = gen_p4(g, sizeof(*index));
    struct index_part *parts = gen_p4(g, (ir->count + 1) * sizeof(*parts));
    struct slice *columns = gen_p4(g, (ir->count + 1) * sizeof(*columns));
    bool *takes = gen_p4(g, (ir->count + 1) * sizeof(*takes));
    const int32_t done = gen_label(g);

    if (spec == NULL || index == NULL || parts == NULL || columns == NULL || takes == NULL)
        return;
    for (size_t k = 0; k < ir->count; k++) {
        const struct ir_expr *expr = ir->columns[k].expr;

        takes[k] = expr->kind != IR_COLLATE;
        if (!takes[k]) {
            if (!collation_of(g, expr->as.collate.name, &parts[k].order.collation))
                return;
            expr = expr->as.collate.operand;
        }
        parts[k].order.descending = ir->columns[k].descending;
        if (expr->kind == IR_COLUMN && expr->as.column.part_count == 1)
            columns[k] = gen_p4_slice(g, expr->as.column.parts[0].text);
        else
            parts[k].expression_sql =
                ir->column_texts == NULL ? slice_empty() : gen_p4_slice(g, ir->column_texts[k]);
    }
    *index = (struct index){.name = gen_p4_slice(g, ir->name.text),
                            .where_sql = gen_p4_slice(g, ir->where_text),
                            .sql = gen_p4_slice(g, ir->sql),
                            .part_count = (uint16_t)ir->count,
                            .is_unique = ir->is_unique,
                            .origin = INDEX_CREATED,
                            .parts = parts};
    spec->kind = SCHEMA_CREATE_INDEX;
    spec->is_lenient = ir->if_not_exists;
    spec->table = gen_p4_slice(g, ir->table.text);
    spec->index = index;
    spec->index_columns = columns;
    spec->index_takes_collation = takes;
    gen_spec(g, spec, "create index", ir->name.text, done);
    gen_place(g, done);
}

static void gen_put_object(struct gen *g, uint8_t kind, struct slice name, struct slice table,
                           struct slice sql, bool is_lenient)
{
    static const char *const what[] = {[OBJECT_VIEW] = "create view",
                                       [OBJECT_TRIGGER] = "create trigger",
                                       [OBJECT_SDL_TYPE] = "put type"};
    struct schema_spec *spec = gen_p4(g, sizeof(*spec));
    const int32_t done = gen_label(g);

    if (spec == NULL)
        return;
    spec->kind = SCHEMA_PUT_OBJECT;
    spec->object_kind = kind;
    spec->is_lenient = is_lenient;
    spec->name = gen_p4_slice(g, name);
    spec->table = gen_p4_slice(g, table);
    spec->sql = gen_p4_slice(g, sql);
    gen_spec(g, spec, what[kind], name, done);
    gen_place(g, done);
}

static void gen_drop(struct gen *g, const struct ir_drop *ir)
{
    static const char *const what[] = {"drop table", "drop index", "drop view", "drop trigger"};
    struct schema_spec *spec = gen_p4(g, sizeof(*spec));
    const int32_t done = gen_label(g);

    if (spec == NULL)
        return;
    spec->is_lenient = ir->if_exists;
    spec->name = spec->table = gen_p4_slice(g, ir->name.text);
    switch ((enum ir_object_kind)ir->kind) {
    case IR_OBJECT_TABLE:
        spec->kind = SCHEMA_DROP_TABLE;
        break;
    case IR_OBJECT_INDEX:
        spec->kind = SCHEMA_DROP_INDEX;
        break;
    case IR_OBJECT_VIEW:
        spec->kind = SCHEMA_DROP_OBJECT;
        spec->object_kind = OBJECT_VIEW;
        break;
    case IR_OBJECT_TRIGGER:
        spec->kind = SCHEMA_DROP_OBJECT;
        spec->object_kind = OBJECT_TRIGGER;
        break;
    }
    gen_spec(g, spec, what[ir->kind], ir->name.text, done);
    gen_place(g, done);
}

/* A bare word (PRAGMA x = on, ATTACH … AS name) is its text. */
static void gen_argument(struct gen *g, const struct ir_expr *expr, int32_t at)
{
    if (expr->kind == IR_COLUMN && expr->as.column.source == NULL)
        gen_emit(g, OP_COPY, gen_literal(g, value_text(expr->as.column.parts[0].text)), at, 0);
    else
        gen_expr(g, expr, at);
}

static void gen_alter(struct gen *g, const struct ir_alter *ir)
{
    static const char *const what[] = {"rename table", "rename column of", "add column to",
                                       "drop column of"};
    static const uint8_t kinds[] = {[IR_ALTER_RENAME_TABLE] = SCHEMA_RENAME_TABLE,
                                    [IR_ALTER_RENAME_COLUMN] = SCHEMA_RENAME_COLUMN,
                                    [IR_ALTER_ADD_COLUMN] = SCHEMA_ADD_COLUMN,
                                    [IR_ALTER_DROP_COLUMN] = SCHEMA_DROP_COLUMN};
    struct schema_spec *spec = gen_p4(g, sizeof(*spec));
    const int32_t done = gen_label(g);

    if (spec == NULL)
        return;
    spec->kind = kinds[ir->kind];
    spec->table = gen_p4_slice(g, ir->table.text);
    spec->column = gen_p4_slice(g, ir->column.text);
    spec->name = gen_p4_slice(g, ir->new_name.text);
    if (ir->kind == IR_ALTER_ADD_COLUMN) {
        struct attribute *attribute = gen_p4(g, sizeof(*attribute));

        if (attribute == NULL || !describe_column(g, ir->definition, false, attribute))
            return;
        if (ir->definition->is_primary_key)
            gen_fail(g, ST_CONSTRAINT, -1, "Cannot add a PRIMARY KEY column");
        if (ir->definition->is_unique)
            gen_fail(g, ST_CONSTRAINT, -1, "Cannot add a UNIQUE column");
        if (attribute->generated == GENERATED_STORED)
            gen_fail(g, ST_CONSTRAINT, -1, "cannot add a STORED column");
        spec->attribute = attribute;
        spec->is_indexed = ir->definition->is_indexed;
        spec->needs_empty_table = attribute->is_not_null && attribute->default_sql.len == 0 &&
                                  attribute->generated == GENERATED_NO;
    }
    gen_spec(g, spec, what[ir->kind], ir->table.text, done);
    if (ir->kind == IR_ALTER_ADD_COLUMN && ir->definition->default_expr != NULL) {
        const int32_t at = gen_register(g, 1);

        gen_argument(g, ir->definition->default_expr, at);
        gen_emit_n(g, OP_FILL_COLUMN, 1, at, 0, 0, spec);
        gen_note(g, ir->definition->name.text);
    }
    gen_place(g, done);
}

/* ---- control: the host gets a copy of the node ---- */

static struct ir_name copy_name(struct gen *g, struct ir_name name)
{
    return (struct ir_name){gen_p4_slice(g, name.text), name.offset};
}

static void *copy_node(struct gen *g, const void *node, size_t bytes)
{
    void *copy = gen_p4(g, bytes);

    if (copy != NULL)
        memcpy(copy, node, bytes);
    return copy;
}

static const struct ir_statement *copy_statement(struct gen *g, const struct ir_statement *from,
                                                 const struct ir_expr **args, unsigned *count)
{
    struct ir_statement *copy = gen_p4(g, sizeof(*copy));

    *count = 0;
    if (copy == NULL)
        return NULL;
    copy->kind = from->kind;
    copy->text = gen_p4_slice(g, from->text);
    if (from->kind == IR_TRANSACTION) {
        copy->as.transaction = copy_node(g, from->as.transaction, sizeof(*from->as.transaction));
        if (copy->as.transaction != NULL)
            copy->as.transaction->savepoint = copy_name(g, from->as.transaction->savepoint);
    } else if (from->kind == IR_PRAGMA) {
        copy->as.pragma = copy_node(g, from->as.pragma, sizeof(*from->as.pragma));
        if (copy->as.pragma == NULL)
            return NULL;
        copy->as.pragma->database = copy_name(g, from->as.pragma->database);
        copy->as.pragma->name = copy_name(g, from->as.pragma->name);
        copy->as.pragma->value = NULL; /* its value is an argument */
        if (from->as.pragma->value != NULL)
            args[(*count)++] = from->as.pragma->value;
    } else if (from->kind == IR_MAINTAIN) {
        copy->as.maintain = copy_node(g, from->as.maintain, sizeof(*from->as.maintain));
        if (copy->as.maintain == NULL)
            return NULL;
        copy->as.maintain->database = copy_name(g, from->as.maintain->database);
        copy->as.maintain->name = copy_name(g, from->as.maintain->name);
        copy->as.maintain->into = NULL;
        if (from->as.maintain->into != NULL)
            args[(*count)++] = from->as.maintain->into;
    } else if (from->kind == IR_ATTACH) {
        copy->as.attach = copy_node(g, from->as.attach, sizeof(*from->as.attach));
        if (copy->as.attach == NULL)
            return NULL;
        copy->as.attach->path = copy->as.attach->name = NULL;
        if (from->as.attach->path != NULL && !from->as.attach->is_detach)
            args[(*count)++] = from->as.attach->path;
        if (from->as.attach->name != NULL)
            args[(*count)++] = from->as.attach->name;
    }
    return copy;
}

static void gen_control(struct gen *g, const struct ir_statement *ir)
{
    const struct object_spec rows = {.type = OBJECT_ROWS};
    const uint32_t object = gen_object(g, &rows);
    const struct object_spec reader_spec = {.type = OBJECT_READER, .target = object};
    const int32_t reader = (int32_t)gen_object(g, &reader_spec), top = gen_label(g),
                  done = gen_label(g), args_at = gen_register(g, 2),
                  base = gen_register(g, CONTROL_COLUMNS_MAX);
    struct control_spec *spec = gen_p4(g, sizeof(*spec));
    const struct ir_expr *args[2];
    unsigned count;

    if (spec == NULL)
        return;
    builder_flags(g->builder, false, false, true, g->plan->database);
    spec->statement = copy_statement(g, ir, args, &count);
    spec->argument_count = (uint16_t)count;
    spec->text = gen_p4_slice(g, ir->text);
    for (unsigned k = 0; k < count; k++)
        gen_argument(g, args[k], args_at + (int32_t)k);
    gen_emit_n(g, OP_CONTROL, count, args_at, (int32_t)object, 0, spec);
    gen_note(g, spec->text);
    gen_emit(g, OP_READ_FIRST, reader, 0, 0);
    gen_place(g, top);
    gen_emit_n(g, OP_READ_NEXT, CONTROL_COLUMNS_MAX, reader, base, done, NULL);
    gen_emit_n(g, OP_ROW, 0, base, 0, 0, NULL); /* as wide as the host described */
    gen_emit(g, OP_GOTO, top, 0, 0);
    gen_place(g, done);
}

void gen_statement_ir(struct gen *g, const struct ir_statement *ir)
{
    switch ((enum ir_statement_kind)ir->kind) {
    case IR_CREATE_TABLE:
        if (ir->as.create_table->is_nested_type)
            gen_put_object(g, OBJECT_SDL_TYPE, ir->as.create_table->name.text, slice_empty(),
                           ir->as.create_table->sql, true);
        else
            gen_create_table(g, ir->as.create_table);
        break;
    case IR_CREATE_INDEX:
        gen_create_index(g, ir->as.create_index);
        break;
    case IR_CREATE_VIEW:
        gen_put_object(g, OBJECT_VIEW, ir->as.create_view->name.text, slice_empty(),
                       ir->as.create_view->sql, ir->as.create_view->if_not_exists);
        break;
    case IR_CREATE_TRIGGER:
        gen_put_object(g, OBJECT_TRIGGER, ir->as.create_trigger->name.text,
                       ir->as.create_trigger->table.text, ir->as.create_trigger->sql,
                       ir->as.create_trigger->if_not_exists);
        break;
    case IR_DROP:
        gen_drop(g, ir->as.drop);
        break;
    case IR_ALTER:
        gen_alter(g, ir->as.alter);
        break;
    case IR_TRANSACTION:
    case IR_PRAGMA:
    case IR_MAINTAIN:
    case IR_ATTACH:
        gen_control(g, ir);
        break;
    case IR_QUERY:
    case IR_INSERT:
    case IR_UPDATE:
    case IR_DELETE:
    case IR_WRITE_DOCUMENTS:
    case IR_STATEMENT_KIND_COUNT:
        gen_fail(g, ST_INTERNAL, -1, "a statement of kind %u was not planned", ir->kind);
        break;
    }
    gen_emit(g, OP_HALT, 0, 0, 0);
}
