"""Names that people give of themselves: handles on other services, and names of persons."""

from market_opinion.stages.personal.kind import GLUE, HERE, USER, Kind

# Services whose name alone before a handle tells it.
_SERVICE = (
    r"(?:ig|insta|instagram|snap|snapchat|telegram|tg|discord|kik|tiktok|skype|twitter|whatsapp"
    r"|venmo|psn|xbox live|wechat|viber|twitch|bluesky|bsky|cash ?app|mastodon|vk|zalo"
    r"|kakao(?:talk)?|bereal|strava|threema|tumblr|soundcloud|onlyfans)"
)
# Games' and shops' own services, which people speak of far more often than of their names there.
_PLATFORM = (
    r"(?:steam|xbox|epic|signal|switch|origin|battle\.?net|linkedin|youtube|line|reddit|threads"
    r"|paypal|gmail|hotmail|yahoo|icloud)"
)
# Of these a name is told by a colon as well, if it has a digit or a sign.
_PURSE = r"(?:paypal|gmail|hotmail|yahoo|icloud|threads|reddit|youtube|linkedin)"
# What people say of a service, and of a name as such: no names themselves.
_ORDINARY = (
    r"(?:[a-z]+(?:ing|ed|able|ible|less|ly|ful|est|ous)|a|able|all|alright|also|always|amazing|an"
    r"|and|as|at|awesome|awful|bad|banned|best|better|blank|blurry|broken|but|choppy|clean|clear"
    r"|compatible|crap|crashes|dark|dead|decent|default|down|drains|easy|empty|excellent|fast|fine"
    r"|first|fresh|full|garbage|gone|good|great|heavy|hidden|hot|huge|in|instant|is|it|janky|just"
    r"|lags|laggy|late|light|long|loud|low|mediocre|meh|messy|mid|mine|missing|my|never|new|nice|no"
    r"|none|not|now|off|okay|old|on|one|only|open|out|over|perfect|poor|pretty|quick|quiet|quite"
    r"|really|rough|safe|same|sharp|short|slow|smooth|so|soft|solid|still|stuck|stutters|super|sync"
    r"|taken|terrible|that|the|there|this|too|trash|unstable|unusable|up|useless|usually|very|weird"
    r"|well|works|worse|worst|wrong|yes|your"
    r"|(?:iphone|ipad|galaxy|pixel|snapdragon|exynos|android|ios|samsung|apple|google|version|update"
    r"|dark|hdr|vp|av|mode)[a-z0-9]*)"
)
_THEN = r"([,;!?)]|\.?\s*$|\.\s| (?:btw|if|for|dm|add|hmu|and|on|there|too|lol)\b)"
_ARROW = r"(?:->|[:=→➡▶👉📷📸📩-])"
_ANY_HANDLE = r"@?[A-Za-z][A-Za-z0-9_.:-]{2,30}"
_HANDLE = r"[@$]?(?:live:)?[A-Za-z][A-Za-z.]*[0-9_][A-Za-z0-9_.]*(?:#[0-9]{3,5})?"
_DOTTED = r"@?[A-Za-z][A-Za-z0-9_]*\.[A-Za-z][A-Za-z0-9_.]*"
_NICK = r"(?:user ?name|handle|gamer ?tag|nick(?:name)?|alias|screen name|login)"
_TAG = r"(?:name|id|handle|user|username|tag|nick)"
_WORDS_BETWEEN = rf"(?:'s)?(?: (?:{_TAG}|is|me|at|on|as|it's|es|ist|est|c'est|è|é))*"
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
_OTHER_CUE = (
    r"(?:me llamo|mi nombre es|ich hei(?:ß|ss)e|mein name ist|je m'appelle|mon nom est|mi chiamo"
    r"|il mio nome è|meu nome é|me chamo|ik heet|mijn naam is|jag heter)"
)
_NAME_CUE = (
    r"(?i:(?:my|his|her|the|whose|their)(?: [A-Za-z]+'s)?"
    r" (?:full |real |first |last )?name(?: is|'s| was)|[A-Za-z]+'s name is"
    rf"|{_OTHER_CUE}|name:|call me|(?:i'm|i am) called|signed,?"
    r"|yours(?: truly| sincerely| faithfully)?,?)"
)
_SIGN_OFF = (
    r"(?:(?i:(?:kind |best |warm )?regards|best wishes|all the best|cheers|sincerely|thanks"
    r"|thank you|thx|(?:mit freundlichen |viele |liebe )?gr(?:ü|ue)(?:ß|ss)en?|(?:un )?saludos?"
    r"|cordialement|(?:cordiali )?saluti|atenciosamente|abra[cç]os?|groet(?:en|jes)?|greetings)"
    r"(?:[,!.]\s*|\s+)|(?i:best),\s*)"
)
_SIGNED = rf"{_WORD}(?: {_PARTICLE}){{0,2}} (?:{_WORD}|[A-ZÀ-Þ]\.?)(?: {_WORD})?"
# First words that say who somebody is to the writer, or how to address somebody.
_RELATIVE = (
    r"(?:wife|husband|son|daughter|brother|sister|mum|mom|dad|mother|father|friend|boss|colleague"
    r"|neighbou?r|partner|girlfriend|boyfriend|doctor|teacher|cousin|uncle|aunt)"
)
_TITLE = r"(?:Mr|Mrs|Ms|Dr|Prof|Herr|Frau|Mme|Madame|Monsieur|Señora?|Sra?)"
_CHARACTER = r"(?:Beast|Bean|Mobile|Robot|Pepper|Wick|Freeze|Incredible|Meeseeks|Clean)"
_I_AM = r"(?:[Ss]oy|[Jj]e suis|[Ii]k ben|[Ss]ono|[Ss]ou(?: [oa])?)"
# A lower-case word after "my name is" that tells something of the name.
_OF_A_NAME = (
    r"(?:[a-z]+(?:ing|ed|en|able|ly)|all|also|always|and|at|blank|by|cut|everywhere|for|gone|in|just"
    r"|left|long|never|no|not|now|off|on|only|out|over|shown|so|still|that|the|there|too|under|unique"
    r"|very|visible|with|wrong)"
)

_CAPITAL = r"[A-ZÀ-Þ][A-Za-zÀ-ɏ'-]"
# What the words before a name end in, and its first letter.
_CUE = (
    r"(?i-u:\bname(?: is|'s|:| was)|call me|m called|signed,?"
    r"|sincerely,?|yours,?|truly,?|faithfully,?) [A-ZÀ-Þ]"
    r"|(?i-u:regards|wishes|all the best|cheers|sincerely|thanks|thank you|thx)"
    r"(?:[,!.]\s*|\s+)[A-ZÀ-Þ]"
    r"|(?i-u:best),\s*[A-ZÀ-Þ]"
    r"|(?:I(?: a|')m|his is) [A-ZÀ-Þ]"
)

HANDLE_KIND = Kind(
    "handle",
    USER,
    rf"(?i-u:\b(?:(?:{_SERVICE}|gamer ?tag|user ?name|screen name|{_PLATFORM} {_TAG}|signal me"
    rf"|my (?:{_PLATFORM}|{_NICK}))\b|{_PURSE} ?:|user:))"
    rf"|(?i-u:[0-9_][a-z0-9_.#]* on (?:{_SERVICE}|{_PLATFORM})\b)|#[0-9]{{4}}|SW-[0-9]{{4}}-",
    (
        (
            (rf"(?i)\b((?:{_SERVICE}(?: {_TAG})?(?: is| ?[:=])|my {_NICK} is) ?)({_ORDINARY}\b)"),
            f"${{1}}{GLUE}${{2}}",
        ),
        (rf"(?i)\b((?:my )?{_PURSE}(?: is|'s|:) ?)({_ORDINARY}\b)", f"${{1}}{GLUE}${{2}}"),
        (rf"(?i)\b({_SERVICE}{_WORDS_BETWEEN} ?{_ARROW}\x{{fe0f}}? ?){_HANDLE}", f"${{1}}{HERE}"),
        (
            (
                rf"(?i)\b(my (?:{_SERVICE}|{_NICK})(?: {_TAG})?(?: is|'s) )"
                rf"[a-z][a-z._-]{{3,30}}{_THEN}"
            ),
            f"${{1}}{HERE}${{2}}",
        ),
        (
            (
                rf"(?i)\b((?:my {_PURSE}(?: is|'s)|{_PURSE} ?:) ?)"
                r"[a-z][a-z.]{3,}[0-9_][a-z0-9_.-]*"
            ),
            f"${{1}}{HERE}",
        ),
        (
            r"(?i)\b((?:cash ?app|cashtag|venmo)(?::| is)? ?)\$[a-z][a-z0-9_-]{2,}",
            f"${{1}}{HERE}",
        ),
        (r"(?i)\b(user: ?)[a-z][\w.-]*[0-9_][\w.-]*", f"${{1}}{HERE}"),
        (r"\bSW-[0-9]{4}-[0-9]{4}-[0-9]{4}\b", HERE),
        (r"\b[A-Za-z][A-Za-z0-9_.]{2,31}#[0-9]{4}\b", HERE),
        (
            (
                rf"(?i)\b({_SERVICE}{_WORDS_BETWEEN}"
                rf"(?: ?(?:[:=→-]|->|,) ?@?| ))(?:{_HANDLE})"
            ),
            f"${{1}}{HERE}",
        ),
        (
            rf"(?i)\b({_SERVICE}(?: {_TAG})?(?: is| ?(?:[:=→]|->)) ?){_DOTTED}",
            f"${{1}}{HERE}",
        ),
        (
            rf"(?i)\b((?:{_SERVICE}|{_PLATFORM}) {_TAG}(?: is| ?[:=]) ?){_ANY_HANDLE}",
            f"${{1}}{HERE}",
        ),
        (
            rf"(?i)\b({_SERVICE}(?: (?:{_TAG}|me))? ?(?:[:=→]|->) ?){_ANY_HANDLE}",
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
        (GLUE, ""),
    ),
    "discord milaexample#0001, snap: milaexample",
    "milaexample",
    "discord runs well, Telegram 11 is out, Snapchat: awful, my insta is blurry",
    hint=rf"(?i-u:[0-9_][a-z0-9_.#]* on {_PLATFORM}\b)|#[0-9]{{4}}|(?i-u:\b(?:ig|tg|vk)\b)",
    words=(
        *("insta", "snap", "telegram", "discord", "kik", "tiktok", "skype", "twitter"),
        *("whatsapp", "venmo", "psn", "xbox live", "wechat", "viber", "twitch", "bluesky", "bsky"),
        *("cash app", "cashapp", "cashtag", "mastodon", "zalo", "kakao", "bereal", "strava"),
        *("threema", "tumblr", "soundcloud", "onlyfans", "gamertag", "gamer tag", "username"),
        *("user name", "screen name", "signal me", "user:", "sw-", "handle", "nick", "alias"),
        *("login", "my steam", "my xbox", "my epic", "my signal", "my switch", "my origin"),
        *("my battle", "linkedin", "youtube", "my line", "reddit", "threads", "paypal", "gmail"),
        *("hotmail", "yahoo", "icloud", " name", " id", " user", " tag"),
    ),
)
NAME_KIND = Kind(
    "name",
    USER,
    rf"(?i-u:\bname(?: is|'s|:| was)|call me|m called|\bsigned,?|sent by"
    rf"|\byours(?: truly| sincerely| faithfully)?,?) {_CAPITAL}"
    rf"|(?:^|[\n.!?-])\s*{_SIGN_OFF}{_CAPITAL}|(?:I(?: a|')m|his is) {_WORD} {_CAPITAL}"
    rf"|(?:I(?: a|')m|his is) {_WORD} {_PARTICLE} |(?:^|[\n,.!] ?){_FULL_NAME} here"
    rf"|(?i:{_OTHER_CUE}|my name(?: is|'s)) [a-zà-þA-ZÀ-Þ]|(?-u:\b){_TITLE}\.? [A-ZÀ-Þ]"
    rf"|(?i-u: {_RELATIVE},? )[A-ZÀ-Þ]|(?:{_I_AM}|[Ii]ch bin) [A-ZÀ-Þ]",
    (
        (rf"(?i)\b(my name(?: is|'s) )({_OF_A_NAME}\b)", f"${{1}}{GLUE}${{2}}"),
        (r"\b((?i:my name(?: is|'s)) )[a-zà-þ'-]{3,20}(?: [a-zà-þ'-]{3,20}$)?", f"${{1}}{HERE}"),
        (rf"\b((?:Mrs?|Ms\.|Herr|Frau|Mme|Señora?)\.? )(?:{_CHARACTER})\b", f"${{1}}{GLUE}"),
        (rf"\b({_TITLE}\.? ){_WORD} {_WORD}", f"${{1}}{HERE}"),
        (rf"\b((?:Mrs?|Ms\.|Herr|Frau|Mme|Señora?)\.? ){_WORD}", f"${{1}}{HERE}"),
        (rf"(?-u:\b)({_NO_PERSON})(?-u:\b)", f"{GLUE}${{1}}"),
        (rf"\b({_NAME_CUE} ){_ANY_NAME}", f"${{1}}{HERE}"),
        (rf"\b((?i:(?:my|his|her|our) {_RELATIVE}),? ){_FULL_NAME}", f"${{1}}{HERE}"),
        (rf"\b({_I_AM} ){_FULL_NAME}", f"${{1}}{HERE}"),
        (rf"\b((?i:sent by) ){_FULL_NAME}", f"${{1}}{HERE}"),
        (rf"\b([Ii]ch bin ){_FULL_NAME}( aus\b|,)", f"${{1}}{HERE}${{2}}"),
        (
            rf"((?:^|[\n.!?-])\s*{GLUE}?{_SIGN_OFF}){_SIGNED}(\s*[.!]?\s*(?:\n|$))",
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
    "my name is on the box, and they call me an idiot; clearly written by Gemini",
    hint=rf"{_CUE}|[A-ZÀ-Þ][^ ]+ here",
    words=(
        *("me llamo", "me chamo", "nombre es", "mi chiamo", "name ist", "m'appelle", "nom est"),
        *("nome ", "ik heet", "naam is", "jag heter", "je suis", "ik ben", "ich ", "soy ", "sono "),
        *(
            "sou ",
            "cordialement",
            "saluti",
            "saludo",
            "atenciosamente",
            "groet",
            "greetings",
            "grü",
        ),
        *(
            "grue",
            "grÜ",
            "abra",
            "my name",
            "sent by",
            "mr ",
            "mr. ",
            "mrs ",
            "mrs. ",
        ),
        *(
            "ms. ",
            "ms ",
            "dr ",
            "dr. ",
            "prof",
            "herr",
            "frau",
            "mme",
            "madame",
            "monsieur",
            "señor",
        ),
        *("sr ", "sr. ", "sra ", "sra. "),
        *(f" {who}" for who in ("wife", "husband", "son ", "daughter", "brother", "sister", "mum")),
        *(f" {who}" for who in ("mom", "dad", "mother", "father", "friend", "boss", "colleague")),
        *(f" {who}" for who in ("neighbo", "partner", "girlfriend", "boyfriend", "doctor", "son,")),
        *(f" {who}" for who in ("teacher", "cousin", "uncle", "aunt")),
    ),
)
