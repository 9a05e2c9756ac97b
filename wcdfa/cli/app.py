"""The command line: which commands there are, and how it ends."""

from __future__ import annotations

import os
import sys

from wcdfa.version import __version__

try:
    from cyclopts import App
    from rich.console import Console
except ModuleNotFoundError as error:  # the core installs without the command line's libraries
    sys.exit(f"wcdfa: the command line needs {error.name}; install it with: pip install 'wcdfa[cli]'")

HELP = """DFA exponent α of the norms ‖ΔW‖ of a training run.

Exit status: 0, all went well; 1, something could not be read or judged; 2, a wrong call; 3, what --fail-on asks for was found.
"""
COMMANDS = {  # each is imported when it is called
    "demo": "Train a small network here and now, with NumPy alone, and watch α.",
    "analyze": "α of recorded runs, window by window, with its interval and what else could explain it.",
    "watch": "Follow the log of a run while it is written: norms, α and verdict.",
    "report": "One file that shows recorded runs in a browser: α over time, any window, groups, alarms, verdicts.",
    "compare": "The difference of α between runs, on matched windows, with its interval.",
}

app = App(name="wcdfa", help=HELP, version=__version__, help_on_error=False)
for command, text in COMMANDS.items():
    app.command(f"wcdfa.cli.{command}:{command}", name=command, help=text)
app.register_install_completion_command()


def main() -> None:
    """Entry point: what is wrong with the input is one line, and exit status 1; a wrong call is exit status 2."""
    try:
        app()
    except BrokenPipeError:  # who reads what is printed has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains at its end
        sys.exit(141)
    except (ValueError, TypeError, OSError) as error:
        from wcdfa.cli.wording import of_error  # noqa: PLC0415 - it imports the readers

        Console(stderr=True).print(f"wcdfa: {of_error(error)}", style="red", markup=False, highlight=False, soft_wrap=True)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
