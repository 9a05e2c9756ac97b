"""The house: what imports what, what ships, what importing costs."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
import tomllib
import warnings
from pathlib import Path

import pytest

import wcdfa
import wcdfa.backends.numpy
from tests.conftest import require
from wcdfa.moved import MOVED

ROOT = Path(__file__).parents[2]

# each package may import from those on the rows above it, and no two of one row from each other
ROWS = [
    {"moved", "support", "version"},
    {"scales", "surrogates", "synthetic"},
    {"kernel", "preprocess", "readers", "sinks"},
    {"inference"},
    {"cross", "heart", "multifractal", "nulls", "streaming"},
    {"verdicts"},
    {"analysis", "recording"},
    {"plotting", "report"},
    {"monitor"},
    {"backends", "cli"},
]
EXTRAS = {  # what a package may import beside the core's own dependencies, where it is used
    "analysis": {"distributed", "pyarrow"},
    "cli": {"cyclopts", "rich"},
    "support": {"platformdirs", "rich"},
    "plotting": {"matplotlib"},
    "readers": {
        *(
            "charset_normalizer",
            "clevercsv",
            "compression",
            "fsspec",
            "google",
            "google_crc32c",
            "h5py",  # which Keras brings
            "pyarrow",
            "tensorboard",
            "tensorstore",
        ),
        *("regex", "wandb", "zstandard"),
    },
    "streaming": {"dask", "pyarrow"},
    "sinks": {"mlflow", "pyarrow", "tensorboard", "tensorflow", "trackio", "wandb"},
}
CORE = {"numpy", "array_api_compat"}
DOCUMENTED = [
    *("wcdfa.spread.spread", "wcdfa.tables.expected", "wcdfa.scales.dyadic", "wcdfa.scales.logarithmic", "wcdfa.scales.geometric"),
    *("wcdfa.windows.judge", "wcdfa.windows.Judged", "wcdfa.windows.drifts", "wcdfa.replay.optimizer_norms"),
    *("wcdfa.regime.label", "wcdfa.regime.failure_modes", "wcdfa.regime.FailureMode", "wcdfa.regime.FAILURE_MODES"),
    *("wcdfa.regime.drift_alarms", "wcdfa.regime.Alarm", "wcdfa.nulls.optimizer_null", "wcdfa.nulls.optimizer_alphas"),
    *("wcdfa.nulls.short_memory", "wcdfa.nulls.shuffled", "wcdfa.nulls.compare", "wcdfa.nulls.NullResult"),
    *("wcdfa.whittle.whittle_alpha", "wcdfa.whittle.compare", "wcdfa.whittle.memories", "wcdfa.whittle.Comparison"),
    *("wcdfa.readers.read_series", "wcdfa.readers.series_of", "wcdfa.readers.sources", "wcdfa.readers.RecordedSeries"),
    *("wcdfa.analysis.Settings", "wcdfa.analysis.analyze", "wcdfa.analysis.Analysis", "wcdfa.analysis.as_json"),
    *("wcdfa.comparison.compare", "wcdfa.comparison.Comparison", "wcdfa.comparison.Difference", "wcdfa.groups.members_of"),
    *("wcdfa.ring.init", "wcdfa.ring.record", "wcdfa.ring.extend", "wcdfa.ring.read", "wcdfa.ring.Reading"),
    *("wcdfa.watch.Alarms", "wcdfa.watch.Watch", "wcdfa.watch.DriftWarning", "wcdfa.monitor.WeightChangeDFA"),
    *("wcdfa.rolling_monitor.RollingWeightChangeDFA", "wcdfa.core.dfa", "wcdfa.core.compute_dfa", "wcdfa.preprocess.prepare"),
    *("wcdfa.plotting.plot_run", "wcdfa.plotting.save", "wcdfa.plotting.runs.plot_analysis", "wcdfa.plotting.runs.plot_difference"),
    *("wcdfa.report.section_of", "wcdfa.report.Section", "wcdfa.report.write", "wcdfa.backends.numpy.delta_norm"),
]
BUILT_ON = {
    "optax": {"jax"},
    "flax": {"jax"},
    "keras": {"jax", "tensorflow", "torch"},
    "lightning": {"pytorch_lightning", "torch"},
    "mne": {"pandas"},
    "transformers": {"torch"},
}


def modules():
    """Each module by its name without ``wcdfa.``, with its syntax tree; those of the backends too."""
    link = ROOT / "wcdfa" / "backends"
    core = [path for path in (ROOT / "wcdfa").rglob("*.py") if link not in path.parents]
    backends = ROOT / "backends" if (ROOT / "backends").is_dir() else link  # as an sdist has them
    for path in sorted(core) + sorted(backends.rglob("*.py")):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removeprefix("wcdfa.").removesuffix(".__init__")
        yield name, ast.parse(path.read_text())


def imports(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "wcdfa":
            yield from (f"wcdfa.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def test_imports_point_down():
    row = {name: i for i, names in enumerate(ROWS) for name in names}
    seen = set()
    for name, tree in modules():
        package = name.partition(".")[0]
        if package in ("__init__", "__main__"):
            continue
        seen.add(package)
        for imported in imports(tree):
            top, _, below = imported.partition(".")
            other = below.partition(".")[0]
            if top == "wcdfa":
                assert other in row, f"{name} imports {imported}"
                assert other == package or row[other] < row[package], f"{name} imports {imported}, which is not below it"
            elif package != "backends":
                assert top in sys.stdlib_module_names | CORE | EXTRAS.get(package, set()), f"{name} imports {imported}"
    assert seen == set(row)


def test_no_two_modules_import_each_other():
    """No circle among modules as they are imported, functions that import later aside."""
    found = dict(modules())
    below = {
        name: {each for each in map(as_module(found), at_import(tree)) if each and each != name} for name, tree in found.items()
    }
    left = dict(below)
    while free := [name for name, others in left.items() if not others & set(left)]:
        for name in free:
            del left[name]
    assert not left, f"these import each other: {sorted(left)}"


def at_import(tree):
    """What the top level of a module imports, name by name."""
    for node in tree.body:
        if isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def as_module(found):
    """The module that a dotted name is, or is a name of."""

    def module(dotted):
        below = dotted.removeprefix("wcdfa.")
        parent = below.rpartition(".")[0]
        return None if below == dotted else below if below in found else parent if parent in found else None

    return module


def test_there_are_no_more_rooms_than_a_newcomer_can_look_into():
    rooms = {path.parent for top in ("wcdfa", "backends") for path in (ROOT / top).rglob("__init__.py")}
    inside = {path for path in rooms if (ROOT / "wcdfa" / "backends") not in (path, *path.parents)} - {ROOT / "wcdfa"}
    assert len(inside) <= 25, sorted(inside)
    assert len(ROWS) <= 10


def test_backends_import_no_framework_but_their_own():
    for name, tree in modules():
        top, _, below = name.partition(".")
        if top != "backends":
            continue
        framework = below.partition(".")[0]
        own = {framework, *BUILT_ON.get(framework, ()), "wcdfa"}
        for imported in imports(tree):
            top, _, inner = imported.partition(".")
            assert top in sys.stdlib_module_names | CORE | own, f"{name} imports {imported}"
            if inner.startswith("backends."):
                assert inner.split(".")[1] in own | {"base", "stretches", "trees"}, f"{name} imports {imported}"


def test_backends_is_a_link_and_has_one_name():
    assert (ROOT / "wcdfa" / "backends").is_symlink() == (ROOT / "backends").is_dir()  # an sdist has a folder and no link
    assert wcdfa.backends.numpy.__name__ == "wcdfa.backends.numpy"
    assert "backends" not in sys.modules


def test_public_names():
    static = {
        alias.asname
        for node in ast.walk(ast.parse((ROOT / "wcdfa" / "__init__.py").read_text()))
        if is_static(node)
        for alias in node.names
    }
    assert set(wcdfa.__all__) == static - {"_moved", "__version__"} == set(wcdfa._HOMES) | {"nulls", "scales", "synthetic"}
    assert list(wcdfa.__all__) == sorted(wcdfa.__all__)
    for name in wcdfa.__all__:
        assert getattr(wcdfa, name) is not None
        assert name in dir(wcdfa)
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        wcdfa.nothing  # noqa: B018


def is_static(node):
    return isinstance(node, ast.ImportFrom)


@pytest.mark.parametrize("old", sorted(MOVED))
def test_modules_that_moved_answer_to_their_old_names(old, monkeypatch):
    if old.startswith("backends."):
        require(old.split(".")[1].partition("_")[0])
    monkeypatch.delitem(sys.modules, f"wcdfa.{old}", raising=False)
    said = f"wcdfa.{old} has moved to wcdfa.{MOVED[old][0]}"
    with pytest.warns(DeprecationWarning, match=said) as caught:
        module = importlib.import_module(f"wcdfa.{old}")
    for home in reversed(MOVED[old]):
        new = importlib.import_module(f"wcdfa.{home}")
        defined = [name for name, value in vars(new).items() if getattr(value, "__module__", "") == new.__name__]
        assert defined
        assert all(getattr(module, name) is getattr(new, name) for name in defined)
    if "." not in old:
        monkeypatch.delitem(vars(wcdfa), old)
        with pytest.warns(DeprecationWarning, match=said) as caught:
            assert getattr(wcdfa, old).__name__ == f"wcdfa.{old}"
        assert caught[0].filename == __file__


@pytest.mark.parametrize("name", DOCUMENTED)
def test_names_that_were_documented_are_still_there(name):
    """Names of docs/api of the tree before packages: an import and an attribute, whatever moved."""
    module, _, last = name.rpartition(".")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        assert hasattr(importlib.import_module(module), last)


def test_versions_agree():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == wcdfa.__version__
    assert f"version: {wcdfa.__version__}" in (ROOT / "CITATION.cff").read_text()


def test_importing_wcdfa_imports_no_framework():
    program = (
        "import sys, numpy; before = set(sys.modules); import wcdfa; wcdfa.verdict, wcdfa.WeightChangeDFA; "
        "print(sorted({m.partition('.')[0] for m in set(sys.modules) - before} - set(sys.stdlib_module_names)))"
    )
    done = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True, check=True)
    assert ast.literal_eval(done.stdout) == ["array_api_compat", "numpy", "wcdfa"]


def test_importing_wcdfa_does_not_load_lazy_parts_of_numpy():
    """numpy.testing, numpy.f2py and numpy.random are loaded on demand and take longer than all of wcdfa."""
    program = "import sys, wcdfa; wcdfa.verdict, wcdfa.WeightChangeDFA; print([m for m in ('numpy.testing', 'numpy.f2py', 'numpy.random', 'numpy.fft') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
