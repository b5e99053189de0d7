"""none: a public client only says its name (RFC 6749, section 2.3.1; OpenID Connect Core, section 9)."""

from flowrun.auth.base import Method, name_client

METHOD = Method(apply=name_client)
