"""Draws runs with matplotlib, in the current style, light or dark. Functions that draw take ``ax=`` and return it."""

from wcdfa.support.extras import needed

with needed("a picture", "wcdfa[cli]"):
    import matplotlib  # noqa: F401 - fails here if it is missing

from wcdfa.plotting.files import blank, owner_of, place, save, show
from wcdfa.plotting.fluctuations import plot_fluctuations, plot_orders
from wcdfa.plotting.groups import plot_groups
from wcdfa.plotting.tracks import plot_diagnosis, plot_track
from wcdfa.plotting.trajectory import plot_alpha, plot_history, plot_loss, plot_norms, plot_rate, plot_run

__all__ = [
    "blank",
    "owner_of",
    "place",
    "plot_alpha",
    "plot_diagnosis",
    "plot_fluctuations",
    "plot_groups",
    "plot_history",
    "plot_loss",
    "plot_norms",
    "plot_orders",
    "plot_rate",
    "plot_run",
    "plot_track",
    "save",
    "show",
]
