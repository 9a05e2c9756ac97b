"""The versions installed are the lowest that the metadata of wcdfa states for these extras."""

import re
import sys
from importlib.metadata import requires, version

for line in requires("wcdfa"):
    requirement, _, extra = line.partition("; extra == ")
    if extra.strip("\"'") not in sys.argv[1:] or requirement.startswith("wcdfa["):
        continue
    name, _, lowest = requirement.partition(">=")
    installed = re.sub(r"(\.0)+$", "", version(name))
    if lowest and installed != re.sub(r"(\.0)+$", "", lowest):
        sys.exit(f"{requirement} is stated for {extra}, but {installed} is the lowest version that can be installed")
