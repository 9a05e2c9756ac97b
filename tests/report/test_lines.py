"""The page opens with what to do, says each thing once, and explains each of its lines."""

from __future__ import annotations

import re
from functools import lru_cache
from html import unescape

import numpy as np
import pytest

from tests.helpers.report_runs import analysis, series
from tests.report.test_direction import CHANGED
from tests.report.test_direction import section as with_direction
from tests.report.test_report import Reader
from wcdfa.analysis.series import Settings, analyze
from wcdfa.report import section_of
from wcdfa.report.page import page
from wcdfa.verdicts.explanations import explanation, of_diagnosis, of_verdict

JARGON = ("nats", "saturated", "dissolved", "captured", "order 2", "order 3", "misfit", "GLS", "gls", "AR(1)", "φ", "θ")


@lru_cache(1)
def compared():
    return analysis()


@lru_cache(1)
def uncompared():
    return analysis(settings=Settings(window=256))


def first_screen(text):
    """What is seen before anything is opened."""
    text = re.sub(r"<(script|style|noscript).*?</\1>", "", text, flags=re.DOTALL)
    while (shorter := re.sub(r"<details(?:(?!<details).)*?</details>", "", text, flags=re.DOTALL)) != text:
        text = shorter
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", text)))


def flat():
    run = series("run")
    run.values[:] = 1.0
    return section_of(analyze(run, Settings(window=256)))


@lru_cache(1)
def sections():
    found, alone = section_of(compared()), section_of(uncompared())._replace(direction=None)
    changed = with_direction(CHANGED)
    return {
        "compared": [section_of(compared(), {"head": compared().series})],
        "no optimizer": [section_of(uncompared())],
        "constant": [flat()],
        "changed": [changed],
        "many": [found, alone, flat(), changed],
    }


KINDS = ("compared", "no optimizer", "constant", "changed", "many")


@pytest.mark.parametrize("name", KINDS)
def test_each_line_links_to_its_row(name):
    reader = Reader(page(sections()[name], title="a run"))
    rows = [each["id"] for _, each in reader.elements if each.get("id", "").startswith("do-")]
    links = {each["href"][1:] for _, each in reader.elements if each.get("href", "").startswith("#do-")}
    assert len(rows) == len(set(rows))
    assert links <= set(rows)
    assert links


@pytest.mark.parametrize("name", KINDS)
def test_jargon_is_folded(name):
    seen = first_screen(page(sections()[name], title="a run"))
    assert [word for word in JARGON if re.search(rf"(?<!\w){re.escape(word)}(?!\w)", seen)] == []


@pytest.mark.parametrize("kind", [0, 1])
def test_it_opens_with_what_to_do_and_says_the_verdict_once(kind):
    found = (compared, uncompared)[kind]()
    section = section_of(found)._replace(direction=None)
    seen, verdict = first_screen(page([section], title="a run")), found.judged.verdicts[-1]
    step = of_verdict(verdict).next_step
    assert seen.count(step) == 1
    assert seen.count(str(verdict)) == 1
    assert seen.index(step) < seen.index(str(verdict))
    assert seen.count("What to do:") == 1


def test_what_a_diagnosis_found_comes_first():
    seen = first_screen(page([with_direction(CHANGED)], title="a run"))
    step = of_diagnosis(CHANGED).next_step
    assert seen.index(step) < seen.index(CHANGED.evidence[0]) < seen.index("For α of this window")


def test_of_several_runs_each_next_step_is_said_once_at_the_top():
    seen = first_screen(page(sections()["many"], title="runs"))
    top = seen[: seen.index("Runs side by side")]
    assert top.count(of_diagnosis(CHANGED).next_step) == 1
    assert top.count(explanation("name-the-optimizer").next_step) == 1
    assert top.index(of_diagnosis(CHANGED).next_step) < top.index(explanation("name-the-optimizer").next_step)
    many = first_screen(page([section_of(uncompared())._replace(direction=None)] * 15, title="runs"))
    assert " and 5 more" in many
    assert many[: many.index("Runs side by side")].count(explanation("name-the-optimizer").next_step) == 1


def test_options_are_written_as_the_caller_writes_them():
    text = page([section_of(uncompared())], title="a run", worded=lambda text: text.replace("optimizer=", "--optimizer"))
    assert "optimizer=" not in first_screen(text)


def test_names_of_the_band_do_not_stand_beside_an_explanation():
    norms = np.exp(0.1 * np.convolve(np.random.default_rng(0).standard_normal(2100), 0.9 ** np.arange(60), "same"))[:2048]
    found = analyze(series("run")._replace(values=norms), Settings(window=256, optimizer="sgd", hyperparameters={"momentum": 0.9}))
    explained = [each for each in found.judged.verdicts if each.explained_by]
    assert explained
    assert not any("critical" in str(each) for each in explained)
