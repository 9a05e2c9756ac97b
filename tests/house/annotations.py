"""The share of annotations that contain `Any`: ``python -m tests.house.annotations`` lists it by package, then by file."""

from __future__ import annotations

import ast
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]


def annotations(tree: ast.AST) -> Iterator[ast.expr]:
    """The annotations of parameters, returned values, fields and variables."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            arguments = node.args
            every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
            yield from (each.annotation for each in every if each is not None and each.annotation is not None)
            if node.returns is not None:
                yield node.returns
        elif isinstance(node, ast.AnnAssign):
            yield node.annotation


def holds_any(annotation: ast.expr) -> bool:
    return any(isinstance(node, ast.Name) and node.id == "Any" for node in ast.walk(annotation))


def counted() -> dict[str, tuple[int, int]]:
    """For each file, the number of annotations that contain `Any`, and of all annotations."""
    backends = ROOT / "backends" if (ROOT / "backends").exists() else ROOT / "wcdfa" / "backends"  # as an sdist has it
    own = [path for path in (ROOT / "wcdfa").rglob("*.py") if ROOT / "wcdfa" / "backends" not in path.parents]
    files = sorted(own) + sorted(backends.rglob("*.py"))
    found = {}
    for path in files:
        every = list(annotations(ast.parse(path.read_text())))
        found[path.relative_to(ROOT).as_posix()] = sum(map(holds_any, every)), len(every)
    return found


if __name__ == "__main__":
    files = counted()
    sums: Counter[str] = Counter()
    for name, (some, every) in files.items():
        parts = name.split("/")
        package = "/".join(parts[: 2 if len(parts) > 2 else 1])
        sums.update({f"{package} any": some, f"{package} all": every, "total any": some, "total all": every})
    for package in [key.removesuffix(" all") for key in sums if key.endswith(" all")]:
        some, every = sums[f"{package} any"], sums[f"{package} all"]
        sys.stdout.write(f"{some / max(every, 1):6.1%} {some:4d} of {every:4d}  {package}\n")
    for name, (some, every) in sorted(files.items(), key=lambda item: -item[1][0])[:40]:
        sys.stdout.write(f"{some:4d} of {every:4d}  {name}\n")
