"""`podtts model`: downloads, lists and converts checkpoints."""

import json
from pathlib import Path
from typing import Annotated

import typer

from podtts.cli.flags import JsonFlag
from podtts.cli.help_groups import GroupWithSentences, PlainCommand
from podtts.cli.locations import hub_named, model_directory, models_dir, recognizer_directory
from podtts.cli.messages import say
from podtts.hub.client import HUBS
from podtts.hub.registry import at_hub, find_published, recognizer_names
from podtts.hub.store import ModelRow, list_models
from podtts.options import one_of

app = typer.Typer(
    help="Download, list and convert checkpoints.", cls=GroupWithSentences, no_args_is_help=True
)

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="See podtts model ls.")]


@app.command("pull", cls=PlainCommand)
def pull(
    name: NameArgument,
    revision: Annotated[
        str | None,
        typer.Option(
            "--revision", metavar="REV", help="Branch, tag or commit; default: the main branch."
        ),
    ] = None,
    hub: Annotated[
        str,
        typer.Option(
            "--from",
            envvar="PODTTS_HUB",
            metavar="HUB",
            help="The hub to download from: huggingface or modelscope.",
        ),
    ] = HUBS[0],
    repo: Annotated[
        str | None,
        typer.Option(
            "--repo",
            metavar="OWNER/NAME",
            help="A copy of the model at that hub; default: the published repository.",
        ),
    ] = None,
) -> None:
    """Download a published model and check every file. Run it again to continue."""
    from podtts.cli.progress import DownloadBar
    from podtts.hub.pull import pull_model

    chosen = one_of(HUBS, "hub", hub)
    source = at_hub(find_published(name), chosen, repo)
    with DownloadBar(name) as bar:
        result = pull_model(
            source,
            models_dir(),
            hub=hub_named(chosen),
            revision=revision,
            progress=bar.update,
        )
    state = "is already here" if result.already_here else "is here"
    gigabytes = result.size_bytes / 1e9
    say(f"{name} {state}: {gigabytes:.2f} GB, revision {result.revision}, {source.licence}")
    print(result.path)


@app.command("ls", cls=PlainCommand)
def ls(as_json: JsonFlag = False) -> None:
    """List the published models and whether they are on this machine."""
    rows = list_models(models_dir())
    if as_json:
        print(json.dumps([_as_json(row) for row in rows], indent=2))
        return
    for row in rows:
        size = f"{row.size_bytes / 1e9:.2f} GB  {row.path}" if row.path else ""
        print(f"{row.name:<28} {row.state:<8} {row.revision or '':<12.12} {size}".rstrip())


@app.command("path", cls=PlainCommand)
def path(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Default: the folder of all models.")
    ] = None,
) -> None:
    """Print the folder of a model, or of all downloaded models."""
    if name is None:
        print(models_dir())
    else:
        print(recognizer_directory(name) if name in recognizer_names() else model_directory(name))


@app.command("convert", cls=PlainCommand)
def convert(
    model: Annotated[
        str,
        typer.Argument(
            metavar="NAME|DIR", help="Name of a downloaded model, or folder of a checkpoint."
        ),
    ],
) -> None:
    """Convert flow.pt and hift.pt to safetensors: faster to load, and they contain no code."""
    from podtts.weights.convert import convert_checkpoint

    written = convert_checkpoint(model_directory(model))
    for path in written:
        print(path)
    if not written:
        say("nothing to convert: flow.safetensors and hift.safetensors are there")


def _as_json(row: ModelRow) -> dict[str, object]:
    return {
        "name": row.name,
        "state": row.state,
        "path": _str_or_none(row.path),
        "revision": row.revision,
        "bytes": row.size_bytes,
        "total_bytes": row.total_bytes,
    }


def _str_or_none(path: Path | None) -> str | None:
    return None if path is None else str(path)
