"""`tidemill up`."""

import click
import msgspec

from tidemill.cli.output import common, settings, talk, wants_json
from tidemill.core.lazy import load
from tidemill.core.settings import Settings


@click.command("up")
@click.option("--host", help="The address to listen on.  [default: 127.0.0.1]")
@click.option("--port", type=click.IntRange(0, 65535), help="Its port; 0 for any free one.  [default: 8765]")
@click.option("--serving-port", type=click.IntRange(0, 65535), help="The data plane's port.  [default: 8766]")
@common
def up(host: str | None, port: int | None, serving_port: int | None) -> None:
    """Run the server on a workspace: API, pages and the data plane that answers predictions."""
    base = settings()
    chosen = Settings.load(home=base.home, host=host, port=port, serving_port=serving_port)
    as_json = wants_json()

    def tell(ready: msgspec.Struct) -> None:
        if as_json:
            click.echo(msgspec.json.encode(ready))
            return
        facts = msgspec.structs.asdict(ready)
        talk(f"Tidemill is up: {facts['url']}", bold=True)
        talk(f"  predictions: {facts['serving_url']}/v1/endpoints/NAME/predict")
        talk(f"  workspace:   {facts['home']}")
        talk("  end it with Ctrl-C")

    load("tidemill.server.run").serve(chosen, tell)
