"""The audit of claims: every check, over papers or over a user's own table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from fracture_core.claims.bounds import BOUNDS
from fracture_core.claims.findings import SEVERITIES, Claim, Finding
from fracture_core.claims.papers import claims_of, paper_findings
from fracture_core.claims.shares import share_off
from fracture_core.claims.sizes import (
    Search,
    majority,
    no_matrix,
    no_such_count,
    only_average,
    order_turned,
    other_class,
    search,
)
from fracture_core.results.published import Paper

GRAVE = ("impossible", "contradiction", "suspicious")
"""The severities for which a chart marks a figure."""


@dataclass(frozen=True)
class Audited:
    """One claim with what was found of it; ``search`` is None where no matrix could be looked for."""

    claim: Claim
    findings: tuple[Finding, ...]
    search: Search | None


@dataclass(frozen=True)
class Audit:
    """The claims of a paper or a table in their order, and the findings that are of no one row."""

    rows: tuple[Audited, ...]
    whole: tuple[Finding, ...] = ()

    @property
    def findings(self) -> list[Finding]:
        """All, the gravest first, else in the order of the rows."""
        found = [*self.whole, *(finding for row in self.rows for finding in row.findings)]
        return sorted(found, key=lambda finding: list(SEVERITIES).index(finding.severity))

    @property
    def rebuilt(self) -> list[Search]:
        """The searches that ended with one matrix."""
        return [row.search for row in self.rows if row.search is not None and row.search.matrix is not None]


def examine(claim: Claim) -> Audited:
    """One claim by itself."""
    found = [finding for check in BOUNDS for finding in check(claim)]
    counts = list(no_such_count(claim))
    matrices = search(claim)
    if matrices is not None:
        if not counts and not any(finding.severity == "impossible" for finding in found):
            counts += no_matrix(matrices)
        counts += [*other_class(matrices), *only_average(matrices)]
    return Audited(claim, (*found, *counts, *majority(claim), *share_off(claim)), matrices)


def audit_paper(paper: Paper) -> Audit:
    """All claims of a paper, each by itself and together."""
    claims = claims_of(paper)
    alone = [examine(claim) for claim in claims]
    rebuilt = [row.search for row in alone if row.search is not None and row.search.matrix is not None]
    together = [*paper_findings(paper, claims), *order_turned(rebuilt)]
    rows = tuple(
        replace(row, findings=row.findings + tuple(finding for finding in together if finding.row == place))
        for place, row in enumerate(alone)
    )
    return Audit(rows, tuple(finding for finding in together if finding.row is None))


def audit_table(claims: Iterable[Claim]) -> Audit:
    """A user's own claims (see ``table.read_claims_table``)."""
    return Audit(tuple(examine(claim) for claim in claims))


def audit_claims(papers: Mapping[str, Paper] | Iterable[Paper]) -> list[Finding]:
    """Every finding of every paper, paper by paper, the gravest of each first."""
    chosen = papers.values() if isinstance(papers, Mapping) else papers
    return [finding for paper in chosen for finding in audit_paper(paper).findings]


def audit_rows(claims: Iterable[Claim]) -> list[Finding]:
    """Every finding of a user's own claims, the gravest first."""
    return audit_table(claims).findings


def findings_by_row(paper: Paper) -> list[tuple[Finding, ...]]:
    """For each of ``paper.rows``, its findings."""
    return [row.findings for row in audit_paper(paper).rows]


def marked(paper: Paper, model_key: str) -> list[Finding]:
    """What a chart should mark a model's bar with: the grave findings of ``paper.result(model_key)``."""
    row = paper.result(model_key)
    if row is None:
        return []
    place = next(index for index, other in enumerate(paper.rows) if other is row)
    return [finding for finding in findings_by_row(paper)[place] if finding.severity in GRAVE]
