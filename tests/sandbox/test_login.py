"""Who is remembered, who is asked again, and whose pages are whose."""

import httpx
import pytest

pytestmark = pytest.mark.sandbox


@pytest.fixture
def signed_in(consumer):
    consumer.tokens()
    return consumer


def test_a_remembered_login_skips_the_login_page_but_never_the_consent(signed_in, tools):
    assert tools.heading(signed_in.authorize(signed_in.pushed())) == "Approve access"


@pytest.mark.parametrize("prompt", ["login", "select_account", "login consent"])
def test_a_prompt_asks_again(signed_in, tools, prompt):
    page = signed_in.authorize(signed_in.pushed(prompt=prompt))
    assert tools.heading(page) == "Sign in"

    assert tools.heading(signed_in.sign_in(page)) == "Approve access"


def test_max_age_asks_again_only_when_the_login_is_older(signed_in, clock, tools):
    clock.passed = 100

    assert tools.heading(signed_in.authorize(signed_in.pushed(max_age=200))) == "Approve access"
    page = signed_in.authorize(signed_in.pushed(max_age=50))
    assert tools.heading(page) == "Sign in"
    assert tools.heading(signed_in.sign_in(page)) == "Approve access"


def test_a_login_is_forgotten_after_its_lifetime(signed_in, clock, tools):
    clock.passed = 3700

    assert tools.heading(signed_in.authorize(signed_in.pushed())) == "Sign in"


def test_auth_time_is_the_time_of_the_login_not_of_the_token(signed_in, clock):
    clock.passed = 100
    claims = signed_in.id_token(signed_in.tokens()["id_token"])

    assert claims["iat"] - claims["auth_time"] >= 100


@pytest.mark.parametrize(("scope", "again"), [("openid", ""), ("openid offline_access", "Approve access")])
def test_an_agreed_scope_without_consent_is_not_asked_twice(consumer, tools, scope, again):
    consumer.tokens(authorization_details=tools.gone, scope=scope)
    page = consumer.authorize(consumer.pushed(authorization_details=tools.gone, scope=scope))

    assert tools.heading(page) == again


def test_prompt_none_without_a_login(consumer, tools):
    back = tools.callback(consumer.authorize(consumer.pushed(prompt="none")))

    assert (back["error"], back["state"], back["iss"]) == ("login_required", "the-state", consumer.issuer)


def test_prompt_none_where_a_consent_is_due(signed_in, tools):
    assert tools.callback(signed_in.authorize(signed_in.pushed(prompt="none")))["error"] == "consent_required"


def test_an_id_token_hint_of_whoever_is_signed_in_changes_nothing(signed_in, tools):
    hint = signed_in.tokens()["id_token"]

    assert tools.heading(signed_in.authorize(signed_in.pushed(id_token_hint=hint))) == "Approve access"


def test_an_id_token_hint_of_somebody_else_asks_for_that_person(signed_in, tools):
    hint = signed_in.tokens()["id_token"]
    signed_in.http.cookies.clear()
    signed_in.sign_in(signed_in.authorize(signed_in.pushed()), "bob", "builder")

    silent = tools.callback(signed_in.authorize(signed_in.pushed(id_token_hint=hint, prompt="none")))
    page = signed_in.authorize(signed_in.pushed(id_token_hint=hint))
    again = tools.callback(signed_in.sign_in(page, "bob", "builder"))

    assert silent["error"] == "login_required"
    assert tools.heading(page) == "Sign in"
    assert again["error"] == "login_required"
    page = signed_in.authorize(signed_in.pushed(id_token_hint=hint))
    assert tools.heading(signed_in.sign_in(page)) == "Approve access"


def test_a_request_may_come_by_post_as_well(consumer, tools):
    form = {"client_id": consumer.client_id, "request_uri": consumer.pushed()}

    assert tools.heading(consumer.follow(consumer.post("/auth", form))) == "Sign in"


def test_another_browser_knows_nobody(signed_in, tools):
    signed_in.http.cookies.clear()

    assert tools.heading(signed_in.authorize(signed_in.pushed())) == "Sign in"


def test_a_page_cannot_be_continued_in_another_browser(consumer, tools):
    page = consumer.authorize(consumer.pushed())
    with httpx.Client() as stranger:
        answer = stranger.get(page.url)

    assert answer.status_code == 400
    assert tools.heading(answer) == "Something went wrong"


def test_the_cookie_is_new_after_the_login_and_out_of_reach_of_scripts(consumer):
    page = consumer.authorize(consumer.pushed())
    before = consumer.http.cookies["sandbox_session"]
    answer = consumer.http.post(page.url, data={"page": "login", "username": "alice", "password": "wonderland"})

    assert consumer.http.cookies["sandbox_session"] != before
    assert "HttpOnly" in answer.headers["set-cookie"]
    assert "SameSite=Lax" in answer.headers["set-cookie"]


def test_two_tabs_of_one_browser_do_not_disturb_each_other(consumer, tools):
    first, second = consumer.authorize(consumer.pushed(state="1")), consumer.authorize(consumer.pushed(state="2"))
    first = consumer.sign_in(first)
    second = consumer.follow(consumer.http.get(second.url))

    assert tools.callback(consumer.send(second, decision="approve"))["state"] == "2"
    assert tools.callback(consumer.send(first, decision="approve"))["state"] == "1"


def test_a_form_sent_twice_leads_to_the_current_page(consumer, tools):
    page = consumer.authorize(consumer.pushed())
    consumer.sign_in(page)

    assert tools.heading(consumer.sign_in(page)) == "Approve access"


def test_the_pages_may_take_ten_minutes_even_when_the_request_uri_has_expired(consumer, clock, tools):
    page = consumer.authorize(consumer.pushed())
    clock.passed = 500
    page = consumer.sign_in(page)
    assert tools.heading(page) == "Approve access"

    clock.passed = 700
    answer = consumer.send(page, decision="approve")

    assert (answer.status_code, tools.heading(answer)) == (400, "Something went wrong")


@pytest.mark.parametrize("page", ["login", "consent", "error"])
def test_every_page_keeps_its_secrets_and_cannot_be_framed(consumer, page):
    shown = consumer.authorize(consumer.pushed()) if page != "error" else consumer.authorize("urn:unknown")
    if page == "consent":
        shown = consumer.sign_in(shown)

    assert "frame-ancestors 'none'" in shown.headers["content-security-policy"]
    assert shown.headers["referrer-policy"] == "no-referrer"
    assert shown.headers["cache-control"] == "no-store"


def test_what_a_client_sends_cannot_run_in_a_page(consumer):
    details = consumer.consent(consent_purpose="<script>alert(1)</script>")
    page = consumer.sign_in(consumer.authorize(consumer.pushed(authorization_details=details)))

    assert "<script" not in page.text
    assert "&lt;script&gt;alert(1)" in page.text
