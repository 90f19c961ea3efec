"""Channels by which people are told, as they are typed: addresses as Apprise has them, of kinds that stand in a list.

An address holds passwords and tokens: of it only `shown` leaves us.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import quote, unquote

from domain import web_push
from domain.webhooks import AddressError

ADDRESS_CHARS_MAX = 2000
MAIL = ("mailto://", "mailtos://")
TO = "{to}"
"""Where the recipient's own address is put in, in the address of a channel for customers."""
LANGUAGES = ("en", "fi", "de")


class Kind(NamedTuple):
    """A sort of channel. `group`: mail, sms, chat, push or own; `has_host`: its host is a server's, no secret."""

    group: str
    name: str
    has_host: bool = False


KINDS: Mapping[str, Kind] = {
    "mailto": Kind("mail", "E-mail without TLS, in a network of one's own", has_host=True),
    "mailtos": Kind("mail", "E-mail (SMTP with TLS)", has_host=True),
    "sendgrid": Kind("mail", "SendGrid"),
    "mailgun": Kind("mail", "Mailgun"),
    "ses": Kind("mail", "Amazon SES"),
    "postmark": Kind("mail", "Postmark"),
    "sparkpost": Kind("mail", "SparkPost"),
    "smtp2go": Kind("mail", "SMTP2GO"),
    "brevo": Kind("mail", "Brevo"),
    "resend": Kind("mail", "Resend"),
    "twilio": Kind("sms", "Twilio"),
    "vonage": Kind("sms", "Vonage"),
    "clicksend": Kind("sms", "ClickSend"),
    "msgbird": Kind("sms", "MessageBird"),
    "sinch": Kind("sms", "Sinch"),
    "bulksms": Kind("sms", "BulkSMS"),
    "46elks": Kind("sms", "46elks"),
    "seven": Kind("sms", "seven"),
    "plivo": Kind("sms", "Plivo"),
    "sns": Kind("sms", "Amazon SNS"),
    "clickatell": Kind("sms", "Clickatell"),
    "d7sms": Kind("sms", "D7 Networks"),
    "infobip": Kind("sms", "Infobip"),
    "cm": Kind("sms", "CM.com"),
    "telnyx": Kind("sms", "Telnyx"),
    "smseagle": Kind("sms", "SMSEagle without TLS, in a network of one's own", has_host=True),
    "smseagles": Kind("sms", "SMSEagle", has_host=True),
    "workflows": Kind("chat", "Microsoft Teams"),
    "slack": Kind("chat", "Slack"),
    "discord": Kind("chat", "Discord"),
    "gchat": Kind("chat", "Google Chat"),
    "wxteams": Kind("chat", "Webex"),
    "zulip": Kind("chat", "Zulip"),
    "tgram": Kind("chat", "Telegram"),
    "whatsapp": Kind("chat", "WhatsApp"),
    "threema": Kind("chat", "Threema"),
    "mmost": Kind("chat", "Mattermost without TLS, in a network of one's own", has_host=True),
    "mmosts": Kind("chat", "Mattermost", has_host=True),
    "rockets": Kind("chat", "Rocket.Chat", has_host=True),
    "matrixs": Kind("chat", "Matrix", has_host=True),
    "signals": Kind("chat", "Signal", has_host=True),
    "ntfy": Kind("push", "ntfy without TLS, in a network of one's own"),
    "ntfys": Kind("push", "ntfy"),
    "gotify": Kind("push", "Gotify without TLS, in a network of one's own", has_host=True),
    "gotifys": Kind("push", "Gotify", has_host=True),
    "webpush": Kind("push", "a browser, by web push", has_host=True),
    "pover": Kind("push", "Pushover"),
    "pagerduty": Kind("push", "PagerDuty"),
    "opsgenie": Kind("push", "Opsgenie"),
    "json": Kind("own", "a server of one's own by HTTP, in a network of one's own", has_host=True),
    "jsons": Kind("own", "a server of one's own by HTTPS", has_host=True),
    "form": Kind("own", "a server of one's own by HTTP, as a form, in a network of one's own", has_host=True),
    "forms": Kind("own", "a server of one's own by HTTPS, as a form", has_host=True),
}
"""What an address may begin with. Whatever acts on this host (files, syslog, D-Bus, desktops) is none of them."""
_NEVER = re.compile(r"template|.*keyfile|subfile|pgp.*|wkd|attach.*|redirect|verify|cto|rto|config|mode=insecure")
"""Options of Apprise that read files, look keys up elsewhere, follow redirects, or weaken what is checked."""
_MAIL = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}"
)
_PHONE = re.compile(r"\+[1-9][0-9]{6,14}")


def check_address(address: str, *, for_customers: bool) -> Kind:
    """The kind of a channel's address.

    Raises:
        AddressError: it is none that is used here.
    """
    if not 6 <= len(address) <= ADDRESS_CHARS_MAX or not address.isprintable() or " " in address:
        raise AddressError(f"url: 6 to {ADDRESS_CHARS_MAX} characters without spaces")
    scheme, separator, rest = address.partition("://")
    kind = KINDS.get(scheme.lower())
    if not separator or kind is None:
        raise AddressError("url: begins with none of the kinds there are, mailtos:// or slack:// for example")
    if not rest.strip("/"):
        raise AddressError(f"url: says nothing behind {scheme}://")
    if "#" in unquote(rest) and kind.group == "own":
        raise AddressError("url: without # and what is behind it")
    for part in rest.partition("?")[2].split("&"):
        option, _, value = (unquote(each).strip().lower() for each in part.partition("="))
        if _NEVER.fullmatch(option) or _NEVER.fullmatch(f"{option}={value}"):
            raise AddressError(f"url: without the option {option}")
    if scheme.lower() == web_push.SCHEME:
        web_push.subscription_of(address)
    if for_customers != (TO in address):
        wanted = (
            f"{TO} where the customer's address is to stand" if for_customers else f"{TO} is for customers' channels"
        )
        raise AddressError(f"url: {wanted}")
    if re.search(r"[{}]", address.replace(TO, "")):
        raise AddressError("url: { and } are written %7B and %7D")
    return kind


def shown_of(address: str) -> str:
    """What of an address may be shown: its kind, and its server where that is no secret.

    >>> shown_of("mailtos://ann:secret@smtp.example.org:587?to=x@example.org"), shown_of("slack://T1JJ3T3L2/A1BRTD4JD/TII")
    ('mailtos://…@smtp.example.org:587', 'slack://…')
    """
    scheme, _, rest = address.partition("://")
    place = re.split(r"[/?]", rest, maxsplit=1)[0]
    user, at, host = place.rpartition("@")
    if not KINDS[scheme.lower()].has_host or TO in host:
        return f"{scheme.lower()}://…"
    return f"{scheme.lower()}://{'…@' if at and user else ''}{host[:200]}"


def secrets_of(address: str) -> list[str]:
    """The parts of an address that no message of an error may repeat, the longest first."""
    rest = address.partition("://")[2]
    parts = re.split(r"[/?&=@:]", rest)
    found = {each for part in parts for each in (part, unquote(part)) if len(each) >= 4}
    return sorted(found, key=len, reverse=True)


def check_recipient(text: str, group: str) -> str:
    """A customer's address for a channel of a group: an e-mail address, or a telephone number with its country.

    >>> check_recipient("+358 40 123-4567", "sms"), check_recipient("anna@example.org", "mail")
    ('+358401234567', 'anna@example.org')

    Raises:
        AddressError: it is none.
    """
    phone = re.sub(r"[ ()./-]", "", text)
    if group != "mail" and _PHONE.fullmatch(phone):
        return phone
    if group != "sms" and len(text) <= 200 and _MAIL.fullmatch(text):
        return text
    wanted = {"mail": "an e-mail address", "sms": "a number such as +358401234567"}
    raise AddressError(f"to: {wanted.get(group, 'an e-mail address, or a number such as +358401234567')}")


def recipient_shown(text: str) -> str:
    """What of a customer's address may be shown.

    >>> recipient_shown("anna@example.org"), recipient_shown("+358401234567")
    ('a…@example.org', '+3584…567')
    """
    name, at, host = text.rpartition("@")
    return f"{name[:1]}…@{host}" if at else f"{text[:5]}…{text[-3:]}"


def unsubscribe_headers(url: str) -> Mapping[str, str]:
    """Headers by which a mail program offers to have no more (RFC 2369, RFC 8058)."""
    return {"List-Unsubscribe": f"<{url}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}


def with_headers(address: str, headers: Mapping[str, str]) -> str:
    """The address of a mail with further headers.

    >>> with_headers("mailtos://example.org?to=a@example.org", {"X-A": "b c"})
    'mailtos://example.org?to=a@example.org&+X-A=b%20c'
    """
    added = "&".join(f"+{name}={quote(value, safe='')}" for name, value in headers.items())
    return f"{address}{'&' if '?' in address else '?'}{added}"


def put_in(address: str, recipient: str) -> str:
    """The address of a customers' channel for one recipient."""
    return address.replace(TO, quote(recipient, safe=""))
