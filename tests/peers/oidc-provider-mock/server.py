"""Starts oidc-provider-mock (PyPI) on loopback: no PAR, no PKCE, one page that signs in and approves, any client.

Prints one line, {"oidc-provider-mock": "http://…"}, once it can be called; ends when standard input does.
"""

from __future__ import annotations

import json
import logging
import sys

from oidc_provider_mock import User, run_server_in_thread

ALICE = User(sub="alice", claims={"name": "Alice Archer", "email": "alice@flowrun.example"})

logging.getLogger("werkzeug").setLevel(logging.WARNING)
with run_server_in_thread(user_claims=[ALICE]) as server:
    issuer = f"http://localhost:{server.server_port}"  # it says whatever name it is called by
    sys.stdout.write(json.dumps({"oidc-provider-mock": issuer}) + "\n")
    sys.stdout.flush()
    sys.stdin.read()
