"""A free port is chosen where no outgoing connection takes it away again."""

from __future__ import annotations

import socket

import pytest

from frostway import ports


def test_a_free_port_is_none_that_the_system_hands_out(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    where = tmp_path / "range"
    where.write_text("32768\t60999\n")
    monkeypatch.setattr(ports, "RANGE", where)
    found = {ports.bind("127.0.0.1", 0) for _ in range(20)}
    assert all(ports.FIRST <= port < 32768 for port in found)
    assert len(found) > 10


def test_without_room_below_it_is_one_of_the_systems(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    where = tmp_path / "range"
    where.write_text("1024\t65000\n")
    monkeypatch.setattr(ports, "RANGE", where)
    assert ports.bind("127.0.0.1", 0) > 0
    monkeypatch.setattr(ports, "RANGE", tmp_path / "none")
    assert ports.bind("::1", 0) > 0


def test_a_port_that_is_taken_is_refused() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        with pytest.raises(OSError, match="in use"):
            ports.bind("127.0.0.1", listener.getsockname()[1])
