"""A finished model as files without pickle, and what it says of raw rows."""
