"""Tells from the names in the rows of a log which program wrote them."""

from __future__ import annotations

from collections.abc import Collection, Mapping

MARKS: Mapping[str, tuple[frozenset[str], ...]] = {
    "wandb": (frozenset({"_step", "_runtime"}),),
    "mmengine": (frozenset({"data_time", "time", "memory"}), frozenset({"data_time", "time", "iter"})),
    "detectron2": (
        frozenset({"iteration", "total_loss"}),
        frozenset({"iteration", "data_time"}),
        frozenset({"iteration", "eta_seconds"}),
    ),
    "trainer": (frozenset({"train_runtime", "train_samples_per_second"}),),
}
"""Names that only one program writes together, as in `wcdfa.readers.tools`."""


def tool_of(names: Collection[str]) -> str:
    """The program that writes these names; empty if none is known.

    >>> tool_of(["_step", "_runtime", "loss"]), tool_of(["step", "loss"])
    ('wandb', '')
    """
    return next((tool for tool, marks in MARKS.items() if any(mark <= set(names) for mark in marks)), "")
