"""Hurl's files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from contestants.common import CLIENT, SECRET, Work

_CHAIN = """
POST {base}/token
[BasicAuth]
{client}: {secret}
[FormParams]
grant_type: client_credentials
scope: accounts
HTTP 200
[Captures]
token: jsonpath "$.access_token"
[Asserts]
jsonpath "$.token_type" == "Bearer"
jsonpath "$.expires_in" >= 60

POST {base}/consents
Authorization: Bearer {{{{token}}}}
{{"permissions": ["ReadAccounts", "ReadBalances"], "reference": "chain-{number}"}}
HTTP 201
[Captures]
consent: jsonpath "$.id"
[Asserts]
jsonpath "$.status" == "AwaitingAuthorisation"
jsonpath "$.id" startsWith "consent-"

GET {base}/consents/{{{{consent}}}}
Authorization: Bearer {{{{token}}}}
HTTP 200
[Captures]
account: jsonpath "$.account"
[Asserts]
jsonpath "$.id" == "{{{{consent}}}}"
jsonpath "$.status" == "Authorised"

GET {base}/accounts/{{{{account}}}}
Authorization: Bearer {{{{token}}}}
HTTP 200
[Asserts]
jsonpath "$.id" == "{{{{account}}}}"
jsonpath "$.balances[0].currency" == "AED"
"""
_ONE = """
GET {base}/health
HTTP 200
[Asserts]
jsonpath "$.status" == "up"
jsonpath "$.version" startsWith "1."
"""


def one(work: Work, program: Path) -> Sequence[str]:
    """Write the one request."""
    return [*_command(work, program), work.write("one.hurl", _ONE.format(base=work.base))]


def chain(work: Work, program: Path) -> Sequence[str]:
    """Write a file a chain."""
    files = [
        work.write(f"{number}.hurl", _CHAIN.format(base=work.base, client=CLIENT, secret=SECRET, number=number))
        for number in work.numbers
    ]
    return [*_command(work, program), *files]


def _command(work: Work, program: Path) -> list[str]:
    trust = ["--cacert", str(work.ca)] if work.ca else []
    return [str(program), "--test", "--no-color", "--jobs", "1", *trust]
