"""Versions, codes, ordinals and scores in Mandarin.

What a number names is told by its form or by the words before and after it: 房间302 is read digit
by digit, and so is 302室.
"""

import re

from podtts.text.grammar import Match, Rule, after, before, either, word_set
from podtts.text.mandarin import numbers
from podtts.text.mandarin.phones import grouped
from podtts.text.mandarin.units import MEASURE_WORD
from podtts.text.numerals import is_european

# 1 is 幺 after these, 一 after the others.
_DIALLED_WORDS = (
    "电话 手机 热线 拨打 拨通 拨 致电 尾号 分机 传真 客服 号码 打 给 报警 急救 火警 短信 "
    "发送到 航班 车次 列车 房间 房号 客房 门牌 包厢 教室 座机 办公室 联系 微信 宿舍"
)
_SPELLED_WORDS = (
    "验证码 校验码 邮编 邮政编码 编号 卡号 密码 代码 口令 账号 账户 帐号 QQ qq 工号 学号 单号 "
    "订单号 订单 车牌 车牌号 区号 身份证 身份证号 ISBN 证号 股票代码 序列号 型号 取件码 激活码 "
    "邀请码 流水号 会员号 银行卡 信用卡 护照 档案号 考号 准考证号 批号 标准 波音 空客 国道 "
    "高速 代号 门禁 端口 识别码 兑换码 ID id PIN pin"
)
_LINK = (
    r"(?:后?[0-9一二两三四五六七八]位数?字?|末[0-9一二三四五六七八]位|号码?|群|是|为|：|:|叫|到|至|了|上"
    r"|输入|[ ,，#])*$"
)
_DIALLED = re.compile(either(_DIALLED_WORDS) + _LINK)
_SPELLED = re.compile(either(_SPELLED_WORDS) + _LINK)
_PUBLIC = word_set(
    "110 119 120 122 114 999 911 10086 10010 10000 12306 12315 12345 12333 12320 95588 95599 95533"
)
_CALL = re.compile(r"(?:打个?电话|报警|求助|投诉|热线|专线|客服)")
_PLACE = re.compile(r"号?(?:室|房间|病房|教室|会议室|次列车|次航班|路公交|路车)")
_SALE = re.compile("大促|购物节|晚会|事件")
_EXTENSION = re.compile(r"[0-9] ?转 ?$")
_COUNTED = re.compile(rf"[多余几来]?(?:{MEASURE_WORD}|[万亿千百]|元|块|年|月|人|名|分|号[人楼])")
_NAMED = re.compile(
    r"(?<![A-Za-z0-9.,+$¥￥€£])(?P<digits>[0-9]{3,})(?![A-Za-z0-9%％]|[.,:/-][0-9])", re.ASCII
)
_VERSION = re.compile(
    r"(?<![0-9.])(?P<v>[vV])?(?P<parts>[0-9]+(?:\.[0-9]+)+)(?![A-Za-z0-9]|\.[0-9])", re.ASCII
)
_VERSION_WORD = re.compile(
    r"(?:版本号?|版|升级到|更新到|iOS|Python|Android|安卓|macOS|系统)\s?(?:是|为|：)?$",
    re.IGNORECASE,
)
_STANDARD = re.compile(
    r"(?<![A-Za-z0-9])"
    rf"(?P<name>{either('GB ISO IEC IEEE DB JB YY QB HJ CJ JGJ TB DIN ANSI EN RFC')}(?:/[A-Z]+)*)"
    r"[ -]?(?P<digits>[0-9]+(?:[.-][0-9]+)*)",
    re.ASCII,
)
_CODE = re.compile(
    r"(?<![A-Za-z0-9.@#])(?=[A-Za-z/-]*[0-9])(?=[0-9/-]*[A-Za-z])"
    r"(?P<code>[A-Za-z0-9]+(?:[-/][A-Za-z0-9]+)*)(?P<decimals>\.[0-9]+)?(?![A-Za-z0-9])",
    re.ASCII,
)
_MODEL = re.compile(
    r"(?<![A-Za-z0-9])(?P<name>[A-Z]{2,}) (?P<digits>[0-9]{3,})(?![A-Za-z0-9%]|[.,][0-9])", re.ASCII
)
_BETWEEN = re.compile(r"(?<![A-Za-z0-9.,/-])(?P<a>[A-Z])2(?P<b>[A-Z])(?![A-Za-z0-9])", re.ASCII)
_LEADING_ZERO = re.compile(
    r"(?<![A-Za-z0-9.,+$])0[0-9]+(?![A-Za-z0-9%]|[.,:/-][0-9])", re.ASCII
)  # fmt: skip
_CARRIERS = word_set("CA CZ MU MF HU ZH 3U 9C SC FM HO G D C K T Z")  # flights and trains: 幺
_PIECE = re.compile(r"[0-9]+|[A-Za-z]+|-|/")
_ORDINAL = re.compile(r"第(?P<first>[0-9]+)(?:[-–—~～到至]第?(?P<last>[0-9]+))?", re.ASCII)
_PAGE = re.compile(
    r"(?<![A-Za-z0-9])[Pp]{1,2}\. ?(?P<first>[0-9]+)(?:[-–—~～](?P<last>[0-9]+))?(?![A-Za-z0-9.])",
    re.ASCII,
)
_PICTURE = re.compile(
    r"(?<=[图表式例])(?P<chapter>[0-9]{1,2})[-–](?P<number>[0-9]{1,3})(?![A-Za-z0-9%年月日-])",
    re.ASCII,
)
_ACCOUNT = re.compile(
    r"(?<![A-Za-z0-9@#_])(?=\w*[0-9])[A-Za-z0-9]+(?:_[A-Za-z0-9]+)+(?!\w)", re.ASCII
)
_NUMBER_SIGN = re.compile(r"(?:[Nn][Oo]\. ?|№ ?|#)(?P<first>[0-9]+)(?![A-Za-z0-9])", re.ASCII)
_SCORE = re.compile(
    r"(?<![A-Za-z0-9.,+$])(?P<a>[0-9]{1,3}) ?[-–—] ?(?P<b>[0-9]{1,3})(?![A-Za-z0-9%]|[.,:/-][0-9])",
    re.ASCII,
)
_SCORE_WORD = re.compile(
    r"比分|获胜|取胜|战胜|击败|完胜|大胜|险胜|胜出|负于|告负|不敌|领先|落后|战平|打平|逼平|平局|总分"
    r"|输给|赢了|绝杀|逆转|晋级|淘汰|决赛|联赛|季后赛|主场|客场|NBA|CBA"
)
_TEAM = re.compile(
    "(?:"
    + either(
        "中国 日本 韩国 巴西 德国 法国 英格兰 西班牙 意大利 阿根廷 葡萄牙 荷兰 比利时 克罗地亚 "
        "美国 英国 俄罗斯 澳大利亚 乌拉圭 墨西哥 瑞士 丹麦 瑞典 波兰 伊朗 沙特 卡塔尔 泰国 "
        "越南 队"
    )
    + ")$"
)
_NO_SCORE = re.compile(
    rf"(?:{MEASURE_WORD}|[个人年月号岁天周次倍元块%万亿章页集期版公米斤楼]|日(?!本))"
)
_IDIOMS = {"24/7": "二十四七", "9/11": "九一一", "50/50": "五十五十"}
_IDIOM = re.compile(rf"(?<![A-Za-z0-9.,+$]){either(_IDIOMS)}(?![A-Za-z0-9/%]|[.,][0-9])", re.ASCII)


def _read_named(match: Match) -> str | None:
    digits, preceding, following = match["digits"], before(match, 20), after(match)
    if _PLACE.match(following):
        return numbers.spelled(digits, "幺")
    if _SALE.match(following):
        return numbers.spelled(digits)
    if _COUNTED.match(following):
        return None
    if _SPELLED.search(preceding):
        return numbers.spelled(digits)
    if _EXTENSION.search(preceding):
        return numbers.spelled(digits, "幺")
    is_call = digits in _PUBLIC or _CALL.match(following)
    if _DIALLED.search(preceding) and (is_call or not preceding.endswith(("打", "给"))):
        return numbers.spelled(digits, "幺")
    return numbers.spelled(digits, "幺") if digits in _PUBLIC and _CALL.match(following) else None


def _read_version(match: Match) -> str | None:
    parts = match["parts"].split(".")
    is_named = match["v"] or _VERSION_WORD.search(before(match))
    if (len(parts) < 3 and not is_named) or (not match["v"] and is_european(match["parts"])):
        return None
    words = (numbers.spelled(p) if p[0] == "0" else numbers.cardinal(p) for p in parts)
    return (match["v"] or "") + "点".join(words)


def _read_standard(match: Match) -> str:
    return f"{match['name'].replace('/', ' ')} {grouped(match['digits'], '一')}"


def _read_code(match: Match) -> str:
    words = _code(match["code"])
    return f"{words}点{numbers.spelled(match['decimals'][1:])}" if match["decimals"] else words


def _code(code: str) -> str:
    """CA1234 -> CA幺二三四, A380 -> A三八零, GPT-4 -> GPT 四"""
    words, pieces = "", _PIECE.findall(code)
    for at, piece in enumerate(pieces):
        if piece.isdecimal():
            words += _code_number(piece, pieces[at - 1] if at else "")
        else:
            words += " " if piece in "-/" else piece
    return words


def _code_number(digits: str, name: str) -> str:
    is_number = (len(digits) < 3 and digits[0] != "0") or digits.endswith("000")
    if is_number:
        return numbers.cardinal(digits)
    return numbers.spelled(digits, "幺" if name in _CARRIERS else "一")


def _read_model(match: Match) -> str:
    return f"{match['name']} {_code_number(match['digits'], match['name'])}"


def _read_between(match: Match) -> str:
    """B2B -> B to B"""
    return f"{match['a']} to {match['b']}"


def _read_leading_zero(match: Match) -> str:
    return numbers.spelled(match[0])


def _read_ordinal(match: Match) -> str:
    ranks = [rank for rank in (match["first"], match.groupdict().get("last")) if rank]
    return "到".join(f"第{_rank(rank)}" for rank in ranks)


def _read_page(match: Match) -> str:
    """P.45 -> 第四十五页"""
    return f"第{'到'.join(numbers.cardinal(page) for page in match.groups() if page)}页"


def _read_picture(match: Match) -> str:
    """图1-2 -> 图一杠二"""
    return f"{numbers.cardinal(match['chapter'])}杠{numbers.cardinal(match['number'])}"


def _read_account(match: Match) -> str:
    """wx_12 -> wx下划线一二"""
    pieces = re.findall(r"[0-9]+|_|[A-Za-z]+", match[0])
    names = {"_": "下划线"}
    return "".join(
        numbers.spelled(piece) if piece.isdecimal() else names.get(piece, piece) for piece in pieces
    )


def _rank(digits: str) -> str:
    return "二百" if digits == "200" else numbers.cardinal(digits)


def _read_score(match: Match) -> str | None:
    near = before(match, 14) + " " + after(match, 8)
    is_score = _SCORE_WORD.search(near) or _TEAM.search(before(match))
    if not is_score or _NO_SCORE.match(after(match)):
        return None
    return f"{numbers.cardinal(match['a'])}比{numbers.cardinal(match['b'])}"


RULES = (
    Rule("idiom", _IDIOM, lambda match: _IDIOMS[match[0]]),
    Rule("version", _VERSION, _read_version),
    Rule("ordinal", _ORDINAL, _read_ordinal),
    Rule("ordinal", _NUMBER_SIGN, _read_ordinal),
    Rule("ordinal", _PAGE, _read_page),
    Rule("code", _PICTURE, _read_picture),
    Rule("code", _ACCOUNT, _read_account),
    Rule("digits", _STANDARD, _read_standard),
    Rule("digits", _NAMED, _read_named),
    Rule("score", _SCORE, _read_score),
)
# These take what is left when units have been read.
CODE_RULES = (
    Rule("code", _BETWEEN, _read_between),
    Rule("code", _MODEL, _read_model),
    Rule("code", _CODE, _read_code),
    Rule("digits", _LEADING_ZERO, _read_leading_zero),
)
