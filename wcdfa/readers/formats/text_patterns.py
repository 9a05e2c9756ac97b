"""How programs print numbers in text logs: the shapes of the lines of known programs, and of ``name: number`` in general."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

NUMBER = r"[+-]?(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?|(?:nan|inf|infinity)\b)(?![\w.]|[:-]\d)"
NAME = r"(?:[A-Za-z][\w./-]* ){0,2}[A-Za-z_][\w./-]*"
SPACED = (
    r"(?:(?:global |train |val )?(?:step|iter|iteration|epoch|update)s?|(?:[A-Za-z]+[ _])?(?:loss|lr|gnorm)|"
    r"(?:(?:grad|gradient|update|total|global|weight|delta|l2)[ _-]){1,3}norm|(?:base[ _-])?learning[ _-]rate)"
)
PAIR = re.compile(rf"(?i)(?<![\w./-])(?:({NAME})['\"]?\s*[:=]\s*['\"]?[\[(]?|({SPACED})\s+)({NUMBER})")
COLOURS = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
RANK = re.compile(r"^\W*(?:rank[ :]?)(\d+)\b|\[rank:?[ ]?(\d+)\]", re.IGNORECASE)
RANK_WORD = re.compile("rank", re.IGNORECASE)  # in all lines that `RANK` is found in
JOINING = {"loss", "norm", "rate", "lr", "scale", "losses", "norms"}  # last words of names of several words
LEVELS = {"debug", "info", "warning", "error", "critical", "root", "main", "at", "the", "and", "with", "for", "is", "in"}


class Program(NamedTuple):
    """How a program prints."""

    tool: str
    """As in `wcdfa.readers.tools`."""
    mark: re.Pattern[str]
    """What lines of it look like, and of no other program."""
    counter: re.Pattern[str] | None = None
    """Groups of numbers at the beginning of its lines that have no name: `step`, or `epoch`, `inside` and `of`: steps in an epoch."""


def _program(tool: str, mark: str, counter: str | None = None) -> Program:
    return Program(tool, re.compile(mark), None if counter is None else re.compile(counter))


PROGRAMS = (
    _program("nanogpt", r"^iter \d+: loss [\d.]+, time [\d.]+ms|^step \d+: train loss "),
    _program("modded-nanogpt", r"^step:\d+/\d+ (?:train_loss|val_loss|train_time):"),
    _program("torchtitan", r"\bstep: +\d+ +loss: .*\b(?:tps|tflops|memory): "),
    _program("nnunet", r"^\S+ \S+ train_loss -?\d"),
    _program("megatron", r"^.{0,40}\biteration +\d+/ *\d+ \|"),
    _program("detectron2", r"\beta: .* iter: \d+ .*total_loss: "),
    _program(
        "mmengine",
        r"(?:Epoch|Iter)\(train\) +\[",
        r"Epoch\(train\) +\[ *(?P<epoch>\d+)\]\[ *(?P<inside>\d+)/(?P<of>\d+)\]|Iter\(train\) +\[ *(?P<step>\d+)/\d+\]",
    ),
    _program("timm", r"\bTrain: \d+ \[ *\d+/\d+ ", r"\bTrain: (?P<epoch>\d+) \[ *(?P<inside>\d+)/(?P<of>\d+) "),
    _program("fairseq", r"\bnum_updates['\"]?[=:]"),
    _program("deepspeed", r"\bstep=\d+, skipped=\d+, lr="),
    _program("trainer", r"^\{'(?:loss|eval_loss|train_runtime)': "),
)


def program_of(lines: list[str]) -> Program | None:
    """The program that prints such lines, if it is known.

    >>> program_of(["iter 10: loss 3.2012, time 120.10ms, mfu 12.30%"]).tool
    'nanogpt'
    """
    return next((each for each in PROGRAMS if any(each.mark.search(line) for line in lines)), None)


def pairs(line: str) -> Iterator[tuple[str, float]]:
    """The numbers in a line that stand after a name.

    >>> dict(pairs("2024-01-01 10:00:00,123 - root - INFO - step: 10  loss: 4.2  grad norm=1.2  memory:  9.04GiB"))
    {'step': 10.0, 'loss': 4.2, 'grad norm': 1.2}
    >>> dict(pairs("iter 10: loss 3.2012, time 120.10ms, mfu 12.30%"))
    {'iter': 10.0, 'loss': 3.2012}
    >>> dict(pairs("step 12/3000 loss 1.23 grad norm 1.1092 learning rate 1e-4"))
    {'step': 12.0, 'loss': 1.23, 'grad norm': 1.1092, 'learning rate': 0.0001}
    """
    for name, spaced, number in PAIR.findall(line):
        if named := whole_name(name or spaced):
            yield named, float(number.replace(",", ""))


@lru_cache(4096)
def whole_name(written: str) -> str:
    """The name without the words before it that are none of it; empty if it is the name of a file.

    >>> whole_name("INFO grad norm"), whole_name("the run iter"), whole_name("train.py")
    ('grad norm', 'iter', '')
    """
    *before, last = written.split(" ")
    if last.casefold() not in JOINING:
        return "" if last.endswith(".py") else last
    while before and before[0].casefold() in LEVELS:
        before.pop(0)
    return " ".join([*before, last])


def counted(line: str, program: Program | None) -> Mapping[str, float]:
    """The step and the epoch at the beginning of a line, if the program prints them without names.

    >>> line = "2024/01/01 - mmengine - INFO - Epoch(train)  [2][  50/1172]  lr: 1.0e-03  loss: 6.9"
    >>> counted(line, program_of([line]))
    {'epoch': 2.0, 'step': 1222.0}
    """
    found = program.counter.search(line) if program is not None and program.counter is not None else None
    if found is None:
        return {}
    told = {name: float(value) for name, value in found.groupdict().items() if value is not None}
    if "of" not in told:
        return told
    first = 0 if program is not None and program.tool == "timm" else 1  # number of the first epoch
    return {"epoch": told["epoch"], "step": (told["epoch"] - first) * told["of"] + told["inside"]}


def rank_of(line: str) -> int | None:
    """The rank of the process that printed a line, if it says so.

    >>> rank_of("[rank3]:[titan] step: 1"), rank_of("[Rank 0] step=10"), rank_of("step: 1")
    (3, 0, None)
    """
    found = RANK.search(line[:200])
    return int(found[1] or found[2]) if found else None
