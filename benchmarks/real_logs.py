"""Logs that real tools write, in the ways of their documentation, and whether the first command's answer is right.

    python benchmarks/real_logs.py [kind …] [--match TEXT] [--folder logs]

Each case writes a log into a folder of its own and runs ``wcdfa analyze PATH --json``. What was judged must be the series that the tool's own
library reads from the same log, or that was logged where it has no reader: values, steps, spacing, and the name of the quantity. A log
without a usable series must get no α but a sentence. Programs that cannot be installed lightly are written as they write, from their
source. A WRONG row says what is wrong. Tools that are not installed are left out, and named.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import io
import os
import re
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path

os.environ.update(
    HF_HUB_OFFLINE="1",
    WANDB_MODE="offline",
    WANDB_SILENT="true",
    TF_CPP_MIN_LOG_LEVEL="3",
    TF_ENABLE_ONEDNN_OPTS="0",
    KERAS_BACKEND="torch",
)
sys.path.insert(0, str(Path(__file__).parent))

import harness  # noqa: F401 - one thread
from real_log_cases.cases import CASES, Case
from real_log_cases.checking import Verdict, judged, outcome

KINDS = (  # modules of real_log_cases
    "tables",
    "encodings",
    "json_logs",
    "tensorboard",
    "keras_logs",
    "lightning_runs",
    "frameworks",
    "wandb_runs",
    "trackers",
    "programs",
    "answers",
)


def main() -> None:
    options = parsed()
    chosen = cases_of(options.kinds or KINDS, options.match)
    ready = [case for case in chosen if not absent(case)]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as made:
        found = [shown(case, (options.folder or Path(made)) / f"{i:03}") for i, case in enumerate(ready)]
    summary(found, chosen)


def cases_of(kinds: Sequence[str], match: str = "") -> list[Case]:
    """The cases of these modules, in their order, with this text in their name."""
    for kind in kinds:
        importlib.import_module(f"real_log_cases.{kind}")
    chosen = [case for case in CASES if case.kind in kinds and match in f"{case.tool}: {case.way}"]
    return sorted(chosen, key=lambda case: kinds.index(case.kind))


def shown(case: Case, folder: Path) -> Verdict:
    """Run a case and print its row."""
    (folder / "here").mkdir(parents=True)
    try:
        with redirect_stdout(io.StringIO()):  # trackers say where they write
            log = case.write(folder / "logs")
        verdict = judged(log, outcome(log, folder / "here"))
    except Exception as error:  # noqa: BLE001 - whatever a tool raises, the other cases go on
        traceback.print_exc()
        verdict = Verdict(right=False, false=False, text="", why=f"{type(error).__name__}: {error}")
    mark = "right" if verdict.right else "WRONG"
    print(f"{mark} {case.tool:22} {case.way:50} {steady(verdict.text, folder)[:110]}", flush=True)
    if verdict.why:
        print(f"      wrong: {steady(verdict.why, folder)}", flush=True)
    return verdict


def steady(text: str, folder: Path) -> str:
    """A text without the folder and the ids that another run would not have."""
    return re.sub(r"\b[0-9a-f]{32}\b", "<id>", text.replace(f"{folder / 'logs'}/", ""))


def absent(case: Case) -> str:
    """The first package that a case needs and that is not installed; empty if there is none."""
    return next((each for each in case.needs if importlib.util.find_spec(each) is None), "")


def summary(found: list[Verdict], chosen: list[Case]) -> None:
    right, false = sum(each.right for each in found), sum(each.false for each in found)
    print(f"\n{len(found)} cases: {right} right, {len(found) - right} wrong (bar 100 % right)")
    print(f"cases without a usable series that got an α: {false} (bar 0)")
    for package, count in Counter(filter(None, map(absent, chosen))).items():
        print(f"{package} is not installed: {count} cases left out")


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kinds", nargs="*", metavar="kind", help=f"{', '.join(KINDS)}; default: all")
    parser.add_argument("--match", default="", help="only the cases with this text in their name")
    parser.add_argument("--folder", type=Path, help="keep the logs there, in a folder for each case")
    options = parser.parse_args()
    if unknown := set(options.kinds) - set(KINDS):
        parser.error(f"{min(unknown)!r} is unknown; there are {', '.join(KINDS)}")
    return options


if __name__ == "__main__":
    main()
