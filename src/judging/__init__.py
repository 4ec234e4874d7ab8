"""How good a model is and how sure that is: baselines, held-out scores, intervals, paired comparisons."""
