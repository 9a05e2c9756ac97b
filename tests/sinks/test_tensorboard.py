"""TensorBoard: the scalars in the event files, of each kind of writer."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from tests.conftest import require
from tests.helpers.processes import ROOT
from tests.helpers.sink_runs import Seen, monitored, resumed, same, thousand
from wcdfa.sinks.tensorboard import TensorBoardSink

KINDS = ["torch", "tensorflow"]


@pytest.fixture(params=KINDS)
def kind(request):
    require("tensorboard")
    require(request.param)
    return request.param


@pytest.fixture
def begin(kind, tmp_path):
    """Makes writers into one folder."""
    if kind == "torch":
        from torch.utils.tensorboard import SummaryWriter as make
    else:
        from tensorflow.summary import create_file_writer as make
    made = []

    def begin():
        for each in made:
            each.flush()
        made.append(make(str(tmp_path), filename_suffix=f".{len(made)}"))
        return TensorBoardSink(made[-1])

    yield begin
    for each in made:
        each.close()


@pytest.fixture
def events(tmp_path, kind):
    """All scalars and texts, in the order written."""

    def read():
        from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
        from tensorboard.util.tensor_util import make_ndarray

        found = []
        for path in sorted(tmp_path.iterdir(), key=lambda path: path.suffix):
            for event in EventFileLoader(str(path)).Load():  # which turns the scalars of torch into tensors, as of tf.summary
                found += [(value.tag, event.step, make_ndarray(value.tensor)) for value in event.summary.value]
        return found

    return read


def scalars(found):
    return [(tag, step, float(value)) for tag, step, value in found if value.dtype == np.float32]


def test_a_thousand_steps_are_read_back(begin, events):
    sink = begin()
    expected = thousand(sink)
    sink.close()
    assert same(scalars(events()), expected, np.float32)
    assert [step for tag, step, _ in scalars(events()) if tag == "wcdfa/n"] == list(range(1, 1001))


def test_a_run_that_goes_on_from_a_checkpoint_before(begin, events):
    expected = resumed(begin)
    begin()
    found = scalars(events())
    assert same(found, expected, np.float32)
    assert [step for tag, step, _ in found if tag == "wcdfa/n"] == [*range(1, 301), *range(201, 401)]


def test_tensorboard_itself_reads_them(begin, tmp_path, kind):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    sink = begin()
    seen = Seen(sink)
    monitor = monitored(seen)
    for norm in np.arange(1.0, 21.0):
        monitor.update(norm / 3)
    sink.close()
    accumulator = EventAccumulator(str(tmp_path), size_guidance={"scalars": 0, "tensors": 0})
    accumulator.Reload()
    norms = np.arange(1, 21) / 3
    if kind == "torch":
        assert [each.value for each in accumulator.Scalars("wcdfa/update_norm")] == norms.astype(np.float32).tolist()
    else:
        from tensorboard.util.tensor_util import make_ndarray

        found = [float(make_ndarray(each.tensor_proto)) for each in accumulator.Tensors("wcdfa/update_norm")]
        assert found == norms.astype(np.float32).tolist()


def test_alerts_are_texts_at_the_last_step(begin, events):
    sink = begin()
    sink.alert("begun")
    sink(7, {"wcdfa/alpha": 1.0})
    sink.alert("title", "<script>alert(1)</script>")
    with sink:
        pass
    texts = [
        (tag.removesuffix("/text_summary"), step, value.item().decode()) for tag, step, value in events() if value.dtype == object
    ]
    assert texts == [("wcdfa/alert", 0, "begun"), ("wcdfa/alert", 7, "title: <script>alert(1)</script>")]


def test_it_leaves_the_writer_open(begin, events):
    with begin() as sink:
        sink(1, {"wcdfa/alpha": 1.0})
    sink(2, {"wcdfa/alpha": 2.0})
    sink.close()
    assert [step for tag, step, _ in scalars(events()) if tag == "wcdfa/alpha"] == [1, 2]


FORKED = """
import os, sys
from wcdfa.sinks.tensorboard import TensorBoardSink

class Writer:  # as torch's, whose file has a buffer
    file = open(sys.argv[1], "a")
    flush = file.flush
    def add_scalar(self, key, value, step):
        self.file.write(f"{key} {value} {step}\\n")
    def add_text(self, *arguments):
        pass

sink = TensorBoardSink(Writer())
sink(1, {"wcdfa/update_norm": 0.5})
if child := os.fork():
    _, status = os.waitpid(child, 0)
    sink(2, {"wcdfa/update_norm": 0.5})
    sys.exit(os.waitstatus_to_exitcode(status))
Writer.flush = lambda self: os._exit(5)  # that of torch waits for a thread which the child does not have
sink._flush = Writer.flush.__get__(sink)
sink.close()
try:
    sink(9, {"wcdfa/update_norm": 0.5})
except RuntimeError as error:
    sys.exit(0 if "make a writer and a sink in this process" in str(error) else 6)
sys.exit(7)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_writes_nothing_of_its_parents(tmp_path):
    """What the writer holds at the fork would be in the file twice, and in the middle of other events."""
    subprocess.run([sys.executable, "-c", FORKED, str(tmp_path / "file")], check=True, capture_output=True, cwd=ROOT)
    lines = (tmp_path / "file").read_text().splitlines()
    assert [line for line in lines if "norm" in line] == [f"wcdfa/update_norm 0.5 {step}" for step in (1, 2)]


def test_a_writer_that_is_none():
    with pytest.raises(TypeError, match=r"writer must be a SummaryWriter, with add_scalar, or a writer of tf\.summary, got str"):
        TensorBoardSink("runs/1")
