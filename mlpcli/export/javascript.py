"""A model as one ES module that needs nothing else, in Node and in browsers: data, then `runtime/model.js`."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from itertools import pairwise
from typing import Any

from mlpcli.export.answers import read_answers
from mlpcli.export.characters import folded_cases, of_words
from mlpcli.export.program import Program
from mlpcli.export.python import RUNTIME, data_of
from mlpcli.export.target import Answers, Target, Wishes

PLACE = "const MODEL = {};"  # in model.js, where the data goes
MAPS = ("currencies", "powers", "months", "zones", "halves")  # of what `data_of` gives
# A part of a pattern that depends on whether hours were found: JavaScript has no such part.
CONDITION = re.compile(r"\(\?\(H\)(?P<yes>\(\?:[^()]*\)\?)\|(?P<no>\(\?:[^()]*\))\)")
HOURS = re.compile(r"\(\?:\(\?P<H>.*?\)\?(?=\(\?:\(\?P<M>)")  # that part of the same pattern


class JavaScript(Target):
    def write(self, program: Program, wishes: Wishes) -> bytes:
        source = RUNTIME.joinpath("model.js").read_text(encoding="utf-8")
        # "<" is written as an escape, so that no label ends a script of a page.
        data = json.dumps(script_data(program), separators=(",", ":")).replace("<", "\\u003c")
        return source.replace(PLACE, f"{PLACE[:-3]}{data};").encode()

    def run(self, path: str, rows: str, program: Program, wishes: Wishes) -> Answers | str:
        node = shutil.which("node")
        if node is None:
            return "there is no node on this machine to run JavaScript"
        module = f"{os.path.abspath(path)}.mjs"
        shutil.copyfile(path, module)
        began = time.monotonic()
        with open(rows, "rb") as given:
            done = subprocess.run([node, module, "--full"], stdin=given, capture_output=True, check=False)
        os.remove(module)
        if done.returncode:
            return done.stderr.decode("utf-8", "replace").strip()
        return read_answers(done.stdout, program, time.monotonic() - began)


def script_data(program: Program) -> dict[str, Any]:
    """A program as JSON: what has texts as keys is a list of pairs, so that no text is a name to JavaScript."""
    data = data_of(program)
    for name in MAPS:
        data[name] = list(data[name].items())
    for of in (*data["categories"], *data["levels"]):
        of["codes"] = list(of["codes"].items())
    for cell in data["cells"]:
        if "layouts" in cell:
            cell["layouts"] = list(map(patterns_of, cell["layouts"]))
    return data | {
        "folded": [(chr(code), of if isinstance(of, str) else chr(of)) for code, of in data["folded"].items()],
        "cases": list(folded_cases().items()) if program.words else [],
        "of_words": steps_of(of_words()) if program.words else [],
    }


def patterns_of(layout: tuple[str, int]) -> tuple[list[str], str]:
    """A pattern of Python and its flags -> patterns of JavaScript, of which the first that fits counts, and theirs."""
    text, flags = layout
    asks = CONDITION.search(text)
    texts = [text]
    if asks is not None:
        with_hours = HOURS.sub(lambda hours: hours[0][:-1], text, count=1)
        texts = [
            with_hours.replace(asks[0], asks["yes"]),
            HOURS.sub("", text, count=1).replace(asks[0], asks["no"]),
        ]
    return [text.replace("(?P<", "(?<") for text in texts], "i" if flags & re.IGNORECASE else ""


def steps_of(ascending: list[int]) -> list[int]:
    """Numbers as their distances, the first one from 0."""
    return [after - before for before, after in pairwise([0, *ascending])]
