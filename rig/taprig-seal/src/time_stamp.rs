//! Time stamps by RFC 3161: proof that a signature existed at a certain time. `openssl` reads and checks them.

use crate::sums::sha256;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// A time stamp of a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeStamp {
    /// The time that the authority states, as openssl writes it: `Nov 30 08:00:00 2026 GMT`.
    pub time: String,
    /// Whether the authority's certificate leads to one that the verifier trusts. If it was not asked for, this is `false`, and
    /// the time is only a claim.
    pub trusted: bool,
}

/// Reads a reply of a time-stamping authority and checks that it is about `data`. With `authority`, a file of certificates in PEM,
/// it also checks that a certificate in this file vouches for the authority.
///
/// # Errors
/// What is wrong, in one sentence.
pub(crate) fn check(data: &[u8], reply: &Path, authority: Option<&Path>) -> Result<TimeStamp, String> {
    let said = openssl(Command::new("openssl").args(["ts", "-reply", "-text", "-in"]).arg(reply), b"")?;
    let text = String::from_utf8_lossy(&said.stdout);
    if !said.status.success() || !text.contains("Status: Granted.") {
        return Err(format!("it is no reply of a time-stamping authority that grants a time stamp ({})", words(&said)));
    }
    if !text.contains("Hash Algorithm: sha256") {
        return Err("it does not use SHA-256".into());
    }
    if imprint(&text) != sha256(data) {
        return Err("it is for something else than this signature".into());
    }
    let time = text.lines().find_map(|line| line.strip_prefix("Time stamp: ")).unwrap_or_default().trim().to_owned();
    // The signature of the authority over the time, by the certificate that the reply contains.
    let token = openssl(Command::new("openssl").args(["ts", "-reply", "-token_out", "-in"]).arg(reply), b"")?;
    let command = ["cms", "-verify", "-noverify", "-inform", "DER", "-out", "/dev/null"];
    let signed = openssl(Command::new("openssl").args(command), &token.stdout)?;
    if !signed.status.success() {
        return Err(format!("the signature of its authority does not hold ({})", words(&signed)));
    }
    let Some(authority) = authority else { return Ok(TimeStamp { time, trusted: false }) };
    let hash = sha256(data);
    let mut command = Command::new("openssl");
    command.args(["ts", "-verify", "-digest", &hash, "-in"]).arg(reply).arg("-CAfile").arg(authority);
    let verified = openssl(&mut command, b"")?;
    if !verified.status.success() {
        return Err(format!(
            "its authority is not one that {} vouches for ({})",
            authority.display(),
            words(&verified)
        ));
    }
    Ok(TimeStamp { time, trusted: true })
}

/// The hash that a reply is about, from openssl's dump of it: lines of `0000 - 64 ae..-..   text`.
fn imprint(text: &str) -> String {
    let lines = text.lines().skip_while(|line| !line.starts_with("Message data:")).skip(1);
    let lines = lines.take_while(|line| line.starts_with(' '));
    let bytes = lines.filter_map(|line| line.split_once(" - ")).flat_map(|(_, dump)| {
        // Sixteen bytes take 48 characters, and what they are as text follows.
        let dump = dump.get(..48).unwrap_or(dump);
        dump.split([' ', '-']).filter(|byte| byte.len() == 2).map(str::to_owned).collect::<Vec<_>>()
    });
    bytes.collect::<String>().to_lowercase()
}

fn openssl(command: &mut Command, input: &[u8]) -> Result<Output, String> {
    let failed = |error: io::Error| format!("starting openssl: {error}; install it to check time stamps");
    command.env("LC_ALL", "C").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(failed)?;
    if let Some(mut stdin) = child.stdin.take() {
        // If openssl ended early, its own words say why.
        let _ = stdin.write_all(input);
    }
    child.wait_with_output().map_err(failed)
}

/// The first line of what openssl said.
fn words(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    let line = said.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with("Using configuration"));
    format!("openssl: {}", line.unwrap_or("no reason given"))
}
