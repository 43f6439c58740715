"""Drop a film, get a calibrated answer with its evidence."""

from __future__ import annotations

from ui import classify, loaders
from ui.films import tray
from ui.frame import chosen

card, operating_point = chosen()
films = tray()

classify.take_film_from_address(films, card)
classify.drop_zone(films)
if not films.films:
    classify.samples(films, card)
elif len(films.films) == 1:
    classify.one_film(next(iter(films.films.values())), card, operating_point)
else:
    with loaders.error_boundary():
        classify.many_films(films, card, operating_point)
