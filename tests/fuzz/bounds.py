"""What reading may cost and touch: time, memory, and nothing written, started or connected."""

from __future__ import annotations

import gc
import os
import stat
import sys
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

STATUS, RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")
LEAST, TIMES = 256 << 20, 8  # bytes of memory, and multiple of the file
SECONDS, SPEED = 20.0, 4e6  # and bytes a second
WATCHED = ("os.", "subprocess.", "socket.", "shutil.", "ctypes.", "webbrowser.", "urllib.")
CACHE = os.environ.get("WCDFA_CACHE_DIR", "")  # calibrations that a monitor computes are kept there
SHARED = "-shm"  # the end of the name of what processes share that use one SQLite store
HARMLESS = (
    "os.listdir",
    "os.scandir",
    "os.walk",
    "os.fwalk",
    "os.getxattr",
    "os.listxattr",
    "os.add_dll_directory",
    "os.putenv",
    "os.unsetenv",
    "ctypes.",
)


class Bounds:
    """Measures what is done inside `measured`. In `scratch` files may be written; whoever asks must see that it is empty afterwards."""

    def __init__(self, scratch: Path | None = None) -> None:
        self._free = tuple(filter(None, (CACHE, str(scratch or ""))))
        self.seconds = self.memory = 0.0
        self.done: list[str] = []
        self._watching = False
        sys.addaudithook(self._heard)

    @contextmanager
    def measured(self) -> Iterator[None]:
        """Measure the time, the peak of the memory above what was used before, and what is written, started or connected."""
        gc.collect()
        before, self.done = _restart(), []
        started = time.process_time()
        self._watching = True
        try:
            yield
        finally:
            self._watching = False
            self.seconds = time.process_time() - started
            self.memory = max(0, _status("VmHWM") - before)

    def over(self, size: int) -> str | None:
        """What is too much for a log of this size, in words."""
        if self.seconds > max(SECONDS, size / SPEED):
            return f"{self.seconds:.1f} s of processor time for {size:,} bytes"
        if self.memory > max(LEAST, TIMES * size):
            return f"{self.memory / 2**20:,.0f} MB of memory for {size:,} bytes"
        return None

    def _heard(self, event: str, arguments: tuple[object, ...]) -> None:
        if not self._watching or (arguments and str(arguments[0]).startswith(self._free)):
            return
        if event == "open":
            path, mode, flags = arguments
            if isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
                self.done.append(f"opened {path} to write ({mode})")
        elif event.startswith(WATCHED) and not event.startswith(HARMLESS):
            self.done.append(f"{event} {str(arguments)[:100]}")


def held(folder: Path) -> dict[str, tuple[int, ...]]:
    """Everything in a folder, with sizes, times of writing and checksums."""
    return {str(path.relative_to(folder)): _state(path) for path in sorted(folder.rglob("*"))}


def _state(path: Path) -> tuple[int, ...]:
    at = path.lstat()
    if path.name.endswith(SHARED):  # whoever reads a store notes in it how far
        return (at.st_size,)
    return at.st_size, at.st_mtime_ns, zlib.crc32(path.read_bytes()) if stat.S_ISREG(at.st_mode) else 0


def opened(folder: Path) -> list[str]:
    """The files in a folder that this process has open."""
    place = Path("/proc/self/fd")
    links = [_link(place / name) for name in os.listdir(place)] if place.is_dir() else []
    return [link for link in links if link.startswith(f"{folder}/")]


def size_of(path: Path) -> int:
    """The bytes in a file, or in all files below a folder."""
    return sum(each.lstat().st_size for each in (path.rglob("*") if path.is_dir() else [path]))


def _link(path: Path) -> str:
    try:
        return os.readlink(path)
    except OSError:  # closed a moment ago
        return ""


def _restart() -> int:
    """Begin to measure the peak anew; returns the memory in use. Only Linux can."""
    if not RESET.exists():
        return 0
    RESET.write_text("5")
    return _status("VmRSS")


def _status(name: str) -> int:
    if not RESET.exists():
        return 0
    return next(int(line.split()[1]) << 10 for line in STATUS.read_text().splitlines() if line.startswith(name))
