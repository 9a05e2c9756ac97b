"""Two transitions of grokking: what to run, and what a run is."""

from __future__ import annotations

from studies.common.study import Claim, Study, Value
from studies.grokking.about import ABOUT
from studies.grokking.arms import settings
from studies.grokking.picture import picture
from studies.grokking.summary import summary_of
from studies.grokking.tables import not_done, tables
from studies.grokking.verdicts import outcomes

AUTHOR = "doi:10.5281/zenodo.19389821"
CLAIMS = (
    Claim(
        "second_transition",
        "Some 10,000 epochs after grokking, α of ‖ΔW‖ falls to its critical band, 0.8–1.2.",
        AUTHOR,
        "α falls long after grokking",
    ),
    Claim(
        "of_learning",
        "This second transition belongs to what the network learns.",
        f"{AUTHOR}, in our words",
        "that fall is a transition of learning",
    ),
    Claim(
        "coarser_sooner",
        "The coarser the softmax is rounded, the sooner the loss spike (slingshot) that follows.",
        "our own, after arXiv:2501.04697",
        "coarser rounding brings the spike sooner",
    ),
    Claim(
        "stays_critical",
        "After the second transition the network stays in the critical state.",
        f"{AUTHOR}, in our words",
        "afterwards it stays critical",
    ),
    Claim(
        "leads",
        "α gives notice of grokking before the test accuracy rises.",
        f"{AUTHOR}, in our words",
        "α leads the test accuracy",
    ),
)


def run(arm: str, **plan: float | str | bool) -> dict[str, Value]:
    """Train once and summarise. JAX is imported here, so that it starts with the threads that the runner gave it."""
    from studies.grokking.training import Plan, train

    return summary_of(train(Plan(**plan)))  # type: ignore[arg-type]


STUDY = Study("grokking", "Two transitions of grokking", ABOUT, CLAIMS, settings, run, outcomes, tables, picture, not_done)
