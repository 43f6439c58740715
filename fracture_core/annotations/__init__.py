"""Readings of films by people: what they found and marked, kept so that nothing acknowledged is ever lost.

>>> store = open_store()                                      # doctest: +SKIP
>>> draft = store.draft(film.sha256, "Anna", "nothing")       # doctest: +SKIP
>>> draft = store.save_draft(replace(draft, marks=(mark,)))   # doctest: +SKIP
>>> reading = store.commit(replace(draft, finding="fracture"))  # doctest: +SKIP

A reader's draft of a film is saved on every gesture and becomes, once, a reading. Readings are never changed: a
correction is a new one that supersedes the old. Aided readings (the machine's answer was shown) and unaided ones
are kept apart. SQLAlchemy is loaded when a store is opened, not before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fracture_core.annotations.opening import data_folder, open_store
from fracture_core.annotations.readings import (
    FINDINGS,
    SHOWN,
    STATUSES,
    Draft,
    Event,
    FilmEntry,
    Progress,
    Reading,
    ReadingTable,
    StaleEdit,
    StoreError,
    WorkItem,
    Worklist,
)

if TYPE_CHECKING:
    from fracture_core.annotations.store import Store
    from fracture_core.annotations.worklists import blind_order, next_item, previous_item

_LAZY = {"Store": "store", "blind_order": "worklists", "next_item": "worklists", "previous_item": "worklists"}

__all__ = [
    "FINDINGS",
    "SHOWN",
    "STATUSES",
    "Draft",
    "Event",
    "FilmEntry",
    "Progress",
    "Reading",
    "ReadingTable",
    "StaleEdit",
    "Store",
    "StoreError",
    "WorkItem",
    "Worklist",
    "blind_order",
    "data_folder",
    "next_item",
    "open_store",
    "previous_item",
]


def __getattr__(name: str) -> Any:
    """What needs SQLAlchemy, on first use."""
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)
