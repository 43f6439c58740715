"""Where commands write: folders that are made when missing, files that appear whole or not at all."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from fracture_core.errors import FractureError


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
        yield sys.stdout
        return
    if path.is_dir():
        raise FractureError(f"'{path}' is a folder. Name a file to write.")
    make_folder(path.parent)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        stream = partial.open("w", newline="", encoding="utf-8")
    except OSError as error:
        raise FractureError(f"'{path}' cannot be written: {error.strerror}. Choose another place.") from error
    try:
        with stream:
            yield stream
    except BaseException:
        partial.unlink()
        raise
    partial.replace(path)
