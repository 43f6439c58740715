"""``explain``: a film drawn with its heatmap."""

from __future__ import annotations

import argparse
from pathlib import Path

from fracture_core.commands.classify import add_model_options, require_method
from fracture_core.commands.output import screen, write_file
from fracture_core.errors import FractureError


def add(commands: argparse._SubParsersAction) -> None:
    """Join ``explain`` to the command line."""
    command = commands.add_parser("explain", help="draw a film with its heatmap")
    command.add_argument("file", type=Path, metavar="FILE")
    command.add_argument("--output", type=Path, required=True, metavar="PNG")
    command.add_argument("--opacity", type=_share, default=0.6, help="of the map, 0 to 1")
    command.add_argument("--threshold", type=_share, default=0.0, help="hide the map below this value, 0 to 1")
    add_model_options(command)
    command.set_defaults(run=explain_film)


def explain_film(options: argparse.Namespace) -> int:
    """Write the picture; print the answer and what is to be said of it; no probability where the film was refused."""
    from fracture_core.explain import METHODS, explain
    from fracture_core.imaging import read_image
    from fracture_core.inference import load_classifier
    from fracture_core.overlay import blend, encode_png

    if options.output.suffix.lower() != ".png":
        raise FractureError(f"The picture is a PNG: let '{options.output}' name a file that ends in .png.")
    require_method(options.method, METHODS)
    classifier = load_classifier(options.model)
    radiograph = read_image(options.file)
    view = classifier.view(radiograph)
    prediction = classifier.predict(radiograph, operating_point=options.operating_point, view=view)
    heatmap = explain(classifier, radiograph, method=options.method, view=view)
    picture = blend(
        radiograph.pixels, heatmap.drawn(heatmap.shape), opacity=options.opacity, threshold=options.threshold
    )
    write_file(options.output, encode_png(picture))
    probability = f", probability {prediction.probability:.2f}" if prediction.domain.in_domain else ""
    out = screen()
    print(f"{radiograph.name}: {prediction.finding}{probability}", file=out)
    flat = ("the map is flat: it says nothing",) if heatmap.flat else ()
    for note in (prediction.domain.reason, prediction.domain.caution, *radiograph.notes, *flat):
        if note:
            print(f"  {note}", file=out)
    return 0


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:  # nan is not within either
        raise argparse.ArgumentTypeError(f"'{text}' is no number from 0 to 1")
    return value
