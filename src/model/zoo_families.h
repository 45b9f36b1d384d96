/* Inside the zoo: one function a family of architectures. Each builds the network from input to
 * output and returns false, the builder's error filled, where it cannot. */
#ifndef TN_MODEL_ZOO_FAMILIES_H
#define TN_MODEL_ZOO_FAMILIES_H

#include "model/builder.h"
#include "model/zoo.h"

/* `variant` tells members of a family apart; each says which numbers it knows. */
typedef bool tn_zoo_build_fn(struct tn_builder *builder, const struct tn_zoo_options *options,
                             int variant);

enum { TN_VGG_DENSE, TN_VGG_GAP };
tn_zoo_build_fn tn_build_fashion_vgg; /* no variants */
tn_zoo_build_fn tn_build_vgg16;       /* TN_VGG_... */

enum { TN_STRIDE_ON_1X1, TN_STRIDE_ON_3X3 };
tn_zoo_build_fn tn_build_resnet50; /* TN_STRIDE_... */

tn_zoo_build_fn tn_build_cifar_resnet; /* depth: 6 n + 2 */

tn_zoo_build_fn tn_build_alexnet; /* no variants */

#endif
