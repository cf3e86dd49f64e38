//! Shows what passes between a served card and its reader, line by line as it happens.

use super::{Failure, Out};
use taprig_judge::transcript::TapText;
use taprig_model::event::{Body, Event, Source};
use taprig_record::Listener;
use taprig_record::decode::View;

/// Shows a card that is served.
pub struct Serving {
    out: Out,
    text: TapText,
    activations: u32,
}

impl Serving {
    /// The display at the beginning.
    pub fn new(out: Out) -> Self {
        Self { out, text: TapText::new(View::Whole, false), activations: 0 }
    }

    /// Whether writing the output worked.
    pub fn failure(&self) -> Failure {
        self.out.failure()
    }

    /// The display as a listener of a recorder.
    pub fn listener(mut self) -> Listener {
        Box::new(move |event| self.show(event))
    }

    fn show(&mut self, event: &Event) {
        let mut text = String::new();
        if matches!(event.body, Body::Note { .. }) && event.source != Source::Emulator {
            return;
        }
        for line in self.lines(&event.body) {
            text += &line;
            text.push('\n');
        }
        if !text.is_empty() {
            self.out.put(text.as_bytes());
        }
    }

    fn lines(&mut self, body: &Body) -> Vec<String> {
        match body {
            Body::Presented { .. } => self.text.lines(body),
            Body::Activated { .. } => {
                // What the card told in an earlier activation explains nothing in this one.
                self.text = TapText::new(View::Whole, false);
                self.activations += 1;
                let head = self.text.lines(body).concat();
                vec![String::new(), format!("{} {head}", self.activations)]
            }
            Body::Note { text } => vec![format!("  note: {text}")],
            _ => self.text.lines(body).iter().map(|line| format!("  {line}")).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use taprig_model::event::{Exchange, Release};

    #[test]
    fn activations_are_counted_and_told_apart() {
        let shown = |fsd: Option<u16>| {
            let mut serving = Serving::new(Out::new(Vec::new()));
            let exchange = |command: &[u8], response: &[u8]| {
                Body::Exchange(Exchange {
                    command: command.into(),
                    response: Some(response.into()),
                    ..Exchange::default()
                })
            };
            let bodies = [
                Body::Presented { tap: 1, card: "credit".into() },
                Body::Field { on: true, air_us: None },
                Body::Activated { fsd },
                // An FCI with a PDOL: 9A, three bytes.
                exchange(&[0, 0xA4, 4, 0, 1, 0xA0, 0], &[0x6F, 7, 0xA5, 5, 0x9F, 0x38, 2, 0x9A, 3, 0x90, 0]),
                exchange(&[0x80, 0xA8, 0, 0, 5, 0x83, 3, 1, 2, 3, 0], &[0x69, 0x85]),
                Body::Released { how: Release::FieldOff },
                Body::Field { on: false, air_us: None },
                Body::Activated { fsd: Some(64) },
                exchange(&[0x80, 0xA8, 0, 0, 5, 0x83, 3, 1, 2, 3, 0], &[0x69, 0x85]),
                Body::Note { text: "late".into() },
            ];
            bodies.iter().flat_map(|body| serving.lines(body)).collect::<Vec<_>>().join("\n")
        };
        insta::assert_snapshot!(shown(Some(256)), @r"
        present credit

        1 activated, FSD 256
          > select aid A0
          < 9000 ok
              9F38 PDOL 9A:3
          > gpo
              9A transaction date 010203
          < 6985 conditions not satisfied
          field off

        2 activated, FSD 64
          > gpo
              3 bytes that the PDOL does not name: 010203
          < 6985 conditions not satisfied
          note: late
        ");
        assert!(shown(None).contains("1 activated\n"));
    }
}
