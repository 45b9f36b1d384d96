/* The options of training commands. */
#ifndef TN_SESSION_TRAINING_H
#define TN_SESSION_TRAINING_H

#include "engine/train.h"
#include "session/command.h"
#include "session/journal.h"
#include "session/words.h"

struct tn_training {
    struct tn_train_options options; /* without what the session has to add: the teacher, the
                                        images held out, what it resumes */
    bool distill;
    enum tn_keep keep;
    double holdout; /* below 1 a fraction of the training images, else how many */
};

/* What a line of finetune or train asks for. */
bool tn_read_training(const struct tn_command_line *line, struct tn_training *training,
                      struct tn_error *error);

#endif
