/*
 * A calculator for calls of functions with literal arguments, so that the expectations of a test
 * can be asked from any SQL engine: `round(abs(-2.5), 1)`, `length(x'00')`.
 */
#ifndef HARPER_TEST_FUNC_EVALUATE_H
#define HARPER_TEST_FUNC_EVALUATE_H

#include "vdbe/func/func.h"
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

struct calculator {
    struct func_registry *registry;
    struct arena arena;
    struct error err;
    struct func_context context;
    struct func_scratch scratch;
    uint64_t random_state;
    const char *at;
};

static inline void calculator_open(struct calculator *calc)
{
    *calc = (struct calculator){.random_state = 42};
    arena_init(&calc->arena, 0);
    assert_int_equal(func_registry_new(&calc->registry), ST_OK);
    calc->context = (struct func_context){.arena = &calc->arena,
                                          .err = &calc->err,
                                          .random_state = &calc->random_state,
                                          .now_us = INT64_C(1700000000123456),
                                          .scratch = &calc->scratch};
}

static inline void calculator_close(struct calculator *calc)
{
    func_scratch_free(&calc->scratch);
    func_registry_free(calc->registry);
    arena_deinit(&calc->arena);
}

static inline void skip_blanks(struct calculator *calc)
{
    while (*calc->at == ' ')
        calc->at++;
}

static inline void expect_char(struct calculator *calc, char c)
{
    skip_blanks(calc);
    if (*calc->at != c)
        fail_msg("'%c' expected at: %s", c, calc->at);
    calc->at++;
}

static enum status evaluate(struct calculator *calc, struct value *out);

static inline unsigned evaluate_list(struct calculator *calc, struct value *args, char end,
                                     enum status *st)
{
    unsigned count = 0;

    skip_blanks(calc);
    while (*calc->at != end && *calc->at != '\0' && *st == ST_OK) {
        assert_true(count < 64);
        *st = evaluate(calc, &args[count++]);
        skip_blanks(calc);
        if (*calc->at == ',')
            calc->at++;
        skip_blanks(calc);
    }
    return count;
}

static inline enum status call(struct calculator *calc, struct slice name, unsigned count,
                               const struct value *args, struct value *out)
{
    bool exists = false;
    const struct func *func = func_find(calc->registry, name, count, &exists);

    if (func == NULL && exists)
        return error_set(&calc->err, ST_INVALID, -1, "wrong number of arguments to function %.*s()",
                         (int)name.len, name.data);
    if (func == NULL || func->scalar == NULL)
        fail_msg("no scalar function %.*s with %u arguments", (int)name.len, name.data, count);
    calc->context.func = func;
    calc->context.user = func->user;
    return func->scalar(&calc->context, count, args, out);
}

static inline struct value text_literal(struct calculator *calc)
{
    struct buf text = {0};

    for (calc->at++; *calc->at != '\'' || calc->at[1] == '\''; calc->at++) {
        if (*calc->at == '\0')
            fail_msg("text without an end");
        calc->at += *calc->at == '\'';
        buf_append(&text, calc->at, 1);
    }
    calc->at++;
    struct slice copy = arena_copy(&calc->arena, buf_slice(&text));
    buf_free(&text);
    return value_text(copy);
}

static inline struct value hex_literal(struct calculator *calc)
{
    char *bytes = arena_alloc(&calc->arena, strlen(calc->at) + 1);
    size_t length = 0;
    unsigned byte;

    for (calc->at += 2; *calc->at != '\''; calc->at += 2) {
        assert_int_equal(sscanf(calc->at, "%2x", &byte), 1);
        bytes[length++] = (char)byte;
    }
    calc->at++;
    return value_bytes(slice_of(bytes, length));
}

static inline struct value number_literal(struct calculator *calc)
{
    const char *start = calc->at;
    struct value v;

    calc->at += *calc->at == '-';
    while (isalnum((unsigned char)*calc->at) || *calc->at == '.' ||
           ((*calc->at == '+' || *calc->at == '-') && tolower((unsigned char)calc->at[-1]) == 'e'))
        calc->at++;
    assert_true(number_parse(slice_of(start, (size_t)(calc->at - start)), &v) >= NUMBER_INT);
    return v;
}

/* One literal or call. */
static enum status evaluate(struct calculator *calc, struct value *out)
{
    struct value args[64];
    const char *start;
    enum status st = ST_OK;
    unsigned count;

    skip_blanks(calc);
    start = calc->at;
    if (*start == '\'') {
        *out = text_literal(calc);
        return ST_OK;
    }
    if ((*start == 'x' || *start == 'X') && start[1] == '\'') {
        *out = hex_literal(calc);
        return ST_OK;
    }
    if (isdigit((unsigned char)*start) || *start == '-' || *start == '.') {
        *out = number_literal(calc);
        return ST_OK;
    }
    while (isalnum((unsigned char)*calc->at) || *calc->at == '_')
        calc->at++;
    struct slice name = slice_of(start, (size_t)(calc->at - start));
    if (name.len == 0)
        fail_msg("expression expected at: %s", start);
    if (slice_is(name, "NULL")) {
        *out = value_null();
        return ST_OK;
    }
    expect_char(calc, '(');
    count = evaluate_list(calc, args, ')', &st);
    if (st != ST_OK)
        return st;
    expect_char(calc, ')');
    return call(calc, name, count, args, out);
}

/* `name <- row; row`: the rows go through an aggregate. */
static inline enum status aggregate(struct calculator *calc, const char *rows, struct slice name,
                                    struct value *out)
{
    struct value args[64];
    enum status st = ST_OK;
    const struct func *func = NULL;
    void *state = NULL;
    unsigned count;

    for (calc->at = rows; st == ST_OK && *calc->at != '\0';) {
        count = evaluate_list(calc, args, ';', &st);
        if (*calc->at == ';')
            calc->at++;
        if (func == NULL) {
            func = func_find(calc->registry, name, count, NULL);
            if (func == NULL || func->step == NULL)
                fail_msg("no aggregate %.*s", (int)name.len, name.data);
            state = test_calloc(1, func->state_bytes);
            calc->context.func = func;
        }
        if (st == ST_OK)
            st = func->step(&calc->context, state, count, args);
    }
    if (st == ST_OK)
        st = func->result(&calc->context, state, out);
    if (func->deinit != NULL)
        func->deinit(state);
    test_free(state);
    return st;
}

/* What quote() shows of the whole expression, or `error: …`. Lives until the next call. */
static inline const char *shown(struct calculator *calc, const char *expression)
{
    const char *rows = strstr(expression, " <- ");
    struct value v = value_null();
    enum status st;

    arena_reset(&calc->arena);
    error_clear(&calc->err);
    calc->at = expression;
    if (rows != NULL) {
        size_t length = strcspn(expression, "( ");
        st = aggregate(calc, rows + 4, slice_of(expression, length), &v);
    } else {
        st = evaluate(calc, &v);
    }
    if (st == ST_OK)
        st = call(calc, slice_text("quote"), 1, &v, &v);
    if (st != ST_OK)
        return arena_printf(&calc->arena, "error: %s", error_message(&calc->err));
    size_t length = v.len;
    const char *zero = memchr(v.as.data, 0, v.len);
    if (zero != NULL) /* what other programs would show ends here */
        return arena_printf(&calc->arena, "%.*s'", (int)(zero - v.as.data), v.as.data);
    return arena_printf(&calc->arena, "%.*s", (int)length, v.as.data);
}

/* Every line of a file of cases; returns how many were wrong. */
static inline unsigned run_cases(struct calculator *calc, const char *path)
{
    FILE *file = fopen(path, "r");
    char line[8192];
    unsigned wrong = 0, total = 0;

    if (file == NULL)
        fail_msg("cannot open %s", path);
    while (fgets(line, sizeof(line), file) != NULL) {
        char *arrow = strstr(line, " => ");
        size_t arrow_length = 4;

        line[strcspn(line, "\n")] = '\0';
        if (line[0] == '#' || line[0] == '\0')
            continue;
        if (arrow == NULL) {
            arrow = strstr(line, " =!> ");
            arrow_length = 5;
        }
        if (arrow == NULL)
            fail_msg("no => in: %s", line);
        *arrow = '\0';
        total++;
        const char *got = shown(calc, line);
        if (strcmp(got, arrow + arrow_length) != 0) {
            print_error("%s\n  expected %s\n  but was  %s\n", line, arrow + arrow_length, got);
            wrong++;
        }
    }
    (void)fclose(file);
    print_message("%u cases of %s\n", total, path);
    return wrong;
}

#endif
