//! Sockets as handles.

use super::{TcpListener, TcpStream, UdpSocket};
use std::os::windows::io::{AsRawSocket, AsSocket, BorrowedSocket, RawSocket};

impl AsSocket for TcpStream {
    fn as_socket(&self) -> BorrowedSocket<'_> {
        self.std().as_socket()
    }
}

impl AsRawSocket for TcpStream {
    fn as_raw_socket(&self) -> RawSocket {
        self.std().as_raw_socket()
    }
}

impl AsSocket for TcpListener {
    fn as_socket(&self) -> BorrowedSocket<'_> {
        self.std().as_socket()
    }
}

impl AsRawSocket for TcpListener {
    fn as_raw_socket(&self) -> RawSocket {
        self.std().as_raw_socket()
    }
}

impl AsSocket for UdpSocket {
    fn as_socket(&self) -> BorrowedSocket<'_> {
        self.std().as_socket()
    }
}

impl AsRawSocket for UdpSocket {
    fn as_raw_socket(&self) -> RawSocket {
        self.std().as_raw_socket()
    }
}
