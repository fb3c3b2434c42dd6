"""How likely a letter is in the scripts that tables of orders come in: evidence for telling encodings apart.

The lists hold the common letters of each script, those of names, places, goods and column headings among them; a letter
that is not listed counts by the place its national standard gives it, which keeps the common ones in a level of their
own. Figures are natural logarithms of rough shares: only their order of magnitude matters.
"""

from collections.abc import Callable
from functools import cache

SIMPLIFIED = (
    "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里用道行所然家种事成方多经么"
    "去法学如都同现当没动面起看定天分还进好小部其些主样理心她本前开但因只从想实日军者意无力它与长把机十民第公此已工使情明性知全三又"
    "关点正业外将两高间由问很最重并物手应战向头文体政美相见被利什二等产或新己制身果加西斯月话合回特代内信表化老给世位次度门任常先海"
    "通教儿原东声提立及比员解水名真论处走义各入几口认条平系气题活尔更别打女变四神总何电数安少报才结反受目太量再感建务做接必场件计管"
    "期市直德资命山金指克许统区保至队形社便空决治展马科司五基眼书非则听白却界达光放强即像难且权思王象完设式色路记南品住告类求据程北"
    "边死张该交规万取拉格望觉术领共确传师观清今切院让识候带导争运笔杯茶花红绿黑蓝黄李刘陈杨赵周吴徐孙胡朱林郭罗梁宋郑谢韩唐冯董萧"
    "曹邓彭曾田潘袁蔡蒋余杜叶吕魏苏卢丁沈姚姜崔钟谭陆汪范石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵钱严覃武戴莫"
    "孔汤伟芳娜敏静丽强磊洋艳勇军杰娟涛超霞飞鹏辉玲梅雪婷佳欣怡雨晨浩宇轩涵子梓若慧宁刚斌波健建华兰英桂秀玉珍云峰亮俊志明凯晓冰琳"
    "燕倩颖莉萍丹阳博瑞思北京津沪渝广深圳州杭苏宁武汉沙郑福厦青岛济烟河湖省县镇乡村街道号楼室单元层弄巷栋幢省浙粤闽川陕皖赣豫鄂"
    "湘辽吉桂黔滇甘肃疆藏蒙港澳台订买卖购商店付款收货退价额元件编码邮运费快递物流状态支已未完成功关闭等待确评客户昵称姓名电话手机地"
    "址备注类型标题数库存优惠券折扣实际总计合店铺宝贝创时间下品牌城市省份套装礼盒袋瓶克千包邮赠送新款版女男童装鞋衣裤裙帽酒咖啡糖饼"
    "干果米油盐酱醋纸巾洗护肤霜面膜口罩香水精油乳液旧猫狗爱吃鱼熊可兔虎贝宝妈爸仔妹哥姐叔奶食用药械套具厨卫浴床被枕灯椅桌柜箱刀锅"
    "碗盘壶勺筷马克陶瓷玻璃钢铁铜银塑料木竹棉麻丝羊绒毛皮革羽泡沫防晒滑热冷冻鲜奶蛋肉虾蟹菜豆腐粉条凉暖春秋冬节日号周元旦端午"
)
TRADITIONAL = (
    "的一是不了在人有我他這個們中來上大為和國地到以說時要就出會可也你對生能而子那得於著下自之年過發後作裡用道行所然家種事成方多經麼"
    "去法學如都同現當沒動面起看定天分還進好小部其些主樣理心她本前開但因只從想實日軍者意無力它與長把機十民第公此已工使情明性知全三又"
    "關點正業外將兩高間由問很最重並物手應戰向頭文體政美相見被利什二等產或新己制身果加西斯月話合回特代內信表化老給世位次度門任常先海"
    "通教兒原東聲提立及比員解水名真論處走義各入幾口認條平系氣題活爾更別打女變四神總何電數安少報才結反受目太量再感建務做接必場件計管"
    "期市直德資命山金指克許統區保至隊形社便空決治展馬科司五基眼書非則聽白卻界達光放強即像難且權思王象完設式色路記南品住告類求據程北"
    "邊死張該交規萬取拉格望覺術領共確傳師觀清今切院讓識候帶導爭運筆杯茶花紅綠黑藍黃李劉陳楊趙周吳徐孫胡朱林郭羅梁宋鄭謝韓唐馮董蕭"
    "曹鄧彭曾田潘袁蔡蔣余杜葉呂魏蘇盧丁沈姚姜崔鍾譚陸汪范石廖賈夏方鄒孟熊秦邱江尹薛雷侯龍史陶黎賀顧毛郝龔邵錢嚴武戴莫孔湯許簡施洪"
    "游詹賴偉芳娜敏靜麗強磊豪勇軍傑娟濤超霞飛鵬輝玲梅雪婷佳欣怡雨晨浩宇軒涵子若慧寧剛斌波健建華蘭英桂秀玉珍雲峰亮俊志明凱曉冰琳雅"
    "燕倩穎莉萍丹陽博瑞思淑芬惠臺北中南高雄新竹桃園基隆嘉義彰化雲林屏東宜蘭花蓮苗栗投縣鄉鎮村里街道巷弄號樓室段市區香港九龍界澳門島"
    "訂單買賣購商店付款收貨退價額元件編碼郵運費快遞物流狀態支已未完成功關閉等待確評客戶暱稱姓名電話手機地址備註類型標題數庫存優惠券"
    "折扣實際總計合鋪寶貝創時間下品牌城省份套裝禮盒袋瓶克千包贈送款版男童鞋衣褲裙帽酒咖啡糖餅乾果米油鹽醬醋紙巾洗護膚霜面膜口罩水精"
    "乳液貓狗愛吃魚熊可兔虎媽爸妹哥姐食用藥具廚床被枕燈椅桌櫃箱刀鍋碗盤壺陶瓷玻璃鋼鐵銅銀木竹棉麻絲羊絨毛皮革熱冷凍鮮奶蛋肉蝦菜豆"
    "腐粉條春秋冬節龜烏凍蘋莓檸檬蜂蜜人帳單號碼出貨日期訂購賣場蝦皮"
)
JAPANESE = (
    "日一国人年大十二本中長出三時行見月後前生五間上東四今金九入学高円子外八六下来気小七山話女北午百書先名川千水半男西電校語土木聞"
    "食車何南万毎白天母火右読友左休父雨会同事自社発者地業方新場員立開手力問代明動京目通言理体田主題意不作用度強公持野以思家世多正安"
    "院心界教文元重近考画海売知道集別物使品計死特私始朝運終台広住真有口少町料工建空急止送切転研足究楽起着店病質待試族銀早映親験英医"
    "仕去味写字答夜音注帰古歌買悪図週室歩風紙黒花春赤青館屋色走秋夏習駅洋旅服夕借曜飲肉貸堂鳥飯勉冬昼茶弟牛魚兄犬妹姉漢"
    "佐藤鈴木高橋田中伊渡辺山本中村小林加藤吉田山口松井清斎阿部森池橋石崎前岡長谷後近坂遠青藤福原西岩太三千葉菅久保野島桜平市増丸杉"
    "今河武上村新関工横宮内谷渡邊郎美香恵介健翔陽翼優真由紀奈直樹裕浩智彩愛花子結衣悠斗蓮隆幸誠和秀正博雄一男弘"
    "注文番号購入商品数量価格金額単価合計消費税送料支払済未発送完了住所氏名様電話郵便都道府県市区町村丁目大阪京神奈川埼玉千葉兵庫北海"
    "福岡愛知静岡広島宮城新潟長野岐阜群馬栃木茨滋賀奈良和歌沖縄札幌横浜名古屋仙台緑紅抹煎器皿箸袋箱缶瓶本枚個円配達受取確認会員顧客"
    "備考在庫色赤白黒青黄茶緑紫桃銀金限定特価割引無料返品返金日付時間決済方法状況取消処理完"
)
KOREAN = (
    "이다는에의을가고를한은하도지로사서기나리자시어인그아해대과수정일있보들부주니라만상여전제스성안게장구면조오동국동원러무경생관마소"
    "공화중요선모내연으세신와진문용우적방적때계단물발비분후말식것되교했간결회학행명음거산할없었심야건였각현재개트르드영남미유금서울월"
    "람두표순호달외당임철양속입천반출너더력매등점류복히형길터여달약민권드김박최강윤임조한오서신권황안송류홍전고문양손배백허남심노하곽"
    "차주우구민나진지엄원채천방공현함변염추희영숙정순자옥미경은혜연주수빈준서윤지훈민재현우성호진석동하늘예나다라율찬건혁태규환"
    "특별시광역도군읍면리로길번동호층부산구인천울세종기북남충청라상제평택포항창원안양용성남고의왕주문번호결제완료배송상품수량금액가격"
    "단가합계총소고객회원름전화휴대폰주소우편옵션색취소환불반품교환접수준비중발송입일자시간메모비쿠폰할인판매머그컵녹차티셔츠신발"
    "바지원피커잔접시그릇냄칼도마타월비누샴푸크림로션향수화장블랙레드옐로핑크실버골드홍달콤맛세트선물쇼핑몰마켓스토어페이카카톡네버"
    "쿠팡케익빵떡김치라면밥국물료커피우유주스맥주술병캔팩봉개입"
)
KANA = "".join(map(chr, (*range(0x3041, 0x3094), *range(0x30A1, 0x30F7), 0x30FC)))

WESTERN = ("äöüß", "éèêëàâçîïôùûœ", "áéíóúñü", "ãâáàçéêíóôõú", "àèéìòù", "åæøäöé")
"""German, French, Spanish, Portuguese, Italian and the north: one table, many alphabets."""
CENTRAL = ("ąćęłńóśźż", "áčďéěíňóřšťúůýžäôľĺŕ", "áéíóöőúüű", "čćđšž", "ăâîșțşţ", "äöüß")
"""Polish, Czech and Slovak, Hungarian, Croatian, Romanian, and German beside them: one table, many alphabets."""
BALTIC = ("ąčęėįšųūž", "āčēģīķļņšūž", "äöüõšž")
"""Lithuanian, Latvian, Estonian."""
TURKISH = "çğıöşüâî"
RUSSIAN = "абвгдеёжзийклмнопрстуфхцчшщъыьэюяіїєґ"
GREEK = "αβγδεζηθικλμνξοπρστυφχψωςάέήίόύώ"
THAI = "".join(map(chr, (*range(0x0E01, 0x0E3B), *range(0x0E40, 0x0E4F))))
HEBREW = "".join(map(chr, range(0x05D0, 0x05EB)))
ARABIC = "".join(map(chr, (*range(0x0621, 0x063B), *range(0x0641, 0x064B)))) + "پچژگ"
_USUAL_SIGNS = "€“”‘’–—…"
SIGNS = "€£°©®™“”„‘’–—…«»¿¡·•\u00a0²³½№ºª§"
WIDE_SIGNS = "，。、：；（）！？“”‘’《》【】「」『』…—～·￥＃－＋／％＊　○〇々ー①②③④⑤"

_RARE = -17.0

Likelihood = Callable[[str], float]


@cache
def chinese(common: str, codec: str, levels: tuple[int, int, int], also: str = "") -> Likelihood:
    """Return how likely a letter is; `levels`: where the first and second level begin and end, by lead byte.

    `also` holds common letters of the other writing of Chinese, which occur in names.
    """
    known, other = frozenset(common), frozenset(also)
    begin, second, end = levels

    def likelihood(letter: str) -> float:
        if letter in known:
            return -6.3
        if letter in WIDE_SIGNS:
            return -7.0
        if letter in other:
            return -10.5
        if "\uff01" <= letter <= "\uff5e":  # full-width letters and digits
            return -9.0
        lead, trail = (*letter.encode(codec, "ignore"), 0, 0)[:2]
        if not begin <= lead <= end or (codec == "gb2312" and trail < 0xA1):
            return _RARE
        return -9.3 if lead < second else -13.0

    return likelihood


@cache
def japanese() -> Likelihood:
    """Return how likely a letter is in Japanese."""
    known, kana = frozenset(JAPANESE), frozenset(KANA)
    kanji = chinese("", "cp932", (0x88, 0x98, 0xEA))

    def likelihood(letter: str) -> float:
        if letter in kana:
            return -5.6
        if letter in known:
            return -6.6
        if "\uff61" <= letter <= "\uff9f":  # half-width kana, one byte each
            return -8.0
        return kanji(letter) - 0.6

    return likelihood


@cache
def korean() -> Likelihood:
    """Return how likely a letter is in Korean."""
    known = frozenset(KOREAN)

    def likelihood(letter: str) -> float:
        if letter in known:
            return -5.9
        if letter in WIDE_SIGNS:
            return -8.0
        if not "가" <= letter <= "힣":
            return -15.0
        try:
            letter.encode("euc_kr")
        except UnicodeEncodeError:
            return _RARE
        return -9.6

    return likelihood


@cache
def alphabet(letters: str, share: float) -> Likelihood:
    """Return how likely a letter beyond ASCII is in a language written with these; `share`: of one common letter."""
    small, capital = frozenset(letters), frozenset(letters.upper())

    def likelihood(letter: str) -> float:
        if letter in small:
            return share
        if letter in capital:
            return share - 2.0
        if letter in _USUAL_SIGNS:
            return -4.5
        return -5.5 if letter in SIGNS else -11.0

    return likelihood
