"""The words by which folders and tables name a film's label and its split."""

from __future__ import annotations

import re
from typing import Final

FRACTURED: Final = (
    *("fractured", "fracture", "fractures", "with fracture", "broken"),
    *("positive", "abnormal", "1", "yes", "true"),
)
NOT_FRACTURED: Final = (
    *("not fractured", "non fractured", "nonfractured", "unfractured", "not fracture", "non fracture"),
    *("no fracture", "no fractures", "without fracture", "not broken", "intact", "healthy", "normal"),
    *("negative", "0", "no", "false"),
)
SPLITS: Final = {
    "train": ("train", "training", "train set", "training set"),
    "val": ("val", "valid", "validation", "dev", "val set", "validation set"),
    "test": ("test", "testing", "test set", "testing set"),
}


def plain(word: str) -> str:
    """Lower case, with ``-``, ``_`` and runs of spaces as one space: "Non_Fractured " is "non fractured"."""
    return " ".join(re.split(r"[\s_-]+", word.casefold())).strip()


def label_of(word: str) -> int | None:
    """1 fractured, 0 not fractured, None for a word that says neither."""
    known = plain(word)
    if known in FRACTURED:
        return 1
    return 0 if known in NOT_FRACTURED else None


def split_of(word: str) -> str | None:
    """ "train", "val" or "test", None for a word that names no split."""
    known = plain(word)
    return next((split for split, words in SPLITS.items() if known in words), None)


def understood() -> str:
    """The words of the labels, for messages."""
    return f"for fractured: {', '.join(FRACTURED)}; for not fractured: {', '.join(NOT_FRACTURED)}"
