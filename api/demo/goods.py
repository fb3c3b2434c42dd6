"""What the sample shops sell, and the words their buyers' names and places are drawn from. All of it is invented."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta


@dataclass(frozen=True, slots=True)
class SampleProduct:
    """A product; `price` in fen, `picture` a name that `api.demo.pictures.draw` knows.

    `arrives_in_days` counts from the sample's last day: above zero it is an arrival still to come.
    """

    sku: str
    title_zh: str
    title_en: str
    category: str
    price: int
    stock: int
    picture: str
    arrives_in_days: int
    weight: float = 1.0  # how often it is chosen

    @property
    def title(self) -> str:
        return f"{self.title_zh} · {self.title_en}"

    def arrival_at(self, end: date) -> datetime:
        """The moment it becomes buyable, ten in the morning in the shop's zone (no zone attached)."""
        return datetime.combine(end + timedelta(days=self.arrives_in_days), time(10))


@dataclass(frozen=True, slots=True)
class SampleGroup:
    """A chat group: about one in `one_in` of the buyers who speak its language is a member."""

    slug: str
    name: str
    one_in: int
    languages: tuple[str, ...] = ("zh", "en")


@dataclass(frozen=True, slots=True)
class Catalogue:
    """One sample shop's fixed side: who it is, what it sells, how big it is."""

    slug: str
    name_zh: str
    name_en: str
    prefix: str  # of order and buyer numbers
    phones: str  # first seven digits of its buyers' numbers
    buyers: int
    presale: float  # share of the buyers whose pre-sale order leaves on the last day
    products: tuple[SampleProduct, ...]
    groups: tuple[SampleGroup, ...]


TEA = Catalogue(
    slug="camellia",
    name_zh="山茶小铺",
    name_en="Camellia Tea",
    prefix="SC",
    phones="1380000",
    buyers=5000,
    presale=0.085,
    products=(
        SampleProduct(
            "FH-100", "秋采凤凰单丛 100 g", "Phoenix Dancong, autumn", "乌龙茶", 8800, 600, "dancong", 3, 0.0
        ),
        SampleProduct(
            "FH-050", "春采凤凰单丛 50 g", "Phoenix Dancong, spring", "乌龙茶", 5200, 180, "dancong", -420, 1.6
        ),
        SampleProduct("LJ-050", "明前龙井 50 g", "Longjing before Qingming", "绿茶", 12800, 90, "longjing", -560, 1.3),
        SampleProduct("LZ-100", "荔枝红茶 100 g", "Lychee black tea", "红茶", 4900, 320, "lychee", -900, 2.0),
        SampleProduct("BM-350", "白牡丹茶饼 350 g", "White Peony cake", "白茶", 16800, 75, "white-tea", -300, 0.7),
        SampleProduct("ML-120", "茉莉花茶 120 g", "Jasmine green tea", "花茶", 5900, 260, "jasmine", -800, 1.8),
        SampleProduct("GH-120", "桂花乌龙 120 g", "Osmanthus oolong", "乌龙茶", 6900, 210, "osmanthus", -40, 1.2),
        SampleProduct("GW-001", "青花盖碗", "Blue-and-white gaiwan", "茶具", 13900, 60, "gaiwan", -510, 0.5),
        SampleProduct("ZS-001", "紫砂小壶 160 ml", "Clay teapot 160 ml", "茶具", 26800, 24, "teapot", -350, 0.25),
        SampleProduct("CB-002", "亚麻茶巾 三条", "Linen tea cloths, three", "茶具", 3900, 140, "cloth", -480, 0.7),
        SampleProduct("FM-500", "椴树蜜 500 g", "Linden honey 500 g", "茶点", 5600, 150, "honey", -260, 0.9),
        SampleProduct("LH-001", "四季茶礼盒", "Four seasons gift box", "礼盒", 19800, 110, "gift-box", -120, 0.5),
    ),
    groups=(
        SampleGroup("tea-friends", "山茶茶友群", 9, ("zh",)),
        SampleGroup("oolong-club", "乌龙品鉴群", 22, ("zh",)),
        SampleGroup("english-corner", "Tea friends in English", 12, ("en",)),
    ),
)

CERAMICS = Catalogue(
    slug="celadon",
    name_zh="青瓷小铺",
    name_en="Celadon House",
    prefix="QC",
    phones="1390000",
    buyers=800,
    presale=0.08,
    products=(
        SampleProduct("QC-HP", "青瓷梅瓶", "Celadon plum vase", "花器", 16800, 40, "vase", -380, 0.7),
        SampleProduct("QC-PZ", "青瓷浅盘 26 cm", "Celadon plate 26 cm", "餐具", 8800, 120, "plate", -500, 1.4),
        SampleProduct("QC-BZ", "青瓷品茗杯 一对", "Pair of celadon cups", "茶具", 6800, 200, "cups", -900, 2.0),
        SampleProduct("QC-GW", "青瓷盖碗", "Celadon gaiwan", "茶具", 11800, 80, "celadon-gaiwan", -200, 1.0),
        SampleProduct("QC-CH", "青瓷茶壶", "Celadon teapot", "茶具", 19800, 45, "celadon-teapot", 5, 0.0),
    ),
    groups=(SampleGroup("celadon-friends", "青瓷收藏群", 10),),
)


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


SURNAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩冯邓曹彭曾萧田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈"
GIVEN = _words(
    "雨桐 思远 佳怡 子涵 欣然 明轩 静 敏 丽华 建国 晓燕 文博 雅琴 志强 若曦 宇航 梦瑶 海涛 秀英 俊杰 婷 磊 诗涵 浩然 "
    "慧 国栋 嘉慧 天佑 芳 一诺 清扬 书瑶 伟 玉兰 泽宇 可馨 晨 立新 语嫣 鹏飞"
)
FIRST = _words(
    "Emma Olivia Noah Liam Ava Mia Lucas Henry Grace Chloe Daniel Sophie James Hannah Leo Clara Oscar Ruth Felix Nina "
    "Thomas Alice Peter Julia Martin Laura Simon Ellen Hugo Ida"
)
LAST = _words(
    "Clark Baker Turner Hughes Fischer Novak Larsen Moreau Rossi Walsh Young Bennett Foster Price Murray Keller Brandt "
    "Silva Lopez Martin Ward Cooper Reid Shaw Doyle Hart Lane Webb Stone Frost"
)
# Region, city, how many of a hundred buyers.
PLACES = (
    ("浙江省", "杭州市", 13), ("上海市", "上海市", 14), ("江苏省", "苏州市", 9), ("江苏省", "南京市", 7),
    ("广东省", "广州市", 9), ("广东省", "深圳市", 10), ("北京市", "北京市", 11), ("四川省", "成都市", 7),
    ("福建省", "厦门市", 5), ("湖北省", "武汉市", 5), ("陕西省", "西安市", 4),
    ("山东省", "青岛市", 3), ("浙江省", "宁波市", 3),
)  # fmt: skip
# How busy each month is: tea of spring, of autumn, the November sales, gifts before the new year.
SEASONS = (1.0, 0.62, 0.78, 1.0, 0.86, 0.66, 0.54, 0.58, 0.88, 0.92, 1.0, 0.84)
# How busy each hour is, from midnight.
HOURS = (2, 1, 1, 0, 0, 0, 1, 2, 4, 7, 9, 8, 7, 6, 7, 6, 6, 5, 6, 8, 10, 11, 8, 4)
