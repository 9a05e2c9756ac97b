"""The layouts: TensorBoard's own plugin reads them, and the classes of wandb-workspaces take them; all keys are logged."""

from __future__ import annotations

import json
import warnings

import pytest

from tests.conftest import require
from wcdfa.sinks.keys import DIRECTION, EXPECTED, METRICS, WHERE_KNOWN
from wcdfa.sinks.layouts import CHARTS, tensorboard_layout, wandb_workspace
from wcdfa.sinks.tensorboard import TensorBoardSink

ALL = {*METRICS, *DIRECTION, *EXPECTED, *WHERE_KNOWN}


def test_every_key_of_a_chart_is_one_of_a_monitor():
    assert {f"wcdfa/{key}" for chart in CHARTS for key in chart.keys} <= ALL
    assert {"alpha_low", "expected_low", "p", "window_first_step", "lr", "update_ratio"} <= {key for c in CHARTS for key in c.keys}
    assert all(len(chart.keys) == 3 for chart in CHARTS if chart.band)


def torch_writer(folder):
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(folder)


def other_writer(folder):
    from tensorboardX import SummaryWriter

    return SummaryWriter(folder)


def tensorflow_writer(folder):
    from tensorflow import summary

    return summary.create_file_writer(str(folder))


WRITERS = {"torch": torch_writer, "tensorboardX": other_writer, "tensorflow": tensorflow_writer}


@pytest.mark.parametrize("library", WRITERS)
def test_tensorboard_shows_the_charts(library, tmp_path):
    require("tensorboard")
    require(library)
    with warnings.catch_warnings(action="ignore"):  # of what it imports
        from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider
        from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
        from tensorboard.context import RequestContext
        from tensorboard.plugins.base_plugin import TBContext
        from tensorboard.plugins.custom_scalar.custom_scalars_plugin import CustomScalarsPlugin

    writer = WRITERS[library](tmp_path)
    sink = TensorBoardSink(writer).add_layout("train/")
    sink(1, {"wcdfa/alpha": 1.0})
    writer.close()
    events = EventMultiplexer().AddRunsFromDirectory(str(tmp_path)).Reload()
    plugin = CustomScalarsPlugin(TBContext(logdir=str(tmp_path), data_provider=MultiplexerDataProvider(events, str(tmp_path))))
    shown = plugin.layout_impl(RequestContext(), "")
    layout = json.loads(shown) if isinstance(shown, str) else shown
    (category,) = layout["category"]
    assert category["title"] == "wcdfa"
    charts = {chart["title"]: chart for chart in category["chart"]}
    assert list(charts) == [chart.title for chart in CHARTS]
    (band,) = charts["α and what the optimizer alone gives"]["margin"]["series"]
    assert band == {"value": "train/wcdfa/alpha", "lower": "train/wcdfa/expected_low", "upper": "train/wcdfa/expected_high"}
    assert charts["learning rate"]["multiline"]["tag"] == ["^train/wcdfa/lr$"]


def test_a_writer_without_layouts_says_so():
    class Writer:
        add_scalar = add_text = flush = lambda *_: None

    with pytest.raises(TypeError, match="no add_custom_scalars: use that of torch"):
        TensorBoardSink(Writer()).add_layout()


def test_the_workspace_of_weights_and_biases():
    """Made of the library's own classes, and taken by what they send; nothing is sent here."""
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):  # of what it imports
        pytest.importorskip("wandb_workspaces.workspaces", reason="wandb-workspaces is not installed")
    sent = wandb_workspace("team", "project")._to_model().model_dump(by_alias=True)
    (section,) = sent["spec"]["section"]["panelBankConfig"]["sections"]
    shown = [(panel["config"]["chartTitle"], panel["config"]["xAxis"], panel["config"]["metrics"]) for panel in section["panels"]]
    assert shown == [(chart.title, "wcdfa/step", [f"wcdfa/{key}" for key in chart.keys]) for chart in CHARTS]
    assert (sent["entity"], sent["project"], section["name"], section["isOpen"]) == ("team", "project", "wcdfa", True)


def test_layouts_of_a_trainer_have_its_prefix():
    assert tensorboard_layout("train/")["wcdfa"]["‖ΔW‖"] == ("Multiline", ["^train/wcdfa/update_norm$"])
