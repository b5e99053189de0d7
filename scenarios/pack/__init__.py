"""The scenarios of `flowrun harden`; a Python package only so that an installed flowrun finds its files."""
