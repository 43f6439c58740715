"""``audit``: what a data set hides, on the screen and as files."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def add(commands: argparse._SubParsersAction) -> None:
    """Join ``audit`` to the command line."""
    command = commands.add_parser(
        "audit", help="look for duplicates, leaks, label conflicts and damage in a data set"
    )
    command.add_argument("data", type=Path, metavar="DIR", help="folder of the data set")
    command.add_argument("--output", type=Path, metavar="DIR2", help="folder to write to; by default audit/NAME")
    command.add_argument("--labels", type=Path, metavar="FILE", help="table of labels, if not DIR/labels.csv")
    command.add_argument(
        "--record",
        action="store_true",
        help="keep the audit among the known ones too (results/audits, or $FRACTURE_AUDITS), long lists in part",
    )
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the findings, write ``audit.json`` and ``groups.csv``; 3 when some films could not be read."""
    from tqdm import tqdm

    from fracture_core.audit import audit, record_audit, write_audit
    from fracture_core.commands.output import make_folder
    from fracture_core.datasets import open_data, read_dicom_folder

    data = (
        open_data(options.data) if options.labels is None else read_dicom_folder(options.data, labels=options.labels)
    )
    folder = options.output or Path("audit") / data.name
    make_folder(folder)  # before the long part, so that a wrong place is told at once
    with tqdm(unit="file", disable=None, file=sys.stderr) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        found = audit(data, progress=show)
    report = write_audit(found, folder)
    print(found.summary())
    print(f"Written to {report.parent}: {report.name}, groups.csv")
    if options.record:
        print(f"Recorded as {record_audit(found)}")
    return 3 if any(not damage.readable for damage in found.damaged) else 0
