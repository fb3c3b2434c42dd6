"""Pairs of letters that stand beside each other in the names, places and words of a language, one of them not ASCII.

Counted in lists of first names, family names, towns and everyday words; `^` and `$` stand for the beginning and the end
of a word. What is missing here is rare, not impossible.
"""

_POLISH = (
    "^ó ^ć ^ł ^ś ^ź ^ż ać ał ań aś aź aż bó bą bę bł bź có cą cł dó dą dę dł dź dż eć eł eń eś eź eż fą gó gą gę "
    "gł hó hę hł ió ią ić ię ił iń iś iż jó ją ję jś kó ką kę kł kż ló lą lę lż mó mą mę mł mż nó ną nę oć oł oń "
    "oś oź oż pó pę pł pś ró rü rą rć rę rł rż só są sę sł tó tą tę tł uć uł uń uś uź uż wó wą wę wł wś yć ył yń "
    "yś yż zó zą zę zł ób óc ód óg ój ól ór ós ót ów óz ół óź óż üg ą$ ąb ąc ąd ąf ąg ąk ąp ąs ąt ąz ąć ąż ć$ ćc "
    "ćd ćk ćm ćw ę$ ęb ęc ęd ęg ęk ęp ęs ęt ęz ęć ęś ęż ł$ ła łb łc łd łe łg łk łm łn ło łp łs łt łu łw ły łz łó "
    "łą łę łł łż ń$ ńc ńk ńs ś$ śc śk śl śm śn śp śr św ść śń ź$ źd źk źl źm źn źr źw źć ż$ ża żb żc żd że żk żl "
    "żm żn żo żu żw ży żó żę "
)
_CZECH = (
    "^á ^í ^ô ^ú ^č ^ď ^ľ ^ň ^ř ^š ^ť ^ž aú ač aď aľ aň ař aš ať až bá bé bí bó bô bú bý bč bě bľ bň bř bš bž cá "
    "cé cí cú ců dá dé dí dó dô dú dý dč dě dľ dň dř dš dů dž eá eč eď eľ eň eř eš eť ež fá fé fí fó fü gá gé gí "
    "gó gú gľ há hé hô hú hý hľ hň hř hů iá ié ió ič iľ iň iř iš iť iž já jé jí jó jú jč jň jš jž ká ké kó kô kú "
    "ký kč kĺ kľ kř kš ků lá lé lí ló lö lú lý lč lď lň lš lů lž má mä mé mí mó mô mú mü mý mč mě mř mš mů mž ná "
    "né ní nó nô nú ný nč ně nš nů nž oč oď oľ oň oř oš oť ož pá pä pé pí pô pú pý pč pě pľ pň př pš pů rá ré rí "
    "ró rö rú rý rč rň rš rť rů rž sá sé sí sú sý sň sť tá té tí tó tô tö tú tý tč tě tň tŕ tř tš tů uá uč uľ uň "
    "uř uš uť už vá vä vé ví vó vú vý vč vě vľ vň vŕ vř vš vů vž xé xí yá yč yň yš yť yž zá zé zí zó zú zý zľ zř "
    "zů á$ áb ác ád ág áh áj ák ál ám án áp ár ás át áv áz áč áľ áň ář áš áž än ät äz é$ éb éc éd ég éh ék él ém "
    "én ér és ét éu év éz éř éš éž í$ íb íc íd íg íh íj ík íl ím ín ío íp ír ís ít ív íz íč íň íř íš íť íž ób ód "
    "ók ól óm ón óp ór ót óz ôd ôl ôp ôr ôs ôt ôň öf ög ön ös úb úc úd úf úh új úk úl úm ún úp úr ús út úv úz úč "
    "úľ úň úř úš úť úž üg ül ý$ ýb ýc ýd ýh ýk ýl ým ýn ýo ýp ýr ýs ýt ýv ýz ýč ýľ ýř ýš ýž č$ ča čc če či čk čl "
    "čm čn čo čr čs čt ču čv čá čí čú čů ď$ ďa ďo ďu ďá ě$ ěb ěc ěd ěh ěj ěk ěl ěm ěn ěp ěr ěs ět ěv ěz ěč ěď ěř "
    "ěš ěť ěž ĺz ľ$ ľa ľd ľg ľj ľk ľn ľo ľs ľu ľú ľč ľš ň$ ňa ňc ňk ňo ňs ňu ňv ňá ŕb ŕn ŕň ŕš ř$ řa řb ře ři řm "
    "řn řo řs řv řá ří š$ ša še ši šk šl šm šn šo šp šr šs št šu šv šá ší šú šč šľ šň šš šť šů ť$ ťa ťo ťs ťá ů$ "
    "ůc ůd ůj ůl ům ůn ůr ůs ůt ův ůz ůš ůž ž$ ža žb žc žd že žh ži žk žl žm žn žo žs žu žv žá ží žď žň "
)
_HUNGARIAN = (
    "^á ^é ^í ^ó ^ö ^ú ^ü aó aú bá bé bó bö bő dá dé dí dó dö dú dü dő dű eá fá fö fü fű gá gé gó gö gú gü gő há "
    "hé hí hó hű iá ió já jó jú ká ké kí kó kö kü kő lá lé lí ló lö lő má mé mí mó ná né nó nő oé oó pá pé pú rá "
    "ré rí ró rö rú rü rő sá sé só sö sü ső sű tá té tí tó tö tü tő uá vá vé vö vő yá yé yí yö yő zá zé zí zö zü "
    "ző zű á$ áb ác ád ág áh áj ák ál ám án áp ár ás át áv áz é$ éb éc éd ég ék él ém én ép ér és ét éu év éz í$ "
    "íb íd íl ím ín ír ít ív ó$ ób óc ód óf óg óh ói ók ól óm ón óp ór ós ót óv óz öd öe ög ök öl ön öp ör ös öv "
    "öz úd úf úg úh úi új úk úl úm úr ús út úz üc ük ül ün ür üs üz ő$ őa őb őd őf őg őh ői ők ől őm őn őr ős őt "
    "őv őz űc űr űs űt űv űz "
)
_CROATIAN = (
    "^ć ^č ^đ ^š ^ž ać ač ađ aš až bč dž eć eč eš ež ić ič iš iž jč jš kč kš lč lš lž mé mč mš mž nč nđ nš nž oć "
    "oč oš ož pč pš rí rč rđ rš rž tč uč uđ uš už vč vš vž é$ ín ć$ ća će ći ćn ćo ću č$ ča če či čj čk čm čn čo "
    "čr ču đa đe đi đu š$ ša šc še ši šj šk šl šm šn šo šp šr št šu šv šć šč ž$ ža žd že žg ži žj žm žn žo žr žu "
)
_ROMANIAN = (
    "^ş ^ţ aş aţ bă câ cî că dă eş eţ iş lă mă nă pâ pă râ ră sâ să tâ tă uş uţ vî vă ză âm ân âr îl îm ă$ ăc ăd "
    "ăl ăm ăn ăr ăt ău ăz ş$ şa şc şi şo şt ţ$ ţe ţi ţu "
)
_TURKISH = (
    "^â ^ç ^ö ^ü ^ğ ^ı ^ş aç ağ aş bö bü bı bş cü cı dö dü dı eç eğ eş fü fı gö gü gı hâ hö hü hı hş iç iğ iş kâ "
    "kç kö kü kı kş lâ lç lö lû lü lı lş mö mü mı mş nç nö nü nı nş oç oğ oş pç pü pı qö qü qı rç rö rü rğ rı rş "
    "sç sö sü sı tö tü tı uç uö uğ uş vâ vü vı vş xç xı xş yç yö yü yı yş zç zö zü zı â$ âb âd âl âm ân âp âs ât "
    "ây âz ç$ ça çb çc çd çe çf çg çh çi çk çl çm çn ço çr çs çt çu çv çy çö çı öc ög öh ök öl öm ön öq ör ös öv "
    "öy öz öç öğ ûl ü$ üb üc üd üe üf üg üh üj ük ül üm ün üp üq ür üs üt üv üy üz üç üğ üş ğ$ ğa ğb ğc ğd ğe ğf "
    "ğh ği ğl ğm ğr ğs ğt ğu ğv ğç ğü ğı ı$ ıa ıb ıc ıd ıe ıf ıg ıh ık ıl ım ın ıo ıp ıq ır ıs ıt ıv ıx ıy ız ıç "
    "ığ ış ş$ şa şb şc şe şf şh şi şk şl şm şo şp şq şr şs şt şu şv şy şö şü şı "
)
_LITHUANIAN = (
    "^ą ^č ^į ^š ^ž až dė ič iš iū iž jū kė kę kū lė lš mū nė oš pė rė rū sė tė tū uš už vė ąž ča če či ė$ ėb ėc "
    "ėd ėf ėh ėj ėl ėm ėn ėp ės ėt ėv ėž ęs įk ša ši šk šr ūb ūn ūr ūt ža že ži žu žy "
)
_LATVIAN = (
    "^ā ^ē ^ģ ^ī ^ķ ^ļ ^ņ ^š ^ū ^ž aķ aņ až bē cē cī dā dī dū eš gī iā ič iķ iļ iņ iš jā jē jū kā kļ lā lē lī lū "
    "mā mī nā oģ oļ oņ pē rē rī rū sī tā tī tū vē vī zā zī āb āc ād āl ān ār āv āz ča ēd ēj ēk ēn ēr ēs ēt ēv ēz "
    "ģe ģi īb īc īd īg īk īl īn īr īs īt īv īz ķe ķi ķē ļa ļe ļu ļģ ņa ņe ņi ņo ņš š$ šb šc šf šh šj šl šm šp šs "
    "št šv šņ ūc ūd ūl ūm ūr ūs ūz ža ži "
)
_ESTONIAN = (
    "^õ ^ü ^š ^ž bõ ež hä jä jõ jü kä kõ kü lä lõ mä mõ mö mü nõ pä põ pü rä rõ rü rš sä sõ sö tä tõ tš vä võ äd "
    "äe äg äh äl än är äs ät ää õb õd õe õg õh õi õl õm õn õr õs õt õu õõ õš öl öt öö ül ür üt üv üü ša še šm šo "
    "št ža žd žu "
)
_GERMAN = (
    "^ä ^ö ^ü aß aë bä bé bö bü cá cä cé cô dä dè dé dö dü eß fá fä fö fü gä gé gö gü hä hè hé hê hô hö hü iß iè "
    "jä jé jö jü kä kö kü lá lâ lä lè lé ló lö lü má mä mé mö mü nä nç nè né nê nö nü oß oã oé oë oï pä pé pö pü "
    "rä rè ré rí rô rö rü sã sä sè sé só sö sü tá tâ tä té tó tö tü uß uí vá vé vö wä wö wü zä zö zü ß$ ßa ßb ße "
    "ßf ßg ßl ßn ßp ßr ßs ßw áb án ás át áu ân ão ä$ äb äc äd äf äg äh äi äk äl äm än äq är äs ät äu ça ço èg èl "
    "èn ès èv é$ éa éb éc éd ée ég él ém én éo ép ér és ét éu év ên ês ël ëm ía íc ín ís ïc ïs ó$ ón ôm ôn ôt öb "
    "öc öd öe öf ög öh ök öl öm ön öp ör ös öt öv öw öx öz öß ü$ üb üc üd üe üh ük ül üm ün ür üs üt üß "
)
_FRENCH = (
    "^à ^â ^ç ^é ^ê ^î aç aë aî aï aô bè bé bê bœ cè cé cô dè dé fè fé gè gé hâ hè hé hê hô iè ié jà jé là lè lé "
    "lê mé mê mü nç nè né nî nô nü oè oé oë oî oï où oû pè pé pê râ rè ré rê rí rô rû sà sã sè sé sû tè té tê tô "
    "uè ué uë vè vé vê vô xé zé à$ àr âc âg âm ât ão ça ço èc èd èg èl èm èn èq èr ès èt èv èz é$ éa éb éc éd ée "
    "éf ég éh éi éj ék él ém én éo ép éq ér és ét éu év éz éâ êc êl êm ên êq êt êv ël ët ëy ín îl îm în ît ïc ïd "
    "ïq ïr ïs ït ïw ô$ ôl ôm ôn ôt ù$ ûl ûr ût ül üs œu "
)
_SPANISH = (
    "1ª 2ª 3ª 4ª 5ª 6ª 7ª 8ª 9ª ^á ^é ^í ^ñ ^ó ^ú aé aí añ aú bá bé bí bó bú cá cé cí có cô cú dá dé dí dó dú eñ "
    "eó eú fá fé fí fó fú gá gè gé gí gó gú gü há hé hí hó iá ié iñ ió já jé jí jó lá lé lí ló lú mà má mé mí mó "
    "mú ná né ní nó nú oá oé oí oñ pá pé pí pó pú rá rè ré rí ró rú sá sé sí só sú tá té tí tó tú uá ué uí uñ và "
    "vá vé ví vó wá yá yé yó zà zá zó zú ª$ à$ às á$ áb ác ád áe áf ág áj ál ám án áq ár ás át áu áv áx áz áñ ès "
    "é$ éb éc éd ée ég éi éj él én ép ér és ét év éx í$ ía íb íc íd íe íf íg íl ím ín ío íp íq ír ís ít ív íz íñ "
    "ñ$ ña ñe ñi ño ñu ñá ñí ñó ó$ ób ód óf ól óm ón óp ór ós óv óx óz óñ ôt ú$ úb úc úd úg úl úm ún úq úr ús út "
    "úz úñ üe üi üí "
)
_PORTUGUESE = (
    "^à ^á ^â ^é ^í ^ó aç aí aú bá bâ bã bé bó cá câ cã cé cí cô dá dâ dã dé dó dô eã eç eó eõ fá fâ gº gá gâ gã "
    "gé gó há hã hé hõ iá iã iç ié iê ió jã jé jó jú ké lá lâ lç lé lí ló lô lõ lú má mâ mã mé mê mí mó mô mõ mú "
    "ná nâ nã nç né nê ní nó nú oá oã oç oé oí pá pã pí pó pú rá râ rã rç ré rí ró rõ rú sá sã sé sí tá tâ tã té "
    "tê tí tó tô tõ tú uâ uã uç ué uê uí vá vã vé vê ví võ xã xé zâ zé º$ à$ á$ áb ác ád áf ág ál áq ár ás át áu "
    "áv áz âm ân ã$ ãa ãe ão ça ço çã çõ é$ éb éc ég éi él ém én éo ér és év éx ê$ êd êm ên ês êv íb íc íg íl ím "
    "ín ír ís ít ív íç ó$ ób ód óf ói ól ón óp ór ós óv ôa ôm ôn õe úb úc új úl ún úr ús "
)
_ITALIAN = (
    "cò dò dù fè hé iß ià iò iù là lì lò lù mà mì nà nè né oà oè pà pé rà rè rò rö sà sé sì tà tè tö tù uè vì vö "
    "ße à$ è$ é$ ì$ ò$ öl ör ös ù$ "
)
_NORTHERN = (
    "^á ^ä ^å ^æ ^í ^ó ^ö ^ø ^ú ^ý ^þ aå aí að aó aö aø aþ bá bä bå bæ bí bó bö bø bú bý cã cæ cí cý dá då dæ dé "
    "dí dó dö dø dú dý dþ dž eå eæ eð eó eø fá fä få fæ fí fð fó fö fø fú fþ gä gå gæ gí gð gó gö gø gú gý gþ há "
    "hä hå hæ hé hí hó hö hø hú iå ið iö iø iþ já jä jæ jó jö jø jú ká kä kå kæ kí kó kö kø kú kü kþ lá lä lå læ "
    "lé lí ló lö lø lú lü lý lþ má mã mä må mæ mé mí mó mö mø mú mü mý mþ ná nä nå næ né ní nó nö nø nú ný nþ oç "
    "oð oø pá pä på pæ pé pí pó pö pø rá rã rä rå ræ ré rí rð ró rö rø rú rü rý rþ sá sã sä så sæ sé sí só sö sø "
    "sú sý sþ tä tå tæ tí tó tö tø tú tý tþ tš uð uö vá vä vå væ vé ví vö vø vý wä xí xø yä yð yö yø yþ zé zó á$ "
    "áb ác ád áf ág ái ák ál ám án áp ár ás át áv áð ã$ ãn ão ãt ä$ äb äc äd äe äg äh äi äj äk äl äm än äp är äs "
    "ät äv äx äy ää å$ åb åd åe åg åh åk ål åm ån år ås åt åv æa æb æc æd æf æg æh æi æj æk æl æm æn æo ær æs æt "
    "æu æv æþ ça é$ éa éb éd ée ég ék él ém én ér és ét éu éð í$ ía íb íc íd íe íf íg íh ík íl ím ín ío ír ís ít "
    "íu ív íð íó ð$ ða ðb ðc ðd ðe ðf ðg ðh ði ðj ðk ðl ðm ðn ðr ðs ðu ðv ðí ðó ðþ ó$ óa ób ód óe óf óg óh ói ók "
    "ól óm ón óp ór ós ót óv óð óþ ö$ öa öb öd öf ög öh öj ök öl öm ön öp ör ös öt öv öx öy öð ø$ øa øb ød øe øf "
    "øg øh øi øj øk øl øm øn ør øs øt øv øy ú$ úa úb úc úd úe úf úg úi úk úl úm ún úp úr ús út úv úí úð üc üg ün "
    "ý$ ýa ýb ýc ýd ýf ýg ýh ýj ýl ým ýp ýr ýs ýt ýv ýð þa þe þi þj þo þr þu þy þó þö þú ša še ža ži "
)
_DUTCH = (
    "^à ^å ^é ^ö aç aë aï bé bö bü cé dé dü fé gè gé hâ hè hé hö hú iè ié ië jè jö jü kö là lâ lè lé mé mê mö mû "
    "nç nè né nê oé oë oï pé râ rè ré rê rô rö rû sè sé sû té ué vé vê wâ wé yè zé à$ âc âl ân ât ål ça ço èc èg "
    "èl èn èr ès èv èz é$ éb éc éd ée ég éh él ém én éo ép ér és ét éu év éé êc êq êt ë$ ëb ëd ëh ël ën ëp ër ës "
    "ëw ïc ïn ïs ït ôm öe ök öl öm ön ör ös ún ûl ûn ûr üm ür üt "
)

PAIRS = {
    name: frozenset(pairs.split())
    for name, pairs in (
        ("polish", _POLISH),
        ("czech", _CZECH),
        ("hungarian", _HUNGARIAN),
        ("croatian", _CROATIAN),
        ("romanian", _ROMANIAN),
        ("turkish", _TURKISH),
        ("lithuanian", _LITHUANIAN),
        ("latvian", _LATVIAN),
        ("estonian", _ESTONIAN),
        ("german", _GERMAN),
        ("french", _FRENCH),
        ("spanish", _SPANISH),
        ("portuguese", _PORTUGUESE),
        ("italian", _ITALIAN),
        ("northern", _NORTHERN),
        ("dutch", _DUTCH),
    )
}
"""By language."""

PAGES = {
    "CP1252": ("german", "french", "spanish", "portuguese", "italian", "northern", "dutch"),
    "CP1250": ("polish", "czech", "hungarian", "croatian", "romanian"),
    "CP1254": ("turkish",),
    "CP1257": ("lithuanian", "latvian", "estonian"),
}
"""The Latin code pages of Windows and the languages written in each; northern stands for those of the north."""
