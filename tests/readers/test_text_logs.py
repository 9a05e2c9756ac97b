"""Text logs: what known programs print, numbers by name in general, and what a pattern finds."""

from __future__ import annotations

import json
import time

import numpy as np
import pytest

from tests.helpers.log_files import LOSSES, NORMS, RATES, STEPS
from tests.helpers.text_logs import PRINTED, printed
from wcdfa.readers import read_series, sources
from wcdfa.readers.formats import own_patterns, text_logs
from wcdfa.readers.formats.text_patterns import PROGRAMS, pairs

LISTS = [each.tolist() for each in (STEPS, NORMS, RATES, LOSSES)]
EPOCHS = {"nnunet", "trainer"}  # they print an epoch and no step
SCALED = {"megatron"}  # its "loss scale" may be a loss too, so that none is taken


def write(path, text):
    path.write_text(text)
    return path


@pytest.mark.parametrize("name", PRINTED)
@pytest.mark.parametrize("file", ["run.log", "slurm-1", "log.bak"])
def test_what_programs_print(tmp_path, name, file):
    path = write(tmp_path / file, printed(name, *LISTS))
    series = read_series(path)
    np.testing.assert_array_equal(series.values, NORMS)
    if name not in EPOCHS:
        np.testing.assert_array_equal(series.steps, STEPS)
    np.testing.assert_array_equal(series.lr, RATES)
    if name not in SCALED:
        np.testing.assert_array_equal(series.loss, LOSSES)
    (run,) = sources(path)[0].runs()
    assert run.tool == (name if name in {program.tool for program in PROGRAMS} else "")
    if file != "log.bak":
        assert [source.path.name for source in sources(tmp_path)] == [file]


def test_every_program_is_tested():
    assert {program.tool for program in PROGRAMS} <= set(PRINTED)


def test_a_text_counts_only_where_there_is_no_other_log(tmp_path):
    write(tmp_path / "output.log", printed("logging", *LISTS))
    rows = (json.dumps({"step": step, "update_norm": norm}) + "\n" for step, norm in zip(LISTS[0], LISTS[1], strict=True))
    write(tmp_path / "log.jsonl", "".join(rows))
    assert [source.path.name for source in sources(tmp_path)] == ["log.jsonl"]


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("step=10 loss=-1e-05 norm=.5", {"step": 10, "loss": -1e-5, "norm": 0.5}),
        ("step: 1,234 | grad norm: 1,234.5", {"step": 1234, "grad norm": 1234.5}),
        ("{'loss': '0.5', 'grad_norm': nan}", {"loss": 0.5, "grad_norm": np.nan}),
        ("[05:12:13] INFO at main.py:45 step 7: lr=[0.1, 0.2]", {"step": 7, "lr": 0.1}),
        ("eta: 1:02:03 took: 12ms size: 3GiB version: 1.2.3 day: 2024-05-01", {}),
        ("Iteration 7/100 Training Loss: 2.5 inf", {"Iteration": 7, "Training Loss": 2.5}),
        ("a long sentence about the loss, of which nothing is known", {}),
    ],
)
def test_numbers_by_name(line, found):
    read = dict(pairs(line))
    assert list(read) == list(found)
    np.testing.assert_array_equal(list(read.values()), list(found.values()))


def test_ranks_that_print_into_one_file(tmp_path):
    lines = [
        f"[rank{rank}]: step: {step} update_norm: {norm + rank}"
        for step, norm in zip(*LISTS[:2], strict=True)
        for rank in (2, 0, 1)
    ]
    series = read_series(write(tmp_path / "a.log", "\n".join(lines) + "\n"))
    np.testing.assert_array_equal(series.values, NORMS)
    assert series.notes[0] == "2 other ranks print into it: left out"


def test_a_step_in_a_line_above(tmp_path):
    text = "".join(f"Step {step}\n  loss: 0.5\n  update_norm: {norm}\nsaved\n" for step, norm in zip(*LISTS[:2], strict=True))
    series = read_series(write(tmp_path / "a.log", text))
    np.testing.assert_array_equal(series.values, NORMS)
    np.testing.assert_array_equal(series.steps, STEPS)


def test_no_steps_at_all(tmp_path):
    series = read_series(write(tmp_path / "a.log", "".join(f"update_norm: {norm}\n" for norm in LISTS[1])))
    np.testing.assert_array_equal(series.values, NORMS)
    assert series.steps is None


def test_a_last_line_without_an_end_is_left_out(tmp_path):
    series = read_series(
        write(tmp_path / "a.log", "step: 1 update_norm: 0.5\nstep: 2 update_norm: 0.25\nstep: 3 update_norm: 0.12")
    )
    assert series.values.tolist() == [0.5, 0.25]
    assert series.notes[0].startswith("the last line has no end")


@pytest.mark.parametrize("text", ["", "hello\n", "Once upon a time,\nthere was a log.\n", "\x00\x01\x02"])
def test_a_text_without_numbers_is_named_as_such(tmp_path, text):
    with pytest.raises(ValueError, match=r"a\.txt: no line with numbers by name, such as 'step: 10 loss: 3.2'.* pattern=$"):
        read_series(write(tmp_path / "a.txt", text))


def test_a_text_without_a_norm_lists_what_it_holds(tmp_path):
    with pytest.raises(ValueError, match=r"a\.txt: .*it holds: iter, loss"):
        read_series(write(tmp_path / "a.txt", "".join(f"iter {i}: loss 3.5, time 1.5ms\n" for i in range(100))))


def test_a_million_characters_in_a_line_take_no_time(tmp_path):
    text = printed("logging", *LISTS) + "a" * 10**6 + "\n" + "a b " * 10**6 + "\n" + "x: 1 " * 10**5 + "\n"
    begun = time.process_time()
    np.testing.assert_array_equal(read_series(write(tmp_path / "a.txt", text)).values, NORMS)
    assert time.process_time() - begun < 10


OWN = "".join(
    f"<{step:05}> G {norm!r} | rate {rate} | lr={rate} loss: {loss}\n" for step, norm, rate, loss in zip(*LISTS, strict=True)
)


@pytest.mark.parametrize(
    "pattern", [r"<(?P<step>\d+)> G (?P<value>\S+)", r"<(?P<step>\d+)> G (?P<update_norm>\S+) \| rate (?P<lr>\S+)"]
)
@pytest.mark.parametrize("name", ["a.txt", "a", "a.csv"])
def test_a_pattern(tmp_path, pattern, name):
    series = read_series(write(tmp_path / name, "start G 3\n" + OWN), pattern=pattern)
    np.testing.assert_array_equal(series.values, NORMS)
    np.testing.assert_array_equal(series.steps, STEPS)
    np.testing.assert_array_equal(series.lr, RATES)
    np.testing.assert_array_equal(series.loss, LOSSES)
    assert series.column == ("G" if "value" in pattern else "update_norm")


def test_a_pattern_in_a_folder(tmp_path):
    write(tmp_path / "a.txt", OWN)
    write(tmp_path / "b.txt", "nothing\n")
    write(tmp_path / "c.csv", "step,update_norm\n1,2\n")
    assert [source.path.name for source in sources(tmp_path, r"G (?P<value>\S+)")] == ["a.txt"]


def test_the_value_of_a_pattern_is_called_as_the_word_before_it(tmp_path):
    text = "".join(f"step {step} grad_norm: {norm},\n" for step, norm in zip(*LISTS[:2], strict=True))
    series = read_series(write(tmp_path / "a.log", text), pattern=r"grad_norm[:=] *(?P<value>\S+)")
    assert (series.column, series.quantity) == ("grad_norm", "gradient norm")
    np.testing.assert_array_equal(series.values, NORMS)
    np.testing.assert_array_equal(series.steps, STEPS)


@pytest.mark.parametrize(
    ("pattern", "column"),
    [
        (r"grad norm (?P<value>\S+)", "grad norm"),
        (r"(?i)\bGRAD\s+NORM[ :]+(?P<value>\S+)", "GRAD NORM"),
        (r"step \d+ .*grad[ ]norm +(?P<value>[\d.]+)", "grad norm"),
        (r"loss \S+ grad norm\s*(?P<value>\S+)", "grad norm"),
    ],
)
def test_the_value_of_a_pattern_is_called_as_the_words_before_it(tmp_path, pattern, column):
    lines = (f"step {step} loss 2.5 grad norm {norm!r}\n" for step, norm in zip(LISTS[0], LISTS[1], strict=True))
    series = read_series(write(tmp_path / "a.log", "".join(lines)), pattern=pattern)
    assert (series.column, series.quantity) == (column, "gradient norm")
    np.testing.assert_array_equal(series.values, NORMS)


@pytest.mark.parametrize(
    "norm", ["grad norm", "gradient norm", "update norm", "global grad norm", "weight update norm", "Grad Norm"]
)
@pytest.mark.parametrize("rate", ["learning rate", "Learning Rate", "base learning rate", "lr", "learning_rate"])
def test_names_of_several_words_before_a_number(tmp_path, norm, rate):
    rows = zip(*LISTS[:3], strict=True)
    text = "".join(
        f"12:00:01 [INFO] step {step}/3000 loss 1.23 {norm} {value!r} {rate} {at!r} 0.31 s\n" for step, value, at in rows
    )
    series = read_series(write(tmp_path / "a.log", text))
    assert (series.column, series.quantity) == (norm, "update norm" if "update" in norm else "gradient norm")
    np.testing.assert_array_equal(series.values, NORMS)
    np.testing.assert_array_equal(series.steps, STEPS)
    np.testing.assert_array_equal(series.lr, RATES)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig"])
def test_what_powershell_writes(tmp_path, encoding):
    text = "".join(f"step: {i} größe: 1 grad_norm: {norm!r}\n" for i, norm in zip(STEPS.tolist(), NORMS.tolist(), strict=True))
    (tmp_path / "train.log").write_bytes(text.encode(encoding))
    for path in (tmp_path / "train.log", tmp_path):
        np.testing.assert_array_equal(read_series(path).values, NORMS)


def test_a_letter_across_two_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr(text_logs, "BYTES", 7)
    path = write(
        tmp_path / "train.log", "".join(f"größe ü step: {i} grad_norm_ü: {norm!r}\n" for i, norm in enumerate(NORMS.tolist()))
    )
    assert list(next(sources(path)[0].runs()).columns) == ["step", "grad_norm_ü"]


def test_what_a_pattern_finds_that_is_no_number_is_counted(tmp_path):
    path = write(tmp_path / "a.log", OWN + "<1000> G overflow\n<1001> G -\n")
    assert (
        "in 2 lines the pattern found what is no number, which was left out" in read_series(path, pattern=r"G (?P<value>\S+)").notes
    )


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("(a", "no regular expression: missing"),
        ("norm", "does not say where the number is"),
        (r"never (?P<value>\d+)", "finds no number"),
    ],
)
def test_a_wrong_pattern(tmp_path, pattern, message):
    with pytest.raises(ValueError, match=message):
        read_series(write(tmp_path / "a.log", OWN), pattern=pattern)


def test_a_pattern_that_takes_for_ever_is_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr(own_patterns, "SECONDS", 0.05)
    path = write(tmp_path / "a.log", OWN + "x" * 5000 + "\n")
    with pytest.raises(ValueError, match=r"the pattern takes longer than 0\.05 second in line 301: .* make it simpler"):
        read_series(path, pattern=r"(?P<value>(x+x+)+y|G)")
