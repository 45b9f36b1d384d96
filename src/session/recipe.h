/* Recipes: scripts that are known by name wherever the program is. The texts are those of
 * sessions/recipes, put into the library when it is built. */
#ifndef TN_SESSION_RECIPE_H
#define TN_SESSION_RECIPE_H

#include "core/error.h"
#include <stdbool.h>

struct tn_recipe {
    const char *name, *summary;
    const char *const *lines; /* end with NULL */
};

extern const struct tn_recipe tn_recipes[]; /* by name; ends with an empty one */

const struct tn_recipe *tn_recipe_find(const char *name); /* or NULL */

/* How the lines of a recipe are changed before they are run. */
struct tn_recipe_options {
    bool shape_only;     /* nothing that needs images; l1 ranks */
    const char *classes; /* for `head` where the line gives none; or NULL */
};

struct tn_recipe_line {
    long number; /* in its file, from 1 */
    char *text;  /* as it will be run */
    char *name;  /* the command */
    bool skipped;
};

struct tn_recipe_plan {
    const char *name; /* as it was asked for; borrowed */
    int count;
    struct tn_recipe_line *lines; /* without comments and empty lines */
};

/* Read NAME, or FILE where it ends in ".tns" or has a slash; all of its words are checked before
 * any line is run. Free the plan also after a failure. */
bool tn_recipe_read(struct tn_recipe_plan *plan, const char *name,
                    const struct tn_recipe_options *options, struct tn_error *error);
void tn_recipe_plan_free(struct tn_recipe_plan *plan);

#endif
