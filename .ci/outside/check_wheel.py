"""Run from outside the checkout, with the command line installed: everything that ships can be imported."""

import importlib
import importlib.metadata
import importlib.resources
import importlib.util
import pkgutil

import wcdfa
import wcdfa.backends

names = {m.name for package in (wcdfa, wcdfa.backends) for m in pkgutil.walk_packages(package.__path__, package.__name__ + ".")}
assert {"wcdfa.inference.exponent", "wcdfa.readers.formats.arrow", "wcdfa.backends.numpy", "wcdfa.cli.app"} <= names, names
for name in sorted(names):
    _, package, *below = name.split(".")
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        # a backend or a sink imports its framework, which is the user's to install
        theirs = package in ("backends", "sinks") and importlib.util.find_spec(below[0]) is None
        if not theirs or str(error.name).startswith("wcdfa"):
            raise
files = importlib.resources.files("wcdfa")
assert (files / "py.typed").is_file()
for n in wcdfa.scales.SHIPPED:
    assert (files / "inference" / "calibrations" / f"{n}.npz").is_file(), n
shipped = [path.as_posix() for path in importlib.metadata.files("wcdfa") or []]
assert len(set(shipped)) == len(shipped), "a file ships twice"
assert sum(path.endswith("/backends/numpy.py") for path in shipped) == 1, shipped
assert {path.partition("/")[0] for path in shipped if path.endswith(".py")} == {"wcdfa"}, shipped
print(f"wheel: {len(names)} modules imported")
