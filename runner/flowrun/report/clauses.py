"""Where the text of a clause can be read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

_RFC = re.compile(r"RFC (\d+)(?: §([\d.]+[A-Z]?))?")
_DOCUMENTS: Final[Mapping[str, str]] = {
    "OIDC Core": "https://openid.net/specs/openid-connect-core-1_0.html",
    "OIDC Discovery": "https://openid.net/specs/openid-connect-discovery-1_0.html",
    "FAPI 2.0 SP": "https://openid.net/specs/fapi-security-profile-2_0-final.html",
    "FAPI 2.0 Security Profile": "https://openid.net/specs/fapi-security-profile-2_0-final.html",
    "FAPI 2.0 Message Signing": "https://openid.net/specs/fapi-message-signing-2_0.html",
    "JARM": "https://openid.net/specs/oauth-v2-jarm.html",
}


def link(clause: str) -> str:
    """Return the address of a clause's text, of its section where the document has an anchor for it; empty if unknown.

    >>> link("RFC 9126 §2.2")
    'https://www.rfc-editor.org/rfc/rfc9126#section-2.2'
    """
    found = _RFC.search(clause)
    if found:
        section = f"#section-{found[2].rstrip('.')}" if found[2] else ""
        return f"https://www.rfc-editor.org/rfc/rfc{found[1]}{section}"
    return next((address for name, address in _DOCUMENTS.items() if clause.startswith(name)), "")
