"""The kinds of input: what is different about learning from a table, from texts, ... lies in one folder each."""
