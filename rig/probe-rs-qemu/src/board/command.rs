//! QEMU's command line.

use super::{AirEnd, BoardError, BoardSpec, Ends};
use crate::Machine;
use std::{
    ffi::OsString,
    fs,
    os::{
        fd::{AsRawFd, OwnedFd},
        unix::ffi::OsStrExt,
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

/// The longest path of a Unix socket, without its final zero.
const LONGEST: usize = 107;

/// Paths that belong to one process of one board. They are new each time, because a standby must not take over the
/// socket of the board that it will replace.
#[derive(Debug)]
pub(super) struct Sockets {
    pub(super) gdb: PathBuf,
    number: u32,
}

impl Sockets {
    pub(super) fn new(spec: &BoardSpec, air: &AirEnd) -> Result<Self, BoardError> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let mut sockets = Self { gdb: PathBuf::new(), number: NEXT.fetch_add(1, Ordering::Relaxed) };
        sockets.gdb = sockets.unique(&spec.runtime_dir, "gdb", "sock");
        let air = match air {
            AirEnd::None | AirEnd::Listen(_) | AirEnd::Wire(_) => None,
            AirEnd::Connect(path) => Some(path),
        };
        for path in [Some(&sockets.gdb), air].into_iter().flatten() {
            if path.as_os_str().len() > LONGEST {
                return Err(BoardError::PathTooLong { path: path.clone() });
            }
        }
        Ok(sockets)
    }

    /// A path that no other process of any board uses.
    pub(super) fn unique(&self, folder: &Path, name: &str, extension: &str) -> PathBuf {
        folder.join(format!("{name}-{}-{}.{extension}", std::process::id(), self.number))
    }
}

impl Drop for Sockets {
    fn drop(&mut self) {
        // The file may never have been made.
        let _ = fs::remove_file(&self.gdb);
    }
}

/// The complete command, and the sockets that the process inherits, with their numbers. The device end of `terminal`
/// becomes standard input and output, which are the board's serial port. The process inherits `control` for QEMU's
/// control connection. So the connection needs no path, no other process can have it, and it ends when either side
/// ends.
pub(super) fn line(
    spec: &BoardSpec,
    sockets: &Sockets,
    terminal: OwnedFd,
    control: OwnedFd,
    ends: Ends,
) -> Result<(Command, Vec<OwnedFd>), BoardError> {
    let mut command = Command::new(&spec.qemu);
    // This adds no device, display or monitor by default, and the machine executes no instruction yet.
    command.args(["-nodefaults", "-no-user-config", "-display", "none", "-monitor", "none", "-nic", "none", "-S"]);
    match spec.machine {
        Machine::Mps2An386 => {
            command.args(["-machine", "mps2-an386,memory-backend=nvm", "-object"]);
            let size = spec.machine.nvm().map_or(0, |nvm| nvm.end - nvm.start);
            let object = format!("memory-backend-file,id=nvm,size={size},share=on,mem-path=");
            command.arg(with_path(&object, &spec.nvm_file(), ""));
        }
        Machine::NetduinoPlus2 | Machine::BL475eIot01a => {
            command.args(["-machine", spec.machine.name()]);
        }
    }
    command.arg("-chardev").arg(format!("socket,id=control,fd={}", control.as_raw_fd()));
    command.args(["-mon", "chardev=control,mode=control"]);
    command.arg("-chardev").arg(with_path("socket,id=gdb,path=", &sockets.gdb, ",server=on,wait=off"));
    command.args(["-gdb", "chardev:gdb"]);
    // This does not use QEMU's own `pty`. It looks only once a second whether somebody has opened the other end, and
    // accepts no byte before that.
    command.args(["-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console"]);
    let mut inherited = vec![control];
    if let Some(air) = chardev("air", ends.air, &mut inherited) {
        command.arg("-chardev").arg(air);
        for _ in 0..spec.machine.ports_between() {
            command.args(["-serial", "null"]);
        }
        command.args(["-serial", "chardev:air"]);
        if let Some(uplink) = chardev("uplink", ends.uplink, &mut inherited) {
            command.arg("-chardev").arg(uplink).args(["-serial", "chardev:uplink"]);
        }
    }
    let again = terminal.try_clone().map_err(|source| BoardError::Io {
        doing: "handing a pseudo terminal to",
        path: spec.qemu.clone(),
        source,
    })?;
    command.stdin(Stdio::from(again)).stdout(Stdio::from(terminal));
    Ok((command, inherited))
}

/// The option for a character device with this name at the end of a line. Sockets that the process inherits are added.
fn chardev(id: &str, end: AirEnd, inherited: &mut Vec<OwnedFd>) -> Option<OsString> {
    match end {
        AirEnd::None => None,
        AirEnd::Listen(listener) => {
            let option = format!("socket,id={id},fd={},server=on,wait=off", listener.as_raw_fd());
            inherited.push(listener.into());
            Some(option.into())
        }
        AirEnd::Wire(socket) => {
            let option = format!("socket,id={id},fd={}", socket.as_raw_fd());
            inherited.push(socket);
            Some(option.into())
        }
        AirEnd::Connect(path) => Some(with_path(&format!("socket,id={id},path="), &path, ",server=off")),
    }
}

/// A path within an option. QEMU needs commas doubled.
fn with_path(before: &str, path: &Path, after: &str) -> OsString {
    let mut option = before.as_bytes().to_vec();
    for &byte in path.as_os_str().as_bytes() {
        option.extend(std::iter::repeat_n(byte, if byte == b',' { 2 } else { 1 }));
    }
    option.extend(after.as_bytes());
    std::os::unix::ffi::OsStringExt::from_vec(option)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_in_paths_are_doubled() {
        assert_eq!(with_path("path=", Path::new("/a,b/c"), ",server=on"), "path=/a,,b/c,server=on");
    }

    #[test]
    fn a_long_path_is_refused_before_qemu_is() {
        let spec = BoardSpec::new(Machine::Mps2An386, "/tmp", format!("/tmp/{}", "x".repeat(100)));
        assert!(matches!(Sockets::new(&spec, &AirEnd::None), Err(BoardError::PathTooLong { .. })));
    }

    #[test]
    fn the_line_to_an_acquirer_is_the_third_port() {
        let spec = BoardSpec::new(Machine::Mps2An386, "/tmp", "/tmp");
        let socket = || OwnedFd::from(std::os::unix::net::UnixStream::pair().unwrap().0);
        let ports = |ends| {
            let sockets = Sockets::new(&spec, &AirEnd::None).unwrap();
            let (command, inherited) = line(&spec, &sockets, socket(), socket(), ends).unwrap();
            let words: Vec<_> = command.get_args().map(|word| word.to_string_lossy().into_owned()).collect();
            let ports = words.windows(2).filter(|pair| pair[0] == "-serial").map(|pair| pair[1].clone());
            (ports.collect::<Vec<_>>(), inherited.len())
        };
        let wire = || AirEnd::Wire(socket());
        assert_eq!(ports(wire().into()), (vec!["chardev:console".into(), "chardev:air".into()], 2));
        let (all, inherited) = ports(Ends { air: wire(), uplink: wire() });
        assert_eq!(
            (all, inherited),
            (vec!["chardev:console".into(), "chardev:air".into(), "chardev:uplink".into()], 3)
        );
    }

    #[test]
    fn paths_are_never_shared() {
        let spec = BoardSpec::new(Machine::Mps2An386, "/tmp", "/tmp");
        assert_ne!(Sockets::new(&spec, &AirEnd::None).unwrap().gdb, Sockets::new(&spec, &AirEnd::None).unwrap().gdb);
    }
}
