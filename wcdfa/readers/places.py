"""Where a log lies, if it is not a file or folder of this machine: standard input, a pipe, or a URL."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

from wcdfa.support.text import shown

STDIN = "-"
SCHEME = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]+:/+")  # one letter is a drive
INNER = re.compile(r"(?:^|(?<=::))([A-Za-z][A-Za-z0-9+.-]+):/+")
HOLDER = re.compile(r"(?<=://)(?:[^/@\s]*:[^/\s]*|(?<=http://)[^/\s]+|(?<=https://)[^/\s]+)@")  # a user with a password, or a token
SECRET = r"[^=&;\s]*(?:sig|token|key|secret|passw|pwd|cred|auth)[^=&;\s]*"  # the name of what a server is told
ASKED = re.compile(rf"(?i)(?<=[?&;])({SECRET}=)[^&;#\s'\")]+|(?<=[?&;])([^=&;\s]+=)[^&;#\s'\")]{{32,}}")
HIDDEN = "***"
WATCHED = "watch follows files of this machine, as they grow; {} cannot be followed: use analyze"

if TYPE_CHECKING:
    _Path = Path
else:
    _Path = type(Path())  # before Python 3.12, only the kind of this system can have subclasses


class Url(_Path):
    """The place of a log in an object store, as a path that is shown as the URL, without passwords and signatures.

    >>> url = Url("s3://bucket/runs/a.csv")
    >>> print(url, url.name, url / "b")
    s3://bucket/runs/a.csv a.csv s3://bucket/runs/a.csv/b
    >>> print(Url("https://user:password@host/a.csv?run=1&X-Amz-Signature=0a1b"))
    https://***@host/a.csv?run=1&X-Amz-Signature=***
    """

    def __str__(self) -> str:
        return without_secrets(self.whole)

    def __fspath__(self) -> str:
        return self.whole

    def __reduce__(self) -> tuple[type[Url], tuple[str]]:
        return Url, (self.whole,)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Url) and self.whole == other.whole

    def __hash__(self) -> int:
        return hash(self.whole)

    @property
    def name(self) -> str:
        """The end of the URL, without secrets."""
        return str(self).rpartition("/")[2]

    @property
    def whole(self) -> str:
        """The URL as it was given, with the secrets in it."""
        return INNER.sub(r"\1://", super().__str__().replace("\\", "/"))

    def resolve(self, strict: bool = False) -> Url:
        """The same URL."""
        return self

    @property
    def protocol(self) -> str:
        """What comes before ``://``."""
        return self.whole.partition("://")[0]


def without_secrets(text: str) -> str:
    """A text without the passwords, keys and signatures of the URLs in it.

    >>> without_secrets("s3://key:secret@bucket/a.csv, abfs://container@account/a.csv?sv=2022&sig=0a1b")
    's3://***@bucket/a.csv, abfs://container@account/a.csv?sv=2022&sig=***'
    """
    return ASKED.sub(lambda found: f"{found[1] or found[2]}{HIDDEN}", HOLDER.sub(f"{HIDDEN}@", text))


def place_of(path: str | Path) -> Path:
    """What the user named: a URL, which may have lost a slash as a path, or a path of this machine.

    >>> place_of("memory://runs/a.csv"), place_of(Path("s3://bucket/a.csv")) == Url("s3://bucket/a.csv"), place_of("runs")
    (Url('memory://runs/a.csv'), True, PosixPath('runs'))
    """
    text = str(path)
    if isinstance(path, Url) or not SCHEME.match(text) or Path(path).exists():
        return Path(path) if isinstance(path, str) else path
    if text.startswith("file:"):
        return Path(url2pathname(re.sub("^file:/*", "/", text)))
    return Url(text)


def is_stream(path: Path) -> bool:
    """Whether it is standard input or a pipe, which can be read once."""
    try:
        return str(path) == STDIN or stat.S_ISFIFO(os.stat(path).st_mode)
    except OSError:
        return False


def file_name(url: Url) -> str:
    """The name of the file at a URL, without what a web server is asked."""
    text = url.whole.rpartition("::")[0] or url.whole
    return unquote(urlsplit(text).path.rpartition("/")[2]) if url.protocol in ("http", "https") else Path(text).name


def require_followed(path: Path) -> None:
    """Raise a ValueError if a log cannot be looked at again and again."""
    place = place_of(path)
    if isinstance(place, Url) or is_stream(place):
        msg = WATCHED.format("standard input" if str(path) == STDIN else shown(place))
        raise ValueError(msg)
