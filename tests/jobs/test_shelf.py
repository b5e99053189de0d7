"""What is over too early waits in a file."""

from __future__ import annotations

import random

from flowrun.jobs.shelf import Shelf


def test_what_was_put_away_comes_back_in_any_order():
    shelf, rng = Shelf(), random.Random(3)
    parcels = {place: rng.randbytes(rng.randrange(5000)) for place in range(400)}
    order = list(parcels)
    rng.shuffle(order)
    told = 0
    for place in order:
        shelf.put(place, parcels[place])
        assert place in shelf
        while told in shelf:
            assert shelf.take(told) == parcels[told]
            assert told not in shelf
            told += 1
    assert (told, len(shelf)) == (400, 0)
    shelf.close()


def test_the_file_begins_anew_when_nothing_waits():
    shelf = Shelf()
    for place in range(50):
        shelf.put(place, b"x" * 1000)
        shelf.take(place)
    assert shelf._file.seek(0, 2) == 1000
    shelf.close()
