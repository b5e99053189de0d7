"""Client authentication: one file a registered name; each changes the form or the headers of a request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flowrun.auth import none, private_key_jwt, secret_basic, secret_jwt, secret_post

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flowrun.auth.base import Method

METHODS: Final[Mapping[str, Method]] = {
    "none": none.METHOD,
    "client_secret_basic": secret_basic.METHOD,
    "client_secret_post": secret_post.METHOD,
    "client_secret_jwt": secret_jwt.METHOD,
    "private_key_jwt": private_key_jwt.METHOD,
    # The certificate is the transport's matter; in the form the client only says its name (RFC 8705, section 2).
    "tls_client_auth": none.METHOD,
    "self_signed_tls_client_auth": none.METHOD,
}
