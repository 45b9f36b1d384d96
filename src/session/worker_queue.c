#include "session/worker_queue.h"

#include "core/memory.h"
#include "session/command.h"
#include <stdio.h>
#include <string.h>

static bool in_background(const char *line)
{
    char name[32] = "";
    line += strspn(line, " \t");
    size_t length = strcspn(line, " \t\r\n");
    if (length < sizeof name)
        memcpy(name, line, length);
    const struct tn_command *command = tn_command_find(name);
    return command && (command->flags & TN_COMMAND_BACKGROUND);
}

struct tn_queued *tn_queued_new(const char *line, uint64_t number)
{
    size_t size = strlen(line) + 1;
    struct tn_queued *command = tn_calloc(1, sizeof *command + size);
    if (!command)
        return NULL;
    memcpy(command->line, line, size);
    command->number = number;
    command->background = in_background(line);
    return command;
}

void tn_queue_append(struct tn_queue *queue, struct tn_queued *command)
{
    command->next = NULL;
    if (queue->last)
        queue->last->next = command;
    else
        queue->first = command;
    queue->last = command;
    queue->count++;
}

void tn_queue_put_first(struct tn_queue *queue, struct tn_queued *command)
{
    command->next = queue->first;
    queue->first = command;
    queue->last = queue->last ? queue->last : command;
    queue->count++;
}

struct tn_queued *tn_queue_take_first(struct tn_queue *queue)
{
    struct tn_queued *command = queue->first;
    if (!command)
        return NULL;
    queue->first = command->next;
    queue->last = queue->first ? queue->last : NULL;
    queue->count--;
    return command;
}

struct tn_queued *tn_queue_take_number(struct tn_queue *queue, uint64_t number)
{
    struct tn_queued *before = NULL, *command = queue->first;
    while (command && command->number != number) {
        before = command;
        command = command->next;
    }
    if (!command)
        return NULL;
    if (!before)
        return tn_queue_take_first(queue);
    before->next = command->next;
    queue->last = command->next ? queue->last : before;
    queue->count--;
    return command;
}

void tn_queue_empty(struct tn_queue *queue)
{
    struct tn_queued *command;
    while ((command = tn_queue_take_first(queue)))
        tn_free(command);
}

int tn_queue_copy(const struct tn_queue *queue, bool background, struct tn_worker_queued *queued,
                  int room, int count)
{
    for (const struct tn_queued *command = queue->first; command; command = command->next) {
        if (command->background != background)
            continue;
        if (count < room) {
            queued[count] = (struct tn_worker_queued){
                .number = command->number, .rests = background, .spent = command->spent};
            snprintf(queued[count].line, sizeof queued->line, "%s", command->line);
        }
        count++;
    }
    return count;
}
