/*
 * What parsing costs: nanoseconds from text to query tree, best of several rounds, for one
 * statement of each shape that docs/performance.md names.
 */
#include "parser/sql/sql.h"
#include <stdio.h>
#include <stdlib.h>

static const struct {
    const char *name, *text;
} statements[] = {
    {"SELECT 1", "SELECT 1"},
    {"point select", "SELECT a, b FROM t WHERE id = ?"},
    {"six columns, conditions",
     "SELECT id, name, age, city, price * 2 AS twice, upper(name) FROM customer "
     "WHERE age > 21 AND city = 'Bern' AND price BETWEEN 10 AND 20 AND name LIKE 'A%' "
     "ORDER BY name DESC LIMIT 10 OFFSET 5"},
    {"join with GROUP BY",
     "SELECT c.name, count(*) AS orders, sum(o.price * o.quantity) AS total FROM customer AS c "
     "JOIN orders AS o ON o.customer_id = c.id LEFT JOIN city AS y ON y.id = c.city_id "
     "WHERE o.placed >= '2024-01-01' AND y.country IN ('CH', 'DE', 'AT') AND c.active "
     "GROUP BY c.id, c.name HAVING sum(o.price * o.quantity) > 1000 ORDER BY total DESC LIMIT 20"},
    {"insert", "INSERT INTO customer (id, name, age, city, price, note) "
               "VALUES (?, ?, ?, 'Bern', 12.5, NULL)"},
};

static double round_ns(struct slice text, struct arena *arena, unsigned repeat)
{
    uint64_t start = clock_monotonic_ns();

    for (unsigned i = 0; i < repeat; i++) {
        struct ir_statement *statement;
        struct slice rest;

        arena_reset(arena);
        if (sql_parse(text, arena, &statement, &rest, NULL) != ST_OK)
            abort();
    }
    return (double)(clock_monotonic_ns() - start) / repeat;
}

int main(void)
{
    struct arena arena = {0};

    printf("%-28s %8s %8s\n", "statement", "bytes", "ns");
    for (size_t i = 0; i < COUNT_OF(statements); i++) {
        struct slice text = slice_text(statements[i].text);
        double best = 1e18;

        for (unsigned round = 0; round < 20; round++) {
            double ns = round_ns(text, &arena, 20000);

            if (ns < best)
                best = ns;
        }
        printf("%-28s %8zu %8.0f\n", statements[i].name, text.len, best);
    }
    arena_deinit(&arena);
    return 0;
}
