"""Parameters and FLOPs of networks people bring, against PyTorch's own numbers."""

import os
import warnings

from thinet import QUICK, check, commands, finish, scratch, skip_all

try:
    import torch
    import torchvision
    from torch import nn
except ImportError as missing:
    skip_all("Python has no module %s" % missing.name)
warnings.filterwarnings("ignore")

NETWORKS = ["squeezenet1_1", "mobilenet_v2", "shufflenet_v2_x1_0", "efficientnet_b0", "densenet121"]
if not QUICK:
    NETWORKS += ["resnet18", "regnet_y_400mf", "mobilenet_v3_small", "convnext_tiny", "alexnet"]
folder = scratch()


def flops_of(network, image):
    """2 x multiply-adds of convolutions and fully connected layers, counted while the network runs."""
    total = []

    def count(layer, inputs, output):
        positions = output.numel() // output.shape[1 if isinstance(layer, nn.Conv2d) else -1]
        total.append(2 * positions * layer.weight.numel())

    hooks = [layer.register_forward_hook(count) for layer in network.modules()
             if isinstance(layer, (nn.Conv2d, nn.Linear))]
    with torch.no_grad():
        network(image)
    for hook in hooks:
        hook.remove()
    return sum(total)


for name in NETWORKS:
    torch.manual_seed(1)
    network = getattr(torchvision.models, name)(weights=None).eval()
    image = torch.randn(1, 3, 224, 224)
    path = os.path.join(folder, name + ".onnx")
    torch.onnx.export(network, image, path, opset_version=13, input_names=["image"], output_names=["scores"],
                      dynamic_axes={"image": {0: "N"}}, training=torch.onnx.TrainingMode.PRESERVE,
                      do_constant_folding=False)
    summary = commands("open " + path, "summary")[1]
    os.remove(path)
    wanted = sum(p.numel() for p in network.parameters())
    check("%s has %d parameters" % (name, wanted), summary["params_all"] == wanted, summary["params_all"])
    flops = flops_of(network, image)
    check("%s takes %d FLOPs" % (name, flops), summary["flops"] == flops, summary["flops"])
finish()
