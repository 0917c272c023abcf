"""R09: every hint can be pasted: its flags are quoted for a shell, and the command at hand has them."""

from __future__ import annotations

import re
import shlex

import pytest
from command_line import COMMAND, mlpcli

from mlpcli.config.flags import parse
from mlpcli.config.settings import Config
from mlpcli.diagnosis.table_checks import check_table
from mlpcli.training.prepare import prepare

HOSTILE = "a b;c'd $(x)"  # the name of a column
GOOD = "".join(f"{i % 7},{i * 37 % 11}.5,{'no' if i % 3 else 'yes'}\n" for i in range(60))
HEAD = f'"{HOSTILE}",n,y\n'
FLAG = re.compile(r"(?<![\w-])--[a-z][a-z0-9-]*")
# What goes wrong: the arguments, with {} for the CSV file and {m} for a model of the good rows, and the file.
CASES: dict[str, tuple[str, str]] = {
    "a text among numbers": ("train {}", HEAD + GOOD + "heavy,1,no\n"),
    "a text where numbers were asked for": ("train {} --numeric n", HEAD + GOOD.replace("0.5", "x")),
    "two currencies": ("train {}", HEAD + GOOD.replace(",0.5,", ",$5,").replace(",1.5,", ",€6,")),
    "an infinite number": ("train {}", HEAD + GOOD + "inf,1,no\n"),
    "too few fields": ("train {}", HEAD + GOOD + "1\n"),
    "too few rows": ("train {}", HEAD + "1,2,no\n2,3,yes\n"),
    "one class": ("train {}", HEAD + GOOD.replace("yes", "no")),
    "no such target": ("train {} --target z", HEAD + GOOD),
    "no such file": ("train none.csv", ""),
    "no such folder": ("train {} -o no/m.npz", HEAD + GOOD),
    "the output is the input": ("train {} -o {}", HEAD + GOOD),
    "another ending": ("train {} -o m.csv", HEAD + GOOD),
    "an odd setting": ("train {} --activation rleu", HEAD + GOOD),
    "an unknown flag": ("train {} --epoch 3", HEAD + GOOD),
    "a model of another target": ("train {} --target n -o {m}", HEAD + GOOD),
    "an unknown finding": ("train {} --fail-on overfit", HEAD + GOOD),
    "a huge target": ("train {} --target n", HEAD + GOOD + "1,1e308,no\n"),
    "bytes of no encoding": ("train {} --encoding latin-9000", HEAD + GOOD),
    "a quote that is open": ("train {}", HEAD + GOOD + '"1,2,no\n'),
    "no rows left": ("train {} --test 0.5 --validation 0.5", HEAD + GOOD),
    "too many folds": ("cv {} --folds 60", HEAD + GOOD),
    "folds in time, repeated": ("cv {} --repeats 2 --time n", HEAD + GOOD),
    "nothing to compare by": ("compare {} --vary lr=0.1,0.2 --validation 0", HEAD + GOOD),
    "another question": ("compare {} --vary target=n,y", HEAD + GOOD),
    "too large a grid": ("compare {} --vary seed=" + ",".join(map(str, range(1001))), HEAD + GOOD),
    "too few rows for a curve": ("learning-curve {}", HEAD + GOOD),
    "a curve in time": ("learning-curve {} --time n", HEAD + GOOD),
    "nothing to choose by": ("tune {} --validation 0 --time n --trials 1", HEAD + GOOD),
    "a text among numbers, predicted": ("predict {m} {}", HEAD + "heavy,1,no\n"),
    "a missing column, predicted": ("predict {m} {}", "n,y\n1,no\n"),
    "an odd format": ("predict {m} {} --format xml", HEAD + GOOD),
    "a text among numbers, evaluated": ("evaluate {m} {}", HEAD + "heavy,1,no\n"),
    "an unknown class, evaluated": ("evaluate {m} {}", HEAD + GOOD + "1,2,maybe\n"),
    "an odd metric": ("evaluate {m} --metric rmse", ""),
    "no model": ("evaluate {}", HEAD + GOOD),
    "no model to diagnose": ("diagnose {}", HEAD + GOOD),
    "no page": ("guide overfiting", ""),
}

WITHOUT_HINT = {
    "a missing column, predicted",
    "a text among numbers, predicted",
    "a text among numbers, evaluated",
    "too few rows",
    "no rows left",
    "no such file",
}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    (folder / "good.csv").write_text(HEAD + GOOD)
    done = mlpcli("train", "good.csv", "--preset", "classic", "--epochs", "2", "-q", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder / "model.npz"


def check_flags(text: str, command: str) -> None:
    """Every flag in the text is one of the command, and what stands behind it is a value of that setting."""
    known = {"--help"} | {name for p in COMMAND.commands[command].params for name in (*p.opts, *p.secondary_opts)}
    for part in re.split(rf"(?={FLAG.pattern})", text)[1:]:
        name = FLAG.match(part)[0]
        assert name in known, f"{command} has no {name}: {text}"
        assert HOSTILE not in part or shlex.quote(HOSTILE) in part, text
        shlex.split(part)


@pytest.mark.parametrize("name", CASES)
def test_a_hint_names_flags_of_the_command_at_hand(name, model, tmp_path):
    args, csv = CASES[name]
    (tmp_path / "d.csv").write_text(csv)
    words = [word.replace("{m}", str(model)).replace("{}", "d.csv") for word in args.split()]
    done = mlpcli(*words, *(["--preset", "classic", "--epochs", "2"] if words[0] == "train" else []), cwd=tmp_path)
    assert done.returncode in (1, 2), done.stderr
    hints = re.findall(r"^hint: (.*)", done.stderr, re.M | re.S)
    assert hints or name in WITHOUT_HINT
    for hint in hints:
        check_flags(" ".join(hint.split("\n")), words[0])


def test_the_remedies_of_a_table_can_be_pasted(tmp_path):
    rows = "".join(f"{i % 13},{3 if i % 3 else 5},{i // 8},{'no' if i % 3 else 'yes'}\n" for i in range(200))
    path = tmp_path / "d.csv"
    path.write_text(f'n,"{HOSTILE}","{HOSTILE} id",y\n' + rows)
    found = check_table(prepare(str(path)))
    remedies = [remedy for f in found for remedy in f.remedies]
    assert any(HOSTILE.replace("'", "") in remedy.replace("'\"'\"'", "") for remedy in remedies)
    for remedy in remedies:
        words = shlex.split(remedy)
        if words[0].startswith("--") and len(words) == 2:
            parse(Config, words[0].removeprefix("--").replace("-", "_"), words[1])
            assert words[1].startswith(HOSTILE), remedy
