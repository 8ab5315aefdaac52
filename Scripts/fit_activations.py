#!/usr/bin/env python3
"""Fit the polynomials of Sources/CKernels/vector_math.h and print their errors.

    pip install numpy==2.4.6 torch==2.15.0
    python3 Scripts/fit_activations.py

e^r = 1 + r + r² P(r) on |r| <= ln(2)/2, and -ln(erfc(a/√2)) = a Q(a) on [0, 9], each with the least maximum error
(Lawson's iteratively reweighted least squares). Q's error is weighted by what it does to the GELU.
"""
import numpy as np
import torch


def fit(x, y, weight, degree, scale=1.0, rounds=800):
    """Coefficients of x^0... for y ≈ P(x) with the least maximum of |weight (P - y)|, and that maximum."""
    powers = np.stack([(x / scale) ** i for i in range(degree + 1)], 1)
    trust, best = np.ones_like(x), (np.inf, None)
    for _ in range(rounds):
        root = np.sqrt(trust) * weight
        coefficients = np.linalg.lstsq(powers * root[:, None], y * root, rcond=None)[0]
        error = np.abs((powers @ coefficients - y) * weight)
        if error.max() < best[0]:
            best = error.max(), coefficients / scale ** np.arange(degree + 1)
        trust *= (error / error.max() + 1e-12) ** 0.7
        trust = np.maximum(trust / trust.max(), 1e-9)
    return best[1].astype(np.float32), best[0]


def nodes(low, high, count):
    return low + (high - low) * (1 - np.cos(np.pi * (np.arange(count) + 0.5) / count)) / 2


def main():
    half = np.log(2) / 2 * 1.01
    r = nodes(-half, half, 2000)
    r = r[np.abs(r) > 1e-5]
    coefficients, error = fit(r, (np.exp(r) - 1 - r) / r**2, r**2 / np.exp(r), 4, rounds=400)
    print("exp: relative error", error, [float(c) for c in coefficients])

    a = nodes(0, 9, 4000)
    a = a[a > 1e-4]
    q = -(torch.special.log_ndtr(torch.tensor(-a)).numpy() + np.log(2))
    weight = np.maximum(np.exp(-q), 1e-3 / np.maximum(q, 1)) * a
    coefficients, error = fit(a, q / a, weight, 10, scale=4.0)
    print("gelu: error", error, [float(c) for c in coefficients])

    x = np.linspace(-12, 12, 2_000_001).astype(np.float32)
    bounded = np.minimum(np.abs(x), np.float32(9))
    p = np.zeros_like(x)
    for c in coefficients[::-1]:
        p = p * bounded + c
    tail = np.exp(-(p * bounded).astype(np.float64)).astype(np.float32)
    gelu = np.maximum(x, 0) - np.float32(0.5) * np.abs(x) * tail
    exact = x.astype(np.float64) * torch.special.ndtr(torch.tensor(x, dtype=torch.float64)).numpy()
    error = np.abs(gelu - exact)
    print("gelu in float32: error", error.max(), "over |x|", (error / np.maximum(np.abs(x), 1e-3)).max())


if __name__ == "__main__":
    main()
