"""Roman numerals in Mandarin, where a word or a name beside them asks for a number.

II型 is 二型, 路易XIV is 路易十四. Other capitals, such as CD or VI设计, stay as they are.
"""

import re

from podtts.text.grammar import Match, Rule, after, before
from podtts.text.languages import HAN
from podtts.text.mandarin import numbers
from podtts.text.roman import ROMAN, roman_value

_ROMAN = re.compile(rf"(?<![A-Za-z0-9.'’-])(?P<roman>{ROMAN})(?![A-Za-z0-9.'’-])")
_COUNTED = re.compile("[期型级类卷章部册代篇幕季度世区组节]")
_RULER = re.compile(
    "(?:路易|亨利|查理|查尔斯|伊丽莎白|爱德华|威廉|乔治|拿破仑|腓特烈|彼得|亚历山大|尼古拉|理查|菲利普|腓力"
    "|约翰|保罗|本笃|利奥|庇护|拉美西斯|托勒密|凯瑟琳|叶卡捷琳娜|玛丽|詹姆斯)$"
)
_HAN = re.compile(rf"[{HAN}] ?$")


def _read_roman(match: Match) -> str | None:
    roman, preceding, following = match["roman"], before(match), after(match, 1)
    if not set(roman) <= set("IVX"):
        return None
    is_counted = preceding.endswith("第") or _COUNTED.match(following)
    # V型 is a shape, X世代 and 第X次 are letters; 文明VI is a name with a number, VI设计 is not.
    is_letter = roman in "VX" and following not in tuple("期级卷章册")
    is_name = len(roman) > 1 and _HAN.search(preceding) and not re.match(f"[{HAN}]", following)
    if (is_counted and not is_letter) or is_name or _RULER.search(preceding):
        return numbers.cardinal(str(roman_value(roman)))
    return None


RULES = (Rule("roman", _ROMAN, _read_roman),)
