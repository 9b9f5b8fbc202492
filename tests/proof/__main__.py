"""`python -m tests.proof [--quick]`: prove the delivery on both databases, print the table, exit 1 if anything broke."""

import os
import sys

# One thread for arithmetic: the processes are forked, and two of them keep two cores busy.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[name] = "1"
os.environ["PREFECT_SERVER_ALLOW_EPHEMERAL_MODE"] = "false"


def main(arguments: list[str]) -> int:
    """Prove; `--quick` tries a few points and little of the rest."""
    from tests.proof.campaign import KINDS, Amount, prove, write_table

    quick = Amount(points=28, multi_kills=4, fault_positions=1, pairs=2, pauses=4, clocks=1, restores=3)
    amount = quick if "--quick" in arguments else Amount()
    print(f"seed {amount.seed}", flush=True)
    results = {kind: prove(kind, amount, lambda line: print(line, flush=True)) for kind in KINDS}
    print(write_table(results))
    broken = [item for result in results.values() for item in result.violations]
    for situation, violation in broken[:50]:
        print(f"{situation}: {violation.check}: {violation.what}")
    survivors = [name for result in results.values() for name in result.survivors]
    return 1 if broken or survivors else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
