"""LinkedIn by its Community Management API: posts and comments of one's own organisations."""

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from typing import Any, ClassVar, Self
from urllib.parse import quote

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from market_opinion.core.errors import SettingsInvalid
from market_opinion.core.setting_groups import SettingsGroup
from market_opinion.core.window import Window
from market_opinion.sources import Sink, SourceContext
from market_opinion.sources.paging import ListingBroken, Paging
from market_opinion.sources.second_look import KnownItem, SecondLookResult
from market_opinion.sources.web import Web
from market_opinion.sources.windowed import WebSource, read_to_start
from market_opinion.storage.landing.origin import FetchResult
from market_opinion.storage.line_format import LineFormat

_PAGE_ITEMS = 100


class LinkedInSettings(SettingsGroup):
    """LinkedIn: comments on posts of organisations of your own; an approved app."""

    model_config = SettingsConfigDict(env_prefix="LINKEDIN_")

    access_token: SecretStr | None = Field(None, description="Token with r_organization_social.")
    url: str = Field("https://api.linkedin.com/rest", description="Address of LinkedIn's API.")
    version: str = Field(
        "202511", pattern=r"^\d{6}$", description="Version of that API; each lives for a year."
    )
    requests_per_minute: int = Field(
        20, ge=11, description="Most requests a minute of all processes with one token."
    )
    posts_days: int = Field(
        30, ge=1, description="Comments are read below posts that were at most so many days old."
    )


class LinkedIn(WebSource):
    """A community is an organisation by the number in its URN."""

    platform = "linkedin"
    capture_path = "listing"
    kinds = ("submission", "comment")
    reads = "posts of organisations and the comments below them"
    access = "organisations of your own: an approved app"
    # learn.microsoft.com/linkedin/marketing/community-management/shares: Posts API, Comments API.
    line_formats: ClassVar = {
        "submission": LineFormat(
            item_id="id", created_at="publishedAt|createdAt", author="author", body="commentary"
        ),
        "comment": LineFormat(
            item_id="commentUrn|id",
            created_at="created.time",
            thread_id="object",
            parent_id="parentComment",
            author="actor",
            body="message.text",
            votes="likesSummary.totalLikes",
            reply_count="commentsSummary.totalFirstLevelComments",
        ),
    }
    item_address = "https://www.linkedin.com/feed/update/{item_id}/"
    comment_address = "https://www.linkedin.com/feed/update/{thread_id}/"
    settings_group = LinkedInSettings

    def __init__(self, web: Web, *, days: int) -> None:
        """Read comments below posts of this many days before a window."""
        super().__init__(web)
        self._reach = timedelta(days=days)

    @classmethod
    def open(cls, context: SourceContext) -> Self:
        """Return the source at the address LINKEDIN_URL, with the token LINKEDIN_ACCESS_TOKEN."""
        settings = context.settings.group(LinkedInSettings)
        if settings.access_token is None:
            message = (
                "source linkedin needs LINKEDIN_ACCESS_TOKEN with r_organization_social, of an app"
                " approved for Community Management"
            )
            raise SettingsInvalid(message)
        secret = settings.access_token.get_secret_value()
        headers = {
            "Authorization": f"Bearer {secret}",
            "LinkedIn-Version": settings.version,
            "X-Restli-Protocol-Version": "2.0.0",
        }
        pace = context.pace(secret, settings.requests_per_minute)
        return cls(Web(settings.url, pace, headers=headers), days=settings.posts_days)

    def fetch(
        self,
        communities: tuple[str, ...],
        window: Window | None,
        *,
        now: datetime,  # noqa: ARG002, the platform's clock counts
        sink: Sink,
    ) -> FetchResult:
        """Pass on the organisation's posts and comments of the window.

        Comments are read below posts of up to LINKEDIN_POSTS_DAYS before the window.
        """
        window, (organisation,) = self.asked_for(window), communities
        oldest = window.start - self._reach
        author = {
            "q": "author",
            "author": f"urn:li:organization:{organisation}",
            "sortBy": "CREATED",
        }
        for post in self._elements("posts", author, what=f"organisation {organisation}"):
            if self.is_older("submission", post, oldest):
                break
            if item := self.file_item("submission", organisation, post, window):
                sink(item)
            for comment in self._comments(post["id"]):
                if item := self.file_item("comment", organisation, comment, window):
                    sink(item)
        return read_to_start(window, self.kinds, at=self.retrieved_at)

    def look_again(
        self, community: str, window: Window, known: Collection[KnownItem]
    ) -> SecondLookResult:
        """Ask for each item by its URN.

        The organisation's posts are asked for first: to a token without access to them, every
        item would seem to be gone.
        """
        self.web.begin()
        author = {"q": "author", "author": f"urn:li:organization:{community}", "count": 1}
        self.web.get("posts", author, what=f"organisation {community}")
        items = []
        for each in known:
            path = f"posts/{quote(each.item_id, safe='')}"
            if each.kind == "comment":
                number = each.item_id.rpartition(",")[2].rstrip(")")
                path = f"socialActions/{quote(each.thread_id or '', safe='')}/comments/{number}"
            answer = self.web.find(path, what=each.item_id)
            if answer is not None and (
                item := self.file_item(each.kind, community, answer, window)
            ):
                items.append(item)
        return SecondLookResult(items)

    def _comments(self, urn: str) -> Iterator[dict[str, Any]]:
        """Yield all comments below a post and all answers to them; LinkedIn has no deeper level."""
        for comment in self._elements(
            f"socialActions/{quote(urn, safe='')}/comments", {}, what=f"comments of {urn}"
        ):
            yield comment
            if (comment.get("commentsSummary") or {}).get(
                "totalFirstLevelComments"
            ) and "parentComment" not in comment:
                yield from self._comments(comment["commentUrn"])

    def _elements(
        self, path: str, params: dict[str, Any], *, what: str
    ) -> Iterator[dict[str, Any]]:
        start, paging = 0, Paging(what)
        while True:
            page = self.web.get(path, {**params, "start": start, "count": _PAGE_ITEMS}, what=what)
            elements = paging.items(page, "elements")
            links = (page.get("paging") or {}).get("links") or ()
            is_last = not any(link.get("rel") == "next" for link in links)
            if is_last or elements:
                paging.go_on(repr(elements))
            yield from elements
            start += len(elements)
            if is_last:
                return
            if not elements:
                message = f"the listing of {what} gave an empty page that promises more"
                raise ListingBroken(message)
