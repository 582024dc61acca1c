/*
 * func: functions over values: scalar, aggregate and window, built in or registered by the user;
 * LIKE and friends.
 *
 * A function sees values and returns one; it knows no tables and no machine.
 * Lifetimes: arguments are lent for the call; a result may lend from its arguments or live in
 * context->arena (the machine resets that per row, or keeps it for aggregates' results until the
 * group ends). Threads:   a registry is built up before use, then shared read-only; aggregate state
 * belongs to one statement. Errors:    a failing function fills context->err and returns the
 * status; the statement fails with it.
 */
#ifndef HARPER_FUNC_FUNC_H
#define HARPER_FUNC_FUNC_H

#include "storage/base/base.h"
#include "storage/value/document.h"
#include "storage/value/value.h"

struct func;
struct regexp_cache;
struct search_cache;

/* What functions compile and want to find again: patterns, SEARCH_JSON expressions. One per
 * statement, {0} to start. */
struct func_scratch {
    struct regexp_cache *regexps;
    struct search_cache *searches;
};
void func_scratch_free(struct func_scratch *scratch);

struct func_context {
    struct arena *arena; /* results and temporaries of this call */
    struct error *err;
    const struct func *func;
    void *user;             /* of registered functions */
    int64_t now_us;         /* the statement's time: the same for every call of one run */
    uint64_t *random_state; /* of the connection */
    int64_t changes, total_changes, last_insert_rowid; /* of the connection */
    uint32_t text_bytes_max;      /* longest text or bytes a function may make: ST_TOO_BIG above */
    uint8_t collation;            /* enum collation of the first argument: min, max, nullif … */
    volatile bool *interrupted;   /* long loops look at it; may be NULL */
    struct func_scratch *scratch; /* of the statement; NULL: everything is compiled at each call */
};

enum func_flag {
    FUNC_PURE = 1,   /* same arguments, same result: may be folded, hoisted, indexed */
    FUNC_STABLE = 2, /* the same within one run (now, changes): may be hoisted, not indexed */
    FUNC_AGGREGATE = 4,
    FUNC_WINDOW = 8, /* window only (row_number …) or aggregate with an inverse */
    FUNC_TAKES_COLLATION = 16,
    FUNC_RESULT_JSON = 32,      /* text results carry VALUE_IS_JSON */
    FUNC_NULL_IN_NULL_OUT = 64, /* the machine need not call it when the first argument is null */
    FUNC_LAZY = 128, /* coalesce, ifnull, iif, if, likely …: later arguments are evaluated only when
                        earlier ones do not decide. codegen makes jumps of them; `scalar` serves
                        where all arguments are at hand. */
};

/* One row of a window's partition as its function sees it. Rows of the partition are numbered from
 * 0 in window order. A frame is what is left of first … end after EXCLUDE, so it may have holes:
 * up to three stretches, ascending, none of them empty; 0 stretches: an empty frame. */
struct func_stretch {
    int64_t first, end; /* rows first … end - 1 */
};

struct func_window {
    int64_t row;                    /* the current one */
    int64_t partition_rows;         /* of the whole partition */
    int64_t peers_first, peers_end; /* rows that are equal to this one by ORDER BY */
    int64_t peer_group;             /* how many groups of peers stand before this one's */
    unsigned frame_count;
    struct func_stretch frame[3];
    /* The value of argument `argument` computed at row `row` (0 <= row < partition_rows); lent
     * until the next call. */
    enum status (*argument_at)(void *source, int64_t row, unsigned argument, struct value *out);
    void *source;
};

struct func {
    const char *name;          /* lower case */
    int8_t args_min, args_max; /* args_max -1: any number */
    uint8_t flags;
    uint8_t result_type; /* 0 unknown; 1 + enum value_kind when always that kind or null */
    enum status (*scalar)(struct func_context *context, unsigned count, const struct value *args,
                          struct value *out);
    /* aggregates: state is zeroed before the first step; deinit frees what steps allocated (may be
     * NULL) */
    size_t state_bytes;
    enum status (*step)(struct func_context *context, void *state, unsigned count,
                        const struct value *args);
    enum status (*inverse)(struct func_context *context, void *state, unsigned count,
                           const struct value *args);
    enum status (*result)(struct func_context *context, void *state,
                          struct value *out); /* may be asked repeatedly */
    void (*deinit)(void *state);
    /* row_number, lag, nth_value …: FUNC_WINDOW without step. Called once for each row. The result
     * may be lent from argument_at. */
    enum status (*window)(struct func_context *context, const struct func_window *window,
                          unsigned count, struct value *out);
    void *user;
    const char *summary; /* for function_list and the generated page in docs/ */
};

struct func_registry; /* the built-in functions plus what a connection registered */

enum status func_registry_new(struct func_registry **out);
void func_registry_free(struct func_registry *registry);
/* Replaces one of the same name and argument count. `func` is copied; the registry calls
 * release(user) at the end. */
enum status func_register(struct func_registry *registry, const struct func *func,
                          void (*release)(void *user));
/* By name without case and argument count; *name_exists tells "wrong number of arguments" from "no
 * such function". */
const struct func *func_find(const struct func_registry *registry, struct slice name,
                             unsigned count, bool *name_exists);
const struct func *func_at(const struct func_registry *registry,
                           size_t index); /* NULL behind the last: listings, completion */

/* ---- table functions (table_function.c) ---- */

struct func_table_column {
    const char *name;
    bool is_hidden;      /* not part of `*`; hidden columns are the arguments, in order, and may be
                            given as equalities in WHERE instead */
    uint8_t result_type; /* as in struct func */
};

/* A function in FROM. Arguments are lent until close; one that is absent was not given. A value
 * given out by `column` lives until the next `next` or `close`, or lends from the arguments. */
struct func_table {
    const char *name;
    uint8_t args_min, args_max;
    uint8_t column_count;
    const struct func_table_column *columns;
    size_t cursor_bytes; /* zeroed before open; close is called after a failed open too */
    enum status (*open)(struct func_context *context, void *cursor, unsigned count,
                        const struct value *args);
    enum status (*next)(struct func_context *context, void *cursor); /* ST_ROW, ST_DONE */
    enum status (*column)(struct func_context *context, void *cursor, unsigned column,
                          struct value *out);
    void (*close)(void *cursor);
    const char *summary;
};

const struct func_table *func_table_find(struct slice name); /* without case; NULL: none */
const struct func_table *func_table_at(size_t index);        /* NULL behind the last */

/* ---- patterns (pattern.c, regexp.c) ---- */

enum { LIKE_PATTERN_BYTES_MAX = 50000 };

/* SQLite's LIKE: % and _, ASCII letters without case unless `case_sensitive`; escape 0: none. */
enum status pattern_like(struct slice pattern, struct slice text, uint32_t escape,
                         bool case_sensitive, bool *out);
enum status pattern_glob(struct slice pattern, struct slice text, bool *out);
/* The literal text every match begins with; *is_exact: the pattern has nothing else. For prefix
 * ranges. */
struct slice pattern_like_prefix(struct slice pattern, uint32_t escape, struct arena *arena,
                                 bool *is_exact, bool *is_prefix_only);
/* PCRE2 with match limits; compiled patterns are cached per statement in `cache` (opaque, start
 * NULL, freed by regexp_free). */
enum status regexp_match(struct regexp_cache **cache, struct slice pattern, struct slice text,
                         bool *out, struct error *err);
void regexp_free(struct regexp_cache *cache);

#endif
