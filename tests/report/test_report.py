"""The report: what it holds, and what it refuses; how a browser takes it is in test_report_page.py."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import wcdfa
from tests.helpers.report_runs import SETTINGS, analysis, series
from wcdfa.analysis.results import as_json
from wcdfa.analysis.series import Settings, analyze
from wcdfa.report import Failure, section_of, write
from wcdfa.support.markup import element, table
from wcdfa.support.thinning import thinned
from wcdfa.verdicts.single_window import spread_of

NORMS = np.exp(0.1 * wcdfa.synthetic.arfima(700, d=0.4, seed=3))


class Reader(HTMLParser):
    """Elements with their attributes, and the text of each tag."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.texts, self._open = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in ("meta", "link", "input"):
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        if self._open and self._open[-1] not in ("script", "style"):
            self.texts.append(data)


def packed(text, name):
    (letters,) = re.findall(rf'<script type="text/plain" id="{name}">([A-Za-z0-9+/=]+)</script>', text)
    return gzip.decompress(base64.b64decode(letters)).decode()


def drawn(path):
    return json.loads(packed(path.read_text(), "data"))


def test_the_page_shows_what_was_found(tmp_path):
    found = analysis()
    path = write(tmp_path / "new" / "report.html", [section_of(found, {"head": found.series})], title="a run")
    (run,) = drawn(path)["runs"]
    windows = as_json(found)["windows"]
    assert len(run["windows"]) == len(windows) == 8
    for shown, window, verdict in zip(run["windows"], windows, found.judged.verdicts, strict=True):
        assert shown["steps"] == [window["first_step"], window["last_step"]]
        assert shown["verdict"] == str(verdict)
        assert shown["reasons"][: len(verdict.findings)] == [finding.text for finding in verdict.findings]
        np.testing.assert_allclose(shown["alpha"][1:], [window["alpha"], window["low"], window["high"]], rtol=1e-3)
        np.testing.assert_allclose(shown["null"][1:], [window["null"][name] for name in ("median", "low", "high")], rtol=1e-3)
        orders = {order: alpha for order, _, alpha, _ in shown["curves"]}
        np.testing.assert_allclose(list(orders.values()), [window["orders"][str(order)] for order in orders], rtol=1e-3)
        assert list(orders) == [1, 2, 3]
        _, place, _, f = shown["curves"][0]
        assert run["sizes"][place] == list(verdict.result.scales)
        np.testing.assert_allclose(f, verdict.result.fluctuations, rtol=1e-4)
        mean, deviation = spread_of(verdict)
        np.testing.assert_allclose(shown["band"][1], np.exp(mean + 1.96 * deviation), rtol=1e-4)
        assert (f <= np.array(shown["band"][1]) * 1.5).all()  # the band is at the level of F(s)
    names = [each[0] for each in run["windows"][0]["surrogates"]]
    assert [names[0], names[1], names[2], names[-1]] == ["order 2", "order 3", "SGD(momentum 0.9) alone", "in random order"]
    random = [each["surrogates"][-1] for each in run["windows"]]
    assert all(0.1 < low < 0.5 < high < 0.9 for _, _, low, high in random)  # no memory at all
    assert [line["name"] for line in run["lines"]] == ["‖ΔW‖", "learning rate", "loss"]
    np.testing.assert_allclose(run["lines"][0]["values"], found.series.values, rtol=1e-4)
    assert run["groups"]["names"] == ["head"]
    np.testing.assert_allclose(run["groups"]["alpha"][0], [each["alpha"] for each in windows], rtol=1e-3)


def test_words_and_tables_need_no_script(tmp_path):
    found = analysis(n=4096, d=0.9)
    text = write(tmp_path / "report.html", [section_of(found)], failures=[Failure("b.csv", "no numbers in it")]).read_text()
    said = " ".join(Reader(text).texts)
    assert str(found.judged.verdicts[-1]) in said
    assert all(finding.text in said for finding in found.judged.verdicts[-1].findings)
    (alarm,) = [found.in_steps(each) for each in found.alarms]
    assert all(f"{step:,}" in said for step in (alarm.onset, alarm.start))
    assert abs(alarm.onset - 2048) < 512
    assert "b.csv: no numbers in it" in said
    assert all(word in said for word in ("SGD(momentum 0.9)", "256 steps", "robust", wcdfa.__version__, np.__version__))
    assert "no evidence of criticality" in said


def test_only_scripts_of_the_page_may_run(tmp_path):
    text = write(tmp_path / "report.html", [section_of(analysis())]).read_text()
    elements = Reader(text).elements
    (policy,) = [each["content"] for tag, each in elements if each.get("http-equiv") == "Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy.replace("style-src 'unsafe-inline'", "")
    scripts = re.findall(r"<script>(.*?)</script>", text, flags=re.DOTALL)
    assert len(scripts) == 1
    digests = [base64.b64encode(hashlib.sha256(each.encode()).digest()).decode() for each in (*scripts, packed(text, "plotly"))]
    assert all(f"'sha256-{digest}'" in policy for digest in digests)
    assert not [each for _, each in elements if any(name.startswith("on") or name == "src" for name in each)]
    assert all(each["href"].startswith(("#", "data:")) for _, each in elements if "href" in each)


@given(st.text(), st.text())
def test_no_text_becomes_markup(text, attribute):
    reader = Reader(element("p", text, title=attribute) + table([text], [[attribute]]))
    assert [tag for tag, _ in reader.elements] == ["p", "div", "table", "thead", "tr", "th", "tbody", "tr", "td"]


def test_a_window_without_an_exponent_is_a_gap(tmp_path):
    run = series("run")
    run.values[256:512] = 1.0
    found = analyze(run, SETTINGS)
    (shown,) = drawn(write(tmp_path / "report.html", [section_of(found, {"head": run})]))["runs"]
    assert shown["windows"][1]["alpha"][1:] == [None, None, None]
    assert shown["windows"][1]["verdict"].startswith("no α: ")
    assert (shown["windows"][1]["curves"], shown["windows"][1]["band"], shown["windows"][1]["surrogates"]) == ([], None, [])
    assert shown["groups"]["alpha"][0][1] is None
    assert shown["groups"]["alpha"][0][2] is not None


def test_a_group_that_came_late_is_shown_from_there_on():
    found = analysis()
    whole = found.series
    late = whole._replace(column="update_norm/late", values=whole.values[600:], steps=whole.steps[600:], lr=None, loss=None)
    section = section_of(found, {"late": late})
    alphas = found.judged.numbers("alpha")
    assert np.isnan(section.groups.alpha[0, :2]).all()
    np.testing.assert_allclose(section.groups.alpha[0, 3:], alphas[3:], rtol=1e-12)  # the window in between has a part of it
    assert section.notes[1:] == ["group late was logged at 1,448 of 2,048 steps"]


def test_a_group_of_other_steps_is_left_out_and_said():
    found = analysis()
    late = found.series._replace(column="update_norm/late", steps=found.series.steps + 1)
    section = section_of(found, {"late": late})
    assert section.groups is None
    assert section.notes[1:] == ["group late is left out: it was not logged at the same steps as update_norm"]


def test_what_cannot_be_written_is_refused(tmp_path):
    section = section_of(analysis())
    with pytest.raises(ValueError, match="is a folder; name a file in it"):
        write(tmp_path, [section])
    with pytest.raises(ValueError, match="no run to report"):
        write(tmp_path / "report.html", [])
    assert not list(tmp_path.iterdir())


@given(
    st.lists(st.floats(allow_infinity=False), min_size=1, max_size=300).map(np.array),
    st.integers(4, 50),
)
def test_thinning_keeps_ends_and_extremes(values, most):
    kept = thinned(values, most)
    assert len(kept) <= max(most, 4)
    assert (np.diff(kept) > 0).all()
    assert (kept[0], kept[-1]) == (0, len(values) - 1)
    known = values[np.isfinite(values)]
    if known.size:
        assert (np.nanmin(values[kept]), np.nanmax(values[kept])) == (known.min(), known.max())
    if len(values) <= most:
        assert len(kept) == len(values)


def monitored(tmp_path, **options):
    monitor = wcdfa.WeightChangeDFA(128, groups={"head": "^head"}, **options)
    total = np.cumsum(NORMS)
    for i in range(701):
        monitor.update({"head": np.array([total[i - 1] if i else 0.0]), "body": np.zeros(1)})
    return monitor


def test_a_monitor_reports_every_alpha(tmp_path):
    monitor = monitored(tmp_path)
    monitor.report(tmp_path / "report.html", title="mine", optimizer="sgd", momentum=0.9)
    (run,) = drawn(tmp_path / "report.html")["runs"]
    history = monitor.history  # at 150, 175, …, 700
    assert run["windows"][-1]["steps"] == [573, 700]
    np.testing.assert_allclose([each["alpha"][1] for each in run["windows"]], history, rtol=1e-3)
    np.testing.assert_allclose(run["groups"]["alpha"][0], history, rtol=1e-3)
    assert run["windows"][-1]["verdict"] == str(monitor.verdict(optimizer="sgd", momentum=0.9))
    for window in run["windows"]:
        result = wcdfa.verdict(NORMS[window["steps"][0] - 1 : window["steps"][1]])
        np.testing.assert_allclose(window["alpha"][1:], [result.alpha, result.low, result.high], rtol=1e-3)
        np.testing.assert_allclose(window["curves"][0][3], result.result.fluctuations, rtol=1e-4)
        np.testing.assert_allclose(window["band"][0], np.exp(spread_of(result)[0] - 1.96 * spread_of(result)[1]), rtol=1e-3)
        assert f"α = {result.alpha:.2f}" in window["verdict"]
        assert "SGD(momentum 0.9) on gradients without memory: white ones give α of " in window["reasons"][0]
        assert f"all kinds {window['null'][2]:.2f}–{window['null'][3]:.2f}" in window["reasons"][0]
    assert monitor.history == history  # a report changes nothing


def test_a_monitor_reports_what_it_has_between_two_alphas(tmp_path):
    monitor = wcdfa.WeightChangeDFA(128, stride=200)
    for norm in NORMS[:450]:
        monitor.update(norm)
    monitor.report(tmp_path / "report.html")
    (run,) = drawn(tmp_path / "report.html")["runs"]
    assert [each["steps"] for each in run["windows"]] == [[73, 200], [273, 400], [323, 450]]
    assert len(monitor.history) == 2
    early = wcdfa.WeightChangeDFA(128)
    for norm in NORMS[:100]:
        early.update(norm)
    early.report(tmp_path / "early.html")
    assert drawn(tmp_path / "early.html")["runs"][0]["windows"][0]["steps"] == [1, 100]


def test_a_monitor_reports_after_it_was_saved_and_loaded(tmp_path):
    monitor, other = monitored(tmp_path), wcdfa.WeightChangeDFA(128, groups={"head": "^head"})
    monitor.save(tmp_path / "state.npz")
    other.load(tmp_path / "state.npz")
    for each, name in ((monitor, "a.html"), (other, "b.html")):
        each.report(tmp_path / name)
    assert drawn(tmp_path / "a.html") == drawn(tmp_path / "b.html")


MISSING = 299  # this norm is not finite
ODD = {
    "a rate that varies": ({"order": 2, "method": "gls", "confidence": 0.9}, lambda i: 0.1 / (1 + i / 100)),
    "a rate of 0": ({}, lambda i: 0.0),
    "every third": ({"record_every": 3}, lambda i: 0.1),
    "as a callable says": ({"stride": lambda count: count % 97 == 0, "epoch_length": 20}, lambda i: None),
    "other bands": ({"thresholds": (1.1, 0.9), "log": False}, lambda i: None),
}


@pytest.mark.parametrize("case", ODD)
def test_a_monitor_of_any_kind_reports(tmp_path, case):
    options, rate = ODD[case]
    monitor = wcdfa.WeightChangeDFA(128, **options)
    for i, norm in enumerate(NORMS):
        monitor.update(np.nan if i == MISSING else norm, lr=rate(i))
    monitor.report(tmp_path / "report.html", optimizer="sgd")
    (run,) = drawn(tmp_path / "report.html")["runs"]
    assert run["windows"][-1]["verdict"] == str(monitor.verdict(optimizer="sgd"))
    compared = [each["null"] is not None for each in run["windows"]]
    assert compared[-1]
    if case == "a rate that varies":  # of which the earlier windows are not known
        assert not any(compared[:-1])
    else:  # where boxes were split is not known of earlier windows
        assert compared[:-1] == [
            not first <= MISSING + 1 <= last for first, last in (each["steps"] for each in run["windows"][:-1])
        ]
    assert run["thresholds"] == list(monitor.thresholds)


@pytest.mark.parametrize("option", ["order", "method", "confidence", "thresholds", "log", "epoch_length", "null", "seed"])
def test_a_report_takes_no_settings_that_the_monitor_has(tmp_path, option):
    monitor = wcdfa.WeightChangeDFA(128)
    for norm in NORMS[:300]:
        monitor.update(norm)
    with pytest.raises(TypeError, match=f"takes only options of the optimizer; set {option} when you make the monitor"):
        monitor.report(tmp_path / "report.html", **{option: 2})
    assert not list(tmp_path.iterdir())


def test_onset_is_in_steps_where_not_each_was_recorded(tmp_path):
    monitor = wcdfa.WeightChangeDFA(128, record_every=5, method="gls")
    calm, wild = wcdfa.synthetic.white_noise(4000, seed=0), wcdfa.synthetic.random_walk(1000, seed=0)
    for x in np.exp(0.1 * np.concatenate([calm, wild])):
        for _ in range(5):
            monitor.update(float(x))
    monitor.report(tmp_path / "report.html")
    alarms = drawn(tmp_path / "report.html")["runs"][0]["alarms"]
    assert alarms
    assert abs(alarms[-1][0] - 20_000) < 400


def said_of(path):
    return " ".join(Reader(path.read_text()).texts)


def test_what_was_not_tested_is_not_said_to_have_passed(tmp_path):
    short, alone = analysis(n=512), analysis(settings=Settings(window=256))
    text = said_of(write(tmp_path / "a.html", [section_of(short)]))
    assert "too short to show a drift: with this window it needs at least 1,024 steps" in text
    assert "did not drift" not in text
    text = said_of(write(tmp_path / "b.html", [section_of(alone)]))
    assert text.count("not compared with the optimizer, which alone may give this α: name it with optimizer=") == 1
    assert "not compared" not in said_of(write(tmp_path / "c.html", [section_of(analysis())]))


def test_a_group_without_an_exponent_says_why():
    found = analysis()
    flat = found.series._replace(column="update_norm/flat", values=np.ones(2048))
    together, note = section_of(found, {"flat": flat}).notes
    assert together == str(found.judged.run)
    assert note.startswith("group flat has no α: ")


def test_a_monitor_that_began_anew_reports_what_came_since(tmp_path):
    monitor = wcdfa.WeightChangeDFA(128, stride=64)
    for last in (600, 150):  # the recorder was set back to a checkpoint
        monitor.update(wcdfa.Reading(NORMS[last - 128 : last], last, 0, steps=np.arange(last - 127, last + 1)))
    assert len(monitor.history) == 2
    monitor.report(tmp_path / "report.html")
    (run,) = drawn(tmp_path / "report.html")["runs"]
    assert [each["steps"] for each in run["windows"]] == [[23, 150]]


def test_a_monitor_that_knows_too_little_says_so(tmp_path):
    monitor = wcdfa.WeightChangeDFA(128).update(1.0)
    with pytest.raises(ValueError, match="at least 28 are needed; record more steps"):
        monitor.report(tmp_path / "report.html")
    for _ in range(200):
        monitor.update(0.25)
    monitor.report(tmp_path / "report.html")  # no α, and why
    (run,) = drawn(tmp_path / "report.html")["runs"]
    assert run["windows"][-1]["verdict"].startswith("no α: ")
    assert Path(tmp_path / "report.html").stat().st_size < 5e6


def test_a_report_is_of_all_groups_and_says_so(tmp_path):
    monitor = wcdfa.WeightChangeDFA(128)
    for norm in NORMS[:300]:
        monitor.update(norm)
    with pytest.raises(TypeError, match=r"a report shows all groups; for the verdict on one, call verdict\(group\)"):
        monitor.report(tmp_path / "report.html", group="body")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("n", "window"), [(30, 500), (200, 300), (400, 100)])
def test_a_short_run_names_its_window_and_says_why_nothing_was_diagnosed(tmp_path, n, window):
    text = said_of(write(tmp_path / "a.html", [section_of(analysis(n=n, settings=Settings(window=window)))]))
    assert "not diagnosed: changes, because a baseline needs 300 norms" in text
    assert (f"with windows of {window} it needs at least {4 * window:,} steps" in text) == (n < window)


def test_a_diagnosed_run_does_not_say_that_it_was_not(tmp_path):
    assert "not diagnosed" not in said_of(write(tmp_path / "a.html", [section_of(analysis(n=2000))]))
