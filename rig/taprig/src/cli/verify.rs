//! `taprig verify`: verifies a sealed record.

use std::path::{Path, PathBuf};

use serde_json::json;
use taprig_case::{Diagnostic, Problems};
use taprig_seal::{Finding, Signers, Verified};

use super::{Exit, Format, counts, print};

/// Arguments of `taprig verify`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Folder of the sealed record. The command does not change it.
    #[arg(value_name = "DIR")]
    record: PathBuf,
    /// Whose seals count: a file of allowed signers, as `ssh-keygen` reads it.
    #[arg(long, value_name = "FILE", required_unless_present = "any_signer")]
    signers: Option<PathBuf>,
    /// Accept any key. Then nobody says who sealed the record.
    #[arg(long, conflicts_with = "signers")]
    any_signer: bool,
    /// Certificates in PEM that vouch for the time-stamping authority. With them, a record without a time stamp is refused.
    #[arg(long, value_name = "FILE")]
    authority: Option<PathBuf>,
    /// Format of the result.
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: Format,
}

pub(super) fn run(args: &Args) -> Result<Exit, Problems> {
    for (folder, path) in [(true, Some(&args.record)), (false, args.signers.as_ref()), (false, args.authority.as_ref())]
    {
        let Some(path) = path else { continue };
        let found = path.metadata().map_err(|error| Diagnostic::of_file(path, format!("it can't be read: {error}")))?;
        if found.is_dir() != folder {
            let what = if folder { "a file and not the folder of a record" } else { "a folder and not a file" };
            return Err(Diagnostic::of_file(path, format!("this is {what}")).into());
        }
    }
    args.signers.as_deref().map_or(Ok(()), check_signers)?;
    let signers = args.signers.clone().map_or(Signers::Anyone, Signers::Allowed);
    let verified = taprig_seal::verify(&args.record, &signers, args.authority.as_deref());
    let printed = print(&match args.format {
        Format::Human => match &verified {
            Ok(verified) => accepted(&args.record, verified),
            Err(findings) => refused(&args.record, findings),
        },
        Format::Json => format!("{}\n", as_json(&verified)),
    });
    Ok(match (printed, verified.is_ok()) {
        (Exit::Ok, false) => Exit::CaseFailed,
        (printed, _) => printed,
    })
}

/// Makes sure that a file of allowed signers is one.
///
/// # Errors
/// A line of it is wrong.
pub(super) fn check_signers(file: &Path) -> Result<(), Problems> {
    taprig_seal::check_signers(file).map_err(|error| Diagnostic::of_file(file, error.to_string()).into())
}

fn accepted(record: &Path, verified: &Verified) -> String {
    let own = &verified.statement.predicate;
    let signer = match &verified.signer {
        Some(signer) => format!("signed by {signer} with {}", verified.key),
        None => format!("signed with {}; nobody says whose key this is", verified.key),
    };
    let time = match &verified.time_stamp {
        None => format!("sealed at {} by the clock of the signer; there is no time stamp", own.sealed),
        Some(stamp) if stamp.trusted => format!("the seal existed at {}, by its time stamp", stamp.time),
        Some(stamp) => format!("time stamp of {}; nobody vouches for its authority, so it proves nothing", stamp.time),
    };
    let complete = if own.run.complete { "" } else { "the run did not reach its end\n" };
    let tested: Vec<_> = verified
        .statement
        .firmware_under_test()
        .into_iter()
        .map(|digest| format!("firmware sha256 {digest}\n"))
        .collect();
    let not_compared: Vec<_> = verified
        .not_compared
        .iter()
        .map(|Finding { file, what }| format!("note: {}: {what}\n", file.display()))
        .collect();
    let reports =
        if not_compared.is_empty() { "every verdict and every report follows" } else { "every verdict follows" };
    format!(
        "{}: the seal holds, and {reports} from the events\n{signer}\n{time}\nauthorised by {}\n\
        {} files, SHA-256 of SHA256SUMS {}\n{}\n{}{complete}{}\n{}",
        record.display(),
        own.authorised_by,
        verified.files,
        verified.sums,
        own.device.title,
        tested.concat(),
        counts(&own.verdicts),
        not_compared.concat()
    )
}

fn refused(record: &Path, findings: &[Finding]) -> String {
    let mut text = format!("{}: REFUSED\n", record.display());
    for Finding { file, what } in findings {
        text += &format!("  {}: {what}\n", file.display());
    }
    text
}

fn as_json(verified: &Result<Verified, Vec<Finding>>) -> serde_json::Value {
    match verified {
        Ok(Verified { signer, key, statement, time_stamp, files, sums, not_compared }) => {
            let stamp = time_stamp.as_ref().map(|stamp| json!({ "time": stamp.time, "trusted": stamp.trusted }));
            json!({
                "holds": true, "signer": signer, "key": key, "time_stamp": stamp, "files": files, "sums": sums,
                "not_compared": not_compared, "statement": statement,
            })
        }
        Err(findings) => json!({ "holds": false, "findings": findings }),
    }
}
