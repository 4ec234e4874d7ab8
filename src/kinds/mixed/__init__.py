"""Inputs of several kinds in one problem: each has its own encoder, and the network joins them."""
