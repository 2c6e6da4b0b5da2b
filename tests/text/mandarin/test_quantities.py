"""Money, measures, percentages and fractions in Mandarin."""

import pytest
from support.reading import mandarin


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("一共￥88.5", "一共八十八点五元"),
        ("￥88.5元", "八十八点五元"),
        ("另付￥3万", "另付三万元"),
        ("US$45和HK$20", "四十五美元和二十港元"),
        ("€60、£7、$2", "六十欧元、七英镑、两美元"),
        ("￥200-300", "两百到三百元"),
        ("$2.5万", "二点五万美元"),
        ("30元/斤，2万/㎡", "三十元每斤，两万每平方米"),
        ("$4.5B和¥12M", "四十五亿美元和一千二百万元"),
    ],
)
def test_money_is_read(written: str, words: str) -> None:
    assert mandarin(written) == words


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("涨了7.5%", "涨了百分之七点五"),
        ("3%-8%", "百分之三到百分之八"),
        ("3-8%", "百分之三到百分之八"),
        ("-4%", "负百分之四"),
        ("6‰", "千分之六"),
    ],
)
def test_percentages_are_read(written: str, words: str) -> None:
    assert mandarin(written) == words


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("重65kg，高1.8m", "重六十五千克，高一点八米"),
        ("80km/h", "每小时八十公里"),
        ("90m²", "九十平方米"),
        ("温度-8℃到3℃", "温度负八摄氏度到三摄氏度"),
        ("3公斤-5公斤", "三公斤到五公斤"),
        ("512MB", "五百一十二 MB"),
    ],
)
def test_measures_are_read(written: str, words: str) -> None:
    assert mandarin(written) == words


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("最低-12度", "最低负十二度"),
        ("结果是-3", "结果是负三"),
        ("歼-20起飞", "歼二十起飞"),
    ],
)
def test_a_hyphen_is_a_minus_or_part_of_a_name(written: str, words: str) -> None:
    assert mandarin(written) == words


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("2/5的人", "五分之二的人"),
        ("1又3/4", "一又四分之三"),
        ("⅔", "三分之二"),
        ("100分之7", "一百分之七"),
    ],
)
def test_fractions_are_read(written: str, words: str) -> None:
    assert mandarin(written) == words


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("2个人，2次，2小时，2倍", "两个人，两次，两小时，两倍"),
        ("第2次，2月，2号楼，2年级", "第二次，二月，二号楼，二年级"),
        ("2两，12个，2.5个", "二两，十二个，二点五个"),
        ("2-3天", "两到三天"),
        ("买2送1", "买二送一"),
    ],
)
def test_two_has_two_words(written: str, words: str) -> None:
    assert mandarin(written) == words


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("共1,208人", "共一千二百零八人"),
        ("5~6个", "五到六个"),
        ("15w人", "十五万人"),
        ("3k粉丝，12k，1.5k", "三千粉丝，一万两千，一千五百"),
        ("24K金", "二十四K金"),
        ("20+", "二十加"),
        ("约0.06", "约零点零六"),
    ],
)
def test_numbers_are_read(written: str, words: str) -> None:
    assert mandarin(written) == words
