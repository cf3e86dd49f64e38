//! The rig's end of a pseudo terminal, as a stream.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A pseudo terminal whose other end a program has.
pub(super) struct TerminalStream(AsyncFd<File>);

impl TerminalStream {
    /// A stream on a duplicate of this handle. Call it within a tokio runtime.
    ///
    /// # Errors
    /// The system provides no duplicate.
    pub(super) fn new(fd: &OwnedFd) -> io::Result<Self> {
        let file = File::from(fd.try_clone()?);
        rustix::io::ioctl_fionbio(&file, true)?;
        #[expect(
            deprecated,
            reason = "a file has the same descriptor for as long as it lives, and `register` would need unsafe code"
        )]
        let fd = AsyncFd::new(file)?;
        Ok(Self(fd))
    }
}

impl AsyncRead for TerminalStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            let mut guard = ready!(self.0.poll_read_ready(cx))?;
            let free = buffer.initialize_unfilled();
            if let Ok(result) = guard.try_io(|fd| fd.get_ref().read(free)) {
                return Poll::Ready(match result {
                    Ok(read) => {
                        buffer.advance(read);
                        Ok(())
                    }
                    // Nobody has the other end any more: the program has ended.
                    Err(error) if error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error()) => Ok(()),
                    Err(error) => Err(error),
                });
            }
        }
    }
}

impl AsyncWrite for TerminalStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        loop {
            let mut guard = ready!(self.0.poll_write_ready(cx))?;
            if let Ok(result) = guard.try_io(|fd| fd.get_ref().write(bytes)) {
                return Poll::Ready(result);
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
