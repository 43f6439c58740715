"""Pictures that the gate is fitted on and measured with; ``scripts/fit_gate.py`` does both."""
