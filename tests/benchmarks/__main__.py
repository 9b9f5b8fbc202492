"""Runs a benchmark by its name, `python -m tests.benchmarks [NAME] [--help]`; that of matching without one.

The names are those of the modules here that have a `main`.
"""

import importlib
import sys
from pathlib import Path

if __name__ == "__main__":
    arguments = sys.argv[1:]
    named = bool(arguments) and Path(__file__).with_name(f"{arguments[0]}.py").exists()
    name = arguments.pop(0) if named else "matching"
    sys.exit(importlib.import_module(f"tests.benchmarks.{name}").main(arguments))
