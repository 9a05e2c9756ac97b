"""Reads the log history in ``trainer_state.json``, which the Trainer of transformers writes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import numpy as np

from wcdfa.readers.base import FileReader, Folder, Found
from wcdfa.readers.checkpoints.names import OWN
from wcdfa.readers.columns import Column, Run
from wcdfa.readers.errors import NothingLogged
from wcdfa.readers.formats.json_stream import CHUNK, Stream
from wcdfa.readers.formats.rows import LONGEST_ROW, Rows, loads
from wcdfa.readers.formats.torch_states import read_torch_state
from wcdfa.support.shortest import LEAST
from wcdfa.support.text import shown

STATE = "trainer_state.json"
OURS = "wcdfa/update_norm"
START = re.compile(r'"log_history"\s*:\s*\[')
HISTORY = '{"log_history": []'
CUT = "it is cut off or damaged: the entries before were read"


def read_trainer_state(path: Path) -> Iterator[Run]:
    """Read the numbers in the entries of the log history, one entry at a time, so the whole file is never in memory."""
    rows, notes = Rows(path.stat().st_size), []
    try:
        for entry in _history(path):
            rows.add(entry)
    except EOFError:
        notes.append(CUT)
    columns = rows.columns()
    recorded = _recorded(path) if not columns or OURS in columns else None
    if recorded is not None and (not columns or _thinned(columns)):
        yield recorded
        return
    if not columns:
        msg = f"no log history with numbers in it{': ' if notes else ''}{'; '.join(notes)}; a trainer_state.json has one"
        raise ValueError(msg) if notes else NothingLogged(msg)
    run = Run(path, "", columns, (*notes, *rows.notes()), "trainer", unread=rows.unread)
    known = recorded is not None and recorded.optimizer is not None  # the log itself does not name it
    yield run._replace(optimizer=recorded.optimizer, hyperparameters=recorded.hyperparameters) if recorded and known else run


def _thinned(columns: Mapping[str, Column]) -> bool:
    """Whether the callback left out steps in the log."""
    steps = columns["wcdfa/step"].values if "wcdfa/step" in columns and OURS in columns else np.empty(0)
    return bool(len(steps)) and bool(len(steps) < steps[-1] - steps[0] + 1 or len(steps) < LEAST)


def _recorded(state: Path) -> Run | None:
    """The norms that the callback has saved in the newest checkpoint; None if there are none."""
    own = [state.with_name(OWN)] if _is_state(state) else [each.with_name(OWN) for each in _in_checkpoints(state.parent)[-1:]]
    for path in own:
        with suppress(ValueError, OSError):
            for run in read_torch_state(path):
                note = f"the log of the Trainer has only some of the steps, so the norms are those in {shown(path.name)} of its last checkpoint"
                return run._replace(notes=(*run.notes, note))
    return None


class _TrainerState(FileReader):
    def claims(self, path: Path) -> bool:
        """Whether the file has the name that the Trainer gives it, perhaps after something else."""
        return path.name.endswith(STATE)

    def search(self, folder: Folder) -> Found:
        """Find the state of the run, or else of its newest checkpoint, which includes the others."""
        states = _in_checkpoints(folder.path)
        own = [file for file in folder.files if file.name == STATE]
        return Found(own or states[-1:], [state.parent for state in states])


def is_trainer_state(head: bytes) -> bool:
    """Whether a file that begins so is an object with a log history.

    >>> is_trainer_state(b'{"epoch": 1.0, "log_history": [{"loss": 1}]}'), is_trainer_state(b'{"epoch": 1.0}')
    (True, False)
    """
    return head.lstrip().startswith(b"{") and START.search(head.decode("utf-8", "replace")) is not None


READER = _TrainerState(STATE, (), read_trainer_state, recognises=is_trainer_state)


def _is_state(path: Path) -> bool:
    return path.parent.name.rpartition("-")[2].isdecimal() and path.is_file()


def _in_checkpoints(folder: Path) -> list[Path]:
    """The states of the checkpoints in a folder, the newest last."""
    return sorted((state for state in folder.glob(f"checkpoint-*/{STATE}") if _is_state(state)), key=_number)


def _number(state: Path) -> int:
    return int(state.parent.name.rpartition("-")[2])


def _whole(text: str) -> bool:
    """Whether the text is JSON; one that is too long to be parsed at once counts as such."""
    try:
        return len(text) > LONGEST_ROW or isinstance(loads(text), dict)
    except (ValueError, RecursionError):
        return False


def _history(path: Path) -> Iterator[dict[str, object]]:
    """Read the entries of the log history.

    Raises
    ------
    EOFError
        After the last complete entry, if the file is cut off or damaged after it.
    """
    with path.open(encoding="utf-8", errors="replace") as file:
        text = ""
        while (found := START.search(text)) is None:
            more = file.read(CHUNK)
            if not more:
                msg = 'no "log_history": a trainer_state.json of transformers has one'
                raise ValueError(msg)
            text = text[-100:] + more
        outermost = _whole(text[: found.start()] + HISTORY[1:] + "}")
        stream = Stream(file, path.stat().st_size, text, found.end())
        while stream.peek() != "]":
            for entry in stream.objects():
                if not isinstance(entry, dict):
                    msg = f"an entry of its log history is {type(entry).__name__} and not an object"
                    raise ValueError(msg)  # noqa: TRY004 - the type is wrong in a file, not in an argument
                yield entry
        stream.skip()
        if outermost and not _whole(HISTORY + stream.rest()):
            raise EOFError  # perhaps there was more
