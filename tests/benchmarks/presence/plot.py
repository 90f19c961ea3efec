"""`python -m tests.benchmarks.presence.plot [FILE]`: the reliability plot of docs/presence.md, as a small SVG."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.benchmarks.presence.graded import reliability
from tests.benchmarks.presence.section import RATES, graded

FILE = Path(__file__).resolve().parents[3] / "docs/images/presence-reliability.svg"
SIDE, LEFT, TOP = 320, 52, 14
COLOURS = ("#0b6e99", "#3b8f5a", "#8a6d00", "#b0502f", "#7a4b9a")


def drawn(curves: dict[str, list[tuple[float, float, int]]]) -> str:
    """Curves of what was told against what came true, by name."""

    def at(x: float, y: float) -> str:
        return f"{LEFT + x * SIDE:.1f},{TOP + (1 - y) * SIDE:.1f}"

    wide, high = LEFT + SIDE + 150, TOP + SIDE + 46
    band = " ".join(at(*p) for p in ((0, 0.05), (0.95, 1), (1, 1), (1, 0.95), (0.05, 0), (0, 0)))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {high}" font-family="sans-serif" font-size="12">',
        f'<rect width="{wide}" height="{high}" fill="#fff"/>',
        f'<polygon points="{band}" fill="#e8edf0"/>',
        f'<path d="M{at(0, 0)} L{at(1, 1)}" stroke="#8a979e" fill="none"/>',
        f'<rect x="{LEFT}" y="{TOP}" width="{SIDE}" height="{SIDE}" fill="none" stroke="#5b666c"/>',
    ]
    for tenth in range(0, 11, 2):
        x, y = at(tenth / 10, 0).split(",")
        parts.append(f'<text x="{x}" y="{TOP + SIDE + 16}" text-anchor="middle">{10 * tenth}</text>')
        _, y = at(0, tenth / 10).split(",")
        parts.append(f'<text x="{LEFT - 6}" y="{float(y) + 4:.1f}" text-anchor="end">{10 * tenth}</text>')
    middle = LEFT + SIDE / 2
    parts.append(f'<text x="{middle}" y="{high - 10}" text-anchor="middle">chance told, %</text>')
    turned = f'transform="rotate(-90 14 {TOP + SIDE / 2})" text-anchor="middle"'
    parts.append(f'<text x="14" y="{TOP + SIDE / 2}" {turned}>came true, %</text>')
    for n, (name, curve) in enumerate(curves.items()):
        colour = COLOURS[n % len(COLOURS)]
        points = " ".join(at(said, came) for said, came, _ in curve)
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        parts += [
            f'<circle cx="{p.split(",")[0]}" cy="{p.split(",")[1]}" r="2.5" fill="{colour}"/>' for p in points.split()
        ]
        parts.append(f'<text x="{LEFT + SIDE + 12}" y="{TOP + 16 + 18 * n}" fill="{colour}">{name}</text>')
    parts.append(f'<text x="{LEFT + SIDE + 12}" y="{TOP + 24 + 18 * len(curves)}" fill="#5b666c">grey: 5 points</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def main() -> None:
    """Draws it anew."""
    curves = {}
    for rate in RATES:
        g = graded(rate)
        curves[f"{rate:.0%} read"] = reliability(g.chance, g.true)
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else FILE
    path.write_text(drawn(curves))


if __name__ == "__main__":
    main()
