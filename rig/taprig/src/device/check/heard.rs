//! Compares the rules of a device file with the lines that matched them.

use std::collections::BTreeSet;

use taprig_bench::validator_side::Rule;
use taprig_case::document::PathStep;
use taprig_model::device::Interface;
use taprig_model::device::rules::{Command, EventKind, Pattern, Rules};

use super::Check;
use super::finding::{event, in_rules};

impl Check<'_> {
    /// Reports rules that no line has matched although the check has brought about what they are for.
    pub(super) fn rules(&mut self, matched: &BTreeSet<Rule>) {
        let device = self.subject.device;
        let Interface::Rules(rules) = &device.interface else { return };
        self.kinds(rules, matched);
        self.ends(rules, matched);
        for (name, command) in rules.commands.all() {
            // The check may have ended before it asked.
            if self.asked.contains(name) {
                self.command(&in_rules(&["commands", name]), name, command, matched);
            }
        }
    }

    fn kinds(&mut self, rules: &Rules, matched: &BTreeSet<Rule>) {
        let came = |index: usize| matched.contains(&Rule::Event(index));
        let mut reported = Vec::new();
        for (index, rule) in rules.events.iter().enumerate() {
            let at_a_tap = !matches!(rule.is, EventKind::Started | EventKind::Ready);
            if came(index) || at_a_tap && self.taps < 2 {
                continue;
            }
            let others = rules.events.iter().enumerate().any(|(other, known)| known.is == rule.is && came(other));
            if rule.is == EventKind::Fault {
                self.report.untried("the event `fault`");
            } else if others {
                let what = format!("no line matched this rule, but another rule for `{}` was matched", rule.is);
                self.note(
                    &event(index),
                    &what,
                    "the situation that it is for may not have occurred; otherwise correct it",
                );
            } else if !reported.contains(&rule.is) {
                reported.push(rule.is);
                let what = format!("the event `{}` never came: no line matched this pattern", rule.is);
                let help = "compare the pattern with the lines that no rule explains";
                self.wrong(&event(index), &what, help);
            }
        }
    }

    fn ends(&mut self, rules: &Rules, matched: &BTreeSet<Rule>) {
        if rules.prompt.is_some() && !matched.contains(&Rule::Prompt) {
            let help = "correct the pattern, or remove `prompt` if the device has none";
            self.wrong(&in_rules(&["prompt"]), "the prompt never came", help);
        }
        match (rules.echo, matched.contains(&Rule::Echo)) {
            (true, false) => {
                let help = "write `echo: false`";
                self.wrong(&in_rules(&["echo"]), "the device does not repeat commands, but the file says so", help);
            }
            (false, true) => {
                let what = "the device repeats commands, but the file does not say so";
                self.wrong(
                    &in_rules(&["echo"]),
                    what,
                    "write `echo: true`, so that no pattern takes a command for an answer",
                );
            }
            _ => {}
        }
        if rules.replies.error.is_some() && !matched.contains(&Rule::Error) {
            self.report.untried("`replies.error`, because the device refused nothing");
        }
    }

    /// Reports patterns for values in the reply to a command that was sent.
    fn command(&mut self, way: &[PathStep], name: &str, command: &Command, matched: &BTreeSet<Rule>) {
        let came = |pattern: &Pattern| {
            let (send, pattern) = (command.send.to_string(), pattern.to_string());
            matched.contains(&Rule::Answer { send, pattern })
        };
        for (key, patterns) in [("lines", &command.lines), ("rows", &command.rows)] {
            for (index, _) in patterns.iter().enumerate().filter(|(_, pattern)| !came(pattern)) {
                let mut place = way.to_vec();
                place.extend([PathStep::from(key), PathStep::from(index)]);
                let what = format!("no line of the reply to `{name}` matched this pattern");
                self.wrong(&place, &what, "compare the pattern with the lines that no rule explains");
            }
        }
    }
}
