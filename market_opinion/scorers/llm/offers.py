"""Offers: the products that a model is asked about, and where each was met."""

from collections.abc import Iterable

from market_opinion.domain.definition import BRAND_ROW, Domain
from market_opinion.scorers.llm.prompt import ANSWERED, NAMED, OF_NO_MODEL, OF_THREAD, REVIEWED
from market_opinion.stages.mentions import Threads
from market_opinion.stages.naming import namer_of

# The rest of a long list of names is left to the model, which may name what nobody offered.
_OFFERS_MAX = 16


class Offers:
    """Finder of the products to offer for texts of one domain.

    They follow from the words alone, whatever was believed of them, so that a text that is judged
    again gives the same question.
    """

    def __init__(self, domain: Domain) -> None:
        """Compile the names of the domain."""
        self._namer = namer_of(domain)
        self._threads = Threads(self._namer)
        self._brand_of = {product.product_id: product.brand for product in domain.products}
        self._row_of = {
            product.brand: product.product_id
            for product in domain.products
            if product.category == BRAND_ROW
        }

    def of_text(
        self,
        text: str,
        *,
        title: str | None,
        kind: str,
        community: str,
        parent: str | None = None,
        reviewed: Iterable[str] = (),
    ) -> dict[str, str]:
        """Return product ids and the place where each was met, in the order to show them.

        `reviewed` are the products of a review of known ones, which refers to no other. The row of
        each brand comes last: its model may not be told.
        """
        found = dict.fromkeys(reviewed, REVIEWED)
        is_review = bool(found)
        for name in self._namer.names(text, title=title, community=community):
            found.setdefault(name.product_id, NAMED)
        if not is_review:
            referred = self._threads.referred(kind, title, community, names_others=bool(found))
            found |= {each: OF_THREAD for each in referred if each not in found}
        if found:
            for name in self._namer.names(parent or "", title=title, community=community):
                found.setdefault(name.product_id, ANSWERED)
        shown = dict(list(found.items())[:_OFFERS_MAX])
        for product_id in list(shown):
            if row := self._row_of.get(self._brand_of[product_id]):
                shown.setdefault(row, OF_NO_MODEL)
        return shown
