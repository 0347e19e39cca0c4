import math
import unicodedata
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from meticulous_cli.show.cells import MISSING, aligned, arguments, results, shown
from meticulous_cli.show.text import (
    cut,
    cut_apart,
    cut_around,
    plain,
    shown_duration,
    shown_time,
    width,
    wrapped,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.41666666, "0.416667"),
        (0.1, "0.1"),
        (1.0, "1.0"),
        (-0.0, "-0.0"),
        (1e-5, "1e-05"),
        (123.456, "123.456"),
        (123456.78, "123456.78"),
        (1.0000001, "1.0000001"),
        ("a ", "'a '"),
        (1234567.8, "1.23457e+06"),
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
        (20261123, "20261123"),
        (True, "True"),
        (None, "None"),
        ("", "''"),
        ("text", "text"),
        ([1, "é"], '[1, "é"]'),
        ({"acc": 0.34438585669870103}, '{"acc": 0.344386}'),
        (MISSING, ""),
    ],
)
def test_values_read_as_people_write_them(value, text):
    assert shown(value) == text


@pytest.mark.parametrize(
    ("values", "cells"),
    [
        ([0.1, 0.0003, 3.0], ["0.1", "0.0003", "3.0"]),
        ([0.3, 0.30000000000000004], ["0.3", "0.30000000000000004"]),
        ([0.000123451, 0.000123453], ["0.000123451", "0.000123453"]),
        ([0.12345671, 0.12345674, 0.5], ["0.12345671", "0.12345674", "0.5"]),
        ([0.1, "0.1"], ["0.1", "'0.1'"]),
        ([True, "True", 1], ["True", "'True'", "1"]),
        ([[0.1234567], [0.1234568]], ["[0.1234567]", "[0.1234568]"]),
        ([0.1, 0.1, MISSING, None], ["0.1", "0.1", "", "None"]),
    ],
)
def test_arguments_stand_as_given_and_never_look_alike_where_they_differ(values, cells):
    assert arguments(values) == cells


@pytest.mark.parametrize(
    ("values", "cells"),
    [
        ([812.4, 3.1, 0.0034], ["812.40", "3.10", "0.0034"]),
        ([1e-5, 0.3], ["1e-05", "0.3000"]),
        ([0.5, 0.25], ["0.50", "0.25"]),
        ([0.0554321, 0.01], ["0.05543", "0.01000"]),
        ([12.34567, 1.0], ["12.346", "1.000"]),
        ([123.4567, 0.12345], ["123.46", "0.12"]),
        ([12345.678, 0.2052], ["12345.7", "0.205"]),
        ([3, 5, MISSING], ["3", "5", ""]),
        ([3, 0.25], ["3.00", "0.25"]),
        ([math.nan, math.inf, 0.5], ["nan", "inf", "0.5"]),
        ([1e300, 0.5], ["1e+300", "0.5"]),
        ([10**400, 0.5], [str(10**400), "0.5"]),
        (["fine", 0.123456], ["fine", "0.123456"]),
        ([], []),
        ([0.0], ["0.0"]),
    ],
)
def test_results_have_the_same_number_of_decimals(values, cells):
    assert results(values) == cells


@pytest.mark.parametrize(
    ("values", "cells"),
    [
        ([1, 1.0, 0.25], ["1", "1.0", "0.25"]),
        ([0.5, 1.23456e-20, 1.23457e-20], ["0.5", "1.23456e-20", "1.23457e-20"]),
        ([0.123456, 0.123457], ["0.123456", "0.123457"]),
    ],
)
def test_what_no_number_of_decimals_tells_apart_has_its_own_digits(values, cells):
    assert results(values, apart=True) == cells


numbers = st.lists(st.floats() | st.integers() | st.none() | st.just(MISSING), max_size=6)


@given(numbers)
def test_results_that_are_sorted_never_look_alike_where_they_differ(values):
    cells = results(values, apart=True)
    for one, cell in zip(values, cells, strict=True):
        for other, other_cell in zip(values, cells, strict=True):
            assert (cell == other_cell) <= (one == other or repr(one) == repr(other))


@given(numbers)
def test_numbers_end_at_their_points(values):
    cells = aligned([cell for cell in results(values) if "." in cell and "e" not in cell])
    assert len({len(cell) - cell.index(".") for cell in cells}) <= 1


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0012, "1ms"),
        (1.25, "1.2s"),
        (59.4, "59s"),
        (90, "1m 30s"),
        (7265, "2h 01m"),
        (93600, "1d 02h"),
        (-90, "-1m 30s"),
    ],
)
def test_durations_have_two_units(seconds, text):
    assert shown_duration(timedelta(seconds=seconds)) == text


@pytest.mark.parametrize(
    ("days", "text"),
    [
        (0, "12:00"),
        (-1, "Sun 12:00"),
        (-6, "Tue 12:00"),
        (-7, "Nov 16"),
        (-22, "Nov 1"),
        (1, "Nov 24"),
        (-326, "Jan 1"),
        (-327, "2025-12-31"),
        (39, "2027-01-01"),
    ],
)
def test_times_are_as_short_as_the_reader_needs(days, text):
    now = datetime(2026, 11, 23, 12).astimezone()
    assert shown_time(now + timedelta(days), now) == text
    assert shown_time(now) == "2026-11-23 12:00:00"
    assert shown_time(datetime(1, 1, 1, tzinfo=timezone.utc), now)[:3] in ("000", "1-0")


def test_the_last_days_of_a_year_are_near_in_the_next():
    now = datetime(2027, 1, 2, 9).astimezone()
    assert shown_time(now - timedelta(3), now) == "Wed 09:00"


@given(st.text())
@pytest.mark.requirement("SAFE-5", "SAFE-8")
def test_any_text_becomes_harmless(text):
    assert plain(text).isprintable()


@given(st.text(), st.integers(1, 30))
def test_cut_text_fits_and_short_text_stays(text, limit):
    text = plain(text)
    result = cut(text, limit)
    assert width(result) <= limit
    assert (result == text) == (width(text) <= limit) or "…" in text


@pytest.mark.parametrize(
    ("text", "limit", "cell"),
    [
        ("vit_small_patch16_224", 18, "vit_small…ch16_224"),
        ("/data/digits/train.npz", 12, "/data/…n.npz"),
        ("warmup of 500 steps", 12, "warmup of 5…"),
        ("warmup of 500 steps", 10, "warmup of…"),
    ],
)
def test_prose_is_cut_at_its_end_and_what_has_no_spaces_in_its_middle(text, limit, cell):
    assert cut(text, limit) == cell


def test_comparisons_are_cut_around_what_differs():
    prompts = [
        f"You are a helpful assistant. Answer in one word, and be {how}." for how in ("polite", "frank")
    ]
    assert cut_around(prompts, 23) == ["… word, and be polite.", "… word, and be frank."]
    paths = [f"/scratch{number}/users/ada/projects/digits/data" for number in (1, 2)]
    assert cut_around(paths, 23) == ["/scratch1/users/ada/pr…", "/scratch2/users/ada/pr…"]


@given(st.lists(st.text("ab /", max_size=40), max_size=6), st.integers(4, 20))
def test_different_texts_stay_different(texts, limit):
    cells = cut_apart(texts, limit)
    assert len(set(cells)) == len(set(texts))
    around = cut_around(texts[:2], limit)
    assert all(width(cell) <= limit for cell in around)
    assert len(set(around)) == len(set(texts[:2]))


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126)))
def test_plain_characters_are_one_cell_wide(text):
    assert plain(text) == text
    assert width(text) == len(text)


@given(st.characters())
def test_every_character_is_at_most_two_cells_wide(char):
    assert 0 <= width(char) <= 2
    assert width(char) == 2 or unicodedata.east_asian_width(char) not in "WF"


@given(st.text(st.sampled_from("ab \u7687\u0301")), st.integers(4, 20))
def test_wrapped_lines_fit_and_nothing_is_lost(text, room):
    lines = wrapped(plain(text), room)
    assert max(map(width, lines)) <= room
    assert "".join(lines).replace(" ", "") == plain(text).replace(" ", "")


def test_lines_are_wrapped_at_spaces_where_there_are_some():
    assert wrapped("no room for: a, b, c", 12) == ["no room for:", "  a, b, c"]
    assert wrapped("x" * 10 + " y", 8) == ["x" * 8, "  xx y"]
