"""The reading room: ``streamlit run app.py``.

The script itself is ``pages/room.py``. Run as the main script, a file beside a folder ``pages`` would meet
Streamlit's older page discovery on a server's first visit, which answers an address such as /compare with
"Page not found".
"""

from __future__ import annotations

import streamlit as st

app = st.App("pages/room.py")
