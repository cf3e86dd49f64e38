//! A foreign console that sends anything, to the rules of the worked example: lines, prompts, events and replies.

use std::path::Path;
use std::sync::LazyLock;

use taprig_bench::link::port::Decoder as _;
use taprig_bench::validator_side::rules::meaning::Meanings;
use taprig_bench::validator_side::rules::splitter::{Heard, MAX_LINE, Splitter};
use taprig_case::Project;
use taprig_case::project::Fixture;
use taprig_model::device::rules::Encoding;
use taprig_model::device::{Device, Interface};

/// The meanings of the worked example, in both encodings. There are none if its file is wrong, which other tests find.
static MEANINGS: LazyLock<Vec<Meanings>> = LazyLock::new(|| {
    let project = Project::at(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."));
    let Ok(device) = project.load::<Device>(Fixture::Device, "lumiqin-lq9") else { return Vec::new() };
    let Interface::Rules(mut rules) = device.interface else { return Vec::new() };
    let gbk = Meanings::new(&rules, &device.words);
    rules.encoding = Encoding::Utf8;
    vec![gbk, Meanings::new(&rules, &device.words)]
});

/// One input.
pub fn run(input: &[u8]) {
    for meanings in MEANINGS.iter() {
        let rules = meanings.rules();
        let mut lines = Vec::new();
        Splitter::new(rules).push(input, &mut |heard| match heard {
            Heard::Line(line) => {
                assert!(!line.is_empty() && line.len() <= 3 * MAX_LINE);
                lines.push(line);
            }
            Heard::Overlong(_) | Heard::Prompt => {}
        });
        let mut cut = Vec::new();
        let mut splitter = Splitter::new(rules);
        for byte in input {
            splitter.push(&[*byte], &mut |heard| {
                if let Heard::Line(line) = heard {
                    cut.push(line);
                }
            });
        }
        assert_eq!(lines, cut, "lines depend on how the bytes are cut");
        for line in &lines {
            let _ = meanings.signals(line).count();
        }
        for (_, command) in rules.commands.all() {
            let _ = meanings.reply(command, &lines);
        }
    }
}
