"""What a notebook shows of a `Handle`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from wcdfa.recording.reading_card import counted, next_of, norms_track
from wcdfa.support.cards import card, or_text
from wcdfa.support.markup import Markup
from wcdfa.support.text import several

if TYPE_CHECKING:
    from wcdfa.recording.reading import Reading

NEXT = "handle.read().verdict() says what explains the α of these norms."
FETCH = "handle.read() fetches the steps that are on the device."


@or_text
def handle_card(attached: Sequence[str], groups: Sequence[str], arrived: Callable[[], Reading], waiting: int) -> Markup:
    """The norms that are on the host. Nothing is fetched from the device: training would have to wait for that.

    Parameters
    ----------
    attached : list of str
        Names of the optimizers; empty after `detach`.
    groups : list of str
        Names of the groups of parameters.
    arrived : callable
        Gives the reading of the norms on the host.
    waiting : int
        How many steps are on the device.
    """
    reading = arrived()
    state = f"Attached to {', '.join(attached)}" if attached else "Detached"
    beside = f", with {several(len(groups), 'group', 'groups')} of parameters" if groups else ""
    rest = f"{several(waiting, 'step is', 'steps are')} still on the device." if waiting else ""
    todo = FETCH if waiting and not len(reading.norms) else next_of(reading.norms, NEXT)
    return card(counted(reading), f"{state}{beside}.", rest, picture=norms_track(reading.norms), todo=todo)
