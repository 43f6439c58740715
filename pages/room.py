"""The pages of the reading room, in the frame that they share."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from ui.frame import frame

ROOT = Path(__file__).resolve().parents[1]

# a file of ours: an icon by name would be fetched from the internet
st.set_page_config(page_title="Fracture reading room", page_icon=ROOT / "ui/assets/icon.png", layout="wide")

classify = st.Page(
    "reading/classify.py", title="Classify", icon=":material/radiology:", default=True, url_path="start"
)
reading = [
    classify,
    st.Page("reading/annotate.py", title="Annotate", icon=":material/draw:"),
    st.Page("reading/compare.py", title="Compare", icon=":material/compare:"),
]
research = [
    st.Page("research/results.py", title="Results", icon=":material/bar_chart:"),
    st.Page("research/data_audit.py", title="Data audit", icon=":material/rule:"),
    st.Page("research/recipes.py", title="Recipes", icon=":material/menu_book:"),
    st.Page("research/models.py", title="Models", icon=":material/badge:"),
    st.Page("research/about.py", title="About", icon=":material/info:"),
]
# the first page has the bare address; its name is what people type when they have seen those of the others
by_name = st.Page(lambda: None, title="Classify", url_path="classify", visibility="hidden")
page = st.navigation({"Reading room": [*reading, by_name], "Research": research})
if page == by_name:
    st.switch_page(classify, query_params=st.query_params.to_dict())
with frame(answers=page in reading):
    page.run()
