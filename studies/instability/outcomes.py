"""What came out for each claim, in words with figures."""

from __future__ import annotations

import pandas as pd

from studies.common.statistics import interval_of_mean, interval_of_median, interval_of_share, spread_text
from studies.common.study import UNDECIDED, Claim, Outcome
from studies.instability import decisions
from studies.instability.divergence import alarms
from studies.instability.judging import SOON
from studies.instability.scores import ALPHA, GRADIENT_LAYER, LOSS, NAMES, RMS_RULE, UPDATE_LAYER
from studies.instability.spikes import AHEAD
from studies.instability.summary import placement_gap, spike_rates, steady, warned, with_twin
from studies.instability.training import STEPS

WORTSMAN = "arXiv:2304.13013"
CLAIMS = (
    Claim(
        "burst_full_batch",
        "In full-batch training with Adam, a burst of ‖ΔW‖ of a layer comes 1 to 50 steps before a loss spike.",
        f"reports of engineers; {WORTSMAN}; arXiv:2506.04805",
        "‖ΔW‖ bursts before loss spikes, full batch",
    ),
    Claim(
        "burst_minibatch",
        "In minibatch training with Adam, a burst of ‖ΔW‖ of a layer comes 1 to 50 steps before a loss spike.",
        f"reports of engineers; {WORTSMAN}",
        "‖ΔW‖ bursts before loss spikes, minibatch",
    ),
    Claim(
        "rms_rule",
        "An RMS of the update of the first layer of 2.3 or more comes 1 to 8 steps before a loss spike.",
        WORTSMAN,
        "the rule of 2.3 sees loss spikes coming",
    ),
    Claim(
        "beyond_loss",
        "‖ΔW‖ of a layer warns of loss spikes better than the loss and the gradient norm.",
        "reports of engineers",
        "‖ΔW‖ warns better than loss and gradient",
    ),
    Claim(
        "alpha_spikes",
        "α of ‖ΔW‖ changes 1 to 50 steps before a loss spike.",
        "our reading of doi:10.5281/zenodo.19389821",
        "α changes before loss spikes",
    ),
    Claim(
        "alpha_divergence",
        "α of ‖ΔW‖ warns of divergence.",
        "doi:10.5281/zenodo.19389821; where it stands there we do not know",
        "α warns of divergence",
    ),
    Claim("lower_beta2", "β₂ = 0.95 gives fewer loss spikes than 0.999.", WORTSMAN, "fewer loss spikes with β₂ = 0.95"),
)


def outcomes(runs: pd.DataFrame) -> list[Outcome]:
    """One outcome for each claim."""
    table = steady(runs)
    full, mini = table[table["task"] == "curve"], table[table["task"] != "curve"]
    return [
        _before("burst_full_batch", full, UPDATE_LAYER, "spikes of full-batch runs"),
        _before("burst_minibatch", mini, UPDATE_LAYER, "spikes of minibatch runs"),
        _before("rms_rule", mini[mini["b2"] == 0.999], RMS_RULE, "spikes of minibatch runs with β₂ = 0.999", SOON),
        _beyond(table),
        _before("alpha_spikes", table, ALPHA, "spikes"),
        _divergence(runs),
        _less(table),
    ]


def _before(key: str, runs: pd.DataFrame, name: str, what: str, ahead: int = AHEAD) -> Outcome:
    if not runs["spikes"].sum():
        return Outcome(key, UNDECIDED, f"There were no {what}.", "none", "none", 0)
    found = warned(runs, name, ahead)
    share, chance = 100 * found.share[0], 100 * found.chance
    line = (
        f"An alarm on {NAMES[name]} begins 1 to {ahead} steps before {share:.0f} % of {what} (mean over seeds, {found.spikes:,} spikes), "
        f"by chance {chance:.0f} %."
    )
    effect = f"excess {spread_text(*found.excess)}, lead {spread_text(*found.lead, digits=0)} steps, {found.seeds} seeds"
    null = f"spike times shifted within the same runs: {chance:.0f} %; {found.false:.1f} false alarms per 1,000 steps"
    return Outcome(key, decisions.comes_before(found), line, effect, null, found.seeds)


def _beyond(runs: pd.DataFrame) -> Outcome:
    if not runs["spikes"].sum():
        return Outcome("beyond_loss", UNDECIDED, "There were no spikes.", "none", "none", 0)
    own = warned(runs, UPDATE_LAYER)
    others = {name: (placement_gap(runs, UPDATE_LAYER, name), warned(runs, name)) for name in (LOSS, GRADIENT_LAYER)}
    verdict = decisions.warns_better([gap for gap, _ in others.values()], own.seeds, own.spikes)
    figures = " and ".join(f"{100 * each.placement[0]:.0f} % by the {NAMES[name]}" for name, (_, each) in others.items())
    line = f"By ‖ΔW‖ of a layer, the 50 steps before a spike stand out from {100 * own.placement[0]:.0f} % of calm stretches; {figures}."
    effect = ", ".join(f"{spread_text(*gap)} above the {NAMES[name]}" for name, (gap, _) in others.items())
    return Outcome(
        "beyond_loss",
        verdict,
        line,
        f"{effect}, {own.seeds} seeds",
        "loss and gradient norm in the same steps; chance is 50 %",
        own.seeds,
    )


def _divergence(runs: pd.DataFrame) -> Outcome:
    found = alarms(runs)
    if found.empty:
        return Outcome("alpha_divergence", UNDECIDED, "No run with a growing rate failed.", "none", "none", 0)
    leads = found.assign(gap=found[ALPHA].clip(lower=-STEPS) - found[LOSS].clip(lower=-STEPS))
    warned_by = {name: int((leads[name] > 0).sum()) for name in (ALPHA, LOSS)}
    before = interval_of_share(warned_by[ALPHA], len(leads))
    by_seed = leads.groupby("seed")[["gap", LOSS]].median()
    gap, of_loss = interval_of_median(by_seed["gap"]), interval_of_median(by_seed[LOSS].clip(lower=-STEPS))
    seeds = len(by_seed)
    line = f"α alarms before the failure in {warned_by[ALPHA]} of {len(leads)} runs with a growing rate, the loss in {warned_by[LOSS]}."
    effect = f"share {spread_text(*before)}, lead of α minus that of the loss {spread_text(*gap, digits=0)} steps, {seeds} seeds"
    null = f"the loss in the same runs, which leads the failure by {spread_text(*of_loss, digits=0)} steps"
    return Outcome("alpha_divergence", decisions.warns_of_divergence(before, gap, len(leads)), line, effect, null, seeds)


def _less(runs: pd.DataFrame) -> Outcome:
    rates = spike_rates(with_twin(runs)).reindex(columns=[0.999, 0.95]).dropna() if len(runs) else runs
    if rates.empty:
        return Outcome("lower_beta2", UNDECIDED, "No run is there with both values of β₂.", "none", "none", 0)
    difference = interval_of_mean(rates[0.999] - rates[0.95])
    high, low = float(rates[0.999].mean()), float(rates[0.95].mean())
    line = f"{low:.2f} spikes in 1,000 steps with β₂ = 0.95, {high:.2f} with 0.999."
    effect = f"0.999 minus 0.95: {spread_text(*difference)} in 1,000 steps, {len(rates)} seeds"
    return Outcome("lower_beta2", decisions.spikes_less(difference, len(rates)), line, effect, f"β₂ = 0.95: {low:.2f}", len(rates))
