"""How a column of numbers is written: read as a person reads it, refused where two readings are left."""

from __future__ import annotations

import json
import re
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mlpcli.data.formats import number_format
from mlpcli.data.formats.marks import CURRENCIES, DECIMALS, THOUSANDS, UNITS
from mlpcli.data.formats.number_format import READINGS, decide_numbers, may_have_points_between, proven_decimal
from mlpcli.data.formats.numbers import NumberFormat, anatomy, is_unit
from mlpcli.data.formats.writing import REFUSALS, SAMPLE, Known, Refusal

VALUES = np.round(np.random.default_rng(0).uniform(1, 60_000, 400), 2)


def decided(texts, **known):
    """Decides on a column of these cells."""
    distinct, counts = np.unique(np.asarray(texts, dtype=object), return_counts=True)
    return list(distinct), decide_numbers(list(distinct), counts, Known(**known))


def european(text: str) -> str:
    return text.translate(str.maketrans(".,", ",."))


WRITTEN = {  # name -> (a value as people write it, decimals, what is said)
    "dollars": (lambda x: f"${x:,.2f}", 2, "$ and thousands commas read"),
    "dollars, a space": (lambda x: f"$ {x:,.2f}", 2, "$ and thousands commas read"),
    "code before": (lambda x: f"USD {x:,.2f}", 2, "USD and thousands commas read"),
    "code behind": (lambda x: f"{x:,.2f} EUR", 2, "EUR and thousands commas read"),
    "euros": (lambda x: european(f"{x:,.2f} €"), 2, "€, thousands points and decimal comma read"),
    "euros, no marks between": (lambda x: european(f"{x:.2f}€"), 2, "€ and decimal comma read"),
    "won": (lambda x: f"{x:,.0f}원", 0, "원 and thousands commas read"),
    "won sign": (lambda x: f"₩{x:,.0f}", 0, "₩ and thousands commas read"),
    "rupees": (lambda x: f"Rs.{x:,.2f}", 2, "Rs. and thousands commas read"),
    "rupees, whole": (lambda x: f"Rs.{x:.0f}", 0, "Rs. read"),
    "yen, full width": (lambda x: f"￥{x:,.0f}", 0, "￥ and thousands commas read"),
    "percent": (lambda x: f"{x:.1f}%", 1, "percent signs read"),
    "percent, a space": (lambda x: f"{x:.1f} %", 1, "percent signs read"),
    "percent before": (lambda x: f"%{x:.1f}", 1, "percent signs read"),
    "decimal comma": (lambda x: european(f"{x:.1f}"), 1, "decimal comma read"),
    "no-break spaces": (lambda x: f"{x:,.0f}".replace(",", "\u00a0"), 0, "thousands spaces read"),
    "thin spaces": (lambda x: f"{x:,.1f}".replace(",", "\u2009"), 1, "thousands spaces read"),
    "narrow no-break spaces": (
        lambda x: f"{x:,.2f}".replace(",", "\u202f").replace(".", ","), 2, "thousands spaces and decimal comma read",
    ),
    "Swiss": (lambda x: f"{x:,.2f}".replace(",", "'"), 2, "thousands apostrophes read"),
    "Swiss, curly": (lambda x: f"CHF {x:,.2f}".replace(",", "’"), 2, "CHF and thousands apostrophes read"),
    "kilograms": (lambda x: f"{x:.1f} kg", 1, "unit 'kg' read"),
    "degrees": (lambda x: f"{x:.1f}°C", 1, "unit '°C' read"),
    "square metres": (lambda x: f"{x:.1f} m2", 1, "unit 'm²' read"),
    "a word for a unit": (lambda x: f"{x:.0f} pieces", 0, "unit 'pieces' read"),
    "padding": (lambda x: f"  {x:10.2f} ", 2, ""),
    "full width": (lambda x: f"{x:.2f}".replace(".", "．"), 2, ""),
}  # fmt: skip


@pytest.mark.parametrize("name", WRITTEN)
def test_a_column_is_read_as_it_is_written(name):
    write, decimals, said = WRITTEN[name]
    texts, found = decided([write(x) for x in VALUES])
    assert isinstance(found, NumberFormat), found
    np.testing.assert_array_equal(found.parse([write(x) for x in VALUES]), [float(f"{x:.{decimals}f}") for x in VALUES])
    assert found.describe().replace("￥", "¥") == said.replace("￥", "¥")
    assert not np.isnan(found.parse(texts)).any()


NEGATIVES = {
    "accounting": (lambda x: f"({-x:,.2f})" if x < 0 else f"{x:,.2f}"),
    "accounting, the mark outside": (lambda x: f"$({-x:,.2f})" if x < 0 else f"$ {x:,.2f}"),
    "accounting, the mark inside": (lambda x: f"(£{-x:,.2f})" if x < 0 else f"£{x:,.2f}"),
    "trailing": (lambda x: f"{-x:,.2f}-" if x < 0 else f"{x:,.2f}"),
    "trailing before the currency": (lambda x: f"{-x:,.2f}- €" if x < 0 else f"{x:,.2f} €"),
    "typographic": (lambda x: f"{x:,.2f}".replace("-", "−")),
    "en dash": (lambda x: f"{x:,.2f}".replace("-", "–")),
    "before the mark": (lambda x: f"-${-x:,.2f}" if x < 0 else f"${x:,.2f}"),
    "behind the mark": (lambda x: f"$-{-x:,.2f}" if x < 0 else f"${x:,.2f}"),
    "with plus": (lambda x: f"{x:+,.2f}"),
}  # fmt: skip


@pytest.mark.parametrize("name", NEGATIVES)
def test_negative_numbers_are_read_as_they_are_written(name):
    values = np.round(VALUES - 30_000, 2)
    texts = [NEGATIVES[name](x) for x in values]
    _, found = decided(texts)
    assert isinstance(found, NumberFormat), found
    np.testing.assert_array_equal(found.parse(texts), values)


def test_a_sign_that_the_column_does_not_have_is_no_number_later():
    _, found = decided([f"${x:.2f}" for x in VALUES])
    assert np.isnan(found.parse(["($5.00)", "$5.00-", "$−5.00"])).all()
    assert found.parse(["-$5.00", "5", "5.00 USD", "US$ 5"]).tolist() == [-5, 5, 5, 5]


@pytest.mark.parametrize(
    "text",
    ["€5", "5 kg", "1.234,50", "12,34", "1,2345", "12,345,67", "1234,567", "", "$", "0x1F", "0,123", "1,234e5", "--5"],
)
def test_what_is_not_written_so_is_no_number_later(text):
    _, found = decided([f"${x:,.2f}" for x in VALUES])
    assert np.isnan(found.parse([text])).all()


@pytest.mark.parametrize("name", WRITTEN)
def test_a_cell_alone_is_read_as_in_its_column(name):
    texts = [WRITTEN[name][0](x) for x in VALUES]
    found = decided(texts)[1]
    np.testing.assert_array_equal(found.parse(texts), [found.parse([t])[0] for t in texts])


def test_a_dash_for_the_missing_cents_is_no_minus():
    texts = ["€ 12,-", "€ 1.500,-", "€ 9,50"]
    assert decided(texts)[1].parse(texts).tolist() == [12, 1500, 9.5]


@pytest.mark.parametrize(
    ("numbers", "may"),
    [
        ([1.234, 2.345, 1.23, 987, 5, 7], True),
        ([np.nan, 1.234, -987, 5, 7], True),
        ([1.5, 2, 3, 4], False),
        ([1.234, 0.5, 2, 3, 4], False),
        ([1.2345, 2, 3, 4], False),
        ([1.234, 4.567], False),
        ([1, 2, 3], False),
        ([1234.567, 1, 2, 3], False),
        ([], False),
    ],
)
def test_only_plain_numbers_that_could_be_in_thousands_are_looked_at_again(numbers, may):
    assert may_have_points_between(np.array(numbers, np.float64)) is may


def test_points_between_thousands_beside_bare_numbers_are_never_decimal_in_silence():
    texts = ["987", "12", "5", "1.230", "4.560", "7.890", "1.234"]
    assert decided(texts)[1].kind == "ambiguous number"
    assert decided(texts, delimiter=";")[1].parse(["1.230", "987"]).tolist() == [1230, 987]


@pytest.mark.parametrize("text", ["(-5.00)", "-(5.00)-", "5.00--", "((5.00))", "(5.00", "+-5.00"])
def test_two_signs_are_none(text):
    _, found = decided(["(5.50)", "5.50", "5.50-", "−5.50"])
    assert np.isnan(found.parse([text])).all()


def test_indian_groups_are_read():
    _, found = decided(["12,34,567", "1,234", "45,67,890", "123"])
    assert found.parse(["12,34,567", "1,234", "123"]).tolist() == [1_234_567, 1234, 123]
    assert np.isnan(found.parse(["123,456"])).all()


# --- two readings -----------------------------------------------------------------------------------------

AMBIGUOUS = ["1,234", "2,345", "12,345", "123,456"]


def test_a_comma_before_three_digits_in_every_cell_is_refused_with_both_flags():
    texts, found = decided(AMBIGUOUS)
    assert isinstance(found, Refusal)
    assert found.kind == "ambiguous number"
    assert [(s.option, s.value) for s in found.suggestions] == [("decimal", ","), ("thousands", ","), ("category", "")]
    assert texts[found.indices[0]] in found.what
    assert [s.meaning for s in found.suggestions[:2]] == ["1,234 is 1.234", "1,234 is 1234"]


@pytest.mark.parametrize(
    ("proof", "decimal"),
    [
        ("12,5", ","),
        ("0,123", ","),
        ("1,2345", ","),
        ("1234,567", ","),
        ("1,234,567", "."),
        ("1,234.5", "."),
        ("0.5", "."),
    ],
)
def test_one_cell_proves_the_mark_of_all(proof, decimal):
    _, found = decided([*AMBIGUOUS, proof])
    assert isinstance(found, NumberFormat)
    assert found.decimal == decimal
    assert found.parse(["1,234"])[0] == (1.234 if decimal == "," else 1234)


def test_bare_numbers_beside_marked_ones_that_end_in_0_prove_thousands():
    _, found = decided(["987", "12", "5", "1,230", "4,560", "7,890", "1,234"])
    assert found.parse(["1,230", "987"]).tolist() == [1230, 987]


@pytest.mark.parametrize("texts", [["1,230", "4,560", "7,890"], ["1,234", "2.345", "3,456", "4.567"]])
def test_numbers_that_end_in_0_or_have_both_marks_prove_nothing_alone(texts):
    assert decided(texts)[1].kind == "ambiguous number"


def test_flags_settle_what_the_cells_do_not():
    assert decided(AMBIGUOUS, decimal=",")[1].parse(["1,234"])[0] == 1.234
    assert decided(AMBIGUOUS, thousands=",")[1].parse(["1,234"])[0] == 1234


def test_semicolons_between_cells_make_a_comma_the_decimal_mark_unless_another_column_has_points():
    assert decided(AMBIGUOUS, delimiter=";")[1].decimal == ","
    assert decided(AMBIGUOUS, delimiter=";", proven_decimal=".")[1].thousands == ","


def test_other_columns_settle_what_the_cells_do_not():
    assert decided(AMBIGUOUS, proven_decimal=",")[1].parse(["1,234"])[0] == 1.234
    assert decided(AMBIGUOUS, proven_decimal=".")[1].parse(["1,234"])[0] == 1234
    assert decided(["1.234", "2.345"], proven_decimal=",")[1].parse(["1.234"])[0] == 1234


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_points_before_three_digits_are_plain_numbers(delimiter):
    assert decided([f"{x:.3f}" for x in VALUES[VALUES > 1]], delimiter=delimiter)[1] == NumberFormat()
    assert decided(["1.234", "2.345", "12.345"], delimiter=delimiter)[1] == NumberFormat()


@pytest.mark.parametrize("mark", ["₩{}", "{}원", "¥{}", "{} KRW", "JPY {}"])
@pytest.mark.parametrize("between", [",", "."])
def test_a_currency_without_coins_proves_thousands(mark, between):
    _, found = decided([mark.format(f"{1000 + 7 * i:,}".replace(",", between)) for i in range(50)])
    assert found.parse([mark.format(f"1{between}234")])[0] == 1234


def test_a_unit_in_korean_proves_that_a_comma_stands_between_thousands():
    assert decided([f"{1000 + 7 * i:,}명" for i in range(50)])[1].parse(["1,234명"])[0] == 1234


def test_money_with_a_comma_before_three_digits_is_in_thousands():
    assert decided(["$1,234", "$2,345", "$12,345"])[1].parse(["$1,234"])[0] == 1234


@pytest.mark.parametrize("texts", [["1.234 €", "2.345 €", "12.345 €"], ["1,234 €", "2,345 €"]])
def test_three_digits_of_money_where_the_delimiter_contradicts_are_refused(texts):
    _, found = decided(texts, delimiter=";" if "," in texts[0] else ",")
    assert found.kind == "ambiguous number"


@pytest.mark.parametrize(
    ("texts", "proven"),
    [
        (["1,5", "2,5"], ","),
        (["1.5", "2"], "."),
        (["1,234", "2,345"], None),
        (["1.234", "2.345"], None),
        (["1", "2"], None),
        (["$1,234.50", "$2"], "."),
        (["1 234,5"], ","),
        (["a", "b"], None),
    ],
)
def test_what_a_column_proves_for_others(texts, proven):
    assert proven_decimal(texts, np.ones(len(texts), np.int64)) == proven


# --- refusals ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("texts", "kind"),
    [
        ([f"${i}" for i in range(300)] + [f"€{i}" for i in range(300)], "two currencies"),
        ([f"{i} kg" for i in range(300)] + [f"{i} g" for i in range(300)], "two units"),
        ([f"{i}%" for i in range(300)] + [f"{i / 100}" for i in range(300)], "two units"),
        ([f"{i}.5K" for i in range(300)] + [f"{i}.5M" for i in range(20)], "number words"),
        ([f"{i}만 {i % 9 + 1}천" for i in range(1, 300)], "number words"),
        ([f"{i:,}.50" for i in range(1000, 1300)] + [f"{i}.000,50" for i in range(1, 300)], "two marks"),
        (["１２", "３４", "５"], "other digits"),
        ([f"${i}.00" for i in range(300)] + ["call us"], "stray"),
        ([str(i) for i in range(300)] + ["heavy"], "stray"),
    ],
)
def test_what_contradicts_itself_is_refused_by_name(texts, kind):
    distinct, found = decided(texts)
    assert isinstance(found, Refusal), found
    assert found.kind == kind
    assert found.kind in REFUSALS
    assert found.indices
    assert all(0 <= i < len(distinct) for i in found.indices)
    assert found.suggestions


def test_two_currencies_are_shown_by_a_text_of_each():
    texts, found = decided([f"${i}" for i in range(300)] + [f"€{i}" for i in range(20)])
    assert [texts[i][0] for i in found.indices] == ["$", "€"]


def test_a_stray_is_named_and_can_be_missing():
    texts, found = decided([f"${i}.00" for i in range(300)] + ["call us"])
    assert [texts[i] for i in found.indices] == ["call us"]
    assert found.n_cells == 1
    assert (found.suggestions[0].option, found.suggestions[0].value) == ("missing", "call us")


def test_a_few_words_in_a_fifth_of_the_cells_of_marked_numbers_are_strays():
    assert decided([f"${i}.50" for i in range(400)] + ["free"] * 100)[1].kind == "stray"


def test_a_few_words_in_a_fifth_of_the_cells_of_plain_numbers_make_a_category_as_ever():
    assert decided([f"{i}.50" for i in range(400)] + ["free"] * 100)[1] is None


def test_words_in_most_cells_make_a_category():
    assert decided([f"${i}.50" for i in range(400)] + ["free"] * 500)[1] is None


def test_many_different_words_are_strays_below_a_hundredth_of_the_cells():
    words = [f"see {chr(97 + i)}" for i in range(6)]
    assert decided([f"{i}.50" for i in range(700)] + words)[1].kind == "stray"
    assert decided([f"{i}.50" for i in range(500)] + words)[1] is None


def test_one_stray_is_one_in_a_short_column_too():
    assert decided(["$1.50", "$2.50", "call"])[1].kind == "stray"


def test_every_stray_counts_where_the_user_says_that_it_is_a_number():
    texts = ["5", "6", "a", "b"]
    assert decided(texts)[1] is None
    assert decided(texts, must=True)[1].kind == "stray"


# --- the format in a model file ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", WRITTEN)
def test_a_format_survives_json_and_is_sound(name):
    found = decided([WRITTEN[name][0](x) for x in VALUES])[1]
    loaded = {k: tuple(v) if isinstance(v, list) else v for k, v in json.loads(json.dumps(asdict(found))).items()}
    assert NumberFormat(**loaded) == found
    assert found.is_sound()


@pytest.mark.parametrize(
    "fields",
    [{"decimal": "x"}, {"decimal": ""}, {"decimal": None}, {"decimal": ["."]}, {"thousands": "."}, {"thousands": "5"},
     {"thousands": ""}, {"thousands": 7}, {"lakh": 1}, {"lakh": True}, {"currency": "DOGE"}, {"currency": None},
     {"unit": ("a" * 11,)}, {"unit": ("",)}, {"unit": "kg"}, {"unit": ("5",)}, {"unit": tuple("abcdefg")},
     {"unit": (None,)}, {"negatives": ("other",)}, {"negatives": ("trailing", "trailing")}, {"negatives": [[]]}],
)  # fmt: skip
def test_a_hostile_format_is_not_sound(fields):
    assert not NumberFormat(**fields).is_sound()


# --- round trips ------------------------------------------------------------------------------------------


@st.composite
def formats(draw):
    decimal = draw(st.sampled_from([".", ","]))
    thousands = draw(st.sampled_from([None, *(m for m in ",. '" if m != decimal)]))
    unit = draw(st.sampled_from(["", "%", "kg", " km", "°C", " 명"]))
    currency = "" if unit else draw(st.sampled_from(["", "$", "€", "₩", "kr", "Rs."]))
    negative = draw(st.sampled_from(["-{}", "({})", "{}-", "−{}"]))
    return decimal, thousands, unit, currency, negative


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(formats(), st.lists(st.integers(-(10**9), 10**9), min_size=30, max_size=60, unique=True))
def test_what_is_written_in_a_format_is_read_back(form, cents):
    decimal, thousands, unit, currency, negative = form
    assume(any(c >= 0 for c in cents))

    def write(c: int) -> str:
        text = f"{abs(c) / 100:,.2f}".translate({ord(","): thousands or "", ord("."): decimal})
        text = f"{currency}{text}{unit}"
        return negative.format(text) if c < 0 else text

    texts = [write(c) for c in cents]
    _, found = decided(texts)
    assert isinstance(found, NumberFormat), found
    np.testing.assert_array_equal(found.parse(texts), [c / 100 for c in cents])
    assert found.is_sound()


@settings(max_examples=300, deadline=None)
@given(st.lists(st.text("0123456789.,' -+()$€%kgKM만e", max_size=12), min_size=1, max_size=30, unique=True))
def test_any_texts_are_decided_and_what_is_read_has_a_value_for_each(texts):
    found = decide_numbers(texts, np.ones(len(texts), np.int64), Known())
    if isinstance(found, NumberFormat):
        assert found.is_sound()
        assert not np.isnan(found.parse(texts)).any()
    elif found is not None:
        assert found.kind in REFUSALS


@pytest.mark.slow
@given(st.text(max_size=12))
def test_what_is_read_as_a_plain_number_is_what_python_reads(text):
    value = NumberFormat().parse([text])[0]
    if not np.isnan(value):
        assert value == float(text.strip().replace("．", ".").replace("－", "-").replace("＋", "+"))


# --- time -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("piece", ["1", "1,", "1.", "1 ", "1'", "(", "$", "-", " ", "1,234,", "e", "만", "1e", "0,00"])
def test_a_million_characters_are_looked_at_once(piece):
    # The pattern only ever sees short texts; so the claim is about the pattern itself.
    long = piece * (1_000_000 // len(piece))
    assert decided([long, long + "x"])[1] is None
    assert anatomy(long.translate({ord("1"): "0"}) + "?0") is None


def test_numbers_are_as_long_as_float64_holds_and_no_longer():
    assert NumberFormat().parse(["1" + "0" * 308, "9" * 400]).tolist()[0] == 1e308
    assert np.isnan(NumberFormat().parse(["9" * 400])).all()


def test_a_column_of_very_many_shapes_is_given_up(monkeypatch):
    """The judge is the number of shapes taken apart: those of the first look alone."""
    seen = []
    monkeypatch.setattr(number_format, "anatomy", lambda shape: seen.append(shape) or anatomy(shape))
    texts = [f"1 {chr(97 + i // 676)}{chr(97 + i // 26 % 26)}{chr(97 + i % 26)}" for i in range(6000)]
    assert decided(texts)[1] is None
    assert len(seen) <= SAMPLE


def test_no_pattern_can_backtrack_over_digits():
    for marks in READINGS:
        assert not re.search(r"0[+*](?!\+)", marks.plain.pattern)
        assert marks.grouped is None or not re.search(r"0[+*](?!\+)", marks.grouped.pattern)


@pytest.mark.parametrize("unit", sorted(UNITS))
def test_every_unit_can_be_read(unit):
    _, found = decided([f"{x:.1f} {unit}" for x in VALUES])
    assert isinstance(found, NumberFormat)
    assert is_unit(found.unit[0])


@pytest.mark.parametrize("mark", sorted(CURRENCIES))
def test_every_currency_can_be_read_before_and_behind(mark):
    for texts in ([f"{mark}{x:.2f}" for x in VALUES], [f"{x:.2f} {mark}" for x in VALUES]):
        _, found = decided(texts)
        assert isinstance(found, NumberFormat), (texts[0], found)
        np.testing.assert_array_equal(found.parse(texts), VALUES)


def test_every_mark_has_a_name():
    assert all(DECIMALS.values())
    assert all(THOUSANDS.values())
