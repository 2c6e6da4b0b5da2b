"""Money, measures and scales in English."""

import pytest
from support.reading import english


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("It costs $8.75.", "It costs eight dollars and seventy five cents."),
        ("Pay 12€ or €19,95.", "Pay twelve euros or nineteen euros and ninety five cents."),
        ("He owes 40 USD.", "He owes forty US dollars."),
        ("a loss of $(0.30)", "a loss of minus thirty cents"),
        ("$(2.5M)", "minus two point five million dollars"),
        ("CHF 90 and Rs 700", "ninety Swiss francs and seven hundred rupees"),
        (
            "A$6, HK$75 and NZ$2",
            "six Australian dollars, seventy five Hong Kong dollars and two New Zealand dollars",
        ),
        ("It fell by -$45.", "It fell by minus forty five dollars."),
        ("£1.05, $0.07 and 3¢", "one pound and five pence, seven cents and three cents"),
        ("$3.125 a share", "three point one two five dollars a share"),
        ("$6 dollars", "six dollars"),
        ("¥800 or ₩9000", "eight hundred yen or nine thousand won"),
    ],
)
def test_money_is_read_in_all_positions(written: str, words: str) -> None:
    assert english(written) == words


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("$35k", "thirty five thousand dollars"),
        ("£4.2bn", "four point two billion pounds"),
        ("$7 million", "seven million dollars"),
        ("€2M", "two million euros"),
        ("$1.3tn of debt", "one point three trillion dollars of debt"),
        ("₹9 crore", "nine crore rupees"),
    ],
)
def test_money_has_scales(written: str, words: str) -> None:
    assert english(written) == words


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("$40-60", "forty to sixty dollars"),
        ("$40-$60", "forty dollars to sixty dollars"),
        ("£2-£3 million", "two to three million pounds"),
        ("€2 billion–€3 billion", "two billion euros to three billion euros"),
        ("$200-300k", "two hundred to three hundred thousand dollars"),
    ],
)
def test_money_has_ranges(written: str, words: str) -> None:
    assert english(written) == words


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("$15/hr", "fifteen dollars per hour"),
        ("€9/month", "nine euros per month"),
        ("$3/kg", "three dollars per kilogram"),
    ],
)
def test_money_has_rates(written: str, words: str) -> None:
    assert english(written) == words


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("a $20 shirt", "a twenty dollar shirt"),
        ("a whopping $3.5 million house", "a whopping three point five million dollar house"),
        ("the $9 he owes", "the nine dollars he owes"),
        ("an 8 km walk", "an eight kilometer walk"),
        ("an 8km (5mi) walk", "an eight kilometer (five miles) walk"),
        ("the 40 km to town", "the forty kilometers to town"),
        ("a 64 GB card", "a sixty four gigabyte card"),
        ("my 90-min show", "my ninety minute show"),
    ],
)
def test_amounts_before_a_noun_are_adjectives(written: str, words: str) -> None:
    assert english(written) == words


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("4kg, 12 cm and 1 km", "four kilograms, twelve centimeters and one kilometer"),
        ("7 m/s or 90 km/h", "seven meters per second or ninety kilometers per hour"),
        ("9.81 m/s²", "nine point eight one meters per second squared"),
        ("6 L/100km", "six liters per one hundred kilometers"),
        ("35 m² and 2 m3", "thirty five square meters and two cubic meters"),
        ("-7°C or 19 °F", "minus seven degrees Celsius or nineteen degrees Fahrenheit"),
        (
            "16GB, 3.2GHz, 400 Mbps",
            "sixteen gigabytes, three point two gigahertz, four hundred megabits per second",
        ),
        ("9.5% and 40 percent", "nine point five percent and forty percent"),
        ("2 1/4 lbs. of flour", "two and a quarter pounds of flour"),
        ("3½ hrs", "three and a half hours"),
        ("1/2 lb. of butter", "half a pound of butter"),
        ("3/4 mi away", "three quarters of a mile away"),
        ("40+ mph", "forty plus miles per hour"),
        ("20p or £2.20p", "twenty pence or two pounds and twenty pence"),
        ("250mg/day", "two hundred and fifty milligrams per day"),
        ("100 μm", "one hundred micrometers"),
    ],
)
def test_measures_are_read(written: str, words: str) -> None:
    assert english(written) == words


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("8m deep", "eight meters deep"),
        ("14m left", "fourteen minutes left"),
        ("3m ago", "three minutes ago"),
        ("6m users", "six million users"),
    ],
)
def test_an_m_is_a_meter_a_minute_or_a_million(written: str, words: str) -> None:
    assert english(written) == words


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("3.4M views", "three point four million views"),
        ("2.5k likes", "two point five thousand likes"),
        ("80K people", "eighty thousand people"),
        ("a 10K run", "a ten K run"),
        ("a 4K film", "a four K film"),
    ],
)
def test_a_scale_is_a_letter_or_a_word(written: str, words: str) -> None:
    assert english(written) == words


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("3-4 kg", "three to four kilograms"),
        ("3 kg-4 kg", "three kilograms to four kilograms"),
        ("15–20%", "fifteen to twenty percent"),
        ("15%–20%", "fifteen percent to twenty percent"),
        ("40 percent-50 percent", "forty percent to fifty percent"),
        ("between 5-6 km", "between five and six kilometers"),
    ],
)
def test_ranges_of_measures_are_read(written: str, words: str) -> None:
    assert english(written) == words


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("~70 people", "about seventy people"),
        ("±3%", "plus or minus three percent"),
        ("<2% and >50", "less than two percent and more than fifty"),
        ("≥21, ≤ 9", "at least twenty one, at most nine"),
        ("it is -8 now", "it is minus eight now"),
        ("30+ guests", "thirty plus guests"),
    ],
)
def test_signs_before_numbers_are_read(written: str, words: str) -> None:
    assert english(written) == words
