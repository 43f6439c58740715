"""Where commands write: folders that are made when missing, files that appear whole or not at all."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from fracture_core.errors import FractureError

UNWRITABLE = "backslashreplace"
"""What becomes of characters that no table can hold: where a file's name is not UTF-8, Python has some for its bytes.

They are written out, as ``\\udce4``. With "surrogateescape" the bytes would stand there again, and the table would be
no UTF-8 either: spreadsheets and pandas would refuse all of it for the sake of one name.
"""


def screen() -> TextIO:
    """Standard output; what it cannot show is written as in a table."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors=UNWRITABLE)
    return sys.stdout


def make_folder(folder: Path) -> None:
    """The folder and those above it, unless they are there.

    Raises:
        FractureError: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FractureError(f"The folder '{folder}' cannot be made: {error.strerror}. Choose another.") from error


@contextmanager
def table_stream(path: Path | None) -> Iterator[TextIO]:
    """The screen, or a text file that appears under its name only when it is whole.

    Raises:
        FractureError: the file cannot be written.
    """
    if path is None:
        yield screen()
        return
    if path.is_dir():
        raise FractureError(f"'{path}' is a folder. Name a file to write.")
    make_folder(path.parent)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        stream = partial.open("w", newline="", encoding="utf-8", errors=UNWRITABLE)
    except OSError as error:
        raise FractureError(f"'{path}' cannot be written: {error.strerror}. Choose another place.") from error
    try:
        with stream:
            yield stream
    except BaseException:
        partial.unlink()
        raise
    partial.replace(path)


def write_file(path: Path, content: bytes) -> None:
    """A file that appears whole or not at all.

    Raises:
        FractureError: the file cannot be written.
    """
    if path.is_dir():
        raise FractureError(f"'{path}' is a folder. Name a file to write.")
    make_folder(path.parent)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        partial.write_bytes(content)
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise FractureError(f"'{path}' cannot be written: {error.strerror}. Choose another place.") from error
