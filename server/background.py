"""Everything that is done without being asked: `hearth worker` does it, and in development the server itself."""

from collections.abc import Mapping
from functools import partial

from domain.profile import Profile
from gateways.sim_registry import SimRegistry
from server.autopay import pay_automatically
from server.fees import charge_fees
from server.households import look_after_households
from server.inbound import receive_sms
from server.limits import look_after_limits
from server.loops import Loops
from server.packages import look_after_packages
from server.payments import look_after_payments
from server.settings import Settings
from server.sim_registry import watch_sims
from server.worker import run_worker
from services.payment_row import Desk


def start_background(
    loops: Loops, settings: Settings, profiles: Mapping[str, Profile], desk: Desk, sims: SimRegistry
) -> None:
    """Begin with all of it; what people send by SMS is acted on here, too."""
    for each in (
        run_worker(settings, partial(receive_sms, settings, profiles)),
        look_after_payments(desk, profiles),
        pay_automatically(settings.dsn, desk, profiles),
        charge_fees(profiles),
        watch_sims(sims, profiles),
        look_after_households(profiles),
        look_after_limits(profiles),
        look_after_packages(profiles),
    ):
        loops.start(each)
