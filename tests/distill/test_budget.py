"""A budget is kept to, and no minute sees more than it may."""

import random
import threading

import pytest

from sdg_lab.distill.budget import Account, Budget, RateLimit


class TestAccount:
    def test_what_is_under_way_counts_by_the_most_it_may_need(self):
        account = Account(Budget(tokens=100, requests=3))
        assert account.fits([100])
        assert not account.fits([101])
        account.begin([60])
        assert account.fits([40])
        assert not account.fits([41])
        account.end(10)
        assert account.fits([45, 45])
        assert not account.fits([1, 1, 1])
        account.begin([45, 45])
        account.end(40)
        account.end(50, again=True)
        assert (account.tokens, account.requests) == (50, 2)
        assert str(account) == "2 of 3 requests and 50 of 100 tokens"

    def test_nothing_always_fits_and_no_budget_has_no_end(self):
        full = Account(Budget(requests=1))
        full.book(5)
        assert full.fits([])
        assert not full.fits([0])
        assert Account(Budget()).fits([10**12])
        assert str(Account(Budget())) == "0 requests and 0 tokens"

    def test_one_is_one_and_more_than_the_budget_is_said(self):
        account = Account(Budget(tokens=1))
        account.book(1)
        assert str(account) == "1 request and 1 of 1 token"
        account.book(2_000)
        assert str(account).startswith("2 requests and 2,001 of 1 token (more than this budget: ")

    def test_what_is_left_is_said_where_tokens_are_too_few(self):
        account = Account(Budget(tokens=100, requests=1))
        assert account.wants(100) == ""
        assert account.wants(1_000) == "100 tokens are left, and the next may need 1,000"
        account.book(99)
        assert account.wants(1) == "", "it is the requests that are spent"
        assert account.wants(2) == "1 token is left, and the next may need 2"

    @pytest.mark.parametrize("name", ["tokens", "requests"])
    def test_a_budget_of_nothing_is_refused(self, name):
        with pytest.raises(ValueError, match=f"the budget's {name} must be a whole number >= 1, got 0"):
            Budget(**{name: 0})


class TestRateLimit:
    def test_no_window_of_a_minute_has_more(self, clock):
        rng = random.Random(0)
        limit = RateLimit(5, 100, clock=clock, sleep=clock.sleep)
        passed = []
        for _ in range(200):
            tokens = rng.randint(1, 60)
            limit.wait(tokens)
            passed.append((clock.now, tokens))
            clock.now += rng.choice([0, 0.5, 20])
        for begin, _ in passed:
            window = [tokens for at, tokens in passed if begin <= at < begin + 60]
            assert len(window) <= 5
            assert sum(window) <= 100

    def test_it_waits_no_longer_than_it_must(self, clock):
        limit = RateLimit(requests=2, clock=clock, sleep=clock.sleep)
        limit.wait(1)
        clock.now += 10
        limit.wait(1)
        limit.wait(1)
        assert clock.slept == [50]

    def test_what_is_larger_than_the_bound_passes_alone(self, clock):
        limit = RateLimit(tokens=10, clock=clock, sleep=clock.sleep)
        limit.wait(500)
        limit.wait(1)
        assert clock.slept == [60]

    def test_a_pause_holds_all_back_and_the_longest_counts(self, clock):
        limit = RateLimit(clock=clock, sleep=clock.sleep)
        limit.pause(9)
        limit.pause(3)
        limit.wait(1)
        limit.wait(1)
        assert clock.slept == [9]

    def test_threads_share_it(self, clock):
        limit = RateLimit(requests=4, clock=clock, sleep=clock.sleep)
        passed = []
        threads = [threading.Thread(target=lambda: (limit.wait(1), passed.append(1))) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        assert len(passed) == 8
        assert clock.now >= 1060

    def test_a_sleeper_may_leave(self, clock):
        limit = RateLimit(clock=clock)
        limit.pause(9)

        def leave(seconds):
            raise InterruptedError

        with pytest.raises(InterruptedError):
            limit.wait(1, leave)
