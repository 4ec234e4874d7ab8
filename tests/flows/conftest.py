from tests.flows.serving import served  # noqa: F401
