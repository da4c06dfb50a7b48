"""The documents that `hearth documents publish` made known to all workers."""

from datetime import datetime

from tortoise import fields
from tortoise.models import Model

from models.reader import Statement


class TrustedDocument(Model):
    """A document that clients may send by its id: `digest` is the sha256 of its text, in hexadecimal."""

    digest = fields.CharField(max_length=64, primary_key=True)
    text = fields.TextField()
    published_at: datetime = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "trusted_document"


TEXT = Statement("select text from trusted_document where digest = $1", str)

# What workers are told, so that they forget what they know of published documents.
WITHDRAWN = "documents:withdrawn"
