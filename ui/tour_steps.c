/* What the tour says, step by step, and when each is done. */
#include "core/memory.h"
#include "prompt.h"
#include "state.h"
#include "tour.h"
#include "view.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool is_open(const struct screen *screen, const struct tour_mark *mark)
{
    (void)mark;
    return screen->snapshot->layer_count > 0;
}

static bool has_images(const struct screen *screen, const struct tour_mark *mark)
{
    (void)mark;
    return screen->snapshot->data_name[0] != '\0';
}

static bool is_evaluated(const struct screen *screen, const struct tour_mark *mark)
{
    (void)mark;
    return screen->snapshot->evaluated;
}

static bool is_sampled(const struct screen *screen, const struct tour_mark *mark)
{
    (void)mark;
    for (int i = 0; i < screen->snapshot->layer_count; i++)
        if (screen->snapshot->layers[i].samples > 0)
            return true;
    return false;
}

static bool has_moved(const struct screen *screen, const struct tour_mark *mark)
{
    return screen_layer(screen) != NULL && screen->layer != mark->layer;
}

static bool keeps_fewer(const struct screen *screen, const struct tour_mark *mark)
{
    return screen_layer(screen) != NULL && screen_keep(screen, screen->layer) < mark->keep;
}

static bool keeps_more(const struct screen *screen, const struct tour_mark *mark)
{
    return screen_layer(screen) != NULL && screen_keep(screen, screen->layer) > mark->keep;
}

static bool keeps_half(const struct screen *screen, const struct tour_mark *mark)
{
    const struct tn_snapshot_layer *layer = screen_layer(screen);
    (void)mark;
    return layer != NULL && screen_keep(screen, screen->layer) <= (layer->filters + 1) / 2;
}

static bool is_pruned(const struct screen *screen, const struct tour_mark *mark)
{
    const struct tn_snapshot_layer *layer = screen_layer(screen);
    return layer != NULL && layer->filters < mark->filters;
}

static bool is_tuned(const struct screen *screen, const struct tour_mark *mark)
{
    const struct tn_snapshot_entry *entry = tn_snapshot_current(screen->snapshot);
    (void)mark;
    return entry != NULL && strncmp(entry->command, "finetune", 8) == 0 && !entry->running &&
           !screen_working(screen);
}

static bool is_elsewhere(const struct screen *screen, const struct tour_mark *mark)
{
    const struct tn_snapshot_entry *entry = tn_snapshot_current(screen->snapshot);
    return entry != NULL && entry->id != mark->entry;
}

static bool is_exported(const struct screen *screen, const struct tour_mark *mark)
{
    const struct tn_snapshot *snapshot = screen->snapshot;
    for (int i = mark->entries; i < snapshot->entry_count; i++)
        if (strncmp(snapshot->entries[i].command, "export ", 7) == 0 && snapshot->entries[i].ok)
            return true;
    return false;
}

static bool shows(const struct screen *screen, const struct view_ops *view)
{
    return view_at(screen->view) == view;
}

static bool shows_steps(const struct screen *screen, const struct tour_mark *mark)
{
    (void)mark;
    return shows(screen, &view_steps);
}

static bool shows_compare(const struct screen *screen, const struct tour_mark *mark)
{
    (void)mark;
    return shows(screen, &view_compare);
}

static bool shows_journal(const struct screen *screen, const struct tour_mark *mark)
{
    (void)mark;
    return shows(screen, &view_journal);
}

/* The trained example, from the source tree or beside the installed program; NULL: not there. */
static char *find_example(void)
{
    static const char *const places[] = {"", "../", "../share/thinet-tui/", "../../"};
    char program[1024];
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    program[length > 0 ? length : 0] = '\0';
    char *slash = strrchr(program, '/');
    if (slash == NULL)
        return NULL;
    slash[1] = '\0';
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        char *path = tn_sprintf("%s%ssessions/fashion-vgg.onnx", program, places[i]);
        if (path != NULL && access(path, R_OK) == 0)
            return path;
        tn_free(path);
    }
    return NULL;
}

static void open_example(struct screen *screen)
{
    bool here = access("sessions/fashion-vgg.onnx", R_OK) == 0;
    char *path = here ? tn_strdup("sessions/fashion-vgg.onnx") : find_example();
    char *line = path != NULL ? tn_sprintf("open \"%s\"", path) : NULL;
    screen_submit(screen, line != NULL ? line : "open zoo:fashion-vgg", NULL);
    tn_free(line);
    tn_free(path);
}

static void open_images(struct screen *screen)
{
    screen_submit(screen, "data fashion-mnist", NULL);
}

static void halve(struct screen *screen)
{
    char line[LINE];
    const char *layer = screen_layer_name(screen);
    if (layer == NULL)
        return;
    layer_command("ratio % 0.5", layer, line, sizeof line);
    screen_submit(screen, line, NULL);
}

static void type_finetune(struct screen *screen)
{
    (void)screen;
    prompt_open(PROMPT_COMMAND, "finetune epochs=1 limit=6000 test-limit=2000");
}

/* A file is written only under a name that was seen. */
static void type_export(struct screen *screen)
{
    (void)screen;
    prompt_open(PROMPT_COMMAND, "export pruned.onnx");
}

static const struct tour_step steps[] = {
    {.title = "what this is for",
     .text = "A trained network has filters that the next layer can do without. This workbench "
             "finds them, shows what removing them costs, removes them, and trains what is left. "
             "The tour does all of it once, in about two minutes."},
    {.title = "a network",
     .text = "It begins with a network; the command  :open FILE.onnx  opens yours. For the tour "
             "there is an example, a small VGG that knows ten kinds of clothes.",
     .done = is_open,
     .perform = open_example,
     .skip = true,
     .waits = true},
    {.title = "images",
     .text = "What a filter is worth shows on images;  :data FOLDER  opens yours. The example was "
             "trained on Fashion-MNIST.",
     .done = has_images,
     .perform = open_images,
     .skip = true,
     .waits = true},
    {.title = "how good it is",
     .text = "`eval` evaluates the network on all test images. The header will show its top-1 "
             "accuracy, with the 95 % interval: what all that follows is measured against.",
     .key = "eval",
     .done = is_evaluated,
     .waits = true},
    {.title = "sampling",
     .text = "`sample` looks once at a few training images, for all layers together. From then on "
             "every filter's worth and every ratio's error is known at once, without images.",
     .key = "sample",
     .done = is_sampled,
     .waits = true},
    {.title = "layers and filters",
     .text = "On the left the layers: filters, how many to keep, the error that makes. On the "
             "right the filters of the selected one, the most important first. `down` selects the "
             "next layer.",
     .key = "down",
     .done = has_moved},
    {.title = "the walk",
     .text = "The views have the keys 1 to 6. `view-steps` shows the walk: which filter goes next, "
             "what it costs, and the error so far as a curve.",
     .key = "view-steps",
     .done = shows_steps},
    {.title = "one filter",
     .text = "`step` removes the next filter: the one the next layer misses least.",
     .key = "step",
     .done = keeps_fewer},
    {.title = "and back",
     .text = "The curve's cursor, the layer's row and the FLOPs in the header have followed. "
             "Nothing is pruned yet, it is only planned: `back` takes the step back.",
     .key = "back",
     .done = keeps_more},
    {.title = "half of them",
     .text = "`remove-more` removes 5 % more, `remove-less` less; hold the key until the layer "
             "keeps half. The error is known while the key is down.",
     .key = "remove-more",
     .done = keeps_half,
     .perform = halve},
    {.title = "pruning",
     .text = "`prune` cuts the filters out, and scales what is left by least squares so that the "
             "next layer misses them least. The bottom line shows the command that a key stands "
             "for.",
     .key = "prune",
     .done = is_pruned,
     .waits = true},
    {.title = "what it cost",
     .text = "The network has changed: `eval` tells its accuracy now.",
     .key = "eval",
     .done = is_evaluated,
     .waits = true},
    {.title = "fine-tuning",
     .text = "`finetune` trains what is left, and asks for how long: here for one short epoch. "
             "Press Enter behind it to begin. View `view-curves` shows it live.",
     .key = "finetune",
     .done = is_tuned,
     .perform = type_finetune,
     .waits = true,
     .types = true},
    {.title = "undo",
     .text = "Every change is kept. `undo` goes back to the network before fine-tuning, at once "
             "and without loss.",
     .key = "undo",
     .done = is_elsewhere,
     .waits = true},
    {.title = "redo",
     .text = "`redo` does it again: the fine-tuned weights are there as they were.",
     .key = "redo",
     .done = is_elsewhere,
     .waits = true},
    {.title = "comparing",
     .text = "`view-compare` puts the networks of the session side by side: accuracy, parameters, "
             "FLOPs, time.",
     .key = "view-compare",
     .done = shows_compare},
    {.title = "the journal",
     .text = "`view-journal` shows all that was done, as a tree: go to any entry, and on from "
             "there another way.",
     .key = "view-journal",
     .done = shows_journal},
    {.title = "taking it along",
     .text = "`export` writes the smaller network as ONNX, which any runtime loads. Nothing is "
             "written before you have seen the file's name and pressed Enter.",
     .key = "export",
     .done = is_exported,
     .perform = type_export,
     .waits = true,
     .types = true},
    {.title = "that is all",
     .text = "`help` lists the keys, `palette` finds a key or a command by what it does, `save` "
             "keeps the session in a file, `quit` quits.  :tour  shows this again."},
};

const struct tour_step *tour_step_at(int index)
{
    return index >= 0 && index < (int)(sizeof steps / sizeof *steps) ? &steps[index] : NULL;
}
