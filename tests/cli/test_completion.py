"""``wcdfa --install-completion`` says which files it writes, before it does, and how to undo it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.helpers.commands import run, run_process

STARTS = {"bash": ".bashrc", "zsh": ".zshrc", "fish": None, "powershell": ".config/powershell/profile.ps1"}


@pytest.mark.parametrize("shell", STARTS)
def test_it_says_what_it_writes_and_how_to_undo_it(tmp_path, shell):
    start = None if STARTS[shell] is None else tmp_path / STARTS[shell]
    if start is not None:
        start.parent.mkdir(parents=True, exist_ok=True)
        start.write_text("mine=1\n")
    done = run("--install-completion", "--shell", shell, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    announced, *middle, last = done.stdout.splitlines()
    script = re.match(r"writes (\S+?)(,|$)", announced)[1]
    assert "analyze" in Path(script).read_text("utf-8-sig")
    assert "To undo it, delete" in last
    assert script in last
    if start is None:
        assert not middle
        return
    assert str(start) in announced
    assert str(start) in last
    added = [line.removeprefix(f"added to {start}: ") for line in middle]
    assert len(added) == 2
    kept = [line for line in start.read_text("utf-8-sig").splitlines() if line not in added]
    assert kept == ["mine=1"]
    again = run("--install-completion", "--shell", shell, cwd=tmp_path)
    assert "added to" not in again.stdout
    assert str(start) in again.stdout.splitlines()[-1]


def test_without_the_file_that_the_shell_starts_with(tmp_path):
    done = run("--install-completion", "--shell", "bash", "--no-startup", "-o", "script", cwd=tmp_path)
    assert done.stdout.splitlines()[0] == f"writes {tmp_path}/script"
    assert not (tmp_path / ".bashrc").exists()
    assert (tmp_path / "script").exists()


def test_the_file_is_named_before_it_is_written(tmp_path):
    """It cannot be written here, and was named all the same."""
    (tmp_path / ".bashrc").mkdir()
    done = run_process("--install-completion", "--shell", "bash", cwd=tmp_path)
    assert done.stdout.startswith("writes ")
    assert str(tmp_path / ".bashrc") in done.stdout
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
