"""Fit the gate before the classifiers, and measure it: ``python -m scripts.fit_gate --data DIR``.

``DIR`` is the folder that ``FRACTURE_DATA`` names: ``fracatlas/`` and ``pretrained/`` in it are needed; films of
``multi_region/`` and ``dicom/`` are measured where they are there. Written are ``weights/gate/model.safetensors`` and
``gate.json``, the card with everything that was measured.

Films are split as for the classifiers. Training films and alterations of them (turned, cropped, collimated, other
contrasts) stand against pictures of the kinds in ``FITTING`` (see ``scripts/gate/kinds.py``); the limits come from
validation films; measured are the test films and the kinds in ``MEASURING``.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.random import Generator

from fracture_core.datasets import Case, open_data
from fracture_core.domain import (
    STRIDES,
    Gate,
    Limits,
    correlation,
    describe,
    load_gate,
    shrink,
    spread,
)
from fracture_core.imaging import Radiograph, read_image
from fracture_core.metrics import proportion
from scripts.external import strangers
from scripts.gate.films import altered, film_at
from scripts.gate.kinds import FIT_SEED, FITTING, PER_KIND, SOURCES, fitting_pictures, measuring_pictures
from scripts.gate.parts import spectrum

ROOT = Path(__file__).resolve().parent.parent

log = logging.getLogger("fit_gate")

SIDE = 144  # px; larger is no better and slower
ALTERATIONS = 2  # of each training film ...
ALTERATIONS_OF_RARE = 8  # ... and of those with hardware and of shoulders and hips
SHRINKAGE = 0.1  # of the covariance, towards its diagonal
RIDGE = 0.01  # inverse strength of the logistic layer's penalty
REFUSED_FILMS = 0.01  # share of validation films that the logit's limit may refuse ...
REFUSED_ALTERED = 0.02  # ... and of altered ones; the milder of both limits holds
FAMILIAR = 0.95  # share of validation films that look like the data set's
MARGIN = 1.1  # on both limits: films from elsewhere vary more than those at hand

NOTE = (
    "Nothing was fitted on what is measured, but earlier results on it were seen: the network's depth was chosen on "
    "pictures of the measuring kinds (another seed) and films from elsewhere; after DICOM films and test films with "
    "hardware, of shoulders and hips had been refused, collimation, metal and more alterations of such films were "
    f"added, and the margin of {MARGIN}."
)


# Network and fit ------------------------------------------------------------------------------------------


def backbone(path: Path) -> dict[str, Any]:
    """The first blocks of timm's MobileNetV2 for gray, normalisation folded in, rounded to fp16."""
    from safetensors.torch import load_file

    state = load_file(path)

    def folded(convolution: str, norm: str) -> dict[str, Any]:
        scale = state[f"{norm}.weight"] / (state[f"{norm}.running_var"] + 1e-5).sqrt()
        weight = state[f"{convolution}.weight"] * scale[:, None, None, None]
        weight = weight.sum(dim=1, keepdim=True) if convolution == "conv_stem" else weight
        bias = state[f"{norm}.bias"] - state[f"{norm}.running_mean"] * scale
        return {"weight": weight.half().float(), "bias": bias.half().float()}

    parts = {"stem": folded("conv_stem", "bn1")}
    names = sorted({name.rsplit(".", 2)[0] for name in state if name.endswith(".conv_dw.weight")}, key=_block_order)
    for index, name in enumerate(names[: len(STRIDES)]):
        expands = f"{name}.conv_pwl.weight" in state
        steps = ("conv_pw", "conv_dw", "conv_pwl") if expands else ("conv_dw", "conv_pw")
        roles = ("expand", "depthwise", "project")[-len(steps) :]
        for number, (role, step) in enumerate(zip(roles, steps, strict=True), start=1):
            parts[f"block{index:02}.{role}"] = folded(f"{name}.{step}", f"{name}.bn{number}")
    return {f"{part}.{field}": tensor for part, fields in parts.items() for field, tensor in fields.items()}


def _block_order(name: str) -> tuple[int, ...]:
    return tuple(int(part) for part in name.split(".")[1:])


def whitening(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Centre (D,) and matrix (D, D) after which films have the unit covariance."""
    centre, covariance = features.mean(axis=0), np.cov(features.T)
    diagonal = np.diag(np.diag(covariance) + 1e-6 * np.trace(covariance) / len(covariance))
    shrunken = (1 - SHRINKAGE) * covariance + SHRINKAGE * diagonal
    return centre, np.linalg.cholesky(np.linalg.inv(shrunken))


def fit_layer(films: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, float]:
    """Direction and offset of the logistic layer on whitened features; both sides count alike."""
    from sklearn.linear_model import LogisticRegression

    scale = np.sqrt(films.shape[1])
    x = np.concatenate([films, others]) / scale
    y = np.repeat([0, 1], [len(films), len(others)])
    layer = LogisticRegression(C=RIDGE, max_iter=3000, class_weight="balanced").fit(x, y)
    return layer.coef_[0] / scale, float(layer.intercept_[0])


class Sketcher:
    """Shrinks pictures and describes them with the backbone."""

    def __init__(self, layers: Mapping[str, Any]) -> None:
        self.layers = layers

    def __call__(self, pictures: Iterator[np.ndarray] | Sequence[np.ndarray]) -> np.ndarray:
        return np.stack([describe(shrink(picture, side=SIDE), self.layers) for picture in pictures])


def fit(data: Path, folder: Path) -> dict[str, Any]:
    """Fit the gate, write it to ``folder``, and return its card without the measurements."""
    import torch
    from safetensors.torch import save

    cases, split, fingerprint = split_films(data)
    layers = backbone(data / "pretrained" / "mobilenetv2_100_imagenet.safetensors")
    sketch, rng = Sketcher(layers), np.random.default_rng(FIT_SEED)

    train = [film_at(case.path) for case in cases[split == "train"]]
    times = [ALTERATIONS_OF_RARE if is_rare(case) else ALTERATIONS for case in cases[split == "train"]]
    log.info("%d training films, %d alterations", len(train), sum(times))
    plain = sketch(train)
    changed = sketch(altered(rng, film) for film, count in zip(train, times, strict=True) for _ in range(count))
    inverted = sketch(1 - (altered(rng, film) if index % 2 else film) for index, film in enumerate(train[::3]))
    log.info("films described")
    others = sketch(fitting_pictures())
    log.info("%d other pictures described", len(others))

    centre, matrix = whitening(np.concatenate([plain, changed]))
    state = layers | {"centre": torch.tensor(centre), "whiten": torch.tensor(matrix)}
    state |= {"direction": torch.zeros(len(centre)), "offset": torch.zeros(1)}
    white = [(features - centre) @ matrix for features in (np.concatenate([plain, changed]), inverted, others)]
    direction, offset = fit_layer(white[0], np.concatenate(white[1:]))
    state |= {"direction": torch.tensor(direction), "offset": torch.tensor([offset])}
    half = {name: tensor.half().contiguous() for name, tensor in state.items()}

    val = [film_at(case.path) for case in cases[split == "val"]]
    limits = choose_limits(half, val, sketch, rng)
    content = save(half)
    card = {
        "title": "Gate before the classifiers: is this a limb radiograph?",
        "sha256": hashlib.sha256(content).hexdigest(),
        "side": SIDE,
        "limits": asdict(limits),
        "limits_rule": {
            "logit": f"the milder of: {REFUSED_FILMS:.0%} of validation films refused, {REFUSED_ALTERED:.0%} of "
            f"altered validation films refused; {MARGIN} times as far from the typical film",
            "distance": f"{MARGIN} times the largest among validation films, altered ones included",
            "familiar": f"{FAMILIAR:.0%} of validation films are no farther",
            "spread": "a third of the smallest among validation films",
            "correlation": "0.3 less than the smallest among validation films",
            "colourfulness": "ours: films of the data set have none, and tinted ones shall pass",
        },
        "fitted_on": {
            "films": f"{len(train)} training films, {len(changed)} alterations ({ALTERATIONS} of each, "
            f"{ALTERATIONS_OF_RARE} with hardware and of shoulders and hips), {len(inverted)} inverted ones",
            "other_pictures": dict.fromkeys(FITTING, PER_KIND),
            "validation_films": len(val),
            "note": NOTE,
            "split": "grouped, stratified by label and region, seed 0: the classifiers' own",
            "data_fingerprint": fingerprint,
        },
        "licence": "Apache-2.0",
        "attribution": [
            "FracAtlas, CC BY 4.0: Abedeen et al., Sci. Data 10:521 (2023), doi 10.1038/s41597-023-02432-4",
            "ImageNet weights of MobileNetV2, Apache-2.0, derived from google-coral/test_data",
        ],
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.safetensors").write_bytes(content)
    write_card(card, folder)
    return card


def choose_limits(half: Mapping[str, Any], val: list[np.ndarray], sketch: Sketcher, rng: Generator) -> Limits:
    """Limits from validation films and alterations of them, with the weights as they are stored."""
    stored = {name: tensor.float() for name, tensor in half.items()}
    gate = Gate(stored, Limits(1, 0, -1, 0, 1, 1, 1), side=SIDE)
    logit, distance = gate.measure(sketch(val))
    altered_logit, altered_distance = gate.measure(sketch(altered(rng, film) for _ in range(2) for film in val))
    shrunken = [shrink(film, side=SIDE) for film in val]
    typical = float(np.median(logit))
    outermost = max(np.quantile(logit, 1 - REFUSED_FILMS), np.quantile(altered_logit, 1 - REFUSED_ALTERED))
    return Limits(
        colourfulness=0.15,
        spread=round(min(map(spread, shrunken)) / 3, 4),
        correlation=round(min(map(correlation, shrunken)) - 0.3, 4),
        typical=round(typical, 4),
        logit=round(typical + MARGIN * float(outermost - typical), 4),
        distance=round(MARGIN * float(max(distance.max(), altered_distance.max())), 4),
        familiar=round(float(np.quantile(distance, FAMILIAR)), 4),
    )


def split_films(data: Path) -> tuple[np.ndarray, np.ndarray, str]:
    """Cases, split names and the data set's fingerprint, as ``train.py`` splits them."""
    from fracture_core.audit import film_groups
    from fracture_core.datasets import grouped_split, read_fracatlas

    films = read_fracatlas(data / "fracatlas")
    groups, _ = film_groups(films)
    strata = [f"{case.label}/{case.region}" for case in films.cases]
    split = grouped_split(groups, strata, shares={"train": 0.7, "val": 0.15, "test": 0.15}, seed=0)
    return np.array(films.cases, dtype=object), split, films.fingerprint()


def is_rare(case: Case) -> bool:
    return "hardware" in case.flags or case.region in ("shoulder", "hip")


# Measuring ------------------------------------------------------------------------------------------------


def as_radiograph(pixels: np.ndarray) -> Radiograph:
    """Pixels in [0, 1] as a gray PNG would bring them, with no word on where they come from."""
    rounded = (np.round(pixels * 255) / 255).astype(np.float32)
    return Radiograph(rounded, "picture.png", "0" * 64, "PNG", None, ())


def refused(gate: Gate, pictures: Iterator[np.ndarray] | Sequence[np.ndarray]) -> list[bool]:
    return [not gate.judge(as_radiograph(picture)).in_domain for picture in pictures]


def share(verdicts: Sequence[bool]) -> dict[str, float]:
    """A share with its exact 95 % interval and n, for the card."""
    return {key: round(value, 4) for key, value in asdict(proportion(sum(verdicts), len(verdicts))).items()}


def measure(data: Path, folder: Path) -> dict[str, Any]:
    """Everything measured with the gate as installed, by name."""
    gate = load_gate(folder)
    by_kind: dict[str, list[bool]] = {}
    for kind, picture in measuring_pictures():
        by_kind.setdefault(kind, []).append(refused(gate, [picture])[0])
    figures: dict[str, Any] = {
        "sources": SOURCES,
        "pictures_refused": share([verdict for verdicts in by_kind.values() for verdict in verdicts]),
        "pictures_refused_by_kind": {kind: share(verdicts) for kind, verdicts in by_kind.items()},
    }
    figures |= measure_films(gate, data)
    figures["milliseconds"] = milliseconds(gate)
    return figures


def measure_films(gate: Gate, data: Path) -> dict[str, Any]:
    cases, split, _ = split_films(data)
    test = cases[split == "test"]
    films = [read_image(case.path) for case in test]
    judged = [gate.judge(film) for film in films]
    verdicts = [not one.in_domain for one in judged]
    groups: dict[str, list[bool]] = {}
    for case, verdict in zip(test, verdicts, strict=True):
        for name in (case.region, *sorted(case.flags & {"hardware", "multiscan"})):
            groups.setdefault(name, []).append(verdict)
    turned = [np.rot90(film.pixels, index % 4)[:, :: 1 - 2 * (index % 8 // 4)] for index, film in enumerate(films)]
    inverted = [gate.judge(as_radiograph(1 - film.pixels)) for film in films]
    figures: dict[str, Any] = {
        "test_films_refused": share(verdicts),
        "test_films_refused_by_group": {name: share(groups[name]) for name in sorted(groups)},
        "test_films_refused_names": [case.id for case, verdict in zip(test, verdicts, strict=True) if verdict],
        "turned_test_films_refused": share(refused(gate, turned)),
        "inverted_test_films_refused": share([not verdict.in_domain for verdict in inverted]),
        "test_films_cautioned": share([bool(one.caution) for one in judged if one.in_domain]),
        "inverted_test_films_told_so": share(["inverted" in verdict.reason for verdict in inverted]),
    }
    elsewhere = sorted((data / "multi_region" / "unique").glob("*.jpg"))
    if elsewhere:
        told = [gate.judge(read_image(path)) for path in elsewhere]
        figures["multi_region_refused"] = share([not verdict.in_domain for verdict in told])
        figures["multi_region_refused_as_inverted"] = sum("inverted" in verdict.reason for verdict in told)
        figures["elsewhere_cautioned"] = share(cautioned_elsewhere(gate, data))
    radiographs = sorted((data / "dicom" / "radiograph").glob("*.dcm"))
    figures["dicom_radiographs"] = {path.name: round(gate.judge(read_image(path)).score, 2) for path in radiographs}
    return figures


def cautioned_elsewhere(gate: Gate, data: Path) -> list[bool]:
    """Of a film of each exposure of the multi-region set that FracAtlas lacks and that is not refused: a caution?"""
    films = strangers(open_data(data / "fracatlas"), open_data(data / "multi_region"))
    judged = [gate.judge(read_image(case.path)) for case in films.cases]
    return [bool(one.caution) for one in judged if one.in_domain]


def milliseconds(gate: Gate) -> float:
    """Of fifty runs the fastest (others use the machine too): one film of 373 × 454 pixels on one core."""
    import torch

    film = as_radiograph(spectrum(np.random.default_rng(0), 454, 373, 2))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    times = []
    for _ in range(50):
        began = time.thread_time()
        gate.score(shrink(film.pixels, side=gate.side))
        times.append(time.thread_time() - began)
    torch.set_num_threads(threads)
    return round(min(times) * 1000, 1)


def write_card(card: dict[str, Any], folder: Path) -> None:
    (folder / "gate.json").write_text(json.dumps(card, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Fit the gate before the classifiers, and measure it.")
    parser.add_argument("--data", type=Path, default=os.environ.get("FRACTURE_DATA"), help="folder of the data sets")
    parser.add_argument("--weights", type=Path, default=ROOT / "weights" / "gate", help="folder to write to")
    parser.add_argument("--measure-only", action="store_true", help="measure the gate that is there")
    options = parser.parse_args(argv)
    if options.data is None:
        parser.error("name the folder of the data sets: --data DIR")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    cv2.setNumThreads(1)
    if options.measure_only:
        card = json.loads((options.weights / "gate.json").read_text(encoding="utf-8"))
    else:
        card = fit(options.data, options.weights)
        log.info("fitted, limits %s", card["limits"])
    card["measured"] = measure(options.data, options.weights) | {"date": datetime.now(UTC).date().isoformat()}
    write_card(card, options.weights)
    print(json.dumps(card["measured"], indent=1, ensure_ascii=False))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
