"""Names that people give of themselves: handles on other services, and names of persons."""

from market_opinion.stages.personal.kind import GLUE, HERE, USER, Kind

# Services whose name alone before a handle tells it.
_SERVICE = (
    r"(?:ig|insta|instagram|snap|snapchat|telegram|tg|discord|kik|tiktok|skype|twitter|whatsapp"
    r"|venmo|psn|xbox live|wechat|viber)"
)
# Games' and shops' own services, which people speak of far more often than of their names there.
_PLATFORM = r"(?:steam|xbox|epic|signal|switch|origin|battle\.?net|linkedin|youtube|line)"
_ANY_HANDLE = r"@?[A-Za-z][A-Za-z0-9_.:-]{2,30}"
_HANDLE = r"@?[A-Za-z][A-Za-z.]*[0-9_][A-Za-z0-9_.]*(?:#[0-9]{3,5})?"
_DOTTED = r"@?[A-Za-z][A-Za-z0-9_]*\.[A-Za-z][A-Za-z0-9_.]*"
_TAG = r"(?:name|id|handle|user|username|tag|nick)"
_WORDS_BETWEEN = rf"(?: (?:{_TAG}|is|me|at|on|as|it's))*"
# First words of two capitalised ones that are a product, a firm or a title, and no person.
_NO_PERSON = (
    r"Adobe|Amazon|AMD|Android|Apple|ASUS|Asus|Audi|Best|Big|Black|Blue|BMW|Booking|Chrome|Dell"
    r"|Disney|Dolby|Dual|EA|Epic|Facebook|Face|Fitbit|Fold|Ford|Galaxy|Game|Garmin|Gen|Good|Google"
    r"|Grand|Green|Hilton|Hot|Honda|Honor|Huawei|Hyundai|Instagram|Intel|iPad|iPhone|Kia|Lenovo|LG"
    r"|Mac|Magic|Marriott|Mercedes|Meta|Microsoft|Mobile|Moto|Motorola|My|Never|New|Nintendo|No"
    r"|Nokia|Nothing|Not|Nova|Nvidia|OLED|One|OnePlus|Oppo|Pixel|Play|PlayStation|Pro|Quick|Real"
    r"|Red|Redmi|Reno|Samsung|Same|Snapdragon|Sony|Steam|Super|Team|Tesla|The|This|Toyota|TV|Ultra"
    r"|US|Valve|Very|Vivo|Volkswagen|Windows|Xbox|Xiaomi|Xperia|YouTube|Zen"
)
_WORD = r"[A-ZÀ-Þ][A-Za-zÀ-ɏ'-]+"
_PARTICLE = r"(?:van|von|de|der|den|di|da|del|la|le|el|al|bin|ibn|ten|ter)"
_FULL_NAME = rf"{_WORD}(?:(?: {_PARTICLE}){{0,2}} {_WORD}){{1,2}}"
_ANY_NAME = rf"{_WORD}(?:(?: {_PARTICLE}){{0,2}} {_WORD}){{0,2}}"
_NAME_CUE = (
    r"(?i:(?:my|his|her|the|whose|their)(?: [A-Za-z]+'s)?"
    r" (?:full |real |first |last )?name(?: is|'s| was)|[A-Za-z]+'s name is"
    r"|name:|call me|(?:i'm|i am) called|signed,?|yours(?: truly| sincerely| faithfully)?,?)"
)
_SIGN_OFF = (
    r"(?:(?i:(?:kind |best |warm )?regards|best wishes|all the best|cheers|sincerely|thanks"
    r"|thank you|thx)(?:[,!.]\s*|\s+)|(?i:best),\s*)"
)

_CAPITAL = r"[A-ZÀ-Þ][A-Za-zÀ-ɏ'-]"
# What the words before a name end in, and its first letter.
_CUE = (
    r"(?i-u:\bname(?: is|'s|:| was)|call me|m called|signed,?|sincerely,?|yours,?|truly,?"
    r"|faithfully,?) [A-ZÀ-Þ]"
    r"|(?i-u:regards|wishes|all the best|cheers|sincerely|thanks|thank you|thx)"
    r"(?:[,!.]\s*|\s+)[A-ZÀ-Þ]"
    r"|(?i-u:best),\s*[A-ZÀ-Þ]"
    r"|(?:I(?: a|')m|his is) [A-ZÀ-Þ]"
)

HANDLE_KIND = Kind(
    "handle",
    USER,
    rf"(?i-u:\b(?:{_SERVICE}{_WORDS_BETWEEN}(?: ?(?:->|[:=,-])| ) ?@?[a-z][a-z.]*[0-9_]"
    rf"|(?:my|our|his|her) {_SERVICE}\b|(?:{_SERVICE}|{_PLATFORM}) {_TAG}(?: is| ?[:=])"
    rf"|{_SERVICE}(?: {_TAG})? ?(?:[:=]|->)|{_PLATFORM} {_TAG}\b|user ?name\b|screen name\b"
    rf"|signal me\b|gamer ?tag\b)|[0-9_][a-z0-9_.#]* on (?:{_SERVICE}|{_PLATFORM})\b)"
    rf"|(?i-u:\b{_SERVICE}{_WORDS_BETWEEN} ?)→|#[0-9]{{4}}",
    (
        (r"\b[A-Za-z][A-Za-z0-9_.]{2,31}#[0-9]{4}\b", HERE),
        (
            (
                rf"(?i)\b({_SERVICE}{_WORDS_BETWEEN}"
                rf"(?: ?(?:[:=→-]|->|,) ?@?| ))(?:{_HANDLE})"
            ),
            f"${{1}}{HERE}",
        ),
        (
            rf"(?i)\b((?:my|our|his|her) {_SERVICE}(?: {_TAG})?(?: is| ?(?:[:=→]|->)) ?){_DOTTED}",
            f"${{1}}{HERE}",
        ),
        (
            rf"(?i)\b((?:{_SERVICE}|{_PLATFORM}) {_TAG}(?: is| ?[:=]) ?){_ANY_HANDLE}",
            f"${{1}}{HERE}",
        ),
        (
            rf"(?i)\b({_SERVICE}(?: {_TAG})? ?(?:[:=→]|->) ?){_ANY_HANDLE}",
            f"${{1}}{HERE}",
        ),
        (
            rf"(?i)\b((?:{_PLATFORM} {_TAG}|user ?name|screen name|signal me)[,:]? ){_HANDLE}",
            f"${{1}}{HERE}",
        ),
        (
            (
                r"\b((?i:gamer ?tag|screen name)(?i: is| was)?[:=]? )"
                r"[A-Z0-9][A-Za-z0-9_]+(?: [A-Z0-9][A-Za-z0-9_]*){0,2}"
            ),
            f"${{1}}{HERE}",
        ),
        (rf"(?i)\b[a-z][a-z0-9.]*_[a-z0-9_.]+( on {_SERVICE}\b)", f"{HERE}${{1}}"),
        (
            (
                r"(?i)\b((?:add|find|follow|dm|message|hmu|i'm|i am|me) (?:me )?(?:at |as )?)"
                rf"{_HANDLE}( on (?:{_SERVICE}|{_PLATFORM})\b)"
            ),
            f"${{1}}{HERE}${{2}}",
        ),
    ),
    "discord milaexample#0001, snap: milaexample",
    "milaexample",
    "discord runs well, and Telegram 11 is out",
    hint=rf"(?i-u:\b(?:{_SERVICE}|gamer ?tag|user ?name|screen name|{_PLATFORM} {_TAG}|signal me)"
    r"\b)"
    rf"|(?i-u:[0-9_][a-z0-9_.#]* on {_PLATFORM}\b)|#[0-9]{{4}}",
)
NAME_KIND = Kind(
    "name",
    USER,
    rf"(?i-u:\bname(?: is|'s|:| was)|call me|m called|\bsigned,?"
    rf"|\byours(?: truly| sincerely| faithfully)?,?) {_CAPITAL}"
    rf"|(?:^|[\n.!?-])\s*{_SIGN_OFF}{_CAPITAL}|(?:I(?: a|')m|his is) {_WORD} {_CAPITAL}"
    rf"|(?:I(?: a|')m|his is) {_WORD} {_PARTICLE} |(?:^|[\n,.!] ?){_FULL_NAME} here",
    (
        (rf"(?-u:\b)({_NO_PERSON})(?-u:\b)", f"{GLUE}${{1}}"),
        (rf"\b({_NAME_CUE} ){_ANY_NAME}", f"${{1}}{HERE}"),
        (
            rf"((?:^|[\n.!?-])\s*{GLUE}?{_SIGN_OFF}){_FULL_NAME}(\s*[.!]?\s*(?:\n|$))",
            f"${{1}}{HERE}${{2}}",
        ),
        (rf"\b(I(?: a|')m ){_FULL_NAME}", f"${{1}}{HERE}"),
        (
            rf"\b([Tt]his is ){_FULL_NAME}(,| from| and| speaking| again|\.|$)",
            f"${{1}}{HERE}${{2}}",
        ),
        (rf"(^|[\n,.!] ?){_FULL_NAME}( here\b)", f"${{1}}{HERE}${{2}}"),
        (GLUE, ""),
    ),
    "my name is Mila Example",
    "Mila Example",
    "my name is on the box, and they call me an idiot",
    hint=rf"{_CUE}|[A-ZÀ-Þ][^ ]+ here",
)
