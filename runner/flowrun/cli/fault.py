"""A fault of flowrun itself, told in words that may be passed on: no secret, no path of this machine."""

from __future__ import annotations

import platform
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flowrun import __version__
from flowrun.errors import FAILED, FlowrunError, Problem, draw, gravest
from flowrun.redact import anything

FRAMES = 8  # the last ones; before them is the command line
LONGEST = 300  # characters of what an exception says


@contextmanager
def told() -> Iterator[None]:
    """Tell faults instead of letting Python print them, of other threads too; they end with exit code 1."""
    before = threading.excepthook

    def of_thread(arguments: threading.ExceptHookArgs) -> None:
        if arguments.exc_value is not None:
            sys.stderr.write(drawn(arguments.exc_value))
        if before is not threading.__excepthook__:
            before(arguments)

    threading.excepthook = of_thread
    try:
        yield
    except FlowrunError as error:
        sys.stderr.write(drawn(error))
        sys.exit(gravest(problem.exit_code for problem in error.problems))
    except Exception as error:  # noqa: BLE001  the last place where one can be told in words
        sys.stderr.write(drawn(error))
        sys.exit(FAILED)
    finally:
        threading.excepthook = before


def drawn(error: BaseException) -> str:
    """Return what to show of an error that got this far, without secrets: its problems, or itself as one."""
    problems = error.problems if isinstance(error, FlowrunError) else (problem_of(error),)
    return "".join(anything(draw(problem)) for problem in problems)


def problem_of(error: BaseException) -> Problem:
    """Return a fault as a problem: what was said, where in the source, and what to do."""
    facts = [("at", "\n".join(_frames(error)))]
    cause = error.__cause__ or error.__context__
    while cause is not None and len(facts) < FRAMES:
        facts.append(("because of", _words(cause)))
        cause = cause.__cause__ or cause.__context__
    machine = f"flowrun {__version__}, Python {platform.python_version()}, {platform.system()}"
    return Problem(
        "internal-error",
        f"flowrun itself failed: {_words(error)}",
        facts=(*facts, ("with", machine)),
        hint="this is a fault of flowrun, not of your files or the server; report these lines, and the scenario and\n"
        "environment that were run, to whoever maintains it (secrets are out of these lines)",
        exit_code=FAILED,
    )


def _words(error: BaseException) -> str:
    """Return kind and text of an exception on one line, cut only when secrets are out: half a one is not found."""
    text = " ".join(anything(str(error)).split())
    name = type(error).__name__
    return f"{name}: {text[:LONGEST]}{'…' if len(text) > LONGEST else ''}" if text else name


def _frames(error: BaseException) -> Iterator[str]:
    frames = traceback.extract_tb(error.__traceback__)
    for frame in frames[-FRAMES:]:
        parts = Path(frame.filename).parts
        known = next((at for at in range(len(parts) - 1, 0, -1) if parts[at] in {"flowrun", "site-packages"}), None)
        file = "/".join(parts[known:] if known is not None else parts[-1:]).removeprefix("site-packages/")
        yield f"{file}:{frame.lineno} in {frame.name}"
