"""Units of measurement, currencies and measure words of Mandarin."""

from podtts.text.grammar import either, table

UNITS = table("""
km KM Km: 公里
m: 米
dm: 分米
cm CM: 厘米
mm MM: 毫米
µm um μm: 微米
nm: 纳米
ft: 英尺
in: 英寸
yd: 码
mi: 英里
kg KG Kg: 千克
g: 克
mg: 毫克
µg ug μg mcg: 微克
t: 吨
lb lbs: 磅
oz: 盎司
l L: 升
dl dL: 分升
cl cL: 厘升
ml mL ML: 毫升
s sec: 秒
ms: 毫秒
µs us μs: 微秒
ns: 纳秒
min: 分钟
h hr hrs: 小时
Hz hz: 赫兹
kHz KHz: 千赫
MHz: 兆赫
GHz: 吉赫
kB KB: KB
MB: MB
GB: GB
TB: TB
kbps Kbps: 千比特每秒
Mbps mbps: 兆比特每秒
Gbps: 吉比特每秒
W: 瓦
kW KW: 千瓦
MW: 兆瓦
GW: 吉瓦
TW: 太瓦
Wh: 瓦时
kWh KWh kwh KWH: 千瓦时
MWh: 兆瓦时
GWh: 吉瓦时
TWh: 太瓦时
V: 伏
kV KV: 千伏
mV: 毫伏
mA: 毫安
mAh: 毫安时
Ah: 安时
J: 焦
kJ: 千焦
cal: 卡
kcal: 千卡
Pa: 帕
hPa: 百帕
kPa: 千帕
MPa: 兆帕
Nm: 牛米
Ω: 欧
kΩ: 千欧
mol: 摩尔
mmol: 毫摩尔
dB: 分贝
lm: 流明
lx: 勒克斯
hp: 马力
ha: 公顷
px: 像素
rpm: 转每分
fps: 帧每秒
mph: 英里每小时
°C ℃ ºC °c: 摄氏度
°F ℉ ºF: 华氏度
° º: 度
㎡ m² m2 m^2: 平方米
km² km2 km^2: 平方公里
cm² cm2: 平方厘米
mm² mm2: 平方毫米
m³ m3 ㎥ m^3: 立方米
cm³ cm3: 立方厘米
pp: 个百分点
""")
PER = table("""
h: 小时
s: 秒
min: 分钟
d: 天
kg: 千克
L: 升
m²: 平方米
㎡: 平方米
m³: 立方米
""")
CURRENCIES = table("""
$ US$ USD US-$: 美元
¥ ￥ CN¥: 元
CNY RMB: 人民币
€ EUR: 欧元
£ GBP: 英镑
JP¥ JPY: 日元
₩ KRW: 韩元
HK$ HKD: 港元
A$ AU$ AUD: 澳元
C$ CA$ CAD: 加元
NZ$ NZD: 新西兰元
S$ SGD: 新加坡元
NT$ TWD: 新台币
₽ RUB: 卢布
₹ INR: 卢比
CHF: 瑞士法郎
฿ THB: 泰铢
₫ VND: 越南盾
₱ PHP: 比索
₿ BTC: 比特币
₺ TRY: 里拉
₪ ILS: 谢克尔
₴ UAH: 格里夫纳
₦ NGN: 奈拉
¢: 美分
""")
UNIT, CURRENCY = either(UNITS), either(CURRENCIES)
SYMBOL = either(sign for sign in CURRENCIES if len(sign) == 1)

# Before these, 2 is 两.
_MEASURE_WORDS = (
    "个 只 条 张 本 天 年 小时 分钟 秒 周 星期 礼拜 岁 次 倍 点 时 块 元 毛 米 公里 公斤 千克 "
    "千米 厘米 毫米 斤 吨 升 毫升 克 平方 立方 人 名 位 家 种 件 台 辆 部 场 届 套 双 对 杯 瓶 "
    "碗 座 项 句 步 层 门 间 所 支 批 份 笔 亿 万 千 美元 欧元 英镑 港元 日元 国 方 者 边 季度 "
    "刻 顿 遍 趟 回 把 根 片 颗 粒 棵 朵 头 匹 架 艘 枚 副 幅 篇 章 首 代 轮 局 盘 集 段 节 组 "
    "排 行 列 包 箱 袋 盒 桶 盆 桌 床 口 员 队 派 类 样 成 股 道 处 栋 幢 株 封 页 站 圈 滴 阵 "
    "拨 伙 帮 串 束 叠 堆 车 船 英里 海里 英尺 英寸 磅 亩 公顷 瓦 千瓦 度 大 发 档 款 尊 顶 具 "
    "则 身 针 剂 碟 罐 听 筐 篮 壶 锅 勺 匙 兆 公分 毫 里 夜 晚 分之 席 票 折"
)
_OTHER_WORDS = "年级 月 号 日 楼 等 班 路 环 维 级 折"  # before these, 2 is 二
MEASURE_WORD = rf"(?!{either(_OTHER_WORDS)}){either(_MEASURE_WORDS)}"
