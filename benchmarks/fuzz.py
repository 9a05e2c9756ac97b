"""Damaged and hostile logs of every format: how many were read right, how many were refused by a named error, and any fault.

Usage: python benchmarks/fuzz.py [--minutes 30] [and what `python -m tests.fuzz` takes]
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # the fuzzer is one of the tests

from tests.fuzz.__main__ import main

if __name__ == "__main__":
    sys.exit(main())
