/* The options of training commands. */
#ifndef TN_SESSION_TRAINING_H
#define TN_SESSION_TRAINING_H

#include "engine/train.h"
#include "session/command.h"
#include "session/words.h"

/* What a line of finetune or train asks for. Sets all but options->teacher; *distill tells whether
 * one is wanted. */
bool tn_read_training(const struct tn_command_line *line, struct tn_train_options *options,
                      bool *distill, struct tn_error *error);

#endif
