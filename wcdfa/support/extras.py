"""Names the command that installs what is missing, where a library of an extra is imported."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class MissingLibrary(ModuleNotFoundError):
    """A library that only a part of wcdfa needs is not installed; the message gives the command that installs it."""


def way_out(what: str, package: str) -> str:
    """The sentence for what cannot be done, with the package or extra that has the library.

    >>> print(way_out("a cluster", "wcdfa[dask]"))
    a cluster needs libraries that are not installed: pip install 'wcdfa[dask]'
    """
    name = f"'{package}'" if "[" in package else package
    return f"{what} needs libraries that are not installed: pip install {name}"


@contextmanager
def needed(what: str, package: str) -> Iterator[None]:
    """Turn the failure of an import into a `MissingLibrary`.

    >>> with needed("a picture", "wcdfa[cli]"):
    ...     import no_such_library
    Traceback (most recent call last):
    wcdfa.support.extras.MissingLibrary: a picture needs libraries that are not installed: pip install 'wcdfa[cli]'

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
        raise MissingLibrary(way_out(what, package), name=error.name) from error
