"""Network errors of Chromium in words: whose host it was, what happened, what to do."""

from __future__ import annotations

from urllib.parse import urlsplit

from flowrun.browser.model import BrowseError
from flowrun.browser.redirect import place_of, without_parameters
from flowrun.errors import UNREACHABLE

WORDS = {
    "NAME_NOT_RESOLVED": "its name does not resolve",
    "CONNECTION_REFUSED": "nothing listens there (connection refused)",
    "CONNECTION_RESET": "it cut the connection",
    "CONNECTION_CLOSED": "it closed the connection",
    "CONNECTION_TIMED_OUT": "it did not answer",
    "TIMED_OUT": "it did not answer",
    "ADDRESS_UNREACHABLE": "there is no way to its address",
    "INTERNET_DISCONNECTED": "this machine has no network",
    "NETWORK_CHANGED": "the network changed",
    "EMPTY_RESPONSE": "it closed the connection without an answer",
    "INVALID_RESPONSE": "its answer is not HTTP",
    "INVALID_HTTP_RESPONSE": "its answer is not HTTP",
    "TOO_MANY_REDIRECTS": "it redirects in a circle",
    "UNSAFE_PORT": "browsers refuse to call that port",
    "PROXY_CONNECTION_FAILED": "the proxy does not answer",
    "TUNNEL_CONNECTION_FAILED": "the proxy does not let the browser through",
    "SSL_PROTOCOL_ERROR": "it does not speak TLS there",
    "SSL_VERSION_OR_CIPHER_MISMATCH": "browser and server have no TLS version or cipher in common",
    "CERT_AUTHORITY_INVALID": "nobody the browser trusts vouches for its certificate",
    "CERT_COMMON_NAME_INVALID": "its certificate is for another name",
    "CERT_DATE_INVALID": "its certificate is not valid today",
    "CERT_REVOKED": "its certificate was revoked",
    "BAD_SSL_CLIENT_AUTH_CERT": "it does not accept the client certificate",
    "SSL_CLIENT_AUTH_CERT_NEEDED": "it wants a client certificate",
}
HINTS = {
    "CERT_AUTHORITY_INVALID": "make the machine trust that authority, or say tls: {verify: false} in the environment",
    "NAME_NOT_RESOLVED": "look for a typing error in the environment's issuer or endpoints",
    "CONNECTION_REFUSED": "is the server running, and is the port right?",
}


def unreachable(url: str, error: str, *, redirect_uri: str) -> BrowseError:
    """Return the error for a main document that never came; `error` is Chromium's, such as `net::ERR_TIMED_OUT`."""
    slug = error.removeprefix("net::ERR_")
    host = urlsplit(url).netloc.rpartition("@")[2]
    words = WORDS.get(slug, f"the browser says {slug.replace('_', ' ').lower()}")
    facts = (("url", without_parameters(url)), ("browser", error))
    if place_of(url)[:3] == place_of(redirect_uri)[:3]:
        return BrowseError(
            "wrong-redirect",
            f"the browser was sent to {without_parameters(url)}, which is not the redirect_uri",
            facts=(("expected", without_parameters(redirect_uri)), ("got", without_parameters(url))),
            hint="scheme, host, port and path have to be exactly those of the client's redirect_uri",
        )
    tls = slug.startswith(("CERT_", "SSL_", "BAD_SSL"))
    return BrowseError(
        "tls" if tls else "unreachable",
        f"the browser could not open {host}: {words}",
        facts=facts,
        hint=HINTS.get(slug, ""),
        exit_code=UNREACHABLE,
    )
