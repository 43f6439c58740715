"""What a data set hides, and what a score is worth once it is gone."""

from __future__ import annotations

import streamlit as st

from fracture_core.audit import known_audits
from ui import loaders
from ui.data_audit.choosing import choose
from ui.data_audit.findings import findings
from ui.data_audit.opening import opening

st.title("Data audit")
st.markdown("A model is only as good as the films it has not seen. The same model, as published and clean:")
known = known_audits()
with loaders.error_boundary():
    opening(known.audits)
st.subheader("What a data set hides")
for sentence in known.damaged:
    st.warning(sentence, icon=":material/warning:")
with loaders.error_boundary():
    chosen = choose(known.audits)
    if chosen is not None:
        findings(chosen)
