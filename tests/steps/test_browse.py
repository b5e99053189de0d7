"""browse without a browser: what it asks of one, and what it makes of how the walk ended."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import httpx
import pytest

from flowrun.browser import Callback, PageVisit, Walk
from flowrun.browser.model import Hop
from flowrun.errors import FlowrunError, StepError
from flowrun.events import PageSeen, Told
from flowrun.jose import encrypt, sign
from flowrun.steps import browse, exchange
from flowrun.steps.browse import Browse

USERS = "users: {alice: {username: alice, password: '{{ secrets.PW | default(\"her-password\") }}'}BOB}"
METADATA = {"authorization_endpoint": "https://op.example/auth", "jwks_uri": "https://op.example/jwks"}
PAGE = {"heading": "Hello", "status": 200, "text": "Some text", "screenshot": None, "seconds": 0.1}


def visit(name, **more):
    return PageVisit(**{"name": name, "url": f"https://op.example/{name}", "title": "t", **PAGE, **more})


def came_back(*params, url="https://app.example/cb?x"):
    callback = Callback(url=url, place="query", params=tuple(params))
    return Walk(callback=callback, pages=(visit("login"), visit("")), refused=None, hops=())


class Browser:
    """Takes a walk that was thought up, and notes what it was asked to do."""

    def __init__(self, walk):
        self.result, self.asked = walk, None

    def walk(self, url, **asked):
        self.asked = {"url": url, **asked}
        asked["tell"](visit("login"))
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


@pytest.fixture
def walked(tools):
    """Browse with a walk that ends like this; gives outcome, tools, what the browser was asked, what was told."""

    def walked(walk, *, step=None, more="", **tools_of):
        browser, told = Browser(walk), []
        ours = tools(
            more=USERS.replace("BOB", ", bob: {username: bob}" if more == "bob" else "")
            + ("" if more == "bob" else more),
            tell=told.append,
            **{"browser": lambda *_: browser, "request": {"scope": "a"}, **tools_of},
        )
        outcome = browse.run(Browse(**(step or {})), ours)
        return SimpleNamespace(outcome=outcome, tools=ours, asked=browser.asked, told=told)

    return walked


def test_the_callback_is_kept_and_its_secrets_are_hidden(walked):
    done = walked(came_back(("code", "the-code-1"), ("state", "s"), ("state", "t")))
    assert done.tools.flow.callback == {"code": "the-code-1", "state": "t"}
    assert done.tools.flow.callback_pairs == (("code", "the-code-1"), ("state", "s"), ("state", "t"))
    assert done.outcome.values["code"] == "the-code-1"
    assert done.outcome.values["pages"] == ["login", ""]
    assert done.outcome.summary == "login → ? → callback"
    assert done.outcome.refusal is None
    assert done.tools.redactor.text("the-code-1") == "‹code›"


def test_the_browser_opens_the_url_and_gets_the_limits_of_the_environment(walked):
    done = walked(came_back(("code", "c")), flow={"request_uri": "urn:x"}, more="\ntimeouts: {page: 3s, browse: 30s}")
    assert done.asked["url"] == "https://op.example/auth?client_id=flowrun&request_uri=urn%3Ax"
    assert done.asked["redirect_uri"] == "https://app.example/cb"
    assert (done.asked["page_seconds"], done.asked["total_seconds"]) == (3, 30)
    assert done.told[0] == Told("authorization URL", done.asked["url"])
    assert isinstance(done.told[1], PageSeen)


def test_what_the_step_says_wins(walked):
    step = {"url": "https://own.example", "at_most": "5s", "answers": {"consent": "deny", "n": 5}}
    done = walked(
        came_back(("code", "c")), step=step, flow={"parameters": {"redirect_uri": "https://other.example/cb"}}
    )
    assert done.asked["url"] == "https://own.example"
    assert done.asked["total_seconds"] == 5
    assert done.asked["answers"] == {"consent": "deny", "n": "5"}
    assert done.asked["redirect_uri"] == "https://other.example/cb"


def test_the_redirect_uri_of_the_request_is_where_the_browser_is_stopped_although_nothing_was_pushed(walked):
    done = walked(came_back(("code", "c")), request={"redirect_uri": "https://evil.example/cb"})
    assert "redirect_uri=https%3A%2F%2Fevil.example%2Fcb" in done.asked["url"]
    assert done.asked["redirect_uri"] == "https://evil.example/cb"


def test_the_one_user_there_is_needs_no_name_and_of_several_one_is_named(walked):
    done = walked(came_back(("code", "c")))
    assert done.asked["fill"]("{{ user.username }} {{ answers.x | default('-') }}", ()) == "alice -"
    done = walked(came_back(("code", "c")), more="bob", step={"user": "bob"})
    assert done.asked["fill"]("{{ user.username }}", ()) == "bob"
    done = walked(came_back(("code", "c")), more="bob")
    with pytest.raises(FlowrunError) as error:
        done.asked["fill"]("{{ user.username }}", ("login",))
    assert error.value.problems[0].hint == "write browse: {user: …}"


def test_a_password_is_known_to_the_redactor_before_the_browser_sees_it(walked):
    done = walked(came_back(("code", "c")))
    assert done.tools.redactor.text("her-password") == "‹password›"


def test_an_error_at_the_callback_is_a_refusal(walked):
    done = walked(came_back(("error", "access_denied"), ("error_description", "No."), ("state", "s")))
    refusal = done.outcome.refusal
    assert (refusal.place, refusal.error, refusal.description) == ("callback", "access_denied", "No.")
    assert done.outcome.values["error"] == "access_denied"


@pytest.mark.parametrize("params", [[], [("state", "s")]])
def test_a_callback_without_code_and_without_error_is_told(walked, params):
    with pytest.raises(StepError) as error:
        walked(came_back(*params))
    assert error.value.code == "no-code"
    assert dict(error.value.facts)["parameters"] == ("state" if params else "none")


def test_an_answer_that_was_not_used_is_told(walked):
    pages = (
        "\npages:\n  login: {shows: {heading: x}, do: [{press: Go}]}\n"
        "  consent: {shows: {heading: y}, answers: {approve: [{press: Yes}], deny: [{press: No}]}}"
    )
    step = {"answers": {"consent": "deny", "login": "yes", "elsewhere": "approve"}}

    def notes(walk):
        return [
            told.value
            for told in walked(walk, step=step, more=pages).told
            if isinstance(told, Told) and told.label == "note"
        ]

    way = replace(came_back(("code", "c")), hops=(Hop("https://op.example/auth"),))
    assert notes(way) == ["the answer 'deny' for the page 'consent' was not used: that page did not come up"]
    assert notes(replace(way, pages=(visit("consent"),))) == []
    assert notes(replace(way, stopped=visit("login"))) == []  # the page may come when the browse is resumed
    assert notes(came_back(("code", "c"))) == []  # by hand nobody saw the pages
    assert notes(replace(came_back(("error", "invalid_scope")), hops=way.hops)) == []


def test_who_asked_for_no_code_needs_none(walked):
    done = walked(came_back(("state", "s")), request={"response_type": "none"})
    assert (done.tools.flow.callback, done.outcome.refusal) == ({"state": "s"}, None)
    with pytest.raises(StepError) as error:
        exchange.run(exchange.Exchange(), done.tools)
    assert error.value.title == "there is no code to exchange: the authorization request asked for none"


def test_a_walk_that_ends_on_a_page_that_refuses_is_a_refusal(walked):
    last = visit("error", heading="Sorry", status=400, text="Not\n today")
    done = walked(Walk(callback=None, pages=(visit("login"), last), refused=last, hops=()))
    refusal = done.outcome.refusal
    assert (refusal.place, refusal.status) == ("page", 400)
    assert refusal.description == "Not\ntoday"  # its lines are kept, so that the one that matters is seen
    assert done.outcome.values["page"]["heading"] == "Sorry"
    assert done.outcome.values["pages"] == ["login", "error"]


def test_a_page_that_says_no_is_a_refusal_and_its_evidence_is_told(walked):
    error = StepError("x", "the page refuses", place="page", error="access_denied")
    error.page = visit("error", status=403)
    done = walked(error)
    assert (done.outcome.refusal.place, done.outcome.refusal.error, done.outcome.refusal.status) == (
        "page",
        "access_denied",
        403,
    )
    assert [told.name for told in done.told if isinstance(told, PageSeen)] == ["login", "error"]


def test_the_words_of_a_page_that_nobody_described_are_kept(walked):
    error = StepError("x", "the server showed an error page instead (400)", place="page", error="invalid_request")
    error.page = visit("", status=400, text="Error: invalid_request\nMissing 'response_type', her-password")
    done = walked(error)
    assert done.outcome.refusal.description == "Error: invalid_request\nMissing 'response_type', ‹password›"
    error.page = visit("", status=400, text="")
    assert walked(error).outcome.refusal.description == "the server showed an error page instead (400)"


def test_any_other_error_points_into_the_pages_of_the_environment(walked):
    with pytest.raises(StepError) as error:
        walked(StepError("x", "t", field=("consent", "answers")))
    assert error.value.field == ("pages", "consent", "answers")


def test_a_request_uri_that_has_expired_is_told_and_opened_all_the_same(walked):
    done = walked(came_back(("code", "c")), flow={"request_uri": "urn:x", "expires_at": 5.0})
    assert Told("note", "the request_uri has expired before the browser opened it") in done.told
    assert done.asked is not None


@pytest.mark.parametrize(
    ("written", "needs"),
    [({}, {"redirect_uri", "endpoint:authorization_endpoint"}), ({"url": "https://x"}, {"pages"})],
)
def test_what_it_needs(written, needs):
    assert browse.KIND.needs(written) == needs


# --- JARM -----------------------------------------------------------------------------------------------------------

ENVELOPE = {"iss": "https://op.example", "aud": "flowrun", "exp": 4102444800}


@pytest.fixture
def jarm(walked, server, key):
    """Come back with a response of these claims, signed by the server, and encrypted if a key is given for that."""

    def jarm(claims, *, around=None, signer=key, alg="PS256", **more):
        server["/jwks"] = httpx.Response(200, json={"keys": [key.public_jwk()]})
        token = sign({**ENVELOPE, **claims}, signer, alg)
        token = encrypt(token, around, alg="RSA-OAEP", enc="A256GCM") if around else token
        return token, walked(came_back(("response", token), ("more", "1")), client="auth: none\n    SIGNING", **more)

    return jarm


@pytest.mark.parametrize("encrypted", [False, True])
def test_the_claims_of_a_signed_response_are_the_callback(jarm, key, encrypted):
    token, done = jarm({"code": "the-code-1", "state": "s", "expires_in": 60}, around=key if encrypted else None)
    flow, outcome = done.tools.flow, done.outcome
    assert flow.callback == {"code": "the-code-1", "state": "s", "expires_in": "60"}
    assert flow.callback_pairs == (("response", token), ("more", "1"))
    assert (outcome.values["code"], outcome.values["response_header"]["alg"]) == ("the-code-1", "PS256")
    assert outcome.values["response_claims"]["aud"] == "flowrun"
    assert (outcome.jwt.distrust, outcome.jwt.token) == ("", token)
    assert ("response_encrypted" in outcome.values) == encrypted
    assert done.tools.redactor.text("the-code-1") == "‹code›"


def test_an_error_in_a_signed_response_is_a_refusal(jarm):
    _, done = jarm({"error": "access_denied", "error_description": "No.", "state": "s"})
    refusal = done.outcome.refusal
    assert (refusal.place, refusal.error, refusal.description) == ("callback", "access_denied", "No.")
    assert done.outcome.jwt.distrust == ""


def test_a_response_that_is_not_trusted_is_a_matter_of_the_checks(jarm):
    metadata = {**METADATA, "authorization_signing_alg_values_supported": ["ES256"]}
    _, done = jarm({"code": "c"}, metadata=metadata)
    assert done.tools.flow.callback == {"code": "c"}
    assert done.outcome.jwt.distrust == "the token is signed with PS256, which is not allowed here"


@pytest.mark.parametrize("response", ["opaque", "", "a.b.c.d.e", "W10.e30.e30"])
def test_a_response_that_can_not_be_read_is_told(walked, response):
    with pytest.raises(StepError) as error:
        walked(came_back(("response", response)))
    assert error.value.code == "unreadable-jwt"
    assert error.value.title.startswith("the JWT in the callback's response (JARM) can't be read: ")


def test_a_signed_response_without_a_code_is_told(jarm):
    with pytest.raises(StepError) as error:
        jarm({"state": "s"})
    assert (error.value.code, dict(error.value.facts)["parameters"]) == ("no-code", "state")


def test_a_signed_response_of_response_type_none_has_none(jarm):
    _, done = jarm({"state": "s"}, request={"response_type": "none"})
    assert done.tools.flow.callback == {"state": "s"}


def test_a_walk_that_ends_on_a_page_that_means_done_needs_no_callback(walked):
    last = visit("done", heading="All done")
    done = walked(Walk(callback=None, pages=(visit("code"), last), refused=None, done=last, hops=()))
    assert done.outcome.refusal is None
    assert done.outcome.values["pages"] == ["code", "done"]
    assert done.outcome.values["page"]["heading"] == "All done"
    assert done.outcome.summary == "code → done"


def test_what_the_pages_gave_to_read_is_left_and_known_to_later_pages(walked):
    seen = []

    class Reading(Browser):
        def walk(self, url, **asked):
            asked["keep"]("reference", "AB-1")
            seen.append(asked["fill"]("{{ read.reference }}", ()))
            return super().walk(url, **asked)

    done = walked(came_back(("code", "c")), browser=lambda *_: Reading(came_back(("code", "c"))))
    assert seen == ["AB-1"]
    assert done.outcome.values["read"] == {"reference": "AB-1"}
