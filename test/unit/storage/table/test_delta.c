#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "storage/table/delta.h"
#include <stdio.h>
#include <stdlib.h>

enum { KEYS = 3000, MARKS = 3 };

struct model {
    uint8_t state[KEYS]; /* enum delta_state */
    uint32_t value[KEYS];
};

static uint64_t random_state = 88172645463325252u;

static uint64_t draw(uint64_t below)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (random_state >> 11) % below;
}

/* Keys of several lengths with long common beginnings, in the order of their number. */
static struct slice key_of(unsigned number, char room[32])
{
    int len = snprintf(room, 32, "%c%.*s%05u", 'a' + (int)(number / 1000), (int)(number / 1000) * 5,
                       "common beginning", number);

    return slice_of(room, (size_t)len);
}

static void compare(struct delta_store *store, const struct model *model)
{
    struct delta_place place = {.store = store};
    char room[32];
    unsigned number = 0;

    for (delta_seek(&place, slice_empty()); place.entry != NULL; delta_next(&place), number++) {
        while (model->state[number] == DELTA_NONE)
            number++;
        assert_true(slice_equal(delta_key(place.entry), key_of(number, room)));
        assert_int_equal(place.entry->state, model->state[number]);
    }
    for (; number < KEYS; number++)
        assert_int_equal(model->state[number], DELTA_NONE);
    for (delta_seek_before(&place, slice_empty()); place.entry != NULL; delta_prev(&place)) {
        do
            assert_true(number-- > 0);
        while (model->state[number] == DELTA_NONE);
        assert_true(slice_equal(delta_key(place.entry), key_of(number, room)));
    }
    for (unsigned i = 0; i < 200; i++) {
        unsigned at = (unsigned)draw(KEYS), next = at;
        struct slice value = slice_empty();
        enum delta_state state = delta_get(store, key_of(at, room), &value);

        assert_int_equal(state, model->state[at]);
        if (state == DELTA_PUT) {
            assert_true(value.len >= 4);
            assert_memory_equal(value.data, &model->value[at], 4);
        }
        delta_seek(&place, key_of(at, room));
        while (next < KEYS && model->state[next] == DELTA_NONE)
            next++;
        if (next == KEYS)
            assert_null(place.entry);
        else
            assert_true(slice_equal(delta_key(place.entry), key_of(next, room)));
    }
}

static void a_delta_behaves_like_an_array_with_marks(void **state)
{
    struct delta delta;
    struct delta_store *store;
    struct model now = {0}, marked[MARKS];
    struct delta_mark marks[MARKS];
    unsigned mark_count = 0;
    char room[32], value[40] = {0};

    (void)state;
    delta_init(&delta, 0);
    store = delta_use_store(&delta, (struct kv_store){20, KV_DATA});
    for (unsigned step = 0; step < 60000; step++) {
        unsigned at = (unsigned)draw(KEYS);
        uint64_t what = draw(1000);

        if (what < 700) {
            uint32_t number = (uint32_t)draw(UINT32_MAX);

            memcpy(value, &number, 4);
            assert_int_equal(
                delta_put(&delta, store, key_of(at, room), slice_of(value, 4 + draw(30))), ST_OK);
            now.state[at] = DELTA_PUT;
            now.value[at] = number;
        } else if (what < 990) {
            assert_int_equal(delta_delete(&delta, store, key_of(at, room)), ST_OK);
            now.state[at] = DELTA_DELETED;
        } else if (what < 994 && mark_count < MARKS) {
            marked[mark_count] = now;
            marks[mark_count++] = delta_begin_mark(&delta);
        } else if (what < 997 && mark_count != 0) {
            mark_count = (unsigned)draw(mark_count) + 1;
            delta_undo_to(&delta, &marks[mark_count - 1]);
            now = marked[mark_count - 1];
        } else if (what < 999 && mark_count != 0) {
            mark_count--;
            delta_end_mark(&delta, mark_count == 0 ? NULL : &marks[mark_count - 1]);
        } else if (step % 3 == 0) {
            compare(store, &now);
        }
    }
    compare(store, &now);
    delta_deinit(&delta);
}

static void keys_in_order_fill_their_nodes(void **state)
{
    struct delta delta;
    struct delta_store *store;
    char room[32];
    size_t leaves = 0;

    (void)state;
    delta_init(&delta, 0);
    store = delta_use_store(&delta, (struct kv_store){20, KV_DATA});
    for (unsigned i = 0; i < KEYS; i++)
        assert_int_equal(delta_put(&delta, store, key_of(i, room), slice_empty()), ST_OK);
    for (const struct delta_node *leaf = store->first; leaf != NULL; leaf = leaf->as.leaf.next)
        leaves++;
    assert_true(leaves <= KEYS / (DELTA_FANOUT - 2));
    delta_deinit(&delta);
}

static void a_budget_is_kept(void **state)
{
    struct delta delta;
    struct delta_store *store;
    enum status st = ST_OK;
    char room[32];

    (void)state;
    delta_init(&delta, 100000);
    store = delta_use_store(&delta, (struct kv_store){20, KV_DATA});
    for (unsigned i = 0; st == ST_OK && i < KEYS; i++)
        st = delta_put(&delta, store, key_of(i, room), slice_of("some value", 10));
    assert_int_equal(st, ST_LIMIT);
    delta_deinit(&delta);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_delta_behaves_like_an_array_with_marks),
        cmocka_unit_test(keys_in_order_fill_their_nodes),
        cmocka_unit_test(a_budget_is_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
