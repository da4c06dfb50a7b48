"""Documents that clients send by their ids, and that an id is always that of its text."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops

_RULES = """
alter table trusted_document alter published_at set default now();
alter table trusted_document add constraint trusted_document_digest
  check (digest = encode(sha256(convert_to(text, 'UTF8')), 'hex'));
"""


class Migration(migrations.Migration):
    dependencies = [("models", "0030_household_indexes")]

    initial = False

    operations = [
        ops.CreateModel(
            name="TrustedDocument",
            fields=[
                ("digest", fields.CharField(primary_key=True, unique=True, db_index=True, max_length=64)),
                ("text", fields.TextField(unique=False)),
                ("published_at", fields.DatetimeField(auto_now=False, auto_now_add=True)),
            ],
            options={
                "table": "trusted_document",
                "app": "models",
                "pk_attr": "digest",
                "table_description": "A document that clients may send by its id: `digest` is the sha256 of its text, in hexadecimal.",
            },
            bases=["Model"],
        ),
        ops.RunSQL(_RULES),
    ]
