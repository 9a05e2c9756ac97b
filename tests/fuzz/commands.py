"""Runs the command line on a log, in this process."""

from __future__ import annotations

import io
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from unittest.mock import patch

STATUS = (None, 0, 1)  # documented: all went well, or something could not be read or judged


def wrong_answer(path: Path) -> str | None:
    """What is wrong with the answer of ``wcdfa analyze``, in words; None if it is as documented."""
    from wcdfa.cli.app import main

    said, status = io.StringIO(), None
    with (
        patch.object(sys, "argv", ["wcdfa", "analyze", str(path), "--json", "--jobs", "1"]),
        redirect_stdout(said),
        redirect_stderr(said),
    ):
        try:
            main()
        except SystemExit as error:
            status = error.code
    text = said.getvalue()
    if status not in STATUS or "Traceback" in text or not text.strip():
        return f"wcdfa analyze ends with status {status}: {text[-300:]}"
    return None
