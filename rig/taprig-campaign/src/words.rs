//! Everything that a campaign says, in both languages, in one table. A sentence without one of the languages does not compile.

use jiff::civil::Date;

use crate::text::Language;

macro_rules! messages {
    ($($name:ident: $en:literal, $zh:literal;)+) => {
        /// A sentence or a word. Values stand in braces.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Message {
            $($name,)+
        }

        impl Message {
            /// All of them.
            #[cfg(test)]
            const ALL: &[Self] = &[$(Self::$name,)+];

            /// The text, with the names of its values in braces.
            const fn text(self, language: Language) -> &'static str {
                match (self, language) {
                    $((Self::$name, Language::En) => $en, (Self::$name, Language::Zh) => $zh,)+
                }
            }
        }
    };
}

messages! {
    // Words of tables.
    County: "County", "区县";
    Opens: "Opens", "开通日期";
    Buses: "Buses accepted", "已验收车辆";
    CountiesInService: "Counties in service", "已开通区县";
    Service: "Service", "运营状态";
    Live: "in service", "已开通";
    Ready: "ready", "可以开通";
    Preparing: "in preparation", "准备中";
    Ahead: "in service too early", "提前开通";
    Open: "open", "已通过";
    Closed: "closed", "未通过";
    Waiting: "waits", "等待";
    OpenSince: "open since {day}", "{day}通过";
    Of: "{n} of {all}", "{n}/{all}";
    Since: "since {day}", "自{day}起";
    Overdue: "overdue", "逾期";
    Done: "done", "已完成";
    Waived: "waived", "已豁免";
    Pending: "open", "未完成";
    Holds: "holds", "有效";
    HoldsNot: "does not hold", "无效";
    More: "{names} and {n} more", "{names} 等 {n} 辆";
    ListSeparator: ", ", "、";
    Comma: "{one}, {other}", "{one}，{other}";
    Because: "{why} ({turn})", "{why}（{turn}）";
    About: "{of}: {what}", "{of}：{what}";
    Task: "Task", "任务";
    Defect: "Defect", "缺陷";
    Bus: "Bus", "车辆";
    Line: "Line", "线路";
    Turn: "Whose turn", "责任方";
    Deadline: "Deadline", "期限";
    State: "State", "状态";
    Waiver: "Waiver", "豁免";
    For: "For", "对象";
    Reason: "Reason", "理由";
    Approver: "Approved by", "批准方";
    Expires: "Last day", "有效期至";
    Accepted: "accepted", "已验收";
    Lacking: "something is missing", "尚缺记录";
    Wrong: "something is wrong", "有问题";
    AllCounties: "all counties", "全部区县";

    // Sentences of a status.
    StatusOf: "Status of {day}", "截至{day}";
    AcceptedBuses: "{n} of {all} buses are accepted.", "共 {all} 辆车，已验收 {n} 辆。";
    LiveCounties: "{n} of {all} counties are in service.", "共 {all} 个区县，已开通 {n} 个。";
    NextDeadline: "Next deadline: {day}, {what}.", "下一个期限：{day}，{what}。";
    NextTile: "Next deadline: {what}", "下一个期限：{what}";
    NoDeadline: "No deadline lies ahead.", "之后没有待办期限。";
    NothingMissing: "Nothing keeps a gate closed.", "所有关口均已通过。";
    CommonGate: "For all counties: {gate} is {state}.", "全部区县共用：{gate}{state}。";
    Strays: "These folders belong to no gate or bus of the campaign: {names}.", "以下文件夹不属于本次验收的任何关口或车辆：{names}。";
    SampleWords: "{gate}, {county}: {size} of {lot} buses take the {suite}. This finds {bad} bad buses of {lot} in {finds} of 100 campaigns.",
        "{gate}，{county}：从 {lot} 辆车中抽取 {size} 辆，做“{suite}”。若其中有 {bad} 辆不合格，100 次验收中有 {finds} 次能够发现。";
    SampleWordsOne: "{gate}, {county}: {size} of {lot} buses take the {suite}. This finds one bad bus of {lot} in {finds} of 100 campaigns.",
        "{gate}，{county}：从 {lot} 辆车中抽取 {size} 辆，做“{suite}”。若其中有 1 辆不合格，100 次验收中有 {finds} 次能够发现。";
    SampleAll: "{gate}, {county}: all {lot} buses take the {suite}.", "{gate}，{county}：{lot} 辆车全部做“{suite}”。";
    SampleFound: "{gate}, {county}: {bus} of the sample was bad, so all {lot} buses take the {suite}.",
        "{gate}，{county}：抽样车辆 {bus} 不合格，因此 {lot} 辆车全部做“{suite}”。";

    // Why a gate is closed. Each is a sentence without its full stop, after the bus.
    Earlier: "the gate \"{gate}\" is closed", "上一道关口“{gate}”尚未通过";
    NoRecord: "there is no record of the {suite}", "缺少“{suite}”的测试记录";
    Unsealed: "the record {folder} is not sealed", "记录 {folder} 尚未封存";
    Broken: "the seal of the record {folder} does not hold: {why}", "记录 {folder} 的封存校验不通过：{why}";
    Unreadable: "the record {folder} can't be read: {why}", "记录 {folder} 无法读取：{why}";
    NoSerial: "the record {folder} does not say of which device it is", "记录 {folder} 没有设备序列号";
    OtherDevice: "the record {folder} is of the device {found} and not of {wanted}", "记录 {folder} 属于设备 {found}，不属于 {wanted}";
    NotListed: "the campaign does not say which device is in this bus", "验收文件中没有这辆车的设备序列号";
    ListedTwice: "the campaign lists this bus more than once, in the lines {lines}", "这辆车在验收文件中重复列出（第 {lines} 行）";
    SharedSerial: "the device {serial} is listed for {other} as well", "设备 {serial} 同时登记在 {other} 名下";
    NoFirmware: "the record {folder} does not say which firmware ran", "记录 {folder} 没有固件摘要";
    Firmware: "the firmware {digest} in the record {folder} is not approved", "记录 {folder} 中的固件 {digest} 未经批准";
    OtherSigner: "{found} sealed the record {folder}, and {wanted} has to", "记录 {folder} 由 {found} 封存，应由 {wanted} 封存";
    OtherSuite: "the record {folder} was made with the cases and fixtures {found}, and the suite is {wanted}", "记录 {folder} 所用的用例和夹具为 {found}，要求的测试集为 {wanted}";
    NoSuite: "the record {folder} does not say with which cases and fixtures it was made, and the suite is {wanted}", "记录 {folder} 未说明所用的用例和夹具，要求的测试集为 {wanted}";
    Later: "the record {folder} is of {day}, which is later than this status", "记录 {folder} 的日期 {day} 晚于本状态的日期";
    Unfinished: "the run of the record {folder} did not reach its end", "记录 {folder} 的测试没有做完";
    Incomplete: "{missing} of the {of} cases are missing in the record {folder}, the first is {first}", "记录 {folder} 缺少 {of} 个用例中的 {missing} 个，第一个是 {first}";
    NotPassed: "{first} did not pass in the record {folder}", "记录 {folder} 中的用例 {first} 未通过";
    NotPassedMore: "{count} cases did not pass in the record {folder}, the first is {first}", "记录 {folder} 中有 {count} 个用例未通过，第一个是 {first}";
    WaiverExpired: "the waiver {waiver} for {of} expired on {day}", "对 {of} 的豁免 {waiver} 已于{day}到期";
    WaiverLater: "the waiver {waiver} for {of} holds from {day} on", "对 {of} 的豁免 {waiver} 自{day}起才生效";
    TaskOpen: "this task is not done: {what}; it is due on {day}", "任务未完成：{what}（期限{day}）";
    TaskOverdue: "this task is overdue: {what}; it was due on {day}", "任务逾期：{what}（期限{day}）";
    TaskAfter: "the task \"{what}\", due on {day}, waits for this one: {after}", "任务“{what}”（期限{day}）须先完成：{after}";
    TaskAfterOverdue: "the task \"{what}\", which was due on {day}, waits for this one: {after}", "任务“{what}”（期限{day}，已逾期）须先完成：{after}";
    ItemOpen: "this defect is not repaired: {what}; it is due on {day}", "缺陷未修复：{what}（期限{day}）";
    ItemOverdue: "the repair of this defect is overdue: {what}; it was due on {day}", "缺陷逾期未修复：{what}（期限{day}）";
    NoDocument: "the document {file} for \"{what}\" can't be read: {why}", "“{what}”的文件 {file} 无法读取：{why}";
    OtherDocument: "the document {file} for \"{what}\" does not have the digest that the campaign names", "“{what}”的文件 {file} 与验收文件中登记的摘要不一致";
    AheadOfGate: "the county has been in service since {day} although this gate is closed", "本关口未通过，但该区县已于{day}开通";

    // Headings.
    ByTurn: "Whose turn it is", "当前责任方";
    CountiesByGates: "Counties and gates", "各区县验收进度";
    OverdueHeading: "Overdue", "逾期事项";
    NothingOverdue: "Nothing is overdue.", "没有逾期事项。";
    Tasks: "Tasks", "任务";
    PunchList: "Punch list", "缺陷清单";
    Waivers: "Waivers", "豁免";
    Samples: "Samples", "抽样";
    BusByBus: "Bus by bus", "逐车状态";
    Legend: "Each square is a bus: ✓ accepted, · something is missing, ! something is wrong.", "每个方格代表一辆车：✓ 已验收，· 尚缺记录，! 有问题。";
    HowDerived: "Nothing on this page was typed in. A gate is open if its records exist, are sealed, complete and passing, on approved firmware and of the very device. Made by taprig from {file} and the sealed records.",
        "本页所有状态均由封存的测试记录推导得出，无人手工填写。记录齐全、已封存、全部通过、固件已批准且属于本车设备时，关口才算通过。由 taprig 根据 {file} 和封存记录生成。";

    // The week's briefing.
    BriefTitle: "Briefing for the week from {from} to {to}", "周报：{from}至{to}";
    InShort: "In short", "概况";
    OpenedThisWeek: "Opened this week", "本周通过的关口";
    NothingOpened: "No gate opened this week.", "本周没有新通过的关口。";
    OpenedGate: "{county}: {gate}, on {day}", "{county}：{gate}，{day}";
    NextWeek: "Due in the next seven days", "未来七天到期";
    NothingDue: "Nothing is due in the next seven days.", "未来七天没有到期事项。";
    DueLine: "{day}: {what} ({party})", "{day}：{what}（{party}）";
    CountyOpens: "{county} is to open", "{county}计划开通";
    OverdueLine: "{what} ({party}), due on {day}", "{what}（{party}），期限{day}";
    WaiversEnding: "Waivers that end within two weeks", "两周内到期的豁免";
    NoWaiverEnds: "No waiver ends within two weeks.", "两周内没有到期的豁免。";
    WaiverLine: "{waiver} for {of}: {reason}; last day {day}", "{waiver}（{of}）：{reason}；有效期至{day}";

    // The slip of a bus.
    SlipTitle: "Acceptance slip of the bus {bus}", "车辆验收单：{bus}";
    SlipAccepted: "This bus is accepted.", "该车已通过验收。";
    SlipNotAccepted: "This bus is not accepted.", "该车尚未通过验收。";
    Serial: "Serial number of the validator", "车载机序列号";
    Unknown: "not known", "未登记";
    Campaign: "Campaign", "验收项目";
    Day: "Day", "日期";
    FirmwareDigest: "Firmware (SHA-256)", "固件摘要（SHA-256）";
    FirmwareVersion: "Firmware version", "固件版本";
    Cases: "Cases that passed", "通过用例";
    Record: "Record", "记录";
    RecordDigest: "Digest of the record (SHA-256 of SHA256SUMS)", "记录摘要（SHA256SUMS 的 SHA-256）";
    SealedBy: "Sealed by", "封存人";
    WaiversUsed: "Waivers used", "使用的豁免";
    VerifyWith: "To verify this record:", "校验命令：";
    VerifyWithout: "To verify it without taprig, in the folder of the record:", "不使用 taprig 校验（在记录文件夹中执行）：";
    Missing: "What is missing:", "尚缺：";
    Signed: "Handed over by: ____________________    Taken over by: ____________________    Date: ____________",
        "移交人：____________________    接收人：____________________    日期：____________";
}

/// A message with its values. A value that the message does not have is ignored.
pub(crate) fn say(language: Language, message: Message, values: &[(&str, &str)]) -> String {
    let text = message.text(language);
    let mut said = String::with_capacity(text.len() + 32);
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        said.push_str(before);
        let (name, after) = after.split_once('}').unwrap_or((after, ""));
        // A value is put in as it is, whatever it contains.
        said.push_str(values.iter().find(|(known, _)| *known == name).map_or("?", |(_, value)| value));
        rest = after;
    }
    said.push_str(rest);
    said
}

/// A message without values.
pub(crate) fn word(language: Language, message: Message) -> &'static str {
    message.text(language)
}

/// A day as a person writes it.
pub(crate) fn day(language: Language, day: Date) -> String {
    const MONTHS: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    let month = usize::try_from(day.month()).unwrap_or(1);
    match language {
        Language::En => format!("{} {} {}", day.day(), MONTHS[(month - 1) % 12], day.year()),
        Language::Zh => format!("{}年{month}月{}日", day.year(), day.day()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn values(text: &str) -> BTreeSet<&str> {
        text.split('{').skip(1).map(|rest| rest.split('}').next().unwrap()).collect()
    }

    #[test]
    fn no_sentence_is_missing_in_one_language() {
        let is_chinese = |text: &str| text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c));
        for &message in Message::ALL {
            let (en, zh) = (message.text(Language::En), message.text(Language::Zh));
            assert!(!en.trim().is_empty() && !zh.is_empty(), "{message:?}");
            assert!(!is_chinese(en), "{message:?}: {en}");
            // What is only a sign or values needs no words.
            let has_words = |text: &str| {
                let mut outside = true;
                text.chars().any(|c| {
                    outside = match c {
                        '{' => false,
                        '}' => true,
                        _ => outside,
                    };
                    outside && c.is_alphabetic()
                })
            };
            assert!(is_chinese(zh) || !has_words(zh), "{message:?}: {zh}");
            assert_ne!(en, zh, "{message:?}");
            assert_eq!(values(en), values(zh), "{message:?} has other values in the other language");
        }
    }

    #[test]
    fn values_are_put_in_as_they_are() {
        let values = [("folder", "{why}"), ("why", "a byte")];
        let text = say(Language::En, Message::Unreadable, &values);
        assert_eq!(text, "the record {why} can't be read: a byte");
        assert_eq!(say(Language::Zh, Message::Since, &[("day", "5月20日")]), "自5月20日起");
    }

    #[test]
    fn days_are_written_as_people_write_them() {
        let date = jiff::civil::date(2018, 5, 21);
        assert_eq!(day(Language::En, date), "21 May 2018");
        assert_eq!(day(Language::Zh, date), "2018年5月21日");
    }
}
