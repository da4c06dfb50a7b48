"""Sessions and the log of what happened to a cabinet."""

from datetime import datetime

import strawberry

from auth import sessions
from domain.access import AccessLevel
from domain.channel import Channel
from resolvers import account_security
from schema.node import Node, backed_by


@strawberry.type(description="A signed-in client")
class Session(Node):
    current: bool = strawberry.field(description="Whether it is the one that asks")
    channel: Channel = strawberry.field(description="Where it came from")
    device: str | None = strawberry.field(description="What the client called itself (User-Agent)")
    created_at: datetime = strawberry.field(description="When it began")
    last_seen_at: datetime = strawberry.field(description="Its last request, within five seconds")
    expires_at: datetime = strawberry.field(description="When it ends, unless a request comes before")
    access_level: AccessLevel = strawberry.field(description="How far it reaches")

    is_type_of = backed_by(sessions.Session)


@strawberry.type(description="One thing that an event tells besides its action")
class AuditDetail:
    key: str = strawberry.field(description="What it tells, such as method or device")
    value: str = strawberry.field(description="The value; never a code, a password or a token")


@strawberry.type(description="Something that happened to the cabinet (F038)")
class AuditEvent(Node):
    at: datetime = strawberry.field(description="When")
    action: str = strawberry.field(description="What, such as SIGNED_IN or PASSWORD_CHANGED")
    details: list[AuditDetail] = strawberry.field(description="More about it")
    is_operator_staff: bool = strawberry.field(
        description="Whether an employee of the operator did it for the user (E60); `details` says who and why"
    )

    is_type_of = backed_by(account_security.AuditEvent)
