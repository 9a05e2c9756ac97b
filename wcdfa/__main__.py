"""``python -m wcdfa`` is ``wcdfa``."""

from __future__ import annotations

from wcdfa.cli.app import main

if __name__ == "__main__":
    main()
