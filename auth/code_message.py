"""What a person reads with a one-time code: a short message, or a letter (SPEC 4.7, F032)."""

from domain.challenge import ChallengeChannel
from domain.consent import Question, asking_text
from domain.language import Language
from domain.profile import Profile
from domain.wording import Counted, Wording
from models.challenge import ChallengePurpose

# A short message in Cyrillic has 70 characters, one in two parts 134: translations are as short as this one.
_SHORT = Wording("{operator}: code {tag}{code} {purpose}, {minutes} min. Tell it to nobody.")

# Said by a machine, which would read six digits as one number.
_SPOKEN = Wording("{operator}. Your code: {digits}. Once more: {digits}. Tell it to nobody.")
_SUBJECT = Wording("{operator}: your code")
_LETTER = Wording(
    "Hello!\n\n"
    "Your code {purpose}: {tag}{code}\n"
    "It works for {time}. Tell it to nobody, not even to our staff.\n\n"
    "If you did not ask for a code, just ignore this e-mail: without it nobody gets into your account.\n\n"
    "{operator}"
)
_TIME = Counted("{minutes} minute", "{minutes} minutes", by="minutes")

# Parts of the two sentences above, beside the word "code".
_PURPOSES = {
    ChallengePurpose.SIGN_IN: Wording("to sign in"),
    ChallengePurpose.REGISTER: Wording("to register"),
    ChallengePurpose.RECOVER: Wording("for a new password"),
    ChallengePurpose.STEP_UP: Wording("to confirm"),
    ChallengePurpose.CHANGE_CONTACT: Wording("to change a contact"),
    ChallengePurpose.PAYMENT: Wording("to pay"),
    ChallengePurpose.TRANSFER_OWNERSHIP: Wording("to own a household"),
}


def code_message(
    profile: Profile,
    language: Language,
    channel: ChallengeChannel,
    purpose: ChallengePurpose,
    code: str,
    tag: str,
) -> dict[str, str]:
    """The words of a message with a code, as the outbox takes them: `text`, and for e-mail a `subject`.

    A call reads the digits out; whoever listens cannot compare a tag.
    """
    operator, minutes = profile.operator.name, profile.auth.otp.ttl_seconds // 60
    values = {
        "operator": operator,
        "code": code,
        "tag": f"{tag}-",
        "purpose": _PURPOSES[purpose].text(language),
    }
    if channel is ChallengeChannel.VOICE_CALL:
        return {"text": _SPOKEN.text(language, operator=operator, digits=", ".join(code))}
    if channel is not ChallengeChannel.EMAIL:
        return {"text": _SHORT.text(language, minutes=minutes, **values)}
    letter = _LETTER.text(language, time=_TIME.text(language, minutes=minutes), **values)
    return {"subject": _SUBJECT.text(language, operator=operator), "text": letter}


def question_message(
    profile: Profile, language: Language, channel: ChallengeChannel, question: Question, code: str, tag: str
) -> dict[str, str]:
    """The words of a message whose code is an answer: who asks, and for what, is said by every channel (SPEC 4.5)."""
    shown = ", ".join(code) if channel is ChallengeChannel.VOICE_CALL else f"{tag}-{code}"
    return {"text": asking_text(profile, language, question, shown)}
