"""Runs with settings of their own: in a copy of the last commit, kept as a DVC experiment, brought home."""
