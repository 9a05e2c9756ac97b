"""Keys that every tracker takes, whatever a group is called; what is said where there is no run; what all sinks share."""

from __future__ import annotations

import importlib
import logging
import posixpath
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.conftest import require
from tests.helpers.sink_runs import HOSTILE, NORMS
from wcdfa import RollingWeightChangeDFA, WeightChangeDFA
from wcdfa.nulls.replay import optimizer_norms
from wcdfa.recording.reading import Reading
from wcdfa.sinks.base import CurrentRun
from wcdfa.sinks.keys import LONGEST, METRICS, WHEN, as_table, clean, message, row, titled

NAMES = st.one_of(st.text(), st.text("./-_a0[ ", max_size=12), st.characters(), st.sampled_from(HOSTILE))


def test_keys_of_a_monitor_stay():
    monitor = WeightChangeDFA(window=128, method="gls")
    for norm in NORMS[:200]:
        monitor.update(norm)
    assert list(monitor.metrics()) == list(METRICS)
    for key in (*METRICS, "wcdfa/alpha/encoder/0/attention.weight", "wcdfa/alpha/a-b_c", "wcdfa/alpha/..a", "wcdfa/alpha/v1."):
        assert clean(key) == key


@given(NAMES)
def test_any_name_makes_a_key_that_all_take(name):
    key = clean(f"wcdfa/alpha/{name}")
    assert re.fullmatch(r"wcdfa/alpha/[A-Za-z0-9_./-]+", key)
    assert len(key) <= LONGEST
    assert posixpath.normpath(key) == key
    assert key == clean.__wrapped__(f"wcdfa/alpha/{name}")


@given(st.data())
def test_two_names_never_share_a_key(data):
    name = data.draw(NAMES)
    key = clean(f"wcdfa/alpha/{name}")
    other = data.draw(
        st.one_of(NAMES, st.just(key.removeprefix("wcdfa/alpha/")))
    )  # also a group that is called as another one's key
    assume(other != name)
    assert clean(f"wcdfa/alpha/{other}") != key


def test_keys_are_those_of_every_run():
    assert clean("wcdfa/alpha/layers[0].w") == "wcdfa/alpha/layers_0_.w-fd3a2bdbc3599827"
    assert len({clean(f"wcdfa/alpha/{name}") for name in HOSTILE}) == len(HOSTILE)


@pytest.mark.parametrize("name", HOSTILE)
def test_mlflow_takes_them(name):
    require("mlflow")
    from mlflow.utils.validation import _validate_metric_name

    _validate_metric_name(clean(f"wcdfa/alpha/{name}"))


def test_rows_are_plain_numbers():
    found = row(3, {"wcdfa/step": 2.0, "wcdfa/alpha": np.float32(0.1), "a b": np.array(1)})
    assert list(found.values()) == [3, float(np.float32(0.1)), 1.0]
    assert [type(value) for value in found.values()] == [int, float, float]


def test_an_alert_is_a_title_and_a_text_or_one_message():
    said = "α drifted up beyond 1.20, from about step 300 on: α = 1.31"
    assert titled(said, None) == ("α drifted up beyond 1.20, from about step 300 on", said)
    assert titled("a", "b") == ("a", "b")
    assert (message(said, None), message("a", "b")) == (said, "a: b")


def test_that_there_is_no_run_is_said_once(caplog):
    found = []
    run = CurrentRun(None, lambda: found[-1] if found else None, "call init()")
    with caplog.at_level(logging.WARNING, logger="wcdfa"):
        assert [run() for _ in range(3)] == [None] * 3
    assert caplog.messages == ["call init()"]
    found.append("later")
    assert run() == "later"


def test_the_table_of_contents_imports_nothing_and_names_all():
    program = "import sys, wcdfa.sinks, wcdfa.sinks.wandb; print({'wandb', 'mlflow', 'trackio', 'pyarrow', 'tensorflow'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "set()\n"
    sinks = importlib.import_module("wcdfa.sinks")
    named = re.findall(r"`wcdfa\.sinks\.(\w+)\.(\w+Sink)`", sinks.__doc__)
    assert len(named) == 6
    for module, sink in named:
        if module not in {"mlflow", "trackio", "parquet"} or importlib.util.find_spec({"parquet": "pyarrow"}.get(module, module)):
            assert callable(getattr(importlib.import_module(f"wcdfa.sinks.{module}"), sink))


def test_a_monitor_with_a_sink_is_saved_and_goes_on(tmp_path):
    from wcdfa.sinks.jsonl import JSONLinesSink

    with JSONLinesSink(tmp_path / "run.jsonl") as sink:
        monitor = RollingWeightChangeDFA(logger=sink, log_every=1)
        monitor.update(1.0)
        state = monitor.state_dict()
        again = RollingWeightChangeDFA(logger=sink, log_every=1)
        again.load_state_dict(state)
        again.update(2.0)
    assert [line.partition(",")[0] for line in sink.path.read_text().splitlines()] == ['{"wcdfa/step": 1', '{"wcdfa/step": 2']


def test_the_docs_have_the_table_of_all_keys():
    page = (Path(__file__).parents[2] / "docs" / "integrations" / "dashboards.md").read_text()
    assert as_table() in page


def test_every_key_that_is_logged_is_in_the_table():
    norms = optimizer_norms(600, optimizer="sgd", momentum=0.9, replicates=1, start=0)[0]
    varying = {"betas": np.linspace([0.9, 0.99], [0.8, 0.99], 600), "momentum": np.linspace(0.9, 0.8, 600)}
    reading = Reading(
        norms,
        600,
        0,
        lr=np.full(600, 0.1),
        gradients=norms,
        cosine=np.full(600, 0.9),
        weight_norm=norms,
        beside={"NAME": norms[::-1]},
    )
    known = reading._replace(optimizer="sgd", hyperparameters={"momentum": 0.9}, taken=0, steps=np.arange(1, 601))
    logged = set()
    for each in (known._replace(varying=varying), known._replace(groups={"GROUP": norms}, cosines={"GROUP": norms})):
        logged |= set(WeightChangeDFA(window=500).update(each).metrics())
    table = {f"wcdfa/{key.name}" for keys in WHEN.values() for key in keys}
    assert logged <= table
    assert table - logged <= {"wcdfa/vector_alpha", "wcdfa/vector_alpha_4_16", "wcdfa/vector_alpha_16"}  # these need the sketch
