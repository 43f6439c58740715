"""The engine of the reading room: decoding, preprocessing, models, training, explanation.

Nothing here imports streamlit, and importing the package imports no heavy library: each module is
imported by name (``from fracture_core.imaging import read_image``).
"""

__version__ = "0.1.0"

RESEARCH_ONLY = "Research and teaching use only. Not a medical device; not for diagnosis."
