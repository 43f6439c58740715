"""The reading room: ``streamlit run app.py``.

The script itself is ``pages/room.py``. Run as the main script, a file beside a folder ``pages`` would meet
Streamlit's older page discovery on a server's first visit, which answers an address such as /compare with
"Page not found".
"""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import streamlit as st


def prepare() -> None:
    """What every chart and table needs, loaded before anyone asks: the first visitor would wait a second for it."""
    import pandas  # noqa: F401
    import plotly.graph_objects  # noqa: F401

    from ui import loaders

    loaders.papers()
    loaders.runs()


@asynccontextmanager
async def lifespan(_: st.App) -> AsyncIterator[None]:
    threading.Thread(target=prepare, daemon=True).start()
    yield


app = st.App("pages/room.py", lifespan=lifespan)
