EXTRA_DIST += bench/README.md bench/peer.py bench/train.py bench/infer.py bench/RESULTS.md
