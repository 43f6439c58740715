"""Films and maps as the viewer takes them, encoded once for each opened film."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ui.films import Opened

if TYPE_CHECKING:
    from fracture_core.inference import Classifier


def picture_of(opened: Opened) -> dict[str, Any]:
    """The film as the viewer takes it, encoded once."""
    from ui.viewer import encode_film

    if "film" not in opened.encoded:
        radiograph = opened.radiograph
        opened.encoded["film"] = encode_film(
            radiograph.pixels,
            label=f"Film {radiograph.name}",
            spacing=radiograph.spacing,
            identity=radiograph.sha256,
        )
    picture: dict[str, Any] = opened.encoded["film"]
    return picture


def heat_of(opened: Opened, classifier: Classifier, method: str) -> dict[str, Any]:
    """A model's map as the viewer takes it, computed and encoded once."""
    from fracture_core.explain import METHODS
    from ui.viewer import encode_heat, map_shape

    key = f"{classifier.card.identity} {method}"
    if key not in opened.encoded:
        heatmap = opened.heatmap(classifier, method=method)
        opened.encoded[key] = encode_heat(
            heatmap.drawn(map_shape(opened.radiograph.shape)),
            title=METHODS[method].title,
            flat=heatmap.flat,
            knows_class=METHODS[method].knows_class,
        )
    encoded: dict[str, Any] = opened.encoded[key]
    return encoded
