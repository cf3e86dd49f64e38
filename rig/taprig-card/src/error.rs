//! Why a card can't be made from an image.

use crate::certificate::SealError;
use crate::keyring::KeyError;
use taprig_model::name::Name;

/// Why a card can't be made from an image. The caller knows the image's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PersonaliseError {
    /// The image includes another one, but was not merged with it.
    #[error("the image includes `{0}`, which was not resolved: merge the two with `CardImage::over`")]
    Include(Name),
    /// The image does not describe the front.
    #[error("the image has no `front`: UID, ATQA, SAK")]
    NoFront,
    /// A value of the image is out of its range.
    #[error("{object}: {problem}")]
    Value {
        /// The object.
        object: String,
        /// What is wrong, and what to write.
        problem: String,
    },
    /// A key is missing, or it is not a valid key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A key can't sign the required data.
    #[error("{object} can't be signed: {problem}")]
    Signing {
        /// The certificate or signature.
        object: &'static str,
        /// The cause.
        problem: String,
    },
    /// A change does not fit the card.
    #[error("change `{change}`: {problem}")]
    Change {
        /// The change in words.
        change: String,
        /// The cause, and what to do.
        problem: String,
    },
    /// A response would be longer than a response APDU.
    #[error(
        "the response to {place} would have {length} bytes, but at most 256 fit: spread its objects over more records"
    )]
    TooLong {
        /// The response.
        place: String,
        /// Its number of bytes.
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
            problem @ (SealError::Sign(_) | SealError::Sm2) => Self::Signing { object, problem: problem.to_string() },
        }
    }
}
