"""Everything that the package says can be written in any encoding."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import wcdfa
from wcdfa.support.letters import PLAIN, plain

PACKAGE = Path(wcdfa.__file__).parent
UNSAID = set("äñöß\ufeff")  # by which the readers tell encodings, and in a name that a comment cites


def said():
    """Each text in the code, docstrings aside."""
    for path in sorted(PACKAGE.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        documented = {
            node.body[0].value
            for node in ast.walk(tree)
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and node.body and isinstance(node.body[0], ast.Expr)
        }
        yield from (
            node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in documented
        )


def test_every_letter_of_the_package_has_a_plain_name():
    letters = {each for text in said() for each in text if not each.isascii()}
    assert {"α", "‖", "Δ", "…"} <= letters
    assert not letters - set(PLAIN) - UNSAID


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "cp437", "shift_jis"])
def test_any_text_can_be_written(encoding):
    text = "".join(PLAIN) + "ü漢\udc80🙂"
    assert plain(text, encoding).encode(encoding)
    assert plain("plain text", encoding) == "plain text"
