# src/prune
