"""What this is, what it keeps and where, and whose work it stands on."""

from __future__ import annotations

import os
import re
from functools import cache
from importlib import metadata
from pathlib import Path

import streamlit as st

from fracture_core import RESEARCH_ONLY, __version__
from fracture_core.annotations.opening import FILE, data_folder
from ui import figures, loaders

ROOT = Path(__file__).resolve().parents[1]
_CLASSIFIER = re.compile(r"License :: (?:OSI Approved :: )?(.+)")


def page() -> None:
    """The whole page."""
    st.title("About")
    st.markdown(
        f"**{RESEARCH_ONLY}** The reading room shows how fracture classifiers answer, why, and how far to trust "
        "them. An answer is a model's estimate with a known rate of error; it does not replace a reader."
    )
    _privacy()
    _models_and_data()
    _papers()
    _software()
    st.caption(f"Version {__version__}. The code is licensed under Apache-2.0.")


def _privacy() -> None:
    st.subheader("What is kept, and where")
    st.markdown(
        "- **Films** are read in the memory of the machine that runs this app. They are forgotten when the page is "
        "closed or *Remove all films* is pressed. One that is dropped for a work list is kept only where its reader "
        "asks for that, and can be removed again.\n"
        f"- **Readings and drafts** are kept in {_readings_place()}. They are never changed, only superseded, and "
        "name the reader as typed.\n"
        "- **Patient identity**: the header of a DICOM file is shown with identifying elements masked, and is never "
        "logged.\n"
        "- **The network**: nothing leaves the machine that runs this app. No font, script or picture is fetched "
        "from elsewhere, and no usage is reported."
    )


def _readings_place() -> str:
    if os.environ.get("FRACTURE_DB_URL"):
        return "the database that `FRACTURE_DB_URL` names"
    return f"`{data_folder() / FILE}` on this machine"


def _models_and_data() -> None:
    st.subheader("Models and data")
    st.dataframe(
        [
            {
                "model": card.title,
                "weights": card.sha256[:16],
                "licence": card.data["licence"],
                "made from": "; ".join(card.data["attribution"]),
            }
            for card in loaders.cards()
        ],
        hide_index=True,
        width="stretch",
    )
    attributions = {run["data"]["attribution"] for run in loaders.runs().runs if run.get("data")}
    st.markdown("\n".join(f"- {attribution}" for attribution in sorted(attributions)))
    st.page_link("research/models.py", label="What each model is for, and its limits", icon=":material/badge:")


def _papers() -> None:
    st.subheader("The papers compared")
    for key, paper in loaders.papers().items():
        authors = ", ".join(paper.authors) or "authors not stated"
        year = f" {paper.year}." if paper.year else ""
        st.markdown(f"- `{key}` {authors}: *{paper.title}.*{year}")


def _software() -> None:
    st.subheader("Built on")
    figures.table(software(), key="software", name="software-licences")


@cache
def software() -> list[dict[str, str]]:
    """The packages that the app requires, with version and licence as they state them."""
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    names = [found[0] for line in lines if (found := re.match(r"[A-Za-z0-9_.\-]+(?===)", line))]
    return [_package(name) for name in names]


def _package(name: str) -> dict[str, str]:
    try:
        about = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        return {"package": name, "version": "not installed", "licence": ""}
    stated = about.get("License-Expression")
    if not stated:
        kinds = [found[1] for line in about.get_all("Classifier") or () if (found := _CLASSIFIER.match(line))]
        stated = "; ".join(kinds) or (about.get("License") or "").strip().split("\n")[0]
    return {"package": name, "version": about["Version"], "licence": stated}
