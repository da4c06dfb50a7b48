"""The statements that bring a catalogue up to date. Each answers (code, version, whether it is new) of what it changed.

$1 are the entries as a JSON list, $2 is the operator. What is sold again is no longer archived, and counts as new.
"""

VERSIONS = "select code, max(version) as newest from tariff where operator = $1 group by code"


def _archive(table: str, version: str) -> str:
    """$1 is the operator; $2 what is sold, as code and version."""
    return f"""
update {table} set archived = true
where operator = $1 and not archived and code || ' ' || {version} <> all($2::text[])
returning code, {version} as version
"""


ARCHIVE = {name: _archive(name, "version" if name == "tariff" else "1") for name in ("tariff", "service", "bundle")}


def _upsert(table: str, key: tuple[str, ...], columns: dict[str, str]) -> str:
    """An entry is known by its operator and `key`, which is code and may be version; `columns` are all, with types."""
    names, known_by = ", ".join(columns), ", ".join(key)
    typed = ", ".join(f"{name} {kind}" for name, kind in columns.items())
    told = [name for name in columns if name not in key]
    return f"""
with before as (
  select {known_by}, archived from {table} where operator = $2
), stored as (
  insert into {table} (operator, {names})
  select $2, {names} from jsonb_to_recordset($1) as entry ({typed})
  on conflict (operator, {known_by}) do update set {", ".join(f"{name} = excluded.{name}" for name in told)}
  where ({", ".join(f"{table}.{name}" for name in told)})
    is distinct from ({", ".join(f"excluded.{name}" for name in told)})
  returning {known_by}, archived
)
select s.code, {"s.version" if "version" in key else "1"} as version,
  b.code is null or (b.archived and not s.archived) as is_new
from stored s left join before b using ({known_by})
order by 1
"""


_SOLD = {
    "code": "text",
    "name": "text",
    "kind": "text",
    "fee": "bigint",
    "fee_period": "text",
    "connection_fee": "bigint",
    "included": "jsonb",
    "localities": "text[]",
    "speed_mbps": "int",
    "terms": "text",
    "archived": "bool",
}

TARIFFS = _upsert(
    "tariff", ("code", "version"), {**_SOLD, "version": "int", "options": "jsonb", "family_shareable": "bool"}
)

SERVICES = _upsert(
    "service",
    ("code",),
    {
        **_SOLD,
        "category": "text",
        "description": "text",
        "valid_days": "int",
        "trial_days": "int",
        "age_rating": "int",
        "content_provider": "text",
        "artist": "text",
        "preview_url": "text",
    },
)

BUNDLES = _upsert(
    "bundle",
    ("code",),
    {
        "code": "text",
        "name": "text",
        "kinds": "text[]",
        "fee": "bigint",
        "discount_percent": "int",
        "terms": "text",
        "archived": "bool",
    },
)

# $1 is the operator. A service that left the file keeps what is known of it: lines may still have it.
UNRELATED = """
delete from service_relation r using service a, service b
where a.id = r.service_id and b.id = r.other_id and a.operator = $1
  and a.code = any($2::text[]) and b.code = any($2::text[])
  and (a.code, b.code, r.kind) not in (select * from unnest($3::text[], $4::text[], $5::text[]))
returning a.code
"""

RELATIONS = """
insert into service_relation (service_id, other_id, kind)
select a.id, b.id, pair.kind
from unnest($2::text[], $3::text[], $4::text[]) as pair (code, other, kind)
join service a on a.operator = $1 and a.code = pair.code
join service b on b.operator = $1 and b.code = pair.other
on conflict (service_id, other_id, kind) do nothing
returning (select code from service where id = service_id) as code
"""
