/*
 * Names to functions. The built-in ones are a constant table; a registry adds a hash over it and
 * what a connection registered.
 */
#include "vdbe/func/aggregate_internal.h"
#include <assert.h>
#include <ctype.h>
#include <stdlib.h>

enum {
    P = FUNC_PURE,
    T = FUNC_STABLE,
    C = FUNC_TAKES_COLLATION,
    J = FUNC_RESULT_JSON,
    N = FUNC_NULL_IN_NULL_OUT,
    L = FUNC_LAZY,
};

enum {
    ANY = 0,
    BOOL = 1 + VALUE_BOOL,
    INT = 1 + VALUE_INT,
    REAL = 1 + VALUE_REAL,
    TEXT = 1 + VALUE_TEXT,
    BYTES = 1 + VALUE_BYTES,
    ARRAY = 1 + VALUE_ARRAY,
};

#define FACTS(title, least, most, kind, words)                                                     \
    .name = #title, .args_min = (least), .args_max = (most), .result_type = (kind),                \
    .summary = (words)
#define AGGREGATE(title, least, most, bits, kind, state, prefix, words)                            \
    FACTS(title, least, most, kind, words), .state_bytes = sizeof(struct state),                   \
                                            .step = prefix##_step, .result = prefix##_result

static const struct func builtins[] = {
#define S(title, least, most, bits, kind, function, words)                                         \
    {FACTS(title, least, most, kind, words), .flags = (bits), .scalar = (function)},
#define A(title, least, most, bits, kind, state, prefix, words)                                    \
    {AGGREGATE(title, least, most, bits, kind, state, prefix, words),                              \
     .flags = (bits) | FUNC_AGGREGATE},
#define AI(title, least, most, bits, kind, state, prefix, words)                                   \
    {AGGREGATE(title, least, most, bits, kind, state, prefix, words),                              \
     .flags = (bits) | FUNC_AGGREGATE | FUNC_WINDOW, .inverse = prefix##_inverse},
#define AD(title, least, most, bits, kind, state, prefix, words)                                   \
    {AGGREGATE(title, least, most, bits, kind, state, prefix, words),                              \
     .flags = (bits) | FUNC_AGGREGATE, .deinit = prefix##_deinit},
#define AID(title, least, most, bits, kind, state, prefix, words)                                  \
    {AGGREGATE(title, least, most, bits, kind, state, prefix, words),                              \
     .flags = (bits) | FUNC_AGGREGATE | FUNC_WINDOW, .inverse = prefix##_inverse,                  \
     .deinit = prefix##_deinit},
#define W(title, least, most, kind, function, words)                                               \
    {FACTS(title, least, most, kind, words), .flags = FUNC_WINDOW, .window = (function)},
#include "vdbe/func/functions.def"
#undef S
#undef A
#undef AI
#undef AD
#undef AID
#undef W
};

enum { BUCKETS = 512 };

struct registered {
    struct func func;
    char *name;
    void (*release)(void *user);
    struct registered *next;
};

struct func_registry {
    uint16_t buckets[BUCKETS];         /* 1 + index of the first built-in one, 0: none */
    uint16_t next[COUNT_OF(builtins)]; /* 1 + index of the next in the bucket */
    struct registered *registered;     /* newest first; they come before built-in ones */
    size_t registered_count;
};

static unsigned bucket_of(struct slice name)
{
    uint32_t hash = 2166136261u;

    for (size_t i = 0; i < name.len; i++)
        hash = (hash ^ (uint32_t)tolower((unsigned char)name.data[i])) * 16777619u;
    return (hash ^ hash >> 15) % BUCKETS;
}

enum status func_registry_new(struct func_registry **out)
{
    struct func_registry *registry = calloc(1, sizeof(*registry));

    *out = registry;
    if (registry == NULL)
        return ST_NO_MEMORY;
    for (size_t i = COUNT_OF(builtins); i-- > 0;) { /* so that chains are in the table's order */
        unsigned bucket = bucket_of(slice_text(builtins[i].name));

        registry->next[i] = registry->buckets[bucket];
        registry->buckets[bucket] = (uint16_t)(i + 1);
    }
    return ST_OK;
}

static void registered_free(struct registered *entry)
{
    if (entry->release != NULL)
        entry->release(entry->func.user);
    free(entry->name);
    free(entry);
}

void func_registry_free(struct func_registry *registry)
{
    if (registry == NULL)
        return;
    while (registry->registered != NULL) {
        struct registered *entry = registry->registered;

        registry->registered = entry->next;
        registered_free(entry);
    }
    free(registry);
}

static void remove_same(struct func_registry *registry, const struct func *func)
{
    for (struct registered **at = &registry->registered; *at != NULL; at = &(*at)->next) {
        struct registered *entry = *at;

        if (entry->func.args_min == func->args_min && entry->func.args_max == func->args_max &&
            slice_is_nocase(slice_text(entry->name), func->name)) {
            *at = entry->next;
            registered_free(entry);
            registry->registered_count--;
            return;
        }
    }
}

enum status func_register(struct func_registry *registry, const struct func *func,
                          void (*release)(void *user))
{
    struct registered *entry = calloc(1, sizeof(*entry));
    char *name = strdup(func->name);

    if (entry == NULL || name == NULL) {
        free(entry);
        free(name);
        return ST_NO_MEMORY;
    }
    for (char *at = name; *at != '\0'; at++)
        *at = (char)tolower((unsigned char)*at);
    remove_same(registry, func);
    *entry = (struct registered){.func = *func, .name = name, .release = release};
    entry->func.name = name;
    if (entry->func.summary == NULL)
        entry->func.summary = "";
    entry->next = registry->registered;
    registry->registered = entry;
    registry->registered_count++;
    return ST_OK;
}

static bool takes(const struct func *func, unsigned count)
{
    return count >= (unsigned)func->args_min &&
           (func->args_max < 0 || count <= (unsigned)func->args_max);
}

const struct func *func_find(const struct func_registry *registry, struct slice name,
                             unsigned count, bool *name_exists)
{
    bool exists = false;
    const struct func *found = NULL;

    for (const struct registered *r = registry->registered; r != NULL && found == NULL;
         r = r->next) {
        if (slice_is_nocase(name, r->name)) {
            exists = true;
            if (takes(&r->func, count))
                found = &r->func;
        }
    }
    for (unsigned at = registry->buckets[bucket_of(name)]; at != 0 && found == NULL;
         at = registry->next[at - 1]) {
        const struct func *func = &builtins[at - 1];

        if (slice_is_nocase(name, func->name)) {
            exists = true;
            if (takes(func, count))
                found = func;
        }
    }
    if (name_exists != NULL)
        *name_exists = exists;
    return found;
}

const struct func *func_at(const struct func_registry *registry, size_t index)
{
    const struct registered *entry = registry->registered;

    if (index < COUNT_OF(builtins))
        return &builtins[index];
    index -= COUNT_OF(builtins);
    while (entry != NULL && index-- > 0)
        entry = entry->next;
    return entry == NULL ? NULL : &entry->func;
}
