"""Makes sure that the protocol of a study was committed before its runs, and tells with which commit."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

from studies.common.study import StudyError


class Protocol(NamedTuple):
    """The protocol that a run followed."""

    commit: str | None
    """The commit that last changed it; None where git does not tell: outside of a checkout, or in a shallow clone."""
    sha256: str
    """Of its text."""


def protocol_of(folder: Path) -> Protocol:
    """The protocol as it stands committed.

    Raises
    ------
    StudyError
        If it is missing, or what stands there is not what was committed.
    """
    path = folder / "protocol.md"
    if not path.exists():
        msg = f"{path} is missing: write the protocol and commit it before you run the study"
        raise StudyError(msg)
    digest = hashlib.sha256(path.read_text("utf-8").encode()).hexdigest()
    if shutil.which("git") is None or _git(folder, "rev-parse", "--is-shallow-repository") != "false":
        return Protocol(None, digest)  # no checkout, or one without history, in which the last commit passes for that of each file
    if _git(folder, "status", "--porcelain", "--", path.name):
        msg = f"{path} is not committed as it stands: commit it before you run the study, or try the study with --quick"
        raise StudyError(msg)
    return Protocol(_git(folder, "log", "-1", "--format=%H", "--", path.name) or None, digest)


def _git(folder: Path, *arguments: str) -> str | None:
    found = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=False)
    return found.stdout.strip() if found.returncode == 0 else None
