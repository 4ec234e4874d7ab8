"""The library behind the steps: no module here knows about DVC, Prefect or the command line."""
