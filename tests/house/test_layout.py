"""The house: what imports what, what ships, what importing costs."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import wcdfa
import wcdfa.backends.numpy

ROOT = Path(__file__).parents[2]

# each module may import those on the lines above it
ORDER = [
    {
        "arrays",
        "polynomials",
        "scales",
        "synthetic",
        "progress",
        "regime",
        "outliers",
        "groups",
        "cadence",
        "trees",
        "names",
        "failures",
        "colors",
    },
    {"stages", "boxes", "optimizers", "whittle", "epochs", "parameters"},
    {"merging", "half_stages", "moments", "preprocess", "replay"},
    {"halves", "calibration"},
    {"fluctuation", "exponent"},
    {"longer"},
    {"tables"},
    {"core", "make_calibrations"},
    {"rolling", "nulls"},
    {"findings"},
    {"windows", "ring", "demo", "spread"},
    {"current", "recorder"},
    {"history", "metrics"},
    {"saved"},
    {"monitor"},
    {"sinks", "sinks.keys", "sinks.runs", "sinks.closing", "sinks.buffer"},
    {"sinks.wandb", "sinks.tensorboard", "sinks.mlflow", "sinks.trackio", "sinks.jsonl", "sinks.parquet"},
    {"readers.columns", "readers.stored", "readers.checkpoint_names", "plotting.style", "plotting.files"},
    {"readers.stepping", "plotting.fluctuations"},
    {"readers.rows", "readers.framing", "readers.growing", "readers.spacing", "readers.choice"},
    {"plotting.trajectory", "plotting.groups"},
    {"plotting"},
    {"readers.safetensors_files", "readers.torch_files", "readers.orbax_files"},
    {"readers.checkpoint_parts"},
    {"readers.checkpoint_notes"},
    {"readers.checkpoints", "readers.lines", "readers.numpy_files", "readers.sqlite"},
    {"readers.tensorboard", "readers.trainer_state", "readers.wandb"},
    {"readers.tables", "readers.sources"},
    {"readers", "rolling_monitor", "watch"},
    {"analysis"},
    {"many", "comparison", "results", "follow", "words"},
    {"plotting.runs", "report.windows", "report.groups", "report.thinning", "report.markup"},
    {"report.sections", "report.bundle"},
    {"report.encoding", "report.runs", "report.monitors"},
    {"report.page"},
    {"report"},
    {"commands", "commands.printing", "commands.options", "commands.locating"},
    {"commands.grouping"},
    {"commands.analyze", "commands.compare", "commands.demo", "commands.report", "commands.watch"},
    {"cli"},
]
UPWARDS = {("monitor", "report"), ("monitor", "report.monitors")}  # in the method that writes a report, when it is called
EXTRAS = {
    "cli": {"cyclopts", "rich"},
    "commands.analyze": {"cyclopts", "rich"},
    "commands.compare": {"cyclopts", "rich"},
    "commands.demo": {"cyclopts", "rich"},
    "commands.grouping": {"rich"},
    "commands.locating": {"rich"},
    "commands.options": {"cyclopts"},
    "commands.printing": {"rich"},
    "commands.report": {"cyclopts", "rich"},
    "commands.watch": {"cyclopts", "rich"},
    "many": {"distributed"},
    "results": {"pyarrow"},
    "plotting.files": {"matplotlib"},
    "plotting.runs": {"matplotlib"},
    "plotting.style": {"matplotlib"},
    "plotting.trajectory": {"matplotlib"},
    "readers.orbax_files": {"tensorstore"},
    "readers.tables": {"pyarrow"},
    "readers.tensorboard": {"google", "google_crc32c", "tensorboard"},
    "readers.wandb": {"google", "wandb"},
    "progress": {"rich"},
    "tables": {"platformdirs"},
    "sinks.mlflow": {"mlflow"},
    "sinks.parquet": {"pyarrow"},
    "sinks.tensorboard": {"tensorflow"},
    "sinks.trackio": {"trackio"},
    "sinks.wandb": {"wandb"},
}
CORE = {"numpy", "array_api_compat"}
BUILT_ON = {
    "optax": {"jax"},
    "flax": {"jax"},
    "keras": {"jax", "tensorflow", "torch"},
    "lightning": {"pytorch_lightning", "torch"},
    "transformers": {"torch"},
}


def modules():
    for path in sorted((ROOT / "wcdfa").rglob("*.py")):
        if "backends" not in path.parts:
            name = ".".join(path.relative_to(ROOT / "wcdfa").with_suffix("").parts)
            yield name.removesuffix(".__init__"), ast.parse(path.read_text())


def imports(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "wcdfa":
            yield from (f"wcdfa.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def test_imports_point_one_way():
    level = {name: i for i, names in enumerate(ORDER) for name in names}
    seen = set()
    for name, tree in modules():
        if name == "__init__":
            continue
        seen.add(name)
        for imported in imports(tree):
            if imported == "wcdfa.__version__":
                continue
            top, _, below = imported.partition(".")
            if top == "wcdfa":
                assert below in level, f"{name} imports {imported}"
                same_step = level[below] == level[name] == 0 and {below, name} <= {"arrays", "polynomials"}
                assert level[below] < level[name] or same_step or (name, below) in UPWARDS, (
                    f"{name} imports {imported}, which is not below it"
                )
            else:
                assert top in sys.stdlib_module_names | CORE | EXTRAS.get(name, set()), f"{name} imports {imported}"
    assert seen == set(level)


def test_backends_import_no_framework_but_their_own():
    for path in (ROOT / "backends").glob("*.py"):
        framework = path.stem.partition("_")[0]
        own = {framework, *BUILT_ON.get(framework, ()), "wcdfa"}
        for imported in imports(ast.parse(path.read_text())):
            top, _, below = imported.partition(".")
            assert top in sys.stdlib_module_names | CORE | own, f"{path.name} imports {imported}"
            if below.startswith("backends."):
                assert below.split(".")[1].partition("_")[0] in own, f"{path.name} imports {imported}"


def test_backends_is_a_link_and_has_one_name():
    assert (ROOT / "wcdfa" / "backends").is_symlink()
    assert wcdfa.backends.numpy.__name__ == "wcdfa.backends.numpy"
    assert "backends" not in sys.modules


def test_all_that_is_a_package_ships():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    packages = {"wcdfa", "wcdfa.backends"} | {
        f"wcdfa.{path.parent.name}" for path in (ROOT / "wcdfa").glob("*/__init__.py") if path.parent.name != "backends"
    }
    assert set(settings["packages"]) == packages == set(settings["package-dir"])


def test_public_names():
    public = {name for name in vars(wcdfa) if not name.startswith("_")}
    submodules = {name for name, value in vars(wcdfa).items() if type(value).__name__ == "module"}
    assert set(wcdfa.__all__) == (public - submodules) | {"nulls", "scales", "synthetic"}
    assert list(wcdfa.__all__) == sorted(wcdfa.__all__)


def test_versions_agree():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == wcdfa.__version__
    assert f"version: {wcdfa.__version__}" in (ROOT / "CITATION.cff").read_text()


def test_importing_wcdfa_imports_no_framework():
    program = (
        "import sys, numpy; before = set(sys.modules); import wcdfa; "
        "print(sorted({m.partition('.')[0] for m in set(sys.modules) - before} - set(sys.stdlib_module_names)))"
    )
    done = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True, check=True)
    assert ast.literal_eval(done.stdout) == ["array_api_compat", "numpy", "wcdfa"]


def test_importing_wcdfa_does_not_load_lazy_parts_of_numpy():
    """numpy.testing, numpy.f2py and numpy.random are loaded on demand and take longer than all of wcdfa."""
    program = (
        "import sys, wcdfa; print([m for m in ('numpy.testing', 'numpy.f2py', 'numpy.random', 'numpy.fft') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
