"""What the modules of formats declare. Written by tests/formats_catalogue.py."""

# The further suffixes of each format, its first bytes and its module.
ROWS: dict[str, tuple[tuple[str, ...], bytes, str]] = {
    "arrow": (("feather", "ipc", "arrows"), b"ARROW1|\\xff\\xff\\xff\\xff", "arrow"),
    "csv": (("txt",), b"", "csv"),
    "tsv": ((), b"", "csv"),
    "jsonl": (("ndjson", "json"), b"\\s*[{\\[]", "jsonl"),
    "npy": ((), b"\\x93NUMPY", "npy"),
    "npz": ((), b"PK\\x03\\x04", "npz"),
    "parquet": (("pq",), b"PAR1", "parquet"),
    "safetensors": ((), b".{6}\\x00\\x00\\{", "safetensors"),
}
