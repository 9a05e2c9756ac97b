"""The pages of the studies, and the tables of other pages, say what the results say."""

from __future__ import annotations

import pytest

from studies.common import page, results
from studies.common.study import NAMES, load
from tests.helpers.documents import DOCS, ROOT


@pytest.mark.parametrize("name", NAMES)
def test_a_page_is_made_from_the_results(name):
    study = load(name)
    written = (DOCS / "studies" / f"{name}.md").read_text("utf-8")
    assert written == page.text(study, results.read(study))
    picture = (DOCS / "studies" / f"{name}.png").read_bytes()
    assert picture[:4] == b"\x89PNG"
    assert len(picture) < 100_000
    assert "nan" not in written.replace("financ", "").lower().split()


def test_the_tables_of_all_claims_are_those_of_the_results():
    assert (DOCS / "studies" / "table.txt").read_text("utf-8") == page.overview("studies/{name}.md")
    assert page.summary("docs/studies/{name}.md") in (ROOT / "README.md").read_text("utf-8")
    for name in ("studies", "verdict", "what_alpha_is"):
        assert "```{include} studies/table.txt\n```" in (DOCS / f"{name}.md").read_text("utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_each_claim_is_shown_with_verdict_effect_null_and_seeds(name):
    study = load(name)
    written = (DOCS / "studies" / f"{name}.md").read_text("utf-8")
    for claim in study.claims:
        assert 5 < len(claim.name) < 60
        section = written.split(f"\n## {claim.key.replace('_', ' ').capitalize()}\n")[1].split("\n## ")[0]
        for row in ("claim", "verdict", "effect", "null", "seeds or runs"):
            assert f"\n| {row} | " in section, (claim, row)
        assert claim.source in section
    assert "\n## What was not done\n\n- " in written
