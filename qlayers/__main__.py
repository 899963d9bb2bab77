"""``python -m qlayers``: what is asked of qlayers on the command line."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from qlayers.errors import QlayersError
from qlayers.spending.ledger import DEFAULT_PATH, Ledger
from qlayers.spending.listing import lines


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit code: 0, or 2 for a request that cannot be carried out."""
    parsed = _parser().parse_args(arguments)
    try:
        return int(parsed.run(parsed))
    except QlayersError as error:
        sys.stderr.write(f"qlayers {parsed.command}: error: {error}\n")
        return 2


def _ledger(parsed: argparse.Namespace) -> int:
    ledger = Ledger(parsed.path)
    if not ledger.path.exists() and parsed.path == DEFAULT_PATH:
        sys.stdout.write(f"Nothing was bought: there is no ledger at {ledger.path} yet.\n")
        return 0
    if not ledger.path.exists():
        sys.stderr.write(
            f"qlayers ledger: error: there is no ledger at {ledger.path}. Nothing was bought with it; give the path "
            "that backend.ledger has.\n"
        )
        return 2
    wanted = {"project": parsed.project, "device": parsed.device, "status": parsed.status}
    entries = ledger.entries(**{name: value for name, value in wanted.items() if value is not None})
    sys.stdout.write("\n".join(lines(entries, tasks=not parsed.sums)) + "\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m qlayers", description="Tools around quantum layers.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    ledger = commands.add_parser(
        "ledger",
        help="list what was bought from quantum computers and paid simulators",
        description=(
            "List the tasks that were bought, then sum them by project and device and compare what they were "
            "predicted to cost with what was tracked. Amounts are US dollars: 'predicted' is the price expected when "
            "the task was sent, 'at most' what was reserved for it, 'tracked' the price by what the service says of "
            "it afterwards. Failed and cancelled tasks are tracked as the Braket SDK's cost tracker does, at nothing "
            "on quantum computers; a budget counts them in full, because their bill is not seen from here. The bill "
            "is what AWS sends."
        ),
        epilog=(
            "States: RESERVED (written, not sent), SENDING (whether it arrived is not known yet), CREATED, QUEUED, "
            "RUNNING, CANCELLING, COMPLETED (results can be fetched), COLLECTED (results are here), FAILED, CANCELLED, "
            "RELEASED (given up unsent), REFUSED (not accepted). Running the same program again collects what is open."
        ),
    )
    ledger.add_argument(
        "path", nargs="?", default=DEFAULT_PATH, help="the ledger's file (default: %(default)s)"
    )
    ledger.add_argument("--project", help="only this project")
    ledger.add_argument("--device", help="only this device, such as iqm_garnet")
    ledger.add_argument("--status", help="only tasks in this state", type=str.upper)
    ledger.add_argument("--sums", action="store_true", help="only the sums")
    ledger.set_defaults(run=_ledger)
    return parser


if __name__ == "__main__":
    sys.exit(main())
