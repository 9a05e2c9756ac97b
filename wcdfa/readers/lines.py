"""JSON lines: one object a row, as most training scripts log."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np


def read_lines(path: Path) -> dict[str, Any]:
    """The numbers in each row by name, nested names joined with "/"; a row need not have them all.

    NaN and Infinity are read as Python writes them. A last line that is cut off, as in a run still being written, is left out.
    """
    columns: dict[str, list[float]] = {}
    lines = path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            if number == len(lines) and columns:
                break
            msg = f"{path}: line {number} is not JSON: {error}"
            raise ValueError(msg) from error
        for name, value in _numbers(row):
            columns.setdefault(name, []).append(value)
    if not columns:
        msg = f"{path}: no numbers in {len(lines)} line(s)"
        raise ValueError(msg)
    return {name: np.array(values) for name, values in columns.items()}


def _numbers(row: Any, prefix: str = "") -> list[tuple[str, float]]:
    if isinstance(row, bool):
        return []
    if isinstance(row, (int, float)):
        return [(prefix or "value", float(row))]
    if isinstance(row, dict):
        return [pair for name, part in row.items() for pair in _numbers(part, f"{prefix}/{name}" if prefix else str(name))]
    return []
