EXTRA_DIST += bench/README.md bench/RESULTS.md bench/peer.py bench/engine.py bench/accuracy.py bench/torch_network.py \
	bench/selection.py bench/torchvision.py bench/workbench.py bench/methods.py bench/halve.py bench/budget.py bench/sampling.py bench/screen.py bench/layerwise.py
