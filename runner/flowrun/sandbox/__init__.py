"""An authorization server in this process: the tutorial's, the tests' and `server: embedded`'s (design, part 11).

Importing this package loads neither Flask nor Authlib nor joserfc; `Sandbox.start()` does, and says so when the extra
that brings them is not installed.
"""

from flowrun.sandbox.embedded import Sandbox
from flowrun.sandbox.faults import FAULTS
from flowrun.sandbox.settings import CertificateHeader, Client, Lifetimes, Settings, User

__all__ = ["FAULTS", "CertificateHeader", "Client", "Lifetimes", "Sandbox", "Settings", "User"]
