/*
 * Idle statements by text. Preparing a known text takes its statement, with program, machine and
 * open cursors; finalizing gives it back. A text that is prepared twice at a time is compiled
 * twice; one of both is kept.
 */
#include "api/api_internal.h"
#include "storage/value/hash.h"
#include <stdlib.h>
#include <string.h>

uint64_t cache_hash(int language, const char *text, size_t bytes)
{
    return hash_bytes(slice_of(text, bytes), (uint64_t)language);
}

/* The list of all idle statements, least recently given first: what leaves when there are too many.
 */
static void list_append(harper_session *session, harper_statement *statement)
{
    statement->older = session->cache_newest;
    statement->newer = NULL;
    if (session->cache_newest != NULL)
        session->cache_newest->newer = statement;
    else
        session->cache_oldest = statement;
    session->cache_newest = statement;
}

static void list_remove(harper_session *session, harper_statement *statement)
{
    if (statement->older != NULL)
        statement->older->newer = statement->newer;
    else
        session->cache_oldest = statement->newer;
    if (statement->newer != NULL)
        statement->newer->older = statement->older;
    else
        session->cache_newest = statement->older;
    statement->older = statement->newer = NULL;
}

/* Out of its bucket and out of the list. */
static void take_out(harper_session *session, harper_statement *statement)
{
    harper_statement **at = &session->cache[statement->hash % CACHE_SLOTS];

    while (*at != statement)
        at = &(*at)->next_cached;
    *at = statement->next_cached;
    statement->next_cached = NULL;
    list_remove(session, statement);
    session->cache_count--;
}

static bool is_of(const harper_statement *statement, uint64_t hash, int language, const char *text,
                  size_t bytes)
{
    return statement->hash == hash && statement->language == language &&
           statement->text_bytes == bytes && memcmp(statement->text, text, bytes) == 0;
}

harper_statement *cache_take(harper_session *session, int language, const char *text, size_t bytes)
{
    uint64_t hash = cache_hash(language, text, bytes);

    for (harper_statement *at = session->cache[hash % CACHE_SLOTS]; at != NULL;
         at = at->next_cached) {
        if (is_of(at, hash, language, text, bytes)) {
            take_out(session, at);
            return at;
        }
    }
    return NULL;
}

void cache_give(harper_statement *statement)
{
    harper_session *session = statement->session;
    harper_statement **slot = &session->cache[statement->hash % CACHE_SLOTS];

    if (!statement->is_cacheable || statement->text_bytes > CACHE_TEXT_BYTES_MAX) {
        statement_free(statement);
        return;
    }
    for (harper_statement *other = *slot; other != NULL; other = other->next_cached) {
        if (is_of(other, statement->hash, statement->language, statement->text,
                  statement->text_bytes)) {
            statement_free(statement);
            return;
        }
    }
    if (session->cache_count >= CACHE_ENTRIES_MAX) {
        harper_statement *victim = session->cache_oldest;

        take_out(session, victim);
        statement_free(victim);
    }
    statement->next_cached = *slot;
    *slot = statement;
    list_append(session, statement);
    session->cache_count++;
}

void cache_clear(harper_session *session)
{
    while (session->cache_oldest != NULL) {
        harper_statement *statement = session->cache_oldest;

        take_out(session, statement);
        statement_free(statement);
    }
}
