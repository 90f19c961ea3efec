"""Labels: codes that are scanned back as what they were, and where they lie."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.resources.shared.label_sheets import Way, printed
from domain.epc.keys import completed
from domain.labels.code128 import FNC1, SEPARATOR, START_C, TO_B, TO_C, codewords
from domain.labels.elements import element_data, link_of, may_stand, readable
from domain.labels.sheets import SHEETS, SheetName, drawn, pages_of
from domain.labels.things import Label, Wording, label_of
from domain.stock.scanned import scanned
from tests.scans import codes_on

BEST = datetime(2027, 5, 20, tzinfo=UTC)
GTINS = st.from_regex(r"[0-9]{13}", fullmatch=True).map(completed)
LOTS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,19}", fullmatch=True)
OWN = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", fullmatch=True)
ASCII = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=48)


def decoded(values: list[int]) -> str:
    """What a reader makes of codewords up to the check character."""
    is_c, text = values[0] == START_C, ""
    for value in values[1:-1]:
        if value == FNC1:
            text += SEPARATOR
        elif value == (TO_B if is_c else TO_C):
            is_c = not is_c
        else:
            text += f"{value:02d}" if is_c else chr(value + 32)
    return text


@given(st.lists(ASCII, min_size=1, max_size=4), st.booleans())
def test_codewords_say_the_text_and_their_check_character_fits(parts: list[str], gs1: bool) -> None:
    text = SEPARATOR.join(parts) if gs1 else "".join(parts)
    values = codewords(text, gs1=gs1)
    assert decoded(values) == (SEPARATOR if gs1 else "") + text
    assert values[-1] == (values[0] + sum(n * v for n, v in enumerate(values[1:-1], 1))) % 103
    assert len(values) <= len(text) + 3 + gs1


def test_digits_go_in_pairs_and_nothing_longer_than_it_must_be() -> None:
    assert len(codewords("00106141411928374657", gs1=True)) == 1 + 1 + 10 + 1
    assert len(codewords("A1234567")) == 1 + 1 + 1 + 4 - 1 + 2  # the odd digit stays in B
    assert len(codewords("AB12CD")) == 1 + 6 + 1  # two digits are not worth two switches
    with pytest.raises(ValueError, match="ASCII"):
        codewords("Käse")


def lot(code: str, gtin: str | None, best: datetime | None = BEST) -> Label:
    row: dict[str, Any] = {
        "code": code,
        "sku": "MILK",
        "label": "Milk",
        "gtin": gtin,
        "best_before": best,
        "made_at": None,
    }
    return label_of("lots", row, Wording())


@settings(max_examples=4, deadline=None)
@given(st.data())
def test_what_is_printed_is_scanned_back_whatever_lots_and_products_are_called(data: st.DataObject) -> None:
    """Sheets of 24 at once, of lots with and without a GTIN, products and units: bars and QR, on paper and rolls."""
    codes = data.draw(st.lists(LOTS, min_size=6, max_size=6, unique=True))
    own = data.draw(st.lists(OWN, min_size=2, max_size=4, unique=True))
    gtins = data.draw(st.lists(GTINS, min_size=6, max_size=6, unique=True))
    sscc = completed(data.draw(st.from_regex(r"[0-9]{17}", fullmatch=True)))
    labels = [lot(code, gtin) for code, gtin in zip(codes, gtins, strict=True)]
    labels += [lot(code, None) for code in own]
    labels += [label_of("handling_units", {"code": sscc, "contents": None}, Wording())]
    for sheet in ("a4-24", "a4-8", "roll"):
        read = codes_on(printed(labels, Way(sheet)).content)
        squares = Counter(code.text for code in read if code.kind == "]Q1")
        bars = {code.text for code in read if code.kind != "]Q1"}
        assert squares == Counter(label.qr for label in labels)
        wanted = [bar for placed in (p for page in pages_of(labels, SHEETS[sheet], 1, 1) for p in page)
                  for bar in drawn(placed, SHEETS[sheet], "both")["bars"]]  # fmt: skip
        assert len(bars) == len(wanted)
        assert bars <= {bar.text for label in labels for bar in label.bars}
    for label, code, gtin in zip(labels, codes, gtins, strict=False):
        for text in (label.qr, f"]C1{label.bars[0].text}"):
            found = scanned(text)
            assert (found.gtin, found.lot, found.problem) == (gtin, code, "")


def test_fnc1_stands_first_and_behind_what_is_of_open_length() -> None:
    """(10) is of open length, (01) and (15) are not; what follows (10) is another element and not more of the lot."""
    elements = [("01", "06414123456783"), ("10", "L-1"), ("15", "270520"), ("21", "7")]
    assert element_data(elements) == f"010641412345678310L-1{SEPARATOR}15270520217"
    label = Label(
        "Milk", "Milk", (), label_of("products", {"code": "M", "label": "", "gtin": "06414123456783"}, Wording()).bars
    )
    bar = label.bars[0]._replace(text=element_data(elements), words=readable(elements))
    (read,) = codes_on(printed([label._replace(bars=(bar,))], Way("a6")).content)
    assert read == ("]C1", element_data(elements))
    found = scanned(read.kind + read.text)
    assert (found.gtin, found.lot, found.serial) == ("06414123456783", "L-1", "7")


def test_a_logistic_label_says_what_is_inside_above_and_its_sscc_lowest() -> None:
    one = {
        "lot": "L-2291",
        "sku": "MILK",
        "label": "Milk 1 l",
        "gtin": "6414123456783",
        "quantity": 12,
        "best_before": BEST.isoformat(),
    }
    label = label_of("handling_units", {"code": "106141411928374657", "contents": [one]}, Wording(prefix="0614141"))
    texts = {code.text for code in codes_on(printed([label], Way("a6")).content)}
    inside = f"0206414123456783152705203712{SEPARATOR}10L-2291"
    assert texts == {inside, "00106141411928374657", "https://id.gs1.org/00/106141411928374657"}
    assert label.bars[-1].text == "00106141411928374657"
    assert label[:3] == (
        "Milk 1 l", "SSCC", ("SSCC 1061 4141 1928 3746 57", "12 \N{MULTIPLICATION SIGN} Milk 1 l, Lot L-2291")
    )  # fmt: skip
    assert label.epc == ("urn:epc:tag:sscc-96:0.0614141.1192837465", "3114257BF447194159000000")
    assert scanned(inside).gtin == "06414123456783"
    assert (
        label_of("handling_units", {"code": "106141411928374657", "contents": [one]}, Wording(prefix="999999")).epc
        == ()
    )


def test_places_are_named_by_gln_where_their_site_has_one() -> None:
    row = {
        "site": "store-1",
        "site_label": "Store 1",
        "zone": "chiller",
        "bin": "A-01-3",
        "label": "",
        "code": "store-1",
    }
    with_gln = {**row, "gln": "0614141123452"}
    assert label_of("sites", with_gln, Wording(prefix="0614141")).epc[1] == "3214257BF460720000000000"
    assert label_of("zones", with_gln, Wording()).bars[0].words == "(414)0614141123452(254)chiller"
    assert label_of("bins", with_gln, Wording()).qr == link_of([("414", "0614141123452"), ("254", "A-01-3")])
    assert label_of("bins", {**row, "gln": None}, Wording()).qr == "store-1/A-01-3"
    assert label_of("bins", {**with_gln, "bin": "x" * 21}, Wording()).qr == f"store-1/{'x' * 21}"
    assert scanned("(414)0614141123452(254)chiller")[5:7] == ("0614141123452", "chiller")


def test_what_gs1_does_not_allow_is_a_code_of_ones_own() -> None:
    assert lot("L" * 21, "6414123456783").qr == "L" * 21
    assert not may_stand("10", "L 1")
    wrong = {"code": "MILK", "label": "Milk", "gtin": "6414123456789"}  # its check digit is 3
    assert label_of("products", wrong, Wording()).bars[0].text == "MILK"
    assert label_of("products", {"code": "KÄSE", "label": "Käse", "gtin": None}, Wording()).bars == ()


@pytest.mark.parametrize("name", SHEETS)
def test_labels_lie_on_the_page_beside_one_another_behind_what_is_used(name: SheetName) -> None:
    sheet = SHEETS[name]
    pages = list(pages_of([lot("L", None)] * 5, sheet, sheet.places, 5))
    assert [len(page) for page in pages][:1] == [1]
    assert sum(map(len, pages)) == 25
    for page in pages:
        assert len({(p.x_mm, p.y_mm) for p in page}) == len(page)
        for p in page:
            assert p.x_mm + sheet.label[0] <= sheet.page[0]
            assert p.y_mm + sheet.label[1] <= sheet.page[1]
            one = drawn(p, sheet, "both")
            for bar in one["bars"]:
                assert bar["x"] >= 2.4
                assert bar["y"] + bar["h"] + 2.6 <= sheet.label[1]
    with pytest.raises(ValueError, match=re.escape(f"start: a sheet has places 1 to {sheet.places}")):
        list(pages_of([lot("L", None)], sheet, sheet.places + 1, 1))


def test_bars_that_would_be_too_thin_give_way_to_the_qr_code_alone() -> None:
    long = label_of(
        "lots",
        {"code": "Q" * 60, "sku": "M", "label": "Milk", "gtin": None, "best_before": None, "made_at": None},
        Wording(),
    )
    read = codes_on(printed([long], Way("a4-24", codes="bars")).content)
    assert read == [("]Q1", "Q" * 60)]


def test_a_name_that_no_font_can_draw_leaves_its_code_and_never_boxes() -> None:
    names = {"A": "Käse Ελληνικά Молоко", "B": "\U0001310e\U000131cb"}  # hieroglyphs
    labels = [
        label_of("products", {"code": sku, "label": name, "gtin": None}, Wording()) for sku, name in names.items()
    ]
    made = printed(labels, Way("roll"))
    assert made.undrawn == [names["B"]]
    assert printed(labels, Way("roll")).content == made.content
    assert printed(labels, Way("roll"), preview=True).content.startswith(b"\x89PNG")
    with pytest.raises(ValueError, match="1002 labels; 1000"):
        printed(labels[:1] * 501, Way("roll", copies=2))
