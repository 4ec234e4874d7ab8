"""The servers of `make serve`: started, guarded against other origins, and kept alive."""
