"""Old names warn once, and completion offers what is public."""

from __future__ import annotations

import subprocess
import sys

import pytest

import wcdfa
from wcdfa.moved import under_old_name


def test_an_old_name_warns_once_however_it_is_imported():
    program = "from wcdfa import windows\nfrom wcdfa import windows\nimport wcdfa.windows\nassert wcdfa.windows is windows\n"
    done = subprocess.run([sys.executable, "-W", "always", "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr.count("DeprecationWarning: wcdfa.windows has moved to wcdfa.verdicts.windows") == 1


def test_completion_offers_public_names_only():
    names = {name for name in dir(wcdfa) if not name.startswith("__")}
    assert set(wcdfa.__all__) <= names
    assert not {name for name in names if name.startswith("_")}
    assert not names & {"TYPE_CHECKING", "moved", "support", "version", "windows"}


def test_the_module_of_0_1_0_has_its_classes():
    with pytest.warns(DeprecationWarning, match=r"wcdfa\.core has moved to"):
        core = under_old_name("core", stacklevel=1)
    assert core.WeightChangeDFA is wcdfa.WeightChangeDFA
    assert core.RollingWeightChangeDFA is wcdfa.RollingWeightChangeDFA
