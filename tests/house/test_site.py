"""The site: what its build in .ci/run relies on. The build itself executes its cells and notebooks."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import re

import pytest

import wcdfa
from tests.helpers.documents import DOCS, PAGES, ROOT, blocks
from tests.house.test_layout import ROWS
from wcdfa.cli.app import COMMANDS

NOT_MEASURING = {"harness", "old", "record"}
SCRIPTS = sorted(path.stem for path in (ROOT / "benchmarks").glob("*.py") if path.stem not in NOT_MEASURING)


DEVELOPERS = (DOCS / "architecture.md", ROOT / "CONTRIBUTING.md")
NAMED = sorted({name for path in DEVELOPERS for name in re.findall(r"`(wcdfa(?:\.\w+)+)`", path.read_text(encoding="utf-8"))})


@pytest.fixture
def check():
    spec = importlib.util.spec_from_file_location("check_links", DOCS / "check_links.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_links_are_checked(check, tmp_path):
    (tmp_path / "a.html").write_text(
        '<p id="here"><a href="b.html#there">b</a><a href="#here">a</a><a href="https://doi.org/1">doi</a>'
    )
    (tmp_path / "b.html").write_text('<p id="there"><a href="a.html">a</a><img src="data:image/png;base64,AA==">')
    assert list(check.wrong(tmp_path)) == []
    (tmp_path / "c.html").write_text(
        '<a href="b.html#nowhere">1</a><a href="d.html">2</a><a href="http://example.org">3</a><script src="https://example.org/x.js"></script>'
    )
    assert [line.split()[1] for line in check.wrong(tmp_path)] == ["b.html#nowhere", "d.html", "http://example.org", "loads"]
    (tmp_path / "empty").mkdir()
    assert list(check.wrong(tmp_path / "empty")) == [f"{tmp_path / 'empty'}: no page"]


def test_the_search_is_checked(check, tmp_path):
    (tmp_path / "searchindex.js").write_text('Search.setIndex({"docnames":["a"],"terms":{}})')
    (tmp_path / "a.html").write_text('<form action="search.html"><input name="q"></form>')
    assert list(check.unsearchable(tmp_path)) == []
    (tmp_path / "b.html").write_text("<p>words</p>")
    assert list(check.unsearchable(tmp_path)) == ["b: the search does not know it", "b: no field to search from"]


@pytest.mark.parametrize(
    "page", [page for page in PAGES if "```{include} ../" not in page.read_text("utf-8")], ids=lambda page: page.stem
)
def test_every_page_opens_with_a_sentence(page):
    """The first thing below the title says what the page is for: no command, no table, no second heading."""
    opening = page.read_text("utf-8").split("\n# ", 1)[-1].split("\n\n")[1]
    assert re.match(r"[*A-Zα`]", opening), opening
    assert not opening.startswith("```")
    assert len(opening.split()) >= 8


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
        assert page == DOCS / "index.md" or re.search(rf"^(.* <|.*/)?{name}>?$", trees, flags=re.MULTILINE), page


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


def test_the_picture_of_the_packages_is_that_of_the_imports():
    (picture,) = blocks("text", (DOCS / "architecture.md").read_text(encoding="utf-8"))
    drawn = [set(re.split(r"  +", line.rstrip())[1:]) for line in picture.splitlines() if "↓" not in line]
    assert drawn == ROWS[::-1]


@pytest.mark.parametrize("name", NAMED)
def test_what_developers_are_pointed_to_exists(name):
    assert resolved(name)


def resolved(name):
    """What a whole name stands for; of a backend or a sink the line that defines or imports it, so that no framework is imported."""
    _, package, *below = name.split(".")
    if package in {"backends", "sinks"} and below:
        home = ROOT / "wcdfa" / package / below[0]
        files = home.glob("*.py") if home.is_dir() else [home.with_suffix(".py")]
        source = "".join(path.read_text(encoding="utf-8") for path in files)
        return re.search(rf"^ *(def |class )?{below[-1]}\b", source, flags=re.MULTILINE) is not None
    found, path = wcdfa, "wcdfa"
    for part in (package, *below):
        path += f".{part}"
        found = getattr(found, part) if hasattr(found, part) else importlib.import_module(path)
    return found


def documented():
    """What the pages of the API take from the code, by whole names."""
    for path in sorted((DOCS / "api").glob("*.rst")):
        for kind, name, options in re.findall(
            r"^\.\. auto(\w+):: (\S+)\n((?:   .*\n)*)", path.read_text(encoding="utf-8"), re.MULTILINE
        ):
            members = re.search(r":members: (.+)", options)
            if members:
                yield from (f"{name}.{each}" for each in members[1].split(", "))
            elif kind != "module":
                yield name


@pytest.mark.parametrize("name", list(documented()))
def test_every_documented_name_exists(name):
    found = resolved(name)
    assert found is True or (callable(found) and found.__doc__)


@pytest.mark.parametrize("script", sorted((ROOT / "benchmarks").glob("*.py")), ids=lambda path: path.stem)
def test_what_a_benchmark_imports_exists(script):
    for node in ast.walk(ast.parse(script.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("wcdfa"):
            assert all(resolved(f"{node.module}.{alias.name}") is not False for alias in node.names)
