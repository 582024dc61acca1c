/* Workers: sessions, and the routes they know. */
#include "rest/rest_internal.h"
#include <stdlib.h>

struct seat *worker_seat(struct worker *worker, harper_error *error)
{
    struct seat *seat = worker->seat;

    if (seat != NULL)
        return seat;
    seat = worker->idle;
    if (seat != NULL) {
        worker->idle = seat->next;
        seat->next = NULL;
    } else {
        seat = calloc(1, sizeof *seat);
        if (seat == NULL) {
            *error = (harper_error){.status = HARPER_NO_MEMORY, .offset = -1};
            return NULL;
        }
        if (harper_session_open(worker->server->db, &seat->session, error) != HARPER_OK) {
            free(seat);
            return NULL;
        }
    }
    worker->seat = seat;
    return seat;
}

void worker_keep_seat(struct worker *worker)
{
    worker->seat = NULL;
}

void worker_return_seat(struct worker *worker, struct seat *seat)
{
    arena_reset(&seat->arena);
    seat->next = worker->idle;
    worker->idle = seat;
}

bool worker_refresh(struct worker *worker, harper_error *error)
{
    if (worker->has_routes && worker->routes.version == routes_version(worker->server->db))
        return true;
    *error = (harper_error){.status = HARPER_NO_MEMORY, .offset = -1};
    worker->has_routes =
        routes_read(worker->seat->session, &worker->routes, error) == HARPER_OK &&
        path_index_make(&worker->index, &worker->routes, worker->server->exports_all);
    return worker->has_routes;
}

static void seat_free(struct seat *seat)
{
    if (seat == NULL)
        return;
    harper_session_close(seat->session);
    arena_deinit(&seat->arena);
    free(seat);
}

void worker_free(struct worker *worker)
{
    while (worker->idle != NULL) {
        struct seat *seat = worker->idle;

        worker->idle = seat->next;
        seat_free(seat);
    }
    seat_free(worker->seat);
    routes_free(&worker->routes);
    free(worker);
}
