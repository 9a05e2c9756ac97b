"""Makes the nulls that ship with the package: ``python -m wcdfa.nulls.make_tables [optimizer …]``. Takes minutes."""

from __future__ import annotations

import sys
from dataclasses import replace

from wcdfa.nulls.comparison import MemberTable, NullTable
from wcdfa.nulls.families import Setting, replays, transient
from wcdfa.nulls.null_tables import FOLDER, Treatment, member_table, packed, path_of, prepared_replays, without_slight_decay
from wcdfa.nulls.update_rules import named
from wcdfa.scales import SHIPPED
from wcdfa.support.files import write_arrays

REPLICATES = 800
LONGEST_START = 1024
"""A longer window that holds the start is replayed when it is met."""
USUAL: dict[str, tuple[str, dict[str, object]]] = {
    "sgd": ("sgd", {}),
    "momentum": ("sgd", {"momentum": 0.9}),
    "nesterov": ("sgd", {"momentum": 0.9, "nesterov": True}),
    "adam": ("adam", {}),
    "adam-0.99": ("adam", {"betas": (0.9, 0.99)}),
    "adam-0.95": ("adam", {"betas": (0.9, 0.95)}),
    "rmsprop": ("rmsprop", {}),
}


def main() -> None:
    """Replay each optimizer at the longest length, and keep a table for each shorter one too."""
    FOLDER.mkdir(exist_ok=True)
    for name in sys.argv[1:] or USUAL:
        rule = named(*USUAL[name])
        for start in (None, 0):
            lengths = [n for n in SHIPPED if start is None or n <= LONGEST_START]
            longest = without_slight_decay(Setting(rule=rule, n=max(lengths), start=start, replicates=REPLICATES))
            made: dict[int, list[MemberTable]] = {n: [] for n in lengths}
            for member, norms in replays(longest):
                for n in lengths:
                    logs = prepared_replays(norms[:, :n], log=True, spikes="hampel")
                    made[n].append(member_table(member, logs, Treatment()))
            for n, tables in made.items():
                setting = replace(longest, n=n, replicates=Setting.replicates)
                write_arrays(FOLDER / path_of(setting, Treatment()), packed(NullTable(tuple(tables), transient(longest))))
            sys.stdout.write(f"{rule}, start {start}: done\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
