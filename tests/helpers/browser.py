"""A real browser that opens pages and keeps all messages of its console."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import require

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"]


@contextmanager
def browser() -> Iterator[Any]:
    """Chromium without a window; the test is skipped where there is none."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.skip(f"no browser: none of {', '.join(NAMES)} is installed")
    with require("playwright.sync_api").sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=QUIET)
        yield chromium
        chromium.close()


class Opened:
    """A page, with its console messages in `said` and the addresses that it requested in `asked`."""

    def __init__(self, chromium: Any, path: Path, **options: Any) -> None:
        self.said: list[str] = []
        self.asked: list[str] = []
        context = chromium.new_context(**{"viewport": {"width": 1200, "height": 900}, **options})
        self.page = context.new_page()
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.address = path.as_uri()
        self.page.goto(self.address)

    def drawn(self, place: str = ".plot.trajectory") -> Any:
        """Wait until a picture is drawn, and return its element."""
        self.page.wait_for_selector(f"{place} .main-svg")
        return self.page.locator(place).first

    def until(self, condition: str) -> None:
        """Wait until a condition holds. Playwright's own method needs scripts, which the page does not allow."""
        for _ in range(200):
            if self.page.evaluate(condition):
                return
            self.page.wait_for_timeout(50)
        msg = f"10 seconds later this does not hold: {condition}"
        raise AssertionError(msg)

    def data(self, place: str = ".plot.trajectory") -> list[dict[str, Any]]:
        """The data that are drawn in a picture, trace by trace."""
        self.drawn(place)
        keep = "({name, x, y, z, visible, text}) => ({name, x, y, z, visible, text})"
        found: list[dict[str, Any]] = self.page.eval_on_selector(place, f"place => place._fullData.map({keep})")
        return found
