"""Columns that count the steps are found whatever they are called, and others are not taken for them."""

from __future__ import annotations

import json
import re
from types import MappingProxyType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wcdfa.readers.columns import Column, Lazy, SeveralOfOneName
from wcdfa.readers.errors import LogError
from wcdfa.readers.series import read_series
from wcdfa.readers.spacing import NO_STEPS, spaced
from wcdfa.readers.step_columns import COUNTED, LARGE, LOOKED_AT, ONE_AN_EPOCH
from wcdfa.readers.step_names import counted_in, rank
from wcdfa.readers.steps import with_steps

N = 300
NORMS = np.exp(0.1 * np.random.default_rng(0).standard_normal(N))
STEPS = [
    *(
        "iter_num",
        "n_updates",
        "time/iterations",
        "training_iteration",
        "# step",
        "batch_idx",
        "epoch_step",
        "iters",
        "#_step",
        "optimIter",
    ),
    *(
        "train_steps",
        "total steps",
        "train/update",
        "Batch",
        "x",
        "t",
        "k",
        "0",
        "gradient updates done",
        "ITERATION NUMBER",
        "番号",
    ),
]
DATA = [
    *(
        "total_timesteps",
        "num_env_steps",
        "time/total_timesteps",
        "tokens_seen",
        "consumed_train_samples",
        "num_input_tokens_seen",
        "frames",
    ),
    *("timesteps_total", "agent_steps", "micro_batch", "episodes_total", "envSteps", "images seen"),
]


def columns(**named):
    """Columns of numbers in every row; names have "__" for "/"."""
    return {name.replace("__", "/"): Column(np.asarray(values, float)) for name, values in named.items()}


def norms_with(named, name="update_norm"):
    return with_steps({**{each: Column(np.asarray(values, float)) for each, values in named.items()}, name: Column(NORMS)})[name]


def distractors(seed):
    """What a log holds beside its steps, that is no step."""
    rng = np.random.default_rng(seed)
    return {
        "loss": np.sort(rng.random(N))[::-1],
        "val/losses": 1000 - np.arange(N),
        "hits": np.cumsum(rng.integers(0, 50, N)),
        "correct": np.arange(N) * 2,
        "accuracy": rng.integers(0, 100, N),
        "batch_size": np.full(N, 32),
        "ramp": np.repeat([8, 16, 32], N // 3),
        "max_steps": np.full(N, 10_000),
        "lr": np.linspace(1, 0, N),
        "epoch": np.arange(N) // 50,
        "time_elapsed": np.arange(N) * 3,
        "timestamp": 1_790_000_000 + np.arange(N),
        "when": 1_790_000_000_000 + 1000 * np.arange(N),
    }


@pytest.mark.parametrize("apart", [1, 10])
@pytest.mark.parametrize("name", STEPS)
def test_steps_of_any_name_are_read(name, apart):
    found = norms_with({**distractors(0), name: apart * np.arange(N)})
    assert found.steps.tolist() == (apart * np.arange(N)).tolist()
    assert rank(name) is not None or found.notes[0].startswith(f"{name} is taken as the training step")
    assert spaced(found).thinned == apart


@given(
    name=st.one_of(st.sampled_from(STEPS), st.text(min_size=1, max_size=8)).filter(
        lambda name: counted_in(name) in ("steps", "unknown") and name not in (*distractors(0), "update_norm", "_step")
    ),
    apart=st.integers(1, LARGE),
    first=st.integers(-5, 10**6),
    seed=st.integers(0, 9),
)
def test_steps_of_any_name_and_spacing_are_read_among_what_is_no_step(name, apart, first, seed):
    steps = first + apart * np.arange(N)
    found = norms_with({**distractors(seed), name: steps})
    assert found.steps.tolist() == steps.tolist()
    assert spaced(found).thinned == apart


@given(
    chosen=st.sets(st.sampled_from([*distractors(0), "tokens", "samples"]), min_size=1),
    seed=st.integers(0, 50),
    batch=st.integers(1, 4096),
)
def test_what_is_no_step_is_never_taken_for_one(chosen, seed, batch):
    data = {"tokens": batch * np.arange(1, N + 1), "samples": 3 * batch * np.arange(N)}
    found = norms_with({name: values for name, values in {**distractors(seed), **data}.items() if name in chosen})
    assert spaced(found).thinned == 1
    if not chosen & set(data):
        assert found.steps is None
    assert not any("taken as the training step" in note for note in found.notes)


@pytest.mark.parametrize("name", DATA)
@pytest.mark.parametrize("apart", [1, 2048, 524_288])
def test_data_are_no_steps_but_tell_what_a_restart_replaced(name, apart):
    counts = apart * np.concatenate([np.arange(1, 201), np.arange(151, 251)])
    found = norms_with({name: counts})
    series = spaced(found)
    assert series.thinned == 1
    assert series.steps.tolist() == list(range(1, 251))
    np.testing.assert_array_equal(series.values, np.concatenate([NORMS[:150], NORMS[200:]]))
    assert "is taken to count data and not optimizer steps" in found.notes[0]


@pytest.mark.parametrize("name", ["samples_seen", "tokens", "total_timesteps", "x"])
@pytest.mark.parametrize(("batch", "epoch", "rest"), [(64, 94, 48), (64, 94, 1), (8192, 40, 100), (5000, 150, 2501)])
@pytest.mark.parametrize("restarted", [False, True])
def test_a_smaller_last_batch_is_a_step_too(name, batch, epoch, rest, restarted):
    """Divided by the size of a batch, such counts of data would collide."""
    if name == "x":
        batch, rest = 1000 * batch, 1000 * rest
    sizes = np.where(np.arange(1, N + 1) % epoch == 0, rest, batch)
    counts = np.cumsum(sizes)
    rows = np.r_[:200, 150:250] if restarted else np.arange(N)
    found = norms_with({name: counts[rows]})
    series = spaced(found)
    assert np.diff(series.steps).tolist() == [1] * (len(series.steps) - 1)
    np.testing.assert_array_equal(series.values, np.concatenate([NORMS[:150], NORMS[200:]]) if restarted else NORMS)
    assert len(series.notes) == restarted


@pytest.mark.parametrize("gone", [[100], [50, 51, 200]])
def test_batches_that_were_not_logged_are_still_missed(gone):
    counts = np.delete(np.cumsum(np.where(np.arange(1, N + 1) % 94 == 0, 48, 64)), gone)
    series = spaced(with_steps({"samples": Column(counts.astype(float)), "norm": Column(np.delete(NORMS, gone))})["norm"])
    assert series.notes == (
        f"{len(gone)} step{'s' if len(gone) > 1 else ''} between {'are' if len(gone) > 1 else 'is'} not in the log",
    )


def test_updates_count_optimizer_steps_and_data_do_not():
    found = norms_with({"time/total_timesteps": 2048 * np.arange(N), "train/n_updates": 10 * np.arange(N)})
    assert found.steps.tolist() == (10 * np.arange(N)).tolist()
    found = norms_with({"total_timesteps": 2048 * np.arange(N), "time/iterations": np.arange(N)})
    assert (found.steps.tolist(), found.notes) == (list(range(N)), ())


def test_single_steps_are_preferred_and_the_others_named():
    found = norms_with({"n_updates": 10 * np.arange(N), "training_iteration": np.arange(N)})
    assert found.steps.tolist() == list(range(N))
    assert found.notes == (
        "training_iteration is taken as the training step",
        "n_updates rises by 10 from value to value: if it counts optimizer steps, say so with spacing=10",
    )
    found = norms_with({"step": np.arange(N), "global_step": 50 * np.arange(N)})
    assert found.steps.tolist() == list(range(N))
    assert found.notes[0].startswith("global_step rises by 50 from value to value")


def test_a_column_of_an_unknown_name_may_count_rows():
    assert "may count only what was logged" in norms_with({"k": np.arange(N)}).notes[0]
    assert "may count" not in norms_with({"k": 5 * np.arange(N)}).notes[0]
    assert "taken to count data" in norms_with({"k": (LARGE + 1) * np.arange(N)}).notes[0]


@pytest.mark.parametrize("name", ["Unnamed: 0", "index", "row"])
def test_an_index_of_rows_tells_only_what_was_left_out(name):
    assert norms_with({name: np.arange(N)}).steps is None
    assert norms_with({name: 10 * np.arange(N)}).steps.tolist() == (10 * np.arange(N)).tolist()


@pytest.mark.parametrize("name", ["iter_num", "x", "total_timesteps"])
def test_restarts_survive(tmp_path, name):
    """The later records count, as they do of steps with a usual name."""
    steps = np.concatenate([np.arange(250), np.arange(200, 250)])
    path = tmp_path / "log.csv"
    path.write_text(
        f"{name},update_norm\n" + "".join(f"{step},{norm!r}\n" for step, norm in zip(steps, NORMS.tolist(), strict=True))
    )
    series = read_series(path)
    np.testing.assert_array_equal(series.values, np.concatenate([NORMS[:200], NORMS[250:]]))
    assert any("a restart, and the later records count; 50 records" in note for note in series.notes)


@pytest.mark.parametrize(("length", "apart"), [(200, 1), (100, 1), (50, 1), (20, 10), (10, 50)])
@pytest.mark.parametrize("name", ["batch", "batch_idx", "minibatch"])
def test_batches_that_are_counted_anew_in_each_epoch_are_counted_on(name, length, apart):
    found = norms_with({name: apart * (np.arange(N) % length), "loss": NORMS})
    assert found.steps.tolist() == (apart * np.arange(N)).tolist()
    assert found.notes[1] == f"{name} starts again at 0 in each epoch, so it is counted on"


@pytest.mark.parametrize("name", ["iter", "step", "iteration"])
def test_steps_that_start_again_with_each_epoch_are_counted_on(name):
    named = {name: np.arange(N) % 100, "epoch": np.arange(N) // 100}
    found = norms_with(named)
    assert found.steps.tolist() == list(range(N))
    assert found.notes == (f"{name} starts again at 0 in each epoch, so it is counted on",)
    again = norms_with({name: np.arange(N) % 100})  # nothing tells whether these are epochs or three starts of the run
    with pytest.raises(LogError, match="its steps go from 0 to 99 3 times: several runs, or epochs"):
        spaced(again)
    assert norms_with({name: np.arange(N) % 20}).steps.tolist() == list(range(N))  # nobody starts a run 15 times


@pytest.mark.parametrize("value", [0, 7, -1, 10**9 + 5])
@pytest.mark.parametrize("name", ["step", "global_step", "_step"])
def test_a_constant_step_leaves_the_order_written(name, value):
    found = norms_with({name: np.full(N, value)})
    assert found.steps is None
    assert found.notes[0].endswith("so the order written counts")
    np.testing.assert_array_equal(spaced(found).values, NORMS)
    assert norms_with({name: np.full(N, value), "iter_num": 10 * np.arange(N)}).steps[1] == 10


@pytest.mark.parametrize(
    "dates",
    [
        20_260_101 + np.arange(28),
        1_790_000_000 + np.arange(N),
        1_790_000_000.5 + np.arange(N),
        1_790_000_000_000 + np.arange(N),
        1_790_000_000_000_000_000 + 10**9 * np.arange(N),
    ],
)
def test_dates_as_steps_are_said(dates):
    found = with_steps(columns(step=dates, update_norm=NORMS[: len(dates)]))["update_norm"]
    assert found.steps is None
    assert found.notes == ("step holds dates or times and no steps, so the order written counts",)


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
@pytest.mark.parametrize("form", ["2026-01-{day:02} 00:00:00", "2026-01-{day:02}", "{day}. January"])
def test_dates_as_text_are_said(tmp_path, kind, form):
    rows = [(form.format(day=1 + i % 28), norm) for i, norm in enumerate(NORMS.tolist())]
    path = tmp_path / f"log.{kind}"
    if kind == "csv":
        path.write_text("step,update_norm\n" + "".join(f"{date},{norm!r}\n" for date, norm in rows))
    else:
        path.write_text("".join(json.dumps({"step": date, "update_norm": norm}) + "\n" for date, norm in rows))
    series = read_series(path)
    np.testing.assert_array_equal(series.values, NORMS)
    assert series.notes[:2] == ("step holds dates or text and no numbers, so the order written counts", NO_STEPS)


def test_large_steps_are_no_dates():
    steps = 20_260_101 + np.arange(N)
    assert norms_with({"step": steps}).steps.tolist() == steps.tolist()


@pytest.mark.parametrize("named", [{}, {"step": 391 * np.arange(N)}, {"_step": np.arange(N)}, {"loss": NORMS}])
@pytest.mark.parametrize("name", ["epoch", "train/epoch", "Epoch", "current_epoch"])
def test_one_row_an_epoch_is_called_that(name, named):
    assert ONE_AN_EPOCH in norms_with({name: np.arange(N), **named}).notes


def test_an_epoch_of_one_step_is_one_step():
    assert norms_with({"epoch": np.arange(N), "step": np.arange(1, N + 1)}).notes == ()
    assert ONE_AN_EPOCH not in norms_with({"epoch": np.arange(N) / 100}).notes


@pytest.mark.parametrize("steps", [np.arange(N) ** 2, np.cumsum(1 + np.arange(N) // 100)])
def test_steps_by_name_that_rise_unevenly_are_refused_and_not_ignored(steps):
    with pytest.raises(ValueError, match=r"unevenly spaced .*steps=\(first, last\)"):
        spaced(norms_with({"iter_num": steps}))
    assert norms_with({"x": steps}).steps is None  # nothing says that these are steps


def test_a_counter_says_nothing_of_rows_that_hold_other_metrics_only():
    """The loss and the norm of a step, each logged by a call of its own; or the norm of every second step beside each loss."""
    odd = np.arange(1, 2 * N, 2)
    named = columns(_step=np.arange(2 * N)) | {"update_norm": Column(NORMS, rows=odd), "loss": Column(NORMS, rows=odd - 1)}
    found = with_steps(named)["update_norm"]
    assert found.steps is None
    named["loss"] = Column(np.ones(2 * N))
    found = with_steps(named)["update_norm"]
    assert (found.steps.tolist(), found.notes) == (odd.tolist(), (COUNTED,))


def interleaved(apart, every, alone):
    """Rows of the losses, of a norm each `apart` steps, and of other metrics alone each `every` steps, `alone` rows at once."""
    place, rows = 0, {"loss": [], "update_norm": [], "val/loss": []}
    for step in range(apart * N):
        rows["loss"].append(place)
        if step % apart == 0:
            rows["update_norm"].append(place)
        place += 1
        if (step + 1) % every == 0:
            rows["val/loss"] += range(place, place + alone)
            place += alone
    held = {name: Column(np.arange(float(len(each))), rows=np.array(each)) for name, each in rows.items()}
    return held | {"_step": Column(np.arange(float(place)))}


@pytest.mark.parametrize("lone", [False, True])
@pytest.mark.parametrize("apart", [1, 5, 10])
@pytest.mark.parametrize("every", [50, 70])
@pytest.mark.parametrize("alone", [1, 30])
def test_rows_of_other_metrics_are_no_steps_that_are_missing(apart, every, alone, lone):
    named = interleaved(apart, every, alone)
    if lone and apart == 1:
        del named["loss"]
    found = with_steps(named)
    series = spaced(found["update_norm"])
    np.testing.assert_array_equal(series.values, np.arange(N))
    assert series.thinned == apart
    assert not any("not in the log" in note for note in series.notes)
    assert any("_step is counted without them" in note for note in found["update_norm"].notes)
    if "loss" in named:
        assert np.isin(found["update_norm"].steps, found["loss"].steps).all()


@pytest.mark.parametrize("gone", [[100], [7, 50, 200]])
@pytest.mark.parametrize("every", [50, None])
def test_steps_without_a_norm_are_missing_where_the_loss_was_logged(gone, every):
    """As where gradients overflowed, and a step was skipped."""
    named = interleaved(1, every or 10 * N, 1)
    named["update_norm"] = Column(np.delete(NORMS, gone), rows=np.delete(named["update_norm"].rows, gone))
    series = spaced(with_steps(named)["update_norm"])
    assert np.setdiff1d(np.arange(N), series.steps).tolist() == gone
    assert f"{len(gone)} step{' between is' if len(gone) == 1 else 's between are'} not in the log" in series.notes


def test_a_column_that_cannot_be_read_is_no_step():
    def read(name):
        if name == "iter_num":
            raise SeveralOfOneName(name)
        return named[name]

    named = columns(x=10 * np.arange(N), update_norm=NORMS)
    assert with_steps(Lazy(["iter_num", *named], read))["update_norm"].steps[1] == 10


@pytest.mark.parametrize("step", ["step", "iter_num", "n_0", None])
def test_of_thousands_of_columns_only_a_few_are_read(step):
    """In a store, each is a query."""
    names = [f"layer.{i}/value" for i in range(10_000)] + ["update_norm"] + ([] if step is None else [step])
    read = []

    def column(name):
        read.append(name)
        return Column(10.0 * np.arange(N) if name == step and step != "n_0" else NORMS)

    found = with_steps(Lazy(names, column))["update_norm"]
    assert (found.steps is not None) == (step in ("step", "iter_num"))
    assert len(set(read)) <= 2 + 4 * LOOKED_AT


def test_metrics_have_the_steps_that_the_log_names_for_them():
    axes = {"train/*": "batch", "val/*": "epoch", "rl/*": "env_steps"}
    named = columns(_step=np.arange(N), batch=10 * np.arange(N), epoch=np.arange(N), env_steps=64 * np.arange(N))
    found = with_steps(named | columns(train__norm=NORMS, val__norm=NORMS, rl__norm=NORMS), MappingProxyType(axes))
    assert (found["train/norm"].steps[1], found["train/norm"].notes) == (10, (ONE_AN_EPOCH,))
    assert found["rl/norm"].steps[1] == 1
    assert re.match("env_steps is taken to count data and not optimizer steps, 64 for each", found["rl/norm"].notes[0])
    assert ONE_AN_EPOCH in found["val/norm"].notes


@pytest.mark.parametrize("name", ["iter_num", "# step", "n_updates", "tokens_seen", "Unnamed: 0"])
def test_the_only_column_beside_the_steps_is_the_series(tmp_path, name):
    path = tmp_path / "log.csv"
    path.write_text(f"{name},dw\n" + "".join(f"{10 * i},{norm!r}\n" for i, norm in enumerate(NORMS.tolist())))
    series = read_series(path)
    assert series.column == "dw"
    assert series.thinned == (1 if name == "tokens_seen" else 10)
