"""What this is, what it keeps, and whose work it stands on."""

from __future__ import annotations

from ui.about import page

page()
