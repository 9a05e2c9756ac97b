"""What the documents say, taken apart: fenced blocks, and the commands in them."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(path for path in DOCS.rglob("*.md") if not path.is_relative_to(DOCS / "notebooks"))


class Block(NamedTuple):
    """A fenced block."""

    kind: str
    text: str


def fenced(text: str) -> list[Block]:
    """All fenced blocks of a document, those inside tabs too."""
    found = re.findall(r"^```(\S[^\n]*)\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    return [Block(kind.strip(), body) for kind, body in found]


def blocks(language: str, text: str) -> list[str]:
    """The texts of the blocks in a language."""
    return [block.text for block in fenced(text) if block.kind == language]


def extras() -> dict[str, Any]:
    """What pip can be asked to install beside the core."""
    found: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    return found
