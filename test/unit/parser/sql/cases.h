/*
 * Tables of texts and what they become.
 */
#ifndef HARPER_TEST_SQL_CASES_H
#define HARPER_TEST_SQL_CASES_H

#include "parser/sql/sql.h"
// clang-format off
#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

struct parse_case {
    const char *text, *expected;
};

static inline void check_cases(const struct parse_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct arena arena = {0};
        struct error err = {0};
        struct buf out = {0};
        struct ir_statement *statement;

        if (sql_parse(slice_text(cases[i].text), &arena, &statement, NULL, &err) != ST_OK)
            fail_msg("%s: %s", cases[i].text, err.message);
        assert_non_null(statement);
        ir_print(&out, statement);
        assert_string_equal(buf_cstr(&out), cases[i].expected);
        buf_free(&out);
        arena_deinit(&arena);
    }
}

#endif
