#include "prune/activity.h"

void tn_activity_set(struct tn_activity *activity, struct tn_tensor *magnitudes)
{
    if (!magnitudes)
        return;
    tn_tensor_unref(activity->magnitudes);
    activity->magnitudes = magnitudes;
    activity->channels = (int)magnitudes->dims[1];
    activity->zeros = tn_tensor_doubles(magnitudes);
    activity->mean = activity->zeros + activity->channels;
}

void tn_activity_set_taylor(struct tn_activity *activity, struct tn_tensor *gradients)
{
    if (!gradients)
        return;
    tn_tensor_unref(activity->gradients);
    activity->gradients = gradients;
    activity->channels = (int)gradients->dims[1];
    activity->taylor = tn_tensor_doubles(gradients);
}

void tn_activity_free(struct tn_activity *activity)
{
    tn_tensor_unref(activity->magnitudes);
    tn_tensor_unref(activity->gradients);
    *activity = (struct tn_activity){0};
}
