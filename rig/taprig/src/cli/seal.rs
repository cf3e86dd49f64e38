//! `taprig seal`: seals a record, or adds a time stamp to a seal.

use std::path::{Path, PathBuf};

use taprig_case::{Diagnostic, Problems};
use taprig_seal::{SealError, Sealing};

use super::{Exit, counts, print, rig_failed, utc_now};

/// Arguments of `taprig seal`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Folder of the record.
    #[arg(value_name = "DIR")]
    record: PathBuf,
    /// Key that signs: a private key of OpenSSH, or a public key whose private part is with an agent or a token.
    #[arg(long, value_name = "KEY", required_unless_present = "time_stamp")]
    key: Option<PathBuf>,
    /// Who authorises the results. By default, this is the comment of the key.
    #[arg(long, value_name = "NAME", requires = "key")]
    by: Option<String>,
    /// Add this reply of a time-stamping authority (RFC 3161) to the seal. It must be for the file `SHA256SUMS.sig`.
    #[arg(long, value_name = "REPLY", conflicts_with = "key")]
    time_stamp: Option<PathBuf>,
    /// Certificates in PEM that vouch for the time-stamping authority.
    #[arg(long, value_name = "FILE", requires = "time_stamp")]
    authority: Option<PathBuf>,
}

impl Args {
    /// A seal is written into the record. Of a record that is sealed already, sealing itself tells it. So this is the folder around
    /// the record, which must not be a sealed record either.
    pub(super) fn writes(&self) -> PathBuf {
        self.record.join("..")
    }
}

pub(super) fn run(args: &Args) -> Result<Exit, Problems> {
    let wrong = |why: String| Problems::from(Diagnostic::of_file(&args.record, why));
    let failed = |error: SealError| match error {
        error @ SealError::Write { .. } => Ok(rig_failed(&error)),
        error => Err(wrong(error.to_string())),
    };
    if let Some(reply) = &args.time_stamp {
        return match taprig_seal::add_time_stamp(&args.record, reply, args.authority.as_deref()) {
            Ok(stamp) => {
                let trust = if stamp.trusted { "" } else { " (nobody vouches for the authority: see `--authority`)" };
                Ok(print(&format!("time stamp added: the seal existed at {}{trust}\n", stamp.time)))
            }
            Err(error) => failed(error),
        };
    }
    // clap makes sure that there is a key.
    let Some(key) = &args.key else { return Err(wrong("name the key that signs, with `--key`".into())) };
    // ssh-keygen takes a private key without its own file, if the public file beside it is that of a key with an agent.
    if let (Err(error), Err(_)) = (std::fs::read(key), std::fs::read(public(key))) {
        let problem = Diagnostic::of_file(key, format!("the key can't be read: {error}"));
        return Err(problem.help("name a private key of OpenSSH, or the public file of a key with an agent").into());
    }
    let by = match args.by.clone().or_else(|| comment(key)).filter(|by| !by.trim().is_empty()) {
        Some(by) => by,
        None => {
            let problem =
                Diagnostic::of_file(key, "nobody is named who authorises the results: the key has no comment");
            return Err(problem.help("name the person with `--by`").into());
        }
    };
    let with = Sealing { key, authorised_by: &by, at: &utc_now() };
    match taprig_seal::seal(&args.record, &with) {
        Ok(sealed) => {
            let text = format!(
                "sealed {}: {} files, SHA-256 of SHA256SUMS {}\nauthorised by {by}; {}\n",
                args.record.display(),
                sealed.files,
                sealed.sums,
                counts(&sealed.statement.predicate.verdicts)
            );
            Ok(print(&text))
        }
        Err(error) => failed(error),
    }
}

/// The public file beside a key.
fn public(key: &Path) -> PathBuf {
    let mut public = key.as_os_str().to_owned();
    public.push(".pub");
    public.into()
}

/// The comment of a key: what follows the type and the key in its public file.
fn comment(key: &Path) -> Option<String> {
    let text = std::fs::read_to_string(public(key)).or_else(|_| std::fs::read_to_string(key)).ok()?;
    if !text.starts_with("ssh-") && !text.starts_with("ecdsa-") && !text.starts_with("sk-") {
        return None;
    }
    text.lines().next()?.splitn(3, ' ').nth(2).map(|comment| comment.trim().to_owned())
}
