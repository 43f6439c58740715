"""Runs: a recipe, trained on a data set, judged, and written down."""
