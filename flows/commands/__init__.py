"""Commands for the shell that run without Prefect."""
