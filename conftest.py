"""Options that split the tests between two runs, as `.ci/run` does.

No one environment shows everything. A newcomer has no torch, so the README's line must pass without it; only where every framework is
installed can every test run. `.ci/run` therefore runs pytest twice:

1. ``pytest --passed-to=FILE`` without torch. Tests whose framework is absent skip, and say which. FILE lists those that passed.
2. ``pytest --passed-in=FILE --no-skips`` when the other frameworks have been installed too. Tests that FILE lists are left out, so each
   runs once; a skip is a failure now, since a test that skips both times runs nowhere. Only tests of what is imported run
   both times: that a command imports no torch shows only where torch is installed.
"""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the three options."""
    group = parser.getgroup("wcdfa")
    group.addoption("--no-skips", action="store_true", help="a skipped test is a failure")
    group.addoption("--passed-to", type=Path, metavar="FILE", help="list the tests that passed in FILE")
    group.addoption("--passed-in", type=Path, metavar="FILE", help="leave out the tests that FILE lists")


def pytest_configure(config: pytest.Config) -> None:
    """Have the tests listed by the process that hears of all of them: with pytest-xdist that is not a worker."""
    file = config.getoption("passed_to")
    if file is not None and not hasattr(config, "workerinput"):
        config.pluginmanager.register(_PassedTests(file))


class _PassedTests:
    """Writes the names of the tests that passed."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.names: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a test that passed."""
        if report.when == "call" and report.passed:
            self.names.append(report.nodeid)

    def pytest_sessionfinish(self) -> None:
        """Write the names, one to a line."""
        self.file.write_text("\n".join(sorted(self.names)) + "\n", encoding="utf-8")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests that passed in another run."""
    file = config.getoption("passed_in")
    if file is None:
        return
    passed = set(file.read_text(encoding="utf-8").splitlines())
    done = [item for item in items if item.nodeid in passed and not _looks_at_imports(item)]
    config.hook.pytest_deselected(items=done)
    left_out = set(done)
    items[:] = [item for item in items if item not in left_out]


def _looks_at_imports(item: pytest.Item) -> bool:
    """Whether a test runs a program that looks into ``sys.modules``."""
    code = getattr(getattr(item, "function", None), "__code__", None)
    return code is not None and any("sys.modules" in text for text in code.co_consts if isinstance(text, str))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skipped test into a failed one, with ``--no-skips``."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and item.config.getoption("no_skips"):
        report.outcome, report.longrepr = "failed", f"skipped, with --no-skips: {report.longrepr}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Turn a skipped module into a failed one, with ``--no-skips``."""
    report = yield
    if report.skipped and collector.config.getoption("no_skips"):
        report.outcome, report.longrepr = "failed", f"skipped, with --no-skips: {report.longrepr}"
    return report
