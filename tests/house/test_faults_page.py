"""What the README and the page on faults say is what a diagnosis says."""

from __future__ import annotations

import re

import pytest

from tests.helpers.documents import DOCS, ROOT
from wcdfa.verdicts.signatures import CAUSES, STATISTICS, signatures

README = (ROOT / "README.md").read_text(encoding="utf-8")
BENCH = (ROOT / "benchmarks" / "results" / "faults.txt").read_text("utf-8").splitlines()
PAGE = (DOCS / "faults.md").read_text(encoding="utf-8")


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


TRAININGS = {
    "small network, AdamW": "mlp, adamw_99",
    "small network, SGD": "mlp, sgd",
    "convolutional network, AdamW": "conv, adamw_99",
    "transformer, AdamW": "transformer, adamw_99",
}


def counts_of(training):
    """The row that the README shows of a training, from the output of the bench."""
    start = next(i for i, line in enumerate(BENCH) if line.startswith(f"{training}: limits"))
    assert BENCH[start + 1].split()[:3] == ["train", "loss", "validation"]
    assert BENCH[start + 1].endswith("these three     all of wcdfa")
    line = next(line for line in BENCH[start:] if line.startswith("  found in 80 %, of"))
    faults, counts = line.split(" of ")[1].split()[0], line.split("faults")[1].split()
    false = re.search(
        r"false alarms in (\d+ of \d+)", next(line for line in BENCH[start:] if "as shipped: false alarms in" in line)
    )
    ours = re.search(r"runs: (\d+) of", next(line for line in BENCH[start:] if line.startswith("  found in 80 % of the runs")))
    return [faults, *counts[:3], counts[-2], counts[7], f"**{ours[1]}**", f"{false[1]} healthy runs"]


def test_the_figures_of_the_readme_are_those_of_the_bench():
    rows = {cells[0]: cells[1:] for line in README.splitlines() if len(cells := line.strip("| ").split(" | ")) == 9}
    assert {name: rows[name] for name in TRAININGS} == {name: counts_of(training) for name, training in TRAININGS.items()}
    start = next(i for i, line in enumerate(BENCH) if line.startswith("mlp, adamw_99: wcdfa.diagnose without a baseline"))
    found = re.search(
        r"runs: (\d+) of (\d+) faults", next(line for line in BENCH[start:] if line.startswith("  found in 80 % of the runs"))
    )
    assert f"of {found[2]} such faults in the first training, {found[1]} were found" in README


def test_alpha_alone_was_never_the_first_to_find_a_fault():
    """As the README says: at no fault of the bench is its delay shorter than that of every other statistic."""
    assert "α alone was never the first to find a fault" in README
    faults = 0
    for line in BENCH:
        found = re.match(r"  \S.*?\s{2,}((?:\s+\d+ +(?:\d+|-)){14})$", line)
        if found is None or line.startswith("  healthy"):
            continue
        delays = [float(each) if each != "-" else float("inf") for each in found[1].split()[1::2]]
        faults += 1
        assert delays[7] == float("inf") or delays[7] >= min(delays[:7] + delays[8:12]), line
    assert faults > 150
