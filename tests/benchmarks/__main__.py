"""Runs every benchmark: `python -m tests.benchmarks [--large]`."""

import sys

from tests.benchmarks.matching import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
