"""Runs with settings of their own: made in a copy of the last commit, kept as DVC experiments, brought home."""
