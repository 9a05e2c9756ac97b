"""The house in figures: packages, floors, arrows that point upwards, circles, `Any`; and whether threads are told their own reasons.

Usage: python benchmarks/house.py
"""

from __future__ import annotations

import sys
import threading
import warnings
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))  # what the tests check is what is counted here

import wcdfa
from tests.house import annotations, test_layout

VERDICTS = 400  # of each thread


def arrows() -> tuple[int, int, int]:
    """Imports between packages, those that point upwards, and pairs of packages that import each other."""
    row = {name: i for i, names in enumerate(test_layout.ROWS) for name in names}
    found = set()
    for module, tree in test_layout.modules():
        package = module.partition(".")[0]
        for imported in test_layout.imports(tree):
            other = imported.removeprefix("wcdfa.").partition(".")[0]
            if imported.startswith("wcdfa.") and package in row and other != package:
                found.add((package, other))
    upwards = sum(row[other] >= row[package] for package, other in found)
    return len(found), upwards, sum((other, package) in found for package, other in found) // 2


def wrong_reasons() -> tuple[int, int]:
    """Verdicts of four threads that name another thread's reason, of so many; raises if the filters of warnings have changed."""
    constant, line, short = np.ones(64), np.exp(np.arange(64.0) / 100), np.where(np.arange(64) < 40, np.nan, 1.0)
    series = [constant, line, short, constant]
    alone = [_said(norms) for norms in series]
    if len(set(alone)) != 3:
        msg = f"three series without α must have three reasons, got {sorted(set(alone))}"
        raise RuntimeError(msg)
    wrong: list[str] = []
    before = list(warnings.filters)

    def judge(norms: np.ndarray, expected: str) -> None:
        wrong.extend(said for said in (_said(norms) for _ in range(VERDICTS)) if said != expected)

    threads = [threading.Thread(target=judge, args=pair) for pair in zip(series, alone, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if warnings.filters != before:
        msg = f"warnings.filters has {len(warnings.filters)} entries, and had {len(before)}"
        raise RuntimeError(msg)
    return len(wrong), len(threads) * VERDICTS


def _said(norms: np.ndarray) -> str:
    """The reason why there is no α, as a verdict or as the error that refuses the window."""
    try:
        return str(wcdfa.verdict(norms, order=2))
    except ValueError as error:
        return str(error)


def main() -> None:
    rooms = {path.parent for top in ("wcdfa", "backends") for path in (test_layout.ROOT / top).rglob("__init__.py")}
    inside = [path for path in rooms if (test_layout.ROOT / "wcdfa" / "backends") not in (path, *path.parents)]
    between, upwards, circles = arrows()
    counts = annotations.counted().values()
    holding, every = (sum(part) for part in zip(*counts, strict=True))
    wrong, told = wrong_reasons()
    print(f"packages below wcdfa          {len(inside) - 1:5}   (bar 22)")
    print(f"floors                        {len(test_layout.ROWS):5}   (bar 10)")
    print(f"imports between packages      {between:5}, upwards {upwards}, circles {circles}   (bar 0, 0)")
    print(f"annotations with Any          {holding / every:6.1%} of {every:,}   (bar 8 %)")
    print(f"reasons of another thread     {wrong:5} of {told:,}; warnings.filters unchanged   (bar 0)")


if __name__ == "__main__":
    main()
