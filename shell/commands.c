/* Dot commands: one table of names, usage, help and functions; .help and completion read it too. */
#include "shell/shell.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { WORDS_MAX = 32 };

struct words {
    char *at[WORDS_MAX];
    int count;
};

struct command {
    const char *name, *usage, *help;
    void (*run)(struct shell *shell, struct words *words);
};

static void complain(struct shell *shell, const char *format, const char *what)
{
    harper_error error = {.offset = -1};

    snprintf(error.message, sizeof error.message, format, what);
    shell_error(shell, NULL, &error);
}

static bool is_on(const char *word)
{
    return strcasecmp(word, "on") == 0 || strcmp(word, "1") == 0 || strcasecmp(word, "yes") == 0 ||
           strcasecmp(word, "true") == 0;
}

/* ---- looking at the schema ---- */

struct listing {
    struct shell *shell;
    char **items;
    size_t count, capacity;
};

static void collect(void *context, const char *text)
{
    struct listing *listing = context;

    if (listing->count == listing->capacity) {
        size_t capacity = listing->capacity == 0 ? 64 : listing->capacity * 2;
        char **more = realloc(listing->items, capacity * sizeof *more);

        if (more == NULL)
            return;
        listing->items = more;
        listing->capacity = capacity;
    }
    listing->items[listing->count] = strdup(text);
    if (listing->items[listing->count] != NULL)
        listing->count++;
}

static void put_columns(struct listing *listing)
{
    size_t widest = 1, across, down;
    FILE *out = listing->shell->out;

    for (size_t k = 0; k < listing->count; k++)
        if (display_width(listing->items[k], strlen(listing->items[k])) > widest)
            widest = display_width(listing->items[k], strlen(listing->items[k]));
    across = listing->shell->is_terminal_out ? 80 / (widest + 2) : 1;
    if (across == 0)
        across = 1;
    down = (listing->count + across - 1) / across;
    for (size_t row = 0; row < down; row++) {
        for (size_t k = row; k < listing->count; k += down) {
            bool is_last = k + down >= listing->count;

            fprintf(out, "%-*s%s", is_last ? 0 : (int)widest + 2, listing->items[k],
                    is_last ? "\n" : "");
            if (is_last)
                break;
        }
    }
}

static void listing_print(struct listing *listing, bool in_columns)
{
    if (in_columns && listing->shell->is_terminal_out) {
        put_columns(listing);
    } else {
        for (size_t k = 0; k < listing->count; k++)
            fprintf(listing->shell->out, "%s\n", listing->items[k]);
    }
    for (size_t k = 0; k < listing->count; k++)
        free(listing->items[k]);
    free(listing->items);
}

static char *quoted(const char *text)
{
    char *out = malloc(strlen(text) * 2 + 3), *at = out;

    if (out == NULL)
        exit(70);
    *at++ = '\'';
    for (; *text != '\0'; text++) {
        if (*text == '\'')
            *at++ = '\'';
        *at++ = *text;
    }
    *at++ = '\'';
    *at = '\0';
    return out;
}

static void run_listing(struct shell *shell, const char *sql, const char *pattern, bool in_columns)
{
    struct listing listing = {.shell = shell};
    char *like = quoted(pattern == NULL ? "%" : pattern), text[1024];

    snprintf(text, sizeof text, sql, like);
    shell_each_text(shell, text, collect, &listing);
    listing_print(&listing, in_columns);
    free(like);
}

static void run_tables(struct shell *shell, struct words *words)
{
    run_listing(
        shell,
        "SELECT name FROM sqlite_schema WHERE type IN ('table','view') AND name LIKE %s ORDER BY 1",
        words->count > 1 ? words->at[1] : NULL, true);
}

static void run_indexes(struct shell *shell, struct words *words)
{
    run_listing(
        shell,
        "SELECT name FROM sqlite_schema WHERE type = 'index' AND tbl_name LIKE %s ORDER BY 1",
        words->count > 1 ? words->at[1] : NULL, true);
}

static void put_definition(void *context, const char *text)
{
    struct shell *shell = context;

    fprintf(shell->out, "%s\n", text);
}

static void run_schema(struct shell *shell, struct words *words)
{
    const char *pattern = NULL;
    int language = -1;

    for (int k = 1; k < words->count; k++) {
        if (strcmp(words->at[k], "--sdl") == 0)
            language = HARPER_GRAPHQL;
        else if (strcmp(words->at[k], "--sql") == 0)
            language = HARPER_SQL;
        else
            pattern = words->at[k];
    }
    if (harper_define(shell->session, pattern, language, put_definition, shell) != HARPER_OK)
        shell_error(shell, NULL, harper_session_error(shell->session));
}

static void run_databases(struct shell *shell, struct words *words)
{
    struct listing listing = {.shell = shell};

    (void)words;
    shell_each_text(shell,
                    "SELECT name || ': ' || CASE file WHEN '' THEN '(memory)' ELSE file END FROM "
                    "pragma_database_list",
                    collect, &listing);
    listing_print(&listing, false);
}

static void inspect_line(void *context, const char *store, const char *key, const char *value)
{
    struct shell *shell = context;

    fprintf(shell->out, *value == '\0' ? "%s  %s\n" : "%s  %s  ->  %s\n", store, key, value);
}

static void run_inspect(struct shell *shell, struct words *words)
{
    const char *table = words->count > 1 ? words->at[1] : NULL;
    uint64_t rows = words->count > 2 ? strtoull(words->at[2], NULL, 10) : 20;

    if (harper_inspect(shell->session, table, rows, inspect_line, shell) != HARPER_OK)
        shell_error(shell, NULL, harper_session_error(shell->session));
}

static void check_line(void *context, const char *message)
{
    struct shell *shell = context;

    fprintf(shell->out, "%s\n", message);
}

static void run_check(struct shell *shell, struct words *words)
{
    uint64_t problems = 0;
    harper_error error;

    (void)words;
    if (harper_check(shell->db, check_line, shell, &problems, &error) != HARPER_OK) {
        shell_error(shell, NULL, &error);
    } else if (problems > 0) {
        fprintf(shell->out, "%llu problems\n", (unsigned long long)problems);
        shell->exit_code = 1;
    } else {
        fprintf(shell->out, "ok\n");
    }
}

/* ---- data in and out ---- */

static void run_import(struct shell *shell, struct words *words)
{
    const char *names[2] = {NULL, NULL};
    struct import import = {0};
    int found = 0;

    for (int k = 1; k < words->count; k++) {
        const char *word = words->at[k];

        if (strcmp(word, "--csv") == 0 || strcmp(word, "--json") == 0 ||
            strcmp(word, "--ndjson") == 0 || strcmp(word, "--tabs") == 0)
            import.format = word + 2;
        else if (strcmp(word, "--skip") == 0 && k + 1 < words->count)
            import.skip = (unsigned)strtoul(words->at[++k], NULL, 10);
        else if (strcmp(word, "-v") == 0 || strcmp(word, "--verbose") == 0)
            import.is_verbose = true;
        else if (found < 2 && word[0] != '-')
            names[found++] = word;
        else
            found = 3;
    }
    import.path = names[0];
    import.table = names[1];
    if (found != 2)
        complain(shell,
                 "usage: .import [--csv|--tabs|--json|--ndjson] [--skip N] [-v] FILE TABLE%s", "");
    else
        import_file(shell, &import);
}

static void run_export(struct shell *shell, struct words *words)
{
    if (words->count < 3)
        complain(shell, "usage: .export FILE TABLE or .export FILE \"SELECT …\"%s", "");
    else
        export_file(shell, words->at[1], words->at[2]);
}

static void run_read(struct shell *shell, struct words *words)
{
    FILE *in;

    if (words->count < 2) {
        complain(shell, "usage: .read FILE%s", "");
        return;
    }
    if (shell->read_depth >= 25) {
        complain(shell, "%s: .read is nested too deeply", words->at[1]);
        return;
    }
    in = fopen(words->at[1], "r");
    if (in == NULL) {
        complain(shell, "cannot open \"%s\"", words->at[1]);
        return;
    }
    shell->read_depth++;
    shell_read(shell, in, words->at[1]);
    shell->read_depth--;
    fclose(in);
}

static void run_output(struct shell *shell, struct words *words)
{
    FILE *out = stdout;

    if (words->count > 1 && strcmp(words->at[1], "stdout") != 0 &&
        (out = fopen(words->at[1], "w")) == NULL) {
        complain(shell, "cannot write to \"%s\"", words->at[1]);
        return;
    }
    if (shell->out != stdout)
        fclose(shell->out);
    shell->out = out;
}

static void run_backup(struct shell *shell, struct words *words)
{
    harper_error error;

    if (words->count < 2)
        complain(shell, "usage: .backup DIRECTORY%s", "");
    else if (harper_backup(shell->db, words->at[1], &error) != HARPER_OK)
        shell_error(shell, NULL, &error);
}

static void warn_line(void *context, const char *message)
{
    (void)context;
    fprintf(stderr, "warning: %s\n", message);
}

static void run_apply(struct shell *shell, struct words *words)
{
    char *text = NULL;
    size_t len = 0;
    harper_error error;
    FILE *in = words->count < 2 ? NULL : fopen(words->at[1], "r");

    if (in == NULL) {
        complain(shell, words->count < 2 ? "usage: .apply SCHEMA.graphql%s" : "cannot open \"%s\"",
                 words->count < 2 ? "" : words->at[1]);
        return;
    }
    if (getdelim(&text, &len, '\0', in) < 0 && text != NULL)
        text[0] = '\0';
    fclose(in);
    if (text != NULL &&
        harper_apply_schema(shell->session, text, -1, 0, warn_line, shell, &error) != HARPER_OK)
        shell_error(shell, text, &error);
    free(text);
}

static void run_open(struct shell *shell, struct words *words)
{
    harper_options options = {.size = sizeof options};

    for (int k = 2; k + 1 < words->count; k++)
        if (strcmp(words->at[k], "--backend") == 0)
            options.backend = words->at[k + 1];
    if (words->count < 2) {
        complain(shell, "usage: .open PATH [--backend rocksdb|lmdb|memory]%s", "");
    } else if (!shell_open(shell, words->at[1], &options)) {
        shell->had_error = true;
        shell->exit_code = 1;
    }
}

static void run_serve(struct shell *shell, struct words *words)
{
    bool exports_all = false;
    const char *port = NULL;
    char *end = NULL;
    unsigned long number = 0;

    for (int k = 1; k < words->count; k++) {
        if (strcmp(words->at[k], "--all") == 0)
            exports_all = true;
        else
            port = words->at[k];
    }
    if (port != NULL && strcasecmp(port, "off") == 0) {
        if (shell->server == NULL)
            complain(shell, "no server runs%s", "");
        serve_stop(shell);
        return;
    }
    if (port == NULL && shell->server != NULL) {
        serve_show(shell);
        return;
    }
    if (port != NULL && ((number = strtoul(port, &end, 10)) > 65535 || *end != '\0'))
        complain(shell, "usage: .serve [PORT|off] [--all]%s", "");
    else
        serve_start(shell, (unsigned)number, exports_all);
}

/* ---- settings ---- */

static void run_mode(struct shell *shell, struct words *words)
{
    if (words->count < 2) {
        fprintf(shell->out, "current output mode: %s\n", mode_names[shell->mode]);
        return;
    }
    for (int k = 0; k < MODE_COUNT; k++) {
        if (strcasecmp(words->at[1], mode_names[k]) == 0) {
            shell->mode = (enum output_mode)k;
            if (!shell->headers_chosen)
                shell->has_headers = k == MODE_COLUMN || k == MODE_HTML || shell->is_interactive;
            return;
        }
    }
    complain(shell,
             "unknown mode \"%s\"; modes are list box table column markdown line csv tabs json "
             "ndjson quote html",
             words->at[1]);
}

static void run_headers(struct shell *shell, struct words *words)
{
    if (words->count > 1) {
        shell->has_headers = is_on(words->at[1]);
        shell->headers_chosen = true;
    } else {
        fprintf(shell->out, "headers: %s\n", shell->has_headers ? "on" : "off");
    }
}

static void run_timer(struct shell *shell, struct words *words)
{
    if (words->count > 1)
        shell->timer = is_on(words->at[1]);
    else
        fprintf(shell->out, "timer: %s\n", shell->timer ? "on" : "off");
}

static void run_changes(struct shell *shell, struct words *words)
{
    if (words->count > 1)
        shell->show_changes = is_on(words->at[1]);
}

static void run_bail(struct shell *shell, struct words *words)
{
    if (words->count > 1)
        shell->stop_on_error = is_on(words->at[1]);
}

static void run_echo(struct shell *shell, struct words *words)
{
    if (words->count > 1)
        shell->echo = is_on(words->at[1]);
}

static void run_null(struct shell *shell, struct words *words)
{
    snprintf(shell->null_text, sizeof shell->null_text, "%s", words->count > 1 ? words->at[1] : "");
}

static void run_separator(struct shell *shell, struct words *words)
{
    if (words->count > 1)
        snprintf(shell->separator, sizeof shell->separator, "%s", words->at[1]);
    if (words->count > 2)
        snprintf(shell->row_separator, sizeof shell->row_separator, "%s", words->at[2]);
}

static void run_explain(struct shell *shell, struct words *words)
{
    const char *what = words->count > 1 ? words->at[1] : "";

    if (strcasecmp(what, "off") == 0)
        shell->explain = -1;
    else if (strcasecmp(what, "ir") == 0)
        shell->explain = HARPER_EXPLAIN_IR;
    else if (strcasecmp(what, "plan") == 0)
        shell->explain = HARPER_EXPLAIN_PLAN;
    else if (strcasecmp(what, "code") == 0 || strcasecmp(what, "on") == 0)
        shell->explain = HARPER_EXPLAIN_CODE;
    else
        complain(shell, "usage: .explain ir|plan|code|off%s", "");
}

static void run_show(struct shell *shell, struct words *words)
{
    (void)words;
    fprintf(shell->out, "    database: %s (%s)\n", shell->path, harper_backend(shell->db));
    fprintf(shell->out, "        mode: %s\n     headers: %s\n", mode_names[shell->mode],
            shell->has_headers ? "on" : "off");
    fprintf(shell->out, "        null: \"%s\"\n   separator: \"%s\"\n", shell->null_text,
            shell->separator);
    fprintf(shell->out, "       timer: %s\n        bail: %s\n", shell->timer ? "on" : "off",
            shell->stop_on_error ? "on" : "off");
}

static void run_print(struct shell *shell, struct words *words)
{
    for (int k = 1; k < words->count; k++)
        fprintf(shell->out, k > 1 ? " %s" : "%s", words->at[k]);
    fputc('\n', shell->out);
}

static void run_quit(struct shell *shell, struct words *words)
{
    shell->quit = true;
    if (words->count > 1)
        shell->exit_code = atoi(words->at[1]);
}

static void run_help(struct shell *shell, struct words *words);

/* ---- the table ---- */

static const struct command commands[] = {
    {".apply", "FILE", "apply a GraphQL schema: missing tables and attributes are made", run_apply},
    {".backup", "DIRECTORY", "write a consistent copy of the database", run_backup},
    {".bail", "on|off", "stop a script at the first error", run_bail},
    {".changes", "on|off", "show the number of rows changed", run_changes},
    {".check", "", "verify checksums, structure and indexes", run_check},
    {".databases", "", "names and places of the open databases", run_databases},
    {".echo", "on|off", "print each statement before it runs", run_echo},
    {".exit", "[CODE]", "leave the shell", run_quit},
    {".explain", "ir|plan|code|off", "show how each statement will be run", run_explain},
    {".export", "FILE TABLE|QUERY", "write rows to a .csv, .json or .ndjson file", run_export},
    {".headers", "on|off", "column names above rows", run_headers},
    {".help", "[COMMAND]", "this text", run_help},
    {".import", "[--skip N] FILE TABLE", "load a .csv, .tsv, .json or .ndjson file", run_import},
    {".indexes", "[PATTERN]", "names of indexes", run_indexes},
    {".inspect", "[TABLE [ROWS]]", "the stored keys and values", run_inspect},
    {".mode", "[MODE]",
     "how rows look: list box table column markdown line csv tabs json ndjson quote html",
     run_mode},
    {".null", "TEXT", "what NULL looks like", run_null},
    {".open", "PATH [--backend B]", "close this database and open another", run_open},
    {".output", "[FILE]", "send rows to a file, or back to the screen", run_output},
    {".print", "TEXT…", "print", run_print},
    {".quit", "", "leave the shell", run_quit},
    {".read", "FILE", "run the statements in a file", run_read},
    {".schema", "[--sdl|--sql] [PATTERN]", "what made the tables, as SQL or in the schema language",
     run_schema},
    {".separator", "COLUMN [ROW]", "what stands between columns and rows in list mode",
     run_separator},
    {".serve", "[PORT|off] [--all]",
     "serve this database over HTTP beside the prompt; --all: also tables without @export",
     run_serve},
    {".show", "", "the present settings", run_show},
    {".tables", "[PATTERN]", "names of tables and views", run_tables},
    {".timer", "on|off", "show how long statements took", run_timer},
};

static const size_t command_count = sizeof commands / sizeof *commands;

const char *command_name(size_t index)
{
    return index < command_count ? commands[index].name : NULL;
}

static void run_help(struct shell *shell, struct words *words)
{
    for (size_t k = 0; k < command_count; k++) {
        const struct command *command = &commands[k];

        if (words->count > 1 && strstr(command->name, words->at[1]) == NULL)
            continue;
        fprintf(shell->out, "%-11s %-24s %s\n", command->name, command->usage, command->help);
    }
    if (words->count == 1)
        fputs("Anything else is SQL (end it with ;) or a request (GET /table/?query).\n",
              shell->out);
}

/* Split in place at blanks; '…' and "…" hold a word together, with backslash escapes inside "…". */
static void split(char *line, struct words *words)
{
    char *at = line;

    words->count = 0;
    while (words->count < WORDS_MAX) {
        char *to;

        at += strspn(at, " \t\r\n");
        if (*at == '\0')
            return;
        words->at[words->count++] = to = at;
        if (*at == '\'' || *at == '"') {
            char quote = *at++;

            while (*at != '\0' && *at != quote) {
                if (quote == '"' && *at == '\\' && at[1] != '\0') {
                    at++;
                    *to++ = *at == 'n' ? '\n' : *at == 't' ? '\t' : *at == 'r' ? '\r' : *at;
                    at++;
                } else {
                    *to++ = *at++;
                }
            }
            if (*at == quote)
                at++;
        } else {
            while (*at != '\0' && strchr(" \t\r\n", *at) == NULL)
                *to++ = *at++;
        }
        if (*at != '\0')
            at++;
        *to = '\0';
    }
}

/* How many letters must be added, dropped, changed or swapped to make one word of the other. */
static unsigned distance(const char *a, const char *b)
{
    unsigned row[3][32];
    size_t a_len = strlen(a), b_len = strlen(b);

    if (a_len > 30 || b_len > 30)
        return 99;
    for (size_t j = 0; j <= b_len; j++)
        row[0][j] = (unsigned)j;
    for (size_t i = 1; i <= a_len; i++) {
        unsigned *now = row[i % 3], *before = row[(i - 1) % 3];

        now[0] = (unsigned)i;
        for (size_t j = 1; j <= b_len; j++) {
            unsigned best = before[j - 1] + (a[i - 1] != b[j - 1]);

            if (before[j] + 1 < best)
                best = before[j] + 1;
            if (now[j - 1] + 1 < best)
                best = now[j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                row[(i + 1) % 3][j - 2] + 1 < best)
                best = row[(i + 1) % 3][j - 2] + 1;
            now[j] = best;
        }
    }
    return row[a_len % 3][b_len];
}

static void complain_unknown(struct shell *shell, const char *word)
{
    const char *nearest = NULL;
    unsigned least = 3;
    char text[256];

    for (size_t k = 0; k < command_count; k++) {
        unsigned d = distance(word, commands[k].name);

        if (d < least) {
            least = d;
            nearest = commands[k].name;
        }
    }
    if (nearest != NULL)
        snprintf(text, sizeof text, "unknown command: \"%.64s\". Did you mean %s?", word, nearest);
    else
        snprintf(text, sizeof text, "unknown command: \"%.64s\". Enter \".help\" for help", word);
    complain(shell, "%s", text);
}

static void complain_ambiguous(struct shell *shell, const char *word)
{
    char text[256];
    size_t len = (size_t)snprintf(text, sizeof text, "\"%.64s\" may be", word);

    for (size_t k = 0; k < command_count && len < sizeof text; k++)
        if (strncmp(commands[k].name, word, strlen(word)) == 0)
            len += (size_t)snprintf(text + len, sizeof text - len, " %s", commands[k].name);
    complain(shell, "%s", text);
}

void command_run(struct shell *shell, const char *line)
{
    char *copy = strdup(line);
    struct words words;
    const struct command *found = NULL;
    size_t matches = 0;

    if (copy == NULL)
        return;
    split(copy, &words);
    for (size_t k = 0; k < command_count && words.count > 0; k++) {
        if (strcmp(commands[k].name, words.at[0]) == 0) {
            found = &commands[k];
            matches = 1;
            break;
        }
        if (strlen(words.at[0]) > 1 &&
            strncmp(commands[k].name, words.at[0], strlen(words.at[0])) == 0) {
            found = &commands[k];
            matches++;
        }
    }
    if (matches == 0)
        complain_unknown(shell, words.at[0]);
    else if (matches > 1)
        complain_ambiguous(shell, words.at[0]);
    else
        found->run(shell, &words);
    free(copy);
}
