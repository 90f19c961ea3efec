"""Web push: the example of RFC 8291, and what is no subscription."""

from __future__ import annotations

import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, derive_private_key

from domain.channels import check_address, shown_of
from domain.web_push import Subscription, b64url, subscription_of, unb64url
from domain.webhooks import AddressError
from operations.deliver.decide import Attempt
from operations.deliver.message import Message
from operations.deliver.push import encrypted, push

POINT = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
AUTH = "BTBZMqHH6r4Tts7J_aSIgg"
SECRET = "a secret of many random bits"


def address(endpoint: str = "https://push.example.org/leave/it", host: str = "push.example.org", **keys: str) -> str:
    said = {"endpoint": endpoint, "keys": {"p256dh": POINT, "auth": AUTH, **keys}}
    return f"webpush://{host}/{b64url(json.dumps(said).encode())}"


def test_the_example_of_the_rfc_comes_out() -> None:
    """RFC 8291, section 5 and appendix A."""
    key = derive_private_key(
        int.from_bytes(unb64url("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"), "big"), SECP256R1()
    )
    to = Subscription("https://push.example.net/", unb64url(POINT), unb64url(AUTH))
    made = encrypted(b"When I grow up, I want to be a watermelon", to, key, unb64url("DGv6ra1nlYgDCS1FRnbzlw"))
    assert b64url(made) == (
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl"
        "7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
    )


def test_a_subscription_is_an_address_of_which_the_host_is_shown() -> None:
    assert check_address(address(), for_customers=False).group == "push"
    assert shown_of(address()) == "webpush://push.example.org"
    assert subscription_of(address()).origin == "https://push.example.org"


@pytest.mark.parametrize(
    "wrong",
    [
        "webpush://push.example.org/",
        "webpush://push.example.org/junk!",
        f"webpush://push.example.org/{b64url(b'[]')}",
        f"webpush://push.example.org/{b64url(b'null')}",
        address(host="other.example.org"),
        address(endpoint="ftp://push.example.org/"),
        address(endpoint="https://ann@push.example.org/", host="ann@push.example.org"),
        address(p256dh=AUTH),
        address(auth=POINT),
        address(p256dh="é"),
    ],
)
def test_what_is_none_is_refused(wrong: str) -> None:
    with pytest.raises(AddressError, match="url: "):
        check_address(wrong, for_customers=False)


def test_a_key_off_the_curve_is_told_and_nothing_is_sent() -> None:
    off = b64url(b"\4" + bytes(63) + b"\1")

    def send(*_: object) -> Attempt:
        raise AssertionError("nothing is to be sent")

    found = push(address(p256dh=off), Message("title", "body"), None, SECRET, send)
    assert "subscribe that browser again" in found.error
