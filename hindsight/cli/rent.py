"""`hindsight rent`: offers, machines, starting one, stopping one, and the sweep."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

from cyclopts import App, Parameter

from hindsight.cli.output import examples, print_table
from tasks.rent import lifecycle
from tasks.rent.config import RentedPool, load_rent
from tasks.rent.errors import BadRent
from tasks.rent.machines import Machine, list_machines, read_machine
from tasks.rent.order import check_reachable, trial_order
from tasks.rent.proof import receipts_of, unproved
from tasks.rent.providers.choose import provider_of
from tasks.rent.providers.provider import Offer
from tasks.store.leases import clock
from tasks.store.store import existing_store, open_store
from tasks.versions.moves import this_person

EPILOGUE = """POOL is a pool of configs/rent.yaml, or of the file that HINDSIGHT_RENT names; MACHINE is a name that
`hindsight rent ls` lists. With --dry-run nothing is run: the provider's commands are printed."""
Why = Annotated[str, Parameter(name=["--why", "-m"])]
Flag = Annotated[bool, Parameter(negative="")]

app = App(name="rent", help="List, start and stop rented machines.", help_epilogue=EPILOGUE)


@app.command(help_epilogue=examples("hindsight rent offers h100", "hindsight rent offers h100 --dry-run"))
def offers(pool: str, /, *, dry_run: Flag = False) -> None:
    """List what can be rented for a pool now, the cheapest first.

    Args:
        pool: The pool.
        dry_run: Print the provider's command, and run nothing.
    """
    rented = _pool(pool)
    provider = provider_of(rented.provider, dry_run)
    found = sorted(provider.offers(rented), key=lambda offer: offer.dollars_per_hour)
    if dry_run:
        _print_commands(provider.commands)
        return
    for offer in found:
        print(f"{offer}{'' if offer.dollars_per_hour <= rented.max_dollars_per_hour else ', above the bound'}")
    print(f"{len(found)} offers of {rented.provider}; at most ${rented.max_dollars_per_hour:,.2f} an hour is taken")


@app.command(help_epilogue=examples("hindsight rent ls", "hindsight rent ls --all"))
def ls(*, all_machines: Annotated[bool, Parameter("--all", negative="")] = False) -> int:
    """List machines that may cost, with their bill and what is not proved on them. Exit status 1 if one cannot be read.

    Args:
        all_machines: Those that have stopped, too.
    """
    store, now = existing_store(), datetime.now(UTC)
    found = list_machines(store)
    shown = [machine for machine in found.machines if machine.is_open or all_machines]
    if shown:
        print_table([_row(machine, len(unproved(receipts_of(store, machine))), now) for machine in shown])
    still_open = [machine for machine in found.machines if machine.is_open]
    in_all = sum(machine.dollars(now) for machine in found.machines)
    print(f"{len(still_open)} of {len(found.machines)} machines in {store.url} may cost; ${in_all:,.2f} in all")
    for why in found.unreadable.values():
        print(f"hindsight: {why}", file=sys.stderr)
    return int(bool(found.unreadable))


@app.command(help_epilogue=examples("hindsight rent start h100 --why 'a training by hand'"))
def start(pool: str, /, *, why: Why = "by hand", dry_run: Flag = False) -> None:
    """Rent a machine for a pool unless it has one. It ends when nothing runs there and every result is proved.

    Args:
        pool: The pool.
        why: One sentence, kept in the record.
        dry_run: Print the provider's commands, and run nothing.
    """
    rented = _pool(pool)
    provider = provider_of(rented.provider, dry_run)
    if dry_run:
        provider.offers(rented)
        provider.start(trial_order(rented, Offer(rented.offer, rented.max_dollars_per_hour, rented.where)))
        _print_commands(provider.commands)
        return
    store = open_store()
    check_reachable(store, rented)
    machine = lifecycle.rent(store, provider, rented, by=this_person(), why=why)
    print(f"machine {machine.name}: {machine.terms.offer}, at most until {clock(machine.terms.ends_at)}")


@app.command(help_epilogue=examples("hindsight rent stop MACHINE --why 'its training is given up'"))
def stop(machine: str, /, *, why: Why, gone: Flag = False, dry_run: Flag = False) -> None:
    """Stop a machine now. What is not proved on it is lost, and recorded as that.

    Args:
        machine: The machine.
        why: One sentence, kept in the record.
        gone: Ask no provider: a person has seen on its page that the machine is gone. For a machine that the provider's
            program does not know.
        dry_run: Print the provider's commands, and run nothing.
    """
    store = existing_store()
    found = read_machine(store, machine)
    provider = provider_of(found.terms.provider, dry_run)
    if dry_run:
        provider.stop(machine, found.provider_id)
        _print_commands(provider.commands)
        return
    if gone:
        ended = lifecycle.record_stopped(store, machine, this_person(), f"gone at the provider, as a person saw: {why}")
    else:
        ended = lifecycle.end_lease(store, provider, machine, this_person(), why)
    lost = f"; lost without a receipt: {', '.join(ended.lost)}" if ended.lost else ""
    print(f"machine {machine}: stopped, ${ended.dollars(datetime.now(UTC)):,.2f}{lost}")


def _pool(name: str) -> RentedPool:
    config = load_rent()
    if (found := config.find(name)) is None:
        known = ", ".join(pool.pool for pool in config.pools) or "none"
        raise BadRent(f"pool {name!r} is not in the list of rented pools (configs/rent.yaml); it has {known}.")
    return found


def _row(machine: Machine, n_unproved: int, now: datetime) -> dict[str, str]:
    stopped = machine.find("stopped")
    state = "stopped" if stopped else "stopping" if machine.is_stopping else "running"
    return {
        "machine": machine.name,
        "pool": machine.terms.pool,
        "state": state if machine.find("started") or machine.is_stopping else "starting",
        "offer": machine.terms.offer,
        "since": clock(machine.rented_at),
        "until": clock(stopped.at if stopped else machine.terms.ends_at),
        "dollars": f"{machine.dollars(now):,.2f}",
        "results": f"{len(machine.owed) - n_unproved} of {len(machine.owed)} proved",
        "by": machine.events[0].by,
    }


def _print_commands(commands: Sequence[str]) -> None:
    for command in commands:
        print(command)
    print("nothing was run")
