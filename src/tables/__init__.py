"""The typed table and the prepared one: columns, facts, windows in time, and the folds it is dealt into."""
