/* The tree against a plain sorted array, with old versions kept and checked. */
#include "storage/kv/tree.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { KEYS = 3000, VERSIONS_KEPT = 3 };

/* A model holds, for every possible key, the length its value has, or -1. */
struct model {
    int lengths[KEYS];
};

struct kept {
    uint64_t version;
    struct tree_node *root;
    struct tree_item *retired;
    struct model model;
};

struct world {
    struct tree_pool pool;
    struct tree_node *root;
    struct model model;
    struct kept kept[VERSIONS_KEPT]; /* oldest first */
    size_t kept_count;
    unsigned seed;
};

static unsigned roll(struct world *world, unsigned below)
{
    world->seed = world->seed * 1664525u + 1013904223u;
    return (world->seed >> 8) % below;
}

/* Keys of many lengths, some a prefix of others, in the order of their numbers. */
static struct slice key_of(unsigned number, char room[512])
{
    int len = sprintf(room, "shared/prefix/%04u", number / 3);
    unsigned tail = number % 3; /* "", "\0", "\0..." */

    if (tail >= 1)
        room[len++] = '\0';
    if (tail == 2) {
        memset(room + len, 'x', number % 400);
        room[len + (int)(number % 400)] = '!';
        len += (int)(number % 400) + 1;
    }
    return slice_of(room, (size_t)len);
}

static void put(struct world *world, unsigned number, size_t value_len)
{
    char room[512], *value = NULL;

    assert_int_equal(ST_OK,
                     tree_put(&world->pool, &world->root, key_of(number, room), value_len, &value));
    memset(value, (int)('a' + (number + value_len) % 26), value_len);
    world->model.lengths[number] = (int)value_len;
}

static void check_value(unsigned number, int len, struct slice value)
{
    assert_int_equal(len, value.len);
    for (int i = 0; i < len; i++)
        assert_int_equal('a' + (number + (unsigned)len) % 26, value.data[i]);
}

static void check(const struct model *model, const struct tree_node *root)
{
    struct tree_cursor at;
    struct slice key = {0}, value = {0};
    char room[512];
    bool more = tree_seek(&at, root, slice_empty());

    for (unsigned i = 0; i < KEYS; i++) {
        bool found = tree_get(root, key_of(i, room), &value);

        assert_int_equal(model->lengths[i] >= 0, found);
        if (!found)
            continue;
        check_value(i, model->lengths[i], value);
        assert_true(more);
        tree_read(&at, &key, &value);
        assert_true(slice_equal(key, key_of(i, room)));
        check_value(i, model->lengths[i], value);
        more = tree_next(&at);
    }
    assert_false(more);
    more = tree_seek_before(&at, root, slice_empty());
    for (unsigned i = KEYS; i-- > 0;) {
        if (model->lengths[i] < 0)
            continue;
        assert_true(more);
        tree_read(&at, &key, &value);
        assert_true(slice_equal(key, key_of(i, room)));
        more = tree_prev(&at);
    }
    assert_false(more);
}

static void check_seeks(struct world *world)
{
    for (unsigned n = 0; n < 50; n++) {
        unsigned from = roll(world, KEYS), next = from, before = from;
        char room[512];
        struct tree_cursor at;
        struct slice key = {0}, value = {0};
        bool found = tree_seek(&at, world->root, key_of(from, room));

        while (next < KEYS && world->model.lengths[next] < 0)
            next++;
        assert_int_equal(next < KEYS, found);
        if (found) {
            tree_read(&at, &key, &value);
            assert_true(slice_equal(key, key_of(next, room)));
        }
        found = tree_seek_before(&at, world->root, key_of(from, room));
        while (before > 0 && world->model.lengths[before - 1] < 0)
            before--;
        assert_int_equal(before > 0, found);
        if (found) {
            tree_read(&at, &key, &value);
            assert_true(slice_equal(key, key_of(before - 1, room)));
        }
    }
}

static void change(struct world *world)
{
    unsigned number = roll(world, KEYS), kind = roll(world, 100);
    char room[512], to_room[512];

    if (kind < 2) {
        unsigned to = number + roll(world, 200);

        if (to > KEYS - 1)
            to = KEYS - 1;
        assert_int_equal(ST_OK, tree_delete_range(&world->pool, &world->root, key_of(number, room),
                                                  key_of(to, to_room)));
        for (unsigned i = number; i < to; i++)
            world->model.lengths[i] = -1;
    } else if (kind < 35) {
        enum status st = tree_delete(&world->pool, &world->root, key_of(number, room));

        assert_int_equal(world->model.lengths[number] >= 0 ? ST_OK : ST_NOT_FOUND, st);
        world->model.lengths[number] = -1;
    } else if (kind < 45) {
        for (unsigned i = number; i < number + 40 && i < KEYS; i++)
            put(world, i, roll(world, 120));
    } else {
        put(world, number, kind < 50 ? roll(world, 9000) : roll(world, 200));
    }
}

static void drop_kept(struct world *world, size_t index)
{
    struct kept gone = world->kept[index];
    struct tree_item *nobody = NULL;
    struct kept *older = index > 0 ? &world->kept[index - 1] : NULL;

    while (gone.retired != NULL) {
        struct tree_item *item = gone.retired;

        gone.retired = item->next;
        tree_dispose(item, older != NULL ? older->version : 0,
                     older != NULL ? &older->retired : &nobody, NULL);
    }
    world->kept_count--;
    memmove(&world->kept[index], &world->kept[index + 1],
            (world->kept_count - index) * sizeof world->kept[0]);
}

/* End a version as memory.c does, and now and then keep it. */
static void finish_version(struct world *world)
{
    struct kept *viewer = world->kept_count > 0 ? &world->kept[world->kept_count - 1] : NULL;
    struct tree_item *nobody = NULL, *item = NULL;

    while ((item = world->pool.retired) != NULL) {
        world->pool.retired = item->next;
        tree_dispose(item, viewer != NULL ? viewer->version : 0,
                     viewer != NULL ? &viewer->retired : &nobody, &world->pool);
    }
    tree_free_doomed(&world->pool);
    if (roll(world, 4) == 0) {
        if (world->kept_count == VERSIONS_KEPT)
            drop_kept(world, roll(world, VERSIONS_KEPT));
        world->kept[world->kept_count++] = (struct kept){
            .version = world->pool.version, .root = world->root, .model = world->model};
    }
    world->pool.version++;
}

static void every_version_reads_as_it_was_written(void **state)
{
    struct world *world = calloc(1, sizeof *world);

    (void)state;
    world->pool.version = 1;
    world->seed = 7;
    memset(world->model.lengths, -1, sizeof world->model.lengths);
    for (unsigned round = 0; round < 150; round++) {
        struct tree_node *root_before = world->root;
        struct model model_before = world->model;

        for (unsigned i = roll(world, 60); i > 0; i--)
            change(world);
        check_seeks(world);
        if (roll(world, 8) == 0) { /* give this version up */
            tree_discard(&world->pool, world->root);
            tree_free_doomed(&world->pool);
            world->pool.retired = NULL;
            world->root = root_before;
            world->model = model_before;
            continue;
        }
        finish_version(world);
        check(&world->model, world->root);
        for (size_t i = 0; i < world->kept_count; i++)
            check(&world->kept[i].model, world->kept[i].root);
    }
    tree_retire_all(&world->pool, world->root);
    world->root = NULL;
    finish_version(world);
    while (world->kept_count > 0)
        drop_kept(world, roll(world, (unsigned)world->kept_count));
    tree_pool_deinit(&world->pool);
    free(world);
}

static void many_gets_find_what_single_ones_do(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    struct slice keys[100], values[100];
    char(*rooms)[512] = calloc(100, sizeof *rooms);

    (void)state;
    world->pool.version = 1;
    for (unsigned i = 0; i < KEYS; i += 2)
        put(world, i, i % 50);
    for (unsigned i = 0; i < 100; i++)
        keys[i] = key_of(i * 7, rooms[i]);
    tree_get_many(world->root, 100, keys, values);
    for (unsigned i = 0; i < 100; i++) {
        struct slice value = {0};
        bool found = tree_get(world->root, keys[i], &value);

        assert_int_equal(found, values[i].data != NULL);
        if (found)
            assert_true(slice_equal(value, values[i]));
    }
    tree_discard(&world->pool, world->root);
    tree_pool_deinit(&world->pool);
    free(rooms);
    free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_version_reads_as_it_was_written),
        cmocka_unit_test(many_gets_find_what_single_ones_do),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
