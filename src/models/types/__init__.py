"""Everything the workflow asks of a problem type, one file for each type; imports only NumPy."""
