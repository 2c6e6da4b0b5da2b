"""Units of measurement and currencies in English: their signs and their words."""

import re
from dataclasses import dataclass

from podtts.text.grammar import either, table

# One unit a line: its signs, then its word, and its plural where that is not the word with an s.
_UNITS = """
km KM Km: kilometer
m: meter
dm: decimeter
cm CM: centimeter
mm MM: millimeter
µm um: micrometer
nm: nanometer
ft: foot / feet
yd yds: yard
mi: mile
nmi: nautical mile
ly: light year
kg KG Kg: kilogram
g: gram
mg: milligram
µg mcg ug: microgram
t: ton
kt: kiloton
lb lbs: pound
oz: ounce
l L: liter
dl dL: deciliter
cl cL: centiliter
ml mL ML: milliliter
cc: cubic centimeter
gal: gallon
qt: quart
tbsp: tablespoon
tsp: teaspoon
fl_oz: fluid ounce
s sec secs: second
ms: millisecond
µs us: microsecond
ns: nanosecond
min mins: minute
h hr hrs: hour
wk wks: week
mo mos: month
yr yrs: year
Hz hz: hertz / hertz
kHz KHz khz: kilohertz / kilohertz
MHz mhz: megahertz / megahertz
GHz ghz: gigahertz / gigahertz
THz: terahertz / terahertz
kB KB kb: kilobyte
MB mb: megabyte
GB gb: gigabyte
TB tb: terabyte
PB: petabyte
KiB: kibibyte
MiB: mebibyte
GiB: gibibyte
kbps Kbps kbit/s: kilobit per second / kilobits per second
mbps Mbps Mbit/s Mb/s: megabit per second / megabits per second
gbps Gbps Gbit/s Gb/s: gigabit per second / gigabits per second
W: watt
mW: milliwatt
kW KW: kilowatt
MW: megawatt
GW: gigawatt
TW: terawatt
kWp: kilowatt peak / kilowatts peak
Wh: watt hour
kWh KWh kwh KWH: kilowatt hour
MWh: megawatt hour
GWh: gigawatt hour
TWh: terawatt hour
V: volt
mV: millivolt
kV KV: kilovolt
mA: milliamp
Ah: amp hour
mAh MAH mah: milliamp hour
J: joule
kJ KJ: kilojoule
MJ: megajoule
cal: calorie
kcal Kcal: kilocalorie
Pa: pascal
hPa: hectopascal
kPa: kilopascal
MPa: megapascal
mbar: millibar
mmHg: millimeter of mercury / millimeters of mercury
psi PSI: PSI / PSI
kN: kilonewton
Nm: newton meter
Ω: ohm
kΩ: kilohm
MΩ: megohm
mol: mole
mmol: millimole
dB db: decibel
lm: lumen
lx: lux / lux
hp: horsepower / horsepower
ha: hectare
sq_ft sq._ft. sqft: square foot / square feet
sq_m sqm: square meter
sq_km: square kilometer
sq_mi: square mile
cu_ft: cubic foot / cubic feet
cu_m: cubic meter
mph MPH: mile per hour / miles per hour
kph KPH kmh km/h kmph: kilometer per hour / kilometers per hour
mpg MPG: mile per gallon / miles per gallon
rpm RPM: revolution per minute / revolutions per minute
bpm BPM: beat per minute / beats per minute
fps FPS: frame per second / frames per second
ppm: part per million / parts per million
ppb: part per billion / parts per billion
dpi DPI: dot per inch / dots per inch
px: pixel
MP: megapixel
% pct: percent / percent
‰: per mille / per mille
pp: percentage point
pts: point
bps: basis point
°C °_C ºC ℃: degree Celsius / degrees Celsius
°F °_F ºF ℉: degree Fahrenheit / degrees Fahrenheit
°K: kelvin / kelvins
° º: degree
"""
_POWERS = {
    "²": "square ", "2": "square ", "^2": "square ",
    "³": "cubic ", "3": "cubic ", "^3": "cubic ",
}  # fmt: skip
_LENGTHS = ("km", "m", "cm", "mm", "dm", "ft", "mi", "yd", "µm", "KM")


def _units() -> dict[str, tuple[str, str]]:
    units: dict[str, tuple[str, str]] = {}
    for sign, words in table(_UNITS).items():
        one, _, many = words.partition(" / ")
        units[sign] = (one, many or f"{one}s")
    for length in _LENGTHS:
        for power, word in _POWERS.items():
            units[length + power] = (word + units[length][0], word + units[length][1])
    units["㎡"], units["㎥"] = units["m²"], units["m³"]
    # The Greek letter looks like the sign for micro.
    return units | {sign.replace("µ", "μ"): words for sign, words in units.items()}


UNITS = _units()
UNIT = either(UNITS)
PER = {  # short for what a rate is per
    "d": "day", "wk": "week", "mo": "month", "yr": "year", "y": "year", "pc": "piece",
    "pp": "person",
}  # fmt: skip


@dataclass(frozen=True)
class Currency:
    """The words of a currency; `cent` is empty where its smaller unit is not in use."""

    one: str
    many: str
    cent: str = ""
    cents: str = ""


_CURRENCIES = """
$: dollar / dollars / cent / cents
US$ USD US-$ U.S.$: US dollar / US dollars / cent / cents
C$ CA$ CAD CAN$: Canadian dollar / Canadian dollars / cent / cents
A$ AU$ AUD AUS$: Australian dollar / Australian dollars / cent / cents
NZ$ NZD: New Zealand dollar / New Zealand dollars / cent / cents
HK$ HKD: Hong Kong dollar / Hong Kong dollars / cent / cents
S$ SGD SG$: Singapore dollar / Singapore dollars / cent / cents
NT$ TWD: Taiwan dollar / Taiwan dollars
R$ BRL: Brazilian real / Brazilian reais
MX$ MXN: Mexican peso / Mexican pesos
€ EUR: euro / euros / cent / cents
£ GBP: pound / pounds / penny / pence
¥ JPY JP¥ ￥: yen / yen
CN¥ CNY RMB: yuan / yuan
₹ INR Rs Rs.: rupee / rupees
₩ KRW: won / won
₽ RUB: ruble / rubles
₺ TRY: lira / lira
₪ ILS: shekel / shekels
₫ VND: dong / dong
₴ UAH: hryvnia / hryvnias
₦ NGN: naira / naira
₱ PHP: peso / pesos
฿ THB: baht / baht
₿ BTC: bitcoin / bitcoins
CHF SFr: Swiss franc / Swiss francs
SEK: Swedish krona / Swedish kronor
NOK: Norwegian krone / Norwegian kroner
DKK: Danish krone / Danish kroner
PLN zł: zloty / zlotys
CZK: Czech koruna / Czech korunas
HUF: forint / forints
ZAR: rand / rand
AED: dirham / dirhams
SAR: riyal / riyals
ETH: ether / ether
¢: cent / cents
"""


CURRENCIES = {sign: Currency(*words.split(" / ")) for sign, words in table(_CURRENCIES).items()}
CURRENCY = either(CURRENCIES)
SYMBOL = either(sign for sign in CURRENCIES if not re.search("[A-Za-z]", sign))
CODE = either(sign for sign in CURRENCIES if sign[0].isalpha())
