"""Options that several commands share, worded once."""

from pathlib import Path
from typing import Annotated

import typer

ScriptArgument = Annotated[
    str, typer.Argument(metavar="SCRIPT", help="A dialogue script; - reads it from stdin.")
]
SpeakerOption = Annotated[
    list[str] | None,
    typer.Option("--speaker", metavar="LABEL=VOICE", help="Who speaks a label (repeatable)."),
]
SpeakersOption = Annotated[
    Path | None,
    typer.Option(
        "--speakers", metavar="DIR", help="Recordings to take voices from before prepared ones."
    ),
]
LexiconOption = Annotated[
    list[Path] | None,
    typer.Option("--lexicon", metavar="FILE", help="How words are spoken (repeatable)."),
]
NormalizeOption = Annotated[
    bool,
    typer.Option("--normalize/--no-normalize", help="Read numbers, dates and units out in words."),
]
ModelOption = Annotated[
    str | None,
    typer.Option(
        "--model",
        envvar="PODTTS_MODEL",
        metavar="NAME|DIR",
        help="A model's name (podtts model ls) or a checkpoint folder.  [default: mini]",
    ),
]
CacheDirOption = Annotated[
    Path | None,
    typer.Option(
        "--cache-dir",
        envvar="PODTTS_CACHE_DIR",
        metavar="DIR",
        help="Where prepared voices are kept; see podtts cache path.",
    ),
]
DeviceOption = Annotated[
    str, typer.Option("--device", metavar="NAME", help="auto, cpu, cuda or mps; auto: the best.")
]
DtypeOption = Annotated[
    str,
    typer.Option(
        "--dtype",
        metavar="NAME",
        help="Number type of the LLM: auto, float32, bfloat16 or float16.",
    ),
]
PresetOption = Annotated[
    str, typer.Option("--preset", metavar="NAME", help="faithful, balanced or fast.")
]
QuantizeOption = Annotated[
    str | None,
    typer.Option(
        "--quantize",
        metavar="KIND",
        help="Weights of the LLM in fewer bits: none, int8 or int4; default: the preset's.",
    ),
]
ThreadsOption = Annotated[
    int | None,
    typer.Option("--threads", min=1, metavar="N", help="CPU threads; default: all cores."),
]
SeedOption = Annotated[
    int, typer.Option("--seed", metavar="N", help="The same seed gives the same bytes.")
]
FlowStepsOption = Annotated[
    int | None,
    typer.Option("--flow-steps", metavar="N", help="Steps of the solver; default: the preset's."),
]
FlowSolverOption = Annotated[
    str | None,
    typer.Option(
        "--flow-solver",
        metavar="NAME",
        help="euler, midpoint, heun or ab2; default: the preset's.",
    ),
]
FlowPrecisionOption = Annotated[
    str | None,
    typer.Option(
        "--flow-precision",
        metavar="NAME",
        help="float32, bfloat16 or int8; default: the preset's, where the device has it.",
    ),
]
RetriesOption = Annotated[
    int, typer.Option(metavar="N", help="Tries more for a turn that comes out wrong.")
]
PrefixCacheOption = Annotated[
    bool,
    typer.Option(
        "--prefix-cache/--no-prefix-cache",
        help="Keep what the LLM made of the voices' prompts for the next run.",
    ),
]
LogOption = Annotated[
    str | None,
    typer.Option(
        "--log-json",
        metavar="FILE",
        help="Append what happens as JSON, an object a line; - for stdout.",
    ),
]
JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]
