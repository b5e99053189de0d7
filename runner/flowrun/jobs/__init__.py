"""Scenarios side by side: one process reads, hands out and tells; as many as `--jobs` says read files and run plans.

Threads would not do: most of a scenario's time is Python's own work. What happens crosses between processes with its
secrets taken out, a scenario at a time, and is told in the order of the files, whatever was over first.
"""

from __future__ import annotations

from flowrun.jobs.crew import Crew
from flowrun.jobs.model import Listed

__all__ = ["Crew", "Listed"]
