"""What every kind of step gets, does and leaves."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from flowrun.auth import METHODS
from flowrun.auth.base import Call
from flowrun.errors import WRONG_FILE, StepError
from flowrun.flow import ReceivedJwt, Refusal, form_value, now, with_extra
from flowrun.wire import Answer, Tls

if TYPE_CHECKING:
    from flowrun.browser.driver import Browser
    from flowrun.client import Client
    from flowrun.environment import Environment
    from flowrun.events import Event
    from flowrun.flow import Flow
    from flowrun.jose import Key
    from flowrun.redact import Redactor
    from flowrun.wire import Wire


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
    leaves: frozenset[str] = frozenset()


@dataclass(slots=True)
class Tools:
    """Everything a step may use besides its input.

    `issuer` is the environment's; `names` returns what templates know now; `parameters` the authorization request,
    made the first time; `browser` takes whether to go on with its cookies; `pause` waits for some seconds and raises
    `StepError` on Ctrl-C; `use` runs the steps of the file that a `use` step names.
    """

    environment: Environment
    client: Client
    flow: Flow
    issuer: str
    wire: Wire
    redactor: Redactor
    tell: Callable[[Event], None]
    load_key: Callable[[Client, str], Key]
    browser: Callable[[bool], Browser]
    names: Callable[[], Mapping[str, Any]]
    parameters: Callable[[], dict[str, Any]]
    interaction_id: Callable[[], str]
    pause: Callable[[float], None]
    use: Callable[[Mapping[str, Any], Mapping[str, Any]], Outcome]

    def endpoint(self, name: str) -> str:
        """Return an endpoint: the environment's word, an alias for mutual TLS (RFC 8705 §5), or the metadata."""
        if name in self.environment.endpoints:
            return self.environment.endpoints[name]
        aliases = self.flow.server.get("mtls_endpoint_aliases")
        if self.client.certificate and isinstance(aliases, dict) and isinstance(aliases.get(name), str):
            return str(aliases[name])
        found = self.flow.server.get(name)
        if isinstance(found, str):
            return found
        raise StepError(
            "no-endpoint",
            f"the server's metadata has no {name}",
            hint=f"name it in the environment file: endpoints: {{{name}: https://…}}",
        )

    def get(
        self, url: str, *, certificate: bool = False, headers: Mapping[str, str] | None = None, method: str = "GET"
    ) -> Answer:
        """Send a request without client authentication and tell of it."""
        sent = {**self.headers(), **as_headers(headers)}
        answer = self.wire.send(method, url, headers=sent, tls=self.tls(certificate))
        self._tell(answer)
        return answer

    def post(
        self,
        url: str,
        form: list[tuple[str, str]],
        *,
        headers: Mapping[str, str] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> Answer:
        """Post a form with this client's authentication and tell of it.

        `extra` comes last, so that it replaces what authentication puts into the form as well.
        """
        method = METHODS[self.client.auth]
        call = Call(
            form=form,
            headers={**self.headers(), **as_headers(headers)},
            audience=self.audience(self.client.assertion.aud, url),
            now=now(),
            key=self.load_key(self.client, "signing") if "key" in method.needs else None,
            assertion=self.flow.assertion,
        )
        self.flow.assertion = None  # an assertion is used once; the next call makes its own
        method.apply(self.client, call)
        sent = with_extra(call.form, extra)
        answer = self.wire.send("POST", url, form=sent, headers=call.headers, tls=self.tls(True))
        self._tell(answer)
        return answer

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

    def tls(self, certificate: bool) -> Tls:
        """Return how TLS is done: the client's certificate goes to the server's API, never to its public documents."""
        base = self.environment.tls
        if not certificate or self.client.certificate is None:
            return base
        return Tls(base.ca, base.verify, self.client.certificate.file, self.client.certificate.key)

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
            )
        )


def as_headers(written: Mapping[str, Any] | None) -> dict[str, str]:
    """Return headers as written in a step in the form they are sent: lower-case names, so that they replace ours."""
    return {name.lower(): form_value(value) for name, value in (written or {}).items()}


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
        # A resource says it in a header (RFC 6750, section 3).
        challenge = dict(_CHALLENGE.findall(answer.headers.get("www-authenticate", "")))
        error, description = (answer.members.get(n) or challenge.get(n, "") for n in ("error", "error_description"))
        return Refusal(place, str(error), str(description), answer.status)
    if not isinstance(answer.body, dict):
        what_came = f"{answer.content_type or 'something'} that is no JSON object" if answer.text.strip() else "nothing"
        kind = "HTML" if looks_like_html(answer) else what_came
        raise StepError("not-json", f"the server answered with {kind} {what}", facts=shown(answer))
    return None


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
