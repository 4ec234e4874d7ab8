"""Runs flows for the Prefect UI and its schedules: which starts when, in which process, and how it ends."""
