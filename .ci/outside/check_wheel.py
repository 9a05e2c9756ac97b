"""Run from outside the checkout, with the command line installed: everything that ships can be imported."""

import importlib
import importlib.resources
import importlib.util
import pkgutil

import wcdfa
import wcdfa.backends

names = [m.name for package in (wcdfa, wcdfa.backends) for m in pkgutil.walk_packages(package.__path__, package.__name__ + ".")]
assert {"wcdfa.inference.exponent", "wcdfa.readers.formats.arrow", "wcdfa.backends.numpy", "wcdfa.cli.app"} <= set(names), names
for name in names:
    package, _, framework = name.rpartition(".")
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        # a backend or a sink imports its framework, which is the user's to install
        theirs = package in ("wcdfa.backends", "wcdfa.sinks") and importlib.util.find_spec(framework.partition("_")[0]) is None
        if not theirs or str(error.name).startswith("wcdfa"):
            raise
files = importlib.resources.files("wcdfa")
assert (files / "py.typed").is_file()
for n in wcdfa.scales.SHIPPED:
    assert (files / "calibrations" / f"{n}.npz").is_file(), n
print(f"wheel: {len(set(names))} modules imported")
