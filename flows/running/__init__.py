"""One run: its stages in DVC, what its page in Prefect shows, and how it ends."""
