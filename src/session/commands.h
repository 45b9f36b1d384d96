/* The parts the command table is made of: one array a theme, each ending with a row without a name.
 */
#ifndef TN_SESSION_COMMANDS_H
#define TN_SESSION_COMMANDS_H

#include "session/command.h"

/* That rank filters, as choices: tn_methods by name. */
#define TN_METHODS                                                                                 \
    "thinet|thinet-w|thinet-x|random|l1|l2|apoz|mean-activation|taylor|bn-scale|fpgm|lasso"

extern const struct tn_command tn_commands_open[];
extern const struct tn_command tn_commands_head[];
extern const struct tn_command tn_commands_compare[];
extern const struct tn_command tn_commands_recipe[];
extern const struct tn_command tn_commands_look[];
extern const struct tn_command tn_commands_measure[];
extern const struct tn_command tn_commands_run[];
extern const struct tn_command tn_commands_sample[];
extern const struct tn_command tn_commands_select[];
extern const struct tn_command tn_commands_method[];
extern const struct tn_command tn_commands_budget[];
extern const struct tn_command tn_commands_sensitivity[];
extern const struct tn_command tn_commands_prune[];
extern const struct tn_command tn_commands_train[];
extern const struct tn_command tn_commands_epoch[];
extern const struct tn_command tn_commands_export[];
extern const struct tn_command tn_commands_story[];
extern const struct tn_command tn_commands_replay[];
extern const struct tn_command tn_commands_plot[];
extern const struct tn_command tn_commands_journal[];
extern const struct tn_command tn_commands_session[];
extern const struct tn_command tn_commands_help[];

#endif
