"""Texts: reviews, messages, headlines."""
