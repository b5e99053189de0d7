from __future__ import annotations

from pathlib import Path

import pytest

from flowrun import environment as environments
from flowrun.client import Dpop
from flowrun.environment import Timeouts
from flowrun.errors import FlowrunError
from flowrun.redact import Redactor
from flowrun.secret_values import Secrets, read_env_file
from flowrun.tls import Tls

SMALL = """\
environment: uat
issuer: https://op.example
clients:
  default:
    client_id: flowrun
    client_secret: "{{ secrets.CLIENT_SECRET }}"
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def load(folder):
    """Load an environment from its text; `process` is the process environment, nothing else is there."""

    def load(text=SMALL, process=None, redactor=None):
        file = folder / "uat.yaml"
        file.write_text(text, "utf-8")
        return environments.load(Path("uat.yaml"), redactor or Redactor(), process or {})

    return load


def problems(callable_, *arguments):
    with pytest.raises(FlowrunError) as error:
        callable_(*arguments)
    return [(p.code, str(p.at), p.title, p.label) for p in error.value.problems]


# --- secrets --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("process", "named", "plain", "expected"),
    [
        ("process", "named", "plain", "process"),
        (None, "named", "plain", "named"),
        (None, None, "plain", "plain"),
        ("process", None, "plain", "process"),
        ("", "named", "plain", ""),
    ],
)
def test_the_process_wins_over_the_environments_file_and_that_over_the_common_one(
    load, folder, process, named, plain, expected
):
    for name, value in ((".env.uat", named), (".env", plain)):
        if value is not None:
            (folder / name).write_text(f"CLIENT_SECRET={value}-secret\n", "utf-8")
    there = {} if process is None else {"CLIENT_SECRET": process and f"{process}-secret"}
    assert load(process=there).client().client_secret == (expected and f"{expected}-secret")


def test_the_file_of_another_environment_is_not_read(load, folder):
    (folder / ".env.prod").write_text("CLIENT_SECRET=other\n", "utf-8")
    assert problems(load().client) == [
        ("missing-secret", "uat.yaml:6:20", "the secret CLIENT_SECRET is not set", ""),
    ]


def test_a_missing_secret_is_told_at_its_line_with_a_near_name_and_every_one_at_once(load, folder):
    (folder / ".env").write_text("CLIENT_SECRETS=x\nOTHER=y\n", "utf-8")
    text = SMALL + '    redirect_uri: "https://{{ secrets.HOST }}/cb"\n'
    environment = load(text, {"CLIENT_SECRE": "x"})
    assert problems(environment.client) == [
        ("missing-secret", "uat.yaml:6:20", "the secret CLIENT_SECRET is not set", "did you mean 'CLIENT_SECRETS'?"),
        ("missing-secret", "uat.yaml:7:19", "the secret HOST is not set", ""),
    ]


def test_the_names_of_the_process_are_no_suggestions(load):
    assert problems(load(process={"CLIENT_SECRET_2": "x"}).client)[0][3] == ""


def test_a_missing_secret_says_where_it_may_be_set(load):
    with pytest.raises(FlowrunError) as error:
        load().client()
    assert error.value.problems[0].hint == (
        "set CLIENT_SECRET in the process environment, or write CLIENT_SECRET=… into .env.uat or .env beside this file"
    )


def test_a_secret_that_nobody_uses_need_not_be_set(load):
    assert load().client_names() == ["default"]


def test_a_secret_may_have_a_default(load):
    environment = load(SMALL.replace("secrets.CLIENT_SECRET", "secrets.CLIENT_SECRET | default('fallback')"))
    assert environment.client().client_secret == "fallback"


def test_an_environment_knows_secrets_only(load):
    assert problems(load(SMALL.replace("secrets.CLIENT_SECRET", "client_secret")).client) == [
        (
            "unknown-variable",
            "uat.yaml:6:20",
            "an environment knows secrets only, not 'client_secret'",
            'write "{{ secrets.NAME }}"',
        )
    ]


@pytest.mark.parametrize("name", ["keys", "items", "get", "_redactor"])
def test_a_secret_called_like_a_method_is_a_secret(load, name):
    text = SMALL.replace("secrets.CLIENT_SECRET", f"secrets['{name}']")
    assert problems(load(text).client)[0][2] == f"the secret {name} is not set"
    assert load(text, {name: "value-of-it"}).client().client_secret == "value-of-it"


def test_every_secret_that_is_read_is_kept_out_of_every_output(load):
    redactor = Redactor()
    environment = load(process={"CLIENT_SECRET": "a-long-secret"}, redactor=redactor)
    assert redactor.text("a-long-secret") == "a-long-secret"
    environment.client()
    redactor.forget()
    assert redactor.text("a-long-secret") == "‹CLIENT_SECRET›"


def test_the_pair_of_http_basic_is_kept_out_too(load):
    redactor = Redactor()
    load(process={"CLIENT_SECRET": "a-long-secret"}, redactor=redactor).client()
    assert redactor.text("Zmxvd3J1bjphLWxvbmctc2VjcmV0") == "‹client_secret›"  # flowrun:a-long-secret


def test_secrets_count_and_name_what_the_files_hold(folder):
    (folder / ".env").write_text("A=1\nB=2\n", "utf-8")
    (folder / ".env.uat").write_text("B=3\nC=4\n", "utf-8")
    secrets = Secrets("uat", folder, {"D": "5"}, Redactor())
    assert (sorted(secrets), len(secrets)) == (["A", "B", "C"], 3)
    assert [secrets[name] for name in "ABCD"] == ["1", "3", "4", "5"]
    with pytest.raises(KeyError):
        secrets["E"]


def test_a_file_with_secrets_is_read_as_others_read_it(tmp_path):
    file = tmp_path / ".env"
    file.write_text(
        "\ufeffA=1\n# comment\n  B = two words \nexport C=\"quoted # kept\"\nD='single'\nE=x # comment\nF=\nnothing\n"
        'G=a=b=c\nH=#no comment\n#I=1\nJ="open\nK=größe\n',
        "utf-8",
    )
    assert read_env_file(file) == {
        "A": "1",
        "B": "two words",
        "C": "quoted # kept",
        "D": "single",
        "E": "x",
        "F": "",
        "G": "a=b=c",
        "H": "#no comment",
        "J": '"open',
        "K": "größe",
    }


# --- literal secrets ------------------------------------------------------------------------------------------------

LITERAL = """\
environment: uat
issuer: https://op.example
clients:
  default: {client_id: flowrun, client_secret: stands-here-as-it-is}
users:
  alice: {username: alice, password: her-password, totp: "{{ secrets.TOTP }}"}
"""


def test_a_secret_that_stands_in_the_file_is_warned_of_and_kept_out_all_the_same(load):
    redactor = Redactor()
    environment = load(LITERAL, redactor=redactor)
    assert [(w.code, str(w.at), w.title, w.warning) for w in environment.warnings] == [
        ("literal-secret", "uat.yaml:4:48", "the client_secret stands in the file as it is", True),
        ("literal-secret", "uat.yaml:6:38", "the password stands in the file as it is", True),
    ]
    redactor.forget()
    assert redactor.text("stands-here-as-it-is her-password") == "‹client_secret› ‹password›"


PLACEHOLDERS = """\
environment: uat
issuer: https://op.example
clients:
  default: {client_id: flowrun, client_secret: "{{ secrets.CLIENT_SECRET }}"}
users:
  alice: {username: alice, password: "{{ secrets.PASSWORD }}", totp: "{{ secrets.TOTP }}"}
"""


def test_a_secret_that_is_still_to_be_filled_in_is_warned_of(load):
    told = load(PLACEHOLDERS, {"CLIENT_SECRET": "change-me", "PASSWORD": "a-real-one"}).warnings
    assert [(w.code, str(w.at), w.title, w.warning) for w in told] == [
        ("placeholder-secret", "uat.yaml:4:48", "the secret CLIENT_SECRET is not filled in yet", True),
    ]
    assert told[0].hint == "write the real one into .env.uat beside this file: CLIENT_SECRET=…"


def test_the_embedded_sandbox_has_nothing_to_hide(load):
    assert load(LITERAL.replace("issuer: https://op.example", "server: embedded")).warnings == []


def test_a_server_that_is_not_verified_is_warned_of(load):
    (warning,) = load(SMALL + "tls: {verify: false}\n").warnings
    assert (warning.code, str(warning.at), warning.warning) == ("tls-not-verified", "uat.yaml:7:15", True)


# --- clients --------------------------------------------------------------------------------------------------------

LIKE = """\
environment: uat
profile: ofm
issuer: https://op.example
clients:
  default:
    client_id: one
    redirect_uri: https://app.example/cb
    assertion: {lifetime: 2m, typ: true}
    keys: {signing: {file: keys/one.pem, kid: k1, passphrase: "{{ secrets.PASS }}"}}
    certificate: {file: tls.pem, key: tls.key}
    names: {dc_id: DC1, other: x}
  second:
    like: default
    client_id: two
    assertion: {alg: ES256}
    names: {dc_id: DC2}
  third: {like: second, client_id: three}
"""


def test_a_client_is_what_it_says_laid_over_who_it_is_like_and_over_its_profile(load, folder):
    environment = load(LIKE, {"PASS": "passphrase"})
    one, three = environment.client(), environment.client("third")
    assert (one.name, one.client_id, one.auth, one.sender_constraint) == ("default", "one", "private_key_jwt", "mtls")
    assert (one.assertion.lifetime, one.assertion.alg, one.assertion.typ, one.assertion.aud) == (
        120,
        "PS256",
        "JWT",
        "issuer",
    )
    assert (one.request_object.required, one.request_object.lifetime, one.request_object.typ) == (True, 310, None)
    assert one.keys["signing"].file == folder / "keys" / "one.pem"
    assert (one.keys["signing"].kid, one.keys["signing"].passphrase) == ("k1", "passphrase")
    assert (one.certificate.file, one.certificate.key) == (folder / "tls.pem", folder / "tls.key")
    assert (three.client_id, three.redirect_uri) == ("three", "https://app.example/cb")
    assert (three.assertion.lifetime, three.assertion.alg) == (120, "ES256")
    assert three.names == {"dc_id": "DC2", "other": "x"}
    assert environment.client("third") is three


def test_how_request_objects_are_encrypted_and_id_tokens_signed_is_the_clients(load):
    plain = load(SMALL, {"CLIENT_SECRET": "a-secret"}).client()
    assert (plain.request_object.encrypt, plain.id_token.alg) == (None, None)
    own = "request_object: {encrypt: {alg: RSA-OAEP, kid: k}}\n    id_token: {alg: ES256}"
    client = load(SMALL.replace('client_secret: "{{ secrets.CLIENT_SECRET }}"', own)).client()
    assert client.request_object.encrypt == {"alg": "RSA-OAEP", "kid": "k"}
    assert client.id_token.alg == "ES256"


def test_a_request_object_may_have_the_registered_typ(load):
    text = SMALL.replace('client_secret: "{{ secrets.CLIENT_SECRET }}"', "request_object: {typ: true}")
    assert load(text).client().request_object.typ == "oauth-authz-req+jwt"


@pytest.mark.parametrize(
    ("second", "third", "title", "at"),
    [
        ("third", "second", "the clients third → second → third are like each other in a circle", "uat.yaml:17:17"),
        ("second", "default", "the clients second → second are like each other in a circle", "uat.yaml:13:11"),
    ],
)
def test_clients_that_are_like_each_other_are_told(load, second, third, title, at):
    text = LIKE.replace("like: default", f"like: {second}").replace("like: second,", f"like: {third},")
    environment = load(text, {"PASS": "x"})
    name = "third" if third == "second" else "second"
    assert problems(environment.client, name) == [("circular-like", at, title, "")]


def test_a_client_that_is_not_there_is_told_with_a_near_name(load):
    environment = load(LIKE.replace("like: second,", "like: secnd,"), {"PASS": "x"})
    for name, missing, at in (("third", "secnd", "uat.yaml:17:17"), ("secon", "secon", "uat.yaml:4:1")):
        assert problems(environment.client, name) == [
            (
                "unknown-client",
                at,
                f"the environment 'uat' has no client '{missing}'",
                "did you mean 'second'?",
            )
        ]


# --- users ----------------------------------------------------------------------------------------------------------

USERS = SMALL + 'users:\n  alice: {username: alice@example.org, password: "{{ secrets.PW }}", pin: "123456789"}\n'


def test_a_user_is_text_and_everything_but_the_name_is_secret(load):
    redactor = Redactor()
    environment = load(USERS, {"PW": "her-password"}, redactor)
    assert environment.user("alice") == {
        "username": "alice@example.org",
        "password": "her-password",
        "pin": "123456789",
    }
    redactor.forget()
    assert redactor.text("alice@example.org her-password 123456789") == "alice@example.org ‹PW› ‹pin›"


def test_a_user_that_is_not_there_is_told(load):
    assert problems(load(USERS).user, "alise") == [
        ("unknown-user", "uat.yaml:7:1", "the environment 'uat' has no user 'alise'", "did you mean 'alice'?"),
    ]


def test_a_missing_password_is_told_when_the_user_is_asked_for(load):
    assert problems(load(USERS).user, "alice")[0][:3] == ("missing-secret", "uat.yaml:8:50", "the secret PW is not set")


# --- what goes over the wire ---------------------------------------------------------------------------------------


def test_how_a_client_binds_its_tokens_and_shows_who_it_is(load):
    plain = load(process={"CLIENT_SECRET": "a-secret"}).client()
    assert (plain.basic_encoding, plain.dpop, plain.certificate) == ("form", Dpop("ES256", None, "none"), None)
    text = (
        "environment: uat\nissuer: https://op.example\nclients:\n  default:\n    client_id: a\n"
        "    basic_encoding: raw\n"
        "    sender_constraint: dpop\n    dpop: {alg: PS256, key: proof, bind_code: jkt}\n"
        "    certificate: {file: tls.pem, hosts: [as1.example], header: {name: x-cert, format: der}}\n"
        "  second: {like: default, dpop: {key: other}}\n"
    )
    made, second = load(text).client(), load(text).client("second")
    assert (made.basic_encoding, made.sender_constraint) == ("raw", "dpop")
    assert made.dpop == Dpop("PS256", "proof", "jkt")
    assert second.dpop == Dpop("PS256", "other", "jkt")
    assert made.certificate.hosts == ("as1.example",)
    assert made.certificate.header == {"name": "x-cert", "format": "der"}


def test_aliases_for_mutual_tls_are_no_endpoint_of_their_own(load):
    aliases = "endpoints: {token_endpoint: https://a.example/t, mtls_endpoint_aliases: {token_endpoint: https://m.example/t}}\n"
    made = load(SMALL + aliases)
    assert made.endpoints == {"token_endpoint": "https://a.example/t"}
    assert made.mtls_endpoint_aliases == {"token_endpoint": "https://m.example/t"}
    wrong = aliases.replace("https://m.example/t", "'https://[m/t'")
    assert problems(load, SMALL + wrong)[0][0] == "bad-url"


# --- the rest -------------------------------------------------------------------------------------------------------


def test_the_rest_of_an_environment_is_filled_and_has_its_defaults(load, folder):
    plain = load()
    assert (plain.name, plain.profile.name, plain.issuer, plain.embedded) == (
        "uat",
        "oauth2",
        "https://op.example",
        False,
    )
    assert plain.timeouts == Timeouts(http=10, page=15, browse=90)
    assert plain.tls == Tls()
    text = SMALL + (
        'headers: {x-a: "{{ secrets.A }}"}\nprofile: ofm\ntls: {ca: ca.pem}\ntimeouts: {http: 500ms, page: 1m}\n'
        "authorize: {extra: {scope: openid}}\ninputs: {scope: openid}\n"
        'deviations: [{check: cb.iss, reason: "no {{ secrets.A }}", until: "2030-01-01"}]\n'
    )
    full = load(text, {"A": "value"})
    assert full.headers == {"x-fapi-interaction-id": "uuid", "x-a": "value"}
    assert full.tls == Tls(ca=folder / "ca.pem")
    assert full.timeouts == Timeouts(http=0.5, page=60, browse=90)
    assert (full.authorize_extra, full.inputs) == ({"scope": "openid"}, {"scope": "openid"})
    assert [(d.check, d.reason, d.until) for d in full.deviations] == [("cb.iss", "no value", "2030-01-01")]


def test_pages_keep_their_holes(load):
    pages = 'pages: {login: {shows: {text: x}, do: [{fill: {a: "{{ user.username }}"}}]}}\n'
    assert load(SMALL + pages).pages["login"]["do"] == [{"fill": {"a": "{{ user.username }}"}}]


def test_a_broken_template_is_told_at_its_line(load):
    with pytest.raises(FlowrunError) as error:
        load(SMALL.replace("https://op.example", '"https://{{ secrets.A | upperr }}"'), {"A": "x"})
    (problem,) = error.value.problems
    assert (problem.code, str(problem.at), problem.label) == ("unknown-filter", "uat.yaml:2:9", "did you mean 'upper'?")


@pytest.fixture
def several(folder):
    (folder / "environments").mkdir()
    for name in ("uat", "prod"):
        (folder / "environments" / f"{name}.yaml").write_text(SMALL, "utf-8")
    (folder / "deep" / "er").mkdir(parents=True)
    return folder


def test_an_environment_is_found_by_name_upward_and_by_path(several):
    expected = several / "environments" / "uat.yaml"
    assert environments.find("uat", several / "deep" / "er") == expected
    assert environments.find("uat", several) == expected
    assert environments.find("environments/uat.yaml", several / "deep") == Path("environments/uat.yaml")


@pytest.mark.parametrize(
    ("name", "title", "label", "hint"),
    [
        ("uatt", "there is no environment 'uatt'", "did you mean 'uat'?", "environments here: prod, uat"),
        ("zzzz", "there is no environment 'zzzz'", "", "environments here: prod, uat"),
        ("no/where.yaml", "there is no environment file no/where.yaml", "", ""),
    ],
)
def test_an_environment_that_is_not_there_is_told_with_those_that_are(several, name, title, label, hint):
    with pytest.raises(FlowrunError) as error:
        environments.find(name, several / "deep")
    (problem,) = error.value.problems
    assert (problem.code, problem.title, problem.label, problem.hint) == ("unknown-environment", title, label, hint)


def test_the_nearest_folder_of_environments_wins(several):
    (several / "deep" / "environments").mkdir()
    nearer = several / "deep" / "environments" / "uat.yaml"
    nearer.write_text(SMALL, "utf-8")
    assert environments.find("uat", several / "deep" / "er") == nearer
    assert environments.find("prod", several / "deep" / "er") == several / "environments" / "prod.yaml"
