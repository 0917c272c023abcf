"""R14: the same table in every format is the same table, and what is damaged is refused."""

import io
import json
import sys
import zipfile

import numpy as np
import pandas as pd
import pytest
from command_line import mlpcli

from mlpcli.config.settings import Config, ReadOptions
from mlpcli.data import foreign
from mlpcli.data.dataset import DataSet
from mlpcli.data.foreign import open_any
from mlpcli.errors import DataError, MachineError

N = 80
FORMATS = ("csv", "xlsx", "ods", "parquet", "feather", "json", "jsonl")
TRAIN = ("--target", "kind", "--epochs", "2", "--ensemble", "1", "-q")


def table():
    rng = np.random.default_rng(0)
    width = np.round(rng.normal(size=N), 3)
    return pd.DataFrame({
        "width": np.where(np.arange(N) % 9, width, np.nan), "count": np.arange(N) % 7,
        "place": [None if i % 11 == 5 else f"town, {i % 3}" for i in range(N)], "kind": np.where(width > 0, "a", "b"),
    })  # fmt: skip


def xlsx_of(sheets):
    """A workbook with numbers and inline texts."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        types = '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>'
        archive.writestr("[Content_Types].xml", types)
        package = "http://schemas.openxmlformats.org/package/2006/relationships"
        office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"
        first = f'<Relationship Id="r0" Type="{office}" Target="xl/workbook.xml"/>'
        archive.writestr("_rels/.rels", f'<Relationships xmlns="{package}">{first}</Relationships>')
        space = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
        rel = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
        listed = "".join(f'<sheet name="{n}" sheetId="{i}" r:id="r{i}"/>' for i, n in enumerate(sheets, 1))
        archive.writestr("xl/workbook.xml", f'<workbook {space} xmlns:r="{rel}"><sheets>{listed}</sheets></workbook>')
        links = "".join(
            f'<Relationship Id="r{i}" Type="{rel}/worksheet" Target="worksheets/sheet{i}.xml"/>'
            for i in range(1, len(sheets) + 1)
        )
        archive.writestr("xl/_rels/workbook.xml.rels", f'<Relationships xmlns="{package}">{links}</Relationships>')
        for i, rows in enumerate(sheets.values(), 1):
            lines = "".join(
                f'<row r="{r}">' + "".join(xlsx_cell(f"{chr(65 + c)}{r}", v) for c, v in enumerate(row)) + "</row>"
                for r, row in enumerate(rows, 1)
            )
            archive.writestr(
                f"xl/worksheets/sheet{i}.xml", f"<worksheet {space}><sheetData>{lines}</sheetData></worksheet>"
            )
    return out.getvalue()


def xlsx_cell(place, value):
    if value is None or value != value:
        return ""
    if isinstance(value, str):
        return f'<c r="{place}" t="inlineStr"><is><t>{value}</t></is></c>'
    return f'<c r="{place}"><v>{value}</v></c>'


def ods_of(rows):
    def cell(value):
        if value is None or value != value:
            return "<table:table-cell/>"
        if isinstance(value, str):
            return f'<table:table-cell office:value-type="string"><text:p>{value}</text:p></table:table-cell>'
        return f'<table:table-cell office:value-type="float" office:value="{value}"/>'

    body = "".join(f"<table:table-row>{''.join(map(cell, row))}</table:table-row>" for row in rows)
    names = "urn:oasis:names:tc:opendocument:xmlns"
    spaces = "".join(f' xmlns:{n}="{names}:{n}:1.0"' for n in ("office", "table", "text"))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        manifest = "urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"
        archive.writestr("META-INF/manifest.xml", f'<m:manifest xmlns:m="{manifest}"/>')
        archive.writestr(
            "content.xml",
            f"<office:document-content{spaces}><office:body><office:spreadsheet>"
            f'<table:table table:name="one">{body}</table:table></office:spreadsheet></office:body>'
            "</office:document-content>",
        )
    return out.getvalue()


def grid_of(frame):
    return [list(frame.columns), *frame.astype(object).values.tolist()]


def write(folder, form, frame):
    path = folder / f"d.{form}"
    match form:
        case "csv":
            frame.to_csv(path, index=False)
        case "xlsx":
            path.write_bytes(xlsx_of({"one": grid_of(frame)}))
        case "ods":
            path.write_bytes(ods_of(grid_of(frame)))
        case "parquet":
            frame.to_parquet(path)
        case "feather":
            frame.to_feather(path)
        case "json":
            frame.to_json(path, orient="records")
        case "jsonl":
            frame.to_json(path, orient="records", lines=True)
    return str(path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("foreign")
    for form in FORMATS:
        write(made, form, table())
    done = mlpcli("train", "d.csv", *TRAIN, "-o", "m.npz", cwd=made)
    assert done.returncode == 0, done.stderr
    return made


@pytest.mark.parametrize("form", FORMATS[1:])
def test_R14_a_twin_in_another_format_has_the_same_columns(folder, form):
    config = Config(target="kind")
    csv, twin = (DataSet.read(str(folder / f"d.{f}"), config, ReadOptions()) for f in ("csv", form))
    assert twin.formats == csv.formats
    pd.testing.assert_frame_equal(twin.frame, csv.frame)
    np.testing.assert_array_equal(twin.sets, csv.sets)


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMATS[1:])
def test_R14_a_twin_is_predicted_trained_evaluated_and_split_like_the_csv(folder, form):
    expected = mlpcli("predict", "m.npz", "d.csv", "--proba", "--keep", "all", cwd=folder)
    assert mlpcli("predict", "m.npz", f"d.{form}", "--proba", "--keep", "all", cwd=folder).stdout == expected.stdout
    assert mlpcli("train", f"d.{form}", *TRAIN, "-o", f"{form}.npz", cwd=folder).returncode == 0
    assert mlpcli("predict", f"{form}.npz", "d.csv", "--proba", "--keep", "all", cwd=folder).stdout == expected.stdout
    scores = [json.loads(mlpcli("evaluate", m, "--json", cwd=folder).stdout) for m in ("m.npz", f"{form}.npz")]
    assert scores[0]["metrics"] == scores[1]["metrics"]
    assert mlpcli("evaluate", "m.npz", f"d.{form}", cwd=folder).returncode == 0
    parts = []
    for f in ("csv", form):
        (folder / f).mkdir(exist_ok=True)
        assert mlpcli("split", f"d.{f}", "--target", "kind", "-o", f, "-q", cwd=folder).returncode == 0
        parts.append(pd.read_csv(folder / f / "d_train.csv"))
    pd.testing.assert_frame_equal(*parts)


def test_R14_json_lines_from_standard_input_are_answered_up_to_the_bad_one(folder):
    lines = (folder / "d.jsonl").read_text()
    expected = mlpcli("predict", "m.npz", "d.csv", cwd=folder).stdout
    assert mlpcli("predict", "m.npz", stdin=lines, cwd=folder).stdout == expected
    done = mlpcli("predict", "m.npz", stdin="".join(lines.splitlines(True)[:3]) + "\n{oops\n", cwd=folder)
    assert done.returncode == 1
    assert done.stdout == "".join(expected.splitlines(True)[:4])
    assert "<stdin>:5: no JSON" in done.stderr
    odd = lines.splitlines(True)[0] + '\n{"width": "wide", "count": 1}\n'
    assert "<stdin>:3" in mlpcli("predict", "m.npz", stdin=odd, cwd=folder).stderr


def test_R14_a_bad_cell_of_a_sheet_is_named_by_its_row(folder, tmp_path):
    grid = grid_of(table())[:4]
    grid[3][0] = "wide"
    (tmp_path / "d.xlsx").write_bytes(xlsx_of({"one": [grid[0], [], *grid[1:]]}))
    for verb in ("predict", "evaluate"):
        assert "d.xlsx:5" in mlpcli(verb, folder / "m.npz", "d.xlsx", cwd=tmp_path).stderr


def test_types_of_a_file_stay(tmp_path):
    frame = table().assign(code=[f"{i % 5}" for i in range(N)], yes=np.arange(N) % 2 == 0)
    frame["level"] = pd.Categorical(frame["count"])
    dataset = DataSet.read(write(tmp_path, "parquet", frame), Config(target="kind"), ReadOptions())
    assert dataset.formats["code"] is None
    assert dataset.formats["level"] is not None
    assert set(dataset.frame["yes"].cat.categories) == {"True", "False"}


def test_numbers_of_a_file_have_no_marks_for_a_model_of_a_csv_that_has(tmp_path):
    frame = table().drop(columns="place")
    frame["width"] = np.arange(N) + 0.125
    written = frame.assign(width=[f"{v:.3f}".replace(".", ",") for v in frame["width"]])
    written.to_csv(tmp_path / "d.csv", index=False, sep=";")
    write(tmp_path, "jsonl", frame)
    write(tmp_path, "parquet", frame)
    assert mlpcli("train", "d.csv", *TRAIN, "-o", "m.npz", cwd=tmp_path).returncode == 0
    expected = mlpcli("predict", "m.npz", "d.csv", "--proba", cwd=tmp_path)
    for name in ("d.jsonl", "d.parquet"):
        assert mlpcli("predict", "m.npz", name, "--proba", cwd=tmp_path).stdout == expected.stdout
        assert mlpcli("evaluate", "m.npz", name, cwd=tmp_path).returncode == 0


def test_a_sheet_is_chosen_by_name(tmp_path):
    grid = grid_of(table())
    (tmp_path / "d.xlsx").write_bytes(xlsx_of({"notes": [["about"]], "two": [["title"], *grid]}))
    sheet = ("--sheet", "two")
    done = mlpcli("train", "d.xlsx", *TRAIN, *sheet, "--skip-rows", "1", "-o", "m.npz", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for given in ((), ("d.xlsx",), ("d.xlsx", *sheet)):  # the model knows its sheet
        whole = mlpcli("evaluate", "m.npz", *given, "--json", cwd=tmp_path)
        assert "validation" in json.loads(whole.stdout)["metrics"]
    assert mlpcli("predict", "m.npz", "d.xlsx", cwd=tmp_path).stdout.count("\n") == N + 1
    other = mlpcli("predict", "m.npz", "d.xlsx", "--sheet", "notes", cwd=tmp_path)
    assert (other.returncode, other.stdout) == (1, "")
    (tmp_path / "d.csv").write_text("title\n" + table().to_csv(index=False))
    assert mlpcli("predict", "m.npz", "d.csv", cwd=tmp_path).stdout.count("\n") == N + 1
    refused = mlpcli("train", "d.csv", *TRAIN, *sheet, cwd=tmp_path)
    assert refused.stderr == "mlpcli: d.csv: is no workbook, and has no sheets\nhint: leave --sheet out\n"
    with pytest.raises(DataError, match="no sheet 'three'") as caught:
        open_any(str(tmp_path / "d.xlsx"), ReadOptions(sheet="three"))
    assert caught.value.hint == "--sheet takes one of: notes, two"
    plain = open_any(str(tmp_path / "d.xlsx"), ReadOptions(sheet="two", header=False, skip_last=2))
    assert (plain.names[0], plain.n_rows) == ("col1", N)
    with pytest.raises(DataError, match="sheet 'notes' is empty"):
        open_any(str(tmp_path / "d.xlsx"), ReadOptions(skip_rows=1))


def test_the_index_of_a_frame_is_no_column_of_its_parquet_file(tmp_path):
    frame = table().iloc[3:]
    frame.to_parquet(tmp_path / "d.parquet")
    assert open_any(str(tmp_path / "d.parquet"), ReadOptions()).names == tuple(frame.columns)


@pytest.mark.parametrize("form", ["xlsx", "parquet", "jsonl"])
def test_several_files_are_one_table(form, tmp_path):
    frame = table()
    whole = DataSet.read(write(tmp_path, "csv", frame), Config(target="kind"), ReadOptions())
    for i, part in enumerate((frame[:30], frame[30:])):
        (tmp_path / f"{i}").mkdir()
        write(tmp_path / f"{i}", form, part.reset_index(drop=True))
    parts = DataSet.read(str(tmp_path / f"*/d.{form}"), Config(target="kind"), ReadOptions())
    assert parts.source.notes == ("one table of 2 files",)
    for name, column in whole.frame.items():
        assert column.astype(str).tolist() == parts.frame[name].astype(str).tolist()
    assert parts.source.place(30)[0] == str(tmp_path / "1" / f"d.{form}")
    write(tmp_path / "1", form, frame[["width", "kind"]])
    with pytest.raises(DataError, match=r"not the columns of .*0/d"):
        open_any(str(tmp_path / f"*/d.{form}"), ReadOptions())


def edited(workbook, member, old, new):
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(workbook)) as source, zipfile.ZipFile(out, "w") as archive:
        for name in source.namelist():
            archive.writestr(name, source.read(name).replace(old, new) if name == member else source.read(name))
    return out.getvalue()


FAR = {
    "xlsx": edited(
        xlsx_of({"one": [["a", "b"], [1, 2]]}), "xl/worksheets/sheet1.xml", b"</sheetData>",
        b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>',
    ),
    "ods": edited(
        ods_of([["a", "b"], [1, 2]]), "content.xml", b'table-row><table:table-cell office:value-type="float"',
        b'table-row table:number-rows-repeated="1048576">'
        b'<table:table-cell office:value-type="float" table:number-columns-repeated="16383"',
    ),
}  # fmt: skip


@pytest.mark.parametrize("form", FAR)
def test_a_cell_far_away_does_not_take_the_memory_of_all_the_cells_before_it(form, tmp_path):
    (tmp_path / f"d.{form}").write_bytes(FAR[form])
    with pytest.raises(DataError, match=r"a sheet spans 17,179,869,18\d cells"):
        open_any(str(tmp_path / f"d.{form}"), ReadOptions())


def test_more_columns_than_a_model_holds_are_refused(tmp_path):
    (tmp_path / "d.json").write_text(json.dumps([{f"c{i}": 1 for i in range(80_000)}]))
    with pytest.raises(DataError, match="80,000 columns; a model holds 1 to 76,923"):
        open_any(str(tmp_path / "d.json"), ReadOptions())


STUDIES = {
    "compare": ("compare", "d", "--vary", "lr=0.1,0.01"),
    "learning-curve": ("learning-curve", "d", "--repeats", "2", "--sizes", "3", "--epochs", "1"),
    "tune": ("tune", "d", "--trials", "1", "--folds", "2", "-o", "best.toml"),
    "diagnose": ("diagnose", "m.npz", "--try"),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("command", STUDIES)
def test_studies_answer_a_parquet_file_as_its_csv(command, tmp_path, monkeypatch, call):
    answers = []
    for form in ("csv", "parquet"):
        folder = tmp_path / form
        folder.mkdir()
        monkeypatch.chdir(folder)
        (folder / "d").symlink_to(write(folder, form, pd.concat([table()] * 3, ignore_index=True)))
        if command == "diagnose":
            assert call("train", "d", *TRAIN, "-o", "m.npz")[0] == 0
        code, out, err = call(*STUDIES[command], *(() if command == "diagnose" else TRAIN))
        assert code == 0, err
        answers.append(out)
    assert answers[0] == answers[1]


def test_a_library_that_is_hidden_from_pandas_is_loaded_where_a_format_needs_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "wave", None)
    assert foreign.library("wave", "sound", "a.wav").__name__ == "wave"


@pytest.mark.parametrize(
    ("form", "extra"), [("xlsx", "excel"), ("ods", "excel"), ("parquet", "parquet"), ("feather", "parquet")]
)
def test_without_the_extra_the_command_that_installs_it_is_named(folder, form, extra, monkeypatch):
    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(foreign, "import_module", missing)
    with pytest.raises(MachineError) as caught:
        open_any(str(folder / f"d.{form}"), ReadOptions())
    assert caught.value.hint == f"pip install 'mlpcli[{extra}]'"


BAD = {
    "cut parquet": b"PAR1" + b"x" * 99,
    "cut feather": b"ARROW1" + b"x" * 99,
    "cut json": b'[\n  {"a": 1},\n',
    "json of values": b'[{"a": 1}, 2]',
    "nested json": b'{"a": {"b": 1}}\n',
    "record over lines": b'{"a":\n 1}\n',
    "records of nothing": b"{}\n{}\n",
    "workbook of nothing": None,
    "cut workbook": b"PK\x03\x04" + b"x" * 99,
}


@pytest.mark.parametrize("data", BAD.values(), ids=BAD)
def test_what_is_damaged_is_refused(folder, tmp_path, data):
    if data is None:
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            archive.writestr("xl/workbook.xml", "x")
        data = out.getvalue()
    (tmp_path / "d.bin").write_bytes(data)
    for args in (("train", "d.bin", "--target", "a"), ("predict", folder / "m.npz", "d.bin")):
        done = mlpcli(*args, cwd=tmp_path)
        assert done.returncode == 1
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("form", "share"), [("xlsx", 0), ("xlsx", 1), ("parquet", 0), ("jsonl", 0)])
def test_what_is_larger_than_memory_allows_is_refused(folder, form, share, monkeypatch):
    path = folder / f"d.{form}"
    monkeypatch.setattr(foreign, "MAX_WHOLE_BYTES", share * path.stat().st_size)
    with pytest.raises(DataError, match="are read whole"):
        open_any(str(path), ReadOptions())


def test_what_a_parquet_file_unpacks_to_counts(tmp_path, monkeypatch):
    path = tmp_path / "d.parquet"
    pd.DataFrame({"a": ["same text in every row"] * 5000, "b": np.arange(5000.0)}).to_parquet(
        path, compression="gzip", use_dictionary=False
    )
    monkeypatch.setattr(foreign, "MAX_WHOLE_BYTES", path.stat().st_size)
    with pytest.raises(DataError, match="are read whole"):
        open_any(str(path), ReadOptions())


def test_files_of_one_pattern_are_csvs(tmp_path):
    for n in "12":
        table().to_csv(tmp_path / f"p{n}.csv", index=False)
    assert open_any(str(tmp_path / "p*.csv"), ReadOptions()).n_rows == 2 * N
