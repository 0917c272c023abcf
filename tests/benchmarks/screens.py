"""The pictures of screens in the README, drawn from real runs.

    python tests/benchmarks/screens.py mlpcli/guide/screens

Trains with the settings below, takes the screen of one epoch as it stands on a terminal of 80 columns and 24 lines, and
writes it as SVG without fonts or other files from elsewhere. Prints the size of each; exit code 1 above 40 kB.
"""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console, RenderableType

from mlpcli.config.settings import Config
from mlpcli.reporter.watch import Watching, screen
from mlpcli.training.checkpoint import resumable
from mlpcli.training.events import EpochEnded
from mlpcli.training.prepare import prepare
from mlpcli.training.watching import watcher_of

SAMPLES = Path(__file__).parents[2] / "sample_data"
MAX_BYTES = 40_000
SPIRALS = Config(preset="classic", hidden=(32, 32), activation="tanh", optimizer="momentum")
EPOCH = 70  # of the picture: the boundary has bent, and not yet everywhere


def watched(console: Console) -> Iterator[RenderableType]:
    prepared = prepare(str(SAMPLES / "spirals.csv"), SPIRALS)
    seen = Watching()
    for event in resumable(prepared, 1, None, None, watcher_of(prepared, None)):
        seen.add(event)
        if isinstance(event, EpochEnded) and event.epoch == EPOCH:
            break
    yield from screen(seen, console)


SCREENS = {
    "watch": ("mlpcli train sample_data/spirals.csv --watch", watched),
}


# What Rich writes for every run of text and does without: clips of lines, ends of lines, and fonts from elsewhere.
SUPERFLUOUS = (
    r"@font-face \{.*?\}\s*", r' clip-path="url\(#\w+-line-\d+\)"', r'<clipPath id="\w+-line-\d+">.*?</clipPath>\s*',
    r"<text [^>]*>\s*</text>", r' shape-rendering="crispEdges"', r"^ +",
)  # fmt: skip


def smaller(svg: str) -> str:
    """The same picture with the fonts that the reader has, and fetched from nowhere."""
    for pattern in SUPERFLUOUS:
        svg = re.sub(pattern, "", svg, flags=re.DOTALL | re.MULTILINE)
    svg = svg.replace("&#160;", "\u00a0").replace("Fira Code", "ui-monospace, Menlo, Consolas")
    return svg.replace("<style>", "<style>rect { shape-rendering: crispEdges }", 1)


def main() -> int:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    largest = 0
    for name, (title, draw) in SCREENS.items():
        console = Console(
            record=True, width=80, height=24, file=io.StringIO(), force_terminal=True, color_system="truecolor",
            markup=False, emoji=False, highlight=False, legacy_windows=False,
        )  # fmt: skip
        for item in draw(console):
            console.print(item)
        svg = smaller(console.export_svg(title=title, unique_id=name))
        (folder / f"{name}.svg").write_text(svg, encoding="utf-8")
        print(f"{name}.svg: {len(svg.encode()):,} bytes")
        largest = max(largest, len(svg.encode()))
    return int(largest > MAX_BYTES)


if __name__ == "__main__":
    sys.exit(main())
