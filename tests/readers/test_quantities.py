"""What a series is, and what was logged beside it: its quantity, gradient norms, learning rates, hyperparameters that vary."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tests.helpers import log_files
from wcdfa.readers.column_names import quantity_of
from wcdfa.readers.formats.rows import Rows
from wcdfa.readers.series import read_series
from wcdfa.readers.steps import COUNTED

N = 300
NORMS = np.exp(0.1 * np.random.default_rng(0).standard_normal(N))
GRADIENTS = np.exp(0.2 * np.random.default_rng(1).standard_normal(N))
RATES = np.linspace(0.1, 0.01, N)


def write_rows(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def columns(**named):
    """Rows with a value of each column; names have "__" for "/"."""
    lists = {name.replace("__", "/"): np.asarray(values).tolist() for name, values in named.items()}
    return [dict(zip(lists, row, strict=True)) for row in zip(*lists.values(), strict=True)]


@pytest.mark.parametrize(
    ("quantity", "names"),
    [
        ("update norm", ["update_norm", "train/update_norm", "wcdfa/update_norm/encoder", "Delta_Norm", "norms", " Norms ", "weight_change"]),
        ("update norm", ["update_norm/loss_head", "update_norm/grad_norm"]),
        ("gradient norm", ["grad_norm", "train/grad_norm", "grad_norm/encoder", "gradient_norm", "wcdfa/gradient_norm/head", "gnorm"]),
        ("gradient norm", ["grad_2.0_norm_total", "grad_2.0_norm/layer.weight", "grad_inf_norm/w", "gradNorm", "global_grad_norm", "grads/norm"]),
        ("displacement", ["displacement", "displacement/encoder"]),
        ("loss", ["loss", "train/loss", "val_loss", "loss/head", "train_loss_step", "Loss", "losses/total", "loss_epoch"]),
        ("unknown", ["accuracy", "value", "0", "x", "glossary", "lossless", "gradient", "normal", "lr", "param_norm", "norm", "train/norm"]),
    ],
)  # fmt: skip
def test_the_name_tells_the_quantity(quantity, names):
    assert {name: quantity_of(name) for name in names} == dict.fromkeys(names, quantity)


def test_a_user_may_tell_the_quantity(tmp_path):
    path = write_rows(tmp_path / "log.jsonl", columns(step=range(N), dw=NORMS))
    series = read_series(path)
    assert series.quantity == "unknown"
    assert series.notes[0].endswith("if you know, say so with quantity=")
    told = read_series(path, quantity="update norm")
    assert (told.quantity, told.notes) == ("update norm", ())


LOGGED = {"step": np.arange(1, N + 1), "update_norm": NORMS, "grad_norm": GRADIENTS, "wcdfa/lr": RATES}
WRITTEN = {
    "csv": (log_files.write_csv, "log.csv"),
    "jsonl": (log_files.write_jsonl, "log.jsonl"),
    "parquet": (log_files.write_parquet, "log.parquet"),
    "json": (log_files.write_trainer_state, "trainer_state.json"),
    "events": (log_files.write_events, "run"),
}


@pytest.mark.parametrize("kind", WRITTEN)
def test_gradients_of_the_same_steps_are_paired_in_each_format(tmp_path, kind):
    write, name = WRITTEN[kind]
    write(tmp_path / name, LOGGED)
    series = read_series(tmp_path / name)
    np.testing.assert_array_equal(series.values, NORMS)
    kept = np.float32 if kind == "events" else np.float64
    np.testing.assert_array_equal(series.gradients, GRADIENTS.astype(kept))
    np.testing.assert_array_equal(series.lr, RATES.astype(kept))


@pytest.mark.parametrize(
    ("name", "said"), [("grad_norm", True), ("wcdfa/gradient_norm", False), ("train/wcdfa/gradient_norm", False)]
)
def test_gradients_that_another_logged_may_have_been_clipped_afterwards(tmp_path, name, said):
    rows = columns(**{"step": range(N), "wcdfa/step": range(N), "update_norm": NORMS, name: GRADIENTS})
    series = read_series(write_rows(tmp_path / "log.jsonl", rows))
    np.testing.assert_array_equal(series.gradients, GRADIENTS)
    assert any("if gradients were clipped after it was logged" in note for note in series.notes) == said


def test_gradients_are_matched_by_their_steps_and_not_by_their_rows(tmp_path):
    """The Trainer logs the gradient norm in a row of its own, perhaps out of order."""
    order = np.random.default_rng(2).permutation(N)
    rows = [*columns(step=order, grad_norm=GRADIENTS[order]), *columns(step=range(N), update_norm=NORMS)]
    np.testing.assert_array_equal(read_series(write_rows(tmp_path / "log.jsonl", rows)).gradients, GRADIENTS)


@pytest.mark.parametrize("name", ["grad_norm", "train_loss", "accuracy"])
def test_only_update_norms_have_gradients(tmp_path, name):
    named = {"step": range(N), name: NORMS, "other/grad_norm": GRADIENTS}
    assert read_series(write_rows(tmp_path / "log.jsonl", columns(**named)), name).gradients is None


def test_gradients_that_miss_a_step_are_not_paired(tmp_path):
    rows = columns(step=range(N), update_norm=NORMS, grad_norm=GRADIENTS)
    del rows[7]["grad_norm"]
    series = read_series(write_rows(tmp_path / "log.jsonl", rows))
    assert series.gradients is None
    np.testing.assert_array_equal(series.values, NORMS)


@pytest.mark.parametrize("apart", [2, 5, 10])
def test_what_was_logged_beside_a_thinned_series_is_paired_too(tmp_path, apart):
    """The rate of each step, and the norm of every k-th."""
    rows = columns(step=range(N), lr=RATES, grad_norm=GRADIENTS)
    for row in rows[::apart]:
        row["update_norm"] = NORMS[row["step"]]
    series = read_series(write_rows(tmp_path / "log.jsonl", rows))
    assert series.thinned == apart
    np.testing.assert_array_equal(series.lr, RATES[::apart])
    np.testing.assert_array_equal(series.gradients, GRADIENTS[::apart])


def test_hyperparameters_that_vary_are_read_back(tmp_path):
    momentum, beta1, beta2 = np.linspace(0.95, 0.85, N), np.linspace(0.9, 0.8, N), np.full(N, 0.999)
    path = tmp_path / "log.jsonl"
    named = {"wcdfa__step": range(1, N + 1), "wcdfa__update_norm": NORMS}
    series = read_series(write_rows(path, columns(**named, wcdfa__momentum=momentum)))
    assert set(series.varying) == {"momentum"}
    np.testing.assert_array_equal(series.varying["momentum"], momentum)
    series = read_series(write_rows(path, columns(**named, wcdfa__beta1=beta1, wcdfa__beta2=beta2)))
    np.testing.assert_array_equal(series.varying["betas"], np.stack([beta1, beta2], axis=-1))
    assert not read_series(write_rows(path, columns(**named, wcdfa__beta1=beta1))).varying


def test_a_hyperparameter_that_was_logged_only_while_it_changed_holds_in_between(tmp_path):
    rows = columns(wcdfa__step=range(1, 11), wcdfa__update_norm=NORMS[:10])
    for place, momentum in {2: 0.95, 3: 0.9, 7: 0.85}.items():
        rows[place]["wcdfa/momentum"] = momentum
    found = read_series(write_rows(tmp_path / "log.jsonl", rows)).varying["momentum"]
    np.testing.assert_array_equal(found, [np.nan, np.nan, 0.95, 0.9, 0.9, 0.9, 0.9, 0.85, 0.85, 0.85])


@pytest.mark.parametrize("missing", [1, 30, 290])
def test_a_rate_that_misses_some_steps_is_not_used_and_said(tmp_path, missing):
    rows = columns(step=range(N), update_norm=NORMS, lr=RATES)
    for row in rows[:missing]:
        del row["lr"]
    series = read_series(write_rows(tmp_path / "log.jsonl", rows))
    assert series.lr is None
    (note,) = series.notes
    assert note.startswith(f"lr was logged for {N - missing} of 300 values only, so it is not used")


def test_a_constant_rate_that_misses_some_steps_is_nothing_to_say(tmp_path):
    rows = columns(step=range(N), update_norm=NORMS, lr=np.full(N, 0.1))
    del rows[0]["lr"]
    series = read_series(write_rows(tmp_path / "log.jsonl", rows))
    assert (series.lr, series.notes) == (None, ())


def test_what_a_trainer_puts_before_a_name_hides_no_step(tmp_path):
    """transformers logs to trackio without a step; the rows hold the step of the monitor."""
    named = {"_step": range(N), "train__wcdfa__step": range(10, 10 * N + 1, 10), "train__wcdfa__update_norm": NORMS}
    series = read_series(write_rows(tmp_path / "log.jsonl", columns(**named)))
    assert series.steps.tolist() == list(range(10, 10 * N + 1, 10))
    assert series.thinned == 10


def logged(axes, **named):
    rows = Rows()
    for row in columns(**named):
        rows.add(row)
    return rows.columns(axes)


def test_steps_that_a_log_names_come_first():
    """Weights & Biases calls them the step metric of a metric; epochs, which repeat, are no steps."""
    named = {"_step": range(N), "epoch": np.arange(N) // 50, "train__update_norm": NORMS}
    batches = {"batch": range(0, 10 * N, 10)}
    found = logged({"val/*": "_step", "train/*": "batch"}, **named, **batches)
    assert found["train/update_norm"].steps.tolist() == list(range(0, 10 * N, 10))
    assert logged({"val/*": "_step", "train/*": "batch"}, **named)["epoch"].steps.tolist() == list(range(N))
    assert logged({"train/*": "epoch"}, **named)["train/update_norm"].steps.tolist() == list(range(N))
    assert logged({"train/*": "gone"}, **named)["train/update_norm"].steps.tolist() == list(range(N))


def test_a_counter_of_rows_is_used_only_if_nothing_else_counts():
    found = logged({}, _step=range(N), batch=range(0, 10 * N, 10), train__update_norm=NORMS)["train/update_norm"]
    assert found.steps.tolist() == list(range(0, 10 * N, 10))
    assert found.notes == ("batch is taken as the training step",)


def test_steps_that_may_only_count_rows_are_said(tmp_path):
    path = tmp_path / "log.jsonl"
    assert read_series(write_rows(path, columns(_step=range(N), update_norm=NORMS))).notes == (COUNTED,)
    assert read_series(write_rows(path, columns(_step=range(1, N + 1), update_norm=NORMS))).notes == ()
    assert read_series(write_rows(path, columns(_step=range(N), step=range(N), update_norm=NORMS))).notes == ()
