"""Text from the data in Markdown: shown as it is, whatever characters it holds."""

import re


def literal(text: str) -> str:
    """`text` on one line, with nothing in it that Markdown or HTML would take for its own."""
    text = re.sub(r"\s+", " ", text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]|])", r"\\\1", text)
