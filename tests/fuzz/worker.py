"""A process that checks cases, because a reader may hang, take all memory, or end the process."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Collection
from dataclasses import asdict
from pathlib import Path
from typing import Self

from tests.fuzz.checking import HANG, UNCAUGHT, Checker, Verdict

PATIENCE = 90.0  # seconds for a case: several times what reading may take, on a machine that does other things too
ROOM = 6 << 30  # bytes of address space beyond what the process has at first: a backstop
ROOT = Path(__file__).parents[2]


class Worker:
    """Checks cases in a process of its own, which is started again after a case that it does not survive.

    Parameters
    ----------
    folder : Path
        An empty folder for the files of the cases.
    patience : float
        Seconds for a case.
    commands : int, optional
        The command line runs on each case whose seed is a multiple of this number. Default: on none.
    """

    def __init__(self, folder: Path, commands: int | None = None, patience: float = PATIENCE) -> None:
        self.folder, self.commands, self.patience = folder, commands, patience
        self.cache = tempfile.TemporaryDirectory(prefix="wcdfa-fuzz-")
        self._process: subprocess.Popen[str] | None = None
        self._lines: queue.Queue[str] = queue.Queue()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self.cache.cleanup()

    def check(self, name: str, seed: int, kept: Collection[int] | None = None) -> Verdict:
        """Check a case; the verdict is one of `HANG` and `UNCAUGHT` where the process did not answer."""
        process = self._process or self._start()
        assert process.stdin is not None
        command = self.commands is not None and seed % self.commands == 0
        process.stdin.write(json.dumps([name, seed, None if kept is None else sorted(kept), command]) + "\n")
        process.stdin.flush()
        try:
            line = self._lines.get(timeout=self.patience)
        except queue.Empty:
            self.stop()
            return Verdict(name, seed, HANG, f"not done after {self.patience:.0f} seconds")
        if not line:
            self.stop()
            if process.returncode == 1:  # an exception in the fuzzer itself; it has been printed
                msg = f"the case --format {name} --seed {seed} cannot be made or judged"
                raise RuntimeError(msg)
            return Verdict(name, seed, UNCAUGHT, f"the process ended with status {process.returncode}")
        return Verdict(**json.loads(line))

    def program(self) -> list[str]:
        """The command that starts the process."""
        return [sys.executable, "-m", __name__, str(self.folder)]

    def _start(self) -> subprocess.Popen[str]:
        paths = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
        variables = {"WCDFA_CACHE_DIR": self.cache.name, **os.environ, "PYTHONPATH": paths}
        process = subprocess.Popen(
            self.program(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=self.folder, env=variables
        )
        self._process, self._lines = process, queue.Queue()
        threading.Thread(target=_forward, args=(process, self._lines), daemon=True).start()
        return process

    def stop(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            for stream in (self._process.stdin, self._process.stdout):
                if stream is not None:
                    stream.close()
            self._process = None


def _forward(process: subprocess.Popen[str], lines: queue.Queue[str]) -> None:
    assert process.stdout is not None
    try:
        for line in process.stdout:
            lines.put(line)
        process.wait()
    except ValueError:  # it was closed
        pass
    lines.put("")


def main(folder: str) -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # nothing that a library prints is taken for an answer
    checker = Checker(Path(folder))
    _limit()
    for line in sys.stdin:
        name, seed, kept, command = json.loads(line)
        answers.write(json.dumps(asdict(checker.check(name, seed, kept, command=command))) + "\n")
        answers.flush()


def _limit() -> None:
    """Let the process run out of address space before the machine runs out of memory."""
    try:
        import resource
    except ModuleNotFoundError:  # Windows
        return
    used = Path("/proc/self/statm")
    now = int(used.read_text().split()[0]) * resource.getpagesize() if used.exists() else 1 << 30
    resource.setrlimit(resource.RLIMIT_AS, (now + ROOM, resource.getrlimit(resource.RLIMIT_AS)[1]))


if __name__ == "__main__":
    main(sys.argv[1])
