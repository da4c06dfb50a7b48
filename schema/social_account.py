"""Accounts of social networks that open a cabinet."""

from datetime import datetime

import strawberry

from domain.sign_in import SocialProvider
from loaders import social_accounts_by_user_id
from schema.node import Node, backed_by


@strawberry.type(description="An account of a social network that opens this cabinet (F021)")
class SocialAccount(Node):
    provider: SocialProvider = strawberry.field(description="The network")
    title: str = strawberry.field(description="What the account is called there")
    linked_at: datetime = strawberry.field(description="Since when it opens the cabinet")

    is_type_of = backed_by(social_accounts_by_user_id.SocialAccount)
