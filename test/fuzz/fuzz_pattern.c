/* LIKE, GLOB and regular expressions on any bytes: no crash, no quadratic surprise, and LIKE's
 * prefix must be one. Input: pattern, a zero byte, text. */
#include "vdbe/func/func.h"
#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *zero = size == 0 ? NULL : memchr(data, 0, size);
    struct slice pattern = slice_of(data, zero == NULL ? size : (size_t)(zero - data));
    struct slice text = zero == NULL ? slice_empty() : slice_of(zero + 1, size - pattern.len - 1);
    struct regexp_cache *cache = NULL;
    struct arena arena;
    bool matches, is_exact, is_prefix_only;

    arena_init(&arena, 0);
    (void)pattern_glob(pattern, text, &matches);
    (void)pattern_like(pattern, text, '\\', false, &matches);
    if (pattern_like(pattern, text, '\\', true, &matches) == ST_OK) {
        struct slice prefix =
            pattern_like_prefix(pattern, '\\', &arena, &is_exact, &is_prefix_only);
        assert(!matches || slice_starts_with(text, prefix));
        assert(!is_prefix_only || matches == slice_starts_with(text, prefix));
        assert(!is_exact || !matches || slice_equal(text, prefix));
    }
    (void)regexp_match(&cache, pattern, text, &matches, NULL);
    regexp_free(cache);
    arena_deinit(&arena);
    return 0;
}
