"""In a notebook a figure is shown once: not twice, not blank, and without a window."""

from __future__ import annotations

import base64

import pytest

from tests.conftest import require

pytestmark = pytest.mark.slow  # starts a kernel

SETUP = """
import wcdfa
monitor = wcdfa.RollingWeightChangeDFA(window=128)
for norm in 1.0 + wcdfa.synthetic.white_noise(200, seed=0) ** 2:
    _ = monitor.update(norm)
monitor.end_epoch()
"""
CELLS = {  # code: how many pictures
    "figure = monitor.plot(show=False)": 0,
    "figure": 1,  # pyplot was not imported so far
    "monitor.plot()": 1,
    "shown = monitor.plot()": 1,
    "shown ": 1,
    "monitor.plot(); print(1)": 1,
    "for _ in range(3): _ = monitor.plot()": 3,
    "changed = monitor.plot(); changed.suptitle('another title'); changed": 2,
    "from matplotlib import pyplot; pyplot.get_fignums()": 0,
    "from wcdfa import plotting; _ = plotting.plot_fluctuations(monitor.result, ax=pyplot.subplots()[1])": 1,
    "monitor": 0,
}


@pytest.fixture(scope="module")
def outputs():
    nbformat, nbclient = require("nbformat"), require("nbclient")
    cells = [nbformat.v4.new_code_cell(code) for code in (SETUP, *CELLS)]
    book = nbformat.v4.new_notebook(cells=cells)
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MPLBACKEND", raising=False)  # the kernel chooses its own, as for a user
        nbclient.NotebookClient(book, timeout=120, kernel_name="python3").execute()
    return {cell.source: cell.outputs for cell in book.cells}


@pytest.mark.parametrize("code", CELLS)
def test_figures(outputs, code):
    pictures = [output.data["image/png"] for output in outputs[code] if "data" in output and "image/png" in output.data]
    assert len(pictures) == CELLS[code]
    assert all(len(base64.b64decode(picture)) > 5000 for picture in pictures)  # a blank one has less


def test_a_card_is_there_beside_the_text(outputs):
    (output,) = outputs["monitor"]
    assert output.data["text/html"].startswith("<div")
    assert output.data["text/plain"].startswith("RollingWeightChangeDFA(α=")


def test_no_figure_is_left_for_pyplot(outputs):
    (output,) = outputs["from matplotlib import pyplot; pyplot.get_fignums()"]
    assert output.data["text/plain"] == "[]"
