"""What sort of client asks, for people to read: a browser and a system, and nothing by which one is known again."""

from __future__ import annotations

import re

_BROWSERS = (
    (r"\b(Edg|EdgA|EdgiOS)/", "Edge"),
    (r"\b(OPR|Opera)/", "Opera"),
    (r"\bSamsungBrowser/", "Samsung Internet"),
    (r"\b(Firefox|FxiOS)/", "Firefox"),
    (r"\b(HeadlessChrome|Chrome|CriOS|Chromium)/", "Chrome"),
    (r"\bSafari/", "Safari"),
)
_SYSTEMS = (
    (r"\biPhone\b", "iPhone"),
    (r"\biPad\b", "iPad"),
    (r"\bAndroid\b", "Android"),
    (r"\bWindows\b", "Windows"),
    (r"\bCrOS\b", "ChromeOS"),
    (r"\bMac OS X\b", "macOS"),
    (r"\bLinux\b", "Linux"),
)
_PREVIEW = re.compile(r"bot\b|bot/|preview|whatsapp|facebookexternalhit|slack|skype|crawler|spider", re.IGNORECASE)


def sort_of_client(agent: str) -> str:
    """The first that fits, for many name others too.

    >>> sort_of_client("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
    'Firefox, Linux'
    >>> sort_of_client("WhatsApp/2.23.20.0 A"), sort_of_client("curl/8.5"), sort_of_client("")
    ('preview of a message', 'program', 'unknown')
    """
    if _PREVIEW.search(agent):
        return "preview of a message"
    found = [next((name for sign, name in sorts if re.search(sign, agent)), "") for sorts in (_BROWSERS, _SYSTEMS)]
    return ", ".join(filter(None, found)) or ("program" if agent else "unknown")
