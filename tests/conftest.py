"""What every test may ask for: the checkout, and real authorization servers.

Markers: `make check` leaves out browser, peer and slow; plain `pytest` and `make test` leave out nothing.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

REPO = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def repo() -> Path:
    """The root of the checkout."""
    return REPO


@pytest.fixture(scope="session")
def peer_node() -> str:
    """A Node that runs the peers, with their packages installed; skipped only where FLOWRUN_NO_PEERS says so."""
    if os.environ.get("FLOWRUN_NO_PEERS"):
        pytest.skip("FLOWRUN_NO_PEERS is set: no real authorization server is started")
    (REPO / ".cache").mkdir(exist_ok=True)
    with (REPO / ".cache" / "peers.lock").open("w") as lock:  # several xdist workers, one installation
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = subprocess.run(["bash", REPO / ".ci" / "peers"], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.fail(f".ci/peers could not install what the tests use from npm:\n{done.stderr}", pytrace=False)
    return done.stdout.strip()


@pytest.fixture(scope="session")
def oidc_provider(peer_node: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., str]]:
    """Start oidc-provider: `oidc_provider("signed")` gives its issuer.

    Configurations are in tests/peers/oidc-provider/configurations.mjs. `client_jwks` is the file with the client's
    public keys. The same arguments give the same server for the whole session; nothing outlives it.
    """
    running: dict[tuple[str, Path, int], str] = {}
    with contextlib.ExitStack() as stack:

        def start(
            configuration: str,
            *,
            client_jwks: Path = REPO / "keys.example" / "client-public.jwks.json",
            port: int = 0,
        ) -> str:
            key = (configuration, client_jwks, port)
            if key not in running:
                log = tmp_path_factory.mktemp("peer") / f"{configuration}.log"
                options = {"configuration": configuration, "client_jwks": str(client_jwks), "port": port}
                running[key] = stack.enter_context(_serving(peer_node, options, log))
            return running[key]

        yield start


@contextlib.contextmanager
def _serving(node: str, options: dict[str, object], log: Path) -> Iterator[str]:
    """Run the server until the block ends. It also ends by itself when our end of its standard input is gone."""
    with log.open("w") as errors:
        process = subprocess.Popen(
            [
                node,
                REPO / "tests" / "peers" / "oidc-provider" / "server.mjs",
                json.dumps({**options, "until_stdin_closes": True}),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env={**os.environ, "PEER_LOG": "1"},
        )
    with process:
        try:
            assert process.stdout is not None
            ready = process.stdout.readline()  # a server that cannot start ends, and then this is empty
            if not ready:
                pytest.fail(f"oidc-provider did not start:\n{log.read_text('utf-8')}", pytrace=False)
            yield json.loads(ready)["issuer"]
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
