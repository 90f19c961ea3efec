"""Two exports beside one another. An export is a folder of files, one a group; a line is `name<TAB>what it says`."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

SHOWN = 3
WIDTH = 150

Line = tuple[str, str]


def write(folder: Path, group: str, lines: Iterable[Line]) -> None:
    """One group of an export."""
    folder.mkdir(parents=True, exist_ok=True)
    text = "".join(f"{name}\t{said}\n" for name, said in lines)
    (folder / quote(group, safe=" -")).write_bytes(text.encode())


def load(folder: Path) -> dict[str, list[Line]]:
    """An export by group."""
    found = {}
    for path in sorted(folder.iterdir()):
        lines = path.read_bytes().decode().split("\n")[:-1]
        found[unquote(path.name)] = [(n, s) for n, _, s in (line.partition("\t") for line in lines)]
    return found


@dataclass
class Group:
    """The verdict on one group: `same`, `order` (the same in another order), `different`."""

    name: str
    before: int
    after: int
    verdict: str
    differences: list[str] = field(default_factory=list)


def compare(before: dict[str, list[Line]], after: dict[str, list[Line]]) -> list[Group]:
    """All groups of either."""
    return [_group(name, before.get(name), after.get(name)) for name in sorted(before | after)]


def _group(name: str, before: list[Line] | None, after: list[Line] | None) -> Group:
    if before is None and after is not None and name.startswith(("table ", "count ", "GET ")):
        return Group(name, 0, len(after), "same", ["new after: nothing to compare with"])
    if before is None or after is None:
        side, there = ("after", before) if after is None else ("before", after)
        said = f"not there {side}: {len(there or ())} rows"
        return Group(name, len(before or ()), len(after or ()), "different", [said])
    notes: list[str] = []
    if name.startswith("document "):
        known = {n for n, _ in before}
        if new := [n for n, _ in after if n not in known]:
            after, notes = [line for line in after if line[0] in known], [f"{len(new)} new lines, not compared"]
    if name.startswith(("table ", "fact ")):
        before, after, notes = _common(before, after)
    if before == after:
        return Group(name, len(before), len(after), "same", notes)
    plain = [Counter((n, in_any_order(said)) for n, said in side) for side in (before, after)]
    verdict = "order" if plain[0] == plain[1] else "different"
    return Group(
        name, len(before), len(after), verdict, [*notes, *_differences(before, after, in_order=verdict == "order")]
    )


def _common(before: list[Line], after: list[Line]) -> tuple[list[Line], list[Line], list[str]]:
    """Rows of a table without the columns that only one of the two has."""
    rows = [[(n, json.loads(said)) for n, said in side] for side in (before, after)]
    columns = [{c for _, row in side for c in row} for side in rows]
    odd = columns[0] ^ columns[1]
    if not odd or not all(rows):
        return before, after, []
    kept = [sorted((n, _dumped({c: v for c, v in row.items() if c not in odd})) for n, row in side) for side in rows]
    return kept[0], kept[1], [f"columns of one of the two only, not compared: {', '.join(sorted(odd))}"]


def _dumped(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def in_any_order(said: str) -> str:
    """What is said, with every list sorted; as it is when it is no JSON."""
    try:
        value = json.loads(said)
    except ValueError:
        return said

    def ordered(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: ordered(each) for key, each in sorted(value.items())}
        if isinstance(value, list):
            return sorted((ordered(each) for each in value), key=lambda each: json.dumps(each, sort_keys=True))
        return value

    return json.dumps(ordered(value))


def _differences(before: list[Line], after: list[Line], *, in_order: bool) -> Iterator[str]:
    """The first ones, each by its name."""
    only = Counter(before), Counter(after)
    gone, new = only[0] - only[1], only[1] - only[0]
    if in_order and not gone and not new:
        at = next(i for i, (a, b) in enumerate(zip(before, after, strict=True)) if a != b)
        yield f"row {at + 1}: {before[at][0]!r} stands where {after[at][0]!r} does"
        return
    names = list(dict.fromkeys([n for n, _ in gone.elements()] + [n for n, _ in new.elements()]))
    for name in names[:SHOWN]:
        a = next((s for n, s in gone if n == name), None)
        b = next((s for n, s in new if n == name), None)
        if a is None or b is None:
            yield f"{'+' if a is None else '-'} {name} {(a or b or '')[:WIDTH]}"
            continue
        at = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
        begin = max(at - 40, 0)
        yield f"- {name} …{a[begin : begin + WIDTH]}"
        yield f"+ {name} …{b[begin : begin + WIDTH]}"
    if len(names) > SHOWN:
        yield f"… and {len(names) - SHOWN} more"


def table(groups: list[Group], *, whole: bool = False) -> str:
    """For people: what differs, what is empty, and how much is the same; `whole` names every group."""
    lines = [f"{'what':<58} {'before':>8} {'after':>8}  verdict"]
    for g in groups:
        if whole or g.verdict != "same" or g.differences or not (g.before or g.after):
            empty = "  <<< NOTHING OF THIS KIND WAS COMPARED" if not (g.before or g.after) else ""
            lines.append(f"{g.name:<58} {g.before:>8} {g.after:>8}  {g.verdict}{empty}")
        lines += [f"      {d}" for d in g.differences]
    same = sum(g.verdict == "same" for g in groups)
    rows = sum(g.before for g in groups)
    lines.append(f"{len(groups)} groups, {rows} rows: {same} same, {len(groups) - same} not")
    return "\n".join(lines)
