"""Which network to take: the capacity ladder, the candidates, successive halving, and searches inside folds."""
