/*
 * nested_types: the object types that a written table's attributes refer to, read from the catalog
 * so that what is written can be compared with them.
 */
#include "vdbe/plan/plan_internal.h"

static bool is_known(const struct plan_statement *plan, struct slice name)
{
    for (size_t k = 0; k < plan->nested_type_count; k++)
        if (slice_equal(plan->nested_types[k]->name.text, name))
            return true;
    return false;
}

/* A type that no file has defined yet takes any object. */
static enum status add_type(struct planner *p, const struct catalog *catalog, struct slice name)
{
    const struct plan_parsers *parsers = &p->options->parsers;
    const struct catalog_object *object = catalog_object(catalog, OBJECT_SDL_TYPE, name);
    struct ir_create_table *type = NULL;

    if (object == NULL || !slice_equal(object->name, name) || parsers->parse_type == NULL ||
        is_known(p->out, name))
        return ST_OK;
    TRY(parsers->parse_type(parsers->context, object->sql, p->arena, &type, p->err));
    p->out->nested_types[p->out->nested_type_count++] = type;
    return ST_OK;
}

enum status nested_types_find(struct planner *p, const struct table *table, unsigned database)
{
    const struct catalog *catalog;
    bool has_any = false;

    for (unsigned k = 0; k < table->attribute_count; k++)
        has_any |= table->attributes[k].nested_type.len != 0;
    if (!has_any || p->databases->refs[database].txn == NULL)
        return ST_OK;
    catalog = txn_catalog(p->databases->refs[database].txn);
    p->out->nested_types =
        ARENA_NEW_ARRAY(p->arena, struct ir_create_table *, catalog->object_count + 1);
    if (p->out->nested_types == NULL)
        return no_memory(p);
    for (unsigned k = 0; k < table->attribute_count; k++)
        if (!table->attributes[k].is_dropped && table->attributes[k].nested_type.len != 0)
            TRY(add_type(p, catalog, table->attributes[k].nested_type));
    for (size_t t = 0; t < p->out->nested_type_count; t++)
        for (size_t c = 0; c < p->out->nested_types[t]->column_count; c++)
            TRY(add_type(p, catalog, p->out->nested_types[t]->columns[c].type));
    return ST_OK;
}
