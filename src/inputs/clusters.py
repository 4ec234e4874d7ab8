"""The order of the numbers that a model of clusters says of a row, (N, 4 + C), where C is the number of clusters.

First the mean squared error of the row as the model gives it back. Then its cluster, from 1. Then its clusters by two
models that learnt from halves of the training rows, which have no row in common; 0 where there are none. Then the
probability of each cluster.
"""

ERROR, CLUSTER, HALVES, PROBABILITIES = 0, 1, slice(2, 4), slice(4, None)
# The numbers before the probabilities.
BEFORE = 4
