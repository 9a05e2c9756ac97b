"""The site: what its build in .ci/run relies on. The build itself executes its cells and notebooks."""

from __future__ import annotations

import importlib.util
import re

import pytest

import wcdfa
from tests.helpers.documents import DOCS, PAGES, ROOT
from wcdfa.cli.app import COMMANDS

NOT_MEASURING = {"harness", "old", "record"}
SCRIPTS = sorted(path.stem for path in (ROOT / "benchmarks").glob("*.py") if path.stem not in NOT_MEASURING)


@pytest.fixture
def check():
    spec = importlib.util.spec_from_file_location("check_links", DOCS / "check_links.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.wrong


def test_links_are_checked(check, tmp_path):
    (tmp_path / "a.html").write_text(
        '<p id="here"><a href="b.html#there">b</a><a href="#here">a</a><a href="https://doi.org/1">doi</a>'
    )
    (tmp_path / "b.html").write_text('<p id="there"><a href="a.html">a</a><img src="data:image/png;base64,AA==">')
    assert list(check(tmp_path)) == []
    (tmp_path / "c.html").write_text(
        '<a href="b.html#nowhere">1</a><a href="d.html">2</a><a href="http://example.org">3</a><script src="https://example.org/x.js"></script>'
    )
    assert [line.split()[1] for line in check(tmp_path)] == ["b.html#nowhere", "d.html", "http://example.org", "loads"]
    (tmp_path / "empty").mkdir()
    assert list(check(tmp_path / "empty")) == [f"{tmp_path / 'empty'}: no page"]


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_benchmark_has_its_output_on_the_page(name):
    lines = (ROOT / "benchmarks" / "results" / f"{name}.txt").read_text().splitlines()
    assert lines[0].startswith(f"python benchmarks/{name}.py")
    assert re.match(r"\d{4}-\d\d-\d\d, .*cores, load", lines[1])
    assert len(lines) > 4
    assert f"../benchmarks/results/{name}.txt" in (DOCS / "benchmarks.md").read_text()


def test_every_page_is_in_a_toctree():
    trees = "".join(path.read_text() for path in PAGES)
    for page in PAGES:
        name = page.stem if page.stem != "index" else f"{page.parent.name}/index"
        assert page == DOCS / "index.md" or re.search(rf"^(.* <)?{name}>?$", trees, flags=re.MULTILINE), page


def test_every_notebook_is_on_the_site():
    index = (DOCS / "index.md").read_text()
    assert all(f"notebooks/{path.stem}\n" in index for path in (ROOT / "notebooks").glob("*.py"))


def test_every_public_name_and_backend_is_documented():
    pages = "".join(path.read_text() for path in (DOCS / "api").glob("*.rst"))
    for name in wcdfa.__all__:
        assert f":: wcdfa.{name}\n" in pages, name
    for framework in ("numpy", "jax", "optax", "torch", "tensorflow", "keras", "lightning", "transformers"):
        assert f"wcdfa.backends.{framework}." in pages
    for sink in ("wandb", "tensorboard", "mlflow", "trackio", "jsonl", "parquet"):
        assert f"wcdfa.sinks.{sink}." in pages


def test_every_command_is_documented():
    text = (DOCS / "integrations" / "command_line.md").read_text()
    assert all(f"\nwcdfa {command}" in text for command in COMMANDS)
