#include "config.h"

#include "options.h"

#include "configuration.h"
#include "core/memory.h"
#include "session/words.h"
#include <getopt.h>
#include <stdio.h>
#include <string.h>

enum flag {
    SESSION = 256,
    DATA,
    BATCH,
    JSON,
    THREADS,
    NO_MOUSE,
    ASCII,
    THEME,
    CONFIG,
    VERIFY,
    REPLAY,
    SPEED,
    VERSION_,
    HELP
};

static const struct option options[] = {
    {"session", required_argument, NULL, SESSION},
    {"data", required_argument, NULL, DATA},
    {"batch", required_argument, NULL, BATCH},
    {"json", no_argument, NULL, JSON},
    {"threads", required_argument, NULL, THREADS},
    {"no-mouse", no_argument, NULL, NO_MOUSE},
    {"ascii", no_argument, NULL, ASCII},
    {"theme", required_argument, NULL, THEME},
    {"config", required_argument, NULL, CONFIG},
    {"verify", required_argument, NULL, VERIFY},
    {"replay", required_argument, NULL, REPLAY},
    {"speed", required_argument, NULL, SPEED},
    {"version", no_argument, NULL, VERSION_},
    {"help", no_argument, NULL, HELP},
    {NULL, 0, NULL, 0},
};

static const char usage[] =
    "Usage: thinet-tui [SESSION.thinet | MODEL.onnx | zoo:NAME] [--data PATH]\n"
    "       thinet-tui --batch SCRIPT.tns|- [--json]\n"
    "       thinet-tui -c 'COMMAND' [-c 'COMMAND' ...] [--json]\n"
    "       thinet-tui --replay SESSION.thinet [--speed X | --batch -]\n"
    "       thinet-tui --verify SESSION.thinet [--data PATH] [--json]\n"
    "\n"
    "A workbench for filter-level pruning of convolutional networks with ThiNet.\n"
    "\n"
    "  --data PATH       open labelled images first (a folder, or fashion-mnist)\n"
    "  --session FILE    keep the session in FILE: created, or gone on with\n"
    "  --batch FILE      run the commands of a script, - for standard input; no terminal needed\n"
    "  -c COMMAND        run a command; may be given many times\n"
    "  --replay FILE     look at how a session came about, entry by entry; changes nothing\n"
    "  --speed X         replay X times as fast as it was done (default: 1)\n"
    "  --verify FILE     do what a session holds again and compare with what was recorded\n"
    "  --json            print results as JSON, an object a command\n"
    "  --threads N       use N threads (default: all processors)\n"
    "  --no-mouse        leave the mouse to the terminal\n"
    "  --ascii           draw with plain characters\n"
    "  --theme NAME      colours: dark, light or mono\n"
    "  --config FILE     settings and keys (default: ~/.config/thinet-tui/config)\n"
    "  --version         print the version\n"
    "  --help            print this\n"
    "\n"
    "`thinet-tui -c help` lists the commands. Exit status: 0 all commands done, 1 a command\n"
    "failed, 2 wrong usage, 3 --verify found a difference.\n";

static enum ui_call wrong(const char *what, const char *value)
{
    fprintf(stderr, "thinet-tui: %s%s%s (--help tells more)\n", what, *value ? ": " : "", value);
    return UI_CALL_WRONG;
}

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), tail = strlen(end);
    return length >= tail && strcmp(text + length - tail, end) == 0;
}

static enum ui_call take_file(struct ui_arguments *a, const char *file)
{
    bool model = ends_with(file, ".onnx") || strncmp(file, "zoo:", 4) == 0;
    if (model) {
        a->model = file;
        return UI_CALL_RUN;
    }
    /* Anything else would be made as a new session: that must be meant. */
    if (!ends_with(file, ".thinet"))
        return wrong("expected SESSION.thinet or MODEL.onnx (--session takes any name)", file);
    if (a->session)
        return wrong("two sessions are given", file);
    a->session = file;
    return UI_CALL_RUN;
}

static enum ui_call take_option(struct ui_arguments *a, int option)
{
    struct tn_error error;
    int64_t threads;
    switch (option) {
    case 'c':
        a->commands[a->command_count++] = optarg;
        return UI_CALL_RUN;
    case SESSION:
        a->session = optarg;
        return UI_CALL_RUN;
    case DATA:
        a->data = optarg;
        return UI_CALL_RUN;
    case BATCH:
        a->script = optarg;
        return UI_CALL_RUN;
    case VERIFY:
        a->verify = optarg;
        return UI_CALL_RUN;
    case REPLAY:
        a->replay = optarg;
        return UI_CALL_RUN;
    case SPEED:
        if (!tn_parse_real("--speed", optarg, REPLAY_SLOWEST, REPLAY_FASTEST, &a->screen.speed,
                           &error))
            return wrong(error.text, "");
        return UI_CALL_RUN;
    case JSON:
        a->json = true;
        return UI_CALL_RUN;
    case THREADS:
        if (!tn_parse_integer("--threads", optarg, 1, CONFIGURATION_THREADS, &threads, &error))
            return wrong(error.text, "");
        a->threads = (unsigned)threads;
        return UI_CALL_RUN;
    case NO_MOUSE:
        a->screen.mouse = false;
        return UI_CALL_RUN;
    case ASCII:
        a->screen.ascii = true;
        return UI_CALL_RUN;
    case THEME:
        a->screen.theme = optarg;
        return UI_CALL_RUN;
    case CONFIG:
        a->config = optarg;
        return UI_CALL_RUN;
    case VERSION_:
        puts(PACKAGE_STRING);
        return UI_CALL_DONE;
    case HELP:
        fputs(usage, stdout);
        return UI_CALL_DONE;
    default: /* getopt has said what is wrong */
        fprintf(stderr, "thinet-tui: --help tells more\n");
        return UI_CALL_WRONG;
    }
}

/* What does not go together. */
static enum ui_call check_together(const struct ui_arguments *a)
{
    bool lines = a->script || a->command_count;
    if (a->script && a->command_count)
        return wrong("--batch and -c exclude each other", "");
    if (a->verify && (lines || a->session || a->model))
        return wrong("--verify takes its session alone, without commands or another file",
                     a->verify);
    if (a->replay && (a->command_count || a->session || a->model || a->data || a->verify ||
                      a->json || (a->script && strcmp(a->script, "-") != 0)))
        return wrong("--replay takes its session alone, or with --batch - to print it", a->replay);
    if (a->screen.speed > 0 && !a->replay)
        return wrong("--speed goes with --replay", "");
    if (a->json && !lines && !a->verify)
        return wrong("--json needs --batch, -c or --verify", "");
    return UI_CALL_RUN;
}

enum ui_call ui_read_arguments(int argc, char **argv, struct ui_arguments *a)
{
    memset(a, 0, sizeof *a);
    a->screen.mouse = a->screen.bell = true;
    a->commands = tn_calloc((size_t)argc, sizeof *a->commands);
    if (!a->commands)
        return wrong("out of memory", "");
    int option;
    enum ui_call call = UI_CALL_RUN;
    while (call == UI_CALL_RUN && (option = getopt_long(argc, argv, "c:", options, NULL)) != -1)
        call = take_option(a, option);
    if (call != UI_CALL_RUN)
        return call;
    if (argc - optind > 1)
        return wrong("more than one file is given", argv[optind + 1]);
    if (argc - optind == 1)
        call = take_file(a, argv[optind]);
    return call == UI_CALL_RUN ? check_together(a) : call;
}

void ui_free_arguments(struct ui_arguments *arguments)
{
    tn_free(arguments->commands);
}
