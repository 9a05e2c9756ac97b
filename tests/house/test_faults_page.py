"""What the README and the page on faults say is what a diagnosis says."""

from __future__ import annotations

import re

import pytest

from tests.helpers.documents import DOCS, ROOT, blocks
from wcdfa.verdicts.causes import Cause
from wcdfa.verdicts.checked_window import Check
from wcdfa.verdicts.diagnosis_sentences import sentence_of_check
from wcdfa.verdicts.signatures import CAUSES, STATISTICS, signatures

README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGE = (DOCS / "faults.md").read_text(encoding="utf-8")


def test_the_lines_that_the_readme_quotes_are_those_of_a_diagnosis():
    (quoted,) = blocks("text", README)
    evidence, cause = quoted.splitlines()
    found, low, high = map(float, re.findall(r"\d\.\d{3}", evidence))
    assert sentence_of_check(Check("cosine", found, low, high, 0.01, since=1)).startswith(f"{evidence} (p")
    assert cause == f"likely cause: {Cause('half precision', 1.0).text}"


def test_the_page_takes_the_catalogue_and_the_results_from_where_they_are_made():
    assert "from wcdfa.verdicts.signatures import CAUSES, signatures" in PAGE
    assert "benchmarks/results/faults.txt" in PAGE
    assert "faults.png" in PAGE
    written = re.sub(r"```.*?```", "", PAGE, flags=re.DOTALL)
    assert not any(meaning.text in written or meaning.check in written for meaning in CAUSES.values())


def test_the_catalogue_has_words_for_all_that_it_ranks():
    assert {signature.cause for signature in signatures()} <= set(CAUSES)


@pytest.mark.parametrize("cause", CAUSES)
def test_every_cause_says_what_it_is_and_where_to_look(cause):
    meaning = CAUSES[cause]
    assert meaning.text
    assert meaning.check
    assert not meaning.text.endswith(".")
    assert not meaning.check.endswith(".")


def test_every_statistic_has_a_title():
    assert all(each.title and (each.up or each.down) for each in STATISTICS.values())


def test_the_figures_of_the_readme_are_those_of_the_bench():
    lines = (ROOT / "benchmarks" / "results" / "faults.txt").read_text("utf-8").splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("mlp, adamw_99: limits"))
    assert lines[start + 1].endswith("these three     all of wcdfa")
    counts = next(line for line in lines[start:] if line.startswith("  found in 80 %, of"))
    faults = int(counts.split(" of ")[1].split()[0])
    three = int(counts.split("faults")[1].split()[-2])
    alarms = next(line for line in lines[start:] if "as shipped: false alarms in" in line)
    wrong, healthy = re.search(r"false alarms in (\d+) of (\d+)", alarms).groups()
    found = next(line for line in lines[start:] if line.startswith("  found in 80 % of the runs"))
    ours = int(re.search(r"runs: (\d+) of", found).group(1))
    readme = " ".join((ROOT / "README.md").read_text("utf-8").split())
    assert f"Of {faults} faults put into a small network with AdamW, it found {ours}" in readme
    assert f"false alarms in {wrong} of {healthy} healthy runs" in readme
    assert f"gradient norm together found {three}," in readme
