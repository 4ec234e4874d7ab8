"""Save a finished model to files without pickle, load it, and predict raw rows."""
