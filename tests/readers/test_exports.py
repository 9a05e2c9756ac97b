"""Tables that logging tools write or export: the tool is known, and each column has the name that the tool gives it."""

from __future__ import annotations

import numpy as np
import pytest

from tests.conftest import require
from wcdfa.readers import read_series, series_of, sources

pd = require("pandas")
require("pyarrow")
NORMS = np.exp(0.1 * np.random.default_rng(0).standard_normal(120))
STEPS = np.arange(120)


def runs(path):
    (source,) = sources(path)
    return list(source.runs())


@pytest.mark.parametrize(
    ("name", "tag"),
    [
        ("run-lstm_2-tag-train_update_norm.csv", "train_update_norm"),
        ("run-.-tag-update_norm (1).csv", "update_norm"),
        ("run-a-tag-b-tag-update_norm.csv", "b-tag-update_norm"),
        ("run-a_b-tag-train_loss.csv", "train_loss"),
    ],
)
def test_an_export_of_tensorboard_is_named_by_its_file(tmp_path, name, tag):
    frame = pd.DataFrame({"Wall time": 1.7e9 + 0.5 * STEPS, "Step": STEPS, "Value": NORMS})
    frame.to_csv(tmp_path / name, index=False)
    (run,) = runs(tmp_path / name)
    assert (run.tool, list(run.columns)) == ("tensorboard", ["Wall time", "Step", tag])
    np.testing.assert_array_equal(run.columns[tag].values, NORMS)
    np.testing.assert_array_equal(run.columns[tag].steps, STEPS)
    frame.to_csv(tmp_path / "scalars.csv", index=False)
    (run,) = runs(tmp_path / "scalars.csv")
    assert (run.tool, list(run.columns)) == ("tensorboard", ["Wall time", "Step", "Value"])


@pytest.mark.parametrize(
    ("name", "quantity"),
    [
        ("train_loss.csv", None),
        ("loss (1).csv", None),
        ("grad_norm.csv", "gradient norm"),
        ("Gradient Norm (2).csv", "gradient norm"),
        ("update_norm.csv", "update norm"),
        ("learning_rate.csv", None),
        ("my-data.csv", "unknown"),
    ],
)
def test_a_renamed_export_of_tensorboard_is_named_by_its_own_file(tmp_path, name, quantity):
    pd.DataFrame({"Wall time": 1.7e9 + STEPS, "Step": STEPS, "Value": NORMS}).to_csv(tmp_path / name, index=False)
    if quantity is None:
        with pytest.raises(ValueError, match=name.partition(".")[0].partition(" (")[0]):
            read_series(tmp_path / name)
    else:
        series = read_series(tmp_path / name)
        assert series.quantity == quantity
        np.testing.assert_array_equal(series.values, NORMS)


def test_what_an_export_of_tensorboard_holds_is_no_norm_because_it_is_a_value(tmp_path):
    path = tmp_path / "run-a-tag-train_accuracy.csv"
    pd.DataFrame({"Wall time": 1.7e9 + STEPS, "Step": STEPS, "Value": NORMS}).to_csv(path, index=False)
    with pytest.raises(ValueError, match="train_accuracy"):
        read_series(path)


def exported(names, sampled=False, metric="train/update_norm"):
    """A table as the W&B user interface exports it: each run has values at its own steps."""
    frame = {"Step": STEPS}
    for k, name in enumerate(names):
        values = np.where(120 - 10 * k > STEPS, NORMS + k, np.nan)
        frame |= {
            f"{name} - {metric}": values,
            f"{name} - {metric}__MIN": values - sampled,
            f"{name} - {metric}__MAX": values + sampled,
        }
    return pd.DataFrame(frame)


@pytest.mark.parametrize("names", [["happy-run-1"], ["a - b", "c"], ["run, of lr=0.1", "b", "c"]])
def test_an_export_of_wandb_is_a_run_for_each_name(tmp_path, names):
    exported(names).to_csv(tmp_path / "wandb.csv", index=False, quoting=2)
    found = runs(tmp_path / "wandb.csv")
    assert [run.name for run in found] == (names if len(names) > 1 else [""])
    for k, run in enumerate(found):
        (series,) = series_of(run)
        assert (run.tool, series.column, series.quantity) == ("wandb", "train/update_norm", "update norm")
        np.testing.assert_array_equal(series.values, (NORMS + k)[: 120 - 10 * k])
        np.testing.assert_array_equal(series.steps, STEPS[: 120 - 10 * k])
        assert not any("sampled" in note for note in series.notes)


def test_an_export_of_wandb_that_is_sampled_says_so(tmp_path):
    exported(["a", "b"], sampled=True).to_csv(tmp_path / "wandb.csv", index=False)
    for run in runs(tmp_path / "wandb.csv"):
        assert any("this export of Weights & Biases is sampled" in note for note in run.notes)


def test_a_monitor_of_stable_baselines(tmp_path):
    frame = pd.DataFrame({"r": NORMS, "l": np.full(120, 200), "t": 1.5 * STEPS})
    path = tmp_path / "monitor.csv"
    path.write_text('#{"t_start": 1615664131.8, "env_id": "CartPole-v1"}\n' + frame.to_csv(index=False))
    (run,) = runs(path)
    assert (run.tool, list(run.columns)) == ("sb3", ["r", "l", "t"])
    np.testing.assert_array_equal(run.columns["r"].values, NORMS)


def test_progress_of_stable_baselines(tmp_path):
    frame = pd.DataFrame(
        {
            "time/total_timesteps": 2048 * (1 + STEPS),
            "train/grad_norm": np.where(STEPS, NORMS, np.nan),
            "train/n_updates": 10 * STEPS,
        }
    )
    frame.to_csv(tmp_path / "progress.csv", index=False)
    (run,) = runs(tmp_path / "progress.csv")
    assert run.tool == "sb3"
    np.testing.assert_array_equal(run.columns["train/grad_norm"].values, NORMS[1:])


def test_the_logger_of_lightning(tmp_path):
    folder = tmp_path / "lightning_logs" / "version_0"
    folder.mkdir(parents=True)
    rows = pd.DataFrame({"epoch": STEPS // 60, "step": STEPS, "update_norm": NORMS, "val_loss": np.nan})
    between = pd.DataFrame({"epoch": [0, 1], "step": [59, 119], "val_loss": [0.5, 0.25]})
    pd.concat([rows[:60], between[:1], rows[60:], between[1:]]).to_csv(folder / "metrics.csv", index=False)
    series = read_series(folder)
    np.testing.assert_array_equal(series.values, NORMS)
    np.testing.assert_array_equal(series.steps, STEPS)
    assert runs(folder / "metrics.csv")[0].tool == "lightning"


def test_the_logger_of_keras(tmp_path):
    frame = pd.DataFrame({"epoch": STEPS, "accuracy": NORMS, "loss": NORMS, "val_accuracy": NORMS, "val_loss": NORMS})
    frame.to_csv(tmp_path / "training.log", index=False)
    (run,) = runs(tmp_path / "training.log")
    assert run.tool == "keras"
    frame.rename(columns={"val_loss": "other"}).to_csv(tmp_path / "a.csv", index=False)
    assert runs(tmp_path / "a.csv")[0].tool == ""
