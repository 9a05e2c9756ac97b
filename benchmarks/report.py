"""The report of a long run: how large it is, how long it takes to write, and how soon a browser shows its words and its pictures.

    python benchmarks/report.py [--steps 100000] [--groups 20]

The log is jsonl, as `wcdfa.sinks.jsonl` writes it, and the command line writes the report, in a process of its own. Words are what the
browser calls the largest contentful paint; pictures are there when the last one of the first run is drawn. Needs Chromium and
playwright; medians of five.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from wcdfa import synthetic

REPEATS = 5
PAINT = """() => new Promise((resolve) => new PerformanceObserver((list) => resolve(list.getEntries().at(-1).startTime))
    .observe({ type: "largest-contentful-paint", buffered: true }))"""
CHROMIUM = "chromium"


def write_log(path: Path, steps: int, groups: int) -> None:
    norms = np.exp(0.1 * synthetic.arfima(steps, d=0.4, batch=(groups,), seed=0))
    total = np.sqrt(np.sum(norms**2, axis=0))
    with path.open("w") as file:
        for step in range(steps):
            row = {"wcdfa/step": step + 1, "wcdfa/update_norm": total[step]}
            row |= {f"wcdfa/update_norm/layer{i}": norms[i, step] for i in range(groups)}
            file.write(json.dumps(row) + "\n")


def opened(path: Path) -> tuple[float, float, list[str]]:
    """Seconds to the words, seconds to the pictures, and what the browser complained of or asked for."""
    from playwright.sync_api import sync_playwright

    said: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which(CHROMIUM), args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1200, "height": 900})
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: said.append(request.url) if request.url != path.as_uri() else None)
        start = time.perf_counter()
        page.goto(path.as_uri())
        page.wait_for_selector(".plot.groups .main-svg")
        drawn = time.perf_counter() - start
        words: Any = page.evaluate(PAINT)
        browser.close()
    return words / 1000, drawn, said


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=100_000)
    parser.add_argument("--groups", type=int, default=20)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        log, report = Path(folder, "run.jsonl"), Path(folder, "report.html")
        write_log(log, options.steps, options.groups)
        program = [
            sys.executable,
            "-c",
            "from wcdfa.cli.app import main; main()",
            "report",
            log,
            "--optimizer",
            "adamw",
            "-o",
            report,
        ]
        times = []
        for _ in range(REPEATS):
            start = time.perf_counter()
            subprocess.run(program, check=True, capture_output=True)
            times.append(time.perf_counter() - start)
        found = [opened(report) for _ in range(REPEATS)]
        rows = [
            ("size, MB", report.stat().st_size / 1e6, 5.0),
            ("written, s", statistics.median(times), 10.0),
            ("words in the browser (LCP), s", statistics.median(each[0] for each in found), 2.0),
            ("pictures in the browser, s", statistics.median(each[1] for each in found), None),
            ("complaints and requests", float(sum(len(each[2]) for each in found)), 0.0),
        ]
    print(f"report of {options.steps:,} steps with {options.groups} groups, log of {options.groups + 1} series")
    for name, value, bar in rows:
        print(f"{name:<32} {value:6.2f}" + ("" if bar is None else f"   bar {bar:g}{'   SHORT' if value > bar else ''}"))


if __name__ == "__main__":
    main()
