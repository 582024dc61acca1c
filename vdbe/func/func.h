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

struct func_context {
    struct arena *arena; /* results and temporaries of this call */
    struct error *err;
    const struct func *func;
    void *user;             /* of registered functions */
    int64_t now_us;         /* the statement's time: the same for every call of one run */
    uint64_t *random_state; /* of the connection */
    int64_t changes, total_changes, last_insert_rowid; /* of the connection */
    uint32_t text_bytes_max;    /* longest text or bytes a function may make: ST_TOO_BIG above */
    uint8_t collation;          /* enum collation of the first argument: min, max, nullif … */
    volatile bool *interrupted; /* long loops look at it; may be NULL */
};

enum func_flag {
    FUNC_PURE = 1,   /* same arguments, same result: may be folded, hoisted, indexed */
    FUNC_STABLE = 2, /* the same within one run (now, changes): may be hoisted, not indexed */
    FUNC_AGGREGATE = 4,
    FUNC_WINDOW = 8, /* window only (row_number …) or aggregate with an inverse */
    FUNC_TAKES_COLLATION = 16,
    FUNC_RESULT_JSON = 32,      /* text results carry VALUE_IS_JSON */
    FUNC_NULL_IN_NULL_OUT = 64, /* the machine need not call it when the first argument is null */
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
struct regexp_cache;
enum status regexp_match(struct regexp_cache **cache, struct slice pattern, struct slice text,
                         bool *out, struct error *err);
void regexp_free(struct regexp_cache *cache);

#endif
