/*
 * SQL: any bytes parse or are refused with an offset inside the text; what parses prints, copies to
 * an equal tree, and keeps to the limit of depth.
 */
#include "parser/sql/sql.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_children(void *context, struct ir_expr **slot)
{
    const struct ir_expr *parent = context;

    if ((*slot)->height >= parent->height && parent->height < UINT16_MAX)
        abort();
    ir_expr_children(*slot, check_children, *slot);
}

static void check_error(struct slice text, enum status st, const struct error *err)
{
    if (!status_is_failure(st) || err->message[0] == '\0' || err->offset < -1 ||
        err->offset > (int64_t)text.len)
        abort();
}

static void check_expr(struct slice text)
{
    struct arena arena = {0};
    struct error err = {0};
    struct buf first = {0}, second = {0};
    struct ir_expr *expr;
    enum status st;

    arena_init(&arena, 64 << 20);
    st = sql_parse_expr(text, &arena, &expr, &err);
    if (st == ST_OK) {
        ir_expr_children(expr, check_children, expr);
        ir_print_expr(&first, expr);
        ir_print_expr(&second, ir_expr_copy(&arena, expr));
        if (!arena.failed && !slice_equal(buf_slice(&first), buf_slice(&second)))
            abort();
    } else {
        check_error(text, st, &err);
    }
    buf_free(&first);
    buf_free(&second);
    arena_deinit(&arena);
}

static void check_statements(struct slice text)
{
    while (text.len > 0) {
        struct arena arena = {0};
        struct error err = {0};
        struct buf out = {0};
        struct slice rest;
        struct ir_statement *statement;
        enum status st;

        arena_init(&arena, 64 << 20);
        st = sql_parse(text, &arena, &statement, &rest, &err);
        if (st != ST_OK)
            check_error(text, st, &err);
        if (statement != NULL)
            ir_print(&out, statement);
        if (rest.len >= text.len)
            abort();
        text = st == ST_OK ? rest : slice_empty();
        buf_free(&out);
        arena_deinit(&arena);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* A copy of the exact size, so that the sanitizer sees a read behind its end. */
    char *exact = malloc(size == 0 ? 1 : size);

    if (exact == NULL)
        return 0;
    if (size > 0)
        memcpy(exact, data, size);
    check_statements(slice_of(exact, size));
    check_expr(slice_of(exact, size));
    sql_is_complete(slice_of(exact, size));
    free(exact);
    return 0;
}
