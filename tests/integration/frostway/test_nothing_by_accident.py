"""A mistyped name makes nothing: what is new wants to be said."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from frostway.cli.device import _place
from frostway.failure import Failure
from store.db import connect
from store.registry import DeviceSpec, Registry, RegistryError


def test_a_site_that_nobody_has_placed_is_not_made(database: str) -> None:
    with connect(database, "test") as c, c.transaction():
        registry = Registry(c)
        with pytest.raises(RegistryError, match="no site 'stroe-1': a new one wants its place, --place"):
            registry.put_device(DeviceSpec("shelf-1", "shelf", site="stroe-1"))
        assert registry.find_site("stroe-1") is None
        registry.put_device(DeviceSpec("shelf-1", "shelf", site="store-1", at=(60.17, 24.94)))
        registry.put_device(DeviceSpec("shelf-2", "shelf", site="store-1"))
        assert c.execute("select name, lat, lon from site").fetchall() == [("store-1", 60.17, 24.94)]


@pytest.mark.parametrize("text", ["", "60", "60,24,1", "north,east", "24.94,260.17", "91,0", "nan,0", ","])
def test_a_place_that_is_none_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(Failure, match="latitude and longitude in degrees"):
        _place(text)


def test_a_place_is_latitude_and_longitude() -> None:
    assert (_place("60.17, 24.94"), _place("-33.9,18.4"), _place(None)) == ((60.17, 24.94), (-33.9, 18.4), None)


def test_a_world_that_there_is_none_starts_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    line = [sys.executable, "-m", "frostway", "up", "--sim", "dmeo", "--data", str(folder)]
    said = subprocess.run(line, capture_output=True, text=True, check=False, env={**os.environ})
    assert said.returncode == 1
    assert "--sim: no world 'dmeo': choose demo, small or fleet-N" in said.stderr
    assert len(said.stderr.strip().splitlines()) == 1
    assert not folder.exists()


@pytest.mark.parametrize("days", ["-1", "36501", "99999999999999999999", "3.5", "soon"])
def test_a_token_of_an_absurd_life_is_not_made(days: str, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    line = [sys.executable, "-m", "frostway", "token", "create", "--role", "viewer", "--days", days]
    said = subprocess.run([*line, "--data", str(folder)], capture_output=True, text=True, check=False)
    assert said.returncode == 2  # as all that is not a way to call the command
    assert "--days" in said.stderr
    assert "Traceback" not in said.stderr
    assert not folder.exists()
