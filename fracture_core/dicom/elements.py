"""Values of a header's elements, tolerantly: whatever pydicom raises on a bad one, no caller sees it."""

from __future__ import annotations

import logging
from math import isfinite
from typing import TYPE_CHECKING, Any

from fracture_core.imaging import quieten

if TYPE_CHECKING:
    from pydicom.dataset import Dataset


def quiet_pydicom() -> Any:
    """pydicom, its remarks silenced: they quote element values, which may name the patient."""
    import pydicom

    quieten()
    logging.getLogger("pydicom").setLevel(logging.CRITICAL)
    return pydicom


def value_of(dataset: Dataset, keyword: str) -> Any:
    """An element's value, None when it is absent or cannot be read."""
    try:
        return dataset.get(keyword)
    except Exception:  # a bad value raises on access, whatever its kind
        return None


def text_of(dataset: Dataset, keyword: str) -> str:
    """The first value as text, without padding; empty when there is none."""
    value = value_of(dataset, keyword)
    if value is None:
        try:  # the bytes as they stand, where they are no value of their kind
            raw = dataset.get_item(keyword)
            value = raw.value.decode("ascii", "replace") if raw is not None and isinstance(raw.value, bytes) else ""
        except Exception:
            return ""
    return str(value[0] if is_multiple(value) and len(value) else value).strip("\0 ")


def floats_of(dataset: Dataset, keyword: str) -> list[float]:
    """All values as numbers; none when one of them is no number."""
    value = value_of(dataset, keyword)
    if value is None or value == "":
        return []
    try:
        return [float(part) for part in (value if is_multiple(value) else [value])]
    except (TypeError, ValueError):
        return []


def float_of(dataset: Dataset, keyword: str) -> float | None:
    """The first value as a finite number."""
    values = floats_of(dataset, keyword)
    return values[0] if values and isfinite(values[0]) else None


def int_of(dataset: Dataset, keyword: str) -> int | None:
    """The first value as a whole number, cut towards zero."""
    value = float_of(dataset, keyword)
    return None if value is None else int(value)


def items_of(dataset: Dataset, keyword: str) -> list[Dataset]:
    """A sequence's items."""
    value = value_of(dataset, keyword)
    return list(value) if is_multiple(value) else []


def is_multiple(value: object) -> bool:
    return not isinstance(value, str | bytes) and hasattr(value, "__len__") and hasattr(value, "__getitem__")
