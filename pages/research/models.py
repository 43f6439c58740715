"""Model cards: what the installed models are for, what they are worth, and what nobody knows of them."""

from __future__ import annotations

from ui.model_cards import page

page()
