"""Reports of temperature recordings for people at a terminal."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

import orjson
from rich.console import Console
from rich.table import Column, Table

from domain.cold_chain.parsing import body_of
from domain.cold_chain.profile import Band
from domain.cold_chain.ready_made import ReadyMade
from domain.recordings.exports import QUESTIONS, Detection
from domain.recordings.shape import Recording
from domain.times import rfc3339
from frostway.cli.work.coldchain_report import Report
from tracker.temperatures.beside import Beside

WIDTH = 110  # of what goes into a file or a pipe


def rules(found: Mapping[str, ReadyMade]) -> None:
    """The ready-made profiles as a table."""
    console = _console()
    table = Table(Column("name", no_wrap=True), "what", "range", "alarms", "source")
    for key, each in found.items():
        profile = each.profile
        bands = "\n".join(_band(band) for band in profile.bands)
        if profile.mkt is not None:
            bands += f"\nMKT > {profile.mkt.limit_c:g} °C in {_span(profile.mkt.window_s)}"
        edition = f"\n{profile.edition}" if profile.edition else ""
        table.add_row(key, each.title, _range(profile.low_c, profile.high_c), bands, profile.source + edition)
    console.print(table)


def rules_json(found: Mapping[str, ReadyMade]) -> None:
    """The ready-made profiles as JSON."""
    document = {key: {"title": each.title, **body_of(each.profile)} for key, each in found.items()}
    sys.stdout.buffer.write(orjson.dumps(document, option=orjson.OPT_INDENT_2) + b"\n")


def report(
    name: str, recording: Recording, detection: Detection, reports: Sequence[Report], delta_h_kj_per_mol: float
) -> None:
    """What a file holds, probe by probe; times are UTC."""
    console = _console()
    of = " ".join(filter(None, (detection.maker, recording.serial and f"serial {recording.serial}")))
    console.print(f"[bold]{_plain(name)}[/bold]  {_plain(of)}")
    if len(detection.answers) > 1:
        print_detection(console, detection)
    for each in reports:
        if len(reports) > 1:
            console.print(f"\n[bold]{_plain(each.probe)}[/bold]")
        _print_figures(console, each, delta_h_kj_per_mol)
        _print_excursions(console, each)
        _print_beside(console, each.beside)
        for note in each.notes:
            console.print(f"[yellow]{_plain(note)}[/yellow]")
    for note in recording.notes:
        console.print(f"[dim]{_plain(note)}[/dim]")


def print_detection(console: Console, detection: Detection) -> None:
    """How a file is read, and because of what."""
    table = Table("read as", "", "because")
    for question, answer in detection.answers.items():
        about, words = QUESTIONS[question]
        chosen = answer.chosen or ""
        table.add_row(about, words.get(chosen, chosen), _plain(answer.why))
    console.print(table)


def _print_figures(console: Console, each: Report, delta_h_kj_per_mol: float) -> None:
    table = Table(show_header=False)
    table.add_row("readings", f"{each.n}, {_at(each.start_us)} … {_at(each.end_us)}")
    table.add_row("lowest, highest", f"{each.min_c:.2f} °C, {each.max_c:.2f} °C")
    weighting = "each reading alike" if each.means.weighting == "equal" else "by time"
    table.add_row("mean", f"{each.means.mean_c:.2f} °C ({weighting})")
    table.add_row("mean kinetic", f"{each.means.mkt_c:.2f} °C (ΔH {delta_h_kj_per_mol:g} kJ/mol)")
    shares = each.shares
    if each.low_c is not None or each.high_c is not None:
        whose = {"asked": "", "device": ", as the device is set"}.get(each.limits_of, f", of {each.limits_of}")
        table.add_row("range", _range(each.low_c, each.high_c) + whose)
        table.add_row("in range", _span(shares.in_range_s))
        table.add_row("above", _span(shares.above_s))
        table.add_row("below", _span(shares.below_s))
    table.add_row("unknown", _span(shares.unknown_s))
    for name, evaluation in each.verdicts:
        why = f" ({', '.join(evaluation.reasons)})" if evaluation.reasons else ""
        table.add_row(_plain(name), f"{evaluation.verdict}{why}")
    console.print(table)


def _print_excursions(console: Console, each: Report) -> None:
    if each.excursions:
        table = Table("excursion", "limit", "from (UTC)", "to (UTC)", "lasted", "extreme", "samples")
        for found in each.excursions:
            kind = f"{found.rule}: {found.kind}" if found.rule else found.kind
            end = "still at the end" if found.is_open else _at(found.end_us)
            lasted = _span((found.end_us - found.start_us) / 1e6)
            limit, extreme = f"{found.limit_c:g} °C", f"{found.extreme_c:.1f} °C"
            table.add_row(_plain(kind), limit, _at(found.start_us), end, lasted, extreme, str(found.samples))
        console.print(table)
    if each.alarms:
        table = Table("alarm", "at (UTC)")
        for alarm in each.alarms:
            table.add_row(_plain(alarm.rule), _at(alarm.at_us))
        console.print(table)
    elif each.limits_of:
        console.print("No alarm.")


def _print_beside(console: Console, found: Sequence[Beside]) -> None:
    shown = [each for each in found if each.agrees is not None]
    if len(shown) < len(found):
        n = len(found) - len(shown)
        console.print(f"[dim]{n} figures of the device are of times of which it kept no readings (see --json)[/dim]")
    if not shown:
        return
    table = Table("device-reported", "device", "here", "difference", "")
    for each in shown:
        if each.unit == "instant":
            device, ours = _at(round(each.device) * 60_000_000), _minute(each.ours)
            off = "" if each.difference is None else f"{each.difference:+.0f} min"
        else:
            device, ours = f"{each.device:g} {each.unit}", "" if each.ours is None else f"{each.ours:.2f} {each.unit}"
            off = "" if each.difference is None else f"{each.difference:+.2f}"
        word = {True: "agrees", False: "[red]differs[/red]", None: "not comparable"}[each.agrees]
        note = f": {_plain(each.note)}" if each.note else ""
        table.add_row(_plain(each.what), device, ours, off, word + note)
    console.print(table)


def _console() -> Console:
    return Console() if sys.stdout.isatty() else Console(file=sys.stdout, width=WIDTH, no_color=True)


def _minute(value: float | None) -> str:
    return "" if value is None else _at(round(value * 60) * 1_000_000)


def _band(band: Band) -> str:
    how = " in all" if band.mode == "cumulative" else ""
    return f"{band.op} {band.limit_c:g} °C for {_span(band.for_s)}{how}, {band.severity}"


def _range(low_c: float | None, high_c: float | None) -> str:
    """The range of a label.

    >>> _range(2.0, 8.0), _range(None, -18.0), _range(None, None)
    ('2 to 8 °C', 'up to -18 °C', '')
    """
    if low_c is not None and high_c is not None:
        return f"{low_c:g} to {high_c:g} °C"
    return f"up to {high_c:g} °C" if high_c is not None else f"from {low_c:g} °C" if low_c is not None else ""


def _span(seconds: float) -> str:
    """A span of time.

    >>> _span(30), _span(600), _span(9000), _span(180_000)
    ('30 s', '10 min', '2 h 30 min', '2 d 2 h')
    """
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if hours else f"{days} d"


def _at(us: int) -> str:
    return rfc3339(us)[:19].replace("T", " ")


def _plain(text: str) -> str:
    return text.replace("[", "\\[")
