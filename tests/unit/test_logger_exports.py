"""Tables as makers of loggers export them: detected, shown, confirmed, and never guessed silently."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.recordings import RecordingError
from domain.recordings.exports import OpenQuestionsError, detect, parse_export

# Written by hand as the makers' programs lay their files out; none is a copy of one.
SAMPLES: dict[str, tuple[str, dict[str, str], list[tuple[str, str, float]]]] = {
    "Elitech": (
        ("\ufeffElitech RC-5+ Data Report\nDevice Model,RC-5+\nSerial Number:,EF7204100321\nTime Zone:,UTC+02:00\n\n"
        "No.,Time,Temperature(°C)\n1,2026-01-13 10:00:00,4.5\n2,2026-01-13 10:05:00,4.7\n"),
        {},
        [("2026-01-13T08:00Z", "main", 4.5), ("2026-01-13T08:05Z", "main", 4.7)],
    ),
    "LogTag": (
        ('"LogTag Analyzer"\n"Serial number","A1F00012345"\n"Date","Time","Elapsed Time","Reading °F","Dew Point °F"\n'
        '"1/2/2026","9:55:00 AM","0:00:00","41.0","30.1"\n"1/2/2026","1:05:00 PM","3:10:00","50.0","30.1"\n'),
        {"date_order": "mdy", "zone": "America/New_York"},
        [("2026-01-02T14:55Z", "main", 5.0), ("2026-01-02T18:05Z", "main", 10.0)],
    ),
    "Sensitech TempTale": (
        ("TempTale Ultra\tSerial Number\tTT4X0099\nTimes are GMT -5:00\n\nPoint\tDate\tTime\tTemperature (F)\n"
        "1\t13-Jan-2026\t23:50\t39.2\n2\t14-Jan-2026\t00:00\t--\n3\t14-Jan-2026\t00:10\t38.3\n"),
        {},
        [("2026-01-14T04:50Z", "main", 4.0), ("2026-01-14T05:10Z", "main", 3.5)],
    ),
    "Testo": (
        ('testo 184 T3;;\nSeriennummer:;44302112;\n"Datum / Uhrzeit";"Temperatur [°C]";"Feuchte [%rF]"\n'
        "13.01.2026 10:00:00;4,5;61,2\n13.01.2026 10:15:00;-0,5;60\n"),
        {"zone": "Europe/Berlin"},
        [("2026-01-13T09:00Z", "main", 4.5), ("2026-01-13T09:15Z", "main", -0.5)],
    ),
    "Tive": (
        ("Tracker,Timestamp (UTC),Temperature (°F),Humidity (%),Light (lux),Latitude,Longitude\n"
        "Tive 861,2026-01-13T10:00:00Z,41.0,55.0,0.1,60.1,24.9\n"
            "Tive 861,2026-01-13T10:30:00Z,50.0,56.0,0.1,60.2,24.8\n"),
        {},
        [("2026-01-13T10:00Z", "main", 5.0), ("2026-01-13T10:30Z", "main", 10.0)],
    ),
    "ELPRO LIBERO": (
        ("LIBERO CE;ELPRO-BUCHS AG\nDevice ID;20123456\nDate/Time format;dd.mm.yyyy hh:mm:ss\n\n"
        "Date;Time;Internal;External\n;;[°C];[°C]\n02.01.2026;10:00:00;4,5;-78,1\n02.01.2026;10:10:00;4,6;-77,9\n"),
        {"zone": "UTC"},
        [
            ("2026-01-02T10:00Z", "internal", 4.5),
            ("2026-01-02T10:00Z", "external", -78.1),
            ("2026-01-02T10:10Z", "internal", 4.6),
            ("2026-01-02T10:10Z", "external", -77.9),
        ],
    ),
    "DeltaTrak FlashLink": (
        ("FlashLink USB PDF In-Transit Logger\nUnits: Fahrenheit\nDate format: MM/DD/YYYY\n"
        "Reading,Date Time,Temp\n1,01/02/2026 12:10 AM,33.8\n2,01/02/2026 12:10 PM,35.6\n"),
        {"zone": "-08:00"},
        [("2026-01-02T08:10Z", "main", 1.0), ("2026-01-02T20:10Z", "main", 2.0)],
    ),
    "Onset HOBO": (
        ('"Plot Title: van 7"\n"#","Date Time, GMT+01:00","Temp, °C (LGR S/N: 20817, SEN S/N: 20817)"\n'
        "1,2026-01-13 10:00:00,4.5\n"),
        {},
        [("2026-01-13T09:00Z", "main", 4.5)],
    ),
}  # fmt: skip


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


@pytest.mark.parametrize("maker", SAMPLES)
def test_a_makers_export_is_read_once_what_it_leaves_open_is_confirmed(maker: str) -> None:
    text, confirmed, wanted = SAMPLES[maker]
    detection = detect(text)
    assert detection.maker == maker
    assert set(detection.open) == set(confirmed)
    if confirmed:
        with pytest.raises(OpenQuestionsError) as refused:
            parse_export(text, detection)
        assert all(question in str(refused.value) for question in confirmed)
    recording = parse_export(text, detect(text, confirmed))
    assert [(r["t"], r["probe"], r["c"]) for _, r in recording.readings] == [(ms(t), p, c) for t, p, c in wanted]


def test_what_is_told_beside_the_readings_is_found() -> None:
    text, confirmed, _ = SAMPLES["Testo"]
    detection = detect(text, confirmed)
    assert detection.serial == "44302112"
    assert parse_export(text, detection).readings[0][1]["rh"] == 61.2
    unused = detect(SAMPLES["LogTag"][0]).unused
    assert "Dew Point °F" in unused
    told = detection.told()
    assert told["questions"]["decimal"] == {
        "chosen": "comma", "options": ["comma"], "why": "numbers are written with a comma",
    }  # fmt: skip


def test_both_orders_stay_open_while_every_day_is_at_most_12_and_the_steps_are_shown() -> None:
    text = "Date Time (UTC),Temp °C\n04/03/2026 23:55,4.5\n05/03/2026 00:00,4.6\n"
    answer = detect(text).answers["date_order"]
    assert (answer.chosen, answer.options) == (None, ("dmy", "mdy"))
    assert "steps of 1 days" in answer.why
    with pytest.raises(OpenQuestionsError, match=r"date_order \(dmy or mdy\)"):
        parse_export(text, detect(text))
    readings = {
        order: parse_export(text, detect(text, {"date_order": order})).readings[0][1]["t"] for order in answer.options
    }
    assert readings == {"dmy": ms("2026-03-04T23:55Z"), "mdy": ms("2026-04-03T23:55Z")}
    later = detect(text + "13/03/2026 00:00,4.6\n")
    assert later.answers["date_order"].chosen == "dmy"


@pytest.mark.parametrize(
    ("given_answers", "said"),
    [
        ({"date_order": "mdy"}, "dates that are none"),
        ({"clock": "12"}, "without AM and PM"),
        ({"decimal": "comma"}, "written with a point"),
        ({"separator": "tab"}, "no line has a time"),
        ({"unit": "F"}, "say C"),
        ({"zone": "Mars/Olympus"}, "no time zone"),
        ({"unit": "X"}, "one of C, F, K"),
        ({"colour": "red"}, "one of separator"),
    ],
)
def test_an_answer_that_cannot_be_is_refused(given_answers: dict[str, str], said: str) -> None:
    with pytest.raises(RecordingError, match=said):
        detect("Date Time,Temp °C\n13/03/2026 23:55,4.5\n", given_answers)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no line with a time"),
        ("Date,Temp\nhello,4\n", "no line with a time"),
        ("Time,A,B\n2026-01-01 00:00,4.5,5.5\n", "no name says which"),
        ("Time,Humidity %\n2026-01-01 00:00,45\n", "no column of temperatures"),
        ("Time,Temp\n13/14/2026 10:00,4\n14/13/2026 10:00,4\n", "no order that holds|no column of times|no dates"),
    ],
)
def test_what_is_no_table_of_temperatures_is_refused_in_words(text: str, said: str) -> None:
    with pytest.raises(RecordingError, match=said):
        detect(text)


def test_a_value_that_is_none_costs_itself_and_is_named() -> None:
    rows = "".join(f"2026-01-13T10:{m:02d}:00Z,{m}.5\n" for m in range(40))
    text = "time,Temp °C\n" + rows + "2026-01-13T11:00:00Z,cold\n2026-01-13T11:01:00Z,N/A\nnever,4\n"
    recording = parse_export(text, detect(text))
    assert (len(recording.readings), recording.skipped) == (40, 2)
    assert any("'cold' is no temperature" in note for note in recording.notes)


SEPARATOR = {"comma": ",", "semicolon": ";", "tab": "\t", "bar": "|"}
DATE = {
    "ymd": ("%Y-%m-%d", "%Y/%m/%d"),
    "dmy": ("%d/%m/%Y", "%d.%m.%Y", "%d-%m-%Y", "%d/%m/%y"),
    "mdy": ("%m/%d/%Y", "%m-%d-%Y"),
}
CLOCK = {"24": ("%H:%M:%S", "%H:%M"), "12": ("%I:%M:%S %p", "%I:%M %p")}


@st.composite
def written_series(draw: st.DrawFn) -> tuple[str, dict[str, str], list[tuple[int, str, float]]]:
    separator, order, clock = (draw(st.sampled_from(sorted(each))) for each in (SEPARATOR, DATE, CLOCK))
    unit, decimal = draw(st.sampled_from("CF")), draw(st.sampled_from(["point", "comma"]))
    offset_min = draw(st.sampled_from([-480, -210, 0, 60, 330]))
    date, time = draw(st.sampled_from(DATE[order])), draw(st.sampled_from(CLOCK[clock]))
    probes = draw(st.integers(1, 3))
    begin = draw(st.datetimes(datetime(2015, 1, 1), datetime(2035, 1, 1))).replace(second=0, microsecond=0, tzinfo=UTC)  # noqa: DTZ001
    step_min = draw(st.sampled_from([1, 5, 10, 60]))
    tenths = draw(st.lists(st.lists(st.integers(-900, 900), min_size=probes, max_size=probes), min_size=1, max_size=40))
    zone = timezone(timedelta(minutes=offset_min))
    cut = draw(st.booleans())  # date and time in columns of their own
    degrees = f" (°{unit})" if draw(st.booleans()) else ""
    names = ["Temperature"] if probes == 1 else [f"Probe {i}" for i in range(1, probes + 1)]
    quote = draw(st.booleans()) or (separator == "comma" and decimal == "comma")
    rows, wanted = [], []
    for i, values in enumerate(tenths):
        at = begin + timedelta(minutes=step_min * i)
        day, hour = at.astimezone(zone).strftime(date), at.astimezone(zone).strftime(time)
        cells = [day, hour] if cut else [f"{day} {hour}"]
        for name, tenth in zip(names, values, strict=True):
            text = f"{tenth / 10:.1f}"
            cells.append(text.replace(".", ",") if decimal == "comma" else text)
            celsius = float(text) if unit == "C" else round((float(text) - 32) / 1.8, 3)
            probe = "main" if probes == 1 else name.lower().replace(" ", "-")
            wanted.append((round(at.timestamp() * 1000), probe, celsius))
        rows.append(SEPARATOR[separator].join(f'"{cell}"' if quote else cell for cell in cells))
    header = [*(["Date", "Time"] if cut else ["Date Time"]), *(name + degrees for name in names)]
    before = draw(st.sampled_from(["", "Report\n\n", "Logger: x7\nTrip started 01/02/2026 10:00\n\n"]))
    text = before + SEPARATOR[separator].join(header) + "\n" + "\n".join(rows) + "\n"
    sign = "-" if offset_min < 0 else "+"
    known = {"date_order": order, "unit": unit, "zone": f"{sign}{abs(offset_min) // 60:02d}:{abs(offset_min) % 60:02d}"}
    return text, known, wanted


@given(written_series())
def test_a_series_in_any_dialect_comes_back_the_same_when_what_is_open_is_confirmed(
    made: tuple[str, dict[str, str], list[tuple[int, str, float]]],
) -> None:
    text, known, wanted = made
    detection = detect(text)
    assert all(detection.answers[q].chosen in (None, answer) for q, answer in known.items())
    confirmed = detect(text, {question: known[question] for question in detection.open})
    readings = [(r["t"], r["probe"], r["c"]) for _, r in parse_export(text, confirmed).readings]
    assert readings == wanted


@given(st.text(alphabet='0123456789:/-.,;\t|\n TZAPM°CF"', max_size=200))
def test_any_text_is_read_or_refused_and_nothing_else(text: str) -> None:
    with suppress(RecordingError):
        parse_export(text, detect(text))


@pytest.mark.parametrize(
    "text", ["," * 1_000_000, "1/1/2026 10:00," * 60_000, '"' * 1_000_000, "Serial number" + ":" * 1_000_000]
)
def test_a_text_that_is_made_to_be_slow_is_refused_at_once(text: str) -> None:
    begun = perf_counter()
    with pytest.raises(RecordingError):
        detect(text)
    assert perf_counter() - begun < 20, "seconds on a busy machine; a look at each cell takes minutes"
