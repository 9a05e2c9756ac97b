"""Writes the page of a study, and the table of all, from the results."""

from __future__ import annotations

from pathlib import Path

from studies.common import results
from studies.common.results import Results, Table
from studies.common.study import NAMES, Outcome, Study, load

DOCS = Path(__file__).resolve().parents[2] / "docs" / "studies"
HEAD = "| claim | verdict | effect (95 % interval, unless another is named) | study |\n|---|---|---|---|\n"


def write(study: Study, folder: Path = DOCS) -> Path:
    """Write the page and the picture of a study."""
    found = results.read(study)
    folder.mkdir(exist_ok=True)
    study.picture(found.runs, folder / f"{study.name}.png")
    path = folder / f"{study.name}.md"
    path.write_text(text(study, found), "utf-8")
    return path


def text(study: Study, found: Results) -> str:
    """The page: verdicts first, then what was done, picture, tables, what was not done, and how to repeat it."""
    parts = [f"# {study.title}", *(_short(study, each) for each in found.outcomes), study.about]
    parts += [f"![{study.title}]({study.name}.png)"]
    parts += [_claim(study, each) for each in found.outcomes]
    for table in found.tables:
        parts += [f"## {table.title}", markdown(table)]
    left = [*found.not_done, *_unfinished(found)]
    parts += ["## What was not done", "\n".join(f"- {each}" for each in left), "## How it was done", _how(study, found)]
    return "\n\n".join(parts) + "\n"


def _says(study: Study, outcome: Outcome) -> str:
    return next(claim.says for claim in study.claims if claim.key == outcome.claim)


def _short(study: Study, outcome: Outcome) -> str:
    return f"**{outcome.verdict.capitalize()}**: {outcome.line}"


def _claim(study: Study, outcome: Outcome) -> str:
    claim = next(claim for claim in study.claims if claim.key == outcome.claim)
    rows = {"claim": f"{claim.says} ({claim.source})", "verdict": outcome.verdict, "effect": outcome.effect}
    rows |= {"null": outcome.null, "seeds or runs": f"{outcome.seeds}"}
    return "\n".join([f"## {claim.key.replace('_', ' ').capitalize()}", "", "| | |", "|---|---|", *_rows(rows)])


def _rows(rows: dict[str, str]) -> list[str]:
    return [f"| {name} | {_cell(value)} |" for name, value in rows.items()]


def _unfinished(found: Results) -> list[str]:
    if len(found.runs) >= found.planned:
        return []
    return [f"{len(found.runs):,} of {found.planned:,} planned runs are in; the same command runs the rest."]


def _how(study: Study, found: Results) -> str:
    commit = found.protocol["commit"]
    when = f"committed before the runs as `{commit[:12]}`" if commit else "of which no commit is known"
    libraries = ", ".join(f"{name} {each}" for name, each in found.versions.items())
    changes = _dropdown(study, "changes", "What was changed later, and why") if (study.folder / "changes.md").exists() else ""
    return f"""The protocol, {when}, fixes statistics, seeds and the rule of each verdict. {len(found.runs):,} runs took {duration(found.seconds)} of
one core, with {libraries}. To repeat it, in a checkout, after `pip install -e '.[{",".join(["test", *study.needs])}]'`:

```sh
python -m studies run {study.name} --jobs 2
python -m studies page {study.name}
```

{_dropdown(study, "protocol", "The protocol")}{changes}"""


def duration(seconds: float) -> str:
    """A time as people say it.

    >>> duration(3), duration(431), duration(9000)
    ('3 seconds', '7 minutes', '2.5 hours')
    """
    if seconds > 7200:
        return f"{seconds / 3600:.1f} hours"
    return f"{seconds / 60:.0f} minutes" if seconds >= 90 else "1 second" if round(seconds) == 1 else f"{seconds:.0f} seconds"


def _dropdown(study: Study, name: str, title: str) -> str:
    return f"""
:::{{dropdown}} {title}
```{{literalinclude}} ../../studies/{study.name}/{name}.md
:language: markdown
```
:::
"""


def markdown(table: Table) -> str:
    """A table as Markdown has it."""
    lines = [table.columns, ["---"] * len(table.columns), *table.rows]
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)


def _cell(value: str) -> str:
    return value.replace("|", "\\|").replace("\n", " ")


def overview(link: str = "{name}.md") -> str:
    """One row for each claim of each study that has results, with a link to its page."""
    rows = []
    for name in NAMES:
        study = load(name)
        if (study.folder / "results" / "results.json").exists():
            where = f"[{name}]({link.format(name=name)})"
            outcomes = results.read(study).outcomes
            rows += [f"| {_cell(_says(study, each))} | {each.verdict} | {_cell(each.effect)} | {where} |" for each in outcomes]
    return HEAD + "\n".join(rows) + "\n"


def summary(link: str) -> str:
    """One row for each study that has results: what came out for its claims, by their names."""
    rows = []
    for study in map(load, NAMES):
        if (study.folder / "results" / "results.json").exists():
            names: dict[str, list[str]] = {}
            for claim, each in zip(study.claims, results.read(study).outcomes, strict=True):
                names.setdefault(each.verdict, []).append(claim.name)
            text = "; ".join(f"**{verdict}**: {', '.join(found)}" for verdict, found in sorted(names.items()))
            rows.append(f"| [{study.title}]({link.format(name=study.name)}) | {_cell(text)} |")
    return "| study | what came out |\n|---|---|\n" + "\n".join(rows) + "\n"


def write_overview(folder: Path = DOCS) -> Path:
    """Write the table of all claims, which the other pages include."""
    path = folder / "table.txt"
    path.write_text(overview("studies/{name}.md"), "utf-8")
    return path
