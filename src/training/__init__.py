"""Members, shards, the backends that train them, and the one entry point `fit`."""
