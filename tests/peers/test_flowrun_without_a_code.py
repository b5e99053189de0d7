"""Grants that no callback comes from, on oidc-provider: a device, and a client on its own behalf."""

from __future__ import annotations

import pytest

pytestmark = [pytest.mark.peer]

DEVICE = """
scenario: A device that has no browser is approved in one
steps:
  - discover
  - call:
      url: "{{ server.device_authorization_endpoint }}"
      method: POST
      authenticate: true
      form: {scope: openid profile}
    name: device
    expect: {verification_uri_complete: {contains: "{{ device.user_code }}"}, expires_in: 600}
  - browse:
      url: "{{ device.verification_uri }}"
      user: alice
      answers: {code: "{{ device.user_code }}", consent: approve}
    expect: {pages: [device-code, confirm-device, login, consent, device-done]}
  - exchange: {grant: device_code, interval: 1s}
    expect: {id_token_claims.sub: alice, refresh_token: {is: present}}
  - userinfo:
    expect: {name: Alice Archer}
  - exchange: refresh_token
    name: refreshed
"""
REFUSED = """
scenario: A person does not let the device in
steps:
  - discover
  - call: {url: "{{ server.device_authorization_endpoint }}", method: POST, authenticate: true, form: {scope: openid}}
    name: device
  - browse: {url: "{{ device.verification_uri_complete }}", user: alice, answers: {consent: deny}}
outcome: {refused: {page: any}}
"""
MACHINE = """
scenario: A client on its own behalf
steps:
  - discover
  - exchange: {grant: client_credentials, scope: reports}
    expect: {token_type: Bearer, scope: reports, refresh_token: {is: absent}, id_token: {is: absent}}
  - introspect:
    expect: {active: true, client_id: machine, scope: reports}
  - revoke
  - introspect:
    name: afterwards
    expect: {active: false}
"""


@pytest.mark.browser
def test_a_device_is_approved_in_a_browser(flowrun_run, scenario, deployment) -> None:
    ran = flowrun_run(scenario(DEVICE), "--env", deployment("open", client_id="device"))
    assert (ran.code, ran.checks("failed"), ran.checks("noted")) == (0, {"page.headers"}, set()), ran.told


@pytest.mark.browser
def test_a_device_is_refused_in_a_browser(flowrun_run, scenario, deployment) -> None:
    ran = flowrun_run(scenario(REFUSED), "--env", deployment("open", client_id="device"))
    assert (ran.code, ran.checks("failed"), ran.checks("noted")) == (0, {"page.headers"}, set()), ran.told
    assert "device-refused" in ran.told


def test_a_client_gets_a_token_for_itself(flowrun_run, scenario, deployment) -> None:
    ran = flowrun_run(scenario(MACHINE), "--env", deployment("open", client_id="machine", auth="private_key_jwt"))
    assert (ran.code, ran.checks("failed"), ran.checks("noted")) == (0, set(), set()), ran.told
