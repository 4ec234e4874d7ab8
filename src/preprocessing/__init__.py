"""Vectorizing and normalizing, per kind of input; every statistic is learnt from the rows given to `fit`."""
