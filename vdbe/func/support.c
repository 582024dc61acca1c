/* How functions take arguments and give results. */
#include "vdbe/func/func_internal.h"

enum status func_no_memory(struct func_context *context)
{
    return error_set(context->err, ST_NO_MEMORY, -1, "out of memory");
}

enum status func_too_big(struct func_context *context)
{
    return error_set(context->err, ST_TOO_BIG, -1, "string or blob too big");
}

size_t func_bytes_max(const struct func_context *context)
{
    return context->text_bytes_max != 0 ? context->text_bytes_max : FUNC_TEXT_BYTES_MAX;
}

enum status func_room(struct func_context *context, uint64_t bytes, char **out)
{
    if (bytes > func_bytes_max(context))
        return func_too_big(context);
    *out = arena_alloc(context->arena, bytes == 0 ? 1 : (size_t)bytes);
    return *out == NULL ? func_no_memory(context) : ST_OK;
}

struct slice func_text(struct func_context *context, struct value v)
{
    if (v.kind == VALUE_TEXT || v.kind == VALUE_BYTES)
        return value_slice(v);
    v = value_to_text(v, context->arena);
    return value_has_bytes(v) ? value_slice(v) : slice_empty();
}

int32_t func_int32(struct value v)
{
    int64_t i = value_to_int(v);

    return i > INT32_MAX ? INT32_MAX : i < -INT32_MAX ? -INT32_MAX : (int32_t)i;
}

struct value func_numeric(struct value v)
{
    switch ((enum value_kind)v.kind) {
    case VALUE_BOOL:
        return value_int(v.as.b);
    case VALUE_DATE:
        return value_int(v.as.i);
    case VALUE_TEXT:
        return value_numeric_if_possible(v);
    case VALUE_ABSENT:
    case VALUE_NULL:
    case VALUE_INT:
    case VALUE_REAL:
    case VALUE_BYTES:
    case VALUE_ARRAY:
    case VALUE_OBJECT:
    case VALUE_KIND_COUNT:
        break;
    }
    return v;
}

double func_real(struct value v)
{
    return v.kind == VALUE_REAL ? v.as.d : value_to_real(v);
}

bool func_is_int(struct value v)
{
    return v.kind == VALUE_INT || v.kind == VALUE_BOOL || v.kind == VALUE_DATE;
}

enum status func_give_buf(struct func_context *context, struct buf *buf, bool json,
                          struct value *out)
{
    struct slice text = buf_slice(buf);
    enum status st = buf_status(buf) == ST_OK ? ST_OK : func_no_memory(context);
    char *room = NULL;

    if (st == ST_OK)
        st = func_room(context, text.len, &room);
    if (st == ST_OK) {
        if (text.len != 0)
            memcpy(room, text.data, text.len);
        text = slice_of(room, text.len);
        *out = json ? func_json_text(text) : value_text(text);
    }
    buf_free(buf);
    return st;
}

bool func_is_interrupted(const struct func_context *context)
{
    return context->interrupted != NULL && *context->interrupted;
}

/* splitmix64: one addition and three mixing steps, good for everything but secrets. */
uint64_t func_random(struct func_context *context)
{
    uint64_t mixed = *context->random_state += 0x9e3779b97f4a7c15u;

    mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111ebu;
    return mixed ^ mixed >> 31;
}
