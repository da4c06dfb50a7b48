"""What every mutation answers: the changed object, and why it was not changed (DESIGN 4)."""

from datetime import datetime
from typing import cast

import strawberry

from domain import payment_refusals, refusals, sim
from domain.refusals import ErrorCode
from schema.node import backed_by


@strawberry.interface(
    description="Why something was not done, where the user can do something about it. Bugs and missing sessions are "
    "GraphQL errors instead"
)
class UserError:
    code: ErrorCode = strawberry.field(description="For programs: never given a new meaning")
    message: str = strawberry.field(description="For people")
    field: list[str] | None = strawberry.field(description="The path of the input field it is about; null: none")


@strawberry.type(description="An input is malformed; the message says what is accepted")
class InputRejected(UserError):
    is_type_of = backed_by(refusals.InputRejected)


@strawberry.type(description="Nobody signs in with this identifier and this password")
class CredentialsRejected(UserError):
    is_type_of = backed_by(refusals.CredentialsRejected)


@strawberry.type(description="Too many wrong passwords: for a while no password is taken, other ways in work (F014)")
class LockedOut(UserError):
    locked_until: datetime = strawberry.field(description="From when on a password is taken again")

    is_type_of = backed_by(refusals.LockedOut)


@strawberry.type(
    description="A new password that the operator's policy does not take; the message says what is missing"
)
class PasswordRejected(UserError):
    is_type_of = backed_by(refusals.PasswordRejected)


@strawberry.type(description="A way that does not work for this cabinet, or not any more")
class MethodDisabled(UserError):
    is_type_of = backed_by(refusals.MethodDisabled)


@strawberry.type(description="A registration link that is too old, was used, or never was one: register again (F011)")
class RegistrationLinkRejected(UserError):
    is_type_of = backed_by(refusals.RegistrationLinkRejected)


@strawberry.type(description="It needs a fresh proof: `requestStepUp`, `stepUp`, and try again (F028)")
class StepUpRequired(UserError):
    is_type_of = backed_by(refusals.StepUpRequired)


@strawberry.type(description="An id that names nothing of the caller's; unknown and foreign ones are told alike")
class NotFound(UserError):
    is_type_of = backed_by(refusals.NotFound)


@strawberry.type(description="This operator does not offer it")
class FeatureDisabled(UserError):
    feature: str = strawberry.field(description="The key in `operator.features`")

    is_type_of = backed_by(refusals.FeatureDisabled)


@strawberry.type(description="Too many tries")
class RateLimited(UserError):
    retry_at: datetime = strawberry.field(description="From when on it works again")

    is_type_of = backed_by(refusals.RateLimited)


@strawberry.type(description="The one-time code does not count")
class CodeRejected(UserError):
    attempts_left: int = strawberry.field(description="Tries left at this code")

    is_type_of = backed_by(refusals.CodeRejected)


@strawberry.type(description="The account opens another cabinet; it is not told whose")
class SocialAccountTaken(UserError):
    is_type_of = backed_by(refusals.SocialAccountTaken)


@strawberry.type(description="Nothing else would open the cabinet")
class LastWayIn(UserError):
    is_type_of = backed_by(refusals.LastWayIn)


@strawberry.type(description="A social network does not answer, or is not set up here; nothing was changed")
class ProviderUnavailable(UserError):
    is_type_of = backed_by(refusals.ProviderUnavailable)


@strawberry.type(description="A code cannot come this way; see the challenge's `alternativeChannels` (E9)")
class ChannelUnavailable(UserError):
    is_type_of = backed_by(refusals.ChannelUnavailable)


@strawberry.type(description="The message with one's code did not arrive: ask for it another way at once (E9, N10)")
class CodeNotDelivered(UserError):
    is_type_of = backed_by(refusals.CodeNotDelivered)


@strawberry.type(description="This session, or its user, may not do it")
class Forbidden(UserError):
    is_type_of = backed_by(refusals.Forbidden)


@strawberry.type(description="A payment that the operator does not take; nothing was charged (F066–F072)")
class PaymentRejected(UserError):
    is_type_of = backed_by(payment_refusals.PaymentRejected)


@strawberry.type(description="The card paid a short while ago, here or elsewhere (F068, E45)")
class CardTooFrequent(UserError):
    next_allowed_at: datetime = strawberry.field(description="From when on it may pay again")

    is_type_of = backed_by(payment_refusals.CardTooFrequent)


@strawberry.type(description="The idempotency key belongs to another payment or change of the viewer's (E46)")
class IdempotencyConflict(UserError):
    is_type_of = backed_by(refusals.IdempotencyConflict)


@strawberry.type(description="The bank does not answer; nothing was begun")
class PaymentUnavailable(UserError):
    is_type_of = backed_by(payment_refusals.PaymentUnavailable)


@strawberry.type(description="The payment does not wait for its payer, or not any more")
class PaymentNotOpen(UserError):
    is_type_of = backed_by(payment_refusals.PaymentNotOpen)


@strawberry.type(description="Somebody signs in with this login already; it is not told who (F020)")
class LoginTaken(UserError):
    is_type_of = backed_by(refusals.LoginTaken)


@strawberry.type(description="The owner of a household cannot go while others are in it (E27)")
class LastOwner(UserError):
    is_type_of = backed_by(refusals.LastOwner)


@strawberry.type(description="All contracts and lines have ended, and the cabinet with them (F035)")
class ContractEnded(UserError):
    is_type_of = backed_by(refusals.ContractEnded)


@strawberry.type(description="The number that was the only way in is somebody else's now; ask in the office (E25)")
class CabinetFrozen(UserError):
    is_type_of = backed_by(refusals.CabinetFrozen)


@strawberry.type(description="The SIM was reported lost, and the account is locked with the number (F124)")
class CabinetLocked(UserError):
    is_type_of = backed_by(refusals.CabinetLocked)


@strawberry.type(description="The operator has to look at papers first (F049, F122)")
class OfficeRequired(UserError):
    checklist: list[str] = strawberry.field(description="What to bring to an office")

    is_type_of = backed_by(refusals.OfficeRequired)


@strawberry.type(description="The SIM is too new for it: whoever has it may have stolen the number (E13)")
class CooldownActive(UserError):
    allowed_at: datetime = strawberry.field(description="From when on it may be done")

    is_type_of = backed_by(sim.CooldownActive)


USER_ERRORS = (
    InputRejected,
    CredentialsRejected,
    LockedOut,
    PasswordRejected,
    MethodDisabled,
    RegistrationLinkRejected,
    StepUpRequired,
    NotFound,
    FeatureDisabled,
    RateLimited,
    CodeRejected,
    SocialAccountTaken,
    LastWayIn,
    ProviderUnavailable,
    ChannelUnavailable,
    CodeNotDelivered,
    Forbidden,
    PaymentRejected,
    CardTooFrequent,
    IdempotencyConflict,
    PaymentUnavailable,
    PaymentNotOpen,
    LoginTaken,
    LastOwner,
    ContractEnded,
    CabinetFrozen,
    CabinetLocked,
    OfficeRequired,
    CooldownActive,
)


@strawberry.interface(description="What every mutation answers")
class Payload:
    client_mutation_id: str | None = strawberry.field(description="What the client gave as such, unchanged")
    user_errors: list[UserError] = strawberry.field(description="Why it was not done; empty when it was")


CLIENT_MUTATION_ID = "Given back unchanged in the payload"


@strawberry.type(description="Nothing but whether it was done")
class SimplePayload(Payload):
    pass


def errors(refusal: object | None) -> list[UserError]:
    """A refusal, whichever feature's, as `userErrors`."""
    return [] if refusal is None else [cast(UserError, refusal)]


def done(refusal: object | None, client_mutation_id: str | None) -> SimplePayload:
    """The payload of what is either done or refused."""
    return SimplePayload(client_mutation_id=client_mutation_id, user_errors=errors(refusal))
