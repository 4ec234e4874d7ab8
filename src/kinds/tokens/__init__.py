"""Sentences, word by word: a label for each."""
