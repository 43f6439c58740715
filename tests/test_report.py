"""The report is read back from its own bytes: text, places and pictures, as a reader of the PDF finds them."""

from __future__ import annotations

import base64
import io
import re
import subprocess
import sys
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fracture_core import RESEARCH_ONLY
from fracture_core.domain import Verdict
from fracture_core.errors import UnknownName
from fracture_core.explain import EVIDENCE, METHODS, Heatmap
from fracture_core.imaging import Radiograph, read_image
from fracture_core.inference import Prediction
from fracture_core.report import (
    BOTTOM,
    BOX,
    LEFT,
    RIGHT,
    STYLES,
    probability_format,
    render_report,
    settle,
)
from fracture_core.typography import printable, shorten, text_width, wrap
from fracture_core.weights import Card

WHEN = datetime(2026, 11, 20, 10, 30, tzinfo=UTC)
FINDINGS = ["fractured", "not fractured", "uncertain"]


# ----------------------------------------------------------------------------------------------- what goes in


def make_film(height: int = 90, width: int = 70, **fields) -> Radiograph:
    y, x = np.mgrid[:height, :width]
    pixels = (0.3 + 0.5 * np.exp(-20 * (x / width - 0.5) ** 2) + 0.1 * y / height).astype(np.float32)
    values = {"name": "wrist.png", "sha256": "5e" * 32, "format": "PNG", "spacing": (0.2, 0.2), "notes": ()}
    return Radiograph(pixels=pixels, **{**values, **fields})


def make_prediction(finding: str = "fractured", probability: float = 0.871, **fields) -> Prediction:
    answered = finding != "not answered"
    values = {
        "probability": probability,
        "finding": finding,
        "call": "fractured" if probability >= 0.31 else "not fractured",
        "operating_point": "balanced",
        "domain": Verdict(answered, 0.93, "" if answered else "It is a colour photograph."),
        "model": "default",
        "seconds": 0.2,
    }
    return Prediction(**{**values, **fields})


def make_map(film: Radiograph, *, flat: bool = False, method: str = "gradcam", target: int = 1) -> Heatmap:
    grid = np.zeros((7, 7), np.float32)
    if not flat:
        grid[3, 4], grid[3, 3] = 1.0, 0.6
    scale = 224 / max(film.shape)
    to_input = np.array([[scale, 0, 0], [0, scale, 0]])
    return Heatmap(grid, to_input, 224, film.shape, method, target, flat, 0.01)


def estimate(value: float, low: float, high: float, n: int) -> dict[str, float]:
    return {"value": value, "low": low, "high": high, "n": n}


def make_card(*, thresholds: tuple[float, float, float] = (0.08, 0.31, 0.61), **fields) -> Card:
    sensitivities = [(0.967, 0.906, 0.993), (0.911, 0.859, 0.952), (0.778, 0.678, 0.859)]
    specificities = [(0.617, 0.569, 0.663), (0.842, 0.809, 0.871), (0.951, 0.926, 0.969)]
    points = zip(("sensitive", "balanced", "specific"), thresholds, sensitivities, specificities, strict=True)
    data = {
        "title": "MobileNetV2, fine-tuned on FracAtlas",
        "model": "mobilenetv2_100",
        "pipeline": "ours",
        "size": 384,
        "calibration": {"temperature": 1.3, "bias": -0.4},
        "operating_points": {
            name: {
                "threshold": threshold,
                "rule": "a rule",
                "sensitivity": estimate(*sensitivity, 90),
                "specificity": estimate(*specificity, 431),
            }
            for name, threshold, sensitivity, specificity in points
        },
        "metrics": {"auc": estimate(0.934, 0.911, 0.954, 521), "ece": estimate(0.031, 0.024, 0.052, 521)},
        "split": {
            "rule": "grouped, stratified by label and region, seed 0",
            "counts": {
                "train": {"films": 2428, "fractured": 502},
                "val": {"films": 520, "fractured": 108},
                "test": {"films": 521, "fractured": 90},
            },
        },
        "data": {"name": "fracatlas", "films": 3469, "attribution": "FracAtlas, CC BY 4.0: Abedeen et al."},
        "version": "0.1.0",
        "date": "2026-11-19",
        "licence": "Apache-2.0",
        "attribution": ["FracAtlas, CC BY 4.0: Abedeen et al.", "ImageNet weights, Apache-2.0"],
        "sha256": "845c2dcbea44ad36" + "0" * 48,
    }
    return Card("default", {**data, **fields})


# --------------------------------------------------------------------------------------------- what comes out


@dataclass(frozen=True)
class Page:
    """What a reader finds: lines of text and pictures, each with its place, and the drawing operators."""

    lines: list[tuple[float, float, str]]  # x, y, text
    ends: list[float]  # where each line ends, x
    pictures: list[tuple[float, float, float, float]]  # x, y, width, height
    drawing: str
    objects: dict[int, bytes]

    @property
    def text(self) -> str:
        """All lines, spaces as ordinary ones, wrapped values run together."""
        return " ".join(text for *_, text in self.lines).replace("\N{NO-BREAK SPACE}", " ")

    def at(self, words: str) -> tuple[float, float]:
        return next((x, y) for x, y, text in self.lines if words in text)


def read_page(pdf: bytes) -> Page:
    objects = {int(m[1]): m[2] for m in re.finditer(rb"(?:^|\n)(\d+) 0 obj(.*?)endobj", pdf, re.S)}
    pages = [body for body in objects.values() if re.search(rb"/Type\s*/Page\b", body)]
    assert len(pages) == 1
    drawing = stream(objects[reference(pages[0], b"Contents")]).decode("latin-1")
    fonts = objects[reference(pages[0], b"Font")]
    decoders = {
        name.decode(): decoder(objects, objects[int(number)])
        for name, number in re.findall(rb"/(F[\d+]+) (\d+) 0 R", fonts)
    }
    bold = {
        name.decode()
        for name, number in re.findall(rb"/(F[\d+]+) (\d+) 0 R", fonts)
        if b"Bold" in objects[int(number)]
    }
    lines, ends = [], []
    for block in re.findall(r"BT (.*?) ET\n", drawing, re.S):
        x, y = map(float, re.match(r"1 0 0 1 (\S+) (\S+) Tm", block).groups())
        pieces, font = [], ""
        first, size = re.search(r"/(F[\d+]+) (\S+) Tf", block).groups()
        for name, literal in re.findall(r"/(F[\d+]+) \S+ Tf|\(((?:\\.|[^\\()])*)\) Tj", block, re.S):
            font = name or font
            pieces.append("" if name else decoders[font](unescape(literal)))
        lines.append((x, y, "".join(pieces)))
        ends.append(x + text_width(lines[-1][2], float(size), bold=first in bold))
    number = r"(-?[\d.]+)"
    placed = re.findall(rf"{number} 0 0 {number} {number} {number} cm\s+/\S+ Do", drawing)
    pictures = [(float(x), float(y), float(width), float(height)) for width, height, x, y in placed]
    return Page(lines, ends, pictures, drawing, objects)


def reference(body: bytes, key: bytes) -> int:
    return int(re.search(rb"/" + key + rb" (\d+) 0 R", body)[1])


def stream(body: bytes) -> bytes:
    header, content = re.split(rb"stream\r?\n", body, maxsplit=1)
    content = content[: int(re.search(rb"/Length (\d+)", header)[1])]
    if b"ASCII85Decode" in header:
        content = base64.a85decode(b"<~" + content.strip(), adobe=True)
    return zlib.decompress(content) if b"FlateDecode" in header else content


def decoder(objects: dict[int, bytes], font: bytes):
    if b"UCS2" in font:
        return lambda codes: codes.decode("utf-16-be")
    table = stream(objects[reference(font, b"ToUnicode")]).decode("latin-1")
    pairs = re.findall(r"^<(\w+)> <(\w+)>$", table[table.index("beginbfchar") :], re.M)
    unicode = {int(code, 16): bytes.fromhex(target).decode("utf-16-be") for code, target in pairs}
    return lambda codes: "".join(unicode[code] for code in codes)


def unescape(literal: str) -> bytes:
    plain = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}

    def one(found: re.Match[str]) -> str:
        return chr(int(found[1], 8)) if found[1][0].isdigit() else plain.get(found[1], found[1])

    return re.sub(r"\\([0-7]{1,3}|.)", one, literal, flags=re.S).encode("latin-1")


def report(film=None, prediction=None, heatmap="made", card=None, *, when=WHEN) -> Page:
    film = film or make_film()
    heatmap = make_map(film) if heatmap == "made" else heatmap
    pdf = render_report(film, prediction or make_prediction(), heatmap, card or make_card(), when=when)
    assert len(pdf) < 1_000_000
    page = read_page(pdf)
    assert_within(page)
    return page


def assert_within(page: Page) -> None:
    """Nothing leaves the margins, and nothing but the disclaimer stands in its box."""
    for x, y, text in page.lines:
        assert x >= LEFT - 0.01 and y <= 800, text
        assert y > BOTTOM + BOX + 5 or text == RESEARCH_ONLY
    assert max(page.ends) <= RIGHT + 0.01
    for x, y, width, height in page.pictures:
        assert x >= LEFT and x + width <= RIGHT and y > BOTTOM + BOX and width > 0 and height > 0


# -------------------------------------------------------------------------------------------------- the words


@pytest.mark.parametrize("finding", FINDINGS)
def test_says_the_finding_with_its_probability(finding):
    page = report(prediction=make_prediction(finding, 0.871))
    assert STYLES[finding].words in page.text
    assert not any(STYLES[other].words in [t for *_, t in page.lines] for other in STYLES if other != finding)
    assert "0.87 calibrated probability of a fracture" in page.text
    assert RESEARCH_ONLY in page.text


def test_finding_words_are_those_agreed():
    assert [style.words for style in STYLES.values()] == [
        "Fractured",
        "Not fractured",
        "Uncertain: have it read",
        "This does not look like a limb radiograph",
    ]


def test_findings_differ_without_colour_and_can_be_read():
    assert len({style.sign for style in STYLES.values()}) == len(STYLES)
    for style in STYLES.values():
        channels = np.array(style.colour.rgb())
        linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
        contrast = 1.05 / (linear @ [0.2126, 0.7152, 0.0722] + 0.05)
        assert contrast >= 3  # WCAG 2.1, 1.4.3: large text


def test_states_the_operating_point_from_the_card():
    page = report()
    assert (
        "At this operating point the model finds 91 % [86–95] of fractures and clears 84 % [81–87] of whole "
        "bones (n = 90 fractured, 431 whole test films)." in page.text
    )
    assert "Balanced operating point (threshold 0.31): as a two-way answer, fractured." in page.text
    assert "sensitive 0.08" in page.text
    assert "specific 0.61" in page.text


def test_another_operating_point_states_its_own_figures():
    text = report(prediction=make_prediction("uncertain", 0.5, operating_point="specific")).text
    assert "Specific operating point (threshold 0.61)" in text
    assert "finds 78 % [68–86] of fractures and clears 95 % [93–97]" in text


def test_an_unknown_operating_point_is_told():
    with pytest.raises(UnknownName, match=r"Unknown operating point 'lucky'.*balanced"):
        report(prediction=make_prediction(operating_point="lucky"))


def test_shares_nobody_measured_are_not_shown_as_numbers():
    card = make_card()
    card.data["operating_points"]["balanced"]["sensitivity"] = estimate(float("nan"), 0.0, 1.0, 0)
    card.data["metrics"]["auc"]["value"] = float("nan")
    text = report(card=card).text
    assert "finds an unmeasured share of fractures" in text
    assert "Test AUC not measured" in text
    assert "nan" not in text


def test_states_the_model_card():
    text = report().text
    for words in (
        "Title MobileNetV2, fine-tuned on FracAtlas",
        "Training data FracAtlas, 3469 films in all",
        "Split grouped, stratified by label and region, seed 0",
        "training 2428 (502 fractured), validation 520 (108 fractured), test 521 (90 fractured)",
        "Test AUC 0.934 [0.911–0.954], n = 521 test films",
        "Calibration error 0.031 [0.024–0.052], n = 521 test films",
        "Input 384 × 384 px",
        "sha256 845c2dcbea44ad36",
        "Version 0.1.0, 2026-11-19",
        "Licence Apache-2.0",
        "ImageNet weights, Apache-2.0",
    ):
        assert words in text


def test_a_card_without_the_optional_facts_still_reports():
    card = make_card()
    for key in ("split", "data", "version", "date", "licence", "attribution", "metrics"):
        card.data[key] = {}
    assert report(card=card).text.count("not stated") >= 5


def test_states_the_film_and_the_map():
    film = make_film(90, 70, notes=("inverted MONOCHROME1", "VOI window 2048/4096"), frame=2, frames=5)
    text = report(film, heatmap=make_map(film, method="hirescam", target=0)).text
    assert "File PNG, 70 × 90 px, picture 3 of 5" in text
    assert "Decoding inverted MONOCHROME1; VOI window 2048/4096" in text
    assert "sha256 5e5e5e5e5e5e5e5e Pixel" in text
    assert "Pixel spacing 0.2 mm" in text
    assert "HiResCAM for “not fractured”: Draelos and Carin, arXiv:2011.08891." in text
    assert "Radiograph with HiResCAM for “not fractured”" in text


@pytest.mark.parametrize("method", METHODS)
def test_cites_every_method(method):
    film = make_film()
    text = report(film, heatmap=make_map(film, method=method)).text
    assert METHODS[method].source in text
    scales = {EVIDENCE: "chance, on a root scale", "eigencam": "activity", "activation": "activity"}
    assert scales.get(method, "weight in the answer") in text


@pytest.mark.parametrize("method", ["eigencam", "activation"])
def test_a_map_that_knows_no_class_is_not_told_as_evidence(method):
    film = make_film()
    text = report(film, heatmap=make_map(film, method=method)).text
    assert "Where the network was active, whatever its answer" in text
    for absent in (f"{METHODS[method].title} for", "drew its answer", "weight in the answer"):
        assert absent not in text


def test_says_when_the_map_is_flat():
    film = make_film()
    flat = report(film, heatmap=make_map(film, flat=True)).text
    assert "The map is flat" in flat and "flat map: no place stands out" in flat
    assert "flat" not in report(film).text


# ----------------------------------------------------------------------------------------------- not answered


def test_outside_the_domain_no_probability_is_given():
    page = report(prediction=make_prediction("not answered", 0.871))
    assert "This does not look like a limb radiograph" in page.text
    assert "It is a colour photograph." in page.text
    assert "No probability is given" in page.text
    for absent in ("0.87", "calibrated probability", "sensitive", "two-way", "finds", "Grad-CAM"):
        assert absent not in page.text
    assert len(page.pictures) == 1


def test_a_caution_stands_with_the_answer_and_with_the_limb_check():
    caution = "This film looks unlike those it learnt from."
    page = report(prediction=make_prediction("fractured", domain=Verdict(True, 0.8, "", caution)))
    assert page.text.count(caution) == 2
    assert "0.87" in page.text


def test_a_verdict_outside_the_domain_overrules_the_finding():
    prediction = make_prediction("fractured", domain=Verdict(False, 0.1, "It is a chest film."))
    text = report(prediction=prediction).text
    assert "This does not look like a limb radiograph" in text
    assert "0.87" not in text


# ----------------------------------------------------------------------------------------------- the pictures


def test_film_and_map_are_drawn_at_one_scale():
    film, overlay, legend = report(make_film(120, 80)).pictures
    assert film[2:] == overlay[2:]
    assert film[1] == overlay[1]
    assert film[2] / film[3] == pytest.approx(80 / 120, rel=1e-3)
    assert overlay[0] > film[0] + film[2]
    assert legend[2] == 90


def test_pictures_hold_the_film_and_the_map():
    from PIL import Image

    film = make_film(800, 600)
    objects = report(film).objects.values()
    jpegs = [stream(body) for body in objects if b"DCTDecode" in body]
    plain, over = (np.asarray(Image.open(io.BytesIO(jpeg)), float) for jpeg in jpegs)
    if plain.ndim == 3:
        plain, over = over, plain
    assert plain.shape == film.shape
    assert np.abs(plain / 255 - film.pixels).mean() < 0.01
    colour = over.max(axis=2) - over.min(axis=2)
    # the map's cells (3, 3) and (3, 4) of seven cover the input from 96 to 160 px: the film from 343 to 571
    assert colour[343:457, 343:571].mean() > 5 * max(colour[:200].mean(), 1)


def test_without_a_map_the_film_stands_alone():
    page = report(heatmap=None)
    assert len(page.pictures) == 1
    assert "Map none was asked for" in page.text
    assert "weight in the answer" not in page.text


@pytest.mark.parametrize("spacing", [None, (0.0, 0.1), (float("nan"), 0.1), (float("inf"), 1.0), (1e300, 1.0)])
def test_no_scale_bar_without_a_usable_spacing(spacing):
    text = report(make_film(spacing=spacing)).text
    assert "Pixel spacing not known: no scale bar" in text
    assert not re.search(r"\d mm", text)


@pytest.mark.parametrize("spacing", [(0.143, 0.143), (1e-5, 1e-5), (250.0, 250.0), (0.3, 0.1)])
@pytest.mark.parametrize("shape", [(90, 70), (70, 90)])
def test_scale_bar_measures_the_film_as_drawn(spacing, shape):
    page = report(make_film(*shape, spacing=spacing))
    number = r"(\S+)"
    bar = rf"1 1 1 RG\s+1\.2 w\s+n\s{number} {number} m {number} {number} l\s"
    x1, y1, x2, y2 = map(float, re.search(bar, page.drawing).groups())
    label = next(text for *_, text in page.lines if re.fullmatch(r"\S+ mm", text) and text[0].isdigit())
    length = float(label.split()[0])
    assert y1 == y2
    assert f"{length:e}"[0] in "125"
    _, _, width, height = page.pictures[0]
    assert (x2 - x1) / length == pytest.approx(width / (shape[1] * spacing[1]), rel=1e-3)
    assert (x2 - x1) / length == pytest.approx(height / (shape[0] * spacing[0]), rel=1e-3)


@pytest.mark.parametrize("shape", [(30, 4000), (4000, 30), (1, 1), (1, 3000), (3000, 1), (2, 3), (2500, 1800)])
def test_any_shape_of_film(shape):
    for finding in ("fractured", "not answered"):
        page = report(make_film(*shape), make_prediction(finding))
        assert f"{shape[1]} × {shape[0]} px" in page.text


def test_real_films_stay_below_a_megabyte(fracture_data):
    films = sorted((fracture_data / "fracatlas/images/Fractured").glob("*.jpg"))[::200]
    assert films
    for path in films:
        film = read_image(path)
        assert path.name in report(film).text


def test_noise_stays_below_a_megabyte():
    pixels = np.random.default_rng(0).random((1500, 1500)).astype(np.float32)
    film = Radiograph(pixels, "noise.png", "00" * 32, "PNG", None, ())
    assert len(report(film).pictures) == 3


# -------------------------------------------------------------------------------------------------- the scale


@pytest.mark.parametrize(
    "low, high",
    [(0, 0), (0, 0.001), (0.025, 0.0285), (0.08, 0.61), (0.45, 0.55), (0.97, 0.99), (1, 1), (0, 1)],
)
def test_thresholds_never_overlap(low, high):
    page = report(card=make_card(thresholds=(low, (low + high) / 2, high)))
    (x1, y1, first), (x2, y2, second) = (
        line for line in page.lines if line[2].startswith(("sensitive ", "specific "))
    )
    assert y1 == y2
    assert x1 + text_width(first, 7.5) + 5 < x2
    assert x2 + text_width(second, 7.5) <= RIGHT + 0.01


@pytest.mark.parametrize(
    "values, said",
    [
        ((0.871, 0.08, 0.61), "0.87"),
        ((0.6141, 0.08, 0.6144), "0.6141"),
        ((0.612, 0.08, 0.614), "0.612"),
        ((0.0, 0.08, 0.61), "0"),
        ((0.0001, 0.08, 0.61), "< 0.01"),
        ((0.9999, 0.08, 0.61), "> 0.99"),
        ((1.0, 0.08, 0.61), "1"),
        ((0.5, 0.3, 0.3), "0.50"),
    ],
)
def test_probabilities_keep_apart_what_differs_and_never_round_to_certainty(values, said):
    assert probability_format(*values)(values[0]) == said


# -------------------------------------------------------------------------------------------- names and notes


@pytest.mark.parametrize(
    "name, shown",
    [
        ("wrist (left) \\ 100%.png", "wrist (left) \\ 100%.png"),
        ("Łódź_Żółć_fraktúra_перелом_κάταγμα.png", "Łódź_Żółć_fraktúra_перелом_κάταγμα.png"),
        ("re\u0301sume\u0301.png", "résumé.png"),
        ("右手首の骨折.png", "右手首の骨折.png"),
        ("左腕骨折.png", "左腕骨折.png"),
        ("손목골절.png", "손목골절.png"),
        ("bone 🦴.png", "bone �.png"),
        ("line\nbreak\tand\x00nothing.png", "line break andnothing.png"),
        ("harmless\u202egnp.exe", "harmlessgnp.exe"),
        ("broken \udcff.png", "broken �.png"),
        ("צילום 12.png", "צילום 12.png"),  # in the order typed, not turned around
        ("صورة 12.png", "صورة 12.png"),
        ("\u202bצילום שמאל\u202c.png", "צילום שמאל.png"),
        ("", "film without a name"),
        ("\u200b", "film without a name"),
    ],
)
def test_any_name_is_drawn(name, shown):
    page = report(make_film(name=name))
    assert page.lines[2][2] == shown


def test_a_long_name_keeps_its_ending():
    shown = report(make_film(name="wrist_" * 50 + "left.dcm")).lines[2][2]
    assert shown.startswith("wrist_wrist_")
    assert shown.endswith("_left.dcm")
    assert "…" in shown
    assert text_width(shown, 9) <= RIGHT - LEFT


@pytest.mark.parametrize("name", ["骨" * 300, "🦴" * 300, "W" * 300, "ש" * 300, "م" * 300, "a\u0301" * 300])
def test_names_of_300_characters(name):
    shown = report(make_film(name=name)).lines[2][2]
    assert "…" in shown
    assert text_width(shown, 9) <= RIGHT - LEFT


@pytest.mark.parametrize(
    "notes",
    [
        tuple(f"note number {index} on this file" for index in range(5000)),
        ("x" * 100_000,),
        ("骨" * 9000,),
        ("",) * 99,
    ],
)
def test_any_number_of_notes(notes):
    page = report(make_film(notes=notes))
    assert "What it shows" in page.text  # what follows the notes is still there
    assert "Grad-CAM for “fractured”: Selvaraju" in page.text


def test_long_reasons_and_cards_stay_on_the_page():
    prediction = make_prediction("not answered", domain=Verdict(False, 0.1, "because " * 900))
    card = make_card(title="a title " * 200, attribution=["someone, CC BY 4.0"] * 200)
    page = report(prediction=prediction, card=card)
    assert "No probability is given" in page.text
    assert "Licence Apache-2.0" in page.text


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=80))
def test_printable_text_can_be_drawn(text):
    shown = printable(text)
    assert printable(shown) == shown
    assert text_width(shown, 9) >= 0
    assert shown == shown.strip()


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=200), st.floats(30, 300), st.integers(1, 6))
def test_wrapped_lines_fit_and_lose_nothing(text, width, most):
    text = printable(text)
    lines = wrap(text, width, 8)
    assert all(text_width(line, 8) <= width + 1e-6 for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    cut = wrap(text, width, 8, lines=most)
    assert len(cut) == min(len(lines), most)
    assert cut == lines or cut[-1].endswith("…")
    assert text_width(shorten(text, width, 8), 8) <= width + 1e-6


def test_facts_shrink_before_they_are_cut():
    few, some, many = ([("label", "word " * count)] * 10 for count in (3, 22, 300))
    assert settle([few], 150, 200)[0] == 8
    size, (rows,) = settle([some], 150, 370)
    assert 7 <= size < 8
    assert not any("…" in line for _, lines in rows for line in lines)
    _, (first, second) = settle([few, many], 150, 200)
    assert not any("…" in line for _, lines in first for line in lines)
    assert all(lines[-1].endswith("…") for _, lines in second)


def test_a_column_with_room_is_not_cut_for_the_sake_of_another():
    roomy, crowded = [("Map", "word " * 60)], [("label", "word " * 300)] * 10
    _, (first, second) = settle([roomy, crowded], 150, 300)
    assert " ".join(first[0][1]).split() == ["word"] * 60
    assert all(lines[-1].endswith("…") for _, lines in second)


# ----------------------------------------------------------------------------------------------- the document


def test_equal_input_gives_equal_bytes_in_any_thread():
    film = make_film(400, 300, name="手首 wrist.png")

    def render(_: int) -> bytes:
        return render_report(film, make_prediction(), make_map(film), make_card(), when=WHEN)

    with ThreadPoolExecutor(4) as pool:
        first, *others = pool.map(render, range(8))
    assert all(other == first for other in others)
    later = render_report(film, make_prediction(), make_map(film), make_card(), when=WHEN + timedelta(minutes=1))
    assert later != first


@pytest.mark.parametrize(
    "when, shown, stamp",
    [
        (WHEN, "20 November 2026, 10:30 UTC", b"D:20261120103000+00'00'"),
        (datetime(2026, 3, 1, 9, 5), "1 March 2026, 09:05", b"D:20260301090500"),
        (
            datetime(2026, 3, 1, 9, 5, tzinfo=timezone(timedelta(hours=-3, minutes=-30))),
            "1 March 2026, 09:05 UTC-03:30",
            b"D:20260301090500-03'30'",
        ),
    ],
)
def test_date(when, shown, stamp):
    pdf = render_report(make_film(), make_prediction(), None, make_card(), when=when)
    assert read_page(pdf).lines[1][2] == shown
    assert b"/CreationDate (" + stamp + b")" in pdf


def test_is_one_a4_page_with_embedded_fonts():
    pdf = render_report(make_film(), make_prediction(), None, make_card(), when=WHEN)
    assert pdf.startswith(b"%PDF-1.")
    assert re.search(rb"/MediaBox \[ 0 0 595\.\d+ 841\.\d+ \]", pdf)
    faces = [body for body in read_page(pdf).objects.values() if re.search(rb"/Type\s*/Font\b", body)]
    assert len(faces) == 2
    assert all(b"/ToUnicode" in face and b"/FontDescriptor" in face for face in faces)


def test_nothing_of_the_header_is_printed():
    pydicom = pytest.importorskip("pydicom")
    identity = {
        "PatientName": "Doe^Jane",
        "PatientID": "MRN4711",
        "PatientBirthDate": "19700102",
        "InstitutionName": "Saint Nowhere",
        "AccessionNumber": "ACC0815",
        "ReferringPhysicianName": "House^Gregory",
        "StudyDescription": "Left wrist of Jane",
        "SeriesDescription": "Jane lateral",
        "ImageComments": "call Jane",
    }
    data = pydicom.Dataset()
    for keyword, value in identity.items():
        setattr(data, keyword, value)
    data.SOPClassUID, data.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.1", "1.2.826.0.1.3680043.8.498.1"
    data.Modality, data.PixelSpacing = "CR", [0.2, 0.2]
    data.Rows, data.Columns, data.SamplesPerPixel = 40, 30, 1
    data.PhotometricInterpretation = "MONOCHROME1"
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 12, 11, 0
    data.PixelData = np.random.default_rng(0).integers(0, 4095, (40, 30), dtype=np.uint16).tobytes()
    data.file_meta = pydicom.dataset.FileMetaDataset()
    data.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    buffer = io.BytesIO()
    data.save_as(buffer, enforce_file_format=True)

    film = read_image(buffer.getvalue(), name="as named.dcm")
    pdf = render_report(film, make_prediction(), make_map(film), make_card(), when=WHEN)
    text = read_page(pdf).text
    assert "inverted MONOCHROME1" in text and "as named.dcm" in text
    for value in [*identity.values(), "Doe", "Jane", "Nowhere", "House", "1.2.826", "1970"]:
        assert value not in text
        assert value.encode() not in pdf


def test_imports_without_torch():
    code = "import sys, fracture_core.report; print(sorted({'torch', 'matplotlib'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
