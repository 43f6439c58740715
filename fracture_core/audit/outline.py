"""What an ``audit.json`` must look like, so that a damaged or altered one is refused before a page draws it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

Check = Callable[[Any], bool]


def _count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _number_or_none(value: Any) -> bool:  # what is not a number (a mean over nothing) is written as null
    return value is None or _number(value)


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _yes_or_no(value: Any) -> bool:
    return isinstance(value, bool)


def _label(value: Any) -> bool:
    return value is None or (_count(value) and value <= 1)


def _list_of(check: Check) -> Check:
    return lambda value: isinstance(value, list) and all(check(item) for item in value)


def _counts(value: Any) -> bool:
    return isinstance(value, Mapping) and all(_count(number) for number in value.values())


def _record(**fields: Check) -> Check:
    return lambda value: (
        isinstance(value, Mapping) and all(name in value and check(value[name]) for name, check in fields.items())
    )


_OUTLINE: Final[dict[str, Check]] = {
    "name": _text,
    "attribution": _text,
    "notes": _list_of(_text),
    "films": _count,
    "fractured": _count,
    "not_fractured": _count,
    "splits": _counts,
    "patients": _count,
    "files": _record(stored=_count, different=_count),
    "pictures": _record(different_pixels=_count, without_near_duplicates=_count, without_rotated_copies=_count),
    "groups": _record(count=_count, largest=_count),
    "pairs": _record(by_bytes=_count, by_pixels=_count, near=_count, turned=_count, total=_count),
    "exact": _list_of(lambda same: _list_of(_text)(same) and len(same) > 1),
    "near": _list_of(_record(first=_text, second=_text, correlation=_number, turned=_yes_or_no)),
    "rotated": _list_of(
        _record(first=_text, second=_text, degrees=_number, mirrored=_yes_or_no, correlation=_number)
    ),
    "conflicts": _list_of(_record(fractured=_text, not_fractured=_text, kind=_text)),
    "leaks": _list_of(
        _record(
            split=_text,
            other=_text,
            label=_label,
            films=_count,
            by_bytes=_count,
            by_pixels=_count,
            by_near=_count,
            by_rotation=_count,
        )
    ),
    "patients_crossing_splits": _list_of(_record(patient=_text, splits=_counts)),
    "damaged": _list_of(_record(id=_text, reason=_text, rows_read=_number, readable=_yes_or_no)),
    "shortcuts": _list_of(
        _record(feature=_text, value=_number_or_none, low=_number_or_none, high=_number_or_none, n=_count)
    ),
}
_OPTIONAL: Final[dict[str, Check]] = {
    "missing": _count,  # absent from files of earlier versions
    "kept": lambda value: isinstance(value, Mapping) and all(map(_counts, value.values())),
}


def first_trouble(audit: Mapping[str, Any]) -> str:
    """The name of the first part that is missing or not of its kind; "" of a sound audit."""
    for name, check in _OUTLINE.items():
        if name not in audit or not check(audit[name]):
            return name
    return next((name for name, check in _OPTIONAL.items() if name in audit and not check(audit[name])), "")
