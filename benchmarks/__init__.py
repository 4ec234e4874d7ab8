"""Measurements that anybody can repeat, one module each: `python -m benchmarks.NAME --help`."""

# The environment that steps run in, before any library reads it.
import tasks  # noqa: F401
