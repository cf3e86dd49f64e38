//! Masks account numbers in the bytes of a text console, as they come.

use super::{Found, Way, digits_of, hidden, words_until};

/// The longest word that is held back. No data object of a card is longer in hexadecimal.
const LONGEST: usize = 4096;

/// The bytes of a text console in one direction, with account numbers masked.
///
/// The bytes are masked as [`text`](super::text) masks the text of an event, with two differences:
///
/// - Every byte stands for one byte, so that offsets stay: a number in groups keeps its blanks, hyphens or dots.
/// - The bytes have no names. A value that events leave because of its name, such as a time of 14 digits in one piece, is
///   masked here if it looks like an account number.
///
/// The bytes may be in any encoding that contains ASCII (UTF-8, GBK, Latin-1), or be none: only words of ASCII
/// hexadecimal digits are ever changed. A letter behind a byte above 7F may be the second half of a character in GBK, so a number
/// can begin behind it.
///
/// A number may be cut anywhere between two reads. So a word of hexadecimal digits at the end, or the groups of four digits at the
/// end, are held back until the next byte that tells whether they are a number. Nothing else is held back, and of a longer word no
/// more than 4096 bytes: what follows these is masked as a word of its own.
#[derive(Debug, Clone)]
pub struct Stream {
    /// What is held back. Each byte is one character. It begins with a word.
    held: String,
    /// Whether a word can begin here.
    alone: bool,
    /// Whether the last byte may be the first half of a character.
    half: bool,
}

impl Default for Stream {
    fn default() -> Self {
        Self { held: String::new(), alone: true, half: false }
    }
}

impl Stream {
    /// Takes bytes, and returns all bytes that can be written, masked. These may be fewer or more.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.held.len() + bytes.len());
        for byte in bytes {
            let half = std::mem::replace(&mut self.half, !byte.is_ascii());
            if half && byte.is_ascii_alphabetic() && self.held.is_empty() {
                out.push(*byte);
                self.alone = true;
                continue;
            }
            if self.held.is_empty() && !(self.alone && byte.is_ascii_hexdigit()) {
                out.push(*byte);
                self.alone = !byte.is_ascii_alphanumeric();
                continue;
            }
            self.held.push(char::from(*byte));
            // A digit may always be a part of the number that is held back.
            if !byte.is_ascii_hexdigit() {
                self.mask(waits, &mut out);
            }
            if self.held.len() >= LONGEST {
                self.mask(|_| false, &mut out);
                self.alone = true;
            }
        }
        out
    }

    /// Returns what was held back, masked, as nothing follows it.
    pub fn end(&mut self) -> Vec<u8> {
        let mut out = Vec::new();
        self.mask(|_| false, &mut out);
        self.alone = true;
        out
    }

    fn mask(&mut self, waits: fn(&str) -> bool, out: &mut Vec<u8>) {
        let way = Way { hide: in_place, waits };
        let (masked, length) = words_until(&self.held, &mut self.alone, &mut Found::new(), &way);
        out.extend(masked.chars().map(|c| u8::try_from(c).unwrap_or(b'?')));
        self.held.drain(..length);
    }
}

/// The number with its hidden digits replaced, and what is between its groups.
fn in_place(number: &str) -> String {
    let hidden = hidden(&digits_of(number));
    let mut digits = hidden.chars();
    number.chars().map(|c| if c.is_ascii_digit() { digits.next().unwrap_or(c) } else { c }).collect()
}

/// Whether what follows `text` decides if its first word belongs to an account number or a data object.
fn waits(text: &str) -> bool {
    let first = text.bytes().take_while(u8::is_ascii_alphanumeric).count();
    let (word, rest) = text.split_at(first);
    let Some(between) = rest.chars().next() else { return word.bytes().all(|byte| byte.is_ascii_hexdigit()) };
    if word.len() != 4 || !word.bytes().all(|byte| byte.is_ascii_digit()) || !matches!(between, ' ' | '-' | '.') {
        return false;
    }
    let (mut digits, mut rest) = (4, rest);
    while let Some(group) = rest.strip_prefix(between) {
        let run = group.bytes().take_while(u8::is_ascii_digit).count();
        if run == group.len() {
            return run <= 4;
        }
        digits += run;
        // Longer ones are no number, and a shorter group or one with letters is the last.
        if run != 4 || digits > 19 || group[run..].starts_with(|c: char| c.is_ascii_alphanumeric()) {
            return false;
        }
        rest = &group[run..];
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The text, masked after it came in these pieces.
    fn pieces<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
        let mut stream = Stream::default();
        let mut out: Vec<u8> = pieces.into_iter().flat_map(|piece| stream.push(piece)).collect();
        out.extend(stream.end());
        out
    }

    fn masked(text: &str) -> String {
        String::from_utf8(pieces([text.as_bytes()])).unwrap()
    }

    #[test]
    fn numbers_are_hidden_and_keep_their_length() {
        for (was, is) in [
            ("deny add 6226091234567890:01\n", "deny add 622609xxxxxx7890:01\n"),
            ("CARD 6226-0912-3456-7890\r\n", "CARD 6226-09xx-xxxx-7890\r\n"),
            ("6226 0912 3456 7890 123", "6226 09xx xxxx xxx0 123"),
            ("卡号6226.0912.3456.7890。", "卡号6226.09xx.xxxx.7890。"),
            ("track 2 6226091234567890D30122010000F", "track 2 622609xxxxxx7890D30122010000F"),
            ("return 700a5a086226091234567890,", "return 700a5a08622609cccccc7890,"),
            ("1234 5678 9012\n", "1234 5678 9012\n"),
            ("pan=622609******7890", "pan=622609******7890"),
            ("time=20261130120000", "time=202611xxxx0000"),
        ] {
            assert_eq!(masked(was), is);
        }
        // The second half of a character in GBK may be a letter: its first half is 81 to FE.
        for letter in *b"@aZ" {
            let out = pieces([&[0x81, letter][..], b"6226091234567890"]);
            assert_eq!(out, [&[0x81, letter][..], b"622609xxxxxx7890"].concat());
        }
    }

    #[test]
    fn a_number_that_is_cut_at_any_place_is_hidden() {
        for number in ["6226091234567890", "6226 0912 3456 7890", "6226-0912-3456-7890-123", "5A086226091234567890"] {
            let text = format!("pan {number}\nend");
            for at in 0..=text.len() {
                let (one, other) = text.as_bytes().split_at(at);
                assert_eq!(pieces([one, other]), masked(&text).as_bytes(), "{text:?} at {at}");
            }
        }
    }

    #[test]
    fn only_what_may_be_a_number_is_held_back() {
        for (text, held) in [
            ("ok state=ready\n", ""),
            ("LQ9>", ""),
            ("fare 12", "12"),
            ("6226 0912 ", "6226 0912 "),
            ("6226 0912 x", ""),
            ("6226 0912 3456 7890 1234 ", "0912 3456 7890 1234 "),
            ("note 7 ", ""),
            ("x123", ""),
            ("face", "face"),
        ] {
            let mut stream = Stream::default();
            let out = stream.push(text.as_bytes());
            assert_eq!((out.len() + held.len(), stream.held.as_str()), (text.len(), held), "{text:?}");
        }
    }

    #[test]
    fn a_word_without_end_is_not_held_back_without_end() {
        let mut stream = Stream::default();
        let out = stream.push(&[b'0'; 3 * LONGEST]);
        assert!(out.len() >= 2 * LONGEST && stream.held.len() < LONGEST);
        let number = format!("{} 6226091234567890\n", "7".repeat(3 * LONGEST));
        assert!(masked(&number).ends_with(" 622609xxxxxx7890\n"));
    }

    /// Text in which much looks like a number.
    fn text() -> impl Strategy<Value = String> {
        let part = prop_oneof![
            "[0-9]{1,26}",
            "[0-9]{4}([ .-][0-9]{4}){1,5}([ .-][0-9]{1,5})?",
            "5[A7]0?8?[0-9]{12,20}[DF]?[0-9A-Fa-f]{0,6}",
            "[ .:=,\r\n-]{1,3}",
            "[a-zA-Z!<>]{1,6}",
            "[卡号。]{1,2}[ 0-9]",
        ];
        proptest::collection::vec(part, 0..12).prop_map(|parts| parts.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1024))]

        #[test]
        fn any_pieces_give_the_same(text in text(), cuts in proptest::collection::vec(1usize..9, 0..64)) {
            let whole = pieces([text.as_bytes()]);
            let (mut rest, mut cut) = (text.as_bytes(), Vec::new());
            for length in cuts {
                let (piece, others) = rest.split_at(length.min(rest.len()));
                cut.push(piece);
                rest = others;
            }
            cut.push(rest);
            prop_assert_eq!(&whole, &pieces(cut));
            prop_assert_eq!(whole.len(), text.len());
            // What the events hide is hidden, whatever is between the groups.
            let mut event = text.clone();
            super::super::text(&mut event);
            let digits = |text: &str| text.replace([' ', '-', '.'], "");
            prop_assert_eq!(digits(&String::from_utf8(whole).unwrap()), digits(&event));
        }

        #[test]
        fn any_bytes_stay_as_many_and_those_that_are_not_ascii_stay(bytes in proptest::collection::vec(any::<u8>(), 0..256)) {
            let whole = pieces([&bytes[..]]);
            prop_assert_eq!(&whole, &pieces(bytes.chunks(1)));
            prop_assert_eq!(whole.len(), bytes.len());
            for (was, is) in bytes.iter().zip(&whole) {
                prop_assert!(was == is || was.is_ascii_hexdigit(), "{was} became {is}");
            }
        }

        #[test]
        fn without_digits_nothing_changes(bytes in proptest::collection::vec(any::<u8>(), 0..256)) {
            let bytes: Vec<u8> = bytes.into_iter().filter(|byte| !byte.is_ascii_digit()).collect();
            prop_assert_eq!(pieces(bytes.chunks(3)), bytes);
        }
    }
}
