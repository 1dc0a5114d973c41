"""Which numbers are cards and IBANs, and which are not. All of them are made up."""

from __future__ import annotations

import datetime as dt
import random
import uuid
from collections.abc import Callable

import pytest

from sentryinit._redaction.numbers import is_card
from sentryinit._redaction.text import TextMasker

MASKER = TextMasker()

MASKED = [
    # the groups of a card, and what is between them
    ("4111  1111  1111  1111", "[secret]"),
    ("4111\t1111\t1111\t1111", "[secret]"),
    ("4111\u00a01111\u00a01111\u00a01111", "[secret]"),
    ("4111 1111  1111 1111", "[secret]"),
    ("4111_1111_1111_1111", "[secret]"),
    ("4111/1111/1111/1111", "[secret]"),
    ("4111\u20131111\u20131111\u20131111", "[secret]"),
    ("q=4111+1111+1111+1111", "q=[secret]"),
    ("/a/4111%201111%201111%201111", "/a/[secret]"),
    ("/a/4111%25201111%25201111%25201111", "/a/[secret]"),
    ("paid 3782 822463 10005", "paid [secret]"),
    ("paid 3622 720627 1667", "paid [secret]"),
    ("paid 620550 0000000000004", "paid [secret]"),
    ("4111111111111111=2512 x", "[secret]=2512 x"),
    ("paid 4716 9895 8000 1715 211", "paid [secret]"),
    # more groups behind them, or another card
    ("4111 1111 1111 1111 123", "[secret] 123"),
    ("4111 1111 1111 1111 1227 123", "[secret] 1227 123"),
    ("4111 1111 1111 1111 2027", "[secret] 2027"),
    ("4111 1111 1111 1111\n5500 0000 0000 0004", "[secret]\n[secret]"),
    ("id 2026 4111-1111-1111-1111", "id 2026 [secret]"),
    # in something else
    ("order4111111111111111x", "order[secret]x"),
    ("card_4111111111111111", "card_[secret]"),
    (r"'a\n4111111111111111'", r"'a\n[secret]'"),
    ("%204111 1111 1111 1111", "%20[secret]"),
    ("4111111111111111.", "[secret]."),
    ("4111111111111111.0", "[secret].0"),
    ("\u0664" + "\u0661" * 15, "[secret]"),
    # the rest of a track of a card
    (";4111111111111111=25121011000012345678?", ";[secret]"),
    ("%B4111111111111111^DOE/JOHN^2512101000000000?", "%B[secret]"),
    # other issuers, if it is called a card
    ("credit card: 122000000000003", "credit card: [secret]"),
    ("card number is 122000000000003", "card number is [secret]"),
    # IBANs; their digits can be those of a card
    ("RO49AAAA1B31007593840000", "[secret]"),
    ("ro49aaaa1b31007593840000", "[secret]"),
    ("GB33BUKB20201555555555", "[secret]"),
    ("to BH22EOTFXTVKUHIUP97OYB", "to [secret]"),
    ("to BH22 EOTF XTVK UHIU P97O YB", "to [secret]"),
    ("ibanDE89370400440532013000", "iban[secret]"),
    ("DE89  3704  0044  0532  0130  00", "[secret]"),
    ("DE89\u00a03704\u00a00044\u00a00532\u00a00130\u00a000", "[secret]"),
    ("q=RO49+AAAA+1B31+0075+9384+0000", "q=[secret]"),
    ("/a/RO49%20AAAA%201B31%200075%209384%200000", "/a/[secret]"),
]

KEPT = """\
4111 1111 1111 1111 1111
3552 3534 3375 4530 3515 3479
4111-1111-1111-1111a
61502dee-4111-1111-1111-111111111111
+4915112345671
blk_4526352988253471254
-4526352988253471254
4503599627370496.0
0.4111111111111111
122000000000003
invoice 2024000000123
20250804145925 20250804145925123
9783161484100 4006381333931
7bdd4350-0ea5-404e-be90-20baa63a6194 be251512-3e0e-45c9-9459-736986e11bb6
RS35 2600 0560 1001 6113 70
RO49AAAA1B31007593840001
4111111111111111.05
BH22EOTFXTVKUHIUP97OYC buriDE89370400440532013000
AL47/2121/1009/0000/0002/3569/8741
""".splitlines()


@pytest.mark.parametrize(("line", "masked"), MASKED)
def test_a_text_with_a_number(line: str, masked: str) -> None:
    """The number is masked, the rest stays; masking is idempotent."""
    assert MASKER.text(line) == masked
    assert MASKER.text(masked) == masked


@pytest.mark.parametrize("line", KEPT)
def test_a_text_without_a_number(line: str) -> None:
    """What only resembles the number of a card or an account stays."""
    assert MASKER.text(line) == line


@pytest.mark.parametrize(
    ("digits", "expected"),
    [
        *(("4222222222222", True), ("5105105105100", False)),
        *(("36227206271667", True), ("41111111111112", False)),
        *(("378282246310005", True), ("411111111111116", False)),
        *(("2223003122003222", True), ("2200000000000004", True), ("2100000000000005", False)),
        *(("3530111333300000", True), ("3056930009020004", True), ("3100000000000003", False)),
        *(("8171999927660000", True), ("8300000000000009", False), ("9792000000000001", False)),
        *(("6304000000000000000", True), ("4716989580001715211", True)),
        *(("6011000000000000001", True), ("6011000000000000003", False)),
        *(("180000000000002", True), ("213100000000001", True)),
        *(("6012000000000000009", False), ("411111111111", False), ("4111111111111112", False)),
    ],
)
def test_issuers(digits: str, expected: bool) -> None:
    """The length belongs to the issuer's prefix."""
    assert is_card(digits) == expected


def _check_digit(digits: str, weights: tuple[int, int]) -> str:
    return str(-sum(int(d) * weights[at % 2] for at, d in enumerate(digits)) % 10)


def _time(rng: random.Random) -> str:
    seconds = rng.randrange(946_684_800, 2_500_000_000)
    at = dt.datetime.fromtimestamp(seconds, dt.timezone.utc)
    return f"{at:%Y%m%d%H%M%S}" + rng.choice(["", f"{rng.randrange(1000):03}"])


def _ean(rng: random.Random) -> str:
    digits = f"{rng.randrange(10**12):012}"
    return digits + _check_digit(digits, (1, 3))


def _number(length: int) -> Callable[[random.Random], str]:
    return lambda rng: str(rng.randrange(10 ** (length - 1), 10**length))


@pytest.mark.parametrize(
    ("make", "percent"),
    [
        pytest.param(_time, 0, id="compact time"),
        pytest.param(_ean, 0, id="EAN"),
        pytest.param(lambda rng: str(rng.randrange(10**12, 2 * 10**12)), 0, id="epoch, ms"),
        pytest.param(lambda rng: str(rng.randrange(10**18, 2 * 10**18)), 0, id="epoch, ns"),
        pytest.param(lambda rng: f"{rng.getrandbits(128):032x}", 0, id="digest"),
        pytest.param(lambda rng: str(uuid.UUID(int=rng.getrandbits(128))), 0, id="UUID"),
        pytest.param(_number(12), 0, id="12"),
        pytest.param(_number(13), 1.3, id="13"),
        pytest.param(_number(14), 0.6, id="14"),
        pytest.param(_number(15), 0.4, id="15"),
        pytest.param(_number(16), 5, id="16"),
        pytest.param(_number(17), 0.4, id="17"),
        pytest.param(_number(18), 0.4, id="18"),
        pytest.param(_number(19), 1.8, id="19"),
        pytest.param(_number(20), 0, id="20"),
    ],
)
def test_arbitrary_numbers(make: Callable[[random.Random], str], percent: float) -> None:
    """Of 5,000 arbitrary numbers of a kind, at most *percent* are masked."""
    rng = random.Random(17)  # noqa: S311 # the same numbers in each run
    made = [f"id {make(rng)}" for _ in range(5_000)]

    assert sum(MASKER.text(line) != line for line in made) <= percent * 50
