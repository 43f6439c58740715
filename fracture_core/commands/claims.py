"""``claims``: what arithmetic says of the figures that papers print, or of a table of your own."""

from __future__ import annotations

import argparse
import csv
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fracture_core.commands.output import table_stream
from fracture_core.errors import FractureError, UnknownName

if TYPE_CHECKING:
    from fracture_core.claims import Audit, Finding, Search

HEADING = ("paper", "model", "split", "kind", "severity", "sentence", "figures", "where")


def add(commands: argparse._SubParsersAction) -> None:
    """Join ``claims`` to the command line."""
    command = commands.add_parser("claims", help="audit the figures that papers, or your own table, print")
    command.add_argument("--paper", metavar="KEY", help="this paper's alone, as 'lisbon2023'")
    command.add_argument("--table", type=Path, metavar="FILE.csv", help="audit a table of your own instead")
    command.add_argument("--csv", type=Path, metavar="OUT", help="write the findings to a file too")
    command.set_defaults(run=claims)


def claims(options: argparse.Namespace) -> int:
    """Print a sentence for each finding, and the matrices that were rebuilt; findings are no failure."""
    from fracture_core.claims import audit_paper, audit_table
    from fracture_core.claims.table import read_claims_table
    from fracture_core.results import load_published

    if options.table is not None and options.paper is not None:
        raise FractureError("--paper and --table exclude each other: name one of them.")
    audits: dict[str, Audit]
    if options.table is not None:
        audits = {options.table.name: audit_table(read_claims_table(_text(options.table)))}
    else:
        papers = load_published()
        if options.paper is not None and options.paper not in papers:
            raise UnknownName("paper", options.paper, papers)
        audits = {key: audit_paper(paper) for key, paper in papers.items() if options.paper in (None, key)}
    for place, (name, audit) in enumerate(audits.items()):
        if place:
            print()
        _print(name, audit)
    if options.csv is not None:
        _write(options.csv, [finding for audit in audits.values() for finding in audit.findings])
    return 0


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise FractureError(f"'{path}' is not a text in UTF-8. Save the table as CSV in UTF-8.") from error
    except OSError as error:
        raise FractureError(f"'{path}' cannot be read: {error.strerror}. Check --table.") from error


def _print(name: str, audit: Audit) -> None:
    rows = len(audit.rows)
    carrying = sum(bool(row.findings) for row in audit.rows)
    print(f"{name}: {carrying} of {rows} row{'' if rows == 1 else 's'} with findings")
    _sentences("the whole paper", audit.whole)
    for row in audit.rows:
        claim = row.claim
        _sentences(f"{claim.model}, {claim.split}" if claim.split else claim.model, row.findings)
        if row.search is not None:
            print(f"  {claim.model}: {_matrix(row.search)}")


def _sentences(about: str, findings: Sequence[Finding]) -> None:
    from fracture_core.claims import SEVERITIES

    for finding in sorted(findings, key=lambda finding: list(SEVERITIES).index(finding.severity)):
        print(f"  {about} [{finding.severity}] {finding.sentence}")


def _matrix(search: Search) -> str:
    m = search.as_printed
    if m is None:
        return search.outcome
    positive = search.class_read or search.claim.names[0]
    cells = f"TP {m.tp:.0f}, FP {m.fp:.0f}, FN {m.fn:.0f}, TN {m.tn:.0f}"
    return f"Rebuilt with “{positive}” as positive: {cells}. {search.outcome}"


def _write(path: Path, findings: Sequence[Finding]) -> None:
    with table_stream(path) as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(HEADING)
        for one in findings:
            figures = "; ".join(f"{name} {text}" for name, text in one.figures)
            writer.writerow(
                (one.paper, one.model, one.split, one.kind, one.severity, one.sentence, figures, one.where)
            )
