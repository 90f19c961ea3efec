"""What `frostway coldchain` does with files."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import orjson

from domain.cold_chain.ready_made import READY_MADE
from domain.recordings import RecordingError
from domain.recordings.exports import Detection
from domain.recordings.logger_files import open_file
from domain.recordings.shape import Recording
from firmware_sim.recordings import content_of
from frostway.cli.work import coldchain_print
from frostway.cli.work.coldchain_report import Asked, about_file, reports_of, told
from frostway.failure import Failure

FILE_BYTES_MAX = 64 * 1024 * 1024
ZONE_OPTION = {"zone": "--tz"}


def print_rules(*, as_json: bool) -> None:
    """The ready-made profiles."""
    if as_json:
        coldchain_print.rules_json(READY_MADE)
    else:
        coldchain_print.rules(READY_MADE)


def print_report(file: Path, asked: Asked, answers: Mapping[str, str], *, as_json: bool) -> None:
    """Reads, computes and prints. Raises `RecordingError` and `Failure`."""
    recording, detection = _read(file, answers)
    reports = reports_of(recording, asked)
    if as_json:
        found = [told(report, asked, recording.reported) for report in reports]
        document = (
            {**found[0], "file": about_file(file, recording, detection)} if len(found) == 1 else {"probes": found}
        )
        sys.stdout.buffer.write(orjson.dumps(document, option=orjson.OPT_INDENT_2) + b"\n")
        sys.stdout.flush()
        return
    coldchain_print.report(file.name, recording, detection, reports, asked.delta_h_kj_per_mol)


def _read(file: Path, answers: Mapping[str, str]) -> tuple[Recording, Detection]:
    content = content_of(file, FILE_BYTES_MAX)
    try:
        found = open_file(content, answers)
    except RecordingError as error:
        raise RecordingError(f"{file.name}: {error}") from None
    if found.recording is None:
        raise Failure(f"{file.name}: {in_options(found.detection)}")
    return found.recording, found.detection


def in_options(detection: Detection) -> str:
    """What must be said, as options of the command."""
    said = []
    for name in detection.open:
        answer = detection.answers[name]
        option = ZONE_OPTION.get(name, f"--{name.replace('_', '-')}")
        said.append(f"{option} {'|'.join(answer.options) or 'ZONE'} ({answer.why})")
    return f"it can be read in more than one way: say {'; '.join(said)}"
