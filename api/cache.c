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

harper_statement *cache_take(harper_session *session, int language, const char *text, size_t bytes)
{
    uint64_t hash = cache_hash(language, text, bytes);

    for (harper_statement **at = &session->cache[hash % CACHE_SLOTS]; *at != NULL;
         at = &(*at)->next_cached) {
        harper_statement *statement = *at;

        if (statement->hash == hash && statement->language == language &&
            statement->text_bytes == bytes && memcmp(statement->text, text, bytes) == 0) {
            *at = statement->next_cached;
            statement->next_cached = NULL;
            session->cache_count--;
            return statement;
        }
    }
    return NULL;
}

static void drop_oldest(harper_session *session)
{
    harper_statement **oldest = NULL;
    harper_statement *victim;

    for (unsigned slot = 0; slot < CACHE_SLOTS; slot++)
        for (harper_statement **at = &session->cache[slot]; *at != NULL; at = &(*at)->next_cached)
            if (oldest == NULL || (*at)->cached_at < (*oldest)->cached_at)
                oldest = at;
    if (oldest == NULL)
        return;
    victim = *oldest;
    *oldest = victim->next_cached;
    session->cache_count--;
    statement_free(victim);
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
        if (other->hash == statement->hash && other->language == statement->language &&
            other->text_bytes == statement->text_bytes &&
            memcmp(other->text, statement->text, other->text_bytes) == 0) {
            statement_free(statement);
            return;
        }
    }
    if (session->cache_count >= CACHE_ENTRIES_MAX)
        drop_oldest(session);
    statement->next_cached = *slot;
    statement->cached_at = ++session->cache_clock;
    *slot = statement;
    session->cache_count++;
}

void cache_clear(harper_session *session)
{
    for (unsigned slot = 0; slot < CACHE_SLOTS; slot++) {
        while (session->cache[slot] != NULL) {
            harper_statement *statement = session->cache[slot];

            session->cache[slot] = statement->next_cached;
            statement_free(statement);
        }
    }
    session->cache_count = 0;
}
