"""Networks with fixed weights, which call the compiled code without the library."""

import hashlib
from collections.abc import Callable, Sequence
from ctypes import CDLL
from typing import Any

import numpy as np
from support.emulated_library import EmulatedLibrary

Array = np.ndarray[Any, Any]
Library = CDLL | EmulatedLibrary
LibraryOf = Callable[[str], Library]  # by the name of a unit


def noise(name: str, *shape: int) -> Array:
    """Float32 numbers in [-1, 1) that are exact in bfloat16 and the same everywhere."""
    random_bytes = hashlib.shake_256(name.encode()).digest(int(np.prod(shape)))
    return np.frombuffer(random_bytes, np.int8).reshape(shape).astype(np.float32) / 128


def bfloat16(x: Array) -> Array:
    return (x.view(np.uint32) >> 16).astype(np.uint16)


class Address(int):
    """The address of an array, for ctypes, and the array, for code in another process."""

    array: Array


def address(x: Array) -> Address:
    found = Address(x.ctypes.data)
    found.array = x
    return found


def digest(*outputs: Array) -> str:
    assert all(np.isfinite(output).all() for output in outputs if output.dtype == np.float32)
    return hashlib.sha256(b"".join(output.tobytes() for output in outputs)).hexdigest()[:16]


def padded(x: Array) -> Array:
    """Rows that are filled with zeros to whole blocks of 32 inputs."""
    return np.pad(x, ((0, 0), (0, -x.shape[1] % 32)))


class Layers:
    """Layers with fixed weights, of sizes that are no whole blocks."""

    layers, hidden, heads, kv_heads, head_size, intermediate, vocabulary = 2, 48, 6, 2, 32, 112, 80

    def __init__(self, library: Library, bits: int, threads: int) -> None:
        self.library, self.bits = library, bits
        self.norms: list[Array] = []  # the library does not copy them
        sizes = self.layers, self.hidden, self.heads, self.kv_heads, self.head_size
        self.model = library.podtts_layers_new(*sizes, self.intermediate, bits, 1e-6, threads)
        queries, keys_values = self.heads * self.head_size, 2 * self.kv_heads * self.head_size
        self.set_norm(-1, 0, self.hidden)
        for layer in range(self.layers):
            for which, size in enumerate([self.hidden] * 2 + [self.head_size] * 2):
                self.set_norm(layer, which, size)
            self.pack(layer, 0, queries + keys_values, self.hidden)
            self.pack(layer, 1, self.hidden, queries)
            self.pack(layer, 2, 2 * self.intermediate, self.hidden)
            self.pack(layer, 3, self.hidden, self.intermediate)

    def set_norm(self, layer: int, which: int, size: int) -> None:
        self.norms.append(1 + noise(f"norm {layer} {which}", size) / 4)
        self.library.podtts_layers_set_norm(self.model, layer, which, address(self.norms[-1]))

    def pack(self, layer: int, which: int, outputs: int, inputs: int) -> None:
        name, pack = f"{layer} {which}", self.library.podtts_layers_pack_matrix
        if self.bits == 16:
            weights = bfloat16(padded(noise(name, outputs, inputs) / 4))
            pack(self.model, layer, which, address(weights), None)
            return
        blocks = -(-inputs // 32)
        level_bytes = hashlib.shake_256(name.encode()).digest(outputs * blocks * 4 * self.bits)
        levels = np.frombuffer(level_bytes, np.uint8)
        scales = (noise(f"scales {name}", outputs, blocks) / (1 << self.bits)).astype(np.float16)
        pack(self.model, layer, which, address(levels), address(scales))

    def forward(self, lengths: list[int], tokens: int, cache_bfloat16: bool) -> list[Array]:
        """Hidden states, and the keys and values of the cache."""
        rows, capacity = len(lengths), max(lengths) + tokens + 3
        x = noise("x", rows, tokens, self.hidden)
        shape = self.layers, rows, self.kv_heads, capacity, self.head_size
        keys, values = noise("keys", *shape), noise("values", *shape)
        if cache_bfloat16:
            keys, values = bfloat16(keys), bfloat16(values)
        cosine, sine = (noise(which, capacity, self.head_size // 2) for which in ("cos", "sin"))
        starts = np.array(lengths, np.int32)
        assert not self.library.podtts_layers_forward(
            *(self.model, address(x), rows, tokens, address(starts)),
            *(address(keys), address(values)),
            *(stride // keys.itemsize for stride in keys.strides[:2]),
            *(capacity, cache_bfloat16, address(cosine), address(sine), None),
        )
        return [x, keys, values]

    def logits(self, rows: int) -> Array:
        head = bfloat16(padded(noise("head", self.vocabulary, self.hidden)))
        assert not self.library.podtts_layers_pack_head(self.model, len(head), address(head))
        hidden = padded(noise("hidden", rows, self.hidden))
        logits = np.empty((rows, self.vocabulary), np.float32)
        self.library.podtts_layers_logits(self.model, address(hidden), rows, address(logits))
        return logits


class Estimator:
    """An estimator with fixed weights, of sizes that are no whole panels."""

    input, output, channels, time, heads, head_size, feed_forward = 48, 16, 32, 64, 3, 16, 80
    blocks, stages = 2, 3

    def __init__(self, library: Library, bits: int, threads: int) -> None:
        self.library = library
        self.norms: list[Array] = []  # the library does not copy them
        width, outside = self.heads * self.head_size, -1
        sizes = self.input, self.output, self.channels, self.time, self.heads, self.head_size
        self.model = library.podtts_estimator_new(
            *sizes, self.feed_forward, self.blocks, self.stages, bits, 1e-5, threads
        )
        self.pack(outside, outside, 0, self.time, self.input)
        self.pack(outside, outside, 1, self.time, self.time)
        for which in (2, 3, 4):
            self.pack(outside, outside, which, self.channels, 3 * self.channels)
        self.pack(outside, outside, 5, self.output, self.channels)
        self.set_norm(outside, outside, 0)
        for stage, inputs in enumerate((self.input, self.channels, 2 * self.channels)):
            self.pack(stage, outside, 0, self.channels, 3 * inputs)
            self.pack(stage, outside, 1, self.channels, 3 * self.channels)
            self.pack(stage, outside, 2, self.channels, inputs)
            self.pack(stage, outside, 3, self.channels, self.time)
            self.set_norm(stage, outside, 0)
            self.set_norm(stage, outside, 1)
            for block in range(self.blocks):
                self.pack(stage, block, 0, 3 * width, self.channels)
                self.pack(stage, block, 1, self.channels, width)
                self.pack(stage, block, 2, self.feed_forward, self.channels)
                self.pack(stage, block, 3, self.channels, self.feed_forward)
                self.set_norm(stage, block, 0)
                self.set_norm(stage, block, 1)

    def set_norm(self, stage: int, block: int, which: int) -> None:
        name = f"norm {stage} {block} {which}"
        weight, bias = 1 + noise(name, self.channels) / 4, noise(f"bias {name}", self.channels) / 4
        self.norms += (weight, bias)
        self.library.podtts_estimator_set_norm(
            self.model, stage, block, which, address(weight), address(bias)
        )

    def pack(self, stage: int, block: int, which: int, outputs: int, inputs: int) -> None:
        name = f"{stage} {block} {which}"
        weights, bias = noise(name, outputs, inputs) / 4, noise(f"bias {name}", outputs) / 4
        self.library.podtts_estimator_pack_matrix(
            self.model, stage, block, which, address(weights), address(bias)
        )

    def evaluate(self, rows: int, frames: int, chunk: int) -> Array:
        x, waves = noise("x", rows, frames, self.input), noise("waves", rows, self.input)
        velocity = np.empty((rows, frames, self.output), np.float32)
        assert not self.library.podtts_estimator_evaluate(
            self.model, address(x), address(waves), rows, frames, chunk, address(velocity), None
        )
        return velocity

    def extend(self, rows: int, parts: Sequence[int]) -> list[Array]:
        """Velocities of the parts of sequences, so many frames each, one after the other."""
        velocities, kept = [], [np.zeros(rows, np.int64)]
        for number, frames in enumerate(parts):
            velocity, after = self.next_part(f"x {number}", frames, kept[-1])
            velocities.append(velocity)
            kept.append(after)
        for part in np.concatenate(kept[1:]):
            self.library.podtts_estimator_forget(int(part))
        return velocities

    def next_part(self, name: str, frames: int, before: Array) -> tuple[Array, Array]:
        """Velocity of so many frames, and what is kept of each row; before: the same of earlier."""
        rows = len(before)
        x, waves = noise(name, rows, frames, self.input), noise("waves", rows, self.input)
        velocity = np.empty((rows, frames, self.output), np.float32)
        after = np.zeros(rows, np.int64)
        assert not self.library.podtts_estimator_extend(
            *(self.model, address(x), address(waves), rows, frames),
            *(address(before), address(after), address(velocity), None),
        )
        return velocity, after


class VocoderLevel:
    """A level of the vocoder with fixed weights: the source's block and two others."""

    channels, kernels, dilations = 24, (5, 3, 7), (1, 3, 5)

    def __init__(self, library: Library, bits: int, threads: int) -> None:
        self.library = library
        blocks, steps = len(self.kernels), len(self.dilations)
        self.queues = blocks * (steps + 1) + 1
        self.model = library.podtts_vocoder_new(self.channels, blocks, steps, threads)
        sizes = [(kernel, dilation) for kernel in self.kernels for dilation in self.dilations]
        for number, (kernel, dilation) in enumerate(sizes):
            assert not self.pack(number, kernel, dilation, bits)

    def pack(self, number: int, kernel: int, dilation: int, bits: int) -> int:
        shape = 2, self.channels, kernel, self.channels
        alphas = 1 + noise(f"alphas {number}", 2, self.channels) / 2
        weights = noise(f"weights {number}", *shape) / 2 / (self.channels * kernel) ** 0.5
        biases = noise(f"biases {number}", 2, self.channels) / 4
        result = self.library.podtts_vocoder_pack_step(
            *(self.model, number, kernel, dilation, bits),
            *map(address, (alphas, weights.astype(np.float32), biases)),
        )
        return int(result or 0)

    def extend(self, parts: Sequence[tuple[int, int]]) -> Array:
        """Outputs of parts, each of so many positions of x and of the source."""
        x, source = (
            noise(name, sum(part[which] for part in parts), self.channels)
            for which, name in enumerate(("x", "source"))
        )
        queues, kept = (
            np.zeros((self.queues, 2), np.int32),
            np.empty((0, self.channels), np.float32),
        )
        outputs, starts = [], [0, 0]
        for number, part in enumerate(parts):
            last = number == len(parts) - 1
            new = [
                np.ascontiguousarray(stream[start : start + count])
                for stream, start, count in zip((x, source), starts, part, strict=True)
            ]
            starts = [start + count for start, count in zip(starts, part, strict=True)]
            queues, kept, out = self.next_part(queues, kept, *new, last=last)
            outputs.append(out)
        return np.concatenate(outputs)

    def next_part(
        self, queues: Array, kept: Array, x: Array, source: Array, *, last: bool
    ) -> tuple[Array, Array, Array]:
        """The queues and rows behind a part, and what it completes."""
        after = np.zeros_like(queues)
        count = self.library.podtts_vocoder_plan(
            self.model, address(queues), len(x), len(source), last, address(after)
        )
        assert count is not None
        out = np.empty((int(count), self.channels), np.float32)
        kept_after = np.empty((int(after[:, 0].sum()), self.channels), np.float32)
        assert not self.library.podtts_vocoder_extend(
            *(self.model, address(queues), address(kept)),
            *(address(x), len(x), address(source), len(source), last),
            *(address(out), address(kept_after), None),
        )
        return after, kept_after, out
