"""The temperatures of a shipment's goods as a small drawing: the band of what was measured, and its limits."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

WIDTH, HEIGHT = 480, 160
LEFT, RIGHT, TOP, BOTTOM = 44, 8, 12, 12
_STYLE = (
    "text{font:11px system-ui,sans-serif;fill:#525b69}.line{fill:none;stroke:#005f94;stroke-width:2}"
    ".band{fill:#0072b2;fill-opacity:.25;stroke:#0072b2;stroke-width:1}.limit{stroke:#a84300;stroke-dasharray:5 4}"
    ".axis{stroke:#8a92a0}@media(prefers-color-scheme:dark){text{fill:#a5aebb}.line{stroke:#7cc6f2}"
    ".band{fill:#4fb0ea;stroke:#4fb0ea}.limit{stroke:#ff9a62}}"
)


def drawing(found: Any) -> str:
    """SVG of a `PublicCurve`; only numbers go into it."""
    at = [datetime.fromisoformat(text).timestamp() for text in found["times"]]
    low, high = found["min_c"], found["max_c"]
    limits = [v for v in (found["low_c"], found["high_c"]) if v is not None]
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}"><style>{_STYLE}</style>']
    if at:
        bottom, top = min([*low, *limits]) - 1, max([*high, *limits]) + 1
        begin, span = at[0], max(at[-1] - at[0], 1.0)

        def x(t: float) -> float:
            return LEFT + (WIDTH - LEFT - RIGHT) * (t - begin) / span

        def y(c: float) -> float:
            return float(TOP + (HEIGHT - TOP - BOTTOM) * (top - c) / (top - bottom))

        told = sorted({*limits, min(low), max(high)})
        parts += [f'<text x="{LEFT - 6}" y="{y(v) + 4:.1f}" text-anchor="end">{v:.1f}°</text>' for v in told]
        parts += [f'<path class="limit" d="M{LEFT} {y(v):.1f}H{WIDTH - RIGHT}"/>' for v in limits]
        upper = [(x(t), y(c)) for t, c in zip(at, high, strict=True)]
        lower = [(x(t), y(c)) for t, c in zip(at, low, strict=True)]
        parts.append(f'<path class="band" d="M{_points([*upper, *reversed(lower)])}Z"/>')
    parts.append(f'<path class="axis" d="M{LEFT} {TOP}V{HEIGHT - BOTTOM}H{WIDTH - RIGHT}" fill="none"/></svg>')
    return "".join(parts)


def _points(places: Sequence[tuple[float, float]]) -> str:
    return "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
