"""Pictures of a run, with matplotlib: what draws takes ``ax=`` and returns it. They follow the style that is in use, light or dark."""

from wcdfa.plotting.files import blank, place, save, show
from wcdfa.plotting.fluctuations import plot_fluctuations, plot_orders
from wcdfa.plotting.groups import plot_groups
from wcdfa.plotting.trajectory import plot_alpha, plot_history, plot_loss, plot_norms, plot_rate, plot_run

__all__ = [
    "blank",
    "place",
    "plot_alpha",
    "plot_fluctuations",
    "plot_groups",
    "plot_history",
    "plot_loss",
    "plot_norms",
    "plot_orders",
    "plot_rate",
    "plot_run",
    "save",
    "show",
]
