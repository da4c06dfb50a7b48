"""What callers may hear instead of the ringing tone (F126)."""

import strawberry

from domain.catalogue import FeePeriod
from loaders import ringback_tone
from schema.money import Money
from schema.node import Node, backed_by
from schema.scalars import URL


@strawberry.type(description="What callers may hear instead of the ringing tone (F126)")
class RingbackTone(Node):
    title: str = strawberry.field(description="Its title")
    artist: str = strawberry.field(description="Whose it is")
    fee: Money = strawberry.field(description="Charged each `feePeriod`")
    fee_period: FeePeriod = strawberry.field(description="How often the fee is charged")
    preview_url: URL | None = strawberry.field(description="Where it can be heard before; null: nowhere")
    archived: bool = strawberry.field(description="True when nobody can choose it any more")

    is_type_of = backed_by(ringback_tone.RingbackTone)
