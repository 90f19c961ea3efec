"""What a person is told of an alert: short, in their language, with times in their zone. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import quote
from zoneinfo import ZoneInfo

from operations.deliver.decide import TRY

FEW = 3
"""So many alerts at once are told one by one, more are one message."""
LINES_MAX = 10
LINKED_MAX = 100
ASKING = ("opened", "reopened", "unmuted", "reminder")
"""What leads to the button by which it is acknowledged."""


class Message(NamedTuple):
    """A line, and some lines."""

    title: str
    body: str


WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "opened": "{severity}: {what}, {where}",
        "reopened": "{severity} again: {what}, {where}",
        "unmuted": "{severity}, no longer muted: {what}, {where}",
        "reminder": "Not acknowledged: {what}, {where}",
        "cleared": "Over: {what}, {where}",
        "retracted": "Withdrawn: {what}, {where}",
        "superseded": "To be looked at again: {what}, {where}",
        "decided": "What was signed ({disposition}) was decided on something else.",
        "critical": "Critical",
        "warning": "Warning",
        "temperature": "temperature out of range",
        "silence": "no word from a device",
        "sensor_fault": "a sensor cannot be believed",
        "breach_risk": "it will be out of range for too long",
        "exposure": "goods had more than their profile allows",
        "late_risk": "may be late",
        "wrong_load": "a load is not as it should be",
        "low_stock": "stock is low",
        "stock_out": "stock is out, or soon will be",
        "expiry": "goods will expire unused",
        "left": "{n} left, reorder at {point}, {by}.",
        "nothing_left": "Nothing is left, {by}.",
        "out_at": "Likely out {p50} ({p10} to {p90}), {by}.",
        "out_from": "Likely out {p50} (not before {p10}), {by}.",
        "unused": "Lot {lot}: {n} will be left on {at}.",
        "ledger": "by the ledger",
        "sensors": "by sensors",
        "doubtful": "The figure is in doubt: have it counted.",
        "never_stock": "What was told later says that it never was.",
        "since": "Since {at}.",
        "until": "From {since} to {at}.",
        "reached": "Up to {extreme}, limit {limit}.",
        "fell": "Down to {extreme}, limit {limit}.",
        "never": "Readings that came later say that it never was.",
        "many": "{n} messages on alerts",
        "more": "… and {n} more",
        "test": "Test of {name}",
        "test_body": "This is a test by {by}. If you can read it, the channel works.",
        "decimal": ".",
    },
    "fi": {
        "opened": "{severity}: {what}, {where}",
        "reopened": "{severity} taas: {what}, {where}",
        "unmuted": "{severity}, vaimennus päättyi: {what}, {where}",
        "reminder": "Kuittaamatta: {what}, {where}",
        "cleared": "Ohi: {what}, {where}",
        "retracted": "Peruttu: {what}, {where}",
        "superseded": "Tarkistettava uudelleen: {what}, {where}",
        "decided": "Allekirjoitettu päätös ({disposition}) perustui muihin tietoihin.",
        "release": "vapautus",
        "quarantine": "karanteeni",
        "reject": "hylkäys",
        "critical": "Kriittinen",
        "warning": "Varoitus",
        "temperature": "lämpötila rajojen ulkopuolella",
        "silence": "laite on vaiti",
        "sensor_fault": "anturiin ei voi luottaa",
        "breach_risk": "lämpötila on pian liian kauan rajojen ulkopuolella",
        "exposure": "tavara altistui enemmän kuin sallitaan",
        "late_risk": "voi myöhästyä",
        "wrong_load": "kuorma ei ole kuten pitäisi",
        "low_stock": "varasto vähissä",
        "stock_out": "varasto loppu tai loppumassa",
        "expiry": "tavaraa vanhenee käyttämättä",
        "left": "Jäljellä {n}, tilausraja {point}, {by}.",
        "nothing_left": "Mitään ei ole jäljellä, {by}.",
        "out_at": "Loppuu arviolta {p50} ({p10} – {p90}), {by}.",  # noqa: RUF001
        "out_from": "Loppuu arviolta {p50} (aikaisintaan {p10}), {by}.",
        "unused": "Erä {lot}: {n} jää yli {at}.",
        "ledger": "kirjanpidon mukaan",
        "sensors": "anturien mukaan",
        "doubtful": "Luku on epävarma: laskettava.",
        "never_stock": "Myöhemmin kerrotun mukaan sitä ei ollut.",
        "since": "Alkaen {at}.",
        "until": "{since} – {at}.",  # noqa: RUF001
        "reached": "Enimmillään {extreme}, raja {limit}.",
        "fell": "Alimmillaan {extreme}, raja {limit}.",
        "never": "Myöhemmin tulleiden mittausten mukaan sitä ei ollut.",
        "many": "{n} viestiä hälytyksistä",
        "more": "… ja {n} muuta",
        "test": "Kanavan {name} kokeilu",
        "test_body": "Tämän kokeilun lähetti {by}. Jos luet tämän, kanava toimii.",
        "decimal": ",",
    },
    "de": {
        "opened": "{severity}: {what}, {where}",
        "reopened": "{severity}, erneut: {what}, {where}",
        "unmuted": "{severity}, nicht mehr stumm: {what}, {where}",
        "reminder": "Nicht quittiert: {what}, {where}",
        "cleared": "Vorbei: {what}, {where}",
        "retracted": "Zurückgenommen: {what}, {where}",
        "superseded": "Neu anzusehen: {what}, {where}",
        "decided": "Was unterschrieben ist ({disposition}), beruht auf anderen Angaben.",
        "release": "freigeben",
        "quarantine": "sperren",
        "reject": "verwerfen",
        "critical": "Kritisch",
        "warning": "Warnung",
        "temperature": "Temperatur außerhalb der Grenzen",
        "silence": "ein Gerät schweigt",
        "sensor_fault": "einem Fühler ist nicht zu glauben",
        "breach_risk": "bald zu lange außerhalb der Grenzen",
        "exposure": "Ware hatte mehr, als ihr Profil erlaubt",
        "late_risk": "kann sich verspäten",
        "wrong_load": "eine Ladung stimmt nicht",
        "low_stock": "Bestand niedrig",
        "stock_out": "Bestand aus oder bald aus",
        "expiry": "Ware verfällt ungenutzt",
        "left": "Noch {n}, Meldebestand {point}, {by}.",
        "nothing_left": "Nichts mehr da, {by}.",
        "out_at": "Wohl aus {p50} ({p10} bis {p90}), {by}.",
        "out_from": "Wohl aus {p50} (nicht vor {p10}), {by}.",
        "unused": "Charge {lot}: {n} bleiben am {at} übrig.",
        "ledger": "nach den Buchungen",
        "sensors": "nach Sensoren",
        "doubtful": "Die Zahl ist zweifelhaft: nachzählen.",
        "never_stock": "Nach später Gemeldetem war es nicht so.",
        "since": "Seit {at}.",
        "until": "Von {since} bis {at}.",
        "reached": "Bis {extreme}, Grenze {limit}.",
        "fell": "Bis hinab auf {extreme}, Grenze {limit}.",
        "never": "Nach später gekommenen Messungen war es nicht so.",
        "many": "{n} Meldungen zu Alarmen",
        "more": "… und {n} weitere",
        "test": "Probe von {name}",
        "test_body": "Das ist eine Probe von {by}. Wer sie lesen kann, hat einen Kanal, der geht.",
        "decimal": ",",
    },
}


def alert_message(kind: str, data: Mapping[str, Any], language: str, tz: str, pages: str | None, name: str) -> Message:
    """What is told of a row of `outgoing` for staff, of the type `kind`; `pages`: where our pages are found."""
    words = WORDS.get(language, WORDS["en"])
    if kind == TRY:
        return Message(words["test"].format(name=name), words["test_body"].format(by=data.get("by", "")))
    what = kind.removeprefix("alert.")
    stock = data.get("stock")
    places = (f"{stock['label']}," if stock else "", data.get("vehicle"), data.get("site"), data.get("device"))
    title = words[what].format(
        severity=words.get(data["severity"], data["severity"]),
        what=words.get(data["kind"], data["title"]),
        where=" ".join(dict.fromkeys(place for place in places if place)) or "?",
    )
    lines = [_temperatures(words, data), _times(words, what, data, tz)]
    if stock:
        lines = [*_stock(words, data["kind"], stock, tz), _times(words, what, data, tz)]
    elif data["kind"] not in ("temperature", "silence"):
        lines.insert(0, f"{data['title']}.")
    if what == "superseded":
        decision = str(data.get("disposition"))
        lines.insert(0, words["decided"].format(disposition=words.get(decision, decision)))
    if pages:
        asked = "#acknowledge" if what in ASKING else ""
        lines.append(f"{pages}/alerts?alert={quote(str(data['alert']))}{asked}")
    return Message(title, "\n".join(filter(None, lines)))


def in_groups(rows: Sequence[Mapping[str, Any]]) -> list[list[Mapping[str, Any]]]:
    """What waits for a receiver, in its order, by message: many alerts for a channel are one, all else is by itself."""
    groups: list[list[Mapping[str, Any]]] = []
    for row in rows:
        is_alert = row["kind"] == "channel" and row["type"].startswith("alert.")
        if is_alert and groups and groups[-1][0]["type"].startswith("alert."):
            groups[-1].append(row)
        else:
            groups.append([row])
    return [part for group in groups for part in ([group] if len(group) > FEW else [[row] for row in group])]


def all_in_one(
    messages: Sequence[Message], language: str, pages: str | None, n: int = 0, alerts: Sequence[str] = ()
) -> Message:
    """Many messages as one: what each says first, the first of them. `n`: how many there are, if not all are here.

    It leads to these `alerts`, or to all when they are none, or too many for an address.
    """
    words, n = WORDS.get(language, WORDS["en"]), n or len(messages)
    lines = [message.title for message in messages[:LINES_MAX]]
    if n > LINES_MAX:
        lines.append(words["more"].format(n=n - LINES_MAX))
    if pages:
        of = f"?ids={','.join(alerts)}" if 0 < len(alerts) <= LINKED_MAX else ""
        lines.append(f"{pages}/alerts{of}")
    return Message(words["many"].format(n=n), "\n".join(lines))


def route_message(data: Mapping[str, Any], language: str, tz: str, pages: str | None, name: str) -> Message:
    """What is told by a route: an alert, or how many there are and the first of them."""
    told = [alert_message(f"alert.{each['what']}", each, language, tz, pages, name) for each in data["alerts"]]
    return told[0] if data["n"] == 1 else all_in_one(told, language, pages, data["n"], data.get("ids", ()))


def _times(words: Mapping[str, str], what: str, data: Mapping[str, Any], tz: str) -> str:
    if what == "retracted":
        return words["never_stock" if data.get("stock") else "never"]
    since, ended = (moment(data.get(key), tz) for key in ("opened_at", "cleared_at"))
    if what == "cleared" and ended:
        return words["until"].format(since=since.removesuffix(f" ({tz})"), at=ended)
    return words["since"].format(at=since)


def _temperatures(words: Mapping[str, str], data: Mapping[str, Any]) -> str:
    extreme, limit = data.get("extreme_c"), data.get("limit_c")
    if extreme is None or limit is None:
        return ""
    word = words["reached" if extreme >= limit else "fell"]
    return word.format(extreme=celsius(extreme, words["decimal"]), limit=celsius(limit, words["decimal"]))


def _stock(words: Mapping[str, str], kind: str, stock: Mapping[str, Any], tz: str) -> list[str]:
    """Figure, range, and by what; lot by lot what will be left."""
    by, out = words[stock["basis"]], stock.get("out") or {}
    times = {name: moment(out.get(name), tz).removesuffix(f" ({tz})") for name in ("p10", "p50", "p90")}

    def number(value: float) -> str:
        unit = "" if stock["base_unit"] == "piece" else f" {stock['base_unit']}"
        return f"{value:g}{unit}".replace(".", words["decimal"])

    lines: list[str] = []
    if kind == "low_stock":
        lines = [words["left"].format(n=number(stock["quantity"]), point=number(stock["reorder_point"]), by=by)]
    elif kind == "stock_out" and (stock["quantity"] <= 0 or not times["p50"]):
        lines = [words["nothing_left"].format(by=by)]
    elif kind == "stock_out":
        lines = [words["out_at" if times["p90"] else "out_from"].format(by=by, **times)]
    else:
        lines = [
            words["unused"].format(lot=each["lot"], n=number(each["quantity"]), at=moment(each["best_before"], tz)[:10])
            for each in stock["expiring"][:LINES_MAX]
        ]
    return [*lines, words["doubtful"]] if stock.get("doubt") else lines


def celsius(value: float, decimal: str) -> str:
    """4.7 → '4.7 °C'.

    >>> celsius(-4.25, ","), celsius(8, ".")
    ('−4,2 °C', '8 °C')
    """  # noqa: RUF002
    return f"{round(value, 1):g} °C".replace("-", "−").replace(".", decimal)  # noqa: RUF001


def moment(text: str | None, tz: str) -> str:
    """An instant of RFC 3339 on the wall of a zone, with its name.

    >>> moment("2026-11-29T12:00:00.000Z", "Europe/Helsinki")
    '2026-11-29 14:00 (Europe/Helsinki)'
    """
    if not text:
        return ""
    return f"{datetime.fromisoformat(text).astimezone(ZoneInfo(tz)):%Y-%m-%d %H:%M} ({tz})"
