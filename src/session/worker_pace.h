/* How fast a stage of work goes, from what of it was done in the last seconds. */
#ifndef TN_SESSION_WORKER_PACE_H
#define TN_SESSION_WORKER_PACE_H

enum { TN_PACE_POINTS = 32 };

struct tn_pace {
    struct {
        double time, done;
    } points[TN_PACE_POINTS]; /* oldest first */
    int count;
};

/* At `time` (seconds) so much was done; set count to 0 when a stage begins. */
void tn_pace_note(struct tn_pace *pace, double time, double done);

/* Units a second, 0 while unknown, and seconds until `total` is done, -1 while unknown. */
void tn_pace_estimate(const struct tn_pace *pace, double time, double done, double total,
                      double *rate, double *left);

#endif
