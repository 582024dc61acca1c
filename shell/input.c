/* The terminal: line editing, history and completion by libedit, statements over several lines. */
#include "shell/shell.h"
#include <editline/readline.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { HISTORY_MAX = 2000 };

/* readline's completion callbacks carry no context. */
static struct shell *completing;

struct matches {
    char **items;
    size_t count, capacity, next;
};

static struct matches matches;

static void add_match(void *context, const char *word)
{
    (void)context;
    for (size_t k = 0; k < matches.count; k++)
        if (strcasecmp(matches.items[k], word) == 0)
            return;
    if (matches.count == matches.capacity) {
        size_t capacity = matches.capacity == 0 ? 64 : matches.capacity * 2;
        char **more = realloc(matches.items, capacity * sizeof *more);

        if (more == NULL)
            return;
        matches.items = more;
        matches.capacity = capacity;
    }
    matches.items[matches.count] = strdup(word);
    if (matches.items[matches.count] != NULL)
        matches.count++;
}

static char *next_match(const char *text, int state)
{
    if (state == 0) {
        const char *name;

        for (size_t k = 0; k < matches.count; k++)
            free(matches.items[k]);
        matches.count = matches.next = 0;
        if (text[0] == '.') {
            for (size_t k = 0; (name = command_name(k)) != NULL; k++)
                if (strncmp(name, text, strlen(text)) == 0)
                    add_match(NULL, name);
        } else {
            harper_complete(completing->session, text, add_match, NULL);
        }
    }
    return matches.next < matches.count ? strdup(matches.items[matches.next++]) : NULL;
}

static char **complete(const char *text, int start, int end)
{
    (void)start;
    (void)end;
    return rl_completion_matches(text, next_match);
}

static char *history_path(void)
{
    const char *chosen = getenv("HARPER_HISTORY"), *home = getenv("HOME");
    char *path = NULL;

    if (chosen != NULL)
        return strdup(chosen);
    if (home == NULL || asprintf(&path, "%s/.harper_history", home) < 0)
        return NULL;
    return path;
}

static void append(char **text, const char *line)
{
    char *joined = NULL;

    if (asprintf(&joined, "%s%s%s", *text == NULL ? "" : *text, *text == NULL ? "" : "\n", line) <
        0)
        exit(70);
    free(*text);
    *text = joined;
}

/* Does `text` need more lines? Dot commands and requests are one line, JSON ends with its bracket,
 * SQL with a semicolon. */
bool input_wants_more(const char *text)
{
    const char *at = text + strspn(text, " \t\r\n");
    int depth = 0;
    bool in_text = false;

    if (*at == '\0' || *at == '.' || shell_is_request(at))
        return false;
    if (*at != '{')
        return !harper_is_complete(text);
    for (; *at != '\0'; at++) {
        if (in_text && *at == '\\' && at[1] != '\0')
            at++;
        else if (*at == '"')
            in_text = !in_text;
        else if (!in_text && (*at == '{' || *at == '['))
            depth++;
        else if (!in_text && (*at == '}' || *at == ']'))
            depth--;
    }
    return depth > 0;
}

void input_loop(struct shell *shell)
{
    char *path = history_path(), *pending = NULL, *line;
    static char break_characters[] = " \t\n\"'`@$><=;|&{(,)";

    completing = shell;
    rl_readline_name = (char *)(uintptr_t) "harper";
    rl_attempted_completion_function = complete;
    rl_basic_word_break_characters = break_characters;
    using_history();
    stifle_history(HISTORY_MAX);
    if (path != NULL)
        read_history(path);
    printf("harper %s  %s (%s)\nEnter .help for help, .quit to leave.\n", harper_version(),
           shell->path, harper_backend(shell->db));
    while (!shell->quit) {
        line = readline(pending == NULL ? "harper> " : "   ...> ");
        if (line == NULL) { /* end of input */
            if (pending == NULL)
                break;
            free(pending);
            pending = NULL;
            putchar('\n');
            continue;
        }
        append(&pending, line);
        free(line);
        if (pending[strspn(pending, " \t\r\n")] == '\0') {
            free(pending);
            pending = NULL;
            continue;
        }
        if (input_wants_more(pending))
            continue;
        add_history(pending);
        shell_run(shell, pending);
        free(pending);
        pending = NULL;
    }
    putchar('\n');
    if (path != NULL)
        write_history(path);
    free(pending);
    free(path);
}
