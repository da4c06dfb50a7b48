"""Sessions and the log of what happened to a cabinet."""

from datetime import datetime

import strawberry

from auth import sessions
from domain.access import AccessLevel
from domain.channel import Channel
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
