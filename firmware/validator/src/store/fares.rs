//! The fare policy in memory: a table of rules, of which the first so many are in force.
//!
//! The rules of a policy in force are never changed. `fares clear` puts the flat fare in force in one write, rules are added
//! then, and one more write puts all of them in force.

use crate::board::Board;
use crate::fares::Tariff;
use crate::fares::policy::{Policy, Rule};
use crate::store::memory::MAX_RECORD;
use crate::store::settings::RideMode;
use crate::store::{Store, StoreError};

/// Why a policy was not put in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PolicyError {
    /// What is wrong with its rules.
    Rules(&'static str),
    /// The memory.
    Store(StoreError),
}

impl From<StoreError> for PolicyError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl<B: Board> Store<'_, B> {
    /// The prices in force.
    pub fn tariff(&self) -> Tariff<'_> {
        let settings = self.settings();
        let (fare, discount, one_cent) = (settings.fare, settings.discount, settings.one_cent);
        Tariff { fare, discount, one_cent, policy: &self.policy }
    }

    /// The policy in force.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The rules in force, or those that were added since the last `fares clear`.
    pub fn rules(&self) -> impl Iterator<Item = Rule> {
        (0..self.fare_rules).filter_map(|index| self.rule(index))
    }

    fn rule(&self, index: u32) -> Option<Rule> {
        let mut buffer = [0; MAX_RECORD];
        let body = self.layout.fares.read(self.board, self.epochs().fares, index, &mut buffer)?;
        postcard::from_bytes(body).ok()
    }

    /// Reads the policy in force at start, and the rules that were added and wait for [`Store::use_fares`]. If a rule of it has rotted, none is in force: another price than that of the policy
    /// would be nobody's decision.
    pub(super) fn load_policy(&mut self) -> bool {
        let count = u32::from(self.saved.fare_rules);
        if count == 0 {
            let added = (0..self.layout.fares.capacity).take_while(|index| self.rule(*index).is_some());
            self.fare_rules = added.map(|index| index + 1).last().unwrap_or(0);
            return true;
        }
        self.fare_rules = count;
        let whole = self.rules().count() == count as usize;
        match Policy::new(self.rules()) {
            Ok(policy) if whole => {
                self.policy = policy;
                true
            }
            _ => false,
        }
    }

    /// Puts the flat fare alone in force and removes all rules.
    ///
    /// # Errors
    /// [`StoreError::Memory`]; the policy stays.
    pub fn clear_fares(&mut self) -> Result<(), StoreError> {
        let mut saved = self.saved.clone();
        saved.fare_rules = 0;
        saved.epochs.fares = saved.epochs.fares.wrapping_add(1);
        saved.settings.profile.clear();
        self.save(saved)?;
        self.fare_rules = 0;
        self.policy = Policy::default();
        Ok(())
    }

    /// Adds a rule. It is not in force before [`Store::use_fares`]. A rule that was added already is not added again, so that whoever
    /// was interrupted can say it once more.
    ///
    /// # Errors
    /// A policy is in force, there is no room, or the memory did not keep the rule.
    pub fn add_rule(&mut self, rule: &Rule) -> Result<(), PolicyError> {
        if self.saved.fare_rules > 0 {
            return Err(PolicyError::Rules("a policy is in force; clear it first"));
        }
        if self.rules().any(|added| added == *rule) {
            return Ok(());
        }
        if self.fare_rules >= self.layout.fares.capacity {
            return Err(StoreError::Full.into());
        }
        self.unname()?;
        let mut body = [0; crate::store::memory::FARE_SLOT];
        let body = postcard::to_slice(rule, &mut body).map_err(|_| StoreError::Memory)?;
        if !self.layout.fares.write(self.board, self.epochs().fares, self.fare_rules, body) {
            return Err(StoreError::Memory.into());
        }
        self.fare_rules += 1;
        Ok(())
    }

    /// Puts the rules that were added in force, all of them at once.
    ///
    /// # Errors
    /// They are no policy, or the memory did not keep this. The flat fare stays in force.
    pub fn use_fares(&mut self) -> Result<(), PolicyError> {
        if self.saved.fare_rules > 0 {
            return Ok(());
        }
        let policy = Policy::new(self.rules()).map_err(PolicyError::Rules)?;
        if !policy.is_flat() && self.settings().mode != RideMode::Oda {
            return Err(PolicyError::Rules("fares of a policy need mode oda"));
        }
        let mut saved = self.saved.clone();
        saved.fare_rules = u8::try_from(self.fare_rules).map_err(|_| StoreError::Full)?;
        saved.settings.profile.clear();
        self.save(saved)?;
        self.policy = policy;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::memory::{FARE_SLOT, SETTINGS_SLOT};
    use crate::store::settings::Settings;
    use crate::testboard::TestBoard;

    const SIZE: usize = 65_536;

    fn load(store: &mut Store<'_, TestBoard>, rules: &[Rule]) -> Result<(), PolicyError> {
        store.clear_fares()?;
        rules.iter().try_for_each(|rule| store.add_rule(rule))?;
        store.use_fares()
    }

    #[test]
    fn a_policy_is_in_force_whole_or_not_at_all() {
        let (old, new) = ([Rule::DayCap(1)], [Rule::DayCap(2), Rule::MonthCap(3)]);
        let policy = |rules: &[Rule]| Policy::new(rules.iter().cloned()).expect("good");
        let mut seen = [0; 3];
        for cut in 0..=6 * (SETTINGS_SLOT + FARE_SLOT) {
            let board = TestBoard::new(SIZE);
            let (mut store, _) = Store::open(&board);
            load(&mut store, &old).expect("kept");
            board.power_cut_after(cut);
            let loaded = load(&mut store, &new).is_ok();
            let board = board.restarted();
            let (store, _) = Store::open(&board);
            let states = [policy(&old), Policy::default(), policy(&new)];
            let state = states.iter().position(|policy| policy == store.policy());
            let state = state.expect("old, flat or new");
            assert_eq!(state == 2, loaded, "cut after {cut}");
            seen[state] += 1;
        }
        assert!(seen.iter().all(|times| *times > 0), "{seen:?}");
    }

    #[test]
    fn rules_that_were_added_outlive_power_and_count_once() {
        let board = TestBoard::new(SIZE);
        let (mut store, _) = Store::open(&board);
        store.add_rule(&Rule::DayCap(1)).expect("room");
        store.add_rule(&Rule::DayCap(1)).expect("said again");
        let (mut store, _) = Store::open(&board);
        assert_eq!((store.rules().count(), store.policy().is_flat()), (1, true));
        store.add_rule(&Rule::Debts).expect("room");
        store.use_fares().expect("good");
        let (mut store, _) = Store::open(&board);
        assert_eq!((store.rules().count(), store.policy().is_flat()), (2, false));
        store.clear_fares().expect("kept");
        assert_eq!(Store::open(&board).0.rules().count(), 0);
    }

    #[test]
    fn rules_in_force_are_not_changed() {
        let board = TestBoard::new(SIZE);
        let (mut store, _) = Store::open(&board);
        load(&mut store, &[Rule::DayCap(1)]).expect("kept");
        let refused = Err(PolicyError::Rules("a policy is in force; clear it first"));
        assert_eq!(store.add_rule(&Rule::DayCap(2)), refused);
        let online = Settings { mode: RideMode::Online, ..store.settings().clone() };
        store.clear_fares().expect("kept");
        store.put(online).expect("kept");
        let refused = Err(PolicyError::Rules("fares of a policy need mode oda"));
        assert_eq!(load(&mut store, &[Rule::DayCap(1)]), refused);
        assert!(store.policy().is_flat());
    }

    #[test]
    fn a_rotten_rule_takes_the_policy_out_of_force() {
        let board = TestBoard::new(SIZE);
        let (mut store, _) = Store::open(&board);
        load(&mut store, &[Rule::DayCap(1), Rule::Debts]).expect("kept");
        let at = store.layout.fares.offset + 1;
        board.nvm.borrow_mut()[at] ^= 1;
        let (store, _) = Store::open(&board);
        assert!(store.policy().is_flat() && store.damaged == 1);
    }

    #[test]
    fn a_small_memory_takes_no_policy() {
        let board = TestBoard::new(4096);
        let (mut store, _) = Store::open(&board);
        assert_eq!(load(&mut store, &[Rule::Debts]), Err(PolicyError::Store(StoreError::Full)));
    }
}
