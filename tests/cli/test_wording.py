"""Errors name arguments of Python in the library, and options on the command line."""

from __future__ import annotations

import ast
from dataclasses import fields
from pathlib import Path

import pytest

pytest.importorskip("cyclopts", reason="cyclopts is not installed")

import wcdfa
from wcdfa.cli.options import Judging
from wcdfa.cli.wording import of_error, of_text
from wcdfa.readers.errors import LogError
from wcdfa.readers.series import read_series

ROWS = {  # a log, what helps in Python, and on the command line
    "which": ([{"step": i, "a": i, "b": i} for i in range(20)], "column=", "--column"),
    "several": ([{"step": i, "x/update_norm": i, "y/update_norm": i} for i in range(20)], "column=", "--column"),
    "uneven": ([{"step": i * i, "norm": i} for i in range(20)], "steps=(first, last)", "--steps FIRST LAST"),
}


@pytest.mark.parametrize("kind", ROWS)
def test_each_speaks_its_own_language(tmp_path, kind):
    rows, python, command = ROWS[kind]
    path = tmp_path / "steps=3" / "spacing=10.jsonl"  # names are left as they are
    path.parent.mkdir()
    path.write_text("".join(f"{row}\n".replace("'", '"') for row in rows))
    with pytest.raises(LogError) as refused:
        read_series(path)
    text = str(refused.value)
    assert text.startswith(str(path))
    assert text.endswith(python)
    assert "--" not in text
    for said in (of_error(refused.value), of_text(text)):
        assert said == text.removesuffix(python) + command
    assert refused.value.option.name in {field.name for field in fields(Judging)}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a verdict (log=False)", "a verdict (--no-log)"),
        ("name it with optimizer=", "name it with --optimizer"),
        ("say with spacing= how many", "say with --spacing how many"),
        ("if you know, say so with quantity=", "if you know, say so with --quantity"),
        ("if 9 of 10 steps were left out, say so with spacing=10", "if 9 of 10 steps were left out, say so with --spacing 10"),
        ("runs/log=True/a.csv: column=3 and xlog=True are names", "runs/log=True/a.csv: column=3 and xlog=True are names"),
    ],
)
def test_only_arguments_are_translated(text, said):
    assert of_text(text) == said


@pytest.mark.parametrize(
    "package", ["kernel", "inference", "preprocess", "nulls", "verdicts", "recording", "readers", "sinks", "analysis", "report"]
)
def test_no_option_of_the_command_line_is_named_in_the_library(package):
    for path in Path(wcdfa.__file__).with_name(package).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert not any(f" --{field.name.replace('_', '-')}" in node.value for field in fields(Judging)), path
