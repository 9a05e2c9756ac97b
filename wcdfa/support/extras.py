"""Names what is missing, and the command that installs it, where a library of an extra is imported."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec


class MissingLibrary(ModuleNotFoundError):
    """A library that only a part of wcdfa needs is not installed; the message gives the command that installs it."""


def way_out(what: str, package: str, error: ModuleNotFoundError) -> str:
    """The sentence for what cannot be done, with the module that is missing and the package or extra that has it.

    >>> print(way_out("a cluster", "wcdfa[dask]", ModuleNotFoundError(name="distributed_by_nobody")))
    a cluster needs distributed_by_nobody, which is not installed: pip install 'wcdfa[dask]'
    >>> print(way_out("a cluster", "wcdfa[dask]", ModuleNotFoundError(name="numpy.clusters")))
    a cluster needs numpy.clusters, which the installed numpy does not have: pip install --upgrade 'wcdfa[dask]'
    """
    name = f"'{package}'" if "[" in package else package
    missing = error.name or "a library"
    library = missing.partition(".")[0]
    installed = _is_installed(library)
    if installed and library != missing:
        return f"{what} needs {missing}, which the installed {library} does not have: pip install --upgrade {name}"
    lacking = ".".join(missing.split(".")[:2]) if installed is None else library
    return f"{what} needs {lacking}, which is not installed: pip install {name}"


def _is_installed(library: str) -> bool | None:
    """Whether there is such a package; None if its name is shared by several, as google is by google.protobuf and others."""
    try:
        spec = find_spec(library)
    except ValueError:  # a module that was made by hand
        return True
    return False if spec is None else True if spec.origin is not None else None


@contextmanager
def needed(what: str, package: str) -> Iterator[None]:
    """Turn the failure of an import into a `MissingLibrary`.

    >>> with needed("a picture", "wcdfa[cli]"):
    ...     import no_such_library
    Traceback (most recent call last):
    wcdfa.support.extras.MissingLibrary: a picture needs no_such_library, which is not installed: pip install 'wcdfa[cli]'

    Parameters
    ----------
    what : str
        What is imported, or what needs it.
    package : str
        What pip should install, such as "wcdfa[torch]".
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if isinstance(error, MissingLibrary) or str(error.name).partition(".")[0] == "wcdfa":
            raise
        raise MissingLibrary(way_out(what, package, error), name=error.name) from error
