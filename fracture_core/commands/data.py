"""``data``: bring a data set onto the disk, make a synthetic one, pack one small, or tell what a folder holds."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fracture_core.datasets import DataSet

MOST_NOTES = 20  # lines; the others are counted
STOPPED = "A download goes on where it stopped when it is run again."
MOST_SIDE = 16_383  # px, WebP's limit


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Put ``data`` and its four actions among the commands."""
    data = commands.add_parser("data", help="download a data set, write a synthetic one, pack one small, show one")
    actions = data.add_subparsers(dest="action", required=True, metavar="ACTION")

    fracatlas = actions.add_parser("fracatlas", help="FracAtlas from its publisher (CC BY 4.0, about 0.3 GB)")
    fracatlas.add_argument("--download", type=Path, required=True, metavar="DIR", help="folder to bring it into")
    fracatlas.set_defaults(run=run, act=download)

    phantom = actions.add_parser(
        "phantom-ct", help="ankle CT of patients that do not exist, with labels and outlines"
    )
    phantom.add_argument("--write", type=Path, required=True, metavar="DIR", help="new or empty folder")
    phantom.add_argument("--patients", type=_count, default=10, metavar="N", help="default %(default)s")
    phantom.add_argument("--slices", type=_count, default=8, metavar="N", help="per view; default %(default)s")
    phantom.add_argument("--seed", type=_seed, default=0, metavar="N", help="default %(default)s")
    phantom.set_defaults(run=run, act=write)

    pack_ = actions.add_parser("pack", help="a small copy of FracAtlas or the multi-region set, to send elsewhere")
    pack_.add_argument("folder", type=Path, metavar="DIR")
    pack_.add_argument("--output", type=Path, required=True, metavar="OUT", help="new or empty folder")
    pack_.add_argument(
        "--side", type=_side, default=454, metavar="PX", help="longer side at most; default %(default)s"
    )
    pack_.add_argument(
        "--quality", type=_quality, default=90, metavar="Q", help="of WebP, 1 to 100; default %(default)s"
    )
    pack_.set_defaults(run=run, act=pack, stopped="Nothing was written.")

    show_ = actions.add_parser("show", help="name, films, fractured, regions, splits, patients and what is amiss")
    show_.add_argument("folder", type=Path, metavar="DIR")
    show_.set_defaults(run=run, act=show)


def run(options: argparse.Namespace) -> int:
    """Exit status: 0 done, 130 stopped by the user; a ``FractureError`` is the caller's to tell."""
    try:
        return int(options.act(options))
    except KeyboardInterrupt:
        print("Stopped.", getattr(options, "stopped", STOPPED), file=sys.stderr)
        return 130


def download(options: argparse.Namespace) -> int:
    from tqdm import tqdm

    from fracture_core.datasets.download import complete_fracatlas, download_fracatlas

    present = complete_fracatlas(options.download)
    if present is not None:
        print(f"FracAtlas is complete in '{present}'; nothing was downloaded.")
        return 0
    with tqdm(unit="B", unit_scale=True, unit_divisor=1024, disable=None, file=sys.stderr) as bar:

        def progress(done: int, total: int | None) -> None:
            bar.total = total
            bar.update(done - bar.n)

        root = download_fracatlas(options.download, progress=progress)
    print(f"FracAtlas lies in '{root}'.")
    return 0


def write(options: argparse.Namespace) -> int:
    from fracture_core.phantom import write_phantom_ct

    write_phantom_ct(options.write, patients=options.patients, slices=options.slices, seed=options.seed)
    options.folder = options.write
    return show(options)


def pack(options: argparse.Namespace) -> int:
    from tqdm import tqdm

    from fracture_core.datasets.packing import pack as pack_data

    with tqdm(unit="film", disable=None, file=sys.stderr) as bar:

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        packed = pack_data(
            options.folder, options.output, side=options.side, quality=options.quality, progress=progress
        )
    print(f"{packed.films} different films, {packed.size / 1e6:.1f} MB, lie in '{options.output}' ({packed.note}).")
    return 0


def show(options: argparse.Namespace) -> int:
    from fracture_core.datasets import open_data

    for line in describe(open_data(options.folder)):
        print(line)
    return 0


def describe(data: DataSet) -> list[str]:
    """A data set in lines to print."""
    films, fractured = len(data.cases), int(data.labels.sum())
    patients = {case.patient for case in data.cases if case.patient}
    facts = {
        "name": data.name,
        "films": str(films),
        "fractured": f"{fractured} ({100 * fractured / films:.1f} %)",
        "outlined": str(sum(1 for case in data.cases if case.polygons)),
        "regions": _tally(case.region for case in data.cases),
        "splits": _tally(case.split or "none" for case in data.cases),
        "patients": str(len(patients)) if patients else "not named",
        "source": data.attribution,
    }
    lines = [f"{name:10} {value}" for name, value in facts.items()]
    lines += [f"{'note':10} {note}" for note in data.notes[:MOST_NOTES]]
    more = len(data.notes) - MOST_NOTES
    return [*lines, f"{'note':10} and {more} more"] if more > 0 else lines


def _tally(words: Iterable[str]) -> str:
    return ", ".join(f"{word} {count}" for word, count in Counter(words).most_common())


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is no whole number from 1")
    return int(text)


def _side(text: str) -> int:
    return _within(text, MOST_SIDE)


def _quality(text: str) -> int:
    return _within(text, 100)


def _within(text: str, most: int) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= most:
        raise argparse.ArgumentTypeError(f"'{text}' is no whole number from 1 to {most}")
    return int(text)


def _seed(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"'{text}' is no whole number from 0")
    return int(text)
