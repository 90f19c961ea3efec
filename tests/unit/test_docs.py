"""The pages under docs/ name everything there is: every setting, stream, key, flag, reason and decision."""

import re
from pathlib import Path

import pytest
from typer.main import get_command

from domain.names import ENCODINGS, PAYLOAD_BYTES_MAX, STREAMS
from domain.readings import Flag
from domain.wire.fields import FIELDS
from domain.wire.formats import FORMATS
from frostway.cli import app
from frostway.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
WIRE = (ROOT / "docs/wire-formats.md").read_text()
OPERATIONS = (ROOT / "docs/operations.md").read_text()
PAGES = sorted(path for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def test_every_setting_has_its_line_and_its_default() -> None:
    lines = dict(re.findall(r"^\| `(FROSTWAY_\w+)` \| ([^|]*?) \|", OPERATIONS, re.MULTILINE))
    assert lines.keys() == {f"FROSTWAY_{name.upper()}" for name in Settings.model_fields}
    for name, field in Settings.model_fields.items():
        if type(field.default) in (int, float, bool):
            assert lines[f"FROSTWAY_{name.upper()}"] == f"{field.default:g}".lower() or (
                lines[f"FROSTWAY_{name.upper()}"] == str(field.default).lower()
            ), name


def test_every_stream_key_and_encoding_is_described() -> None:
    for stream in STREAMS:
        assert f"| `{stream}` |" in WIRE
        assert [field.key for field in FIELDS[stream] if f"`{field.key}`" not in WIRE] == []
    assert [ending for ending in ENCODINGS if ending and f"{{stream}}{ending}`" not in WIRE] == []
    assert f"{PAYLOAD_BYTES_MAX // 1024} KiB" in WIRE


def test_every_quality_flag_is_described() -> None:
    assert [flag.name for flag in Flag if flag.name and f"| `{flag.name.lower()}` |" not in WIRE] == []


def test_every_quarantine_reason_is_described() -> None:
    sources = "".join(
        path.read_text() for path in [*(ROOT / "ingest").rglob("*.py"), *(ROOT / "domain/wire").glob("*.py")]
    )
    reasons = set(re.findall(r"(?:Rejection\(\s*[^,]+(?:\([^)]*\))?,|_reject\(index,)\s*\"([a-z_]+)\"", sources))
    reasons |= set(re.findall(r"_quarantined\([^\"]*\"([a-z_]+)\"", sources))
    reasons |= set(re.findall(r"WireError\(\s*\"([a-z_]+)\"", sources))
    reasons |= set(re.findall(r"refusal\(\s*[^,]+,\s*\"([a-z_]+)\"", sources))
    assert {"malformed", "unknown_device", "topic", "invalid", "time_out_of_range"} <= reasons
    rows = re.findall(r"^\| (`[a-z_`, ]+`) \| [^|]+ \| [^|]+ \|$", WIRE[WIRE.index("### Quarantine") :], re.MULTILINE)
    assert reasons == {reason for row in rows for reason in re.findall(r"[a-z_]+", row)}


def test_every_foreign_format_is_described() -> None:
    assert [name for name in FORMATS if f"| `{name}` |" not in WIRE] == []


def test_every_option_of_the_backtest_and_every_part_of_an_arrival_time_is_described() -> None:
    page = (ROOT / "docs/eta.md").read_text()
    backtest = get_command(app).commands["eta"].commands["backtest"]
    options = [name for option in backtest.params for name in option.opts if name != "--help"]
    assert len(options) >= 5
    assert [name for name in options if f"| `{name}` |" not in page] == []
    for name in ("lines", "forecast", "residuals", "ranges", "rest", "grades"):
        assert f"`{name}." in page, name
        assert (ROOT / f"tracker/rules/{name}.py").exists()


def test_decisions_are_numbered_without_holes_and_listed() -> None:
    pages = sorted(path.name for path in (ROOT / "docs/adr").glob("0*.md"))
    assert [int(name[:4]) for name in pages] == list(range(1, len(pages) + 1))
    index = (ROOT / "docs/adr/README.md").read_text()
    for name in pages:
        assert name in index
        text = (ROOT / "docs/adr" / name).read_text()
        assert text.startswith(f"# {name[:4]} ")
        assert [part for part in ("Context", "Decision", "Consequences", "Measured") if f"**{part}" not in text] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []
