"""Codes of RFID tags: vectors of GS1, random tags of every layout, and tags that are none."""

from __future__ import annotations

import json
import random
import string
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.epc import (
    Epc,
    EpcError,
    Wanted,
    classic,
    decode,
    digital_link,
    element_string,
    encode,
    parse,
    plus,
    pure_identity,
    tag_uri,
)
from domain.epc.bits import CHARACTERS
from domain.epc.keys import completed
from domain.epc.model import DIGITS, joined, kind_of

LINK = "https://id.gs1.org"

# GS1 Tag Data Standard 2.3, annex E.3: the examples of all schemes that are known here.
ANNEX_E3 = {
    "sgtin-96": ("3066C4409047E140075BCD15", "/01/09506000134352/21/123456789"),
    "sgtin-198": ("3666C4409047E159B2C2BF100000000000000000000000000000", "/01/09506000134352/21/32a%2Fb"),
    "sgtin+": ("F73795211411234538566CB0AFC4", "/01/79521141123453/21/32a%2Fb"),
    "dsgtin+": ("FB342CDE795211411234538566CB0AFC4", "/01/79521141123453/21/32a%2Fb?17=220630"),
    "sscc-96": ("311BA1B300CE0A6A83000000", "/00/095201234567891235"),
    "sscc+": ("F90095201234567891235", "/00/095201234567891235"),
    "sgln-96": ("3276451FD46072000000162E", "/414/9521141123454/254/5678"),
    "sgln-195": ("3976451FD46072CD9615F8800000000000000000000000000000", "/414/9521141123454/254/32a%2Fb"),
    "sgln+": ("F2395211411234548566CB0AFC4", "/414/9521141123454/254/32a%2Fb"),
    "grai-96": ("3376451FD40C0E400000162E", "/8003/095211411234545678"),
    "grai-170": ("3776451FD40C0E59B2C2BF1000000000000000000000", "/8003/0952114112345432a%2Fb"),
    "grai+": ("F13095211411234548566CB0AFC4", "/8003/0952114112345432a%2Fb"),
    "giai-96": ("3476451FD40000000000162E", "/8004/95211415678"),
    "giai-202": ("3876451FD59B2C2BF10000000000000000000000000000000000", "/8004/952114132a%2Fb"),
    "giai+": ("FA3952114132E83C2BF10", "/8004/952114132a%2Fb"),
}
URIS = {
    "3074257BF7194E4000001A85": "urn:epc:tag:sgtin-96:3.0614141.812345.6789",
    "3178E61C883950F59A000000": "urn:epc:tag:sscc-96:3.235634.35321345434",
    "3174257BF4499602D2000000": "urn:epc:tag:sscc-96:3.0614141.1234567890",
    "3374257BF40C0E4000000190": "urn:epc:tag:grai-96:3.0614141.12345.400",
    "3500E86F8000A9E000000586": "urn:epc:tag:gid-96:952056.2718.1414",
}


def same(epc: Epc) -> Epc:
    """As a name tells it: whether more follows on the tag it does not say."""
    return replace(epc, more=False)


@pytest.mark.parametrize("scheme", ANNEX_E3)
def test_the_examples_of_the_standard(scheme: str) -> None:
    code, link = ANNEX_E3[scheme]
    found = decode(code)
    assert (found.scheme, digital_link(found)) == (scheme, LINK + link)
    assert encode(found) == code
    wanted = Wanted(scheme, found.filter or 0, found.prefix_digits)
    assert parse(LINK + link, wanted) == parse(element_string(found) or "", wanted) == found
    assert encode(parse(LINK + link, wanted)).startswith(code)  # filled up to whole words
    assert pure_identity(found) is None or parse(pure_identity(found) or "", wanted) == found


@pytest.mark.parametrize("code", URIS)
def test_tag_uris_there_and_back(code: str) -> None:
    assert tag_uri(decode(code.lower())) == URIS[code]
    assert encode(parse(URIS[code])) == code


def test_every_header_has_one_scheme_and_every_scheme_an_example() -> None:
    assert set(ANNEX_E3) == {*classic.LAYOUTS, *plus.HEADERS}
    headers = [*plus.HEADERS.values(), *(layout.header for layout in classic.LAYOUTS.values())]
    assert len(set(headers)) == len(headers)


TEXT = st.text(sorted(CHARACTERS), min_size=1, max_size=16)
NUMBER = st.integers(0, (1 << 38) - 1).map(str)
SERIALS = st.one_of(
    TEXT,
    NUMBER,
    st.text(string.digits, min_size=1, max_size=16),
    st.text("0123456789ABCDEF", min_size=1, max_size=16),
    st.text("0123456789abcdef", min_size=1, max_size=16),
    st.text(string.ascii_uppercase + string.digits + "-.:", min_size=1, max_size=16),
    st.text(string.ascii_letters + string.digits + "-_", min_size=1, max_size=16),
)


@st.composite
def epcs(draw: st.DrawFn) -> Epc:
    scheme = draw(st.sampled_from(sorted(ANNEX_E3)))
    kind, n = kind_of(scheme), draw(st.integers(6, 12))
    prefix = draw(st.text(string.digits, min_size=n, max_size=n))
    short = scheme.endswith("-96")
    prefix_digits = None if scheme in plus.HEADERS else n
    filter_value, more = draw(st.integers(0, 7)), draw(st.booleans()) and prefix_digits is None
    if kind == "giai":
        most = min(10 ** (25 - n), 1 << (82 - classic.PREFIX_BITS[12 - n])) - 1
        rest = draw(st.integers(0, most).map(str) if short else SERIALS)
        return Epc(scheme, prefix + rest, "", filter_value, prefix_digits, None, more)
    digits = DIGITS[kind] - 1 - (kind == "grai") - n
    key = joined(kind, prefix, draw(st.text(string.digits, min_size=digits, max_size=digits)))
    serial = "" if kind == "sscc" else draw(NUMBER if short else SERIALS)
    date = None
    if scheme == "dsgtin+":
        date = draw(st.sampled_from(plus.DATES)), draw(st.dates().map(lambda day: f"{day:%y%m%d}"))
    if kind == "sgln" and (serial == "0" or draw(st.booleans())):
        serial = ""
    return Epc(scheme, key, serial, filter_value, prefix_digits, date, more)


@given(epcs())
def test_what_is_written_is_read_and_every_name_leads_back(epc: Epc) -> None:
    code = encode(epc)
    found = decode(code)
    assert found == epc
    assert encode(found) == code
    assert len(code) * 4 % 16 == 0
    wanted = Wanted(epc.scheme, epc.filter or 0, epc.prefix_digits)
    for name in (digital_link(epc), element_string(epc), pure_identity(epc), tag_uri(epc)):
        if name is None:
            assert epc.prefix_digits is None
        elif "(" not in epc.key + epc.serial or not name.startswith("("):  # brackets in a serial end an element string
            assert parse(name, wanted) == same(epc), name


@given(epcs(), st.data())
def test_a_flipped_bit_is_another_code_or_refused(epc: Epc, data: st.DataObject) -> None:
    code = encode(epc)
    bit = data.draw(st.integers(0, len(code) * 4 - 1))
    other = f"{int(code, 16) ^ (1 << bit):0{len(code)}X}"
    try:
        found = decode(other)
    except EpcError:
        return
    assert encode(found) == other
    assert (found, found.tail) != (epc, decode(code).tail)


def test_random_tags_are_read_or_refused_with_a_reason_and_written_as_they_were() -> None:
    random.seed(20261129)
    headers = [layout.header for layout in classic.LAYOUTS.values()] + [*plus.HEADERS.values(), classic.GID_96]
    read = 0
    for _ in range(20_000):  # a million take 13 s: no crash
        digits = random.choice((24, 24, 24, 52, random.randrange(2, 125)))
        code = f"{random.getrandbits(4 * digits):0{digits}X}"
        if random.random() < 0.9:
            code = f"{random.choice(headers):02X}{code[2:]}"
        with suppress(EpcError):
            assert encode(decode(code)) == code
            read += 1
    assert read > 1_000


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("", "it has 0 hexadecimal digits"),
        ("3034257BF7194E4000001A8Z", "it is not hexadecimal"),
        ("30_4257BF7194E4000001A85", "it is not hexadecimal"),
        ("FF00", "its header FF is of no scheme"),
        ("E280116060000209C1A2", "its header E2 is of no scheme"),
        ("2D76451FD4499602D2000000", "its header 2D is that of gsrn-96, which is kept as it is"),
        ("303C257BF7194E4000001A85", "its partition is 7: 0 to 6 are"),
        ("3074257BF7194E40", "it ends within its serial number: 38 bits are wanted, 6 are there"),
        ("3074257BF7194E4000001A850001", "it goes on behind the end of sgtin-96"),
        ("3174257BF4499602D2000001", "its last 24 bits are not zero, as those of an SSCC are"),
        ("3077FFFFFF194E4000001A85", "its company prefix is 16777215, which has more than 7 digits"),
        ("F900952012345678912A5", "its key holds A, which is no digit"),
        ("F90095201234567891234", "the check digit of SSCC 095201234567891234 is 5"),
        ("F7379521141123453C566CB0AFC4", "its serial number is written in way 6: 0 to 5 are"),
        ("F73795211411234538066CB0AFC4", "its serial number has 0 characters: 1 to 20 are allowed"),
        ("FB372CDE795211411234538566CB0AFC4", "its date is of kind 7: 0 to 6 are"),
        ("FB342C5E795211411234538566CB0AFC4", "its date '220230' is none"),
        ("FA3952E83C2BF10", "its asset identifier begins with 3 digits: a company prefix has more"),
        ("3666C4409047E140000000000000000000000000000000000000", "its serial number is empty"),
    ],
)
def test_what_is_no_tag_says_why(code: str, why: str) -> None:
    with pytest.raises(EpcError) as refused:
        decode(code)
    assert str(refused.value).startswith(why)


@pytest.mark.parametrize(
    ("name", "wanted", "why"),
    [
        ("8061414112345", Wanted(), "it is no URI of an EPC"),
        ("urn:epc:tag:sgtin-97:3.0614141.812345.6789", Wanted(), "there is no scheme 'sgtin-97'"),
        ("urn:epc:tag:sgtin-96:9.0614141.812345.6789", Wanted(), "its filter '9' is not 0 to 7"),
        ("urn:epc:id:sgtin:0614141.81234.6789", Wanted(), "its reference '81234' is not 6 digits"),
        ("urn:epc:id:sgtin:0614141.812345", Wanted(), "'0614141.812345' has 2 parts"),
        ("(01)80614141123457(21)1", Wanted(), "the check digit of GTIN 80614141123457 is 8"),
        ("(10)L1", Wanted(), "it names no key: one of (01), (00)"),
        ("https://example.com/products/7", Wanted(), "its path '/products/7' names no key of GS1"),
        ("(01)80614141123458(21)1", Wanted("sgtin-96"), "sgtin-96 needs the length of the company prefix"),
        ("(01)80614141123458(21)007", Wanted("sgtin-96", 0, 7), "its serial number '007' has leading zeros"),
        ("(01)80614141123458(21)274877906944", Wanted("sgtin-96", 0, 7), "its serial number 274877906944 is too great"),
        ("(01)80614141123458", Wanted("sgtin-96", 0, 7), "sgtin-96 needs a serial number"),
        ("(00)106141411928374657", Wanted("sgtin-96", 0, 7), "sgtin-96 carries no sscc"),
    ],
)
def test_what_cannot_be_written_says_why(name: str, wanted: Wanted, why: str) -> None:
    with pytest.raises(EpcError) as refused:
        encode(parse(name, wanted))
    assert str(refused.value).startswith(why)


@pytest.mark.parametrize(
    ("name", "prefix_digits", "scheme"),
    [
        ("(01)80614141123458(21)6789", 7, "sgtin-96"),
        ("(01)80614141123458(21)06789", 7, "sgtin-198"),
        ("(01)80614141123458(21)6789", None, "sgtin+"),
        ("(01)80614141123458(17)261231(21)6789", None, "dsgtin+"),
        ("(414)0614141123452", 7, "sgln-96"),
        ("(8004)0614141A7", 7, "giai-202"),
        ("(8004)06141417", 7, "giai-96"),
    ],
)
def test_the_shortest_scheme_that_holds_it_is_taken(name: str, prefix_digits: int | None, scheme: str) -> None:
    found = parse(name, Wanted(prefix_digits=prefix_digits))
    assert decode(encode(found)) == found
    assert found.scheme == scheme


def test_a_gtin_of_eight_digits_is_one_with_zeros() -> None:
    assert parse(f"(01){completed('4006381')}(21)1").gtin == completed("0000004006381")


def test_on_the_command_line_each_code_has_its_line_and_a_bad_one_its_reason() -> None:
    def run(*words: str, said: str = "") -> tuple[int, list[dict[str, object]]]:
        line = [sys.executable, "-m", "frostway", "epc", *words]
        ended = subprocess.run(line, capture_output=True, text=True, input=said, check=False)
        assert ended.stderr == ""
        return ended.returncode, [json.loads(each) for each in ended.stdout.splitlines()]

    status, (good, bad) = run("decode", "-", said="3074257BF7194E4000001A85\n\nE2801160\n")
    assert (status, good["gtin"], good["digital_link"]) == (1, "80614141123458", f"{LINK}/01/80614141123458/21/6789")
    assert bad == {"hex": "E2801160", "error": "its header E2 is of no scheme"}
    status, (made,) = run("encode", "(00)106141411928374657", "--prefix-digits", "7", "--filter", "2")
    assert (status, made["tag_uri"]) == (0, "urn:epc:tag:sscc-96:2.0614141.1192837465")
    assert decode(str(made["hex"])).key == "106141411928374657"
