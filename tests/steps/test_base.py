from __future__ import annotations

import httpx
import pytest

from flowrun.errors import WRONG_FILE, StepError
from flowrun.steps.base import as_headers, http_values, judge_answer, page_text, shown
from flowrun.wire import Answer, Sent

URL = "https://op.example/x?code=secret"


def answer(text="", status=200, content_type="", *, body=None, sent=None, hide=str):
    headers = {"content-type": content_type} if content_type else {}
    return Answer(status, headers, text, body, Sent("GET", URL, sent or {}), 0.1, hide)


def test_the_call_is_shown_without_its_query_and_with_the_interaction_id():
    assert shown(answer("a  b\n", 400, "text/plain; x=y", sent={"x-fapi-interaction-id": "7"})) == (
        ("call", "GET https://op.example/x"),
        ("answer", "400 text/plain"),
        ("body", "a b"),
        ("interaction id", "7"),
    )


def test_a_page_is_shown_by_its_words():
    html = (
        "<html><head><title>T</title><style>a{}</style></head><body><h1>Log&nbsp;in</h1><script>x()</script>Now</body>"
    )
    facts = dict(shown(answer(html, 200, "text/html")))
    assert "body" not in facts
    assert facts["page"].split()[-1] == "Now"
    assert "x()" not in facts["page"]
    assert "a{}" not in facts["page"]


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>one</p><p>two</p>", "one two"),
        ("<head><title>Only</title></head>", "Only"),
        ("plain", "plain"),
        ("<p>" + "word " * 100 + "</p>", ("word " * 40)[:200] + "…"),
    ],
)
def test_the_words_of_a_page(html, text):
    assert page_text(html) == text


def test_a_secret_is_hidden_before_a_text_is_cut():
    secret = "s" * 100
    text = "x" * 150 + secret
    facts = dict(shown(answer(text, hide=lambda t: t.replace(secret, "‹token›"))))
    assert facts["body"] == "x" * 150 + "‹token›"
    page = dict(shown(answer(f"<p>{text}</p>", hide=lambda t: t.replace(secret, "‹token›"))))
    assert page["page"] == "x" * 150 + "‹token›"


def test_the_facts_of_a_call_are_not_taken_for_secrets(tools):
    facts = shown(answer("a", 400, sent={"x-fapi-interaction-id": "7"}))
    assert tools().redactor.value(facts) == facts


def test_what_an_answer_leaves_keeps_its_reserved_words():
    came = answer('{"http": 1, "body": 2, "a": 3}', body={"http": 1, "body": 2, "a": 3})
    values = http_values(came)
    assert (values["a"], values["http"]["status"], values["body"]) == (3, 200, {"http": 1, "body": 2, "a": 3})
    assert values["http"]["sent"] == {"method": "GET", "url": URL, "headers": {}, "form": {}}


def test_an_accepted_answer_is_no_refusal():
    assert judge_answer(answer("{}", body={}), "to x", "push") is None


@pytest.mark.parametrize(
    ("written", "headers"),
    [(None, {}), ({"X-A": "1", "n": 5, "b": True}, {"x-a": "1", "n": "5", "b": "true"})],
)
def test_headers_are_texts_with_names_in_lower_case(written, headers):
    assert as_headers(written) == headers


@pytest.mark.parametrize(
    ("wanted", "audience"),
    [
        ("issuer", "https://op.example"),
        ("token", "https://op.example/token"),
        ("par", "https://op.example/par"),
        ("endpoint", "https://op.example/x"),
        ("https://own.example", "https://own.example"),
        (
            ["issuer", "https://own.example", "endpoint"],
            ["https://op.example", "https://own.example", "https://op.example/x"],
        ),
    ],
)
def test_the_audience_of_an_assertion(tools, wanted, audience):
    assert tools().audience(wanted, "https://op.example/x") == audience


def test_the_issuer_is_the_environments_and_only_without_one_the_metadatas(tools):
    metadata = {"issuer": "https://metadata.example"}
    assert tools(metadata=metadata).audience("issuer", "") == "https://op.example"
    assert tools(metadata=metadata, issuer="").audience("issuer", "") == "https://metadata.example"


def test_an_endpoint_that_is_nowhere_is_told_with_what_to_do(tools):
    with pytest.raises(StepError) as error:
        tools(metadata={"token_endpoint": 5}).endpoint("token_endpoint")
    assert (error.value.code, error.value.title) == ("no-endpoint", "the server's metadata has no token_endpoint")
    assert error.value.hint == "name it in the environment file: endpoints: {token_endpoint: https://…}"


def test_a_header_of_a_step_that_can_not_be_sent_is_a_mistake_in_a_file(server, tools):
    server["/x"] = httpx.Response(200)
    with pytest.raises(StepError) as error:
        tools().get("https://op.example/x", headers={"x-a": "größe"})
    assert error.value.exit_code == WRONG_FILE


def test_each_call_has_an_interaction_id_of_its_own_where_the_profile_wants_one(server, tools):
    server["/x"] = [httpx.Response(200), httpx.Response(200)]
    ids = iter(["one", "two"])
    ours = tools(profile="fapi2", client="auth: none", interaction_id=lambda: next(ids))
    ours.get("https://op.example/x")
    ours.post("https://op.example/x", [("a", "1")])
    assert [request.headers["x-fapi-interaction-id"] for request in server.requests] == ["one", "two"]
