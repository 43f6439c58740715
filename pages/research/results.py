"""Published figures and reproduced ones, side by side."""

from __future__ import annotations

from ui.results import page

page()
