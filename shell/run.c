/* Running what was typed or read: SQL, request lines, JSON operations and dot commands through one
 * door. */
#include "shell/shell.h"
#include <ctype.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <time.h>

/* The session that Ctrl-C stops. A signal handler has no other way to find it. */
static harper_session *volatile interruptible;
static volatile sig_atomic_t was_interrupted;

static void on_interrupt(int signal_number)
{
    harper_session *session = interruptible;

    (void)signal_number;
    was_interrupted = 1;
    if (session != NULL)
        harper_interrupt(session);
}

bool shell_interrupted(void)
{
    return was_interrupted != 0;
}

void shell_forget_interrupt(void)
{
    was_interrupted = 0;
}

bool shell_open(struct shell *shell, const char *path, const harper_options *options)
{
    harper *db = NULL;
    harper_session *session = NULL;
    harper_error error;
    struct sigaction action = {.sa_handler = on_interrupt, .sa_flags = SA_RESTART};

    if (harper_open(path, options, &db, &error) != HARPER_OK) {
        fprintf(stderr, "harper: cannot open %s: %s\n", path, error.message);
        return false;
    }
    if (harper_session_open(db, &session, &error) != HARPER_OK) {
        fprintf(stderr, "harper: %s\n", error.message);
        harper_close(db);
        return false;
    }
    shell_close(shell);
    shell->db = db;
    shell->session = session;
    shell->path = strdup(path);
    interruptible = session;
    sigaction(SIGINT, &action, NULL);
    return true;
}

void shell_close(struct shell *shell)
{
    interruptible = NULL;
    serve_stop(shell);
    harper_session_close(shell->session);
    if (shell->db != NULL)
        harper_close(shell->db);
    free(shell->path);
    shell->session = NULL;
    shell->db = NULL;
    shell->path = NULL;
}

/* ---- errors ---- */

/* The line of `text` around the place, with a caret below it. Tabs are shown as one blank, so that
 * the caret stands right. */
static void put_caret(const char *text, size_t at)
{
    size_t begin = at, end = at;

    while (begin > 0 && text[begin - 1] != '\n' && at - begin < 60)
        begin--;
    while (begin < at && ((unsigned char)text[begin] & 0xc0) == 0x80)
        begin++;
    while (text[end] != '\0' && text[end] != '\n' && text[end] != '\r' && end - at < 60)
        end++;
    while (((unsigned char)text[end] & 0xc0) == 0x80)
        end++;
    fputs("  ", stderr);
    for (size_t k = begin; k < end; k++)
        fputc(text[k] == '\t' ? ' ' : text[k], stderr);
    fprintf(stderr, "\n  %*s^\n", (int)display_width(text + begin, at - begin), "");
}

/* Where the error is in the whole input: the text is a statement of it, or an input of its own. At
 * the end it is behind the last thing that was written. */
static size_t place_of(const struct shell *shell, const char **text, int64_t offset)
{
    const char *running = shell->running;
    size_t len = strlen(*text), at = (size_t)offset > len ? len : (size_t)offset;

    if (running != NULL && *text >= running && *text <= running + strlen(running)) {
        at += (size_t)(*text - running);
        *text = running;
    }
    while (at > 0 && (*text)[at] == '\0' && strchr(" \t\r\n", (*text)[at - 1]) != NULL)
        at--;
    return at;
}

void shell_error(struct shell *shell, const char *text, const harper_error *error)
{
    bool has_place = error->offset >= 0 && text != NULL;
    size_t at = has_place ? place_of(shell, &text, error->offset) : 0;
    unsigned line = shell->input_line;

    shell->had_error = true;
    shell->exit_code = 1;
    fflush(shell->out);
    for (size_t k = 0; has_place && text == shell->running && k < at; k++)
        line += text[k] == '\n';
    fputs("Error: ", stderr);
    if (line > 0 && shell->input_name != NULL)
        fprintf(stderr, "%s, ", shell->input_name);
    if (line > 0)
        fprintf(stderr, "line %u: ", line);
    fprintf(stderr, "%s\n", error->message);
    if (has_place)
        put_caret(text, at);
}

/* ---- one statement ---- */

struct stopwatch {
    struct timespec wall;
    struct rusage usage;
};

static void stopwatch_start(struct stopwatch *watch)
{
    clock_gettime(CLOCK_MONOTONIC, &watch->wall);
    getrusage(RUSAGE_SELF, &watch->usage);
}

static double seconds_between(struct timeval from, struct timeval to)
{
    return (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_usec - from.tv_usec) / 1e6;
}

static void stopwatch_print(struct shell *shell, const struct stopwatch *watch)
{
    struct stopwatch now;

    stopwatch_start(&now);
    fprintf(shell->out, "Run Time: real %.6f user %.6f sys %.6f\n",
            (double)(now.wall.tv_sec - watch->wall.tv_sec) +
                (double)(now.wall.tv_nsec - watch->wall.tv_nsec) / 1e9,
            seconds_between(watch->usage.ru_utime, now.usage.ru_utime),
            seconds_between(watch->usage.ru_stime, now.usage.ru_stime));
}

static void put_explanation(struct shell *shell, harper_statement *statement)
{
    const char *text = harper_explain(statement, shell->explain);

    if (text != NULL)
        fputs(text, shell->out);
}

static bool step_all(struct shell *shell, harper_statement *statement, const char *text)
{
    struct renderer *renderer = NULL;
    int status;

    patience_begin(shell->patience);
    while ((status = harper_step(statement)) == HARPER_ROW) {
        if (renderer == NULL)
            renderer = render_begin(shell, statement);
        if (!render_is_kept(shell->mode))
            patience_end(shell->patience);
        render_row(renderer, statement);
    }
    patience_end(shell->patience);
    if (renderer != NULL)
        render_end(renderer);
    if (status != HARPER_DONE && status != HARPER_OK && status != HARPER_NOT_FOUND) {
        shell_error(shell, text, harper_session_error(shell->session));
        return false;
    }
    if (status == HARPER_NOT_FOUND && shell->is_interactive)
        fprintf(shell->out, "not found\n");
    return true;
}

static bool run_statement(struct shell *shell, harper_statement *statement, const char *text)
{
    struct stopwatch watch;
    bool ok;

    stopwatch_start(&watch);
    if (shell->explain >= 0 && !harper_is_explain(statement))
        put_explanation(shell, statement);
    ok = step_all(shell, statement, text);
    if (shell->timer)
        stopwatch_print(shell, &watch);
    if (ok && shell->show_changes)
        fprintf(shell->out, "changes: %lld   total_changes: %lld\n",
                (long long)harper_changes(shell->session),
                (long long)harper_total_changes(shell->session));
    return ok;
}

static bool run_sql(struct shell *shell, const char *text)
{
    const char *at = text;

    while (*at != '\0') {
        harper_statement *statement = NULL;
        harper_error error;
        const char *tail = NULL;
        bool ok;

        if (harper_prepare(shell->session, HARPER_SQL, at, -1, &statement, &tail, &error) !=
            HARPER_OK) {
            shell_error(shell, at, &error);
            return false;
        }
        if (statement == NULL) /* only blanks and comments were left */
            return true;
        ok = run_statement(shell, statement, at);
        harper_finalize(statement);
        if (!ok)
            return false;
        at = tail;
    }
    return true;
}

/* ---- request lines ---- */

static const char *const methods[] = {"GET", "HEAD", "PUT", "PATCH", "POST", "DELETE", NULL};

bool shell_is_request(const char *text)
{
    for (size_t k = 0; methods[k] != NULL; k++) {
        size_t len = strlen(methods[k]);

        if (strncmp(text, methods[k], len) == 0 && (text[len] == ' ' || text[len] == '\t')) {
            const char *path = text + len;

            path += strspn(path, " \t");
            if (*path == '/')
                return true;
        }
    }
    return false;
}

/* One line of GraphQL: "query …" or "{ Dog …"; the brace of a JSON operation is followed by a
 * quote. */
bool shell_is_graphql(const char *text)
{
    const char *next;

    if (strncmp(text, "query", 5) == 0 && strchr(" \t{($", text[5]) != NULL && text[5] != '\0')
        return true;
    next = text + 1 + strspn(text[0] == '\0' ? "" : text + 1, " \t");
    return text[0] == '{' && *next != '"' && *next != '}' && *next != '\0';
}

/* METHOD /path [body]: the body begins at the first blank behind the path. */
static bool run_request(struct shell *shell, const char *text)
{
    size_t method = strcspn(text, " \t"), path = method + strspn(text + method, " \t");
    size_t end = path + strcspn(text + path, " \t\r\n"), body = end + strspn(text + end, " \t\r\n");
    harper_statement *statement = NULL;
    harper_error error;
    bool ok;

    if (harper_prepare(shell->session, HARPER_URL, text, (int64_t)end, &statement, NULL, &error) !=
        HARPER_OK) {
        shell_error(shell, text, &error);
        return false;
    }
    if (text[body] != '\0' && harper_bind_json(statement, 1, text + body, -1) != HARPER_OK) {
        harper_error shifted = *harper_session_error(shell->session);

        if (shifted.offset >= 0)
            shifted.offset += (int64_t)body;
        shell_error(shell, text, &shifted);
        harper_finalize(statement);
        return false;
    }
    ok = run_statement(shell, statement, text);
    harper_finalize(statement);
    return ok;
}

static bool run_text(struct shell *shell, int language, const char *text)
{
    harper_statement *statement = NULL;
    harper_error error;
    bool ok;

    if (harper_prepare(shell->session, language, text, -1, &statement, NULL, &error) != HARPER_OK) {
        shell_error(shell, text, &error);
        return false;
    }
    ok = run_statement(shell, statement, text);
    harper_finalize(statement);
    return ok;
}

static size_t trimmed_length(const char *text)
{
    size_t len = strlen(text);

    while (len > 0 && strchr(" \t\r\n", text[len - 1]) != NULL)
        len--;
    return len;
}

void shell_run(struct shell *shell, const char *text)
{
    const char *outer = shell->running;

    shell->running = text;
    shell->had_error = false;
    text += strspn(text, " \t\r\n");
    if (*text != '\0' && shell->echo)
        fprintf(shell->out, "%.*s\n", (int)trimmed_length(text), text);
    if (*text == '.')
        command_run(shell, text);
    else if (shell_is_graphql(text))
        run_text(shell, HARPER_GRAPHQL, text);
    else if (*text == '{')
        run_text(shell, HARPER_OPERATION, text);
    else if (shell_is_request(text))
        run_request(shell, text);
    else if (*text != '\0')
        run_sql(shell, text);
    fflush(shell->out);
    shell->running = outer;
}

/* Runs a query of the shell's own and gives the first column of each row. */
void shell_each_text(struct shell *shell, const char *sql,
                     void (*each)(void *context, const char *text), void *context)
{
    harper_statement *statement = NULL;
    harper_error error;
    int status;

    if (harper_prepare(shell->session, HARPER_SQL, sql, -1, &statement, NULL, &error) !=
        HARPER_OK) {
        shell_error(shell, sql, &error);
        return;
    }
    while ((status = harper_step(statement)) == HARPER_ROW)
        if (harper_column_type(statement, 0) != HARPER_NULL)
            each(context, harper_column_text(statement, 0, NULL));
    if (status != HARPER_DONE)
        shell_error(shell, sql, harper_session_error(shell->session));
    harper_finalize(statement);
}

/* ---- scripts ---- */

struct pending {
    char *text;
    size_t len, capacity;
};

static void pending_add(struct pending *pending, const char *line)
{
    size_t more = strlen(line);

    if (pending->len + more + 1 > pending->capacity) {
        pending->capacity = (pending->len + more + 1) * 2;
        pending->text = realloc(pending->text, pending->capacity);
        if (pending->text == NULL) {
            fputs("harper: out of memory\n", stderr);
            exit(70);
        }
    }
    memcpy(pending->text + pending->len, line, more + 1);
    pending->len += more;
}

static bool is_blank(const char *text)
{
    return text[strspn(text, " \t\r\n")] == '\0';
}

/* A line that stands for itself: a dot command or a request, when no statement is open. */
static bool is_whole_line(const struct pending *pending, const char *line)
{
    const char *at = line + strspn(line, " \t");

    return (pending->len == 0 || is_blank(pending->text)) &&
           (*at == '.' || shell_is_request(at) || shell_is_graphql(at));
}

void shell_read(struct shell *shell, FILE *in, const char *name)
{
    struct pending pending = {0};
    const char *outer_name = shell->input_name;
    unsigned outer_line = shell->input_line, line_number = 0;
    char *line = NULL;
    size_t capacity = 0;

    shell->input_name = name;
    while (!shell->quit && getline(&line, &capacity, in) >= 0) {
        line_number++;
        if (pending.len == 0 || is_blank(pending.text))
            shell->input_line = line_number;
        if (is_whole_line(&pending, line)) {
            pending.len = 0;
            line[strcspn(line, "\r\n")] = '\0';
            shell_run(shell, line);
        } else {
            const char *first;

            pending_add(&pending, line);
            first = pending.text + strspn(pending.text, " \t\r\n");
            if (input_wants_more(first))
                continue;
            shell_run(shell, pending.text);
            pending.len = 0;
            pending.text[0] = '\0';
        }
        if ((shell->had_error && shell->stop_on_error) || shell_interrupted())
            break;
    }
    if (pending.len > 0 && !shell->quit && !shell_interrupted() &&
        !(shell->had_error && shell->stop_on_error))
        shell_run(shell, pending.text);
    free(line);
    free(pending.text);
    shell->input_name = outer_name;
    shell->input_line = outer_line;
}
