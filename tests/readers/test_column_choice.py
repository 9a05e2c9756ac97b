"""Which column is read, and what is done where that, or its steps, cannot be known."""

from __future__ import annotations

import json

import numpy as np
import pytest

import wcdfa
from wcdfa.readers import sources
from wcdfa.readers.column_choice import NoSeries, choose, groups_of
from wcdfa.readers.series import NO_STEPS, read_series, series_of
from wcdfa.readers.series_notes import OURS
from wcdfa.sinks.jsonl import JSONLinesSink

NORMS = np.exp(0.1 * np.random.default_rng(0).standard_normal(200))


def write_rows(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def stepped(name, steps):
    return [{name: step, "update_norm": norm} for step, norm in zip(steps, NORMS.tolist(), strict=True)]


@pytest.mark.parametrize(
    "name", ["step", "Step", " STEP ", "train_step", "global_step", "trainer/global_step", "train/epoch_step/step", "iteration"]
)
def test_steps_are_found_whatever_they_are_called(tmp_path, name):
    series = read_series(write_rows(tmp_path / "log.jsonl", stepped(name, range(0, 2000, 10))))
    assert series.steps.tolist() == list(range(0, 2000, 10))
    assert series.thinned == 10
    assert series.notes == ("only every 10th step was logged: memory below 10 steps cannot be seen",)


def test_steps_in_quotes_are_steps(tmp_path):
    path = write_rows(tmp_path / "log.jsonl", stepped("step", map(str, range(200))))
    assert read_series(path).steps.tolist() == list(range(200))


def test_one_row_without_a_step_is_left_out_and_said(tmp_path):
    path = write_rows(tmp_path / "log.jsonl", stepped("step", [*range(50), None, *range(51, 200)]))
    series = read_series(path)
    assert series.steps.tolist() == [*range(50), *range(51, 200)]
    np.testing.assert_array_equal(series.values, np.delete(NORMS, 50))
    assert "1 value of update_norm has no step and was left out" in series.notes


def test_steps_that_cannot_be_understood_are_refused(tmp_path):
    path = write_rows(tmp_path / "log.jsonl", stepped("step", np.arange(200) + 0.5))
    with pytest.raises(ValueError, match=r"column 'step' holds no training steps that can be understood \(0\.5, 1\.5, …\)"):
        read_series(path)


def test_a_value_in_every_tenth_row_may_be_every_tenth_step(tmp_path):
    rows = [{"loss": 1.0} | ({"update_norm": NORMS[i // 10]} if i % 10 == 0 else {}) for i in range(2000)]
    path = write_rows(tmp_path / "log.jsonl", rows)
    series = read_series(path)
    np.testing.assert_array_equal(series.values, NORMS)
    assert series.thinned == 1  # nobody knows
    assert series.notes[0].endswith("only every 10th row holds one: if 9 of 10 steps were left out, say so with spacing=10")
    told = read_series(path, spacing=10)
    assert told.thinned == 10
    assert told.notes == ("only every 10th step was logged: memory below 10 steps cannot be seen",)
    rows = [{"val_loss": 1.0} if i % 10 == 0 else {"update_norm": NORMS[i % 200]} for i in range(1000)]
    series = read_series(write_rows(path, rows))  # rows of other things between
    assert len(series.values) == 900
    assert NO_STEPS in series.notes


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["Update_Norm", "grad_norm"], ["Update_Norm"]),
        (["train/update_norm", "loss"], ["train/update_norm"]),
        (["wcdfa/update_norm", "train/wcdfa/update_norm"], ["wcdfa/update_norm"]),
        (["step", "x"], ["x"]),
        (["0"], ["0"]),
        (["value", "grad_norm"], ["grad_norm"]),
        (["step", "value"], ["value"]),
        (["loss", "norm", "lr"], ["norm"]),
        (["norm", "grad_norm"], ["grad_norm"]),
        (["update_norm", "applied_update_norm"], ["applied_update_norm"]),
        (["update_norm_epoch", "update_norm_step"], ["update_norm_step"]),
        (["policy/update_norm", "policy/update_norm/0", "policy/update_norm/1"], ["policy/update_norm"]),
        (["grad_norm_mean", "grad_norm"], ["grad_norm"]),
        (["params/global_norm", "grads/global_norm", "updates/global_norm"], ["updates/global_norm"]),
    ],
)
def test_what_is_clear_is_chosen(names, found):
    assert choose(names) == found


@pytest.mark.parametrize(
    "names",
    [
        ["encoder/update_norm", "decoder/update_norm"],
        ["a/grad_norm", "b/grad_norm"],
        ["step"],
        ["loss"],
        ["lr"],
        ["step", "loss"],
        ["loss", "value"],
        ["step", "accuracy"],
        ["param_norm"],
        ["max_grad_norm"],
        ["update_norm_0", "update_norm_1"],
        ["grad_norm/encoder", "grad_norm/head"],
        [],
    ],
)
def test_what_is_not_clear_is_not(names):
    with pytest.raises(NoSeries, match="which"):
        choose(names)


def test_a_name_that_does_not_tell_is_said(tmp_path):
    np.save(tmp_path / "recorded.npy", NORMS)
    notes = read_series(tmp_path / "recorded.npy").notes
    assert any("the name does not tell whether this is ‖ΔW‖" in note for note in notes)
    assert "recorded was taken because no other column can be the series" in notes
    np.save(tmp_path / "norms.npy", NORMS)
    assert read_series(tmp_path / "norms.npy").notes == (OURS, NO_STEPS)
    assert read_series(tmp_path / "norms.npy", quantity="update norm").notes == (NO_STEPS,)


def test_text_among_the_norms_is_missing_and_said(tmp_path):
    values = [repr(norm) for norm in NORMS.tolist()]
    values[70] = "N/A"
    rows = "".join(f"{step},{value},0.5\n" for step, value in enumerate(values))
    (tmp_path / "log.csv").write_text("step,update_norm,grad_norm\n" + rows)
    series = read_series(tmp_path / "log.csv")
    assert series.column == "update_norm"
    assert np.isnan(series.values).nonzero()[0].tolist() == [70]
    np.testing.assert_array_equal(np.delete(series.values, 70), np.delete(NORMS, 70))
    assert any("1 value of update_norm is no number and left out: the first is 'N/A'" in note for note in series.notes)


def test_a_header_that_is_repeated_is_a_restart(tmp_path):
    header = "step,update_norm,phase\n"
    first = [f"{step},{norm!r},train\n" for step, norm in enumerate(NORMS[:120].tolist())]
    second = [f"{step},{norm!r},train\n" for step, norm in enumerate((-NORMS[80:]).tolist(), start=80)]
    (tmp_path / "log.csv").write_text("".join([header, *first, header, *second]))
    series = read_series(tmp_path / "log.csv")
    np.testing.assert_array_equal(series.values, np.concatenate([NORMS[:80], -NORMS[80:]]))
    assert "the header is repeated once: the log was started again in the same file" in series.notes


def test_two_columns_of_one_name_are_refused(tmp_path):
    (tmp_path / "log.csv").write_text("update_norm,update_norm\n1,2\n3,4\n")
    with pytest.raises(ValueError, match="several columns are named update_norm"):
        read_series(tmp_path / "log.csv")


def test_a_record_that_comes_late_undoes_nothing(tmp_path):
    order = [*range(10), *range(11, 150), 10, *range(150, 200)]
    path = write_rows(tmp_path / "log.jsonl", [{"step": step, "update_norm": NORMS[step]} for step in order])
    series = read_series(path)
    np.testing.assert_array_equal(series.values, NORMS)
    assert series.notes == ("1 record was out of order and is sorted by step",)


def test_neighbours_that_are_swapped_undo_nothing(tmp_path):
    order = [step for i in range(0, 200, 50) for step in (i + 1, i, *range(i + 2, i + 50))]
    path = write_rows(tmp_path / "log.jsonl", [{"step": step, "update_norm": NORMS[step]} for step in order])
    np.testing.assert_array_equal(read_series(path).values, NORMS)


def test_a_matrix_beside_a_series_is_a_column_a_group(tmp_path):
    rng = np.random.default_rng(0)
    groups = np.exp(rng.standard_normal((600, 3)))
    np.savez(tmp_path / "run.npz", norms=np.sqrt(np.sum(groups**2, axis=1)), layers=groups, weights=rng.standard_normal((4, 5)))
    (run,) = [run for source in sources(tmp_path / "run.npz") for run in source.runs()]
    assert groups_of(run.columns, "norms", ["layers/*"]) == {f"layers/{i}": f"layers/{i}" for i in range(3)}
    np.testing.assert_array_equal(run.columns["layers/2"].values, groups[:, 2])
    assert len(run.columns) == 4
    assert read_series(tmp_path / "run.npz").column == "norms"


def test_groups_that_a_monitor_logged_are_found_beside_all(tmp_path):
    monitor = wcdfa.WeightChangeDFA(64, groups=1, logger=JSONLinesSink(tmp_path / "run.jsonl"), log_every=1)
    parameters = {"head": np.zeros(2), "body": np.zeros(3)}
    rng = np.random.default_rng(0)
    for _ in range(80):
        for name, each in parameters.items():
            parameters[name] = each + rng.standard_normal(each.shape)
        monitor.update(parameters)
    (run,) = [run for source in sources(tmp_path / "run.jsonl") for run in source.runs()]
    (series,) = series_of(run)
    found = groups_of(run.columns, series.column)
    assert found == {name: f"wcdfa/update_norm/{name}" for name in ("head", "body")}
    (head,) = series_of(run, [found["head"]])
    np.testing.assert_array_equal(head.values[-64:], monitor.get_signal("head"))
    assert not head.notes  # that it is ‖ΔW‖ its name tells


COUNTS = {
    "rows": np.arange(300.0),
    "every tenth": np.arange(10.0, 3010, 10),
    "unevenly": np.cumsum(np.random.default_rng(0).integers(1, 9, 300)).astype(float),
    "a clock": 1.7e9 + np.cumsum(np.random.default_rng(0).random(300)),
    "milliseconds": 1.7e12 + np.arange(300.0),
}
NO_NORM = "By their names, none is"


@pytest.mark.parametrize("kind", COUNTS)
@pytest.mark.parametrize("name", ["index", "Unnamed: 0", "totalOffloaded", "x", "value", "samples"])
def test_a_count_is_never_taken_as_the_series(tmp_path, kind, name):
    numbers = COUNTS[kind].tolist()
    (tmp_path / "a.csv").write_text(f"{name}\n" + "".join(f"{number!r}\n" for number in numbers))
    (tmp_path / "b.jsonl").write_text("".join(json.dumps({name: number, "said": "text"}) + "\n" for number in numbers))
    (tmp_path / "c.json").write_text(json.dumps({name: numbers}))
    for path in sorted(tmp_path.iterdir()):
        with pytest.raises(NoSeries, match=NO_NORM) as refused:
            read_series(path)
        assert refused.value.advice
        if name in ("x", "totalOffloaded"):
            assert read_series(path, name).values.tolist() == numbers  # asked for


@pytest.mark.parametrize(("every", "taken"), [(1, True), (2, True), (3, False), (10, False)])
@pytest.mark.parametrize("text", [True, False])
def test_a_lone_column_has_a_value_in_most_rows(tmp_path, every, taken, text):
    rows = [({"said": "a"} if text else {"epoch": 1}) | ({"x": NORMS[i]} if i % every == 0 else {}) for i in range(200)]
    write_rows(tmp_path / "log.jsonl", rows)
    if taken:
        assert len(read_series(tmp_path / "log.jsonl").values) == 200 // every
    else:
        with pytest.raises(NoSeries, match=NO_NORM):
            read_series(tmp_path / "log.jsonl")


def test_the_monitor_of_stable_baselines_holds_no_norm(tmp_path):
    rows = "".join(f"{norm:.6f},{20 + i % 7},{i * 0.5:.6f}\n" for i, norm in enumerate(NORMS))
    (tmp_path / "monitor.csv").write_text('#{"t_start": 1700000000.0, "env_id": "CartPole-v1"}\nr,l,t\n' + rows)
    with pytest.raises(NoSeries, match=rf"{NO_NORM} ‖ΔW‖ or the gradient norm of each step; it holds: r, l, t") as refused:
        read_series(tmp_path / "monitor.csv")
    assert refused.value.advice.startswith("To log ‖ΔW‖ with Stable-Baselines3:")
    (tmp_path / "own.csv").write_text("r,l,t\n" + rows)
    with pytest.raises(NoSeries, match="Choose one with"):  # of unknown origin
        read_series(tmp_path / "own.csv")
