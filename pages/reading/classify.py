"""Drop a film, get a calibrated answer with its evidence."""

from __future__ import annotations

from ui import loaders
from ui.drop_zone import drop_zone, samples, take_film_from_address
from ui.films import tray
from ui.frame import chosen
from ui.many_films import many_films
from ui.one_film import one_film

card, operating_point = chosen()
films = tray()

take_film_from_address(films, card)
drop_zone(films)
if not films.films:
    samples(films, card)
elif len(films.films) == 1:
    one_film(next(iter(films.films.values())), card, operating_point)
else:
    with loaders.error_boundary():
        many_films(films, card, operating_point)
