"""The command line of the studies."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from studies.common import commands
from studies.common.study import NAMES


def parsed(arguments: list[str] | None, about: str) -> argparse.Namespace:
    """What was asked for: the action, the names of studies and the options of the action."""
    parser = argparse.ArgumentParser("python -m studies", description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    actions = parser.add_subparsers(required=True, metavar="list | run | page")
    shown = actions.add_parser("list", help="what there is, and how far each study is")
    shown.set_defaults(action=commands.show, names=[])
    _add_folder(shown)
    _add_run(actions.add_parser("run", help="run what is missing, and write the results"))
    written = actions.add_parser("page", help="write the page from the results")
    written.set_defaults(action=commands.write_page)
    _add_names(written)
    return parser.parse_args(arguments)


def _add_run(run: argparse.ArgumentParser) -> None:
    run.set_defaults(action=commands.complete)
    _add_names(run)
    run.add_argument("--quick", action="store_true", help="a small trial of the whole study")
    run.add_argument("--jobs", type=_at_least(1), default=1, metavar="N", help="processes, of one thread each; default: 1")
    run.add_argument("--dask", metavar="ADDRESS", help='a Dask scheduler whose workers have this checkout; "local" starts one')
    most = "add at most N runs; 0 only writes the results of those that are there"
    run.add_argument("--at-most", type=_at_least(0), metavar="N", help=most)
    _add_folder(run)


def _add_names(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(NAMES)}; default: all")


def _add_folder(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--runs", type=Path, metavar="FOLDER", help="where runs are kept; default: the user's cache")


def _at_least(lowest: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        """Refuse what is no number or too low."""
        if not text.removeprefix("-").isdecimal() or int(text) < lowest:
            msg = f"{text!r} is no whole number of {lowest} or more; give one, or leave the option out"
            raise argparse.ArgumentTypeError(msg)
        return int(text)

    return number
