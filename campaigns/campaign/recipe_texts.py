"""The texts recipes begin with, in both languages, each written as a shop of that language writes."""

from typing import Any

_HELLO = "Hello{% if buyer.name != blank %} {{ buyer.name }}{% endif %},\n\n"
_NIN_HAO = "{% if buyer.name != blank %}{{ buyer.name }}，{% endif %}您好！\n\n"
_TERMS = "{% if offer.terms != blank %} ({{ offer.terms }}){% endif %}"
_TIAO_JIAN = "{% if offer.terms != blank %}（{{ offer.terms }}）{% endif %}"


def _texts(subject: str, body: str, zhu_ti: str, zheng_wen: str) -> dict[str, Any]:
    return {"en": {"subject": subject, "body": body}, "zh-CN": {"subject": zhu_ti, "body": zheng_wen}}


ARRIVAL = _texts(
    "New at {{ shop.name }}: {{ product.title }}",
    _HELLO + "{{ product.title }} has just arrived, at {{ product.price }}. "
    "As a returning customer, you are the first to know.",
    "{{ shop.name }}上新：{{ product.title }}",
    _NIN_HAO + "新品{{ product.title }}今日到店，{{ product.price }}。您是我们的老朋友，先让您知道。",
)

COUPON = _texts(
    "{{ offer.headline }} for you at {{ shop.name }}",
    _HELLO + "thank you for shopping with us. Your next order comes with {{ offer.headline }}"
    f"{_TERMS}. The code below is for you only.",
    "{{ shop.name }}送您{{ offer.headline }}",
    _NIN_HAO + f"感谢您的支持。下次下单可享{{{{ offer.headline }}}}{_TIAO_JIAN}，券码仅供您本人使用。",
)

FOLLOW_GIFT = _texts(
    "Thank you for following {{ shop.name }}",
    _HELLO + f"good to have you with us. As a welcome gift: {{{{ offer.headline }}}}{_TERMS} on your next order. "
    "We only write when something new arrives.",
    "谢谢关注{{ shop.name }}，见面礼请收下",
    _NIN_HAO + f"谢谢您的关注！送上见面礼：{{{{ offer.headline }}}}{_TIAO_JIAN}，下单即可使用。"
    "以后有新品和专属优惠，我们第一时间告诉您，平时不打扰。",
)

GROUP_DROP = _texts(
    "For this group only: {{ offer.headline }}",
    f"For this group only, and for a few minutes only: {{{{ offer.headline }}}}{_TERMS}. "
    "First come, first served; while stocks last.\n{{ link }}",
    "群内专享：{{ offer.headline }}",
    f"【群内专享】{{{{ offer.headline }}}}{_TIAO_JIAN}，数量有限，先到先得，抢完即止！\n戳这里领取：{{{{ link }}}}",
)

TEAM_COUPON = _texts(
    "Bring friends: {{ offer.headline }} for all of you",
    _HELLO + f"join in and invite your friends. Once enough people have joined, "
    f"{{{{ offer.headline }}}}{_TERMS} unlocks for everyone.",
    "喊上朋友一起拼：人齐即享{{ offer.headline }}",
    _NIN_HAO + f"邀请您参加拼团：先点击领取，再喊上朋友一起来。人数一到，所有参团的人都可享"
    f"{{{{ offer.headline }}}}{_TIAO_JIAN}。",
)

PAYMENT_REMINDER = _texts(
    "Your order at {{ shop.name }} is waiting",
    _HELLO + "your order at {{ shop.name }} has not been paid yet. We are holding it for you a little longer. "
    "If you have any questions, just reply to this message. If you have already paid, please ignore it. Thank you!",
    "您在{{ shop.name }}的订单还未付款",
    _NIN_HAO + "您挑选的宝贝还在为您保留，订单尚未付款，库存有限，记得及时付款哦。"
    "如有任何疑问，直接回复我们即可。若已付款，请忽略本条消息，感谢您的支持！",
)

CHECK_IN = _texts(
    "Are you happy with your order?",
    _HELLO + "your parcel from {{ shop.name }} arrived a few days ago. Is everything as you expected? "
    "If not, reply to this message and we will put it right.",
    "您的包裹还满意吗？",
    _NIN_HAO + "您在{{ shop.name }}购买的宝贝应该已经收到几天了，用着还满意吗？"
    "如有任何问题，直接回复我们，一定为您处理好；如果满意，也欢迎把使用感受告诉我们。",
)

WIN_BACK = _texts(
    "We have missed you: {{ offer.headline }}",
    _HELLO + f"it has been a while. If you would like to visit us again, {{{{ offer.headline }}}}{_TERMS} is yours.",
    "好久不见，{{ shop.name }}为您留了{{ offer.headline }}",
    _NIN_HAO + f"好久没见到您了，店里又添了不少新东西。特意为您留了{{{{ offer.headline }}}}{_TIAO_JIAN}，"
    "有空回来看看，我们一直都在。",
)

GREETING = _texts(
    "Happy birthday from {{ shop.name }}",
    _HELLO + f"your birthday is coming up, and we wish you all the best. A small gift: "
    f"{{{{ offer.headline }}}}{_TERMS} on your next order.",
    "{{ shop.name }}祝您生日快乐",
    _NIN_HAO + f"您的生日快到了，{{{{ shop.name }}}}全体伙伴祝您生日快乐、万事顺意！"
    f"小小心意请收下：{{{{ offer.headline }}}}{_TIAO_JIAN}，下单即可使用。",
)

CONTENT_POST = _texts(
    "New from {{ shop.name }}",
    "We have answered the questions customers ask us most. Read on and get "
    f"{{{{ offer.headline }}}}{_TERMS}:\n{{{{ link }}}}",
    "{{ shop.name }}干货分享",
    "大家问得最多的问题，我们整理成了一篇干货，建议收藏！"
    f"看完别忘了领走小福利：{{{{ offer.headline }}}}{_TIAO_JIAN}\n{{{{ link }}}}",
)

SERVICE_RECOVERY = _texts(
    "We are sorry and want to make it right",
    _HELLO + "your last order with us did not go as it should have. We are sorry. Please tell us what went wrong, "
    f"and accept {{{{ offer.headline }}}}{_TERMS} on your next order.",
    "非常抱歉，{{ shop.name }}想把这件事做好",
    _NIN_HAO + "上次购物没能让您满意，实在抱歉。哪里没做好，您直接告诉我们，一定改进。"
    f"另外准备了{{{{ offer.headline }}}}{_TIAO_JIAN}，希望您愿意再给我们一次机会。",
)
