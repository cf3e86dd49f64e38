//! Signatures by `ssh-keygen -Y`.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The namespace of a record's signature. A signature for another purpose does not count.
pub const NAMESPACE: &str = "record@taprig";

/// Whose signatures count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signers {
    /// Those of the people in this file, which has the format ALLOWED SIGNERS of `ssh-keygen(1)`.
    Allowed(PathBuf),
    /// Any key. Then a seal shows that the record is as it was when it was signed, but not who signed it.
    Anyone,
}

/// A signature that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// The name of the signer in the file of allowed signers. `None` with [`Signers::Anyone`].
    pub signer: Option<String>,
    /// The kind of the key and its fingerprint: `ED25519 key SHA256:...`.
    pub key: String,
}

/// A signature can't be made or does not hold.
#[derive(Debug, thiserror::Error)]
pub enum SignatureError {
    /// `ssh-keygen` can't be started.
    #[error("starting ssh-keygen: {0}; install it (Debian: openssh-client), version 8.2 or later")]
    Program(io::Error),
    /// `ssh-keygen` refused. The text is its own.
    #[error("ssh-keygen: {0}")]
    Refused(String),
}

/// Signs `data` with a key file, or with the agent or token that holds the private part of a public key file.
/// `ssh-keygen` may ask for a passphrase or for a touch of the token.
///
/// # Errors
/// `ssh-keygen` is missing, or it refuses the key.
pub fn sign(data: &[u8], key: &Path) -> Result<Vec<u8>, SignatureError> {
    let mut command = ssh_keygen("sign");
    command.arg("-n").arg(NAMESPACE).arg("-f").arg(key);
    let output = run(&mut command, data)?;
    if output.stdout.starts_with(b"-----BEGIN SSH SIGNATURE-----") { Ok(output.stdout) } else { Err(refused(&output)) }
}

/// Verifies the signature in the file `signature` of `data`.
///
/// # Errors
/// `ssh-keygen` is missing, the signature is not one of `data` in this namespace, or its key is not that of an allowed signer.
pub fn verify_signature(data: &[u8], signature: &Path, signers: &Signers) -> Result<Signature, SignatureError> {
    let signer = match signers {
        Signers::Anyone => None,
        Signers::Allowed(file) => {
            let mut command = ssh_keygen("find-principals");
            command.arg("-s").arg(signature).arg("-f").arg(file);
            let found = run(&mut command, b"")?;
            let names = String::from_utf8_lossy(&found.stdout).into_owned();
            Some(names.lines().next().ok_or_else(|| refused(&found))?.to_owned())
        }
    };
    let mut command = ssh_keygen(if signer.is_some() { "verify" } else { "check-novalidate" });
    command.arg("-n").arg(NAMESPACE).arg("-s").arg(signature);
    if let (Some(signer), Signers::Allowed(file)) = (&signer, signers) {
        command.arg("-f").arg(file).arg("-I").arg(signer);
    }
    let output = run(&mut command, data)?;
    let said = String::from_utf8_lossy(&output.stdout);
    match said.trim_end().rsplit_once(" with ") {
        Some((_, key)) if output.status.success() => Ok(Signature { signer, key: key.to_owned() }),
        _ => Err(refused(&output)),
    }
}

/// A file of allowed signers is no such file.
#[derive(Debug, thiserror::Error)]
pub enum SignersError {
    /// It can't be read.
    #[error("it can't be read: {0}")]
    Read(io::Error),
    /// A line names no key.
    #[error(
        "line {line}: {why}; write a name, perhaps options, the type of the key and the key, as `ssh-keygen(1)` says under ALLOWED SIGNERS"
    )]
    Line {
        /// Line number, from 1.
        line: usize,
        /// What is wrong.
        why: String,
    },
    /// There is no line with a key.
    #[error("it names no key, so no seal could hold")]
    Empty,
    /// `ssh-keygen` can't look at the keys.
    #[error(transparent)]
    Program(#[from] SignatureError),
}

/// Makes sure that each line of a file of allowed signers has a name and a key. ssh-keygen itself skips a line that it does not
/// understand, and then calls the seal of its owner one that is not allowed.
///
/// # Errors
/// See [`SignersError`].
pub fn check_signers(file: &Path) -> Result<(), SignersError> {
    let text = std::fs::read(file).map_err(SignersError::Read)?;
    let text = String::from_utf8_lossy(&text);
    let is_content = |line: &&str| !line.is_empty() && !line.starts_with('#');
    let mut any = false;
    for (number, content) in (1..).zip(text.lines()).map(|(number, line)| (number, line.trim())) {
        let Some(content) = Some(content).filter(is_content) else { continue };
        let wrong = |why: String| SignersError::Line { line: number, why };
        let words = words(content);
        // The name comes first, and options may come before the key.
        let kind = words.iter().skip(1).take(2).position(|word| is_kind_of_key(word)).map(|place| place + 1);
        let Some((kind, key)) = kind.and_then(|kind| Some((words[kind], *words.get(kind + 1)?))) else {
            return Err(wrong("it has no key after the name".into()));
        };
        let mut command = Command::new("ssh-keygen");
        command.args(["-l", "-f", "-"]).env("LC_ALL", "C");
        let output = run(&mut command, format!("{kind} {key}\n").as_bytes())?;
        if !output.status.success() {
            return Err(wrong(format!("`{kind}` is not followed by such a key")));
        }
        any = true;
    }
    if any { Ok(()) } else { Err(SignersError::Empty) }
}

fn is_kind_of_key(word: &str) -> bool {
    ["ssh-", "ecdsa-", "sk-"].iter().any(|start| word.starts_with(start))
}

/// The words of a line. A space within quotes ends no word.
fn words(line: &str) -> Vec<&str> {
    let mut quoted = false;
    let ends = |letter: char| {
        quoted ^= letter == '"';
        letter.is_whitespace() && !quoted
    };
    line.split(ends).filter(|word| !word.is_empty()).collect()
}

fn ssh_keygen(what: &str) -> Command {
    let mut command = Command::new("ssh-keygen");
    command.arg("-Y").arg(what).env("LC_ALL", "C");
    command
}

fn run(command: &mut Command, data: &[u8]) -> Result<Output, SignatureError> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(SignatureError::Program)?;
    if let Some(mut stdin) = child.stdin.take() {
        // ssh-keygen reads all data before it writes anything. If it ended early, its own words say why.
        let _ = stdin.write_all(data);
    }
    child.wait_with_output().map_err(SignatureError::Program)
}

/// What ssh-keygen said, on one line.
fn refused(output: &Output) -> SignatureError {
    let said = [&output.stderr, &output.stdout].map(|bytes| String::from_utf8_lossy(bytes).into_owned()).concat();
    let lines =
        said.lines().map(str::trim).filter(|line| !line.is_empty() && *line != "Signing data on standard input");
    let said = lines.collect::<Vec<_>>().join("; ");
    SignatureError::Refused(if said.is_empty() { format!("it ended with {}", output.status) } else { said })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::fs;

    /// A key without a passphrase, with the file of allowed signers that names its owner.
    pub(crate) fn key(folder: &Path, owner: &str) -> PathBuf {
        let key = folder.join(format!("{owner}-key"));
        let made =
            Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-C", owner, "-f"]).arg(&key).status();
        assert!(made.expect("ssh-keygen").success());
        let public = fs::read_to_string(key.with_extension("pub")).unwrap();
        fs::write(folder.join(format!("{owner}-signers")), format!("{owner} namespaces=\"{NAMESPACE}\" {public}"))
            .unwrap();
        key
    }

    #[test]
    fn a_signature_holds_for_its_data_its_key_and_its_namespace() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let (li, wang) = (key(folder.path(), "li"), key(folder.path(), "wang"));
        fs::write(at("sig"), sign(b"data", &li).unwrap()).unwrap();
        let verify = |data: &[u8], signers| verify_signature(data, &at("sig"), &signers);
        let allowed = |owner: &str| Signers::Allowed(at(&format!("{owner}-signers")));
        let signature = verify(b"data", allowed("li")).unwrap();
        assert_eq!(signature.signer.as_deref(), Some("li"));
        assert!(signature.key.starts_with("ED25519 key SHA256:"), "{signature:?}");
        assert_eq!(verify(b"data", Signers::Anyone).unwrap(), Signature { signer: None, ..signature });
        for refused in
            [verify(b"dato", allowed("li")), verify(b"dato", Signers::Anyone), verify(b"data", allowed("wang"))]
        {
            assert!(matches!(refused, Err(SignatureError::Refused(_))), "{refused:?}");
        }
        // The same key and the same data, for another purpose.
        fs::write(at("data"), "data").unwrap();
        let mut other = ssh_keygen("sign");
        assert!(other.args(["-q", "-n", "file", "-f"]).arg(&wang).arg(at("data")).status().unwrap().success());
        fs::rename(at("data.sig"), at("sig")).unwrap();
        for signers in [allowed("wang"), Signers::Anyone] {
            assert!(verify(b"data", signers).unwrap_err().to_string().contains("namespace"));
        }
    }

    #[test]
    fn a_file_of_signers_has_a_name_and_a_key_in_each_line() {
        let folder = tempfile::tempdir().unwrap();
        key(folder.path(), "li");
        let right = fs::read_to_string(folder.path().join("li-signers")).unwrap();
        let at = folder.path().join("signers");
        let told = |text: &str| {
            fs::write(&at, text).unwrap();
            check_signers(&at).err().map(|error| error.to_string()).unwrap_or_default()
        };
        let options = right.replace("namespaces=", "valid-before=\"20991231\",namespaces=\"a b\",x=");
        for right in
            [right.clone(), format!("# ours\n\n{right}"), right.replace("namespaces=\"record@taprig\" ", ""), options]
        {
            assert_eq!(told(&right), "", "{right}");
        }
        assert!(told("").starts_with("it names no key"));
        assert!(told(&format!("{right}li@lab\n")).starts_with("line 2: it has no key after the name"));
        assert!(told("garbage in a file\n").starts_with("line 1: it has no key after the name"));
        assert!(
            told(&right.replace("AAAAC3", "AAAAC4")).starts_with("line 1: `ssh-ed25519` is not followed by such a key")
        );
        let public = fs::read_to_string(folder.path().join("li-key.pub")).unwrap();
        assert!(told(&public).starts_with("line 1: it has no key after the name"), "a public key alone has no name");
    }

    #[test]
    fn what_is_no_key_or_no_signature_is_told_in_ssh_keygens_words() {
        let folder = tempfile::tempdir().unwrap();
        let missing = sign(b"data", &folder.path().join("missing")).unwrap_err().to_string();
        assert!(missing.contains("missing") && missing.starts_with("ssh-keygen: "), "{missing}");
        fs::write(folder.path().join("sig"), "no signature").unwrap();
        assert!(verify_signature(b"data", &folder.path().join("sig"), &Signers::Anyone).is_err());
    }
}
