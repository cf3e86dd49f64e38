//! Splits the bytes of a foreign console into lines and prompts.

use encoding_rs::GB18030;
use taprig_model::device::rules::{Encoding, Pattern, Rules};

use crate::link::port::Decoder;

/// The longest line, in bytes. The rest of a longer line is dropped, and what is left of it has no meaning.
pub const MAX_LINE: usize = 4096;

/// The longest prompt, in bytes. A prompt is searched for only while the unfinished line is not longer.
const MAX_PROMPT: usize = 256;

/// An item from the console.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// A complete line without its end. It is not empty.
    Line(String),
    /// The beginning of a line that is longer than [`MAX_LINE`].
    Overlong(String),
    /// The prompt.
    Prompt,
}

/// Splits bytes into lines and prompts. What it finds does not depend on how the bytes are cut into pieces.
#[derive(Debug)]
pub struct Splitter {
    encoding: Encoding,
    prompt: Option<Pattern>,
    line: Vec<u8>,
    /// Whether bytes of this line were dropped.
    overlong: bool,
}

impl Splitter {
    /// A splitter for the console of these rules.
    #[must_use]
    pub fn new(rules: &Rules) -> Self {
        Self { encoding: rules.encoding, prompt: rules.prompt.clone(), line: Vec::new(), overlong: false }
    }

    fn end(&mut self) -> Option<Heard> {
        let line = std::mem::take(&mut self.line);
        let overlong = std::mem::take(&mut self.overlong);
        let text = text(&line, self.encoding);
        let text = text.trim();
        match overlong {
            true => Some(Heard::Overlong(text.to_owned())),
            false => (!text.is_empty()).then(|| Heard::Line(text.to_owned())),
        }
    }

    /// Whether the unfinished line is the prompt.
    fn is_prompt(&self) -> bool {
        let Some(prompt) = &self.prompt else { return false };
        if self.line.len() > MAX_PROMPT {
            return false;
        }
        let text = text(&self.line, self.encoding);
        prompt.is_all_of(text.trim_start())
    }
}

impl Decoder for Splitter {
    type Message = Heard;

    fn push(&mut self, bytes: &[u8], emit: &mut dyn FnMut(Heard)) {
        for &byte in bytes {
            match byte {
                // Neither byte can be a part of a character in UTF-8 or GB 18030.
                b'\n' | b'\r' => {
                    if let Some(heard) = self.end() {
                        emit(heard);
                    }
                }
                _ if self.line.len() < MAX_LINE => {
                    self.line.push(byte);
                    if self.is_prompt() {
                        self.line.clear();
                        emit(Heard::Prompt);
                    }
                }
                _ => self.overlong = true,
            }
        }
    }
}

/// The bytes of a line as text, without control characters and without the escape sequences that colour a terminal. Digits
/// of full width become ordinary digits, so that patterns and the masking of card numbers see them.
#[must_use]
pub fn text(bytes: &[u8], encoding: Encoding) -> String {
    let text = match encoding {
        Encoding::Utf8 => String::from_utf8_lossy(bytes),
        // GB 18030 contains GBK, and this decoder is the one that the Encoding Standard gives to both.
        Encoding::Gbk => GB18030.decode_without_bom_handling(bytes).0,
    };
    if text.bytes().all(|byte| (b' '..0x7F).contains(&byte)) {
        return text.into_owned();
    }
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\x1B' if chars.next_if_eq(&'[').is_some() => {
                // ECMA-48, control sequence: parameters, then one final character.
                while chars.next_if(|c| (' '..='?').contains(c)).is_some() {}
                chars.next_if(|c| ('@'..='~').contains(c));
            }
            '\t' => plain.push(c),
            '０'..='９' => plain.extend(char::from_digit(u32::from(c) - u32::from('０'), 10)),
            c if c.is_control() => {}
            c => plain.push(c),
        }
    }
    plain
}

/// The bytes of a line that is sent. A character that the encoding does not have is an error.
pub(super) fn bytes(line: &str, encoding: Encoding) -> Result<Vec<u8>, String> {
    match encoding {
        Encoding::Utf8 => Ok(line.as_bytes().to_vec()),
        Encoding::Gbk => {
            let (bytes, _, failed) = encoding_rs::GBK.encode(line);
            if failed { Err(format!("GBK does not have all characters of `{line}`")) } else { Ok(bytes.into_owned()) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn splitter(encoding: Encoding, prompt: Option<&str>) -> Splitter {
        let prompt = prompt.map(|prompt| prompt.parse().unwrap());
        Splitter { encoding, prompt, line: Vec::new(), overlong: false }
    }

    fn split<'b>(mut splitter: Splitter, chunks: impl IntoIterator<Item = &'b [u8]>) -> Vec<Heard> {
        let mut heard = Vec::new();
        for chunk in chunks {
            splitter.push(chunk, &mut |item| heard.push(item));
        }
        heard
    }

    fn line(text: &str) -> Heard {
        Heard::Line(text.into())
    }

    #[test]
    fn lines_end_in_any_way() {
        let heard = split(splitter(Encoding::Utf8, None), [&b"one\rtwo\nthree\r\n\r\n  \nfour"[..]]);
        assert_eq!(heard, [line("one"), line("two"), line("three")]);
    }

    #[test]
    fn a_prompt_needs_no_line_end_and_events_come_behind_it() {
        let prompt = Some("QG[0-9]>");
        let heard = split(splitter(Encoding::Utf8, prompt), [&b"OK\rQG1> "[..], b"*SHOW 3\rQG1>QG1> x\rQG12>\r"]);
        let expected =
            [line("OK"), Heard::Prompt, line("*SHOW 3"), Heard::Prompt, Heard::Prompt, line("x"), line("QG12>")];
        assert_eq!(heard, expected);
    }

    #[test]
    fn gbk_becomes_text_wherever_a_character_is_cut() {
        let (bytes, _, _) = encoding_rs::GBK.encode("显示：请刷卡 ６２２９\r\n命令> ");
        let heard = split(splitter(Encoding::Gbk, Some("命令>")), bytes.chunks(1));
        assert_eq!(heard, [line("显示：请刷卡 6229"), Heard::Prompt]);
        // These bytes are no GBK.
        let heard = split(splitter(Encoding::Gbk, None), [&b"\xFFa\x81\n"[..]]);
        assert_eq!(heard.len(), 1, "{heard:?}");
    }

    #[test]
    fn colours_and_control_characters_are_left_out() {
        let heard = split(splitter(Encoding::Utf8, None), [&b"\x1B[1;32mOK\x1B[0m\x07\x00 a\tb\x1B[\n"[..]]);
        assert_eq!(heard, [line("OK a\tb")]);
    }

    #[test]
    fn a_line_of_100_megabytes_is_dropped_but_for_its_beginning() {
        let mut splitter = splitter(Encoding::Utf8, Some("> "));
        let (mut heard, chunk) = (Vec::new(), vec![b'x'; 1 << 20]);
        for _ in 0..100 {
            splitter.push(&chunk, &mut |item| heard.push(item));
        }
        assert!(heard.is_empty() && splitter.line.capacity() <= 2 * MAX_LINE);
        splitter.push(b"\nOK\n", &mut |item| heard.push(item));
        assert_eq!(heard, [Heard::Overlong("x".repeat(MAX_LINE)), line("OK")]);
    }

    #[test]
    fn text_that_gbk_lacks_is_not_sent() {
        assert_eq!(bytes("票价", Encoding::Gbk), Ok(vec![0xC6, 0xB1, 0xBC, 0xDB]));
        assert!(bytes("😀", Encoding::Gbk).is_err());
        assert_eq!(bytes("é", Encoding::Utf8), Ok(vec![0xC3, 0xA9]));
    }

    proptest! {
        #[test]
        fn cuts_change_nothing(bytes in prop::collection::vec(prop_oneof![any::<u8>(), prop::sample::select(b"> ab\r\n".to_vec())], 0..200), size in 1usize..9) {
            for encoding in [Encoding::Utf8, Encoding::Gbk] {
                let whole = split(splitter(encoding, Some("[ab]+>")), [&bytes[..]]);
                prop_assert_eq!(&split(splitter(encoding, Some("[ab]+>")), bytes.chunks(size)), &whole);
                for heard in whole {
                    if let Heard::Line(text) = heard {
                        prop_assert!(!text.is_empty() && !text.contains(['\r', '\n']));
                    }
                }
            }
        }
    }
}
