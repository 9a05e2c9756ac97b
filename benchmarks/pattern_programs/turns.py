"""Measures the processor time of two programs that take their steps in turn, so that a noisy machine is noisy for both."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from benchmarks.pattern_programs.running import Enough, executed

BOTH_MAY = -1  # when one of them has ended
PATIENCE = 300  # seconds for which one waits for the other


class Turns:
    """Two programs in two threads, of which one works at a time."""

    def __init__(self, steps: int) -> None:
        self.steps = steps
        self.times: tuple[list[float], list[float]] = ([], [])
        self._turn, self._changed, self._begun = 0, threading.Condition(), 0.0

    def run(self, programs: tuple[str, str]) -> tuple[list[float], list[float]]:
        """Seconds of each step of both. The first begins."""
        threads = [threading.Thread(target=self._run, args=(place, text)) for place, text in enumerate(programs)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return self.times

    def _run(self, place: int, text: str) -> None:
        self._wait(place)
        try:
            executed(text, self._listener(place))
        finally:
            self._give(BOTH_MAY)

    def _listener(self, place: int) -> Callable[[list[Any]], None]:
        def listen(parameters: list[Any]) -> None:
            for part in parameters[:1]:
                getattr(part, "block_until_ready", lambda: None)()
            self.times[place].append(time.process_time() - self._begun)
            if len(self.times[place]) > self.steps:
                raise Enough
            self._give(1 - place)
            self._wait(place)

        return listen

    def _wait(self, place: int) -> None:
        with self._changed:
            if not self._changed.wait_for(lambda: self._turn in (place, BOTH_MAY), timeout=PATIENCE):
                msg = f"the other program takes no step for {PATIENCE} s"
                raise TimeoutError(msg)
        self._begun = time.process_time()

    def _give(self, turn: int) -> None:
        with self._changed:
            if self._turn != BOTH_MAY:
                self._turn = turn
            self._changed.notify_all()
