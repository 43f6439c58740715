"""The reading room: ``streamlit run app.py``."""

from __future__ import annotations

import streamlit as st

from ui.frame import frame

# a file of ours: an icon by name would be fetched from the internet
st.set_page_config(page_title="Fracture reading room", page_icon="ui/assets/icon.png", layout="wide")

page = st.navigation(
    {
        "Reading room": [
            st.Page("pages/reading/classify.py", title="Classify", icon=":material/radiology:", default=True),
            st.Page("pages/reading/annotate.py", title="Annotate", icon=":material/draw:"),
            st.Page("pages/reading/compare.py", title="Compare", icon=":material/compare:"),
        ],
        "Research": [
            st.Page("pages/research/about.py", title="About", icon=":material/info:"),
        ],
    }
)
with frame():
    page.run()
