"""The same work written for each tool: one request, and a chain of four with captures and three assertions each.

The chain is a token by client credentials, a consent made, the consent read, the account read. Each tool has it the way
its own documentation writes it, as many scenarios as asked for, and runs them one after the other in one process.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from contestants import node, python, rust
from contestants.common import CLIENT, SECRET, Work

__all__ = ["CLIENT", "CONTESTANTS", "SECRET", "Contestant", "Work", "missing"]

# No tool tells anybody that it was run: only loopback is spoken to, and no benchmark waits for somebody's counter.
_QUIET = {
    "DO_NOT_TRACK": "1",
    "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true",
    "REDOCLY_TELEMETRY": "off",
    "STEPCI_DISABLE_ANALYTICS": "1",
}
PEERS = Path(__file__).parents[1] / "peers"


@dataclass(frozen=True)
class Contestant:
    """A tool. `one` and `chain` write its files and return the command; `says` is in the output of a run that held.

    `of` is what it is written in. `needs` is the program that must be there, below `peers/` if it is relative.
    """

    name: str
    of: str
    needs: Path
    one: Callable[[Work, Path], Sequence[str]]
    chain: Callable[[Work, Path], Sequence[str]]
    one_says: str = ""
    chain_says: str = ""
    environment: Callable[[Work], Mapping[str, str]] = field(default=lambda _: {})

    @property
    def program(self) -> Path:
        """Where its program is."""
        return PEERS / self.needs

    @property
    def there(self) -> bool:
        """Tell whether it is installed."""
        return shutil.which(self.program) is not None

    def command(self, work: Work) -> list[str]:
        """Write its files into a folder of its own and return its command; a work of no files is the one request."""
        work.folder.mkdir(parents=True, exist_ok=True)
        return [str(part) for part in (self.chain if work.files else self.one)(work, self.program)]


def _node_ca(work: Work) -> Mapping[str, str]:
    trust = {"NODE_EXTRA_CA_CERTS": str(work.ca)} if work.ca else {}
    return {**trust, **_QUIET}


def _python_ca(work: Work) -> Mapping[str, str]:
    return {"REQUESTS_CA_BUNDLE": str(work.ca), "SSL_CERT_FILE": str(work.ca)} if work.ca else {}


_BIN = Path("node_modules/.bin")
_PYTHON = Path(".venv/bin")
CONTESTANTS = (
    Contestant("httpx, by hand", "Python", python.OURS, python.httpx_one, python.httpx_chain, "held", "held"),
    Contestant(
        "httpx, by hand, alone", "Python", _PYTHON / "python", python.httpx_one, python.httpx_chain, "held", "held"
    ),
    Contestant("flowrun", "Python", python.FLOWRUN, python.flowrun_one, python.flowrun_chain, "passed", "passed"),
    Contestant("Hurl", "Rust", Path("hurl/run"), rust.one, rust.chain, "100.0%", "100.0%"),
    Contestant("gabbi", "Python", _PYTHON / "gabbi-run", python.gabbi_one, python.gabbi_chain, "OK", "OK", _python_ca),
    Contestant(
        "Robot Framework",
        "Python",
        _PYTHON / "robot",
        python.robot_one,
        python.robot_chain,
        "0 failed",
        "0 failed",
        _python_ca,
    ),
    Contestant(
        "Tavern", "Python", _PYTHON / "pytest", python.tavern_one, python.tavern_chain, "passed", "passed", _python_ca
    ),
    Contestant("Newman", "Node", _BIN / "newman", node.newman_one, node.newman_chain, "", "", _node_ca),
    Contestant("Bruno", "Node", _BIN / "bru", node.bruno_one, node.bruno_chain, "", "", _node_ca),
    Contestant("Step CI", "Node", _BIN / "stepci", node.stepci_one, node.stepci_chain, "passed", "passed", _node_ca),
    Contestant("httpYac", "Node", _BIN / "httpyac", node.httpyac_one, node.httpyac_chain, "", "", _node_ca),
    Contestant(
        "Redocly Respect", "Node", _BIN / "redocly", node.respect_one, node.respect_chain, "passed", "passed", _node_ca
    ),
)


def missing() -> list[str]:
    """Return the names of the tools that are not installed."""
    return [one.name for one in CONTESTANTS if not one.there]
