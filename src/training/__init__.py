"""Train networks: members, shards, the backends that train them, and the only entry point `fit`."""
