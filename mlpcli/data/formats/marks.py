"""What stands in and around the numbers that people write: marks, currencies, units, words.

To add a currency: a line in CURRENCIES. To add a unit: a word in UNIT_WORDS, its digits raised.
"""

from __future__ import annotations

DECIMALS = {".": "point", ",": "comma", "·": "middle point", "٫": "Arabic comma"}
THOUSANDS = {
    ",": "commas", ".": "points", " ": "spaces", "'": "apostrophes", "_": "underscores", "·": "middle points",
    "٬": "Arabic commas",
}  # fmt: skip
NEGATIVES = {"accounting": "accounting negatives", "trailing": "trailing minus", "typographic": "minus signs (−)"}

CODES = """
USD EUR GBP JPY KRW CNY RMB CHF CAD AUD NZD HKD SGD TWD INR RUB BRL MXN ZAR SEK NOK DKK PLN CZK HUF RON BGN TRY ILS AED
SAR QAR KWD THB VND IDR MYR PHP PKR BDT LKR EGP NGN KES GHS MAD COP CLP ARS PEN UAH KZT ISK BTC
"""
# Spelling -> code: spellings of one code may stand in one column. A lone $ is that of USD, ¥ that of JPY.
CURRENCIES = {
    "$": "USD", "US$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY", "円": "JPY", "₩": "KRW", "원": "KRW", "元": "CNY",
    "CN¥": "CNY", "₹": "INR", "Rs": "INR", "Rs.": "INR", "₽": "RUB", "руб": "RUB", "руб.": "RUB", "฿": "THB",
    "₺": "TRY", "TL": "TRY", "₫": "VND", "đ": "VND", "₪": "ILS", "₱": "PHP", "₴": "UAH", "₦": "NGN", "₡": "CRC",
    "₲": "PYG", "₵": "GHS", "₸": "KZT", "₼": "AZN", "₾": "GEL", "৳": "BDT", "₭": "LAK", "₮": "MNT", "R$": "BRL",
    "A$": "AUD", "C$": "CAD", "NZ$": "NZD", "HK$": "HKD", "NT$": "TWD", "S$": "SGD", "MX$": "MXN", "kr": "kr",
    "kr.": "kr", "zł": "PLN", "Kč": "CZK", "Ft": "HUF", "lei": "RON", "лв": "BGN", "лв.": "BGN", "Rp": "IDR",
    "Fr.": "CHF", "SFr.": "CHF", "¢": "¢", "₿": "BTC",
} | {code: code for code in CODES.split()}  # fmt: skip
WHOLE_CURRENCIES = {"JPY", "KRW", "VND", "IDR", "CLP", "HUF", "ISK", "PYG"}  # in use without a decimal mark

UNIT_WORDS = """
% ‰ ° °C °F °K ℃ ℉ K kg g mg μg ug t lb lbs oz ct kt km m cm mm μm nm in ft yd mi " ″ ' ′ ha ac acre acres
km² m² cm² mm² ft² sqft sqm m³ cm³ ft³ cc L l mL ml cL cl dL dl μL gal pt qt bbl mi² in²
km/h kph mph m/s kn rpm bpm fps ms s sec secs min mins h hr hrs hour hours day days d wk week weeks
mo month months yr yrs year years minute minutes second seconds pcs pc pct percent pp x ea
V mV kV A mA W kW MW GW mW Wh kWh MWh J kJ MJ cal kcal Hz kHz MHz GHz Ω kΩ F μF N kN Nm hp PS dB lm lx mol
Pa kPa hPa MPa bar mbar psi atm mmHg B KB kB MB GB TB PB KiB MiB GiB bit Mbps Gbps kbps px dpi MP
mg/dL mg/dl mmol/L mg/L g/L g/dL ng/mL μg/m³ kg/m³ kg/m² g/cm³ km/l mpg ppm ppb
명 개 건 회 세 살 평 박 대 권 장 점 인 킬로 미터 그램 리터 분 초 시간 개월 년 도 歳 名 個 件 人 個月 分 秒
"""
UNITS = frozenset(UNIT_WORDS.split())
# Powers of ten: 1.2K beside 3M would be read as 1.2 and 3.
MAGNITUDE_WORDS = """
K k M m B b T bn mn mln mio Mio. Mrd. thousand million billion trillion lakh crore cr
십 백 천 만 억 조 만원 억원 천원 백만 천만 만명 천명 万 億 亿 千
"""
MAGNITUDES = frozenset(MAGNITUDE_WORDS.split())
# What stands behind a number that is a place in an order, or the name of a floor or a month.
ORDINAL_WORDS = """
st nd rd th ST ND RD TH º ª er e è ème 번째 위 등 번 층 호 동 월 일 학년 반 차 位 番 号 月 日
"""
ORDINALS = frozenset(ORDINAL_WORDS.split())
