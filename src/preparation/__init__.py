"""From the typed table to training rows, a sealed test set, and what a fold's training rows teach about the columns."""
