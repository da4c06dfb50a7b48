"""The command line: `hearth run`, `serve`, `worker`, `bank`, `migrate`, `import`, `catalogue`, `seed` and others.

An expected failure is one clear line per problem on stderr and exit code 1; a traceback means a bug.

Each command imports its module when it is chosen. That hides no cycle: it keeps `hearth --help`, a missing
setting or a taken port from waiting a second for GraphQL and the ORM to be imported.
"""

from __future__ import annotations

import argparse
import gc
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import cast

from domain.staff import Staff, staff
from server.failure import StartFailure
from server.listener import open_listener
from server.settings import load_development_settings, load_settings

_COLLECT_AFTER = 50_000
_MOST_VOUCHERS = 10_000
_LONGEST_DAYS = 3650

Command = Callable[[argparse.Namespace], None]


def main(words: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code of the process."""
    # What the imports make stays until the end: looking it through for garbage takes a sixth of their time.
    gc.set_threshold(_COLLECT_AFTER)
    # Where developers' tools brought it along, structlog would import it for tracebacks that tell the values of
    # variables, which hold secrets: we have none such, and it takes five megabytes of every process.
    sys.modules.setdefault("rich", cast(ModuleType, None))
    arguments = _parser().parse_args(words)
    command: Command = arguments.command
    try:
        command(arguments)
    except StartFailure as failure:
        for line in failure.lines:
            print(f"hearth: {line}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="hearth",
        description="Hearth, a self-care GraphQL API for telecom households.",
        epilog="Settings come from the environment, HEARTH_*: see server/settings.py and server/edge_settings.py.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, command: Command, summary: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=summary, description=summary)
        added.set_defaults(command=command)
        return added

    add("run", _run, "run the development server with its own database and demo people")
    add("serve", _serve, "run the production server")
    add("worker", _worker, "deliver messages and other work that the API left in the outbox")
    bank = add("bank", _bank, "run the bank simulator, which the development server otherwise does by itself")
    # The development server keeps the socket, so that nobody is turned away while a killed bank starts again.
    bank.add_argument("--listener", type=int, help=argparse.SUPPRESS)
    add("migrate", _migrate, "bring the database and the catalogues to this version")
    add("import", _import, "load households from a file; a broken file changes nothing").add_argument(
        "file", type=Path, metavar="FILE.ndjson"
    )
    catalogue = add("catalogue", _catalogue, "sell what a file says; a broken file changes nothing (F102, F111)")
    catalogue.add_argument("action", choices=["import"], help="what to do with it")
    catalogue.add_argument("file", type=Path, metavar="FILE.toml", help="such as operators/tele2/catalogue.toml")
    catalogue.add_argument("--operator", metavar="ID", help="whose catalogue it is (default: the name of its folder)")
    catalogue.add_argument("--check", action="store_true", help="only say what would change")
    password = add("password", _password, "print a new password for somebody in the office (F012)")
    password.add_argument("--operator", required=True, metavar="ID", help="whose cabinet it is")
    password.add_argument("login", metavar="LOGIN", help="a number, an account, a contract or a login")
    support = add("support", _support, "print a token to act for a user with, for half an hour; the user is told (E60)")
    support.add_argument("--operator", required=True, metavar="ID", help="whose cabinet it is")
    support.add_argument("--login", required=True, help="a number, an account, a contract or a login of the user")
    support.add_argument("--staff", required=True, metavar="NAME", help="who acts, as the user will read it")
    support.add_argument("--reason", required=True, metavar="TEXT", help="why, as the user will read it")
    support.add_argument("--ticket", required=True, metavar="ID", help="for which ticket")
    vouchers = add("vouchers", _vouchers, "make vouchers and print their codes, which are not kept (F159)")
    vouchers.add_argument("action", choices=["create"], help="what to do with them")
    vouchers.add_argument("--operator", required=True, metavar="ID", help="whose vouchers")
    vouchers.add_argument("--count", type=_positive, required=True, metavar="N", help="how many, up to 10000")
    vouchers.add_argument("--amount", required=True, metavar="A", help="what each is worth, such as 100 or 157.50")
    vouchers.add_argument("--days", type=_positive, default=365, metavar="N", help="how long they last (default 365)")
    refunds = add("refunds", _refunds, "list the refunds that wait for a decision, approve or decline one (E43)")
    refunds.add_argument("action", choices=["list", "approve", "decline"], help="what to do")
    refunds.add_argument("id", nargs="?", type=_positive, metavar="ID", help="which one, to approve or decline it")
    refunds.add_argument("--by", metavar="NAME", help="who decides, as the payer will read it")
    refunds.add_argument("--amount", metavar="A", help="give back only so much, such as 157.50")
    refunds.add_argument("--answer", metavar="TEXT", help="why it is declined, as the payer will read it")
    tickets = add("tickets", _tickets, "list the tickets that wait for people, answer or close one (F110, F133)")
    tickets.add_argument("action", choices=["list", "answer", "close"], help="what to do")
    tickets.add_argument("id", nargs="?", type=_positive, metavar="ID", help="which one, to answer or close it")
    tickets.add_argument("--by", metavar="NAME", help="who answers, for the operator's own records")
    tickets.add_argument("--text", metavar="TEXT", help="what the user reads; needed to answer")
    sim = add("sim", _sim, "tell what happened to a number: another SIM, another holder, another operator (N3)")
    sim.add_argument("action", choices=["swap", "reassign", "reregister", "port-out", "ported-out"], help="what")
    sim.add_argument("--operator", required=True, metavar="ID", help="whose number it is, or was")
    sim.add_argument("--person", metavar="REF", help="who holds the contract from now on, for reregister")
    sim.add_argument("number", metavar="NUMBER", help="which number, such as +79031234567")
    households = add("households", _households, "list claims of ownerless households, and decide about them (F049)")
    households.add_argument("action", choices=["list", "absent", "present", "confirm"], help="what to do")
    households.add_argument("id", nargs="?", type=_positive, metavar="ID", help="which household")
    households.add_argument("--by", metavar="NAME", help="who decides, as its members will read it")
    households.add_argument("--reason", metavar="TEXT", help="which papers were seen, as its members will read it")
    households.add_argument("--ticket", metavar="ID", help="for which ticket")
    usage = add("usage", _usage, "count what lines used, as the network tells it in a file; each event once (F056)")
    usage.add_argument("action", choices=["import"], help="what to do")
    usage.add_argument("file", type=Path, metavar="FILE.ndjson", help="one event a line")
    user = add("user", _user, "export all that is stored about a user as JSON, or erase the user")
    user.add_argument("action", choices=["export", "erase"], help="what to do")
    user.add_argument("id", type=_user_id, metavar="ID", help="whom: a number, or an id as GraphQL tells it")
    user.add_argument("--by", default="operator", metavar="NAME", help="who decides, for the log")
    user.add_argument("--yes", action="store_true", help="do not ask whether it is meant")
    seed = add("seed", _seed, "make invented households")
    seed.add_argument("--households", type=_positive, default=1000, metavar="N", help="how many (default 1000)")
    seed.add_argument("--operator", metavar="ID", help="of which operator (default: all, evenly)")
    ledger = add("ledger", _ledger, "prove that the ledger is right, on a live database (I17)")
    ledger.add_argument("action", choices=["verify"], help="what to do with it: read all of it, and change nothing")
    documents = add("documents", _documents, "publish, list or withdraw documents that clients send by their ids")
    documents.add_argument("action", choices=["publish", "list", "withdraw"], help="what to do")
    documents.add_argument("what", nargs="?", metavar="FILE|ID", help="a manifest to publish, or an id to withdraw")
    doctor = add("doctor", _doctor, "say whether all that the server needs is there and well; changes nothing")
    doctor.add_argument("--json", action="store_true", help="as a list of findings, for programs")
    operators = add("operators", _operators, "print what each operator's cabinet can do, as Markdown")
    operators.add_argument("ids", nargs="*", metavar="ID", help="which operators, in this order (default: all)")
    add("sdl", _sdl, "print the GraphQL schema")
    return parser


def _positive(text: str) -> int:
    number = int(text) if text.isdecimal() else 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive whole number")
    return number


def _user_id(text: str) -> int:
    from resolvers.node_id import NodeId, decode, integer_key

    named = NodeId("User", text) if text.isdecimal() else decode(text)
    key = integer_key(named) if named is not None and named.type_name == "User" else None
    if key is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no user")
    return key


def _run(_: argparse.Namespace) -> None:
    settings = load_development_settings()
    # The port comes first: a taken one should cost neither the imports nor a start of the database.
    with open_listener(settings) as listener:
        from server.run import run

        run(settings, listener)


def _serve(_: argparse.Namespace) -> None:
    settings = load_settings()
    from server.serve import serve

    serve(settings)


def _worker(_: argparse.Namespace) -> None:
    settings = load_settings()
    from server.worker_process import work

    work(settings)


def _bank(arguments: argparse.Namespace) -> None:
    settings = load_development_settings()
    from server.bank_process import run_bank

    run_bank(settings, arguments.listener)


def _migrate(_: argparse.Namespace) -> None:
    settings = load_settings()
    from server.commands import migrate

    migrate(settings)


def _import(arguments: argparse.Namespace) -> None:
    settings = load_settings()
    from server.commands import import_households

    import_households(settings, arguments.file)


def _catalogue(arguments: argparse.Namespace) -> None:
    operator = arguments.operator or arguments.file.absolute().parent.name
    settings = load_settings()
    from server.commands import import_catalogue

    import_catalogue(settings, arguments.file, operator, check=arguments.check)


def _password(arguments: argparse.Namespace) -> None:
    settings = load_settings()
    from server.commands import issue_password

    issue_password(settings, arguments.operator, arguments.login)


def _support(arguments: argparse.Namespace) -> None:
    told = staff(arguments.staff, arguments.reason, arguments.ticket)
    if not isinstance(told, Staff):
        raise StartFailure(told.message)
    settings = load_settings()
    from server.commands import act_for

    act_for(settings, arguments.operator, arguments.login, told)


def _vouchers(arguments: argparse.Namespace) -> None:
    if arguments.count > _MOST_VOUCHERS or arguments.days > _LONGEST_DAYS:
        raise StartFailure(f"At most {_MOST_VOUCHERS} vouchers at once, for at most {_LONGEST_DAYS} days")
    settings = load_settings()
    from server.commands import create_vouchers

    create_vouchers(settings, arguments.operator, arguments.count, arguments.amount, arguments.days)


def _refunds(arguments: argparse.Namespace) -> None:
    action, refund_id, by, answer = arguments.action, arguments.id, arguments.by, arguments.answer
    if action != "list" and (refund_id is None or not by):
        raise StartFailure(f"Say which refund to {action}, and --by whom")
    if action == "decline" and not answer:
        raise StartFailure("Say why, with --answer: the payer reads it")
    settings = load_settings()
    from server.commands import decide_refund, list_refunds

    if action == "list":
        list_refunds(settings)
        return
    declined = answer if action == "decline" else None
    decide_refund(settings, refund_id, by, amount=arguments.amount, answer=declined)


def _tickets(arguments: argparse.Namespace) -> None:
    action, ticket_id, by, text = arguments.action, arguments.id, arguments.by, arguments.text
    if action != "list" and (ticket_id is None or not by):
        raise StartFailure(f"Say which ticket to {action}, and --by whom")
    if action == "answer" and not text:
        raise StartFailure("Say what, with --text: the user reads it")
    settings = load_settings()
    from server.commands import list_tickets, tell_ticket

    if action == "list":
        list_tickets(settings)
    else:
        tell_ticket(settings, ticket_id, by, text, closing=action == "close")


def _sim(arguments: argparse.Namespace) -> None:
    action, operator, number, person = arguments.action, arguments.operator, arguments.number, arguments.person
    if (action == "reregister") != (person is not None):
        raise StartFailure("Say with --person who holds the contract, for reregister and nothing else")
    settings = load_settings()
    from server.commands import tell_of_number

    tell_of_number(settings, operator, number, action, person)


def _households(arguments: argparse.Namespace) -> None:
    action, household_id = arguments.action, arguments.id
    told = staff(arguments.by or "", arguments.reason or "", arguments.ticket or "")
    if action != "list" and (household_id is None or not isinstance(told, Staff)):
        raise StartFailure(f"Say which household to {action}, --by whom, for which --reason and --ticket")
    settings = load_settings()
    from server.commands import decide_household, list_claims

    if isinstance(told, Staff) and action != "list":
        decide_household(settings, action, household_id, told)
    else:
        list_claims(settings)


def _usage(arguments: argparse.Namespace) -> None:
    settings = load_settings()
    from server.commands import import_usage

    import_usage(settings, arguments.file)


def _user(arguments: argparse.Namespace) -> None:
    action, user_id = arguments.action, arguments.id
    # Nobody is asked who sends it on to a file or another program.
    asked = action == "erase" or (sys.stdin.isatty() and sys.stdout.isatty())
    if asked and not arguments.yes:
        question = "Erase" if action == "erase" else "Print all that is stored about"
        print(f"{question} user {user_id}? Type yes: ", end="", file=sys.stderr, flush=True)
        if sys.stdin.readline().strip() != "yes":
            raise StartFailure(f"Nothing was done: {action} was not confirmed")
    settings = load_settings()
    from server.user_commands import erase_user, export_user

    (erase_user if action == "erase" else export_user)(settings, user_id, arguments.by)


def _seed(arguments: argparse.Namespace) -> None:
    settings = load_settings()
    from server.commands import seed_households

    seed_households(settings, arguments.households, arguments.operator)


def _ledger(_: argparse.Namespace) -> None:
    settings = load_settings()
    from server.commands import verify_ledger

    verify_ledger(settings)


def _documents(arguments: argparse.Namespace) -> None:
    action, what = arguments.action, arguments.what
    if (action == "list") != (what is None):
        raise StartFailure("Say which FILE to publish, which ID to withdraw, and nothing to list")
    settings = load_settings()
    from server.document_commands import list_documents, publish_documents, withdraw_document

    if action == "publish":
        # All of it is looked through before the database is: a broken document changes nothing.
        from schema.schema import build_schema
        from server.trusted_documents import trusted_manifest

        schema = build_schema(settings.limits, introspection=settings.introspection)
        publish_documents(settings, trusted_manifest(Path(what), schema.documents))
    elif action == "withdraw":
        withdraw_document(settings, what)
    else:
        list_documents(settings)


def _doctor(arguments: argparse.Namespace) -> None:
    settings = load_settings()
    from server.doctor import report

    report(settings, as_json=arguments.json)


def _operators(arguments: argparse.Namespace) -> None:
    from server.operators_document import print_operators

    print_operators(arguments.ids)


def _sdl(_: argparse.Namespace) -> None:
    from schema.schema import sdl

    print(sdl(), end="")


if __name__ == "__main__":
    sys.exit(main())
