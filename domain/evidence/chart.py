"""The temperatures of a span as a drawing (SVG): limits, gaps drawn as gaps, excursions shaded, times named."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 720, 250
LEFT, RIGHT, TOP, BOTTOM = 44, 24, 14, 40
FONT = "DejaVu Sans Mono"
COLOURS = ("#005f94", "#a84300", "#00694f", "#7a3e86", "#5d5d00", "#8a1c3c")
TICKS_S = (10, 60, 300, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800)
TICKS_MAX = 8


Place = Callable[[float], float]


class Line(NamedTuple):
    """What one probe saw: times in seconds, rising, with lowest and highest; a new part begins behind each gap."""

    name: str
    parts: Sequence[Sequence[tuple[float, float, float]]]


class Chart(NamedTuple):
    """What is drawn; times are Unix seconds."""

    begins_s: float
    ends_s: float
    lines: Sequence[Line]
    limits_c: Sequence[float]
    beyond: Sequence[tuple[float, float]] = ()
    """Excursions."""


def svg(chart: Chart) -> str:
    """The drawing."""
    seen = [c for line in chart.lines for part in line.parts for _, low, high in part for c in (low, high)]
    told = [*seen, *chart.limits_c] or [0.0]
    bottom, top = min(told) - 1.0, max(told) + 1.0
    span = max(chart.ends_s - chart.begins_s, 1.0)

    def x(t: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * min(max((t - chart.begins_s) / span, 0.0), 1.0)

    def y(c: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (top - c) / (top - bottom)

    floor = HEIGHT - BOTTOM
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}">']
    for begins, ends in chart.beyond:
        wide = max(x(ends) - x(begins), 1.0)
        parts.append(f'<rect x="{x(begins):.1f}" y="{TOP}" width="{wide:.1f}" height="{floor - TOP}" fill="#f6c9ad"/>')
    dashed = 'stroke="#a84300" stroke-dasharray="5 4" fill="none"'
    parts += [f'<path d="M{LEFT} {y(limit):.1f}H{WIDTH - RIGHT}" {dashed}/>' for limit in chart.limits_c]
    for number, line in enumerate(chart.lines):
        colour = COLOURS[number % len(COLOURS)]
        for part in line.parts:
            if len(part) == 1:
                parts.append(f'<circle cx="{x(part[0][0]):.1f}" cy="{y(part[0][2]):.1f}" r="1.5" fill="{colour}"/>')
                continue
            outline = [(x(t), y(high)) for t, _, high in part] + [(x(t), y(low)) for t, low, _ in reversed(part)]
            path = "L".join(f"{a:.1f} {b:.1f}" for a, b in outline)
            parts.append(f'<path d="M{path}Z" fill="{colour}" stroke="{colour}" stroke-width="1"/>')
    parts += _scales(chart, x, y, bottom, top)
    for number, line in enumerate(chart.lines[: len(COLOURS)]):
        at = LEFT + 8 + number * 110
        parts.append(f'<rect x="{at}" y="{HEIGHT - 12}" width="8" height="8" fill="{COLOURS[number]}"/>')
        parts.append(_text(at + 12, HEIGHT - 4, line.name[:15]))
    return "".join([*parts, "</svg>"])


def _scales(chart: Chart, x: Place, y: Place, bottom: float, top: float) -> list[str]:
    floor, parts = HEIGHT - BOTTOM, []
    parts.append(f'<path d="M{LEFT} {TOP}V{floor}H{WIDTH - RIGHT}" stroke="#8a92a0" fill="none"/>')
    step = next((s for s in (0.5, 1, 2, 5, 10, 20, 50) if (top - bottom) / s <= TICKS_MAX), 100)
    value = -(-bottom // step) * step
    while value <= top:
        parts.append(_text(LEFT - 6, y(value) + 3, f"{value:g}", "end"))
        parts.append(f'<path d="M{LEFT - 3} {y(value):.1f}h3" stroke="#8a92a0"/>')
        value += step
    span = max(chart.ends_s - chart.begins_s, 1.0)
    step_s = next((s for s in TICKS_S if span / s <= TICKS_MAX), span / TICKS_MAX)
    at = -(-chart.begins_s // step_s) * step_s
    while at <= chart.ends_s:
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=at)
        text = f"{moment:%H:%M:%S}" if step_s < 60 else f"{moment:%H:%M}"
        if step_s >= 3600 and at % 86_400 == 0:
            text = f"{moment:%d %b}"
        parts.append(_text(x(at), floor + 13, text, "middle"))
        parts.append(f'<path d="M{x(at):.1f} {floor}v3" stroke="#8a92a0"/>')
        at += step_s
    return parts


def _text(x: float, y: float, text: str, anchor: str = "start") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-family="{FONT}" font-size="9" fill="#333" text-anchor="{anchor}">'
        f"{escape(text)}</text>"
    )
