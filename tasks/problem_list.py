"""Edit the list of problems in params.yaml as text, so that comments and everything else stay as they are."""

import re
from itertools import takewhile

from src.core.errors import UserError
from src.core.files import Layout
from src.core.yaml_file import parse_yaml
from src.problem.load import listed_problems


def with_problem(layout: Layout) -> str:
    """The text of params.yaml with the problem appended to its list.

    Raises UserError where the list has a form that cannot be appended to.
    """
    path, name = layout.params_file, layout.problem
    listed = listed_problems(path)
    text = path.read_text(encoding="utf-8")
    if name in listed:
        return text
    lines = text.splitlines(keepends=True)
    head = next((i for i, line in enumerate(lines) if line.startswith("problems:")), None)
    if head is None:
        raise UserError(f"{path}: needs a line `problems:` for the list of problems")
    inside = takewhile(lambda i: lines[i].strip()[:1] in ("", "#", "-"), range(head + 1, len(lines)))
    items = [i for i in inside if lines[i].lstrip().startswith("-")]
    if items:
        last = lines[items[-1]]
        lines.insert(items[-1] + 1, f"{last[: len(last) - len(last.lstrip())]}- {name}\n")
    else:
        lines[head] = re.sub(r"\[(.*?),?\s*\]", lambda m: f"[{m[1]}{', ' if m[1] else ''}{name}]", lines[head])
    changed = "".join(lines)
    if parse_yaml(changed.encode(), str(path)).get("problems") != [*listed, name]:
        raise UserError(f"{path}: cannot add {name} to the list 'problems'; write it as lines of the form '  - {name}'")
    return changed
