"""Three readers mark one film, each with a tool of their own; Compare shows them with the right numbers."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from matplotlib.path import Path as Outline

from fracture_core.annotations import FilmEntry, Reading, open_store
from fracture_core.explain import explain
from fracture_core.imaging import read_image
from fracture_core.inference import load_classifier
from ui import cases

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]
PATIENCE = 200_000  # ms
LIST = "One film"


@pytest.fixture(scope="module")
def film() -> tuple[FilmEntry, bytes]:
    """A fractured film: of FracAtlas where it is at hand, else a synthetic one."""
    if os.environ.get("FRACTURE_DATA"):
        entry = cases.fracatlas_films(2, seed=3)[1]
        path = cases.fracatlas_root() / "images" / "Fractured" / entry.name
        return entry, path.read_bytes()
    entry, drawn = cases.practice_films()[1]
    return entry, drawn.content


@pytest.fixture
def store(fresh_server: str, tmp_path: Path, film):
    """The readings of a server of this test's own: what an attempt that failed had written is not in the way."""
    with open_store(f"sqlite:///{tmp_path / 'annotations.db'}") as opened:
        opened.add_films([film[0]])
        for reader in ("Anna", "Ben", "Cleo"):
            opened.add_reader(reader)
        opened.create_worklist(LIST, [film[0].sha256], ["Anna", "Ben", "Cleo"], seed=0)
        yield opened


class Screen:
    """One reader's browser, with the film's pixels as its coordinates."""

    def __init__(self, browser, server: str, film: FilmEntry) -> None:
        self.film, self.server = film, server
        self.context = browser.new_context(viewport={"width": 1440, "height": 1100})
        self.page = self.context.new_page()
        self.page.set_default_timeout(PATIENCE)
        self.failures: list[str] = []
        self.page.on("pageerror", lambda error: self.failures.append(str(error)))

    def open(self, page: str) -> None:
        self.page.goto(self.server)
        self.page.get_by_role("link", name=page).click()

    def sit_down(self, reader: str) -> None:
        self.open("Annotate")
        name = self.page.get_by_role("combobox", name="Reader")
        name.fill(reader)
        name.press("Enter")
        self.page.locator(".viewer .frame").wait_for()
        self.page.wait_for_timeout(1500)  # the film settles in its frame

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Where a film's pixel is on the screen."""
        box = self.page.locator(".viewer .frame").bounding_box()
        scale = min(box["width"] / self.film.width, box["height"] / self.film.height)
        left = box["x"] + (box["width"] - self.film.width * scale) / 2
        top = box["y"] + (box["height"] - self.film.height * scale) / 2
        return left + x * scale, top + y * scale

    def tool(self, key: str) -> None:
        self.page.locator(".viewer .frame").focus()
        self.page.keyboard.press(key)

    def drag(self, *points: tuple[float, float]) -> None:
        self.page.mouse.move(*self.at(*points[0]))
        self.page.mouse.down()
        for point in points[1:]:
            self.page.mouse.move(*self.at(*point), steps=4)
        self.page.mouse.up()

    def click(self, x: float, y: float) -> None:
        self.page.mouse.click(*self.at(x, y))

    def find(self, finding: str) -> None:
        self.page.get_by_role("button", name=finding).first.click()
        self.page.get_by_role("button", name="Commit").and_(self.page.locator(":enabled")).wait_for()

    def commit(self) -> None:
        self.page.get_by_role("button", name="Commit").click()
        self.page.get_by_text("You said:").wait_for()

    def close(self) -> None:
        assert self.failures == []
        self.context.close()


@pytest.fixture
def anna(browser, fresh_server: str, film, store):
    screen = Screen(browser, fresh_server, film[0])
    screen.sit_down("Anna")
    yield screen
    screen.close()


def test_two_clicks_on_commit_make_one_reading(anna: Screen, film, store) -> None:
    anna.find("No fracture")
    anna.page.get_by_role("button", name="Commit").dblclick()
    anna.page.get_by_text("You said:").wait_for()
    anna.page.wait_for_timeout(1500)
    assert [one.finding for one in store.readings(superseded=True)] == ["none"]


def test_enter_presses_the_button_that_was_reached_by_tab_and_commits_after_a_click(anna: Screen, store) -> None:
    anna.find("Fracture")
    anna.page.get_by_role("button", name="Fracture").first.focus()
    anna.page.keyboard.press("Tab")  # to "No fracture"
    anna.page.keyboard.press("Enter")
    draft = lambda: store.draft(anna.film.sha256, "Anna", "nothing")  # noqa: E731
    eventually(anna.page, lambda: draft().finding, lambda finding: finding == "none")
    assert store.readings() == [], "nothing was committed"
    anna.find("Uncertain")
    eventually(anna.page, lambda: draft().finding, lambda finding: finding == "uncertain")
    anna.page.get_by_role("button", name="Zoom in").click()  # it keeps the focus, and yet Enter commits
    anna.page.locator("[data-test-script-state='notRunning']").wait_for(state="attached")
    anna.page.wait_for_timeout(500)
    anna.page.keyboard.press("Enter")
    anna.page.get_by_text("You said:").wait_for()
    assert [one.finding for one in store.readings()] == ["uncertain"]


def eventually(page, told, wanted, *, tries: int = 80) -> None:
    for _ in range(tries):
        if wanted(told()):
            return
        page.wait_for_timeout(250)
    raise AssertionError(f"never came: {told()}")


def test_three_readers_and_their_comparison(browser, fresh_server, store, film) -> None:
    entry, content = film
    width, height = entry.width, entry.height
    left, top = 0.35 * width, 0.4 * height
    reach = 0.2 * min(width, height)

    anna = Screen(browser, fresh_server, entry)
    anna.sit_down("Anna")
    anna.tool("x")
    anna.drag((left, top), (left + reach, top + reach))
    anna.find("Fracture")
    anna.commit()
    anna.close()
    (box,) = only(store.readings(reader="Anna")).marks
    assert box.kind == "box"
    assert np.abs(np.array(box.bounds) - (left, top, left + reach, top + reach)).max() < 0.01 * max(width, height)

    ben = Screen(browser, fresh_server, entry)
    ben.sit_down("Ben")
    ben.tool("p")
    corners = [(left, top), (left + reach, top), (left + reach, top + reach), (left, top + 0.8 * reach)]
    for corner in corners:
        ben.click(*corner)
    ben.page.keyboard.press("Enter")
    eventually(ben.page, lambda: store.draft(entry.sha256, "Ben", "nothing").marks, lambda marks: len(marks) == 1)
    drawn = store.draft(entry.sha256, "Ben", "nothing").marks[0]
    assert len(drawn.points) == 4
    ben.tool("v")
    ben.drag(corners[2], (corners[2][0] + reach / 2, corners[2][1] + reach / 2))
    marks_of_ben = lambda: store.draft(entry.sha256, "Ben", "nothing").marks  # noqa: E731
    eventually(ben.page, marks_of_ben, lambda marks: marks[0].points != drawn.points)
    moved = marks_of_ben()[0]
    assert sum(a != b for a, b in zip(moved.points, drawn.points, strict=True)) == 1  # one vertex, and only it
    ben.tool("Control+z")
    eventually(ben.page, marks_of_ben, lambda marks: marks[0].points == drawn.points)
    ben.page.reload()
    ben.page.get_by_text("Mark it like an expert").wait_for()  # a reload begins with the reader's name
    ben.sit_down("Ben")
    ben.page.locator(".viewer svg polygon, .viewer svg path").first.wait_for()
    assert marks_of_ben()[0].points == drawn.points
    ben.find("Fracture")
    ben.commit()
    ben.close()

    cleo = Screen(browser, fresh_server, entry)
    cleo.sit_down("Cleo")
    cleo.tool("f")
    turns = np.linspace(0, 2 * np.pi, 24)
    centre = np.array([left + reach / 2, top + reach / 2])
    cleo.drag(*[tuple(centre + reach / 2 * np.array([np.cos(t), np.sin(t)])) for t in turns])
    cleo.find("Fracture")
    cleo.commit()
    (loop,) = only(store.readings(reader="Cleo")).marks
    assert loop.kind == "freehand"
    assert area(loop.outline, (height, width)) == pytest.approx(np.pi * reach**2 / 4, rel=0.08)

    cleo.open("Compare")
    page = cleo.page
    page.locator(".viewer[data-painted]").wait_for()
    for name in ("Anna", "Ben", "Cleo", "Consensus"):
        page.locator(".viewer").get_by_role("button", name=name).wait_for()
    page.get_by_role("combobox", name="Regions of").wait_for()
    shown = page.locator(".js-plotly-plot").first
    shown.locator("text=Energy in regions").wait_for()
    readings = {reading.reader: reading for reading in store.readings()}
    page.get_by_role("combobox", name="Regions of").click()
    page.get_by_role("option", name="Anna").click()
    expected = energy_by_hand(content, entry, readings["Anna"])
    shown.locator(f"text={expected:.2f} (").wait_for()
    cleo.close()


def test_films_of_ones_own_are_read_and_not_kept(browser, fresh_server, tmp_path) -> None:
    entry, drawn = cases.practice_films()[3]
    dora = Screen(browser, fresh_server, entry)
    dora.open("Annotate")
    name = dora.page.get_by_role("combobox", name="Reader")
    name.fill("Dora")
    name.press("Enter")
    dora.page.get_by_role("button", name="New work list").click()
    payload = {"name": "mine.png", "mimeType": "image/png", "buffer": drawn.content}
    dora.page.set_input_files("input[type=file]", [payload])
    dora.page.get_by_role("button", name="Make the list").click()
    dora.page.locator(".viewer .frame").wait_for()
    dora.page.get_by_text("held by this page alone").wait_for()
    dora.find("No fracture")
    dora.commit()
    dora.close()
    with open_store(f"sqlite:///{tmp_path / 'annotations.db'}") as store:
        (reading,) = store.readings(reader="Dora")
        assert (reading.finding, reading.film) == ("none", entry.sha256)
        assert store.film_content(reading.film) is None


def only(readings: list[Reading]) -> Reading:
    (reading,) = readings
    return reading


def inside(outline: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Pixels whose centre an outline holds, by another program than the one under test."""
    rows, columns = np.mgrid[: shape[0], : shape[1]] + 0.5
    return Outline(outline).contains_points(np.stack([columns.ravel(), rows.ravel()], axis=1)).reshape(shape)


def area(outline: np.ndarray, shape: tuple[int, int]) -> float:
    return float(inside(outline, shape).sum())


def energy_by_hand(content: bytes, entry: FilmEntry, reading: Reading) -> float:
    """The share of the default model's Grad-CAM that lies in a reading's regions."""
    radiograph = read_image(content, name=entry.name)
    heat = explain(load_classifier(), radiograph).pixels
    mask = np.logical_or.reduce([inside(mark.outline, heat.shape) for mark in reading.marks])
    return float(heat[mask].sum() / heat.sum())
