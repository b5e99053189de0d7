from __future__ import annotations

import subprocess
import sys
from dataclasses import MISSING, fields, is_dataclass

import pytest

from flowrun.steps import KINDS, kind
from flowrun.validate import schema


@pytest.mark.parametrize("name", KINDS)
def test_a_kind_knows_its_name_and_its_input_is_the_one_of_the_schema(name):
    found = kind(name)
    assert found.name == name
    assert is_dataclass(found.model)
    if name == "set":  # its members are free
        return
    written = schema(f"steps/{name}")
    model = {field.name.rstrip("_"): field for field in fields(found.model)}
    assert model.keys() == written["properties"].keys()
    required = {name for name, field in model.items() if field.default is MISSING}
    assert required == set(written.get("required", ()))
    for member, text in written["properties"].items():
        if "default" in text:
            assert model[member].default == text["default"]


def test_a_kind_that_there_is_not_is_a_key_error():
    with pytest.raises(KeyError):
        kind("fly")


def test_no_library_is_imported_before_a_kind_is_used():
    code = (
        "import sys, flowrun.steps.base, flowrun.steps.push, flowrun.steps.browse, flowrun.steps.exchange;"
        "print([m for m in ('jose', 'cryptography', 'httpx', 'selenium', 'flask') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
