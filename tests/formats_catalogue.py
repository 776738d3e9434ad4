"""The list of formats that losscli reads instead of importing them.

    python tests/formats_catalogue.py

writes it anew; a test fails where it differs from what the modules of the formats declare.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from conftest import ROOT

from losscli.readers import formats
from losscli.readers.formats.format import Format

CATALOGUE = ROOT / "losscli" / "readers" / "formats" / "catalogue.py"

HEAD = '''"""What the modules of formats declare. Written by tests/formats_catalogue.py."""

# The further suffixes of each format, its first bytes and its module.
ROWS: dict[str, tuple[tuple[str, ...], bytes, str]] = {
'''


def main() -> None:
    CATALOGUE.write_text(catalogue(), encoding="utf-8")


def catalogue() -> str:
    """The file, by what the modules declare."""
    modules = [module.name for module in iter_modules(formats.__path__)]
    rows = [
        _written(one, module)
        for module in modules
        if module not in ("catalogue", "format")
        for one in import_module(f"{formats.__name__}.{module}").FORMATS
    ]
    return f"{HEAD}{''.join(rows)}}}\n"


def _written(one: Format, module: str) -> str:
    return f'    "{one.name}": ({_suffixes(one)}, {_bytes(one.magic)}, "{module}"),\n'


def _suffixes(one: Format) -> str:
    inner = ", ".join(f'"{suffix}"' for suffix in one.suffixes)
    return f"({inner},)" if len(one.suffixes) == 1 else f"({inner})"


def _bytes(magic: bytes) -> str:
    return 'b"' + repr(magic)[2:-1].replace('"', '\\"') + '"'


if __name__ == "__main__":
    main()
