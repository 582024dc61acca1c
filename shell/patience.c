/* A statement that takes long says on the terminal that it is alive and how to stop it. One thread
 * waits for that; it sleeps while no statement runs. */
#include "shell/shell.h"
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE_S = 2 };

struct patience {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct timespec began;
    bool is_waiting; /* a statement runs and has shown nothing yet */
    bool has_shown, is_ending;
};

static long seconds_since(const struct timespec *began)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (long)(now.tv_sec - began->tv_sec) - (now.tv_nsec < began->tv_nsec);
}

static void *watch(void *context)
{
    struct patience *patience = context;

    pthread_mutex_lock(&patience->lock);
    while (!patience->is_ending) {
        struct timespec until = patience->began;
        long seconds;

        if (!patience->is_waiting) {
            pthread_cond_wait(&patience->changed, &patience->lock);
            continue;
        }
        seconds = seconds_since(&patience->began);
        if (seconds >= PATIENCE_S) {
            fprintf(stderr, "\r\033[Krunning for %ld s (Ctrl-C stops)", seconds);
            fflush(stderr);
            patience->has_shown = true;
        }
        until.tv_sec += seconds < PATIENCE_S ? PATIENCE_S : seconds + 1;
        pthread_cond_timedwait(&patience->changed, &patience->lock, &until);
    }
    pthread_mutex_unlock(&patience->lock);
    return NULL;
}

struct patience *patience_new(void)
{
    struct patience *patience;
    pthread_condattr_t attributes;
    sigset_t all, before;
    int failed;

    if (isatty(STDERR_FILENO) == 0 || (patience = calloc(1, sizeof *patience)) == NULL)
        return NULL;
    pthread_mutex_init(&patience->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&patience->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    sigfillset(&all); /* Ctrl-C is for the other thread */
    pthread_sigmask(SIG_BLOCK, &all, &before);
    failed = pthread_create(&patience->thread, NULL, watch, patience);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed != 0) {
        free(patience);
        return NULL;
    }
    return patience;
}

void patience_begin(struct patience *patience)
{
    if (patience == NULL)
        return;
    pthread_mutex_lock(&patience->lock);
    clock_gettime(CLOCK_MONOTONIC, &patience->began);
    patience->is_waiting = true;
    pthread_cond_signal(&patience->changed);
    pthread_mutex_unlock(&patience->lock);
}

void patience_end(struct patience *patience)
{
    if (patience == NULL)
        return;
    pthread_mutex_lock(&patience->lock);
    patience->is_waiting = false;
    if (patience->has_shown) {
        fputs("\r\033[K", stderr);
        fflush(stderr);
    }
    patience->has_shown = false;
    pthread_mutex_unlock(&patience->lock);
}

void patience_free(struct patience *patience)
{
    if (patience == NULL)
        return;
    pthread_mutex_lock(&patience->lock);
    patience->is_ending = true;
    pthread_cond_signal(&patience->changed);
    pthread_mutex_unlock(&patience->lock);
    pthread_join(patience->thread, NULL);
    pthread_cond_destroy(&patience->changed);
    pthread_mutex_destroy(&patience->lock);
    free(patience);
}
