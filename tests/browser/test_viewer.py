"""The viewer's tools with mouse, keys, pen and fingers, in a real Chromium."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from playwright.sync_api import expect

ROOT = Path(__file__).resolve().parents[2]
WIDTH = 2400  # px of the page's films
PATIENCE = 60_000  # ms
EDGE = 8  # screen pixels
pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the viewer's own page is served."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("viewer") / "log.txt"
    command = [sys.executable, "-m", "streamlit", "run", "tests/browser/viewer_page.py", "--server.headless=true"]
    command += [f"--server.port={port}", "--server.address=127.0.0.1"]
    with log.open("w") as stream:
        process = subprocess.Popen(command, cwd=ROOT, stdout=stream, stderr=subprocess.STDOUT, env=os.environ)
    try:
        for _ in range(240):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=1).read()
                break
            except OSError:
                assert process.poll() is None, log.read_text()
                time.sleep(0.5)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)


class Reader:
    """A reader before one viewer: what the hands do, in source pixels, and what comes of it."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.frame = page.locator(".viewer .frame").first
        self.frame.wait_for()
        page.wait_for_function("document.querySelector('.stBidiComponent') !== null")
        self.frame.locator("img.film").evaluate("image => image.decode()")

    def view(self) -> tuple[float, float, float]:
        """Scale, left and top of the film on the screen."""
        return tuple(
            self.frame.evaluate(
                f"""frame => {{
                    const box = frame.querySelector('.stage').getBoundingClientRect();
                    return [box.width / {WIDTH}, box.left, box.top];
                }}"""
            )
        )

    def screen(self, x: float, y: float) -> tuple[float, float]:
        scale, left, top = self.view()
        return left + x * scale, top + y * scale

    def move(self, x: float, y: float, steps: int = 4) -> None:
        self.page.mouse.move(*self.screen(x, y), steps=steps)

    def click(self, x: float, y: float, **options: Any) -> None:
        self.page.mouse.click(*self.screen(x, y), **options)

    def double(self, x: float, y: float) -> None:
        self.page.mouse.dblclick(*self.screen(x, y))

    def drag(self, *points: tuple[float, float], button: str = "left") -> None:
        self.move(*points[0])
        self.page.mouse.down(button=button)
        for point in points[1:]:
            self.move(*point)
        self.page.mouse.up(button=button)

    def keys(self, *names: str) -> None:
        for name in names:
            self.page.keyboard.press(name)

    def focus(self) -> None:
        self.frame.focus()

    def box(self, *corners: tuple[float, float]) -> None:
        self.focus()
        self.keys("x")
        self.drag(*corners)

    def told(self, name: str = "drawn") -> dict[str, Any]:
        return json.loads(self.page.locator(f"#{name}").inner_text())

    def marks(self, count: int | None = None, until: Callable[[list], bool] | None = None) -> list[dict[str, Any]]:
        """What the server has heard, once it is what is waited for."""
        deadline = time.monotonic() + 20
        while True:
            marks = self.told().get("marks", [])
            if (count is None or len(marks) == count) and (until is None or (marks and until(marks))):
                return marks
            assert time.monotonic() < deadline, f"the server has heard {marks}"
            time.sleep(0.05)

    def seen(self) -> int:
        """Marks on the screen, once it has been painted."""
        self.painted()
        return self.frame.locator(".mark").count()

    def said(self) -> str:
        return self.page.locator(".viewer .live").first.inner_text().strip()

    def painted(self) -> None:
        self.page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def picture(self) -> np.ndarray:
        """The frame as gray values, without its edge, which shows the focus."""
        self.painted()
        picture = cv2.imdecode(np.frombuffer(self.frame.screenshot(), np.uint8), cv2.IMREAD_GRAYSCALE)
        return picture[EDGE:-EDGE, EDGE:-EDGE]


def near(got: list, expected: list, tolerance: float = 0.5) -> bool:
    return bool(np.abs(np.array(got) - np.array(expected)).max() <= tolerance)


@pytest.fixture
def opened(browser, address: str) -> Iterator[Callable[..., Reader]]:
    contexts, failures = [], []

    def opening(query: str = "", **options: Any) -> Reader:
        context = browser.new_context(**{"viewport": {"width": 1440, "height": 900}, **options})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("pageerror", lambda error: failures.append(str(error)))
        page.on("request", lambda request: failures.append(request.url) if leaves(request.url, address) else None)
        page.goto(f"{address}/?{query}")
        return Reader(page)

    yield opening
    for context in contexts:
        context.close()
    assert failures == [], "the page threw, or asked another machine for something"


def leaves(url: str, address: str) -> bool:
    return not url.startswith((address, address.replace("http", "ws"), "data:", "blob:"))


@pytest.fixture
def reader(opened) -> Reader:
    return opened()


# --- drawing ---------------------------------------------------------------------------------------------------


def test_a_box_is_drawn_where_the_pointer_was(reader: Reader) -> None:
    reader.box((1300, 1500), (900, 1100))
    assert reader.seen() == 1
    (mark,) = reader.marks(1)
    assert (mark["kind"], mark["label"]) == ("box", "fracture")
    assert near(mark["points"], [[900, 1100], [1300, 1500]])
    assert reader.said() == "Box added"
    told = reader.told()
    assert told["revision"] == 1
    assert told["seconds"] > 5  # the page said that five had passed before


def test_two_clicks_draw_a_box_too(reader: Reader) -> None:
    reader.focus()
    reader.keys("x")
    reader.click(900, 1100)
    reader.click(1300, 1500)
    assert near(reader.marks(1)[0]["points"], [[900, 1100], [1300, 1500]])


@pytest.mark.parametrize("end", ["Enter", "double click", "first vertex"])
def test_a_polygon_is_closed(reader: Reader, end: str) -> None:
    corners = [[900, 1000], [1400, 1100], [1300, 1600], [950, 1500]]
    reader.focus()
    reader.keys("p")
    for corner in corners[:3]:
        reader.click(*corner)
    if end == "double click":
        reader.double(*corners[3])
    else:
        reader.click(*corners[3])
        if end == "Enter":
            reader.keys("Enter")
        else:
            reader.page.wait_for_timeout(400)
            reader.click(905, 1003)
    (mark,) = reader.marks(1)
    assert mark["kind"] == "polygon"
    assert near(mark["points"], corners)
    assert reader.frame.locator(".drawing path").count() == 0


def test_a_polygon_gives_points_back_and_is_cancelled(reader: Reader) -> None:
    reader.focus()
    reader.keys("p")
    for corner in ((900, 1000), (1400, 1100), (2000, 2000), (1300, 1600)):
        reader.click(*corner)
    reader.keys("Backspace", "Backspace")
    reader.click(1200, 1700)
    reader.keys("Enter")
    assert near(reader.marks(1)[0]["points"], [[900, 1000], [1400, 1100], [1200, 1700]])
    reader.click(300, 300)
    reader.click(600, 300)
    reader.keys("Escape", "Enter")
    assert reader.seen() == 1
    assert reader.told()["revision"] == 1


@pytest.mark.parametrize("whole", [True, False], ids=["a mouse's whole pixels", "a pen's parts of pixels"])
def test_freehand_closes_itself_and_is_simplified(reader: Reader, whole: bool, monkeypatch) -> None:
    if whole:
        screen = reader.screen
        monkeypatch.setattr(reader, "screen", lambda x, y: tuple(map(round, screen(x, y))))
    reader.focus()
    reader.keys("f")
    angles = np.linspace(0, 2 * np.pi, 120)
    circle = [(1200 + 400 * np.cos(angle), 1400 + 400 * np.sin(angle)) for angle in angles]
    reader.drag(*circle)
    (mark,) = reader.marks(1)
    outline = np.array(mark["points"])
    assert mark["kind"] == "freehand"
    assert 10 < len(outline) < 80
    away = np.abs(np.hypot(*(outline - (1200, 1400)).T) - 400)
    assert away.max() < 3 / reader.view()[0]
    area = cv2.contourArea(outline.astype(np.float32))
    assert abs(area / (np.pi * 400**2) - 1) < 0.03


def test_a_point_is_set_once_by_a_double_click(reader: Reader) -> None:
    reader.focus()
    reader.keys("o")
    reader.double(1111, 1222)
    reader.click(1500, 1222)
    marks = reader.marks(2)
    assert near(marks[0]["points"], [[1111, 1222]])
    assert marks[0]["id"] != marks[1]["id"]


def settle(reader: Reader) -> None:
    """Wait until the film stands still: a busy machine hands out wheel turns and frames late."""
    before = None
    while before != (now := reader.view()):
        before = now
        reader.page.wait_for_timeout(250)


def test_coordinates_are_exact_when_zoomed_and_moved(reader: Reader) -> None:
    reader.focus()
    reader.page.mouse.move(*reader.screen(1500, 1900))
    for _ in range(6):
        reader.page.mouse.wheel(0, -200)
    reader.keys("ArrowLeft", "ArrowUp")
    settle(reader)
    assert reader.view()[0] > 1.5, "far in"
    reader.box((1450.5, 1850.25), (1620.75, 1990.5))
    assert near(reader.marks(1)[0]["points"], [[1450.5, 1850.25], [1620.75, 1990.5]])
    reader.keys("0")
    settle(reader)
    left, top = reader.frame.locator(".mark .line").evaluate(
        "line => { const box = line.getBoundingClientRect(); return [box.left, box.top]; }"
    )
    x, y = reader.screen(1450.5, 1850.25)
    assert abs(left - x) < 3 and abs(top - y) < 3, "drawn where it was marked"


def test_everything_can_be_drawn_by_keyboard(reader: Reader) -> None:
    reader.focus()
    reader.keys("p", "Space")  # the crosshair comes to the middle
    reader.frame.locator(".drawing .hair").nth(1).wait_for(state="attached")
    reader.keys("Space", *["ArrowRight"] * 10, "Space", *["Shift+ArrowDown"] * 2, "Space", "Enter")
    (mark,) = reader.marks(1)
    scale = reader.view()[0]
    steps = np.diff(np.array(mark["points"]), axis=0)
    assert near(steps.tolist(), [[40 / scale, 0], [0, 80 / scale]], 0.1)
    reader.keys("o", "Shift+ArrowLeft", "Enter", "x", "Shift+ArrowLeft", "Space", "Shift+ArrowUp", "Shift+ArrowLeft")
    reader.keys("Enter")
    assert [mark["kind"] for mark in reader.marks(3)] == ["polygon", "point", "box"]


# --- changing --------------------------------------------------------------------------------------------------


def test_a_mark_is_moved_and_one_of_its_corners(reader: Reader) -> None:
    reader.box((900, 1100), (1300, 1500))
    reader.keys("v")
    reader.drag((1100, 1300), (1150, 1350), (1200, 1400))
    reader.marks(until=lambda marks: near(marks[0]["points"], [[1000, 1200], [1400, 1600]], 1))
    reader.drag((1400, 1200), (1500, 1100), (1600, 1000))
    marks = reader.marks(until=lambda marks: near(marks[0]["points"], [[1000, 1000], [1600, 1600]], 1.5))
    assert marks[0]["kind"] == "box"
    assert reader.told()["revision"] == 3, "one for each gesture"


def test_a_mark_stays_on_the_film(reader: Reader) -> None:
    reader.box((200, 300), (500, 600))
    reader.keys("v")
    reader.drag((350, 450), (100, 300), (-200, 100))
    reader.marks(until=lambda marks: near(marks[0]["points"], [[0, 0], [300, 300]], 1))


def test_vertices_are_moved_inserted_and_deleted(reader: Reader) -> None:
    reader.focus()
    reader.keys("p")
    for corner in ((900, 1000), (1500, 1000), (1500, 1600)):
        reader.click(*corner)
    reader.keys("Enter", "v")
    reader.marks(1)
    reader.double(1200, 1000)
    points = reader.marks(until=lambda marks: len(marks[0]["points"]) == 4)[0]["points"]
    assert near(points[1], [1200, 1000], 2)
    reader.drag((1200, 1000), (1200, 900), (1200, 800))
    reader.marks(until=lambda marks: near(marks[0]["points"][1], [1200, 800], 3))
    reader.move(1500, 1300)
    reader.keys("Escape")
    reader.click(1400, 1200)
    reader.move(1500, 1300)
    reader.keys("Insert")
    reader.marks(until=lambda marks: len(marks[0]["points"]) == 5)
    reader.keys("Delete")
    reader.marks(until=lambda marks: len(marks[0]["points"]) == 4)
    reader.keys(".", "Delete", ".", "Delete", ".", "Delete")
    assert len(reader.marks(until=lambda marks: len(marks[0]["points"]) == 3)) == 1
    assert "three" in reader.said()


def test_marks_are_nudged_duplicated_and_deleted(reader: Reader) -> None:
    reader.box((900, 1100), (1300, 1500))
    reader.keys("v", "ArrowRight", "Shift+ArrowDown")
    reader.marks(until=lambda marks: near(marks[0]["points"], [[901, 1110], [1301, 1510]]))
    reader.keys("d")
    marks = reader.marks(2)
    assert marks[1]["points"][0][0] > marks[0]["points"][0][0]
    reader.keys("Delete")
    assert reader.marks(1)[0]["id"] == marks[0]["id"]
    reader.focus()
    reader.keys("Tab", "Backspace")
    assert reader.marks(0) == []


def test_fifty_steps_are_undone_and_done_again(reader: Reader) -> None:
    reader.box((900, 1100), (1300, 1500))
    reader.keys("v", "ArrowRight", "ArrowRight", "d")
    reader.marks(2)
    reader.keys("Control+z")
    assert reader.said() == "Undone"
    reader.marks(1)
    reader.keys("Control+z", "Control+z")
    reader.marks(until=lambda marks: near(marks[0]["points"][0], [900, 1100]))
    reader.keys("Control+Shift+z", "Control+y", "Control+y")
    reader.marks(2, until=lambda marks: near(marks[0]["points"][0], [902, 1100]))
    reader.page.get_by_role("button", name="Undo (Ctrl+Z)").click()
    reader.marks(1)


def test_tab_goes_through_the_marks_and_on(reader: Reader) -> None:
    for x in (300, 1300):
        reader.box((x, 1100), (x + 300, 1500))
    reader.keys("v", "Escape", "Tab")
    assert "1 of 2" in reader.said()
    reader.keys("Tab")
    assert "2 of 2" in reader.said()
    reader.keys("Tab")
    assert reader.frame.evaluate("frame => frame.getRootNode().activeElement !== frame"), "the focus goes on"


def test_a_note_that_is_left_is_kept_and_the_focus_stays_where_it_went(reader: Reader) -> None:
    reader.box((900, 1100), (1300, 1500))
    reader.marks(1)
    reader.keys("v", "n")
    reader.page.get_by_role("textbox", name="Note on the mark").fill("not yet kept")
    reader.page.get_by_text("Rerun").click()
    assert reader.marks(until=lambda marks: marks[0]["note"])[0]["note"] == "not yet kept"
    assert not reader.page.get_by_role("dialog", name="Label and note").is_visible()
    assert reader.frame.evaluate("frame => !frame.matches(':focus')")


def test_the_same_part_stays_in_view_when_the_frame_changes_its_size(reader: Reader) -> None:
    reader.focus()
    for _ in range(5):
        reader.keys("+")
    reader.drag((1500, 1500), (1100, 1200), button="middle")
    reader.painted()

    def middle() -> tuple[float, float]:
        scale, left, top = reader.view()
        box = reader.frame.bounding_box()
        return (box["x"] + box["width"] / 2 - left) / scale, (box["y"] + box["height"] / 2 - top) / scale

    before, width = middle(), reader.frame.bounding_box()["width"]
    reader.page.set_viewport_size({"width": 900, "height": 700})
    reader.page.wait_for_function("width => document.querySelector('.stBidiComponent') !== null", arg=width)
    reader.painted()
    assert reader.frame.bounding_box()["width"] < width - 100
    assert near(middle(), before, 3 / reader.view()[0])


def test_a_label_and_a_note_are_written_by_keyboard(reader: Reader) -> None:
    reader.box((900, 1100), (1300, 1500))
    reader.keys("v", "n")
    label = reader.page.get_by_label("Label of the mark")
    assert label.input_value() == "fracture"
    reader.page.keyboard.type("dislocation")
    reader.keys("Tab")
    reader.page.keyboard.type("xpfo: letters are letters here")
    reader.keys("Enter")
    (mark,) = reader.marks(until=lambda marks: marks[0]["note"] != "")
    assert (mark["label"], mark["note"]) == ("dislocation", "xpfo: letters are letters here")
    assert "dislocation" in reader.frame.locator(".tag").text_content()
    reader.keys("n")
    reader.page.keyboard.type("something else")
    reader.keys("Escape")
    assert reader.seen() == 1
    assert reader.marks(1)[0]["label"] == "dislocation"
    assert reader.frame.evaluate("frame => frame.getRootNode().activeElement === frame")


# --- looking ---------------------------------------------------------------------------------------------------


def test_the_window_changes_what_is_seen_by_drag_keys_and_sliders(reader: Reader) -> None:
    before = reader.picture()
    reader.drag((1200, 1500), (1000, 1500), (700, 1500), button="right")
    narrow = reader.picture()
    assert narrow.std() > before.std() + 3, "a narrower window has more contrast"
    assert reader.frame.locator(".readout").inner_text().startswith("L 0.50")
    reader.keys("r")
    assert np.abs(reader.picture().astype(int) - before).max() <= 2
    reader.keys("]", "]", "]")
    assert reader.picture().mean() < before.mean() - 3, "a higher level is darker"
    reader.keys("r", "{", "{", "{")
    assert reader.picture().std() > before.std() + 3
    reader.keys("r")
    reader.page.keyboard.down("Shift")
    reader.drag((1200, 1500), (1200, 1900), (1200, 2100))
    reader.page.keyboard.up("Shift")
    assert reader.picture().mean() < before.mean() - 3
    reader.page.get_by_role("button", name="Window and level").click()
    reader.page.get_by_label("Window level").fill("0.3")
    assert reader.picture().mean() > before.mean() + 3
    reader.page.get_by_role("button", name="Reset the window (R)").click()
    reader.page.mouse.move(5, 5)
    assert np.abs(reader.picture().astype(int) - before).max() <= 2


def test_invert_turns_every_gray(reader: Reader) -> None:
    before = reader.picture()
    reader.focus()
    reader.keys("i")
    after = reader.picture()
    scale, left, _ = reader.view()
    frame = reader.frame.bounding_box()
    rows = slice(60, 400)
    columns = slice(int(left - frame["x"]) + 5 - EDGE, int(left - frame["x"] + WIDTH * scale) - 5 - EDGE)
    assert np.abs(after[rows, columns].astype(int) + before[rows, columns] - 255).max() <= 4
    reader.page.get_by_role("button", name="Invert black and white (I)").click()
    reader.frame.evaluate("frame => frame.blur()")
    assert np.abs(reader.picture()[rows, columns].astype(int) - before[rows, columns]).max() <= 2


def test_layers_are_switched_by_chips_and_named_under_the_pointer(opened) -> None:
    reader = opened("layers=1")
    chip = reader.page.get_by_role("button", name="Reader B, 1 mark")
    assert reader.frame.locator("[data-layer='Reader B'] path").count() > 0
    chip.click()
    assert chip.get_attribute("aria-pressed") == "false"
    assert reader.frame.locator("[data-layer='Reader B']").count() == 0
    chip.click()
    box = reader.frame.locator("[data-layer='Reader B'] .line").bounding_box()
    reader.page.mouse.move(box["x"] + box["width"] - 3, box["y"] + box["height"] - 3)
    reader.frame.locator(".readout", has_text="Reader B").wait_for()
    assert reader.told() == {}, "looking is nothing the server needs to hear"


def test_blink_and_divider_show_the_film_beneath(opened) -> None:
    reader = opened("scene=look")
    reader.page.locator(".viewer[data-painted]").wait_for()
    reader.frame.evaluate("frame => frame.blur()")
    overlaid = reader.picture()
    reader.focus()
    reader.page.keyboard.down("b")
    assert not reader.frame.locator("canvas.map").is_visible()
    assert not reader.frame.locator("svg.others").is_visible()
    bare = reader.picture()
    reader.page.keyboard.up("b")
    assert reader.frame.locator("canvas.map").is_visible()
    differing = np.abs(overlaid.astype(int) - bare) > 8
    reader.keys("s")
    divider = reader.page.get_by_role("slider", name="Divider between film and overlay")
    box = divider.bounding_box()
    frame = reader.frame.bounding_box()
    reader.page.mouse.move(box["x"] + 12, box["y"] + 40)
    reader.page.mouse.down()
    reader.page.mouse.move(frame["x"] + frame["width"] - 2, box["y"] + 40, steps=5)
    reader.page.mouse.up()
    assert float(divider.get_attribute("aria-valuenow")) >= 99
    swept = reader.picture()
    assert differing.sum() > 500
    assert (np.abs(swept.astype(int) - bare) > 8)[differing].mean() < 0.02, "right of it nothing is left"
    divider.press("Home")
    reader.painted()
    assert divider.get_attribute("aria-valuenow") == "0"


def test_one_map_of_several_is_seen(opened) -> None:
    reader = opened("scene=look")
    reader.page.locator(".viewer .caption", has_text="ResNet").wait_for()
    reader.page.get_by_role("button", name="DenseNet").click()
    reader.page.locator(".viewer .caption", has_text="DenseNet").wait_for()
    assert reader.page.get_by_role("button", name="ResNet").get_attribute("aria-pressed") == "false"
    reader.page.get_by_role("button", name="DenseNet").click()
    assert not reader.frame.locator("canvas.map").is_visible()


def test_linked_viewers_zoom_together(opened) -> None:
    reader = opened("scene=pair")
    frames = reader.page.locator(".viewer .frame")
    frames.nth(1).wait_for()
    frames.nth(0).focus()
    reader.keys("+", "+", "ArrowDown")
    for frame in (frames.nth(0), frames.nth(1)):
        expect(frame).to_have_attribute("data-zoom", "1.96")
    frames.nth(1).focus()
    reader.keys("0")
    expect(frames.nth(0)).to_have_attribute("data-zoom", "1.00")


def test_the_film_is_moved_by_space_and_middle_button_while_a_tool_is_active(reader: Reader) -> None:
    reader.focus()
    reader.keys("+", "+", "+", "x")
    before = reader.view()
    reader.page.keyboard.down("Space")
    reader.drag((1200, 1500), (1300, 1600))
    reader.page.keyboard.up("Space")
    after = reader.view()
    assert after[1] > before[1] and after[2] > before[2]
    reader.drag((1200, 1500), (1100, 1400), button="middle")
    assert reader.view()[1] < after[1]
    assert reader.seen() == 0
    reader.keys("z")
    assert abs(reader.view()[0] - 1) < 0.01


def test_the_help_lists_the_keys(reader: Reader) -> None:
    reader.focus()
    reader.keys("?")
    sheet = reader.page.get_by_role("dialog", name="Keys and gestures")
    assert "Polygon" in sheet.inner_text() or "polygon" in sheet.inner_text()
    reader.keys("Escape")
    assert sheet.count() == 0 or not sheet.is_visible()
    reader.page.get_by_role("button", name="Keys and gestures (?)").click()
    assert sheet.is_visible()


def test_every_control_has_a_name_and_a_finger_can_hit_it(opened) -> None:
    reader = opened("layers=1")
    controls = reader.page.locator(".viewer").locator("button:visible, input:visible, select:visible")
    for control in controls.all():
        facts = control.evaluate(
            "node => [node.ariaLabel || node.textContent.trim(), node.offsetWidth, node.offsetHeight]"
        )
        assert facts[0], "a control without a name"
        assert min(facts[1:]) >= 24, facts


# --- pages that run again ---------------------------------------------------------------------------------------


def test_what_is_drawn_while_the_page_runs_is_kept(reader: Reader) -> None:
    reader.page.get_by_text("Slow").click()
    reader.page.wait_for_timeout(300)
    reader.box((300, 300), (600, 600))
    assert reader.seen() == 1, "at once, whatever the server does"
    reader.drag((900, 300), (1200, 600))
    reader.page.get_by_role("button", name="Rerun").click()
    reader.drag((1500, 300), (1800, 600))
    assert reader.seen() == 3
    assert len({mark["id"] for mark in reader.marks(3)}) == 3
    assert reader.told()["revision"] == 3
    assert reader.told("heard")["marks"] == reader.told()["marks"]


def test_a_drag_goes_on_while_the_page_runs(reader: Reader) -> None:
    reader.box((900, 1100), (1300, 1500))
    reader.marks(1)
    reader.keys("v")
    reader.page.get_by_text("Slow").click()
    reader.page.wait_for_timeout(300)
    reader.move(1100, 1300)
    reader.page.mouse.down()
    reader.move(1200, 1300)
    reader.page.wait_for_timeout(2500)  # the run ends
    reader.move(1300, 1300)
    reader.page.mouse.up()
    reader.marks(until=lambda marks: near(marks[0]["points"], [[1100, 1100], [1500, 1500]], 1.5))


def test_a_mark_that_is_lost_on_the_way_is_sent_again_until_it_is_kept(opened, browser, address) -> None:
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    cut, sent = [], []

    def line(socket) -> None:
        server = socket.connect_to_server()
        socket.on_message(lambda message: sent.append(message) if cut else server.send(message))

    page.route_web_socket(lambda url: "_stcore/stream" in url, line)
    page.goto(address)
    reader = Reader(page)
    cut.append(True)
    reader.box((300, 300), (600, 600))
    page.wait_for_timeout(4000)
    assert len(sent) >= 2, "it is sent again"
    assert reader.told() == {}
    cut.clear()
    reader.marks(1)
    cut.append(True)
    sent.clear()
    page.wait_for_timeout(4000)
    assert sent == [], "it is known to be kept"
    page.close()


def test_marks_survive_a_visit_elsewhere_with_their_undo(reader: Reader) -> None:
    reader.box((900, 1100), (1300, 1500))
    reader.drag((300, 300), (600, 600))
    reader.marks(2)
    reader.page.get_by_text("Away").click()
    reader.frame.wait_for(state="detached")
    reader.page.get_by_text("Away").click()
    reader.frame.wait_for()
    reader.frame.locator(".mark").nth(1).wait_for()
    reader.marks(2)  # the server forgot, and was told again
    reader.focus()
    reader.keys("Control+z")
    reader.marks(1)


def test_another_film_begins_with_its_own_marks_and_comes_back_with_the_pages(reader: Reader) -> None:
    reader.box((900, 1100), (1300, 1500))
    first = reader.marks(1)
    choose = reader.page.get_by_role("combobox")
    for name, label in (("5", "Film 5"), ("4", "Film 4")):
        choose.click()
        reader.page.get_by_role("option", name=name).click()
        reader.frame.locator(f"img[alt='{label}']").wait_for()
        reader.page.wait_for_timeout(600)
        assert reader.seen() == 0
        assert reader.told() == {}, "marks of one film are never another's"
    assert reader.told("heard")["marks"] == first, "but they were heard"
    reader.box((300, 300), (600, 600))
    assert near(reader.marks(1)[0]["points"], [[300, 300], [600, 600]])


def test_newer_marks_of_the_server_are_taken_and_ours_are_one_undo_away(reader: Reader) -> None:
    reader.box((900, 1100), (1300, 1500))
    (ours,) = reader.marks(1)
    reader.page.get_by_role("button", name="Replace marks").click()
    reader.frame.locator("[data-id='served']").wait_for()
    assert reader.seen() == 1
    reader.focus()
    reader.keys("Control+z")
    back = reader.marks(1, until=lambda _: reader.told()["revision"] == 12)
    assert back[0]["id"] == ours["id"]


def test_the_film_is_not_sent_again_for_each_mark(opened) -> None:
    reader = opened()
    received = []
    reader.box((300, 300), (600, 600))
    reader.marks(1)
    reader.page.wait_for_timeout(500)
    client = reader.page.context.new_cdp_session(reader.page)
    client.send("Network.enable")
    client.on("Network.webSocketFrameReceived", lambda event: received.append(len(event["response"]["payloadData"])))
    for x in (900, 1300, 1700):
        reader.drag((x, 300), (x + 200, 600))
    reader.marks(4)
    assert 0 < sum(received) < 200_000, sum(received)


# --- fingers and pens ---------------------------------------------------------------------------------------------


def touch(reader: Reader, kind: str, *points: tuple[float, float]) -> None:
    client = getattr(reader, "client", None) or reader.page.context.new_cdp_session(reader.page)
    reader.client = client
    fingers = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(points)]
    client.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": fingers})


PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


def test_a_finger_draws_and_two_zoom_without_drawing(opened) -> None:
    reader = opened(**PHONE)
    reader.page.get_by_role("button", name="Box (X)").tap()
    start, end = reader.screen(800, 900), reader.screen(1400, 1500)
    touch(reader, "touchStart", start)
    for share in (0.3, 0.6, 1.0):
        touch(reader, "touchMove", tuple(a + share * (b - a) for a, b in zip(start, end, strict=True)))
    touch(reader, "touchEnd")
    (mark,) = reader.marks(1)
    assert near(mark["points"], [[800, 900], [1400, 1500]], 8)  # a finger's place comes in whole screen pixels
    x, y = reader.screen(1200, 1500)
    touch(reader, "touchStart", (x - 30, y))
    touch(reader, "touchStart", (x - 30, y), (x + 30, y))
    for spread in (40, 60, 90):
        touch(reader, "touchMove", (x - spread, y + spread / 3), (x + spread, y + spread / 3))
    touch(reader, "touchEnd")
    assert float(reader.frame.get_attribute("data-zoom")) > 2.5
    assert reader.seen() == 1
    assert reader.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), "nothing sticks out"


def test_a_polygon_is_tapped(opened) -> None:
    reader = opened(**PHONE)
    reader.page.get_by_role("button", name="Polygon (P)").tap()
    for corner in ((700, 900), (1500, 900), (1500, 1700), (700, 900)):
        touch(reader, "touchStart", reader.screen(*corner))
        touch(reader, "touchEnd")
    (mark,) = reader.marks(1)
    assert near(mark["points"], [[700, 900], [1500, 900], [1500, 1700]], 8)


def test_where_a_pen_draws_a_palm_does_not(opened) -> None:
    reader = opened(has_touch=True)
    reader.page.get_by_role("button", name="Freehand (F)").click()
    client = reader.client = reader.page.context.new_cdp_session(reader.page)

    def pen(kind: str, x: float, y: float) -> None:
        event = {"type": kind, "x": x, "y": y, "button": "left", "buttons": 1, "pointerType": "pen", "clickCount": 1}
        client.send("Input.dispatchMouseEvent", event)

    corners = [(800, 900), (1400, 900), (1400, 1500), (800, 1500)]
    pen("mousePressed", *reader.screen(*corners[0]))
    pen("mouseMoved", *reader.screen(*corners[1]))
    touch(reader, "touchStart", reader.screen(1600, 2300))  # the hand comes to rest while the pen writes
    for corner in corners[2:]:
        pen("mouseMoved", *reader.screen(*corner))
    pen("mouseReleased", *reader.screen(*corners[-1]))
    touch(reader, "touchEnd")
    (mark,) = reader.marks(1)
    assert near(mark["points"], corners, 3)
    touch(reader, "touchStart", reader.screen(1000, 2000))
    for corner in ((1400, 2000), (1400, 2400), (1000, 2400)):
        touch(reader, "touchMove", reader.screen(*corner))
    touch(reader, "touchEnd")
    reader.page.wait_for_timeout(300)
    assert reader.seen() == 1
