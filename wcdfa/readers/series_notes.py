"""Says of a series what a user needs to know to interpret its α: what it holds, and why this column was taken."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from wcdfa.readers.column_names import NORMS, listed, plain, quantity_of
from wcdfa.readers.columns import Run
from wcdfa.readers.errors import Option
from wcdfa.readers.name_tokens import UNUSUAL, meaning
from wcdfa.readers.steps import is_ours
from wcdfa.readers.unread import better_than
from wcdfa.support.quantity import Quantity
from wcdfa.support.text import shown

NOTES: Mapping[Quantity, str] = {
    "gradient norm": "a gradient norm, not ‖ΔW‖: its α describes another quantity",
    "displacement": "a displacement over many steps, not a step norm: its α describes another quantity",
    "loss": "a loss, not ‖ΔW‖: its α describes another quantity",
    "unknown": "the name does not tell whether this is ‖ΔW‖, and α describes whatever was logged; if you know, say so with quantity=",
}
A_NORM = "what programs log as norm is often the gradient norm"
TAKEN = "{name} was taken because no other column can be the series"
OURS = "norms is taken for ‖ΔW‖; if it is another norm, say so with quantity="


def notes_on(run: Run, name: str, quantity: Quantity, *, told: bool, chosen: bool) -> Iterator[str]:
    """Notes on the log, the column and what it holds.

    Parameters
    ----------
    run : Run
    name : str
        The name of the column.
    quantity : str
        What it holds.
    told : bool
        Whether the user said what it holds.
    chosen : bool
        Whether the user named the column.
    """
    yield from run.notes
    yield from run.columns[name].notes
    if plain(name) in NORMS and not told:
        yield OURS
    of_checkpoints = quantity == "displacement" and any("not a step norm" in note for note in run.notes)  # their reader has said so
    if quantity in NOTES and not of_checkpoints:
        yield NOTES[quantity]
    if not chosen:
        yield from better_than(run, quantity)
        yield from _why(list(run.columns), name, quantity)


def _why(names: Iterable[str], name: str, quantity: Quantity) -> Iterator[str]:
    """Why this column was taken, if its name does not tell, or if another may be meant."""
    if quantity == "unknown":
        yield A_NORM if plain(name).rpartition("/")[2] == "norm" else TAKEN.format(name=shown(name))
    elif not is_ours(name):
        others = [each for each in names if each != name and quantity_of(each) == quantity and not meaning(each).further]
        if others := [each for each in others if meaning(each).certainty < UNUSUAL]:
            yield f"{shown(name)} was taken; {listed(others)} may be meant as well: choose with {Option('column')}"
