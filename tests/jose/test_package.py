"""The package is light until it is used."""

from __future__ import annotations

import subprocess
import sys

import pytest

import flowrun.jose

HEAVY = "{'jose', 'cryptography', 'ecdsa', 'rsa'} & set(sys.modules)"


@pytest.mark.parametrize(
    "code",
    [
        "import flowrun.jose",
        "from flowrun.jose import JoseError",
        "from flowrun.jose import half_hash; half_hash('x', 'PS256')",
        "from flowrun.jose import peek; peek('e30.e30.')",
    ],
)
def test_nothing_heavy_is_imported(code):
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; {code}; print({HEAVY})"], capture_output=True, text=True, check=True
    )

    assert done.stdout == "set()\n"


def test_reading_a_key_leaves_python_jose_alone():
    code = "from flowrun.jose import load_key"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; {code}; print('jose' in sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == "False\n"


def test_every_name_is_there():
    assert {name for name in flowrun.jose.__all__ if callable(getattr(flowrun.jose, name))} == set(flowrun.jose.__all__)


def test_no_other_name_is_there():
    with pytest.raises(AttributeError, match=r"^module 'flowrun.jose' has no attribute 'decode'$"):
        flowrun.jose.decode  # noqa: B018
