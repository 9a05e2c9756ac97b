"""What outsiders expect of a repository: workflows, an sdist with its tests, classifiers, hooks, files that agree with each other."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
from pathlib import Path

import pytest

from tests.helpers.documents import ROOT, blocks
from tests.house.annotations import counted

SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT, GROUPS = SETTINGS["project"], SETTINGS["dependency-groups"]


def text(*parts):
    return Path(ROOT, *parts).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def tracked():
    """The files under version control; in an unpacked sdist nobody can tell."""
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("this is no checkout, or git is not installed")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.decode()
    return [name for name in listed.split("\0") if name and (ROOT / name).exists()]


@pytest.fixture(scope="module")
def sdist(tracked, tmp_path_factory):
    """The names in an sdist that is built from the tracked files alone."""
    folder = tmp_path_factory.mktemp("sdist")
    for name in tracked:
        target = folder / "tree" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, target, follow_symlinks=False)
    build = "import sys; from setuptools.build_meta import build_sdist; build_sdist(sys.argv[1])"
    subprocess.run([sys.executable, "-c", build, str(folder)], cwd=folder / "tree", capture_output=True, check=True)
    with tarfile.open(next(folder.glob("*.tar.gz"))) as archive:
        return [member.name.partition("/")[2] for member in archive.getmembers() if member.isfile()]


def test_the_sdist_holds_every_tracked_file_once(tracked, sdist):
    """So it passes its own tests. The folder backends/ is in it as wcdfa/backends, where the link leads."""
    links = [name for name in tracked if (ROOT / name).is_symlink()]
    assert sorted(links) == ["docs/notebooks", "wcdfa/backends"]
    wanted = {re.sub(r"^backends/", "wcdfa/backends/", name) for name in tracked if name not in links}
    assert wanted - set(sdist) == set()
    assert len(set(sdist)) == len(sdist)
    made = {name for name in sdist if re.match(r"PKG-INFO|setup.cfg|wcdfa.egg-info/|docs/notebooks/", name)}
    assert set(sdist) - wanted == made


def test_nothing_is_ignored_that_is_tracked(tracked):
    ignored = subprocess.run(["git", "ls-files", "-ci", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ignored.stdout == ""


def test_the_workflow_calls_the_lines_of_the_readme():
    workflow = text(".github", "workflows", "tests.yml")
    for title in ("Try it", "Test it"):
        (line,) = blocks("sh", text("README.md").split(f"\n## {title}\n")[1].split("\n## ")[0])
        assert f"name: {title}\n        run: {line}" in workflow
    assert "- run: .ci/run\n" in workflow
    assert "$(readme 'Test it')" in text(".ci", "run")


@pytest.mark.parametrize("workflow", sorted((ROOT / ".github" / "workflows").glob("*.yml")), ids=lambda path: path.stem)
def test_actions_are_pinned_to_a_version(workflow):
    actions = re.findall(r"uses: (\S+)", workflow.read_text(encoding="utf-8"))
    assert actions
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@v\d+\.\d+\.\d+", action) for action in actions), actions


def test_classifiers_name_the_pythons_and_systems_that_the_workflow_tests():
    workflow = text(".github", "workflows", "tests.yml")
    pythons = re.findall(r"\"(3\.\d+)\"", re.search(r"python: \[(.*)\]", workflow)[1])
    named = re.findall(r"Python :: (3\.\d+)\n", "\n".join(PROJECT["classifiers"]) + "\n")
    assert pythons == named
    assert PROJECT["requires-python"] == f">={named[0]}"
    assert SETTINGS["tool"]["mypy"]["python_version"] == named[0]
    systems = {"ubuntu": "POSIX :: Linux", "macos": "MacOS", "windows": "Microsoft :: Windows"}
    tested = [each.partition("-")[0] for each in re.search(r"system: \[(.*)\]", workflow)[1].split(", ")]
    assert {f"Operating System :: {systems[each]}" for each in tested} == {
        each for each in PROJECT["classifiers"] if each.startswith("Operating System")
    }
    assert PROJECT["classifiers"] == sorted(PROJECT["classifiers"])


def test_the_hooks_run_the_pinned_versions():
    ruff = next(each for each in GROUPS["dev"] if each.startswith("ruff=="))
    assert f"rev: v{ruff.partition('==')[2]}\n" in text(".pre-commit-config.yaml")


def test_ci_installs_every_group_that_there_is():
    assert set(re.findall(r"--group (\w+)", text(".ci", "run"))) == set(GROUPS)


def test_urls_are_those_that_the_documents_give():
    documents = text("CITATION.cff") + text("docs", "what_alpha_is.md")
    for url in PROJECT["urls"].values():
        assert url.removeprefix("https://doi.org/") in documents


def test_package_data_exists():
    for package, patterns in SETTINGS["tool"]["setuptools"]["package-data"].items():
        for pattern in patterns:
            assert list(Path(ROOT, *package.split(".")).glob(pattern)), f"{package}: {pattern}"


def test_less_than_8_percent_of_annotations_hold_any():
    """`python -m tests.house.annotations` lists them."""
    found = counted().values()
    assert sum(some for some, _ in found) < 0.08 * sum(every for _, every in found)


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "RELEASING.md", "SECURITY.md"])
def test_files_that_a_document_points_to_exist(name):
    for path in re.findall(r"`((?:wcdfa|backends|tests|docs|benchmarks|studies|notebooks|\.ci|\.github)/[\w./]*)`", text(name)):
        assert (ROOT / re.sub(r"^backends/", "wcdfa/backends/", path)).exists(), path  # an sdist has it there alone


UNCLEAR = (  # phrases that were found in the code, and what they hide
    r'"""\.\.\."""',  # a docstring that nobody has written
    r"\b(option|method|confidence|optimizer|bound|variables|what) (is|are) none\b",  # read as None; say "unknown"
    r"See there\.",
    r"Of a test\.",
    r"are no matter",
    r"what was asked for",
    r"What is to be said",
)
PROSE = [
    path
    for top in ("wcdfa", "docs", "benchmarks", "notebooks", "studies")
    for path in (ROOT / top).rglob("*")
    if path.suffix in {".py", ".md", ".rst"}
]
PROSE += [*(ROOT / "wcdfa" / "backends").rglob("*.py"), *ROOT.glob("*.md")]


@pytest.mark.parametrize("phrase", UNCLEAR)
def test_no_phrase_that_readers_stumble_over(phrase):
    found = {path for path in set(PROSE) if re.search(phrase, path.read_text(encoding="utf-8"))}
    assert not found, sorted(path.relative_to(ROOT).as_posix() for path in found)


def test_the_script_of_the_build_machine_is_valid():
    if (bash := shutil.which("bash")) is None:
        pytest.skip("bash is not installed")
    subprocess.run([bash, "-n", ROOT / ".ci" / "run"], check=True)
