"""The claims audit: what arithmetic says of the figures that papers, and tables of your own, print.

A printed figure is taken as the interval of values it can stand for, and nothing is called impossible that
rounding, cutting off digits, another positive class or an average could explain. No torch here.
"""

from __future__ import annotations

from fracture_core.claims.audit import (
    GRAVE,
    Audit,
    Audited,
    audit_claims,
    audit_paper,
    audit_rows,
    audit_table,
    findings_by_row,
    marked,
)
from fracture_core.claims.figures import Figure, Interval, read_figure
from fracture_core.claims.findings import SEVERITIES, Claim, Finding
from fracture_core.claims.sizes import Search, accuracy_of

__all__ = [
    "GRAVE",
    "SEVERITIES",
    "Audit",
    "Audited",
    "Claim",
    "Figure",
    "Finding",
    "Interval",
    "Search",
    "accuracy_of",
    "audit_claims",
    "audit_paper",
    "audit_rows",
    "audit_table",
    "findings_by_row",
    "marked",
    "read_figure",
]
