"""What publishers say of their data sets: the facts that no run record holds, each with its source.

Only what the cited text states is here; what it leaves open is empty and shows as not stated.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class DataSetFacts:
    """A published data set.

    Attributes:
        title: as its publisher spells it.
        films: published in all; 0 where not stated.
        origin: where the films come from.
        readers: who decided what is a fracture.
        tool: what they marked with.
        outlines: whether experts outlined the fractures.
        source: where these facts are stated.
    """

    title: str
    films: int = 0
    origin: str = ""
    readers: str = ""
    tool: str = ""
    outlines: bool = False
    source: str


DATA_SETS = {
    "fracatlas": DataSetFacts(
        title="FracAtlas",
        films=4083,
        origin="three hospitals in Bangladesh",
        readers="two radiologists and an orthopaedist",
        tool="makesense.ai",
        outlines=True,
        source="Abedeen et al., Sci. Data 10:521 (2023), abstract",
    ),
    "multiregion": DataSetFacts(
        title="Fracture Multi-Region X-ray Data",
        films=10_580,
        source="Kaggle, bmadushanirodrigo/fracture-multi-region-x-ray-data",
    ),
}
"""``DataSet.name`` → its facts."""


def title_of(name: str) -> str:
    """What its publisher calls a data set, where that is known here."""
    known = DATA_SETS.get(name)
    return known.title if known is not None else name
