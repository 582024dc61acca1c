/* Paths, negotiation and entity tags: what needs no server. */
#include "rest/rest_internal.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h> /* needs what stands above */

static const struct route_attribute attributes[] = {
    {.name = {"id", 2}}, {.name = {"name", 4}}, {.name = {"json", 4}}};

static struct route route(const char *path, bool is_exported)
{
    return (struct route){.path = slice_text(path),
                          .table = slice_text(path),
                          .is_exported = is_exported,
                          .attribute_count = COUNT_OF(attributes),
                          .attributes = attributes};
}

static void a_path_leads_to_the_longest_route(void **state)
{
    static const struct {
        const char *path, *route, *key;
        bool reads, has_query;
        enum target_kind kind;
        enum media media;
        const char *property;
    } cases[] = {
        {"Dog", "Dog", "", true, false, TARGET_TABLE, MEDIA_NONE, NULL},
        {"Dog", "Dog", "", true, true, TARGET_COLLECTION, MEDIA_NONE, NULL},
        {"Dog/", "Dog", "", true, false, TARGET_COLLECTION, MEDIA_NONE, NULL},
        {"Dog/7", "Dog", "7", true, false, TARGET_RECORD, MEDIA_NONE, NULL},
        {"D%6Fg/7", "Dog", "7", true, false, TARGET_RECORD, MEDIA_NONE, NULL},
        {"Dog/a/b", "Dog", "a/b", true, false, TARGET_RECORD, MEDIA_NONE, NULL},
        {"Dog/a/", "Dog", "a/", true, false, TARGET_BELOW, MEDIA_NONE, NULL},
        {"Dog//x", "Dog", "/x", true, false, TARGET_RECORD, MEDIA_NONE, NULL},
        {"Dog/7.name", "Dog", "7", true, false, TARGET_RECORD, MEDIA_NONE, "name"},
        {"Dog/7.nope", "Dog", "7.nope", true, false, TARGET_RECORD, MEDIA_NONE, NULL},
        {"Dog/7.json", "Dog", "7", true, false, TARGET_RECORD, MEDIA_JSON, NULL},
        {"Dog/7.cbor", "Dog", "7", true, false, TARGET_RECORD, MEDIA_CBOR, NULL},
        {"Dog/.msgpack", "Dog", "", true, false, TARGET_COLLECTION, MEDIA_MSGPACK, NULL},
        {"Dog/.csv", "Dog", "", true, true, TARGET_COLLECTION, MEDIA_CSV, NULL},
        {"Dog/a/.csv", "Dog", "a/", true, false, TARGET_BELOW, MEDIA_CSV, NULL},
        {"Dog.json", "Dog", "", true, false, TARGET_TABLE, MEDIA_JSON, NULL},
        {"Dog/7.name", "Dog", "7.name", false, false, TARGET_RECORD, MEDIA_NONE, NULL},
        {"Dog/a.b/7.name", "Dog", "a.b/7", true, false, TARGET_RECORD, MEDIA_NONE, "name"},
        {"nest/deep/1", "nest/deep", "1", true, false, TARGET_RECORD, MEDIA_NONE, NULL},
        {"nest/1", "nest", "1", true, false, TARGET_RECORD, MEDIA_NONE, NULL},
        {"dog", NULL, "", true, false, TARGET_NONE, MEDIA_NONE, NULL},
        {"Dogs", NULL, "", true, false, TARGET_NONE, MEDIA_NONE, NULL},
        {"Dog.nope", NULL, "", true, false, TARGET_NONE, MEDIA_NONE, NULL},
        {"Secret/1", NULL, "", true, false, TARGET_NONE, MEDIA_NONE, NULL},
        {"", NULL, "", true, false, TARGET_NONE, MEDIA_NONE, NULL},
    };
    struct route items[] = {route("Dog", true), route("nest", true), route("nest/deep", true),
                            route("Secret", false)};
    struct routes routes = {.count = COUNT_OF(items), .items = items};
    struct path_index index;

    (void)state;
    assert_true(path_index_make(&index, &routes, false));
    for (size_t k = 0; k < COUNT_OF(cases); k++) {
        struct target target;

        path_resolve(&index, cases[k].reads, slice_text(cases[k].path), cases[k].has_query,
                     &target);
        assert_int_equal(target.kind, cases[k].kind);
        if (cases[k].route == NULL)
            continue;
        assert_true(slice_is(target.route->path, cases[k].route));
        assert_true(slice_is(target.key, cases[k].key));
        assert_int_equal(target.media, cases[k].media);
        assert_true(cases[k].property == NULL ? target.property == NULL
                                              : slice_is(target.property->name, cases[k].property));
    }
    arena_deinit(&routes.arena);
}

static void a_version_is_written_as_ten_characters(void **state)
{
    char etag[ETAG_BYTES];

    (void)state;
    etag_write((uint64_t)(1795174663456.2136 * 4096.0), etag);
    assert_int_equal(strlen(etag), 12);
    assert_string_equal(etag, "\"iK^RvmvExG\"");
}

static void tags_match_alone_in_lists_weak_and_by_star(void **state)
{
    const char *tag = "\"abc\"";

    (void)state;
    assert_true(etag_matches("\"abc\"", tag));
    assert_true(etag_matches("W/\"abc\"", tag));
    assert_true(etag_matches("\"x\", \"abc\"", tag));
    assert_true(etag_matches("*", tag));
    assert_false(etag_matches("\"ab\"", tag));
    assert_false(etag_matches("abc", tag));
    assert_false(etag_matches("\"abc", tag));
    assert_false(etag_matches("", tag));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_path_leads_to_the_longest_route),
        cmocka_unit_test(a_version_is_written_as_ten_characters),
        cmocka_unit_test(tags_match_alone_in_lists_weak_and_by_star),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
