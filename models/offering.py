"""What may be offered to a line: SQL over `l`, a line, and `t` or `s`, an entry of the catalogue (F102, F114).

The kind has to fit and so has the place; nothing that is archived, nothing that the line has already, and nothing to a
line that is no more. What a child's policy forbids is for the caller to say.
"""

_TO_LINE = """
l.status not in ('TERMINATED', 'PORTED_OUT') and {sold}.operator = l.operator and {sold}.kind = l.kind
and not {sold}.archived and
"""


def sold_in(sold: str, locality: str) -> str:
    """Whether an entry is sold in a place; where that is not known, whether it is sold everywhere."""
    return f"""
(cardinality({sold}.localities) = 0
  or folded({locality}) in (select folded(place) from unnest({sold}.localities) as place))
"""


TARIFF_FITS = f"""
{_TO_LINE.format(sold="t")} {sold_in("t", "l.locality")}
and not exists (select from tariff_subscription own where own.line_id = l.id and own.tariff_id = t.id)
"""

# Tones are chosen from a list of their own.
SERVICE_FITS = f"""
{_TO_LINE.format(sold="s")} {sold_in("s", "l.locality")} and s.artist is null
and not exists (
  select from service_subscription own
  where own.line_id = l.id and own.service_id = s.id and own.ended_at is null
    and (own.valid_until is null or own.valid_until > now()))
"""
