#include "search.h"
#include "view.h"
#include <string.h>
#include <strings.h>

bool search_holds(const char *text, const char *words)
{
    size_t length = strlen(words);
    while (*text != '\0' && strncasecmp(text, words, length) != 0)
        text++;
    return *text != '\0';
}

static bool is_list(const struct screen *screen)
{
    return screen->focus == FOCUS_VIEW && view_at(screen->view)->holds != NULL;
}

static bool find_row(struct screen *screen, const char *text, int from, int step)
{
    const struct view_ops *view = view_at(screen->view);
    struct view_state *state = &screen->views[screen->view];
    int count = view->rows(screen);
    for (int i = 0; i < count; i++) {
        int row = (state->cursor + from + i * step + 2 * count) % count;
        if (!view->holds(screen, row, text))
            continue;
        state->cursor = row;
        if (view->stand != NULL)
            view->stand(screen);
        return true;
    }
    return false;
}

static bool find_layer(struct screen *screen, const char *text, int from, int step)
{
    int count = screen->snapshot->layer_count;
    for (int i = 0; i < count; i++) {
        int layer = (screen->layer + from + i * step + 2 * count) % count;
        if (search_holds(screen->snapshot->layers[layer].name, text)) {
            screen_select(screen, layer);
            return true;
        }
    }
    return false;
}

static bool find(struct screen *screen, const char *text, int from, int step)
{
    return *text != '\0' && (is_list(screen) ? find_row(screen, text, from, step)
                                             : find_layer(screen, text, from, step));
}

void search_typed(struct screen *screen, const char *text)
{
    find(screen, text, 0, 1);
}

void search_next(struct screen *screen, int step)
{
    if (screen->search[0] == '\0')
        screen_advise(screen, false, "`search` searches, a layer by name, a row by what it says");
    else if (!find(screen, screen->search, step, step))
        screen_say(screen, true,
                   is_list(screen) ? "no row holds \"%s\"" : "no layer has \"%s\" in its name",
                   screen->search);
}
