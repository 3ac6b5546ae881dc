"""Look at the plugins' pages, each in a task of its own.

Owns: what each showed last, and what is shown of one that raises or hangs.
Never: lets one page hold up another, or anything else.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Final

import anyio
import msgspec

from ticktrail.plugin import Clock, Page, PageOffer, Panel
from ticktrail.text import one_line
from ticktrail_dashboard.view import PanelView

__all__ = ["Panels"]

LOOK_WITHIN_S: Final = 10.0
LEAST_EVERY_S: Final = 0.5
OPEN_AGAIN_S: Final = 10.0
MOST_ROWS: Final = 100


class Panels:
    """The pages of one feed.

    Args:
        offers: The pages.
        clock: For the times at which they were looked at.
        someone: Waits until somebody looks; at once where somebody does.

    Attributes:
        within_s: How long a look may take.
    """

    def __init__(
        self,
        offers: Sequence[PageOffer],
        clock: Clock,
        someone: Callable[[], Awaitable[None]],
    ) -> None:
        self._offers = offers
        self._clock = clock
        self._someone = someone
        self.within_s = LOOK_WITHIN_S
        self._seen: dict[str, PanelView] = {}

    def seen(self) -> Mapping[str, PanelView]:
        """Return by name what each showed last."""
        return dict(self._seen)

    async def keep_looking(self) -> None:
        """Look at all of them, each as often as it is worth, while somebody is there to see it."""
        async with anyio.create_task_group() as tasks:
            for offer in self._offers:
                tasks.start_soon(partial(self._watch, offer))

    async def _watch(self, offer: PageOffer) -> None:
        """Keep one page open; one that cannot be opened is tried again."""
        while True:
            await self._someone()
            try:
                async with offer.open() as page:
                    await self._look(offer, page)
            except Exception as exc:  # noqa: BLE001 - a plugin's page: whatever is wrong with it is shown
                self._show(offer, Panel(trouble=f"this page cannot be opened: {_told(exc)}"))
            await anyio.sleep(OPEN_AGAIN_S)

    async def _look(self, offer: PageOffer, page: Page) -> None:
        while True:
            await self._someone()
            panel = Panel(trouble=f"this page gave no answer within {self.within_s:g} s")
            with anyio.move_on_after(self.within_s):
                try:
                    panel = _checked(await page.look())
                except Exception as exc:  # noqa: BLE001 - as above
                    panel = Panel(trouble=f"this page cannot be shown: {_told(exc)}")
            self._show(offer, panel)
            await anyio.sleep(max(offer.every_s, LEAST_EVERY_S))

    def _show(self, offer: PageOffer, panel: Panel) -> None:
        if len(panel.rows) > MOST_ROWS:
            panel = Panel(
                figures=panel.figures,
                columns=panel.columns,
                rows=panel.rows[:MOST_ROWS],
                trouble=panel.trouble,
            )
        self._seen[offer.name] = PanelView(
            title=offer.title, panel=panel, at_ms=self._clock.now_ns() // 1_000_000
        )


def _checked(panel: Panel) -> Panel:
    """Return a panel that can be sent to a browser.

    Raises:
        TypeError: It is none, or what it holds has no form in JSON.
        ValueError: Its text has no form in UTF-8.
    """
    if not isinstance(panel, Panel):
        raise TypeError(f"a Panel is wanted of a page, not a {type(panel).__name__}")
    msgspec.json.encode(panel)
    return panel


def _told(exc: Exception) -> str:
    return one_line(f"{type(exc).__name__}: {exc}")
