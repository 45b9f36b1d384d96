#include "picture.h"
#include "session/words.h"
#include "view.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { NAME = 128 };

/* The name of a view as a command has it. */
static void lower(const char *name, char out[NAME])
{
    int i = 0;
    for (; i < NAME - 1 && name[i] != '\0'; i++)
        out[i] = (char)tolower((unsigned char)name[i]);
    out[i] = '\0';
}

/* The options that draw what the view shows, '%' for the layer; "": it needs none. */
static const char *options_of(const struct screen *screen)
{
    const struct view_ops *view = view_at(screen->view);
    if (view == &view_curves)
        return view_curves_picture(screen);
    return view == &view_filters || view == &view_steps ? "layer=%" : "";
}

/* Append to a file's name, without what a shell or another system would stumble over. */
static void append(char out[NAME], const char *part)
{
    size_t used = strlen(out);
    for (; *part != '\0' && used < NAME - 1; part++)
        out[used++] =
            (char)(isalnum((unsigned char)*part) || strchr("._-", *part) != NULL ? *part : '-');
    out[used] = '\0';
}

/* "fashion-vgg-steps-conv2_1.png" */
static void propose(const struct screen *screen, const char *view, const char *layer,
                    char out[NAME])
{
    char model[NAME];
    snprintf(model, sizeof model, "%.60s", screen->snapshot->model_name);
    char *end = strrchr(model, '.');
    if (end != NULL && strcmp(end, ".onnx") == 0)
        *end = '\0';
    out[0] = '\0';
    append(out, *model == '-' || *model == '.' || *model == '\0' ? "network" : model);
    append(out, "-");
    append(out, view);
    if (layer != NULL)
        append(out, "-");
    if (layer != NULL)
        append(out, layer);
    if (strlen(out) > NAME - 8)
        out[NAME - 8] = '\0';
    append(out, ".png");
}

bool picture_line(const struct screen *screen, char line[LINE], const char **why)
{
    char view[NAME], file[NAME], template[2 * NAME + 96];
    lower(view_at(screen->view)->name, view);
    const char *options = options_of(screen);
    bool of_layer = strchr(options, '%') != NULL;
    *why = NULL;
    if (screen->snapshot->layer_count == 0)
        *why = "no network is open: type :open FILE.onnx";
    else if (!tn_among(view, tn_command_find("plot")->words[0].choices))
        *why = "there is no picture of this view; 1 to 5 and t show those that have one";
    else if (of_layer && screen->layer == LAYER_ALL)
        *why = "choose one layer first";
    if (*why != NULL)
        return false;
    const char *layer = of_layer ? screen_layer_name(screen) : NULL;
    propose(screen, view, layer, file);
    snprintf(template, sizeof template, "plot %s%s%s %s", view, *options != '\0' ? " " : "",
             options, file);
    layer_command(template, of_layer ? layer : "", line, LINE);
    return true;
}
