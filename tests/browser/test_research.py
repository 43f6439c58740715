"""The research pages in a real Chromium."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PAGES = {
    "annotate": "Mark it like an expert",
    "compare": "Where machine and experts agree",
    "results": "What is claimed, what is measured",
    "data_audit": "Data audit",
    "recipes": "Recipes",
    "models": "Model cards",
    "about": "About",
}


@pytest.mark.parametrize("address", list(PAGES))
def test_a_fresh_server_opens_every_address(browser, fresh_server: str, address: str) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(f"{fresh_server}/{address}")
    page.locator("h1").first.wait_for(timeout=60_000)
    page.wait_for_timeout(1500)  # the dialogue came after the page
    assert page.locator("h1").first.inner_text().startswith(PAGES[address])
    assert page.get_by_role("dialog").count() == 0
    assert page.locator("a[aria-current=page]").get_attribute("href").endswith(f"/{address}")
    page.close()


VISITS = [
    *(f"/results?tab={tab}" for tab in ("Metrics", "Curves", "Errors", "Subgroups", "Speed", "Claims+audit")),
    "/data_audit?audit_of=Multi-region",
    "/data_audit?audit_of=FracAtlas",
    *(f"/recipes?paper={key}" for key in ("lisbon2023", "abirami2024", "multiregion2024", "gupta2024", "wang2024")),
    "/models",
    "/about",
]


def settled(page) -> None:
    """Until the script has run and every chart is drawn."""
    page.locator("h1").first.wait_for(timeout=60_000)
    page.wait_for_function(
        """() => !document.querySelector('[data-testid=stApp][data-test-script-state=running]')
            && !document.querySelector('[data-testid=stSkeleton]')""",
        timeout=60_000,
    )
    page.wait_for_timeout(500)


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 1280), ("light", 390)])
def test_every_section_opens_with_the_real_records(browser, server: str, scheme: str, width: int) -> None:
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 900})
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for visit in VISITS:
        page.goto(server + visit)
        settled(page)
        assert page.get_by_test_id("stException").count() == 0, visit
        errors = page.locator("[data-testid=stAlertContentError]").all_inner_texts()
        assert errors == [], visit
        wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wider <= 0, f"{visit} runs out of the window"
    strangers = [url for url in asked if not url.startswith((server, "data:", "blob:"))]
    assert strangers == []
    context.close()


def test_a_chart_is_taken_along_as_png_svg_and_csv(browser, server: str) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(f"{server}/results")
    settled(page)
    page.locator(".js-plotly-plot .main-svg").first.wait_for()
    taken = {}
    for kind in ("PNG", "SVG", "CSV"):
        with page.expect_download() as waiting:
            page.get_by_role("button", name=re.compile(f"^Download .* as {kind}$")).first.click()
        assert waiting.value.suggested_filename.endswith(f".{kind.lower()}")
        taken[kind] = Path(waiting.value.path()).read_bytes()
    picture = cv2.imdecode(np.frombuffer(taken["PNG"], np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape[1] > 1500  # three pixels for each of the screen's
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 3
    drawing = ElementTree.fromstring(taken["SVG"])
    assert len(list(drawing.iter("{http://www.w3.org/2000/svg}path"))) > 3
    rows = list(csv.DictReader(io.StringIO(taken["CSV"].decode("utf-8-sig"))))
    assert rows
    page.close()
