"""The only code that imports both streamlit and fracture_core."""
