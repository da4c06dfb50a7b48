"""What an owner can agree to of the tones and the status message of a child's line (F053, F126–F128)."""

from services import ringback, ringback_gift, status_message

ACTIONS = {
    ringback.ACTION: ringback.do_set,
    ringback_gift.ACTION: ringback_gift.do_give,
    status_message.ACTION: status_message.do_set,
}
"""By the names that questions have, as in `services/approved_payment.py`."""
