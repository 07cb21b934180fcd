"""A conversation as one text, by the template that the language model's file carries.

The template is a small program in Jinja. It comes from a file, so it runs in Jinja's sandbox: it can join texts, and
reach nothing else.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cache
from typing import Any

from sdg_lab.checks import one_of

Message = Mapping[str, str]
"""Who speaks, and what: ``{"role": "user", "content": "..."}``."""

Prompt = str | Sequence[Message]
"""A text that is continued, or a conversation whose next turn is the assistant's."""

ROLES = ("system", "user", "assistant")


def render(template: str, messages: Sequence[Message], special: Collection[str], **names: str) -> str:
    """Return the conversation as the model was trained to read it, with the assistant's next turn opened.

    Args:
        template: from the file.
        messages: the turns so far; without a system message the template puts its own first.
        special: spellings of the tokens that mark turns, which no message may hold: it could end its turn and speak
            in another role.
        names: spellings that the template may write by name, such as ``bos_token``.

    Raises:
        TypeError: if a message is no mapping of ``role`` and ``content`` to texts.
        ValueError: if there is no message, a role is unknown, a message holds a special token, or the template fails,
            as one does that writes what it was not given.
    """
    for index, message in enumerate(conversation(messages)):
        _check(index, message, special)
    try:
        written: str = (
            _sandbox()
            .from_string(template)
            .render(names, messages=[dict(message) for message in messages], add_generation_prompt=True)
        )
        return written
    except Exception as error:  # the template is a program of the file's: it may fail in any way
        raise ValueError(
            f"the file's chat template cannot render these messages: {type(error).__name__}: {error}; "
            "give others, or continue a text with generate([text])"
        ) from None


def conversation(messages: object) -> Sequence[Message]:
    """Return a conversation, or refuse what is no list of messages.

    Raises:
        ValueError: if it is a text, one message, empty, or no list at all.
    """
    if isinstance(messages, Sequence) and not isinstance(messages, (str, bytes)) and messages:
        return messages
    refusal = f'messages must be a list such as [{{"role": "user", "content": "..."}}], got {messages!r}'
    if isinstance(messages, str):
        refusal += '; put the text in the place of "...", or continue it with generate([text])'
    elif isinstance(messages, Mapping):
        refusal += "; one message alone is a list of length 1"
    raise ValueError(refusal)


@cache
def _sandbox() -> Any:
    from jinja2 import Undefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    class Unknown(Undefined):
        """What a template names and nobody gave: it may be asked for, as in ``{% if tools %}``, but not written."""

        __slots__ = ()
        __str__ = Undefined._fail_with_undefined_error

    return ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, undefined=Unknown)


def _check(index: int, message: Message, special: Collection[str]) -> None:
    if not isinstance(message, Mapping) or set(message) != {"role", "content"}:
        raise TypeError(f'message {index} must be {{"role": ..., "content": ...}}, got {message!r}')
    one_of(f"message {index}: its role", message["role"], ROLES)
    if not isinstance(message["content"], str):
        raise TypeError(f"message {index}: its content must be a str, got {message['content']!r}")
    refuse_special(f"message {index}", message["content"], special)


def refuse_special(what: str, text: str, special: Collection[str]) -> None:
    """Refuse a text that holds the spelling of a token that marks turns.

    Raises:
        ValueError: if there is one; the message names it.
    """
    for token in special:
        if token in text:
            raise ValueError(f"{what} holds {token}, which marks turns and is no text; take it out")
