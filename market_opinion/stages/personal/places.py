"""Places where somebody lives or is: coordinates and street addresses."""

from market_opinion.stages.personal.kind import GLUE, HERE, PLACE, Kind

_FOUR, _FIVE = r"[0-9]{1,3}\.[0-9]{4,}°?", r"[0-9]{1,3}\.[0-9]{5,}°?"
_TWO = r"[0-9]{1,3}\.[0-9]{2,}°?"
_ARC = r"[0-9]{1,3} ?° ?[0-9]{1,2}(?:\.[0-9]+)?'?(?: ?[0-9]{1,2}(?:\.[0-9]+)?\"?)?"
_STREET = (
    r"(?:Street|St|Avenue|Ave|Road|Rd|Lane|Ln|Drive|Dr|Boulevard|Blvd|Court|Ct|Way|Place|Square"
    r"|Terrace|Close|Crescent|Gardens|Gdns|Grove|Mews|Heights|Parkway|Pkwy|Highway|Hwy|Plaza)"
)
_WORD = r"[A-ZÀ-Þ][A-Za-zÀ-ɏ'.-]*"
_NAME = r"[A-ZÀ-Þ][A-Za-zÀ-ɏ'-]+"
# Numbers that count things, before words that are also streets.
_COUNTED = (
    r"(?:Star|Mile|Gorilla|Galaxy|Pixel|Ball|Infinite|Single|Double|Gen|GB|MP|Series|Plus|Pro|Max"
    r"|Ultra|Mini|Fold|Way|Court|Drive|Place|Square|Point|Lane|Player|Inch|Hour|Day|Minute|Year)"
)
_UNIT = r"(?:[Ff]lat|[Aa]pt|[Aa]partment|[Uu]nit|[Ss]uite)\.? ?#?[0-9]{1,4}[a-zA-Z]?"

# Said before an address, which may then be of any form.
_LIVING = r"(?:i live (?:at|on)|(?:my|home|our) address(?: is|:)|(?:ship|deliver) (?:it )?to)"
_POSTCODE = r"(?:[0-9]{5}|[A-Z]{1,2}[0-9][0-9A-Z]? [0-9][A-Z]{2}|[0-9]{4} [A-Z]{2})"
_TOWN = rf"(?:,? {_POSTCODE}\b(?: {_NAME}\b)?)?"
_FAR = r"[1-9][0-9]{0,2}\.[0-9]{4,}°?"

_OTHER_STREET = (
    r"(?:[Ss]tra(?:ß|ss)e|[Ss]tr\.|[Ww]eg|[Gg]asse|[Pp]latz|[Aa]llee) [0-9]"
    r"|[0-9](?: (?:bis|ter))?,? (?:rue|avenue|boulevard|place|chemin|quai|allée|impasse) "
    r"|(?:Calle|Avenida|Avda\.?|Rua|Viale|Piazza|Paseo) |(?i-u:p\.? ?o\.? ?box )[0-9]"
    r"|[0-9][a-z]?, (?:[0-9]{4}|[A-Z]{1,2}[0-9])"
)

COORDINATES_KIND = Kind(
    "coordinates",
    PLACE,
    r"[0-9]\.[0-9]{4}|°|[0-9]\.[0-9]{2,} ?[NS](?-u:\b)|(?-u:\b)[NS] ?[0-9]+\.[0-9]{2}"
    r"|(?i-u:\b(?:lat|lon|lng|long|latitude|longitude)(?: is)?[ :=]+-?[0-9])"
    r"|[2-9CFGHJMPQRVWX]{8}\+[2-9CFGHJMPQRVWX]{2}|///[a-z]",
    (
        # Two shares of one have four places too.
        (rf"-?\b{_FAR} ?[NSns]? ?[,;] ?-?{_FOUR}(?: ?[EWew]\b)?", HERE),
        (rf"-?\b{_FOUR} ?[NSns]? ?[,;] ?-?{_FAR}(?: ?[EWew]\b)?", HERE),
        (rf"-?\b{_FIVE} ?[NSns]? ?[,;] ?-?{_FIVE}(?: ?[EWew]\b)?", HERE),
        (rf"\b[NS] ?{_ARC}[, /]+[EW] ?{_ARC}", HERE),
        (r"\b[23456789CFGHJMPQRVWX]{8}\+[23456789CFGHJMPQRVWX]{2,3}\b", HERE),
        (r"///[a-z]+\.[a-z]+\.[a-z]+\b", HERE),
        (rf"-?\b{_FIVE} ?/? ?-?{_FIVE}", HERE),
        (rf"-?\b{_FOUR} ?/? ?-{_FOUR}|-\b{_FOUR} ?/? {_FOUR}", HERE),
        (rf"\b[NS] ?{_TWO}[, /]+[EW] ?{_TWO}", HERE),
        (rf"-?\b{_TWO} ?[NS]\b[, /]*-?{_TWO} ?[EW]\b", HERE),
        (
            (
                r"\b[0-9]{1,3} ?° ?[0-9]{1,2}(?:\.[0-9]+)? ?' ?"
                r"(?:[0-9]{1,2}(?:\.[0-9]+)? ?(?:\"|''))? ?[NSEW]\b"
            ),
            HERE,
        ),
        (
            (
                r"(?i)\b((?:lat|lon|lng|long|latitude|longitude)(?: is)?[ :=]+)"
                r"-?[0-9]{1,3}\.[0-9]{2,}°?"
            ),
            f"${{1}}{HERE}",
        ),
    ),
    "found at 0.12345, 0.54321",
    "0.54321",
    "it scored 1.2345 times as much",
    hint=r"[0-9]\.[0-9]{4}|°|[0-9]\.[0-9]{2,} ?[NS](?-u:\b)|(?-u:\b)[NS] ?[0-9]+\.[0-9]{2}"
    r"|(?i-u:\b(?:lat|lon|lng|long|latitude|longitude)(?: is)?[ :=]+-?[0-9])",
    words=("+", "///"),
)
STREET_KIND = Kind(
    "street",
    PLACE,
    rf"[0-9][a-zA-Z]? (?:[A-ZÀ-Þ0-9][^ ]* ){{1,3}}{_STREET}(?-u:\b)|{_OTHER_STREET}"
    rf"|(?i-u:{_LIVING} )[0-9]|(?i-u:\b(?:post ?code|zip(?: code)?)(?: is|:)? )[A-Z0-9]"
    r"|C/ ?[A-ZÀ-Þ]|Av\. [A-ZÀ-Þ]|ul\. [A-ZÀ-Þ]",
    (
        (rf"\b([0-9]{{1,3}}) ({_COUNTED}\b)", f"${{1}}{GLUE} ${{2}}"),
        (
            (
                rf"(?:\b{_UNIT},? )?\b[0-9]{{1,5}}[a-zA-Z]? "
                rf"(?:(?:{_WORD}|[0-9]{{1,3}}(?:st|nd|rd|th)) ){{1,3}}{_STREET}\b\.?"
                rf"(?:,? {_UNIT})?"
                rf"(?:, {_NAME}(?: {_NAME})?)?(?:,? [A-Z]{{2}}\b)?(?:,? {_POSTCODE}\b)?"
            ),
            HERE,
        ),
        (
            (
                r"\b[A-ZÄÖÜ][A-Za-zÀ-ɏ-]+(?:[Ss]tra(?:ß|ss)e|[Ss]tr\.|[Ww]eg|[Gg]asse|[Pp]latz|[Aa]llee)"
                rf" [0-9]{{1,4}}[a-z]?\b{_TOWN}"
            ),
            HERE,
        ),
        (
            (
                r"\b[0-9]{1,4}(?: (?:bis|ter))?,? "
                r"(?:rue|avenue|boulevard|place|chemin|quai|allée|impasse) "
                rf"(?:de |du |des |la |le |les )*(?:[dl]')?{_NAME}(?: {_NAME})*{_TOWN}"
            ),
            HERE,
        ),
        (
            (
                r"\b(?:(?:Calle|Avenida|Avda\.?|Av\.|Rua|Viale|Piazza|Paseo|ul\.) |C/ ?)"
                rf"(?:de |del |la |los |da |do )*{_NAME}(?: {_NAME})*"
                rf",? (?:n[º°o]?\.? ?)?[0-9]{{1,4}}\b{_TOWN}"
            ),
            HERE,
        ),
        (
            rf"\b{_NAME}(?: {_NAME}){{0,3}} [0-9]{{1,4}}[a-z]?, {_POSTCODE} {_NAME}",
            HERE,
        ),
        (
            (
                rf"\b((?i:{_LIVING}) )[0-9]{{1,5}}[A-Za-z]?,? {_NAME}"
                rf"(?: {_NAME}){{1,4}}(?:, {_NAME}){{0,2}}"
            ),
            f"${{1}}{HERE}",
        ),
        (
            (
                r"\b((?i:post ?code|zip(?: code)?)(?: is|:)? )"
                r"(?:[A-Z]{1,2}[0-9][0-9A-Z]? ?[0-9][A-Z]{2}|[0-9]{5}(?:-[0-9]{4})?)\b"
            ),
            f"${{1}}{HERE}",
        ),
        (r"(?i)\bp\.? ?o\.? ?box [0-9]+\b", HERE),
        (GLUE, ""),
    ),
    "I live at 14 Sample Lane, Exampletown 00000",
    "14 Sample Lane",
    "2 Galaxy phones in a street market, 5 Pixel Buds the Way they are",
    hint=rf"[0-9][a-zA-Z]? (?:[A-ZÀ-Þ0-9][^ ]* ){{1,3}}{_STREET}(?-u:\b)|{_OTHER_STREET}",
    words=(
        *("i live ", "address", "ship ", "deliver ", "postcode", "post code", "zip ", "zip:"),
        *("zip code", "c/", "av. ", "ul. "),
    ),
)
