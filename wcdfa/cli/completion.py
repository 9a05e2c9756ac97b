"""``wcdfa --install-completion``: says which files it writes before it writes them, and how to undo it."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from wcdfa.cli.console import PlainConsole
from wcdfa.cli.door import WrongCall
from wcdfa.cli.printing import say
from wcdfa.support.text import shown

Shell = Literal["bash", "zsh", "fish", "powershell"]
STARTS_WITH: dict[str, str] = {"bash": ".bashrc", "zsh": ".zshrc"}


def install_completion(
    *, shell: Shell | None = None, output: Annotated[Path | None, Parameter(alias="-o")] = None, startup: bool = True
) -> None:
    """Let the shell complete the commands and options of wcdfa.

    Parameters
    ----------
    shell
        Default: the shell that runs this command.
    output
        File of the script. Default: where the shell looks for such scripts.
    startup
        Whether to let the file that the shell starts with load the script.
    """
    from cyclopts.completion.install import get_default_completion_path  # noqa: PLC0415 - takes a while

    from wcdfa.cli.app import app  # noqa: PLC0415 - it holds this command

    shell = shell or _detected()
    script = (output or get_default_completion_path(shell, "wcdfa")).absolute()
    edited = _started_with(shell) if startup else None
    console = PlainConsole()
    adds = "" if edited is None else f", and adds a line to {shown(edited)} that loads it, unless it is there"
    say(console, f"writes {shown(script)}{adds}")
    console.file.flush()
    before = _lines(edited)
    app.install_completion(shell=shell, output=script, add_to_startup=startup)
    for line in _lines(edited):
        if line not in before:
            say(console, f"added to {shown(edited)}: {line}")
    also = "" if edited is None else f", and the lines about wcdfa in {shown(edited)}"
    say(console, f"done; it works in new shells. To undo it, delete {shown(script)}{also}.")


def _detected() -> Shell:
    from cyclopts.completion.detect import ShellDetectionError, detect_shell  # noqa: PLC0415

    try:
        return detect_shell()
    except ShellDetectionError as error:
        msg = "cannot tell which shell this is: name it with --shell bash, zsh, fish or powershell"
        raise WrongCall(msg) from error


def _started_with(shell: Shell) -> Path | None:
    """The file that a shell starts with, if it is edited: fish needs no such line."""
    if shell in STARTS_WITH:
        return Path.home() / STARTS_WITH[shell]
    if shell == "powershell":
        with suppress(ImportError):  # an older cyclopts knows no PowerShell, and says so
            from cyclopts.completion.install import powershell_profile  # noqa: PLC0415

            return Path(powershell_profile())
    return None


def _lines(path: Path | None) -> list[str]:
    if path is None or not path.exists():
        return []
    return path.read_text("utf-8-sig", errors="replace").splitlines()
