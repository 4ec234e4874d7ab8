"""One run: its DVC stages, its page in Prefect, and how it ends."""
