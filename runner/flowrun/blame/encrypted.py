"""A JWT of the server that can't be opened: an algorithm, or a key, that client and server have not agreed on."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from flowrun.blame.case import Blame, ours, unclear

if TYPE_CHECKING:
    from flowrun.blame.case import Case


def unopened(case: Case) -> Blame | None:
    """Say what to agree on: the server encrypts as it is registered, and for a key that was given to it."""
    _, found, why = case.problem.title.partition("it can't be opened: ")
    if not found:
        return None
    if "which flowrun can't" in why:
        words = "the server encrypts for this client in a way that flowrun can't open"
        return ours(words, "agree with the server's team on RSA-OAEP-256 and A256GCM for this client")
    lacking = re.search(r"no key here that fits: (.+)", why)
    if lacking:
        words = f"the client '{case.client.name}' has no key that opens it"
        return ours(words, f"write {lacking[1]} at {case.setting('keys', 'encryption')}: {{file: …}}")
    if "encrypted for another key" in why:
        do = f"compare the key that the server has of this client with {case.setting('keys', 'encryption')}"
        return unclear("it was encrypted for another key of this client, or changed on the way", do)
    return None
