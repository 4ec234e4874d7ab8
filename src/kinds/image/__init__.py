"""Pictures: digits, photographs."""
