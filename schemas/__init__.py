"""The language of flowrun as JSON Schema; a Python package only so that an installed flowrun finds its files."""
