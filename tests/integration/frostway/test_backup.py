"""A backup of a running stack makes another one: the same devices, readings and logins."""

import subprocess
from pathlib import Path

import pytest

from tests.deadlines import deadline
from tests.stack import Stack, command, environment


@pytest.mark.timeout(deadline(120))
def test_a_backup_of_a_running_stack_is_restored_with_one_command(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    with Stack(tmp_path / "one", "--no-sim") as stack:
        user, password = stack.add_device("th-1", "--kind", "thermometer", "--vehicle", "v-1")
        admin = stack.admin_password
        stack.frostway("ca", "renew")
        authority = stack.frostway("ca", "show").stdout
        said = stack.frostway("backup", str(tmp_path / "kept")).stdout
        again = stack.frostway("backup", str(tmp_path / "kept"), check=False)
        assert again.returncode == 1
        assert "not empty" in again.stderr
        in_use = stack.frostway("restore", str(tmp_path / "kept"), check=False)
        assert in_use.returncode == 1
        assert "is not empty" in in_use.stderr
    assert "frostway restore" in said
    (tmp_path / "two").mkdir()
    words = command("restore", str(tmp_path / "kept"), "--data", str(tmp_path / "two" / "data"))
    done = subprocess.run(words, env=environment(), capture_output=True, text=True, check=False, timeout=deadline(60))
    assert done.returncode == 0, done.stderr
    with Stack(tmp_path / "two", "--no-sim") as copy:
        assert [d["id"] for d in copy.items("/devices")] == ["th-1"]
        assert copy.admin_password == admin
        copy.frostway("ca", "renew")
        assert copy.frostway("ca", "show").stdout == authority, "devices go on trusting it"
    wanted = ["backup.json", "ca.key", "ca.pem", "frostway.dump", "secrets.json"]
    assert sorted(p.name for p in (tmp_path / "kept").iterdir()) == wanted
    assert {p.stat().st_mode & 0o777 for p in (tmp_path / "kept").iterdir()} == {0o600}
    assert user == "main/th-1"
    assert password
