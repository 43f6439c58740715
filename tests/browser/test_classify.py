"""A person's ways through the Classify page, in a real Chromium."""

from __future__ import annotations

import os
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from playwright.sync_api import expect

from fracture_core.phantom import radiograph, to_dicom, to_png

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]
PATIENCE = 120_000  # ms; the first answer waits for torch
expect.set_options(timeout=PATIENCE)


def jpeg(seed: int, fracture: str | None = None) -> bytes:
    film = cv2.imdecode(np.frombuffer(to_png(radiograph(seed=seed, fracture=fracture)), np.uint8), 0)
    return cv2.imencode(".jpg", film)[1].tobytes()


@pytest.fixture
def page(browser, server: str):
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.failures = []
    page.on("pageerror", lambda error: page.failures.append(str(error)))
    page.on("request", lambda request: page.failures.append(request.url) if leaves(request.url, server) else None)
    page.goto(server)
    page.get_by_text("Or try one of these").wait_for()
    yield page
    assert page.failures == [], "the page threw, or asked another machine for something"
    context.close()


def leaves(url: str, server: str) -> bool:
    return not url.startswith((server, server.replace("http", "ws"), "data:", "blob:"))


def drop(page, *files: tuple[str, bytes]) -> None:
    payload = [{"name": name, "mimeType": "application/octet-stream", "buffer": body} for name, body in files]
    page.set_input_files("input[type=file]", payload)


def wait_for_map(page) -> None:
    page.locator(".viewer[data-painted]").wait_for()


def standing_still(page, element) -> dict:
    """Where an element is, once what stood above it while films were read is gone."""
    before = None
    while before != (now := element.bounding_box()):
        before = now
        page.wait_for_timeout(700)
    return now


def map_alpha(page) -> float:
    """Mean alpha of the painted map, 0 to 255."""
    return page.locator(".viewer canvas.map").evaluate(
        """canvas => {
            const gray = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
            let sum = 0;
            for (let i = 3; i < gray.length; i += 4) sum += gray[i];
            return sum / (gray.length / 4);
        }"""
    )


def test_a_dropped_film_is_answered_with_its_map(page) -> None:
    drop(page, ("knee.png", to_png(radiograph(seed=4, region="leg", fracture="oblique"))))
    page.get_by_role("status").wait_for()
    wait_for_map(page)
    assert re.search(r"Probability\s+\d\.\d\d", page.inner_text("body"))
    assert "of fractures and clears" in page.inner_text("body")


def test_finding_and_words_stand_beside_the_film(page) -> None:
    drop(page, ("leg.png", to_png(radiograph(seed=4, region="leg", fracture="oblique"))))
    wait_for_map(page)
    finding, film, words = (
        place.bounding_box()
        for place in (page.get_by_role("status"), page.locator(".viewer .frame"), page.get_by_text("Probability"))
    )
    assert film["x"] + film["width"] < finding["x"]
    assert abs(finding["y"] - film["y"]) < 10
    assert finding["x"] == words["x"]
    assert finding["y"] + finding["height"] < words["y"] < finding["y"] + 120
    assert 1.3 < film["width"] / words["width"] < 1.6, "three fifths for the film"


def test_nothing_moves_under_the_pointer_once_the_answer_is_there(page) -> None:
    drop(page, ("leg.png", to_png(radiograph(seed=4, region="leg", fracture="oblique"))))
    method = page.get_by_label("Map", exact=True)
    method.wait_for()  # the map is still being computed, and the other models have yet to answer
    before = method.bounding_box()
    wait_for_map(page)
    page.locator("[data-test-script-state=notRunning]").wait_for()
    assert method.bounding_box() == before


def test_the_film_is_there_before_the_answer_and_stays_in_its_viewer(page) -> None:
    drop(page, ("leg.png", to_png(radiograph(seed=4, region="leg", fracture="oblique"))))
    frame = page.locator(".viewer .frame")
    frame.wait_for()
    assert page.get_by_text("Or try one of these").count() == 0
    frame.evaluate("frame => { frame.dataset.first = 'yes' }")
    wait_for_map(page)
    page.locator("[data-test-script-state=notRunning]").wait_for()
    assert frame.get_attribute("data-first") == "yes"


def test_opacity_threshold_and_colours_live_in_the_browser(page) -> None:
    drop(page, ("leg.png", to_png(radiograph(seed=4, region="leg", fracture="oblique"))))
    wait_for_map(page)
    before = map_alpha(page)
    painted = page.locator(".viewer").get_attribute("data-painted")
    page.get_by_label("Hide the map below this value").fill("0.9")
    expect(page.locator(".viewer")).not_to_have_attribute("data-painted", painted)
    assert map_alpha(page) < before
    page.get_by_label("From film to map").fill("0")
    expect(page.locator("canvas.map")).to_have_css("opacity", "0")
    page.get_by_label("Colours of the map").select_option("viridis")
    expect(page.locator(".viewer")).to_have_attribute("data-painted", re.compile("^viridis"))


def test_the_film_zooms_pans_and_fits_by_keys_and_buttons(page) -> None:
    drop(page, ("leg.png", to_png(radiograph(seed=4, region="leg"))))
    wait_for_map(page)
    frame = page.locator(".viewer .frame")
    frame.focus()
    stage = page.locator(".viewer .stage")
    page.keyboard.press("+")
    expect(frame).to_have_attribute("data-zoom", "1.40")  # the viewer draws when the browser has a frame to spare
    moved = stage.get_attribute("style")
    page.keyboard.press("ArrowUp")
    expect(stage).not_to_have_attribute("style", moved)
    page.keyboard.press("0")
    expect(frame).to_have_attribute("data-zoom", "1.00")
    box = frame.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.wheel(0, -400)
    expect(frame).not_to_have_attribute("data-zoom", "1.00")
    assert float(frame.get_attribute("data-zoom")) > 1


def test_another_method_gives_another_map_and_stands_in_the_address(page) -> None:
    drop(page, ("leg.png", to_png(radiograph(seed=4, region="leg", fracture="oblique"))))
    wait_for_map(page)
    page.get_by_label("Map", exact=True).click()
    page.get_by_role("option", name="Eigen-CAM", exact=True).click()
    page.locator(".viewer .caption", has_text="Eigen-CAM").wait_for()
    assert "method=Eigen-CAM" in page.url


def test_the_page_s_name_is_an_address_too(page, server: str) -> None:
    page.goto(f"{server}/classify?film=sample-1&point=Sensitive")
    wait_for_map(page)
    assert page.url.removeprefix(server) == "/?film=sample-1&point=Sensitive"
    assert page.get_by_role("dialog").count() == 0
    assert page.get_by_role("radio", name="Sensitive").is_checked()


def test_a_monochrome1_dicom_and_a_truncated_jpeg_say_what_was_done(page) -> None:
    drop(page, ("inverted", to_dicom(radiograph(seed=2), photometric="MONOCHROME1")))  # no file ending
    page.get_by_text("inverted MONOCHROME1").wait_for()
    page.get_by_role("button", name="Remove film").click()
    page.get_by_text("Or try one of these").wait_for()
    whole = jpeg(3)
    drop(page, ("cut.jpg", whole[: len(whole) * 2 // 3]))
    page.get_by_text("truncated:").first.wait_for()
    wait_for_map(page)


def test_a_text_file_named_png_gets_a_sentence_and_the_app_goes_on(page) -> None:
    drop(page, ("words.png", b"these are words, not pixels\n" * 30))
    page.get_by_text("This is not an image").wait_for()
    page.get_by_role("button", name="Remove film").click()
    page.get_by_text("Or try one of these").wait_for()
    drop(page, ("leg.png", to_png(radiograph(seed=4, region="leg"))))
    page.get_by_role("status").wait_for()
    assert "Traceback" not in page.inner_text("body")


def test_many_films_fill_a_table(page) -> None:
    films = [(f"film {seed}.png", to_png(radiograph(seed=seed))) for seed in range(12)]
    drop(page, *films, ("words.txt", b"words " * 50))
    page.get_by_text("Download table (CSV)").wait_for()
    assert "13 films" in page.inner_text("body")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download table (CSV)").click()
    lines = Path(download.value.path()).read_text().splitlines()
    assert lines[0] == "file,status,message,probability,finding,in_domain,model,seconds"
    assert len(lines) == 14


def test_a_line_of_the_table_opens_its_film_and_the_way_back(page) -> None:
    drop(page, *((f"film {seed}.png", to_png(radiograph(seed=seed))) for seed in range(4)))
    page.get_by_text("Download table (CSV)").wait_for()
    table = page.locator("[data-testid=stDataFrame]")
    table.locator("canvas").first.wait_for()
    box = standing_still(page, table)
    page.mouse.click(box["x"] + 200, box["y"] + 36 + 64 * 2 + 30)  # the third line
    page.get_by_text("3 of 4").wait_for()
    wait_for_map(page)
    page.get_by_role("button", name="All films", exact=True).click()
    page.get_by_text("Download table (CSV)").wait_for()
    page.wait_for_timeout(2000)  # the click of before must not open the film again
    assert page.get_by_text("Download table (CSV)").is_visible()
    page.mouse.click(box["x"] + 200, box["y"] + 36 + 64 * 2 + 30)
    page.get_by_text("3 of 4").wait_for()
    page.get_by_role("button", name="Next").click()
    page.get_by_text("4 of 4").wait_for()
    page.get_by_role("button", name="Remove film").click()
    page.get_by_text("Download table (CSV)").wait_for()
    assert "3 films" in page.inner_text("body")


def test_a_report_is_downloaded(page) -> None:
    drop(page, ("leg.png", to_png(radiograph(seed=4, region="leg", fracture="oblique"))))
    wait_for_map(page)
    page.get_by_text("Report", exact=True).click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download report (PDF)").click()
    assert Path(download.value.path()).read_bytes().startswith(b"%PDF-")
    assert download.value.suggested_filename == "leg.png.report.pdf"


def test_films_survive_a_visit_to_another_page(page) -> None:
    drop(page, ("leg.png", to_png(radiograph(seed=4, region="leg"))))
    page.get_by_role("status").wait_for()
    page.get_by_role("link", name="About").click()
    page.get_by_text("What is kept, and where").wait_for()
    page.get_by_role("link", name="Classify").click()
    page.get_by_role("status").wait_for()
    assert "leg.png" in page.inner_text("body")


def test_eight_tabs_at_once_get_the_answers_of_one_after_another(browser, server: str) -> None:
    films = [to_png(radiograph(seed=seed, fracture="oblique" if seed % 2 else None)) for seed in range(8)]

    def answer(page) -> str:
        page.get_by_role("status").wait_for()
        page.locator(".viewer[data-painted]").wait_for()
        probability = re.search(r"Probability\s+(\d\.\d\d)", page.inner_text("body"))
        return page.get_by_role("status").inner_text() + (probability.group(1) if probability else "")

    def opened():
        page = browser.new_context(viewport={"width": 1200, "height": 800}).new_page()
        page.set_default_timeout(PATIENCE)
        page.goto(server)
        page.get_by_text("Or try one of these").wait_for()
        return page

    alone = []
    for index, film in enumerate(films):
        page = opened()
        drop(page, (f"{index}.png", film))
        alone.append(answer(page))
        page.context.close()
    pages = [opened() for _ in films]
    for index, (page, film) in enumerate(zip(pages, films, strict=True)):
        drop(page, (f"{index}.png", film))  # returns before the answer: all eight run together
    together = [answer(page) for page in pages]
    for page in pages:
        page.context.close()
    assert together == alone


def test_the_page_works_on_a_phone(browser, server: str) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(server)
    page.get_by_text("Or try one of these").wait_for()
    drop(page, ("leg.png", to_png(radiograph(seed=4, region="leg", fracture="oblique"))))
    wait_for_map(page)
    finding, film, words = (
        place.bounding_box()
        for place in (page.get_by_role("status"), page.locator(".viewer .frame"), page.get_by_text("Probability"))
    )
    assert finding["y"] + finding["height"] <= film["y"] < 844 / 2, "the finding is seen at once, with the film"
    assert words["y"] > film["y"] + film["height"], "the other words follow the film"
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), "nothing sticks out"
    context.close()


def test_real_films_are_read(page, fracture_data: Path) -> None:
    real = sorted((fracture_data / "fracatlas/images/Fractured").glob("*.jpg"))[40]
    dicom = fracture_data / "dicom/radiograph/RG3_J2KR.dcm"  # an extremity, MONOCHROME1
    drop(page, (real.name, real.read_bytes()), (dicom.name, dicom.read_bytes()))
    page.get_by_text("Download table (CSV)").wait_for()
    assert "2 films" in page.inner_text("body")
    assert "not read" not in page.inner_text("body")


def test_no_patient_identity_reaches_the_log(page) -> None:
    drop(page, ("film.dcm", to_dicom(radiograph(seed=2), patient_id="SECRET-77")))
    page.get_by_role("status").wait_for()
    log = Path(os.environ["SERVER_LOG"]).read_text()
    assert "SECRET-77" not in log
    assert "PHANTOM" not in log
