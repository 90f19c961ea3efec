"""What stands on the label of a product, a lot, a place or a handling unit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from typing import Any, Literal, NamedTuple

from domain.epc import EpcError, Wanted, encode, parse, tag_uri
from domain.epc.model import checked_key
from domain.handling_units.codes import is_sscc
from domain.labels.code128 import fits
from domain.labels.elements import Elements, element_data, link_of, may_stand, readable

Of = Literal["products", "lots", "sites", "zones", "bins", "handling_units"]
Lang = Literal["en", "de"]
GTIN_DIGITS = 14
COUNT_MAX = 10**8
LINES_MAX = 4
WORDS: Mapping[Lang, Mapping[str, str]] = {
    "en": {"lot": "Lot", "best": "Best before", "made": "Made", "zone": "Zone", "site": "Site"},
    "de": {"lot": "Charge", "best": "Haltbar bis", "made": "Hergestellt", "zone": "Zone", "site": "Ort"},
}  # fmt: skip


class Bar(NamedTuple):
    """A row of bars: what it carries, whether as GS1-128, and what stands below it."""

    text: str
    gs1: bool
    words: str


class Label(NamedTuple):
    """What stands on a label. `plain` stands in the place of a title that no font can draw; the lowest bar is last."""

    title: str
    plain: str
    lines: tuple[str, ...] = ()
    bars: tuple[Bar, ...] = ()
    qr: str = ""
    epc: tuple[str, ...] = ()


class Wording(NamedTuple):
    """How labels are worded: language, zone of days, and the company prefix by which keys become tags."""

    lang: Lang = "en"
    zone: tzinfo = UTC
    prefix: str = ""


def label_of(of: Of, row: Mapping[str, Any], how: Wording) -> Label:
    """The label of a row that `label_things.sql` found."""
    return _MAKERS[of](row, how)


def code_of(of: Of, row: Mapping[str, Any]) -> str:
    """By which a thing is asked for: zones and bins behind their site."""
    part = {"zones": "zone", "bins": "bin"}.get(of)
    return f"{row['site']}/{row[part]}" if part else str(row["code"])


def _coded(title: str, lines: list[str], elements: Elements, plain: str = "", epc: tuple[str, ...] = ()) -> Label:
    bar = Bar(element_data(elements), gs1=True, words=readable(elements))
    return Label(title, plain or title, tuple(filter(None, lines)), (bar,), link_of(elements), epc)


def _own(title: str, lines: list[str], code: str, plain: str = "") -> Label:
    """A code of one's own, which `GET /stock/found` knows."""
    bars = (Bar(code, gs1=False, words=code),) if fits(code) else ()
    return Label(title, plain or title, tuple(filter(None, lines)), bars, code)


def _gtin(gtin: str | None) -> str:
    """Of 14 digits; empty where there is none, or its check digit is wrong: no scanner would take it."""
    try:
        return checked_key("sgtin", gtin.zfill(GTIN_DIGITS)) if gtin else ""
    except EpcError:
        return ""


def _product(row: Mapping[str, Any], how: Wording) -> Label:
    del how
    sku, label = row["code"], row["label"] or row["code"]
    if gtin := _gtin(row["gtin"]):
        return _coded(label, [sku], [("01", gtin)], sku)
    return _own(label, [sku], sku, sku)


def _lot(row: Mapping[str, Any], how: Wording) -> Label:
    words, lot = WORDS[how.lang], row["code"]
    lines = [
        f"{words['lot']} {lot}",
        _day(words["best"], row["best_before"], how),
        _day(words["made"], row["made_at"], how),
    ]
    lines.append(row["sku"])
    title = row["label"] or row["sku"]
    gtin = _gtin(row["gtin"])
    if not gtin or not may_stand("10", lot):
        return _own(title, lines, lot, row["sku"])
    dates = [
        (ai, f"{at.astimezone(how.zone):%y%m%d}")
        for ai, at in (("11", row["made_at"]), ("15", row["best_before"]))
        if at
    ]
    return _coded(title, lines, [("01", gtin), *dates, ("10", lot)], row["sku"])


def _day(word: str, at: datetime | None, how: Wording) -> str:
    return f"{word} {at.astimezone(how.zone):%Y-%m-%d}" if at else ""


def _place(row: Mapping[str, Any], how: Wording, part: str | None, title: str, lines: list[str]) -> Label:
    site = row["site"]
    if row["gln"] and (part is None or may_stand("254", part)):
        elements = [("414", row["gln"]), *([("254", part)] if part else [])]
        return _coded(title, lines, elements, part or site, _tag(elements, row["gln"], how))
    return _own(title, lines, f"{site}/{part}" if part else site, part or site)


def _site(row: Mapping[str, Any], how: Wording) -> Label:
    return _place(row, how, None, row["label"] or row["site"], [f"{WORDS[how.lang]['site']} {row['site']}"])


def _zone(row: Mapping[str, Any], how: Wording) -> Label:
    words = WORDS[how.lang]
    lines = [row["site_label"] or row["site"], f"{words['zone']} {row['zone']}"]
    return _place(row, how, row["zone"], row["label"] or row["zone"], lines)


def _bin(row: Mapping[str, Any], how: Wording) -> Label:
    lines = [row["label"], row["site_label"] or row["site"], f"{WORDS[how.lang]['zone']} {row['zone']}"]
    return _place(row, how, row["bin"], row["bin"], lines)


def _unit(row: Mapping[str, Any], how: Wording) -> Label:
    """A logistic label: what is inside stands above, the SSCC lowest (GS1 General Specifications 6.6)."""
    code, holds, words = row["code"], row["contents"] or [], WORDS[how.lang]
    names = [one["label"] or one["sku"] for one in holds]
    lines = [
        f"{_number(one['quantity'])} \N{MULTIPLICATION SIGN} {name}, {words['lot']} {one['lot']}"
        for one, name in zip(holds[:LINES_MAX], names, strict=False)
    ]
    if len(holds) > LINES_MAX:
        lines.append(f"+ {len(holds) - LINES_MAX}")
    title = names[0] if len(set(names)) == 1 else "SSCC" if is_sscc(code) else code
    if not is_sscc(code):
        return _own(title, [code, *lines] if title != code else lines, code, code)
    elements = [("00", code)]
    grouped = " ".join(code[n : n + 4] for n in range(0, len(code), 4))
    label = _coded(title, [f"SSCC {grouped}", *lines], elements, "SSCC", _tag(elements, code[1:], how))
    return label._replace(bars=(*_inside(holds, how), *label.bars))


def _inside(holds: list[Mapping[str, Any]], how: Wording) -> tuple[Bar, ...]:
    """(02)(15)(37)(10): what a unit of one lot of one product holds, in whole pieces."""
    if len(holds) != 1:
        return ()
    (one,) = holds
    count = Decimal(str(one["quantity"]))
    gtin = _gtin(one["gtin"])
    if not gtin or not may_stand("10", one["lot"]) or count != int(count) or not 0 < count < COUNT_MAX:
        return ()
    best = one["best_before"]
    day = [("15", f"{datetime.fromisoformat(best).astimezone(how.zone):%y%m%d}")] if best else []
    elements = [("02", gtin), *day, ("37", str(int(count))), ("10", one["lot"])]
    return (Bar(element_data(elements), gs1=True, words=readable(elements)),)


def _number(quantity: Any) -> str:
    return f"{Decimal(str(quantity)).normalize():f}"


def _tag(elements: Elements, key: str, how: Wording) -> tuple[str, ...]:
    """Tag URI and hexadecimal digits of a key of one's own company; nothing of another's."""
    if not how.prefix or not key.startswith(how.prefix):
        return ()
    try:
        epc = parse(readable(elements), Wanted(prefix_digits=len(how.prefix)))
        return tuple(filter(None, (tag_uri(epc), encode(epc))))
    except EpcError:
        return ()


_MAKERS: Mapping[Of, Callable[[Mapping[str, Any], Wording], Label]] = {
    "products": _product, "lots": _lot, "sites": _site, "zones": _zone, "bins": _bin, "handling_units": _unit,
}  # fmt: skip
