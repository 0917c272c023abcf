"""Findings with stable codes: of a table before training, and of a training."""
