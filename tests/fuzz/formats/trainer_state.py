"""The state of a Trainer of transformers: rows of JSON in a list, with other fields before and after."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

from tests.fuzz.case import Case
from tests.fuzz.damage import File
from tests.fuzz.drawing import log
from tests.fuzz.formats.jsonl import CHANGES, Lines, joined
from tests.fuzz.plan import Plan, change, finish

BEFORE = (
    "{",
    '"best_metric": null, "epoch": 3.0, "global_step": 400,',
    '"x": "\\"log_history\\": [1]",',
    '"y": {"log_history": 3},',
)
AFTER = ("}", ', "max_steps": 400, "is_world_process_zero": true}\n', ', "stateful_callbacks": {"a": [1, {"b": null}]}}')


def build(folder: Path, plan: Plan) -> Case:
    rng = plan.log
    drawn = log(rng)
    case = Case(folder / "trainer_state.json", drawn.column, drawn.rows)
    lines = Lines(case, rng)
    change(case, plan, [partial(kind, lines) for kind in CHANGES])
    between = str(rng.choice([", ", ",\n    ", ","]))
    parts = [((joined(line) + between).encode("utf-8", "surrogatepass"), row) for line, row in lines.lines]
    parts[-1] = (parts[-1][0].removesuffix(between.encode()), parts[-1][1])
    head = "{" + "".join(each for each in BEFORE[1:] if rng.random() < 0.4) + '"log_history": ['
    tail = "]" + AFTER[rng.integers(len(AFTER))]
    outside = len(case.rows)
    finish(case, File.of_parts([(head.encode(), -1), *parts, (tail.encode(), outside)]), plan, ended=True)
    assert case.damaged or case.done or json.loads(case.path.read_text())
    return case
