"""What finetune's options do to the weights, against PyTorch doing the same."""

from thinet import finish, skip_all

try:
    import onnx  # noqa: F401: training_cases needs it
    import torch
    from torch.nn import functional
except ImportError as missing:
    skip_all("Python has no module %s" % missing.name)
from training_cases import classify, head, images, node, tail, train, weights

nodes = [node("Conv", "x a.weight a.bias", "a", pads=[1] * 4), node("Relu", "a", "ar"), node("Conv", "ar b.weight b.bias", "last")] + tail
parameters = {"a.weight": weights(8, 1, 3, 3), "a.bias": weights(8), "b.weight": weights(8, 8, 3, 3), "b.bias": weights(8), **head}


def forward(x, p):
    x = functional.relu(functional.conv2d(x, p["a.weight"], p["a.bias"], padding=1))
    return classify(functional.conv2d(x, p["b.weight"], p["b.bias"]), p)


def check(name, **how):
    train(name, nodes, parameters, {}, forward, epochs=4, **how)


check("nesterov", options="nesterov=on", sgd={"nesterov": True})
check("decay-bn=off", options="decay-bn=off", spared=("a.bias", "b.bias", "f.bias"))
check("clip", options="clip=0.05", clip=0.05)
check("a clip that is not reached", options="clip=1e6")
check("smooth", options="smooth=0.2", loss=lambda logits, labels: functional.cross_entropy(logits, labels, label_smoothing=0.2))

# The teacher is the network as opened, which the trained one leaves from its first step on.
with torch.no_grad():
    told = forward(images, {key: torch.from_numpy(values) for key, values in parameters.items()})


def distilled(weight, temperature, smoothing=0.0):
    def loss(logits, labels):
        soft = functional.kl_div(functional.log_softmax(logits / temperature, 1), functional.softmax(told / temperature, 1),
                                 reduction="batchmean")
        plain = functional.cross_entropy(logits, labels, label_smoothing=smoothing)
        return (1 - weight) * plain + weight * temperature ** 2 * soft
    return loss


check("distill", options="distill=on", loss=distilled(0.7, 4))
check("distill with weight, temperature and smoothing", options="distill=on weight=0.4 temperature=2 smooth=0.1",
      loss=distilled(0.4, 2, 0.1))
finish()
