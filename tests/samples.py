"""The sample data, and small CSV files written on the spot."""

from __future__ import annotations

from pathlib import Path

SAMPLES = Path(__file__).parents[1] / "sample_data"
IRIS, DIABETES, PENGUINS = SAMPLES / "iris.csv", SAMPLES / "diabetes.csv", SAMPLES / "penguins.csv"


def csv_of(path: Path, text: str) -> str:
    path.write_text(text)
    return str(path)
