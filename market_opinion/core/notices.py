"""Notices that a platform leaves in the place of words that are gone."""

import polars as pl

# Signs around a note: markup, spaces, and what cannot be seen.
_SIGNS = r"[\s*_~>`\\\x{200b}-\x{200d}\x{2060}\x{feff}]"
_OF = r"(?:(?:this |the )?(?:comment|post|submission|message|content|user)(?: was| has been)? )?"
_BY = (
    r"(?: by (?:the |a )?(?:user|author|poster|op|mods?|moderators?|automoderator|admins?|reddit))"
)
_INSIDE = r"(?:[^\[\]]|\[[^\]]*\])*"


def _notice(done: str) -> str:
    """Return the pattern of a whole body that says that its text was deleted or removed.

    It is a note in brackets, in any markup, case and wording, or one short sentence without.
    """
    notes = (
        rf"(?:\[|&#91;){_SIGNS}*{_OF}{done}\b{_INSIDE}(?:\]|&#93;)?",
        rf"(?:[(<]|&lt;){_SIGNS}*{_OF}{done}{_BY}?{_SIGNS}*(?:[)>]|&gt;)",
        rf"(?:this |the |your )?(?:comment|post|submission|message)(?: was| has been)? {done}{_BY}",
        rf"(?:this|your) (?:comment|post|submission|message) (?:was|has been) {done}",
    )
    return rf"(?i)^{_SIGNS}*(?:{'|'.join(notes)})(?:{_SIGNS}|\.)*$"


DELETED = _notice("deleted")
REMOVED = _notice("removed")


def is_gone(body: pl.Expr) -> pl.Expr:
    """Return whether a body says that its text was deleted or removed."""
    return body.str.contains(f"(?:{DELETED})|(?:{REMOVED})").fill_null(value=False)


def says_gone(body: str | None) -> bool:
    """Return the same of one body, or of none."""
    return bool(pl.select(is_gone(pl.lit(body, pl.String))).item())
