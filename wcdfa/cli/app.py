"""The command line: its commands, and how errors become exit statuses."""

from __future__ import annotations

import os
import sys

from wcdfa.version import __version__

try:
    from cyclopts import App, Parameter
    from rich.console import Console
except ModuleNotFoundError as error:  # the core installs without the command line's libraries
    sys.exit(f"wcdfa: the command line needs {error.name}; install it with: pip install 'wcdfa[cli]'")

HELP = """Measure the DFA exponent α of the weight-change norms ‖ΔW‖ of training runs, and say what else could explain it.

Exit status: 0, all went well; 1, something could not be read or judged; 2, the call was wrong; 3, a condition of --fail-on was met.
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
    "compare": """Compare α of runs, on windows of the same steps.

Each series is compared with the first. The interval belongs to the difference between these runs; runs with other seeds may differ by
more, which analyze --group-by shows.""",
}

WITHOUT_EMPTY = Parameter(negative_iterable=())  # no --empty-column beside --column
app = App(name="wcdfa", help=HELP, version=__version__, help_on_error=False, default_parameter=WITHOUT_EMPTY)
for command, text in COMMANDS.items():
    app.command(f"wcdfa.cli.{command}:{command}", name=command, help=text)
app.register_install_completion_command()


def main() -> None:
    """Entry point. An error in the input is printed in one line, with exit status 1, or 2 if the call was wrong."""
    try:
        app()
    except BrokenPipeError:  # the program that reads the output, such as `head`, has stopped
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # otherwise Python complains at exit
        sys.exit(141)
    except (ValueError, TypeError, OSError) as error:
        from wcdfa.cli.door import WrongCall  # noqa: PLC0415 - these import the readers
        from wcdfa.cli.wording import of_error  # noqa: PLC0415

        Console(stderr=True).print(f"wcdfa: {of_error(error)}", style="red", markup=False, highlight=False, soft_wrap=True)
        sys.exit(2 if isinstance(error, WrongCall) else 1)
    except KeyboardInterrupt:
        sys.exit(130)
