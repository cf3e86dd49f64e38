//! Words that say how often something may occur.

/// How often something occurs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// Exactly once.
    Once,
    /// `+`: once or more.
    More,
    /// `?`: once or not at all.
    Optional,
    /// `*`: any number of times.
    Any,
}

impl Repeat {
    /// A word and how often it occurs, by the sign at its end.
    #[must_use]
    pub fn split(text: &str) -> (&str, Self) {
        let signs = [('+', Self::More), ('?', Self::Optional), ('*', Self::Any)];
        let found = signs.into_iter().find_map(|(sign, repeat)| Some((text.strip_suffix(sign)?, repeat)));
        found.unwrap_or((text, Self::Once))
    }

    /// The sign after a word.
    #[must_use]
    pub const fn sign(self) -> &'static str {
        match self {
            Self::Once => "",
            Self::More => "+",
            Self::Optional => "?",
            Self::Any => "*",
        }
    }
}

/// Whether a sequence is one that the items allow, each of which occurs as often as its [`Repeat`] says.
#[must_use]
pub fn repeats_match<T: PartialEq>(wanted: &[(T, Repeat)], seen: &[T]) -> bool {
    // This keeps the set of places in `wanted` that can be reached after each command. That is cheap: a case has a few
    // items, and a tap a few dozen commands.
    fn skip<T>(wanted: &[(T, Repeat)], places: &mut [bool]) {
        for (place, (_, repeat)) in wanted.iter().enumerate() {
            if places[place] && matches!(repeat, Repeat::Optional | Repeat::Any) {
                places[place + 1] = true;
            }
        }
    }
    let mut places = vec![false; wanted.len() + 1];
    places[0] = true;
    skip(wanted, &mut places);
    for this in seen {
        let mut next = vec![false; wanted.len() + 1];
        for (place, (item, repeat)) in wanted.iter().enumerate() {
            if places[place] && item == this {
                next[place + 1] = true;
                if matches!(repeat, Repeat::More | Repeat::Any) {
                    next[place] = true;
                }
            }
        }
        skip(wanted, &mut next);
        places = next;
    }
    places[wanted.len()]
}
