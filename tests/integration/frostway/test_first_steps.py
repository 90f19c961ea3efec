"""The README's first steps, run exactly as they are printed, by a shell in a network of its own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.deadlines import deadline

ROOT = Path(__file__).resolve().parents[3]
SCRIPT = """
set -euo pipefail
ip link set lo up
{up} > up.out 2> up.err &
stack=$!
end() {{ kill -INT "$(grep -o '"pid": [0-9]*' data/run.json | grep -o '[0-9]*')"; wait $stack || true; }}
trap end EXIT
until grep -q '^ready' up.out; do kill -0 $stack; sleep 0.2; done
set -x
{steps}
set +x
until frostway device list | grep 'gps-7' | grep -q "$(date -u +%Y-%m-%d)"; do sleep 0.2; done
until frostway device list | grep 'gps-8' | grep -q "$(date -u +%Y-%m-%d)"; do sleep 0.2; done
"""


def blocks() -> list[list[str]]:
    """Commands of the section "First steps", block by block."""
    section = (ROOT / "README.md").read_text().split("## First steps")[1].split("\n## ")[0]
    found = re.findall(r"(?:^    .*\n)+", section, re.MULTILINE)
    return [[line[4:] for line in block.splitlines()] for block in found]


@pytest.mark.timeout(deadline(180))
def test_the_first_steps_of_the_readme_run_as_printed(tmp_path: Path) -> None:
    if not shutil.which("mosquitto_pub") or not shutil.which("ip") or os.geteuid() != 0:
        pytest.skip("the first steps need mosquitto_pub, and a network of their own (root and iproute2)")
    checkout = tmp_path / "frostway"
    checkout.mkdir()
    for entry in ROOT.iterdir():
        if entry.name not in ("data", ".git", ".venv"):
            (checkout / entry.name).symlink_to(entry)
    installed = checkout / ".venv"
    installed.mkdir()
    for entry in (ROOT / ".venv").iterdir():
        if entry.name not in (".dependencies", ".package"):
            (installed / entry.name).symlink_to(entry)
    for stamp in (".dependencies", ".package"):  # of now: `make up` would else install this checkout into that folder
        (installed / stamp).touch()
    (up,), steps = blocks()
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "XDG_DATA_HOME": str(tmp_path / "home"),
    }
    # What `make test ARGS=…` was called with is not for the `make up` in here.
    for name in [n for n in environment if n.startswith(("FROSTWAY_", "MAKE", "MFLAGS", "ARGS"))]:
        del environment[name]
    script = SCRIPT.format(up=up, steps="\n".join(steps))
    done = subprocess.run(
        ["unshare", "--net", "bash", "-c", script],
        cwd=checkout,
        env=environment,
        capture_output=True,
        text=True,
        timeout=deadline(150),
        check=False,
    )
    said = (checkout / "up.err").read_text() if (checkout / "up.err").exists() else ""
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-3000:]}\n{said[-2000:]}"
    assert "receipted" in done.stdout
    assert (checkout / "predictions.csv").read_text().startswith("vehicle,time,stop_id")
    assert "Simulated" not in done.stderr
