"""Tables in other encodings, dialects and compressions, and logs that come through a pipe."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zipfile
from pathlib import Path

from .cases import Log, case, columns, csv, lines, rows, usual


def encoded(folder: Path, encoding: str, name: str = "log.csv", change=lambda text: text) -> Log:
    path = csv(folder / name, columns())
    path.write_bytes(change(path.read_text()).encode(encoding))
    return Log(path, [usual()])


@case("a table", "UTF-16, as PowerShell redirects it")
def utf16(folder: Path) -> Log:
    return encoded(folder, "utf-16")


@case("a table", "UTF-8 with a mark, as Excel saves it")
def marked(folder: Path) -> Log:
    return encoded(folder, "utf-8-sig")


@case("a table", "latin-1, an accent in a name")
def latin(folder: Path) -> Log:
    return encoded(folder, "latin-1", change=lambda text: text.replace("loss", "perte validée", 1))


@case("a table", "CR between lines")
def carriage(folder: Path) -> Log:
    return encoded(folder, "ascii", change=lambda text: text.replace("\n", "\r"))


@case("a table", "CR LF between lines")
def windows(folder: Path) -> Log:
    return encoded(folder, "ascii", change=lambda text: text.replace("\n", "\r\n"))


@case("a table", "# lines above it")
def comments(folder: Path) -> Log:
    return encoded(folder, "ascii", change=lambda text: "# config: {lr: 0.001}\n# seed 0\n" + text)


@case("a table", "names and numbers in quotes")
def quoted(folder: Path) -> Log:
    change = lambda text: "\n".join(",".join(f'"{each}"' for each in line.split(",")) for line in text.splitlines()) + "\n"
    return encoded(folder, "ascii", change=change)


@case("a table", "blanks after the commas")
def blanks(folder: Path) -> Log:
    return encoded(folder, "ascii", change=lambda text: text.replace(",", ", "))


@case("a table", "| between, .txt")
def bars(folder: Path) -> Log:
    return encoded(folder, "ascii", "log.txt", lambda text: text.replace(",", "|"))


@case("gzip", "metrics.jsonl.gz")
def gz(folder: Path) -> Log:
    path = lines(folder / "metrics.jsonl", rows(columns()))
    (folder / "metrics.jsonl.gz").write_bytes(gzip.compress(path.read_bytes()))
    return Log(folder / "metrics.jsonl.gz", [usual()])


@case("bzip2", "log.csv.bz2")
def bz(folder: Path) -> Log:
    path = csv(folder / "log.csv", columns())
    (folder / "log.csv.bz2").write_bytes(bz2.compress(path.read_bytes()))
    return Log(folder / "log.csv.bz2", [usual()])


@case("xz", "log.csv.xz")
def xz(folder: Path) -> Log:
    path = csv(folder / "log.csv", columns())
    (folder / "log.csv.xz").write_bytes(lzma.compress(path.read_bytes()))
    return Log(folder / "log.csv.xz", [usual()])


@case("zip", "a csv in it")
def zipped(folder: Path) -> Log:
    path = csv(folder / "log.csv", columns())
    with zipfile.ZipFile(folder / "log.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(path, "log.csv")
    return Log(folder / "log.zip", [usual()])


@case("zstd", "log.jsonl.zst", "zstandard")
def zst(folder: Path) -> Log:
    import zstandard

    path = lines(folder / "log.jsonl", rows(columns()))
    (folder / "log.jsonl.zst").write_bytes(zstandard.compress(path.read_bytes()))
    return Log(folder / "log.jsonl.zst", [usual()])


@case("pandas", "to_csv('log.csv.gz')", "pandas")
def pandas_gz(folder: Path) -> Log:
    import pandas

    folder.mkdir()
    pandas.DataFrame(columns()).to_csv(folder / "log.csv.gz", index=False)
    return Log(folder / "log.csv.gz", [usual()])


@case("gzip", "a folder with a log and its packed copy")
def gz_beside(folder: Path) -> Log:
    path = csv(folder / "log.csv", columns())
    (folder / "log.csv.gz").write_bytes(gzip.compress(path.read_bytes()))
    return Log(folder, [usual()])


@case("a pipe", "csv")
def piped_csv(folder: Path) -> Log:
    return Log(csv(folder / "log.csv", columns()), [usual()], piped=True)


@case("a pipe", "JSON lines")
def piped_lines(folder: Path) -> Log:
    return Log(lines(folder / "log.jsonl", rows(columns())), [usual()], piped=True)


@case("a pipe", "JSON lines, gzip")
def piped_gz(folder: Path) -> Log:
    path = lines(folder / "metrics.jsonl", rows(columns()))
    (folder / "log.gz").write_bytes(gzip.compress(path.read_bytes()))
    return Log(folder / "log.gz", [usual()], piped=True)


@case("git", "a pointer of Git LFS")
def pointer(folder: Path) -> Log:
    folder.mkdir()
    path = folder / "events.out.tfevents.1700000000.host.1.0"
    path.write_text(f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 12345\n")
    return Log(path, says="LFS")
