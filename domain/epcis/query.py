"""What may be asked of events (EPCIS 2.0, section 8.2.7.1: SimpleEventQuery), from the parameters of an address."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from difflib import get_close_matches
from typing import Any

from domain.epcis.check import TYPES
from domain.epcis.model import uri
from domain.epcis.words import ACTIONS, bare
from domain.times import from_us, parse_rfc3339

VALUES_MAX = 100
PAGE_MAX = 1000
PAGE = 30


class QueryError(ValueError):
    """Something cannot be asked; says what and how to mend it."""


def _times(name: str, values: list[str]) -> datetime:
    if len(values) != 1:
        raise QueryError(f"{name}: one time is wanted")
    try:
        return from_us(parse_rfc3339(values[0]))
    except ValueError as error:
        raise QueryError(f"{name}: {error}") from None


def _texts(_: str, values: list[str]) -> list[str]:
    return values


def _uris(_: str, values: list[str]) -> list[str]:
    return [uri(value) for value in values]


def _one_of(words: Iterable[str]) -> Callable[[str, list[str]], list[str]]:
    def check(name: str, values: list[str]) -> list[str]:
        if strange := [v for v in values if v not in words]:
            raise QueryError(f"{name}: {strange[0][:60]!r} is not one of {', '.join(sorted(words))}")
        return values

    return check


def _words(kind: str) -> Callable[[str, list[str]], list[str]]:
    return lambda _, values: [bare(kind, value) for value in values]


def _boolean(name: str, values: list[str]) -> bool:
    if values not in (["true"], ["false"]):
        raise QueryError(f"{name}: true or false is wanted")
    return values == ["true"]


Reader = Callable[[str, list[str]], Any]
PARAMETERS: Mapping[str, tuple[str, Reader, str]] = {
    "eventType": ("type", _one_of(TYPES), "kinds of event"),
    "GE_eventTime": ("event_from", _times, "happened at or after"),
    "LT_eventTime": ("event_before", _times, "happened before"),
    "GE_recordTime": ("recorded_from", _times, "recorded at or after"),
    "LT_recordTime": ("recorded_before", _times, "recorded before"),
    "EQ_action": ("action", _one_of(ACTIONS), "actions"),
    "EQ_bizStep": ("biz_step", _words("bizStep"), "business steps, bare or as URI"),
    "EQ_disposition": ("disposition", _words("disposition"), "dispositions, bare or as URI"),
    "EQ_readPoint": ("read_point", _uris, "where it was read"),
    "EQ_bizLocation": ("biz_location", _uris, "where the objects are afterwards"),
    "EQ_bizTransaction": ("transaction", _uris, "business transactions"),
    "EQ_transformationID": ("transformation", _texts, "transformations"),
    "EQ_eventID": ("event_id", _texts, "names of events"),
    "MATCH_epc": ("epc", _uris, "objects or children, as EPC, Digital Link, or pattern of a class"),
    "MATCH_parentID": ("parent", _uris, "parents"),
    "MATCH_inputEPC": ("input_epc", _uris, "what a transformation used"),
    "MATCH_outputEPC": ("output_epc", _uris, "what a transformation made"),
    "MATCH_anyEPC": ("any_epc", _uris, "anywhere in the event"),
    "MATCH_epcClass": ("epc_class", _uris, "classes of quantities: lot or GTIN"),
    "EXISTS_errorDeclaration": ("declared", _boolean, "only those declared wrong (true), or none of them (false)"),
    "GE_errorDeclarationTime": ("declared_from", _times, "declared wrong at or after"),
    "LT_errorDeclarationTime": ("declared_before", _times, "declared wrong before"),
    "EQ_errorReason": ("reason", _words("reason"), "why declared wrong"),
    "own": ("own", _boolean, "our own facts (true), or what others told (false)"),
}
"""Name of the parameter: what it is called here, how it is read, what it means."""
OTHERS = ("orderBy", "orderDirection", "perPage", "nextPageToken")


def asked(parameters: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Conditions of a query by name; lists are separated by commas, or the parameter is given more than once.

    Raises:
        QueryError: there is no such parameter, or its value cannot be.
    """
    given: dict[str, list[str]] = {}
    for name, value in parameters:
        if name in OTHERS:
            continue
        if name not in PARAMETERS:
            near = get_close_matches(name, [*PARAMETERS, *OTHERS], 1)
            raise QueryError(f"{name[:60]}: cannot be asked" + (f"; did you mean {near[0]}?" if near else ""))
        values = given.setdefault(name, [])
        values += [value] if name.startswith(("GE_", "LT_")) else [part for part in value.split(",") if part]
        if len(values) > VALUES_MAX:
            raise QueryError(f"{name}: more than {VALUES_MAX} values")
    found: dict[str, Any] = {column: None for column, _, _ in PARAMETERS.values()}
    for name, values in given.items():
        column, read, _ = PARAMETERS[name]
        if not values:
            raise QueryError(f"{name}: a value is wanted")
        found[column] = read(name, values)
    return found


def asked_by_name(given: Mapping[str, str | bool | list[str]]) -> dict[str, Any]:
    """The same of a question that has a name: parameters with a value or a list of them.

    Raises:
        QueryError: as `asked`; and a page is of who asks, not of the question.
    """
    pairs: list[tuple[str, str]] = []
    for name, value in given.items():
        if name in OTHERS:
            raise QueryError(f"{name}: is of a page; give it when you ask")
        values = value if isinstance(value, list) else [str(value).lower() if isinstance(value, bool) else value]
        pairs += [(name, each) for each in values] or [(name, "")]
    return asked(pairs)


def order(by: str | None, direction: str | None) -> dict[str, bool]:
    """Which time orders a page, and which way.

    Raises:
        QueryError: it is neither.
    """
    if by not in (None, "eventTime", "recordTime"):
        raise QueryError("orderBy: eventTime or recordTime is wanted")
    if direction not in (None, "ASC", "DESC"):
        raise QueryError("orderDirection: ASC or DESC is wanted")
    return {"by_record": by == "recordTime", "ascending": direction == "ASC"}


def per_page(text: str | None) -> int:
    """Events on a page.

    Raises:
        QueryError: it is no such number.
    """
    if text is None:
        return PAGE
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= PAGE_MAX):
        raise QueryError(f"perPage: a number from 1 to {PAGE_MAX} is wanted")
    return int(text)
