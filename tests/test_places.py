"""The places of a file are the same when they were let go of in between."""

from __future__ import annotations

from pathlib import Path

from flowrun import places
from flowrun.document import parse

TEXT = "scenario: ü is two bytes\nsteps:\n  - call: {url: /x}\n    expect: {http.status: 200}\n"


def read(name="a.yaml"):
    return parse(TEXT, name, Path(name))


def test_letting_go_changes_nothing():
    document = read()
    paths, keys = list(document.spans), list(document.keys)
    before = [document.at(path) for path in paths], [document.key_at(path) for path in keys]
    document.spans._table.close()
    assert document.spans._table._opened is None
    assert (list(document.spans), list(document.keys), len(document.spans)) == (paths, keys, len(paths))
    document.spans._table.close()
    assert ([document.at(path) for path in paths], [document.key_at(path) for path in keys]) == before
    assert str(document.at(("steps", 0, "expect", "http.status"))) == "a.yaml:4:27"
    assert () in document.spans
    assert ("nowhere",) not in document.keys


def test_of_many_files_only_the_last_are_open():
    many = [read(f"{number}.yaml") for number in range(100)]
    opened = [document for document in many if document.spans._table._opened is not None]
    assert opened == many[-places._OPEN :]
    assert many[0].at(("scenario",)).column == 11
    assert many[0].spans._table._opened is not None
    assert sum(document.spans._table._opened is not None for document in many) <= places._OPEN


def test_a_file_that_had_to_be_mended_is_mended_again():
    document = parse("scenario: {{ x }}\nsteps: [a, b: {{ y }}]\n", "a.yaml", Path("a.yaml"))
    assert document.problems
    before = {path: document.at(path) for path in document.spans}
    document.spans._table.close()
    assert {path: document.at(path) for path in document.spans} == before


def test_texts_that_many_files_have_are_there_once():
    one, two = read().data, read().data
    assert next(iter(one)) is next(iter(two))
    assert one["steps"][0]["call"]["url"] is two["steps"][0]["call"]["url"]
