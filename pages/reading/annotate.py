"""Read films one after another, mark what is seen, and learn afterwards what the machine says."""

from __future__ import annotations

from ui import loaders
from ui.frame import chosen
from ui.reading import station
from ui.work_lists import desk, progress

card, operating_point = chosen()
store = loaders.store()
place = desk(store)
if place is not None:
    progress(place, store)
    with loaders.error_boundary():
        station(place, store, card, operating_point)
