"""Forward pass of a small convolutional layer: convolution, ReLU, 2x2 max pooling.

Reads `input.npz` when there is one in the current folder, otherwise makes an input of its own.
Writes `output.npy` and prints how long the computation took.
"""

import time
from pathlib import Path

import numpy as np

STRIDE = 2
PAD = 2
POOL = 2


def load_input():
    """images (N, H, W, C), kernels (K, K, C, F) and bias (F,), all float64."""
    if Path("input.npz").exists():
        with np.load("input.npz") as data:
            return data["images"], data["kernels"], data["bias"]
    rng = np.random.default_rng(0)
    images = rng.normal(size=(32, 64, 64, 3))
    kernels = rng.normal(size=(3, 3, 3, 8))
    bias = rng.normal(size=8)
    return images, kernels, bias


def convolve(images, kernels, bias):
    """(N, OH, OW, F): every filter at every place of every zero-padded image."""
    count, height, width, channels = images.shape
    size, _, _, filters = kernels.shape
    out_height = (height + 2 * PAD - size) // STRIDE + 1
    out_width = (width + 2 * PAD - size) // STRIDE + 1
    out = np.zeros((count, out_height, out_width, filters))
    for n in range(count):
        padded = np.zeros((height + 2 * PAD, width + 2 * PAD, channels))
        padded[PAD : PAD + height, PAD : PAD + width] = images[n]
        for y in range(out_height):
            for x in range(out_width):
                top, left = y * STRIDE, x * STRIDE
                patch = padded[top : top + size, left : left + size]
                for f in range(filters):
                    out[n, y, x, f] = np.sum(patch * kernels[..., f]) + bias[f]
    return out


def relu(values):
    """The same shape, negative values replaced by zero."""
    out = np.zeros_like(values)
    for n in range(values.shape[0]):
        for f in range(values.shape[3]):
            out[n, :, :, f] = np.maximum(values[n, :, :, f], 0.0)
    return out


def max_pool(values):
    """(N, H // 2, W // 2, F): the maximum of each 2x2 block; an odd last row or column is cut."""
    count, height, width, filters = values.shape
    out = np.zeros((count, height // POOL, width // POOL, filters))
    for n in range(count):
        for y in range(height // POOL):
            for x in range(width // POOL):
                block = values[n, y * POOL : (y + 1) * POOL, x * POOL : (x + 1) * POOL]
                for f in range(filters):
                    out[n, y, x, f] = np.max(block[:, :, f])
    return out


def main():
    images, kernels, bias = load_input()
    start = time.perf_counter()
    result = max_pool(relu(convolve(images, kernels, bias)))
    print(f"forward pass: {time.perf_counter() - start:.3f} s, output {result.shape}")
    np.save("output.npy", result)


if __name__ == "__main__":
    main()
