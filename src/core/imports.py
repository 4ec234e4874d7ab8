"""The modules that a text of Python imports, read without running it."""

import ast
from collections.abc import Iterator


def imported(source: str, at_once: bool = False) -> Iterator[str]:
    """The names that `source` imports, those inside of functions too.

    at_once: only what is imported while the module is imported itself, so outside of functions and `if`.
    """
    todo: list[ast.AST] = [ast.parse(source)]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"imports are absolute: {ast.unparse(node)}"
            yield from (node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names))
        elif not (at_once and isinstance(node, ast.FunctionDef | ast.If)):
            todo += ast.iter_child_nodes(node)
