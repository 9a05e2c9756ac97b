"""The documents of the project, and the fenced blocks in them."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import wcdfa

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(path for path in DOCS.rglob("*.md") if not path.is_relative_to(DOCS / "notebooks"))


class Block(NamedTuple):
    """A fenced block."""

    kind: str
    text: str


def fenced(text: str) -> list[Block]:
    """All fenced blocks of a document, also those inside tabs."""
    found = re.findall(r"^```(\S[^\n]*)\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    return [Block(kind.strip(), body) for kind, body in found]


def blocks(language: str, text: str) -> list[str]:
    """The texts of all blocks in one language."""
    return [block.text for block in fenced(text) if block.kind == language]


def extras() -> dict[str, Any]:
    """The extras of the package: names that pip takes in brackets."""
    found: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    return found


def write_log(path: Path, *, seed: int = 0) -> None:
    """Write a log of 1,200 norms, as any training loop would."""
    norms = np.exp(0.1 * wcdfa.synthetic.arfima(1200, d=0.2, seed=seed))
    rows = [json.dumps({"step": step, "update_norm": norm}) for step, norm in enumerate(norms.tolist(), start=1)]
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(rows) + "\n")
