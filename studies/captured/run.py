"""The study: its claims, its runs, and what comes out."""

from __future__ import annotations

from typing import Any

import pandas as pd

from studies.captured.about import ABOUT
from studies.captured.arms import settings
from studies.captured.exponents import alpha_outcome, unseen_outcome
from studies.captured.flags import flag_outcome
from studies.captured.picture import picture
from studies.captured.tables import not_done, tables
from studies.common.precision import in_float32
from studies.common.study import Claim, Outcome, Study

AUTHOR = "doi:10.5281/zenodo.19389821, the list of failure modes"
OURS = "ours, for a failure mode that doi:10.5281/zenodo.19389821 lists"
PROPOSED = "proposed, we do not know where, for a failure mode that doi:10.5281/zenodo.19389821 lists"
LABELS, HINT = "where wrong labels are memorised", "where a shortcut is learned"
COUPLED = "The coupling of ‖ΔW‖ with the gain on a held-out intended loss tells captured runs from healthy noisy ones"
GAINED = "The mean gain per step on a held-out intended loss tells captured runs from healthy noisy ones"
CLAIMS = (
    Claim(
        "captured_alpha",
        "A captured run, which learns the wrong thing, has the α of a healthy run.",
        AUTHOR,
        "captured runs have a healthy α",
    ),
    Claim("coupling_memorised", f"{COUPLED}, {LABELS}.", PROPOSED, "coupling tells memorised labels"),
    Claim("coupling_shortcut", f"{COUPLED}, {HINT}.", PROPOSED, "coupling tells a shortcut"),
    Claim("gain_memorised", f"{GAINED}, {LABELS}.", OURS, "mean gain tells memorised labels"),
    Claim("gain_shortcut", f"{GAINED}, {HINT}.", OURS, "mean gain tells a shortcut"),
    Claim(
        "against_self_alpha",
        "Training against the network itself (adversarial training) has the α of a healthy run.",
        AUTHOR,
        "adversarial runs have a healthy α",
    ),
    Claim(
        "against_self_unseen",
        "Nothing in the weight change tells adversarial training from healthy training.",
        OURS,
        "no measure tells adversarial training",
    ),
)


@in_float32
def run(**setting: Any) -> dict[str, Any]:
    """Train one run and measure it."""
    from studies.captured.measuring import measured
    from studies.captured.training import trained  # loads JAX, which a page does not need

    return measured(trained(setting), int(setting["start"]), int(setting["window"]))


def outcomes(runs: pd.DataFrame) -> list[Outcome]:
    """One outcome for each claim."""
    kinds = [(of, kind) for of in ("coupling", "gain") for kind in ("memorised", "shortcut")]
    flagged = [flag_outcome(runs, of, kind) for of, kind in kinds]
    return [alpha_outcome(runs, "captured_alpha"), *flagged, alpha_outcome(runs, "against_self_alpha"), unseen_outcome(runs)]


STUDY = Study(
    name="captured",
    title="Captured and against-self: is a wrong goal visible?",
    about=ABOUT,
    claims=CLAIMS,
    settings=settings,
    run=run,
    outcomes=outcomes,
    tables=tables,
    picture=picture,
    not_done=not_done,
)
