"""Numbers that name a person, an account or a device: told by check digits and by words beside."""

import re
from collections.abc import Callable, Iterator

import stdnum.br.cpf
import stdnum.es.dni
import stdnum.fr.nir
import stdnum.iban
import stdnum.imei
import stdnum.in_.aadhaar
import stdnum.luhn
import stdnum.za.idnr

from market_opinion.stages.personal.kind import HERE, NUMBER, Kind

# A word that far from a number says what the number is.
_NEAR = 40
_CARD_LENGTHS = range(14, 20)
# Card schemes by first digit: 1, 7, 8 and 9 belong to no card that people pay with.
_CARD_FIRST = "23456"
_IMEI_LENGTH = 15
_CARD_CUE = re.compile(
    r"(?i)\b(?:card|visa|master ?card|mc|amex|american express|credit|debit|diners|discover|jcb)\b"
)
_IMEI_CUE = re.compile(r"(?i)imei|\bimsi\b|\biccid\b|\bmeid\b")
_IBAN_CUE = re.compile(r"(?i)\biban\b|\bbank|\baccount\b|\bacct\b|\bpay\b|\btransfer")
_NUMBER = re.compile(r"(?<![\w.,])[0-9](?:[ .-]?[0-9]){12,19}(?![\w]|[.,][0-9])")
# No country's accounts begin with nine letters.
_IBAN_START = r"[A-Za-z]{2}[0-9]{2}(?:[ .-]?[A-Za-z]){0,8}[ .-]?[0-9]"
_IBAN = re.compile(
    rf"(?<!\w)(?={_IBAN_START})[A-Za-z]{{2}}[0-9]{{2}}(?:[ .-]?[A-Za-z0-9]){{11,30}}(?!\w)"
)
_IBAN_LENGTHS = range(15, 35)
_GROUPED_IBAN = re.compile(
    r"[A-Z]{2}[0-9]{2}(?:[ .-]?[A-Z0-9]{4}){2,7}(?:[ .-]?[A-Z0-9]{1,3})?(?!\w)"
)
_SOCIAL = (
    (re.compile(r"(?<![\w.])[0-9]{8}-?[A-HJ-NP-TV-Z](?!\w)"), stdnum.es.dni.is_valid),
    (re.compile(r"(?<![\w.])[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}(?!\w)"), stdnum.br.cpf.is_valid),
    (re.compile(r"(?<![\w.])[0-9]{6} ?[0-9]{4} ?[0-9]{3}(?!\w)"), stdnum.za.idnr.is_valid),
    (
        re.compile(r"(?<![\w.])[12](?: ?[0-9]{2}){3}(?: ?[0-9]{3}){2} ?[0-9]{2}(?!\w)"),
        stdnum.fr.nir.is_valid,
    ),
    (re.compile(r"(?<![\w.])[0-9]{4} [0-9]{4} [0-9]{4}(?![\w ]\d)"), stdnum.in_.aadhaar.is_valid),
)
_SOCIAL_CUE = (
    r"(?:ssn|my social|social security|nino|ni number|national insurance|cpf|aadhaar|pesel|bsn"
    r"|passport|tax id|id number|id no|national id|secu|dni|driver'?s? licen[cs]e|licen[cs]e number"
    r"|steuer-?id)"
)
_BIRTH_CUE = r"(?:born(?: on)?|dob|date of birth|birth ?date|birthday)"


def _is_near(cue: re.Pattern[str], text: str, start: int, end: int) -> bool:
    """Return whether the cue stands beside the span."""
    return cue.search(text[max(0, start - _NEAR) : end + _NEAR]) is not None


def _digits(written: str) -> str:
    return "".join(filter(str.isdigit, written))


def cards(text: str) -> Iterator[tuple[int, int]]:
    """Yield the spans of payment cards: by check digit, or by a word beside them."""
    for match in _NUMBER.finditer(text):
        digits = _digits(match.group())
        has_card_form = len(digits) in _CARD_LENGTHS and digits[0] in _CARD_FIRST
        if (has_card_form and stdnum.luhn.is_valid(digits)) or (
            _is_near(_CARD_CUE, text, *match.span())
        ):
            yield match.span()


def imeis(text: str) -> Iterator[tuple[int, int]]:
    """Yield the spans of device numbers: by check digit, or by `IMEI` beside them."""
    for match in _NUMBER.finditer(text):
        digits = _digits(match.group())
        if (len(digits) == _IMEI_LENGTH and stdnum.imei.is_valid(digits)) or (
            _is_near(_IMEI_CUE, text, *match.span())
        ):
            yield match.span()


def ibans(text: str) -> Iterator[tuple[int, int]]:
    """Yield the spans of bank accounts: by check digits, or by form and a word before them."""
    for match in _IBAN.finditer(text):
        start = match.start()
        end = _iban_end(match.group())
        if end is None and _is_near(_IBAN_CUE, text, start, start):
            form = _GROUPED_IBAN.match(match.group())
            end = form.end() if form else None
        if end is not None:
            yield start, start + end


def _iban_end(written: str) -> int | None:
    """Return where the account ends that the text begins with; None without one."""
    signs = [n for n, sign in enumerate(written) if sign.isalnum()]
    for length in _IBAN_LENGTHS:
        if length > len(signs):
            return None
        end = signs[length - 1] + 1
        if not written[end : end + 1].isalnum() and stdnum.iban.is_valid(
            written[:end].replace("-", "").replace(".", "")
        ):
            return end
    return None


def social_numbers(text: str) -> Iterator[tuple[int, int]]:
    """Yield the spans of national numbers whose check digits hold."""
    for pattern, is_valid in _SOCIAL:
        yield from _valid(pattern, is_valid, text)


def _valid(
    pattern: re.Pattern[str], is_valid: Callable[[str], bool], text: str
) -> Iterator[tuple[int, int]]:
    for match in pattern.finditer(text):
        if is_valid(match.group()):
            yield match.span()


IBAN_KIND = Kind(
    "iban",
    NUMBER,
    rf"(?-u:\b){_IBAN_START}",
    (),
    "pay to DE89 3704 0044 0532 0130 00",
    "3704 0044 0532",
    "a UP1A.231005.007 build, an SM-S921B, part AB12 3456 7890 1234 5",
    ibans,
)
SOCIAL_NUMBER_KIND = Kind(
    "social_number",
    NUMBER,
    rf"[0-9]{{3}}-[0-9]{{2}}-|(?:[0-9][ .-]?){{11}}|[0-9]{{2}} [0-9]{{2}} [0-9]{{2}} [A-D]"
    rf"|(?i-u:\b{_SOCIAL_CUE}\b)|[sS][éÉ][cC][uU]|(?i-u:\b{_BIRTH_CUE}(?: is|:)? ?[0-9])"
    r"|[0-9]{8}-?[A-Z]",
    (
        (
            (
                rf"(?i)\b({_BIRTH_CUE}(?: is|:)? ?)"
                r"(?:[0-3]?[0-9][./-][0-3]?[0-9][./-](?:[0-9]{2}){1,2}"
                r"|(?:19|20)[0-9]{2}-[01][0-9]-[0-3][0-9])\b"
            ),
            f"${{1}}{HERE}",
        ),
        (r"\b[0-9]{3}-[0-9]{2}-[0-9]{4}\b", HERE),
        (r"\b[A-Z]{2} [0-9]{2} [0-9]{2} [0-9]{2} [A-D]\b", HERE),
        (
            (
                rf"(?i)\b((?:{_SOCIAL_CUE}|sécu)(?: (?:number|no|nr|is|was))*[.,]?(?: ?[:#=(]| ) ?)"
                r"[a-z]{0,2}[0-9](?:[ ./-]?[0-9]){5,20}(?:[a-z]\b)?"
            ),
            f"${{1}}{HERE}",
        ),
    ),
    "my SSN is 987-65-4321",
    "987-65-4321",
    "a 123-45-60 tune, and EAN 4006381333931",
    social_numbers,
    hint=r"[0-9]{3}-[0-9]{2}-|(?:[0-9][ .-]?){11}|[0-9]{2} [0-9]{2} [0-9]{2} [A-D]"
    r"|[sS][éÉ][cC][uU]|[0-9]{8}-?[A-Z]",
    words=(
        *("ssn", "my social", "social security", "nino", "ni number", "national insurance", "cpf"),
        *("aadhaar", "pesel", "bsn", "passport", "tax id", "id number", "id no", "national id"),
        *("secu", "dni", "licen", "steuer", "born", "dob", "date of birth", "birth"),
    ),
)
CARD_KIND = Kind(
    "card",
    NUMBER,
    r"(?:[0-9][ .-]?){13}",
    (),
    "paid with 4111 1111 1111 1111",
    "1111",
    "order 114-0000000-0000000, and 4111 1111 1111 1112 points",
    cards,
)
IMEI_KIND = Kind(
    "imei",
    NUMBER,
    r"(?:[0-9][ .-]?){13}",
    (),
    "mine is 490154203237518",
    "490154203237518",
    "serial 490154203237519",
    imeis,
)
