/*
 * Literals and parameters.
 */
#include "parser/sql/sql_internal.h"

static struct ir_expr *literal(struct sql_parse *parse, struct sql_token token, struct value v)
{
    return sql_checked(parse, ir_literal(parse->arena, v, sql_offset(parse, token.text)));
}

struct ir_expr *sql_null(struct sql_parse *parse, struct sql_token token)
{
    return literal(parse, token, value_null());
}

static unsigned hex_digit(char c)
{
    if (c <= '9')
        return (unsigned)(c - '0');
    return (unsigned)((c | 32) - 'a' + 10);
}

/* Hexadecimal numbers are the 64 bits of a signed integer. */
static struct ir_expr *hex_number(struct sql_parse *parse, struct sql_token token)
{
    uint64_t bits = 0;
    uint32_t i = 2;

    while (i < token.len && token.text[i] == '0')
        i++;
    if (token.len - i > 16) {
        sql_fail(parse, ST_SYNTAX, token.text, "hex literal too big: %.*s",
                 token.len > 60 ? 60 : (int)token.len, token.text);
        return NULL;
    }
    for (; i < token.len; i++)
        bits = bits << 4 | hex_digit(token.text[i]);
    return literal(parse, token, value_int((int64_t)bits));
}

struct ir_expr *sql_number(struct sql_parse *parse, struct sql_token token)
{
    struct value v;

    if (token.len <= 18) { /* short ones are nearly all there are */
        int64_t i = 0;
        uint32_t k = 0;

        for (; k < token.len && token.text[k] >= '0' && token.text[k] <= '9'; k++)
            i = i * 10 + (token.text[k] - '0');
        if (k == token.len)
            return literal(parse, token, value_int(i));
    }
    if (token.len > 2 && (token.text[1] | 32) == 'x')
        return hex_number(parse, token);
    if (number_parse(slice_of(token.text, token.len), &v) == NUMBER_NONE)
        v = value_int(0);
    /* 1.0 stays a real; an integer too big for 64 bits has become one. */
    if (v.kind == VALUE_INT &&
        (memchr(token.text, '.', token.len) != NULL || memchr(token.text, 'e', token.len) != NULL ||
         memchr(token.text, 'E', token.len) != NULL))
        v = value_real((double)v.as.i);
    return literal(parse, token, v);
}

struct ir_expr *sql_string(struct sql_parse *parse, struct sql_token token)
{
    return literal(parse, token, value_text(sql_unquote(parse, token)));
}

struct ir_expr *sql_blob(struct sql_parse *parse, struct sql_token token)
{
    size_t len = (token.len - 3) / 2; /* x'…' */
    char *bytes = arena_alloc(parse->arena, len + 1);

    if (bytes == NULL)
        return sql_checked(parse, NULL);
    for (size_t i = 0; i < len; i++)
        bytes[i] = (char)(hex_digit(token.text[2 + 2 * i]) << 4 | hex_digit(token.text[3 + 2 * i]));
    return literal(parse, token, value_bytes(slice_of(bytes, len)));
}

struct ir_expr *sql_name_as_text(struct sql_parse *parse, struct sql_token token)
{
    if (sql_token_is(token, "true"))
        return literal(parse, token, value_bool(true));
    if (sql_token_is(token, "false"))
        return literal(parse, token, value_bool(false));
    return sql_string(parse, token);
}

struct ir_expr *sql_current_time(struct sql_parse *parse, struct sql_token token)
{
    struct ir_expr *expr = ir_expr_new(parse->arena, IR_CALL, sql_offset(parse, token.text));

    if (expr != NULL)
        expr->as.call.name = sql_name(parse, token);
    return sql_checked(parse, expr);
}

/* ---- parameters ---- */

static uint32_t name_hash(struct slice name)
{
    uint32_t hash = 2166136261u;

    for (size_t i = 0; i < name.len; i++)
        hash = (hash ^ (unsigned char)name.data[i]) * 16777619u;
    return hash;
}

static void hash_insert(struct sql_parse *parse, uint32_t slot)
{
    uint32_t mask = parse->param_hash_size - 1;
    uint32_t at = name_hash(parse->param_names[slot - 1]) & mask;

    while (parse->param_hash[at] != 0)
        at = (at + 1) & mask;
    parse->param_hash[at] = slot;
}

/* Up to 16 named parameters are compared one by one; more get a hash table, at most half full. */
static void hash_grow(struct sql_parse *parse)
{
    uint32_t size = parse->named_count < 16 ? 0 : parse->param_hash_size;

    if (parse->named_count < 16 || parse->named_count * 2 < size)
        return;
    size = size == 0 ? 64 : size * 2;
    parse->param_hash = sql_alloc(parse, size * sizeof *parse->param_hash);
    parse->param_hash_size = parse->param_hash == NULL ? 0 : size;
    for (uint32_t slot = 1; slot <= parse->param_count && parse->param_hash != NULL; slot++)
        if (parse->param_names[slot - 1].len > 0)
            hash_insert(parse, slot);
}

static uint32_t find_named(const struct sql_parse *parse, struct slice name)
{
    if (parse->param_hash_size > 0) {
        uint32_t mask = parse->param_hash_size - 1;

        for (uint32_t at = name_hash(name) & mask; parse->param_hash[at] != 0; at = (at + 1) & mask)
            if (slice_equal(parse->param_names[parse->param_hash[at] - 1], name))
                return parse->param_hash[at];
        return 0;
    }
    for (uint32_t slot = 1; slot <= parse->param_count; slot++)
        if (slice_equal(parse->param_names[slot - 1], name))
            return slot;
    return 0;
}

/* Room for the names of slots up to `slot`. */
static bool reserve_slots(struct sql_parse *parse, uint32_t slot)
{
    uint32_t capacity = parse->param_capacity == 0 ? 8 : parse->param_capacity;
    struct slice *names;

    if (slot <= parse->param_capacity)
        return true;
    while (capacity < slot)
        capacity *= 2;
    names = sql_alloc(parse, capacity * sizeof *names);
    if (names == NULL)
        return false;
    if (parse->param_count > 0)
        memcpy(names, parse->param_names, parse->param_count * sizeof *names);
    parse->param_names = names;
    parse->param_capacity = capacity;
    return true;
}

/* The slot that ?NNN asks for, 0 when it is out of range. */
static uint32_t numbered_slot(struct sql_token token)
{
    uint32_t slot = 0;

    for (uint32_t i = 1; i < token.len && slot <= SQL_PARAMETERS_MAX; i++)
        slot = slot * 10 + (uint32_t)(token.text[i] - '0');
    return slot <= SQL_PARAMETERS_MAX ? slot : 0;
}

/* As SQLite numbers them: ? takes the number after the greatest so far, ?NNN its own, a name the
 * number it has or the next. 0: failed. */
static uint32_t assign_slot(struct sql_parse *parse, struct sql_token token, struct slice name)
{
    bool is_numbered = token.text[0] == '?' && token.len > 1;
    uint32_t slot = 0;

    if (is_numbered) {
        slot = numbered_slot(token);
        if (slot == 0) {
            sql_fail(parse, ST_LIMIT, token.text, "variable number must be between ?1 and ?%d",
                     SQL_PARAMETERS_MAX);
            return 0;
        }
        if (slot <= parse->param_count && parse->param_names[slot - 1].len > 0)
            return slot;
    } else {
        if (name.len > 0)
            slot = find_named(parse, name);
        if (slot != 0)
            return slot;
        slot = parse->param_count + 1;
        if (slot > SQL_PARAMETERS_MAX) {
            sql_fail(parse, ST_LIMIT, token.text, "too many SQL variables");
            return 0;
        }
    }
    if (!reserve_slots(parse, slot))
        return 0;
    if (slot > parse->param_count)
        parse->param_count = slot;
    if (name.len > 0) {
        parse->param_names[slot - 1] = name;
        parse->named_count++;
        if (parse->param_hash_size > 0)
            hash_insert(parse, slot);
        hash_grow(parse);
    }
    return slot;
}

struct ir_expr *sql_param(struct sql_parse *parse, struct sql_token token)
{
    struct slice name = token.len > 1 ? slice_of(token.text, token.len) : slice_empty();
    struct ir_expr *expr = ir_expr_new(parse->arena, IR_PARAM, sql_offset(parse, token.text));
    uint32_t slot;

    if (sql_checked(parse, expr) == NULL)
        return NULL;
    if (parse->first_param_offset < 0)
        parse->first_param_offset = expr->offset;
    slot = assign_slot(parse, token, name);
    if (slot == 0)
        return NULL;
    expr->as.param.slot = slot;
    expr->as.param.name = parse->param_names[slot - 1];
    return expr;
}
