"""Programs that run for months get their settings from a process of its own, and carry nothing of a command line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from frostway.resolved import HANDED, dump, handed, load, resolve
from frostway.settings import Settings
from tests.stack import environment

NEEDLESS = ("typer", "rich", "pydantic", "pydantic_settings", "uvicorn", "httptools", "fastapi")


def test_every_setting_is_the_same_after_the_way_through_the_pipe(tmp_path: Path) -> None:
    """Numbers, words in any script, paths, secrets and what is not set."""
    given = Settings(
        mqtt_url='mqtt://lkw:pä$s"wort@h:1883',  # type: ignore[arg-type]
        data_dir=tmp_path / "kühl haus",
        ingest_linger_ms=2.5,
        mqtt_leave=True,
        broker_log=tmp_path / "log",
    )
    found = load(dump(given, "postgresql://there"))
    assert found.database_url.get_secret_value() == "postgresql://there"
    assert "there" not in repr(found)
    for name in set(Settings.model_fields) - {"database_url"}:
        ours, theirs = getattr(given, name), getattr(found, name)
        if hasattr(ours, "get_secret_value"):
            ours, theirs = ours.get_secret_value(), theirs.get_secret_value()
        assert (ours, type(ours)) == (theirs, type(theirs)), name


def test_what_is_handed_over_is_what_a_program_would_find_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the file of settings where it starts, and what the environment says before it; once, not to its children."""
    (tmp_path / "frostway.toml").write_text("partitions = 7\nlog_level = 'ERROR'\ningest_linger_ms = 1\n")
    monkeypatch.chdir(tmp_path)
    told = environment(
        FROSTWAY_DATABASE_URL="postgresql://there", FROSTWAY_PARTITIONS="9", FROSTWAY_MQTT_LEAVE="1",
        FROSTWAY_HTTP_TLS_CERT="", FROSTWAY_SEALING_SECRET="s", FROSTWAY_DATA_DIR=str(tmp_path),
    )  # fmt: skip
    for key, value in handed(told).items():
        monkeypatch.setenv(key, value)
    ours = resolve()
    assert HANDED not in os.environ
    theirs = resolve()  # by a process of its own
    assert (ours.partitions, ours.log_level, ours.ingest_linger_ms, ours.mqtt_leave) == (9, "ERROR", 1.0, True)
    for name in Settings.model_fields:
        one, other = getattr(ours, name), getattr(theirs, name)
        if hasattr(one, "get_secret_value"):
            one, other = one.get_secret_value(), other.get_secret_value()
        assert (one, type(one)) == (other, type(other)), name


def test_settings_that_cannot_be_used_are_not_handed_over() -> None:
    """The program says why when it starts."""
    told = environment(FROSTWAY_DATABASE_URL="postgresql://there", FROSTWAY_PARTITIONS="many")
    assert handed(told) == told


@pytest.mark.parametrize("program", ["ingest", "tracker", "operations"])
@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("FROSTWAY_PARTITIONS", "many", "frostway: FROSTWAY_PARTITIONS: Input should be a valid integer"),
        ("FROSTWAY_DATA_DIR", "nowhere", "frostway: no stack runs in "),
    ],
)
def test_a_program_that_cannot_start_says_why_in_one_line(
    tmp_path: Path, program: str, setting: str, value: str, said: str
) -> None:
    """As every command does: status 1, one line, no traceback."""
    line = [sys.executable, "-m", "frostway", program]
    env = environment(**{setting: value})
    ended = subprocess.run(line, env=env, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout, len(ended.stderr.splitlines())) == (1, "", 1), ended.stderr
    assert ended.stderr.startswith(said)


@pytest.mark.parametrize("service", ["ingest.service", "tracker.service"])
def test_a_program_loads_nothing_of_a_command_line_nor_of_doors_that_are_shut(service: str) -> None:
    """Its memory is there for months."""
    code = f"import sys, frostway.cli, {service}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert service in loaded
    assert not set(NEEDLESS) & set(loaded)


@pytest.mark.parametrize("module", ["frostway.cli.root", "frostway.up", "frostway.cli.work.token"])
def test_a_command_starts_without_what_only_columns_of_readings_and_certificates_need(module: str) -> None:
    """It takes a tenth of a second, of each command."""
    code = f"import sys, {module}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert module in loaded
    assert not {"numpy", "cryptography"} & set(loaded)
