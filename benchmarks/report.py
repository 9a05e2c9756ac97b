"""The report of a run: how large it is, how long it takes to write, and how soon a browser shows its words and its pictures.

    python benchmarks/report.py [--steps 10000 100000] [--groups 20]

The log is jsonl, as `wcdfa.sinks.jsonl` writes it, and the command line writes the report, in a process of its own. Words are what the
browser calls the largest contentful paint. Still pictures stand in the page: they are counted in a browser that runs no scripts, and so
are the lines and curves that a printed page has because of them. Pictures that answer are there when the last one of the first run is
drawn. Needs Chromium and playwright; medians of three.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from wcdfa import synthetic

REPEATS = 3
PAINT = """() => new Promise((resolve) => new PerformanceObserver((list) => resolve(list.getEntries().at(-1).startTime))
    .observe({ type: "largest-contentful-paint", buffered: true }))"""
CHROMIUM = "chromium"
PLACES = ("trajectory", "fluctuations", "surrogates", "groups")
SEEN = "all => all.filter((each) => each.checkVisibility() && each.getBoundingClientRect().height > 100).length"
WITHOUT = ".still { display: none !important; }"


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


def without_scripts(path: Path) -> tuple[int, int]:
    """How many pictures of `PLACES` are seen where no script runs, and how many lines and curves they add to a printed page."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which(CHROMIUM), args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_context(java_script_enabled=False).new_page()
        page.goto(path.as_uri())
        seen = sum(page.eval_on_selector_all(f".plot.{name} > svg.still", SEEN) for name in PLACES)
        printed = strokes(page.pdf())
        bare = path.with_name("bare.html")
        bare.write_text(path.read_text().replace("</style>", f"{WITHOUT}</style>", 1))
        page.goto(bare.as_uri())
        lines = printed - strokes(page.pdf())
        browser.close()
    return seen, lines


def strokes(pdf: bytes) -> int:
    """How many lines and curves are drawn in a PDF."""
    streams = re.findall(rb"stream\r?\n(.*?)endstream", pdf, flags=re.DOTALL)
    return sum(len(re.findall(rb"\s[lc]\s", _unpacked(each))) for each in streams)


def _unpacked(stream: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(stream)
    except zlib.error:
        return b""


def measured(steps: int, groups: int) -> list[tuple[str, float, str, bool]]:
    """What is measured of one run, each with its bar and whether it is met."""
    with tempfile.TemporaryDirectory() as folder:
        log, report = Path(folder, "run.jsonl"), Path(folder, "report.html")
        write_log(log, steps, groups)
        command = ["-c", "from wcdfa.cli.app import main; main()", "report", str(log), "--optimizer", "adamw", "-o", str(report)]
        times = []
        for _ in range(REPEATS):
            start = time.perf_counter()
            subprocess.run([sys.executable, *command], check=True, capture_output=True)
            times.append(time.perf_counter() - start)
        found = [opened(report) for _ in range(REPEATS)]
        seen, lines = without_scripts(report)
        size, written = report.stat().st_size / 1e6, statistics.median(times)
    words, drawn = (statistics.median(each[part] for each in found) for part in (0, 1))
    complaints = sum(len(each[2]) for each in found)
    return [
        ("size, MB", size, "<= 5", size <= 5),
        ("written, s", written, "<= 10", written <= 10),
        ("words in the browser (LCP), s", words, "<= 2", words <= 2),
        (f"pictures without scripts, of {len(PLACES)}", seen, f">= {len(PLACES)}", seen >= len(PLACES)),
        ("lines of pictures in a printed page", lines, ">= 500", lines >= 500),
        ("pictures that answer, s", drawn, "", True),
        ("complaints and requests", complaints, "<= 0", complaints == 0),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--groups", type=int, default=20)
    options = parser.parse_args()
    for steps in options.steps:
        print(f"report of {steps:,} steps with {options.groups} groups, log of {options.groups + 1} series")
        for name, value, bar, met in measured(steps, options.groups):
            number = f"{value:9,d}   " if isinstance(value, int) else f"{value:9.2f}   "
            print(f"{name:<38} {number}" + (f"bar {bar:<8} {'ok' if met else 'SHORT'}" if bar else ""))
        print()


if __name__ == "__main__":
    main()
