"""Each kind of log, as its library writes it: every number, step, learning rate and loss as it was logged."""

from __future__ import annotations

import numpy as np
import pytest

from tests.conftest import require
from tests.helpers import log_files
from tests.helpers.log_files import COLUMNS, LOSSES, NORMS, RATES, STEPS, WRITERS
from wcdfa.readers import sources
from wcdfa.readers.formats import readers
from wcdfa.readers.formats.decompressing import ENDINGS as PACKED
from wcdfa.readers.series import NO_STEPS, read_series, series_of
from wcdfa.readers.steps import COUNTED

SINGLE = {"tf events"}  # float32 throughout
SINGLE_BESIDE = {"events", *SINGLE}
STEPLESS = {"npy"}


def first_series(path, *columns):
    """Of the first run."""
    (source,) = sources(path)
    return next(series_of(next(source.runs()), columns))


@pytest.mark.parametrize("kind", WRITERS)
def test_every_number_is_as_it_was_logged(log, kind):
    series = first_series(log(kind))
    np.testing.assert_array_equal(series.values, NORMS.astype(np.float32) if kind in SINGLE else NORMS)
    assert series.values.dtype == np.float64
    assert series.column.rpartition("/")[2] == "update_norm"
    assert series.notes == ((COUNTED,) if kind == "wandb" else () if series.steps is not None else (NO_STEPS,))
    if kind in STEPLESS:
        assert series.steps is series.lr is series.loss is None
        return
    np.testing.assert_array_equal(series.steps, STEPS - 1 if kind == "wandb" else STEPS)  # it counts calls from 0
    assert series.steps.dtype == np.int64
    np.testing.assert_array_equal(series.lr, RATES.astype(np.float32) if kind in SINGLE_BESIDE else RATES)
    np.testing.assert_array_equal(series.loss, LOSSES.astype(np.float32) if kind in SINGLE_BESIDE else LOSSES)


def test_every_format_is_tested():
    tested = set().union(*(log_files.ENDINGS.get(kind, {f".{kind}"}) for kind in WRITERS))
    packed = {*PACKED, ".zip"}  # tests/readers/test_packed.py has each of these around logs of other kinds
    of_recorders = {
        ".pt",
        ".pth",
        ".ckpt",
        ".keras",
        ".weights.h5",
    }  # tests/readers/test_damaged_recorders.py and test_saved_norms.py have these
    assert tested | packed | of_recorders == {ending for reader in readers() for ending in reader.endings}


@pytest.mark.parametrize("kind", ["mlflow", "trackio"])
def test_runs_of_a_store(log, kind):
    (source,) = sources(log(kind))
    runs = list(source.runs())
    kept = [name for name, options in log_files.RUNS if kind != "mlflow" or not options.get("deleted")]
    assert [run.name.rpartition(" ")[0] for run in runs] == kept
    assert len({run.name for run in runs}) == len(kept)  # two of one name are told apart
    first, second = (next(series_of(run, ["update_norm"])) for run in runs[:2])
    np.testing.assert_array_equal(first.values, NORMS)
    np.testing.assert_array_equal(second.values, LOSSES)
    assert second.lr is second.loss is None
    with pytest.raises(ValueError, match=rf"{len(kept)} series, but only one can be read: .*: a run [0-9a-f]+: update_norm, "):
        read_series(log(kind), "update_norm")


@pytest.mark.parametrize("kind", ["mlflow", "trackio"])
def test_no_number_infinity_and_steps_that_go_back_in_a_store(log, kind):
    (source,) = sources(log(kind))
    odd = next(run for run in source.runs() if run.name.startswith("odd"))
    np.testing.assert_array_equal(odd.columns["update_norm"].values, log_files.ODD["update_norm"])
    series = next(series_of(odd))
    np.testing.assert_array_equal(series.values, [0.5, np.nan, np.inf, 1e-300, 2.0])
    assert series.steps.tolist() == [1, 2, 3, 4, 5]
    assert series.notes[0].startswith("steps went back to 4: a restart, and the later records count")


@pytest.mark.parametrize("kind", ["mlflow", "trackio", "wandb"])
def test_a_store_is_left_as_it_is(log, kind):
    path = log(kind)
    before = {each: each.read_bytes() for each in path.parent.iterdir() if each.is_file()}
    first_series(path)
    assert {each: each.read_bytes() for each in path.parent.iterdir() if each.is_file()} == before


def test_a_run_of_mlflow_is_read_when_it_is_asked_for(log):
    """Of a run that is kept, when the store has been closed again."""
    (source,) = sources(log("mlflow"))
    run, *_ = source.runs()
    np.testing.assert_array_equal(run.columns["update_norm"].values, NORMS)


def test_no_number_and_infinity_in_wandb(tmp_path):
    path = log_files.write_tracker(
        "wandb", tmp_path, ("odd", log_files.rows_of({"deep": [{"norm": v} for v in log_files.ODD["update_norm"]]}))
    )
    np.testing.assert_array_equal(first_series(path, "deep/norm").values, log_files.ODD["update_norm"])


def test_twenty_thousand_points_of_tensorboard_are_all_read(tmp_path):
    norms = np.exp(0.1 * np.random.default_rng(1).standard_normal(20_000)).astype(np.float32)
    norms[[5, 6, 7]] = np.nan, np.inf, -np.inf
    log_files.write_events(tmp_path / "run", {"step": np.arange(20_000), "update_norm": norms})
    series = read_series(tmp_path / "run")
    np.testing.assert_array_equal(series.values, norms)
    np.testing.assert_array_equal(series.steps, np.arange(20_000))


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet", "npz", "json", "tsv"])
def test_no_number_and_infinity_in_files(tmp_path, kind):
    values = np.array([0.5, np.nan, np.inf, -np.inf, 1e-300, 5e-324, 1.7976931348623157e308])
    path = tmp_path / ("trainer_state.json" if kind == "json" else f"a.{kind}")
    write = getattr(log_files, "write_trainer_state" if kind == "json" else f"write_{kind}")
    if kind == "csv":  # pandas leaves NaN empty
        path.write_text("update_norm\n" + "\n".join(map(repr, values.tolist())) + "\n")
    else:
        write(path, {"step": np.arange(7), "update_norm": values})
    if kind == "parquet":  # to pandas NaN is a gap
        with pytest.raises(ValueError, match="unevenly spaced"):
            first_series(path)
        require("polars").DataFrame({"step": np.arange(7), "update_norm": values}).write_parquet(path)
    read = first_series(path)
    np.testing.assert_array_equal(read.values, values)


def test_what_lies_beside_is_found_by_step_or_not_at_all(tmp_path):
    rows = [f'{{"step": {i}, "update_norm": {1 + i % 7}, "loss": {i}}}\n{{"step": {i}, "lr": {i / 100}}}' for i in range(100)]
    (tmp_path / "a.jsonl").write_text("\n".join(rows) + "\n")
    series = read_series(tmp_path / "a.jsonl")
    np.testing.assert_array_equal(series.lr, np.arange(100) / 100)
    np.testing.assert_array_equal(series.loss, np.arange(100))
    (tmp_path / "a.jsonl").write_text("\n".join(rows).replace('{"step": 50, "lr"', '{"step": 200, "lr"') + "\n")
    series = read_series(tmp_path / "a.jsonl")
    assert series.lr is None
    np.testing.assert_array_equal(series.loss, np.arange(100))


def test_half_precision_and_other_byte_orders(tmp_path):
    for kind in ("<f2", ">f4", ">f8", "<i4", "<u8"):
        values = (100 * NORMS).astype(kind)
        np.save(tmp_path / "a.npy", values)
        np.testing.assert_array_equal(read_series(tmp_path / "a.npy").values, values.astype(float))


def test_parts_of_a_parquet_table(tmp_path):
    pandas = require("pandas")
    for part in range(3):
        norms = NORMS[100 * part : 100 * part + 100]
        table = pandas.DataFrame({"step": STEPS[100 * part : 100 * part + 100], "update_norm": norms})
        table.astype({"update_norm": "float32"} if part == 2 else {}).to_parquet(tmp_path / f"{part:05}.parquet")
    series = read_series(tmp_path)
    np.testing.assert_array_equal(series.values[:200], NORMS[:200])
    np.testing.assert_array_equal(series.values[200:], NORMS[200:].astype(np.float32))
    np.testing.assert_array_equal(series.steps, STEPS)


def test_names_that_are_nested(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"train": {"wcdfa": {"update_norm": 1.5}}, "": {"": 2, "loss": 3}}\n' * 3)
    (source,) = sources(tmp_path / "a.jsonl")
    assert set(next(source.runs()).columns) == {"train/wcdfa/update_norm", "/", "/loss"}
    assert read_series(tmp_path / "a.jsonl").values.tolist() == [1.5] * 3


def test_columns_are_those_that_were_logged(log):
    (source,) = sources(log("csv"))
    assert set(next(source.runs()).columns) == set(COLUMNS)
