"""The papers' recipes: what each compared, its pipeline on a film, its settings and their sources, and our runs."""

from __future__ import annotations

import streamlit as st

from ui.recipes import recipes_page

st.title("Recipes", anchor=False)
st.caption("Each paper's recipe, rebuilt: what it does to a film, what it states of its training, and what is ours.")
recipes_page()
