"""Start the dashboard: `python -m market_opinion.serving.dashboard`."""

import importlib
import sys
import threading
from pathlib import Path
from typing import Annotated

import cyclopts
from rich.console import Console

from market_opinion.core.console import run, say
from market_opinion.core.settings import load_settings
from market_opinion.serving.dashboard import source

app = cyclopts.App(
    name="python -m market_opinion.serving.dashboard",
    help="Pages over the mart's views.",
    version_flags=(),
)
_APP = Path(__file__).with_name("app.py")
# A file .streamlit/config.toml of the folder that it is started from must not open these.
_SHUT = {
    "server.enableCORS": True,
    "server.enableXsrfProtection": True,
    "server.enableStaticServing": False,
    "server.enableAgentApi": False,
}
# A site that gives its own name this machine's address would count as our page.
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


@app.default
def start(
    *,
    port: int = 8501,
    address: str = "127.0.0.1",
    host: Annotated[tuple[str, ...], cyclopts.Parameter(negative=())] = (),
    reads: source.Reads = "mart",
    labels: Annotated[bool | None, cyclopts.Parameter(negative="--no-labels")] = None,
) -> None:
    """Serve the pages until interrupted.

    Args:
        port: Port to listen on.
        address: Address to listen on; 0.0.0.0 opens the pages to everyone, without a sign-in.
        host: Name by which browsers reach the pages, such as that of a proxy before them; may be
            given more than once. Browsers that name another are refused. On 127.0.0.1 that address
            and localhost are among them; elsewhere, without a name, every name is taken.
        reads: Database behind the pages: the mart of MART_URI, or the PostgreSQL of POSTGRES_URI.
        labels: Offer the page of labels, which shows whole texts of the lake and writes to it;
            default: only on 127.0.0.1 and with the mart.
    """
    try:
        from streamlit.web import bootstrap  # only the extra `dashboard` installs it
    except ModuleNotFoundError:
        say(
            "the dashboard needs Streamlit:"
            " run [bold]make dashboard[/], or install market-opinion\\[dashboard]"
        )
        sys.exit(2)
    source.open_source(load_settings(), reads)
    has_labels = (address == "127.0.0.1" and reads == "mart") if labels is None else labels
    options = {
        "server.address": address,
        "server.port": port,
        "server.headless": True,
        **_SHUT,
        "server.allowedHosts": [*host, *(_LOOPBACK if address in _LOOPBACK else ())],
        "server.fileWatcherType": "none",
        "browser.gatherUsageStats": False,
        "client.toolbarMode": "viewer",
        "theme.base": "light",
        "theme.primaryColor": "#22577a",
        "theme.backgroundColor": "#fbfaf7",
        "theme.secondaryBackgroundColor": "#f1eee7",
        "theme.textColor": "#2b2a27",
    }
    bootstrap.load_config_options(options)
    # Two pages that are opened at once must not both be the first to import it.
    importlib.import_module("pandas")
    # The first page needs the charts; they load while the browser fetches Streamlit's own files.
    threading.Thread(
        target=importlib.import_module, args=["market_opinion.serving.charts"], daemon=True
    ).start()
    Console().print(f"dashboard on http://{address}:{port}, press Ctrl+C to stop it")
    bootstrap.run(
        str(_APP), is_hello=False, args=[reads, *["labels"] * has_labels], flag_options=options
    )


if __name__ == "__main__":
    run(app)
