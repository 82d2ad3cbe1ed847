"""Mentions: aliases people really type, and no phone where there is none."""

import polars as pl
import pytest

from market_opinion.core.contracts import SILVER_ITEMS, SILVER_MENTIONS
from market_opinion.stages.mentions import find_candidates, find_mentions, unknown_models
from tests.market_opinion.stages.test_bronze import T10


def item(
    item_id="c1",
    text="",
    *,
    title=None,
    community="phones",
    language="und",
    is_usable=True,
    kind="comment",
):
    known = {
        "platform": "reddit",
        "community": community,
        "kind": kind,
        "item_id": item_id,
        "thread_id": "s1",
        "created_at": T10,
        "window_start": T10,
    }
    own = {
        "text": text,
        "context_title": title,
        "language": language,
        "is_usable": is_usable,
        "permalink": "",
    }
    return known | own


def mentioned(domain, *items):
    frame = pl.DataFrame(
        [dict.fromkeys(SILVER_ITEMS.schema) | i for i in items], schema=SILVER_ITEMS.schema
    )
    return SILVER_MENTIONS.check(find_mentions(frame, domain))


def products(domain, text, **fields):
    return mentioned(domain, item(text=text, **fields))["product_id"].to_list()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("my s24u is great", ["samsung-galaxy-s24-ultra"]),
        ("the 15 pro max is heavy", ["apple-iphone-15-pro-max"]),
        ("p8p battery", ["google-pixel-8-pro"]),
        ("Pixel 9 Pro XL or S25+?", ["google-pixel-9-pro-xl", "samsung-galaxy-s25-plus"]),
        ("iphone 15, not iphone 150", ["apple-iphone-15"]),
        ("iphone-16-pro", ["apple-iphone-16-pro"]),
        ("(np3a)", ["nothing-phone-3a"]),
        ("oneplus 13 vs one plus 12", ["oneplus-12", "oneplus-13"]),
        ("my iPhone's screen, iphone 15", ["apple-iphone-15"]),
        ("iphones are fine", ["apple-phone"]),
        ("fold7 or flip 7", ["samsung-galaxy-z-flip-7", "samsung-galaxy-z-fold-7"]),
        ("the X is old, the Note too", []),
        ("take a note of this, edge case, find x", []),
        ("we need 15 pro drivers", []),
        ("the pixels of this screen", []),
        ("nothing beats an ultra wide lens", []),
    ],
)
def test_texts_and_what_they_name(phones, text, expected):
    """As typed on Reddit."""
    assert products(phones, text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # A word of a line is an ordinary one, without its brand in sight.
        ("find 10 people with a phone 5 times by 8pm", []),
        ("HTC One M8, then an i-phone 15", []),
        ("my mate 5 was a note 4", []),
        ("a Galaxy Z Fold 12", ["samsung-phone"]),
        # An article is no part of a model.
        ("gave the Pixel 8 a good battery", ["google-pixel-8"]),
        # Other kinds of product before a short name.
        ("the Galaxy Tab S9", []),
        ("a Sony A7 IV", []),
        # Models of other brands' kinds, which the catalogue lacks.
        ("iPhone 16 Ultra", ["apple-phone"]),
        ("Galaxy S24 Pro", ["samsung-phone"]),
        ("Galaxy A52s", ["samsung-phone"]),
        ("Poco X3 NFC", ["poco-phone"]),
        # Makers glued on, initials, plurals in -es and of names with a plus, and underscores.
        ("#SamsungGalaxyS24Ultra", ["samsung-galaxy-s24-ultra"]),
        ("ip15pm", ["apple-iphone-15-pro-max"]),
        ("two iPhone 15 Pro Maxes", ["apple-iphone-15-pro-max"]),
        ("two S24+s", ["samsung-galaxy-s24-plus"]),
        ("iPhone_15_Pro", ["apple-iphone-15-pro"]),
    ],
)
def test_a_name_is_told_from_what_only_looks_like_it(phones, text, expected):
    """Never the nearest neighbour of what the catalogue lacks."""
    assert products(phones, text) == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (
            {"text": "15 pro or 16 pro? Apple makes it hard"},
            ["apple-iphone-15-pro", "apple-iphone-16-pro"],
        ),
        ({"text": "love my 15 pro", "title": "iPhone battery thread"}, ["apple-iphone-15-pro"]),
        ({"text": "love my 15 pro", "community": "iphone"}, ["apple-iphone-15-pro"]),
        ({"text": "love my 15 pro", "community": "phones"}, []),
        ({"text": "iphone 14 to 15 pro"}, ["apple-iphone-14", "apple-iphone-15-pro"]),
        ({"text": "samsung makes good fridges"}, []),
        ({"text": "samsung phones are good"}, ["samsung-phone"]),
    ],
)
def test_a_short_alias_counts_only_with_its_brand_in_sight(phones, fields, expected):
    """In the text, in the title, by another product or by the community."""
    assert products(phones, **fields) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # Plurals and possessives of models.
        ("two Pixel 8s", ["google-pixel-8"]),
        ("old iPhone 15 Pros", ["apple-iphone-15-pro"]),
        ("my S24's screen", ["samsung-galaxy-s24"]),
        # Hashtags and other glued names; whole words still.
        ("#GalaxyS24Ultra", ["samsung-galaxy-s24-ultra"]),
        ("#Pixel9ProXL", ["google-pixel-9-pro-xl"]),
        ("xiaomi14ultra", ["xiaomi-14-ultra"]),
        ("pixelated, galaxys of stars", []),
        # Spaces and hyphens between letters and digits, and letters that only look otherwise.
        ("a Galaxy S 24", ["samsung-galaxy-s24"]),
        ("\uff49\uff30hone 15", ["apple-iphone-15"]),
        # A model that the catalogue lacks is the brand's row, not its nearest neighbour.
        ("the iPhone SE 4", ["apple-phone"]),
        ("an iPhone SE first gen", ["apple-phone"]),
        ("Pixel 12", ["google-phone"]),
        ("my Galaxy S9", ["samsung-phone"]),
        # The maker's name and the line's before a model are part of its name.
        ("the Samsung Galaxy S25 Ultra", ["samsung-galaxy-s25-ultra"]),
        ("a Samsung Galaxy S9", ["samsung-phone"]),
        ("the Xiaomi 13T", ["xiaomi-phone"]),
        # What else a brand makes is no phone.
        ("a Google Pixel laptop", []),
        ("my Pixel Watch", []),
        ("the Samsung TV in our bedroom", []),
        # The company is none either.
        ("Huawei was banned", []),
        ("my Huawei was fine", ["huawei-phone"]),
    ],
)
def test_spellings_are_derived_and_other_things_are_none(phones, text, expected):
    """Nothing of this is typed into the catalogue."""
    assert products(phones, text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("upgraded from the 13 to the 15", ["apple-iphone-13", "apple-iphone-15"]),
        ("my 14 is fine", ["apple-iphone-14"]),
        ("my 14 hours of battery", []),
        ("there were 15 of us", []),
    ],
)
def test_a_bare_number_is_a_model_where_it_is_said_as_one(phones, text, expected):
    """In a community of the phones whose numbers these are."""
    assert products(phones, text, community="iphone") == [*expected]


def test_spellings_are_derived_in_every_domain(repository_domains):
    """Cars, games and hotels have plurals and glued names as phones have."""
    for domain, text, expected in (
        ("cars", "two Tesla Model 3s", "tesla-model-3"),
        ("games", "#EldenRing", "fromsoftware-elden-ring"),
        ("hotels", "all Sheratons", "marriott-sheraton"),
    ):
        assert products(repository_domains(domain), text) == [expected]


def reasons(domain, *items):
    frame = pl.DataFrame(
        [dict.fromkeys(SILVER_ITEMS.schema) | i for i in items], schema=SILVER_ITEMS.schema
    )
    found = SILVER_MENTIONS.check(find_candidates(frame, domain))
    return {(row["product_id"], row["reason"]): row["confidence"] for row in found.to_dicts()}


def test_being_in_a_thread_is_no_reason(phones):
    """A comment refers to the thread's product by more than standing below its title."""
    title = "Galaxy S24 after a year"
    assert products(phones, "that is so funny, thanks", title=title) == []
    assert products(phones, "mine dies by noon", title=title) == ["samsung-galaxy-s24"]
    found = reasons(phones, item("a", "that is so funny, thanks", title=title))
    assert found == {("samsung-galaxy-s24", "referred"): pytest.approx(0.1)}


def test_a_title_of_several_products_is_referred_to_by_nobody_for_sure(phones):
    """Rules cannot say which, a scorer that reads may; a list of products is no thread of any."""
    title = "Galaxy S24 or Pixel 9?"
    assert products(phones, "mine is great", title=title) == []
    found = reasons(phones, item("a", "the camera is better on the Pixel 9", title=title))
    assert found["samsung-galaxy-s24", "referred"] == pytest.approx(0.1)
    assert ("google-pixel-9", "named") in found
    many = "iPhone 15, Galaxy S24, Pixel 9 and OnePlus 12 compared"
    assert reasons(phones, item("a", "mine is great", title=many)) == {}


def test_a_full_name_is_its_product_alone(phones):
    """With the maker before it: `Samsung Galaxy S24 Ultra` names no other Samsung as well."""
    misread = {}
    for product in phones.products:
        if product.category == "brand":
            continue
        text = f"I like the {product.brand} {product.product}"
        named = [p for p, reason in reasons(phones, item("a", text)) if reason == "named"]
        if named != [product.product_id]:
            misread[text] = named
    assert misread == {}


def test_what_only_a_brand_has_may_speak_of_its_phones(phones):
    """The rules leave it, a scorer that reads may take it."""
    for text, row in (
        ("Siri is useless", "apple-phone"),
        ("Apple releases the same thing every year", "apple-phone"),
        ("One UI got slower", "samsung-phone"),
    ):
        assert products(phones, text) == []
        assert reasons(phones, item("a", text))[row, "named"] == pytest.approx(0.3)
    assert reasons(phones, item("a", "Google Maps sent me there, just google it")) == {}


def test_owners_speak_of_their_phone_without_its_name(phones):
    """In a community of one brand's owners, where no title says another product."""
    found = reasons(phones, item("a", "my phone keeps restarting", community="iphone"))
    assert ("apple-phone", "referred") in found


def test_what_begins_a_thread_may_speak_of_its_community_s_product(phones):
    """Where it names no other; elsewhere it refers to nothing."""
    question = item("a", "Alarm stays silent, anyone else?", community="iphone", kind="submission")
    assert set(reasons(phones, question)) == {("apple-phone", "referred")}
    other = question | {"text": "Sold my Pixel 9", "context_title": "Sold my Pixel 9"}
    assert set(reasons(phones, other)) == {("google-pixel-9", "title")}
    assert reasons(phones, question | {"community": "phones"}) == {}


def test_a_community_with_a_product_s_name_is_about_it(phones, repository_domains):
    """Also glued and with an underscore; the name of a maker or of another thing is none."""
    found = reasons(phones, item("a", "mine dies by noon", community="S24Ultra"))
    assert set(found) == {("samsung-galaxy-s24-ultra", "referred")}
    for community in ("apple", "technology", "S24Ultra_case_deals"):
        assert reasons(phones, item("a", "mine dies by noon", community=community)) == {}
    for domain, community, product in (
        ("games", "eldenring", "fromsoftware-elden-ring"),
        ("games", "Genshin_Impact", "hoyoverse-genshin-impact"),
        ("cars", "TeslaModel3", "tesla-model-3"),
    ):
        found = reasons(repository_domains(domain), item("a", "love it", community=community))
        assert set(found) == {(product, "referred")}
    assert reasons(repository_domains("cars"), item("a", "my swing", community="golf")) == {}


def test_a_review_speaks_of_what_its_page_names(repository_domains):
    """Where the platform's id of the product is not in the catalogue."""
    review = item("a", "230 hours, 10/10", title="ELDEN RING", community="1245620", kind="review")
    found = reasons(repository_domains("games"), review)
    assert set(found) == {("fromsoftware-elden-ring", "referred")}


def test_a_submission_speaks_of_what_its_title_names(phones):
    """Its text begins with its title."""
    text, title = "Pixel 9 review\nI like the Galaxy S24 more", "Pixel 9 review"
    found = reasons(phones, item("s", text, title=title, kind="submission"))
    assert set(found) == {("google-pixel-9", "title"), ("samsung-galaxy-s24", "named")}


def test_names_of_unknown_models_are_listed(phones):
    """So that a catalogue stays young."""
    frame = pl.DataFrame(
        [
            dict.fromkeys(SILVER_ITEMS.schema) | each
            for each in (item("a", "the Galaxy S9"), item("b", "Galaxy S9 again"), item("c", "ok"))
        ],
        schema=SILVER_ITEMS.schema,
    )
    assert unknown_models(frame, phones).rows() == [("galaxy s9", "Samsung", 2)]


def test_only_usable_items_in_the_domains_languages_count(phones):
    """Undetermined is believed."""
    rows = mentioned(
        phones,
        item("a", "iphone 15", language="eng"),
        item("b", "iphone 15", language="nld"),
        item("c", "iphone 15", is_usable=False),
        item("d", "iphone 15"),
    )
    assert rows["item_id"].to_list() == ["a", "d"]


def test_mentions_are_counted_with_the_ways_they_were_written(phones):
    """One row an item and product."""
    rows = mentioned(phones, item("a", "iPhone 15. My ip15, your iphone 15"))
    assert rows.select("mention_count", "aliases").rows() == [(3, "ip15|iphone 15")]


def test_aliases_next_to_each_other_are_both_found(phones):
    """They share no space."""
    assert products(phones, "iphone 15 s24u p8p") == [
        "apple-iphone-15",
        "google-pixel-8-pro",
        "samsung-galaxy-s24-ultra",
    ]


def test_nothing_in_is_nothing_out(phones):
    """In the same columns."""
    assert mentioned(phones).height == 0
