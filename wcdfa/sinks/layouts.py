"""The charts that show what is needed to read α, laid out for Weights & Biases and for TensorBoard."""

from __future__ import annotations

from importlib import import_module
from typing import NamedTuple, Protocol, Self, cast

from wcdfa.support.extras import needed

NAME = "wcdfa"
STEP = "wcdfa/step"
Layout = dict[str, dict[str, tuple[str, list[str]]]]
"""Charts of TensorBoard: in each category, the kind of each chart and its tags."""


class Chart(NamedTuple):
    """One chart."""

    title: str
    keys: tuple[str, ...]
    """What it shows, without "wcdfa/"; of a band its value, lower and upper end."""
    band: bool = False
    meaning: str = ""


CHARTS = (
    Chart("α and its interval", ("alpha", "alpha_low", "alpha_high"), True, "how sure α is"),
    Chart(
        "α and what the optimizer alone gives",
        ("alpha", "expected_low", "expected_high"),
        True,
        "α inside the band needs no other explanation than the optimizer",
    ),
    Chart("p against the optimizer alone", ("p",), False, "below 0.05, the optimizer does not explain the window"),
    Chart("‖ΔW‖", ("update_norm",), False, "the norms that α is computed from"),
    Chart("‖ΔW‖ / ‖W‖", ("update_ratio",), False, "how far the weights move in a step"),
    Chart("learning rate", ("lr",), False, "its effect is removed before α is computed"),
    Chart("steps of the window of α", ("window_first_step", "window_last_step"), False, "which steps α belongs to"),
    Chart(
        "cosine and what the optimizer gives", ("cosine", "cosine_low", "cosine_high"), True, "the direction of the weight change"
    ),
)
"""The charts of each layout, in their order."""


def tensorboard_layout(prefix: str = "") -> Layout:
    """The charts as ``SummaryWriter.add_custom_scalars`` takes them: for the tab "Custom scalars".

    >>> tensorboard_layout()["wcdfa"]["α and its interval"]
    ('Margin', ['wcdfa/alpha', 'wcdfa/alpha_low', 'wcdfa/alpha_high'])

    Parameters
    ----------
    prefix : str
        What stands before the keys, such as "train/" in the logs of a Trainer of transformers.
    """
    return {NAME: {chart.title: _tensorboard_chart(chart, prefix) for chart in CHARTS}}


def _tensorboard_chart(chart: Chart, prefix: str) -> tuple[str, list[str]]:
    keys = [f"{prefix}wcdfa/{key}" for key in chart.keys]
    return ("Margin", keys) if chart.band else ("Multiline", [f"^{key}$" for key in keys])  # lines are named by regular expressions


class Workspace(Protocol):
    """A ``Workspace`` of wandb-workspaces."""

    url: str

    def save(self) -> Self:
        """Send it to its project."""


def wandb_workspace(entity: str, project: str, *, name: str = NAME, prefix: str = "") -> Workspace:
    """A workspace of Weights & Biases with the charts; its ``save()`` sends it to the project.

    For example::

        print(wandb_workspace("my-team", "my-project").save().url)

    Parameters
    ----------
    entity, project : str
        Where the workspace is saved: the user or team, and its project.
    name : str
    prefix : str
        What stands before the keys, such as "train/" in the logs of a Trainer of transformers, whose step is "train/global_step".

    Raises
    ------
    ImportError
        If wandb-workspaces is not installed (``pip install wandb-workspaces``).
    """
    with needed("a workspace of Weights & Biases", "wandb-workspaces"):
        workspaces, reports = import_module("wandb_workspaces.workspaces"), import_module("wandb_workspaces.reports.v2")
    panels = [
        reports.LinePlot(title=chart.title, x=f"{prefix}{STEP}", y=[f"{prefix}wcdfa/{key}" for key in chart.keys])
        for chart in CHARTS
    ]
    section = workspaces.Section(name=NAME, panels=panels, is_open=True)
    return cast(Workspace, workspaces.Workspace(entity=entity, project=project, name=name, sections=[section]))
