"""`frostway coldchain report`: one document of a promised shape, a page for people, the real exports' figures."""

import contextlib
import io
import json
from pathlib import Path
from typing import Any

import pytest

from frostway.cli import main

DATA = Path(__file__).parents[4] / "shared" / "data" / "coldchain"
PROMISED = [
    "n", "from", "to", "min_c", "max_c", "mean_c", "mkt_c", "below_s", "above_s", "in_range_s", "unknown_s",
    "excursions", "alarms",
]  # fmt: skip


def typed(*words: str) -> tuple[int, str, str]:
    out, err = io.TextIOWrapper(io.BytesIO(), write_through=True), io.StringIO()
    status = 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main(["coldchain", "report", *words])
        except SystemExit as ended:
            status = int(ended.code or 0)
    out.seek(0)
    return status, out.read(), err.getvalue()


def reported(*words: str) -> dict[str, Any]:
    status, out, err = typed(*words, "--json")
    assert (status, err) == (0, "")
    return json.loads(out)


@pytest.fixture
def warm(tmp_path: Path) -> str:
    temps = [5.0] * 12 + [11.0] * 6 + [5.0] * 6
    rows = "".join(f"2026-01-01T{i * 5 // 60:02d}:{i * 5 % 60:02d}:00Z,{c}\n" for i, c in enumerate(temps))
    (tmp_path / "warm.csv").write_text("time,temp_c\n" + rows)
    return str(tmp_path / "warm.csv")


def test_the_document_has_the_promised_shape_and_crossings(warm: str) -> None:
    found = reported(warm, "--low", "2", "--high", "8")
    assert list(found)[: len(PROMISED)] == PROMISED
    assert (found["n"], found["from"], found["to"]) == (24, "2026-01-01T00:00:00.000Z", "2026-01-01T01:55:00.000Z")
    assert (found["below_s"], found["above_s"], found["in_range_s"], found["unknown_s"]) == (0, 1800, 5100, 0)
    (excursion,) = found["excursions"]
    assert (excursion["kind"], excursion["start"], excursion["end"]) == (
        "above", "2026-01-01T00:57:30.000Z", "2026-01-01T01:27:45.000Z",
    )  # fmt: skip
    assert (excursion["duration_s"], excursion["extreme_c"], excursion["samples"]) == (1815, 11.0, 6)
    assert found["alarms"] == [{"rule": "above", "at": "2026-01-01T01:07:30.000Z"}]


def test_ready_made_rules_and_profiles_in_files_are_run(warm: str, tmp_path: Path) -> None:
    found = reported(warm, "--rule", "who-refrigerator-30-day", "--rule", "pharma-2-8")
    assert {"rule": "pharma-2-8: warm", "at": "2026-01-01T01:07:30.000Z"} in found["alarms"]
    assert found["verdicts"]["who-refrigerator-30-day"]["verdict"] == "pass"
    mine = tmp_path / "mine.json"
    mine.write_text(json.dumps({"high_c": 10, "for_s": 60}))
    assert reported(warm, "--rule", str(mine))["alarms"][0]["rule"] == f"{mine}: above"
    assert "no rule 'x'" in typed(warm, "--rule", "x")[2]
    status, out, _ = typed("--list-rules")
    assert (status, "who-refrigerator-30-day" in out) == (0, True)


def test_what_must_be_confirmed_is_said_as_options_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    path.write_text("Date Time;Temp\n01/02/2026 10:00;41,0\n01/02/2026 10:05;50,0\n")
    status, out, err = typed(str(path))
    assert (status, out, len(err.splitlines())) == (1, "", 1)
    assert "--date-order dmy|mdy" in err
    assert "--unit C|F" in err
    assert "--tz ZONE" in err
    found = reported(str(path), "--date-order", "dmy", "--unit", "f", "--tz", "Europe/Helsinki")
    assert (found["from"], found["min_c"], found["max_c"]) == ("2026-02-01T08:00:00.000Z", 5.0, 10.0)
    assert found["file"]["detection"]["questions"]["decimal"]["chosen"] == "comma"


def test_several_probes_are_reported_each_and_one_can_be_chosen(tmp_path: Path) -> None:
    path = tmp_path / "two.csv"
    path.write_text("Time,Probe 1 °C,Probe 2 °C\n2026-01-01T00:00:00Z,4,9\n2026-01-01T00:05:00Z,5,9\n")
    assert [each["probe"] for each in reported(str(path))["probes"]] == ["probe-1", "probe-2"]
    assert reported(str(path), "--probe", "probe-2", "--high", "8")["above_s"] == 300
    assert "no probe 'x'" in typed(str(path), "--probe", "x")[2]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("none.csv",), "none.csv"),
        ((), "say which file"),
        (("{warm}", "--low", "9", "--high", "8"), "--low must be below"),
    ],
)
def test_what_cannot_be_is_one_clear_line(warm: str, words: tuple[str, ...], said: str) -> None:
    status, out, err = typed(*(word.replace("{warm}", warm) for word in words))
    assert (status, out, len(err.splitlines())) == (1, "", 1)
    assert said in err


NOT_REACHED = {
    # It measured on through the 15 minutes after its start of which it kept no reading: 21.5 °C falling to -9.6 °C.
    ("UL", "2023-04-17 mean"): "it measured on through 15 minutes of which it kept nothing",
    # It measures each minute and keeps every fifth: these moments stand in its days, not in its log.
    ("UL", "2023-04-17 highest"): "measured between two readings it kept",
    ("UL", "2023-04-18 highest"): "measured between two readings it kept",
}


@pytest.mark.parametrize("name", ["CLm", "UL", "2L", "2_130400191542", "2_130400191544"])
def test_the_real_exports_agree_with_what_their_devices_say(name: str) -> None:
    if not DATA.exists():
        pytest.skip(f"{DATA} is not here: recorded data are kept beside the repository, not in it")
    (path,) = DATA.glob(f"*_{name}*.txt")
    found = reported(str(path))
    compared = [row for row in found["device"]["figures"] if row["agrees"] is not None]
    for row in compared:
        print(name, row["what"], row["device"], row["ours"], row["difference"], row["unit"], row["agrees"], row["note"])
    assert {(name, row["what"]): row["note"] for row in compared if not row["agrees"]} == {
        key: note for key, note in NOT_REACHED.items() if key[0] == name
    }
    kinds = {row["unit"] for row in compared}
    assert kinds == ({"°C", "min", "instant"} if name in ("CLm", "UL") else set()), "the others kept nearly nothing"
    # Its coldest and warmest moments are readings, too, where the log has none of them.
    extremes = [row["device"] for row in found["device"]["figures"] if row["what"].endswith(("lowest", "highest"))]
    assert (found["min_c"], found["max_c"]) == (min(extremes), max(extremes))


def test_the_page_for_people_shows_the_devices_figures_beside_ours() -> None:
    if not DATA.exists():
        pytest.skip(f"{DATA} is not here: recorded data are kept beside the repository, not in it")
    status, out, _ = typed(str(next(DATA.glob("*CLm*"))), "--low", "2", "--high", "8")
    assert status == 0
    assert "device-reported" in out
    assert "10.48 °C" in out
    assert "agrees" in out
