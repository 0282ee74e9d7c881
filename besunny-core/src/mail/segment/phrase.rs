//! The phrases by which mail programs introduce history and sign, in common languages.

/// Longer lines are prose, whatever they begin with.
const PHRASE_BYTES: usize = 200;

/// Labels of header fields are shorter in every language listed here.
const LABEL_BYTES: usize = 36;

const HISTORY: &[&str] = &[
    "original message",
    "original appointment",
    "forwarded message",
    "forwarded by",
    "begin forwarded",
    "weitergeleitete nachricht",
    "ursprüngliche nachricht",
    "originalnachricht",
    "message d'origine",
    "message original",
    "message transféré",
    "mensaje original",
    "mensaje reenviado",
    "mensagem original",
    "mensagem encaminhada",
    "messaggio originale",
    "messaggio inoltrato",
    "oorspronkelijk bericht",
    "doorgestuurd bericht",
    "ursprungligt meddelande",
    "originalmeddelande",
    "vidarebefordrat meddelande",
    "opprinnelig melding",
    "oprindelig meddelelse",
    "alkuperäinen viesti",
    "wiadomość oryginalna",
    "wiadomość przekazana",
    "původní zpráva",
    "eredeti üzenet",
    "orijinal mesaj",
    "исходное сообщение",
    "пересылаемое сообщение",
    "пересланное сообщение",
    "原始邮件",
    "原始郵件",
    "转发邮件",
    "转发的邮件",
    "元のメッセージ",
    "転送メッセージ",
    "원본 메시지",
    "전달된 메시지",
];

const BEGIN_FORWARD: &[&str] = &[
    "begin forwarded message:",
    "anfang der weitergeleiteten nachricht:",
    "début du message réexpédié :",
    "début du message transféré :",
    "inicio del mensaje reenviado:",
    "inizio messaggio inoltrato:",
    "begin doorgestuurd bericht:",
    "início da mensagem encaminhada:",
];

const FROM: &[&str] = &[
    "from",
    "von",
    "de",
    "da",
    "van",
    "från",
    "fra",
    "od",
    "lähettäjä",
    "от",
    "кому от",
    "kimden",
    "feladó",
    "发件人",
    "寄件者",
    "差出人",
    "보낸 사람",
];

const DATE: &[&str] = &[
    "sent",
    "date",
    "gesendet",
    "datum",
    "envoyé",
    "date d'envoi",
    "enviado",
    "enviado el",
    "fecha",
    "enviada em",
    "data",
    "inviato",
    "verzonden",
    "skickat",
    "sendt",
    "dato",
    "lähetetty",
    "wysłano",
    "odesláno",
    "дата",
    "отправлено",
    "gönderme tarihi",
    "küldve",
    "发送时间",
    "发送日期",
    "寄件日期",
    "送信日時",
    "日付",
    "보낸 날짜",
    "날짜",
];

const TO: &[&str] = &[
    "to",
    "an",
    "à",
    "para",
    "a",
    "aan",
    "till",
    "til",
    "do",
    "komu",
    "vastaanottaja",
    "кому",
    "kime",
    "címzett",
    "收件人",
    "收件者",
    "宛先",
    "받는 사람",
];

const COPY: &[&str] = &[
    "cc",
    "kopie",
    "copie",
    "copia",
    "kopia",
    "kopi",
    "kopio",
    "cópia",
    "копия",
    "抄送",
    "副本",
    "참조",
];

const SUBJECT: &[&str] = &[
    "subject",
    "betreff",
    "objet",
    "asunto",
    "assunto",
    "oggetto",
    "onderwerp",
    "ämne",
    "emne",
    "aihe",
    "temat",
    "předmět",
    "тема",
    "konu",
    "tárgy",
    "主题",
    "主旨",
    "件名",
    "제목",
];

const WROTE: &[&str] = &[
    "wrote",
    "writes",
    "schrieb",
    "a écrit",
    "écrivait",
    "escribió",
    "ha scritto",
    "scrisse",
    "escreveu",
    "schreef",
    "skrev",
    "napisał",
    "napsal",
    "kirjoitti",
    "написал",
    "пишет",
    "писал",
    "yazdı",
    "írta",
    "a scris",
    "έγραψε",
    "写道",
    "寫道",
    "のメール",
    "書きました",
    "작성",
];

const ATTRIBUTION_STARTS: &[&str] = &[
    "on ",
    "am ",
    "le ",
    "el ",
    "il ",
    "em ",
    "op ",
    "den ",
    "på ",
    "w dniu ",
    "dnia ",
    "dne ",
    "în ",
    "στις ",
    "в ",
    "在",
    "於",
    "mon",
    "tue",
    "wed",
    "thu",
    "fri",
    "sat",
    "sun",
    "at ",
    "\"",
    "quoting ",
    "ma ",
    "ti ",
    "ke ",
    "to ",
    "pe ",
    "la ",
    "su ",
];

const MOBILE: &[&str] = &[
    "sent from my ",
    "sent from mobile",
    "sent from outlook",
    "sent from yahoo",
    "sent from mail for windows",
    "sent from samsung",
    "sent via ",
    "sent using ",
    "get outlook for ",
    "von meinem ",
    "gesendet von ",
    "von unterwegs gesendet",
    "outlook für ",
    "envoyé de mon ",
    "envoyé depuis ",
    "télécharger outlook",
    "obtenir outlook",
    "enviado desde mi ",
    "enviado do meu ",
    "obtener outlook",
    "obter o outlook",
    "inviato da ",
    "inviato dal mio ",
    "verzonden vanaf ",
    "verstuurd vanaf ",
    "skickat från min ",
    "sendt fra min ",
    "lähetetty ",
    "wysłane z ",
    "отправлено с ",
    "iphone から送信",
    "iphoneから送信",
    "发自我的",
    "從我的",
    "나의 iphone에서 보냄",
];

/// Tells whether the line divides a mail from the one it answers or forwards.
pub(super) fn is_history_rule(line: &str) -> bool {
    if line.len() > PHRASE_BYTES {
        return false;
    }
    let bare = line.trim_start_matches(['*', ' ']);
    let ruled = bare.starts_with("--");
    if !ruled && !line.ends_with(':') {
        return false;
    }
    let words = bare.trim_matches(['-', ' ', '*', '_', '=']).to_lowercase();
    if ruled {
        HISTORY.iter().any(|phrase| words.starts_with(phrase))
    } else {
        BEGIN_FORWARD.contains(&words.as_str())
    }
}

pub(super) fn is_from(line: &str) -> bool {
    has_label(line, FROM)
}

pub(super) fn is_date(line: &str) -> bool {
    has_label(line, DATE)
}

pub(super) fn is_to(line: &str) -> bool {
    has_label(line, TO)
}

pub(super) fn is_copy(line: &str) -> bool {
    has_label(line, COPY)
}

pub(super) fn is_subject(line: &str) -> bool {
    has_label(line, SUBJECT)
}

/// Recognises `Label: value`, also in bold as `*Label:* value`.
fn has_label(line: &str, labels: &[&str]) -> bool {
    let line = line.trim_start_matches(['*', ' ', '|', '\t']);
    let start = &line[..line.floor_char_boundary(LABEL_BYTES.min(line.len()))];
    let Some((label, _)) = start.split_once([':', '：']) else { return false };
    let label = label.trim_end_matches(['*', ' ', '\u{a0}', '\t']);
    labels.contains(&label.to_lowercase().as_str())
}

/// Tells whether the line may end an attribution.
///
/// It has a verb of writing or an address, and ends with a colon.
pub(super) fn ends_attribution(line: &str) -> bool {
    if line.len() > PHRASE_BYTES || !line.ends_with([':', '：']) {
        return false;
    }
    let lower = line.to_lowercase();
    WROTE.iter().any(|verb| lower.contains(verb)) || lower.ends_with(">:")
}

pub(super) fn starts_attribution(line: &str) -> bool {
    let lower: String = line.trim_start().chars().take(12).flat_map(char::to_lowercase).collect();
    lower.starts_with(|c: char| c.is_ascii_digit())
        || ATTRIBUTION_STARTS.iter().any(|start| lower.starts_with(start))
}

/// Tells whether an attribution is one of a mail.
///
/// It says when, or who by address.
pub(super) fn names_time_or_address(text: &str) -> bool {
    text.contains('@') || text.bytes().filter(u8::is_ascii_digit).count() >= 3
}

/// Tells whether the line dates a Lotus Notes header: `02/14/2000 12:50 PM`.
///
/// The name may stand before it: `Ann Lee on 02/14/2000 12:50 PM`.
pub(super) fn is_notes_date(line: &str) -> bool {
    let digits = line.bytes().filter(u8::is_ascii_digit).count();
    let bare = line.len() <= LABEL_BYTES;
    let named = line.len() <= PHRASE_BYTES && (line.ends_with("AM") || line.ends_with("PM"));
    (bare || named) && digits >= 6 && line.contains(':')
}

pub(super) fn is_mobile_signature(line: &str) -> bool {
    if line.len() > PHRASE_BYTES / 2 {
        return false;
    }
    let lower = line.trim_start_matches(['-', ' ', '*', '_']).to_lowercase();
    MOBILE.iter().any(|phrase| lower.starts_with(phrase))
}
