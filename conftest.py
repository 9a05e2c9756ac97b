"""On the build machine every framework is installed: a skip there is a test that silently did not run, and fails."""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import Any

import pytest

BUILD_MACHINE = os.environ.get("CI") == "true"


def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[Any]) -> None:
    """Of a test."""
    if BUILD_MACHINE and call.excinfo is not None and call.excinfo.errisinstance(pytest.skip.Exception):
        call.excinfo = pytest.ExceptionInfo.from_exc_info(_failed(f"skipped under CI: {call.excinfo.value}"))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Of the examples in a module whose framework is absent."""
    report = yield
    if BUILD_MACHINE and report.skipped:
        report.outcome, report.longrepr = "failed", f"skipped under CI: {report.longrepr}"
    return report


def _failed(message: str) -> Any:
    try:
        pytest.fail(message, pytrace=False)
    except pytest.fail.Exception as error:
        return type(error), error, error.__traceback__
