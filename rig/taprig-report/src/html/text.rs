//! Texts of the page.

use std::fmt::Write as _;

/// The text with everything that a browser would not show, or would obey, made visible. Control characters become their pictures, and
/// characters that change the direction of writing or take no room become their code. A device or a card may have sent anything.
pub(super) fn visible(text: &str) -> String {
    if text.chars().all(|c| c == '\n' || !is_hidden(c)) {
        return text.to_owned();
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '\n' => shown.push(c),
            '\t' => shown.push(' '),
            '\0'..='\x1F' => shown.push(char::from_u32(0x2400 + u32::from(c)).unwrap_or('\u{FFFD}')),
            '\x7F' => shown.push('\u{2421}'),
            c if is_hidden(c) => {
                // Writing to a string can't fail.
                let _ = write!(shown, "[U+{:04X}]", u32::from(c));
            }
            c => shown.push(c),
        }
    }
    shown
}

fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{061C}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}')
}

/// The part of an address behind `#`, for a text. The function `address` of the script makes the same.
pub(super) fn fragment(text: &str) -> String {
    let mut address = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' => address.push(char::from(byte)),
            byte if b"-_.!~*'()/".contains(&byte) => address.push(char::from(byte)),
            _ => {
                let _ = write!(address, "%{byte:02X}");
            }
        }
    }
    address
}

/// A duration as a person reads it: `850 µs`, `12.3 ms`, `2.1 s`, `3 min 20 s`.
pub(super) fn duration(us: u64) -> String {
    match us {
        0..1_000 => format!("{us} µs"),
        1_000..100_000 => format!("{}.{} ms", us / 1_000, us % 1_000 / 100),
        100_000..1_000_000 => format!("{} ms", us / 1_000),
        1_000_000..60_000_000 => format!("{}.{} s", us / 1_000_000, us % 1_000_000 / 100_000),
        _ => format!("{} min {} s", us / 60_000_000, us / 1_000_000 % 60),
    }
}

/// A count with its thousands apart: `1,518`.
pub(super) fn count(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count with its noun: `1 case`, `2 cases`.
pub(super) fn counted(number: usize, one: &str) -> String {
    format!("{} {one}{}", count(number), if number == 1 { "" } else { "s" })
}

/// A word of a command line, quoted for a shell if necessary.
pub(super) fn shell(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_would_not_be_seen_is_shown() {
        assert_eq!(visible("plain, 中文\nnext"), "plain, 中文\nnext");
        assert_eq!(visible("a\u{0}b\u{1b}[31m\tc\u{7f}"), "a\u{2400}b\u{241B}[31m c\u{2421}");
        assert_eq!(visible("pass\u{202E}liaf\u{200B}"), "pass[U+202E]liaf[U+200B]");
    }

    #[test]
    fn addresses_and_words_of_a_shell() {
        assert_eq!(fragment("ODA-004/first-bit"), "ODA-004/first-bit");
        assert_eq!(fragment("a?b#c \"é"), "a%3Fb%23c%20%22%C3%A9");
        assert_eq!(shell("benches/a.yaml"), "benches/a.yaml");
        assert_eq!(shell("it's; rm"), r"'it'\''s; rm'");
        assert_eq!(shell(""), "''");
    }

    #[test]
    fn numbers_are_readable() {
        assert_eq!([count(7), count(1_518), count(1_000_000)], ["7", "1,518", "1,000,000"]);
        let times = [950, 12_340, 156_800, 2_100_000, 200_000_000].map(duration);
        assert_eq!(times, ["950 µs", "12.3 ms", "156 ms", "2.1 s", "3 min 20 s"]);
        assert_eq!([counted(1, "case"), counted(0, "case")], ["1 case", "0 cases"]);
    }

    proptest! {
        #[test]
        fn nothing_hidden_is_left(text in any::<String>()) {
            prop_assert!(visible(&text).chars().all(|c| c == '\n' || !is_hidden(c)));
        }

        #[test]
        fn a_fragment_is_plain(text in any::<String>()) {
            prop_assert!(fragment(&text).bytes().all(|c| c.is_ascii_alphanumeric() || b"-_.!~*'()/%".contains(&c)));
        }
    }
}
