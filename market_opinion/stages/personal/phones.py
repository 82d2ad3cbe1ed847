"""Phone numbers: by form where a form is clear, else by a country's numbering plan."""

import re
from collections.abc import Iterator
from functools import lru_cache

import phonenumbers

from market_opinion.stages.personal.kind import HERE, PHONE, Kind

# Countries whose plans are asked about a number without a country code: most of what is written.
_REGIONS = (
    "US GB DE FR IN BR AU ZA CA ES IT NL PL SE IE MX NG KE PH SG MY ID JP KR TR AE SA PK BD EG AR"
    " CO CL NZ CH AT BE PT NO DK FI GR RO CZ HU UA VN TH HK"
).split()
_CANDIDATE = re.compile(
    r"(?<![\w.,#+$€£-])\(?[0-9](?:[ ./()-]{0,2}[0-9]){6,14}(?![\w%]|[.,-][0-9])"
)
_CUE = re.compile(
    r"(?i)\b(?:call|text|phone|ring|tel|whatsapp|sms|number|cell|mobile|reach|zap|fon|handy"
    r"|telefon|t[ée]l|numero|dial|hotline)(?:ed)?\b\W*(?:me|us|is|at|on|no)?\W{0,3}$"
)
# Words that say that a number beside them counts something, or is of a thing.
_OTHER_BEFORE = re.compile(
    r"(?i)\b(?:case|order|ticket|serial|score[ds]?|scoring|build|part|model|isbn|ean|upc|version|lot"
    r"|code|error|sku|tracking|ref|firmware|over|about|of|kernel|limit|antutu|sn|pn|invoice|s/n|p/n"
    r"|geekbench|3dmark|points|date|asin|driver)\b\W*(?:number|no|is|of|on|id)?\W{0,3}$"
)
_OTHER_AFTER = re.compile(
    r"(?i)^\W{0,2}(?:mm|fps|hz|nits|[gmt]b|mp|points|coins|downloads|colou?rs|units|sold|views|km|miles|hours|h|users|pixels"
    r"|build|models?|people|subscribers|bytes|cycles|steps|photos|mah|rpm|is the (?:limit|max))\b"
)
_THOUSANDS = re.compile(r"[1-9][0-9]{0,2}(?:[ .][0-9]{3}){2,}$")
_YEARS = re.compile(r"(?<!\d)(?:(?:19|20)[0-9]{2}[ ./-]?)++(?:[0-9]{1,2}[ ./-]?){0,2}$")
_DATE = re.compile(r"(?:19|20)[0-9]{2}[ ./-]?[01][0-9][ ./-]?[0-3][0-9]")
# The largest numbers of 31 and 32 bits, which games and logs show.
_LIMITS = {"2147483647", "2147483648", "4294967295", "4294967296"}
_DECIMAL = re.compile(r"(?<!\d)[0-9]++\.[0-9]++$")
_NOT_PHONES = (_THOUSANDS, _YEARS, _DATE, _DECIMAL)
# Groups after a national zero, as most of Europe, Africa and Australia write.
_AFTER_ZERO = re.compile(
    r"00?[0-9]{1,4}[ ./-][0-9]{3,4}(?:[ ./-]?[0-9]{2,4}){1,3}|0[0-9]{2,4}[ /-][0-9]{6,8}$"
)
_BARE_LENGTHS = (10, 11)
_SPACE = r"[ ./()–-]"


def phones(text: str) -> Iterator[tuple[int, int]]:
    """Yield the spans of numbers that a country's plan knows, or that a word announces."""
    for match in _CANDIDATE.finditer(text):
        start, end = match.span()
        before, after = text[max(0, start - 24) : start], text[end : end + 24]
        if _is_phone(match.group(), before, after):
            yield start, end


def _is_phone(written: str, before: str, after: str) -> bool:
    if _OTHER_BEFORE.search(before):
        return False
    if _CUE.search(before):
        return True
    digits = re.sub(r"[^0-9]", "", written)
    if digits in _LIMITS or any(form.match(written) for form in _NOT_PHONES):
        return False
    if _OTHER_AFTER.search(after):
        return False
    if digits == written:
        return _is_written_bare(digits)
    return _AFTER_ZERO.match(written) is not None or _is_written_in_groups(written)


@lru_cache(maxsize=4096)
def _is_written_bare(digits: str) -> bool:
    """Return whether somebody can be called by these digits.

    They are a number of North America, of a plan, or of any country after `00`.
    """
    if digits.startswith("00"):
        return _is_written_abroad(digits)
    if len(digits) not in _BARE_LENGTHS:
        return False
    is_north_american = len(digits) == _BARE_LENGTHS[0] and digits[0] not in "01"
    return is_north_american or any(number is not None for number in _by_plan(digits))


def _is_written_abroad(digits: str) -> bool:
    """Return whether the digits, which begin with `00`, are valid with a `+` in its place."""
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(f"+{digits[2:]}"))
    except phonenumbers.NumberParseException:
        return False


@lru_cache(maxsize=4096)
def _is_written_in_groups(written: str) -> bool:
    """Return whether the number is valid somewhere, and in the groups that people write there."""
    groups = _groups(written)
    return any(_groups(national) == groups for national in _by_plan(written))


def _groups(written: str) -> list[str]:
    """Return the groups of digits, without the zero that is dialled before a national number."""
    return re.findall(r"[0-9]+", written.lstrip("(").removeprefix("0"))


def _by_plan(written: str) -> Iterator[str]:
    """Yield the national form of the number in each country where it is valid."""
    for region in _REGIONS:
        try:
            number = phonenumbers.parse(written, region)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_valid_number(number):
            yield phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL)


PHONE_KIND = Kind(
    "phone",
    PHONE,
    rf"(?:[0-9]{_SPACE}{{0,3}}){{7}}",
    (
        (rf"(^|[^A-Za-z0-9_.+])\+[0-9]{{1,3}}(?:{_SPACE}{{0,2}}[0-9]){{6,12}}", f"${{1}}{HERE}"),
        (
            rf"(^|[^A-Za-z0-9_.,-])00[1-9][0-9]{{0,2}}{_SPACE}{{1,2}}[0-9](?:{_SPACE}{{0,2}}[0-9]){{6,11}}\b",
            f"${{1}}{HERE}",
        ),
        (
            (
                r"(^|[^A-Za-z0-9_.,-])(?:[078][ -]?\(?[0-9]{3}\)?|\(0?[0-9]{2,3}\))[ -]?"
                r"[0-9]{3}[ -][0-9]{2}[ -][0-9]{2}\b"
            ),
            f"${{1}}{HERE}",
        ),
        (r"\(0?[0-9]{1,4}\) ?[0-9]{3,5}[ -]?[0-9]{3,5}\b", HERE),
        (r"(^|[^A-Za-z0-9_.,-])0[0-9](?:[ .-][0-9]{2}){4}\b", f"${{1}}{HERE}"),
        (
            (r"(^|[^A-Za-z0-9_.,-])(?:1[ .-])?\(?[0-9]{3}\)?[ .–-]{0,2}[0-9]{3}[ .–-][0-9]{4}\b"),
            f"${{1}}{HERE}",
        ),
        (r"(^|[^A-Za-z0-9_.,-])[2-9][0-9]{2} [.–-] [0-9]{3} [.–-] [0-9]{4}\b", f"${{1}}{HERE}"),
    ),
    "ring (02) 5550 0123, or 06 39 98 01 23",
    "5550 0123",
    "1440 x 3120 pixels, 4000 mAh, 2025-11-03, 100 000 000 of 2147483647",
    phones,
)
