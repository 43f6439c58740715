"""``classify``: answers for films, as a table and, if asked, with their heatmaps."""

from __future__ import annotations

import argparse
import csv
import os
import sys
from collections.abc import Collection
from itertools import chain, count
from pathlib import Path

from fracture_core.commands.output import make_folder, table_stream
from fracture_core.errors import FractureError, UnknownName
from fracture_core.tables import COLUMNS, answer_row


def add(commands: argparse._SubParsersAction) -> None:
    """Join ``classify`` to the command line."""
    command = commands.add_parser("classify", help="answer films; write a table and, if asked, their heatmaps")
    command.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="files or folders")
    command.add_argument("--output", type=Path, metavar="CSV", help="table to write; without it, to the screen")
    command.add_argument(
        "--heatmaps",
        type=Path,
        metavar="DIR",
        help="write each film's map as 8-bit gray PNG; of several PATHs, a folder's maps go into one of its name",
    )
    command.add_argument("--recursive", action="store_true", help="look into folders of folders too")
    add_model_options(command)
    command.set_defaults(run=classify)


def add_model_options(command: argparse.ArgumentParser) -> None:
    """The options of every command that asks a model."""
    command.add_argument("--model", default="default", metavar="NAME", help="installed weights (see 'models')")
    command.add_argument(
        "--method", metavar="NAME", help="method of the heatmap; by default the one that suits the model best"
    )
    command.add_argument("--operating-point", default="balanced", choices=("balanced", "sensitive", "specific"))


def require_method(method: str | None, methods: Collection[str]) -> None:
    """Told before the model is loaded, and before any film is read. None is the model's best one.

    Raises:
        UnknownName: there is no such method.
    """
    if method is not None and method not in methods:
        raise UnknownName("method", method, methods)


def find_files(paths: list[Path], *, recursive: bool) -> list[tuple[Path, Path]]:
    """Files to answer, each with its place among the maps; hidden files are passed over.

    The place is relative to the argument that named the file. Where there are several, a folder's own name comes
    before it, so that films of one name in two folders stay apart.

    Raises:
        FractureError: a path does not exist, or no file was found at all.
    """
    found: list[tuple[Path, Path]] = []
    for name, path in _named(paths).items():
        if path.is_dir():
            above = Path(name) if len(paths) > 1 else Path()
            files = sorted(path.rglob("*") if recursive else path.iterdir())
            found += [
                (file, above / file.relative_to(path))
                for file in files
                if file.is_file() and not any(part.startswith(".") for part in file.relative_to(path).parts)
            ]
        elif path.exists():
            found.append((path, Path(name)))
        else:
            raise FractureError(f"There is no '{path}'. Check the path.")
    if not found:
        hint = "" if recursive else " Use --recursive to look into its sub-folders."
        raise FractureError(f"No file in {', '.join(map(str, paths))}.{hint}")
    return found


def _named(paths: list[Path]) -> dict[str, Path]:
    """Arguments by their own names, in their order; where a name is taken, it is numbered from 2."""
    named: dict[str, Path] = {}
    for path in paths:
        own = Path(os.path.abspath(path)).name  # that of "." and ".." too
        names = chain([own], (f"{own}-{number}" for number in count(2)))
        named[next(name for name in names if name not in named)] = path
    return named


def classify(options: argparse.Namespace) -> int:
    """Answer every file; 3 when some could not be read, 130 when stopped (what was done is kept)."""
    from tqdm import tqdm

    from fracture_core.explain import METHODS, explain
    from fracture_core.inference import load_classifier, predict_many
    from fracture_core.overlay import encode_png, to_uint8

    require_method(options.method, METHODS)
    files = find_files(options.paths, recursive=options.recursive)
    classifier = load_classifier(options.model)
    if options.heatmaps is not None:
        make_folder(options.heatmaps)
    unread = 0
    stopped = False
    with table_stream(options.output) as stream:
        writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
        writer.writeheader()
        outcomes = predict_many(classifier, (path for path, _ in files), operating_point=options.operating_point)
        bar = tqdm(outcomes, total=len(files), unit="film", disable=None, file=sys.stderr)
        try:
            for outcome in bar:
                path, relative = files[outcome.index]
                unread += outcome.error is not None
                film = outcome.radiograph
                notes = film.notes if film is not None else ()
                writer.writerow(answer_row(path, outcome.prediction, notes=notes, error=str(outcome.error)))
                if options.heatmaps is not None and film is not None:
                    heatmap = explain(classifier, film, method=options.method, view=outcome.view)
                    target = options.heatmaps / relative.parent / f"{relative.name}.png"
                    make_folder(target.parent)
                    target.write_bytes(encode_png(to_uint8(heatmap.pixels)))
        except KeyboardInterrupt:
            stopped = True
    if stopped:
        print("Stopped; what was done so far is in the table.", file=sys.stderr)
        return 130
    if unread:
        print(f"{unread} of {len(files)} files could not be read; the table says why.", file=sys.stderr)
    return 3 if unread else 0
