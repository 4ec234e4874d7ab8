"""What a shell runs without Prefect."""
