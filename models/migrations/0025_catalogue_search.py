"""Where a line is used, and what a search in the catalogue looks through."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops

# Letters of either case are the same to whoever searches, and so are е and ё.
_FOLDED = """
create function folded(text) returns text language sql immutable strict parallel safe
  return translate(lower($1), 'ё', 'е');
"""

_SEARCHED = """
alter table tariff add column searched text not null
  generated always as (folded(name || ' ' || code || ' ' || terms)) stored;
alter table service add column searched text not null
  generated always as (folded(
    name || ' ' || coalesce(artist, '') || ' ' || code || ' ' || coalesce(content_provider, '') || ' ' || description))
  stored;
"""

# A page of the catalogue begins in its middle; tones have a list of their own.
_INDEXES = """
create index service_listed on service (operator, id) where not archived and artist is null;
create index service_tone_listed on service (operator, id) where not archived and artist is not null;
"""


class Migration(migrations.Migration):
    dependencies = [("models", "0024_services_and_tariffs_rules")]

    initial = False

    operations = [
        ops.AddField(
            model_name="Line",
            name="locality",
            field=fields.CharField(null=True, max_length=200),
        ),
        ops.RunSQL(_FOLDED),
        ops.RunSQL(_SEARCHED),
        ops.RunSQL(_INDEXES),
    ]
