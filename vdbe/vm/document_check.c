/* The sentences are part of the interface: tests of the REST interface compare them literally. */
#include "vdbe/vm/document_check.h"
#include <stdio.h>

static const int64_t long_max = 9007199254740992; /* 2^53, itself allowed */

static struct buf *begin_problem(struct document_check *check)
{
    if (check->problems.len != 0)
        buf_append_text(&check->problems, ". ");
    return &check->problems;
}

void document_check_required(struct document_check *check, const struct attribute *attribute,
                             struct value v)
{
    struct buf *out;

    if (!attribute->is_not_null || !value_is_null(v))
        return;
    out = begin_problem(check);
    buf_append_text(out, "Property ");
    buf_append_slice(out, attribute->name);
    buf_append_text(out, " is required (and not does not allow null values)");
}

void document_check_unknown(struct document_check *check, struct slice name)
{
    struct buf *out = begin_problem(check);

    buf_append_text(out, "Property ");
    buf_append_slice(out, name);
    buf_append_text(out, " is not allowed");
}

static void wrong_type(struct document_check *check, struct slice path, struct value v,
                       const char *expected)
{
    struct buf *out = begin_problem(check);

    buf_append_text(out, "Value ");
    json_write(out, v);
    buf_append_text(out, " in property ");
    buf_append_slice(out, path);
    buf_append_text(out, " must be ");
    buf_append_text(out, expected);
}

bool document_is_increment(struct value v, struct value *amount)
{
    struct value op;

    if (v.kind != VALUE_OBJECT || (v.flags & VALUE_IS_RECORD) != 0)
        return false;
    op = document_member(v, slice_text("__op__"));
    if (op.kind != VALUE_TEXT || !slice_is(value_slice(op), "add"))
        return false;
    *amount = document_member(v, slice_text("value"));
    return true;
}

/* ---- conversions ---- */

static bool is_whole(struct value v, int64_t *out)
{
    if (v.kind == VALUE_INT) {
        *out = v.as.i;
        return true;
    }
    if (v.kind != VALUE_REAL || v.as.d < -9223372036854775808.0 || v.as.d >= 9223372036854775808.0)
        return false;
    *out = (int64_t)v.as.d;
    return (double)*out == v.as.d;
}

static bool take_integer(struct value *v, int64_t least, int64_t greatest)
{
    int64_t i;

    if (!is_whole(*v, &i) || i < least || i > greatest)
        return false;
    *v = value_int(i);
    return true;
}

static bool take_date(struct value *v)
{
    int64_t ms;

    if (v->kind == VALUE_DATE)
        return true;
    if (v->kind == VALUE_TEXT) {
        if (!date_parse_iso(value_slice(*v), &ms))
            return false;
    } else if (v->kind == VALUE_REAL) {
        if (!(v->as.d > -8.64e15 && v->as.d < 8.64e15))
            return false;
        ms = (int64_t)v->as.d;
    } else if (v->kind == VALUE_INT) {
        ms = v->as.i;
    } else {
        return false;
    }
    *v = value_date(ms);
    return true;
}

/* {"type": "Buffer", "data": [bytes]} */
static bool take_buffer(struct document_check *check, struct value *v)
{
    struct value type, data;
    size_t count;
    char *room;

    if (v->kind != VALUE_OBJECT)
        return false;
    type = document_member(*v, slice_text("type"));
    data = document_member(*v, slice_text("data"));
    if (type.kind != VALUE_TEXT || !slice_is(value_slice(type), "Buffer") ||
        data.kind != VALUE_ARRAY)
        return false;
    count = document_count(data);
    room = arena_alloc(check->arena, count);
    for (size_t k = 0; room != NULL && k < count; k++) {
        struct value byte = document_element(data, k);

        if (byte.kind != VALUE_INT || byte.as.i < 0 || byte.as.i > 255)
            return false;
        room[k] = (char)byte.as.i;
    }
    *v = value_bytes(slice_of(room, count));
    return room != NULL;
}

static bool take_bytes(struct document_check *check, struct value *v)
{
    if (v->kind == VALUE_TEXT)
        *v = value_bytes(value_slice(*v));
    return v->kind == VALUE_BYTES || take_buffer(check, v);
}

static bool take_bigint(struct value *v)
{
    struct value number;

    if (v->kind == VALUE_TEXT) {
        const enum number_text kind = number_parse(value_slice(*v), &number);
        const struct slice text = value_slice(*v);

        if (kind == NUMBER_INT) {
            *v = number;
            return true;
        }
        /* Beyond 64 bits the digits stay text, which is exact. */
        for (size_t k = 0; k < text.len; k++)
            if (!(text.data[k] >= '0' && text.data[k] <= '9') &&
                !(k == 0 && text.len > 1 && text.data[k] == '-'))
                return false;
        return text.len != 0;
    }
    return take_integer(v, INT64_MIN, INT64_MAX);
}

static bool is_id(struct value v)
{
    if (v.kind == VALUE_ARRAY) {
        for (size_t k = 0; k < document_count(v); k++)
            if (document_element(v, k).kind != VALUE_TEXT)
                return false;
        return document_count(v) != 0;
    }
    return v.kind == VALUE_TEXT;
}

/* ---- one value ---- */

static bool is_key_attribute(const struct table *table, uint16_t id)
{
    for (uint16_t k = 0; k < table->key_count; k++)
        if (table->key_attributes[k] == id)
            return true;
    return false;
}

/* The name of what was expected, or NULL when *v suits and was converted. */
static const char *take_scalar(struct document_check *check, const struct attribute *attribute,
                               struct value *v)
{
    switch ((enum attribute_type)attribute->type) {
    case TYPE_INT:
        return take_integer(v, INT32_MIN, INT32_MAX)
                   ? NULL
                   : "an integer (from -2147483648 to 2147483647)";
    case TYPE_LONG:
        return take_integer(v, -long_max, long_max)
                   ? NULL
                   : "an integer (from -9007199254740992 to 9007199254740992)";
    case TYPE_FLOAT:
        return v->kind == VALUE_INT || v->kind == VALUE_REAL ? NULL : "a number";
    case TYPE_BIGINT:
        return take_bigint(v) ? NULL : "a bigint";
    case TYPE_BOOLEAN:
        return v->kind == VALUE_BOOL ? NULL : "a boolean";
    case TYPE_STRING:
        return v->kind == VALUE_TEXT ? NULL : "a string";
    case TYPE_ID:
        if (value_is_number(*v) && is_key_attribute(check->table, attribute->id))
            return NULL;
        return is_id(*v) ? NULL : "a string, or an array of strings";
    case TYPE_DATE:
        return take_date(v) ? NULL : "a Date";
    case TYPE_BYTES:
        return take_bytes(check, v) ? NULL : "a Buffer or Uint8Array";
    case TYPE_BLOB:
        return v->kind == VALUE_TEXT || take_bytes(check, v) ? NULL : "a Blob";
    case TYPE_OBJECT:
        return v->kind == VALUE_OBJECT ? NULL : "an object";
    case TYPE_ANY:
        *v = value_apply_affinity(*v, (enum affinity)attribute->affinity, check->arena);
        return NULL;
    case TYPE_RELATIONSHIP:
    case TYPE_COUNT:
        break;
    }
    return NULL;
}

static const struct nested_type *find_type(const struct document_check *check, struct slice name)
{
    for (size_t k = 0; k < check->nested_type_count; k++)
        if (slice_equal(check->nested_types[k].name, name))
            return &check->nested_types[k];
    return NULL;
}

/* What was built out of converted parts, in place of *v. */
static void take_built(struct document_check *check, struct document_builder *builder,
                       struct value *v)
{
    if (document_end(builder, v) == ST_OK)
        v->as.data = arena_copy(check->arena, value_slice(*v)).data;
    document_deinit(builder);
}

static void check_value(struct document_check *check, const struct attribute *attribute,
                        struct slice path, struct value *v);

static const struct attribute *find_member(const struct nested_type *type, struct slice name)
{
    for (unsigned k = 0; k < type->attribute_count; k++)
        if (slice_equal(type->attributes[k].name, name))
            return &type->attributes[k];
    return NULL;
}

static struct slice member_path(struct document_check *check, struct slice path, struct slice name)
{
    const char *text =
        arena_printf(check->arena, "%.*s.%.*s", (int)path.len, path.data, (int)name.len, name.data);

    return text == NULL ? name : slice_text(text);
}

static void check_required_at(struct document_check *check, const struct attribute *attribute,
                              struct slice path, struct value v)
{
    struct attribute named = *attribute;

    named.name = path;
    document_check_required(check, &named, v);
}

/* Problems in the order of the declaration, then what is not declared. */
static void check_members(struct document_check *check, const struct nested_type *type,
                          struct slice path, struct value object)
{
    for (unsigned k = 0; k < type->attribute_count; k++) {
        const struct attribute *attribute = &type->attributes[k];
        const struct slice at = member_path(check, path, attribute->name);
        struct value v = document_member(object, attribute->name);

        check_required_at(check, attribute, at, v);
        if (!value_is_null(v))
            check_value(check, attribute, at, &v);
    }
    for (size_t k = 0; type->is_sealed && k < document_count(object); k++) {
        struct slice name;

        (void)document_member_at(object, k, &name);
        if (find_member(type, name) == NULL) {
            struct buf *out = begin_problem(check);

            buf_append_text(out, "Property ");
            buf_append_slice(out, name);
            buf_append_text(out, " is not allowed within object in property ");
            buf_append_slice(out, path);
        }
    }
}

/* The object again, its members converted: what check_members found right cannot fail here. */
static void convert_members(struct document_check *check, const struct nested_type *type,
                            struct slice path, struct value *object)
{
    struct document_builder builder = {0};

    document_begin(&builder);
    document_open_object(&builder);
    for (size_t k = 0; k < document_count(*object); k++) {
        struct slice name;
        struct value v = document_member_at(*object, k, &name);
        const struct attribute *attribute = find_member(type, name);

        if (attribute != NULL && !value_is_null(v))
            check_value(check, attribute, member_path(check, path, name), &v);
        document_name(&builder, name);
        document_value(&builder, v);
    }
    document_close(&builder);
    take_built(check, &builder, object);
}

static void check_object(struct document_check *check, const struct nested_type *type,
                         struct slice path, struct value *v)
{
    const size_t problems = check->problems.len;

    check_members(check, type, path, *v);
    if (check->problems.len == problems)
        convert_members(check, type, path, v);
}

static void check_one(struct document_check *check, const struct attribute *attribute,
                      struct slice path, struct value *v)
{
    const struct value given = *v;
    const char *expected = take_scalar(check, attribute, v);
    const struct nested_type *type;
    char text[320];

    if (expected == NULL) {
        type = attribute->type == TYPE_OBJECT ? find_type(check, attribute->nested_type) : NULL;
        if (type != NULL)
            check_object(check, type, path, v);
        return;
    }
    if (attribute->type == TYPE_OBJECT && attribute->nested_type.len != 0) {
        (void)snprintf(text, sizeof(text), "an object (%.*s)", (int)attribute->nested_type.len,
                       attribute->nested_type.data);
        expected = text;
    }
    wrong_type(check, path, given, expected);
}

static void check_list(struct document_check *check, const struct attribute *attribute,
                       struct slice path, struct value *v)
{
    struct document_builder builder = {0};
    const char *elements;

    if (v->kind != VALUE_ARRAY) {
        wrong_type(check, path, *v, "an Array");
        return;
    }
    elements = arena_printf(check->arena, "%.*s[*]", (int)path.len, path.data);
    document_begin(&builder);
    document_open_array(&builder);
    for (size_t k = 0; elements != NULL && k < document_count(*v); k++) {
        struct value element = document_element(*v, k);

        if (!value_is_null(element)) {
            check_one(check, attribute, slice_text(elements), &element);
        } else if (attribute->is_element_not_null) {
            struct attribute named = *attribute;

            named.is_not_null = true;
            check_required_at(check, &named, slice_text(elements), element);
        }
        document_value(&builder, element);
    }
    document_close(&builder);
    take_built(check, &builder, v);
}

static void check_value(struct document_check *check, const struct attribute *attribute,
                        struct slice path, struct value *v)
{
    if (attribute->is_list)
        check_list(check, attribute, path, v);
    else
        check_one(check, attribute, path, v);
}

void document_check_attribute(struct document_check *check, const struct attribute *attribute,
                              struct value *v)
{
    struct value amount;

    if (v->kind == VALUE_ABSENT)
        return;
    if (attribute->type == TYPE_RELATIONSHIP || attribute->generated != GENERATED_NO) {
        struct buf *out = begin_problem(check);

        buf_append_text(out, "Computed property ");
        buf_append_slice(out, attribute->name);
        buf_append_text(out, " may not be directly assigned a value");
        return;
    }
    if (value_is_null(*v))
        return;
    if (document_is_increment(*v, &amount)) {
        check_one(check, attribute, attribute->name, &amount);
        return;
    }
    check_value(check, attribute, attribute->name, v);
}
