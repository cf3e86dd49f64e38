//! Compares the journal of the device with the ride that was taken.

use taprig_bench::validator_side::{JournalPage, ValidatorCapability};
use taprig_bench::{BenchError, Links};
use taprig_case::document::PathStep;
use taprig_model::device::{Interface, claim};
use taprig_model::units::DateTime;

use super::finding::{in_rules, way};
use super::{Check, near};

impl Check<'_> {
    /// Where the file says how the journal is read.
    fn journal_place(&self) -> Vec<PathStep> {
        match self.subject.device.interface {
            Interface::Rules(_) => in_rules(&["commands", "journal"]),
            Interface::Native(_) => way(&["interface", "native", "commands", "journal"]),
            Interface::Adapter(_) | Interface::Operator(_) => way(&["claims", claim::JOURNAL]),
        }
    }

    /// Reads the journal, if the device lists it. It has to be empty.
    pub(super) async fn empty_journal(&mut self, links: &mut Links, when: &str) -> Result<(), BenchError> {
        let Some(page) = journal(links).await? else { return Ok(()) };
        if (page.count, page.total, page.rows.len()) != (0, 0, 0) {
            let what = format!(
                "the journal was emptied {when}, but it tells {} records with {} fen, and lists {}",
                page.count,
                page.total,
                page.rows.len()
            );
            let place = self.journal_place();
            self.wrong(&place, &what, "correct the patterns of `journal`, or the command `journal-clear`");
        }
        Ok(())
    }

    /// Reads the record of the accepted card. Returns whether there is a journal.
    pub(super) async fn recorded(&mut self, links: &mut Links, fare: Option<u64>) -> Result<bool, BenchError> {
        let Some(page) = journal(links).await? else { return Ok(false) };
        self.report.tried("the journal");
        self.asked.insert("journal");
        let place = self.journal_place();
        if page.rows.len() != 1 || page.count != 1 {
            let what = format!(
                "one ride was taken, but the journal tells {} records, and the rig found {} rows",
                page.count,
                page.rows.len()
            );
            let help = "correct `rows` and `lines` of `journal`; if the device has refused the card, see above";
            self.wrong(&place, &what, help);
            return Ok(true);
        }
        let row = &page.rows[0];
        if let Some(number) = row.number.filter(|number| *number != 1) {
            let what = format!("the journal was emptied, but its first record has the number {number}");
            let numbers = in_rules(&["journal-numbers"]);
            self.wrong(&numbers, &what, "write `journal-numbers: continue` if the numbers go on");
        }
        if let (Some(fare), Some(charged)) = (fare, row.charged)
            && fare != charged
        {
            let what = format!("the fare is {fare} fen, but the record tells {charged} fen");
            self.wrong(&place, &what, "correct `forms.amount`, or the group `charged`");
        }
        if let Some(fare) = fare.filter(|fare| *fare != page.total) {
            let what = format!("the fare is {fare} fen, but the journal's sum is {} fen", page.total);
            self.wrong(&place, &what, "correct `forms.amount`, or the group `total`");
        }
        if let (Some(clock), Some(time)) = (self.settings.clock, &row.time)
            && !self.is_fixed("clock")
            && !time.parse::<DateTime>().is_ok_and(|time| near(clock, time))
        {
            let what = format!("the clock was set to {clock}, but the record has the time `{time}`");
            self.wrong(&place, &what, "correct `forms.time`, or the group `time`");
        }
        Ok(true)
    }

    fn is_fixed(&self, key: &str) -> bool {
        self.subject.device.fixed.in_words().iter().any(|(name, _)| name == key)
    }

    /// Empties the journal, which holds a record.
    pub(super) async fn emptied(&mut self, links: &mut Links) -> Result<(), BenchError> {
        if !links.validator.capabilities().contains(&ValidatorCapability::ClearJournal) {
            return Ok(());
        }
        if let Some(why) = links.validator.clear_journal().await? {
            let what = format!("the device refuses to empty its journal: {why}");
            let place = self.journal_place();
            self.wrong(&place, &what, "correct the command `journal-clear`, or withdraw the claim `journal`");
            return Ok(());
        }
        self.report.tried("emptying the journal");
        self.empty_journal(links, "by command").await
    }
}

async fn journal(links: &mut Links) -> Result<Option<JournalPage>, BenchError> {
    if !links.validator.capabilities().contains(&ValidatorCapability::Journal) {
        return Ok(None);
    }
    Ok(Some(links.validator.journal(1).await?))
}
