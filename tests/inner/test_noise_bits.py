"""Noise inside a life has the same bits in torch on the processor, on a GPU, and in C at any setting of the compiler."""

from __future__ import annotations

import ctypes
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from inner import noise
from inner.engines.native import compiler
from inner.noise import Noise

LABELS = (("t", 0), ("t", 1), ("t", 2))
KINDS = ("uniform", "signs", "normal")
DRAWS = [(0, 0, 0, 200_001), (2**35 + 3, 9, 0, 1), (4, 1, 3, 2), (4, 1, 61, 300), (1, 1, 5, 0)]  # t, site, first, count
# what -ffast-math allows; itself it would flush this whole process's subnormals once the library is loaded
LOOSE = ("-fno-signed-zeros", "-fno-trapping-math", "-fassociative-math", "-freciprocal-math", "-ffinite-math-only")
SETTINGS = {
    "plain": ("-O0",),
    "engine": compiler.FLAGS,
    "fused": ("-O2", "-mavx2", "-mfma", "-ffp-contract=fast"),
    "apart": ("-O3", "-march=native", "-ffp-contract=off"),
    "fast": ("-O3", "-march=native", *LOOSE),
}
CALLS = '#include "noise.h"\n' + "\n".join(
    f"void {kind}(uint32_t k0, uint32_t k1, int64_t t, uint32_t site, int64_t first, int64_t count, float *out)"
    f" {{ noise_{kind}(k0, k1, t, site, first, count, out); }}"
    for kind in KINDS
)
CALLS += "\nvoid quantiles(const uint32_t *words, int64_t count, int32_t *out)"
CALLS += " { for (int64_t i = 0; i < count; i++) out[i] = noise_quantile(words[i]); }"
# around every power of two and every interval's ends, where a rounding could pick the neighbour
EDGES = [(8 + part) * 2**power // 8 + step for power in range(33) for part in range(8) for step in (-2, -1, 0, 1)]


WORDS = "0, 1, 2, 0x7FFFFFFFu, 0x80000000u, 0xFFFFFFFFu"
PROGRAM = f"""
int main(void)
{{
    float out[300];
    const uint32_t words[] = {{{WORDS}}};
    int32_t x[6];
    for (int64_t first = 0; first < 70; first++) {{
        uniform(1, 2, (int64_t)1 << 40, 3, first, 300 - first, out);
        signs(1, 2, 0, 0xFFFFFFFFu, first, 300 - first, out);
        normal(0xFFFFFFFFu, 0xFFFFFFFFu, 5, 3, first, 300 - first, out);
    }}
    quantiles(words, 6, x);
    return 0;
}}
"""


def pointer(array: np.ndarray) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)


def draw(kind: str, source: Noise, t: int | Tensor, site: int, shape: tuple[int, ...]) -> Tensor:
    return getattr(source, kind)(t, site, shape)


def built(text: str, flags: Sequence[str], folder: Path) -> Path:
    (folder / "noise.c").write_text(text)
    call = [*compiler.command(), "-std=gnu99", "-Wall", "-Wextra", "-Werror", *flags, f"-I{noise.HEADER.parent}"]
    done = subprocess.run([*call, "-o", "noise", "noise.c"], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder / "noise"


needs_compiler = pytest.mark.skipif(bool(compiler.problem()), reason=compiler.problem() or "there is a compiler")


@needs_compiler
def test_c_has_no_undefined_behaviour(tmp_path: Path) -> None:
    program = built(CALLS + PROGRAM, ["-O1", "-fsanitize=undefined", "-fsanitize-undefined-trap-on-error"], tmp_path)
    assert subprocess.run([program], check=False).returncode == 0  # what is undefined, a bound too, is trapped


@needs_compiler
@pytest.mark.parametrize("setting", SETTINGS)
def test_c_gives_the_same_bits(setting: str, tmp_path: Path) -> None:
    flags = SETTINGS[setting]
    if "-mfma" in flags and not {"avx2", "fma"} <= set(compiler.processor().split()):
        pytest.skip("the processor has no AVX2 and fused products")
    library = ctypes.CDLL(str(built(CALLS, [*flags, "-fPIC", "-shared"], tmp_path)))
    edges = np.array([word for word in EDGES if 0 <= word < 2**32], dtype=np.uint32)
    exact = np.zeros(len(edges), dtype=np.int32)
    library.quantiles(pointer(edges), ctypes.c_int64(len(edges)), pointer(exact))
    found = exact.astype(np.float32) * np.float32(2.0**-28)
    assert (found == noise.quantile(torch.from_numpy(edges.astype(np.int64))).numpy()).all()
    made = Noise.of(5, LABELS)
    for kind in KINDS:
        for t, site, first, count in DRAWS:
            wanted = draw(kind, made, t, site, (first + count,))[:, first:]
            for key, row in zip(made.key.tolist(), wanted.numpy()):
                out = np.full(count + 1, 7.0, dtype=np.float32)
                numbers = (ctypes.c_int64(n) for n in (first, count))
                getattr(library, kind)(
                    *(ctypes.c_uint32(k) for k in key), ctypes.c_int64(t), ctypes.c_uint32(site), *numbers, pointer(out)
                )
                assert (out[:-1].view(np.int32) == row.view(np.int32)).all() and out[-1] == 7.0


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
@pytest.mark.parametrize("kind", KINDS)
def test_gpu_gives_the_same_bits_called_and_recorded(kind: str) -> None:
    here = Noise.of(0, LABELS, population=5)
    there = here.to("cuda")
    for t in (0, 2**34 + 7):
        assert torch.equal(draw(kind, there, t, 3, (1001, 33)).cpu(), draw(kind, here, t, 3, (1001, 33)))
    t, graph = torch.zeros((), dtype=torch.int64, device="cuda"), torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        found = draw(kind, there, t, 3, (17,))
        t += 1
    t.zero_()
    for step in range(3):
        graph.replay()
        assert torch.equal(found.cpu(), draw(kind, here, step, 3, (17,)))
