"""A gradient that is cut, reversed, halved or led astray is found out, wherever the tensor lies that wants it."""

import dataclasses
import functools

import numpy as np
import pytest
import torch
from torch import nn

from sdg_lab.course.engine import Case, Exercise, Mistake
from sdg_lab.course.engine.grade import verdict
from sdg_lab.course.engine.gradients import change, tensors


def loss(log_probs, rewards):
    return -((rewards - rewards.mean()).detach() * log_probs).mean()


def cases(rng):
    for n, dtype in ((3, torch.float64), (6, torch.float32), (20, torch.float64)):
        yield Case(*(torch.as_tensor(rng.normal(size=n), dtype=dtype) for _ in range(2)))


MISTAKES = (
    Mistake("That is a sum.", lambda log_probs, rewards: loss(log_probs, rewards) * len(rewards)),
    Mistake("The sign is wrong.", lambda log_probs, rewards: -loss(log_probs, rewards)),
    Mistake("Square it.", lambda log_probs, rewards: loss(log_probs, rewards) ** 3),
)
POLICY = Exercise(
    "08.policy",
    "t",
    "t",
    1,
    1,
    ("h",),
    loss,
    cases,
    MISTAKES,
    returns="the loss",
    differentiable=("log_probs", "rewards"),
)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (lambda p, r: loss(p.detach(), r), "the value is right, but no gradient reaches log_probs: stay within torch"),
        (lambda p, r: loss(p, r).item(), "no gradient reaches log_probs"),
        (lambda p, r: torch.tensor(loss(p, r).item(), requires_grad=True), "no gradient reaches log_probs"),
        (
            lambda p, r: 2 * loss(p, r).detach() - loss(p, r),
            "its gradient with respect to log_probs has the wrong sign",
        ),
        (
            lambda p, r: (loss(p, r).detach() + loss(p, r)) / 2,
            "log_probs is 0.5 times the right one: a part of it was cut",
        ),
        (lambda p, r: loss(p, r).detach() + 0 * loss(p, r), "log_probs is 0: stay within torch"),
        (lambda p, r: loss(p, r).detach() + p[0] - p[0].detach(), "log_probs is not: at [0] expected"),
        (
            lambda p, r: -((r - r.mean()) * p).mean(),
            "a gradient flows into rewards, which is a constant here: detach it",
        ),
        (lambda p, r: [loss(p, r).backward(retain_graph=True), loss(p, r)][1], "leaves a gradient in log_probs.grad"),
    ],
)
def test_a_wrong_gradient_is_named(answer, says):
    result = verdict(POLICY, answer)
    assert result.status == "failed"
    assert says in result.message


@pytest.mark.parametrize(
    "answer",
    [
        lambda p, r: sum(-(a - r.mean()).detach() * b for a, b in zip(r, p, strict=True)) / len(p),
        lambda p, r: loss(p, r)[None],
        lambda p, r: loss(p.float(), r.float()),
    ],
)
def test_a_right_gradient_passes_in_any_style(answer):
    assert verdict(POLICY, answer).status == "passed"


def test_a_list_of_numbers_is_a_vector():
    exercise = dataclasses.replace(POLICY, reference=lambda log_probs, rewards: log_probs.exp(), mistakes=MISTAKES)
    assert verdict(exercise, lambda p, r: [value.exp() for value in p]).status == "passed"
    assert "no gradient" in verdict(exercise, lambda p, r: [value.exp().item() for value in p]).message


def in_place(p, r):
    value = p.exp()
    value *= 2
    return value


def spent(p, r):
    value = 2 * p.exp()
    value.sum().backward()
    p.grad = None
    return value


@pytest.mark.parametrize(
    ("answer", "says"), [(in_place, "changed in place; make a new one"), (spent, "been called inside")]
)
def test_what_torch_cannot_differentiate_is_told_as_such(answer, says):
    exercise = dataclasses.replace(POLICY, reference=lambda log_probs, rewards: 2 * log_probs.exp())
    result = verdict(exercise, answer)
    assert result.status == "failed"
    assert "the value is right, but torch cannot differentiate it: " in result.message
    assert says in result.message


def test_a_gradient_that_is_nan_is_told_as_such_and_one_that_is_nearly_0_is_0():
    def cases(rng):
        yield Case(torch.tensor([0.0, 0.0], dtype=torch.float64), torch.tensor([1.0]))
        for n in (3, 4):
            yield Case(*(torch.as_tensor(rng.random(n) + 0.5) for _ in range(2)))

    def root(log_probs, rewards):
        return torch.where(log_probs > 0, log_probs.clamp(min=1e-30).sqrt(), 0.0)

    exercise = dataclasses.replace(POLICY, reference=root, cases=cases, differentiable=("log_probs",))
    message = verdict(exercise, lambda p, r: torch.where(p > 0, p.sqrt(), 0.0)).message
    assert "gradient with respect to log_probs is not finite: somewhere inf is multiplied by 0" in message
    assert verdict(exercise, lambda p, r: root(p, r) + 1e-40 * p - 1e-40 * p.detach()).status == "passed"


def test_each_output_has_its_own_gradient():
    exercise = dataclasses.replace(POLICY, reference=lambda log_probs, rewards: log_probs.exp())

    def shared(p, r):  # the gradient of the sum is right, those of the parts are not
        value = p.exp()
        return value.detach() + (value.sum() - value.sum().detach()) / len(p)

    assert "its gradient with respect to log_probs is not" in verdict(exercise, shared).message


def test_a_mistake_that_shows_in_its_gradient_alone_is_named():
    mistake = Mistake("Only the first row learns.", lambda p, r: loss(p, r).detach() + p[0] - p[0].detach())
    exercise = dataclasses.replace(POLICY, mistakes=(mistake, *MISTAKES))
    assert verdict(exercise, mistake.answer).message.startswith("Only the first row learns.\nThe loss for")


def penalty(discriminator, real):
    x = real.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(discriminator(x).sum(), x, create_graph=True)
    return gradient.square().flatten(1).sum(1).mean() / 2


def careless(discriminator, real):
    x = real.clone().requires_grad_()
    discriminator(x).sum().backward(create_graph=True)
    return x.grad.square().flatten(1).sum(1).mean() / 2


def no_graph(discriminator, real):
    x = real.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(discriminator(x).sum(), x)
    return gradient.square().flatten(1).sum(1).mean() / 2


def _network(rng):
    network = nn.Sequential(nn.Flatten(), nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 1)).double()
    for parameter in network.parameters():
        parameter.data = torch.as_tensor(rng.normal(size=tuple(parameter.shape)))
    return network


def _closure(rng):
    network = _network(rng)
    return lambda x: network(x).flatten()


def _partial(rng):
    return functools.partial(lambda weight, x: (x.flatten(1) @ weight).tanh(), torch.ones(4).double().requires_grad_())


@pytest.mark.parametrize("make", [_network, _closure, _partial])
@pytest.mark.filterwarnings("ignore:Using backward")
def test_weights_are_found_in_networks_closures_and_partials(make):
    def critics(rng):
        for n in (1, 3, 5):
            yield Case(make(rng), torch.as_tensor(rng.normal(size=(n, 1, 2, 2))))

    exercise = dataclasses.replace(POLICY, reference=penalty, cases=critics, differentiable=())
    assert verdict(exercise, penalty).status == "passed"
    assert "no gradient reaches discriminator" in verdict(exercise, no_graph).message
    result = verdict(exercise, careless)
    assert result.status == "failed"
    assert "leaves a gradient in discriminator" in result.message


def test_a_network_or_an_object_that_is_changed_is_named():
    class Table:
        def __init__(self):
            self.values = np.ones(2)
            self.itself = self  # what holds itself is looked at, and not for ever

    one, other = Table(), Table()
    assert change(one, other, "table") == ""
    assert list(tensors(one, "table")) == []
    one.values[0] = 2
    assert change(one, other, "table").startswith("changes table.values in place")
    one, other = (_network(np.random.default_rng(0)) for _ in range(2))
    assert change(one, other, "critic") == ""
    one[1].weight.data += 1
    assert change(one, other, "critic").startswith("changes critic.1.weight in place")
    assert [name for name, _ in tensors({"a": [torch.ones(1)]}, "x")] == ["x['a'][0]"]


def test_advice_is_about_what_can_be_copied():
    for mine, before in (([0.5, 2], [0.5, 1]), (["b"], ["a"]), ([(1, 2)], [(1, 3)])):
        assert change(mine, before, "items") == "changes items in place; work on a copy, such as items.copy()"
    assert "such as items[0].copy()" in change([np.ones(2)], [np.zeros(2)], "items")
