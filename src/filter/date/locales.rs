//! Names of months, weekdays, halves of the day and eras by language, as Java's CLDR data has them (OpenJDK 17,
//! `DateFormatSymbols`); the short names carry the dots that CLDR gives them ("Jan." in German).
//!
//! A language Java knows and this table does not is refused, never taken for English. A language nobody knows gets the
//! root names, as in Java.

/// One language's names, each list in one string with `;` between.
pub(super) struct Symbols {
    /// BCP 47 language, or language-REGION where a region differs.
    pub tag: &'static str,
    /// January first.
    pub months: &'static str,
    pub months_short: &'static str,
    /// Sunday first, as CLDR lists them.
    pub weekdays: &'static str,
    pub weekdays_short: &'static str,
    /// Before and after noon.
    pub halfdays: &'static str,
    /// Before and after Christ.
    pub eras: &'static str,
}

pub(super) static SYMBOLS: [Symbols; 45] = [
    Symbols {
        tag: "",
        months: "Jan;Feb;Mar;Apr;May;Jun;Jul;Aug;Sep;Oct;Nov;Dec",
        months_short: "Jan;Feb;Mar;Apr;May;Jun;Jul;Aug;Sep;Oct;Nov;Dec",
        weekdays: "Sun;Mon;Tue;Wed;Thu;Fri;Sat",
        weekdays_short: "Sun;Mon;Tue;Wed;Thu;Fri;Sat",
        halfdays: "AM;PM",
        eras: "BCE;CE",
    },
    Symbols {
        tag: "en",
        months: "January;February;March;April;May;June;July;August;September;October;November;December",
        months_short: "Jan;Feb;Mar;Apr;May;Jun;Jul;Aug;Sep;Oct;Nov;Dec",
        weekdays: "Sunday;Monday;Tuesday;Wednesday;Thursday;Friday;Saturday",
        weekdays_short: "Sun;Mon;Tue;Wed;Thu;Fri;Sat",
        halfdays: "AM;PM",
        eras: "BC;AD",
    },
    Symbols {
        tag: "en-GB",
        months: "January;February;March;April;May;June;July;August;September;October;November;December",
        months_short: "Jan;Feb;Mar;Apr;May;Jun;Jul;Aug;Sept;Oct;Nov;Dec",
        weekdays: "Sunday;Monday;Tuesday;Wednesday;Thursday;Friday;Saturday",
        weekdays_short: "Sun;Mon;Tue;Wed;Thu;Fri;Sat",
        halfdays: "am;pm",
        eras: "BC;AD",
    },
    Symbols {
        tag: "en-AU",
        months: "January;February;March;April;May;June;July;August;September;October;November;December",
        months_short: "Jan;Feb;Mar;Apr;May;June;July;Aug;Sept;Oct;Nov;Dec",
        weekdays: "Sunday;Monday;Tuesday;Wednesday;Thursday;Friday;Saturday",
        weekdays_short: "Sun;Mon;Tue;Wed;Thu;Fri;Sat",
        halfdays: "am;pm",
        eras: "BC;AD",
    },
    Symbols {
        tag: "en-CA",
        months: "January;February;March;April;May;June;July;August;September;October;November;December",
        months_short: "Jan.;Feb.;Mar.;Apr.;May;Jun.;Jul.;Aug.;Sep.;Oct.;Nov.;Dec.",
        weekdays: "Sunday;Monday;Tuesday;Wednesday;Thursday;Friday;Saturday",
        weekdays_short: "Sun.;Mon.;Tue.;Wed.;Thu.;Fri.;Sat.",
        halfdays: "a.m.;p.m.",
        eras: "BC;AD",
    },
    Symbols {
        tag: "de",
        months: "Januar;Februar;März;April;Mai;Juni;Juli;August;September;Oktober;November;Dezember",
        months_short: "Jan.;Feb.;März;Apr.;Mai;Juni;Juli;Aug.;Sept.;Okt.;Nov.;Dez.",
        weekdays: "Sonntag;Montag;Dienstag;Mittwoch;Donnerstag;Freitag;Samstag",
        weekdays_short: "So.;Mo.;Di.;Mi.;Do.;Fr.;Sa.",
        halfdays: "AM;PM",
        eras: "v. Chr.;n. Chr.",
    },
    Symbols {
        tag: "de-AT",
        months: "Jänner;Februar;März;April;Mai;Juni;Juli;August;September;Oktober;November;Dezember",
        months_short: "Jän.;Feb.;März;Apr.;Mai;Juni;Juli;Aug.;Sep.;Okt.;Nov.;Dez.",
        weekdays: "Sonntag;Montag;Dienstag;Mittwoch;Donnerstag;Freitag;Samstag",
        weekdays_short: "So.;Mo.;Di.;Mi.;Do.;Fr.;Sa.",
        halfdays: "AM;PM",
        eras: "v. Chr.;n. Chr.",
    },
    Symbols {
        tag: "fr",
        months: "janvier;février;mars;avril;mai;juin;juillet;août;septembre;octobre;novembre;décembre",
        months_short: "janv.;févr.;mars;avr.;mai;juin;juil.;août;sept.;oct.;nov.;déc.",
        weekdays: "dimanche;lundi;mardi;mercredi;jeudi;vendredi;samedi",
        weekdays_short: "dim.;lun.;mar.;mer.;jeu.;ven.;sam.",
        halfdays: "AM;PM",
        eras: "av. J.-C.;ap. J.-C.",
    },
    Symbols {
        tag: "fr-CA",
        months: "janvier;février;mars;avril;mai;juin;juillet;août;septembre;octobre;novembre;décembre",
        months_short: "janv.;févr.;mars;avr.;mai;juin;juill.;août;sept.;oct.;nov.;déc.",
        weekdays: "dimanche;lundi;mardi;mercredi;jeudi;vendredi;samedi",
        weekdays_short: "dim.;lun.;mar.;mer.;jeu.;ven.;sam.",
        halfdays: "a.m.;p.m.",
        eras: "av. J.-C.;ap. J.-C.",
    },
    Symbols {
        tag: "es",
        months: "enero;febrero;marzo;abril;mayo;junio;julio;agosto;septiembre;octubre;noviembre;diciembre",
        months_short: "ene;feb;mar;abr;may;jun;jul;ago;sept;oct;nov;dic",
        weekdays: "domingo;lunes;martes;miércoles;jueves;viernes;sábado",
        weekdays_short: "dom;lun;mar;mié;jue;vie;sáb",
        halfdays: "a. m.;p. m.",
        eras: "a. C.;d. C.",
    },
    Symbols {
        tag: "es-MX",
        months: "enero;febrero;marzo;abril;mayo;junio;julio;agosto;septiembre;octubre;noviembre;diciembre",
        months_short: "ene.;feb.;mar.;abr.;may.;jun.;jul.;ago.;sep.;oct.;nov.;dic.",
        weekdays: "domingo;lunes;martes;miércoles;jueves;viernes;sábado",
        weekdays_short: "dom;lun;mar;mié;jue;vie;sáb",
        halfdays: "a. m.;p. m.",
        eras: "a. C.;d. C.",
    },
    Symbols {
        tag: "it",
        months: "gennaio;febbraio;marzo;aprile;maggio;giugno;luglio;agosto;settembre;ottobre;novembre;dicembre",
        months_short: "gen;feb;mar;apr;mag;giu;lug;ago;set;ott;nov;dic",
        weekdays: "domenica;lunedì;martedì;mercoledì;giovedì;venerdì;sabato",
        weekdays_short: "dom;lun;mar;mer;gio;ven;sab",
        halfdays: "AM;PM",
        eras: "a.C.;d.C.",
    },
    Symbols {
        tag: "pt",
        months: "janeiro;fevereiro;março;abril;maio;junho;julho;agosto;setembro;outubro;novembro;dezembro",
        months_short: "jan.;fev.;mar.;abr.;mai.;jun.;jul.;ago.;set.;out.;nov.;dez.",
        weekdays: "domingo;segunda-feira;terça-feira;quarta-feira;quinta-feira;sexta-feira;sábado",
        weekdays_short: "dom.;seg.;ter.;qua.;qui.;sex.;sáb.",
        halfdays: "AM;PM",
        eras: "a.C.;d.C.",
    },
    Symbols {
        tag: "pt-PT",
        months: "janeiro;fevereiro;março;abril;maio;junho;julho;agosto;setembro;outubro;novembro;dezembro",
        months_short: "jan.;fev.;mar.;abr.;mai.;jun.;jul.;ago.;set.;out.;nov.;dez.",
        weekdays: "domingo;segunda-feira;terça-feira;quarta-feira;quinta-feira;sexta-feira;sábado",
        weekdays_short: "domingo;segunda;terça;quarta;quinta;sexta;sábado",
        halfdays: "da manhã;da tarde",
        eras: "a.C.;d.C.",
    },
    Symbols {
        tag: "nl",
        months: "januari;februari;maart;april;mei;juni;juli;augustus;september;oktober;november;december",
        months_short: "jan.;feb.;mrt.;apr.;mei;jun.;jul.;aug.;sep.;okt.;nov.;dec.",
        weekdays: "zondag;maandag;dinsdag;woensdag;donderdag;vrijdag;zaterdag",
        weekdays_short: "zo;ma;di;wo;do;vr;za",
        halfdays: "a.m.;p.m.",
        eras: "v.Chr.;n.Chr.",
    },
    Symbols {
        tag: "sv",
        months: "januari;februari;mars;april;maj;juni;juli;augusti;september;oktober;november;december",
        months_short: "jan.;feb.;mars;apr.;maj;juni;juli;aug.;sep.;okt.;nov.;dec.",
        weekdays: "söndag;måndag;tisdag;onsdag;torsdag;fredag;lördag",
        weekdays_short: "sön;mån;tis;ons;tors;fre;lör",
        halfdays: "fm;em",
        eras: "f.Kr.;e.Kr.",
    },
    Symbols {
        tag: "da",
        months: "januar;februar;marts;april;maj;juni;juli;august;september;oktober;november;december",
        months_short: "jan.;feb.;mar.;apr.;maj;jun.;jul.;aug.;sep.;okt.;nov.;dec.",
        weekdays: "søndag;mandag;tirsdag;onsdag;torsdag;fredag;lørdag",
        weekdays_short: "søn.;man.;tir.;ons.;tor.;fre.;lør.",
        halfdays: "AM;PM",
        eras: "f.Kr.;e.Kr.",
    },
    Symbols {
        tag: "nb",
        months: "januar;februar;mars;april;mai;juni;juli;august;september;oktober;november;desember",
        months_short: "jan.;feb.;mar.;apr.;mai;jun.;jul.;aug.;sep.;okt.;nov.;des.",
        weekdays: "søndag;mandag;tirsdag;onsdag;torsdag;fredag;lørdag",
        weekdays_short: "søn.;man.;tir.;ons.;tor.;fre.;lør.",
        halfdays: "a.m.;p.m.",
        eras: "f.Kr.;e.Kr.",
    },
    Symbols {
        tag: "nn",
        months: "januar;februar;mars;april;mai;juni;juli;august;september;oktober;november;desember",
        months_short: "jan.;feb.;mars;apr.;mai;juni;juli;aug.;sep.;okt.;nov.;des.",
        weekdays: "søndag;måndag;tysdag;onsdag;torsdag;fredag;laurdag",
        weekdays_short: "sø.;må.;ty.;on.;to.;fr.;la.",
        halfdays: "formiddag;ettermiddag",
        eras: "f.Kr.;e.Kr.",
    },
    Symbols {
        tag: "fi",
        months: "tammikuuta;helmikuuta;maaliskuuta;huhtikuuta;toukokuuta;kesäkuuta;heinäkuuta;elokuuta;syyskuuta;lokakuuta;marraskuuta;joulukuuta",
        months_short: "tammik.;helmik.;maalisk.;huhtik.;toukok.;kesäk.;heinäk.;elok.;syysk.;lokak.;marrask.;jouluk.",
        weekdays: "sunnuntaina;maanantaina;tiistaina;keskiviikkona;torstaina;perjantaina;lauantaina",
        weekdays_short: "su;ma;ti;ke;to;pe;la",
        halfdays: "ap.;ip.",
        eras: "eKr.;jKr.",
    },
    Symbols {
        tag: "pl",
        months: "stycznia;lutego;marca;kwietnia;maja;czerwca;lipca;sierpnia;września;października;listopada;grudnia",
        months_short: "sty;lut;mar;kwi;maj;cze;lip;sie;wrz;paź;lis;gru",
        weekdays: "niedziela;poniedziałek;wtorek;środa;czwartek;piątek;sobota",
        weekdays_short: "niedz.;pon.;wt.;śr.;czw.;pt.;sob.",
        halfdays: "AM;PM",
        eras: "p.n.e.;n.e.",
    },
    Symbols {
        tag: "cs",
        months: "ledna;února;března;dubna;května;června;července;srpna;září;října;listopadu;prosince",
        months_short: "led;úno;bře;dub;kvě;čvn;čvc;srp;zář;říj;lis;pro",
        weekdays: "neděle;pondělí;úterý;středa;čtvrtek;pátek;sobota",
        weekdays_short: "ne;po;út;st;čt;pá;so",
        halfdays: "dop.;odp.",
        eras: "př. n. l.;n. l.",
    },
    Symbols {
        tag: "sk",
        months: "januára;februára;marca;apríla;mája;júna;júla;augusta;septembra;októbra;novembra;decembra",
        months_short: "jan;feb;mar;apr;máj;jún;júl;aug;sep;okt;nov;dec",
        weekdays: "nedeľa;pondelok;utorok;streda;štvrtok;piatok;sobota",
        weekdays_short: "ne;po;ut;st;št;pi;so",
        halfdays: "AM;PM",
        eras: "pred Kr.;po Kr.",
    },
    Symbols {
        tag: "hu",
        months: "január;február;március;április;május;június;július;augusztus;szeptember;október;november;december",
        months_short: "jan.;febr.;márc.;ápr.;máj.;jún.;júl.;aug.;szept.;okt.;nov.;dec.",
        weekdays: "vasárnap;hétfő;kedd;szerda;csütörtök;péntek;szombat",
        weekdays_short: "V;H;K;Sze;Cs;P;Szo",
        halfdays: "de.;du.",
        eras: "i. e.;i. sz.",
    },
    Symbols {
        tag: "ro",
        months: "ianuarie;februarie;martie;aprilie;mai;iunie;iulie;august;septembrie;octombrie;noiembrie;decembrie",
        months_short: "ian.;feb.;mar.;apr.;mai;iun.;iul.;aug.;sept.;oct.;nov.;dec.",
        weekdays: "duminică;luni;marți;miercuri;joi;vineri;sâmbătă",
        weekdays_short: "dum.;lun.;mar.;mie.;joi;vin.;sâm.",
        halfdays: "a.m.;p.m.",
        eras: "î.Hr.;d.Hr.",
    },
    Symbols {
        tag: "bg",
        months: "януари;февруари;март;април;май;юни;юли;август;септември;октомври;ноември;декември",
        months_short: "яну;фев;март;апр;май;юни;юли;авг;сеп;окт;ное;дек",
        weekdays: "неделя;понеделник;вторник;сряда;четвъртък;петък;събота",
        weekdays_short: "нд;пн;вт;ср;чт;пт;сб",
        halfdays: "пр.об.;сл.об.",
        eras: "пр.Хр.;сл.Хр.",
    },
    Symbols {
        tag: "ru",
        months: "января;февраля;марта;апреля;мая;июня;июля;августа;сентября;октября;ноября;декабря",
        months_short: "янв.;февр.;мар.;апр.;мая;июн.;июл.;авг.;сент.;окт.;нояб.;дек.",
        weekdays: "воскресенье;понедельник;вторник;среда;четверг;пятница;суббота",
        weekdays_short: "вс;пн;вт;ср;чт;пт;сб",
        halfdays: "AM;PM",
        eras: "до н. э.;н. э.",
    },
    Symbols {
        tag: "uk",
        months: "січня;лютого;березня;квітня;травня;червня;липня;серпня;вересня;жовтня;листопада;грудня",
        months_short: "січ.;лют.;бер.;квіт.;трав.;черв.;лип.;серп.;вер.;жовт.;лист.;груд.",
        weekdays: "неділя;понеділок;вівторок;середа;четвер;пʼятниця;субота",
        weekdays_short: "нд;пн;вт;ср;чт;пт;сб",
        halfdays: "дп;пп",
        eras: "до н. е.;н. е.",
    },
    Symbols {
        tag: "el",
        months: "Ιανουαρίου;Φεβρουαρίου;Μαρτίου;Απριλίου;Μαΐου;Ιουνίου;Ιουλίου;Αυγούστου;Σεπτεμβρίου;Οκτωβρίου;Νοεμβρίου;Δεκεμβρίου",
        months_short: "Ιαν;Φεβ;Μαρ;Απρ;Μαΐ;Ιουν;Ιουλ;Αυγ;Σεπ;Οκτ;Νοε;Δεκ",
        weekdays: "Κυριακή;Δευτέρα;Τρίτη;Τετάρτη;Πέμπτη;Παρασκευή;Σάββατο",
        weekdays_short: "Κυρ;Δευ;Τρί;Τετ;Πέμ;Παρ;Σάβ",
        halfdays: "π.μ.;μ.μ.",
        eras: "π.Χ.;μ.Χ.",
    },
    Symbols {
        tag: "tr",
        months: "Ocak;Şubat;Mart;Nisan;Mayıs;Haziran;Temmuz;Ağustos;Eylül;Ekim;Kasım;Aralık",
        months_short: "Oca;Şub;Mar;Nis;May;Haz;Tem;Ağu;Eyl;Eki;Kas;Ara",
        weekdays: "Pazar;Pazartesi;Salı;Çarşamba;Perşembe;Cuma;Cumartesi",
        weekdays_short: "Paz;Pzt;Sal;Çar;Per;Cum;Cmt",
        halfdays: "ÖÖ;ÖS",
        eras: "MÖ;MS",
    },
    Symbols {
        tag: "ja",
        months: "1月;2月;3月;4月;5月;6月;7月;8月;9月;10月;11月;12月",
        months_short: "1月;2月;3月;4月;5月;6月;7月;8月;9月;10月;11月;12月",
        weekdays: "日曜日;月曜日;火曜日;水曜日;木曜日;金曜日;土曜日",
        weekdays_short: "日;月;火;水;木;金;土",
        halfdays: "午前;午後",
        eras: "紀元前;西暦",
    },
    Symbols {
        tag: "ko",
        months: "1월;2월;3월;4월;5월;6월;7월;8월;9월;10월;11월;12월",
        months_short: "1월;2월;3월;4월;5월;6월;7월;8월;9월;10월;11월;12월",
        weekdays: "일요일;월요일;화요일;수요일;목요일;금요일;토요일",
        weekdays_short: "일;월;화;수;목;금;토",
        halfdays: "오전;오후",
        eras: "BC;AD",
    },
    Symbols {
        tag: "zh",
        months: "一月;二月;三月;四月;五月;六月;七月;八月;九月;十月;十一月;十二月",
        months_short: "1月;2月;3月;4月;5月;6月;7月;8月;9月;10月;11月;12月",
        weekdays: "星期日;星期一;星期二;星期三;星期四;星期五;星期六",
        weekdays_short: "周日;周一;周二;周三;周四;周五;周六",
        halfdays: "上午;下午",
        eras: "公元前;公元",
    },
    Symbols {
        tag: "zh-TW",
        months: "1月;2月;3月;4月;5月;6月;7月;8月;9月;10月;11月;12月",
        months_short: "1月;2月;3月;4月;5月;6月;7月;8月;9月;10月;11月;12月",
        weekdays: "星期日;星期一;星期二;星期三;星期四;星期五;星期六",
        weekdays_short: "週日;週一;週二;週三;週四;週五;週六",
        halfdays: "上午;下午",
        eras: "西元前;西元",
    },
    Symbols {
        tag: "he",
        months: "ינואר;פברואר;מרץ;אפריל;מאי;יוני;יולי;אוגוסט;ספטמבר;אוקטובר;נובמבר;דצמבר",
        months_short: "ינו׳;פבר׳;מרץ;אפר׳;מאי;יוני;יולי;אוג׳;ספט׳;אוק׳;נוב׳;דצמ׳",
        weekdays: "יום ראשון;יום שני;יום שלישי;יום רביעי;יום חמישי;יום שישי;יום שבת",
        weekdays_short: "יום א׳;יום ב׳;יום ג׳;יום ד׳;יום ה׳;יום ו׳;שבת",
        halfdays: "לפנה״צ;אחה״צ",
        eras: "לפנה״ס;לספירה",
    },
    Symbols {
        tag: "hr",
        months: "siječnja;veljače;ožujka;travnja;svibnja;lipnja;srpnja;kolovoza;rujna;listopada;studenoga;prosinca",
        months_short: "sij;velj;ožu;tra;svi;lip;srp;kol;ruj;lis;stu;pro",
        weekdays: "nedjelja;ponedjeljak;utorak;srijeda;četvrtak;petak;subota",
        weekdays_short: "ned;pon;uto;sri;čet;pet;sub",
        halfdays: "AM;PM",
        eras: "pr. Kr.;po. Kr.",
    },
    Symbols {
        tag: "sl",
        months: "januar;februar;marec;april;maj;junij;julij;avgust;september;oktober;november;december",
        months_short: "jan.;feb.;mar.;apr.;maj;jun.;jul.;avg.;sep.;okt.;nov.;dec.",
        weekdays: "nedelja;ponedeljek;torek;sreda;četrtek;petek;sobota",
        weekdays_short: "ned.;pon.;tor.;sre.;čet.;pet.;sob.",
        halfdays: "dop.;pop.",
        eras: "pr. Kr.;po Kr.",
    },
    Symbols {
        tag: "et",
        months: "jaanuar;veebruar;märts;aprill;mai;juuni;juuli;august;september;oktoober;november;detsember",
        months_short: "jaan;veebr;märts;apr;mai;juuni;juuli;aug;sept;okt;nov;dets",
        weekdays: "pühapäev;esmaspäev;teisipäev;kolmapäev;neljapäev;reede;laupäev",
        weekdays_short: "P;E;T;K;N;R;L",
        halfdays: "AM;PM",
        eras: "eKr;pKr",
    },
    Symbols {
        tag: "lv",
        months: "janvāris;februāris;marts;aprīlis;maijs;jūnijs;jūlijs;augusts;septembris;oktobris;novembris;decembris",
        months_short: "janv.;febr.;marts;apr.;maijs;jūn.;jūl.;aug.;sept.;okt.;nov.;dec.",
        weekdays: "svētdiena;pirmdiena;otrdiena;trešdiena;ceturtdiena;piektdiena;sestdiena",
        weekdays_short: "svētd.;pirmd.;otrd.;trešd.;ceturtd.;piektd.;sestd.",
        halfdays: "priekšpusdienā;pēcpusdienā",
        eras: "p.m.ē.;m.ē.",
    },
    Symbols {
        tag: "lt",
        months: "sausio;vasario;kovo;balandžio;gegužės;birželio;liepos;rugpjūčio;rugsėjo;spalio;lapkričio;gruodžio",
        months_short: "saus.;vas.;kov.;bal.;geg.;birž.;liep.;rugp.;rugs.;spal.;lapkr.;gruod.",
        weekdays: "sekmadienis;pirmadienis;antradienis;trečiadienis;ketvirtadienis;penktadienis;šeštadienis",
        weekdays_short: "sk;pr;an;tr;kt;pn;št",
        halfdays: "priešpiet;popiet",
        eras: "pr. Kr.;po Kr.",
    },
    Symbols {
        tag: "vi",
        months: "tháng 1;tháng 2;tháng 3;tháng 4;tháng 5;tháng 6;tháng 7;tháng 8;tháng 9;tháng 10;tháng 11;tháng 12",
        months_short: "thg 1;thg 2;thg 3;thg 4;thg 5;thg 6;thg 7;thg 8;thg 9;thg 10;thg 11;thg 12",
        weekdays: "Chủ Nhật;Thứ Hai;Thứ Ba;Thứ Tư;Thứ Năm;Thứ Sáu;Thứ Bảy",
        weekdays_short: "CN;Th 2;Th 3;Th 4;Th 5;Th 6;Th 7",
        halfdays: "SA;CH",
        eras: "Trước CN;Sau CN",
    },
    Symbols {
        tag: "id",
        months: "Januari;Februari;Maret;April;Mei;Juni;Juli;Agustus;September;Oktober;November;Desember",
        months_short: "Jan;Feb;Mar;Apr;Mei;Jun;Jul;Agu;Sep;Okt;Nov;Des",
        weekdays: "Minggu;Senin;Selasa;Rabu;Kamis;Jumat;Sabtu",
        weekdays_short: "Min;Sen;Sel;Rab;Kam;Jum;Sab",
        halfdays: "AM;PM",
        eras: "SM;M",
    },
    Symbols {
        tag: "th",
        months: "มกราคม;กุมภาพันธ์;มีนาคม;เมษายน;พฤษภาคม;มิถุนายน;กรกฎาคม;สิงหาคม;กันยายน;ตุลาคม;พฤศจิกายน;ธันวาคม",
        months_short: "ม.ค.;ก.พ.;มี.ค.;เม.ย.;พ.ค.;มิ.ย.;ก.ค.;ส.ค.;ก.ย.;ต.ค.;พ.ย.;ธ.ค.",
        weekdays: "วันอาทิตย์;วันจันทร์;วันอังคาร;วันพุธ;วันพฤหัสบดี;วันศุกร์;วันเสาร์",
        weekdays_short: "อา.;จ.;อ.;พ.;พฤ.;ศ.;ส.",
        halfdays: "ก่อนเที่ยง;หลังเที่ยง",
        eras: "ก่อน ค.ศ.;ค.ศ.",
    },
    Symbols {
        tag: "ca",
        months: "de gener;de febrer;de març;d’abril;de maig;de juny;de juliol;d’agost;de setembre;d’octubre;de novembre;de desembre",
        months_short: "de gen.;de febr.;de març;d’abr.;de maig;de juny;de jul.;d’ag.;de set.;d’oct.;de nov.;de des.",
        weekdays: "diumenge;dilluns;dimarts;dimecres;dijous;divendres;dissabte",
        weekdays_short: "dg.;dl.;dt.;dc.;dj.;dv.;ds.",
        halfdays: "a. m.;p. m.",
        eras: "aC;dC",
    },
    Symbols {
        tag: "sr",
        months: "јануар;фебруар;март;април;мај;јун;јул;август;септембар;октобар;новембар;децембар",
        months_short: "јан;феб;мар;апр;мај;јун;јул;авг;сеп;окт;нов;дец",
        weekdays: "недеља;понедељак;уторак;среда;четвртак;петак;субота",
        weekdays_short: "нед;пон;уто;сре;чет;пет;суб",
        halfdays: "пре подне;по подне",
        eras: "п. н. е.;н. е.",
    },
];

/// Languages that Java has names for and `SYMBOLS` has not.
pub(super) static KNOWN_ELSEWHERE: &str = "\
    af agq ak am ar as asa ast az bas be bem bez bm bn bo br brx bs ccp ce ceb cgg chr ckb cy dav dje doi dsb dua \
    dyo dz ebu ee eo eu ewo fa ff fil fo fur fy ga gd gl gsw gu guz gv ha haw hi hsb hy ia ig ii is jgo jmc jv ka \
    kab kam kde kea khq ki kk kkj kl kln km kn kok ks ksb ksf ksh ku kw ky lag lb lg lkt ln lo lrc lu luo luy mai \
    mas mer mfe mg mgh mgo mi mk ml mn mni mr ms mt mua my mzn naq nd nds ne nmg nnh nus nyn om or os pa pcm ps qu \
    rm rn rof rw rwk sa sah saq sat sbp sd se seh ses sg shi si smn sn so sq su sw ta te teo tg ti tk to tt twq \
    tzm ug ur uz vai vun wae wo xh xog yav yi yo yue zgh zu \
    ";

/// Regions whose names differ from their language's and are not in `SYMBOLS`.
static REGIONS_ELSEWHERE: &str =
    "en-IE es-VE es-PY es-UY es-PE fr-MA fr-CM ro-MD zh-HK zh-MO zh-SG sr-BA sr-CS sr-Latn";

/// Regions that share another region's names.
static REGION_GROUPS: [(&str, &str); 3] = [
    ("de-IT", "de-AT"),
    (
        "es-BO es-US es-DO es-HN es-EC es-BZ es-SV es-419 es-BR es-CO es-GT es-CL es-PA es-PR es-AR es-CU es-CR es-NI",
        "es-MX",
    ),
    ("pt-MO pt-MZ pt-GQ pt-CH pt-ST pt-LU pt-TL pt-GW pt-CV pt-AO", "pt-PT"),
];

/// The names of one locale, ready for reading: every spelling Joda takes, the longest first.
#[derive(Clone, Debug)]
pub struct Locale {
    pub(super) months: Vec<(String, u8)>,
    /// Monday 1 to Sunday 7.
    pub(super) weekdays: Vec<(String, u8)>,
    pub(super) halfdays: Vec<(String, u8)>,
    pub(super) eras: Vec<(String, u8)>,
    /// English names, where the fast scanners work.
    pub(super) english: bool,
}

impl Locale {
    /// US English, as `locale` unset.
    pub fn english() -> Locale {
        Locale::for_tag("en").expect("English is in the table")
    }

    /// A BCP 47 tag such as `en`, `de-AT`, `zh-Hans-CN`; `_` counts as `-`. A tag that names no language Java knows
    /// gets the root names (English abbreviations).
    ///
    /// # Errors
    /// A language or region that Java has names for and logdrive has not yet; the text says so.
    pub fn for_tag(tag: &str) -> Result<Locale, String> {
        let tag = tag.replace('_', "-");
        let mut subtags = tag.split('-');
        let language = match subtags.next().unwrap_or_default().to_ascii_lowercase().as_str() {
            "no" => "nb".to_string(),
            "iw" => "he".to_string(),
            "in" => "id".to_string(),
            other => other.to_string(),
        };
        let mut region = String::new();
        for subtag in subtags {
            match subtag.len() {
                4 if subtag.eq_ignore_ascii_case("Hant") && language == "zh" => region = "TW".into(),
                4 if subtag.eq_ignore_ascii_case("Latn") && language == "sr" => region = "Latn".into(),
                2 | 3 if region.is_empty() => region = subtag.to_ascii_uppercase(),
                _ => {}
            }
        }
        let full = format!("{language}-{region}");
        let listed = |list: &str| list.split_ascii_whitespace().any(|t| t == full);
        if listed(REGIONS_ELSEWHERE) || KNOWN_ELSEWHERE.split_ascii_whitespace().any(|t| t == language) {
            return Err(format!("the names of months and days for locale `{tag}` are not in logdrive yet"));
        }
        let full = REGION_GROUPS.iter().find(|(members, _)| listed(members)).map_or(full.as_str(), |(_, to)| to);
        let row = |tag: &str| SYMBOLS.iter().find(|s| s.tag == tag);
        let symbols = row(full).or_else(|| row(&language)).or_else(|| row("")).expect("the root row is there");
        Ok(Locale::from_symbols(symbols))
    }

    fn from_symbols(s: &Symbols) -> Locale {
        let turkish = s.tag == "tr";
        let mut eras = spellings(&[s.eras], |i| i as u8, turkish);
        if s.tag.starts_with("en") {
            for (text, value) in [("BCE", 0), ("bce", 0), ("CE", 1), ("ce", 1)] {
                eras.push((text.to_string(), value));
            }
            eras.sort_by_key(|(text, _)| std::cmp::Reverse(text.len()));
        }
        Locale {
            months: spellings(&[s.months, s.months_short], |i| i as u8 + 1, turkish),
            weekdays: spellings(&[s.weekdays, s.weekdays_short], |i| if i == 0 { 7 } else { i as u8 }, turkish),
            halfdays: spellings(&[s.halfdays], |i| i as u8, turkish),
            eras,
            english: s.tag == "en",
        }
    }
}

/// Each name as it is, in small and in capital letters.
fn spellings(lists: &[&str], value: impl Fn(usize) -> u8, turkish: bool) -> Vec<(String, u8)> {
    let mut all: Vec<(String, u8)> = Vec::new();
    for list in lists {
        for (i, name) in list.split(';').enumerate() {
            let (lower, upper) = if turkish {
                (name.replace('I', "ı").replace('İ', "i").to_lowercase(), name.replace('i', "İ").to_uppercase())
            } else {
                (name.to_lowercase(), name.to_uppercase())
            };
            for text in [name.to_string(), lower, upper] {
                if !all.iter().any(|(known, _)| *known == text) {
                    all.push((text, value(i)));
                }
            }
        }
    }
    all.sort_by_key(|(text, _)| std::cmp::Reverse(text.len()));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_whole() {
        for s in &SYMBOLS {
            for (list, count) in [
                (s.months, 12),
                (s.months_short, 12),
                (s.weekdays, 7),
                (s.weekdays_short, 7),
                (s.halfdays, 2),
                (s.eras, 2),
            ] {
                let names: Vec<&str> = list.split(';').collect();
                assert_eq!(names.len(), count, "{} {list}", s.tag);
                assert!(names.iter().all(|n| !n.is_empty()), "{} {list}", s.tag);
            }
        }
    }

    #[test]
    fn tags_find_their_names() {
        for (tag, march) in [
            ("en", Some("March")),
            ("en-US", Some("March")),
            ("EN", Some("March")),
            ("de-DE", Some("März")),
            ("de-AT", Some("Jänner")),
            ("de-IT", Some("Jänner")),
            ("fr_FR", Some("mars")),
            ("zh-CN", Some("三月")),
            ("zh-Hant", Some("3月")),
            ("zh-Hant-TW", Some("3月")),
            ("es-AR", Some("mar.")),
            ("no", Some("mars")),
            ("tr", Some("MART")),
            ("xx-YY", Some("Mar")),
            ("", Some("Mar")),
            ("sw", None),
            ("zh-HK", None),
            ("sr-Latn", None),
        ] {
            let found = Locale::for_tag(tag);
            assert_eq!(found.is_ok(), march.is_some(), "{tag}");
            if let (Ok(locale), Some(name)) = (found, march) {
                assert!(locale.months.iter().any(|(n, _)| n == name), "{tag} {name}");
            }
        }
        assert!(!Locale::for_tag("xx-YY").unwrap().months.iter().any(|(n, _)| n == "March"));
        let turkish = Locale::for_tag("tr").unwrap();
        assert!(turkish.months.iter().any(|(n, v)| n == "KASIM" && *v == 11));
        assert!(turkish.weekdays.iter().any(|(n, v)| n == "SALI" && *v == 2));
    }
}
