"""Each formula of an update, for one network and for members of a stack, against torch's own."""

import pytest
import torch
from torch import Tensor, nn

from src.models.updates import OPTIMIZERS, Regularization, kept_share

RATES = [0.003, 0.02, 0.1]
STEPS = 4


def numbers(seed: int) -> list[Tensor]:
    """Three networks' parameters, side by side (3, 32)."""
    generator = torch.Generator().manual_seed(seed)
    return list(torch.randn(3, 32, dtype=torch.float64, generator=generator).unbind())


@pytest.mark.parametrize("name", list(OPTIMIZERS))
def test_an_optimizer_steps_one_network_and_a_stack_as_torch_s_own_does(name):
    rule = OPTIMIZERS[name]
    stacked = [torch.stack(numbers(0)[:2]), torch.stack(numbers(0)[2:])]  # two runs of members
    alone, own = [[p] for p in numbers(0)], [nn.Parameter(p.clone()) for p in numbers(0)]
    counts = [torch.zeros(()) for _ in stacked]
    of_stack = rule(stacked, [[torch.zeros_like(p) for p in stacked] for _ in range(rule.memories)], counts)
    count = torch.zeros(())
    of_each = [rule(p, [[torch.zeros_like(p[0])] for _ in range(rule.memories)], [count]) for p in alone]
    of_torch = [rule.of_torch([p], rate) for p, rate in zip(own, RATES, strict=True)]
    rates = torch.tensor(RATES, dtype=torch.float64)[:, None]
    for step in range(1, STEPS + 1):
        gradients = numbers(step)
        for number in (count, *counts):
            number.add_(1)
        of_stack.step(slice(None), [torch.stack(gradients[:2]), torch.stack(gradients[2:])], [rates[:2], rates[2:]])
        for optimizer, rate, gradient in zip(of_each, RATES, gradients, strict=True):
            optimizer.step(slice(None), [gradient], rate)
        for optimizer, p, gradient in zip(of_torch, own, gradients, strict=True):
            p.grad = gradient.clone()
            optimizer.step()
    torch.testing.assert_close(torch.cat(stacked), torch.stack([p.detach() for p in own]), rtol=0, atol=1e-12)
    torch.testing.assert_close(torch.cat(stacked), torch.stack([p for [p] in alone]), rtol=0, atol=1e-12)


@pytest.mark.parametrize("runs", [1, 2])
def test_only_the_chosen_parts_are_stepped(runs):
    parts, gradients = [torch.ones(2, 32) for _ in range(2)], [torch.ones(2, 32) for _ in range(2)]
    optimizer = OPTIMIZERS["sgd"](parts, [[torch.zeros_like(p) for p in parts]], [torch.ones(()) for _ in parts])
    optimizer.step(slice(runs), gradients, [torch.ones(2, 1) for _ in range(runs)])
    assert [bool((p == 1).all()) for p in parts] == [False, runs == 1]


def test_penalties_clipping_and_decay_are_the_textbook_s_alone_and_side_by_side():
    l1, l2, clip, rate, decay = 0.02, 0.3, 1.5, 0.1, 0.4
    weights, gradients = numbers(0), numbers(1)
    penalty = [p.clone().requires_grad_() for p in weights]
    sum(l1 * p.abs().sum() + l2 * p.square().sum() for p in penalty).backward()
    for p, gradient in zip(penalty, gradients, strict=True):
        p.grad += gradient
        torch.nn.utils.clip_grad_norm_([p], clip)
    expected, shrunk = torch.stack([p.grad for p in penalty]), torch.stack(weights) * (1 - rate * decay)

    alone, of_alone = [p.clone() for p in weights], [g.clone() for g in gradients]
    for p, gradient in zip(alone, of_alone, strict=True):
        Regularization(l1, l2, clip).apply([p], [gradient], [gradient], kept_share(rate, decay))
    stack, of_stack, column = torch.stack(weights), torch.stack(gradients), torch.ones(3, 1, dtype=torch.float64)
    side_by_side = Regularization([column * l1], [column * l2], [column * clip])
    side_by_side.apply([stack], [of_stack], [of_stack], [kept_share(column * rate, column * decay)])
    for found in (torch.stack(of_alone), of_stack):
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)
    for found in (torch.stack(alone), stack):
        torch.testing.assert_close(found, shrunk, rtol=0, atol=1e-12)


def test_a_network_s_gradient_is_clipped_as_a_whole_and_never_lengthened():
    gradients = [torch.tensor([3.0]), torch.tensor([4.0])]
    Regularization(None, None, 10.0).apply([], [], gradients, None)
    assert torch.cat(gradients).tolist() == [3, 4]
    Regularization(None, None, 1.0).apply([], [], gradients, None)
    torch.testing.assert_close(torch.cat(gradients), torch.tensor([0.6, 0.8]))
