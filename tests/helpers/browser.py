"""A real browser, which opens pages as their readers do and keeps what it complains of."""

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
    """A page, and all that it said and asked for."""

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
        """Wait for a picture and return its place."""
        self.page.wait_for_selector(f"{place} .main-svg")
        return self.page.locator(place).first

    def until(self, condition: str) -> None:
        """Wait until it holds; Playwright's own way needs scripts that the page does not let run."""
        for _ in range(200):
            if self.page.evaluate(condition):
                return
            self.page.wait_for_timeout(50)
        msg = f"10 seconds later this does not hold: {condition}"
        raise AssertionError(msg)

    def data(self, place: str = ".plot.trajectory") -> list[dict[str, Any]]:
        """What is drawn there, trace by trace."""
        self.drawn(place)
        keep = "({name, x, y, z, visible, text}) => ({name, x, y, z, visible, text})"
        found: list[dict[str, Any]] = self.page.eval_on_selector(place, f"place => place._fullData.map({keep})")
        return found
