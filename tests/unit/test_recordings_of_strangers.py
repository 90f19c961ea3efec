"""What strangers' files hold: a value or line of no use costs itself, is counted, and is named with its line."""

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.recordings import Recording, RecordingError, parse

POINT = '<trkpt lat="47.56" lon="7.59"><time>2026-11-20T08:00:{s:02d}Z</time>{more}</trkpt>\n'


def gpx(*points: str, head: str = '<?xml version="1.0" encoding="UTF-8"?>\n') -> str:
    return f'{head}<gpx xmlns="http://www.topografix.com/GPX/1/1"><trk><trkseg>\n{"".join(points)}</trkseg></trk></gpx>'


def good(second: int, more: str = "") -> str:
    return POINT.format(s=second, more=more)


def values(recording: Recording) -> list[dict[str, object]]:
    return [reading for _, reading in recording.readings]


TIMES = (
    "",
    "null",
    "2026-11-20",
    "2026-W47-5T10:00:00Z",
    "20261120T100000Z",
    "1795830378000",
    "yesterday",
    "2026-13-01T00:00Z",
)
BAD_POINTS = [
    '<trkpt lat="" lon=""><time>2026-11-20T08:00:05Z</time></trkpt>\n',
    '<trkpt lon="7.5"><time>2026-11-20T08:00:05Z</time></trkpt>\n',
    '<trkpt lat="NaN" lon="7.5"><time>2026-11-20T08:00:05Z</time></trkpt>\n',
    '<trkpt lat="91" lon="7.5"><time>2026-11-20T08:00:05Z</time></trkpt>\n',
    '<trkpt lat="47,5" lon="7,5"><time>2026-11-20T08:00:05Z</time></trkpt>\n',
    '<trkpt lat="1_0" lon="\u0667.5"><time>2026-11-20T08:00:05Z</time></trkpt>\n',
    *(f'<trkpt lat="47.5" lon="7.5"><time>{t}</time></trkpt>\n' for t in TIMES),
    '<trkpt lat="47.5" lon="7.5"/>\n',
]
BAD_SIDES = [
    ("<ele>-19999.0</ele>", "alt"),
    ("<ele>nan</ele>", "alt"),
    ("<speed>-1</speed>", "spd"),
    ("<speed>null</speed>", "spd"),
    ("<course>361</course>", "hdg"),
    ("<extensions><speed>-1.0</speed></extensions>", "spd"),
    (
        "<extensions><x:TrackPointExtension xmlns:x='u'><x:course>-1</x:course></x:TrackPointExtension></extensions>",
        "hdg",
    ),
]


@pytest.mark.parametrize("bad", BAD_POINTS)
def test_a_point_of_no_use_costs_itself_and_is_named_with_its_line(bad: str) -> None:
    recording = parse(gpx(good(0), bad, good(10)).encode())
    assert [v["t"] for v in values(recording)] == [1795161600000, 1795161610000]
    assert recording.skipped == 1
    assert any("line 4" in note for note in recording.notes)


@pytest.mark.parametrize(("side", "key"), BAD_SIDES)
def test_an_impossible_value_beside_a_place_costs_that_value(side: str, key: str) -> None:
    recording = parse(gpx(good(0), good(5, side)).encode())
    assert len(recording.readings) == 2
    assert recording.skipped == 0
    assert key not in values(recording)[1]
    assert any("line 4" in note and "value left out" in note for note in recording.notes)


@pytest.mark.parametrize("holder", ["extensions", "extensions><photo", "extensions><a><b><c"])
@pytest.mark.parametrize("tag", ["time", "ele", "speed", "course"])
def test_extensions_never_replace_what_is_a_points_own(holder: str, tag: str) -> None:
    own = {"ele": "100", "speed": "9", "course": "54"}
    inner = f"<{holder}><{tag}>2026-11-20T05:30:00Z</{tag}>{''.join(f'</{t}>' for t in reversed(holder.split('><')))}"
    more = "".join(f"<{k}>{v}</{k}>" for k, v in own.items())
    for content in (gpx(good(0, more + inner)), gpx(good(0, inner + more))):
        assert values(parse(content.encode())) == [
            {"t": 1795161600000, "lat": 47.56, "lon": 7.59, "alt": 100.0, "spd": 9.0, "hdg": 54.0}
        ]


def test_speed_and_course_of_gpx_1_1_stand_in_extensions_but_not_in_other_elements_there() -> None:
    garmin = (
        "<extensions><g:TrackPointExtension xmlns:g='u'><g:speed>9.3</g:speed></g:TrackPointExtension></extensions>"
    )
    photo = "<extensions><photo><speed>200</speed></photo></extensions>"
    first, second = values(parse(gpx(good(0, garmin), good(5, photo)).encode()))
    assert first["spd"] == 9.3
    assert "spd" not in second


ENCODINGS = [
    ("utf-8", b""),
    ("utf-8", codecs.BOM_UTF8),
    ("utf-16-le", codecs.BOM_UTF16_LE),
    ("utf-16-be", codecs.BOM_UTF16_BE),
    ("utf-32-le", codecs.BOM_UTF32_LE),
    ("utf-16-le", b""),
    ("utf-16-be", b""),
]
DECLARATIONS = ["", *(f'<?xml version="1.0" encoding="{e}"?>' for e in ("UTF-8", "UTF-16", "ISO-8859-1", "KOI99"))]
LOGGER = "Device: Q-tag\nConf:\n Serial: 42\nData:\n\tyyyy-MM-dd hh:mm\tT\n\t2026-01-02 03:05\t-4.5\t\n"


@pytest.mark.parametrize(("encoding", "mark"), ENCODINGS)
@pytest.mark.parametrize("blank", ["", "\n\n  \n"])
def test_every_format_is_read_in_every_encoding_whatever_is_declared(encoding: str, mark: bytes, blank: str) -> None:
    for head in DECLARATIONS:
        content = mark + (blank + gpx(good(0), head=head)).encode(encoding)
        assert len(parse(content).readings) == 1, head
    for text in ("time,temp_c\n2026-11-20T08:00:00Z,4.5\n", LOGGER):
        assert len(parse(mark + (blank + text).encode(encoding)).readings) == 1


def test_a_stray_byte_harms_only_the_line_it_stands_in() -> None:
    table = (
        b"time,temp_c,place\n2026-11-20T08:00:00Z,4.5,K\xf6ln\n2026-11-20T08:01:00Z,4\xb0,x\n2026-11-20T08:02:00Z,5,x\n"
    )
    recording = parse(table)
    assert [v["c"] for v in values(recording)] == [4.5, 5.0]
    assert any("line 3" in note and "not UTF-8" in note for note in recording.notes)
    named = gpx(good(0, "<name>K\xf6ln</name>")).encode("latin-1")
    assert len(parse(named).readings) == 1


def test_what_a_file_lost_at_its_end_does_not_take_the_rest_along() -> None:
    recording = parse(gpx(good(0), good(5), good(10)).encode()[:-60])
    assert len(recording.readings) == 2
    assert any("broken XML" in note for note in recording.notes)


BAD_LINES = [
    "2026-11-20,4.5",
    "1795830378000,4.5",
    "2026-W47-5T10:00:00Z,4.5",
    "20261120T100000Z,4.5",
    "24.11.2026 10:00,4.5",
    "2026-11-20T08:00:30Z",
    "2026-11-20T08:00:30Z,4.5,7",
    "2026-11-20T08:00:30Z,1_000",
    "2026-11-20T08:00:30Z,\u0664.5",
    "2026-11-20T08:00:30Z,nan",
    "2026-11-20T08:00:30Z,inf",
    "2026-11-20T08:00:30Z,",
    '2026-11-20T08:00:30Z,"4,5"',
    '2026-11-20T08:00:30Z,"4"5',
    ",4.5",
]


@pytest.mark.parametrize("bad", BAD_LINES)
def test_a_line_of_no_use_costs_itself_and_is_named_with_its_line(bad: str) -> None:
    recording = parse(f"time,temp_c\n2026-11-20T08:00:00Z,4.5\n{bad}\n2026-11-20T08:01:00Z,4.7\n".encode())
    assert [v["c"] for v in values(recording)] == [4.5, 4.7]
    assert recording.skipped == 1
    assert any("line 3" in note for note in recording.notes)


@pytest.mark.parametrize(
    "bad", ["2026-01-02T03:10\t9.2", "2026-01-02 03:10 9.2", "02.01.2026 03:10\t9.2", "2026-01-02 03:10\t9,2", "???"]
)
def test_a_loggers_line_that_is_not_understood_is_named_and_its_neighbours_are_read(bad: str) -> None:
    recording = parse((LOGGER + f"\t{bad}\t\n\t2026-01-02 03:15:30\t+9.1\tx\n").encode())
    assert [v["c"] for v in values(recording)] == [-4.5, 9.1]
    assert recording.skipped == 1
    assert any("line 7" in note and bad[:9] in note for note in recording.notes)


@pytest.mark.parametrize(
    ("content", "hint"),
    [
        (b'<gpx><wpt lat="1" lon="2"><time>2026-11-20T08:00:00Z</time></wpt></gpx>', "1 waypoints and no track"),
        (b'<gpx><rte><rtept lat="1" lon="2"/></rte></gpx>', "a route and no track"),
        (b"time,temp_c\n2026-11-20,4\n", "a date without a time of day: write 2026-11-20T10:00:00Z"),
        (b"time,temp_c\n1795830378,4\n", "is a number, not a time"),
    ],
)
def test_advice_names_what_is_there_and_what_is_wanted(content: bytes, hint: str) -> None:
    with pytest.raises(RecordingError, match=hint):
        parse(content)


@given(st.lists(st.sampled_from([*BAD_POINTS, "GOOD"]), max_size=12))
def test_bad_points_change_nothing_of_the_good_ones_and_all_are_counted(points: list[str]) -> None:
    seconds = [i for i, p in enumerate(points) if p == "GOOD"]
    content = gpx(*(good(i) if p == "GOOD" else p for i, p in enumerate(points))).encode()
    if not seconds:
        with pytest.raises(RecordingError):
            parse(content)
        return
    recording = parse(content)
    assert [v["t"] for v in values(recording)] == [1795161600000 + 1000 * s for s in seconds]
    assert recording.skipped == len(points) - len(seconds)
