//! Why an image makes no card.

use crate::certificate::SealError;
use crate::keyring::KeyError;
use taprig_model::name::Name;

/// Why an image makes no card. The caller knows the image's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PersonaliseError {
    /// The image takes over another one that has not been put under it.
    #[error("the image includes `{0}`, which was not resolved: put it under this one with `CardImage::over`")]
    Include(Name),
    /// The image says nothing about the front.
    #[error("the image has no `front`: UID, ATQA, SAK")]
    NoFront,
    /// A value of the image is out of its range.
    #[error("{object}: {problem}")]
    Value {
        /// Which.
        object: String,
        /// What is wrong, and what to write.
        problem: String,
    },
    /// A key is missing or none.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A key can't sign what it has to.
    #[error("{object} can't be signed: {problem}")]
    Signing {
        /// Certificate or signature.
        object: &'static str,
        /// Why.
        problem: String,
    },
    /// A change does not fit the card.
    #[error("change `{change}`: {problem}")]
    Change {
        /// The change in words.
        change: String,
        /// Why, and what to do.
        problem: String,
    },
    /// A response would be longer than a response APDU.
    #[error("the response to {place} would have {length} bytes; 256 fit: spread its objects over more records")]
    TooLong {
        /// Which response.
        place: String,
        /// Its bytes.
        length: usize,
    },
}

impl PersonaliseError {
    pub(crate) fn value(object: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Value { object: object.into(), problem: problem.into() }
    }

    pub(crate) fn change(change: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Change { change: change.into(), problem: problem.into() }
    }

    pub(crate) fn sealing(object: &'static str) -> impl Fn(SealError) -> Self {
        move |error| match error {
            SealError::Edit { words, problem } => Self::Change { change: words, problem },
            SealError::Sign(problem) => Self::Signing { object, problem: problem.to_string() },
        }
    }
}
