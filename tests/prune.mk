# tests of prune
