"""Where scenarios wait that are over before it is their turn to be told: a file, so that a long suite stays small."""

from __future__ import annotations

import tempfile


class Shelf:
    """Keeps bytes by their places."""

    def __init__(self) -> None:
        """Start empty; there is a file once something has to wait."""
        self._places: dict[int, tuple[int, int]] = {}
        self._file = tempfile.SpooledTemporaryFile(max_size=1 << 20)  # noqa: SIM115  closed by `close`

    def __contains__(self, place: int) -> bool:
        """Tell whether something waits at a place."""
        return place in self._places

    def __len__(self) -> int:
        """Count what waits."""
        return len(self._places)

    def put(self, place: int, parcel: bytes) -> None:
        """Let something wait."""
        if not self._places:  # whatever was there is told: begin anew
            self._file.seek(0)
            self._file.truncate()
        self._places[place] = (self._file.seek(0, 2), len(parcel))
        self._file.write(parcel)

    def take(self, place: int) -> bytes:
        """Return what waits at a place, and forget it."""
        begin, size = self._places.pop(place)
        self._file.seek(begin)
        return self._file.read(size)

    def close(self) -> None:
        """Throw everything away."""
        self._file.close()
