"""Run the studies.

    python -m studies list                    what there is, and how far each study is
    python -m studies run NAME … [--quick]    run what is missing and write the results; without a name, all studies
    python -m studies page NAME …             write the page from the results; without a name, all, and the table

A study that was stopped, or killed, goes on where it was. With --quick a small trial of each study runs whole and prints what it finds: it
shows that everything works, and is no result. Its runs are kept only in a folder that --runs names.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from studies.common import page, results, runner, store
from studies.common.protocol import Protocol, protocol_of
from studies.common.study import NAMES, Study, load

UNCOMMITTED = Protocol(None, "")


def main() -> None:
    """Do what the command line asks for. Exit with status 1 if a run failed or something is missing."""
    options = parsed()
    try:
        studies = [load(name) for name in options.names or NAMES]
        failed = [study.name for study in studies if not options.action(study, options)]
        if options.action is write_page:
            page.write_overview()
    except ValueError as error:
        sys.exit(f"studies: {error}")
    if failed:
        sys.exit(1)


def parsed() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser("python -m studies", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    actions = parser.add_subparsers(required=True, metavar="list | run | page")
    every = {"nargs": "*", "metavar": "NAME", "help": f"{', '.join(NAMES)}; default: all"}
    folder = {"type": Path, "metavar": "FOLDER", "help": "where runs are kept; default: the user's cache"}
    shown = actions.add_parser("list", help="what there is, and how far each study is")
    shown.set_defaults(action=show, names=[])
    shown.add_argument("--runs", **folder)
    run = actions.add_parser("run", help="run what is missing, and write the results")
    run.set_defaults(action=complete)
    run.add_argument("names", **every)
    run.add_argument("--quick", action="store_true", help="a small trial of the whole study")
    run.add_argument("--jobs", type=int, default=1, metavar="N", help="processes, of one thread each; default: 1")
    run.add_argument("--dask", metavar="ADDRESS", help='a Dask scheduler whose workers have this checkout; "local" starts one')
    run.add_argument(
        "--at-most", type=int, metavar="N", help="add at most N runs; 0 only writes the results of those that are there"
    )
    run.add_argument("--runs", **folder)
    written = actions.add_parser("page", help="write the page from the results")
    written.set_defaults(action=write_page)
    written.add_argument("names", **every)
    return parser.parse_args()


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
            raise ValueError(msg)
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
    print(f"{study.name}: {len(found.runs):,} of {found.planned:,} runs, written to {results.write(study, found)}")
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


def tell(outcomes: list[results.Outcome]) -> None:
    """Print a line for each claim."""
    for each in outcomes:
        print(f"- {each.verdict}: {each.line}")


def write_page(study: Study, _: argparse.Namespace) -> bool:
    """Write the page of a study and print where it is."""
    print(page.write(study))
    return True


if __name__ == "__main__":
    main()
