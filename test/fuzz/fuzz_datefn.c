/* Date functions and printf on any text. Input: function number, then arguments with zero bytes
 * between. */
#include "vdbe/func/func.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"datetime", "julianday", "strftime",   "date_format",
                                        "date_add", "date_diff", "offset_utc", "printf",
                                        "round",    "extract",   "unixepoch"};
    static struct func_registry *registry; /* built once: it is never changed */
    struct arena arena;
    struct error err;
    uint64_t random = 1;
    struct func_context context = {.arena = &arena,
                                   .err = &err,
                                   .random_state = &random,
                                   .now_us = 1700000000000000,
                                   .text_bytes_max = 1 << 20};
    struct value args[8], out;
    unsigned count = 0;
    const char *name;

    if (size == 0 || (registry == NULL && func_registry_new(&registry) != ST_OK))
        return 0;
    name = names[data[0] % COUNT_OF(names)];
    arena_init(&arena, 64 << 20);
    struct slice rest = slice_of(data + 1, size - 1);
    while (count < COUNT_OF(args) && rest.len != 0) {
        const char *zero = memchr(rest.data, 0, rest.len);
        size_t length = zero == NULL ? rest.len : (size_t)(zero - rest.data);

        args[count] = value_text(slice_of(rest.data, length));
        if (length != 0 && *rest.data == '#') /* a number rather than text */
            (void)number_parse(slice_of(rest.data + 1, length - 1), &args[count]);
        count++;
        rest = zero == NULL ? slice_empty() : slice_of(zero + 1, rest.len - length - 1);
    }
    const struct func *func = func_find(registry, slice_text(name), count, NULL);
    if (func != NULL)
        (void)func->scalar(&context, count, args, &out);
    arena_deinit(&arena);
    return 0;
}
