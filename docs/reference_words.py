"""What the reference says of words that no schema describes; the tests compare each table with the code."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

# A filter: what it does, an example, and what that becomes where it can't be worked out on this page.
FILTERS: Final = {
    "plus": ("Adds a duration to a moment, or to a number of seconds.", "{{ now | plus('180d') | iso }}", ""),
    "minus": ("Takes a duration away.", "{{ now | minus('5m') | iso }}", ""),
    "iso": ("Writes a moment in UTC, as APIs want it.", "{{ now | iso }}", ""),
    "epoch": ("Writes a moment as the seconds since 1970, as JWTs want it.", "{{ now | epoch }}", ""),
    "base64": ("Encodes a text, as the header of client_secret_basic has it.", "{{ 'a:b' | base64 }}", ""),
    "base64url": ("Encodes a text, without padding.", "{{ 'a?b' | base64url }}", ""),
    "sha256": ("Hashes a text; goes on to base64url.", "{{ 'a' | sha256 | base64url }}", ""),
    "from_json": ("Reads a JSON text.", "{{ '[1, 2]' | from_json }}", ""),
    "tojson": ("Writes a value as JSON.", "{{ ['a', true] | tojson }}", ""),
    "jwt_claims": (
        "Reads the claims of a JWT; verifies nothing.",
        "{{ exchange.id_token | jwt_claims }}",
        "its claims",
    ),
    "totp": ("The one-time code of now, from its secret.", "{{ user.totp | totp }}", "six digits"),
}

# Of Jinja's own filters, those that scenarios use.
JINJA_FILTERS: Final = {
    "default": ("A value for a name that may be missing.", "{{ nobody | default('none') }}", ""),
    "join": ("Makes one text of a list.", "{{ ['openid', 'accounts'] | join(' ') }}", ""),
    "lower": ("Small letters; upper makes capitals.", "{{ 'PS256' | lower }}", ""),
    "replace": ("Replaces a part of a text.", "{{ 'a-b' | replace('-', '_') }}", ""),
    "first": ("The first item; last takes the last.", "{{ [1, 2] | first }}", ""),
    "length": ("How long a text or a list is.", "{{ 'abc' | length }}", ""),
}

# The moment at which the examples are worked out.
NOW: Final = datetime(2026, 1, 31, 12, tzinfo=UTC)

FUNCTIONS: Final = {
    "now": ("The moment at which the step runs; goes on to a filter.", "{{ now | iso }}"),
    "uuid": ("A random UUID, another one each time.", "{{ uuid() }}"),
    "omit": ("Leaves out the member or the list item whose value it is.", "{{ dp_id or omit }}"),
}

NEEDS: Final = {
    "par": "The metadata has a PAR endpoint.",
    "signed_request": "The client has a key called `signing`.",
    "rar": "The metadata does not rule out authorization_details.",
    "rar_types": "The metadata lists types of authorization_details.",
    "refresh_token": "The metadata does not rule out refresh tokens.",
    "revocation": "The metadata has a revocation endpoint.",
    "introspection": "The metadata has an introspection endpoint.",
    "userinfo": "The metadata has a userinfo endpoint.",
    "mtls": "The client has a certificate.",
    "mtls_bound": "The client has `sender_constraint: mtls`.",
    "dpop": "The client has `sender_constraint: dpop`.",
    "client_credential": "The client authenticates with a secret or an assertion.",
    "claims_parameter": "The metadata promises to read the claims parameter.",
    "https": "The token endpoint has an https URL.",
    "old_tls": "The OpenSSL of this machine can speak TLS 1.1.",
    "second_client": "The environment has a client called `second`.",
    "client_secret": "The client authenticates with a secret.",
    "openid": "The metadata says how id_tokens are signed.",
    "private_key_jwt": "The client authenticates with `private_key_jwt`.",
    "signed_request_required": "The client's `request_object` says `required`, or the metadata demands it.",
}

# Places of a refusal that have no sentence in flowrun.refusals yet.
LATER_PLACES: Final[dict[str, str]] = {}

UNITS: Final = {
    "ms": "milliseconds",
    "s": "seconds",
    "m": "minutes",
    "h": "hours",
    "d": "days",
    "w": "weeks",
}

# The shared kinds of value (schemas/common.json) that need more words than their title; the others explain themselves.
VALUES: Final = (
    *("template", "name", "duration", "url", "file", "alg", "text_or_texts", "fields", "condition", "path"),
    *("audience", "typ"),
)
