"""How people write numbers and times: decided for a column from all its cells, kept in the model, parsed by it.

A format says how the cells of a column are written, and has `parse`, `describe` and `is_sound`. Nothing here knows of
files or flags; `data/reading.py` asks.
"""
