/* index_key: which entries a row has in an index. The one place that knows; writing, building and
 * checking ask here. */
#include "storage/table/table_internal.h"
#include <assert.h>
#include <stdlib.h>

void index_keys_free(struct index_keys *keys)
{
    buf_free(&keys->bytes);
    buf_free(&keys->keys);
}

struct value row_view_attribute(const struct table *table, const struct row_view *view,
                                uint16_t attribute)
{
    unsigned column, part = version_of(table)->key_part_of_attribute[attribute];

    if (part != 0xff && keycode_is_exact(table->key_parts[part]))
        return view->key_values[part];
    column = attribute < view->shape->attribute_count ? view->shape->position_of[attribute]
                                                      : ATTRIBUTE_NONE;
    if (column == ATTRIBUTE_NONE)
        return value_absent();
    return view->values != NULL ? view->values[column] : record_column(view->record, column);
}

static enum status evaluate(struct txn *txn, const struct table *table, struct slice sql,
                            const struct row_view *view, struct value *out, struct error *err)
{
    const struct db_evaluator *evaluator = &txn->db->evaluator;

    if (evaluator->evaluate == NULL)
        return error_set(err, ST_INTERNAL, -1, "no evaluator for the expressions of table %.*s",
                         (int)table->name.len, table->name.data);
    assert(view->record != NULL);
    return evaluator->evaluate(evaluator->context, table, sql, view->record, &txn->scratch, out,
                               err);
}

static enum status part_value(struct txn *txn, const struct table *table,
                              const struct index_part *part, const struct row_view *view,
                              struct value *out, struct error *err)
{
    if (part->attribute == ATTRIBUTE_NONE)
        return evaluate(txn, table, part->expression_sql, view, out, err);
    *out = row_view_attribute(table, view, part->attribute);
    return ST_OK;
}

static void append_primary_key(const struct table *table, const struct row_view *view,
                               struct keycode *code)
{
    unsigned count = table->key_count == 0 ? 1 : table->key_count;

    for (unsigned k = 0; k < count; k++) {
        struct value v = view->key_values[k];

        /* A folded part was decoded from the key folded, and folds to itself again. */
        keycode_append(code, v, table->key_parts[k]);
    }
}

static enum status add_entry(const struct table *table, const struct index *index,
                             const struct row_view *view, const struct value *parts,
                             struct index_keys *out)
{
    struct keycode code;
    struct index_key key = {.start = out->bytes.len};

    keycode_begin(&code, &out->bytes);
    for (unsigned k = 0; k < index->part_count; k++) {
        keycode_append(&code, parts[k], index->parts[k].order);
        key.has_null |= value_is_null(parts[k]);
    }
    key.parts_len = out->bytes.len - key.start;
    append_primary_key(table, view, &code);
    keycode_finish(&code);
    key.len = out->bytes.len - key.start;
    buf_append(&out->keys, &key, sizeof(key));
    out->count++;
    return out->bytes.failed || out->keys.failed ? ST_NO_MEMORY : ST_OK;
}

/* Objects and bytes are no search terms of a document's attribute, nor are arrays within an array.
 */
static bool is_term(struct value v)
{
    return v.kind != VALUE_ABSENT && v.kind < VALUE_BYTES;
}

static int order_keys(const void *a, const void *b, void *bytes)
{
    const struct index_key *left = a, *right = b;
    const char *data = bytes;

    return slice_compare(slice_of(data + left->start, left->len),
                         slice_of(data + right->start, right->len));
}

static void sort_unique(struct index_keys *keys)
{
    struct index_key *key = (struct index_key *)(void *)keys->keys.data;
    size_t kept = 1;

    if (keys->count < 2)
        return;
    qsort_r(key, keys->count, sizeof(*key), order_keys, keys->bytes.data);
    for (size_t i = 1; i < keys->count; i++)
        if (order_keys(&key[kept - 1], &key[i], keys->bytes.data) != 0)
            key[kept++] = key[i];
    keys->count = kept;
    keys->keys.len = kept * sizeof(*key);
}

static enum status add_elements(const struct table *table, const struct index *index,
                                const struct row_view *view, struct value array,
                                struct index_keys *out)
{
    size_t count = document_count(array);

    for (size_t i = 0; i < count; i++) {
        struct value element = document_element(array, i);

        if (is_term(element))
            TRY(add_entry(table, index, view, &element, out));
    }
    sort_unique(out);
    return ST_OK;
}

enum status index_keys_of(struct txn *txn, const struct table *table, unsigned at,
                          const struct row_view *view, struct index_keys *out, struct error *err)
{
    const struct index *index = &table->indexes[at];
    struct value parts[KEY_PARTS_MAX];

    buf_clear(&out->bytes);
    buf_clear(&out->keys);
    out->count = 0;
    if (index->where_sql.len != 0) {
        TRY(evaluate(txn, table, index->where_sql, view, &parts[0], err));
        if (value_truth(parts[0]) != 1)
            return ST_OK;
    }
    for (unsigned k = 0; k < index->part_count; k++)
        TRY(part_value(txn, table, &index->parts[k], view, &parts[k], err));
    if (!index->is_multi_valued)
        return add_entry(table, index, view, parts, out);
    if (index->part_count == 1 && parts[0].kind == VALUE_ARRAY)
        return add_elements(table, index, view, parts[0], out);
    return is_term(parts[0]) ? add_entry(table, index, view, parts, out) : ST_OK;
}
