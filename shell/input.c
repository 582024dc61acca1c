/* The terminal: line editing, history and completion by libedit, statements over several lines. */
#include "shell/shell.h"
#include <ctype.h>
#include <editline/readline.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <sys/ttydefaults.h>
#include <unistd.h>

enum { HISTORY_MAX = 2000 };

/* readline's completion callbacks carry no context. */
static struct shell *completing;

struct matches {
    char **items;
    size_t count, capacity, next;
};

static struct matches matches;

static void add_match(const char *word)
{
    for (size_t k = 0; k < matches.count; k++)
        if (strcmp(matches.items[k], word) == 0)
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

/* What is being completed, and how: names keep their case, words of the language (the engine gives
 * them in capitals) take that of what was typed. */
struct wish {
    const char *prefix;
    bool exact_only, is_lower;
};

static void offer(void *context, const char *word)
{
    const struct wish *wish = context;
    bool is_capitals = true;
    char *lower;

    if (strncmp(word, wish->prefix, strlen(wish->prefix)) == 0)
        add_match(word);
    for (const char *at = word; *at != '\0'; at++)
        is_capitals = is_capitals && !islower((unsigned char)*at);
    if (!wish->exact_only && !(is_capitals && wish->is_lower)) {
        add_match(word);
    } else if (is_capitals && wish->is_lower && (lower = strdup(word)) != NULL) {
        for (char *at = lower; *at != '\0'; at++)
            *at = (char)tolower((unsigned char)*at);
        add_match(lower);
        free(lower);
    }
}

static void find_matches(const char *prefix)
{
    struct wish wish = {.prefix = prefix, .exact_only = true};
    const char *name;

    for (const char *at = prefix; *at != '\0'; at++)
        wish.is_lower = wish.is_lower || islower((unsigned char)*at);
    if (isupper((unsigned char)prefix[0]))
        wish.is_lower = false;
    for (size_t k = 0; k < matches.count; k++)
        free(matches.items[k]);
    matches.count = matches.next = 0;
    if (prefix[0] == '.') {
        for (size_t k = 0; (name = command_name(k)) != NULL; k++)
            if (strncmp(name, prefix, strlen(prefix)) == 0)
                add_match(name);
        return;
    }
    harper_complete(completing->session, prefix, offer, &wish);
    wish.exact_only = false;
    if (matches.count == 0)
        harper_complete(completing->session, prefix, offer, &wish);
}

static char *next_match(const char *text, int state)
{
    if (state == 0)
        find_matches(text);
    return matches.next < matches.count ? strdup(matches.items[matches.next++]) : NULL;
}

/* A tab in what is being pasted is white space. */
static bool is_pasting(void)
{
    int waiting = 0;

    return ioctl(STDIN_FILENO, FIONREAD, &waiting) == 0 && waiting > 0;
}

static char **complete(const char *text, int start, int end)
{
    static const char *const takes_files[] = {".read", ".import", ".apply",
                                              ".open", ".output", ".backup"};

    (void)end;
    rl_attempted_completion_over = 1;
    if (is_pasting()) {
        rl_insert_text(" ");
        return NULL;
    }
    for (size_t k = 0; start > 0 && k < sizeof takes_files / sizeof *takes_files; k++)
        if (strncmp(rl_line_buffer, takes_files[k], strlen(takes_files[k])) == 0)
            return rl_completion_matches(text, rl_filename_completion_function);
    return rl_completion_matches(text, next_match);
}

/* Ctrl-C at the prompt is a key like others: the line, and what was typed before it of the same
 * statement, is given up. */
static bool was_cancelled;

static int cancel_line(int count, int key)
{
    (void)count;
    (void)key;
    was_cancelled = true;
    rl_done = 1;
    return 0;
}

static void set_up_editing(struct shell *shell)
{
    static char break_characters[] = " \t\n\"'`@$><=;|&{(,)";

    completing = shell;
    rl_readline_name = (char *)(uintptr_t) "harper";
    rl_initialize();
    rl_attempted_completion_function = complete;
    rl_basic_word_break_characters = break_characters;
    rl_parse_and_bind("setty -d intr=");
    rl_add_defun("harper-cancel", cancel_line, CTRL('C'));
}

/* One line of the terminal, NULL at its end. *cancelled: Ctrl-C was pressed instead. */
static char *ask(const char *prompt, bool *cancelled)
{
    char *line;

    was_cancelled = false;
    line = readline(prompt);
    *cancelled = was_cancelled || (line == NULL && shell_interrupted());
    shell_forget_interrupt();
    if (*cancelled) {
        fputs("^C\n", stdout);
        free(line);
        return NULL;
    }
    return line;
}

/* A statement of several lines comes back as one, which can be edited; a comment would swallow
 * what follows. */
static void remember(char *text)
{
    bool has_comment = strstr(text, "--") != NULL;

    for (char *at = text; *at != '\0' && !has_comment; at++)
        if (*at == '\n')
            *at = ' ';
    add_history(text);
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

    if (*at == '\0' || *at == '.' || shell_is_request(at) || shell_is_graphql(at))
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
    bool cancelled;

    set_up_editing(shell);
    using_history();
    stifle_history(HISTORY_MAX);
    if (path != NULL)
        read_history(path);
    printf("harper %s  %s (%s)\nEnter .help for help, .quit to leave.\n", harper_version(),
           shell->path, harper_backend(shell->db));
    shell->patience = patience_new();
    while (!shell->quit) {
        line = ask(pending == NULL ? "harper> " : "   ...> ", &cancelled);
        if (line == NULL && !cancelled && pending == NULL) /* end of input */
            break;
        if (line == NULL) {
            if (!cancelled)
                putchar('\n');
            free(pending);
            pending = NULL;
            continue;
        }
        append(&pending, line);
        free(line);
        if (pending[strspn(pending, " \t\r\n")] != '\0' && input_wants_more(pending))
            continue;
        if (pending[strspn(pending, " \t\r\n")] != '\0') {
            shell_run(shell, pending);
            remember(pending);
            if (path != NULL)
                write_history(path);
        }
        free(pending);
        pending = NULL;
    }
    if (!shell->quit)
        putchar('\n');
    patience_free(shell->patience);
    shell->patience = NULL;
    free(pending);
    free(path);
}
