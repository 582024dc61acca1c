/* harper: the program. Opens a database and runs what it is given, or asks for it. */
#include "shell/shell.h"
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage_text[] =
    "usage: harper [OPTIONS] [DATABASE [STATEMENT]]\n"
    "       harper serve DATABASE [OPTIONS]   (harper serve --help)\n"
    "       harper inspect|check|copy DATABASE …\n"
    "\n"
    "DATABASE is a directory, made when missing; without one everything is in memory.\n"
    "\n"
    "  -c STATEMENT        run it and exit (also as the last argument)\n"
    "  --backend NAME      rocksdb (default for new databases), lmdb or memory\n"
    "  --durability LEVEL  full (default), normal or off\n"
    "  --read-only         refuse to change anything\n"
    "  --box --table --column --markdown --line --list --csv --tabs --json --ndjson --quote "
    "--html\n"
    "                      how rows look\n"
    "  --header --no-header  column names above rows\n"
    "  --null TEXT         what NULL looks like\n"
    "  --separator TEXT    between columns in list mode\n"
    "  --bail              stop at the first error\n"
    "  --batch             never ask, even on a terminal\n"
    "  --echo              print statements before they run\n"
    "  --init FILE         read FILE first\n"
    "  --version, --help\n"
    "\n"
    "Exit codes: 0 all went well, 1 a statement failed, 2 wrong usage, 3 the database could not be "
    "opened.\n";

struct arguments {
    harper_options options;
    const char *path, *statement, *init;
    bool is_batch;
};

static bool take_mode(struct shell *shell, const char *argument)
{
    for (int k = 0; k < MODE_COUNT; k++) {
        if (strcmp(argument, mode_names[k]) == 0) {
            shell->mode = (enum output_mode)k;
            if (!shell->headers_chosen)
                shell->has_headers = k == MODE_COLUMN;
            return true;
        }
    }
    return false;
}

static bool take_durability(struct arguments *arguments, const char *level)
{
    static const char *const levels[] = {"full", "normal", "off"};

    for (int k = 0; k < 3; k++) {
        if (strcmp(level, levels[k]) == 0) {
            arguments->options.durability = k;
            return true;
        }
    }
    fprintf(stderr, "harper: durability is full, normal or off\n");
    return false;
}

/* One option with a value behind it. 1: taken, 0: not such an option, -1: wrong. */
static int take_valued(struct shell *shell, struct arguments *arguments, const char *name,
                       const char *value)
{
    static const char *const valued[] = {"c",    "cmd",       "backend", "durability",
                                         "null", "separator", "init",    NULL};
    bool is_valued = false;

    for (int k = 0; valued[k] != NULL; k++)
        is_valued = is_valued || strcmp(valued[k], name) == 0;
    if (!is_valued)
        return 0;
    if (value == NULL) {
        fprintf(stderr, "harper: --%s needs a value\n", name);
        return -1;
    }
    if (strcmp(name, "c") == 0 || strcmp(name, "cmd") == 0)
        arguments->statement = value;
    else if (strcmp(name, "backend") == 0)
        arguments->options.backend = value;
    else if (strcmp(name, "durability") == 0)
        return take_durability(arguments, value) ? 1 : -1;
    else if (strcmp(name, "null") == 0)
        snprintf(shell->null_text, sizeof shell->null_text, "%s", value);
    else if (strcmp(name, "separator") == 0)
        snprintf(shell->separator, sizeof shell->separator, "%s", value);
    else
        arguments->init = value;
    return 1;
}

static bool take_flag(struct shell *shell, struct arguments *arguments, const char *name)
{
    if (strcmp(name, "read-only") == 0 || strcmp(name, "readonly") == 0)
        arguments->options.read_only = true;
    else if (strcmp(name, "bail") == 0)
        shell->stop_on_error = true;
    else if (strcmp(name, "batch") == 0)
        arguments->is_batch = true;
    else if (strcmp(name, "echo") == 0)
        shell->echo = true;
    else if (strcmp(name, "header") == 0 || strcmp(name, "no-header") == 0 ||
             strcmp(name, "noheader") == 0)
        shell->has_headers = name[0] == 'h', shell->headers_chosen = true;
    else
        return take_mode(shell, name);
    return true;
}

/* -1: go on; else exit with this. */
static int take_arguments(struct shell *shell, struct arguments *arguments, int argc, char **argv)
{
    for (int k = 1; k < argc; k++) {
        const char *argument = argv[k];

        if (argument[0] == '-' && argument[1] != '\0') {
            const char *name = argument + (argument[1] == '-' ? 2 : 1);
            int taken;

            if (strcmp(name, "help") == 0 || strcmp(name, "h") == 0) {
                fputs(usage_text, stdout);
                return 0;
            }
            if (strcmp(name, "version") == 0) {
                printf("harper %s\n", harper_version());
                return 0;
            }
            taken = take_valued(shell, arguments, name, k + 1 < argc ? argv[k + 1] : NULL);
            if (taken < 0)
                return 2;
            if (taken > 0) {
                k++;
            } else if (!take_flag(shell, arguments, name)) {
                fprintf(stderr, "harper: unknown option %s\n\n%s", argument, usage_text);
                return 2;
            }
        } else if (arguments->path == NULL) {
            arguments->path = argument;
        } else if (arguments->statement == NULL) {
            arguments->statement = argument;
        } else {
            fprintf(stderr, "harper: too many arguments: %s\n", argument);
            return 2;
        }
    }
    return -1;
}

static void read_init(struct shell *shell, const char *path)
{
    FILE *in = fopen(path, "r");

    if (in == NULL) {
        fprintf(stderr, "harper: cannot open %s\n", path);
        shell->exit_code = 1;
        return;
    }
    shell_read(shell, in, path);
    fclose(in);
}

int main(int argc, char **argv)
{
    struct shell shell = {
        .out = stdout, .mode = MODE_LIST, .explain = -1, .separator = "|", .row_separator = "\n"};
    struct arguments arguments = {.options = {.size = sizeof arguments.options}};
    int code;

    setlocale(LC_CTYPE, "");
    if (argc > 1 && (code = subcommand_run(argc - 1, argv + 1)) >= 0)
        return code;
    shell.is_terminal_out = isatty(STDOUT_FILENO) != 0;
    if (isatty(STDIN_FILENO) && shell.is_terminal_out)
        shell.mode = MODE_BOX;
    code = take_arguments(&shell, &arguments, argc, argv);
    if (code >= 0)
        return code;
    shell.is_interactive = !arguments.is_batch && arguments.statement == NULL &&
                           isatty(STDIN_FILENO) && shell.is_terminal_out;
    if (shell.is_interactive && shell.null_text[0] == '\0')
        snprintf(shell.null_text, sizeof shell.null_text, "NULL");
    if (!shell_open(&shell, arguments.path == NULL ? ":memory:" : arguments.path,
                    &arguments.options))
        return 3;
    if (arguments.init != NULL)
        read_init(&shell, arguments.init);
    if (arguments.statement != NULL)
        shell_run(&shell, arguments.statement);
    else if (shell.is_interactive)
        input_loop(&shell);
    else
        shell_read(&shell, stdin, NULL);
    if (shell.out != stdout)
        fclose(shell.out);
    shell_close(&shell);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "harper: cannot write the output\n");
        return 1;
    }
    return shell.is_interactive ? 0 : shell.exit_code;
}
