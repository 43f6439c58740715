"""``python -m scripts.external --data DIR --other DIR``: installed models on films of another source.

``--data`` is the data set they were trained on; of the other one a film of each exposure is taken that the first does
not hold too. What comes out is written onto the models' cards, where the page and the documents read it.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from fracture_core import weights
from fracture_core.audit import companion, groups_across
from fracture_core.datasets import DataSet, open_data
from fracture_core.inference import load_classifier
from fracture_core.metrics import summarise
from fracture_core.results import to_json
from fracture_core.training import decode_films, predict_logits

KEPT = ("auc", "sensitivity", "specificity", "ece")


def strangers(data: DataSet, other: DataSet) -> DataSet:
    """One film of each exposure of ``other`` that ``data`` does not hold."""
    found = companion(data, other, groups_across(data, other), held=0.0)
    return replace(found.data, cases=tuple(found.data.cases[copies[0]] for copies in found.exposures))


def measured(name: str, films: DataSet) -> dict[str, Any]:
    """A model's figures on films of another source, at its own calibration and balanced threshold."""
    classifier = load_classifier(name)
    pixels = decode_films(films, classifier.pipeline)
    logits = predict_logits(classifier.model, pixels, np.arange(len(films.cases)), pipeline=classifier.pipeline)
    scores = classifier.card.calibration(logits[:, 1] - logits[:, 0])
    threshold = classifier.card.operating_points["balanced"].threshold
    found = summarise(films.labels, np.asarray(scores), threshold=threshold)
    return {
        "name": films.name,
        "films": len(films.cases),
        "fractured": int(films.labels.sum()),
        "attribution": films.attribution,
        "date": datetime.now(UTC).date().isoformat(),
        "metrics": {key: asdict(found[key]) for key in KEPT},
    }


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m scripts.external", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="what the models were trained on")
    parser.add_argument("--other", type=Path, required=True, metavar="DIR", help="the other source")
    parser.add_argument("--model", action="append", metavar="NAME", help="this one, may be repeated; the default")
    options = parser.parse_args(argv)
    films = strangers(open_data(options.data), open_data(options.other))
    for name in options.model or [weights.DEFAULT]:
        found = measured(name, films)
        path = weights.weights_root() / name / "card.json"
        card = json.loads(path.read_text(encoding="utf-8"))
        others = [one for one in card.get("external", []) if one["name"] != found["name"]]
        partial = path.with_suffix(".partial")
        partial.write_text(to_json({**card, "external": [*others, found]}, indent=1), encoding="utf-8")
        partial.replace(path)
        print(name, json.dumps({key: {k: round(v, 3) for k, v in found["metrics"][key].items()} for key in KEPT}))


if __name__ == "__main__":
    main()
