"""What one running sandbox knows: who is registered, what was pushed, who is signed in, what was issued."""

from __future__ import annotations

import secrets
from dataclasses import field
from typing import TYPE_CHECKING, Any, Final

from flowrun.dataclass import dataclass
from flowrun.sandbox.faults import FAULTS
from flowrun.sandbox.models import Code, RegisteredClient, Token

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flowrun.sandbox.device import Device
    from flowrun.sandbox.settings import Settings, User

AHEAD_SECONDS: Final = 600


@dataclass(slots=True)
class Pushed:
    """A pushed authorization request, valid and waiting for a browser (RFC 9126)."""

    request_uri: str
    client_id: str
    params: Mapping[str, Any]
    expires_at: float
    visited: bool = False
    spent: bool = False


@dataclass(slots=True)
class Login:
    """Someone is signed in on a browser since `at`."""

    user: User
    at: float


@dataclass(slots=True)
class Browser:
    """A browser, known by its cookie; `agreed` are the (user, client, scope) it need not ask about again."""

    cookie: str
    login: Login | None = None
    agreed: set[tuple[str, str, str]] = field(default_factory=set)


@dataclass(slots=True)
class Interaction:
    """One walk through the pages, from the authorization request to the redirect."""

    id: str
    pushed: Pushed
    browser: Browser
    started: float
    shown: int = 0  # how often a page was asked for
    signed_in: bool = False  # during this walk, which is what prompt=login asks for
    dp_id: str = ""
    finished: bool = False
    device: Device | None = None  # that waits for the end of this walk, in place of a redirect_uri


class World:
    """The state of one sandbox; every handler runs alone (see `app.create_app`), so nothing here is locked."""

    def __init__(self, settings: Settings, issuer: str, api: str = "") -> None:
        """Take the issuer, and the base of what asks for client certificates; there is no such host without TLS."""
        self.settings = settings
        self.issuer = issuer
        self.api = api or issuer
        self.lifetimes = settings.lifetimes
        self.clients = {client.client_id: RegisteredClient(client, self.broken) for client in settings.clients}
        self.users = {user.username: user for user in settings.users}
        self.pushed: dict[str, Pushed] = {}
        self.pushes: dict[tuple[str, str], list[float]] = {}  # when a client has pushed the same of late
        self.browsers: dict[str, Browser] = {}
        self.interactions: dict[str, Interaction] = {}
        self.codes: dict[str, Code] = {}
        self.tokens: dict[str, Token] = {}
        self.devices: dict[str, Device] = {}
        self.proofs: set[tuple[str, str]] = set()  # (jkt, jti) of every DPoP proof accepted
        self.dpop_nonce: tuple[str, float] | None = None  # and until when
        self.races = self.broken("code.race")  # the token endpoint handles several requests at once
        self.assertions: set[tuple[str, str]] = set()  # (client_id, jti) of every assertion accepted

    def now(self) -> float:
        """Return the server's time, in seconds since 1970."""
        return self.settings.clock() + (AHEAD_SECONDS if self.broken("clock.ahead") else 0)

    def broken(self, fault: str) -> bool:
        """Tell whether a fault switch is on; KeyError when there is no such switch."""
        FAULTS[fault]
        return fault in self.settings.faults

    def browser(self, cookie: str | None) -> Browser:
        """Return the browser of a cookie, or a new one: a cookie that the server did not make is never adopted."""
        known = self.browsers.get(cookie or "")
        if known is None:
            known = Browser(secrets.token_urlsafe(24))
            self.browsers[known.cookie] = known
        return known

    def sign_in(self, browser: Browser, user: User) -> None:
        """Remember who signed in, under a new cookie so that one known before the login is worth nothing."""
        del self.browsers[browser.cookie]
        browser.cookie = secrets.token_urlsafe(24)
        browser.login = Login(user, self.now())
        self.browsers[browser.cookie] = browser
