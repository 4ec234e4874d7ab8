"""From the typed table to training rows and a sealed test set; everything that is fitted to a fold's training rows."""
