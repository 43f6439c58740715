"""The research pages in a real Chromium."""

from __future__ import annotations

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PAGES = {
    "annotate": "Annotate",
    "compare": "Where machine and experts agree",
    "results": "What is claimed, what is measured",
    "data_audit": "",
    "recipes": "",
    "models": "",
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
