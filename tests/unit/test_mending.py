"""One rule over many messages: it does what it says, everywhere the path leads, and touches nothing else."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.mending import Mended, MendingError, Step, checked, mend
from domain.wire.verdict import verdict

TOPIC = "fw/v1/main/th-1/temperature"
ONE = {"t": 1795830378, "temp": "4.5", "meta": {"fw": 3}, "list": [{"x": 1}, {"x": 2}, {"y": 3}]}


def mended(step: Step, content: Any = ONE) -> Any:
    return orjson.loads(mend([step], TOPIC, orjson.dumps(content)).payload)


@pytest.mark.parametrize(
    ("step", "want"),
    [
        (Step("multiply", "t", 1000), ONE | {"t": 1795830378000}),
        (Step("add", "temp", -1.5), ONE | {"temp": 3.0}),
        (Step("remove", "meta.fw"), ONE | {"meta": {}}),
        (Step("set", "probe", "rear"), ONE | {"probe": "rear"}),
        (Step("multiply", "list.x", 10), ONE | {"list": [{"x": 10}, {"x": 20}, {"y": 3}]}),
        (Step("rename", "list.y", "x"), ONE | {"list": [{"x": 1}, {"x": 2}, {"x": 3}]}),
        (Step("multiply", "nothing", 10), ONE),
        (Step("rename", "temp", "t"), ONE),  # never over something that is there
        (Step("multiply", "meta", 10), ONE),
    ],
)
def test_a_step_does_what_it_says_wherever_its_path_leads(step: Step, want: Any) -> None:
    assert mended(step) == want


def test_numbers_of_a_batch_are_mended_one_by_one_and_keys_keep_their_places() -> None:
    payload = b'{"temp":[4.5,null,"x"],"t":[1,2,3]}'
    steps = [Step("multiply", "t", 1000), Step("rename", "temp", "c"), Step("stream", "", "temp")]
    assert mend(steps, TOPIC, payload) == Mended("fw/v1/main/th-1/temp", b'{"c":[4.5,null,"x"],"t":[1000,2000,3000]}')


values = st.integers(-(2**53), 2**53) | st.text() | st.lists(st.floats(allow_nan=False, allow_infinity=False))


@given(st.dictionaries(st.text(max_size=3), values, max_size=4))
def test_what_a_rule_does_not_touch_stays_byte_for_byte(content: dict[str, Any]) -> None:
    payload = b" " + orjson.dumps(content)
    assert mend([Step("multiply", "nokey", 7)], TOPIC, payload) == Mended(TOPIC, payload)
    assert mend([Step("stream", "", "temp")], TOPIC, payload).payload == payload


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ([], "1 to 20 steps"),
        ([Step("boil", "t", 1)], "none of rename"),
        ([Step("multiply", "", 1)], "wants a key"),
        ([Step("stream", "t", "temp")], "has no key"),
        ([Step("multiply", "t", "x")], "wants a number"),
        ([Step("multiply", "t", True)], "wants a number"),
        ([Step("rename", "t", "")], "wants a name"),
    ],
)
def test_a_rule_that_cannot_be_followed_is_refused(steps: list[Step], said: str) -> None:
    with pytest.raises(MendingError, match=said):
        checked(steps)


def test_a_payload_that_is_not_json_is_not_mended_by_key() -> None:
    with pytest.raises(MendingError, match="not JSON"):
        mend([Step("remove", "t")], TOPIC, b"\x00")


@pytest.mark.parametrize(
    ("topic", "payload", "good"),
    [
        ("fw/v1/main/a/temp", b'{"t":[1,2],"c":[1,2]}', True),
        ("fw/v1/main/a/temp", b'{"t":1}', False),
        ("fw/v1/main/a/heat", b'{"c":1}', False),
        ("fw/v1/main/a/owntracks", b'{"_type":"location","lat":1,"lon":2,"tst":1795830378}', True),
        ("fw/v1/main/a/owntracks", b"{", False),
    ],
)
def test_a_verdict_says_what_a_message_would_be_read_as(topic: str, payload: bytes, good: bool) -> None:
    assert verdict(topic, payload, 0)[0] is good
