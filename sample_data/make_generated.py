"""Writes the generated sample tables beside this file: xor.csv, spirals.csv, cafe_cp949.csv and cafe_utf8.csv.

python sample_data/make_generated.py [FOLDER]
"""

from __future__ import annotations

import math
import random
import sys
from pathlib import Path


def xor(rng: random.Random) -> list[str]:
    """Two numbers; the class says whether their signs differ."""
    lines = ["a,b,class"]
    for _ in range(400):
        a, b = rng.uniform(-1, 1), rng.uniform(-1, 1)
        lines.append(f"{a:.3f},{b:.3f},{'different' if a * b < 0 else 'same'}")
    return lines


def spirals(rng: random.Random) -> list[str]:
    """Two spirals, one turned by half a circle against the other."""
    lines = ["x,y,class"]
    for i in range(600):
        turn = 3 * math.pi * math.sqrt(rng.random())
        side = i % 2
        angle = turn + math.pi * side
        x = turn * math.cos(angle) + rng.gauss(0, 0.2)
        y = turn * math.sin(angle) + rng.gauss(0, 0.2)
        lines.append(f"{x:.3f},{y:.3f},{'blue' if side else 'red'}")
    return lines


def cafe(rng: random.Random) -> list[str]:
    """Orders of a cafe; what is ordered depends on hour, temperature and whether it is the weekend."""
    lines = ["시각,기온,요일,좌석,메뉴"]
    for _ in range(500):
        hour, celsius = rng.randint(8, 21), round(rng.gauss(15, 9), 1)
        day = rng.choice("월화수목금토일")
        seat = rng.choice(["창가", "안쪽", "포장"])
        weekend = day in "토일"
        if rng.random() < 0.06:
            drink = rng.choice(["따뜻한 커피", "아이스 커피", "케이크"])
        elif weekend and hour >= 13 and seat != "포장":
            drink = "케이크"
        else:
            drink = "아이스 커피" if celsius > 16 else "따뜻한 커피"
        temperature = "" if rng.random() < 0.03 else str(celsius)
        lines.append(f"{hour},{temperature},{day},{seat},{drink}")
    return lines


def main(folder: Path) -> None:
    tables = {"xor.csv": (xor, "utf-8"), "spirals.csv": (spirals, "utf-8"), "cafe_utf8.csv": (cafe, "utf-8")}
    tables["cafe_cp949.csv"] = (cafe, "cp949")
    for name, (make, encoding) in tables.items():
        text = "\n".join(make(random.Random(2026))) + "\n"
        (folder / name).write_bytes(text.encode(encoding))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
