"""A question keeps the exact price that it asks for; and events of use are found by their age, to be forgotten."""

from orjson import loads
from tortoise import fields, migrations
from tortoise.fields.data import JSON_DUMPS
from tortoise.indexes import Index
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0032_erasure")]

    initial = False

    operations = [
        ops.AddField(
            model_name="ApprovalRequest",
            name="quote",
            field=fields.JSONField(null=True, encoder=JSON_DUMPS, decoder=loads),
        ),
        ops.AddIndex(
            model_name="UsageEvent",
            index=Index(fields=["at"]),
        ),
    ]
