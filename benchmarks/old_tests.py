"""Whether code written for wcdfa 0.1.0 goes on working: runs the tests of its sdist against this package.

    pip download --no-deps --no-binary :all: wcdfa==0.1.0 && tar xzf wcdfa-0.1.0.tar.gz
    python benchmarks/old_tests.py wcdfa-0.1.0

Nothing of them is copied. Those on its version, its author, its private attributes and its thresholds are left out, and are run all the same,
so that none is left out that would pass. The bar is that all others pass.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True  # nothing is written into the folder that is given
sys.path.insert(0, str(Path(__file__).parents[1]))

import pytest

import wcdfa

BANDS = "sets the private attribute _alpha to ask for its regime, and a regime is now that of the whole interval of α"
LEFT_OUT = {  # test: why it may fail
    "test_version": "asks for the version 0.1.0",
    "test_author": "asks for the name of its author",
    "test_regime_ordered": BANDS,
    "test_regime_critical": BANDS,
    "test_regime_disordered": BANDS,
}
EXPECTED = 39


class Outcomes:
    """What became of each test, and the first line of each error."""

    def __init__(self) -> None:
        self.found: dict[str, str] = {}
        self.errors: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        name = report.nodeid.rpartition("::")[2]
        if report.when == "call" or report.outcome != "passed":
            self.found[name] = report.outcome
        if report.failed:
            crash = getattr(report.longrepr, "reprcrash", None)
            self.errors[name] = str(getattr(crash, "message", report.longrepr)).partition("\n")[0]


def outcomes_of(tests: Path) -> Outcomes:
    """Run the tests as pytest does by default, in a folder that is deleted."""
    outcomes = Outcomes()
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder), contextlib.redirect_stdout(io.StringIO()):
        settings = Path(folder, "pytest.ini")
        settings.write_text("[pytest]\n")
        options = ["-c", str(settings), "-p", "no:cacheprovider", "-p", "no:xdist", "--import-mode=importlib", str(tests)]
        os.environ.pop("PYTEST_ADDOPTS", None)  # options of another run of tests
        pytest.main(options, plugins=[outcomes])
    return outcomes


def report(outcomes: Outcomes) -> None:
    """Print what passed and what was left out, against the bars."""
    found = outcomes.found
    missing, passing = sorted(LEFT_OUT.keys() - found), sorted(name for name in LEFT_OUT if found.get(name) == "passed")
    rest = {name: outcome for name, outcome in found.items() if name not in LEFT_OUT}
    passed = sum(outcome == "passed" for outcome in rest.values())
    print(f"tests of the sdist of wcdfa 0.1.0, run with wcdfa {wcdfa.__version__}: {len(found)} (the sdist has {EXPECTED})")
    print(f"  {'ok   ' if passed == len(rest) and len(found) == EXPECTED else 'SHORT'} passed: {passed} of {len(rest)} (bar: all)")
    for name, outcome in rest.items():
        if outcome != "passed":
            print(f"        {outcome}: {name}: {outcomes.errors.get(name, '')}")
    print(f"  {'ok   ' if not missing + passing else 'SHORT'} left out: {len(LEFT_OUT)} (bar: each is there, and fails)")
    for name, why in LEFT_OUT.items():
        print(
            f"        {name}: {why}{' - it passes' if name in passing else ' - there is no such test' if name in missing else ''}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="the unpacked sdist")
    folder = parser.parse_args().folder.resolve()
    tests = next((path for path in (folder / "tests", *folder.glob("*/tests")) if path.is_dir()), None)
    if tests is None:
        sys.exit(f"there is no folder tests in {folder}: give the folder of the unpacked sdist of wcdfa 0.1.0")
    report(outcomes_of(tests))


if __name__ == "__main__":
    main()
