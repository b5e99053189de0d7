"""The keys of a run: each file is read once, and a key that can't be used is told at the line that names it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowrun.environment import written_at
from flowrun.errors import FlowrunError, Problem

if TYPE_CHECKING:
    from pathlib import Path

    from flowrun.client import Client
    from flowrun.environment import Environment
    from flowrun.jose import Key


class Keyring:
    """Loads the keys that clients name, and keeps them."""

    def __init__(self) -> None:
        """Start with none."""
        self._by_name: dict[tuple[str, str, str], Key] = {}
        self._by_file: dict[tuple[Path, str | None, str | None], Key] = {}

    def load(self, client: Client, name: str, environment: Environment) -> Key:
        """Return a client's key; raises `FlowrunError` that points at the key in the environment file."""
        from flowrun.jose import JoseError, key_from_jwk, load_key  # noqa: PLC0415  JOSE is loaded when a key is needed

        which = (str(environment.document.path), client.name, name)
        if which in self._by_name:
            return self._by_name[which]
        wanted = client.keys[name]
        try:
            if wanted.file is not None:
                file = (wanted.file, wanted.kid, wanted.passphrase)  # a client that is `like` another has its files
                if file not in self._by_file:
                    self._by_file[file] = load_key(wanted.file, kid=wanted.kid, passphrase=wanted.passphrase)
                key = self._by_file[file]
            else:
                key = key_from_jwk({**(wanted.jwk or {}), **({"kid": wanted.kid} if wanted.kid else {})})
        except JoseError as error:
            document = environment.document
            path = written_at(environment, client.name, ("keys", name)) or ("clients", client.name)
            field = "passphrase" if "passphrase" in error.code else "kid" if "kid" in error.code else "file"
            raise FlowrunError(
                Problem(
                    error.code, error.title, document.at((*path, field)), error.label, tuple(error.facts), error.hint
                )
            ) from error
        self._by_name[which] = key
        return key
