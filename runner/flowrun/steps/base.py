"""What every kind of step gets, does and leaves."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import field, replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from flowrun import endpoints
from flowrun.auth import METHODS
from flowrun.auth.base import Call, name_client
from flowrun.auth.certificate import as_header, goes_to
from flowrun.dataclass import dataclass
from flowrun.errors import WRONG_FILE, StepError
from flowrun.flow import PROTECTED, PROTECTED_LABEL, ReceivedJwt, Refusal, SignedJwt, form_value, now, with_extra
from flowrun.lane import target_of
from flowrun.tamper import ASSERTION, NOBODY, PROOF, Outgoing, Tampering
from flowrun.tls import Tls

if TYPE_CHECKING:
    from flowrun.browser.driver import Browser
    from flowrun.browser.hand import Hand
    from flowrun.client import Certificate, Client
    from flowrun.dpop import Prover
    from flowrun.environment import Environment
    from flowrun.events import Event
    from flowrun.flow import Flow
    from flowrun.jose import Key
    from flowrun.redact import Redactor
    from flowrun.wire import Answer, Sending, Wire


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a step leaves. `values` live at `<name or kind>.<member>`; `leaves` are names of their own (`set`).

    `refusal` is set when the server or the person said no; then the later steps are not reached. `summary` says in a
    few words what came of it, for the terminal. `jwt` is a signed answer other than an id_token. `judged` says that the
    refusal has been judged already (by a `use`).
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    leaves: Mapping[str, Any] = field(default_factory=dict)
    answer: Answer | None = None
    refusal: Refusal | None = None
    id_token: ReceivedJwt | None = None
    jwt: ReceivedJwt | None = None
    kind: str = ""
    summary: str = ""
    judged: bool = False


@dataclass(frozen=True, slots=True)
class StepKind:
    """One word of the language.

    `model` is the dataclass of its filled input, `needs` says what must be there before it (from the input as
    written): `endpoint:<name>`, `callback`, `access_token`, `refresh_token`, `request`; `leaves` what is there after.
    """

    name: str
    model: type
    run: Callable[[Any, Tools], Outcome]
    needs: Callable[[Mapping[str, Any]], frozenset[str]] = lambda _: frozenset()
    leaves: Callable[[Mapping[str, Any]], frozenset[str]] = lambda _: frozenset()


@dataclass(frozen=True, slots=True)
class Request:
    """A request that a step wants sent; `headers` have lower-case names and win over ours.

    `content` is a body that is no form. `authenticate`: the client says who it is; `certificate`: it shows its
    certificate, if it has one; `token` is an access token to carry; `proof`: a DPoP proof goes along without a token.
    `tls_at_most` is the newest TLS version to offer, empty: what this machine has.
    """

    method: str
    url: str
    form: tuple[tuple[str, str], ...] = ()
    content: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    authenticate: bool = False
    certificate: bool = False
    token: str = ""
    proof: bool = False
    tls_at_most: str = ""


@dataclass(slots=True)
class Tools:
    """Everything a step may use besides its input.

    `issuer` is the environment's; `names` returns what templates know now; `parameters` the authorization request,
    made the first time; `browser` takes whether to go on with its cookies, and whether a person goes through the
    pages; `pause` waits for some seconds and raises `StepError` on Ctrl-C; `use` runs the steps of the file that a
    `use` step names; `prover` makes DPoP proofs, where the client's tokens are bound that way. `any_status`: the step's
    own expectations judge the status; `may_be_refused`: the scenario wants a refusal in the browser. `tampering` holds
    what this step changes in what is sent.
    """

    environment: Environment
    client: Client
    flow: Flow
    issuer: str
    wire: Wire
    redactor: Redactor
    tell: Callable[[Event], None]
    load_key: Callable[[Client, str], Key]
    browser: Callable[[bool, bool], Browser | Hand]
    names: Callable[[], Mapping[str, Any]]
    parameters: Callable[[], dict[str, Any]]
    interaction_id: Callable[[], str]
    pause: Callable[[float], None]
    use: Callable[[Mapping[str, Any], Mapping[str, Any]], Outcome]
    prover: Callable[[], Prover | None]
    any_status: bool = False
    may_be_refused: bool = False
    tampering: Tampering = field(default_factory=Tampering)

    def endpoint(self, name: str) -> str:
        """Return an endpoint: the environment's word, or the metadata; an alias for mutual TLS first (RFC 8705 §5)."""
        found = self.known_endpoint(name)
        if found is not None:
            return found
        raise StepError(
            "no-endpoint",
            f"the server's metadata has no {name}",
            hint=f"name it in the environment file: endpoints: {{{name}: https://…}}",
        )

    def known_endpoint(self, name: str) -> str | None:
        """Return an endpoint, None where neither the environment nor the metadata has it."""
        return endpoints.url_of(name, self.environment, self.flow.server, self.client)

    def get(
        self,
        url: str,
        *,
        certificate: bool = False,
        headers: Mapping[str, str] | None = None,
        method: str = "GET",
        token: str = "",
    ) -> Answer:
        """Send a request without client authentication and tell of it; `token` is an access token to carry."""
        return self.send(Request(method, url, headers=as_headers(headers), certificate=certificate, token=token))

    def post(
        self,
        url: str,
        form: list[tuple[str, str]],
        *,
        headers: Mapping[str, str] | None = None,
        extra: Mapping[str, Any] | None = None,
        proof: bool = False,
    ) -> Answer:
        """Post a form with this client's authentication and tell of it.

        `extra` comes last, so that it replaces what the step puts into the form; it may not replace what is protected.
        With `proof` a client whose tokens are bound by DPoP sends a proof of its key.
        """
        return self.post_at_once(1, url, form, headers=headers, extra=extra, proof=proof)[0]

    def post_at_once(
        self,
        times: int,
        url: str,
        form: list[tuple[str, str]],
        *,
        headers: Mapping[str, str] | None = None,
        extra: Mapping[str, Any] | None = None,
        proof: bool = False,
    ) -> list[Answer]:
        """Do what `post` does several times at the same moment."""
        refuse_protected(extra)
        made = Request(
            "POST",
            url,
            form=tuple(with_extra(form, extra)),
            headers=as_headers(headers),
            authenticate=True,
            certificate=True,
            proof=proof,
        )
        return self.send_at_once(made, times)

    def send(self, request: Request) -> Answer:
        """Send a request, once more when the server wants its nonce in the DPoP proof, and tell of both.

        The second one is made afresh: proof and assertion have a new `jti` (RFC 9449, sections 8 and 9).
        """
        return self.send_at_once(request, 1)[0]

    def send_at_once(self, request: Request, times: int) -> list[Answer]:
        """Do what `send` does several times at the same moment, each made afresh, over a connection of its own."""
        require_url(request.url)  # a server may have said anything
        own = self.flow.assertion  # one that the scenario signed is sent once, but for the same request again
        if request.authenticate:
            self.flow.assertion = None
        prover = self.prover() if request.proof or request.token else None
        answers = self._attempt(request, own, prover, times)
        if prover is not None and all(map(wants_nonce, answers)) and "dpop" not in request.headers:
            self.told("DPoP", "the server wants its nonce in the proof; the request is sent once more with it")
            answers = self._attempt(request, own, prover, times)
        return answers

    def _attempt(self, request: Request, own: str | None, prover: Prover | None, times: int) -> list[Answer]:
        calls = [self._made(request, own, prover) for _ in range(times)]
        answers = self.wire.send_at_once(calls) if times > 1 else [self.wire.send(**calls[0])]
        for answer in answers:
            if prover is not None:
                prover.remember(request.url, answer.headers)
            self._tell(answer)
        return answers

    def _made(self, request: Request, own: str | None, prover: Prover | None) -> Sending:
        """Return what goes out: with its headers, with the client's authentication, and tampered with."""
        method = self.tampering.method(request.method)
        if method != request.method:
            request = replace(request, method=method)
        headers = {**self.headers(), **self.certificate_header(request), **self._token(request, prover)}
        call = Call(
            form=list(request.form),
            headers={**headers, **request.headers},
            audience="",
            now=now(),
            assertion=own,
            sign=self.tampering.signer(ASSERTION),
        )
        if request.authenticate:
            self._authenticate(call, request.url)
        self._note_assertions(call.form)
        for name, value in call.form:
            self.redactor.learn_members({name: value})  # also what goes out in another form than a form
        tls = self.tls(request.certificate, request.url)
        sent = self.tampering.request(Outgoing(request.method, request.url, call.form, request.content, call.headers))
        return {
            "method": sent.method,
            "url": sent.url,
            "form": sent.form,
            "content": sent.content,
            "headers": sent.headers,
            "twice": sent.twice,
            "tls": replace(tls, at_most=request.tls_at_most) if request.tls_at_most else tls,
        }

    def _authenticate(self, call: Call, url: str) -> None:
        """Say who the client is; a tampering step may say that it is another one, or say nothing."""
        who = self.tampering.who("client", self.client.name)
        client = self.client
        if who != client.name:
            name_client(client, call)  # the rest of the request stays ours
            if who == NOBODY:
                return
            client, call = self.environment.client(who), replace(call, assertion=None)
        method = METHODS[client.auth]
        call = replace(
            call,
            audience=self.audience(client.assertion.aud, url),
            key=self.load_key(client, "signing") if "key" in method.needs else None,
        )
        method.apply(client, call)

    def _token(self, request: Request, prover: Prover | None) -> dict[str, str]:
        """Return the headers that carry an access token, and the proof that belongs to it or to a token request."""
        bound = prover is not None and str(self.flow.tokens.get("token_type", "DPoP")).lower() == "dpop"
        headers = {"authorization": f"{'DPoP' if bound else 'Bearer'} {request.token}"} if request.token else {}
        if prover is None or "dpop" in request.headers or not (request.proof or bound):
            return headers
        proof, signed = prover.proof(request.method, request.url, request.token, self.tampering.signer(PROOF))
        self.flow.signed.append(signed)
        return {**headers, "dpop": proof}

    def _note_assertions(self, form: list[tuple[str, str]]) -> None:
        """Keep the assertions of a form, whoever made them, each once."""
        for name, value in form:
            if name != "client_assertion":
                continue
            from flowrun.jose import JoseError, peek  # noqa: PLC0415  few clients have an assertion

            try:
                seen = peek(value)
            except JoseError:
                continue  # a scenario may send anything
            made = SignedJwt("client_assertion", seen.header, seen.claims)
            if made not in self.flow.signed:
                self.flow.signed.append(made)

    def audience(self, wanted: str | list[str], url: str) -> str | list[str]:
        """Return the `aud` of an assertion: issuer, token, par, endpoint (the one called), a URL, a list of these."""
        if isinstance(wanted, list):
            return [str(self.audience(item, url)) for item in wanted]
        match wanted:
            case "issuer":
                return self.issuer or str(self.flow.server.get("issuer", ""))
            case "token":
                return self.endpoint("token_endpoint")
            case "par":
                return self.endpoint("pushed_authorization_request_endpoint")
            case "endpoint":
                if not url:
                    raise own_error(
                        "no-endpoint", "aud: endpoint means the endpoint called, and nothing is called here"
                    )
                return url
        return wanted

    def headers(self) -> dict[str, str]:
        """Return the headers that the profile and the environment send with every call."""
        return {
            name.lower(): self.interaction_id() if value == "uuid" else str(value)
            for name, value in self.environment.headers.items()
        }

    def certificate_header(self, request: Request) -> dict[str, str]:
        """Return the header with the client's certificate, for servers that are usually behind a proxy."""
        certificate = self._certificate(request.url) if request.certificate else None
        return as_header(certificate) if certificate else {}

    def tls(self, certificate: bool, url: str = "") -> Tls:
        """Return how TLS is done: the client's certificate goes to the server's API, never to its public documents."""
        base, shown = self.environment.tls, self._certificate(url) if certificate else None
        if shown is None or shown.header is not None:
            return base
        return Tls(base.ca, base.verify, shown.file, shown.key)

    def _certificate(self, url: str) -> Certificate | None:
        """Return the certificate for the host of a URL; a tampering step may show another one, or none."""
        own, parts = self.client.certificate, urlsplit(url)
        if own is None or not goes_to(own, parts.hostname or "", parts.port):
            return None
        who = self.tampering.who("certificate", self.client.name)
        if who == self.client.name:
            return own
        return None if who == NOBODY else self.environment.client(who).certificate

    def told(self, name: str, value: str) -> None:
        """Tell the reports something in words."""
        from flowrun.events import Told  # noqa: PLC0415  `check` tells nothing

        self.tell(Told(name, value))

    def _tell(self, answer: Answer) -> None:
        from flowrun.events import Called  # noqa: PLC0415

        self.tell(
            Called(
                answer.sent.method,
                answer.sent.url,
                answer.status,
                answer.seconds,
                answer.sent.headers,
                answer.sent.form,
                answer.headers,
                answer.text,
                answer.sent.text,
                at=time.time() - answer.seconds,
            )
        )


def as_headers(written: Mapping[str, Any] | None) -> dict[str, str]:
    """Return headers as written in a step in the form they are sent: lower-case names, so that they replace ours."""
    return {name.lower(): form_value(value) for name, value in (written or {}).items()}


def require_url(url: str) -> None:
    """Raise `StepError` for what is no http or https URL, or can't be taken apart: brackets, spaces, no such port."""
    try:
        target_of(url)
    except ValueError as error:
        raise own_error("bad-url", f"'{url}' is no URL that can be called") from error


def refuse_protected(extra: Mapping[str, Any] | None) -> None:
    """Raise `StepError` for a parameter in `extra` that would break the request instead of adding to it."""
    for name in extra or ():
        if name in PROTECTED:
            raise own_error(
                "protected-parameter",
                f"extra can't set {name}",
                field=("extra", name),
                label=PROTECTED_LABEL,
            )


_CHALLENGE: Final = re.compile(r'\b(error|error_description)="([^"]*)"')
_ANSWER_SHOWN: Final = 200
_OK, _REDIRECT, _CLIENT_ERROR, _SERVER_ERROR = 200, 300, 400, 500


def judge_answer(answer: Answer, what: str, place: str) -> Refusal | None:
    """Tell an accepted answer (None) from a refusal; raises `StepError` for what is neither.

    A 4xx is a refusal, with or without an OAuth error in it. A redirect, a 5xx and anything that is no JSON object
    is a fault of the server.
    """
    if answer.status >= _SERVER_ERROR:
        raise StepError("server-error", f"the server answered {answer.status} {what}", facts=shown(answer))
    if _REDIRECT <= answer.status < _CLIENT_ERROR:
        target = answer.headers.get("location", "").partition("?")[0] or "nowhere"
        raise StepError(
            "redirected", f"the server answered {answer.status}, a redirect to {target}, {what}", facts=shown(answer)
        )
    if answer.status >= _CLIENT_ERROR:
        return Refusal(place, *oauth_error(answer), answer.status)
    if not isinstance(answer.body, dict):
        what_came = f"{answer.content_type or 'something'} that is no JSON object" if answer.text.strip() else "nothing"
        kind = "HTML" if looks_like_html(answer) else what_came
        raise StepError("not-json", f"the server answered with {kind} {what}", facts=shown(answer))
    return None


def oauth_error(answer: Answer) -> tuple[str, str]:
    """Return error and error_description of an answer; a resource says them in a header (RFC 6750, section 3)."""
    challenge = dict(_CHALLENGE.findall(answer.headers.get("www-authenticate", "")))
    error, description = (answer.members.get(n) or challenge.get(n, "") for n in ("error", "error_description"))
    return str(error), str(description)


def wants_nonce(answer: Answer) -> bool:
    """Tell whether the server refused a DPoP proof for want of its nonce (RFC 9449, sections 8 and 9)."""
    return (
        _CLIENT_ERROR <= answer.status < _SERVER_ERROR
        and "dpop-nonce" in answer.headers
        and oauth_error(answer)[0] == "use_dpop_nonce"
    )


def looks_like_html(answer: Answer) -> bool:
    """Tell whether the answer is a page for people."""
    return "html" in answer.content_type or answer.text.lstrip()[:1] == "<"


def shown(answer: Answer) -> tuple[tuple[str, str], ...]:
    """Return what a message shows of an answer: the request line, the status, the beginning of the text, the ids."""
    facts = [
        ("call", f"{answer.sent.method} {answer.sent.url.partition('?')[0]}"),
        ("answer", f"{answer.status} {answer.content_type}".strip()),
    ]
    text = " ".join(answer.hide(answer.text).split())
    if text and looks_like_html(answer):
        facts.append(("page", page_text(text)))
    elif text:
        facts.append(("body", text if len(text) <= _ANSWER_SHOWN else f"{text[:_ANSWER_SHOWN]}…"))
    sent_id = answer.sent.headers.get("x-fapi-interaction-id")
    if sent_id:
        facts.append(("interaction id", sent_id))
    return tuple(facts)


def page_text(html: str) -> str:
    """Return the words of a page, without its markup, cut to a line or two."""
    bare = re.sub(r"(?is)<(script|style|head).*?</\1>|<[^>]+>", " ", html)
    text = " ".join(bare.split()) or " ".join(re.findall(r"(?is)<title>(.*?)</title>", html))
    return text if len(text) <= _ANSWER_SHOWN else f"{text[:_ANSWER_SHOWN]}…"


def http_values(answer: Answer) -> dict[str, Any]:
    """Return what every answer leaves: its members bare, and `http` and `body` (reserved words)."""
    return {
        **answer.members,
        "http": {
            "status": answer.status,
            "headers": answer.headers,
            "text": answer.text,
            "tls": answer.tls,
            "sent": {
                "method": answer.sent.method,
                "url": answer.sent.url,
                "headers": answer.sent.headers,
                "form": dict(answer.sent.form),
            },
        },
        "body": answer.body,
    }


def own_error(code: str, title: str, **more: Any) -> StepError:
    """Return the error of a step that the person's own files are to blame for."""
    return StepError(code, title, exit_code=WRONG_FILE, **more)
