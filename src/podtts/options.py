"""Every knob of quality and speed, one frozen dataclass a stage; each checks its own range."""

from dataclasses import dataclass, field, replace
from typing import Literal, Self, TypeVar

from podtts.errors import UsageError, nearest

T = TypeVar("T", bound=str)

Quantization = Literal["none", "int8", "int4"]  # of the LLM's weights
QUANTIZATIONS: tuple[Quantization, ...] = ("none", "int8", "int4")
LAYER_BITS: dict[Quantization, int] = {"none": 16, "int8": 8, "int4": 4}
Solver = Literal["euler", "midpoint", "heun", "ab2"]
SOLVERS: tuple[Solver, ...] = ("euler", "midpoint", "heun", "ab2")
Precision = Literal["float32", "bfloat16", "int8"]
PRECISIONS: tuple[Precision, ...] = ("float32", "bfloat16", "int8")
FlowMode = Literal["full", "streaming"]
FLOW_MODES: tuple[FlowMode, ...] = ("full", "streaming")

# MB for the flow's states behind prompts: four of 6 s at the published size, solved as `fast` does.
DEFAULT_FLOW_CACHE = 1024

MAX_TURN_TOKENS = 30_000  # 20 minutes; with prompts and history still within the LLM's positions
# Of a turn's text: what is read in 20 minutes, and with history and speech still within the LLM's
# 40,960 positions. A longer one cannot be spoken, but its prefill would take minutes.
MAX_TEXT_TOKENS = 4096
MAX_STEPS = 1000  # far beyond an audible difference
VERIFY_LIMIT = 0.3  # of --verify: recognizers, too, get a word in ten wrong


def _require(holds: bool, name: str, value: object, rule: str) -> None:
    if not holds:
        raise UsageError(f"{name} is {value}, but must be {rule}")


def one_of(names: tuple[T, ...], what: str, value: str) -> T:
    """Return the name that a value is. Raises UsageError, with the nearest, when it is none."""
    for name in names:
        if name == value:
            return name
    raise UsageError(
        f"unknown {what} {value!r}{nearest(value, names)}", f"one of {', '.join(names)}"
    )


@dataclass(frozen=True)
class SamplingOptions:
    """How the LLM draws speech tokens (published values)."""

    temperature: float = 0.6
    top_k: int = 100
    top_p: float = 0.9
    repetition_penalty: float = 1.25  # on tokens of this turn alone
    min_tokens: int = 8  # the end token is illegal before
    max_tokens: int = 3000  # 2 minutes
    repeat_window: int = 25  # ids of context the repetition-aware step looks back on
    repeat_limit: int = 4  # occurrences in it from which a fresh draw replaces the candidate
    greedy: bool = False  # take the likeliest id in place of every draw, to compare numbers

    def __post_init__(self) -> None:
        _require(
            0 < self.temperature <= 100, "temperature", self.temperature, "above 0 and at most 100"
        )
        _require(self.top_k >= 1, "top-k", self.top_k, "at least 1")
        _require(0 < self.top_p <= 1, "top-p", self.top_p, "above 0 and at most 1")
        _require(
            0 < self.repetition_penalty <= 100,
            "repetition-penalty",
            self.repetition_penalty,
            "above 0 and at most 100",
        )
        _require(self.min_tokens >= 0, "min-turn-tokens", self.min_tokens, "at least 0")
        _require(
            1 <= self.max_tokens <= MAX_TURN_TOKENS,
            "max-turn-tokens",
            self.max_tokens,
            f"1 to {MAX_TURN_TOKENS}",
        )


@dataclass(frozen=True)
class WindowOptions:
    """When the LLM's context is rebuilt and what stays in it (published values)."""

    max_turns: int = 10  # speakers plus turns since the last rebuild
    max_tokens: int = 6192
    text_turns: int = 2  # older turns kept as text alone
    full_turns: int = 2  # latest turns kept with their speech tokens

    def __post_init__(self) -> None:
        for name in ("max_turns", "max_tokens", "text_turns", "full_turns"):
            value: int = getattr(self, name)
            _require(value >= 0, name, value, "at least 0")

    @classmethod
    def of_turns(cls, turns: int) -> Self:
        """The published window, limited to a number of former turns.

        turns: 0: every turn follows the prompts alone; 1 to 4: exactly so many are in the context,
               the latest two with their speech; above: speakers and turns become so many before it
               is rebuilt. The default of `max_turns` gives the published window.
        Raises UsageError for other numbers.
        """
        published = cls()
        _require(
            0 <= turns <= published.max_turns,
            "context-turns",
            turns,
            f"0 to {published.max_turns}",
        )
        full = min(turns, published.full_turns)
        text = min(turns - full, published.text_turns)
        return replace(published, max_turns=turns, text_turns=text, full_turns=full)


@dataclass(frozen=True)
class FlowOptions:
    """How the flow turns speech tokens into mel frames (published values)."""

    steps: int = 15  # of the solver on the cosine grid
    solver: Solver = "euler"
    # Of encoder and estimator, and of most of the vocoder's convolutions. int8 is the estimator's,
    # where compiled code runs; all else is bfloat16 then.
    precision: Precision = "float32"
    guidance: float = 0.7  # weight of classifier-free guidance; 0 leaves it out
    guided_start: bool = True  # at time 0, too, where all is noise
    prompt_seconds: float | None = None  # the end of each prompt that the flow gets; None: all
    chunk_causal: bool = False  # full mode with attention in chunks of 25 tokens, as published
    # full: a frame sees all others. streaming: its chunk and all before (docs/streaming.md).
    mode: FlowMode = "full"

    def __post_init__(self) -> None:
        _require(1 <= self.steps <= MAX_STEPS, "flow-steps", self.steps, f"1 to {MAX_STEPS}")
        one_of(SOLVERS, "flow-solver", self.solver)
        one_of(PRECISIONS, "flow-precision", self.precision)
        one_of(FLOW_MODES, "flow-mode", self.mode)
        if self.chunk_causal and self.mode == "streaming":
            raise UsageError("chunk_causal is of the flow mode full", "leave it out")
        _require(0 <= self.guidance <= 100, "guidance", self.guidance, "0 to 100")
        _require(
            self.prompt_seconds is None or self.prompt_seconds >= 1,
            "flow-prompt",
            self.prompt_seconds,
            "at least 1",
        )


@dataclass(frozen=True)
class SynthesisOptions:
    """All that, beside script, voices and model, decides how an episode sounds."""

    seed: int = 1988
    sampling: SamplingOptions = field(default_factory=SamplingOptions)
    window: WindowOptions = field(default_factory=WindowOptions)
    flow: FlowOptions = field(default_factory=FlowOptions)
    limit_turns: int | None = None  # synthesize only the first turns, as a test
    retries: int = 2  # further attempts of a turn that fails a check, with other random draws
    check_length: bool = True  # off where the length of turns is prescribed
    # A turn fails if a larger share of its words is heard otherwise; None: nobody listens.
    verify_limit: float | None = None

    def __post_init__(self) -> None:
        _require(
            self.limit_turns is None or self.limit_turns >= 1,
            "limit-turns",
            self.limit_turns,
            "at least 1",
        )
        _require(self.retries >= 0, "retries", self.retries, "at least 0")
        _require(
            self.verify_limit is None or 0 <= self.verify_limit <= 1,
            "verify-limit",
            self.verify_limit,
            "0 to 1",
        )
