//! The cards of a bus: those of its riders, a counterfeit one and an expired one.

use taprig_model::books::Label;
use taprig_model::card::Change;
use taprig_model::name::Name;
use taprig_model::units::Pan;

use super::Plan;
use super::share::apportion;
use crate::file::Issue;
use crate::random::Random;

/// The image of a card whose data are copied under an authority that nobody trusts.
const COUNTERFEIT: &str = "counterfeit";

/// The last month of a card that has expired, whenever the plan begins.
const EXPIRED: &str = "2015-12";

/// Accounts of a bus: more than riders can be.
const ACCOUNTS: u64 = 64;

/// Digits of an account number that stay: they name the issuer, and its certificate has some of them.
const ISSUER: usize = 8;

/// What is special about a card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nature {
    /// Nothing.
    Good,
    /// It is on the acquirer's deny list from the beginning.
    Denied,
    /// Its issuer refuses the first claim. Then it is barred.
    Refused,
    /// It is counterfeit.
    Counterfeit,
    /// It has expired.
    Expired,
}

/// A card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Card image.
    pub image: Name,
    /// What the books call it.
    pub product: Label,
    /// It asks its holder to look at the phone before its first ride.
    pub phone: bool,
    /// What is special about it.
    pub nature: Nature,
    /// No other account of the plan has this number.
    number: u64,
}

impl Account {
    /// Its account number: that of the image, with other digits after those of the issuer.
    #[must_use]
    pub fn pan(&self, image: &Pan) -> Pan {
        let digits = image.digits();
        let free = digits.len() - ISSUER - 1;
        let body = format!("{}{:0free$}", &digits[..ISSUER], self.number);
        // One of the ten check digits is right.
        (0..10).find_map(|check| format!("{body}{check}").parse().ok()).unwrap_or_else(|| image.clone())
    }

    /// What makes the card of this account from the image, whose account number is `image`.
    #[must_use]
    pub fn changes(&self, image: &Pan) -> Vec<Change> {
        let digits = self.pan(image).digits().to_owned();
        let padded = if digits.len() % 2 == 1 { format!("{digits}F") } else { digits };
        let number = serde_json::json!({ "set": { "object": "5A", "value": padded } });
        let expired = serde_json::json!({ "expire": { "what": "application", "month": EXPIRED } });
        let changes = [Some(number), (self.nature == Nature::Expired).then_some(expired)];
        // Both have the form of the card files, which a test shows.
        changes.into_iter().flatten().filter_map(|change| serde_json::from_value(change).ok()).collect()
    }
}

impl Plan {
    /// The cards of a bus: those of its riders, and then a counterfeit and an expired one.
    #[must_use]
    pub fn accounts(&self, bus: usize) -> Vec<Account> {
        let (file, number) = (&self.file, |place: usize| bus as u64 * ACCOUNTS + place as u64);
        let riders = usize::from(file.riders);
        let special = usize::from(file.beside.denied_riders + file.beside.refused_riders);
        let plain: Vec<&Issue> = file.cards.iter().filter(|issue| !issue.phone && issue.share > 0).collect();
        let mut random = Random::of(file.seed, 1 << 48 | bus as u64);
        // Those who are barred sooner or later have cards.
        let mut issues: Vec<&Issue> = (0..special).map(|_| plain[random.index(plain.len())]).collect();
        let shares: Vec<(u64, u64)> = file.cards.iter().map(|issue| (u64::from(issue.share), u64::MAX)).collect();
        let mut others: Vec<&Issue> = file
            .cards
            .iter()
            .zip(apportion((riders - special) as u64, &shares))
            .flat_map(|(issue, count)| std::iter::repeat_n(issue, usize::try_from(count).unwrap_or(0)))
            .collect();
        random.shuffle(&mut others);
        issues.append(&mut others);
        let nature = |place: usize| match place {
            place if place < usize::from(file.beside.denied_riders) => Nature::Denied,
            place if place < special => Nature::Refused,
            _ => Nature::Good,
        };
        let mut accounts: Vec<Account> = issues
            .iter()
            .enumerate()
            .map(|(place, issue)| Account {
                image: issue.image.clone(),
                product: issue.product.clone(),
                phone: issue.phone,
                nature: nature(place),
                number: number(place),
            })
            .collect();
        let like = Account { phone: false, ..accounts[special].clone() };
        let image = COUNTERFEIT.parse().unwrap_or_else(|_| like.image.clone());
        accounts.push(Account { image, nature: Nature::Counterfeit, number: number(riders), ..like.clone() });
        let image = plain[0].image.clone();
        accounts.push(Account { image, nature: Nature::Expired, number: number(riders + 1), ..like });
        accounts
    }
}
