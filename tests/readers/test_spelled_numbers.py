"""Numbers that programs write in other ways than Python does: printed tensors, Fortran, signs between thousands, decimal commas."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tests.conftest import require
from wcdfa.readers import read_series, sources

pd = require("pandas")
require("pyarrow")
NORMS = np.round(np.exp(0.1 * np.random.default_rng(0).standard_normal(1500)), 6)
WHOLE = np.random.default_rng(1).integers(300, 3000, 1500)
STEPS = np.arange(1500)

SPELLINGS = {
    "a tensor": "tensor({!r}, device='cuda:0')",
    "a tensor with a gradient": "tensor({!r}, grad_fn=<NormBackward1>)",
    "JAX": "Array({!r}, dtype=float32)",
    "numpy": "np.float64({!r})",
    "TensorFlow": "<tf.Tensor: shape=(), dtype=float32, numpy={!r}>",
    "a list": "[{!r}]",
}


def fortran(value):
    return f"{value:.6E}".replace("E", "D")


@pytest.mark.parametrize("column", ["grad_norm", "update_norm", "norm"])
@pytest.mark.parametrize("kind", [*SPELLINGS, "Fortran"])
def test_a_number_that_was_printed_as_an_object(tmp_path, kind, column):
    texts = [fortran(value) if kind == "Fortran" else SPELLINGS[kind].format(value) for value in NORMS.tolist()]
    pd.DataFrame({"step": STEPS, "loss": 2.5, column: texts}).to_csv(tmp_path / "a.csv", index=False)
    rows = ({"step": step, "loss": 2.5, column: text} for step, text in enumerate(texts))
    (tmp_path / "b.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for name in ("a.csv", "b.jsonl"):
        series = read_series(tmp_path / name)
        np.testing.assert_array_equal(series.values, NORMS)
        np.testing.assert_array_equal(series.steps, STEPS)
        (said,) = [note for note in series.notes if "written in another way" in note]
        assert texts[0] in said
        assert f"is read as {NORMS[0]:.10g}" in said


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_decimal_commas_that_pandas_writes(tmp_path, delimiter):
    pd.DataFrame({"step": STEPS, "grad_norm": NORMS}).to_csv(tmp_path / "a.csv", index=False, decimal=",", sep=delimiter)
    np.testing.assert_array_equal(read_series(tmp_path / "a.csv").values, NORMS)


@pytest.mark.parametrize("decimals", [0, 2])
@pytest.mark.parametrize("language", ["de", "en"])
@pytest.mark.parametrize("step", ["step", "Schritt"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_signs_between_thousands(tmp_path, delimiter, step, language, decimals):
    def written(value, decimals):
        text = f"{value:,.{decimals}f}"
        text = text.translate(str.maketrans(",.", ".,")) if language == "de" else text
        return f'"{text}"' if delimiter in text else text

    values = WHOLE + 0.25 * (decimals > 0)
    lines = (f"{written(i, 0)}{delimiter}{written(value, decimals)}\n" for i, value in enumerate(values.tolist()))
    (tmp_path / "a.csv").write_text(f"{step}{delimiter}grad_norm\n" + "".join(lines))
    series = read_series(tmp_path / "a.csv")
    np.testing.assert_array_equal(series.steps, STEPS)
    assert not any("no number" in note or "dates" in note for note in series.notes)
    if decimals or (language == "en" and delimiter == ","):
        np.testing.assert_array_equal(series.values, values)
    else:
        assert any("stands between thousands, α is wrong" in note for note in series.notes)


@pytest.mark.parametrize("norms", [WHOLE, 0.001 * WHOLE, np.round(NORMS, 3), 100 * NORMS])
def test_usual_numbers_are_in_no_doubt(tmp_path, norms):
    pd.DataFrame({"step": STEPS, "grad_norm": norms}).to_csv(tmp_path / "a.csv", index=False)
    series = read_series(tmp_path / "a.csv")
    np.testing.assert_array_equal(series.values, norms)
    assert not any("thousands" in note or "another way" in note for note in series.notes)


TEXTS = ["{:.4f}%", "norm {}", "{} (clipped)", "tensor([{}, 2.0])", "{} m"]


def text_logs(folder, columns):
    frame = pd.DataFrame(columns)
    frame.to_csv(folder / "a.csv", index=False)
    frame.to_parquet(folder / "b.parquet")
    frame.to_json(folder / "c.jsonl", orient="records", lines=True)
    frame.to_csv(folder / "d.csv.gz", index=False)
    return [folder / name for name in ("a.csv", "b.parquet", "c.jsonl", "d.csv.gz")]


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize(
    ("column", "called"),
    [("grad_norm", "a gradient norm"), ("train/update_norm", "a norm ‖ΔW‖"), ("global_grad_norm", "a gradient norm")],
)
def test_a_norm_that_holds_text_is_named_with_its_first_value(tmp_path, column, called, text):
    texts = [text.format(value) for value in NORMS.tolist()]
    for path in text_logs(tmp_path, {"step": STEPS, "loss": 2.5 + NORMS, column: texts}):
        with pytest.raises(ValueError, match="no numbers") as raised:
            read_series(path)
        assert f"{column} is by its name {called}, but its values are no numbers: the first is '{texts[0]}'" in str(raised.value)
        assert "By their names, none" not in str(raised.value)
        with pytest.raises(ValueError, match=f"the values of {column} are no numbers: the first is"):
            read_series(path, column)


def test_many_different_texts_are_named_too(tmp_path):
    texts = [f"{i}.5%" for i in range(6000)]
    (path,) = text_logs(tmp_path, {"step": np.arange(6000), "grad_norm": texts})[2:3]
    with pytest.raises(ValueError, match=r"grad_norm is by its name a gradient norm, but .* the first is '0\.5%'"):
        read_series(path)


@pytest.mark.parametrize("kind", ["a tensor", "a tensor with a gradient", "JAX"])
@pytest.mark.parametrize("order", [("step", "loss", "grad_norm"), ("grad_norm", "step", "loss"), ("step", "grad_norm", "loss")])
@pytest.mark.parametrize("delimiter", [",", ", ", ";", "\t"])
def test_objects_in_a_table_without_quotes(tmp_path, kind, order, delimiter):
    held = {
        "step": STEPS.tolist(),
        "loss": [2.5] * len(STEPS),
        "grad_norm": [SPELLINGS[kind].format(each) for each in NORMS.tolist()],
    }
    lines = (delimiter.join(map(str, row)) + "\n" for row in zip(*(held[name] for name in order), strict=True))
    (tmp_path / "a.csv").write_text(delimiter.join(order) + "\n" + "".join(lines))
    series = read_series(tmp_path / "a.csv")
    np.testing.assert_array_equal(series.values, NORMS)
    np.testing.assert_array_equal(series.steps, STEPS)
    assert any(SPELLINGS[kind].partition("(")[0] in note for note in series.notes)


def test_a_table_of_nothing_but_text(tmp_path):
    (tmp_path / "a.csv").write_text("grad_norm\n1.5%\n2.5%\n3.5%\n")
    with pytest.raises(ValueError, match=r"grad_norm is by its name a gradient norm, but .* the first is '1\.5%'"):
        read_series(tmp_path / "a.csv")


@pytest.mark.parametrize("text", ["{}%", "tensor({}, device='cuda:0')"])
def test_the_log_history_of_a_trainer(tmp_path, text):
    texts = [text.format(value) for value in NORMS.tolist()]
    history = [{"step": step, "loss": 2.5, "grad_norm": text} for step, text in enumerate(texts)]
    (tmp_path / "trainer_state.json").write_text(json.dumps({"log_history": history, "global_step": 1500}))
    if "%" in text:
        with pytest.raises(ValueError, match="grad_norm is by its name a gradient norm"):
            read_series(tmp_path / "trainer_state.json")
    else:
        series = read_series(tmp_path / "trainer_state.json")
        np.testing.assert_array_equal(series.values, NORMS)
        assert any(texts[0] in note for note in series.notes)


@pytest.mark.parametrize("kind", ["a tensor", "a tensor with a gradient", "JAX", "numpy", "Fortran"])
@pytest.mark.parametrize(
    "line", ["step={} grad_norm={} lr=0.5", "step: {} | loss: tensor(2.5) | grad_norm: {}", "[INFO] step {} loss 2.5 grad norm {}"]
)
def test_objects_that_are_printed_in_a_text_log(tmp_path, kind, line):
    texts = [fortran(value) if kind == "Fortran" else SPELLINGS[kind].format(value) for value in NORMS.tolist()]
    (tmp_path / "a.log").write_text("".join(line.format(step, text) + "\n" for step, text in enumerate(texts)))
    series = read_series(tmp_path / "a.log")
    assert series.quantity == "gradient norm"
    np.testing.assert_array_equal(series.values, NORMS)
    np.testing.assert_array_equal(series.steps, STEPS)


@pytest.mark.parametrize(("column", "said"), [("update_norm", True), ("host", False), ("note_text", False)])
def test_a_norm_of_text_that_would_come_first_is_said(tmp_path, column, said):
    for path in text_logs(tmp_path, {"step": STEPS, "grad_norm": NORMS, column: [f"{value}%" for value in NORMS.tolist()]}):
        series = read_series(path)
        assert series.column == "grad_norm"
        assert any(note.startswith(f"{column} is by its name") for note in series.notes) is said


@pytest.mark.parametrize("back", [1, 80, 990])
@pytest.mark.parametrize("every", [1, 10])
def test_a_restart_holds_no_thousands(tmp_path, back, every):
    steps = [*range(0, 1000, every), *range(back, 999, every)]
    pd.DataFrame({"step": steps, "grad_norm": np.resize(NORMS, len(steps))}).to_csv(tmp_path / "a.csv", index=False)
    (run,) = sources(tmp_path / "a.csv")[0].runs()
    np.testing.assert_array_equal(run.columns["step"].values, steps)
    assert not any("thousands" in note for note in run.notes)
