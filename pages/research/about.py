"""What this is, what it keeps, and whose work it stands on."""

from __future__ import annotations

import streamlit as st

from fracture_core import RESEARCH_ONLY
from ui import loaders

st.title("About")
st.markdown(f"**{RESEARCH_ONLY}** It shows how fracture classifiers answer, why, and how far to trust them.")

st.subheader("Privacy")
st.markdown(
    "Films are read in this server's memory and nowhere else. Nothing uploaded is written to disk, and nothing "
    "leaves the machine that runs this app. Films are forgotten when the page is closed or *Remove all films* is "
    "pressed. The header of a DICOM file is shown with identifying elements masked, and is never logged."
)

st.subheader("Installed models")
for card in loaders.cards():
    with st.container(border=True):
        st.markdown(f"**{card.title}**")
        counts = card.data["split"]["counts"]
        st.markdown(
            f"Test AUC {card.metrics['auc'].decimal()}, calibration error {card.metrics['ece'].decimal()} on "
            f"{counts['test']['films']} films ({counts['test']['fractured']} fractured) that it never saw. "
            f"Trained on {counts['train']['films']}, thresholds chosen on {counts['val']['films']}; "
            f"split: {card.data['split']['rule']}."
        )
        st.caption(f"Weights {card.sha256[:16]} · {card.data['licence']} · " + " · ".join(card.data["attribution"]))

st.subheader("Built on")
st.markdown(
    "PyTorch, timm, pytorch-grad-cam, OpenCV, pydicom, CharLS, imagecodecs, Streamlit, Plotly, "
    "pandas and ReportLab. The code is licensed under Apache-2.0."
)
