"""Drop a film, get a calibrated answer with its evidence."""

from __future__ import annotations

from ui import loaders
from ui.drop_zone import drop_zone, samples, take_film_from_address
from ui.films import VIEWS, tray, view_of
from ui.frame import chosen, room_for
from ui.many_films import many_films
from ui.one_film import one_film

card, operating_point = chosen()
films = tray()

take_film_from_address(films, card)
drop_zone(films)
view = view_of(films)
with room_for(view, VIEWS), loaders.error_boundary():
    if view == "none":
        samples(films, card)
    elif view == "one":
        one_film(next(iter(films.films.values())), card, operating_point)
    else:
        many_films(films, card, operating_point)
