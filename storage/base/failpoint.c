#include "storage/base/failpoint.h"
#include "storage/base/slice.h"
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { ARMED_MAX = 32, NAME_BYTES_MAX = 96 };

enum action { ACTION_ERROR, ACTION_FULL, ACTION_KILL, ACTION_SLEEP };

struct armed {
    char name[NAME_BYTES_MAX];
    enum action action;
    unsigned sleep_ms;
    uint64_t from_hit; /* acts at this hit and later ones; 1 is the first */
    bool once;         /* acts at from_hit only */
    uint64_t hits;
};

/* Process-wide on purpose: a failpoint is hit deep inside code that knows nothing of tests. */
static pthread_mutex_t armed_lock = PTHREAD_MUTEX_INITIALIZER;
static struct armed armed[ARMED_MAX];
static unsigned armed_count;
_Atomic bool failpoints_are_armed;

static struct armed *find(const char *name)
{
    for (unsigned i = 0; i < armed_count; i++)
        if (strcmp(armed[i].name, name) == 0)
            return &armed[i];
    return NULL;
}

static void sleep_for(unsigned ms)
{
    struct timespec left = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};

    while (nanosleep(&left, &left) != 0)
        continue;
}

/* Counts the hit. False: nothing is to be done. */
static bool take_hit(const char *name, struct armed *out)
{
    struct armed *point;
    bool acts = false;

    pthread_mutex_lock(&armed_lock);
    point = find(name);
    if (point != NULL) {
        point->hits++;
        acts = point->once ? point->hits == point->from_hit : point->hits >= point->from_hit;
        *out = *point;
    }
    pthread_mutex_unlock(&armed_lock);
    return acts;
}

enum status failpoint_hit(const char *name)
{
    struct armed point;

    if (!take_hit(name, &point))
        return ST_OK;
    switch (point.action) {
    case ACTION_ERROR:
        return ST_IO;
    case ACTION_FULL:
        return ST_FULL;
    case ACTION_KILL:
        (void)kill(getpid(), SIGKILL);
        return ST_IO;
    case ACTION_SLEEP:
        sleep_for(point.sleep_ms);
        return ST_OK;
    }
    return ST_OK;
}

uint64_t failpoint_hit_count(const char *name)
{
    const struct armed *point;
    uint64_t hits;

    pthread_mutex_lock(&armed_lock);
    point = find(name);
    hits = point == NULL ? 0 : point->hits;
    pthread_mutex_unlock(&armed_lock);
    return hits;
}

void failpoint_disarm_all(void)
{
    pthread_mutex_lock(&armed_lock);
    armed_count = 0;
    atomic_store(&failpoints_are_armed, false);
    pthread_mutex_unlock(&armed_lock);
}

static bool take_number(struct slice *text, uint64_t *out)
{
    uint64_t value = 0;
    size_t i = 0;

    while (i < text->len && i < 18 && text->data[i] >= '0' && text->data[i] <= '9')
        value = value * 10 + (uint64_t)(text->data[i++] - '0');
    text->data += i;
    text->len -= i;
    *out = value;
    return i != 0;
}

static bool take_word(struct slice *text, const char *word)
{
    if (!slice_starts_with(*text, slice_text(word)))
        return false;
    text->data += strlen(word);
    text->len -= strlen(word);
    return true;
}

/* error | full | kill | sleep:MS, then any of @N, once, ",once". */
static bool parse_action(struct slice text, struct armed *point)
{
    uint64_t number;

    point->from_hit = 1;
    point->once = false;
    if (take_word(&text, "error")) {
        point->action = ACTION_ERROR;
    } else if (take_word(&text, "full")) {
        point->action = ACTION_FULL;
    } else if (take_word(&text, "kill")) {
        point->action = ACTION_KILL;
    } else if (take_word(&text, "sleep:") && take_number(&text, &number) && number < 3600000) {
        point->action = ACTION_SLEEP;
        point->sleep_ms = (unsigned)number;
    } else {
        return false;
    }
    while (take_word(&text, "@")) {
        if (take_word(&text, "once"))
            point->once = true;
        else if (!take_number(&text, &point->from_hit) || point->from_hit == 0)
            return false;
    }
    return text.len == 0;
}

/* Arming a name again replaces what it did. */
static enum status add(const struct armed *point)
{
    struct armed *place;
    enum status st = ST_OK;

    pthread_mutex_lock(&armed_lock);
    place = find(point->name);
    if (place == NULL && armed_count < ARMED_MAX)
        place = &armed[armed_count++];
    if (place != NULL)
        *place = *point;
    else
        st = ST_LIMIT;
    atomic_store(&failpoints_are_armed, armed_count != 0);
    pthread_mutex_unlock(&armed_lock);
    return st;
}

enum status failpoint_arm(const char *spec, struct error *err)
{
    const char *equals = strchr(spec, '=');
    struct armed point = {0};

    if (equals == NULL || equals == spec || equals - spec >= NAME_BYTES_MAX)
        return error_set(err, ST_INVALID, 0, "failpoint %s: expected name=action", spec);
    memcpy(point.name, spec, (size_t)(equals - spec));
    if (!parse_action(slice_text(equals + 1), &point))
        return error_set(err, ST_INVALID, equals + 1 - spec, "failpoint %s: unknown action", spec);
    if (add(&point) != ST_OK)
        return error_set(err, ST_LIMIT, -1, "more than %d failpoints are armed", ARMED_MAX);
    return ST_OK;
}

/* HARPER_FAILPOINTS arms a whole process before main runs, so that any program can be killed in the
 * middle of what it does. A spec that makes no sense ends the process: a test that silently tests
 * nothing is worse. */
__attribute__((constructor)) static void arm_from_environment(void)
{
    const char *list = getenv("HARPER_FAILPOINTS");
    char spec[NAME_BYTES_MAX * 2];
    struct error err;

    while (list != NULL && *list != '\0') {
        size_t len = strcspn(list, ",");

        (void)snprintf(spec, sizeof(spec), "%.*s", (int)(len < sizeof(spec) ? len : sizeof(spec)),
                       list);
        if (len != 0 && failpoint_arm(spec, &err) != ST_OK) {
            (void)fprintf(stderr, "HARPER_FAILPOINTS: %s\n", error_message(&err));
            _exit(2);
        }
        list += len;
        list += *list == ',';
    }
}
