"""What the command line of the studies can do: list, run, and write pages."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from studies.common import page, results, runner, store
from studies.common.protocol import Protocol, protocol_of
from studies.common.study import Outcome, Study, StudyError

UNCOMMITTED = Protocol(None, "")


def folder_of(study: Study, options: argparse.Namespace) -> Path:
    """Where the runs of a study are kept."""
    return (options.runs or store.default_folder()) / study.name


def show(study: Study, options: argparse.Namespace) -> bool:
    """Print how far a study is and what it has brought."""
    planned = study.settings(False)
    left = len(store.missing(folder_of(study, options), planned))
    print(f"{study.name:<12} {study.title}: {len(planned) - left:,} of {len(planned):,} runs are in {folder_of(study, options)}")
    if (study.folder / "results" / "results.json").exists():
        for outcome in results.read(study).outcomes:
            print(f"{'':<12} {outcome.verdict}: {outcome.line}")
    return True


def complete(study: Study, options: argparse.Namespace) -> bool:
    """Run what is missing. Return whether every run succeeded."""
    if study.missing:
        msg = f"study {study.name} needs {', '.join(study.missing)}: pip install {' '.join(study.missing)}"
        if not options.quick:
            raise StudyError(msg)
        print(f"{study.name}: left out, {msg}")
        return True
    if options.quick and options.runs is None:
        with tempfile.TemporaryDirectory() as temporary:
            return trial(study, Path(temporary), options)
    if options.quick:
        return trial(study, folder_of(study, options), options)
    folder, protocol = folder_of(study, options), protocol_of(study.folder)
    limits = {"jobs": options.jobs, "dask": options.dask, "at_most": options.at_most}
    failures = runner.complete(study, study.settings(False), folder, protocol, **limits)
    print("\n".join(failures), file=sys.stderr, end="\n" if failures else "")
    found = results.collect(study, folder)
    how_far = f"{study.name}: {len(found.runs):,} of {found.planned:,} runs"
    if written := results.more_than(study, found):
        print(f"{how_far} are in {folder}; the results in {study.folder / 'results'}, of {written:,} runs, are kept")
    else:
        print(f"{how_far}, written to {results.write(study, found)}")
    tell(found.outcomes)
    return not failures


def trial(study: Study, folder: Path, options: argparse.Namespace) -> bool:
    """Run the quick settings, judge them and draw the picture, to see that everything works."""
    wanted = study.settings(True)
    failures = runner.complete(study, wanted, folder, UNCOMMITTED, jobs=options.jobs, dask=options.dask)
    print("\n".join(failures), file=sys.stderr, end="\n" if failures else "")
    if failures:
        return False
    runs = store.table(store.read_all(folder, wanted))
    print(f"{study.name}: {len(runs):,} quick runs, which show that everything works, and nothing more")
    tell(results.judged(study, runs))
    for table in results.tables_of(study, runs):
        print(f"\n{table.title}\n{page.markdown(table)}")
    print("\n".join(f"- {each}" for each in study.not_done(runs)))
    study.picture(runs, folder / "picture.png")
    print()
    return True


def tell(outcomes: list[Outcome]) -> None:
    """Print a line for each claim."""
    for each in outcomes:
        print(f"- {each.verdict}: {each.line}")


def write_page(study: Study, _: argparse.Namespace) -> bool:
    """Write the page of a study and print where it is."""
    print(page.write(study))
    return True
