#include "data/loader.h"

#include "core/memory.h"
#include "core/threads.h"
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <time.h>

/* A ring of batches: the caller holds one, the threads fill the others. Batch b lives in slot b %
 * SLOTS, which is free once batch b - SLOTS is done with. Threads take a few images at a time, in
 * order. */
enum {
    SLOTS = TN_LOADER_BATCHES,
    MAX_THREADS = 8,
    MEMORY_PORTION = 16,
    FILE_PORTION = 1,
    LOOK_AGAIN_MS = 50
};

struct slot {
    float *images;
    int32_t *labels;
    bool *left_out; /* images that could not be read */
    size_t taken;   /* images handed out to threads */
    size_t done;
};

struct tn_loader {
    struct tn_dataset *dataset;
    enum tn_split split;
    uint32_t *order; /* NULL: 0, 1, 2 ... */
    size_t count, batch, batches, image_floats, portion;
    bool augmented;
    struct tn_augment augment;
    const struct tn_progress *progress;

    pthread_mutex_t lock;
    pthread_cond_t filled, freed;
    struct slot slots[SLOTS];
    size_t filling;  /* the batch whose images are being handed out */
    size_t next;     /* the batch the caller gets next */
    size_t released; /* batches the caller is done with */
    bool holding;    /* the caller has batch next - 1 */
    bool stop, failed;
    struct tn_error error; /* when failed */
    pthread_t threads[MAX_THREADS];
    int thread_count;
};

static size_t batch_size(const struct tn_loader *loader, size_t batch)
{
    size_t rest = loader->count - batch * loader->batch;
    return rest < loader->batch ? rest : loader->batch;
}

/* Load one image of a batch. False when the whole run has to end. */
static bool load_image(struct tn_loader *loader, struct slot *slot, size_t batch, size_t at,
                       struct tn_error *error)
{
    size_t place = batch * loader->batch + at;
    size_t index = loader->order ? loader->order[place] : place;
    struct tn_error why;
    slot->labels[at] = tn_dataset_label(loader->dataset, loader->split, index);
    slot->left_out[at] = false;
    if (tn_dataset_image(loader->dataset, loader->split, index,
                         loader->augmented ? &loader->augment : NULL,
                         slot->images + at * loader->image_floats, &why))
        return true;
    slot->left_out[at] = true;
    if (why.kind == TN_ERROR_INPUT)
        return tn_dataset_leave_out(loader->dataset, loader->split, index, &why, error);
    *error = why;
    return false;
}

/* Wait for images to load; false when there are none left or the thread should end. Called with the
 * lock. */
static bool take_portion(struct tn_loader *loader, size_t *batch, size_t *first, size_t *count)
{
    while (!loader->stop && !loader->failed && loader->filling < loader->batches &&
           loader->filling >= loader->released + SLOTS)
        pthread_cond_wait(&loader->freed, &loader->lock);
    if (loader->stop || loader->failed || loader->filling >= loader->batches)
        return false;
    struct slot *slot = &loader->slots[loader->filling % SLOTS];
    size_t size = batch_size(loader, loader->filling);
    *batch = loader->filling;
    *first = slot->taken;
    *count = size - slot->taken < loader->portion ? size - slot->taken : loader->portion;
    slot->taken += *count;
    if (slot->taken == size)
        loader->filling++;
    return true;
}

static void *run(void *context)
{
    struct tn_loader *loader = context;
    size_t batch, first, count;
    pthread_mutex_lock(&loader->lock);
    while (take_portion(loader, &batch, &first, &count)) {
        struct slot *slot = &loader->slots[batch % SLOTS];
        struct tn_error error;
        bool ok = true;
        pthread_mutex_unlock(&loader->lock);
        for (size_t i = 0; ok && i < count; i++)
            ok = load_image(loader, slot, batch, first + i, &error);
        pthread_mutex_lock(&loader->lock);
        slot->done += count;
        if (!ok && !loader->failed) {
            loader->failed = true;
            loader->error = error;
            pthread_cond_broadcast(&loader->freed);
        }
        if (!ok || slot->done == batch_size(loader, batch))
            pthread_cond_signal(&loader->filled);
    }
    pthread_mutex_unlock(&loader->lock);
    return NULL;
}

static bool alloc_slots(struct tn_loader *loader, struct tn_error *error)
{
    size_t images = loader->count < loader->batch ? loader->count : loader->batch, floats;
    if (!tn_mul(images, loader->image_floats, &floats))
        return tn_fail(error, TN_ERROR_USE, "a batch of %zu images does not fit in memory", images);
    for (int i = 0; i < SLOTS; i++) {
        struct slot *slot = &loader->slots[i];
        slot->images = tn_alloc(floats, sizeof *slot->images);
        slot->labels = tn_alloc(images, sizeof *slot->labels);
        slot->left_out = tn_calloc(images, sizeof *slot->left_out);
        if (!slot->images || !slot->labels || !slot->left_out)
            return tn_fail_memory(error, "a batch of images", floats * sizeof *slot->images);
    }
    return true;
}

static bool copy_order(struct tn_loader *loader, const uint32_t *order, struct tn_error *error)
{
    size_t images = tn_dataset_count(loader->dataset, loader->split);
    if (!order) {
        if (loader->count > images)
            return tn_fail(error, TN_ERROR_USE, "%zu images asked for, there are %zu",
                           loader->count, images);
        return true;
    }
    loader->order = tn_alloc(loader->count, sizeof *order);
    if (!loader->order)
        return tn_fail_memory(error, "the order of images", loader->count * sizeof *order);
    for (size_t i = 0; i < loader->count; i++) {
        if (order[i] >= images)
            return tn_fail(error, TN_ERROR_USE, "image %u asked for, there are %zu", order[i],
                           images);
        loader->order[i] = order[i];
    }
    return true;
}

/* Signals belong to the program's own threads: ours must not be picked for them. */
static bool start_threads(struct tn_loader *loader, struct tn_error *error)
{
    bool files = tn_dataset_format(loader->dataset) == TN_FORMAT_FOLDER;
    int wanted = files ? (int)tn_threads_get() : 1;
    wanted = wanted < 1 ? 1 : wanted > MAX_THREADS ? MAX_THREADS : wanted;
    loader->portion = files ? FILE_PORTION : MEMORY_PORTION;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (loader->thread_count < wanted &&
           pthread_create(&loader->threads[loader->thread_count], NULL, run, loader) == 0)
        loader->thread_count++;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return loader->thread_count > 0 ||
           tn_fail(error, TN_ERROR_SYSTEM, "cannot start a thread for loading images");
}

static void init_waiting(struct tn_loader *loader)
{
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&loader->lock, NULL);
    pthread_cond_init(&loader->filled, &monotonic);
    pthread_cond_init(&loader->freed, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

struct tn_loader *tn_loader_new(struct tn_dataset *dataset, enum tn_split split,
                                const uint32_t *order, size_t count, size_t batch,
                                const struct tn_augment *augment, struct tn_error *error)
{
    if (batch == 0) {
        tn_fail(error, TN_ERROR_USE, "a batch of 0 images");
        return NULL;
    }
    struct tn_loader *loader = tn_calloc(1, sizeof *loader);
    if (!loader) {
        tn_fail_memory(error, "the image loader", sizeof *loader);
        return NULL;
    }
    int chw[3];
    tn_dataset_shape(dataset, chw);
    loader->dataset = tn_dataset_ref(dataset);
    loader->split = split;
    loader->count = count;
    loader->batch = batch;
    loader->batches = count / batch + (count % batch != 0);
    loader->image_floats = (size_t)chw[0] * (size_t)chw[1] * (size_t)chw[2];
    loader->augmented = augment != NULL;
    if (augment)
        loader->augment = *augment;
    init_waiting(loader);
    if (copy_order(loader, order, error) &&
        (count == 0 || (alloc_slots(loader, error) && start_threads(loader, error))))
        return loader;
    tn_loader_free(loader);
    return NULL;
}

void tn_loader_watch(struct tn_loader *loader, const struct tn_progress *progress)
{
    loader->progress = progress;
}

/* Give the batch the caller had back to the threads. Called with the lock. */
static void release(struct tn_loader *loader)
{
    if (!loader->holding)
        return;
    struct slot *slot = &loader->slots[loader->released % SLOTS];
    slot->taken = slot->done = 0;
    loader->released++;
    loader->holding = false;
    pthread_cond_broadcast(&loader->freed);
}

/* Wait until the next batch is full. Called with the lock. */
static bool wait_filled(struct tn_loader *loader, const struct slot *slot, struct tn_error *error)
{
    bool cancelled;
    while (!(cancelled = tn_progress_cancelled(loader->progress)) && !loader->failed &&
           slot->done < batch_size(loader, loader->next)) {
        if (!loader->progress) {
            pthread_cond_wait(&loader->filled, &loader->lock);
            continue;
        }
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += LOOK_AGAIN_MS * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000L;
        until.tv_nsec %= 1000000000L;
        pthread_cond_timedwait(&loader->filled, &loader->lock, &until);
    }
    if (cancelled)
        return tn_fail(error, TN_ERROR_CANCELLED, "cancelled");
    if (loader->failed && error)
        *error = loader->error;
    return !loader->failed;
}

/* Close the gaps of images left out; what remains keeps its order. */
static size_t close_gaps(const struct tn_loader *loader, struct slot *slot, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (slot->left_out[i])
            continue;
        if (kept != i) {
            memcpy(slot->images + kept * loader->image_floats,
                   slot->images + i * loader->image_floats,
                   loader->image_floats * sizeof *slot->images);
            slot->labels[kept] = slot->labels[i];
        }
        kept++;
    }
    return kept;
}

bool tn_loader_next(struct tn_loader *loader, struct tn_batch *batch, struct tn_error *error)
{
    *batch = (struct tn_batch){0};
    while (batch->count == 0) {
        pthread_mutex_lock(&loader->lock);
        release(loader);
        if (loader->next == loader->batches) {
            pthread_mutex_unlock(&loader->lock);
            return true;
        }
        struct slot *slot = &loader->slots[loader->next % SLOTS];
        bool ok = wait_filled(loader, slot, error);
        size_t count = ok ? batch_size(loader, loader->next++) : 0;
        loader->holding = ok;
        pthread_mutex_unlock(&loader->lock);
        if (!ok)
            return false;
        *batch = (struct tn_batch){.images = slot->images,
                                   .labels = slot->labels,
                                   .count = close_gaps(loader, slot, count)};
    }
    return true;
}

void tn_loader_free(struct tn_loader *loader)
{
    if (!loader)
        return;
    pthread_mutex_lock(&loader->lock);
    loader->stop = true;
    pthread_cond_broadcast(&loader->freed);
    pthread_mutex_unlock(&loader->lock);
    for (int i = 0; i < loader->thread_count; i++)
        pthread_join(loader->threads[i], NULL);
    pthread_cond_destroy(&loader->filled);
    pthread_cond_destroy(&loader->freed);
    pthread_mutex_destroy(&loader->lock);
    for (int i = 0; i < SLOTS; i++) {
        tn_free(loader->slots[i].images);
        tn_free(loader->slots[i].labels);
        tn_free(loader->slots[i].left_out);
    }
    tn_free(loader->order);
    tn_dataset_unref(loader->dataset);
    tn_free(loader);
}
