"""The command line: ``python -m fracture_core classify | explain | models``.

Exit status: 0 when everything was read, 2 when the command itself was wrong, 3 when some files could not be read,
130 when stopped by the user (what was done is kept).
"""

from __future__ import annotations

import argparse
import csv
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from fracture_core import RESEARCH_ONLY, __version__
from fracture_core.errors import FractureError
from fracture_core.tables import COLUMNS, answer_row


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="python -m fracture_core",
        description=f"Classify radiographs as fractured or not. {RESEARCH_ONLY}",
    )
    top.add_argument("--version", action="version", version=__version__)
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    classify_ = commands.add_parser("classify", help="answer films; write a table and, if asked, their heatmaps")
    classify_.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="files or folders")
    classify_.add_argument("--output", type=Path, metavar="CSV", help="table to write; without it, to the screen")
    classify_.add_argument("--heatmaps", type=Path, metavar="DIR", help="write each film's map as 8-bit gray PNG")
    classify_.add_argument("--recursive", action="store_true", help="look into folders of folders too")
    _common(classify_)
    classify_.set_defaults(run=classify)

    explain_ = commands.add_parser("explain", help="draw a film with its heatmap")
    explain_.add_argument("file", type=Path, metavar="FILE")
    explain_.add_argument("--output", type=Path, required=True, metavar="PNG")
    explain_.add_argument("--opacity", type=float, default=0.6, help="of the map, 0 to 1")
    explain_.add_argument("--threshold", type=float, default=0.0, help="hide the map below this value, 0 to 1")
    _common(explain_)
    explain_.set_defaults(run=explain_film)

    models = commands.add_parser("models", help="list the installed models")
    models.set_defaults(run=list_models)
    return top


def _common(command: argparse.ArgumentParser) -> None:
    command.add_argument("--model", default="default", metavar="NAME", help="installed weights (see 'models')")
    command.add_argument("--method", default="gradcam", metavar="NAME", help="class-activation method of the heatmap")
    command.add_argument("--operating-point", default="balanced", choices=("balanced", "sensitive", "specific"))


def main(argv: list[str] | None = None) -> int:
    options = parser().parse_args(argv)
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    try:
        return int(options.run(options))
    except FractureError as error:
        print(f"fracture_core: {error}", file=sys.stderr)
        return 2


def find_files(paths: list[Path], *, recursive: bool) -> list[tuple[Path, Path]]:
    """Files to answer, each with its place relative to the argument that named it; hidden files are passed over.

    Raises:
        FractureError: a path does not exist, or no file was found at all.
    """
    found: list[tuple[Path, Path]] = []
    for path in paths:
        if path.is_dir():
            files = sorted(path.rglob("*") if recursive else path.iterdir())
            found += [
                (file, file.relative_to(path))
                for file in files
                if file.is_file() and not any(part.startswith(".") for part in file.relative_to(path).parts)
            ]
        elif path.exists():
            found.append((path, Path(path.name)))
        else:
            raise FractureError(f"There is no '{path}'. Check the path.")
    if not found:
        hint = "" if recursive else " Use --recursive to look into its sub-folders."
        raise FractureError(f"No file in {', '.join(map(str, paths))}.{hint}")
    return found


def classify(options: argparse.Namespace) -> int:
    from tqdm import tqdm

    from fracture_core.explain import METHODS, explain
    from fracture_core.inference import load_classifier, predict_many
    from fracture_core.overlay import encode_png, to_uint8

    _require(options.method, METHODS)
    files = find_files(options.paths, recursive=options.recursive)
    classifier = load_classifier(options.model)
    if options.heatmaps is not None:
        _make_folder(options.heatmaps)
    unread = 0
    stopped = False
    with _table(options.output) as stream:
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
                if options.heatmaps is not None and outcome.radiograph is not None:
                    heatmap = explain(classifier, outcome.radiograph, method=options.method, view=outcome.view)
                    target = options.heatmaps / relative.parent / f"{relative.name}.png"
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_bytes(encode_png(to_uint8(heatmap.pixels)))
        except KeyboardInterrupt:
            stopped = True
    if stopped:
        print("Stopped; what was done so far is in the table.", file=sys.stderr)
        return 130
    if unread:
        print(f"{unread} of {len(files)} files could not be read; the table says why.", file=sys.stderr)
    return 3 if unread else 0


class _table:  # noqa: N801 - used as a function
    """The screen, or a file that appears under its name only when it is whole (or the user stopped)."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.partial = path.with_name(f".{path.name}.{os.getpid()}.partial") if path is not None else None
        self.stream: TextIO = sys.stdout

    def __enter__(self) -> TextIO:
        if self.path is not None and self.partial is not None:
            _make_folder(self.path.parent)
            self.stream = self.partial.open("w", newline="", encoding="utf-8")
        return self.stream

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self.path is None or self.partial is None:
            return
        self.stream.close()
        if kind is None:
            self.partial.replace(self.path)
        else:
            self.partial.unlink()


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FractureError(f"The folder '{folder}' cannot be made: {error.strerror}. Choose another.") from error


def _require(method: str, methods: dict[str, Any]) -> None:
    from fracture_core.errors import UnknownName

    if method not in methods:
        raise UnknownName("method", method, methods)


def explain_film(options: argparse.Namespace) -> int:
    from fracture_core.explain import explain
    from fracture_core.imaging import read_image
    from fracture_core.inference import load_classifier
    from fracture_core.overlay import blend, encode_png

    classifier = load_classifier(options.model)
    radiograph = read_image(options.file)
    view = classifier.view(radiograph)
    prediction = classifier.predict(radiograph, operating_point=options.operating_point, view=view)
    heatmap = explain(classifier, radiograph, method=options.method, view=view)
    picture = blend(radiograph.pixels, heatmap.pixels, opacity=options.opacity, threshold=options.threshold)
    _make_folder(options.output.parent)
    options.output.write_bytes(encode_png(picture))
    print(f"{radiograph.name}: {prediction.finding}, probability {prediction.probability:.2f}")
    for note in (
        prediction.domain.reason,
        *radiograph.notes,
        "the map is flat: it says nothing" * heatmap.flat,
    ):
        if note:
            print(f"  {note}")
    return 0


def list_models(options: argparse.Namespace) -> int:
    from fracture_core import weights

    for card in _cards():
        auc = card.metrics["auc"]
        print(f"{card.name:20} {card.title}; test AUC {auc.decimal()}, n {auc.n}")
    return 0 if weights.installed() else 3


def _cards() -> Iterator[Any]:
    from fracture_core import weights

    return (weights.load_card(name) for name in weights.installed())


if __name__ == "__main__":
    raise SystemExit(main())
