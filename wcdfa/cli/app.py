"""The command line: its commands, and how errors become exit statuses."""

from __future__ import annotations

import logging
import os
import sys
from contextlib import suppress

from wcdfa.cli.signals import ending_in_order
from wcdfa.cli.streams import steady
from wcdfa.support.extras import MissingLibrary, way_out
from wcdfa.version import __version__

try:
    from cyclopts import App, Parameter

    from wcdfa.cli.console import PlainConsole
except ModuleNotFoundError as error:  # the core installs without the command line's libraries
    sys.exit(f"wcdfa: {way_out('the command line', 'wcdfa[cli]', error)}")

HELP = """Measure the DFA exponent α of the weight-change norms ‖ΔW‖ of training runs, and say what else could explain it.

Exit status: 0, all went well; 1, something could not be read, judged or written; 2, the call was wrong; and 3, a condition of --fail-on was met.
A command that is asked to end keeps what it has found so far, and ends with 130 (Ctrl-C), 143 (SIGTERM) or 129 (SIGHUP).
"""
COMMANDS = {  # commands are imported when they are called, so their help is here; the list of commands shows the first paragraph
    "demo": """Train a small network with NumPy alone, and measure α.

The network learns addition modulo 59 from half of all sums, with AdamW. It first memorises them and then, under weight decay, finds
the rule: the accuracy on all sums rises from one half to one. The α of each window is compared with that of AdamW alone.""",
    "analyze": """Measure α of recorded runs, window by window, and say what else could explain it.

For a single series, every window is printed and a picture is drawn. For several series, the last window of each is printed. Without
--optimizer, α is not compared with what the optimizer alone gives.""",
    "watch": """Follow the log of a run while it is written, and judge each new α.

Changes of regime and drifts of α are reported as soon as they are seen. The log may be truncated, rotated or missing for a while. If
there are several logs or runs, the one written last is followed, until only another one is being written. End with Ctrl-C.""",
    "report": """Write a page that shows recorded runs in any browser, without a network.

It shows α over time, every window with what else could explain its α, groups of parameters, and drifts. Several runs are shown side by
side.""",
    "explain": """Say what a line that wcdfa printed means, what it often comes from, and what to do.

Without a key, all lines are listed.""",
    "compare": """Compare α of runs, on windows of the same steps.

Each series is compared with the first. The interval belongs to the difference between these runs; runs with other seeds may differ by
more. Folders of runs are compared as groups, with an interval over their runs.""",
}

WITHOUT_EMPTY = Parameter(negative_iterable=())  # no --empty-column beside --column
app = App(name="wcdfa", help=HELP, version=__version__, help_on_error=False, default_parameter=WITHOUT_EMPTY)
for command, text in COMMANDS.items():
    app.command(f"wcdfa.cli.{command}:{command}", name=command, help=text)
app.command(
    "wcdfa.cli.completion:install_completion",
    name="--install-completion",
    help="Let the shell complete commands and options. It says which files it writes, and how to undo it.",
)


def main() -> None:
    """Entry point. An error in the input is printed in one line, with exit status 1, or 2 if the call was wrong."""
    sys.stdout, sys.stderr = steady(sys.stdout), steady(sys.stderr)
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # its own folders and fonts are no concern of a command
    app.console, app.error_console = PlainConsole(wrapped=True), PlainConsole(wrapped=True, stderr=True)
    status: object = 1
    try:
        status = _status_of_call()
        sys.stdout.flush()
    except BrokenPipeError:  # the program that reads the output, such as `head`, has stopped
        status = 141
        _write_no_more()
    except OSError as error:
        status = 1  # whatever the command said, part of its output is lost
        _say(error)
        _write_no_more()
    sys.exit(status)  # type: ignore[arg-type]  # as SystemExit takes it


def _status_of_call() -> object:
    """Run the command; returns its exit status."""
    try:
        with ending_in_order():
            app(
                ["./-" if each == "-" else each for each in sys.argv[1:]]
            )  # "-" alone would be taken for an option, and is the same path
    except SystemExit as ended:
        return ended.code
    except BrokenPipeError:
        raise
    except (ValueError, TypeError, OSError, MissingLibrary) as error:
        from wcdfa.cli.door import WrongCall  # noqa: PLC0415 - imports the readers

        _say(error)
        return 2 if isinstance(error, WrongCall) else 1
    except KeyboardInterrupt:
        return 130
    return 0


def _say(error: Exception) -> None:
    from wcdfa.cli.wording import of_error  # noqa: PLC0415 - imports the readers

    with suppress(OSError):  # nobody reads it
        red = PlainConsole(stderr=True)
        red.print(f"wcdfa: {of_error(error)}", style="red", markup=False, highlight=False, soft_wrap=True)
        if advice := getattr(error, "advice", ""):
            red.print(advice, markup=False, highlight=False, soft_wrap=True)


def _write_no_more() -> None:
    """Lead the output nowhere, because Python complains at exit about what it cannot write."""
    with suppress(OSError, ValueError, AttributeError):  # a stream that has no file
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
