"""Inputs of several kinds in one problem: each has its own way to the network, which joins them."""
