"""The data audit page: what a leak is worth, and what a data set hides."""
