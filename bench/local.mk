EXTRA_DIST += bench/README.md bench/RESULTS.md bench/peer.py bench/train.py bench/infer.py bench/infer.js \
	bench/torchvision.py
