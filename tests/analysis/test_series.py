"""What an analysis takes from a log: the learning rate, the quantity, how far apart values are."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import wcdfa
from wcdfa.analysis.comparison import compare
from wcdfa.analysis.results import as_json
from wcdfa.analysis.series import OF_EPOCHS, Settings, analyze
from wcdfa.nulls.replay import optimizer_norms
from wcdfa.plotting.runs import plot_analysis
from wcdfa.readers import sources
from wcdfa.readers.series import RecordedSeries, read_series
from wcdfa.report.sections import section_of
from wcdfa.sinks.jsonl import JSONLinesSink
from wcdfa.verdicts.optimizer_comparison import compared_rule

N = 600
NOISE = np.exp(0.1 * wcdfa.synthetic.white_noise(N, seed=0))
COSINE = 1.01 + np.cos(np.linspace(0, np.pi, N))
UNUSED = "the learning rate of the log is used, not the 1 that was given, because it varies from 0.01 to 2.01"


def write(path, **columns):
    rows = zip(*(np.asarray(values).tolist() for values in columns.values()), strict=True)
    path.write_text("".join(json.dumps(dict(zip(columns, row, strict=True))) + "\n" for row in rows))
    return path


def first(path, settings):
    (series,) = (each for source in sources(path) for run in source.runs() for each in settings.series(run))
    return series


@pytest.mark.parametrize("given", [None, 1.0])
def test_a_rate_that_varies_in_the_log_is_used_whatever_was_given(tmp_path, given):
    settings = Settings(window=500, lr=given)
    series = first(write(tmp_path / "log.jsonl", step=range(N), lr=COSINE, update_norm=COSINE * NOISE), settings)
    assert analyze(series, settings).judged.verdicts[0].alpha < 0.65
    assert as_json(analyze(series, settings))["notes"] == ([UNUSED] if given else [])


def test_a_rate_that_was_given_replaces_one_that_is_constant(tmp_path):
    settings = Settings(lr=1.0)
    series = first(write(tmp_path / "log.jsonl", step=range(N), lr=np.full(N, 0.1), update_norm=NOISE), settings)
    assert settings.lr == wcdfa.analysis.series.judgeable(series, settings).lr
    assert series.notes == ()


@pytest.mark.parametrize(
    ("name", "quantity", "label"),
    [
        ("update_norm", "update norm", "‖ΔW‖"),
        ("grad_norm", "gradient norm", "gradient norm"),
        ("train/loss", "loss", "loss"),
        ("x", "unknown", "value"),
    ],
)
def test_results_pictures_and_reports_name_the_quantity(tmp_path, name, quantity, label):
    settings = Settings(columns=(name,))
    analysis = analyze(first(write(tmp_path / "log.jsonl", **{"step": range(N), name: NOISE}), settings), settings)
    result = as_json(analysis)
    assert (result["quantity"], result["thinned"]) == (quantity, 1)
    assert label in [ax.get_ylabel() for ax in plot_analysis(analysis).axes]
    lines = section_of(analysis).lines
    assert [each.name for each in lines] == [label]
    np.testing.assert_array_equal(lines[0].values, NOISE)


@pytest.mark.parametrize("apart", [5, 10])
def test_a_thinned_log_is_judged_and_said_to_be_so(tmp_path, apart):
    steps = range(0, apart * N, apart)
    analysis = analyze(read_series(write(tmp_path / "log.jsonl", step=steps, update_norm=NOISE)), Settings())
    result = as_json(analysis)
    assert (result["thinned"], result["windows"][0]["last_step"]) == (apart, 499 * apart)
    assert result["notes"] == [f"only every {apart}th step was logged: memory below {apart} steps cannot be seen"]
    assert 0.3 < result["alpha"] < 0.7
    assert plot_analysis(analysis).axes[0].get_ylabel() == f"α of {500 * apart:,} steps"
    settings = section_of(analysis).settings
    assert (settings["window"], settings["spacing"]) == (f"500 norms, {500 * apart:,} steps", f"{apart} steps")


def test_a_run_of_each_step_is_compared_with_a_thinned_one_at_the_steps_of_both():
    """α of both is then that of every fifth norm."""
    whole = wcdfa.synthetic.random_walk(5 * N, seed=0)
    series = RecordedSeries(Path("a"), "", "norms", whole, np.arange(5 * N), None, None, 0, (), gradients=whole)
    thin = series._replace(values=whole[::5], steps=np.arange(0, 5 * N, 5), thinned=5, gradients=None)
    mean = compare(series, thin, Settings(log=False)).mean
    assert mean.difference == 0
    assert mean.last_step == 2495


@pytest.mark.parametrize("optimizer", [None, "adam"])
@pytest.mark.parametrize("name", ["update_norm", "grad_norm"])
@pytest.mark.parametrize("epochs", [range(N), range(1, N + 1)])
def test_one_value_an_epoch_is_not_compared_with_a_replay_of_steps(tmp_path, name, epochs, optimizer):
    path, settings = write(tmp_path / "log.jsonl", epoch=epochs, **{name: NOISE}), Settings(optimizer=optimizer)
    analysis = analyze(read_series(path), settings)
    (verdict,) = analysis.judged.verdicts
    assert verdict.null is None
    assert f"not compared with the optimizer: {OF_EPOCHS}" in [finding.text for finding in verdict.findings]
    assert not any("each value is taken as one optimizer step" in note for note in analysis.series.notes)
    if name == "update_norm":
        assert not analysis.diagnosis.compared
        assert any(OF_EPOCHS in why for why in analysis.diagnosis.not_compared)


@pytest.mark.parametrize(
    ("named", "spacing"), [({}, 1), ({}, 10), ({"step": 10 * np.arange(N)}, None), ({"step": np.arange(N)}, None)]
)
def test_values_of_epochs_are_compared_where_the_steps_between_are_known(tmp_path, named, spacing):
    path, settings = write(tmp_path / "log.jsonl", **named, epoch=range(N), grad_norm=NOISE), Settings(spacing=spacing)
    series = first(path, settings)
    assert settings.incomparable(series) is None
    assert compared_rule(settings.criteria(log=True, series=series)) is not None


@pytest.mark.parametrize("apart", [1, 5, 10])
def test_white_momentum_norms_are_explained_however_many_steps_were_left_out(tmp_path, apart):
    norms = optimizer_norms(500 * apart, optimizer="sgd", momentum=0.9, replicates=1, seed=apart)[0][::apart]
    path = write(tmp_path / "log.jsonl", step=range(0, 500 * apart, apart), update_norm=norms)
    settings = Settings(optimizer="sgd", hyperparameters={"momentum": 0.9})
    verdict = analyze(read_series(path), settings).judged.verdicts[0]
    assert verdict.explained_by[:1] == ("optimizer",)
    assert any("thinned" in finding.text for finding in verdict.findings) == (apart > 1)
    assert ("every" in verdict.compared) == (apart > 1)


@pytest.mark.parametrize(
    "names",
    [("step", "grad_norm", "learning_rate"), ("global_step", "train/grad_norm", "train/lr"), ("iteration", "gradient_norm", "lr")],
)
@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_gradients_without_memory_are_no_updates_of_an_optimizer(tmp_path, names, optimizer):
    """A ``trainer_state.json`` holds gradient norms; they are not compared with norms ‖ΔW‖ of a replay."""
    gradients = np.linalg.norm(np.random.default_rng(0).standard_normal((1500, 50)), axis=1)
    path = write(tmp_path / "log.jsonl", **dict(zip(names, (range(1500), gradients, np.full(1500, 1e-3)), strict=True)))
    verdicts = analyze(read_series(path), Settings(optimizer=optimizer)).judged.verdicts
    assert all(each.compared == "gradients without memory" and each.p_value > 0.01 for each in verdicts)
    assert not any("undo" in str(each) or "less memory" in str(each) or "‖ΔW‖" in str(each.findings) for each in verdicts)


def test_pictures_and_reports_of_gradients_name_no_optimizer(tmp_path):
    analysis = analyze(read_series(write(tmp_path / "log.jsonl", step=range(N), grad_norm=NOISE)), Settings(optimizer="sgd"))
    legend = plot_analysis(analysis).axes[0].get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["gradients without memory", "α, 95 %"]
    window = section_of(analysis).windows[0]
    assert window.null.name == "gradients without memory"
    assert not any("name it with" in reason for reason in window.reasons)


@pytest.mark.parametrize("scheduled", [False, True])
def test_what_was_live_reads_back_the_same(tmp_path, scheduled):
    """The log holds the rate of each step, so that the schedule is taken out as it was during the run."""
    rates = COSINE if scheduled else np.full(N, 0.1)
    with JSONLinesSink(tmp_path / "log.jsonl") as sink:
        monitor = wcdfa.WeightChangeDFA(window=500, logger=sink, log_every=1)
        for norm, rate in zip((rates * NOISE).tolist(), rates.tolist(), strict=True):
            monitor.update(norm, lr=rate)
    series = read_series(tmp_path / "log.jsonl")
    np.testing.assert_allclose(series.lr, rates, rtol=1e-6)
    (verdict,) = analyze(series._replace(**last(series, 500)), Settings()).judged.verdicts
    assert verdict.alpha == pytest.approx(monitor.verdict().alpha, abs=1e-3)
    assert verdict.alpha < 0.65


def last(series, count):
    return {name: getattr(series, name)[-count:] for name in ("values", "steps", "lr")}


@pytest.mark.parametrize("name", ["train/loss", "accuracy"])
def test_what_is_no_norm_is_compared_with_nothing(tmp_path, name):
    path = write(tmp_path / "log.jsonl", **{"step": range(N), name: NOISE})
    verdict = analyze(read_series(path, name), Settings(optimizer="sgd")).judged.verdicts[0]
    assert verdict.null is None
    assert not any("‖ΔW‖" in finding.text for finding in verdict.findings)


def test_gradients_and_hyperparameters_that_were_logged_drive_the_replay(tmp_path):
    """Before a momentum was logged first, the one that was given holds."""
    momentum = np.r_[np.full(10, np.nan), np.linspace(0.95, 0.85, N - 10)]
    gradients = np.exp(0.3 * wcdfa.synthetic.arfima(N, d=0.4, seed=1))
    rows = [
        {"step": i, "update_norm": norm, "grad_norm": size} | ({} if np.isnan(now) else {"wcdfa/momentum": now})
        for i, (norm, size, now) in enumerate(zip(NOISE.tolist(), gradients.tolist(), momentum.tolist(), strict=True))
    ]
    path = tmp_path / "log.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    verdict = analyze(read_series(path), Settings(optimizer="sgd", hyperparameters={"momentum": 0.95})).judged.verdicts[0]
    assert verdict.compared.endswith("of the sizes that were recorded with the momentum of each step")
    other = analyze(read_series(path), Settings(optimizer="adamw")).judged.verdicts[0]
    assert other.compared.endswith("of the sizes that were recorded")  # it has no momentum
