"""flowrun: runs OAuth 2.0, OpenID Connect and FAPI authorization flows written as YAML scenarios."""

__version__ = "0.1.0"
